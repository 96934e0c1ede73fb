"""Formulas that are right at the sheet's own numbers by chance: samples of other numbers find them, and only them."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
import torch
from torch import nn

import xlparity
from tests.networks import network
from xlparity.cli import run
from xlparity.formula.a1 import parse_cell, show_cell
from xlparity.xlsx.edit import replace_formula

WORKBOOKS = Path(__file__).parents[2] / "workbooks"

COINCIDENCES = [
    ("ABS for ReLU where every number is positive", "net.xlsx", "'1 ReLU'!B13", "ABS(B7)"),
    ("no ReLU where every number is positive", "net.xlsx", "'1 ReLU'!B13", "B7"),
    ("MIN for MAX over two that are equal", "net.xlsx", "'1 ReLU'!C14", "MIN(B8:C8)"),
    ("a weight pasted as a number", "net.xlsx", "'0 Linear'!B24", "B18*0.5+C18*C$7"),
    ("the weight beside it, which is the same", "net.xlsx", "'0 Linear'!B24", "B18*B$8+C18*C$7"),
    ("a bias left out that is zero", "net.xlsx", "'2 Linear'!J23", "B23"),
    ("a sign that is lost for negative numbers", "mse.xlsx", "MSE!D7", "SIGN(A2)*D6/COUNT(D2:D4)"),
    ("a branch that is never taken", "hidden_layers.xlsx", "'Layer 1'!G12", "IF($B7>1000,0,$B7)*C$11+$C7*C$12"),
    ("a row of the sum pasted as a number", "mse.xlsx", "MSE!D6", "SUM(D2:D3)+(40-B4)^2"),
]

TWO_SLIPS = ("SUM(D2:D3)+(40-B4)^2",)  # which no single edit mends


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    """A small network whose ReLU meets positive numbers only, with two equal weights and a bias of zero."""
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.5, 1.5], [0.5, 0.25]]))
        model[0].bias.copy_(torch.tensor([0.125, 0.75]))
        model[2].bias.zero_()
    path = tmp_path_factory.mktemp("net") / "net.xlsx"
    return xlparity.generate(model, torch.tensor([[1.0, 2.0], [3.0, 0.5]]), style="lecture").save(path)


def edited(path: Path, cell: str, formula: str, target: Path) -> Path:
    """A copy with one formula replaced, which remembers the values that its formulas give."""
    replace_formula(path, parse_cell(cell), formula, target / "edited.xlsx")
    xlparity.recalculate(target / "edited.xlsx", target / "saved.xlsx")
    return target / "saved.xlsx"


def test_an_error_on_other_numbers_that_is_no_overflow_is_wrong(tmp_path):
    path = edited(WORKBOOKS / "mse.xlsx", "MSE!D7", "INDEX(D6:D6,IF(A2>0,1,2))/COUNT(D2:D4)", tmp_path)
    report = xlparity.check(path, samples=26)
    assert [show_cell(finding.cell) for finding in report.faults] == ["MSE!D7"]
    assert "it gives no number" in report.faults[0].because
    mended = edited(path, "MSE!D7", report.faults[0].repair.formula, tmp_path)
    assert xlparity.check(mended, samples=26).passed


@pytest.mark.parametrize(
    "formula",
    [
        "D6*EXP(A2*A2)/EXP(A2*A2)/COUNT(D2:D4)",  # #NUM!
        "D6*MMULT(EXP(A2*A2),1)/EXP(A2*A2)/COUNT(D2:D4)",  # #VALUE! in Excel, since MMULT meets #NUM!
    ],
)
def test_an_overflow_on_other_numbers_is_not_wrong(formula, tmp_path):
    path = edited(WORKBOOKS / "mse.xlsx", "MSE!D7", formula, tmp_path)
    assert xlparity.check(path, samples=26, rtol=1e-6, atol=0.0).passed


@pytest.mark.parametrize(
    ("book", "cell", "formula"), [one[1:] for one in COINCIDENCES], ids=[one[0] for one in COINCIDENCES]
)
def test_samples_name_the_cell_and_the_numbers_that_show_it(net, book, cell, formula, tmp_path):
    path = edited(net if book == "net.xlsx" else WORKBOOKS / book, cell, formula, tmp_path)
    report = xlparity.check(path, samples=200)
    assert {show_cell(finding.cell) for finding in report.faults} == {cell}  # which two tensors may share
    assert report.exploration.never == 0
    fault = report.faults[0]
    assert (fault.repair is None) == (formula in TWO_SLIPS)
    if not xlparity.check(path).passed:  # seen already, as a break of its neighbours' fill
        return
    assert "by coincidence: with " in fault.because
    assert 1 <= len(fault.counterexample.changes) <= 3
    shown = openpyxl.load_workbook(path)
    for place, number in fault.counterexample.changes:
        shown[place.sheet].cell(place.row + 1, place.column + 1).value = number
    shown.save(tmp_path / "typed.xlsx")
    again = {show_cell(one.cell): one for one in xlparity.check(tmp_path / "typed.xlsx").cells}
    assert again[cell].actual == pytest.approx(fault.counterexample.actual)
    assert again[cell].expected == pytest.approx(fault.counterexample.expected)


def test_some_coincidences_are_seen_by_samples_alone(net, tmp_path):
    for _, book, cell, formula in COINCIDENCES[-3:]:
        assert xlparity.check(edited(WORKBOOKS / book, cell, formula, tmp_path)).passed


@pytest.mark.parametrize(
    ("cell", "formula"),
    [("MSE!D3", "ABS(A3-B3)^2"), ("MSE!D3", "SUMXMY2(A3,B3)"), ("MSE!D7", "D6/3"), ("MSE!D6", "SUM(D2,D3:D4)")],
)
def test_other_ways_to_write_the_same_are_no_faults(cell, formula, tmp_path):
    assert xlparity.check(edited(WORKBOOKS / "mse.xlsx", cell, formula, tmp_path), samples=50).passed


@pytest.mark.parametrize("name", ["mse", "single_neuron", "hidden_layers", "gradient"])
def test_the_lectures_workbooks_agree_on_other_numbers(name):
    report = xlparity.check(WORKBOOKS / f"{name}.xlsx", samples=27)
    assert report.passed
    assert (report.exploration.samples, report.exploration.never) == (27, 0)


@pytest.mark.parametrize("name", ["SiLU", "binary cross entropy", "max pooling", "embedding", "GRU", "nanoGPT block"])
def test_trained_networks_agree_on_other_numbers(name, tmp_path):
    model, inputs, targets, loss = network(name)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    path = xlparity.generate(model, inputs, targets, loss, optimizer).save(tmp_path / "net.xlsx")
    report = xlparity.check(path, samples=18)
    assert report.passed
    assert report.exploration.never == 0


def test_an_error_that_is_seen_at_the_sheets_own_numbers_keeps_its_reason(tmp_path):
    path = edited(WORKBOOKS / "mse.xlsx", "MSE!D6", "SUM(D2:D3)", tmp_path)
    plain, explored = (xlparity.check(path, samples=samples) for samples in (0, 27))
    assert [(one.cell, one.verdict, one.because) for one in plain.cells] == [
        (one.cell, one.verdict, one.because) for one in explored.cells
    ]


def test_the_same_seed_finds_the_same(net, tmp_path):
    path = edited(net, "'1 ReLU'!B13", "B7", tmp_path)
    reports = [xlparity.check(path, samples=30, seed=seed).to_json() for seed in (1, 1, 2)]
    assert reports[0] == reports[1]
    assert reports[0] != reports[2]


def test_constants_stay_as_they_are_and_the_report_says_so(tmp_path):
    book = openpyxl.load_workbook(WORKBOOKS / "mse.xlsx")
    book["Parity"].delete_rows(1, book["Parity"].max_row)
    for row in (
        ("tensor", "role", "cells", "shape", "dtype", "torch"),
        ("n", "constant", "MSE!A2", "", "float64", ""),
        ("more", "computed", "MSE!Z1", "", "float64", "n + 1"),
    ):
        book["Parity"].append(row)
    book["MSE"]["Z1"].value = "=A2+1"
    book.save(tmp_path / "more.xlsx")
    report = xlparity.check(tmp_path / "more.xlsx", samples=5)
    assert report.exploration.varied == ()
    assert "no other numbers were tried" in str(report)
    assert "samples of others" not in str(report)


def test_the_command_line_says_how_far_the_agreement_goes(capsys):
    assert run(["check", str(WORKBOOKS / "mse.xlsx"), "--samples", "9"]) == 0
    assert "at the sheet's own numbers and on 9 samples of others" in " ".join(capsys.readouterr().out.split())
    assert run(["check", str(WORKBOOKS / "mse.xlsx"), "--samples", "-1"]) == 2
    assert "samples is -1" in capsys.readouterr().err

"""Two to four faults in one workbook: each is named, with its own repair, those behind others too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pytest
import torch

import xlparity
from xlparity.formula.a1 import show_cell

WORKBOOKS = Path(__file__).parents[2] / "workbooks"


def planted(source: Path, target: Path, edits: Mapping[str, object]) -> Path:
    book = openpyxl.load_workbook(source)
    for cell, content in edits.items():
        sheet, _, address = cell.rpartition("!")
        book[sheet.strip("'")][address] = content
    book.save(target)
    return target


def repairs(report: xlparity.Report) -> dict[str, str | None]:
    return {show_cell(one.cell): one.repair and one.repair.formula for one in report.faults}


LESSONS = [
    ("hidden_layers.xlsx", {
        "'Layer 1'!G12": ("=$B7*C$11+$C8*C$12", "$B7*C$11+$C7*C$12"),
        "'Layer 1'!P13": (-6.2, "H13+L13"),
        "'Layer 2'!F11": ("=$B6*B$11+$C6*B$12", "$B6*B$11+$C6*B$12+$D6*B$13"),
        "'Layer 2'!M12": ("=G12", "G12+J12"),
    }),
    ("gradient.xlsx", {
        "Gradient!B12": ("=1/B11", "2/B11"),
        "Gradient!G9": ("=SUM(G6:H8)", "SUM(G6:G8)"),
        "Gradient!G19": ("=G16+$B$18*G17", "G16-$B$18*G17"),
    }),
    ("mse.xlsx", {
        "MSE!D3": ("=(A3+B3)^2", "(A3-B3)^2"),
        "MSE!D6": ("=SUM(D2:D3)", "SUM(D2:D4)"),
        "MSE!D7": ("=D6/2", "D6/3"),
    }),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edits"), LESSONS, ids=[name for name, _ in LESSONS])
def test_faults_in_a_lesson_are_peeled(name: str, edits: dict[str, tuple[object, str]], tmp_path: Path) -> None:
    path = planted(WORKBOOKS / name, tmp_path / name, {cell: wrong for cell, (wrong, _) in edits.items()})
    assert repairs(xlparity.check(path)) == {cell: right for cell, (_, right) in edits.items()}


def test_faults_in_a_generated_workbook_are_peeled(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    x, y, loss = torch.randn(4, 2), torch.randn(4, 1), torch.nn.MSELoss()
    book = xlparity.generate(net, x, y, loss, torch.optim.SGD(net.parameters(), lr=0.1))
    path = book.save(tmp_path / "net.xlsx")
    right = openpyxl.load_workbook(path)
    found: dict[str, tuple[str, str]] = {}
    for sheet in right:
        for row in sheet.iter_rows():
            for cell in row:
                text = cell.value
                if not isinstance(text, str) or not text.startswith("="):
                    continue
                # One fault in each of: the first layer, the activation, the second layer.
                for key, old, new in (("first", "+C$14", ""), ("tanh", "TANH(", "SINH("), ("second", "+$B$12", "")):
                    if key not in found and old in text and sheet.title[0] in "012":
                        found[key] = (f"'{sheet.title}'!{cell.coordinate}", text)
                        cell.value = text.replace(old, new)
    assert len(found) >= 2
    right.save(tmp_path / "wrong.xlsx")
    report = xlparity.check(tmp_path / "wrong.xlsx")
    assert repairs(report) == {cell: text.removeprefix("=") for cell, text in found.values()}


def test_a_coincidence_behind_a_fault_is_found_on_other_numbers(tmp_path: Path) -> None:
    edits = {"MSE!D3": "=(A3+B3)^2", "MSE!D6": "=ABS(SUM(D2:D4))", "MSE!D7": "=SIGN(A2)*D6/COUNT(D2:D4)"}
    path = planted(WORKBOOKS / "mse.xlsx", tmp_path / "mse.xlsx", edits)
    assert set(repairs(xlparity.check(path))) == {"MSE!D3"}
    found = repairs(xlparity.check(path, samples=60))
    assert found == {"MSE!D3": "(A3-B3)^2", "MSE!D7": "D6/COUNT(D2:D4)"}  # ABS of squares is no fault

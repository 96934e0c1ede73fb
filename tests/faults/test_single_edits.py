"""One wrong cell in a copy of a lecture workbook: it alone is named as the fault."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
import torch
from torch import nn

import xlparity
from xlparity.check.formulas import FormulaIndex
from xlparity.formula.a1 import parse_cell, show_cell
from xlparity.model.map import Role
from xlparity.xlsx.edit import replace_cached, replace_formula
from xlparity.xlsx.read import read_book

WORKBOOKS = Path(__file__).parents[2] / "workbooks"

EDITS = [
    ("a reference moved by one row", "hidden_layers.xlsx", "'Layer 1'!G12", "=$B7*C$11+$C8*C$12"),
    ("a reference moved by one column", "hidden_layers.xlsx", "'Layer 1'!G12", "=$B7*D$11+$C7*C$12"),
    ("a reference moved by one row where the values are the same", "hidden_layers.xlsx", "'Layer 1'!N12", "=F12+J13"),
    ("a link moved by one row", "hidden_layers.xlsx", "'Layer 2'!C7", "='Layer 1'!O13"),
    ("a range one cell short", "mse.xlsx", "MSE!D6", "=SUM(D2:D3)"),
    ("a range one cell too long, over an empty cell", "mse.xlsx", "MSE!D6", "=SUM(D2:D5)"),
    ("a range one cell too long, over a heading", "mse.xlsx", "MSE!D6", "=SUM(D1:D4)"),
    ("a range one cell too long, over numbers", "gradient.xlsx", "Gradient!G9", "=SUM(G6:H8)"),
    ("a range too long, over an empty cell", "single_neuron.xlsx", "'Single neuron'!F9", "=SUM(F6:F8,F11)"),
    ("a sum too long in descent", "descent.xlsx", "Descent!C31", "=SUM(C24:C27)"),
    ("a product over rows too many", "descent.xlsx", "Descent!C28", "=SUMPRODUCT($B$8:$B$11,C24:C27)"),
    ("+ for -", "mse.xlsx", "MSE!D3", "=(A3+B3)^2"),
    ("+ for - in the update", "descent.xlsx", "Descent!C35", "=C14+$B$6*C28"),
    ("the bias left out", "single_neuron.xlsx", "'Single neuron'!F10", "=F9"),
    ("the bias left out of one neuron", "hidden_layers.xlsx", "'Layer 2'!M12", "=G12"),
    ("the bias left out in descent", "descent.xlsx", "Descent!G20", "=$B20*G$14+$C20*G$15+$D20*G$16"),
    ("weights of the wrong neuron", "hidden_layers.xlsx", "'Layer 2'!F12", "=$B7*C$11+$C7*C$12+$D7*C$13"),
    ("a constant with the right value", "hidden_layers.xlsx", "'Layer 1'!P13", None),
    ("a constant with the right value in the loss", "mse.xlsx", "MSE!D7", None),
    ("a constant with a wrong value", "hidden_layers.xlsx", "'Layer 1'!P13", -6.2),
    ("the mean divided by 2 instead of 3", "mse.xlsx", "MSE!D7", "=D6/2"),
    ("^2 lost", "mse.xlsx", "MSE!D4", "=(A4-B4)"),
    ("^2 lost in descent", "descent.xlsx", "Descent!N41", "=M41"),
    ("a sign lost in the gradient", "gradient.xlsx", "Gradient!H17", "=$B$12*H9"),
    ("a sign lost in dL/dn", "descent.xlsx", "Descent!K25", "=2/COUNT($D$8:$D$10)*M20"),
    ("1/K for 2/K", "gradient.xlsx", "Gradient!B12", "=1/B11"),
    ("1/K for 2/K in descent", "descent.xlsx", "Descent!K25", "=-1/COUNT($D$8:$D$10)*M20"),
    ("alpha added instead of subtracted", "gradient.xlsx", "Gradient!G19", "=G16+$B$18*G17"),
    ("the weight of another layer's neuron in the chain rule", "descent.xlsx", "Descent!G24", "=$K24*$K$15"),
    ("the difference to PyTorch taken the wrong way round", "mse.xlsx", "MSE!N7", "=I7-D7"),
    (
        "a check that looks at fewer cells",
        "hidden_layers.xlsx",
        "Checks!C9",
        "=MAX(MAX('Layer 1'!F35:H36),-MIN('Layer 1'!F35:H36))",
    ),
]


def edited(name: str, cell: str, content: object, target: Path) -> Path:
    """A copy of a lecture workbook with one cell changed by another library, which also drops remembered values."""
    sheet, _, address = cell.rpartition("!")
    sheet = sheet.strip("'")
    if content is None:
        shown = openpyxl.load_workbook(WORKBOOKS / name, data_only=True)
        content = shown[sheet][address].value
    book = openpyxl.load_workbook(WORKBOOKS / name)
    assert book[sheet][address].value != content
    book[sheet][address].value = content
    path = target / name
    book.save(path)
    return path


@pytest.mark.parametrize(("name", "cell", "content"), [edit[1:] for edit in EDITS], ids=[edit[0] for edit in EDITS])
def test_a_single_wrong_cell_is_the_only_fault(name: str, cell: str, content: object, tmp_path: Path) -> None:
    report = xlparity.check(edited(name, cell, content, tmp_path))
    assert not report.passed
    assert [show_cell(finding.cell) for finding in report.faults] == [cell]
    if str(content).startswith("="):
        sheet, _, address = cell.rpartition("!")
        original = openpyxl.load_workbook(WORKBOOKS / name)[sheet.strip("'")][address].value
        repair = report.faults[0].repair
        assert REPAIRS.get(content, original) == (repair and f"={repair.formula}")


# What is proposed where it is not the original formula: another way to write it.
REPAIRS = {
    "=D6/2": "=D6/3",
}


FORMULA_EDITS = [edit for edit in EDITS if str(edit[3]).startswith("=")]


@pytest.mark.parametrize(
    ("name", "cell", "content"), [edit[1:] for edit in FORMULA_EDITS[::3]], ids=[edit[0] for edit in FORMULA_EDITS[::3]]
)
def test_neither_a_file_that_remembers_the_old_values_nor_a_recalculated_one_hides_it(
    name: str, cell: str, content: str, tmp_path: Path
) -> None:
    edited_only, saved = tmp_path / "edited.xlsx", tmp_path / "saved.xlsx"
    replace_formula(WORKBOOKS / name, parse_cell(cell), content[1:], edited_only)
    xlparity.recalculate(edited_only, saved)
    for path in (edited_only, saved):
        report = xlparity.check(path)
        assert [show_cell(finding.cell) for finding in report.faults] == [cell]


def test_a_constant_in_the_place_of_a_formula_is_called_hard_coded(tmp_path: Path) -> None:
    report = xlparity.check(edited("hidden_layers.xlsx", "'Layer 1'!P13", None, tmp_path))
    assert "hard-coded" in report.faults[0].because
    assert "=H13+L13" in report.faults[0].because


def test_cells_after_a_fault_inherit_and_name_it(tmp_path: Path) -> None:
    report = xlparity.check(edited("hidden_layers.xlsx", "'Layer 1'!G12", "=$B7*C$11+$C8*C$12", tmp_path))
    inherited = [finding for finding in report.cells if finding.verdict.value == "inherited"]
    assert {"net[0]", "layer1", "k_2", "net[1]"} <= {finding.tensor for finding in inherited}
    assert {show_cell(finding.origin) for finding in inherited if finding.origin} == {"'Layer 1'!G12"}


def test_a_stale_remembered_value_is_the_only_fault(tmp_path: Path) -> None:
    path = tmp_path / "stale.xlsx"
    replace_cached(WORKBOOKS / "mse.xlsx", parse_cell("MSE!D6"), 352.0, path)
    report = xlparity.check(path)
    assert not report.passed
    assert [show_cell(finding.cell) for finding in report.faults] == ["MSE!D6"]
    assert "stale" in report.faults[0].because


@pytest.mark.parametrize(
    ("content", "said"), [("seven", "the text 'seven'"), ("#DIV/0!", "#DIV/0!"), (None, "empty"), (True, "TRUE")]
)
def test_an_input_that_is_no_number_is_one_clear_line(content: object, said: str, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(WORKBOOKS / "mse.xlsx")
    book["MSE"]["A3"].value = content
    path = tmp_path / "mse.xlsx"
    book.save(path)
    with pytest.raises(xlparity.InputError) as raised:
        xlparity.check(path)
    message = str(raised.value)
    assert "\n" not in message
    assert "MSE!A3" in message
    assert said in message
    assert "type the number" in message


@pytest.mark.parametrize(
    "name", ["single_neuron.xlsx", "hidden_layers.xlsx", "mse.xlsx", "gradient.xlsx", "descent.xlsx"]
)
def test_a_changed_input_still_passes_because_torch_starts_from_the_sheet(name: str, tmp_path: Path) -> None:
    cell = {
        "single_neuron.xlsx": ("Single neuron", "D7"),
        "hidden_layers.xlsx": ("Layer 1", "C7"),
        "mse.xlsx": ("MSE", "B3"),
        "gradient.xlsx": ("Gradient", "E7"),
        "descent.xlsx": ("Descent", "B9"),
    }[name]
    book = openpyxl.load_workbook(WORKBOOKS / name)
    book[cell[0]][cell[1]].value = 2.25
    path = tmp_path / name
    book.save(path)
    report = xlparity.check(path)
    assert report.passed, str(report)
    explained = [finding for finding in report.cells if finding.verdict.value == "explained"]
    assert explained
    assert any("changed since PyTorch's values were written" in finding.because for finding in explained)


def test_a_pytorch_value_that_torch_does_not_give_is_a_fault(tmp_path: Path) -> None:
    report = xlparity.check(edited("mse.xlsx", "MSE!I7", 117.1, tmp_path))
    assert not report.passed
    assert [show_cell(finding.cell) for finding in report.faults] == ["MSE!I7"]


def test_a_slipped_reference_is_found_where_relu_makes_zero_of_both(tmp_path):
    """`MAX(0,G3)` for `MAX(0,H3)`, both negative: the values agree, and so they do on numbers of the same signs."""
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, -2.0], [0.5, -1.0]]))
        net[0].bias.copy_(torch.tensor([0.25, -0.5]))
    path = xlparity.generate(net, torch.tensor([[1.0, 2.0], [2.0, 4.0], [1.0, 3.0], [5.0, 1.0]])).save(
        tmp_path / "b.xlsx"
    )
    (row,) = [one for one in xlparity.check(path).tensors if one.tensor == "net[1]" and one.role is Role.COMPUTED]
    wrong = row.block.cell((1, 1))
    index = FormulaIndex(read_book(path))
    text = index.text(wrong)
    replace_formula(path, wrong, index.text(row.block.cell((1, 0))), tmp_path / "edited.xlsx")
    assert text != index.text(row.block.cell((1, 0)))
    assert {finding.cell for finding in xlparity.check(tmp_path / "edited.xlsx").faults} == {wrong}

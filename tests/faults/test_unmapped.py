"""A mapped cell that is wrong because of a cell that no row of the map covers: the latter is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pytest

import xlparity
from xlparity.formula.a1 import show_cell

MAP = """
[[tensor]]
tensor = "x"
role = "input"
cells = "S!A2:A7"
[[tensor]]
tensor = "s"
role = "computed"
cells = "S!D2:D7"
torch = "torch.sigmoid(x)"
[[tensor]]
tensor = "total"
role = "computed"
cells = "S!E2"
shape = []
torch = "s.sum()"
"""


def checked(tmp_path: Path, changes: Mapping[str, object], **options: int) -> xlparity.Report:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "S"
    for row in range(2, 8):
        sheet[f"A{row}"], sheet[f"B{row}"] = 0.3 * row - 1.1, f"=EXP(-A{row})"
        sheet[f"C{row}"], sheet[f"D{row}"] = f"=1+B{row}", f"=1/C{row}"
    sheet["E2"] = "=SUM(D2:D7)"
    for cell, content in changes.items():
        sheet[cell] = content
    book.save(tmp_path / "book.xlsx")
    (tmp_path / "book.parity.toml").write_text(MAP)
    return xlparity.check(tmp_path / "book.xlsx", **options)


@pytest.mark.parametrize(
    ("changes", "named", "origin", "repair", "why"),
    [
        ({"B4": "=EXP(-A3)"}, "D4", "B4", "EXP(-A4)", "unmapped S!B4 =EXP(-A3) breaks its neighbours' fill =EXP(-A4)"),
        ({"B4": 0.819}, "D4", "B4", "EXP(-A4)", "unmapped S!B4 is the constant 0.819 among formulas"),
        ({"C5": "=2+B5"}, "D5", "C5", "1+B5", "unmapped S!C5 =2+B5 breaks its neighbours' fill =1+B5"),
        ({"D3": "=2/C3"}, "D3", None, "1/C3", "breaks the fill of its column"),
    ],
)
def test_the_unmapped_cell_out_of_line_is_to_blame(
    changes: dict[str, object], named: str, origin: str | None, repair: str, why: str, tmp_path: Path
) -> None:
    report = checked(tmp_path, changes)
    (fault,) = report.faults
    assert show_cell(fault.cell, sheet=False) == named
    assert (fault.origin and show_cell(fault.origin, sheet=False)) == origin
    assert fault.repair is not None
    assert fault.repair.formula == repair
    assert (fault.repair.cell and show_cell(fault.repair.cell, sheet=False)) == origin
    assert why in fault.because
    assert [show_cell(one.cell, sheet=False) for one in report.cells] == [named, "E2"]


def test_an_edit_mends_a_whole_column_of_unmapped_cells(tmp_path: Path) -> None:
    report = checked(tmp_path, {f"B{row}": f"=EXP(A{row})" for row in range(2, 8)})
    assert len(report.faults) == 6
    first = report.faults[0]
    assert first.origin is not None
    assert first.repair is not None
    assert (show_cell(first.origin, sheet=False), first.repair.formula) == ("B2", "EXP(-A2)")
    assert "repair  S!B2: =EXP(-A2) (agrees on all 60 samples)" in str(report)


def test_a_mapped_and_two_unmapped_faults_are_told_apart(tmp_path: Path) -> None:
    report = checked(tmp_path, {"C5": "=2+B5", "B3": "=EXP(-A2)", "E2": "=SUM(D2:D6)"})
    found = {}
    for one in report.faults:
        origin = one.origin and show_cell(one.origin, sheet=False)
        found[show_cell(one.cell, sheet=False)] = (origin, one.repair and one.repair.formula)
    assert found == {"D3": ("B3", "EXP(-A3)"), "D5": ("C5", "1+B5"), "E2": (None, "SUM(D2:D7)")}


def test_what_no_single_edit_mends_says_what_is_not_known(tmp_path: Path) -> None:
    changes = {f"B{row}": f"=EXP(A{row}*3-1)+7" for row in range(2, 8)}
    report = checked(tmp_path, changes)
    assert "it reads 2 formulas that the map does not cover, first S!B2 =EXP(A2*3-1)+7" in report.faults[0].because

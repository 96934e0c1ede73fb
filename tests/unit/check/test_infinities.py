"""-1E+300 stands for -inf in a sheet: a mask before a softmax, and what is and is not taken for an infinity."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

import xlparity
from xlparity.formula.a1 import show_cell

MAP = """
[[tensor]]
tensor = "scores"
role = "input"
cells = "Sheet!A1:C1"
shape = [3]

[[tensor]]
tensor = "future"
role = "input"
dtype = "bool"
cells = "Sheet!A2:C2"
shape = [3]

[[tensor]]
tensor = "masked"
role = "computed"
cells = "Sheet!A4:C4"
shape = [3]
torch = "aten.masked_fill.Scalar(scores, future, -inf)"

[[tensor]]
tensor = "logs"
role = "computed"
cells = "Sheet!A5:C5"
shape = [3]
torch = "aten._log_softmax.default(masked, 0, False)"

[[tensor]]
tensor = "weights"
role = "computed"
cells = "Sheet!A6:C6"
shape = [3]
torch = "aten._softmax.default(masked, 0, False)"

[[tensor]]
tensor = "opposite"
role = "computed"
cells = "Sheet!A7:C7"
shape = [3]
torch = "-masked"
"""


def a_sheet(folder: Path, **cells: object) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for column, (score, future) in zip("ABC", [(0.5, 0), (-1.25, 1), (2.0, 0)], strict=True):
        sheet[f"{column}1"], sheet[f"{column}2"] = score, future
        sheet[f"{column}4"] = f"=IF({column}2=0,{column}1,-1E+300)"
        sheet[f"{column}5"] = f"=({column}4-MAX($A4:$C4))-LN(SUMPRODUCT(EXP($A4:$C4-MAX($A4:$C4))))"
        sheet[f"{column}6"] = f"=EXP({column}4-MAX($A4:$C4))/SUMPRODUCT(EXP($A4:$C4-MAX($A4:$C4)))"
        sheet[f"{column}7"] = f"=-{column}4"
    for cell, content in cells.items():
        sheet[cell] = content
    path = folder / "mask.xlsx"
    book.save(path)
    path.with_suffix(".parity.toml").write_text(MAP)
    return path


def test_a_masked_softmax_matches(tmp_path: Path) -> None:
    report = xlparity.check(a_sheet(tmp_path))
    assert report.passed
    assert report.counts["match"] == 12
    assert json.loads(report.to_json())["passed"]


@pytest.mark.parametrize("number", ["-1E+299", "-1E+9", "1E+300", "0"])
def test_another_number_in_the_place_of_an_infinity_is_a_fault(tmp_path: Path, number: str) -> None:
    formulas = {f"{column}4": f"=IF({column}2=0,{column}1,{number})" for column in "ABC"}
    report = xlparity.check(a_sheet(tmp_path, **formulas))
    verdicts = {show_cell(finding.cell): finding.verdict.value for finding in report.cells}
    assert verdicts.pop("Sheet!B4") == "fault"
    assert set(verdicts.values()) <= {"inherited"}
    json.loads(report.to_json())


def test_a_more_than_large_number_stands_for_an_infinity_too(tmp_path: Path) -> None:
    formulas = {f"{column}4": f"=IF({column}2=0,{column}1,-1E+305)" for column in "ABC"}
    assert xlparity.check(a_sheet(tmp_path, **formulas)).passed


def test_a_large_number_where_torch_has_an_ordinary_one_is_a_fault(tmp_path: Path) -> None:
    report = xlparity.check(a_sheet(tmp_path, A4="=IF(A2=1,A1,-1E+300)"))
    assert "Sheet!A4" in [show_cell(finding.cell) for finding in report.faults]

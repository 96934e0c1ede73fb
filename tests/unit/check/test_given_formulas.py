"""Given tensors whose cells hold formulas: taken as they stand, and said; undecided where no engine knows them."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl

import xlparity
from xlparity.model.verdict import Verdict

MAP = """
[[tensor]]
tensor = "x"
role = "input"
cells = "S!A1:A2"
shape = [2]

[[tensor]]
tensor = "y"
role = "computed"
cells = "S!B1:B2"
shape = [2]
torch = "x * 2"
"""


def check(tmp_path: Path, first: object, html: bool = False) -> xlparity.Report:
    book = openpyxl.Workbook()
    book.active.title = "S"
    for cell, value in {"A1": first, "A2": 3.0, "B1": "=A1*2", "B2": "=A2*2", "D1": 1.5}.items():
        book.active[cell] = value
    book.save(tmp_path / "book.xlsx")
    (tmp_path / "book.parity.toml").write_text(MAP, encoding="utf-8")
    return xlparity.check(tmp_path / "book.xlsx")


def test_a_given_tensor_whose_cells_are_formulas_is_said_to_be_taken_as_it_stands(tmp_path: Path) -> None:
    report = check(tmp_path, "=D1*2")
    assert report.passed
    note = "1 of those hold given tensors, whose values were taken as the formulas give them (first: S!A1, x)"
    assert note in " ".join(str(report).split())
    assert note in report.to_html()
    assert json.loads(report.to_json())["coverage"]["given_formulas"] == 1


def test_numbers_that_are_given_are_not_spoken_of(tmp_path: Path) -> None:
    report = check(tmp_path, 2.0)
    assert report.passed
    assert "given" not in str(report)
    assert report.coverage.given == 0


def test_a_given_formula_that_no_engine_knows_leaves_undecided_what_is_computed_from_it(tmp_path: Path) -> None:
    report = check(tmp_path, '=CUBEVALUE("a","b")')
    assert not report.passed
    (finding,) = report.cells
    assert finding.verdict is Verdict.UNDECIDED
    assert "S!A1" in finding.because
    assert report.counts["match"] == 1

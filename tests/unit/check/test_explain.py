"""The tree of a cell: what it reads, how far each is off, and which part of its error each carries."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

import xlparity
from xlparity.errors import InputError
from xlparity.formula.a1 import show_cell
from xlparity.model.explanation import Explanation
from xlparity.report.explanation import explanation_to_text

MAP = """
[[tensor]]
tensor = "x"
role = "input"
cells = "S!A1:A3"
[[tensor]]
tensor = "y"
role = "computed"
cells = "S!C1:C3"
torch = "2 * x"
[[tensor]]
tensor = "total"
role = "computed"
cells = "S!D1"
shape = []
torch = "y.sum()"
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """C2 and C3 are wrong (C3 by the unmapped B3), D1 adds and is wrong itself."""
    path = tmp_path / "book.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "S"
    for row, number in enumerate((1.0, 2.0, 4.0), 1):
        sheet[f"A{row}"], sheet[f"B{row}"], sheet[f"C{row}"] = number, f"=A{row}", f"=2*B{row}"
    sheet["C2"], sheet["B3"], sheet["D1"], sheet["E1"] = "=2*B2+1", "=A2", "=SUM(C1:C3)+1", "note"
    book.save(path)
    path.with_suffix(".parity.toml").write_text(MAP)
    return path


def below(explanation: Explanation) -> dict[str, Explanation]:
    return {show_cell(one.cell, sheet=False): one for one in explanation.precedents}


def test_precedents_and_the_own_formula_share_the_error(book: Path) -> None:
    found = xlparity.explain(book, "D1", depth=3)
    assert found.difference == pytest.approx(1 - 4 + 1)  # C2 is 1 too large, C3 4 too small, D1 adds 1
    shares = {cell: one.share for cell, one in below(found).items()}
    assert shares == {"C1": 0.0, "C2": pytest.approx(-0.5), "C3": pytest.approx(2.0)}
    assert found.own == pytest.approx(-0.5)
    assert found.rest == pytest.approx(0.0, abs=1e-12)
    assert below(found)["C2"].own == pytest.approx(1.0)
    assert below(xlparity.explain(book, "C1", depth=2))["B1"].precedents[0].given == "x, input"
    assert found.given == ""


def test_an_error_is_followed_through_an_unmapped_cell(book: Path) -> None:
    wrong = below(xlparity.explain(book, "S!D1", depth=3))["C3"]
    assert (wrong.own, wrong.rest) == (0.0, 0.0)
    unmapped = below(wrong)["B3"]
    assert unmapped.finding is None
    assert unmapped.difference == -2.0
    assert unmapped.share == 1.0
    assert unmapped.own == 1.0
    text = explanation_to_text(wrong)
    assert "S!B3  =A2  sheet 2.0  not in the map  2.0e+00 from what it gives on torch's values  carries 100% of" in text


def test_a_truth_value_that_is_read_stays_such(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "S"
    sheet["A1"], sheet["C1"], sheet["D1"] = 3.0, "=A1>0", "=IF(C1=TRUE,A1,0)+1"
    book.save(path)
    rows = MAP.replace("A1:A3", "A1").replace("C1:C3", "C1").replace("y.sum()", "(x * y)[0, 0]")
    path.with_suffix(".parity.toml").write_text(rows.replace('"2 * x"', '"x > 0"\ndtype = "bool"'))
    found = xlparity.explain(path, "D1")
    assert (found.difference, found.own, found.rest) == (1.0, 1.0, 0.0)


def held(folder: Path, rows: str, **cells: object) -> Path:
    path = folder / "held.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "S"
    for cell, content in cells.items():
        sheet[cell] = content
    book.save(path)
    path.with_suffix(".parity.toml").write_text(rows)
    return path


def test_a_number_beside_a_formula_carries_what_the_formula_makes_of_it_alone(tmp_path: Path) -> None:
    path = held(tmp_path, MAP.replace("C1:C3", "B1:B3").replace("D1", "A5"), A1=1.0, A2=2.0, A3=4.0,
                B1="=2*A1+1", B2="=2*A2", B3="=2*A3", A5="=B5", B5="=SUM(B1:B3)")  # fmt: skip
    found = xlparity.explain(path, "A5", depth=1)
    assert (found.difference, below(found)["B5"].share) == (1.0, 1.0)


def test_a_truth_value_that_a_formula_gives_decides_which_number_carries(tmp_path: Path) -> None:
    path = held(tmp_path, MAP, A1=1.0, A2=2.0, A3=4.0, B1="=A1>0", C1="=2*A1+1", C2="=2*A2", C3="=2*A3",
                D1="=IF(B1,SUM(C1:C3),C2)")  # fmt: skip
    found = xlparity.explain(path, "D1", depth=1)
    assert {cell: one.share for cell, one in below(found).items() if one.share} == {"C1": 1.0}


def test_where_right_operands_give_no_number_no_own_part_is_told(tmp_path: Path) -> None:
    path = held(tmp_path, MAP, A1=1.0, A2=2.0, A3=4.0, C1="=2*A1", C2="=2*A2+1", C3="=2*A3",
                D1="=IF(C2=4,NA(),SUM(C1:C3))")  # fmt: skip
    found = xlparity.explain(path, "D1", depth=1)
    assert found.difference == 1.0
    assert (found.own, found.rest) == (None, None)


def test_right_cells_have_no_shares_and_depth_0_reads_nothing(book: Path) -> None:
    right = xlparity.explain(book, "C1", depth=2)
    assert right.own is None
    assert [one.share for one in right.precedents] == [None]
    assert xlparity.explain(book, "D1", depth=0).precedents == ()


def test_an_empty_cell_and_a_missing_sheet_are_refused(book: Path) -> None:
    with pytest.raises(InputError, match="S!Z9 is empty; name a cell with a value or a formula"):
        xlparity.explain(book, "Z9")
    with pytest.raises(InputError, match="there is no sheet"):
        xlparity.explain(book, "Other!A1")


def wide(folder: Path, total: str, **cells: object) -> Path:
    """A hundred inputs, their doubles (C7 and C90 wrong) and a formula over them in D1."""
    path = folder / "wide.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "S"
    for row in range(1, 101):
        sheet[f"A{row}"], sheet[f"C{row}"] = float(row), f"=2*A{row}"
    sheet["C7"], sheet["C90"], sheet["D1"] = "=2*A7+1", "=2*A90+3", total
    for cell, content in cells.items():
        sheet[cell] = content
    book.save(path)
    path.with_suffix(".parity.toml").write_text(MAP.replace("A1:A3", "A1:A100").replace("C1:C3", "C1:C100"))
    return path


def test_of_very_many_precedents_those_are_shown_that_carry_the_error(tmp_path: Path) -> None:
    found = xlparity.explain(wide(tmp_path, "=SUM(C1:C100)"), "D1", depth=1)
    assert (len(found.precedents), found.omitted) == (64, 36)
    shares = {cell: one.share for cell, one in below(found).items() if one.share}
    assert shares == {"C7": pytest.approx(0.25), "C90": pytest.approx(0.75)}
    assert [one.cell for one in found.precedents] == sorted((one.cell for one in found.precedents), key=lambda c: c.row)
    # A whole column is too much to be listed.
    column = xlparity.explain(wide(tmp_path, "=SUM(C:C)"), "D1", depth=1)
    assert (column.precedents, column.omitted) == ((), 1_048_576)


def test_a_range_with_a_text_in_it_and_a_cell_that_is_read_twice_carry_what_they_do(tmp_path: Path) -> None:
    path = wide(tmp_path, "=SUM(C6:C8)+C7+SUM(E1:E2)+SUM(E3:G3)", E1="text", E2=4.0, E3=1.0, F3="text", G3=2.0)
    found = xlparity.explain(path, "D1", depth=1)
    shares = {cell: one.share for cell, one in below(found).items()}
    difference = found.difference
    assert difference is not None
    assert shares["C7"] == pytest.approx(2 / difference)
    assert [shares[cell] for cell in ("E2", "E3", "G3")] == [0.0, 0.0, 0.0]
    assert (shares["E1"], shares["F3"]) == (None, None)


def test_a_function_without_derivatives_says_nothing_of_shares(tmp_path: Path) -> None:
    found = xlparity.explain(wide(tmp_path, "=T.DIST(C7,5,TRUE)"), "D1", depth=1)
    assert [one.share for one in found.precedents] == [None]
    assert found.own is None
    # One that does not change with what it reads carries nothing of it.
    counted = xlparity.explain(wide(tmp_path, "=COUNT(C7:C9)"), "D1", depth=1)
    assert {one.share for one in counted.precedents} <= {0.0, None}


def test_cells_of_which_only_the_number_counts_leave_the_shares_of_the_others_known(tmp_path: Path) -> None:
    found = xlparity.explain(wide(tmp_path, "=SUM(C6:C8)*ROWS(E1:E2)", E1=1.0, E2=4.0), "D1", depth=1)
    shares = {cell: one.share for cell, one in below(found).items()}
    assert shares["E1"] == shares["E2"] == 0.0
    assert shares["C7"] not in (0.0, None)


def changed(path: Path, **cells: object) -> Path:
    book = openpyxl.load_workbook(path)
    for cell, content in cells.items():
        book["S"][cell] = content
    book.save(path)
    return path


def test_a_right_unmapped_formula_makes_nothing_of_the_error_that_it_carries(book: Path) -> None:
    found = xlparity.explain(changed(book, B3="=A3", F1="=3*C2", D1="=SUM(C1:C3)+F1-3*A2-3*A2"), "D1", depth=2)
    assert found.difference == pytest.approx(1 + 3)  # C2 is 1 too large, F1 3
    carried = below(found)["F1"]
    assert (carried.share, carried.own, carried.rest) == (pytest.approx(0.75), 0.0, 0.0)
    assert below(carried)["C2"].share == 1.0


def test_where_a_number_is_none_on_torchs_values_no_shares_are_known(book: Path) -> None:
    found = xlparity.explain(changed(book, A2=0.0, F1="=1/C2", D1="=SUM(C1:C3)+F1"), "D1", depth=1)
    assert below(found)["F1"].difference is None  # where C2 is 0, as torch has it, 1/C2 is an error
    assert [one.share for one in found.precedents] == [None] * 4
    assert (found.own, found.rest) == (None, None)


def test_a_pasted_number_is_wrong_by_itself_and_reads_nothing(book: Path) -> None:
    found = xlparity.explain(changed(book, C2=9.0), "C2", depth=2)
    assert (found.difference, found.own, found.precedents) == (5.0, None, ())


def test_values_shown_as_torchs_carry_nothing(book: Path) -> None:
    with book.with_suffix(".parity.toml").open("a") as parity:
        parity.write('[[tensor]]\ntensor = "total"\nrole = "expected"\ncells = "S!D2"\nshape = []\n')
    found = xlparity.explain(changed(book, D2=14.0, D1="=SUM(C1:C3)+1"), "D1", depth=1)
    assert set(below(found)) == {"C1", "C2", "C3"}
    assert found.own == pytest.approx(-0.5)


def test_of_very_many_precedents_of_a_cell_without_shares_the_first_are_shown(tmp_path: Path) -> None:
    found = xlparity.explain(wide(tmp_path, "=T.DIST(SUM(C1:C100),5,TRUE)"), "D1", depth=1)
    assert [show_cell(one.cell, sheet=False) for one in found.precedents] == [f"C{row}" for row in range(1, 65)]

"""Which areas a formula names."""

from __future__ import annotations

from xlparity.formula.a1 import show_area
from xlparity.formula.parse import parse
from xlparity.formula.precedents import precedents
from xlparity.model.area import Area
from xlparity.model.book import Book, DefinedName, Sheet, Table

BOOK = Book(
    (Sheet("Sheet1"), Sheet("Sheet2"), Sheet("Sheet3")),
    (DefinedName("w", "Sheet2!$B$1:$B$3"), DefinedName("w", "Sheet3!$C$1", "Sheet3"), DefinedName("again", "w+again")),
    (Table("T", Area.of("Sheet2", 4, 0, 4, 2), ("x", "y")),),
)


def found(formula: str, sheet: str = "Sheet1") -> list[str]:
    return [show_area(area) for area in precedents(parse(formula), sheet, BOOK)]


def test_areas_come_in_the_order_of_the_text_each_once_and_other_workbooks_are_left_out() -> None:
    assert found("SUM(B2:A1,Sheet2!C:C)*$D$4+[1]Sheet1!A1+D4") == ["Sheet1!A1:B2", "Sheet2!C1:C1048576", "Sheet1!D4"]


def test_a_range_over_sheets_is_an_area_on_each() -> None:
    assert found("SUM(Sheet1:Sheet2!A1)") == ["Sheet1!A1", "Sheet2!A1"]


def test_defined_names_and_tables_are_followed_even_in_circles() -> None:
    assert found("SUM(w)") == ["Sheet2!B1:B3"]
    assert set(found("w", "Sheet3")) == {"Sheet3!C1"}
    assert found("again*2") == ["Sheet2!B1:B3"]
    assert found("SUM(T[x])") == ["Sheet2!A6:B8"]


def test_a_sheet_that_does_not_exist_is_left_out() -> None:
    assert found("Nowhere!A1+A2") == ["Sheet1!A2"]


def test_whole_rows_and_columns_reach_to_the_ends_of_the_sheet() -> None:
    assert found("SUM(3:2)") == ["Sheet1!A2:XFD3"]
    assert found("SUM($D:B)") == ["Sheet1!B1:D1048576"]


def test_an_unknown_table_and_one_without_a_name_are_left_out() -> None:
    assert found("SUM(U[x])+A1") == ["Sheet1!A1"]
    assert found("SUM([x])+A1") == ["Sheet1!A1"]

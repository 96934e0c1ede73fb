"""Copies of a workbook with other formulas."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.check.small import area, book, cell
from xlparity.check.edited import keys_in, rectangles, with_constants, with_formula, with_formulas, without_formulas
from xlparity.check.formulas import FormulaIndex
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.book import Book, Fill, FillKind, Sheet
from xlparity.model.cell import Cell


def texts(book: Book) -> dict[str, str]:
    """The formulas of the cells A1 to F9 of S, by the cells' names."""
    index = FormulaIndex(book)
    names = [f"{column}{row}" for row in range(1, 10) for column in "ABCDEF"]
    return {name: text for name in names if (text := index.text(cell(name))) is not None}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([], []),
        (["A1:C2"], ["A1:C2"]),
        (["B2:C3", "E2:E3"], ["B2:C3", "E2:E3"]),  # beside each other with a gap
        (["A1:A2", "A4:A5"], ["A1:A2", "A4:A5"]),  # below each other with a gap
        (["A1:C1", "A2:B2"], ["A1:C1", "A2:B2"]),  # runs of different lengths
        (["B1:C1", "A2:C2"], ["B1:C1", "A2:C2"]),
        (["C1:D1", "A2:B2", "C3:D3"], ["C1:D1", "A2:B2", "C3:D3"]),
        (["A1:A3", "C2"], ["A1:A3", "C2"]),
    ],
)
def test_cells_are_parted_into_rectangles_from_the_top(cells: list[str], expected: list[str]) -> None:
    keys = np.sort(np.concatenate([np.empty(0, np.int64), *(keys_in(area(one)) for one in cells)]))
    assert rectangles(keys, "S") == [area(one) for one in expected]


def test_the_last_cell_of_a_row_and_the_first_of_the_next_are_no_run() -> None:
    last, first = Cell("S", 0, 16_383), Cell("S", 1, 0)
    keys = np.concatenate([keys_in(area("A1").of("S", one.row, one.column, 1, 1)) for one in (last, first)])
    assert [one.corner for one in rectangles(keys, "S")] == [last, first]


def test_where_formulas_are_taken_out_the_rest_of_a_fill_keeps_its_formulas() -> None:
    filled = Book((Sheet("S", fills=(Fill(area("B2:C4"), "A1*E$1"), Fill(area("E5:E6"), "A1"))),))
    before = texts(filled)
    gone = {"C3", "B4", "C4"}
    assert before["B3"] == "A2*E$1"
    assert texts(without_formulas(filled, [area("C3"), area("B4:D4"), area("A9")])) == {
        name: text for name, text in before.items() if name not in gone
    }
    assert texts(without_formulas(filled, [area("B2:E6")])) == {}


def test_an_array_formula_goes_as_a_whole_and_other_sheets_stay() -> None:
    array = Fill(area("A1:A3"), "C1:C3*2", FillKind.ARRAY)
    other = Sheet("T", fills=(Fill(area("A1").of("T", 0, 0, 1, 1), "B1"),))
    cut = without_formulas(Book((Sheet("S", fills=(array, Fill(area("B1"), "C1"))), other)), [area("A2")])
    assert [fill.formula for fill in cut.sheets[0].fills] == ["C1"]
    assert cut.sheets[1] == other


def test_formulas_take_the_place_of_others_of_numbers_and_of_nothing() -> None:
    before = book({"A1": 2.0, "B1": "=A1*2", "C1": "=B1+1", "D1": 5.0, "B2": "=B1"})
    after = with_formulas(before, {cell("B1"): "A1*3", cell("E1"): "C1+D1"})
    assert texts(after) == {"B1": "A1*3", "C1": "B1+1", "E1": "C1+D1", "B2": "B1"}
    assert EmbeddedEngine().evaluate(after).scalar(cell("E1")) == 2 * 3 + 1 + 5
    assert EmbeddedEngine().evaluate(with_formula(before, cell("C1"), "B1-1")).scalar(cell("C1")) == 3.0
    assert texts(before) == {"B1": "A1*2", "C1": "B1+1", "B2": "B1"}  # the workbook itself stays
    elsewhere = Sheet("T")
    assert with_formula(Book((*before.sheets, elsewhere)), cell("A1"), "1").sheets[1] == elsewhere


def test_constants_take_the_place_of_formulas_and_of_constants_texts_among_them() -> None:
    before = book({"A1": "one", "B1": 2.0, "C1": "=B1", "A2": "two", "B2": "three", "C2": True, "B3": "=1", "C4": "=1"})
    after = with_constants(
        before, {cell("A2"): "four", cell("B1"): "five", cell("C1"): 6.0, cell("D3"): False, cell("B2"): None}
    )
    assert texts(after) == {"B3": "1", "C4": "1"}
    cells = after.sheets[0].constants
    keys = list(zip(cells.row.tolist(), cells.column.tolist(), strict=True))
    assert keys == sorted(set(keys))
    expected = {"A1": "one", "B1": "five", "C1": 6.0, "A2": "four", "B2": None, "C2": True, "D3": False}
    assert {name: cells.scalar(cell(name).row, cell(name).column) for name in expected} == expected
    below = with_constants(before, {cell("A16385"): 7.0}).sheets[0].constants  # as many rows down as there are columns
    assert (below.scalar(0, 1), below.scalar(16_384, 0)) == (2.0, 7.0)
    both = Book((*before.sheets, Sheet("T", before.sheets[0].constants)))
    assert with_constants(both, {Cell("T", 0, 0): 1.0}).sheets[0] == before.sheets[0]

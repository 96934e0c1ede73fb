"""What a workbook's formulas say by themselves."""

from __future__ import annotations

import pytest

from xlparity.check.formulas import FormulaIndex
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, FillKind, Sheet
from xlparity.model.cell import Cell


@pytest.mark.parametrize(
    ("formula", "kind", "read"),
    [
        ("A1:C1", FillKind.COPIED, Area.of("S", 0, 1, 1, 1)),
        ("D3:D9", FillKind.COPIED, Area.of("S", 5, 3, 1, 1)),
        ("C1:D1", FillKind.COPIED, Area.of("S", 0, 2, 1, 2)),
        ("A1:C1", FillKind.ARRAY, Area.of("S", 0, 0, 1, 3)),
        ("SUM(A1:C1)", FillKind.COPIED, Area.of("S", 0, 0, 1, 3)),
    ],
)
def test_a_row_that_is_the_whole_formula_is_read_in_the_cells_own_column(
    formula: str, kind: FillKind, read: Area
) -> None:
    index = FormulaIndex(Book((Sheet("S", fills=(Fill(Area.of("S", 5, 1, 1, 1), formula, kind),)),)))
    assert index.precedents(Cell("S", 5, 1)) == [read]


def test_the_texts_are_those_of_the_cells_that_have_a_formula():
    fills = (Fill(Area.of("S", 0, 0, 2, 1), "B1*2"), Fill(Area.of("S", 4, 1), "SUM(A1:A2)"))
    index = FormulaIndex(Book((Sheet("S", fills=fills),)))
    assert dict(index.texts) == {
        Cell("S", 0, 0): "=B1*2",
        Cell("S", 1, 0): "=B2*2",
        Cell("S", 4, 1): "=SUM(A1:A2)",
    }
    assert index.texts.get(Cell("S", 2, 0)) is None
    assert index.text(Cell("S", 1, 0)) == "B2*2"

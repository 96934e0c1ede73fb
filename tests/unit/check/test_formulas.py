"""What a workbook's formulas say by themselves."""

from __future__ import annotations

import pytest

from tests.unit.check.small import area, book, cell
from xlparity.check.formulas import (
    FormulaIndex,
    MappedAreas,
    breaks_of_fill,
    neighbours_formula,
    neighbours_formulas,
    reaches_beyond,
)
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Fill, FillKind, Sheet
from xlparity.model.cell import Cell
from xlparity.model.value import Scalar


@pytest.mark.parametrize(
    ("formula", "kind", "read"),
    [
        ("A1:C1", FillKind.COPIED, Area.of("S", 0, 1, 1, 1)),
        ("D3:D9", FillKind.COPIED, Area.of("S", 5, 3, 1, 1)),
        ("C1:D1", FillKind.COPIED, Area.of("S", 0, 2, 1, 2)),
        ("B1:C1", FillKind.COPIED, Area.of("S", 0, 1, 1, 1)),
        ("D6:D9", FillKind.COPIED, Area.of("S", 5, 3, 1, 1)),
        ("D3:D5", FillKind.COPIED, Area.of("S", 2, 3, 3, 1)),
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


def test_the_numbers_of_the_formulas_are_given_in_their_order_each_once_and_so_many_at_most():
    index = FormulaIndex(book({"A1": "=B1*2+0.5", "A2": "=B1/3-2", "A3": "=SUM((", "A4": "=B1^4"}))
    assert index.numbers() == (2.0, 0.5, 3.0, 4.0)
    assert index.numbers(most=3) == (2.0, 0.5, 3.0)


def test_a_cell_is_filled_as_its_column_before_its_row() -> None:
    fills = Fill(area("B1:B4"), "$H1*2"), Fill(area("C1:C4"), "$H1*3"), Fill(area("D1:D4"), "$H1*2")
    index = FormulaIndex(Book((Sheet("S", fills=fills),)))
    block = Block((4, 3), (area("B1:D4"),))
    assert neighbours_formula(index, block, cell("C2")) == "$H2*3"
    assert neighbours_formulas(index, block, cell("C2")) == ["$H2*3", "$H2*2"]


def test_a_cells_own_formula_does_not_count_among_its_neighbours() -> None:
    # Of the others one has the cell's own formula, two have another.
    fills = Fill(area("B1:B2"), "H1*2"), Fill(area("B3:B4"), "H3*3")
    index = FormulaIndex(Book((Sheet("S", fills=fills),)))
    assert neighbours_formula(index, Block((4,), (area("B1:B4"),)), cell("B1")) == "H1*3"


def test_beside_a_column_of_very_many_cells_its_row_is_asked() -> None:
    tall = Area.of("S", 0, 1, 100_001, 3)
    index = FormulaIndex(Book((Sheet("S", fills=(Fill(area("B5:D5"), "H1*2"),)),)))
    assert neighbours_formula(index, Block((100_001, 3), (tall,)), cell("C5")) == "I1*2"


def test_a_cell_has_its_neighbours_in_its_own_plane_of_a_tensor():
    planes = (area("A1:B3"), area("D1:E3"))
    index = FormulaIndex(Book((Sheet("S", fills=(Fill(planes[0], "G1*2"), Fill(planes[1], "G1*3"))),)))
    block = Block((2, 3, 2), planes)
    assert neighbours_formula(index, block, cell("E2")) == "H2*3"
    assert neighbours_formula(index, block, cell("B3")) == "H3*2"


def test_of_lines_of_more_than_100_000_cells_neither_neighbours_nor_formulas_are_asked():
    for height, known in ((100_000, ["C5*2"]), (100_001, [])):
        column = Area.of("S", 0, 0, height, 1)
        index = FormulaIndex(Book((Sheet("S", fills=(Fill(column, "C1*2"),)),)))
        assert neighbours_formulas(index, Block((height,), (column,)), cell("A5")) == known


@pytest.mark.parametrize(
    ("read", "held", "reason"),
    [
        ("A1:A3", {}, None),
        ("A1:A4", {}, "its range A1:A4 reaches beyond the tensor that it stands for: A4 is empty and belongs to no "
                      "tensor"),
        ("A1:A4", {"A4": "sum"}, "its range A1:A4 reaches beyond the tensor that it stands for: A4 holds a text and "
                                 "belongs to no tensor"),
        ("A1:A5", {"A4": 7.0}, None),  # over numbers that are none of the tensor's somebody means to add
        ("A1:A1048576", {}, None),
        ("D1:D2", {}, "it reads D1:D2, which is empty and belongs to no tensor"),
        ("D1:D2", {"D1": 1.0}, None),
    ],
)  # fmt: skip
def test_a_range_over_a_tensor_and_empty_cells_reads_too_much(read: str, held: dict[str, Scalar], reason: str | None):
    values = EmbeddedEngine().evaluate(book({"A1": 1.0, "A2": 2.0, "A3": 4.0, **held}))
    mapped = MappedAreas([Block((3,), (area("A1:A3"),))])
    assert reaches_beyond([area(read)], values, cell("C1"), mapped) == reason


@pytest.mark.parametrize(("formula", "breaks"), [("A3+B2", True), ("A2-B2", True), ("A2+1", True), ("A2+-B2", False),
                                                 ("SUM(A2,B2)", False), ("A2+B2%", False)])  # fmt: skip
def test_a_formula_of_the_same_build_as_its_neighbours_breaks_their_fill(formula: str, breaks: bool) -> None:
    cells: dict[str, Scalar] = {f"C{at}": f"=A{at}+B{at}" for at in (1, 3, 4)} | {"C2": f"={formula}"}
    found = breaks_of_fill(FormulaIndex(book(cells)), Block((4,), (area("C1:C4"),)))
    assert {one: broken.formula for one, broken in found.items()} == ({cell("C2"): "A2+B2"} if breaks else {})


def test_the_cells_of_tensors_are_known_in_any_part_of_them() -> None:
    planes = area("A1:A3"), area("C2:D9"), area("B7:B7")
    inside = {one for plane in planes for one in plane.cells()}
    mapped = MappedAreas([Block((plane.height, plane.width), (plane,)) for plane in planes])
    for asked in (area("A1:E9"), area("A3:B4"), area("A8:D9"), area("D5:D5"), area("A4:B6")):
        assert mapped.covered(asked).ravel().tolist() == [one in inside for one in asked.cells()]

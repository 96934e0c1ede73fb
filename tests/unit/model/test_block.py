"""Cells and elements of a block are inverse to each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlparity.formula.a1 import column_letters, column_number, parse_area, show_area
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.cell import MAX_COLUMNS, Cell

small = st.integers(1, 4)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    shape = tuple(draw(st.lists(small, max_size=4)))
    transposed = len(shape) >= 2 and draw(st.booleans())
    height, width = (1, *shape)[-2:] if shape else (1, 1)
    if transposed or (len(shape) == 1 and draw(st.booleans())):
        height, width = width, height
    count = 1
    for n in shape[:-2]:
        count *= n
    planes = tuple(Area.of("S", 10 + number * (height + 1), 3, height, width) for number in range(count))
    return Block(shape, planes, transposed)


@given(blocks())
def test_cell_and_index_are_inverse(block: Block) -> None:
    cells = [block.cell(index) for index in block.indices()]
    assert len(set(cells)) == block.size
    assert [block.index(cell) for cell in cells] == list(block.indices())
    assert all(cell in block for cell in cells)


def test_a_cell_outside_has_no_index() -> None:
    block = Block((2, 2), (Area.of("S", 0, 0, 2, 2),))
    with pytest.raises(KeyError):
        block.index(Cell("S", 2, 0))
    with pytest.raises(IndexError):
        block.cell((2, 0))


@pytest.mark.parametrize(
    ("shape", "areas"),
    [((2, 3), [(3, 2)]), ((2,), [(2, 2)]), ((2, 2, 2), [(2, 2)]), ((), [(1, 2)]), ((3,), [(1, 2)])],
)
def test_areas_that_do_not_fit_the_shape_are_refused(shape: tuple[int, ...], areas: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="area"):
        Block(shape, tuple(Area.of("S", 0, 0, height, width) for height, width in areas))


@given(st.integers(0, MAX_COLUMNS - 1))
def test_column_letters_and_numbers_are_inverse(column: int) -> None:
    assert column_number(column_letters(column)) == column


@given(
    st.text(st.characters(exclude_characters="[]:*?/\\", exclude_categories=("Cs", "Cc")), min_size=1, max_size=31),
    st.integers(0, 1000), st.integers(0, 16000), small, small,
)  # fmt: skip
def test_an_area_is_read_back_as_it_was_shown(sheet: str, row: int, column: int, height: int, width: int) -> None:
    if sheet.strip() != sheet:
        sheet = f"x{sheet.strip()}x"
    area = Area.of(sheet, row, column, height, width)
    assert parse_area(show_area(area)) == area

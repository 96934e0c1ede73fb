"""The areas of numbers that formulas read: a workbook's inputs and parameters, one area a tensor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xlparity.errors import InputError
from xlparity.model.area import Area
from xlparity.model.book import Book, Sheet
from xlparity.model.value import Kind
from xlparity.proposing.blocks import FormulaBlock, leaves
from xlparity.proposing.labels import Labels

__all__ = ["cut_area", "number_rectangles", "number_regions"]

_MOST_CELLS = 100_000_000


def number_regions(rectangles: Sequence[Area], labels: Labels) -> list[Area]:
    """Rectangles of numbers, divided where the labels beside them name another tensor."""
    return [part for area in rectangles for part in cut_area(area, *labels.cuts(area))]


def number_rectangles(book: Book, blocks: Sequence[FormulaBlock], typed: Sequence[Area]) -> list[Area]:
    """The rectangles of numbers that `blocks` read; `typed` are formulas that are numbers, such as =1/2."""
    read: dict[str, list[Area]] = {}
    for block in blocks:
        for position in range(len(leaves(block.tree))):
            area = block.leaf(position).area()
            read.setdefault(area.sheet.casefold(), []).append(area)
    found = []
    for sheet in book.sheets:
        own = [area for area in typed if area.sheet == sheet.name]
        found += _rectangles(sheet, read.get(sheet.name.casefold(), ()), own)
    return found


def _rectangles(sheet: Sheet, read: Iterable[Area], typed: Sequence[Area]) -> list[Area]:
    """The numbers of `sheet` that lie in the areas `read`, as rectangles from top to bottom."""
    cells = sheet.constants
    numbers = cells.kind == Kind.NUMBER
    rows, columns = (
        np.concatenate([line[numbers].astype(np.int64), *(grid[at].ravel() for grid in map(_places, typed))])
        for at, line in enumerate((cells.row, cells.column))
    )
    if not rows.size:
        return []
    top, left = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) - top + 1, int(columns.max()) - left + 1
    if height * width > _MOST_CELLS:
        raise InputError(
            f"sheet {sheet.name}: its numbers lie in an area of {height} x {width} cells, too large to look through; "
            "write the map by hand"
        )
    wanted = np.zeros((height, width), bool)
    for area in read:
        wanted[
            max(area.row - top, 0) : max(area.bottom - top, 0), max(area.column - left, 0) : max(area.right - left, 0)
        ] = True
    held = np.zeros_like(wanted)
    held[rows - top, columns - left] = True
    return [
        Area.of(sheet.name, top + row, left + first, count, last - first)
        for row, count, first, last in _boxes(wanted & held)
    ]


def _places(area: Area) -> NDArray[np.int64]:
    """The rows and the columns of an area's cells."""
    first = np.array([area.row, area.column], np.int64)
    return np.asarray(np.indices((area.height, area.width), dtype=np.int64) + first[:, None, None])


def _boxes(mask: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Row, rows, first and last column (exclusive) of rectangles that cover `mask`: equal runs below each other."""
    done: list[tuple[int, int, int, int]] = []
    growing: dict[tuple[int, int], int] = {}  # the first row of each run that the row before has too
    before = -1
    for row in [*np.flatnonzero(mask.any(1)).tolist(), mask.shape[0]]:
        runs: list[tuple[int, int]] = []
        if row < mask.shape[0]:
            edges = np.flatnonzero(np.diff(np.concatenate([[False], mask[row], [False]]).astype(np.int8)))
            runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
        going_on = {run: growing[run] for run in runs if row == before + 1 and run in growing}
        done += [(start, before + 1 - start, *run) for run, start in growing.items() if run not in going_on]
        growing = {run: going_on.get(run, row) for run in runs}
        before = row
    return sorted(done)


def cut_area(area: Area, rows: Sequence[int], columns: Sequence[int]) -> list[Area]:
    """`area` in pieces, cut before these rows and columns (counted from its corner)."""
    tops, lefts = [0, *rows, area.height], [0, *columns, area.width]
    return [
        Area.of(area.sheet, area.row + top, area.column + left, bottom - top, right - left)
        for top, bottom in pairwise(tops)
        for left, right in pairwise(lefts)
    ]

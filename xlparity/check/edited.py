"""Copies of a workbook in which some cells have other formulas, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xlparity.formula.relative import move
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, FillKind
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.value import Cells, Kind, Scalar

__all__ = ["keys_in", "rectangles", "with_constants", "with_formula", "with_formulas", "without_formulas"]

_KEY = np.int64(MAX_COLUMNS)


def rectangles(keys: NDArray[np.int64], sheet: str) -> list[Area]:
    """The cells with these sorted keys as disjoint rectangles: runs in a row, alike runs below each other joined."""
    if not len(keys):
        return []
    row, column = np.divmod(keys, _KEY)
    starts = np.flatnonzero(np.r_[True, (np.diff(keys) != 1) | (np.diff(row) != 0)])
    ends = np.r_[starts[1:], len(keys)] - 1
    top, left, right = row[starts], column[starts], column[ends]
    order = np.lexsort((top, right, left))
    top, left, right = top[order], left[order], right[order]
    new = np.r_[True, (np.diff(left) != 0) | (np.diff(right) != 0) | (np.diff(top) != 1)]
    first = np.flatnonzero(new)
    last = np.r_[first[1:], len(top)] - 1
    found = [
        Area.of(sheet, int(top[a]), int(left[a]), int(top[b] - top[a] + 1), int(right[a] - left[a] + 1))
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ]
    return sorted(found)


def without_formulas(book: Book, areas: Sequence[Area]) -> Book:
    """`book` without the formulas in `areas`; an array formula of which a part lies there goes as a whole."""
    covered: dict[str, NDArray[np.int64]] = {}
    for sheet in {area.sheet for area in areas}:
        covered[sheet] = np.unique(np.concatenate([keys_in(area) for area in areas if area.sheet == sheet]))
    return replace(
        book,
        sheets=tuple(
            replace(sheet, fills=tuple(part for fill in sheet.fills for part in _remains(fill, covered[sheet.name])))
            if sheet.name in covered
            else sheet
            for sheet in book.sheets
        ),
    )


def keys_in(area: Area) -> NDArray[np.int64]:
    """The cells of an area as sorted keys, row * MAX_COLUMNS + column."""
    rows = np.arange(area.row, area.bottom, dtype=np.int64)[:, None] * _KEY
    return (rows + np.arange(area.column, area.right)).ravel()


def _remains(fill: Fill, covered: NDArray[np.int64]) -> list[Fill]:
    keys = keys_in(fill.area)
    gone = np.isin(keys, covered)
    if not gone.any():
        return [fill]
    if gone.all() or fill.kind is not FillKind.COPIED:
        return []
    corner = fill.area.corner
    return [
        Fill(part, move(fill.formula, part.row - corner.row, part.column - corner.column))
        for part in rectangles(keys[~gone], corner.sheet)
    ]


def with_formula(book: Book, cell: Cell, text: str) -> Book:
    """`book` with the formula `text`, without `=`, in one cell."""
    return with_formulas(book, {cell: text})


def with_formulas(book: Book, texts: Mapping[Cell, str]) -> Book:
    """`book` with other formulas, without `=`, in some cells."""
    cut = without_formulas(book, [Area(cell, 1, 1) for cell in texts])
    added: dict[str, list[Fill]] = {}
    for cell, text in texts.items():
        added.setdefault(cell.sheet, []).append(Fill(Area(cell, 1, 1), text))
    sheets = [replace(sheet, fills=(*sheet.fills, *added.get(sheet.name, ()))) for sheet in cut.sheets]
    return replace(cut, sheets=tuple(sheets))


def with_constants(book: Book, values: Mapping[Cell, Scalar]) -> Book:
    """`book` with values in the place of whatever stands in some cells."""
    cut = without_formulas(book, [Area(cell, 1, 1) for cell in values])
    sheets = []
    for sheet in cut.sheets:
        here = {(cell.row, cell.column): value for cell, value in values.items() if cell.sheet == sheet.name}
        sheets.append(replace(sheet, constants=_merged(sheet.constants, Cells.of(here))) if here else sheet)
    return replace(cut, sheets=tuple(sheets))


def _merged(one: Cells, other: Cells) -> Cells:
    """The cells of both; where both have one, that of `other`."""
    keys, others = (cells.row.astype(np.int64) * _KEY + cells.column for cells in (one, other))
    kept = ~np.isin(keys, others)
    # Texts are indices into a table each; the second table is put behind the first.
    number = other.number + np.where(other.kind == Kind.TEXT, len(one.texts), 0)
    row, column, kind, numbers = (
        np.concatenate([first[kept], second])
        for first, second in (
            (one.row, other.row), (one.column, other.column), (one.kind, other.kind), (one.number, number)
        )
    )  # fmt: skip
    order = np.argsort(np.concatenate([keys[kept], others]))
    return Cells(row[order], column[order], kind[order], numbers[order], one.texts + other.texts)

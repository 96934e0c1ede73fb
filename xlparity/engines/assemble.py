"""Putting an engine's answers for the formulas beside the book's constants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlparity.model.area import Area
from xlparity.model.book import Sheet
from xlparity.model.cell import MAX_COLUMNS
from xlparity.model.value import Cells

__all__ = ["bounding", "formula_cells", "with_constants"]


def formula_cells(sheet: Sheet) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Row, column and number of the fill of every cell that a formula of `sheet` fills, fill by fill."""
    if not sheet.fills:
        empty = np.empty(0, np.int32)
        return empty, empty, empty
    rows, columns, numbers = [], [], []
    for number, area in enumerate(fill.area for fill in sheet.fills):
        at = np.arange(area.size, dtype=np.int32)
        rows.append(area.row + at // area.width)
        columns.append(area.column + at % area.width)
        numbers.append(np.full(area.size, number, np.int32))
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(numbers)


def with_constants(sheet: Sheet, computed: Cells) -> Cells:
    """The constants of `sheet` and the computed cells (in any order), sorted; the first of two in one cell stays."""
    constants = sheet.constants
    shifted = computed.number + len(constants.texts) * (computed.kind == 2)
    row = np.concatenate((computed.row, constants.row)).astype(np.int32)
    column = np.concatenate((computed.column, constants.column)).astype(np.int32)
    kind = np.concatenate((computed.kind, constants.kind))
    number = np.concatenate((shifted, constants.number))
    _, order = np.unique(row.astype(np.int64) * MAX_COLUMNS + column, return_index=True)
    return Cells(row[order], column[order], kind[order], number[order], (*constants.texts, *computed.texts))


def bounding(sheet: Sheet) -> Area:
    """The smallest area with all formulas of `sheet`."""
    areas = [fill.area for fill in sheet.fills]
    top, left = min(area.row for area in areas), min(area.column for area in areas)
    bottom, right = max(area.bottom for area in areas), max(area.right for area in areas)
    return Area.of(sheet.name, top, left, bottom - top, right - left)

"""Which fill computes a cell."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xlparity.model.area import Area

__all__ = ["Owners"]


class Owners:
    """The fills of one sheet by place; where fills overlap, the last one owns the cell.

    The edges of the fills' areas cut the sheet into strips of rows and columns, within which nothing changes: one entry
    for each crossing of strips tells all, however large the fills are.
    """

    __slots__ = ("_columns", "_rows", "_table")

    def __init__(self, areas: Sequence[tuple[int, Area]]) -> None:
        self._rows = sorted({edge for _, area in areas for edge in (area.row, area.bottom)})
        self._columns = sorted({edge for _, area in areas for edge in (area.column, area.right)})
        # Strip i begins at edge i - 1; strip 0 lies before the first edge.
        rows = {edge: strip for strip, edge in enumerate(self._rows, 1)}
        columns = {edge: strip for strip, edge in enumerate(self._columns, 1)}
        self._table = np.full((len(rows) + 1, len(columns) + 1), -1, np.int32)
        for index, area in areas:
            self._table[rows[area.row] : rows[area.bottom], columns[area.column] : columns[area.right]] = index

    def at(self, row: int, column: int) -> int:
        """The fill of a cell, -1 for none."""
        return int(self._table[bisect_right(self._rows, row), bisect_right(self._columns, column)])

    def within(self, top: int, left: int, bottom: int, right: int) -> list[int]:
        """The fills that own cells of a rectangle (the last row and column exclusive), in order."""
        if top >= bottom or left >= right:
            return []
        first, last = bisect_right(self._rows, top), bisect_right(self._rows, bottom - 1)
        start, end = bisect_right(self._columns, left), bisect_right(self._columns, right - 1)
        if first == last and start == end:
            only = int(self._table[first, start])
            return [only] if only >= 0 else []
        found = self._table[first : last + 1, start : end + 1]
        if found.size <= _FEW:
            return sorted(set(found.ravel().tolist()) - {-1})
        most = int(found.max())
        if most < 0:
            return []
        # Marks instead of sorting: a range may have many strips, and most have one or two fills.
        marks = np.zeros(most + 2, np.bool_)
        marks[found] = True  # -1, for none, is the last
        indices: list[int] = np.flatnonzero(marks[:-1]).tolist()
        return indices

    def spread(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int32]:
        """The fills of all crossings of `rows` and `columns`, -1 for none."""
        row, column = np.searchsorted(self._rows, rows, "right"), np.searchsorted(self._columns, columns, "right")
        return self._table[row[:, None], column]


# Up to how many entries a set is faster than numpy.
_FEW = 256

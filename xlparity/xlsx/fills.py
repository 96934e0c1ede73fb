"""From single formulas to fills: cells with the same relative formula that form a rectangle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlparity.formula.relative import Pattern
from xlparity.model.area import Area
from xlparity.model.book import Fill

__all__ = ["Formulas"]


class Formulas:
    """The formulas of one sheet, gathered cell by cell and then grouped.

    A formula's text is kept once for each different relative form; a cell takes three integers.
    """

    def __init__(self, sheet: str) -> None:
        self._sheet = sheet
        self._keys: dict[Pattern, int] = {}
        self._patterns: list[Pattern] = []
        # The form of the last formula of each column: a copied formula is recognised by writing that form out for
        # this row and comparing, which takes a fifth of the time of bringing the text into its relative form.
        self._last: dict[int, int] = {}

    def key(self, text: str, row: int, column: int) -> int:
        """The number of the relative form of `text` in the cell (`row`, `column`)."""
        last = self._last.get(column)
        if last is not None and self._patterns[last].at(row, column) == text:
            return last
        pattern = Pattern(text, row, column)
        key = self._keys.setdefault(pattern, len(self._patterns))
        if key == len(self._patterns):
            self._patterns.append(pattern)
        self._last[column] = key
        return key

    def keys(self, texts: list[str], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int32]:
        """The numbers of the relative forms of many formulas in the order of the file, as `key` gives them.

        A form depends on the formulas before it in its own column only, so each column is done as a whole.
        """
        keys = np.empty(len(texts), np.int32)
        order = np.argsort(columns, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(columns[order])) + 1):
            if len(group):
                column = int(columns[group[0]])
                mine = [texts[index] for index in group.tolist()]
                keys[group] = self._keys_down(mine, rows[group], column)
        return keys

    def _keys_down(self, texts: list[str], rows: NDArray[np.int64], column: int) -> NDArray[np.int32]:
        """The same for one column: the last form is written out for more and more rows at once while it fits."""
        keys = np.empty(len(texts), np.int32)
        at, count = 0, 1
        while at < len(texts):
            last = self._last.get(column, -1)
            if count == 1:
                key = keys[at] = self.key(texts[at], int(rows[at]), column)
                at, count = at + 1, 4 if key == last else 1
            elif self._patterns[last].down(rows[at : at + count], column) == texts[at : at + count]:
                keys[at : at + count] = last
                at, count = at + count, count * 4
            else:
                count = 1
        return keys

    def fills(self, rows: NDArray[np.int32], columns: NDArray[np.int32], keys: NDArray[np.int32]) -> list[Fill]:
        """The fewest rectangles found by joining vertical runs and then equal runs side by side."""
        if not len(rows):
            return []
        order = np.lexsort((rows, columns))
        row, column, key = rows[order], columns[order], keys[order]
        breaks = (np.diff(column) != 0) | (np.diff(row) != 1) | (np.diff(key) != 0)
        first = np.concatenate(([0], np.flatnonzero(breaks) + 1))
        top, left, form = row[first], column[first], key[first]
        height = np.diff(np.append(first, len(row)))
        order = np.lexsort((left, top, height, form))
        top, left, form, height = top[order], left[order], form[order], height[order]
        breaks = (np.diff(form) != 0) | (np.diff(height) != 0) | (np.diff(top) != 0) | (np.diff(left) != 1)
        first = np.concatenate(([0], np.flatnonzero(breaks) + 1))
        width = np.diff(np.append(first, len(top)))
        top, left, form, height = top[first], left[first], form[first], height[first]
        order = np.lexsort((left, top))
        return [
            Fill(Area.of(self._sheet, r, c, h, w), self._patterns[k].at(r, c))
            for r, c, h, w, k in zip(
                *(array[order].tolist() for array in (top, left, height, width, form)), strict=True
            )
        ]

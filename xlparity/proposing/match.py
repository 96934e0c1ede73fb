"""Where in a workbook a tensor's values stand: as they are, transposed, plane by plane, rounded, in pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.value import Kind, Values

__all__ = ["Hit", "Numbers"]

Array = NDArray[np.float64]

_MOST_CELLS = 50_000_000
_MOST_PLACES = 4_000  # where one number of a tensor is looked at; more often it says nothing
_MOST_VOTES, _MOST_PLACES_OF_A_VOTE = 4096, 200
_RELATIVE, _ABSOLUTE = 1e-9, 1e-12
# With so many decimals people print parameters.
_DECIMALS = range(7, 1, -1)


@dataclass(frozen=True, slots=True)
class Hit:
    """Cells that hold a tensor; `decimals` if they hold it rounded."""

    block: Block
    decimals: int | None = None

    @property
    def areas(self) -> tuple[Area, ...]:
        """The areas, one a plane."""
        return self.block.planes


class Numbers:
    """The numbers of all sheets, to be searched by value."""

    def __init__(self, values: Values) -> None:
        self.skipped: list[str] = []
        self._grids: dict[str, tuple[int, int, Array]] = {}
        self._sorted: dict[str, tuple[Array, NDArray[np.int64]]] = {}
        for name, cells in values.sheets.items():
            numbers = np.isin(cells.kind, (Kind.NUMBER, Kind.BOOLEAN))
            if not numbers.any():
                continue
            rows, columns = cells.row[numbers].astype(np.int64), cells.column[numbers].astype(np.int64)
            top, left = int(rows.min()), int(columns.min())
            height, width = int(rows.max()) - top + 1, int(columns.max()) - left + 1
            if height * width > _MOST_CELLS:
                self.skipped.append(name)
                continue
            grid = np.full((height, width), np.nan)
            grid[rows - top, columns - left] = cells.number[numbers]
            self._grids[name] = (top, left, grid)
            flat = cells.number[numbers]
            order = np.argsort(flat, kind="stable")
            self._sorted[name] = (flat[order], ((rows - top) * width + (columns - left))[order])

    def find(self, value: Array, most: int = 50) -> list[Hit]:
        """The places of all elements of `value`, float64 of any shape, equal but for rounding in float64."""
        tolerance = _RELATIVE * np.abs(value) + _ABSOLUTE
        return self._placed(value, tolerance, None, most)

    def find_given(self, value: Array, roundoff: float, most: int = 50) -> list[Hit]:
        """The places of the model's own numbers: exact to `roundoff`, else rounded to 7, 6, ... 2 decimals."""
        hits = self._placed(value, 2 * roundoff * np.abs(value) + 1e-300, None, most)
        if hits:
            return hits
        for decimals in _DECIMALS:
            rounded = np.round(value, decimals)
            hits = self._placed(rounded, 1e-13 * np.abs(rounded) + 1e-300, decimals, most)
            if hits:
                return hits
        return []

    def _placed(self, value: Array, tolerance: Array, decimals: int | None, most: int) -> list[Hit]:
        if not np.isfinite(value).all() or not value.size:
            return []
        shape = value.shape
        if value.ndim < 2:
            lines = [value.reshape(1, -1)] if value.size == 1 else [value.reshape(1, -1), value.reshape(-1, 1)]
            hits = [
                Hit(Block(shape, (area,)), decimals)
                for line in lines
                for area in self._areas(line, tolerance.reshape(line.shape), most)
            ]
            return hits[:most]
        found = []
        for turned in (False, True):
            if turned and (shape[-1] == shape[-2] == 1):
                continue
            planes = [plane.T if turned else plane for plane in value.reshape(-1, *shape[-2:])]
            allowed = [plane.T if turned else plane for plane in tolerance.reshape(-1, *shape[-2:])]
            if len(planes) == 1:
                found += [
                    Hit(Block(shape, (area,), turned), decimals) for area in self._areas(planes[0], allowed[0], most)
                ]
                continue
            places = []
            for plane, within in zip(planes, allowed, strict=True):
                taken = self._areas(plane, within, most)
                if not taken:
                    break
                places.append(taken)
            else:
                sheets = [sheet for sheet in self._grids if all(any(a.sheet == sheet for a in each) for each in places)]
                for sheet in sheets:
                    chosen = _in_step([[area for area in each if area.sheet == sheet] for each in places])
                    if chosen is not None:
                        found.append(Hit(Block(shape, chosen, turned), decimals))
        return found[:most]

    def _areas(self, plane: Array, tolerance: Array, most: int) -> list[Area]:
        return list(islice(self._each_area(plane, tolerance), most))

    def _each_area(self, plane: Array, tolerance: Array) -> Iterator[Area]:
        height, width = plane.shape
        for sheet, (top, left, grid) in self._grids.items():
            if grid.shape[0] < height or grid.shape[1] < width:
                continue
            numbers, places = self._sorted[sheet]
            flat, within = plane.ravel(), tolerance.ravel()
            first = np.searchsorted(numbers, flat - within, "left")
            last = np.searchsorted(numbers, flat + within, "right")
            rarest = int(np.argmin(last - first))
            count = int(last[rarest] - first[rarest])
            if not count or count > _MOST_PLACES:
                continue
            row, column = divmod(rarest, width)
            at = np.sort(places[first[rarest] : last[rarest]])
            for down, across in zip((at // grid.shape[1]).tolist(), (at % grid.shape[1]).tolist(), strict=True):
                start, begin = down - row, across - column
                if start < 0 or begin < 0 or start + height > grid.shape[0] or begin + width > grid.shape[1]:
                    continue
                with np.errstate(invalid="ignore"):
                    same = np.abs(grid[start : start + height, begin : begin + width] - plane) <= tolerance
                if same.all():
                    yield Area.of(sheet, top + start, left + begin, height, width)

    def find_partly(self, value: Array, least: float) -> list[tuple[Hit, float]]:
        """Places where at least the share `least` of the elements of `value` stands, with the share, largest first.

        For tensors of rank 1 and 2 with more than one element.
        """
        if value.ndim not in (1, 2) or value.size < 2 or not np.isfinite(value).all():
            return []
        found: list[tuple[Hit, float]] = []
        flat = value.reshape(1, -1) if value.ndim == 1 else value
        for turned in (False, True):
            plane = flat.T if turned else flat
            for sheet, (top, left, grid) in self._grids.items():
                for row, column, share in self._voted(sheet, plane):
                    inside = row + plane.shape[0] <= grid.shape[0] and column + plane.shape[1] <= grid.shape[1]
                    if inside and share >= least:
                        area = Area.of(sheet, top + row, left + column, *plane.shape)
                        found.append((Hit(Block(value.shape, (area,), turned and value.ndim == 2)), share))
        return sorted(found, key=lambda one: -one[1])

    def _voted(self, sheet: str, plane: Array) -> list[tuple[int, int, float]]:
        """The corners that most elements of `plane` speak for, and their share."""
        numbers, places = self._sorted[sheet]
        width = self._grids[sheet][2].shape[1]
        flat = plane.ravel()[:_MOST_VOTES]
        within = _RELATIVE * np.abs(flat) + _ABSOLUTE
        first = np.searchsorted(numbers, flat - within, "left")
        last = np.searchsorted(numbers, flat + within, "right")
        votes: Counter[tuple[int, int]] = Counter()
        for at in np.flatnonzero((last > first) & (last - first <= _MOST_PLACES_OF_A_VOTE)).tolist():
            row, column = divmod(at, plane.shape[1])
            for place in places[first[at] : last[at]].tolist():
                corner = (place // width - row, place % width - column)
                if corner[0] >= 0 and corner[1] >= 0:
                    votes[corner] += 1
        return [(*corner, count / len(flat)) for corner, count in votes.most_common(4)]


def _in_step(places: Sequence[Sequence[Area]]) -> tuple[Area, ...] | None:
    """One area for each plane, none twice, below or beside each other at equal distances where that can be."""
    for first in places[0]:
        for second in places[1]:
            if first.sheet != second.sheet or first == second:
                continue
            rows, columns = second.row - first.row, second.column - first.column
            chosen = [first.moved(rows * at, columns * at) for at in range(len(places)) if first.row + rows * at >= 0
                      and first.column + columns * at >= 0]  # fmt: skip
            if len(chosen) == len(places) and all(area in taken for area, taken in zip(chosen, places, strict=True)):
                return tuple(chosen)
    chosen_anyhow: list[Area] = []
    for taken in places:
        free = [area for area in taken if area not in chosen_anyhow]
        if not free:
            return None
        chosen_anyhow.append(free[0])
    return tuple(chosen_anyhow)

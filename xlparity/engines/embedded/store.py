"""Where an evaluation keeps the values of all cells: dense tensors, one pair for each sheet.

`number` is float64 and `kind` uint8, both of shape (batch, height, width). In memory the cells of a column are
neighbours (those of a row, on a sheet that is wider than high): formulas are filled along the longer axis, and each
reads and writes one stretch. A sheet whose cells lie far apart is kept without its empty rows and columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.engines.embedded.owners import Owners
from xlparity.model.area import Area
from xlparity.model.value import Cells, Kind

__all__ = ["Axis", "Grid", "Store", "all_numbers"]

_NUMBER = int(Kind.NUMBER)
# Up to how many bytes one comparison is faster than two extremes.
_FEW = 4096

# A sheet is stored without its empty rows and columns when its bounding box has more cells than this.
DENSE_LIMIT = 50_000_000


@dataclass(frozen=True, slots=True)
class Axis:
    """The rows (or columns) that a sheet stores: 0 to `size` - 1, or only those in `used`, sorted."""

    size: int
    used: NDArray[np.int64] | None = None

    @property
    def stored(self) -> int:
        """How many are stored."""
        return self.size if self.used is None else len(self.used)

    def places(self, start: int, count: int) -> slice | NDArray[np.int64]:
        """Where `count` rows from `start` are stored: a slice, or for each row its place, -1 for an empty one."""
        if self.used is None:
            if start >= 0 and start + count <= self.size:
                return slice(start, start + count)
            wanted = np.arange(start, start + count)
            return np.where((wanted >= 0) & (wanted < self.size), wanted, -1)
        wanted = np.arange(start, start + count)
        at = np.searchsorted(self.used, wanted)
        at = np.minimum(at, len(self.used) - 1)
        return np.where(self.used[at] == wanted, at, -1)

    def numbers(self) -> NDArray[np.int64]:
        """The row numbers that are stored."""
        return np.arange(self.size) if self.used is None else self.used


class Grid:
    """The cells of one sheet."""

    __slots__ = ("_owner", "columns", "kind", "kinds", "number", "numbers", "owners", "rows")

    def __init__(self, rows: Axis, columns: Axis, batch: int) -> None:
        shape = (batch, rows.stored, columns.stored)
        self.rows, self.columns = rows, columns
        self.number = torch.from_numpy(_zeros(shape, np.float64))
        self.kind = torch.from_numpy(_zeros(shape, np.uint8))
        # The same memory, for short accesses, in which numpy is several times faster.
        self.numbers, self.kinds = self.number.numpy(), self.kind.numpy()
        self.owners = Owners(())
        self._owner: NDArray[np.int32] | None = None

    @property
    def owner(self) -> NDArray[np.int32]:
        """For each stored cell the fill that computes it, -1 for none; made when first asked for."""
        if self._owner is None:
            self._owner = self.owners.spread(self.rows.numbers(), self.columns.numbers())
        return self._owner

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Numbers and kinds of an area, of shape (batch, height, width); blank where the sheet has no cells."""
        rows, columns = self.rows.places(top, height), self.columns.places(left, width)
        if isinstance(rows, slice) and isinstance(columns, slice):
            return self.number[:, rows, columns], self.kind[:, rows, columns]
        row = torch.from_numpy(np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows)
        column = torch.from_numpy(np.arange(columns.start, columns.stop) if isinstance(columns, slice) else columns)
        return self.gather(row[:, None], column)

    def windows(self, rows: slice, columns: slice, height: int, width: int) -> Tensor:
        """The numbers of all areas of `height` x `width` in `rows` and `columns`, as views: (batch, *, *, ...)."""
        batch, down, across = self.number.stride()
        counts = (rows.stop - rows.start - height + 1, columns.stop - columns.start - width + 1)
        size = (self.number.shape[0], *counts, height, width)
        stride = (batch, down, across, down, across)
        start = self.number.storage_offset() + rows.start * down + columns.start * across
        return self.number.as_strided(size, stride, start)

    def gather(self, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
        """Values at stored places `row` and `column`, broadcast; (batch, ...); blank where one is -1."""
        empty = (row < 0) | (column < 0)
        if not self.number.numel():
            shape = (self.number.shape[0], *empty.shape)
            return torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.uint8)
        row, column = row.clamp(min=0), column.clamp(min=0)
        number, kind = self.number[:, row, column], self.kind[:, row, column]
        if bool(empty.any()):
            number, kind = torch.where(empty, 0.0, number), torch.where(empty, 0, kind)
        return number, kind

    def sample(self, at: int) -> Grid:
        """Sample `at` of the batch alone, in the same memory."""
        one = copy(self)
        one.number, one.kind = self.number[at : at + 1], self.kind[at : at + 1]
        one.numbers, one.kinds = self.numbers[at : at + 1], self.kinds[at : at + 1]
        return one

    def place(self, top: int, left: int, height: int, width: int) -> tuple[Any, Any]:
        """An area's stored cells as an index of `owner` and of other arrays of its shape."""
        rows, columns = self.rows.places(top, height), self.columns.places(left, width)
        if not isinstance(rows, slice):
            rows = rows[rows >= 0]
        if not isinstance(columns, slice):
            columns = columns[columns >= 0]
        if isinstance(rows, slice) or isinstance(columns, slice):
            return rows, columns
        return rows[:, None], columns

    def write(self, top: int, left: int, number: Tensor, kind: Tensor | None) -> None:
        """Store values of shape (batch or 1, height, width); their cells are stored ones."""
        height, width = number.shape[-2:]
        rows, columns = self.rows.places(top, height), self.columns.places(left, width)
        if isinstance(rows, slice) and isinstance(columns, slice):
            self.numbers[:, rows, columns] = number.detach().numpy()
            self.kinds[:, rows, columns] = _NUMBER if kind is None else kind.numpy()
            return
        row = torch.from_numpy(np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows)
        column = torch.from_numpy(np.arange(columns.start, columns.stop) if isinstance(columns, slice) else columns)
        self.number[:, row[:, None], column] = number.expand(self.number.shape[0], height, width)
        kinds = torch.full(number.shape, int(Kind.NUMBER), dtype=torch.uint8) if kind is None else kind
        self.kind[:, row[:, None], column] = kinds.expand(self.number.shape[0], height, width)


def all_numbers(kinds: NDArray[np.uint8]) -> bool:
    """Whether all of `kinds` are numbers; numpy goes through bytes many times faster than torch."""
    if kinds.size < _FEW:
        return bool((kinds == _NUMBER).all())
    return bool(kinds.min() == _NUMBER == kinds.max())


def _zeros(shape: tuple[int, int, int], dtype: type) -> NDArray[Any]:
    """Zeros whose neighbours in memory are neighbours along the longer of the last two axes."""
    batch, height, width = shape
    return np.zeros(shape, dtype) if width > height else np.zeros((batch, width, height), dtype).transpose(0, 2, 1)


class Store:
    """The grids of all sheets, by the sheets' positions in the workbook."""

    def __init__(self, grids: list[Grid], batch: int) -> None:
        self.grids = grids
        self.batch = batch
        # What whole columns and rows are cut to; the same for all sheets, so that A:A*Sheet2!A:A fits.
        self.height = max((grid.rows.size for grid in grids), default=0)
        self.width = max((grid.columns.size for grid in grids), default=0)

    @classmethod
    def of(
        cls, constants: Iterable[Cells], areas: Mapping[int, list[Area]], batch: int, grid: type[Grid] = Grid
    ) -> Store:
        """Empty grids large enough for each sheet's `constants` and `areas` (of formulas and inputs)."""
        grids = []
        for sheet, cells in enumerate(constants):
            grids.append(grid(*_axes(cells, areas.get(sheet, [])), batch))
        return cls(grids, batch)


def _axes(cells: Cells, areas: list[Area]) -> tuple[Axis, Axis]:
    height = max([int(cells.row[-1]) + 1 if len(cells) else 0, *(area.bottom for area in areas)])
    width = max([int(cells.column.max()) + 1 if len(cells) else 0, *(area.right for area in areas)])
    if height * width <= DENSE_LIMIT:
        return Axis(height), Axis(width)
    rows = [cells.row.astype(np.int64), *(np.arange(area.row, area.bottom) for area in areas)]
    columns = [cells.column.astype(np.int64), *(np.arange(area.column, area.right) for area in areas)]
    return Axis(height, np.unique(np.concatenate(rows))), Axis(width, np.unique(np.concatenate(columns)))

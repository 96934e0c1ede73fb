"""A sheet whose numbers keep their history for autograd."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xlparity.engines.embedded.store import Axis, Grid

__all__ = ["Traced"]


class Traced(Grid):
    """A grid that keeps each written tensor that needs a gradient as a piece of its own.

    Writing into one large tensor would put the whole sheet into the graph once for each fill. So the dense tensors hold
    the numbers without history, and what is read is put together from the pieces it touches. A piece is never changed.
    """

    __slots__ = ("_pieces", "piece")

    def __init__(self, rows: Axis, columns: Axis, batch: int) -> None:
        super().__init__(rows, columns, batch)
        self.piece = np.full(self.kind.shape[1:], -1, np.int32)
        self._pieces: list[tuple[int, int, Tensor]] = []

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Numbers and kinds of an area, of shape (batch, height, width); blank where the sheet has no cells."""
        rows, columns = self.rows.places(top, height), self.columns.places(left, width)
        if isinstance(rows, slice) and isinstance(columns, slice):
            # A copy, since the dense tensors change while the graph still needs what was read.
            return self._numbers(rows, columns), self.kind[:, rows, columns].clone()
        return super().read(top, left, height, width)

    def windows(self, rows: slice, columns: slice, height: int, width: int) -> Tensor:
        """The numbers of all areas of `height` x `width` in `rows` and `columns`, as views: (batch, *, *, ...)."""
        return self._numbers(rows, columns).unfold(1, height, 1).unfold(2, width, 1)

    def gather(self, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
        """Values at stored places `row` and `column`, broadcast; (batch, ...); blank where one is -1."""
        number, kind = super().gather(row, column)
        known = (row >= 0) & (column >= 0)
        if not bool(known.any()):
            return number, kind
        row, column = row.clamp(min=0), column.clamp(min=0)
        top, left = int(row.min()), int(column.min())
        rows, columns = slice(top, int(row.max()) + 1), slice(left, int(column.max()) + 1)
        if (self.piece[rows, columns] < 0).all():
            return number, kind
        traced = self._numbers(rows, columns)[:, row - top, column - left]
        return torch.where(known, traced, 0.0), kind

    def write(self, top: int, left: int, number: Tensor, kind: Tensor | None) -> None:
        """Store values of shape (batch or 1, height, width); their cells are stored ones."""
        height, width = number.shape[-2:]
        super().write(top, left, number.detach(), kind)
        place = self.place(top, left, height, width)
        self.piece[place] = -1
        if not number.requires_grad:
            return
        rows, columns = self.rows.places(top, height), self.columns.places(left, width)
        if isinstance(rows, slice) and isinstance(columns, slice):
            self._enter(rows.start, columns.start, number)
            return
        row_places = range(rows.start, rows.stop) if isinstance(rows, slice) else rows.tolist()
        column_places = range(columns.start, columns.stop) if isinstance(columns, slice) else columns.tolist()
        for i, row in enumerate(row_places):
            for j, column in enumerate(column_places):
                self._enter(row, column, number[:, i : i + 1, j : j + 1])

    def _enter(self, row: int, column: int, number: Tensor) -> None:
        height, width = number.shape[-2:]
        self.piece[row : row + height, column : column + width] = len(self._pieces)
        self._pieces.append((row, column, number))

    def _numbers(self, rows: slice, columns: slice) -> Tensor:
        """The numbers of stored places with their history."""
        pieces = self.piece[rows, columns]
        batch = self.number.shape[0]
        found = np.unique(pieces)
        if len(found) == 1 and found[0] >= 0:
            top, left, number = self._pieces[found[0]]
            part = number[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
            whole: Tensor = part.expand(batch, *pieces.shape)
            return whole
        result: Tensor = self.number[:, rows, columns].clone()
        for index in found.tolist():
            if index < 0:
                continue
            top, left, number = self._pieces[index]
            here = np.argwhere(pieces == index)
            (first_row, first_column), (last_row, last_column) = here.min(0), here.max(0)
            down, across = rows.start - top, columns.start - left
            part = number[:, first_row + down : last_row + down + 1, first_column + across : last_column + across + 1]
            inside = (slice(None), slice(first_row, last_row + 1), slice(first_column, last_column + 1))
            own = pieces[inside[1], inside[2]] == index
            if not own.all():
                part = torch.where(torch.from_numpy(own), part, result[inside])
            result[inside] = part
        return result

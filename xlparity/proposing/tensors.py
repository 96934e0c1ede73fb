"""The tensors that a proposal has so far, found by the cells that they lie in, and how a reference picks from one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.proposing.blocks import Leaf

__all__ = ["BeyondOneTensor", "CutNeeded", "Pick", "Tensors", "Untranslatable"]


class Untranslatable(Exception):
    """A formula that no expression of a map says; the message is the reason."""


class CutNeeded(Untranslatable):
    """A block that reads different tensors in its parts: `line` is "row" or "column", `at` the first of the second."""

    def __init__(self, line: str, at: int) -> None:
        super().__init__("its parts read different tensors")
        self.line, self.at = line, at


class BeyondOneTensor(Untranslatable):
    """A range of which each tensor has only a part."""


@dataclass(frozen=True, slots=True)
class Pick:
    """What a reference takes from a tensor.

    For each dimension of the tensor: the loops that it runs with ("i" and "j" are the reading block's row and column,
    "p" and "q" the row and column within a range that is read), and where it starts, stops and steps. `at` are the
    places on the leading dimensions of a tensor of rank 3 and more.
    """

    name: str
    shape: tuple[int, ...]
    loops: tuple[tuple[str, ...], ...]
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    steps: tuple[int, ...]
    at: tuple[int, ...] = ()


class Tensors:
    """Blocks of cells by name."""

    def __init__(self) -> None:
        self._blocks: dict[str, Block] = {}
        self._planes: dict[str, list[tuple[Area, str, int]]] = {}
        self._corners: dict[str, NDArray[np.int64]] = {}

    def add(self, name: str, block: Block) -> None:
        """A tensor; where its cells belong to one already, that one stays the one that is read."""
        self._blocks[name] = block
        for number, plane in enumerate(block.planes):
            sheet = plane.sheet.casefold()
            self._planes.setdefault(sheet, []).append((plane, name, number))
            self._corners.pop(sheet, None)

    @property
    def blocks(self) -> Mapping[str, Block]:
        """The blocks by name."""
        return self._blocks

    def at(self, sheet: str, row: int, column: int) -> tuple[Area, str, int] | None:
        """The plane, the tensor and the plane's number of the cell, or None."""
        sheet = sheet.casefold()
        planes = self._planes.get(sheet)
        if planes is None:
            return None
        if sheet not in self._corners:
            edges = [(area.row, area.column, area.bottom, area.right) for area, _, _ in planes]
            self._corners[sheet] = np.array(edges, np.int64)
        edges_of = self._corners[sheet]
        inside = (
            (edges_of[:, 0] <= row) & (row < edges_of[:, 2]) & (edges_of[:, 1] <= column) & (column < edges_of[:, 3])
        )
        found = np.flatnonzero(inside)
        return planes[int(found[0])] if len(found) else None

    def covered(self, area: Area) -> NDArray[np.bool_]:
        """Which cells of `area` belong to a tensor."""
        mask = np.zeros((area.height, area.width), bool)
        for plane, _, _ in self._planes.get(area.sheet.casefold(), ()):
            shared = plane.intersection(
                Area(plane.corner.__class__(plane.sheet, area.row, area.column), area.height, area.width)
            )
            if shared is not None:
                top, left = shared.row - area.row, shared.column - area.column
                mask[top : top + shared.height, left : left + shared.width] = True
        return mask

    def edges(self, leaf: Leaf, line: str) -> Iterator[int]:
        """Where, within the range that the first cell reads, another tensor begins, along "p" (rows) or "q"."""
        row, column = int(leaf.rows[0, 0]), int(leaf.columns[0, 0])
        at, size = 0, leaf.height if line == "p" else leaf.width
        while True:
            found = self.at(leaf.sheet, row + at * (line == "p"), column + at * (line == "q"))
            if found is None:
                at += 1
            else:
                plane = found[0]
                at = plane.bottom - row if line == "p" else plane.right - column
            if at >= size:
                return
            yield at

    def pick(self, leaf: Leaf, windows: Mapping[str, tuple[int, int]]) -> Pick:
        """What `leaf` takes, of a range only what lies in the windows of "p" and "q".

        Raises CutNeeded or Untranslatable if it is not a regular part of one tensor.
        """
        top, bottom = windows.get("p", (0, leaf.height)) if leaf.height > 1 else (0, 1)
        left, right = windows.get("q", (0, leaf.width)) if leaf.width > 1 else (0, 1)
        rows, columns = leaf.rows + top, leaf.columns + left
        height, width = bottom - top, right - left
        found = self.at(leaf.sheet, int(rows[0, 0]), int(columns[0, 0]))
        if found is None:
            raise Untranslatable("it reads cells that hold no tensor")
        plane, name, number = found
        inside = (
            (rows >= plane.row) & (rows + height <= plane.bottom) & (columns >= plane.column)
            & (columns + width <= plane.right)
        )  # fmt: skip
        if not inside.all():
            if not inside[0, 0]:
                raise BeyondOneTensor("a range that it reads goes beyond one tensor")
            down = np.flatnonzero(~inside[:, 0])
            across = np.flatnonzero(~inside[0])
            if len(down):
                raise CutNeeded("row", int(down[0]))
            if len(across):
                raise CutNeeded("column", int(across[0]))
            raise Untranslatable("its cells read different tensors")
        block = self._blocks[name]
        row_loop = _loop(rows - plane.row, height, "p")
        column_loop = _loop(columns - plane.column, width, "q")
        lines = [row_loop, column_loop]
        if block.transposed:
            lines.reverse()
        if len(block.shape) < 2:  # a row or a column of cells
            lines = [row_loop if plane.width == 1 else column_loop][: len(block.shape)]
        leading: list[int] = []
        rest = number
        for size in reversed(block.shape[:-2]):
            rest, place = divmod(rest, size)
            leading.insert(0, place)
        return Pick(
            name, block.shape, tuple(line[0] for line in lines), tuple(line[1] for line in lines),
            tuple(line[2] for line in lines), tuple(line[3] for line in lines), tuple(leading),
        )  # fmt: skip


def _loop(places: NDArray[np.int64], extent: int, within: str) -> tuple[tuple[str, ...], int, int, int]:
    """The loops that move a coordinate, its first place, the one after its last, its step."""
    loops: list[str] = []
    step = 1
    for axis, loop in ((0, "i"), (1, "j")):
        if places.shape[axis] == 1:
            continue
        moves = np.diff(places, axis=axis)
        if not (moves == moves.flat[0]).all():
            raise Untranslatable("its references do not move regularly")
        if moves.flat[0]:
            loops.append(loop)
            step = int(moves.flat[0])
    if extent > 1:
        loops.append(within)
    # A window that is moved by more than one row is a convolution with a stride.
    if step < 1 or (step > 1 and len(loops) > 1 and within not in loops):
        raise Untranslatable("its references do not move by whole steps forward")
    first, last = int(places.flat[0]), int(places.flat[-1])
    return tuple(loops), first, last + extent, step

"""A block: the cells that hold one tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

from xlparity.model.area import Area
from xlparity.model.cell import Cell

__all__ = ["Block"]


@dataclass(frozen=True, slots=True)
class Block:
    """The cells of one tensor; `cell` and `index` are inverse to each other.

    A tensor of rank 0 has one cell, of rank 1 a row or a column, of rank 2 one area (of its transpose if
    `transposed`), of rank 3 and more one area (a plane) for each trailing 2-D slice, in the order of the leading
    indices.

    Raises ValueError when the planes do not fit the shape.
    """

    shape: tuple[int, ...]
    planes: tuple[Area, ...]
    transposed: bool = False

    def __post_init__(self) -> None:
        expected = prod(self.shape[:-2]) if len(self.shape) > 2 else 1
        if len(self.planes) != expected:
            raise ValueError(f"shape {self.shape} needs {expected} area(s), not {len(self.planes)}")
        for plane in self.planes:
            if len(self.shape) < 2:
                fits = plane.size == prod(self.shape) and 1 in (plane.height, plane.width)
            else:
                rows, columns = self.shape[-2:]
                fits = (plane.height, plane.width) == ((columns, rows) if self.transposed else (rows, columns))
            if not fits:
                raise ValueError(
                    f"an area of {plane.height} x {plane.width} cells does not hold shape {self.shape}"
                    + (" transposed" if self.transposed else "")
                )

    @property
    def size(self) -> int:
        """The number of elements, which is the number of cells."""
        return prod(self.shape)

    def cell(self, index: tuple[int, ...]) -> Cell:
        """The cell of the tensor's element `index`."""
        if len(index) != len(self.shape) or any(not 0 <= i < n for i, n in zip(index, self.shape, strict=True)):
            raise IndexError(f"no element {list(index)} in a tensor of shape {list(self.shape)}")
        plane = 0
        for i, n in zip(index[:-2], self.shape[:-2], strict=True):
            plane = plane * n + i
        area = self.planes[plane]
        if len(index) < 2:
            i = index[0] if index else 0
            row, column = (i, 0) if area.width == 1 else (0, i)
        else:
            row, column = index[-2:]
            if self.transposed:
                row, column = column, row
        return area.corner.moved(row, column)

    def index(self, cell: Cell) -> tuple[int, ...]:
        """The tensor's element that `cell` holds; KeyError if it holds none."""
        for plane, area in enumerate(self.planes):
            if cell in area:
                row, column = cell.row - area.row, cell.column - area.column
                if len(self.shape) < 2:
                    return (row + column,)[: len(self.shape)]
                if self.transposed:
                    row, column = column, row
                leading: list[int] = []
                rest = plane
                for n in reversed(self.shape[:-2]):
                    rest, i = divmod(rest, n)
                    leading.insert(0, i)
                return (*leading, row, column)
        raise KeyError(cell)

    def __contains__(self, cell: Cell) -> bool:
        return any(cell in plane for plane in self.planes)

    def indices(self) -> Iterator[tuple[int, ...]]:
        """All indices in the tensor's own (row-major) order."""
        return product(*(range(n) for n in self.shape))

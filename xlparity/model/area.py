"""A rectangle of cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xlparity.model.cell import Cell

__all__ = ["Area"]


@dataclass(frozen=True, slots=True, order=True)
class Area:
    """The rectangle of `height` x `width` cells whose top-left cell is `corner`."""

    corner: Cell
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ValueError(f"an area needs at least one row and one column, not {self.height} x {self.width}")

    @classmethod
    def of(cls, sheet: str, row: int, column: int, height: int = 1, width: int = 1) -> Area:
        """The area with the corner (`row`, `column`), zero-based."""
        return cls(Cell(sheet, row, column), height, width)

    @property
    def sheet(self) -> str:
        return self.corner.sheet

    @property
    def row(self) -> int:
        return self.corner.row

    @property
    def column(self) -> int:
        return self.corner.column

    @property
    def bottom(self) -> int:
        """The row after the last one."""
        return self.corner.row + self.height

    @property
    def right(self) -> int:
        """The column after the last one."""
        return self.corner.column + self.width

    @property
    def size(self) -> int:
        """The number of cells."""
        return self.height * self.width

    def __contains__(self, cell: Cell) -> bool:
        return (
            cell.sheet == self.sheet and self.row <= cell.row < self.bottom and self.column <= cell.column < self.right
        )

    def cells(self) -> Iterator[Cell]:
        """The cells, row by row."""
        for row in range(self.row, self.bottom):
            for column in range(self.column, self.right):
                yield Cell(self.sheet, row, column)

    def intersection(self, other: Area) -> Area | None:
        """The cells that both areas have, or None."""
        if self.sheet != other.sheet:
            return None
        row, column = max(self.row, other.row), max(self.column, other.column)
        height, width = min(self.bottom, other.bottom) - row, min(self.right, other.right) - column
        return Area.of(self.sheet, row, column, height, width) if height > 0 and width > 0 else None

    def moved(self, rows: int, columns: int) -> Area:
        """The area of the same size, `rows` down and `columns` to the right."""
        return Area(self.corner.moved(rows, columns), self.height, self.width)

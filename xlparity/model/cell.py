"""One cell's address. Zero-based; A1 text belongs to `formula.a1`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MAX_COLUMNS", "MAX_ROWS", "Cell"]

# Excel's limits for one sheet: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A cell of a sheet, `row` and `column` counted from 0."""

    sheet: str
    row: int
    column: int

    def moved(self, rows: int, columns: int) -> Cell:
        """The cell `rows` down and `columns` to the right."""
        return Cell(self.sheet, self.row + rows, self.column + columns)

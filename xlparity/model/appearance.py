"""How a sheet that was read looks, as far as a report shows it: number formats, emphasis, widths, merged cells."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xlparity.model.area import Area

__all__ = ["Appearance", "CellFormat"]


@dataclass(frozen=True, slots=True)
class CellFormat:
    """The look of cells: Excel's number format, emphasis, and `horizontal` (left, center, right; "" by the value)."""

    number_format: str = "General"
    bold: bool = False
    italic: bool = False
    horizontal: str = ""


def _none() -> NDArray[np.int32]:
    return np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Appearance:
    """The looks of one sheet.

    `row`, `column` (int32) and `format` (uint16, a position in the book's `formats`), all of shape (n,), name the
    cells that do not look plain, in the order of the file. `widths` are runs of columns with their width in
    characters: first, last, width.
    """

    row: NDArray[np.int32] = field(default_factory=_none)
    column: NDArray[np.int32] = field(default_factory=_none)
    format: NDArray[np.uint16] = field(default_factory=lambda: np.empty(0, np.uint16))
    widths: tuple[tuple[int, int, float], ...] = ()
    default_width: float | None = None
    merged: tuple[Area, ...] = ()

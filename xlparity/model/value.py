"""Values of cells as arrays: a kind, a float64 payload, texts aside.

An Excel error is a value. A value that an engine could not compute honestly is of the kind UNDECIDED, with a note that
says why; it spoils whatever depends on it and never passes a check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from xlparity.model.area import Area
from xlparity.model.cell import Cell

__all__ = ["ERROR_TEXTS", "Cells", "Error", "Grid", "Kind", "Note", "Scalar", "Values"]


class Kind(IntEnum):
    """What a cell holds; the payload is the number, 0 or 1, an `Error`, or an index into the table of texts."""

    BLANK = 0
    NUMBER = 1
    TEXT = 2
    BOOLEAN = 3
    ERROR = 4
    UNDECIDED = 5


class Error(IntEnum):
    """Excel's error values, numbered as ERROR.TYPE numbers them."""

    NULL = 1
    DIV0 = 2
    VALUE = 3
    REF = 4
    NAME = 5
    NUM = 6
    NA = 7
    GETTING_DATA = 8
    SPILL = 9
    CONNECT = 10
    BLOCKED = 11
    UNKNOWN = 12
    FIELD = 13
    CALC = 14


ERROR_TEXTS: Mapping[Error, str] = {
    Error.NULL: "#NULL!",
    Error.DIV0: "#DIV/0!",
    Error.VALUE: "#VALUE!",
    Error.REF: "#REF!",
    Error.NAME: "#NAME?",
    Error.NUM: "#NUM!",
    Error.NA: "#N/A",
    Error.GETTING_DATA: "#GETTING_DATA",
    Error.SPILL: "#SPILL!",
    Error.CONNECT: "#CONNECT!",
    Error.BLOCKED: "#BLOCKED!",
    Error.UNKNOWN: "#UNKNOWN!",
    Error.FIELD: "#FIELD!",
    Error.CALC: "#CALC!",
}

# One value as Python sees it: None is a blank.
Scalar = float | str | bool | Error | None


@dataclass(frozen=True, slots=True)
class Grid:
    """The values of a rectangle: `kind` uint8 and `number` float64, both of shape (height, width)."""

    kind: NDArray[np.uint8]
    number: NDArray[np.float64]
    texts: tuple[str, ...] = ()

    def scalar(self, row: int, column: int) -> Scalar:
        """The value at (`row`, `column`) of the rectangle; None for a blank and for an undecided cell."""
        return _scalar(int(self.kind[row, column]), float(self.number[row, column]), self.texts)


@dataclass(frozen=True, slots=True)
class Cells:
    """The values of scattered cells of one sheet, sorted by row and then by column, no cell twice.

    `row` and `column` are int32, `kind` uint8, `number` float64, all of shape (n,). The payload of a text is its index
    in `texts`, of an error its `Error`, of an undecided cell 0.
    """

    row: NDArray[np.int32]
    column: NDArray[np.int32]
    kind: NDArray[np.uint8]
    number: NDArray[np.float64]
    texts: tuple[str, ...] = ()

    @classmethod
    def empty(cls) -> Cells:
        """No cells."""
        return cls(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint8), np.empty(0, np.float64))

    @classmethod
    def of(cls, values: Mapping[tuple[int, int], Scalar]) -> Cells:
        """Cells from a mapping of (row, column) to a value; for small things (labels, tests)."""
        table: dict[str, int] = {}
        places = sorted(values)
        kinds, numbers = [], []
        for place in places:
            value = values[place]
            if value is None:
                kind, number = Kind.BLANK, 0.0
            elif isinstance(value, Error):
                kind, number = Kind.ERROR, float(value)
            elif isinstance(value, bool):
                kind, number = Kind.BOOLEAN, float(value)
            elif isinstance(value, str):
                kind, number = Kind.TEXT, float(table.setdefault(value, len(table)))
            else:
                kind, number = Kind.NUMBER, float(value)
            kinds.append(kind)
            numbers.append(number)
        return cls(
            np.array([row for row, _ in places], np.int32),
            np.array([column for _, column in places], np.int32),
            np.array(kinds, np.uint8),
            np.array(numbers, np.float64),
            tuple(table),
        )

    def __len__(self) -> int:
        return len(self.row)

    def scalar(self, row: int, column: int) -> Scalar:
        """The value at (`row`, `column`); None where there is no cell."""
        start, stop = np.searchsorted(self.row, [row, row + 1])
        at = start + int(np.searchsorted(self.column[start:stop], column))
        if at == stop or self.column[at] != column:
            return None
        return _scalar(int(self.kind[at]), float(self.number[at]), self.texts)

    def grid(self, area: Area) -> Grid:
        """The values of `area` (its sheet is not looked at) as dense arrays; blank where there is no cell."""
        kind = np.zeros((area.height, area.width), np.uint8)
        number = np.zeros((area.height, area.width), np.float64)
        start, stop = np.searchsorted(self.row, [area.row, area.bottom])
        column = self.column[start:stop]
        inside = np.flatnonzero((column >= area.column) & (column < area.right)) + start
        rows, columns = self.row[inside] - area.row, self.column[inside] - area.column
        kind[rows, columns] = self.kind[inside]
        number[rows, columns] = self.number[inside]
        return Grid(kind, number, self.texts)


@dataclass(frozen=True, slots=True)
class Note:
    """Why a cell is an error or undecided: the first such cell and the reason in words."""

    origin: Cell
    because: str


@dataclass(frozen=True, slots=True)
class Values:
    """What an engine computed: for each sheet the values of its constants and formulas.

    `notes` tells for cells of the kinds ERROR and UNDECIDED where they come from; it may be computed when asked.
    """

    sheets: Mapping[str, Cells]
    notes: Mapping[Cell, Note] = field(default_factory=dict)

    def scalar(self, cell: Cell) -> Scalar:
        """The value of `cell`; None for a blank, an undecided cell and a sheet that does not exist."""
        cells = self.sheets.get(cell.sheet)
        return None if cells is None else cells.scalar(cell.row, cell.column)

    def grid(self, area: Area) -> Grid:
        """The values of `area` as dense arrays."""
        return self.sheets.get(area.sheet, Cells.empty()).grid(area)


def _scalar(kind: int, number: float, texts: tuple[str, ...]) -> Scalar:
    match kind:
        case Kind.NUMBER:
            return number
        case Kind.TEXT:
            return texts[int(number)]
        case Kind.BOOLEAN:
            return bool(number)
        case Kind.ERROR:
            return Error(int(number))
        case _:
            return None

"""What a subexpression evaluates to: an array of values, a reference to cells, or a function (LAMBDA)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor

from xlparity.formula.ast import Expression
from xlparity.functions.array import Array

if TYPE_CHECKING:
    from xlparity.engines.embedded.frame import Frame

__all__ = [
    "Lambda",
    "Mixture",
    "NotReady",
    "Operand",
    "Ragged",
    "Reference",
    "SamplesDiffer",
    "Scattered",
    "Union",
    "Unresolved",
    "differing",
]


class NotReady(Exception):
    """A cell was read whose formula has not been computed; `fills` are the positions of the fills that own such cells.

    Only references that formulas compute themselves (OFFSET, INDIRECT) and references inside circles meet this: the
    schedule puts all others in order beforehand.
    """

    def __init__(self, sheet: int, cells: list[tuple[int, int]]) -> None:
        super().__init__()
        self.sheet = sheet
        self.cells = cells


class Ragged(Exception):
    """The cells of a window need references of different sizes; evaluate its rows, columns or cells one by one."""

    def __init__(self, axis: str) -> None:
        super().__init__(axis)
        self.axis = axis


class Unresolved(Exception):
    """A construct that cannot be evaluated honestly; `str()` is the reason."""


class SamplesDiffer(Unresolved):
    """What a cell reads has another place or size in each sample of a batch; evaluate the samples one by one."""


def differing(reason: str, frame: Frame) -> Exception:
    """What to raise where a window's cells, or else the samples, need references of other places or sizes."""
    return Ragged("cells") if frame.window.size > 1 else SamplesDiffer(reason)


@dataclass(frozen=True, slots=True)
class Reference:
    """`rows` x `columns` cells from (`top`, `left`) for the window's first cell.

    `down` (and `across`) tell whether the area moves with the rows (columns) of the window, as a relative reference
    does.
    """

    sheet: int
    top: int
    left: int
    rows: int
    columns: int
    down: bool = False
    across: bool = False

    @property
    def single(self) -> bool:
        return self.rows == self.columns == 1


@dataclass(frozen=True, slots=True)
class Scattered:
    """`rows` x `columns` cells whose corner is another one in each lane: `top` and `left` are int64, (*lanes)."""

    sheet: int
    top: Tensor
    left: Tensor
    rows: int
    columns: int

    @property
    def single(self) -> bool:
        return self.rows == self.columns == 1


@dataclass(frozen=True, slots=True)
class Union:
    """Several areas: `(A1,B2:B3)` or `Sheet1:Sheet3!A1`."""

    parts: tuple[Reference | Scattered, ...]

    @property
    def single(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Lambda:
    """A function with the variables it was made with."""

    parameters: tuple[str, ...]
    body: Expression
    variables: Mapping[str, Operand]
    frame: Frame


@dataclass(frozen=True, slots=True)
class Mixture(Array):
    """Values of cells in some lanes, other values elsewhere, where a blank, text or boolean of a cell is among them.

    An aggregate passes over these in a cell and not in a value: COUNT(IF(A1>0,B1,5)).
    """


Operand: TypeAlias = Array | Reference | Scattered | Union | Lambda

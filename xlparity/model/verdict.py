"""What the checker says of one cell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from xlparity.model.cell import Cell

__all__ = ["Counterexample", "Finding", "Repair", "Verdict", "show_typed"]


class Verdict(Enum):
    """From best to worst; only the first two pass."""

    MATCH = "match"  # equal within what rounding in float64 allows
    EXPLAINED = "explained"  # differs no more than its inputs' known rounding, or their change, accounts for
    UNDECIDED = "undecided"  # not evaluated, not understood or without a sound bound
    INHERITED = "inherited"  # wrong only because a cell before it is wrong
    FAULT = "fault"  # wrong here

    @property
    def passes(self) -> bool:
        """Whether a cell with this verdict agrees with torch."""
        return self in (Verdict.MATCH, Verdict.EXPLAINED)


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Numbers to type into the sheet with which a cell shows that it is wrong: `actual` where torch has `expected`.

    Where the sheet has a truth value, one is typed: a bool.
    """

    changes: tuple[tuple[Cell, float], ...]
    actual: float
    expected: float


def show_typed(number: float) -> str:
    """A number of a counterexample as people type it."""
    return str(number).upper() if isinstance(number, bool) else f"{number:g}"


@dataclass(frozen=True, slots=True)
class Repair:
    """A formula, without `=`, that computes what torch does on all of so many `samples` where the cell's does not.

    `cell` is the cell that it belongs into, None for the finding's own.
    """

    formula: str
    samples: int
    cell: Cell | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One judged cell with its numbers.

    `difference` is actual - expected and `bound` the largest size of it that passes; all are None where there is no
    number to compare. `formula` is the cell's text with its `=`, or the constant that stands there. `origin` is the
    first wrong cell for INHERITED, and for a FAULT an unmapped cell that is to blame. `engine` is the engine whose
    value this is. `counterexample` is there for a cell that is right at the sheet's own numbers alone, `repair` for a
    fault that a single edit mends.
    """

    cell: Cell
    tensor: str
    index: tuple[int, ...]
    verdict: Verdict
    formula: str = ""
    actual: float | str | None = None
    expected: float | None = None
    difference: float | None = None
    bound: float | None = None
    because: str = ""
    origin: Cell | None = None
    engine: str = ""
    counterexample: Counterexample | None = None
    repair: Repair | None = None

"""What every engine offers: the values of a workbook's cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from xlparity.model.book import Book
from xlparity.model.value import Values

__all__ = ["SAVED", "Engine", "Slack"]

# Half a unit of the 15th digit, as a part of a number: the last that Excel takes of one that is typed and that
# LibreOffice saves.
SAVED = 5e-15


@dataclass(frozen=True, slots=True)
class Slack:
    """How far an engine's correct answer may be from float64 arithmetic.

    `relative` of the value's size (an engine that keeps 15 digits) plus `cancellation` of the sum of the terms' sizes
    (an engine that snaps near-zero differences to zero). What it was computed from may have been off by `saved` of its
    size (a file that keeps 15 digits of each value).
    """

    relative: float = 0.0
    cancellation: float = 0.0
    saved: float = 0.0


class Engine(Protocol):
    """Computes the formulas of a workbook anew; never hands out the values that the file remembers."""

    @property
    def name(self) -> str:
        """The name that `--engine` takes."""

    @property
    def version(self) -> str:
        """The engine's own version."""

    @property
    def slack(self) -> Slack:
        """How far its correct answers may be from float64 arithmetic."""

    def evaluate(self, book: Book, path: Path) -> Values:
        """The values of all cells of `book`, which was read from the file at `path`.

        Raises EngineError if the engine cannot be run.
        """

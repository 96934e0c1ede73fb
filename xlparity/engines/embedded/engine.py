"""The engine `embedded`: Excel's formulas on torch, exact, vectorised, and honest about what it cannot compute."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.engines.embedded.notes import Notes
from xlparity.engines.embedded.run import Run
from xlparity.engines.embedded.workbook import Workbook
from xlparity.model.area import Area
from xlparity.model.book import Book
from xlparity.model.engine import Slack
from xlparity.model.value import Values
from xlparity.version import __version__

__all__ = ["EmbeddedEngine"]


class EmbeddedEngine:
    """Evaluates a workbook in this process; nothing has to be installed."""

    name = "embedded"
    version = __version__
    # Every operation is float64 as the checker's bound assumes; nothing is rounded or snapped to zero.
    slack = Slack()

    def evaluate(
        self,
        book: Book,
        path: Path | None = None,  # noqa: ARG002 (the protocol of all engines)
        *,
        inputs: Mapping[Area, Tensor] | None = None,
        forced: Mapping[Area, NDArray[np.float64]] | None = None,
    ) -> Values:
        """The values of all cells.

        Parameters
        ----------
        book
            The workbook.
        path
            Where it was read from; not needed.
        inputs
            Numbers that replace the constants of an area, float64 of shape (rows, columns).
        forced
            Numbers that stand in for an area's values in whatever depends on them, float64 of shape (rows, columns),
            NaN where a cell is not forced. The values returned for the area itself are those of its own formulas, so
            that each formula is judged on right operands.
        """
        with torch.no_grad():
            run = Run(Workbook(book), inputs or {}, forced or {})
            run.go()
        return Values(run.cells(), Notes(run))

"""The engine `embedded`: Excel's formulas on torch, exact, vectorised, and honest about what it cannot compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.engines.embedded.precedents import VOLATILE
from xlparity.engines.embedded.results import Computed
from xlparity.engines.embedded.run import Run, computed
from xlparity.engines.embedded.special import NEVER_DECIDED, SPECIAL
from xlparity.engines.embedded.threads import one_thread
from xlparity.engines.embedded.workbook import Workbook
from xlparity.errors import InputError
from xlparity.functions import FUNCTIONS
from xlparity.limits import Budget, budget, limits, spending
from xlparity.model.area import Area
from xlparity.model.book import Book
from xlparity.model.engine import Slack
from xlparity.model.value import Error, Kind, Values
from xlparity.version import __version__

__all__ = ["EmbeddedEngine", "Trace", "functions"]

# Processor time that an evaluation has beyond `Limits.seconds`: three times what a recurrence takes that is computed
# cell by cell, and four times what a formula takes that is like no other.
_SECONDS_A_CELL, _SECONDS_A_FORMULA = 3e-5, 3e-3


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
        forced: Mapping[Area, NDArray[np.float64 | np.bool_]] | None = None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> Values:
        """The values of all cells.

        Parameters
        ----------
        book
            The workbook.
        path
            Where it was read from; not needed.
        inputs
            Numbers that replace the constants of an area, float64 of shape (rows, columns), or truth values, bool.
        forced
            Numbers that stand in for an area's values in whatever depends on them, float64 of shape (rows, columns),
            NaN where a cell is not forced, or truth values, bool. The values returned for the area itself are those of
            its own formulas, so that each formula is judged on right operands.
        progress
            Is told how many formulas are computed, for long work.
        """
        with torch.no_grad(), one_thread(), spending(_budget(book, 1)):
            run = computed(Workbook(book), inputs, forced, progress=progress)
        return Computed(run)

    def trace(self, book: Book, inputs: Mapping[Area, Tensor]) -> Trace:
        """All cells for a batch of inputs at once, with autograd from the inputs to every cell.

        Parameters
        ----------
        book
            The workbook.
        inputs
            Numbers that replace the constants of an area: shape (rows, columns), or (batch, rows, columns) with the
            same batch size everywhere. Tensors of bool are TRUE and FALSE.

        Examples
        --------
        >>> from xlparity.model.book import Fill, Sheet
        >>> area = Area.of("S", 0, 1)
        >>> book = Book((Sheet("S", fills=(Fill(area, "A1^2"),)),))
        >>> x = torch.tensor([[[3.0]], [[5.0]]], dtype=torch.float64, requires_grad=True)
        >>> EmbeddedEngine().trace(book, {Area.of("S", 0, 0): x}).tensor(area).sum().backward()
        >>> x.grad.flatten().tolist()
        [6.0, 10.0]
        """
        wanted = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs.values())
        batch = max((tensor.shape[0] for tensor in inputs.values() if tensor.ndim == 3), default=1)
        with torch.set_grad_enabled(wanted), one_thread(), spending(_budget(book, batch)):
            run = computed(Workbook(book), inputs, traced=wanted)
        return Trace(run)


def _budget(book: Book, batch: int) -> Budget:
    """What an evaluation of `batch` samples may take."""
    allowed = limits()
    sizes = [fill.area.size for sheet in book.sheets for fill in sheet.fills]
    seconds = allowed.seconds + _SECONDS_A_CELL * batch * sum(sizes) + _SECONDS_A_FORMULA * len(sizes)
    return Budget(
        seconds, batch * allowed.elements, batch * allowed.characters, batch * allowed.products, outer=budget()
    )


class Trace:
    """The cells of a workbook as tensors."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def tensor(self, area: Area) -> Tensor:
        """The numbers of `area`, float64 of shape (batch, rows, columns).

        TRUE is 1 and an empty cell 0; a text, an error and an undecided cell is NaN (see `kinds`).
        """
        number, kind = self._read(area)
        missing = (kind == int(Kind.TEXT)) | (kind >= int(Kind.ERROR))
        return torch.where(missing, torch.nan, number) if bool(missing.any()) else number.clone()

    def kinds(self, area: Area) -> Tensor:
        """What the cells of `area` hold, `model.value.Kind` as uint8 of shape (batch, rows, columns)."""
        return self._read(area)[1].clone()

    def misplaced(self, area: Area) -> Tensor:
        """Where `area` holds an error that is no overflow (not #NUM!, not #DIV/0!): bool (batch, rows, columns)."""
        number, kind = self._read(area)
        return (kind == int(Kind.ERROR)) & ~_overflow(number)

    def overflowed(self) -> Tensor:
        """Whether a cell of the workbook is #NUM! or #DIV/0!: bool of shape (batch,)."""
        found = torch.zeros(self._run.store.batch, dtype=torch.bool)
        for grid in self._run.store.grids:
            errors = grid.kind == int(Kind.ERROR)
            if bool(errors.any()):  # seldom, and the numbers are eight times as much to read
                found |= (errors & _overflow(grid.number)).flatten(1).any(1)
        return found

    def values(self) -> Values:
        """The values of the first sample, as `EmbeddedEngine.evaluate` gives them."""
        return Computed(self._run)

    def _read(self, area: Area) -> tuple[Tensor, Tensor]:
        sheet = self._run.workbook.sheet(area.sheet)
        if sheet is None:
            raise InputError(f"the workbook has no sheet {area.sheet!r}")
        return self._run.store.grids[sheet].read(area.row, area.column, area.height, area.width)


def _overflow(error: Tensor) -> Tensor:
    return (error == float(Error.NUM)) | (error == float(Error.DIV0))


def functions() -> dict[str, str]:
    """The Excel functions that the engine computes, by name, each with a line about it, from the tables."""
    listed = dict.fromkeys(SPECIAL, "from the cells and formulas that it names, not only their values")
    listed |= dict.fromkeys(VOLATILE, "not computed: the value that the file remembers stands, with a note")
    for name, entry in FUNCTIONS.items():
        listed[name] = f"{entry.summary} Undecided: {entry.undecided}." if entry.undecided else entry.summary
    return {name: listed[name] for name in sorted(listed.keys() - NEVER_DECIDED)}

"""How a cell comes to its value and its error: the tree of what it reads, each with the part of the error it carries.

To first order a cell's difference is the sum of the derivatives of its formula by what it reads, times the differences
of these, and what its own formula makes wrong on right operands. The derivatives are autograd's through the embedded
engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from xlparity.check.check import check_book
from xlparity.check.edited import with_formula
from xlparity.check.elsewhere import areas_of
from xlparity.check.formulas import FormulaIndex
from xlparity.check.judge import hold
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import InputError, XlparityError
from xlparity.formula.a1 import show_cell
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill
from xlparity.model.cell import Cell
from xlparity.model.explanation import Explanation
from xlparity.model.map import GIVEN, Map, Role
from xlparity.model.report import Report
from xlparity.model.value import Kind, Values
from xlparity.model.verdict import Finding

__all__ = ["explain_cell"]

_MOST_PRECEDENTS = 64
_MOST_READ = 10_000  # cells of a range that are looked at one by one


def explain_cell(book: Book, path: Path, parity: Map, asked: Cell, depth: int) -> Explanation:
    """`asked` with what it reads, down to `depth`.

    Raises InputError if the cell is empty; see `check.check.check_book` for the rest.
    """
    report = check_book(book, path, parity, [EmbeddedEngine()])
    assert report.subject is not None
    explainer = _Explainer(book, parity, report, report.subject.values)
    if explainer.is_empty(asked):
        raise InputError(f"{path.name}: {show_cell(asked)} is empty; name a cell with a value or a formula")
    return explainer.explained(asked, depth)


class _Explainer:
    def __init__(self, book: Book, parity: Map, report: Report, values: Values) -> None:
        self._book, self._parity, self._report, self._values = book, parity, report, values
        self._index = FormulaIndex(book)
        self._findings: dict[Cell, Finding | None] = {}
        self._right: Values | None = None
        self._mended = {
            one.repair.cell: one.repair.formula
            for one in report.cells
            if one.repair is not None and one.repair.cell is not None
        }
        # Every value as a constant, so that one formula alone depends on what it reads.
        self._still = replace(
            book, sheets=tuple(replace(one, fills=(), constants=values.sheets[one.name]) for one in book.sheets)
        )

    def is_empty(self, cell: Cell) -> bool:
        """Whether there is neither a value nor a formula."""
        return self._index.text(cell) is None and self._values.scalar(cell) is None

    def explained(self, cell: Cell, levels: int, share: float | None = None) -> Explanation:
        """`cell` with `levels` of precedents; `share` is the part of the reading cell's error that it carries."""
        text = self._index.text(cell)
        areas = self._index.precedents(cell) if levels else []
        below = list(dict.fromkeys(read for area in areas if area.size <= _MOST_READ for read in area.cells()))
        shares = self._shares(cell) if levels else {}
        shown = below
        if len(below) > _MOST_PRECEDENTS:  # those that carry most of the error, in the order of the text
            ranked = sorted(below, key=lambda read: -abs(shares.get(read, 0.0)))[:_MOST_PRECEDENTS]
            chosen = set(ranked)
            shown = [read for read in below if read in chosen]
        return Explanation(
            cell,
            None if text is None else f"={text}",
            self._values.scalar(cell),
            self._finding(cell),
            self._given(cell),
            tuple(self.explained(read, levels - 1, shares.get(read)) for read in shown),
            len(below) - len(shown) + sum(area.size for area in areas if area.size > _MOST_READ),
            self._difference(cell),
            share,
            *self._own(cell, sum(shares.values()) if shares else None),
        )

    def _own(self, cell: Cell, carried: float | None) -> tuple[float | None, float | None]:
        """Of a wrong cell's difference the part that its own formula makes on right operands, and what is left."""
        difference, finding = self._difference(cell), self._finding(cell)
        if carried is None or not difference:
            return None, None
        own = 0.0
        if finding is not None and finding.expected is not None:
            gives = self._on_right_operands().scalar(cell)
            own = (gives - finding.expected) / difference if isinstance(gives, float) else np.nan
        elif cell in self._mended:
            own = 1.0 - carried
        return (own, 1.0 - carried - own) if np.isfinite(own) else (None, None)

    def _finding(self, cell: Cell) -> Finding | None:
        if cell not in self._findings:
            self._findings[cell] = self._report.finding(cell)
        return self._findings[cell]

    def _given(self, cell: Cell) -> str:
        rows = [row for row in self._parity if row.role in GIVEN and cell in row.block]
        return f"{rows[0].tensor}, {rows[0].role.value}" if rows else ""

    def _difference(self, cell: Cell) -> float | None:
        """How far the cell is from torch's value; of an unmapped formula, from what it gives on torch's values."""
        finding = self._finding(cell)
        if finding is not None:
            return finding.difference
        if self._index.text(cell) is None and cell not in self._mended:
            return 0.0  # a number that is taken as it stands
        actual, right = self._values.scalar(cell), self._on_right_operands().scalar(cell)
        return actual - right if isinstance(actual, float) and isinstance(right, float) else None

    def _on_right_operands(self) -> Values:
        """What the cells' formulas give on torch's values; unmapped formulas that are known to be wrong, mended."""
        if self._right is None:
            forced: dict[Area, np.ndarray] = {}
            for tensor in self._report.tensors:
                if tensor.role is Role.COMPUTED:
                    truths = hold(self._values, tensor.block, tensor.dtype).truths & ~np.isnan(tensor.expected)
                    forced |= areas_of(tensor.block, tensor.expected, truths)
            book = self._book
            for cell, text in self._mended.items():
                book = with_formula(book, cell, text)
            self._right = EmbeddedEngine().evaluate(book, forced=forced)
        return self._right

    def _shares(self, cell: Cell) -> dict[Cell, float]:
        """For each number that a wrong cell reads the part of its error; empty for a cell that is not wrong."""
        finding, difference = self._finding(cell), self._difference(cell)
        if difference is None or difference == 0 or (finding is not None and finding.verdict.passes):
            return {}
        found: dict[Cell, float] = {}
        for read, derivative in self._derivatives(cell).items():
            off = self._difference(read)
            if off is None or not np.isfinite(derivative):
                return {}
            found[read] = derivative * off / difference
        return found

    def _derivatives(self, cell: Cell) -> Mapping[Cell, float]:
        """The derivatives of the cell's own formula by the numbers that it reads."""
        text = self._index.text(cell)
        if text is None:
            return {}
        inputs: dict[Area, torch.Tensor] = {}
        for area in self._index.precedents(cell):
            if area.size <= _MOST_READ:
                grid = self._values.grid(area)
                if (grid.kind == Kind.NUMBER).all():
                    inputs[area] = torch.tensor(grid.number, requires_grad=True)
                else:
                    for row, column in np.argwhere(grid.kind == Kind.NUMBER).tolist():
                        number = torch.tensor(grid.number[row : row + 1, column : column + 1], requires_grad=True)
                        inputs[Area(area.corner.moved(row, column), 1, 1)] = number
        fill = Fill(Area(cell, 1, 1), text)
        alone = replace(
            self._still,
            sheets=tuple(replace(one, fills=(fill,)) if one.name == cell.sheet else one for one in self._still.sheets),
        )
        try:
            number = EmbeddedEngine().trace(alone, inputs).tensor(Area(cell, 1, 1)).sum()
            if not number.requires_grad:
                return {read: 0.0 for area in inputs for read in area.cells()}
            gradients = torch.autograd.grad(number, list(inputs.values()), allow_unused=True)
        except (XlparityError, RuntimeError):  # a function that is computed without derivatives
            return {}
        found: dict[Cell, float] = {}
        for area, gradient in zip(inputs, gradients, strict=True):
            parts = np.zeros(area.size) if gradient is None else gradient.numpy().ravel()
            for read, part in zip(area.cells(), parts.tolist(), strict=True):
                found[read] = found.get(read, 0.0) + part
        return found

"""The single edit that mends a wrong formula, proved on other numbers before it is proposed.

Candidates (`check.candidates`: the formulas of cells that stand for the like, every formula one edit away, what was
left out put back) stand beside the cells in a copy of the workbook, which is evaluated on many samples at once, once as
it is and then for each group of candidates only what these add; torch computes the one operation on the operands that
each sample's sheet holds. The first candidate that agrees everywhere is the repair.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from xlparity.check.candidates import Candidates
from xlparity.check.explore import UNDERFLOW, Explorer
from xlparity.check.formulas import FormulaIndex, MappedAreas, reaches_beyond
from xlparity.check.judge import Array, hold
from xlparity.check.reference import Program, Reference
from xlparity.engines.embedded import EmbeddedEngine, Trace
from xlparity.errors import FormulaError, MapError
from xlparity.formula.ast import (
    Call,
    Expression,
    Name,
    SpillReference,
    TableReference,
    WholeColumns,
    WholeRows,
    walk,
)
from xlparity.formula.parse import parse
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.value import Kind, Values
from xlparity.model.verdict import Repair

__all__ = ["Expected", "Repairer", "agree", "depends_on_cells_alone", "free_column"]

_SAMPLES = 60
_MOST_CELLS = 4_000_000  # that are evaluated for each fault, over all samples
_LEAST = 10  # samples that must tell something
_MOST_CANDIDATES = 2_500  # of each group
_MOST_READ = 10_000  # cells of a range; a candidate that reads more is evaluated with the whole workbook
# Functions that read more than the cells that their formula names, or other than their values.
_READ_OTHERWISE = frozenset(
    "AGGREGATE CELL FORMULATEXT INDIRECT ISFORMULA LAMBDA LET OFFSET SHEET SHEETS SUBTOTAL".split()
)
_MOST_CHARACTERS = 200_000  # of one group of candidates, which takes seconds to parse
_LONGEST = 8_192  # characters of a formula that Excel takes
_MOST_FORMULAS = 200_000  # of a workbook that is evaluated again for each fault


class Repairer:
    """Finds repairs for the cells of one workbook.

    Parameters
    ----------
    program, book, index
        The map, the workbook and its formulas.
    values
        What the cells hold at the sheet's own numbers.
    explorer
        Gives the samples.

    Attributes
    ----------
    samples
        The numbers that repairs are proved on.
    """

    def __init__(
        self, program: Program, book: Book, index: FormulaIndex, values: Values, explorer: Explorer
    ) -> None:  # fmt: skip
        self._program, self._book, self._index, self._values, self._explorer = program, book, index, values, explorer
        self._shown = {key: hold(values, row.block, row.dtype).values for key, row in program.shown.items()}
        self._mapped = MappedAreas([row.block for row in (*program.rows.values(), *program.shown.values())])
        self._candidates = Candidates(program, index)
        self.samples = explorer.samples(_LEAST + 2, _SAMPLES, _MOST_CELLS)
        self._references: dict[str, list[tuple[int, Reference]]] = {}
        self._varied: dict[str, list[Area]] = {}
        for plane in (plane for name in explorer.varied for plane in program.rows[name].block.planes):
            self._varied.setdefault(plane.sheet, []).append(plane)

    @cached_property
    def trace(self) -> Trace:
        """The workbook as it is on all samples."""
        return self._explorer.trace(self.samples)

    def repair(self, name: str, at: tuple[int, ...], misread: bool) -> Repair | None:
        """The repair of element `at` of the computed tensor `name`; None where no single edit mends it.

        None too for a cell that is right on all samples (a value that an engine or a file has otherwise) unless it is
        `misread`, wrong in what it reads, whatever its value; and where the formula depends on the place in which it
        stands (ROW() without a reference).
        """
        cell = self._program.rows[name].block.cell(at)
        text = self._index.text(cell)
        if self._index.count > _MOST_FORMULAS:
            return None
        if text is not None and (len(text) > _LONGEST or not depends_on_cells_alone(text)):
            return None
        most = min(_MOST_CANDIDATES, _MOST_CHARACTERS // max(len(text or ""), 1))
        if free_column(self._book.sheet(cell.sheet)) >= MAX_COLUMNS:
            return None
        own = [] if text is None else [text]
        tried = set(own)
        expected: list[Expected] = []
        for group in self._candidates.of(name, at):
            drawn = dict.fromkeys(islice(group, most))
            new = [one for one in drawn if one not in tried and depends_on_cells_alone(one)]
            if not own and not new:
                continue
            tried.update(new)
            expected = expected or self.expected(name, at)
            if len(expected) < _LEAST:
                return None
            gives = self.tried([*own, *new], cell, [one.sample for one in expected])
            right = np.flatnonzero(agree(gives, expected))
            if own and right[:1].tolist() == [0] and not misread:
                return None
            for one in right.tolist():
                formula = [*own, *new][one]
                areas = self._index.read_by(formula, cell.sheet)
                if formula != text and reaches_beyond(areas, self._values, cell, self._mapped) is None:
                    return Repair(formula, len(expected))
            own = []
        return None

    def tried(self, texts: Sequence[str], cell: Cell, chosen: Sequence[int]) -> Array:
        """What each of the formulas `texts` would give beside `cell`, (samples or 1, texts), at least on the `chosen`.

        That is NaN for an overflow, which tells nothing, and infinity for another error, which no right formula gives.
        """
        read = self._read_by(texts, cell.sheet, chosen)
        sheet = self._book.sheet(cell.sheet)
        column = free_column(sheet)
        fills = tuple(Fill(Area.of(sheet.name, row, column), one) for row, one in enumerate(texts))
        sheets = tuple(
            replace(one, fills=(*(one.fills if read is None else ()), *(fills if one.name == sheet.name else ())))
            for one in self._book.sheets
        )
        copy = replace(self._book, sheets=sheets)
        if read is None:
            trace = self._explorer.trace(self.samples, copy)
        else:
            with torch.no_grad():
                trace = EmbeddedEngine().trace(copy, {area: self.trace.tensor(area).nan_to_num() for area in read})
        area = Area.of(sheet.name, 0, column, max(len(texts), 1), 1)
        gives = np.where(trace.misplaced(area).numpy(), np.inf, trace.tensor(area).numpy())
        return np.asarray(gives[:, :, 0])

    def _read_by(self, texts: Sequence[str], sheet: str, chosen: Sequence[int]) -> list[Area] | None:
        """The areas of formulas and of varied numbers that `texts` read, whose values are all that they need.

        None where something else counts: an error or a text among the values in a `chosen` sample, or what a function
        reads besides.
        """
        nodes = [node for text in texts for node in walk(parse(text))]
        if any(isinstance(node, Name | SpillReference | TableReference | WholeColumns | WholeRows) for node in nodes):
            return None
        named = {one.name.upper() for one in self._book.names}  # which may be functions, as LAMBDA makes them
        if any(isinstance(node, Call) and node.name.upper() in named | _READ_OTHERWISE for node in nodes):
            return None
        found: dict[Area, None] = {}
        for area in dict.fromkeys(area for text in texts for area in self._index.read_by(text, sheet)):
            if area.size > _MOST_READ:
                return None
            found |= dict.fromkeys(plane for plane in self._varied.get(area.sheet, ()) if plane.intersection(area))
            last: Fill | None = None
            for row, column in np.argwhere(self._index.mask(area)).tolist():
                cell = area.corner.moved(row, column)
                if last is None or cell not in last.area:
                    last = self._index.fill(cell)
                    assert last is not None
                    found[last.area] = None
        for area in found:
            kinds = self.trace.kinds(area)
            if bool((kinds[list(chosen) if len(kinds) > 1 else [0]] != int(Kind.NUMBER)).any()):
                return None
        return list(found)

    def expected(self, name: str, at: tuple[int, ...]) -> list[Expected]:
        """Torch's result on the operands that each sample's sheet holds, where it gives one.

        None of a tensor whose operands are the same in all samples, since none of them can be typed: of these numbers
        alone many formulas make the same.
        """
        given = self._program.upstream(name) - self._program.expressions.keys()
        if given and given.isdisjoint(self._explorer.varied):
            return []
        if name not in self._references:
            self._references[name] = self._near(name)
        return _expected_of(self._references[name], at)

    def _near(self, name: str) -> list[tuple[int, Reference]]:
        """What `expected` gives, for all elements of the tensor."""
        found = []
        for number, held in enumerate(self._explorer.held(self.trace, len(self.samples), self._read_for(name))):
            with suppress(MapError):
                values = {one: each.values for one, each in held.items()}
                found.append((number, self._program.local(name, values, self._shown)))
        return found

    def _read_for(self, name: str) -> set[str]:
        """The tensors that `Program.local` asks for, those between the two of a gradient too."""
        needed = {name, *self._program.operands(name)}
        for of, wrt in self._program.expressions[name].grads:
            for one in self._program.between(of, wrt):
                needed |= {one, *self._program.operands(one)}
        return needed


class Expected(NamedTuple):
    """Torch's result in a sample and how far a right formula may be from it."""

    sample: int
    value: float
    bound: float


def _expected_of(references: Sequence[tuple[int, Reference]], at: tuple[int, ...]) -> list[Expected]:
    """Element `at` of each sample's result, where there is one."""
    found = [Expected(number, float(one.value[at]), float(one.radius[at])) for number, one in references]
    return [one for one in found if np.isfinite(one.value) and np.isfinite(one.bound)]


def agree(gives: Array, expected: Sequence[Expected]) -> NDArray[np.bool_]:
    """Which of the formulas that give `gives`, of shape (samples or 1, formulas), agree everywhere."""
    samples = np.minimum([one.sample for one in expected], len(gives) - 1)
    values, bounds = np.array([[one.value] for one in expected]), np.array([[one.bound] for one in expected])
    given = gives[samples]
    overflown = np.isnan(given)  # tells nothing, since the numbers are ours
    with np.errstate(invalid="ignore"):
        near = np.abs(given - values) <= np.maximum(bounds, UNDERFLOW)
    return np.asarray((near | overflown).all(0) & (2 * overflown.sum(0) < len(expected)))


def depends_on_cells_alone(text: str) -> bool:
    """Whether a formula says the same in another cell of its sheet."""
    try:
        nodes: list[Expression] = list(walk(parse(text)))
    except FormulaError:
        return False
    return not any(
        isinstance(node, TableReference)
        or (isinstance(node, Call) and node.name in ("ROW", "COLUMN", "CELL") and not node.arguments)
        for node in nodes
    )


def free_column(sheet: Sheet) -> int:
    """A column that nothing stands in."""
    return max([int(sheet.constants.column.max(initial=0)) + 1, *(fill.area.right for fill in sheet.fills)]) + 1

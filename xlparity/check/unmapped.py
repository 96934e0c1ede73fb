"""Formulas that no row of the map covers and that make a mapped cell wrong.

Torch says nothing of an intermediate cell that the map does not name. But the mapped cell behind it tells: if another
formula in the intermediate cell makes the mapped cell agree with torch on all samples, the fault is there. In the order
of their dependencies the cells are given what their neighbours are filled with (a formula out of line, a constant or
nothing among formulas), and then every single edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from xlparity.check.formulas import FormulaIndex, MappedAreas, neighbours_formula, reaches_beyond
from xlparity.check.judge import show_value
from xlparity.check.reference import Program
from xlparity.check.repair import Expected, Repairer, agree, depends_on_cells_alone, free_column
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula.a1 import show_cell
from xlparity.formula.edits import single_edits
from xlparity.formula.parse import parse
from xlparity.formula.show import show
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Fill
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS, Cell
from xlparity.model.value import Values
from xlparity.model.verdict import Repair

__all__ = ["Blamed", "Unmapped"]

_LEAST = 10  # samples that must tell something
_MOST_CELLS = 200  # unmapped cells behind one mapped one; more are not searched
_MOST_EDITED = 24  # of them that are edited
_MOST_EDITS = 300  # of each
_MOST_READ = 10_000  # cells of a range that are looked at one by one
_MOST_LANES = 4_000_000  # numbers of one tensor over all samples and candidates
_REACH = 64  # cells to each side that are neighbours


@dataclass(frozen=True, slots=True)
class Blamed:
    """The unmapped cell that is to blame, why, and what mends it."""

    cell: Cell
    because: str
    repair: Repair


@dataclass(frozen=True, slots=True)
class _Case:
    """A wrong mapped cell and the unmapped cells that it reads, in the order of their dependencies.

    `behind` are those with a formula, and these; `others` stand among formulas, which neighbours have.
    """

    cell: Cell
    behind: Mapping[Cell, str]
    others: Sequence[Cell]
    formulas: Mapping[Cell, str]  # of `behind` and of `cell`
    expected: list[Expected]
    inputs: dict[Area, Tensor]


class Unmapped:
    """Finds unmapped cells to blame in one workbook; the arguments are those of `Repairer`, which gives the samples."""

    def __init__(self, program: Program, book: Book, index: FormulaIndex, values: Values, repairer: Repairer) -> None:
        self._program, self._book, self._index, self._values = program, book, index, values
        self._repairer = repairer
        blocks = [row.block for row in (*program.rows.values(), *program.shown.values())]
        self._mapped = MappedAreas(blocks)
        self._planes = {plane for row in program.rows.values() for plane in row.block.planes}
        self._cases: dict[tuple[str, tuple[int, ...]], _Case | None] = {}

    def out_of_line(self, name: str, at: tuple[int, ...]) -> Blamed | None:
        """The first unmapped cell behind element `at` of `name` that its neighbours' formula would mend."""
        case = self._case(name, at)
        if case is None:
            return None
        for cell in (*case.others, *case.behind):
            text = case.behind.get(cell)
            found = self._mending(case, cell, [one for one in self._neighbours(cell) if one != text])
            if found is None:
                continue
            what = f"unmapped {show_cell(cell)}"
            if text is None:
                value = self._values.scalar(cell)
                has = f"is the constant {value!r}" if isinstance(value, float) else f"is {show_value(value)}"
                why = f"{what} {has} among formulas, which have ={found.formula} here"
            else:
                why = f"{what} ={text} breaks its neighbours' fill ={found.formula}"
            return _blamed(cell, why, found)
        return None

    def edited(self, name: str, at: tuple[int, ...]) -> Blamed | None:
        """The first unmapped cell behind element `at` of `name` that a single edit would mend."""
        case = self._case(name, at)
        if case is None:
            return None
        for cell, text in islice(case.behind.items(), _MOST_EDITED):
            edits = dict.fromkeys(map(show, islice(single_edits(parse(text)), _MOST_EDITS)))
            found = self._mending(case, cell, list(edits))
            if found is not None:
                why = f"unmapped {show_cell(cell)} ={text} does not give what it needs, ={found.formula} does"
                return _blamed(cell, why, found)
        return None

    def first(self, name: str, at: tuple[int, ...]) -> str:
        """A hint at the unmapped formulas behind element `at` of `name`, the first in the order of dependencies."""
        case = self._case(name, at)
        behind = self._behind(self._program.rows[name].block.cell(at)) if case is None else [*case.behind]
        if not behind:
            return ""
        return (
            f"it reads {len(behind)} formulas that the map does not cover, first {show_cell(behind[0])} "
            f"={self._index.text(behind[0])}: what they should give is not known"
        )

    # -- what stands behind a cell --------------------------------------------------------------------------------

    def _case(self, name: str, at: tuple[int, ...]) -> _Case | None:
        if (name, at) not in self._cases:
            self._cases[name, at] = self._entered(name, at)
        return self._cases[name, at]

    def _entered(self, name: str, at: tuple[int, ...]) -> _Case | None:
        cell = self._program.rows[name].block.cell(at)
        behind = self._behind(cell)
        every = [*behind, cell]
        read_by_one = (read for one in every for read in self._unmapped(one, formulas=False))
        others = [one for one in dict.fromkeys(read_by_one) if any(True for _ in self._neighbours(one))]
        if not (behind or others) or len(every) > _MOST_CELLS:
            return None
        texts = {one: self._index.texts[one][1:] for one in every}
        if not all(map(depends_on_cells_alone, texts.values())):
            return None
        trace = self._repairer.trace
        expected = self._repairer.expected(name, at)
        if len(expected) < _LEAST:
            return None
        if agree(trace.tensor(_alone(cell)).reshape(-1, 1).numpy(), expected).all():
            return _Case(
                cell, {}, (), texts, expected, {}
            )  # only a file or an engine has another value: nothing is to blame
        read = [area for one in every for area in self._index.precedents(one)]
        inputs = {
            plane: trace.tensor(plane) for plane in self._planes if any(plane.intersection(area) for area in read)
        }
        return _Case(cell, {one: texts[one] for one in behind}, others, texts, expected, inputs)

    def _behind(self, cell: Cell) -> list[Cell]:
        """The unmapped formula cells that `cell` reads, over however many, each after those that it reads itself."""
        order: dict[Cell, None] = {}
        seen = {cell}
        stack = [(cell, self._unmapped(cell))]
        while stack and len(seen) <= _MOST_CELLS + 1:
            one, reads = stack[-1]
            new = next((read for read in reads if read not in seen), None)
            if new is None:
                order[one] = None
                stack.pop()
            else:
                seen.add(new)
                stack.append((new, self._unmapped(new)))
        return [one for one in order if one != cell] if not stack else [*seen]

    def _unmapped(self, cell: Cell, formulas: bool = True) -> Iterator[Cell]:
        """The unmapped cells that the formula of `cell` reads: those with a formula, or the others."""
        for area in self._index.precedents(cell):
            if area.size > _MOST_READ:
                continue
            mask = self._index.mask(area) == formulas
            for row, column in np.argwhere(mask & ~self._mapped.covered(area)).tolist():
                yield area.corner.moved(row, column)

    def _neighbours(self, cell: Cell) -> Iterator[str]:
        """What `cell` would hold if it were filled as the formulas next to it in its column or its row."""
        for down, across in ((1, 0), (0, 1)):
            before, after = (self._run(cell, sign * down, sign * across) for sign in (-1, 1))
            first = cell.moved(-before * down, -before * across)
            length = before + after + 1
            line = Area(first, length, 1) if down else Area(first, 1, length)
            like = neighbours_formula(self._index, Block((length,), (line,)), cell)
            if like is not None and depends_on_cells_alone(like):
                yield like

    def _run(self, cell: Cell, down: int, across: int) -> int:
        """How many formula cells follow `cell` in one direction without a gap."""
        for count in range(1, _REACH + 1):
            row, column = cell.row + count * down, cell.column + count * across
            inside = 0 <= row < MAX_ROWS and 0 <= column < MAX_COLUMNS
            if not inside or self._index.fill(Cell(cell.sheet, row, column)) is None:
                return count - 1
        return _REACH

    # -- trying -----------------------------------------------------------------------------------------------------

    def _mending(self, case: _Case, cell: Cell, texts: Sequence[str]) -> Repair | None:
        """The first of `texts` with which, in `cell`, the wrong mapped cell agrees with torch on all samples."""
        if not texts or free_column(self._book.sheet(cell.sheet)) >= MAX_COLUMNS:
            return None
        count = len(self._repairer.samples)
        size = max(plane.size for plane in (_alone(cell), *case.inputs))
        texts = texts[: max(1, _MOST_LANES // (size * count))]
        gives = self._repairer.tried(texts, cell, [one.sample for one in case.expected])
        gives = np.broadcast_to(gives, (count, len(texts)))
        # One lane for each candidate in each sample.
        lanes = {area: torch.cat([tensor] * len(texts)) for area, tensor in case.inputs.items()}
        lanes[_alone(cell)] = torch.from_numpy(np.array(gives.T)).reshape(-1, 1, 1)
        formulas = {one: text for one, text in case.formulas.items() if one != cell}
        with torch.no_grad():
            trace = EmbeddedEngine().trace(self._only(formulas), lanes)
        result = trace.tensor(_alone(case.cell)).numpy().reshape(len(texts), count).T
        for one in np.flatnonzero(agree(result, case.expected)).tolist():
            if reaches_beyond(self._index.read_by(texts[one], cell.sheet), self._values, cell, self._mapped) is None:
                return Repair(texts[one], len(case.expected))
        return None

    def _only(self, formulas: Mapping[Cell, str]) -> Book:
        """The workbook with these formulas alone."""
        fills: dict[str, list[Fill]] = {}
        for cell, text in formulas.items():
            fills.setdefault(cell.sheet, []).append(Fill(_alone(cell), text))
        sheets = tuple(replace(sheet, fills=tuple(fills.get(sheet.name, ()))) for sheet in self._book.sheets)
        return replace(self._book, sheets=sheets)


def _alone(cell: Cell) -> Area:
    return Area(cell, 1, 1)


def _blamed(cell: Cell, why: str, found: Repair) -> Blamed:
    proof = f"with that it agrees on all {found.samples} samples"
    return Blamed(cell, f"its formula is right given its precedents, but {why}; {proof}", replace(found, cell=cell))

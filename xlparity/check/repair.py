"""The single edit that mends a wrong formula, proved on other numbers before it is proposed.

Candidates (the formula that the neighbours are filled with, every formula one edit away, what was left out put back)
stand beside the sheet's cells in a copy of the workbook, which is evaluated once on many samples; torch computes the
one operation on the operands that each sample's sheet holds. The first candidate that agrees everywhere is the repair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from xlparity.check.explore import Explorer
from xlparity.check.formulas import FormulaIndex, MappedAreas, neighbours_formula, reaches_beyond
from xlparity.check.judge import hold
from xlparity.check.reference import Program
from xlparity.errors import FormulaError, MapError
from xlparity.formula.ast import Call, CellReference, Expression, TableReference, walk
from xlparity.formula.edits import additions, replacements, single_edits
from xlparity.formula.parse import parse
from xlparity.formula.show import show
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.value import Values
from xlparity.model.verdict import Repair

__all__ = ["Repairer"]

_SAMPLES = 60
_MOST_CELLS = 4_000_000  # that are evaluated for each fault, over all samples
_LEAST = 10  # samples that must tell something
_MOST_CANDIDATES = 4_000
_MOST_OPERANDS = 48  # cells of its operands that a formula may have missed or taken for another
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
    """

    def __init__(
        self, program: Program, book: Book, index: FormulaIndex, values: Values, explorer: Explorer
    ) -> None:  # fmt: skip
        self._program, self._book, self._index, self._values, self._explorer = program, book, index, values, explorer
        self._shown = {key: hold(values, row.block, row.dtype).values for key, row in program.shown.items()}
        self._mapped = MappedAreas([row.block for row in (*program.rows.values(), *program.shown.values())])
        self._samples = explorer.samples(_LEAST + 2, _SAMPLES, _MOST_CELLS)

    def repair(self, name: str, at: tuple[int, ...], misread: bool) -> Repair | None:
        """The repair of element `at` of the computed tensor `name`; None where no single edit mends it.

        None too for a cell that is right on all samples (a value that an engine or a file has otherwise) unless it is
        `misread`, wrong in what it reads, whatever its value; and where the formula depends on the place in which it
        stands (ROW() without a reference).
        """
        block = self._program.rows[name].block
        cell = block.cell(at)
        text = self._index.text(cell)
        if not self._samples or self._index.count > _MOST_FORMULAS:
            return None
        candidates = list(dict.fromkeys(self._candidates(name, cell, text)))[:_MOST_CANDIDATES]
        sheet = self._book.sheet(cell.sheet)
        column = _free_column(sheet)
        if not candidates or column >= MAX_COLUMNS:
            return None
        texts = candidates if text is None else [text, *candidates]
        fills = tuple(Fill(Area.of(sheet.name, row, column), one) for row, one in enumerate(texts))
        extended = replace(sheet, fills=(*sheet.fills, *fills))
        sheets = tuple(extended if one.name == sheet.name else one for one in self._book.sheets)
        trace = self._explorer.trace(self._samples, replace(self._book, sheets=sheets))
        gives = trace.tensor(Area.of(sheet.name, 0, column, len(texts), 1)).numpy()[:, :, 0]
        agrees = np.ones(len(texts), bool)
        told = 0
        needed = self._read_for(name)
        for number, held in enumerate(self._explorer.held(trace, len(self._samples), needed)):
            try:
                near = self._program.local(name, {one: each.values for one, each in held.items()}, self._shown)
            except MapError:
                continue
            expected, bound = float(near.value[at]), float(near.radius[at])
            if not (np.isfinite(expected) and np.isfinite(bound)):
                continue
            told += 1
            with np.errstate(invalid="ignore"):
                agrees &= np.abs(gives[min(number, len(gives) - 1)] - expected) <= bound
        right = [texts[number] for number in np.flatnonzero(agrees).tolist()]
        if told < _LEAST or (right[:1] == [text] and not misread):
            return None
        for one in right:
            areas = self._index.read_by(one, cell.sheet)
            if one != text and reaches_beyond(areas, self._values, cell, self._mapped) is None:
                return Repair(one, told)
        return None

    def _read_for(self, name: str) -> set[str]:
        """The tensors that `Program.local` asks for, those between the two of a gradient too."""
        needed = {name, *self._program.operands(name)}
        for of, wrt in self._program.expressions[name].grads:
            for one in self._program.between(of, wrt):
                needed |= {one, *self._program.operands(one)}
        return needed

    def _candidates(self, name: str, cell: Cell, text: str | None) -> Iterator[str]:
        like = neighbours_formula(self._index, self._program.rows[name].block, cell)
        if like is not None and like != text and _depends_on_cells_alone(like):
            yield like
        if text is None or not _depends_on_cells_alone(text):
            return
        expression = parse(text)
        yield from map(show, single_edits(expression))
        operands = list(self._operand_cells(name, cell))
        yield from map(show, additions(expression, operands))
        yield from map(show, replacements(expression, operands))

    def _operand_cells(self, name: str, cell: Cell) -> Iterator[CellReference]:
        """Cells of the tensors that torch computes `name` from, the small tensors (a bias, a rate) first."""
        rows = {one: self._program.rows[one] for one in self._program.operands(name)}
        count = 0
        for row in sorted(rows.values(), key=lambda one: one.block.size):
            for index in row.block.indices():
                if count == _MOST_OPERANDS:
                    return
                count += 1
                place = row.block.cell(index)
                yield CellReference(place.row, place.column, sheet=None if place.sheet == cell.sheet else place.sheet)


def _depends_on_cells_alone(text: str) -> bool:
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


def _free_column(sheet: Sheet) -> int:
    """A column that nothing stands in."""
    right = max((fill.area.right for fill in sheet.fills), default=0)
    return max(right, int(sheet.constants.column.max(initial=0)) + 1) + 1

"""The single edit that makes of a wrong formula what the solution's means, proved on other numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from xlparity.check.against.explore import Explorer
from xlparity.check.against.judge import contents, on_sheets, on_solution, running_errors
from xlparity.check.against.pairs import Counterparts
from xlparity.check.against.rounding import RunningError
from xlparity.check.formulas import FormulaIndex, neighbours_formula
from xlparity.check.repair import depends_on_cells_alone
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula.ast import CellReference
from xlparity.formula.edits import additions, replacements, single_edits
from xlparity.formula.parse import parse
from xlparity.formula.show import show
from xlparity.model.book import Book
from xlparity.model.cell import Cell
from xlparity.model.verdict import Finding, Repair, Verdict

__all__ = ["with_repairs"]

_MOST_REPAIRS = 16
_SAMPLES, _LEAST = 60, 10
_MOST_CELLS = 4_000_000  # that are evaluated for each fault, over all samples
_MOST_CANDIDATES = 4_000
_MOST_OPERANDS = 48
_MOST_FORMULAS = 200_000
_NEAR = 1e-9  # candidates within this part of the value are then held to their rounding error
_PROVED = 8  # samples on which that is computed, those that differ most
_SHORTLIST = 12


def with_repairs(
    findings: Sequence[Finding], book: Book, index: FormulaIndex, parts: Counterparts, explorer: Explorer,
    progress: Callable[[str], None],
) -> list[Finding]:  # fmt: skip
    """`findings` with the single edits that mend the first faults among them, each on its own."""
    wrong = [one for one in findings if one.verdict is Verdict.FAULT and one.engine == EmbeddedEngine.name]
    names = {sheet.name for sheet in book.sheets}
    wrong = [one for one in wrong if one.cell.sheet in names][:_MOST_REPAIRS]
    if not wrong or not parts.given or index.count > _MOST_FORMULAS:
        return list(findings)
    progress("looking for repairs")
    repairer = _Repairer(book, index, parts, explorer)
    found = {one.cell: repairer.repair(one) for one in wrong}
    return [replace(one, repair=found.get(one.cell)) if one.verdict is Verdict.FAULT else one for one in findings]


class _Repairer:
    def __init__(self, book: Book, index: FormulaIndex, parts: Counterparts, explorer: Explorer) -> None:
        self._book, self._index, self._parts, self._explorer = book, index, parts, explorer
        self._theirs = FormulaIndex(parts.solution)
        count = max(_LEAST + 2, min(_SAMPLES, explorer.at_a_time(_MOST_CELLS)))
        samples, wanted, good = explorer.draw(count)
        kept = np.flatnonzero(good).tolist()
        self._samples = [samples[number] for number in kept]
        self._wanted = [array[good] for array in wanted]
        self._places = {pair.name: number for number, pair in enumerate(parts.judged)}

    def repair(self, finding: Finding) -> Repair | None:
        """The repair of one faulty cell; None where no single edit mends it."""
        number = self._places[finding.tensor]
        cell, text = finding.cell, self._index.text(finding.cell)
        right = np.array([each[finding.index] for each in self._wanted[number]])
        usable = np.isfinite(right)
        candidates = [one for one in dict.fromkeys(self._candidates(number, finding, text)) if one != text]
        candidates = candidates[:_MOST_CANDIDATES]
        if usable.sum() < _LEAST or not candidates:
            return None
        gives = self._explorer.bench.tries(cell.sheet, candidates, self._samples, self._wanted)[usable]
        with np.errstate(invalid="ignore"):
            size = np.maximum(np.abs(gives), np.abs(right[usable, None]))
            apart = np.abs(gives - right[usable, None])
            likely = np.flatnonzero((apart <= _NEAR * size).all(0))[:_SHORTLIST].tolist()
        for one in likely:
            if self._reads_itself(finding.cell, candidates[one]):
                continue
            exact = bool((apart[:, one] == 0).all())
            if exact or self._proved(number, finding, candidates[one], np.flatnonzero(usable), apart[:, one]):
                return Repair(candidates[one], int(usable.sum()))
        return None

    def _proved(self, number: int, finding: Finding, text: str, usable: np.ndarray, apart: np.ndarray) -> bool:
        """Whether `text` gives what the solution's formula does within the rounding of both, where they differ most."""
        pairs, pair, engine = self._parts.judged, self._parts.judged[number], EmbeddedEngine()
        need = np.zeros(pair.student.shape, bool)
        need[finding.index] = True
        for place in np.argsort(-apart)[:_PROVED].tolist():
            sample = self._samples[int(usable[place])]
            expected = [array[int(usable[place])] for array in self._wanted]
            right = engine.evaluate(self._parts.solution, inputs=self._explorer.bench.solution_areas(sample))
            forced = on_sheets(self._book, pairs, expected, self._explorer.truths)
            wanted = [contents(right, one.solution, one.dtype, {}) for one in pairs]
            own = engine.evaluate(self._book, inputs=self._explorer.bench.student_areas(sample), forced=forced)
            mine = RunningError(self._book, self._index, own, forced, {}).of_text(text, finding.cell)
            theirs = RunningError(self._parts.solution, self._theirs, right, on_solution(pairs, wanted), {})
            allowed = running_errors(pair.solution, need, self._theirs, theirs)[finding.index]
            if mine is None or not abs(mine[0] - expected[number][finding.index]) <= mine[1] + allowed:
                return False
        return True

    def _reads_itself(self, cell: Cell, text: str) -> bool:
        """Whether `text` in `cell` reads that cell, over however many formulas."""
        todo = self._index.read_by(text, cell.sheet)
        seen = set(todo)
        while todo:
            area = todo.pop()
            if cell in area:
                return True
            for fill in self._index.fills_in(area):
                part = fill.area.intersection(area)
                assert part is not None  # since the fill is one of those in the area
                for read in part.cells():
                    new = set(self._index.precedents(read)) - seen
                    seen |= new
                    todo += new
        return False

    def _candidates(self, number: int, finding: Finding, text: str | None) -> Iterator[str]:
        pair = self._parts.judged[number]
        like = neighbours_formula(self._index, pair.student, finding.cell)
        if like is not None and depends_on_cells_alone(like):
            yield like
        if text is None and pair.student == pair.solution:
            theirs = self._theirs.text(finding.cell)
            if theirs is not None and depends_on_cells_alone(theirs):
                yield theirs
        if text is None or not depends_on_cells_alone(text):
            return
        expression = parse(text)
        yield from map(show, single_edits(expression))
        operands = list(islice(self._operands(number, finding), _MOST_OPERANDS))
        yield from map(show, additions(expression, operands))
        yield from map(show, replacements(expression, operands))

    def _operands(self, number: int, finding: Finding) -> Iterator[CellReference]:
        """The student's cells that stand for those which the solution's formula reads, small areas first."""
        theirs = self._parts.judged[number].solution.cell(finding.index)
        for area in sorted(self._theirs.precedents(theirs), key=lambda one: one.size):
            for read in area.cells() if area.size <= 10_000 else ():
                place = self._stands_for(read)
                if place is not None:
                    sheet = None if place.sheet == finding.cell.sheet else place.sheet
                    yield CellReference(place.row, place.column, sheet=sheet)

    def _stands_for(self, cell: Cell) -> Cell | None:
        for pair in (*self._parts.judged, *self._parts.given):
            if cell in pair.solution:
                return pair.student.cell(pair.solution.index(cell))
        return None

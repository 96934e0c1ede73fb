"""Why a cell is not the solution's, in one sentence that names what to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xlparity.check.against.explore import Explored, Explorer
from xlparity.check.against.judge import Content, Judgement
from xlparity.check.against.pairs import Counterparts
from xlparity.check.formulas import FormulaIndex, neighbours_formula
from xlparity.check.judge import show_value
from xlparity.check.origin import Origins
from xlparity.engines.cached import CachedValues
from xlparity.formula.a1 import show_cell
from xlparity.model.book import Book
from xlparity.model.cell import Cell
from xlparity.model.engine import Engine
from xlparity.model.value import ERROR_TEXTS, Error, Kind, Values
from xlparity.model.verdict import Counterexample, Finding, Verdict, show_typed

__all__ = ["Because"]


class Because:
    """Turns judged cells into findings; `before` are the verdicts of each pair before any sample."""

    def __init__(
        self, book: Book, index: FormulaIndex, values: Values, parts: Counterparts, origins: Origins,
        explorer: Explorer, explored: Explored | None, before: Sequence[NDArray[np.int8]],
    ) -> None:  # fmt: skip
        self._index, self._values, self._parts, self._origins = index, values, parts, origins
        self._theirs = FormulaIndex(parts.solution)
        self._sheets = {sheet.name for sheet in book.sheets}
        self._explorer, self._explored, self._before = explorer, explored, before

    def finding(
        self, number: int, judged: Judgement, at: tuple[int, ...], elsewhere: tuple[Engine, Content, Values] | None
    ) -> Finding:
        """The finding for element `at` of the judged pair `number`; `elsewhere` is an engine that has another value."""
        pair = self._parts.judged[number]
        cell, theirs = pair.student.cell(at), pair.solution.cell(at)
        verdict = list(Verdict)[int(judged.verdicts[at])]
        content, values, engine = judged.has, self._values, "embedded"
        if elsewhere is not None:
            engine, content, values = elsewhere[0].name, elsewhere[1], elsewhere[2]
        value, text = values.scalar(cell), self._index.text(cell)
        actual, expected = float(content.values[at]), float(judged.wanted.values[at])
        origin = self._origins.of(cell) if verdict is Verdict.INHERITED else None
        counterexample: Counterexample | None = None
        match verdict:
            case Verdict.INHERITED:
                because = self._inherited(origin)
            case Verdict.UNDECIDED:
                because = self._undecided(judged, cell, theirs, at)
            case _ if elsewhere is not None:
                because = (
                    "stale: the file remembers a value that the formula does not give; recalculate and save"
                    if engine == CachedValues.name
                    else f"its formula is right, but {engine} gives {show_value(value)} for it"
                    if isinstance(value, Error)
                    else f"its formula is right, but {engine} computes another value from it"
                )
            case _:
                because = self._fault(judged, cell, theirs, at)
                if self._explored is not None and (sample := int(self._explored.sample[number][at])) >= 0:
                    counterexample, because = self._coincidence(number, at, sample, theirs)
        return Finding(
            cell, pair.name, at, verdict,
            f"={text}" if text is not None else "" if value is None else show_value(value),
            show_value(value) if np.isnan(actual) else actual,
            None if np.isnan(expected) else expected,
            None if np.isnan(actual - expected) else actual - expected,
            None if np.isnan(judged.bound[at]) else float(judged.bound[at]),
            because, origin, engine, counterexample,
        )  # fmt: skip

    def _inherited(self, origin: Cell | None) -> str:
        if origin is None:
            return "its formula is right, but a cell that it reads is wrong"
        text = self._index.text(origin)
        return f"inherited from {show_cell(origin)}" + (f" ={text}" if text is not None else "")

    def _undecided(self, judged: Judgement, cell: Cell, theirs: Cell, at: tuple[int, ...]) -> str:
        if judged.has.kind[at] == Kind.UNDECIDED:
            return f"not evaluated: {self._values.notes[cell].because}"
        wanted = judged.wanted
        if wanted.kind[at] == Kind.UNDECIDED:
            return f"the solution's ={self._theirs.text(theirs)} could not be evaluated"
        if wanted.kind[at] == Kind.ERROR:
            error = ERROR_TEXTS[Error(int(wanted.number[at]))]
            return f"the solution's own ={self._theirs.text(theirs)} gives {error} on this workbook's numbers"
        return (
            f"it is not written as the solution's ={self._theirs.text(theirs)}, and no rounding error is known for a "
            "function of one of the two; give --rtol and --atol"
        )

    def _fault(self, judged: Judgement, cell: Cell, theirs: Cell, at: tuple[int, ...]) -> str:
        solution = f"the solution has ={self._theirs.text(theirs)}"
        text = self._index.text(cell)
        if cell.sheet not in self._sheets:
            return f"there is no sheet {cell.sheet!r}; {solution} there"
        if text is None:
            if judged.has.kind[at] == Kind.BLANK:
                return f"the cell is empty; {solution}"
            return f"hard-coded: a constant stands where {solution}"
        like = neighbours_formula(self._index, self._parts.judged[self._number(cell)].student, cell)
        hint = f"; its neighbours fill ={like}" if like is not None and like != text else ""
        if judged.has.kind[at] == Kind.ERROR and judged.gives.kind[at] == Kind.ERROR:
            why = self._values.notes[cell].because
            return f"its formula gives {show_value(self._values.scalar(cell))} ({why}); {solution}{hint}"
        if judged.gives.kind[at] == Kind.NUMBER and judged.wanted.kind[at] == Kind.NUMBER:
            if judged.gives.same(judged.wanted)[at]:
                return f"its formula is right on the solution's values alone; {solution}{hint}"
            gives, wanted = float(judged.gives.number[at]), float(judged.wanted.number[at])
            return f"on the same values it gives {gives!r}, {solution}, which gives {wanted!r}{hint}"
        kind = "text" if judged.gives.kind[at] == judged.wanted.kind[at] == Kind.TEXT else "kind of value"
        return f"its formula gives another {kind} than the solution's; {solution}{hint}"

    def _number(self, cell: Cell) -> int:
        return next(number for number, pair in enumerate(self._parts.judged) if cell in pair.student)

    def _coincidence(
        self, number: int, at: tuple[int, ...], sample: int, theirs: Cell
    ) -> tuple[Counterexample | None, str]:
        solution = f"the solution has ={self._theirs.text(theirs)}"
        match list(Verdict)[int(self._before[number][at])]:
            case Verdict.UNDECIDED:
                how = "undecided at the sheet's own numbers"
            case Verdict.INHERITED:
                how = "its formula is right at the sheet's own numbers by coincidence"
            case _:
                how = "right at the sheet's own numbers by coincidence"
        found = self._explorer.counterexample(number, at, sample)
        if found is None:
            return None, f"{how}; wrong on sample {sample + 1}; {solution}"
        typed = ", ".join(f"{show_cell(cell)} = {show_typed(value)}" for cell, value in found.changes)
        gives = "no number" if np.isnan(found.actual) else repr(found.actual)
        return found, f"{how}: with {typed} it gives {gives}, {solution}, which gives {found.expected!r}"

"""Why a cell has its verdict, in one sentence that names what to look at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from xlparity.check.explore import Explored, Explorer
from xlparity.check.formulas import FormulaIndex, neighbours_formula
from xlparity.check.judge import Judged, Opinion, show_value
from xlparity.check.model import HeldModel, Parameter
from xlparity.check.origin import Origins
from xlparity.check.reference import Program
from xlparity.engines.cached import CachedValues
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula.a1 import show_cell
from xlparity.model.cell import Cell
from xlparity.model.map import MapRow, Role
from xlparity.model.value import Kind
from xlparity.model.verdict import Counterexample, Finding, Verdict, show_typed

__all__ = ["Because"]


class Because:
    """Turns judged cells into findings."""

    def __init__(
        self,
        index: FormulaIndex,
        program: Program,
        formula_faults: Mapping[Cell, str],
        origins: Origins,
        model: HeldModel | None = None,
        elsewhere: tuple[Explorer, Explored] | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._index, self._program, self._faults, self._origins = index, program, formula_faults, origins
        self._foreign = {} if model is None else model.foreign

    def of_parameter(self, parameter: Parameter, at: tuple[int, ...]) -> Finding:
        """The finding for element `at` of a parameter that is not the model's to the last digit."""
        cell = parameter.row.block.cell(at)
        text = self._index.text(cell)
        actual, expected = float(parameter.held.values[at]), float(parameter.expected[at])
        verdict = list(Verdict)[int(parameter.verdicts[at])]
        return Finding(
            cell, parameter.row.tensor, at, verdict, f"={text}" if text is not None else repr(actual), actual, expected,
            actual - expected, float(parameter.bound[at]),
            parameter.reason if verdict is Verdict.EXPLAINED
            else f"the model's {parameter.row.tensor} has another number here; the sheet is not this model",
        )  # fmt: skip

    def finding(self, opinion: Opinion, number: int, at: tuple[int, ...], verdict_number: int) -> Finding:
        """The finding for element `at` of the opinion's judged row `number`."""
        judged = opinion.judged[number]
        row = judged.row
        cell = row.block.cell(at)
        verdict = list(Verdict)[verdict_number]
        text = self._index.text(cell)
        value = opinion.values.scalar(cell)
        actual, expected, bound = (
            float(array[at]) for array in (judged.held.values, judged.expected, judged.bound)
        )  # fmt: skip
        own = self._of_module(row, at)
        expected = expected if np.isnan(own) else own
        number_held = not np.isnan(actual)
        unknown = judged.held.kinds[at] == Kind.UNDECIDED
        origin, counterexample = None, None
        match verdict:
            case Verdict.INHERITED:
                origin = self._origins.of(cell)
                because = self._inherited(origin)
            case Verdict.EXPLAINED:
                reason = opinion.reasons[number] or "the rounding of PyTorch's inputs to their dtype"
                because = f"explained by {reason}: the difference may be up to {bound:.1e}"
            case Verdict.UNDECIDED:
                because = self._undecided(opinion, judged, cell, at)
            case _ if row.role is Role.EXPECTED:
                because = "PyTorch does not give this value for the inputs that the sheet shows as PyTorch's"
            case _:
                counterexample, coincidence = self._coincidence(row.tensor, at)
                because = coincidence or self._fault(opinion, judged, cell, at)
        return Finding(
            cell, row.tensor, at, verdict,
            f"={text}" if text is not None else "" if value is None else show_value(value),
            actual if number_held else "undecided" if unknown else show_value(value),
            _known(expected), _known(actual - expected), _known(bound),
            because, origin, opinion.engine.name, counterexample,
        )  # fmt: skip

    def _coincidence(self, name: str, at: tuple[int, ...]) -> tuple[Counterexample | None, str]:
        """Where a cell is right at the sheet's own numbers alone: the numbers that show it, and a sentence."""
        if self._elsewhere is None:
            return None, ""
        explorer, explored = self._elsewhere
        sample = int(explored.sample[name][at])
        if sample < 0:
            return None, ""
        found = explorer.counterexample(name, at, sample)
        if found is None:
            wrong = f"wrong on sample {sample + 1} of others"
            return None, f"its formula is right at the sheet's own numbers by coincidence; {wrong}"
        typed = ", ".join(f"{show_cell(cell)} = {show_typed(number)}" for cell, number in found.changes)
        gives = "no number" if np.isnan(found.actual) else repr(found.actual)
        return found, (
            f"right at the sheet's own numbers by coincidence: with {typed} it gives {gives}, torch {found.expected!r}"
        )

    def _of_module(self, row: MapRow, at: tuple[int, ...]) -> float:
        """What the model's module gives where the map's expression does not give that; else NaN."""
        own = self._foreign.get(row.tensor) if row.role is Role.COMPUTED else None
        return float("nan") if own is None else float(own[at])

    def _inherited(self, origin: Cell | None) -> str:
        if origin is None:
            return "its formula is right, but a cell that it reads is wrong"
        text = self._index.text(origin)
        return f"inherited from {show_cell(origin)}" + (f" ={text}" if text is not None else "")

    def _undecided(self, opinion: Opinion, judged: Judged, cell: Cell, at: tuple[int, ...]) -> str:
        if judged.held.kinds[at] == Kind.UNDECIDED:
            note = opinion.values.notes.get(cell)
            if note is None:
                return f"{opinion.engine.name} could not evaluate it"
            where = "" if note.origin == cell else f" in {show_cell(note.origin)}"
            return f"not evaluated: {note.because}{where}"
        unread = next((name for name in opinion.unread if name in self._program.upstream(judged.row.tensor)), None)
        if np.isnan(judged.expected[at]) and unread is not None:
            given = opinion.unread[unread]
            note = opinion.values.notes.get(given)
            why = f": {note.because}" if note is not None else ""
            engine = opinion.engine.name
            return f"it is computed from {unread}, which {engine} could not evaluate in {show_cell(given)}{why}"
        if not np.isfinite(judged.expected[at]):
            return f"torch gives {judged.expected[at]}, which no cell can hold"
        if judged.row.role is Role.EXPECTED and np.isfinite(judged.bound[at]):
            return "the printed digits of the numbers that it is computed from leave it open; give more of their digits"
        return "no sound bound is known for an operation of its torch expression; give --rtol and --atol"

    def _fault(self, opinion: Opinion, judged: Judged, cell: Cell, at: tuple[int, ...]) -> str:
        text = self._index.text(cell)
        like = neighbours_formula(self._index, judged.row.block, cell)
        hint = f"; its neighbours fill ={like}" if like is not None and like != text else ""
        if text is None:
            if judged.held.kinds[at] == Kind.BLANK:
                return f"the cell is empty, but the map says that it is computed{hint}"
            return f"hard-coded: a constant stands where the map says computed{hint}"
        if cell in self._faults:
            return self._faults[cell]
        own = self._of_module(judged.row, at)
        if not np.isnan(own):
            return f"the model's {judged.row.tensor} gives {own!r}; the map's expression {judged.row.torch} is not it"
        if isinstance(opinion.engine, CachedValues):
            return "stale: the file remembers a value that the formula does not give; recalculate and save"
        gives, engine = float(judged.formula_gives[at]), opinion.engine.name
        # What the embedded engine gives is the formula's own: it is further off than this one operation may round.
        right = engine != EmbeddedEngine.name and abs(gives - judged.expected[at]) <= judged.bound[at]
        if judged.held.kinds[at] == Kind.ERROR:
            error = show_value(opinion.values.scalar(cell))
            if right:
                return f"its formula is right, but {engine} gives {error} for it"
            note = opinion.values.notes.get(cell)
            return f"its formula gives {error}" + (f" ({note.because})" if note is not None else "") + hint
        if np.isnan(gives):
            return f"its formula gives no number on right operands{hint}"
        if right:
            return f"its formula is right, but {engine} computes another value from it"
        return f"its formula does not compute {judged.row.torch}: it gives {gives!r} on right operands{hint}"


def _known(number: float) -> float | None:
    return None if np.isnan(number) else number

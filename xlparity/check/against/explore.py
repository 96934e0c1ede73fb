"""Two workbooks on other numbers than those that stand in them.

The numbers that both type in take other values; the solution's formulas give the right values of every sample, and the
student's formulas are evaluated on these, all samples as one batch. Where a cell differs, the samples in which it
differs most are judged as the workbook itself is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xlparity.check.against.bench import Bench, Sample
from xlparity.check.against.judge import (
    Judgement,
    allowed_differences,
    contents,
    is_gross,
    on_sheets,
    on_solution,
    truths,
)
from xlparity.check.against.pairs import Counterparts, alike
from xlparity.check.against.places import Places
from xlparity.check.against.rounding import RunningError
from xlparity.check.explore import MOVES, beside, moved
from xlparity.check.formulas import FormulaIndex
from xlparity.check.judge import FAULT, INHERITED, Array, Tolerance, hold
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.book import Book
from xlparity.model.cell import Cell
from xlparity.model.value import Kind, Values
from xlparity.model.verdict import Counterexample

__all__ = ["Explored", "Explorer"]

_MOST_CELLS = 20_000_000  # that are evaluated at a time, over all samples
_WORST = 3  # samples in which each differing cell is judged
_NEAR = 1e-9  # a smaller part of a value is left to the samples that differ most
_MOST_TRIALS = 200  # samples that making one counterexample small may take
_MOST_CHANGES = 24  # numbers that a person would type
_MOST_MINIMISED = 8


@dataclass(frozen=True, slots=True)
class Explored:
    """What the samples came to, by judged pair: `verdicts`, the first `sample` in which a cell is wrong, -1 for none.

    `never` counts the cells that no sample could compare.
    """

    samples: int
    verdicts: list[NDArray[np.int8]]
    sample: list[NDArray[np.int64]]
    never: int


class Explorer:
    """Draws samples and judges them."""

    def __init__(
        self, book: Book, index: FormulaIndex, parts: Counterparts, judged: Sequence[Judgement], seed: int,
        tolerance: Tolerance | None,
    ) -> None:  # fmt: skip
        self._book, self._index, self._parts, self._tolerance = book, index, parts, tolerance
        self.truths = truths(parts.judged, [one.has for one in judged], [one.wanted for one in judged])
        self._theirs = FormulaIndex(parts.solution)
        self._random = np.random.default_rng(seed)
        values = Values({sheet.name: sheet.constants for sheet in parts.solution.sheets})
        held = [hold(values, pair.solution, pair.dtype) for pair in parts.given]
        self.own: Sample = [one.values for one in held]
        self._given_truths = [one.truths for one in held]
        self._moves = {**MOVES, "beside constants": beside(self._theirs.numbers())}
        self._drawn: list[Sample] = []
        self._minimised = 0
        self._bench: Bench | None = None

    @property
    def bench(self) -> Bench:
        """Where formulas are tried on the samples; made when it is needed."""
        if self._bench is None:
            self._bench = Bench(self._book, self._parts, self.own, (self.truths, self._given_truths))
        return self._bench

    def explore(self, samples: int, known: Sequence[NDArray[np.bool_]], progress: Callable[[str], None]) -> Explored:
        """Judge `samples` samples; cells that are `known` to be wrong at the sheet's own numbers are passed over."""
        pairs = self._parts.judged
        verdicts = [np.zeros(pair.student.shape, np.int8) for pair in pairs]
        first = [np.full(pair.student.shape, -1) for pair in pairs]
        compared = [np.zeros(pair.student.shape, bool) for pair in pairs]
        formula = [self._index.mask_of(pair.student) for pair in pairs]
        # The same formula needs no judgement on other numbers, only to be compared.
        other = [mask & ~alike(pair, self._index, self._theirs) for mask, pair in zip(formula, pairs, strict=True)]
        while self._parts.given and len(self._drawn) < samples:
            count = min(self.at_a_time(_MOST_CELLS), samples - len(self._drawn))
            progress(f"samples {len(self._drawn) + 1} to {len(self._drawn) + count} of {samples}")
            start = len(self._drawn)
            chunk, wanted, good = self.draw(count)
            self._drawn += chunk
            gives = self.bench.gives(chunk, wanted)
            doubtful: dict[int, list[NDArray[np.bool_]]] = {}
            for place, (one, right) in enumerate(zip(gives, wanted, strict=True)):
                both = np.isfinite(one) & np.isfinite(right) & _lanes(good, one)
                compared[place] |= both.any(0)
                for number, mask in _worst(one, right, both & ~known[place] & other[place]):
                    masks = doubtful.setdefault(number, [np.zeros(pair.student.shape, bool) for pair in pairs])
                    masks[place] |= mask
            for number in sorted(doubtful):
                needs = [mask & (array != FAULT) for mask, array in zip(doubtful[number], verdicts, strict=True)]
                wrong, reached = self._judged(chunk[number], needs)
                for place, mask in enumerate(wrong):
                    verdicts[place][mask] = FAULT
                    first[place][mask] = start + number
                    passed_on = reached[place] & (verdicts[place] != FAULT) & ~known[place] & formula[place]
                    verdicts[place][passed_on] = INHERITED
        never = sum(int((mask & ~seen & ~k).sum()) for mask, seen, k in zip(formula, compared, known, strict=True))
        return Explored(len(self._drawn), verdicts, first, never if self._parts.given else 0)

    def at_a_time(self, most_cells: int) -> int:
        """How many samples may be evaluated together."""
        return max(1, most_cells // max(self.bench.cells, 1))

    def draw(self, count: int) -> tuple[list[Sample], list[Array], NDArray[np.bool_]]:
        """Samples, the solution's values on them, and on which these are numbers as at the sheet's own.

        A sample on which a cell of the solution has no number (a logarithm of a negative one) is drawn again near the
        sheet's own numbers.
        """
        samples = [self._sample(number) for number in range(count)]
        own = self.bench.wanted([self.own])
        wanted = self.bench.wanted(samples)
        good = _usable(own, wanted, count)
        for move in ("within", "near"):
            bad = np.flatnonzero(~good).tolist()
            if not bad:
                break
            again = [[self._moved(place, move) for place in range(len(self.own))] for _ in bad]
            values = self.bench.wanted(again)
            for place, number in enumerate(bad):
                samples[number] = again[place]
                for array, new in zip(wanted, values, strict=True):
                    array[number] = new[place]
            good = _usable(own, wanted, count)
        return samples, wanted, good

    def _sample(self, number: int) -> Sample:
        """In turn all numbers moved in one way, each area in its own, and some of the areas alone."""
        turn, at = divmod(number, len(self._moves))
        moves = list(self._moves)
        if turn % 3 == 0:
            return [self._moved(place, moves[at]) for place in range(len(self.own))]
        names = [str(self._random.choice(moves)) for _ in self.own]
        if turn % 3 == 1:
            return [self._moved(place, name) for place, name in enumerate(names)]
        kept = self._random.random(len(self.own)) < 0.5
        return [
            self.own[place].copy() if stays else self._moved(place, name)
            for place, (name, stays) in enumerate(zip(names, kept, strict=True))
        ]

    def _moved(self, place: int, move: str) -> Array:
        own, least = self.own[place], self._least[place]
        drawn = moved(own, self._parts.given[place].dtype, self._moves[move], self._random)
        is_place = (own >= least) & (least >= 0) & (own == np.trunc(own))
        if not is_place.any():
            return drawn
        low = np.where(is_place, least, 0.0).astype(np.int64)
        high = np.where(is_place, np.maximum(own, least + 1), 0.0).astype(np.int64)
        return np.where(is_place, self._random.integers(low, high + 1), drawn)

    @cached_property
    def _least(self) -> list[Array]:
        """The least place that each given number may be in a formula of either workbook."""
        student, solution = Places(self._book), Places(self._parts.solution)
        return [np.maximum(student.least(pair.student), solution.least(pair.solution)) for pair in self._parts.given]

    def _judged(
        self, sample: Sample, needs: Sequence[NDArray[np.bool_]]
    ) -> tuple[list[NDArray[np.bool_]], list[NDArray[np.bool_]]]:
        """Which of the needed cells are wrong in a sample, and to which others that reaches."""
        engine, pairs = EmbeddedEngine(), self._parts.judged
        texts: dict[str, int] = {}
        solution = self._parts.solution
        inputs = self.bench.student_areas(sample)
        right = engine.evaluate(solution, inputs=self.bench.solution_areas(sample))
        wanted = [contents(right, pair.solution, pair.dtype, texts) for pair in pairs]
        expected = [one.values for one in wanted]
        forced = on_sheets(self._book, pairs, [one.operands for one in wanted], self.truths)
        own = engine.evaluate(self._book, inputs=inputs, forced=forced)
        gives = [contents(own, pair.student, pair.dtype, texts) for pair in pairs]
        needs = [need & ~one.same(other) for need, one, other in zip(needs, gives, wanted, strict=True)]
        if self._tolerance is not None:
            allowed = [self._tolerance.atol + self._tolerance.rtol * np.abs(one) for one in expected]
        else:
            allowed = allowed_differences(
                pairs, needs,
                (self._index, RunningError(self._book, self._index, own, forced, {})),
                (self._theirs, RunningError(solution, self._theirs, right, on_solution(pairs, wanted), {})),
            )  # fmt: skip
        wrong = []
        for need, one, other, bound in zip(needs, gives, wanted, allowed, strict=True):
            with np.errstate(invalid="ignore"):
                near = np.abs(one.values - other.values) <= bound
            unsure = np.isnan(bound) & ~is_gross(one, other) & (one.kind == Kind.NUMBER)
            # An error of Excel's (EXP overflows) tells nothing, since the numbers are ours.
            both = (one.kind == other.kind) & ((one.kind == Kind.NUMBER) | (one.kind == Kind.BOOLEAN))
            wrong.append(need & ~near & ~unsure & both)
        if not any(mask.any() for mask in wrong):
            return wrong, wrong
        actual = engine.evaluate(self._book, inputs=inputs)
        has = [contents(actual, pair.student, pair.dtype, texts) for pair in pairs]
        return wrong, [is_gross(one, other) & (one.kind == Kind.NUMBER) for one, other in zip(has, wanted, strict=True)]

    # -- counterexamples ------------------------------------------------------------------------------------------

    def counterexample(self, number: int, at: tuple[int, ...], sample: int) -> Counterexample | None:
        """The numbers to type into the workbook with which element `at` of pair `number`, wrong in `sample`, shows it.

        Made as few and as round as can be for the first ones; None if there are too many to be typed.
        """
        given = self._drawn[sample]
        cell = self._parts.judged[number].student.cell(at)
        text = self._index.text(cell)
        assert text is not None  # only formulas are judged on samples
        self._minimised += 1
        if self._minimised <= _MOST_MINIMISED:
            small = self._rounded(cell, text, number, at, self._reduced(cell, text, number, at, given))
            need = [np.zeros(pair.student.shape, bool) for pair in self._parts.judged]
            need[number][at] = True
            if self._judged(small, need)[0][number][at]:
                given = small
        changes = tuple(
            (pair.student.cell(tuple(spot)), (bool if truth[tuple(spot)] else float)(array[tuple(spot)]))
            for pair, array, own, truth in zip(self._parts.given, given, self.own, self._given_truths, strict=True)
            for spot in np.argwhere(array != own).tolist()
        )
        if not 0 < len(changes) <= _MOST_CHANGES:
            return None
        # What a person sees who types these numbers.
        actual = EmbeddedEngine().evaluate(self._book, inputs=self.bench.student_areas(given)).scalar(cell)
        wanted = self.bench.wanted([given])[number][0][at]
        shown = float(actual) if isinstance(actual, bool | float) else float("nan")
        return Counterexample(changes, shown, float(wanted))

    def _shows(
        self, cell: Cell, text: str, number: int, at: tuple[int, ...], samples: Sequence[Sample]
    ) -> NDArray[np.bool_]:
        wanted = self.bench.wanted(samples)
        gives = self.bench.tries(cell.sheet, [text], samples, wanted)[:, 0]
        right = np.array([each[at] for each in wanted[number]])
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(gives - right) > _NEAR * np.maximum(np.abs(gives), np.abs(right)))

    def _reduced(self, cell: Cell, text: str, number: int, at: tuple[int, ...], given: Sample) -> Sample:
        """`given` with as many numbers as possible back at the sheet's (delta debugging: Zeller, Hildebrandt 2002)."""
        changed = [
            (place, int(spot))
            for place, (array, own) in enumerate(zip(given, self.own, strict=True))
            for spot in np.flatnonzero(array != own)
        ]
        parts, trials = 2, 0
        while len(changed) > 1 and trials < _MOST_TRIALS:
            size = -(-len(changed) // parts)
            rest = [changed[:start] + changed[start + size :] for start in range(0, len(changed), size)]
            rest = [one for one in rest if one]
            trials += len(rest)
            shows = self._shows(cell, text, number, at, [self._with(given, one) for one in rest])
            if shows.any():
                changed, parts = rest[int(shows.argmax())], max(parts - 1, 2)
            elif size == 1:
                break
            else:
                parts = min(2 * parts, len(changed))
        return self._with(given, changed)

    def _with(self, given: Sample, changed: Sequence[tuple[int, int]]) -> Sample:
        result = [array.copy() for array in self.own]
        for place, spot in changed:
            result[place].flat[spot] = given[place].flat[spot]
        return result

    def _rounded(self, cell: Cell, text: str, number: int, at: tuple[int, ...], given: Sample) -> Sample:
        rounded = [
            [np.where(array != own, np.round(array, digits), array) for array, own in zip(given, self.own, strict=True)]
            for digits in range(4)
        ]
        shows = self._shows(cell, text, number, at, rounded)
        return rounded[int(shows.argmax())] if shows.any() else given


def _usable(own: Sequence[Array], wanted: Sequence[Array], count: int) -> NDArray[np.bool_]:
    """The samples in which every cell has a number that has one at the sheet's own numbers."""
    good = np.ones(count, bool)
    for one, each in zip(own, wanted, strict=True):
        lost = np.isfinite(one) & ~np.isfinite(each)
        good &= ~lost.reshape((count, -1)).any(1)
    return good


def _lanes(good: NDArray[np.bool_], like: Array) -> NDArray[np.bool_]:
    return good.reshape((-1, *[1] * (like.ndim - 1)))


def _worst(one: Array, other: Array, mask: NDArray[np.bool_]) -> list[tuple[int, NDArray[np.bool_]]]:
    """The samples in which each cell differs most, by the part of its value and by size, with the cells."""
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.maximum(np.abs(one), np.abs(other))
        apart = np.where(mask, np.abs(one - other), 0.0)
        part = np.where(apart > 0, apart / size, 0.0)
    chosen: dict[int, NDArray[np.bool_]] = {}
    for _ in range(_WORST):
        if not (part > 0).any():
            break
        at = part.argmax(0)
        there = np.take_along_axis(part, at[None], 0)[0] > 0
        for number in np.unique(at[there]).tolist():
            chosen[number] = chosen.get(number, False) | (there & (at == number))
        np.put_along_axis(part, at[None], 0.0, 0)
    at = apart.argmax(0)
    there = np.take_along_axis(apart, at[None], 0)[0] > 0
    for number in np.unique(at[there]).tolist():
        chosen[number] = chosen.get(number, False) | (there & (at == number))
    return list(chosen.items())

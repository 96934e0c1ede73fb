"""Parity on other numbers than those that stand in the sheet.

That a sheet agrees with torch at its own numbers may be a coincidence: ABS and ReLU agree on positive numbers, a pasted
constant agrees with the cell it was copied from. So the given tensors (inputs, targets, parameters, hyperparameters)
take other values, the workbook's formulas are evaluated on all samples as one batch, and each sample is judged as the
sheet itself is. What is wrong in one is wrong, and the counterexample is made small enough to be typed into the sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.check.ascend import Ascent
from xlparity.check.elsewhere import areas_of, areas_of_samples
from xlparity.check.formulas import FormulaIndex
from xlparity.check.judge import (
    FAULT,
    INHERITED,
    MATCH,
    UNDECIDED,
    Array,
    Held,
    Judged,
    Tolerance,
    held_in,
    hold,
    judge_computed,
)
from xlparity.check.reference import Program
from xlparity.engines.embedded import EmbeddedEngine, Trace
from xlparity.errors import MapError
from xlparity.model.area import Area
from xlparity.model.book import Book
from xlparity.model.cell import Cell
from xlparity.model.engine import Slack
from xlparity.model.map import Role
from xlparity.model.value import Kind, Values
from xlparity.model.verdict import Counterexample

__all__ = ["MOVES", "UNDERFLOW", "Explored", "Explorer", "beside", "moved"]

_INFINITE = 1e300  # and beyond: stands for infinity, and stays
_SMALLEST = 2.0**-1022  # below it numbers lose precision, and Excel sets them to 0
UNDERFLOW = 1e-200  # differences that no reader of a sheet could see, such as EXP(-709) where torch has 0
_MOST_CELLS = 20_000_000  # that are evaluated at a time, over all samples
_MOST_MINIMISED = 8  # counterexamples that are made small
_MOST_TRIALS = 200  # evaluations that making one of them small may take
_MOST_ASKED = 32  # samples in which cells that inherit an error are asked whether they are wrong themselves
_MOST_CHANGES = 24  # numbers that a person would type

_Sample = dict[str, Array]  # numbers of the varied tensors
_Move = Callable[[Array, np.random.Generator], Array]
_Forced = Callable[[Mapping[str, Array]], Mapping[str, Array]]


class _Drawn(NamedTuple):
    """What the cells hold in one sample, and whether a cell of the workbook overflows there."""

    held: Mapping[str, Held]
    overflowed: bool


@dataclass(frozen=True, slots=True)
class Explored:
    """What the samples came to, by computed tensor, in arrays of its shape.

    `verdicts` is the worst verdict of each element over the samples that could be compared (MATCH, INHERITED, FAULT),
    `compared` in how many that was, `sample` the first one in which it is wrong, -1 for none, `carried` whether its
    formula is right there and the error comes from what it reads.
    """

    samples: int
    verdicts: Mapping[str, NDArray[np.uint8]]
    compared: Mapping[str, NDArray[np.int64]]
    sample: Mapping[str, NDArray[np.int64]]
    carried: Mapping[str, NDArray[np.bool_]]


@dataclass(slots=True)
class _Found:
    """What the samples have come to so far: the arrays of `Explored`, and how often was asked which cells inherit."""

    verdicts: dict[str, NDArray[np.uint8]]
    compared: dict[str, NDArray[np.int64]]
    first: dict[str, NDArray[np.int64]]
    carried: dict[str, NDArray[np.bool_]]
    asked: int = 0

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> _Found:
        """Before any sample."""
        return cls(
            {name: np.zeros(shape, np.uint8) for name, shape in shapes.items()},
            {name: np.zeros(shape, np.int64) for name, shape in shapes.items()},
            {name: np.full(shape, -1) for name, shape in shapes.items()},
            {name: np.zeros(shape, bool) for name, shape in shapes.items()},
        )

    @property
    def any(self) -> bool:
        """Whether a cell was wrong in a sample."""
        return any((array >= 0).any() for array in self.first.values())


class Explorer:
    """A workbook and its map on other numbers.

    Parameters
    ----------
    program, book, index
        The map, the workbook and its formulas.
    values
        What the cells hold at the sheet's own numbers.
    seed
        Of the random numbers.
    tolerance
        Replaces the computed rounding error bound.
    """

    def __init__(
        self, program: Program, book: Book, index: FormulaIndex, values: Values, seed: int,
        tolerance: Tolerance | None = None,
    ) -> None:  # fmt: skip
        self._program, self._book, self._index, self._tolerance = program, book, index, tolerance
        self._random = np.random.default_rng(seed)
        self._own = {name: hold(values, row.block, row.dtype) for name, row in program.rows.items()}
        self._shown = {key: hold(values, row.block, row.dtype).values for key, row in program.shown.items()}
        self._is_formula = {name: index.mask_of(program.rows[name].block) for name in program.expressions}
        self.varied = tuple(self._varied())
        self._moves = {**MOVES, "beside constants": beside(index.numbers())}
        self._samples: list[_Sample] = []
        self._minimised = 0

    def _varied(self) -> Iterator[str]:
        """The given tensors that other values can be typed for, and that torch's expressions read."""
        read = {operand for name in self._program.order for operand in self._program.operands(name)}
        for name, row in self._program.rows.items():
            given = name not in self._program.expressions and row.role is not Role.CONSTANT
            if given and name in read and not self._index.mask_of(row.block).any():
                yield name

    def explore(
        self, samples: int, known: Mapping[str, NDArray[np.bool_]], progress: Callable[[str], None]
    ) -> Explored:
        """Judge `samples` samples; cells that are `known` to be wrong at the sheet's own numbers are passed over."""
        found = _Found.of({name: self._program.rows[name].block.shape for name in self._program.order})
        sound = not any(mask.any() for mask in known.values())
        by_steps = sound and self._tolerance is None
        while self.varied and len(self._samples) < samples:
            chunk = [
                self._sample(at) for at in range(len(self._samples), min(samples, len(self._samples) + self._chunk))
            ]
            for given, drawn in zip(chunk, self._evaluated(chunk), strict=True):
                progress(f"sample {len(self._samples) + 1} of {samples}")
                self._look(given, drawn, known, by_steps, found)
        count = len(self._samples)
        if sound and not found.any:
            progress("looking for numbers that samples do not hit")
            ascent = Ascent(self._program, self._book, self._index, self._own, self._shown, self.varied)
            for given in ascent.points(self._samples):
                (drawn,) = self._evaluated([given])
                if not (by_steps and self._agrees_step_by_step(drawn.held)) and self._judged(drawn.held) is not None:
                    self._look(given, drawn, known, False, found)
        return Explored(count, found.verdicts, found.compared, found.first, found.carried)

    def _look(
        self, given: _Sample, drawn: _Drawn, known: Mapping[str, NDArray[np.bool_]], by_steps: bool, found: _Found
    ) -> None:
        """Judge one sample and enter in `found` what is new."""
        if by_steps and self._agrees_step_by_step(drawn.held):
            self._samples.append(given)
            for name in found.compared:
                found.compared[name] += 1
            return
        sample, judged = given, self._judged(drawn.held)
        if judged is None:  # torch refuses such numbers (a probability of 2): others among the sheet's
            sample = {name: self._moved(name, "within") for name in self.varied}
            (drawn,) = self._evaluated([sample])
            judged = self._judged(drawn.held)
        self._samples.append(sample)
        if judged is None:
            return
        # What inherits an error in one sample may be wrong itself in another.
        new = {
            name: _wrong(one, drawn.overflowed) & ~known[name]
            & ((found.verdicts[name] == MATCH) | ((found.verdicts[name] == INHERITED) & (one.verdicts == FAULT)))
            for name, one in judged.items()
        }  # fmt: skip
        unseen = any((mask & (found.verdicts[name] == MATCH)).any() for name, mask in new.items())
        found.asked += any(mask.any() for mask in new.values())
        if unseen or (found.asked <= _MOST_ASKED and any(mask.any() for mask in new.values())):
            # Which of them only inherit their error costs another evaluation.
            judged = self._judged(drawn.held, self._forced(sample)) or judged
            for name, mask in new.items():
                worse = mask & (judged[name].verdicts > found.verdicts[name])
                found.verdicts[name][worse] = judged[name].verdicts[worse]
                found.first[name][worse] = len(self._samples) - 1
                found.carried[name][worse] = judged[name].carries[worse]
        for name, one in judged.items():
            found.compared[name] += (one.verdicts != UNDECIDED) & (one.held.kinds != Kind.ERROR)

    def counterexample(self, name: str, at: tuple[int, ...], sample: int) -> Counterexample | None:
        """The numbers to type into the sheet with which element `at` of `name`, wrong in `sample`, shows it.

        Made as few and as round as can be for the first ones; None if there are too many to be typed.
        """
        upstream = self._program.upstream(name)
        given = {
            one: array if one in upstream else self._own[one].values for one, array in self._samples[sample].items()
        }
        if self._is_wrong(name, at, {one: array.values for one, array in self._own.items() if one in given}):
            return None  # another fault shows already
        if not self._is_wrong(name, at, given):
            given = dict(self._samples[sample])  # what the cell reads is not what the map says
        self._minimised += 1
        if self._minimised <= _MOST_MINIMISED:
            given = self._rounded(name, at, self._reduced(name, at, given))
        changes = tuple(
            self._change(one, tuple(spot), float(array[tuple(spot)]))
            for one, array in given.items()
            for spot in np.argwhere(array != self._own[one].values).tolist()
        )
        if len(changes) > _MOST_CHANGES:
            return None
        (drawn,) = self._evaluated([given], upstream)
        judged = self._judged(drawn.held)
        assert judged is not None  # else it were not wrong
        return Counterexample(changes, float(drawn.held[name].values[at]), float(judged[name].expected[at]))

    def _change(self, name: str, at: tuple[int, ...], number: float) -> tuple[Cell, float]:
        own = self._own[name].truths[at]
        return self._program.rows[name].block.cell(at), bool(number) if own else number

    def _reduced(self, name: str, at: tuple[int, ...], given: _Sample) -> _Sample:
        """`given` with as many numbers as possible back at the sheet's (delta debugging: Zeller, Hildebrandt 2002)."""
        changed = [
            (one, spot) for one, array in given.items() for spot in np.flatnonzero(array != self._own[one].values)
        ]
        parts, trials = 2, 0
        while len(changed) > 1 and trials < _MOST_TRIALS:
            size = -(-len(changed) // parts)
            for start in range(0, len(changed), size):
                kept = changed[:start] + changed[start + size :]
                trials += 1
                if kept and self._is_wrong(name, at, self._with(given, kept)):
                    changed, parts = kept, max(parts - 1, 2)
                    break
            else:
                if size == 1:
                    break
                parts = min(2 * parts, len(changed))
        return self._with(given, changed)

    def _with(self, given: _Sample, changed: Sequence[tuple[str, Any]]) -> _Sample:
        """The sheet's numbers with the `changed` ones of `given`."""
        result = {name: self._own[name].values.copy() for name in given}
        for name, spot in changed:
            result[name].flat[spot] = given[name].flat[spot]
        return result

    def _rounded(self, name: str, at: tuple[int, ...], given: _Sample) -> _Sample:
        """`given` with its changed numbers as round as can be."""
        for decimals in range(4):
            rounded = {
                one: np.where(array != self._own[one].values, np.round(array, decimals), array)
                for one, array in given.items()
            }
            if self._is_wrong(name, at, rounded):
                return rounded
        return given

    def _is_wrong(self, name: str, at: tuple[int, ...], given: _Sample) -> bool:
        """Whether element `at` of `name` is: asked so often that only what it is computed from is looked at."""
        (drawn,) = self._evaluated([given], self._program.upstream(name))
        judged = self._judged(drawn.held)
        return judged is not None and bool(_wrong(judged[name], drawn.overflowed)[at])

    @property
    def _chunk(self) -> int:
        return self._at_a_time(_MOST_CELLS)

    def _at_a_time(self, most_cells: int) -> int:
        cells = self._index.count + sum(len(sheet.constants) for sheet in self._book.sheets)
        return max(1, most_cells // max(cells, 1))

    def _sample(self, number: int) -> _Sample:
        """In turn all tensors moved in one way, and each in its own."""
        turn, at = divmod(number, len(self._moves))
        moves = list(self._moves)
        return {
            name: self._moved(name, moves[at] if turn % 2 == 0 else str(self._random.choice(moves)))
            for name in self.varied
        }

    def _moved(self, name: str, move: str) -> Array:
        row, held = self._program.rows[name], self._own[name].values
        if row.role is Role.HYPERPARAMETER:  # a learning rate, a decay: positive, and of its size
            move = "near"
        return moved(held, row.dtype, self._moves[move], self._random)

    def samples(self, least: int, most: int, most_cells: int) -> list[_Sample]:
        """So many samples, the fewer the more cells the workbook has: all their cells are at most `most_cells`."""
        return [self._sample(number) for number in range(max(least, min(most, self._at_a_time(most_cells))))]

    def trace(self, samples: Sequence[_Sample], book: Book | None = None) -> Trace:
        """The workbook, or another `book` with the same given cells, on the samples."""
        with torch.no_grad():
            return EmbeddedEngine().trace(self._book if book is None else book, self._inputs(samples))

    def held(self, trace: Trace, count: int, names: Collection[str] | None = None) -> Iterator[dict[str, Held]]:
        """What the cells of all tensors, or of those with one of `names`, hold in each of `count` samples."""
        rows = {name: row for name, row in self._program.rows.items() if names is None or name in names}
        planes = {plane for row in rows.values() for plane in row.block.planes}
        # What depends on no input is there once for all samples.
        grids = {
            plane: [part.expand((count, -1, -1)).numpy() for part in (trace.kinds(plane), trace.tensor(plane))]
            for plane in planes
        }
        for number in range(count):
            held = {}
            for name, row in rows.items():
                parts = [grids[plane] for plane in row.block.planes]
                kinds, numbers = [kind[number] for kind, _ in parts], [part[number] for _, part in parts]
                held[name] = held_in(kinds, numbers, row.block, row.dtype)
            yield held

    def _evaluated(self, samples: Sequence[_Sample], names: Collection[str] | None = None) -> Iterator[_Drawn]:
        trace = self.trace(samples)
        overflowed = trace.overflowed().expand(len(samples)).tolist()
        for drawn in zip(self.held(trace, len(samples), names), overflowed, strict=True):
            yield _Drawn(*drawn)

    def _inputs(self, samples: Sequence[_Sample]) -> dict[Area, Tensor]:
        inputs: dict[Area, Tensor] = {}
        for name in self.varied:
            block, truths = self._program.rows[name].block, self._own[name].truths
            inputs |= areas_of_samples(block, (sample[name] for sample in samples), truths)
        return inputs

    def _agrees_step_by_step(self, held: Mapping[str, Held]) -> bool:
        """Whether every cell is torch's result on the operands that stand in the sample: then the whole is right too.

        The judgement says the same of such a sample, and takes twice as long.
        """
        values = {name: tensor.values for name, tensor in held.items()}
        try:
            for name in self._program.order:
                near = self._program.local(name, values, self._shown)
                with np.errstate(invalid="ignore"):
                    right = np.abs(values[name] - near.value) <= near.radius + _SMALLEST
                if not (right & self._is_formula[name]).all():
                    return False
        except MapError:
            return False
        return True

    def _judged(self, held: Mapping[str, Held], forced: _Forced | None = None) -> dict[str, Judged] | None:
        """The verdicts of one sample, None if torch refuses its numbers."""
        try:
            return judge_computed(
                self._program, held, self._shown, Slack(), self._tolerance, self._is_formula, forced or _unknown
            )[0]
        except MapError:
            return None

    def _forced(self, sample: _Sample) -> _Forced:
        """What the cells' own formulas make of right operands in the sample."""
        inputs = {area: batch[0] for area, batch in self._inputs([sample]).items()}

        def forced(right: Mapping[str, Array]) -> dict[str, Array]:
            rows = {name: self._program.rows[name] for name in right}
            areas: dict[Area, Array] = {}
            for name, array in right.items():
                areas |= areas_of(rows[name].block, array, self._own[name].truths)
            again = EmbeddedEngine().evaluate(self._book, inputs=inputs, forced=areas)
            return {name: hold(again, row.block, row.dtype).values for name, row in rows.items()}

        return forced


def _unknown(right: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.full_like(array, np.nan) for name, array in right.items()}


def _wrong(judged: Judged, overflowed: bool) -> NDArray[np.bool_]:
    """Where a cell is not torch's, by more than underflow.

    The numbers are ours, so an error tells nothing where the workbook has `overflowed` on them (EXP(800) is #NUM!, and
    what reads it may be any error). Where it has not, an error is the cell's own doing: a reference beyond an area, a
    text where a number should stand.
    """
    same = np.abs(judged.held.values - judged.expected) < UNDERFLOW
    excused = (judged.held.kinds == Kind.ERROR) & overflowed
    return np.asarray((judged.verdicts >= INHERITED) & ~excused & ~same)


def moved(held: Array, dtype: str, move: _Move, random: np.random.Generator) -> Array:
    """Other numbers for a tensor's; a class, an index, a mask becomes such as the sheet has, and infinity stays."""
    if not getattr(torch, dtype).is_floating_point:
        low, high = (0, 1) if dtype == "bool" else (int(held.min(initial=0)), int(held.max(initial=0)))
        return random.integers(low, high + 1, held.shape).astype(np.float64)
    finite = np.abs(held) < _INFINITE
    return np.asarray(np.where(finite, move(np.where(finite, held, 0.0), random), held))


def _size(held: Array) -> float:
    return float(np.abs(held).max(initial=0.0)) or 1.0


def _within(held: Array, random: np.random.Generator) -> Array:
    return random.uniform(held.min(initial=np.inf), held.max(initial=-np.inf), held.shape) if held.size else held


def beside(numbers: Sequence[float]) -> _Move:
    """Numbers at, above and below those that the formulas themselves have: a threshold, a divisor, a pasted value."""
    usual = [number for number in numbers if number < 1e9]
    each = np.array([sign * number + add for number in usual for sign in (1.0, -1.0) for add in (-1.0, 0.0, 1.0)])
    return lambda held, random: random.choice(each, held.shape) if len(each) else held


# How numbers are moved: near their own, of other signs and sizes, many zeros and ties among them.
MOVES: dict[str, _Move] = {
    "near": lambda held, random: held * random.uniform(0.75, 1.25, held.shape),
    "normal": lambda held, random: random.normal(0.0, _size(held), held.shape),
    "within": _within,
    "opposite": lambda held, random: -held * random.uniform(0.5, 1.5, held.shape),
    "large": lambda held, random: random.normal(0.0, 8.0 * _size(held), held.shape),
    "small": lambda held, random: random.normal(0.0, _size(held) / 1024.0, held.shape),
    "sparse": lambda held, random: random.normal(0.0, _size(held), held.shape) * random.integers(0, 2, held.shape),
    "ties": lambda held, random: random.integers(-2, 3, held.shape).astype(np.float64) * (_size(held) / 2.0),
    "signs": lambda held, random: held * random.choice([-1.0, 1.0], held.shape),
    "negative": lambda held, random: -np.abs(random.normal(0.0, _size(held), held.shape)),
    "huge": lambda held, random: random.normal(0.0, 1024.0 * _size(held), held.shape),
    "zero": lambda held, _: np.zeros_like(held),
}

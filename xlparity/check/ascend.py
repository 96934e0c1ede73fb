"""Numbers on which a sheet may differ from torch, sought where random ones showed nothing.

Sheet and torch are both computed by torch, so both have derivatives. Where the two derivatives differ though the values
do not, a step along their difference takes the values apart; further steps let the difference grow. And where a branch
was never taken on any sample (the condition of an IF, the lesser argument of a MAX), steps along the derivative of what
decides it lead to where it is taken. The numbers found are judged as any sample is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.check.bound import Ball
from xlparity.check.elsewhere import areas_of_samples
from xlparity.check.formulas import FormulaIndex, MappedAreas
from xlparity.check.reference import Program
from xlparity.engines.embedded import EmbeddedEngine, Trace
from xlparity.errors import FormulaError, XlparityError
from xlparity.formula.ast import AreaReference, Binary, Call, CellReference, Expression, Number, walk
from xlparity.formula.parse import parse
from xlparity.formula.show import show
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Fill, FillKind, Sheet
from xlparity.model.cell import MAX_COLUMNS
from xlparity.model.map import Role

__all__ = ["Ascent"]

_Array = NDArray[np.float64]
_Sample = Mapping[str, _Array]

_STARTS = 3  # samples that steps are taken from
_STEPS = 3  # each by the best of
_LENGTHS = (1.0 / 64, 1.0 / 8, 1.0, 8.0)  # of a tensor's size
_SAME = 1e-7  # of the derivatives' sizes: no further apart than rounding leaves them
_INFINITE = 1e300
_FEW = 2  # different numbers on one side of a switch
_MOST_STEPS = 32  # towards a switch: each divides a probability by 3.5, and fourteen lead from 0.2 below 1E-8
_NEARER = 0.9  # a step that leaves more than this of the way is the last
_MOST_SWITCHES = 48
_MOST_SAMPLES = 200  # that are asked which branches they take
_MOST_FORMULAS = 5_000  # of a workbook whose derivatives are taken
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "=", "<>"})


class _Numbers(Protocol):
    """A tensor's numbers at the sheet's own."""

    @property
    def values(self) -> _Array: ...

    @property
    def truths(self) -> NDArray[np.bool_]: ...


class Ascent:
    """Steps from samples of a workbook on which sheet and torch agree.

    Parameters
    ----------
    program, book, index
        The map, the workbook and its formulas.
    own
        What stands in the sheet, by tensor; `shown` what it shows as PyTorch's.
    varied
        The tensors that may have other numbers; those with a floating dtype, and no hyperparameters, are stepped.
    """

    def __init__(
        self, program: Program, book: Book, index: FormulaIndex, own: Mapping[str, _Numbers],
        shown: Mapping[tuple[str, bool], _Array], varied: Sequence[str],
    ) -> None:  # fmt: skip
        self._program, self._book, self._index, self._own, self._shown = program, book, index, own, shown
        self._varied = tuple(varied)
        self._stepped = tuple(
            name for name in varied
            if getattr(torch, program.rows[name].dtype).is_floating_point
            and program.rows[name].role is not Role.HYPERPARAMETER
        )  # fmt: skip

    def points(self, samples: Sequence[_Sample]) -> Iterator[dict[str, _Array]]:
        """Numbers to be judged, from the first of `samples` on on which torch and the sheet have derivatives."""
        if not self._stepped or not samples or self._index.count > _MOST_FORMULAS:
            return
        first = tuple(samples[:_MOST_SAMPLES])
        starts = first[:: max(1, len(first) // _STARTS)][:_STARTS]
        for part in (self._apart(starts), self._switched(first)):
            try:
                yield from part
            except (XlparityError, RuntimeError):  # torch refuses such numbers, or has no derivative of a function
                continue

    def _apart(self, starts: Sequence[_Sample]) -> Iterator[dict[str, _Array]]:
        """Along the difference of the derivatives, as far as there is one."""
        at, found = self._leaves(starts), self._difference(starts)
        if found is None:
            return
        for _ in range(_STEPS):
            direction = found[1]
            if not any(bool(one.any()) for one in direction.values()):
                return
            trials = [self._moved(at, direction, length) for length in _LENGTHS]
            tried = [self._difference(self._samples(trial, starts)) for trial in trials]
            sizes = torch.stack([torch.zeros(len(starts)) if one is None else one[0].abs() for one in tried])
            best = sizes.nan_to_num().argmax(0).tolist()
            at = {
                name: torch.stack([trials[choice][name][number] for number, choice in enumerate(best)]) for name in at
            }
            reached = self._samples(at, starts)
            yield from reached
            found = self._difference(reached)
            if found is None:
                return

    def _leaves(self, samples: Sequence[_Sample]) -> dict[str, Tensor]:
        return {name: torch.from_numpy(np.stack([one[name] for one in samples])) for name in self._stepped}

    def _samples(self, at: Mapping[str, Tensor], like: Sequence[_Sample]) -> list[dict[str, _Array]]:
        return [
            {**one, **{name: tensor[number].detach().numpy().copy() for name, tensor in at.items()}}
            for number, one in enumerate(like)
        ]

    def _moved(self, at: Mapping[str, Tensor], direction: Mapping[str, Tensor], length: float) -> dict[str, Tensor]:
        moved = {}
        for name, tensor in at.items():
            size = tensor.abs().amax(tuple(range(1, tensor.dim())), keepdim=True) if tensor.dim() > 1 else tensor.abs()
            size = torch.where(size > 0, size, 1.0)
            moved[name] = torch.where(tensor.abs() < _INFINITE, tensor + length * size * direction[name], tensor)
        return moved

    def _difference(self, samples: Sequence[_Sample]) -> tuple[Tensor, dict[str, Tensor]] | None:
        """How far the sheet is from torch in each sample, and along what that grows; None without a derivative."""
        leaves = {name: tensor.requires_grad_() for name, tensor in self._leaves(samples).items()}
        trace = self._trace(samples, leaves, self._book)
        weights = torch.Generator().manual_seed(0)
        ours, theirs = [], []
        for number in range(len(samples)):
            tensors = self._torch(samples[number], {name: tensor[number] for name, tensor in leaves.items()})
            mine, other = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
            for name in self._program.order:
                row = self._program.rows[name]
                value = tensors[name]
                if not value.is_floating_point():
                    continue
                held = _gathered(trace, row.block, number)
                factor = torch.rand(value.shape, generator=weights, dtype=torch.float64) + 0.5
                both = torch.isfinite(held) & torch.isfinite(value) & (value.abs() < _INFINITE)
                scale = torch.where(both, value.detach().abs(), 0.0).amax() if value.numel() else torch.ones(())
                factor = factor / (scale if scale > 0 else 1.0)
                mine = mine + (torch.where(both, held, 0.0) * factor).sum()
                other = other + (torch.where(both, value, 0.0) * factor).sum()
            ours.append(mine)
            theirs.append(other)
        mine, other = torch.stack(ours), torch.stack(theirs)
        if not (mine.requires_grad and other.requires_grad):
            return None
        of_sheet = torch.autograd.grad(mine.sum(), list(leaves.values()), allow_unused=True)
        of_torch = torch.autograd.grad(other.sum(), list(leaves.values()), allow_unused=True)
        sign = torch.where(mine - other < 0, -1.0, 1.0).detach()
        direction = {}
        for (name, leaf), *parts in zip(leaves.items(), of_sheet, of_torch, strict=True):
            one, two = (torch.zeros_like(leaf) if part is None else part.nan_to_num() for part in parts)
            apart = one - two
            spread = tuple(range(1, leaf.dim()))
            most = torch.maximum(one.abs(), two.abs())
            most = most.amax(spread, keepdim=True) if spread else most
            apart = torch.where(apart.abs() > _SAME * most, apart, 0.0)
            largest = apart.abs().amax(spread, keepdim=True) if spread else apart.abs()
            signs = sign.reshape(-1, *(1,) * (leaf.dim() - 1))
            direction[name] = torch.where(largest > 0, signs * apart / torch.where(largest > 0, largest, 1.0), 0.0)
        return (mine - other).detach(), direction

    def _torch(self, sample: _Sample, leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Torch's values of all tensors in one sample, with their history."""
        tensors: dict[str, Tensor] = {}
        for name, row in self._program.rows.items():
            if name in self._program.expressions:
                continue
            if name in leaves:
                leaf = leaves[name]
                infinite = torch.copysign(leaf.new_tensor(torch.inf), leaf.detach())
                tensors[name] = torch.where(leaf.abs() >= _INFINITE, infinite, leaf)
                continue
            held = self._program.given(name, sample[name] if name in sample else self._own[row.tensor].values)
            tensors[name] = held.value if isinstance(held, Ball) else held
        for name in self._program.order:
            tensors[name] = self._program.computed(
                name, tensors.__getitem__, lambda key: torch.from_numpy(self._shown[key])
            )
        return tensors

    def _trace(self, samples: Sequence[_Sample], leaves: Mapping[str, Tensor], book: Book) -> Trace:
        inputs: dict[Area, Tensor] = {}
        for name in self._varied:
            block, tensor = self._program.rows[name].block, leaves.get(name)
            if tensor is not None:
                inputs |= _spread(tensor, block)
            else:
                inputs |= areas_of_samples(block, (one[name] for one in samples), self._own[name].truths)
        return EmbeddedEngine().trace(book, inputs)

    def _switched(self, samples: Sequence[_Sample]) -> Iterator[dict[str, _Array]]:
        """To where the branches are taken that no sample takes."""
        book, places = self._with_switches()
        if not places:
            return
        with torch.no_grad():
            trace = self._trace(samples, {}, book)
            seen = torch.stack([trace.tensor(place)[:, 0, 0].expand(len(samples)) for place in places])
        wanted: list[Area] = []
        starts: list[_Sample] = []
        for place, values in zip(places, seen, strict=True):
            known = values[torch.isfinite(values)]
            # One number alone on a side is a limit (a probability of 0), where a wrong branch may give the same.
            sides = [len(known[known > 0].unique()), len(known[known < 0].unique())]
            if len(known) and min(sides) < _FEW:
                wanted.append(place)
                other = torch.isfinite(values) & ((values >= 0) if sides[0] >= sides[1] else (values <= 0))
                starts.append(samples[int(torch.where(other, values.abs(), torch.inf).argmin())])
        if wanted:
            yield from self._across(starts, wanted, book)

    def _across(self, starts: Sequence[_Sample], places: Sequence[Area], book: Book) -> Iterator[dict[str, _Array]]:
        """Newton's steps from each of `starts` to where the number in its place changes its sign, and a bit beyond."""
        at = self._leaves(starts)
        signs: Tensor | None = None
        pending = torch.ones(len(starts), dtype=torch.bool)
        before = torch.full((len(starts),), torch.inf)
        for _ in range(_MOST_STEPS):
            leaves = {name: tensor.detach().requires_grad_() for name, tensor in at.items()}
            trace = self._trace(self._samples(leaves, starts), leaves, book)
            value = torch.stack(
                [trace.tensor(place)[:, 0, 0].expand(len(starts))[number] for number, place in enumerate(places)]
            )
            here = value.detach()
            signs = here.sign() if signs is None else signs
            crossed = pending & (signs * here < 0)
            reached = self._samples(at, starts)
            yield from (reached[number] for number in crossed.nonzero().flatten().tolist())
            pending = pending & ~crossed & torch.isfinite(here) & (here.abs() <= _NEARER * before)
            before = here.abs()
            if not pending.any() or not value.requires_grad:
                return
            slopes = torch.autograd.grad(value[pending].sum(), list(leaves.values()), allow_unused=True)
            slope = [
                torch.zeros_like(one) if part is None else part.nan_to_num()
                for one, part in zip(leaves.values(), slopes, strict=True)
            ]
            steepness = torch.stack([part.reshape(len(starts), -1).square().sum(1) for part in slope]).sum(0)
            pending = pending & (steepness > 0)
            step = torch.where(pending, -1.25 * here / torch.where(steepness > 0, steepness, 1.0), 0.0)
            at = {
                name: leaf.detach() + step.reshape(-1, *(1,) * (leaf.dim() - 1)) * part
                for (name, leaf), part in zip(leaves.items(), slope, strict=True)
            }

    def _with_switches(self) -> tuple[Book, list[Area]]:
        """The workbook with a cell for each thing that decides a branch of a judged formula, and these cells."""
        judged = MappedAreas([self._program.rows[name].block for name in self._program.order])
        sheets: list[Sheet] = []
        places: list[Area] = []
        for sheet in self._book.sheets:
            right = max((fill.area.right for fill in sheet.fills), default=0)
            column = max(right, int(sheet.constants.column.max(initial=0)) + 1) + 1
            fills: list[Fill] = []
            for fill in sheet.fills:
                if fill.kind is not FillKind.COPIED or column >= MAX_COLUMNS or not judged.covered(fill.area).any():
                    continue
                for text in _deciding(fill.formula):
                    if len(places) < _MOST_SWITCHES:
                        area = Area.of(sheet.name, len(fills), column)
                        fills.append(Fill(area, text))
                        places.append(area)
            sheets.append(replace(sheet, fills=(*sheet.fills, *fills)))
        return replace(self._book, sheets=tuple(sheets)), places


def _deciding(formula: str) -> Iterator[str]:
    """What decides the branches of a formula: it changes its sign where another one is taken."""
    try:
        tree = parse(formula)
    except FormulaError:
        return
    for node in walk(tree):
        match node:
            case Binary(operator, left, right) if operator in _COMPARISONS:
                decided: Expression = Binary("-", left, right)
            case Call("MAX" | "MIN", (left, right)) if not isinstance(left, AreaReference) and not isinstance(
                right, AreaReference
            ):
                decided = Binary("-", left, right)
            case Call("ABS", (inner,)):
                decided = inner
            case _:
                continue
        if any(isinstance(part, CellReference | AreaReference) for part in walk(decided)) and not any(
            isinstance(part, Number) and abs(part.value) >= _INFINITE for part in walk(decided)
        ):
            yield show(decided)


def _spread(batch: Tensor, block: Block) -> dict[Area, Tensor]:
    """A batch of a tensor's numbers as they lie in the sheet."""
    count = len(batch)
    planes = batch.reshape(count, -1, *block.shape[-2:])
    areas = {}
    for at, plane in enumerate(block.planes):
        numbers = planes[:, at]
        turned = numbers.transpose(-1, -2) if block.transposed and numbers.dim() == 3 else numbers
        areas[plane] = turned.reshape(count, plane.height, plane.width)
    return areas


def _gathered(trace: Trace, block: Block, number: int) -> Tensor:
    """What the cells of a tensor hold in one sample, in the tensor's shape."""
    parts = []
    for plane in block.planes:
        held = trace.tensor(plane)
        one = held[min(number, len(held) - 1)]
        parts.append(one.T if block.transposed else one)
    return torch.stack(parts).reshape(block.shape)

"""One engine's values held against torch's, tensor by tensor: arrays of verdicts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.check.bound import Ball, allowing, unit_roundoff, with_generators
from xlparity.check.formulas import FormulaIndex
from xlparity.check.reference import Program, Reference
from xlparity.errors import InputError
from xlparity.formula.a1 import show_cell
from xlparity.model.block import Block
from xlparity.model.cell import Cell
from xlparity.model.engine import SAVED, Engine, Slack
from xlparity.model.map import MapRow
from xlparity.model.value import ERROR_TEXTS, Error, Kind, Scalar, Values
from xlparity.model.verdict import Verdict

__all__ = [
    "Held", "Judged", "Opinion", "Tolerance", "held_in", "hold", "judge_computed", "judge_expected", "show_value",
    "tightened", "within_rounding",
]  # fmt: skip

Array = NDArray[np.float64]
MATCH, EXPLAINED, UNDECIDED, INHERITED, FAULT = range(len(Verdict))  # positions in list(Verdict)

# Below the smallest normal float64 numbers lose precision, and Excel sets them to 0.
_SMALLEST = 2.0**-1022


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The user's own bound in the place of the computed one: atol + rtol |expected|."""

    rtol: float
    atol: float


@dataclass(frozen=True, slots=True)
class Held:
    """What the cells of a tensor hold, in the tensor's own shape: `values` is NaN where there is no number."""

    values: Array
    kinds: NDArray[np.uint8]

    @property
    def truths(self) -> NDArray[np.bool_]:
        """Where TRUE or FALSE stands, which Excel does not take for 1 or 0."""
        return np.asarray((self.kinds == Kind.BOOLEAN) & ~np.isnan(self.values))


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts for one tensor and the numbers behind them, all of the tensor's shape.

    `local` says that the cell agrees with torch on the operands that stand in the sheet, `operands_known` that these
    are numbers.
    """

    row: MapRow
    held: Held
    verdicts: NDArray[np.uint8]
    expected: Array
    bound: Array
    local: NDArray[np.bool_]
    operands_known: NDArray[np.bool_]
    formula_gives: Array  # what the cell's own formula gives on right operands; NaN where that was not asked

    @property
    def carries(self) -> NDArray[np.bool_]:
        """Where the formula is right, both on the operands that the sheet holds and on right ones."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.local & (np.abs(self.formula_gives - self.expected) <= self.bound))


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the values of one engine came to: a judgement for every judged row of the map.

    `reasons` tells, by a row's position, what explains the differences of a tensor of expected values; `whole` are
    torch's values of all tensors from the given ones. `unread` are the given tensors of which the engine could not
    evaluate a formula, each with the first such cell.
    """

    engine: Engine
    values: Values
    judged: tuple[Judged, ...]
    reasons: Mapping[int, str]
    whole: Mapping[str, Reference]
    unread: Mapping[str, Cell]


def hold(values: Values, block: Block, dtype: str) -> Held:
    """The cells of `block` as arrays of its tensor's shape."""
    grids = [values.grid(plane) for plane in block.planes]
    return held_in([grid.kind for grid in grids], [grid.number for grid in grids], block, dtype)


def held_in(kinds: Sequence[NDArray[np.uint8]], numbers: Sequence[Array], block: Block, dtype: str) -> Held:
    """What the planes of `block` hold, given as they lie in the sheet, as arrays of its tensor's shape."""
    kind = np.stack([part.T if block.transposed else part for part in kinds]).reshape(block.shape)
    number = np.stack([part.T if block.transposed else part for part in numbers]).reshape(block.shape)
    good = (kind == Kind.NUMBER) | ((kind == Kind.BOOLEAN) & (dtype == "bool"))
    return Held(np.where(good, number, np.nan), kind)


def show_value(value: Scalar) -> str:
    """A cell's value as people read it."""
    match value:
        case None:
            return "empty"
        case Error():
            return f"the error {ERROR_TEXTS[value]}"
        case bool():
            return str(value).upper()
        case str():
            return f"the text {value[:40]!r}"
        case _:
            return repr(value)


def require_numbers(program: Program, row: MapRow, held: Held, values: Values, index: FormulaIndex) -> None:
    """InputError naming the first cell of a given tensor that holds no number, or none that its dtype can hold.

    A formula that the engine does not know is none: what is computed from it is undecided, by this engine.
    """
    impossible = ~program.is_possible(row.tensor, held.values)
    if not impossible.any():
        return
    bad = np.argwhere(impossible & ~((held.kinds == Kind.UNDECIDED) & index.mask_of(row.block)))
    if len(bad):
        at = tuple(bad[0].tolist())
        cell = row.block.cell(at)
        more = f" (and {len(bad) - 1} more of its cells)" if len(bad) > 1 else ""
        number = {"bool": "TRUE or FALSE, or 1 or 0", "int32": "a whole number", "int64": "a whole number"}.get(
            row.dtype, "a number"
        )
        raise InputError(
            f"{show_cell(cell)} should hold {number}, the {row.role.value} {row.tensor}{list(at) or ''}, but is "
            f"{show_value(values.scalar(cell))}{more}; type the number there, or correct the cells or the dtype in "
            f"{row.place}"
        )


def judge_computed(
    program: Program,
    held: Mapping[str, Held],
    shown: Mapping[tuple[str, bool], Array],
    slack: Slack,
    tolerance: Tolerance | None,
    is_formula: Mapping[str, NDArray[np.bool_]],
    evaluate_forced: Callable[[Mapping[str, Array]], Mapping[str, Array]],
) -> tuple[dict[str, Judged], dict[str, Reference]]:
    """Verdicts for every computed tensor in `held`, and torch's values of all tensors there from the given ones.

    `held` has all tensors of the map, or some of them with all that they are computed from. `evaluate_forced` gives,
    for the right values of all computed tensors, what the cells' own formulas make of them; it is asked only if some
    cell is wrong.
    """
    order = [name for name in program.order if name in held]
    values = {name: tensor.values for name, tensor in held.items()}
    off = {
        name: slack.saved * np.where(np.abs(array) < _INFINITE, np.abs(array), 0.0) for name, array in values.items()
    }
    with allowing(slack.cancellation):
        given = {
            name: program.given(name, values[name], off[name]) for name in values if name not in program.expressions
        }
        whole = program.whole(given, shown, names=order)
        judged = _judge_steps(program, held, shown, slack, tolerance, is_formula, whole, off)
        if slack.saved and _any_fault(judged):
            # An engine that snaps to zero saves values computed from such beside others that it was given.
            for name in judged:
                off[name] += np.nan_to_num(program.local(name, values, shown, whole).radius)
            judged = _judge_steps(program, held, shown, slack, tolerance, is_formula, whole, off)
        if _any_fault(judged):
            _forgive_right_formulas(program, judged, whole, shown, slack, tolerance, is_formula, evaluate_forced)
    return judged, whole


def _any_fault(judged: Mapping[str, Judged]) -> bool:
    return any((tensor.verdicts == FAULT).any() for tensor in judged.values())


def _judge_steps(
    program: Program,
    held: Mapping[str, Held],
    shown: Mapping[tuple[str, bool], Array],
    slack: Slack,
    tolerance: Tolerance | None,
    is_formula: Mapping[str, NDArray[np.bool_]],
    whole: Mapping[str, Reference],
    off: Mapping[str, Array],
) -> dict[str, Judged]:
    """Verdicts for every computed tensor in `held`, whose values may be `off` where others read them."""
    values = {name: tensor.values for name, tensor in held.items()}
    judged: dict[str, Judged] = {}
    for name in (each for each in program.order if each in held):
        row, own = program.rows[name], held[name]
        near = program.local(name, values, shown, whole, off)
        near_bound = _allowed(near, slack, tolerance)
        whole_bound = _allowed(whole[name], slack, tolerance)
        local = _within(own.values, near.value, near_bound)
        # Bounds from the given numbers on grow with every layer until they say nothing. Then the proof is by
        # steps: this operation is right on its operands, and these are proved.
        by_steps = _says_nothing(whole[name], whole_bound) & all(
            (judged[operand].verdicts == MATCH).all() for operand in program.operands(name) if operand in judged
        )
        right = _within(own.values, whole[name].value, whole_bound) | by_steps
        verdicts = np.select(
            [own.kinds == Kind.UNDECIDED, np.isnan(whole[name].value), local & right, local],
            [UNDECIDED, UNDECIDED, MATCH, INHERITED],
            FAULT,
        ).astype(np.uint8)
        # A bound that is not known decides nothing, unless the cell holds no number at all.
        unknown = np.isnan(near_bound) & np.isfinite(near.value)
        unknown |= np.isnan(whole_bound) & np.isfinite(whole[name].value) & ~by_steps
        verdicts = np.where(unknown & ~np.isnan(own.values), UNDECIDED, verdicts).astype(np.uint8)
        verdicts = np.where(is_formula[name], verdicts, FAULT).astype(np.uint8)
        passed = verdicts == MATCH
        expected = np.where(passed, near.value, whole[name].value)
        bound = np.where(passed, near_bound, whole_bound)
        known = ~np.isnan(near.value)
        judged[name] = Judged(row, own, verdicts, expected, bound, local, known, np.full(row.block.shape, np.nan))
    return judged


def _forgive_right_formulas(
    program: Program,
    judged: dict[str, Judged],
    whole: Mapping[str, Reference],
    shown: Mapping[tuple[str, bool], Array],
    slack: Slack,
    tolerance: Tolerance | None,
    is_formula: Mapping[str, NDArray[np.bool_]],
    evaluate_forced: Callable[[Mapping[str, Array]], Mapping[str, Array]],
) -> None:
    """Cells whose own formula is right on right operands inherit their error."""
    right = {name: reference.value for name, reference in whole.items()}
    gives = evaluate_forced({name: np.clip(right[name], -_INFINITE, _INFINITE) for name in judged})
    for name, tensor in judged.items():
        faulty, verdicts = tensor.verdicts == FAULT, tensor.verdicts
        if not (verdicts >= INHERITED).any():
            continue
        if faulty.any():
            bound = _allowed(program.local(name, right, shown), slack, tolerance)
            formula_right = _within(gives[name], right[name], bound)
            verdicts = np.where(faulty & formula_right & is_formula[name], INHERITED, verdicts).astype(np.uint8)
        judged[name] = replace(tensor, verdicts=verdicts, formula_gives=gives[name])


# Numbers of this size stand for infinity, which a cell cannot hold.
_INFINITE = 1e300
# A bound as large as the value itself tells nothing about it.
_WORTHLESS = 1e-3
# In its place, for values that are shown as PyTorch's: this part of the largest value, and at least this.
_SHOWN, _SHOWN_LEAST = 1e-7, 1e-12


def _within(actual: Array, expected: Array, bound: Array) -> NDArray[np.bool_]:
    """Where `actual` is as near to `expected` as `bound` says; an infinity is any number of at least 1E+300."""
    with np.errstate(invalid="ignore"):
        near = np.abs(actual - expected) <= bound
        return near | (np.isinf(expected) & (actual * np.sign(expected) >= _INFINITE))


def tightened(reference: Reference) -> Reference:
    """Where the bound says nothing, a part of the largest value in its place: PyTorch's shown values have no formula
    that could be proved step by step, and two runs of the same model are nearer to each other than any bound knows.
    """
    size = np.abs(reference.value)
    largest = float(np.max(size, initial=0.0, where=np.isfinite(size)))
    nothing = _says_nothing(reference, reference.radius)
    return Reference(reference.value, np.where(nothing, max(_SHOWN * largest, _SHOWN_LEAST), reference.radius))


def _says_nothing(whole: Reference, bound: Array) -> NDArray[np.bool_]:
    size = np.abs(whole.value)
    largest = float(np.max(size, initial=0.0, where=np.isfinite(size)))
    return np.isfinite(whole.value) & (np.isnan(bound) | (bound > _WORTHLESS * max(largest, 1e-300)))


def _allowed(reference: Reference, slack: Slack, tolerance: Tolerance | None) -> Array:
    size = np.where(np.isfinite(reference.value), np.abs(reference.value), np.nan)
    if tolerance is not None:
        return tolerance.atol + tolerance.rtol * size
    return reference.radius + slack.relative * size + _SMALLEST


def judge_expected(
    program: Program,
    rows: Sequence[MapRow],
    held: Mapping[str, Held],
    owns: Sequence[Held],
    shown: Mapping[tuple[str, bool], Array],
    at_sheet: Mapping[str, Reference],
) -> list[tuple[Judged, str]]:
    """Verdicts for the tensors that the sheet shows as PyTorch's, each with the reason that explains a difference.

    The shown values must be torch's at the model's own inputs: those shown as PyTorch's, else the sheet's. What the
    sheet's inputs differ from them (changed since, or rounded to `decimals`) explains a difference, and nothing more.
    `at_sheet` are torch's float64 values from the sheet's inputs.
    """
    groups: dict[tuple[str, bool], _AtModel] = {}
    judged = []
    for row, own in zip(rows, owns, strict=True):
        key = (row.dtype, row.decimals is not None)
        if key not in groups:
            groups[key] = _at_model(program, held, shown, at_sheet, *key)
        upstream = program.upstream(row.tensor)
        is_rounded = not upstream.isdisjoint(groups[key].rounded)
        judged.append((_judge_shown(row, own, groups[key], is_rounded), groups[key].reason(upstream)))
    return judged


@dataclass(frozen=True, slots=True)
class _AtModel:
    """Torch's values at the sheet's inputs, at the model's, and at the model's as far as rounding leaves them known."""

    at_sheet: Mapping[str, Reference]
    at_model: Mapping[str, Reference]
    within_rounding: Mapping[str, Reference]
    changed: tuple[str, ...]
    rounded: Mapping[str, int]  # decimals by tensor

    def reason(self, upstream: Collection[str]) -> str:
        """What explains the difference of a tensor that is computed from `upstream`."""
        reasons = []
        changed = [name for name in self.changed if name in upstream]
        if changed:
            reasons.append(f"{', '.join(changed)} changed since PyTorch's values were written")
        rounded = {name: decimals for name, decimals in self.rounded.items() if name in upstream}
        for decimals in sorted(set(rounded.values())):
            names = [name for name in rounded if rounded[name] == decimals]
            reasons.append(f"{' and '.join(names)} known to {decimals} decimals")
        return "; ".join(reasons)


# So many coefficients of linear parts, of every tensor by every uncertain number, are worth their time and memory.
_MOST_COEFFICIENTS = 20_000_000


def within_rounding(
    program: Program, given: Mapping[str, Tensor], half_units: Mapping[str, Array]
) -> dict[str, Tensor]:
    """`given`, where the tensors that `half_units` names are known to within half a unit of their last digit.

    They are Taylor models with a generator for each uncertain number as far as that is affordable, else balls.
    """
    uncertain = {}
    for name, half_unit in half_units.items():
        tensor = given[name]
        value = tensor.value if isinstance(tensor, Ball) else tensor
        # Neither a decimal fraction nor half a unit is exact in binary, and the sheet's number may have been narrowed.
        half = torch.from_numpy(half_unit) * (1 + 2.0**-40)
        radius = torch.where(half > 0, half + unit_roundoff(value.dtype) * value.to(torch.float64).abs(), 0.0)
        uncertain[name] = Ball(value, radius)
    numbers = sum(int((half_unit > 0).sum()) for half_unit in half_units.values())
    if numbers * sum(row.block.size for row in program.rows.values()) <= _MOST_COEFFICIENTS:
        return {**given, **with_generators(uncertain)}
    return {**given, **uncertain}


def _at_model(
    program: Program,
    held: Mapping[str, Held],
    shown: Mapping[tuple[str, bool], Array],
    at_sheet: Mapping[str, Reference],
    dtype_name: str,
    printed: bool,
) -> _AtModel:
    dtype = getattr(torch, dtype_name)
    dtype = dtype if dtype.is_floating_point else torch.float64
    model: dict[str, Tensor] = {}
    changed: list[str] = []
    half_units: dict[str, Array] = {}
    rounded: dict[str, int] = {}
    for name, row in program.rows.items():
        if name in program.expressions:
            continue
        values = held[name].values
        source = shown.get((name, False), values)
        if not getattr(torch, row.dtype).is_floating_point:
            possible = program.is_possible(name, source)
            model[name] = program.given(name, np.where(possible, source, values))
            continue
        value = torch.from_numpy(np.array(source)).to(dtype)
        # A number that the sheet has with more digits than the model's dtype is the model's number all the same.
        if not (np.abs(source - values) <= unit_roundoff(getattr(torch, row.dtype)) * np.abs(values)).all():
            changed.append(name)
        model[name] = Ball(value)
        if printed and row.decimals is not None:
            rounded[name] = row.decimals
            half_units[name] = np.full(source.shape, 0.5 * 10.0**-row.decimals)
    same = dtype == torch.float64 and all(
        np.array_equal(shown.get((name, False), held[name].values), held[name].values) for name in model
    )
    at_model = at_sheet if same else program.whole(model, shown)
    return _AtModel(
        at_sheet,
        at_model,
        program.whole(within_rounding(program, model, half_units), shown) if rounded else at_model,
        tuple(changed),
        rounded,
    )


def _judge_shown(row: MapRow, own: Held, reference: _AtModel, is_rounded: bool) -> Judged:
    """`is_rounded`: some of the numbers that the tensor is computed from are known to a few decimals only."""
    at_sheet, at_model, within = (
        part[row.tensor] for part in (reference.at_sheet, reference.at_model, reference.within_rounding)
    )
    half_unit = 0.5 * 10.0**-row.decimals if row.decimals is not None else 0.0
    at_sheet, at_model = tightened(at_sheet), tightened(at_model)
    # What rounded numbers leave open is as wide as it is; only a bound of rounding errors may be too wide to be true.
    within = within if is_rounded else tightened(within)
    share = 2 * unit_roundoff(getattr(torch, row.dtype)) + SAVED
    own_rounding = half_unit + share * np.abs(at_model.value) + _SMALLEST
    equal = _within(own.values, at_sheet.value, at_model.radius + own_rounding)
    true_to_model = _within(own.values, at_model.value, np.fmax(within.radius, at_model.radius) + own_rounding)
    with np.errstate(invalid="ignore"):
        moved = np.abs(at_model.value - at_sheet.value)
    size = np.abs(within.value)
    largest = float(np.max(size, initial=0.0, where=np.isfinite(size)))
    unknown = np.isnan(within.radius) & np.isfinite(within.value) & ~np.isnan(own.values)
    open_to_anything = true_to_model & (within.radius > largest + own_rounding)
    verdicts = np.select(
        [equal & true_to_model, unknown | open_to_anything, true_to_model], [MATCH, UNDECIDED, EXPLAINED], FAULT
    ).astype(np.uint8)
    bound = np.where(equal, at_model.radius, within.radius + moved) + own_rounding
    blank = np.full(row.block.shape, np.nan)
    return Judged(row, own, verdicts, at_sheet.value, bound, true_to_model, ~np.isnan(at_sheet.value), blank)

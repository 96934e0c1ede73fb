"""Rules of comparisons, of logic and of choices made by them."""

from __future__ import annotations

from typing import Any

import torch

from xlparity.check.bound.ball import (
    MARGIN,
    Ball,
    Rule,
    ends,
    finished,
    is_infinite,
    parts,
    radius_of,
    size,
    unknown,
    value_of,
    wide,
)
from xlparity.model.table import Table

__all__ = ["CHOICE"]

CHOICE: Table[str, Rule] = Table("rules of comparisons and choices")


# A comparison's radius is 1 where the operands' balls meet, that is, where the answer is not known; NaN where an
# operand is no number, of which nothing is known.
@CHOICE.rule("eq", "ne", "lt", "le", "gt", "ge")
def _comparison(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = parts(left), parts(right)
    value = func(a, b)
    room = ra + rb
    x, y = wide(a), wide(b)
    unsure = (room != 0) & ~((x - y).abs() > room)
    undefined = x.isnan() | y.isnan()
    return Ball(value, unsure.to(torch.float64).masked_fill(undefined, torch.nan).expand(value.shape))


@CHOICE.rule("logical_and", "logical_or", "logical_xor", "logical_not")
def _logic(func: Any, *operands: Any) -> Any:
    value = func(*map(value_of, operands))
    doubts = [_truth_is_unsure(operand) for operand in operands]
    sure = [(value_of(operand) != 0) & ~doubt for operand, doubt in zip(operands, doubts, strict=True)]
    name = func.overloadpacket.__name__
    unsure = _one_of(doubts)
    if name == "logical_or":  # sure if one is surely true
        unsure = unsure & ~_one_of(sure)
    if name == "logical_and":
        false = [(value_of(operand) == 0) & ~doubt for operand, doubt in zip(operands, doubts, strict=True)]
        unsure = unsure & ~_one_of(false)
    return Ball(value, unsure.to(torch.float64).expand(value.shape))


def _one_of(conditions: list[torch.Tensor]) -> torch.Tensor:
    found = conditions[0]
    for condition in conditions[1:]:
        found = found | condition
    return found


def _truth_is_unsure(operand: Any) -> torch.Tensor:
    value, radius = parts(operand)
    if value.dtype == torch.bool:
        return torch.as_tensor(radius != 0).expand(value.shape)
    return torch.as_tensor(~((size(value) > radius) | ((value == 0) & (radius == 0))))


@CHOICE.rule("any", "all")
def _some_or_every(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    value = func(operand.value, *args, **kwargs)
    unsure = _truth_is_unsure(operand)
    at_most = func((operand.value != 0) | unsure, *args, **kwargs)
    at_least = func((operand.value != 0) & ~unsure, *args, **kwargs)
    return Ball(value, (at_most != at_least).to(torch.float64))


@CHOICE.rule("count_nonzero")
def _count(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    value = func(operand.value, *args, **kwargs)
    return Ball(value, func(_truth_is_unsure(operand), *args, **kwargs).to(torch.float64))


@CHOICE.rule("where")
def _where(func: Any, condition: Any, left: Any, right: Any) -> Any:
    (c, rc), (a, ra), (b, rb) = parts(condition), parts(left), parts(right)
    value = func(c, a, b)
    a, b = wide(a), wide(b)
    chosen = torch.where(c, ra, rb)
    if rc.any():  # an undecided condition takes both branches
        apart = torch.where(a == b, 0.0, size(a - b) * MARGIN)
        other = torch.where(c, rb, ra) + apart
        chosen = torch.where(rc != 0, torch.maximum(chosen, other), chosen)
        chosen = torch.where(rc.isnan() | chosen.isinf(), torch.nan, chosen)
    return Ball(value, chosen.expand(value.shape))


@CHOICE.rule("maximum", "minimum", "fmax", "fmin")
def _larger(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = parts(left), parts(right)
    value = func(a, b)
    if not (ra.any() or rb.any()):
        return Ball(value)
    # Its extremes are those of the ends; where one operand is surely the larger its own radius is left.
    x, y = wide(a), wide(b)
    at, low, high = func(x, y), func(x - ra, y - rb), func(x + ra, y + rb)
    away = torch.maximum(high - at, at - low)
    away = torch.where(
        away == 0, 0.0, torch.minimum(away * (1 + 2.0**-40) + 2.0**-51 * at.abs(), torch.maximum(ra, rb))
    )
    nothing = torch.isnan(ra + rb)
    return Ball(
        value, torch.where(at.isinf(), torch.where(nothing, torch.nan, 0.0), torch.where(nothing, torch.nan, away))
    )


@CHOICE.rule("clamp", "clamp_min", "clamp_max", "clamp_", "clamp_min_", "clamp_max_", "hardtanh", "relu6")
def _clamped(func: Any, operand: Ball, *args: Any) -> Any:
    name = func.overloadpacket.__name__.removesuffix("_")
    if any(isinstance(arg, Ball) for arg in args):
        least = None if name == "clamp_max" else args[0]
        most = args[0] if name == "clamp_max" else args[1] if len(args) > 1 else None
        result = operand if least is None else torch.maximum(operand, least)
        return result if most is None else torch.minimum(result, most)
    call = getattr(torch.ops.aten, name)
    value = call(operand.value, *args)
    if not operand.radius.any():
        return Ball(value)
    at = call(operand.value.to(torch.float64), *args)
    low, high = (call(end, *args) for end in ends(operand))
    away = torch.where(at.isinf(), operand.radius, torch.maximum(high - at, at - low) * (1 + 2.0**-40))
    radius = torch.where(operand.radius.isnan(), torch.nan, torch.minimum(away, operand.radius))
    return finished(value, radius, is_infinite(operand))


@CHOICE.rule("relu", "relu_")
def _relu(func: Any, operand: Ball) -> Any:
    # Exactly 0 wherever the whole ball is negative: the backward pass asks the output whether it is.
    r = operand.radius
    reach = torch.clamp(operand.value.to(torch.float64) + r, min=0)
    return Ball(torch.relu(operand.value), torch.where(r.isnan(), torch.nan, torch.minimum(reach, r)))


@CHOICE.rule("heaviside")
def _heaviside(func: Any, operand: Any, at_zero: Any) -> Any:
    (x, r), (v, rv) = parts(operand), parts(at_zero)
    value = func(x, v)
    # The step is 0 below zero, 1 above it: what else of the three it may be.
    radius = torch.where(x - r >= 0, 0.0, size(value))
    radius = torch.maximum(radius, torch.where(x + r <= 0, 0.0, size(1 - value)))
    radius = torch.maximum(radius, torch.where(size(x) > r, 0.0, size(v - value) + rv))
    return Ball(value, radius.expand(value.shape))


@CHOICE.rule("signbit")
def _signbit(func: Any, operand: Ball) -> Any:
    unsure = (operand.radius != 0) & ~(size(operand.value) > operand.radius)
    return Ball(func(operand.value), unsure.to(torch.float64))


@CHOICE.rule("threshold", "threshold_")
def _threshold(func: Any, operand: Ball, threshold: float, value: float) -> Any:
    return torch.where(operand <= threshold, torch.full((), value, dtype=operand.dtype), operand)


@CHOICE.rule("threshold_backward")
def _threshold_backward(func: Any, gradient: Any, output: Any, threshold: float) -> Any:
    return torch.where(output <= threshold, torch.zeros((), dtype=output.dtype), gradient)


@CHOICE.rule("bucketize", "searchsorted")
def _bucket(func: Any, first: Any, second: Any, **kwargs: Any) -> Any:
    swap = func.overloadpacket.__name__ == "searchsorted"
    numbers, limits = (second, first) if swap else (first, second)
    value = func(value_of(first), value_of(second), **kwargs)
    if radius_of(limits).any():
        return unknown(value)
    if not radius_of(numbers).any():
        return Ball(value)
    between = wide(value_of(limits))
    low, high = (func(*((between, end) if swap else (end, between)), **kwargs) for end in ends(numbers))
    return Ball(value, torch.maximum(high - value, value - low).to(torch.float64))

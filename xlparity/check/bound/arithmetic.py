"""Rules of arithmetic between elements: sums, products, quotients, powers, remainders."""

from __future__ import annotations

from math import pi
from typing import Any

import torch
from torch import Tensor

from xlparity.check.bound.ball import (
    Ball,
    Rule,
    cancellation,
    ends,
    finished,
    gamma,
    is_infinite,
    parts,
    rounded,
    size,
    value_of,
    wide,
)
from xlparity.model.table import Table

__all__ = ["ARITHMETIC"]

ARITHMETIC: Table[str, Rule] = Table("rules of arithmetic")


@ARITHMETIC.rule("add", "sub", "add_", "sub_", "rsub")
def _sum_of_two(func: Any, left: Any, right: Any, alpha: float = 1, **_kwargs: Any) -> Any:
    (a, ra), (b, rb) = parts(left), parts(right)
    if func.overloadpacket.__name__ == "rsub":
        (a, ra), (b, rb) = (b, rb), (a, ra)
    b, rb = (b if alpha == 1 else b * alpha), rb * abs(alpha)
    subtract = "sub" in func.overloadpacket.__name__
    value = torch.as_tensor(a - b if subtract else a + b)
    radius = ra + rb
    if cancellation():
        radius = radius + cancellation() * size(a) + cancellation() * size(b)
    if alpha != 1:  # its own product rounds too
        radius = radius + gamma(1, value.dtype) * size(b)
    return rounded(value, radius, infinite=is_infinite(left, right))


@ARITHMETIC.rule("mul", "mul_")
def _product(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = parts(left), parts(right)
    value = torch.as_tensor(a * b)
    radius = size(a) * rb + size(b) * ra + ra * rb
    # The sign of the other factor must be sure.
    return rounded(value, radius, infinite=is_infinite(left, right) & (size(a) > ra) & (size(b) > rb))


@ARITHMETIC.rule("div", "div_", "true_divide", "floor_divide")
def _quotient(func: Any, left: Any, right: Any, *, rounding_mode: str | None = None) -> Any:
    (a, ra), (b, rb) = parts(left), parts(right)
    mode = "floor" if func.overloadpacket.__name__ == "floor_divide" else rounding_mode
    value = torch.as_tensor(a / b)
    away = size(b) - rb
    shared = (ra + torch.where(rb == 0, 0.0, size(value) * rb)) / torch.where(away > 0, away, torch.nan)
    quotient = rounded(value, shared, infinite=is_infinite(left) & (away > 0))
    if mode is None:
        return quotient
    whole = torch.as_tensor(torch.div(a, b, rounding_mode=mode))
    jumps = torch.floor if mode == "floor" else torch.trunc
    low, high = (jumps(end) for end in ends(quotient))
    made = whole.to(torch.float64)
    radius = torch.maximum(high - made, made - low)
    return Ball(whole, torch.where(_integers(a, ra) & _integers(b, rb) & (away > 0), 0.0, radius).expand(whole.shape))


def _integers(value: Any, radius: Tensor) -> Tensor:
    """Where a number is known to be an integer; a quotient of such rounds to one only if it is one."""
    at = wide(value)
    return (at == at.round()) & (radius == 0) & (at.abs() < 2.0**53)


@ARITHMETIC.rule("fmod", "remainder")
def _remainder(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = parts(left), parts(right)
    value = torch.as_tensor(func(a, b))
    jumps = torch.trunc if func.overloadpacket.__name__ == "fmod" else torch.floor
    away = size(b) - rb
    ratio = wide(a) / wide(b)
    unsure = (ra + size(ratio) * rb) / torch.where(away > 0, away, torch.nan) + gamma(1, value.dtype) * size(ratio)
    low, high = jumps(ratio - unsure), jumps(ratio + unsure)
    share = ra + torch.maximum(low.abs(), high.abs()) * rb + gamma(2, value.dtype) * (size(a) + size(value))
    whole = _integers(a, ra) & _integers(b, rb)
    radius = torch.where(low == high, share, share + torch.maximum(size(b) + rb, share))
    radius = torch.where(whole & (away > 0), 0.0, torch.where(unsure.isnan(), torch.nan, radius))
    return Ball(value, radius.expand(value.shape))


@ARITHMETIC.rule("neg", "positive")
def _negated(func: Any, operand: Ball) -> Any:
    return Ball(func(operand.value), operand.radius)


@ARITHMETIC.rule("abs")
def _absolute(func: Any, operand: Ball) -> Any:
    return Ball(func(operand.value), operand.radius)  # 1-Lipschitz and exact


@ARITHMETIC.rule("square")
def _square(func: Any, operand: Ball) -> Any:
    return operand * operand


@ARITHMETIC.rule("pow", "float_power")
def _power(func: Any, base: Any, exponent: Any) -> Any:
    if isinstance(base, Ball) and isinstance(exponent, int | float):
        return _power_of_ball(func, base, exponent)
    (a, ra), (b, rb) = parts(base), parts(exponent)
    value = torch.as_tensor(func(a, b))
    x, y = wide(a), wide(b)
    # For a base above 0 the power is monotone in each of the two: its extremes are at corners.
    corners = [(x + s * ra) ** (y + t * rb) for s in (1, -1) for t in (1, -1)]
    at = x**y
    away = torch.zeros_like(at)
    for corner in corners:
        away = torch.maximum(away, (corner - at).abs())
    share = away + 2.0**-48 * (at.abs() + away) * (1 + y.abs() * (2 + torch.log2(x.abs().clamp(min=2.0**-1074)).abs()))
    known = torch.where((ra == 0) & (rb == 0), 0.0, torch.where(x - ra > 0, share, torch.nan))
    return rounded(value, known, 2)


def _power_of_ball(func: Any, base: Ball, exponent: float) -> Ball:
    value = func(base.value, exponent)
    if exponent == 0:
        return Ball(value)
    low, high = ends(base)
    most, least = torch.maximum(low.abs(), high.abs()), torch.maximum(low, -high).clamp(min=0)
    whole = float(exponent).is_integer()
    steepest = most if exponent >= 1 else least
    slope = abs(exponent) * torch.where(steepest > 0, steepest ** (exponent - 1), torch.nan)
    share = torch.where(base.radius == 0, 0.0, slope * base.radius * (1 + 2.0**-40))
    defined = (low > 0) | torch.tensor(whole) | (base.radius == 0)
    return rounded(value, torch.where(defined, share, torch.nan), 1 if abs(exponent) <= 4 else 3, is_infinite(base))


@ARITHMETIC.rule("addcmul")
def _plus_product(func: Any, operand: Any, left: Any, right: Any, *, value: float = 1) -> Any:
    product = left * right
    return operand + (product if value == 1 else product * value)


@ARITHMETIC.rule("addcdiv")
def _plus_quotient(func: Any, operand: Any, left: Any, right: Any, *, value: float = 1) -> Any:
    quotient = left / right
    return operand + (quotient if value == 1 else quotient * value)


@ARITHMETIC.rule("lerp")
def _between(func: Any, start: Any, end: Any, weight: Any) -> Any:
    made = start + weight * (end - start)
    # Torch starts from the nearer end, which rounds otherwise.
    a, b, share = map(value_of, (start, end, weight))
    return finished(func(a, b, share), made.radius + gamma(2, made.dtype) * (size(a) + size(b) * (1 + size(share))))


@ARITHMETIC.rule("hypot")
def _hypotenuse(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = parts(left), parts(right)
    return rounded(func(a, b), torch.hypot(ra, rb), 3)


@ARITHMETIC.rule("atan2")
def _angle(func: Any, ordinate: Any, abscissa: Any) -> Any:
    (y, ry), (x, rx) = parts(ordinate), parts(abscissa)
    value = func(y, x)
    moved = torch.hypot(ry, rx)
    distance = torch.hypot((size(y) - ry).clamp(min=0), (size(x) - rx).clamp(min=0))
    turn = torch.where(moved == 0, 0.0, torch.where(distance > 0, pi / 2 * moved / distance, 2 * pi))
    across = (wide(x) - rx < 0) & (size(y) <= ry) & (moved > 0)
    return rounded(value, torch.where(across, 2 * pi, turn), 2)


@ARITHMETIC.rule("copysign")
def _with_sign_of(func: Any, magnitude: Any, sign: Any) -> Any:
    (a, ra), (b, rb) = parts(magnitude), parts(sign)
    value = torch.as_tensor(func(a, b))
    unsure = (rb != 0) & ~(size(b) > rb)
    return Ball(value, (ra + torch.where(unsure, 2 * size(value), 0.0)).expand(value.shape))


@ARITHMETIC.rule("ldexp")
def _scaled(func: Any, operand: Any, exponent: Any) -> Any:
    return operand * torch.pow(2.0, exponent)


@ARITHMETIC.rule("logaddexp", "logaddexp2")
def _log_of_sum(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = parts(left), parts(right)
    value = func(a, b)
    own = gamma(4, value.dtype) * (1 + size(a) + size(b) + size(value))
    return finished(value, torch.maximum(ra, rb) + torch.nan_to_num(own, posinf=0.0), is_infinite(left, right))


@ARITHMETIC.rule("xlogy")
def _times_log(func: Any, left: Any, right: Any) -> Any:
    dtype = func(value_of(left), value_of(right)).dtype
    left, right = (_ball(one, dtype) for one in (left, right))
    product = left * torch.log(right)
    return torch.where(left == 0, torch.zeros((), dtype=product.dtype), product)


def _ball(part: Any, dtype: torch.dtype) -> Ball:
    """An operand as a ball; a number in a dtype that may have no room for all of its digits."""
    if isinstance(part, Tensor):
        return part if isinstance(part, Ball) else Ball(part)
    at = torch.tensor(part, dtype=dtype)
    return Ball(at, torch.where(at == part, 0.0, size(wide(at) - part)))


@ARITHMETIC.rule("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "bitwise_left_shift", "bitwise_right_shift")
def _bits(func: Any, *operands: Any) -> Any:
    value = func(*map(value_of, operands))
    doubt = torch.zeros((), dtype=torch.float64)
    for operand in operands:
        doubt = doubt + parts(operand)[1]
    if value.dtype == torch.bool:
        return Ball(value, doubt.clamp(max=1).expand(value.shape))
    return Ball(value, torch.where(doubt == 0, 0.0, torch.nan).expand(value.shape))

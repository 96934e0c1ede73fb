"""Rules of functions of one number."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import torch
from torch import Tensor

from xlparity.check.bound.ball import Ball, Rule, ends, finished, gamma, is_infinite, rounded, size
from xlparity.model.table import Table

__all__ = ["FUNCTION"]

FUNCTION: Table[str, Rule] = Table("rules of functions of one number")


def _sloped(name: str, slope: Callable[[Tensor, Tensor], Tensor], terms: int = 1) -> None:
    """A differentiable function: `slope(x, r)` bounds |f'| on [x - r, x + r]."""

    def rule(func: Any, operand: Ball) -> Any:
        x, r = operand.value.to(torch.float64), operand.radius
        share = torch.where(r == 0, torch.zeros_like(r), slope(x, r) * r)
        return rounded(func(operand.value), share, terms, is_infinite(operand))

    FUNCTION.add(name, rule)


def _positive(bound: Tensor) -> Tensor:
    """`bound` where it is above 0, NaN (no bound) elsewhere."""
    return torch.where(bound > 0, bound, torch.nan)


def _nearest_to_zero(x: Tensor, r: Tensor) -> Tensor:
    return torch.clamp(x.abs() - r, min=0)


_sloped("exp", lambda x, r: torch.exp(x + r))
_sloped("exp2", lambda x, r: 0.6932 * torch.exp2(x + r), terms=2)
_sloped("log2", lambda x, r: 1.4427 / _positive(x - r))
_sloped("log10", lambda x, r: 0.4343 / _positive(x - r))
_sloped("sqrt", lambda x, r: 0.5 / torch.sqrt(_positive(x - r)))
_sloped("rsqrt", lambda x, r: 0.5 * _positive(x - r) ** -1.5)
_sloped("reciprocal", lambda x, r: _positive(x.abs() - r) ** -2)
_sloped("sin", lambda x, r: torch.ones_like(x))
_sloped("cos", lambda x, r: torch.ones_like(x))
_sloped("sinh", lambda x, r: torch.cosh(x.abs() + r))
_sloped("cosh", lambda x, r: torch.sinh(x.abs() + r))
_sloped("tanh", lambda x, r: 1 / torch.cosh(_nearest_to_zero(x, r)) ** 2)
_sloped("sigmoid", lambda x, r: 0.25 / torch.cosh(_nearest_to_zero(x, r) / 2) ** 2, terms=3)
_sloped("erf", lambda x, r: 2 / sqrt(pi) * torch.exp(-(_nearest_to_zero(x, r) ** 2)))
_sloped("deg2rad", lambda x, r: torch.full_like(x, 0.0175))
_sloped("rad2deg", lambda x, r: torch.full_like(x, 57.3))


@FUNCTION.rule("log")
def _log(func: Any, operand: Ball) -> Any:
    x, r = operand.value.to(torch.float64), operand.radius
    return rounded(func(operand.value), r / _positive(x - r), infinite=r == 0)


# Excel has neither: the rounding allowed is that of LN(1+x) and EXP(x)-1.
@FUNCTION.rule("log1p")
def _log1p(func: Any, operand: Ball) -> Any:
    x, r = operand.value.to(torch.float64), operand.radius
    value = func(operand.value)
    share = r / _positive(1 + x - r) + gamma(1, value.dtype)
    return rounded(value, share, infinite=r == 0)


@FUNCTION.rule("expm1")
def _expm1(func: Any, operand: Ball) -> Any:
    x, r = operand.value.to(torch.float64), operand.radius
    value = func(operand.value)
    share = torch.where(r == 0, 0.0, torch.exp(x + r) * r) + gamma(1, value.dtype)
    return rounded(value, share, 2, is_infinite(operand))


def _monotone(name: str, terms: int = 4, absolute: Callable[[Tensor], Tensor] = torch.zeros_like) -> None:
    """A function that only rises, or only falls, where it is defined: its extremes over a ball are at the ends.

    `terms` and `absolute` say how exact an office's function is: units of roundoff of the value, and beside it, by the
    value.
    """

    def rule(func: Any, operand: Ball) -> Any:
        value, at = func(operand.value), func(operand.value.to(torch.float64))
        low, high = (func(end) for end in ends(operand))
        away = torch.maximum((high - at).abs(), (low - at).abs())
        beside = absolute(at)
        share = away + gamma(terms, torch.float64) * (low.abs() + high.abs() + at.abs() + beside)
        known = torch.where(operand.radius == 0, 0.0, share) + beside * gamma(1, value.dtype)
        return rounded(value, known, terms, is_infinite(operand))

    FUNCTION.add(name, rule)


for _name in ("asin", "acos", "atan", "asinh", "acosh", "atanh", "special_ndtri"):
    _monotone(_name)
# An office takes it as 1 - ERF(x), NORMSINV((x + 1) / 2), LN(x / (1 - x)), LN(1 / (1 + EXP(-x))).
_monotone("erfc", absolute=torch.ones_like)
_monotone("erfinv", absolute=lambda at: torch.exp(at**2))


@FUNCTION.rule("logit")
def _logit(func: Any, operand: Ball, eps: float | None = None) -> Any:
    inside = operand if eps is None else operand.clamp(eps, 1 - eps)
    return torch.log(inside / (1 - inside))


@FUNCTION.rule("tan")
def _tan(func: Any, operand: Ball) -> Any:
    low, high = ends(operand)
    nearest = torch.minimum(torch.cos(low).abs(), torch.cos(high).abs())
    between = (operand.radius < 1) & (torch.cos(low) * torch.cos(high) > 0)  # no pole inside
    slope = torch.where(between, nearest**-2 * (1 + 2.0**-40), torch.nan)
    return rounded(func(operand.value), torch.where(operand.radius == 0, 0.0, slope * operand.radius))


@FUNCTION.rule("sinc")
def _sinc(func: Any, operand: Ball) -> Any:
    # |sinc'| < 1.38; near its zeros sin(pi x) has the absolute error of pi x, which is divided out.
    value = func(operand.value)
    return Ball(value, 1.38 * operand.radius + gamma(4, value.dtype))


@FUNCTION.rule("digamma")
def _digamma(func: Any, operand: Ball) -> Any:
    value, at = func(operand.value), func(operand.value.to(torch.float64))
    low, high = ends(operand)
    away = torch.maximum(func(high) - at, at - func(low))  # it rises where x > 0
    share = torch.where(operand.radius == 0, 0.0, torch.where(low > 0, away, torch.nan) + 2.0**-46 * (1 + at.abs()))
    return rounded(value, share + gamma(8, value.dtype) * (1 + 1 / size(operand.value)), 8)


@FUNCTION.rule("lgamma")
def _lgamma(func: Any, operand: Ball) -> Any:
    value = func(operand.value)
    low, high = ends(operand)
    steepest = torch.maximum(torch.digamma(low).abs(), torch.digamma(high).abs()) * (1 + 2.0**-40)
    share = torch.where(operand.radius == 0, 0.0, torch.where(low > 0, steepest, torch.nan) * operand.radius)
    return rounded(value, share + gamma(8, value.dtype) * (1 + size(operand.value)), 8)


# Steps: exact, and where the ball crosses one, both sides are possible.
@FUNCTION.rule("floor", "ceil", "trunc", "round", "sign", "sgn")
def _step(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    if "decimals" in kwargs:
        scale = 10.0 ** kwargs["decimals"]
        return torch.round(operand * scale) / scale
    value = func(operand.value)
    at = func(operand.value.to(torch.float64))
    low, high = (func(end) for end in ends(operand))
    # The sign of NaN is 0 to torch.
    radius = torch.where(operand.radius.isnan(), torch.nan, torch.maximum(high - at, at - low))
    return finished(value, radius, is_infinite(operand))


@FUNCTION.rule("angle")
def _angle(func: Any, operand: Ball) -> Any:
    low, high = ends(operand)
    return rounded(func(operand.value), torch.where((low >= 0) | (high < 0), 0.0, pi))


@FUNCTION.rule("frexp")
def _binary_parts(func: Any, operand: Ball) -> Any:
    mantissa, exponent = func(operand.value)
    low, high = (torch.frexp(end).exponent for end in ends(operand))
    sure = (low == high) & (operand.radius <= size(operand.value)) | (operand.radius == 0)
    share = torch.where(sure, torch.ldexp(operand.radius, -exponent), torch.nan)
    return Ball(mantissa, share), Ball(exponent, torch.where(sure, 0.0, torch.nan))


@FUNCTION.rule("frac")
def _fraction(func: Any, operand: Ball) -> Any:
    return operand - torch.trunc(operand)


@FUNCTION.rule("nan_to_num")
def _finite(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    value = func(operand.value, *args, **kwargs)
    replaced = ~operand.value.isfinite() & ~operand.radius.isnan()
    return Ball(value, torch.where(replaced | operand.value.isnan(), 0.0, operand.radius))

"""Rules of special functions: of the gamma function, Bessel's, Chebyshev's polynomials."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from torch import Tensor

from xlparity.check.bound.ball import Ball, Rule, ends, gamma, parts, rounded, size, unknown, value_of, wide
from xlparity.model.table import Table

__all__ = ["SPECIAL"]

SPECIAL: Table[str, Rule] = Table("rules of special functions")

_TERMS = 110  # of the sums that a sheet takes in the place of an integral


@SPECIAL.rule("special_erfcx")
def _scaled_complement(func: Any, operand: Ball) -> Any:
    # It falls everywhere; EXP(x^2) loses x^2 units of roundoff, ERFC(x) as much where it is small.
    low, high = (func(end) for end in ends(operand))
    at = func(operand.value.to(torch.float64))
    value = func(operand.value)
    own = gamma(1, value.dtype) * (2 + 4 * operand.value.to(torch.float64) ** 2) * size(value)
    return rounded(value, torch.maximum(low - at, at - high) + own)


@SPECIAL.rule("special_spherical_bessel_j0")
def _sine_quotient(func: Any, operand: Ball) -> Any:
    value = func(operand.value)
    return Ball(value, 0.5 * operand.radius + gamma(4, value.dtype))


def _monotone_in_both(name: str, share_of_1: bool) -> None:
    """A function of two numbers that only rises, or only falls, in each of them where the second is not negative.

    Where the first is outside the function's domain, torch gives no number. With `share_of_1` it is a share of 1, whose
    digits the difference from the other share loses, and of a first number beyond 20 torch gives nine digits of it.
    """

    def rule(func: Any, left: Any, right: Any) -> Any:
        (a, ra), (b, rb) = parts(left), parts(right)
        call = func.overloadpacket  # of two tensors, too, where the operation's own overload takes a number
        value = torch.as_tensor(func(a, b))
        x, y = wide(a), wide(b)
        firsts, seconds = ends(Ball(x, ra)), ends(Ball(y, rb))
        corners = torch.stack([call(*corner) for corner in product(firsts, seconds)])
        away = (corners - call(x, y)).abs().amax(0)
        away = torch.where((ra == 0) & (rb == 0), 0.0, torch.where(seconds[0] >= 0, away, torch.nan))
        if share_of_1:
            away = torch.where(firsts[1] > 20, away + 2.0**-31, away)
        return rounded(value, away, _TERMS, sizes=size(value) + share_of_1)

    SPECIAL.add(name, rule)


_monotone_in_both("special_zeta", share_of_1=False)
for _name in ("igamma", "igammac"):
    _monotone_in_both(_name, share_of_1=True)


@SPECIAL.rule("polygamma")
def _polygamma(func: Any, n: int, operand: Ball) -> Any:
    if n == 0:
        return torch.digamma(operand)
    value, at = func(n, operand.value), func(n, operand.value.to(torch.float64))
    low, high = ends(operand)
    away = torch.maximum((func(n, low) - at).abs(), (func(n, high) - at).abs()) * (1 + 2.0**-30)
    share = torch.where(operand.radius == 0, 0.0, torch.where(low > 0, away + 2.0**-30 * at.abs(), torch.nan))
    return rounded(value, share, _TERMS)


def _bessel(name: str, slope: Callable[[Tensor], Tensor]) -> None:
    """A function whose slope is bounded by `slope` of the largest |x| in the ball."""

    def rule(func: Any, operand: Ball) -> Any:
        value = func(operand.value)
        own = gamma(4, value.dtype) * size(operand.value) * size(value)
        share = slope(size(operand.value) + operand.radius) * operand.radius
        share = torch.where(operand.radius == 0, 0.0, share * (1 + 2.0**-30))
        return rounded(value, share + own + gamma(1, torch.float64), _TERMS)

    SPECIAL.add(name, rule)


for _name in ("i0", "special_i1", "special_modified_bessel_i0", "special_modified_bessel_i1"):
    _bessel(_name, torch.special.i0)
for _name in ("special_i0e", "special_i1e"):
    _bessel(_name, torch.ones_like)


@SPECIAL.rule("special_modified_bessel_k0", "special_modified_bessel_k1", "special_scaled_modified_bessel_k0",
              "special_scaled_modified_bessel_k1")  # fmt: skip
def _falling(func: Any, operand: Ball) -> Any:
    value, at = func(operand.value), func(operand.value.to(torch.float64))
    low, high = ends(operand)
    away = torch.maximum(func(low) - at, at - func(high)) * (1 + 2.0**-30)
    share = torch.where(operand.radius == 0, 0.0, torch.where(low > 0, away, torch.nan))
    own = gamma(4, value.dtype) * size(operand.value) * size(value)
    infinite = (operand.value == 0) & (operand.radius == 0)
    return rounded(value, torch.where(infinite, 0.0, share + own), _TERMS, infinite)


def _chebyshev(name: str, shifted: bool) -> None:
    def rule(func: Any, left: Any, right: Any) -> Any:
        (x, r), (n, unsure) = parts(2 * left - 1 if shifted else left), parts(right)
        value = torch.as_tensor(func(value_of(left), n))
        most = torch.clamp(size(x) + r, min=1.0)
        degree = wide(n)
        degree = torch.where((degree - unsure).trunc() == (degree + unsure).trunc(), degree.trunc(), torch.nan)
        # Between -1 and 1 no derivative is larger than the cube; being a polynomial of degree n - 1 it is no larger
        # between -R and R than the cube times the power, by the inequality of Bernstein and Walsh.
        steepest = (degree + 1) ** 3 * (most + torch.sqrt(most**2 - 1)) ** (degree - 1)
        share = steepest * (r + gamma(8, value.dtype) * most)
        return rounded(value, torch.where(degree < 0, 0.0, share), 4)

    SPECIAL.add(name, rule)


for _name in "tuvw":
    _chebyshev(f"special_chebyshev_polynomial_{_name}", shifted=False)
    _chebyshev(f"special_shifted_chebyshev_polynomial_{_name}", shifted=True)


@SPECIAL.rule("gcd", "lcm")
def _divisors(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = parts(left), parts(right)
    value = func(a, b)
    return Ball(value, torch.where((ra == 0) & (rb == 0), 0.0, torch.nan).expand(value.shape))


@SPECIAL.rule("histc")
def _histogram(func: Any, operand: Ball, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    result = func(operand.value, bins, min, max)
    x, r = operand.value.to(torch.float64), operand.radius
    least, most = (x.min(), x.max()) if min == max else (wide(min), wide(max))
    low, high = ends(operand)
    if min == max and not (low.min() == least and high.max() == most):  # its limits are not known
        return unknown(result)
    width = (most - least) / bins
    place = (x - least) / width
    near = (place - place.round()).abs() <= r / width + gamma(4, result.dtype) * (bins + size(x) / width)
    near = near | r.isnan()
    at_the_ends = (r == 0) & ((x == least) | (x == most))
    return Ball(result, (near & ~at_the_ends).sum().to(torch.float64).expand(result.shape))

"""Trigonometric and hyperbolic functions."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from xlparity.functions.lift import Checked, checked, elementwise
from xlparity.functions.signature import Function, number
from xlparity.model.table import Table
from xlparity.model.value import Error

__all__ = ["TABLE"]

TABLE: Table[str, Function] = Table("trigonometry")
X = number("number")
LIMIT = 134217728.0  # 2^27: Excel gives #NUM! for larger angles


def _angle(name: str, summary: str, compute: Callable[[Tensor], Tensor]) -> None:
    """Enter a function of an angle, which must be smaller than 2^27."""

    def limited(x: Tensor) -> Tensor | Checked:
        large = x.detach().abs() >= LIMIT
        return checked(compute(x), (large, Error.NUM)) if bool(large.any()) else compute(x)

    elementwise(TABLE, name, X, summary=summary)(limited)


def _reciprocal(name: str, summary: str, below: Callable[[Tensor], Tensor], *, angle: bool) -> None:
    """Enter the reciprocal of `below`, which is #DIV/0! at 0."""

    def compute(x: Tensor) -> Tensor | Checked:
        y = below(x)
        large = x.detach().abs() >= (LIMIT if angle else math.inf)
        return checked(1 / y, (large, Error.NUM), (y.detach() == 0, Error.DIV0))

    elementwise(TABLE, name, X, summary=summary)(compute)


_angle("SIN", "The sine of an angle in radians.", torch.sin)
_angle("COS", "The cosine of an angle in radians.", torch.cos)
_angle("TAN", "The tangent of an angle in radians.", torch.tan)
_reciprocal("CSC", "The cosecant of an angle in radians.", torch.sin, angle=True)
_reciprocal("SEC", "The secant of an angle in radians.", torch.cos, angle=True)
_reciprocal("COT", "The cotangent of an angle in radians.", torch.tan, angle=True)
_reciprocal("COTH", "The hyperbolic cotangent.", torch.tanh, angle=False)

elementwise(TABLE, "ASIN", X, summary="The arcsine.")(torch.asin)
elementwise(TABLE, "ACOS", X, summary="The arccosine.")(torch.acos)
elementwise(TABLE, "ATAN", X, summary="The arctangent.")(torch.atan)
elementwise(TABLE, "SINH", X, summary="The hyperbolic sine.")(torch.sinh)
elementwise(TABLE, "COSH", X, summary="The hyperbolic cosine.")(torch.cosh)
elementwise(TABLE, "TANH", X, summary="The hyperbolic tangent.")(torch.tanh)
elementwise(TABLE, "ASINH", X, summary="The inverse hyperbolic sine.")(torch.asinh)
elementwise(TABLE, "ACOSH", X, summary="The inverse hyperbolic cosine.")(torch.acosh)
elementwise(TABLE, "ATANH", X, summary="The inverse hyperbolic tangent.")(torch.atanh)
elementwise(TABLE, "RADIANS", X, summary="Degrees in radians.")(lambda x: x * (math.pi / 180))
elementwise(TABLE, "DEGREES", X, summary="Radians in degrees.")(lambda x: x * (180 / math.pi))


@elementwise(TABLE, "CSCH", X, summary="The hyperbolic cosecant.")
def csch(x: Tensor) -> Checked:
    zero = x.detach() == 0
    large = x.detach().abs() > 709  # beyond, sinh overflows and the result is 0 within a denormal
    y = torch.sinh(torch.where(zero | large, 1.0, x))
    return checked(torch.where(large, 0.0, 1 / y), (zero, Error.DIV0))


@elementwise(TABLE, "SECH", X, summary="The hyperbolic secant.")
def sech(x: Tensor) -> Tensor:
    large = x.detach().abs() > 709
    return torch.where(large, 0.0, 1 / torch.cosh(torch.where(large, 1.0, x)))


@elementwise(TABLE, "ACOT", X, summary="The arccotangent, between 0 and pi.")
def acot(x: Tensor) -> Tensor:
    return math.pi / 2 - torch.atan(x)


elementwise(TABLE, "ACOTH", X, summary="The inverse hyperbolic cotangent.")(lambda x: torch.atanh(1 / x))


@elementwise(TABLE, "ATAN2", number("x_num"), number("y_num"), summary="The angle of the point (x, y), in radians.")
def atan2(x: Tensor, y: Tensor) -> Checked:
    origin = (x.detach() == 0) & (y.detach() == 0)
    return checked(torch.atan2(y, torch.where(origin, 1.0, x)), (origin, Error.DIV0))

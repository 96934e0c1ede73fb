"""Rounding: ROUND, MROUND, CEILING, FLOOR, INT, ... Their gradients are 0 almost everywhere, as torch's are.

Excel rounds the decimal number of 15 digits that it shows, not the binary one: ROUND(2.675,2) is 2.68 and
ROUND(1.005,2) is 1.01, though both doubles lie below the half.
"""

from __future__ import annotations

import torch
from torch import Tensor

from xlparity.functions.lift import Checked, checked, elementwise
from xlparity.functions.signature import Function, integer, number
from xlparity.model.table import Table
from xlparity.model.value import Error

__all__ = ["TABLE", "round_half_away"]

TABLE: Table[str, Function] = Table("rounding")
X = number("number")
POWERS = torch.tensor([float(10**i) for i in range(309)], dtype=torch.float64)


def _scaled(x: Tensor, digits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """|x| times 10^digits, that power's size, and whether it divides (digits < 0)."""
    shift = POWERS[digits.abs().clamp(max=308).long()]
    return torch.where(digits < 0, x.abs() / shift, x.abs() * shift), shift, digits < 0


def _unscaled(whole: Tensor, x: Tensor, shift: Tensor, divided: Tensor, y: Tensor) -> Tensor:
    made = torch.where(divided, whole * shift, whole / shift) * torch.where(x < 0, -1.0, 1.0)
    return torch.where(y >= 2.0**52, x, made)  # all digits are before the place: nothing to round


def _half_unit(y: Tensor) -> Tensor:
    """Half a unit in the 15th significant digit of y."""
    return 0.5 * 10.0 ** (torch.where(y > 0, y, 1.0).log10().floor() - 14)


def round_half_away(x: Tensor, digits: Tensor) -> Tensor:
    """`x` rounded to `digits` decimals, halves of the 15-digit decimal away from zero."""
    y, shift, divided = _scaled(x, digits)
    floor = y.floor()
    up = y - floor >= 0.5 - _half_unit(y)
    return _unscaled(torch.where(up, floor + 1, floor), x, shift, divided, y)


def _near_whole(y: Tensor) -> Tensor:
    """Whether y is an integer but for the rounding of its scaling."""
    return (y - y.round()).abs() <= y * 4.5e-16


@elementwise(TABLE, "ROUND", X, integer("num_digits"), summary="A number rounded to digits, halves away from zero.")
def excel_round(x: Tensor, digits: Tensor) -> Tensor:
    return round_half_away(x.detach(), digits.detach())


@elementwise(TABLE, "ROUNDUP", X, integer("num_digits"), summary="A number rounded to digits away from zero.")
def roundup(x: Tensor, digits: Tensor) -> Tensor:
    x = x.detach()
    y, shift, divided = _scaled(x, digits.detach())
    return _unscaled(torch.where(_near_whole(y), y.round(), y.ceil()), x, shift, divided, y)


def rounddown(x: Tensor, digits: Tensor) -> Tensor:
    """`x` rounded to `digits` decimals towards zero."""
    x = x.detach()
    y, shift, divided = _scaled(x, digits.detach())
    return _unscaled(torch.where(_near_whole(y) & (digits != 0), y.round(), y.floor()), x, shift, divided, y)


elementwise(TABLE, "ROUNDDOWN", X, integer("num_digits"), summary="A number rounded to digits towards zero.")(rounddown)
elementwise(TABLE, "TRUNC", X, integer("num_digits", 0.0), summary="A number truncated to digits.")(rounddown)
elementwise(TABLE, "INT", X, summary="The greatest integer that is not greater.")(torch.floor)


def _away_to(x: Tensor, rest: float) -> Tensor:
    """The next integer away from zero that leaves `rest` (0 or 1) when divided by 2."""
    y = x.detach().abs()
    whole = (2 * ((y - rest) / 2).ceil() + rest).clamp(min=rest)
    return torch.where(x < 0, -whole, whole)


elementwise(TABLE, "EVEN", X, summary="The next even integer away from zero.")(lambda x: _away_to(x, 0.0))
elementwise(TABLE, "ODD", X, summary="The next odd integer away from zero.")(lambda x: _away_to(x, 1.0))


def _multiple(x: Tensor, unit: Tensor, *, up: bool) -> Tensor:
    """The multiple of `unit` next to x: the next greater quotient if `up`, else the next smaller."""
    by = torch.where(unit == 0, 1.0, unit)
    quotient = x / by
    whole = torch.where(
        (quotient - quotient.round()).abs() <= quotient.abs() * 4.5e-16,
        quotient.round(),
        quotient.ceil() if up else quotient.floor(),
    )
    return torch.where(unit == 0, 0.0, whole * unit)


@elementwise(TABLE, "CEILING", X, number("significance"), summary="A number rounded up to a multiple.")
def ceiling(x: Tensor, unit: Tensor) -> Checked:
    x, unit = x.detach(), unit.detach()
    return checked(_multiple(x, unit, up=True), ((x > 0) & (unit < 0), Error.NUM))


@elementwise(TABLE, "FLOOR", X, number("significance"), summary="A number rounded down to a multiple.")
def floor(x: Tensor, unit: Tensor) -> Checked:
    x, unit = x.detach(), unit.detach()
    made = _multiple(x, unit, up=False)
    return checked(made, ((x > 0) & (unit < 0), Error.NUM), ((unit == 0) & (x != 0), Error.DIV0))


def _math(x: Tensor, unit: Tensor, mode: Tensor, *, up: bool) -> Tensor:
    """CEILING.MATH and FLOOR.MATH: the sign of `unit` does not matter; a mode other than 0 mirrors negative numbers."""
    x, unit, mode = x.detach(), unit.detach().abs(), mode.detach()
    mirrored = torch.where(x < 0, -_multiple(-x, unit, up=up), _multiple(x, unit, up=up))
    return torch.where(mode != 0, mirrored, _multiple(x, unit, up=up))


def _precise(x: Tensor, unit: Tensor, *, up: bool) -> Tensor:
    return _multiple(x.detach(), unit.detach().abs(), up=up)


UNIT = number("significance", 1.0)
MODE = number("mode", 0.0)
UP = "A number rounded up to a multiple"
DOWN = "A number rounded down to a multiple"
elementwise(TABLE, "CEILING.MATH", X, UNIT, MODE, summary=f"{UP}.")(lambda x, u, m: _math(x, u, m, up=True))
elementwise(TABLE, "FLOOR.MATH", X, UNIT, MODE, summary=f"{DOWN}.")(lambda x, u, m: _math(x, u, m, up=False))
for name in ("CEILING.PRECISE", "ISO.CEILING", "ECMA.CEILING"):
    elementwise(TABLE, name, X, UNIT, summary=f"{UP}, whatever the sign.")(lambda x, u: _precise(x, u, up=True))
elementwise(TABLE, "FLOOR.PRECISE", X, UNIT, summary=f"{DOWN}, whatever the sign.")(
    lambda x, u: _precise(x, u, up=False)
)


@elementwise(TABLE, "MROUND", X, number("multiple"), summary="A number rounded to the nearest multiple.")
def mround(x: Tensor, unit: Tensor) -> Checked:
    x, unit = x.detach(), unit.detach()
    quotient = x / torch.where(unit == 0, 1.0, unit)
    whole = round_half_away(quotient, torch.zeros((), dtype=torch.float64))
    return checked(torch.where(unit == 0, 0.0, whole * unit), (x * unit < 0, Error.NUM))

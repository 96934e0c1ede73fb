"""Values with their running errors: operators and Excel's functions, each with the rule of its rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import pi

import numpy as np
import torch
from numpy.typing import NDArray

from xlparity.model.table import Table

__all__ = ["FUNCTIONS", "Known", "NoBound", "Roundings"]

Array = NDArray[np.float64]

_U = 2.0**-53
_BASIC = 2 * _U  # an operation that rounds once, and the computation of this error
_SMALLEST = 2.0**-1022  # below, float64 loses digits, and EXP(-800) is 0
_LIBRARY = 8 * _U  # a function of a library: within 2 units in the last place, twice that allowed

_SAVED_DIGITS = 15  # of a number in a formula, by LibreOffice


class NoBound(Exception):
    """No rule says how far the value may be off."""


@dataclass(frozen=True, slots=True)
class Known:
    """Values, of shapes that broadcast to (window rows, window columns, rows, columns), and how far they may be off.

    The shape of `radius` broadcasts to that of `value`.

    `number` is False for cells without a number, which sums leave out; None: all are numbers. NaN is an error.
    """

    value: Array
    radius: Array
    number: NDArray[np.bool_] | None = None


class Roundings:
    """The rules of operators; `snapping` is the share of a sum's terms that the engine may snap to zero."""

    def __init__(self, snapping: float = 0.0) -> None:
        self.snapping = snapping

    def exact(self, value: float | Array) -> Known:
        """A number without error."""
        array = np.asarray(value, np.float64)
        array = array.reshape((1, 1, 1, 1)) if array.ndim == 0 else array
        return Known(array, np.zeros((1, 1, 1, 1)))

    def literal(self, value: float) -> Known:
        """A number in a formula's text: 0.1 means a tenth, which float64 does not have.

        Of more than 15 digits LibreOffice saves 15, so that all from the 15th on are taken for its rounding.
        """
        digits = Decimal(repr(value)).normalize()
        if len(digits.as_tuple().digits) >= _SAVED_DIGITS:
            size = 0.5 * 10.0 ** (digits.adjusted() + 1 - _SAVED_DIGITS)
        else:
            size = 0.0 if value == round(value) else _U * abs(value)
        return Known(np.full((1, 1, 1, 1), value), np.full((1, 1, 1, 1), size))

    def negated(self, one: Known) -> Known:
        """-x"""
        return Known(-one.value, one.radius)

    def binary(self, operator: str, left: Known, right: Known) -> Known:
        """Two numbers, element by element."""
        a, b, ra, rb = left.value, right.value, left.radius, right.radius
        match operator:
            case "+" | "-":
                value = a + b if operator == "+" else a - b
                return Known(value, ra + rb + _BASIC * np.abs(value) + self.snapping * (np.abs(a) + np.abs(b)))
            case "*":
                value = a * b
                return Known(value, np.abs(a) * rb + np.abs(b) * ra + ra * rb + _BASIC * np.abs(value) + _SMALLEST)
            case "/":
                value = a / b
                away = np.abs(b) - rb
                radius = (ra + np.abs(value) * rb) / np.where(away > 0, away, np.nan)
                return Known(np.where(b == 0, np.nan, value), radius + _BASIC * np.abs(value) + _SMALLEST)
            case "^":
                return self.power(left, right)
            case "=" | "<>" | "<" | "<=" | ">" | ">=":
                holds = {"=": a == b, "<>": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]
                return Known(np.where(np.isnan(a) | np.isnan(b), np.nan, holds), _unsure(a - b, ra + rb))
            case _:
                raise NoBound

    def power(self, base: Known, exponent: Known) -> Known:
        """x^y"""
        a, y, ra, ry = np.broadcast_arrays(base.value, exponent.value, base.radius, exponent.radius)
        value = np.where((a == 0) & (y <= 0), np.nan, a**y)
        size = np.abs(a)
        whole = (ry == 0) & (y == np.round(y))
        outer, inner = (size + ra) ** y, np.maximum(size - ra, 0.0) ** y
        grown = np.maximum(np.abs(outer - size**y), np.abs(inner - size**y))
        corners = [(a + s * ra) ** (y + t * ry) for s in (1, -1) for t in (1, -1)]
        away = np.max([np.abs(corner - value) for corner in corners], 0)
        # Whole powers grow with the size of the base; others need a base above 0, where they are monotone.
        share = np.where(whole, grown, np.where(a - ra > 0, away, np.nan))
        return Known(value, np.where((ra == 0) & (ry == 0), 0.0, share) + _LIBRARY * np.abs(value) + _SMALLEST)

    def total(self, operands: Sequence[Known]) -> Known:
        """The sum of all numbers in the operands, in whatever order they are added."""
        value, radius, size, terms = (np.zeros((1, 1, 1, 1)) for _ in range(4))
        for one in operands:
            held, off = _numbers(one, 0.0)
            value = value + _over(held, np.sum)
            radius = radius + _over(off, np.sum)
            size = size + _over(np.abs(held), np.sum)
            terms = terms + held.shape[2] * held.shape[3]
        # Without terms of higher order, whatever the order (Jeannerod, Rump 2013); `size` itself is rounded, too.
        return Known(value, radius + (terms * _U + np.where(terms > 1, self.snapping, 0.0)) * size)

    def count(self, operands: Sequence[Known]) -> Array:
        """How many numbers there are in the operands."""
        count = np.zeros((1, 1, 1, 1))
        for one in operands:
            number = np.ones(one.value.shape, bool) if one.number is None else one.number
            count = count + number.sum((2, 3), keepdims=True)
        return count

    def chosen(self, condition: Known, then: Known, other: Known) -> Known:
        """IF; where the condition is not sure, either."""
        true = condition.value != 0
        value = np.where(np.isnan(condition.value), np.nan, np.where(true, then.value, other.value))
        radius = np.where(true, then.radius, other.radius)
        both = np.maximum(then.radius, other.radius) + np.abs(then.value - other.value)
        unsure = _unsure(condition.value, condition.radius)
        return Known(value, np.select([unsure == 0, unsure == 1], [radius, both], np.nan))

    def smooth(self, value: Array, radius: Array) -> Known:
        """A function of a library whose operand's error has become `radius`."""
        return Known(value, radius + _LIBRARY * np.abs(value) + _SMALLEST)


_Rule = Callable[[Roundings, Sequence[Known]], Known]
FUNCTIONS: Table[str, _Rule] = Table("running errors of Excel's functions")


def _unsure(value: Array, radius: Array) -> Array:
    """1 where a number may be on another side of 0 than `value`, NaN where it is not known how far it may be off."""
    return np.where(np.isnan(radius), np.nan, (radius > 0) & (np.abs(value) <= radius))


def _truth(one: Known) -> Known:
    """Whether each number is another than 0."""
    return Known(np.where(np.isnan(one.value), np.nan, one.value != 0), _unsure(one.value, one.radius), one.number)


def _numbers(one: Known, neutral: float) -> tuple[Array, Array]:
    """Values and radii, `neutral` and 0 where there is no number."""
    value, radius = one.value, np.broadcast_to(one.radius, one.value.shape)
    if one.number is None:
        return value, radius
    return np.where(one.number, value, neutral), np.where(one.number, radius, 0.0)


def _over(array: Array, function: Callable[..., Array]) -> Array:
    return np.asarray(function(array, axis=(2, 3), keepdims=True))


def _single(operands: Sequence[Known]) -> Known:
    if len(operands) != 1:
        raise NoBound
    return operands[0]


def _joined(operands: Sequence[Known]) -> Known:
    """All numbers of the operands in one row; needed where each counts several times."""
    if len(operands) == 1:
        return operands[0]
    lanes = np.broadcast_shapes(*(one.value.shape[:2] for one in operands))

    def row(array: NDArray[np.generic], shape: tuple[int, ...]) -> NDArray[np.generic]:
        return np.broadcast_to(array, (*lanes, *shape)).reshape((*lanes, 1, -1))

    values, radii, numbers = [], [], []
    for one in operands:
        shape = one.value.shape[2:]
        values.append(row(one.value, shape))
        radii.append(row(one.radius, shape))
        numbers.append(row(np.ones(one.value.shape, bool) if one.number is None else one.number, shape))
    return Known(np.concatenate(values, 3), np.concatenate(radii, 3), np.concatenate(numbers, 3))


# -- sums -------------------------------------------------------------------------------------------------------------


@FUNCTIONS.rule("SUM")
def _sum(rules: Roundings, operands: Sequence[Known]) -> Known:
    return rules.total(operands)


@FUNCTIONS.rule("COUNT")
def _count(rules: Roundings, operands: Sequence[Known]) -> Known:
    return rules.exact(rules.count(operands))


@FUNCTIONS.rule("AVERAGE")
def _average(rules: Roundings, operands: Sequence[Known]) -> Known:
    return rules.binary("/", rules.total(operands), rules.exact(rules.count(operands)))


@FUNCTIONS.rule("SUMSQ")
def _sum_of_squares(rules: Roundings, operands: Sequence[Known]) -> Known:
    return rules.total([_kept(rules.binary("*", one, one), one) for one in operands])


def _kept(result: Known, source: Known) -> Known:
    return Known(result.value, result.radius, source.number)


@FUNCTIONS.rule("SUMPRODUCT")
def _sum_of_products(rules: Roundings, operands: Sequence[Known]) -> Known:
    result = None
    for one in operands:
        value, radius = _numbers(one, 0.0)
        factor = Known(value, radius)
        if result is not None and factor.value.shape[2:] != result.value.shape[2:]:
            raise NoBound
        result = factor if result is None else rules.binary("*", result, factor)
    if result is None:
        raise NoBound
    return rules.total([result])


@FUNCTIONS.rule("SUMXMY2")
def _sum_of_squared_differences(rules: Roundings, operands: Sequence[Known]) -> Known:
    left, right = _pair(operands)
    difference = rules.binary("-", left, right)
    return rules.total([rules.binary("*", difference, difference)])


@FUNCTIONS.rule("SUMX2PY2")
def _sum_of_both_squares(rules: Roundings, operands: Sequence[Known]) -> Known:
    return rules.total([rules.binary("*", one, one) for one in _pair(operands)])


@FUNCTIONS.rule("SUMX2MY2")
def _difference_of_squares(rules: Roundings, operands: Sequence[Known]) -> Known:
    left, right = (rules.binary("*", one, one) for one in _pair(operands))
    return rules.total([rules.binary("-", left, right)])


def _pair(operands: Sequence[Known]) -> tuple[Known, Known]:
    if len(operands) != 2 or any(one.number is not None for one in operands):
        raise NoBound
    if operands[0].value.shape[2:] != operands[1].value.shape[2:]:
        raise NoBound
    return operands[0], operands[1]


@FUNCTIONS.rule("MMULT")
def _matrix_product(rules: Roundings, operands: Sequence[Known]) -> Known:
    left, right = operands
    if left.value.shape[3] != right.value.shape[2] or left.number is not None or right.number is not None:
        raise NoBound
    a, b = np.abs(left.value), np.abs(right.value)
    ra, rb = np.broadcast_to(left.radius, a.shape), np.broadcast_to(right.radius, b.shape)
    terms = a.shape[3]
    rounding = ((terms + 2) * _U + rules.snapping) * (a @ b) + terms * _SMALLEST  # as of a sum
    return Known(left.value @ right.value, a @ rb + ra @ b + ra @ rb + rounding)


@FUNCTIONS.rule("TRANSPOSE")
def _transposed(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    number = None if one.number is None else one.number.swapaxes(2, 3)
    return Known(one.value.swapaxes(2, 3), one.radius.swapaxes(2, 3), number)


@FUNCTIONS.rule("PRODUCT")
def _product(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _joined(operands)
    value, radius = _numbers(one, 1.0)
    most = _over(np.abs(value) + radius, np.prod)
    result = _over(value, np.prod)
    terms = value.shape[2] * value.shape[3]
    # What is lost where a product on the way underflows is multiplied by the factors that follow, in whatever order.
    lost = _SMALLEST * _over(np.maximum(np.abs(value) + radius, 1.0), np.prod)
    return Known(result, (most - np.abs(result)) + terms * (2 * _BASIC * most + lost))


def _deviations(rules: Roundings, operands: Sequence[Known]) -> tuple[Known, Known]:
    one = _joined(operands)
    count = rules.exact(rules.count([one]))
    mean = rules.binary("/", rules.total([one]), count)
    off = rules.binary("-", one, mean)
    return rules.total([_kept(rules.binary("*", off, off), one)]), count


@FUNCTIONS.rule("DEVSQ")
def _squared_deviations(rules: Roundings, operands: Sequence[Known]) -> Known:
    return _deviations(rules, operands)[0]


@FUNCTIONS.rule("VAR", "VAR.S")
def _variance(rules: Roundings, operands: Sequence[Known]) -> Known:
    squares, count = _deviations(rules, operands)
    return rules.binary("/", squares, rules.exact(count.value - 1))


@FUNCTIONS.rule("VARP", "VAR.P")
def _variance_of_all(rules: Roundings, operands: Sequence[Known]) -> Known:
    return rules.binary("/", *_deviations(rules, operands))


@FUNCTIONS.rule("STDEV", "STDEV.S")
def _deviation(rules: Roundings, operands: Sequence[Known]) -> Known:
    return _root(rules, [_variance(rules, operands)])


@FUNCTIONS.rule("STDEVP", "STDEV.P")
def _deviation_of_all(rules: Roundings, operands: Sequence[Known]) -> Known:
    return _root(rules, [_variance_of_all(rules, operands)])


# -- extremes and order: no further off than the numbers themselves ----------------------------------------------------


def _extreme(operands: Sequence[Known], sign: float) -> Known:
    value, radius = np.full((1, 1, 1, 1), -np.inf), np.zeros((1, 1, 1, 1))
    for one in operands:
        held, off = _numbers(Known(sign * one.value, one.radius, one.number), -np.inf)
        value = np.maximum(value, _over(held, np.max))
        radius = np.maximum(radius, _over(off, np.max))
    return Known(np.where(np.isinf(value), 0.0, sign * value), radius)


@FUNCTIONS.rule("MAX")
def _largest(rules: Roundings, operands: Sequence[Known]) -> Known:
    return _extreme(operands, 1.0)


@FUNCTIONS.rule("MIN")
def _smallest(rules: Roundings, operands: Sequence[Known]) -> Known:
    return _extreme(operands, -1.0)


@FUNCTIONS.rule("MEDIAN")
def _median(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _joined(operands)
    if one.number is not None and not one.number.all():
        raise NoBound
    return rules.smooth(_over(one.value, np.median), _over(one.radius, np.max))


# -- functions of one number ------------------------------------------------------------------------------------------


@FUNCTIONS.rule("ABS")
def _absolute(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    return Known(np.abs(one.value), one.radius)


@FUNCTIONS.rule("SQRT")
def _root(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    value = np.sqrt(one.value)
    # |sqrt(x + r) - sqrt(x)| is at most r / sqrt(x), and at most sqrt(r) wherever x is.
    share = np.minimum(np.where(value > 0, one.radius / value, np.inf), np.sqrt(one.radius))
    return Known(value, share + _BASIC * value)


@FUNCTIONS.rule("EXP")
def _exponential(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    value = np.exp(one.value)
    return rules.smooth(value, np.maximum(value, _SMALLEST) * np.expm1(one.radius))


def _logarithm_of(one: Known) -> tuple[Array, Array]:
    share = one.radius / one.value
    return np.log(one.value), np.where((one.value > 0) & (share < 1), -np.log1p(-np.minimum(share, 0.5)), np.nan) + (
        np.where(share < 0.5, 0.0, np.nan)
    )


@FUNCTIONS.rule("LN")
def _logarithm(rules: Roundings, operands: Sequence[Known]) -> Known:
    return rules.smooth(*_logarithm_of(_single(operands)))


@FUNCTIONS.rule("LOG10")
def _decimal_logarithm(rules: Roundings, operands: Sequence[Known]) -> Known:
    value, radius = _logarithm_of(_single(operands))
    return rules.smooth(value / np.log(10.0), radius / np.log(10.0))


@FUNCTIONS.rule("LOG")
def _logarithm_to_a_base(rules: Roundings, operands: Sequence[Known]) -> Known:
    if len(operands) == 1:
        return _decimal_logarithm(rules, operands)
    return rules.binary("/", _logarithm(rules, operands[:1]), _logarithm(rules, operands[1:]))


# Functions with a slope of at most 1.
_GENTLE: dict[str, Callable[[Array], Array]] = {"TANH": np.tanh, "ATAN": np.arctan, "ASINH": np.arcsinh}


def _gentle(function: Callable[[Array], Array]) -> _Rule:
    def rule(rules: Roundings, operands: Sequence[Known]) -> Known:
        one = _single(operands)
        return rules.smooth(function(one.value), one.radius)

    return rule


for _name, _function in _GENTLE.items():
    FUNCTIONS.rule(_name)(_gentle(_function))


def _waves(rules: Roundings, one: Known, value: Array) -> Known:
    # Excel subtracts multiples of a pi of 66 bits: SIN(PI()) has three right digits.
    reduction = _U * np.abs(one.value) if rules.snapping else 0.0
    return rules.smooth(value, one.radius + reduction)


@FUNCTIONS.rule("SIN")
def _sine(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    return _waves(rules, one, np.sin(one.value))


@FUNCTIONS.rule("COS")
def _cosine(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    return _waves(rules, one, np.cos(one.value))


@FUNCTIONS.rule("TAN")
def _tangent(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    sine, cosine = (_waves(rules, one, function(one.value)) for function in (np.sin, np.cos))
    quotient = rules.binary("/", sine, cosine)
    return rules.smooth(np.tan(one.value), quotient.radius)


@FUNCTIONS.rule("SINH")
def _hyperbolic_sine(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    return rules.smooth(np.sinh(one.value), one.radius * np.cosh(np.abs(one.value) + one.radius))


@FUNCTIONS.rule("COSH")
def _hyperbolic_cosine(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    return rules.smooth(np.cosh(one.value), one.radius * np.cosh(np.abs(one.value) + one.radius))


@FUNCTIONS.rule("ERF", "ERF.PRECISE")
def _error_function(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    value = torch.special.erf(torch.from_numpy(np.array(one.value))).numpy()
    return rules.smooth(value, one.radius * 2 / np.sqrt(pi))


@FUNCTIONS.rule("PI")
def _circle(rules: Roundings, operands: Sequence[Known]) -> Known:
    return Known(np.full((1, 1, 1, 1), pi), np.full((1, 1, 1, 1), _U * pi))


@FUNCTIONS.rule("SIGN")
def _sign(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    return Known(np.sign(one.value), 2 * _unsure(one.value, one.radius))


@FUNCTIONS.rule("INT")
def _floor(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _single(operands)
    low, high = np.floor(one.value - one.radius), np.floor(one.value + one.radius)
    return Known(np.floor(one.value), high - low)


@FUNCTIONS.rule("ROUND")
def _rounded(rules: Roundings, operands: Sequence[Known]) -> Known:
    one, digits = operands
    if (digits.radius != 0).any():
        raise NoBound
    unit = 10.0 ** -np.trunc(digits.value)

    def nearest(value: Array) -> Array:
        return np.asarray(np.sign(value) * np.floor(np.abs(value) / unit + 0.5) * unit)

    # What lies within a few roundings of a half may go either way, also for exact operands.
    reach = one.radius + _LIBRARY * np.abs(one.value)
    low, high = nearest(one.value - reach), nearest(one.value + reach)
    return rules.smooth(nearest(one.value), high - low)


@FUNCTIONS.rule("POWER")
def _power(rules: Roundings, operands: Sequence[Known]) -> Known:
    left, right = operands
    return rules.power(left, right)


# -- choices ----------------------------------------------------------------------------------------------------------


@FUNCTIONS.rule("IF")
def _if(rules: Roundings, operands: Sequence[Known]) -> Known:
    if len(operands) not in (2, 3):
        raise NoBound
    return rules.chosen(operands[0], operands[1], operands[2] if len(operands) == 3 else rules.exact(0.0))


@FUNCTIONS.rule("IFERROR")
def _if_error(rules: Roundings, operands: Sequence[Known]) -> Known:
    one, other = operands
    bad = np.isnan(one.value)
    return Known(np.where(bad, other.value, one.value), np.where(bad, other.radius, one.radius))


@FUNCTIONS.rule("NOT")
def _not(rules: Roundings, operands: Sequence[Known]) -> Known:
    one = _truth(_single(operands))
    return Known(1 - one.value, one.radius)


def _all_or_any(operands: Sequence[Known], all_of: bool) -> Known:
    value: Array = np.full((1, 1, 1, 1), float(all_of))
    radius: Array = np.zeros((1, 1, 1, 1))
    for one in map(_truth, operands):
        if one.number is not None:
            raise NoBound
        each = _over(one.value, np.min if all_of else np.max)
        value = np.minimum(value, each) if all_of else np.maximum(value, each)
        radius = np.maximum(radius, _over(one.radius, np.max))
    return Known(value, radius)


@FUNCTIONS.rule("AND")
def _and(rules: Roundings, operands: Sequence[Known]) -> Known:
    return _all_or_any(operands, True)


@FUNCTIONS.rule("OR")
def _or(rules: Roundings, operands: Sequence[Known]) -> Known:
    return _all_or_any(operands, False)


@FUNCTIONS.rule("ROWS")
def _rows(rules: Roundings, operands: Sequence[Known]) -> Known:
    return rules.exact(float(_single(operands).value.shape[2]))


@FUNCTIONS.rule("COLUMNS")
def _columns(rules: Roundings, operands: Sequence[Known]) -> Known:
    return rules.exact(float(_single(operands).value.shape[3]))


@FUNCTIONS.rule("INDEX")
def _indexed(rules: Roundings, operands: Sequence[Known]) -> Known:
    area, *places = operands
    rows, columns = area.value.shape[2:]
    if any((one.radius != 0).any() or one.value.shape[2:] != (1, 1) for one in places) or len(places) not in (1, 2):
        raise NoBound
    first = places[0].value
    if len(places) == 2:
        row, column = first - 1, places[1].value - 1
    elif rows == 1:
        row, column = np.zeros_like(first), first - 1
    else:
        row, column = first - 1, np.zeros_like(first)
    if not ((row >= 0) & (row < rows) & (column >= 0) & (column < columns)).all():
        raise NoBound
    at = (np.trunc(row) * columns + np.trunc(column)).astype(np.int64)[..., 0, 0]
    value, radius = _numbers(area, 0.0)
    lanes = np.broadcast_shapes(value.shape[:2], at.shape)

    def taken(array: Array) -> Array:
        flat = np.broadcast_to(array, (*lanes, rows, columns)).reshape((*lanes, -1))
        return np.take_along_axis(flat, np.broadcast_to(at, lanes)[..., None], 2)[..., None]

    return Known(taken(value), taken(radius))

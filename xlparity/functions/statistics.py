"""Statistics of samples: AVERAGE, VAR.S, MEDIAN, PERCENTILE, CORREL, ... ("Statistical functions")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import numbers_of
from xlparity.functions.fault import UNDECIDED, Fault, array_of, fault_of, first_fault, merged, where_error
from xlparity.functions.lift import Checked, checked, fitted
from xlparity.functions.sample import Sample, aggregate, joined, paired
from xlparity.functions.signature import Argument, Body, Function, array, declare, number, numbers
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

__all__ = ["TABLE", "percentile_inc"]

TABLE: Table[str, Function] = Table("statistics")
MANY = (numbers("number", repeating=True),)


def _too_few(sample: Sample, least: int, error: Error = Error.DIV0) -> Fault:
    """`error` where fewer than `least` numbers count."""
    return where_error(sample.count < least, error)


@aggregate(TABLE, "AVERAGE", parameters=MANY, summary="The arithmetic mean.")
def average(sample: Sample) -> Checked:
    return Checked(sample.sum / sample.count.clamp(min=1), _too_few(sample, 1))


@aggregate(TABLE, "MAX", parameters=MANY, summary="The greatest number; 0 of nothing.", fold=torch.maximum)
def maximum(sample: Sample) -> Tensor:
    if sample.mask is None:
        return sample.number.amax(-1)
    return torch.where(sample.count == 0, 0.0, sample.chosen(sample.number, -torch.inf).amax(-1))


@aggregate(TABLE, "MIN", parameters=MANY, summary="The smallest number; 0 of nothing.", fold=torch.minimum)
def minimum(sample: Sample) -> Tensor:
    if sample.mask is None:
        return sample.number.amin(-1)
    return torch.where(sample.count == 0, 0.0, sample.chosen(sample.number, torch.inf).amin(-1))


@aggregate(TABLE, "DEVSQ", parameters=MANY, summary="The sum of squared deviations from the mean.")
def devsq(sample: Sample) -> Checked:
    return Checked(sample.deviations.square().sum(-1), _too_few(sample, 1, Error.NUM))


@aggregate(TABLE, "VAR.S", "VAR", parameters=MANY, summary="The variance of a sample (n - 1).")
def var_s(sample: Sample) -> Checked:
    return Checked(sample.deviations.square().sum(-1) / (sample.count - 1).clamp(min=1), _too_few(sample, 2))


@aggregate(TABLE, "VAR.P", "VARP", parameters=MANY, summary="The variance of a population (n).")
def var_p(sample: Sample) -> Checked:
    return Checked(sample.deviations.square().sum(-1) / sample.count.clamp(min=1), _too_few(sample, 1))


@aggregate(TABLE, "STDEV.S", "STDEV", parameters=MANY, summary="The standard deviation of a sample.")
def stdev_s(sample: Sample) -> Checked:
    made = var_s(sample)
    assert isinstance(made, Checked)
    return Checked(made.number.sqrt(), made.fault)


@aggregate(TABLE, "STDEV.P", "STDEVP", parameters=MANY, summary="The standard deviation of a population.")
def stdev_p(sample: Sample) -> Checked:
    made = var_p(sample)
    assert isinstance(made, Checked)
    return Checked(made.number.sqrt(), made.fault)


@aggregate(TABLE, "AVEDEV", parameters=MANY, summary="The mean absolute deviation from the mean.")
def avedev(sample: Sample) -> Checked:
    return Checked(sample.deviations.abs().sum(-1) / sample.count.clamp(min=1), _too_few(sample, 1, Error.NUM))


@aggregate(TABLE, "GEOMEAN", parameters=MANY, summary="The geometric mean of positive numbers.")
def geomean(sample: Sample) -> Tensor:
    return (sample.chosen(torch.log(sample.chosen(sample.number, 1.0))).sum(-1) / sample.count).exp() + _positive(
        sample
    )


@aggregate(TABLE, "HARMEAN", parameters=MANY, summary="The harmonic mean of positive numbers.")
def harmean(sample: Sample) -> Tensor:
    return sample.count / sample.chosen(1 / sample.chosen(sample.number, 1.0)).sum(-1) + _positive(sample)


def _positive(sample: Sample) -> Tensor:
    """0 where all numbers that count are positive, else NaN."""
    return torch.where((sample.chosen(sample.number, 1.0) > 0).all(-1), 0.0, float("nan"))


@aggregate(TABLE, "SKEW", parameters=MANY, summary="The skewness of a sample.")
def skew(sample: Sample) -> Checked:
    n, deviations = sample.count, sample.deviations
    spread = (deviations.square().sum(-1) / (n - 1).clamp(min=1)).sqrt()
    fault = merged([_too_few(sample, 3), where_error(spread == 0, Error.DIV0)])
    third = (deviations / torch.where(spread == 0, 1.0, spread).unsqueeze(-1)).pow(3).sum(-1)
    return Checked(third * n / ((n - 1) * (n - 2)).clamp(min=1), fault)


@aggregate(TABLE, "SKEW.P", parameters=MANY, summary="The skewness of a population.")
def skew_p(sample: Sample) -> Checked:
    n, deviations = sample.count, sample.deviations
    spread = (deviations.square().sum(-1) / n.clamp(min=1)).sqrt()
    fault = merged([_too_few(sample, 3), where_error(spread == 0, Error.DIV0)])
    return Checked((deviations / torch.where(spread == 0, 1.0, spread).unsqueeze(-1)).pow(3).sum(-1) / n, fault)


@aggregate(TABLE, "KURT", parameters=MANY, summary="The excess kurtosis of a sample.")
def kurt(sample: Sample) -> Checked:
    n, deviations = sample.count, sample.deviations
    spread = (deviations.square().sum(-1) / (n - 1).clamp(min=1)).sqrt()
    fault = merged([_too_few(sample, 4), where_error(spread == 0, Error.DIV0)])
    fourth = (deviations / torch.where(spread == 0, 1.0, spread).unsqueeze(-1)).pow(4).sum(-1)
    below = ((n - 2) * (n - 3)).clamp(min=1)
    scale = n * (n + 1) / ((n - 1).clamp(min=1) * below)
    return Checked(fourth * scale - 3 * (n - 1).square() / below, fault)


def _at(sample: Sample, position: Tensor) -> Tensor:
    """The number at `position` (from 0) in ascending order, interpolated between neighbours."""
    ordered = sample.ordered
    shape = np.broadcast_shapes(position.shape, ordered.shape[:-1])
    position = position.expand(shape)
    rows = ordered.expand(*shape, ordered.shape[-1])
    low = position.detach().floor().clamp(min=0)
    high = torch.minimum(low + 1, (sample.count - 1).clamp(min=0).expand(shape))
    first, second = (rows.gather(-1, at.long().unsqueeze(-1)).squeeze(-1) for at in (low, high))
    first, second = (torch.where(value.detach().isfinite(), value, 0.0) for value in (first, second))
    return first + (position - low) * (second - first)


@aggregate(TABLE, "MEDIAN", parameters=MANY, summary="The middle number.")
def median(sample: Sample) -> Checked:
    half = (sample.count - 1) / 2
    low, high = _at(sample, half.floor().clamp(min=0)), _at(sample, half.ceil().clamp(min=0))
    return Checked((low + high) / 2, _too_few(sample, 1, Error.NUM))


@aggregate(TABLE, "SMALL", parameters=(numbers("array"), number("k")), summary="The k-th smallest number.")
def small(sample: Sample, k: Tensor) -> Checked:
    k = k.detach().ceil()
    outside = (k < 1) | (k > sample.count)
    return checked(_at(sample, torch.where(outside, 1.0, k) - 1), (outside, Error.NUM))


@aggregate(TABLE, "LARGE", parameters=(numbers("array"), number("k")), summary="The k-th greatest number.")
def large(sample: Sample, k: Tensor) -> Checked:
    k = k.detach().ceil()
    outside = (k < 1) | (k > sample.count)
    return checked(_at(sample, torch.where(outside, 0.0, sample.count - k)), (outside, Error.NUM))


def percentile_inc(sample: Sample, k: Tensor) -> Checked:
    """The k-th percentile, 0 and 1 included."""
    outside = (k.detach() < 0) | (k.detach() > 1) | (sample.count < 1)
    return checked(_at(sample, torch.where(outside, 0.0, k * (sample.count - 1))), (outside, Error.NUM))


def percentile_exc(sample: Sample, k: Tensor) -> Checked:
    """The k-th percentile, 0 and 1 excluded."""
    position = k * (sample.count + 1) - 1
    outside = (position.detach() < 0) | (position.detach() > sample.count - 1)
    return checked(_at(sample, torch.where(outside, 0.0, position)), (outside, Error.NUM))


def quartile_inc(sample: Sample, quart: Tensor) -> Checked:
    """The quartile; `quart` from 0 to 4 is truncated."""
    return percentile_inc(sample, quart.detach().trunc() / 4)


def quartile_exc(sample: Sample, quart: Tensor) -> Checked:
    """The quartile; `quart` from 1 to 3 is truncated."""
    return percentile_exc(sample, quart.detach().trunc() / 4)


K = (numbers("array"), number("k"))
for names, compute, summary in (
    (("PERCENTILE.INC", "PERCENTILE"), percentile_inc, "The k-th percentile, 0 and 1 included."),
    (("PERCENTILE.EXC",), percentile_exc, "The k-th percentile, 0 and 1 excluded."),
    (("QUARTILE.INC", "QUARTILE"), quartile_inc, "The quartile of the percentiles from 0 to 1, inclusive."),
    (("QUARTILE.EXC",), quartile_exc, "The quartile of the percentiles from 0 to 1, exclusive."),
):
    aggregate(TABLE, *names, parameters=K, summary=summary)(compute)


@aggregate(TABLE, "TRIMMEAN", parameters=(numbers("array"), number("percent")), summary="The mean without the ends.")
def trimmean(sample: Sample, share: Tensor) -> Checked:
    outside = (share < 0) | (share >= 1) | (sample.count < 1)
    cut = (torch.where(outside, 0.0, share) * sample.count / 2 + 1e-12).floor().unsqueeze(-1)
    place = torch.arange(sample.number.shape[-1], dtype=torch.float64)
    kept = (place >= cut) & (place < sample.count.unsqueeze(-1) - cut)
    total = torch.where(kept, sample.ordered, 0.0).sum(-1)
    return checked(total / kept.sum(-1).clamp(min=1), (outside, Error.NUM))


@aggregate(TABLE, "MODE.SNGL", "MODE", parameters=MANY, summary="The most frequent number, the first of equals.")
def mode(sample: Sample) -> Checked:
    rows = sample.number.detach().flatten(0, -2).tolist()
    masks = sample.chosen(torch.ones_like(sample.number)).flatten(0, -2).tolist()
    made = []
    for row, mask in zip(rows, masks, strict=True):
        counts = Counter(value for value, counted in zip(row, mask, strict=True) if counted)
        value, often = max(counts.items(), key=lambda item: item[1], default=(0.0, 0))
        made.append(value if often > 1 else float("nan"))
    result = torch.tensor(made, dtype=torch.float64).reshape(sample.number.shape[:-1])
    return checked(result.nan_to_num(), (result.isnan(), Error.NA))


def _rank(arguments: Sequence[Argument], texts: Texts, *, average: bool) -> Array:
    """Sections RANK.EQ and RANK.AVG: the place of a number in a list, descending unless `order` is not 0."""
    wanted, direction = fitted([arguments[0].array, arguments[2].array])
    value, fault = numbers_of(wanted, texts)
    order, order_fault = numbers_of(direction, texts)
    sample, list_fault = joined([Argument(arguments[1].array, True)], texts)
    entries, value = sample.number.detach(), value.detach().unsqueeze(-1)
    ascending = (order.detach() != 0).unsqueeze(-1)
    counts = torch.ones((), dtype=torch.bool) if sample.mask is None else sample.mask
    before = (torch.where(ascending, entries < value, entries > value) & counts).sum(-1)
    equal = ((entries == value) & counts).sum(-1)
    rank = before + (equal + 1) / 2 if average else before + 1.0
    missing = where_error(equal == 0, Error.NA)
    return array_of(rank.to(torch.float64), merged([fault, list_fault, order_fault, missing]))


RANK = (number("number"), array("ref"), number("order", 0.0))
for names, average_ties in ((("RANK", "RANK.EQ"), False), (("RANK.AVG",), True)):
    for name in names:
        declare(
            TABLE,
            Function(name, RANK, "The rank of a number in a list.", partial(_rank, average=average_ties)),
        )


def _percent_rank(sample: Sample, x: Tensor, digits: Tensor, *, exclusive: bool) -> Checked:
    n, ordered, x = sample.count, sample.ordered.detach(), x.detach()
    wide = x.unsqueeze(-1)
    below, equal = (ordered < wide).sum(-1), (ordered == wide).sum(-1)
    low = _at(sample, (below - 1).clamp(min=0).to(torch.float64))
    high = _at(sample, torch.minimum(below.to(torch.float64), n - 1))
    outside = (x < _at(sample, torch.zeros_like(n))) | (x > _at(sample, n - 1))
    senseless = (n < 1) | (digits < 1)
    between = torch.where(high == low, 0.0, (x - low) / torch.where(high == low, 1.0, high - low))
    place = torch.where(equal > 0, below.to(torch.float64), below - 1 + between)
    share = (place + 1) / (n + 1) if exclusive else torch.where(n == 1, 1.0, place / (n - 1).clamp(min=1))
    scale = 10 ** digits.detach().trunc()
    return checked((share * scale + 1e-9).floor() / scale, (senseless, Error.NUM), (outside, Error.NA))


for names, exclusive in ((("PERCENTRANK", "PERCENTRANK.INC"), False), (("PERCENTRANK.EXC",), True)):
    aggregate(
        TABLE,
        *names,
        parameters=(numbers("array"), number("x"), number("significance", 3.0)),
        summary="The rank of a number as a share of the list.",
    )(partial(_percent_rank, exclusive=exclusive))


# Counting


def _count(arguments: Sequence[Argument], texts: Texts) -> Array:
    """COUNT: numbers of ranges and arrays; single values also where they can be read as a number."""
    total: Tensor | float = 0.0
    faults = []
    for argument in arguments:
        given = argument.array
        faults.append(undecided_of(given))
        if given.kind is None:
            total = total + float(given.rows * given.columns)
        elif not argument.reference and given.rows == given.columns == 1:
            _, fault = numbers_of(given, texts)
            total = total + (1.0 if fault is None else (fault == 0).to(torch.float64))
        else:
            total = total + (given.kind == int(Kind.NUMBER)).sum((-2, -1), keepdim=True)
    return array_of(torch.as_tensor(total, dtype=torch.float64).expand(_at_least_2(total)), merged(faults))


def _counta(arguments: Sequence[Argument], _: Texts) -> Array:
    """COUNTA: everything that is not blank, errors included; an argument left empty counts."""
    total: Tensor | float = 0.0
    faults = []
    for argument in arguments:
        given = argument.array
        faults.append(undecided_of(given))
        if given.kind is None or not (argument.reference or given.rows * given.columns > 1):
            total = total + float(given.rows * given.columns)
        else:
            total = total + (given.kind != int(Kind.BLANK)).sum((-2, -1), keepdim=True)
    return array_of(torch.as_tensor(total, dtype=torch.float64).expand(_at_least_2(total)), merged(faults))


def _countblank(arguments: Sequence[Argument], texts: Texts) -> Array:
    """COUNTBLANK: blanks and empty texts."""
    given = arguments[0].array
    if given.kind is None:
        return Array.of_number(0.0)
    empty = (given.kind == int(Kind.TEXT)) & (given.number.detach() == texts.index(""))
    total = (empty | (given.kind == int(Kind.BLANK))).sum((-2, -1), keepdim=True)
    return array_of(total.to(torch.float64), undecided_of(given))


def undecided_of(given: Array) -> Fault:
    """The undecided values of an array, one for each lane; errors do not matter."""
    fault = fault_of(given)
    return None if fault is None else first_fault(torch.where(fault >= UNDECIDED, fault, 0))


def _at_least_2(total: Tensor | float) -> tuple[int, ...]:
    return tuple(total.shape) if isinstance(total, Tensor) else (1, 1)


VALUES = (array("value", repeating=True),)
declare(TABLE, Function("COUNT", VALUES, "How many numbers there are.", _count))
declare(TABLE, Function("COUNTA", VALUES, "How many values are not blank.", _counta))
declare(TABLE, Function("COUNTBLANK", (array("range"),), "How many cells are blank.", _countblank))


# The functions that count text as 0 and TRUE as 1 in ranges


def _with_text(compute: Callable[[Sample], Tensor | Checked]) -> Body:
    """A body in which texts of ranges are 0, booleans of ranges 0 or 1; single texts have to be numbers."""

    def body(arguments: Sequence[Argument], texts: Texts) -> Array:
        given = []
        for argument in arguments:
            kind = argument.array.kind
            if kind is None or not (argument.reference or argument.array.rows * argument.array.columns > 1):
                given.append(argument)
                continue
            number = torch.where(kind == int(Kind.TEXT), 0.0, argument.array.number)
            kinds = torch.where((kind == int(Kind.TEXT)) | (kind == int(Kind.BOOLEAN)), int(Kind.NUMBER), kind)
            given.append(Argument(Array(number, kinds.to(torch.uint8)), True))
        sample, fault = joined(given, texts)
        made = compute(sample)
        if isinstance(made, Checked):
            return array_of(made.number, merged([fault, made.fault]))
        return array_of(made, fault)

    return body


for name, compute_all, summary in (
    ("AVERAGEA", average, "The mean, with texts as 0 and TRUE as 1."),
    ("MAXA", maximum, "The greatest value, with texts as 0 and TRUE as 1."),
    ("MINA", minimum, "The smallest value, with texts as 0 and TRUE as 1."),
    ("VARA", var_s, "The variance of a sample, with texts as 0 and TRUE as 1."),
    ("VARPA", var_p, "The variance of a population, with texts as 0 and TRUE as 1."),
    ("STDEVA", stdev_s, "The standard deviation of a sample, with texts as 0 and TRUE as 1."),
    ("STDEVPA", stdev_p, "The standard deviation of a population, with texts as 0 and TRUE as 1."),
):
    declare(TABLE, Function(name, (numbers("value", repeating=True),), summary, _with_text(compute_all)))


# Two arrays


def _moments(x: Sample, y: Sample) -> tuple[Tensor, Tensor, Tensor]:
    """The sums of squared and mixed deviations: of x, of y, of both."""
    dx, dy = x.deviations, y.deviations
    return dx.square().sum(-1), dy.square().sum(-1), (dx * dy).sum(-1)


def _ratio(above: Tensor, below: Tensor) -> Checked:
    """`above` / `below`, #DIV/0! where `below` is 0."""
    zero = below.detach() == 0
    return checked(above / torch.where(zero, 1.0, below), (zero.expand((above + below).shape), Error.DIV0))


ARRAYS = (array("array1"), array("array2"))
YX = (array("known_ys"), array("known_xs"))


@paired(TABLE, "CORREL", "PEARSON", parameters=ARRAYS, summary="The correlation coefficient of two arrays.")
def correl(x: Sample, y: Sample) -> Checked:
    xx, yy, xy = _moments(x, y)
    zero = (xx.detach() == 0) | (yy.detach() == 0)
    return _ratio(xy, torch.where(zero, 0.0, (torch.where(zero, 1.0, xx).sqrt() * torch.where(zero, 1.0, yy).sqrt())))


@paired(TABLE, "RSQ", parameters=YX, summary="The square of the correlation coefficient.")
def rsq(y: Sample, x: Sample) -> Checked:
    xx, yy, xy = _moments(x, y)
    return _ratio(xy * xy, xx * yy)


@paired(TABLE, "COVARIANCE.P", "COVAR", parameters=ARRAYS, summary="The covariance of a population.")
def covariance_p(x: Sample, y: Sample) -> Checked:
    return _ratio(_moments(x, y)[2], x.count)


@paired(TABLE, "COVARIANCE.S", parameters=ARRAYS, summary="The covariance of a sample.")
def covariance_s(x: Sample, y: Sample) -> Checked:
    return _ratio(_moments(x, y)[2], (x.count - 1).clamp(min=0))


@paired(TABLE, "SLOPE", parameters=YX, summary="The slope of the regression line.")
def slope(y: Sample, x: Sample) -> Checked:
    xx, _, xy = _moments(x, y)
    return _ratio(xy, xx)


@paired(TABLE, "INTERCEPT", parameters=YX, summary="The regression line's value at 0.")
def intercept(y: Sample, x: Sample) -> Checked:
    made = slope(y, x)
    assert isinstance(made, Checked)
    return Checked(_mean(y) - made.number * _mean(x), made.fault)


@paired(
    TABLE, "FORECAST.LINEAR", "FORECAST", parameters=(number("x"), *YX), summary="The regression line's value at x."
)
def forecast(at: Tensor, y: Sample, x: Sample) -> Checked:
    made = slope(y, x)
    assert isinstance(made, Checked)
    return Checked(_mean(y) + made.number * (at - _mean(x)), made.fault)


@paired(TABLE, "STEYX", parameters=YX, summary="The standard error of the regression.")
def steyx(y: Sample, x: Sample) -> Checked:
    xx, yy, xy = _moments(x, y)
    few = x.count < 3
    made = _ratio(xy * xy, xx)
    squares = ((yy - made.number) / (x.count - 2).clamp(min=1)).clamp(min=0)
    return Checked(squares.sqrt(), merged([where_error(few, Error.DIV0), made.fault]))


def _mean(sample: Sample) -> Tensor:
    return sample.sum / sample.count.clamp(min=1)

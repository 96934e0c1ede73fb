"""Distributions by incomplete gamma and beta functions: T.DIST, F.DIST, CHISQ.DIST, BINOM.DIST, ...; no gradients.

The incomplete functions are good to about 1e-13 of their value; quantiles are found by bisection to the last bit of
what those give.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import TypeVar

import torch

from xlparity.functions.signature import Function, Parameter, Unsupported, boolean, integer, number, numbers
from xlparity.functions.textual import textual
from xlparity.functions.whole import whole
from xlparity.limits import budget
from xlparity.model.table import Table
from xlparity.model.value import Error

__all__ = ["TABLE", "regularized_beta", "regularized_gamma"]

TABLE: Table[str, Function] = Table("tails")
F = TypeVar("F", bound=Callable[..., object])
TINIEST = 5e-324
_MOST_TERMS = 1_000_000  # of the incomplete gamma function: a fifth of a second


def regularized_gamma(a: float, x: float, *, upper: bool = False) -> float:
    """The regularised incomplete gamma function P(a, x), or Q(a, x) for the upper tail.

    By its series below x = a and its continued fraction above (DLMF 8.11.4 and 8.9.2) where a is above 20: there
    only nine digits of torch's are right.
    """
    if a <= 20:
        one, two = (torch.tensor(value, dtype=torch.float64) for value in (a, x))
        return float(torch.special.gammaincc(one, two) if upper else torch.special.gammainc(one, two))
    if x == 0:
        return float(upper)
    # x^a exp(-x) / Gamma(a + 1)
    away = (x - a) / a
    powers = _minus_log1p(away) if abs(away) < 0.3 else away - math.log(max(x / a, TINIEST))
    front = math.exp(-a * powers - _stirling_rest(a)) / math.sqrt(2 * math.pi * a)
    if x <= a:
        term = total = 1.0
        for n in range(1, _MOST_TERMS):
            term *= x / (a + n)
            total += term
            if term < total * 2.0**-54:
                return 1 - front * total if upper else front * total
    else:
        part = x + 1 - a
        c, d = math.inf, 1 / part
        total = d
        for n in range(1, _MOST_TERMS):
            part += 2
            d = 1 / (part + n * (a - n) * d)
            c = part + n * (a - n) / c
            total *= c * d
            if abs(c * d - 1) <= 2.0**-52:
                return a * front * total if upper else 1 - a * front * total
    raise Unsupported("an incomplete gamma function of arguments so large that its terms do not end")


def _minus_log1p(x: float) -> float:
    """What log(1 + x) lacks to x, by the series of the logarithm, which loses no digits near 0."""
    power, total, count = x * x, 0.0, 2
    while total + power / count != total:
        power, total, count = -power * x, total + power / count, count + 1
    return total


def regularized_beta(a: float, b: float, x: float, rest: float | None = None) -> float:
    """The regularised incomplete beta function I_x(a, b).

    `rest` is 1 - x without its rounding, where that is known, so that either tail keeps its digits.
    """
    rest = 1 - x if rest is None else rest
    if x <= 0:
        return 0.0
    if rest <= 0:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _beta_fraction(b, a, rest, x)
    return _beta_fraction(a, b, x, rest)


def _beta_fraction(a: float, b: float, x: float, rest: float) -> float:
    """I_x(a, b) by its continued fraction, which ends soon for x up to (a + 1) / (a + b + 2)."""
    front = math.exp(_beta_logarithm(a, b, x, rest))
    tiny = 1e-300
    c, d = 1.0, 1.0 / (1 - (a + b) * x / (a + 1) or tiny)
    total = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / (1 + term * d or tiny)
            c = 1 + term / c or tiny
            total *= c * d
        if c * d == 1:
            return front * total / a
    raise Unsupported("an incomplete beta function of arguments so large that its fraction does not end")


def _beta_logarithm(a: float, b: float, x: float, rest: float) -> float:
    """The logarithm of x^a (1 - x)^b / B(a, b), without the differences of large terms."""
    small, large = min(a, b), max(a, b)
    if small >= 10:
        middle, away = a / (a + b), (x * b - rest * a) / (a + b)  # away = x - middle
        powers = a * math.log1p(away / middle) + b * math.log1p(-away / (1 - middle))
        rests = _stirling_rest(a + b) - _stirling_rest(a) - _stirling_rest(b)
        return powers + rests + 0.5 * math.log(a / (a + b) * b / (2 * math.pi))
    powers = a * (math.log(x) if x < 0.5 else math.log1p(-rest)) + b * (math.log1p(-x) if x < 0.5 else math.log(rest))
    if large < 10:
        return powers + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    rests = _stirling_rest(a + b) - _stirling_rest(large)
    return (
        powers
        + rests
        - math.lgamma(small)
        - small
        + small * math.log(a + b)
        - (large - 0.5) * math.log1p(-small / (a + b))
    )


def _stirling_rest(x: float) -> float:
    """What Stirling's formula lacks: log Gamma(x) - (x - 1/2) log x + x - log(2 pi) / 2, for x of at least 10."""
    square = 1 / (x * x)
    return (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)))) / x


def quantile(cumulative: Callable[[float], float], p: float, most: float = math.inf) -> float:
    """Where a function that increases from 0 to `most` reaches p, by bisection on the float64 numbers there."""
    low, high = 0.0, min(most, 1.0)
    while high < most and cumulative(high) < p:
        low, high = high, high * 2
        if math.isinf(high):
            raise Unsupported("the quantile lies beyond the largest number")
    while True:
        budget().time()
        # Exponents first: halves alone would take a thousand steps to a number near 0.
        far = high > 4 * low
        middle = math.sqrt(max(low, TINIEST)) * math.sqrt(high) if far else low + (high - low) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if cumulative(middle) < p else (low, middle)
    if low == 0:
        raise Unsupported("the quantile lies below the smallest number")
    return high


def _enter(names: str, *parameters: Parameter, summary: str) -> Callable[[F], F]:
    """Enter a function under several names."""

    def enter(compute: F) -> F:
        for name in names.split():
            textual(TABLE, name, *parameters, summary=summary)(compute)
        return compute

    return enter


X, P, ALPHA, BETA = number("x"), number("probability"), number("alpha"), number("beta")
CUMULATIVE = boolean("cumulative")
FREEDOM = integer("deg_freedom")
FREEDOMS = (integer("deg_freedom1"), integer("deg_freedom2"))


def t_tail(x: float, freedom: float) -> float:
    """The probability beyond |x| on one side of Student's distribution."""
    square = x * x
    if math.isinf(square):  # the first term of the tail's series
        logarithm = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(math.pi)
        return math.exp(logarithm + freedom * (math.log(freedom) / 2 - math.log(abs(x)))) / freedom
    return regularized_beta(freedom / 2, 0.5, freedom / (freedom + square), square / (freedom + square)) / 2


def t_cumulative(x: float, freedom: float) -> float:
    """Student's distribution function."""
    tail = t_tail(x, freedom)
    return tail if x < 0 else 1 - tail


@_enter("T.DIST", X, FREEDOM, CUMULATIVE, summary="Student's distribution.")
def t_dist(x: float, freedom: float, cumulative: bool) -> float | Error:
    if freedom < 1:
        return Error.NUM
    if cumulative:
        return t_cumulative(x, freedom)
    logarithm = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    return math.exp(logarithm - (freedom + 1) / 2 * math.log1p(x * x / freedom))


@_enter("T.DIST.RT", X, FREEDOM, summary="The right tail of Student's distribution.")
def t_dist_rt(x: float, freedom: float) -> float | Error:
    return Error.NUM if freedom < 1 else t_cumulative(-x, freedom)


@_enter("T.DIST.2T", X, FREEDOM, summary="Both tails of Student's distribution.")
def t_dist_2t(x: float, freedom: float) -> float | Error:
    return Error.NUM if freedom < 1 or x < 0 else 2 * t_tail(x, freedom)


@_enter("TDIST", X, FREEDOM, integer("tails"), summary="One or both tails of Student's distribution.")
def tdist(x: float, freedom: float, tails: float) -> float | Error:
    return Error.NUM if freedom < 1 or x < 0 or tails not in (1, 2) else tails * t_tail(x, freedom)


@_enter("T.INV", P, FREEDOM, summary="The quantile of Student's distribution.")
def t_inv(p: float, freedom: float) -> float | Error:
    if not 0 < p < 1 or freedom < 1:
        return Error.NUM
    if p == 0.5:
        return 0.0
    side = quantile(lambda x: -t_tail(x, freedom), -min(p, 1 - p))
    return -side if p < 0.5 else side


@_enter("T.INV.2T TINV", P, FREEDOM, summary="The two-sided quantile of Student's distribution.")
def t_inv_2t(p: float, freedom: float) -> float | Error:
    if not 0 < p <= 1 or freedom < 1:
        return Error.NUM
    return quantile(lambda x: -2 * t_tail(x, freedom), -p) if p < 1 else 0.0


def f_cumulative(x: float, one: float, two: float, *, upper: bool = False) -> float:
    """The F distribution function, or its right tail."""
    below, beyond = one * x / (one * x + two), two / (one * x + two)
    if upper:
        return regularized_beta(two / 2, one / 2, beyond, below)
    return regularized_beta(one / 2, two / 2, below, beyond)


@_enter("F.DIST", X, *FREEDOMS, CUMULATIVE, summary="The F distribution.")
def f_dist(x: float, one: float, two: float, cumulative: bool) -> float | Error:
    if x < 0 or one < 1 or two < 1:
        return Error.NUM
    if cumulative:
        return f_cumulative(x, one, two)
    if x == 0:
        return Error.NUM if one < 2 else 1.0 if one == 2 else 0.0
    logarithm = math.lgamma((one + two) / 2) - math.lgamma(one / 2) - math.lgamma(two / 2)
    logarithm += one / 2 * math.log(one / two) + (one / 2 - 1) * math.log(x)
    return math.exp(logarithm - (one + two) / 2 * math.log1p(one * x / two))


@_enter("F.DIST.RT FDIST", X, *FREEDOMS, summary="The right tail of the F distribution.")
def f_dist_rt(x: float, one: float, two: float) -> float | Error:
    return Error.NUM if x < 0 or one < 1 or two < 1 else f_cumulative(x, one, two, upper=True)


@_enter("F.INV", P, *FREEDOMS, summary="The quantile of the F distribution.")
def f_inv(p: float, one: float, two: float) -> float | Error:
    if not 0 <= p < 1 or one < 1 or two < 1:
        return Error.NUM
    return quantile(lambda x: f_cumulative(x, one, two), p) if p else 0.0


@_enter("F.INV.RT FINV", P, *FREEDOMS, summary="The right quantile of the F distribution.")
def f_inv_rt(p: float, one: float, two: float) -> float | Error:
    if not 0 < p <= 1 or one < 1 or two < 1:
        return Error.NUM
    return quantile(lambda x: -f_cumulative(x, one, two, upper=True), -p) if p < 1 else 0.0


@_enter("CHISQ.DIST", X, FREEDOM, CUMULATIVE, summary="The chi-squared distribution.")
def chisq_dist(x: float, freedom: float, cumulative: bool) -> float | Error:
    return Error.NUM if freedom < 1 or freedom > 1e10 else gamma_dist(x, freedom / 2, 2.0, cumulative)


@_enter("CHISQ.DIST.RT CHIDIST", X, FREEDOM, summary="The right tail of the chi-squared distribution.")
def chisq_dist_rt(x: float, freedom: float) -> float | Error:
    return Error.NUM if x < 0 or freedom < 1 or freedom > 1e10 else regularized_gamma(freedom / 2, x / 2, upper=True)


@_enter("CHISQ.INV", P, FREEDOM, summary="The quantile of the chi-squared distribution.")
def chisq_inv(p: float, freedom: float) -> float | Error:
    return Error.NUM if not 0 <= p < 1 or freedom < 1 else gamma_inv(p, freedom / 2, 2.0)


@_enter("CHISQ.INV.RT CHIINV", P, FREEDOM, summary="The right quantile of the chi-squared distribution.")
def chisq_inv_rt(p: float, freedom: float) -> float | Error:
    if not 0 < p <= 1 or freedom < 1:
        return Error.NUM
    return quantile(lambda x: -regularized_gamma(freedom / 2, x / 2, upper=True), -p) if p < 1 else 0.0


@_enter("GAMMA.DIST GAMMADIST", X, ALPHA, BETA, CUMULATIVE, summary="The gamma distribution.")
def gamma_dist(x: float, alpha: float, beta: float, cumulative: bool) -> float | Error:
    if x < 0 or alpha <= 0 or beta <= 0:
        return Error.NUM
    if cumulative:
        return regularized_gamma(alpha, x / beta)
    if x == 0:
        return Error.NUM if alpha < 1 else 1 / beta if alpha == 1 else 0.0
    return math.exp((alpha - 1) * math.log(x / beta) - x / beta - math.lgamma(alpha)) / beta


@_enter("GAMMA.INV GAMMAINV", P, ALPHA, BETA, summary="The quantile of the gamma distribution.")
def gamma_inv(p: float, alpha: float, beta: float) -> float | Error:
    if not 0 <= p < 1 or alpha <= 0 or beta <= 0:
        return Error.NUM
    return beta * quantile(lambda x: regularized_gamma(alpha, x), p) if p else 0.0


BOUNDS = (number("A", 0.0), number("B", 1.0))


def beta_dist(x: float, alpha: float, beta: float, cumulative: bool, low: float, high: float) -> float | Error:
    """The beta distribution between two bounds."""
    if alpha <= 0 or beta <= 0 or not low <= x <= high or low == high:
        return Error.NUM
    at = (x - low) / (high - low)
    if cumulative:
        return regularized_beta(alpha, beta, at)
    if at in {0.0, 1.0}:
        return Error.NUM if (alpha if at == 0 else beta) < 1 else 0.0
    logarithm = math.lgamma(alpha + beta) - math.lgamma(alpha) - math.lgamma(beta)
    return math.exp(logarithm + (alpha - 1) * math.log(at) + (beta - 1) * math.log1p(-at)) / (high - low)


_enter("BETA.DIST", X, ALPHA, BETA, CUMULATIVE, *BOUNDS, summary="The beta distribution.")(beta_dist)
_enter("BETADIST", X, ALPHA, BETA, *BOUNDS, summary="The beta distribution function.")(
    lambda x, alpha, beta, low, high: beta_dist(x, alpha, beta, True, low, high)
)


@_enter("BETA.INV BETAINV", P, ALPHA, BETA, *BOUNDS, summary="The quantile of the beta distribution.")
def beta_inv(p: float, alpha: float, beta: float, low: float, high: float) -> float | Error:
    if alpha <= 0 or beta <= 0 or not 0 < p < 1:
        return Error.NUM
    return low + (high - low) * quantile(lambda x: regularized_beta(alpha, beta, x), p, 1.0)


def binomial(k: int, n: int, p: float) -> float:
    """The probability of k successes in n trials."""
    if p in {0.0, 1.0}:
        return float(k == (n if p else 0))
    if n < 1000:
        return math.comb(n, k) * p**k * (1 - p) ** (n - k)
    logarithm = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(logarithm + k * math.log(p) + (n - k) * math.log1p(-p))


TRIALS = (integer("number_s"), integer("trials"), number("probability_s"), CUMULATIVE)


@_enter("BINOM.DIST BINOMDIST", *TRIALS, summary="The binomial distribution.")
def binom_dist(k: float, n: float, p: float, cumulative: bool) -> float | Error:
    if not 0 <= k <= n or not 0 <= p <= 1:
        return Error.NUM
    if not cumulative:
        return binomial(int(k), int(n), p)
    return 1.0 if k == n else regularized_beta(n - k, k + 1, 1 - p)


@_enter("BINOM.INV CRITBINOM", integer("trials"), number("probability_s"), ALPHA, summary="The binomial quantile.")
def binom_inv(n: float, p: float, alpha: float) -> float | Error:
    if n < 0 or not 0 < p < 1 or not 0 < alpha < 1:
        return Error.NUM
    if n > 1e6:
        raise Unsupported("BINOM.INV: more than a million trials")
    total = 0.0
    for k in range(int(n) + 1):
        total += binomial(k, int(n), p)
        if total >= alpha:
            return float(k)
    raise Unsupported("BINOM.INV: a probability so near 1 that rounding decides the quantile")


@_enter("POISSON.DIST POISSON", integer("x"), number("mean"), CUMULATIVE, summary="The Poisson distribution.")
def poisson_dist(x: float, mean: float, cumulative: bool) -> float | Error:
    if x < 0 or mean < 0:
        return Error.NUM
    if mean == 0:
        return float(cumulative or x == 0)
    if cumulative:
        return regularized_gamma(x + 1, mean, upper=True)
    return math.exp(x * math.log(mean) - mean - math.lgamma(x + 1))


@_enter(
    "NEGBINOM.DIST",
    integer("number_f"),
    integer("number_s"),
    number("probability_s"),
    CUMULATIVE,
    summary="The negative binomial distribution.",
)
def negbinom_dist(failures: float, successes: float, p: float, cumulative: bool) -> float | Error:
    if failures < 0 or successes < 1 or not 0 <= p <= 1:
        return Error.NUM
    if cumulative:
        return regularized_beta(successes, failures + 1, p)
    if failures + successes > 1000:
        raise Unsupported("NEGBINOM.DIST: more than 1,000 trials")
    return float(math.comb(int(failures + successes) - 1, int(failures)) * p**successes * (1 - p) ** failures)


SAMPLE = (integer("sample_s"), integer("number_sample"), integer("population_s"), integer("number_pop"))


@_enter("HYPGEOM.DIST", *SAMPLE, CUMULATIVE, summary="The hypergeometric distribution.")
def hypgeom_dist(k: float, draws: float, good: float, size: float, cumulative: bool) -> float | Error:
    if max(draws, good, size) > 1e4:
        raise Unsupported("HYPGEOM.DIST: a population of more than 10,000")
    lowest = max(0.0, draws + good - size)
    if not lowest <= k <= min(draws, good) or not 0 <= draws <= size or not 0 <= good <= size:
        return Error.NUM
    first = int(lowest) if cumulative else int(k)
    ways = sum(
        math.comb(int(good), at) * math.comb(int(size - good), int(draws) - at) for at in range(first, int(k) + 1)
    )
    return ways / math.comb(int(size), int(draws))


_enter("HYPGEOMDIST", *SAMPLE, summary="The hypergeometric distribution.")(
    lambda k, draws, good, size: hypgeom_dist(k, draws, good, size, False)
)


@_enter("CONFIDENCE.T", ALPHA, number("standard_dev"), integer("size"), summary="Half a confidence interval, by T.")
def confidence_t(alpha: float, deviation: float, size: float) -> float | Error:
    if not 0 < alpha < 1 or deviation <= 0 or size < 1:
        return Error.NUM
    if size == 1:
        return Error.DIV0
    side = t_inv_2t(alpha, size - 1)
    return side if isinstance(side, Error) else side * deviation / math.sqrt(size)


@whole(
    TABLE, "FREQUENCY", numbers("data_array"), numbers("bins_array"), summary="How many numbers fall between bounds."
)
def frequency(data: list[float], bins: list[float]) -> list[list[float]]:
    counts = dict.fromkeys(range(len(bins) + 1), 0.0)
    ordered = sorted(range(len(bins)), key=lambda at: bins[at])
    bounds = [bins[at] for at in ordered]
    for value in data:
        place = bisect_left(bounds, value)
        counts[ordered[place] if place < len(bins) else len(bins)] += 1
    return [[counts[at]] for at in range(len(bins) + 1)]


@whole(TABLE, "MODE.MULT", numbers("number", repeating=True), summary="The most frequent numbers.")
def mode_mult(*groups: list[float]) -> list[list[float]] | Error:
    counts: dict[float, int] = {}
    for value in (value for group in groups for value in group):
        counts[value] = counts.get(value, 0) + 1
    most = max(counts.values(), default=1)
    return [[value] for value, count in counts.items() if count == most] if most > 1 else Error.NA


def _variance(values: list[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


@whole(TABLE, "F.TEST", numbers("array1"), numbers("array2"), summary="The two-sided probability of equal variances.")
def f_test(one: list[float], two: list[float]) -> float | Error:
    if min(len(one), len(two)) < 2:
        return Error.DIV0
    first, second = _variance(one), _variance(two)
    if first == 0 or second == 0:
        return Error.DIV0
    lower = f_cumulative(first / second, len(one) - 1, len(two) - 1)
    upper = f_cumulative(first / second, len(one) - 1, len(two) - 1, upper=True)
    return 2 * min(lower, upper)

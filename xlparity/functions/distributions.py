"""Distributions and special functions that carry gradients: NORM.DIST, ERF, GAMMA, ...

The tails are computed without cancellation, by erfc. Sources: the functions' pages under "Statistical functions" and
"Engineering functions".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.lift import Checked, checked, elementwise, lifted
from xlparity.functions.signature import Argument, Function, Parameter, Type, boolean, declare, number
from xlparity.model.table import Table
from xlparity.model.value import Error

__all__ = ["TABLE", "normal_cumulative", "normal_quantile"]

TABLE: Table[str, Function] = Table("distributions")
X = number("x")
MEAN = number("mean")
DEVIATION = number("standard_dev")
CUMULATIVE = boolean("cumulative")
P = number("probability")


def normal_cumulative(z: Tensor) -> Tensor:
    """The standard normal distribution function."""
    return torch.erfc(z * -math.sqrt(0.5)) / 2


def normal_density(z: Tensor) -> Tensor:
    """The standard normal density."""
    return torch.exp(z * z * -0.5) / math.sqrt(2 * math.pi)


def normal_quantile(p: Tensor) -> Tensor:
    """The inverse of the standard normal distribution function, refined by one step of Newton's method."""
    z: Tensor = torch.special.ndtri(p)
    fixed = z.detach()
    step = (normal_cumulative(fixed) - p.detach()) / normal_density(fixed)
    return z - torch.where(step.isfinite(), step, 0.0)


def _spread(made: Tensor, deviation: Tensor) -> Checked:
    """#NUM! where a standard deviation is not positive."""
    return checked(made, ((deviation.detach() <= 0).expand(made.shape), Error.NUM))


def _positive(deviation: Tensor) -> Tensor:
    return torch.where(deviation.detach() > 0, deviation, 1.0)


def norm_dist(x: Tensor, mean: Tensor, deviation: Tensor, cumulative: Tensor) -> Checked:
    """The normal distribution."""
    by = _positive(deviation)
    z = (x - mean) / by
    return _spread(torch.where(cumulative, normal_cumulative(z), normal_density(z) / by), deviation)


def norm_inv(p: Tensor, mean: Tensor, deviation: Tensor) -> Checked:
    """The quantile of a normal distribution."""
    outside = (p.detach() <= 0) | (p.detach() >= 1)
    made = mean + deviation * normal_quantile(torch.where(outside, 0.5, p))
    return checked(made, (outside | (deviation.detach() <= 0), Error.NUM))


def norm_s_inv(p: Tensor) -> Tensor:
    """The quantile of the standard normal distribution; NaN outside (0, 1)."""
    outside = (p.detach() <= 0) | (p.detach() >= 1)
    return torch.where(outside, float("nan"), normal_quantile(torch.where(outside, 0.5, p)))


for name in ("NORM.DIST", "NORMDIST"):
    elementwise(TABLE, name, X, MEAN, DEVIATION, CUMULATIVE, summary="The normal distribution.")(norm_dist)
for name in ("NORM.INV", "NORMINV"):
    elementwise(TABLE, name, P, MEAN, DEVIATION, summary="The quantile of a normal distribution.")(norm_inv)
for name in ("NORM.S.INV", "NORMSINV"):
    elementwise(TABLE, name, P, summary="The quantile of the standard normal distribution.")(norm_s_inv)
elementwise(TABLE, "NORMSDIST", number("z"), summary="The standard normal distribution function.")(normal_cumulative)
elementwise(TABLE, "NORM.S.DIST", number("z"), CUMULATIVE, summary="The standard normal distribution.")(
    lambda z, cumulative: torch.where(cumulative, normal_cumulative(z), normal_density(z))
)
elementwise(TABLE, "PHI", X, summary="The standard normal density.")(normal_density)
elementwise(TABLE, "GAUSS", number("z"), summary="The normal distribution function less one half.")(
    lambda z: torch.erf(z * math.sqrt(0.5)) / 2
)


@elementwise(TABLE, "STANDARDIZE", X, MEAN, DEVIATION, summary="A value as a number of standard deviations.")
def standardize(x: Tensor, mean: Tensor, deviation: Tensor) -> Checked:
    return _spread((x - mean) / _positive(deviation), deviation)


def lognorm_dist(x: Tensor, mean: Tensor, deviation: Tensor, cumulative: Tensor) -> Checked:
    """The lognormal distribution."""
    by = _positive(deviation)
    bad = x.detach() <= 0
    at = torch.where(bad, 1.0, x)
    z = (torch.log(at) - mean) / by
    made = torch.where(cumulative, normal_cumulative(z), normal_density(z) / (by * at))
    return checked(made, (bad | (deviation.detach() <= 0), Error.NUM))


def lognorm_inv(p: Tensor, mean: Tensor, deviation: Tensor) -> Checked:
    """The quantile of a lognormal distribution."""
    made = norm_inv(p, mean, deviation)
    return Checked(torch.exp(made.number), made.fault)


elementwise(TABLE, "LOGNORM.DIST", X, MEAN, DEVIATION, CUMULATIVE, summary="The lognormal distribution.")(lognorm_dist)
elementwise(TABLE, "LOGNORMDIST", X, MEAN, DEVIATION, summary="The lognormal distribution function.")(
    lambda x, mean, deviation: lognorm_dist(x, mean, deviation, torch.tensor(True))
)
for name in ("LOGNORM.INV", "LOGINV"):
    elementwise(TABLE, name, P, MEAN, DEVIATION, summary="The quantile of a lognormal distribution.")(lognorm_inv)


def expon_dist(x: Tensor, rate: Tensor, cumulative: Tensor) -> Checked:
    """The exponential distribution."""
    bad = (x.detach() < 0) | (rate.detach() <= 0)
    made = torch.where(cumulative, -torch.expm1(-rate * x), rate * torch.exp(-rate * x))
    return checked(made, (bad, Error.NUM))


for name in ("EXPON.DIST", "EXPONDIST"):
    elementwise(TABLE, name, X, number("lambda"), CUMULATIVE, summary="The exponential distribution.")(expon_dist)


def weibull_dist(x: Tensor, alpha: Tensor, beta: Tensor, cumulative: Tensor) -> Checked:
    """The Weibull distribution."""
    bad = (x.detach() < 0) | (alpha.detach() <= 0) | (beta.detach() <= 0)
    at, shape, scale = (torch.where(bad, 1.0, value) for value in (x, alpha, beta))
    share = torch.pow(at / scale, shape)
    density = shape / scale * torch.pow(at / scale, shape - 1) * torch.exp(-share)
    return checked(torch.where(cumulative, -torch.expm1(-share), density), (bad, Error.NUM))


for name in ("WEIBULL.DIST", "WEIBULL"):
    elementwise(TABLE, name, X, number("alpha"), number("beta"), CUMULATIVE, summary="The Weibull distribution.")(
        weibull_dist
    )

elementwise(TABLE, "FISHER", X, summary="The Fisher transformation.")(torch.atanh)
elementwise(TABLE, "FISHERINV", number("y"), summary="The inverse of the Fisher transformation.")(torch.tanh)
elementwise(TABLE, "ERF.PRECISE", X, summary="The error function.")(torch.erf)
for name in ("ERFC", "ERFC.PRECISE"):
    elementwise(TABLE, name, X, summary="The complementary error function.")(torch.erfc)


def _erf(arguments: Sequence[Argument], texts: Texts) -> Array:
    arrays = [argument.array for argument in arguments]
    if len(arrays) == 1:
        return lifted(arrays, [X], torch.erf, texts)
    return lifted(arrays, [X, X], lambda low, high: torch.erf(high) - torch.erf(low), texts)


declare(
    TABLE,
    Function(
        "ERF",
        (number("lower_limit"), Parameter("upper_limit", Type.NUMBER, None, absent=True)),
        "The error function, from 0 or between two limits.",
        _erf,
    ),
)


def gammaln(x: Tensor) -> Tensor:
    """The logarithm of the gamma function; NaN for x <= 0."""
    bad = x.detach() <= 0
    return torch.where(bad, float("nan"), torch.lgamma(torch.where(bad, 1.0, x)))


for name in ("GAMMALN", "GAMMALN.PRECISE"):
    elementwise(TABLE, name, X, summary="The logarithm of the gamma function.")(gammaln)


@elementwise(TABLE, "GAMMA", number("number"), summary="The gamma function.")
def gamma(x: Tensor) -> Tensor:
    made = torch.tensor([_gamma(value) for value in x.detach().flatten().tolist()], dtype=torch.float64).reshape(
        x.shape
    )
    if not x.requires_grad:
        return made
    logarithm = torch.lgamma(x)  # its gradient is digamma, which times gamma is gamma's own
    return made + made * (logarithm - logarithm.detach())


def _gamma(value: float) -> float:
    try:
        return math.gamma(value)
    except (ValueError, OverflowError):  # a pole, or beyond 171
        return math.nan

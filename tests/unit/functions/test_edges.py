"""The ends of the domains of functions: where Excel documents an error, and where the value has a closed form."""

from __future__ import annotations

from math import e, exp, log, pi, sqrt

import pytest

from tests.unit.functions.evaluation import value
from xlparity.model.value import Error

DIV0, VALUE, NUM, NA, REF = Error.DIV0, Error.VALUE, Error.NUM, Error.NA, Error.REF


def near(expected: float) -> object:
    return pytest.approx(expected, rel=1e-12, abs=1e-300)


# With one degree of freedom Student's distribution is Cauchy's, 1/2 + atan(x) / pi; with two 1/2 + x / (2 sqrt(2 + x^2)).
STUDENT = [
    ("T.DIST", [1, 1, True], near(0.75)),
    ("T.DIST", [-1, 1, True], near(0.25)),
    ("T.DIST", [0, 7, True], 0.5),
    ("T.DIST", [1, 2, True], near(0.5 + 1 / (2 * sqrt(3)))),
    ("T.DIST", [1, 2.9, True], near(0.5 + 1 / (2 * sqrt(3)))),  # the degrees of freedom are truncated
    ("T.DIST", [0, 1, False], near(1 / pi)),
    ("T.DIST", [1, 1, False], near(1 / (2 * pi))),
    ("T.DIST", [1, 2, False], near(3**-1.5)),
    ("T.DIST", [1, 0.9, True], NUM),
    ("T.DIST.RT", [1, 1], near(0.25)),
    ("T.DIST.RT", [-1, 1], near(0.75)),
    ("T.DIST.RT", [1, 0], NUM),
    ("T.DIST.2T", [1, 1], near(0.5)),
    ("T.DIST.2T", [0, 1], 1),
    ("T.DIST.2T", [-1, 1], NUM),
    ("T.DIST.2T", [1, 0], NUM),
    ("TDIST", [1, 1, 1], near(0.25)),
    ("TDIST", [1, 1, 2], near(0.5)),
    ("TDIST", [1, 1, 3], NUM),
    ("TDIST", [1, 0, 1], NUM),
    ("TDIST", [-1, 1, 1], NUM),
    ("T.INV", [0.75, 1], near(1)),
    ("T.INV", [0.25, 1], near(-1)),
    ("T.INV", [0.5, 3], 0),
    ("T.INV", [0.5 + 1 / (2 * sqrt(3)), 2], near(1)),
    ("T.INV", [0, 1], NUM),
    ("T.INV", [1, 1], NUM),
    ("T.INV", [0.5, 0], NUM),
    ("T.INV.2T", [0.5, 1], near(1)),
    ("T.INV.2T", [1, 1], 0),
    ("T.INV.2T", [0, 1], NUM),
    ("T.INV.2T", [1.01, 1], NUM),
    ("T.INV.2T", [0.5, 0], NUM),
    ("CONFIDENCE.T", [0.5, 3, 2], near(3 / sqrt(2))),
    ("CONFIDENCE.T", [0.5, 3, 1], DIV0),
    ("CONFIDENCE.T", [0.5, 3, 0], NUM),
    ("CONFIDENCE.T", [0, 3, 2], NUM),
    ("CONFIDENCE.T", [1, 3, 2], NUM),
    ("CONFIDENCE.T", [0.5, 0, 2], NUM),
]

# With two and two degrees of freedom the F distribution is x / (1 + x); with m and two it is (m x / (m x + 2))^(m / 2).
FISHER = [
    ("F.DIST", [3, 2, 2, True], near(0.75)),
    ("F.DIST", [3, 4, 2, True], near((12 / 14) ** 2)),
    ("F.DIST", [0, 2, 2, True], 0),
    ("F.DIST", [3, 2, 2, False], near(1 / 16)),
    ("F.DIST", [3, 4, 2, False], near(2 * (12 / 14) * 8 / 14**2)),
    ("F.DIST", [0, 2, 5, False], 1),
    ("F.DIST", [0, 3, 5, False], 0),
    ("F.DIST", [0, 1, 5, False], NUM),
    ("F.DIST", [-1, 2, 2, True], NUM),
    ("F.DIST", [1, 0, 2, True], NUM),
    ("F.DIST", [1, 2, 0, True], NUM),
    ("F.DIST.RT", [3, 2, 2], near(0.25)),
    ("F.DIST.RT", [3, 4, 2], near(1 - (12 / 14) ** 2)),
    ("F.DIST.RT", [1e6, 2, 2], near(1 / (1e6 + 1))),
    ("F.DIST.RT", [-1, 2, 2], NUM),
    ("F.DIST.RT", [1, 0, 2], NUM),
    ("F.DIST.RT", [1, 2, 0], NUM),
    ("FDIST", [3, 2, 2], near(0.25)),
    ("F.INV", [0.75, 2, 2], near(3)),
    ("F.INV", [0.25, 4, 2], near(1 / 2)),
    ("F.INV", [0, 2, 2], 0),
    ("F.INV", [1, 2, 2], NUM),
    ("F.INV", [-0.1, 2, 2], NUM),
    ("F.INV", [0.5, 0, 2], NUM),
    ("F.INV", [0.5, 2, 0], NUM),
    ("F.INV.RT", [0.25, 2, 2], near(3)),
    ("F.INV.RT", [1, 2, 2], 0),
    ("F.INV.RT", [0, 2, 2], NUM),
    ("F.INV.RT", [1.1, 2, 2], NUM),
    ("F.INV.RT", [0.5, 0, 2], NUM),
    ("F.INV.RT", [0.5, 2, 0], NUM),
    ("F.TEST", [([1], [2], [3]), ([1], [3], [5])], near(2 * 0.2)),  # a ratio of 1/4 with 2 and 2 degrees of freedom
    ("F.TEST", [([1], [3], [5]), ([1], [2], [3])], near(2 * 0.2)),
    ("F.TEST", [([1],), ([1], [3], [5])], DIV0),
    ("F.TEST", [([1], [3], [5]), ([1],)], DIV0),
    ("F.TEST", [([2], [2]), ([1], [3])], DIV0),
    ("F.TEST", [([1], [3]), ([2], [2])], DIV0),
]

# With two degrees of freedom chi squared is 1 - exp(-x / 2), the gamma distribution with alpha 1 likewise.
GAMMA = [
    ("CHISQ.DIST", [2 * log(2), 2, True], near(0.5)),
    ("CHISQ.DIST", [2 * log(2), 2, False], near(0.25)),
    ("CHISQ.DIST", [0, 2, False], near(0.5)),
    ("CHISQ.DIST", [0, 3, False], 0),
    ("CHISQ.DIST", [0, 1, False], NUM),
    ("CHISQ.DIST", [-1, 2, True], NUM),
    ("CHISQ.DIST", [1, 0, True], NUM),
    ("CHISQ.DIST", [1, 2e10, True], NUM),
    ("CHISQ.DIST", [1e10, 1e10, True], pytest.approx(0.5, abs=1e-5)),
    ("CHISQ.DIST.RT", [2 * log(2), 2], near(0.5)),
    ("CHISQ.DIST.RT", [100, 2], near(exp(-50))),
    ("CHISQ.DIST.RT", [0, 2], 1),
    ("CHISQ.DIST.RT", [-1, 2], NUM),
    ("CHISQ.DIST.RT", [1, 0], NUM),
    ("CHISQ.DIST.RT", [1, 2e10], NUM),
    ("CHISQ.INV", [0.5, 2], near(2 * log(2))),
    ("CHISQ.INV", [0, 2], 0),
    ("CHISQ.INV", [1, 2], NUM),
    ("CHISQ.INV", [-0.5, 2], NUM),
    ("CHISQ.INV", [0.5, 0], NUM),
    ("CHISQ.INV.RT", [0.5, 2], near(2 * log(2))),
    ("CHISQ.INV.RT", [1, 2], 0),
    ("CHISQ.INV.RT", [0, 2], NUM),
    ("CHISQ.INV.RT", [1.5, 2], NUM),
    ("CHISQ.INV.RT", [0.5, 0], NUM),
    ("GAMMA.DIST", [3 * log(2), 1, 3, True], near(0.5)),
    ("GAMMA.DIST", [3 * log(2), 1, 3, False], near(1 / 6)),
    ("GAMMA.DIST", [4, 2, 2, False], near(exp(-2))),
    ("GAMMA.DIST", [0, 1, 4, False], 0.25),
    ("GAMMA.DIST", [0, 2, 4, False], 0),
    ("GAMMA.DIST", [0, 0.5, 4, False], NUM),
    ("GAMMA.DIST", [-1, 1, 1, True], NUM),
    ("GAMMA.DIST", [1, 0, 1, True], NUM),
    ("GAMMA.DIST", [1, 1, 0, True], NUM),
    ("GAMMA.INV", [0.5, 1, 3], near(3 * log(2))),
    ("GAMMA.INV", [0, 1, 3], 0),
    ("GAMMA.INV", [1, 1, 3], NUM),
    ("GAMMA.INV", [-0.5, 1, 3], NUM),
    ("GAMMA.INV", [0.5, 0, 3], NUM),
    ("GAMMA.INV", [0.5, 1, 0], NUM),
]

# With beta 1 the beta distribution is x^alpha.
BETA = [
    ("BETA.DIST", [0.5, 3, 1, True], near(0.125)),
    ("BETA.DIST", [0.9, 1, 3, True], near(1 - 0.1**3)),
    ("BETA.DIST", [0, 3, 2, True], 0),
    ("BETA.DIST", [1, 3, 2, True], 1),
    ("BETA.DIST", [0.5, 3, 1, False], near(0.75)),
    ("BETA.DIST", [2, 3, 1, False, 1, 3], near(0.375)),
    ("BETA.DIST", [2, 3, 1, True, 1, 3], near(0.125)),
    ("BETA.DIST", [0, 3, 2, False], 0),
    ("BETA.DIST", [1, 3, 2, False], 0),
    ("BETA.DIST", [0, 0.5, 2, False], NUM),
    ("BETA.DIST", [1, 2, 0.5, False], NUM),
    ("BETA.DIST", [0.5, 0, 1, True], NUM),
    ("BETA.DIST", [0.5, 1, 0, True], NUM),
    ("BETA.DIST", [-0.1, 1, 1, True], NUM),
    ("BETA.DIST", [1.1, 1, 1, True], NUM),
    ("BETA.DIST", [2, 1, 1, True, 2, 2], NUM),
    ("BETADIST", [2, 3, 1, 1, 3], near(0.125)),
    ("BETA.INV", [0.125, 3, 1], near(0.5)),
    ("BETA.INV", [0.125, 3, 1, 1, 3], near(2)),
    ("BETA.INV", [0, 3, 1], NUM),
    ("BETA.INV", [1.1, 3, 1], NUM),
    ("BETA.INV", [0.5, 0, 1], NUM),
    ("BETA.INV", [0.5, 1, 0], NUM),
]

COUNTED = [
    ("BINOM.DIST", [0, 3, 0, False], 1),
    ("BINOM.DIST", [1, 3, 0, False], 0),
    ("BINOM.DIST", [3, 3, 1, False], 1),
    ("BINOM.DIST", [2, 3, 1, False], 0),
    ("BINOM.DIST", [1, 3, 0.25, False], near(27 / 64)),
    ("BINOM.DIST", [1, 3, 0.25, True], near(54 / 64)),
    ("BINOM.DIST", [3, 3, 0.25, True], 1),
    ("BINOM.DIST", [1000, 2000, 0.5, False], pytest.approx(0.01783901114585432, rel=1e-9)),  # C(2000, 1000) / 2^2000
    ("BINOM.DIST", [0, 1000, 0.001, False], pytest.approx(0.999**1000, rel=1e-11)),
    ("BINOM.DIST", [-1, 3, 0.5, False], NUM),
    ("BINOM.DIST", [4, 3, 0.5, False], NUM),
    ("BINOM.DIST", [1, 3, -0.1, False], NUM),
    ("BINOM.DIST", [1, 3, 1.1, False], NUM),
    ("BINOM.INV", [2, 0.5, 0.25], 0),
    ("BINOM.INV", [2, 0.5, 0.26], 1),
    ("BINOM.INV", [2, 0.5, 0.75], 1),
    ("BINOM.INV", [2, 0.5, 0.76], 2),
    ("BINOM.INV", [0, 0.5, 0.5], 0),
    ("BINOM.INV", [-1, 0.5, 0.5], NUM),
    ("BINOM.INV", [2, 0, 0.5], NUM),
    ("BINOM.INV", [2, 1, 0.5], NUM),
    ("BINOM.INV", [2, 0.5, 0], NUM),
    ("BINOM.INV", [2, 0.5, 1], NUM),
    ("BINOM.INV", [1e6 + 1, 0.5, 0.5], "undecided"),
    ("POISSON.DIST", [2, 1, False], near(1 / (2 * e))),
    ("POISSON.DIST", [2, 1, True], near(2.5 / e)),
    ("POISSON.DIST", [0, 0, False], 1),
    ("POISSON.DIST", [1, 0, False], 0),
    ("POISSON.DIST", [1, 0, True], 1),
    ("POISSON.DIST", [-1, 1, False], NUM),
    ("POISSON.DIST", [1, -1, False], NUM),
    ("NEGBINOM.DIST", [1, 2, 0.25, False], near(2 * 0.75 / 16)),
    ("NEGBINOM.DIST", [1, 2, 0.25, True], near(1 / 16 + 2 * 0.75 / 16)),
    ("NEGBINOM.DIST", [0, 2, 1, False], 1),
    ("NEGBINOM.DIST", [-1, 2, 0.5, False], NUM),
    ("NEGBINOM.DIST", [1, 0, 0.5, False], NUM),
    ("NEGBINOM.DIST", [1, 2, -0.1, False], NUM),
    ("NEGBINOM.DIST", [1, 2, 1.1, False], NUM),
    ("NEGBINOM.DIST", [998, 2, 0.5, False], near(999 * 0.5**1000)),
    ("NEGBINOM.DIST", [999, 2, 0.5, False], "undecided"),
    ("HYPGEOM.DIST", [1, 2, 2, 4, False], near(4 / 6)),
    ("HYPGEOM.DIST", [1, 2, 2, 4, True], near(5 / 6)),
    ("HYPGEOM.DIST", [2, 3, 3, 4, True], near(3 / 4)),  # at least two must be drawn
    ("HYPGEOM.DIST", [1, 3, 3, 4, False], NUM),
    ("HYPGEOM.DIST", [3, 2, 3, 4, False], NUM),
    ("HYPGEOM.DIST", [3, 3, 2, 4, False], NUM),
    ("HYPGEOM.DIST", [1, 5, 2, 4, False], NUM),
    ("HYPGEOM.DIST", [1, 2, 5, 4, False], NUM),
    ("HYPGEOM.DIST", [1, 2, 2, 10_001, False], "undecided"),
    ("HYPGEOMDIST", [1, 2, 2, 4], near(4 / 6)),
    ("FREQUENCY", [([1], [2], [3], [4], [9]), ([4], [2])], [[2], [2], [1]]),  # the bounds need not be in order
    ("MODE.MULT", [([1], [2], [3])], NA),
    ("MODE.MULT", [([1], [2], [2])], 2),
    ("MODE.MULT", [([1], [2]), ([2], [1])], [[1], [2]]),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), [*STUDENT, *FISHER, *GAMMA, *BETA, *COUNTED])
def test_at_the_ends_of_its_domain_a_function_gives_what_is_known(
    name: str, arguments: list[object], expected: object
) -> None:
    result = value(name, *arguments)
    if expected == "undecided":
        assert "undecided: " in str(result)
    else:
        assert result == expected
        assert isinstance(result, Error) == isinstance(expected, Error)

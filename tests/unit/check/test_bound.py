"""The radius of a Ball contains the exact result: measured against mpmath-free exact rationals and wider floats."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from math import erfc, expm1, isnan, log, log1p, pi
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.nn.functional import binary_cross_entropy, smooth_l1_loss

from tests.laws import examples
from xlparity.check.bound import RULES, Ball, allowing, with_generators

aten = torch.ops.aten
finite = st.floats(-1e6, 1e6, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-6)


def exact_dot(a: list[float], b: list[float]) -> Fraction:
    return sum((Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True)), Fraction(0))


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=40), st.sampled_from([torch.float64, torch.float32]))
def test_a_matrix_product_lies_within_its_radius(pairs: list[tuple[float, float]], dtype: torch.dtype) -> None:
    a = torch.tensor([[x for x, _ in pairs]], dtype=dtype)
    b = torch.tensor([[y] for _, y in pairs], dtype=dtype)
    ball = Ball(a) @ Ball(b)
    exact = exact_dot(a[0].tolist(), b[:, 0].tolist())
    assert abs(Fraction(ball.value.item()) - exact) <= Fraction(ball.radius.item())


@pytest.mark.parametrize("left", [(3,), (3, 3), (2, 3, 3)])
@pytest.mark.parametrize("right", [(3,), (3, 3), (2, 3, 3)])
def test_a_product_of_vectors_and_matrices_has_a_radius_of_its_own_shape(
    left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    a, b = torch.rand(left, dtype=torch.float64), torch.rand(right, dtype=torch.float64)
    expected = torch.matmul(a, b)
    found = [Ball(a) @ Ball(b), torch.matmul(a, Ball(b)), torch.ops.aten.matmul.default(Ball(a), b)]
    if len(right) == 2:
        found += [torch.nn.functional.linear(Ball(a), b.T), torch.ops.aten.linear.default(a, Ball(b.T))]
    for ball in found:
        assert ball.shape == ball.value.shape == ball.radius.shape == expected.shape
        assert ((ball.value - expected).abs() <= ball.radius).all()


@given(st.lists(finite, min_size=1, max_size=40))
def test_a_sum_in_any_order_lies_within_its_radius(numbers: list[float]) -> None:
    ball = Ball(torch.tensor(numbers, dtype=torch.float64)).sum()
    in_order = 0.0
    for number in numbers:
        in_order += number
    for other in (in_order, sum(reversed(numbers)), float(sum(map(Fraction, numbers)))):
        assert abs(other - ball.value.item()) <= ball.radius.item()


# Each function is evaluated at points of the operand's ball: the results must lie in the result's ball.
FUNCTIONS = {
    "exp": (torch.exp, -20, 20),
    "log": (torch.log, 0.01, 100),
    "log1p": (torch.log1p, -0.5, 5),
    "sqrt": (torch.sqrt, 0.01, 100),
    "rsqrt": (torch.rsqrt, 0.5, 4),
    "root": (lambda x: x**0.5, 0.1, 9),
    "reciprocal": (lambda x: 1 / x, 0.5, 4),
    "square": (lambda x: x**2, -5, 5),
    "cube": (lambda x: x**3, -5, 5),
    "tanh": (torch.tanh, -5, 5),
    "sigmoid": (torch.sigmoid, -10, 10),
    "erf": (torch.erf, -3, 3),
    "sin": (torch.sin, -9, 9),
    "cos": (torch.cos, -9, 9),
    "relu": (torch.relu, -1, 1),
    "abs": (torch.abs, -1, 1),
    "gelu": (torch.nn.functional.gelu, -3, 3),
    "silu": (torch.nn.functional.silu, -3, 3),
    "softmax": (lambda x: torch.softmax(torch.stack([x, 1 - x, 2 * x]), 0), -3, 3),
    "layer_norm": (lambda x: torch.nn.functional.layer_norm(torch.stack([x, x * 2, 1 - x]), (3,)), 1, 3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(share=st.floats(0, 1), radius=st.floats(0, 0.04), inside=st.floats(-1, 1))
@settings(max_examples=examples(30))
def test_functions_of_any_point_of_a_ball_lie_in_the_result(
    name: str, share: float, radius: float, inside: float
) -> None:
    function, low, high = FUNCTIONS[name]
    middle = torch.tensor(low + share * (high - low), dtype=torch.float64)
    if middle - radius <= low and name in ("log", "sqrt", "root", "log1p", "reciprocal", "rsqrt"):
        radius = 0.0
    moved = middle + inside * radius
    radius = max(radius, float(abs(moved - middle)))  # the sum is rounded and may lie an ulp outside
    ball = function(Ball(middle, torch.tensor(radius, dtype=torch.float64)))
    point = function(moved)
    assert not ball.radius.isnan().any()
    assert ((point - ball.value).abs() <= ball.radius).all()


def number(value: float, radius: float = 0.0) -> Ball:
    return Ball(torch.tensor(value, dtype=torch.float64), torch.tensor(radius, dtype=torch.float64))


# Functions that rise or fall around 0.7, and around 1.7 in their second operand: they reach farthest at the ends.
OF_ONE: dict[str, Callable[..., Tensor]] = {
    **{
        name: getattr(torch, name)
        for name in (
            "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal square sinh cosh tanh tan sigmoid erf erfc "
            "erfinv asin acos atan asinh atanh digamma lgamma logit relu abs neg"
        ).split()
    },
    "acosh": lambda x: torch.acosh(1 + x), "sin": lambda x: torch.sin(x - 0.7), "cos": lambda x: torch.cos(x + 0.87),
    "fifth power": lambda x: x**5, "inverse cube": lambda x: x**-3, "power of 2": lambda x: torch.pow(2.0, x),
    "power of 3/2": lambda x: x**1.5, "root of a very small number": lambda x: (x * 2.0**-600) ** 0.5,
    "clamp": lambda x: x.clamp(0.7, 2.0), "at most": lambda x: x.clamp(max=1.0),
}  # fmt: skip
OF_TWO: dict[str, Callable[..., Tensor]] = {
    "sum": lambda x, y: x + y, "difference": lambda x, y: x - y, "multiple": lambda x, y: torch.add(x, y, alpha=3),
    "product": lambda x, y: x * y, "quotient": lambda x, y: x / y, "power": lambda x, y: x**y,
    "power of a number": lambda x, y: torch.tensor(0.7, dtype=torch.float64) ** y,
    "power by a number": lambda x, y: x ** torch.tensor(1.7, dtype=torch.float64),
    "maximum": torch.maximum, "minimum": torch.minimum,
}  # fmt: skip


@pytest.mark.parametrize("name", [*OF_ONE, *OF_TWO])
def test_a_radius_is_hardly_wider_than_what_the_ends_of_the_operands_give(name: str) -> None:
    function, middles = (OF_ONE[name], [0.7]) if name in OF_ONE else (OF_TWO[name], [0.7, 1.7])
    radius = 1e-5
    result = function(*(number(middle, radius) for middle in middles))
    corners = [
        function(*(number(at + sign * radius).value for at, sign in zip(middles, signs, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(middles))
    ]
    reached = max(float((corner - result.value).abs()) for corner in corners)
    assert reached * (1 - 1e-9) <= float(result.radius) <= reached * (1 + 1e-4)


OF_A_NUMBER: dict[str, Callable[[Any, Any], Tensor]] = {
    "sum": lambda x, n: x + n, "difference": lambda x, n: n - x, "multiple": lambda x, n: torch.add(x, n, alpha=3),
    "product": lambda x, n: x * n, "quotient": lambda x, n: x / n,
    "remainder": torch.remainder, "remainder of a number": lambda x, n: torch.remainder(n, x), "fmod": torch.fmod,
    "whole quotient": lambda x, n: torch.div(x, n, rounding_mode="floor"), "power": lambda x, n: torch.pow(n, x),
    "choice": lambda x, n: torch.where(x > 1, n, x), "multiple of a logarithm": torch.xlogy,
    "multiple of a number's": lambda x, n: torch.xlogy(n, x),
    "zeta": torch.special.zeta, "zeta of a number": lambda x, n: torch.special.zeta(n, x),
}  # fmt: skip


@pytest.mark.parametrize("n", [1.1, 1e-50, 1e50])
@pytest.mark.parametrize("name", list(OF_A_NUMBER))
def test_a_number_is_as_exact_as_a_tensor_of_float64(name: str, n: float) -> None:
    balls = {"x": Ball(torch.tensor([1.125, 2.5]).double(), torch.full((2,), 0.25).double())}
    for x in (balls["x"], with_generators(balls)["x"]):
        found, expected = (OF_A_NUMBER[name](x, one) for one in (n, number(n).value))
        assert isinstance(found, Ball)
        assert isinstance(expected, Ball)
        torch.testing.assert_close(found.value, expected.value, rtol=0, atol=0, equal_nan=True)
        torch.testing.assert_close(found.radius, expected.radius, rtol=1e-12, atol=0, equal_nan=True)


# Four roundings (u) of the result: torch's, two of the sheet's and a library's. What a sheet writes as more than one
# operation has two more for each: 2^x is one more, a sigmoid two, an inverse function by its logarithm three.
UNITS: list[tuple[str, Callable[[Ball], Tensor], float]] = [
    ("exp", torch.exp, 4), ("log", torch.log, 4), ("log2", torch.log2, 4), ("log10", torch.log10, 4),
    ("sqrt", torch.sqrt, 4), ("tanh", torch.tanh, 4), ("erf", torch.erf, 4), ("sin", torch.sin, 4),
    ("sum", lambda x: x + 3, 4), ("product", lambda x: x * 3, 4), ("quotient", lambda x: x / 3, 4),
    ("multiple", lambda x: torch.add(x, x, alpha=3), 7),
    ("square", lambda x: x**2, 4), ("exp2", torch.exp2, 6),
    ("power", lambda x: x ** Ball(torch.full_like(x.value, 2.0)), 6),
    ("sigmoid", torch.sigmoid, 8), ("fourth power", lambda x: x**4, 4),
    ("fifth power", lambda x: x**5, 8), ("atan", torch.atan, 10),
    # LN(1 + x) rounds 1 + x too, EXP(x) - 1 rounds EXP(x) once more than its own, and 1 - ERF(x) rounds near 1
    ("log1p", torch.log1p, 4 + 4 / log1p(0.7)), ("expm1", torch.expm1, 6 + 4 / expm1(0.7)),
    ("erfc", torch.erfc, 10 + 4 / erfc(0.7)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("function", "units"), [one[1:] for one in UNITS], ids=[one[0] for one in UNITS])
def test_an_operation_on_exact_numbers_is_allowed_its_few_roundings(
    function: Callable[[Ball], Tensor], units: float, dtype: torch.dtype
) -> None:
    result = function(Ball(torch.tensor(0.7, dtype=dtype)))
    unit = torch.finfo(dtype).eps / 2
    assert float(result.radius / result.value.double().abs() / unit) == pytest.approx(units, rel=1e-5)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 1,
        lambda x: x * 2,
        lambda x: x / 2,
        torch.exp,
        torch.log,
        torch.sqrt,
        lambda x: x**2,
        torch.log1p,
        torch.floor,
    ],
)
def test_an_infinity_made_of_an_infinity_is_exact(function: Callable[[Tensor], Tensor]) -> None:
    result = function(number(torch.inf))
    assert result.value == torch.inf
    assert result.radius == 0


ZEROS, FIRST = torch.zeros(1).double(), torch.tensor([0, 0, 0])
SUMS: list[Callable[[Tensor], Tensor]] = [
    lambda x: x.sum(), lambda x: x.nansum(), lambda x: x.cumsum(0)[2], lambda x: torch.trace(x[:, None] + x),
    lambda x: ZEROS.index_add(0, FIRST, x)[0], lambda x: ZEROS.scatter_add(0, FIRST, x)[0],
    lambda x: ZEROS.index_put([FIRST], x, accumulate=True)[0], torch.linalg.vector_norm,
    lambda x: aten.avg_pool2d.default(x[None, None], [1, 3], [1, 3], [0, 0], False, True, 1)[0, 0, 0],
    lambda x: aten.embedding_dense_backward.default(x[:, None], FIRST, 1, -1, False)[0, 0],
]  # fmt: skip


@pytest.mark.parametrize(
    "function",
    [
        *SUMS, lambda x: x[0] + x[1], lambda x: x[0] * x[1], lambda x: x[0] / 0.5, lambda x: x.exp()[0],
        lambda x: x[0] ** 2, lambda x: x[0] ** number(3.0), lambda x: x[0] * 1e39, lambda x: torch.hypot(x[0], x[1]),
    ],
)  # fmt: skip
def test_an_infinity_made_of_finite_numbers_is_an_overflow_and_not_known(function: Callable[[Tensor], Tensor]) -> None:
    result = function(Ball(torch.full((3,), 1.5e308, dtype=torch.float64)))
    assert result.value == torch.inf
    assert result.radius.isnan()


@pytest.mark.parametrize(
    "function",
    [
        *(function for function in SUMS if function is not torch.linalg.vector_norm),
        lambda x: aten._embedding_bag_forward_only.default(x[:, None], torch.arange(3), FIRST[:1])[0][0, 0],
    ],
)
def test_a_sum_whose_terms_cancel_errs_by_their_sizes(function: Callable[[Tensor], Tensor]) -> None:
    found = function(Ball(torch.tensor([1e16, 1.0, -1e16]).double()))
    exact = function(torch.tensor([0.0, 1.0, 0.0]).double())
    assert abs(found.value - exact) <= found.radius < 1000


@pytest.mark.parametrize(
    "function",
    [
        *SUMS, torch.mean, lambda x: x.amax(0), torch.max, lambda x: torch.linalg.vector_norm(x, torch.inf),
        lambda x: torch.maximum(x[0], x[1]), lambda x: x[0] + x[1], lambda x: x[0] * x[1], lambda x: x[0] / x[1],
        lambda x: x.exp().sum(), lambda x: x.logcumsumexp(0)[2],
        lambda x: torch.logaddexp(x[0], x[1]),
        lambda x: x.clamp(0.0).sum(),
        lambda x: ZEROS.scatter_reduce(0, FIRST, x, "amax")[0],
    ],
)  # fmt: skip
def test_an_infinity_among_the_operands_is_as_sure_as_the_operands_are(function: Callable[[Tensor], Tensor]) -> None:
    values = torch.tensor([torch.inf, 2.0, 3.0]).double()
    sure, lost, beside = (
        function(Ball(values, torch.tensor(radii).double()))
        for radii in ([0.0, 0.5, 0.0], [torch.nan, 0.5, 0.0], [0.0, torch.nan, 0.0])
    )
    assert sure.value == lost.value == torch.inf
    assert sure.radius == 0
    assert lost.radius.isnan()
    assert beside.radius.isnan()


@given(st.lists(finite, min_size=2, max_size=6), st.floats(1e-12, 1e-3))
@settings(max_examples=examples(50))
def test_gradients_at_perturbed_weights_lie_within_their_radius(weights: list[float], relative: float) -> None:
    weight = torch.tensor(weights, dtype=torch.float64) / 1e6
    x = torch.linspace(-1, 1, len(weights) * 3, dtype=torch.float64).reshape(3, -1)
    y = torch.tensor([0.5, -0.25, 1.0], dtype=torch.float64)

    def gradient(w: torch.Tensor) -> torch.Tensor:
        loss = torch.nn.functional.mse_loss(torch.tanh(x @ w), y)
        return torch.autograd.grad(loss, w)[0]

    radius = weight.abs() * relative
    ball = gradient(Ball(weight, radius).requires_grad_())
    for sign in (1, -1):
        moved = gradient((weight + sign * radius).requires_grad_())
        assert ((moved - ball.value).abs() <= ball.radius).all()


@pytest.mark.parametrize(
    "function", [F.relu, F.elu, F.celu, F.leaky_relu, F.softplus, F.hardshrink, lambda x: F.threshold(x, 0, 0)]
)
def test_what_an_activation_hands_on_as_it_is_stays_exact(function: Callable[[Tensor], Tensor]) -> None:
    found = function(number(25.0))
    assert (found.value, found.radius) == (25.0, 0.0)


def test_an_elu_below_zero_rounds_no_more_often_than_its_exponential_and_a_factor() -> None:
    x = number(-0.75)
    assert F.elu(x).radius == (torch.expm1(x) * 1.0).radius


OPTIONS: list[Callable[[Any], Tensor]] = [
    F.hardshrink, F.softshrink, F.softplus, F.elu, F.celu, F.leaky_relu, F.hardtanh, F.glu,
    lambda x: F.softplus(x, 2), lambda x: F.softplus(x, 2, 1), lambda x: F.elu(x, 2), lambda x: F.celu(x, 2),
    lambda x: torch.addcmul(x, x, x), lambda x: torch.addcmul(x, x, x, value=3),
    lambda x: torch.addcdiv(x, x, x), lambda x: torch.addcdiv(x, x, x, value=3),
]  # fmt: skip


@pytest.mark.parametrize("function", OPTIONS)
def test_options_that_are_not_given_are_those_of_torch(function: Callable[[Any], Tensor]) -> None:
    numbers = torch.linspace(-3.125, 3.125, 26).double()
    found = function(Ball(numbers))
    assert ((found.value - function(numbers)).abs() <= found.radius).all()
    assert (found.radius < 1e-14 * (1 + found.value.abs())).all()


IN_PLACE: list[tuple[str, tuple[Any, ...]]] = [
    ("clamp", (-1.0, 1.0)), ("clamp_min", (0.5,)), ("clamp_max", (0.5,)), ("clamp_min", (number(0.5, 0.25),)),
    ("clamp_max", (number(0.5, 0.25),)), ("relu", ()), ("add", (2.0,)), ("mul", (2.0,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), IN_PLACE)
def test_an_operation_in_place_has_the_radius_of_the_one_that_is_not(name: str, options: tuple[Any, ...]) -> None:
    balls = [Ball(torch.tensor([-1.0, 0.25, 0.5, 2.0]).double(), torch.full((4,), 0.5).double()) for _ in range(2)]
    expected = getattr(balls[0], name)(*options)
    assert getattr(balls[1], f"{name}_")(*options) is balls[1]
    assert torch.equal(balls[1].value, expected.value)
    assert torch.equal(balls[1].radius, expected.radius)


def test_remainders_and_whole_quotients_of_whole_numbers_are_exact() -> None:
    a, b = torch.arange(-7.0, 8.0).double()[:, None], torch.tensor([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0]).double()
    for function in (
        torch.remainder, torch.fmod, torch.floor_divide, lambda a, b: torch.div(a, b, rounding_mode="trunc"),
    ):  # fmt: skip
        for found in (function(Ball(a), b), function(a, Ball(b)), function(Ball(a.long()), b.long())):
            assert (found.radius == 0).all()
            assert torch.equal(found.value.double(), function(a, b))


def test_a_remainder_with_the_sign_of_its_dividend_does_not_jump_at_zero() -> None:
    assert float(torch.fmod(number(0.0, 0.125), 1.0).radius) == pytest.approx(0.125)
    assert float(torch.remainder(number(0.0, 0.125), 1.0).radius) >= 0.875


def test_a_remainder_is_exact_of_whole_numbers_that_float64_tells_apart() -> None:
    assert torch.remainder(number(1000.0), 7.0).radius == 0
    assert torch.remainder(number(1.5 * 2.0**53), 7.0).radius > 0


def test_a_power_has_a_bound_where_it_is_defined_in_the_whole_ball() -> None:
    assert float((number(0.0, 0.25) ** 1).radius) == pytest.approx(0.25)
    assert (number(0.0) ** 0.5).radius == (number(0.0, 0.25) ** 0).radius == 0
    for exponent in (-1, 0.5, 1.5):
        assert (number(0.125, 0.25) ** exponent).radius.isnan()


def test_a_power_of_a_very_small_number_moves_by_its_logarithm_times_what_its_exponent_does() -> None:
    found = number(2.0**-500) ** number(1.0, 2.0**-50)
    assert float(found.radius) >= -(2.0**-500) * expm1(-500 * log(2) * 2.0**-50)


@pytest.mark.parametrize("right", [False, True])
def test_a_bucket_is_in_doubt_where_the_number_may_lie_on_either_side_of_a_limit(right: bool) -> None:
    numbers, limits = torch.tensor([0.5, 1.0, 1.0, 2.5]).double(), torch.tensor([0.0, 1.0, 2.0]).double()
    ball = Ball(numbers, torch.tensor([0.25, 0.25, 0.0, 2.0]).double())
    for found in (torch.bucketize(ball, limits, right=right), torch.searchsorted(limits, ball, right=right)):
        assert found.value.tolist() == [1, 2 if right else 1, 2 if right else 1, 3]
        assert found.radius.tolist() == [0.0, 1.0, 0.0, 2.0]


def test_a_histogram_is_in_doubt_by_as_many_numbers_as_may_lie_on_either_side_of_a_limit() -> None:
    def doubt(numbers: list[float], radii: list[float], least: float, most: float) -> float:
        values, beside = (torch.tensor(one, dtype=torch.float64) for one in (numbers, radii))
        found = torch.histc(Ball(values, beside), 4, least, most)
        assert torch.equal(found.radius, found.radius[:1].expand(4)) or found.radius.isnan().all()
        return float(found.radius[0])

    assert doubt([1.0, 2.875, 7.0], [0.5, 0.5, 0.5], 0, 8) == 0  # limits at 0, 2, 4, 6 and 8
    assert doubt([1.0, 3.75, 7.0], [0.5, 0.5, 0.5], 0, 8) == 1
    assert doubt([1.75, 4.25, 7.0], [0.5, 0.5, 0.5], 0, 8) == 2
    assert doubt([1.0, 2.5625, 5.0], [0.0, 0.125, 0.0], 0, 0) == 0  # without limits given: at 1, 2, 3, 4 and 5
    assert doubt([1.0, 2.0625, 5.0], [0.0, 0.125, 0.0], 0, 0) == 1
    assert doubt([2.25, 5.0, 7.0], [0.125, 0.0, 0.0], 0.25, 8.25) == 1
    assert doubt([2.0, 2.0], [0.0, 0.0], 0, 0) == 0
    assert doubt([0.15, 0.3, 0.45], [0.0, 1e-12, 0.0], 0.1, 0.5) == 1  # limits at 0.1, 0.2, 0.3, 0.4 and 0.5
    assert doubt([1.0, 2.5, 7.0], [0.0, torch.nan, 0.0], 0, 8) == 1
    # It may be beyond the least or the greatest, between which the limits are.
    for beyond in ([1.0, 2.0, 5.0], [1.0, 4.0, 5.0]):
        for radius in (1.5, torch.nan):
            assert isnan(doubt(beyond, [0.0, radius, 0.0], 0, 0))


@pytest.mark.parametrize("n", range(7))
@pytest.mark.parametrize(
    "kind", [f"{shift}chebyshev_polynomial_{kind}" for kind in "tuvw" for shift in ("", "shifted_")]
)
def test_a_polynomial_of_chebyshev_is_steepest_at_the_ends_of_its_interval_and_steeper_beyond(
    kind: str, n: int
) -> None:
    function, degree = getattr(torch.special, kind), torch.tensor(n)
    first = 0.0 if "shifted" in kind else -1.0
    for at, radius, most in ((first, 1e-6, 10), (1.0, 1e-6, 10), (-10.0, 5.0, 200), (10.0, 5.0, 200)):
        found = function(number(at, radius), degree)
        moved = max(abs(float(function(number(end).value, degree) - found.value)) for end in (at - radius, at + radius))
        assert moved <= float(found.radius) <= most * moved + 3 * radius


def test_an_undecided_branch_takes_the_hull_of_both() -> None:
    x = Ball(torch.tensor(0.1, dtype=torch.float64), torch.tensor(0.2, dtype=torch.float64))
    result = torch.where(x > 0, torch.tensor(5.0, dtype=torch.float64), torch.tensor(-5.0, dtype=torch.float64))
    assert result.radius >= 10


def test_a_division_whose_divisor_may_be_zero_has_no_bound() -> None:
    one = torch.tensor(1.0, dtype=torch.float64)
    assert (one / Ball(one * 0.1, one * 0.2)).radius.isnan()
    assert (number(0.5, 0.5) ** number(-1.0, 0.5)).radius.isnan()


def test_snapping_to_zero_is_allowed_for_in_sums_only() -> None:
    a, b = (Ball(torch.tensor(value, dtype=torch.float64)) for value in (2.0, -2.0))
    exact = (a + b).radius
    with allowing(2.0**-48):
        assert float((a + b).radius - exact) == pytest.approx(4 * 2.0**-48, rel=1e-6, abs=0)
        both = torch.addmm(a.reshape(1, 1), a.reshape(1, 1), b.value.reshape(1, 1), beta=0.5)  # 1 - 4
        assert float(both.radius) == pytest.approx(5 * 2.0**-48, rel=0.5, abs=0)
        assert (a * b).radius == (Ball(a.value) * b).radius


def test_an_operation_without_a_rule_has_no_bound_and_so_never_passes() -> None:
    result = torch.special.bessel_j0(Ball(torch.tensor([1.0], dtype=torch.float64)))
    assert result.radius.isnan().all()


def test_a_rule_cannot_be_entered_twice() -> None:
    with pytest.raises(ValueError, match="defined twice"):
        RULES.add("mm", lambda: None)


WIDE: dict[str, tuple[Callable[..., Tensor], list[list[float]], float]] = {
    "a power of both": (torch.pow, [[2.0, 0.5, 3.0], [3.0, -2.0, 0.25]], 0.1),
    "digamma": (torch.digamma, [[2.0, 3.5]], 0.1),
    "lgamma": (torch.lgamma, [[3.0, 7.5]], 0.1),
    "rounded to two decimals": (lambda x: torch.round(x, decimals=2), [[0.126, 2.004]], 0.002),
    "the product of all": (torch.prod, [[2.0, -3.0, 0.5]], 0.1),
    "a norm of order 1/2": (lambda x: torch.linalg.vector_norm(x, 0.5), [[2.0, -3.0, 0.5]], 0.1),
    "the smooth absolute difference": (lambda x: smooth_l1_loss(x, torch.zeros(2), beta=0.5), [[0.25, 4.0]], 0.1),
    "cross entropy": (lambda p: binary_cross_entropy(p, torch.tensor([1.0, 0.0]).double()), [[0.25, 0.4]], 0.05),
}


@pytest.mark.parametrize("name", WIDE)
def test_the_radius_is_as_large_as_what_operands_within_theirs_can_do_and_not_twice_as_large(name: str) -> None:
    function, values, radius = WIDE[name]
    operands = [torch.tensor(one, dtype=torch.float64) for one in values]
    ball = function(*(Ball(one, torch.full_like(one, radius)) for one in operands))
    at = function(*operands)
    assert isinstance(ball, Ball)
    torch.testing.assert_close(ball.value, at, rtol=0.0, atol=0.0)
    worst = torch.zeros_like(at)
    count = sum(one.numel() for one in operands)
    for signs in itertools.product((-0.999, 0.0, 0.999), repeat=count if at.dim() == 0 else len(operands)):
        steps = torch.tensor(signs, dtype=torch.float64).split(
            [one.numel() for one in operands] if at.dim() == 0 else [1] * len(operands)
        )  # fmt: skip
        moved = function(*(one + radius * step for one, step in zip(operands, steps, strict=True)))
        worst = torch.maximum(worst, (moved - at).abs())
    assert (worst <= ball.radius).all()
    assert (ball.radius <= 2 * worst).all()


def test_an_angle_is_in_doubt_by_half_a_turn_where_the_number_may_have_either_sign() -> None:
    for at, radius, doubtful in ((-0.5, 0.25, False), (-0.5, 0.75, True), (0.25, 0.75, True), (0.5, 0.25, False)):
        found = torch.angle(number(at, radius))
        assert float(found.value) == (pi if at < 0 else 0.0)
        assert (float(found.radius) >= pi) if doubtful else (float(found.radius) < 1e-14)


def test_the_logarithm_of_a_running_sum_leaves_out_what_is_masked() -> None:
    masked = torch.logcumsumexp(Ball(torch.tensor([-torch.inf, 2.0, 3.0]).double()), 0)
    alone = torch.logcumsumexp(Ball(torch.tensor([2.0, 3.0]).double()), 0)
    assert masked.radius[0] == 0
    assert (masked.radius[1:] <= 2 * alone.radius).all()


def test_any_and_all_are_sure_where_numbers_that_are_not_known_do_not_decide_them() -> None:
    zero, two, three, may_be_zero = (0.0, 0.0), (2.0, 0.5), (3.0, 0.0), (0.5, 1.0)
    for pairs, any_is_sure, all_is_sure in (
        ([two, may_be_zero], True, False), ([zero, may_be_zero], False, True), ([two, three], True, True),
        ([zero, zero], True, True), ([may_be_zero], False, False),
    ):  # fmt: skip
        values, radii = torch.tensor(pairs).double().unbind(1)
        assert (torch.any(Ball(values, radii)).radius == 0) == any_is_sure
        assert (torch.all(Ball(values, radii)).radius == 0) == all_is_sure


def test_of_a_count_as_many_are_in_doubt_as_numbers_may_be_zero_in_the_row() -> None:
    numbers = torch.tensor([[0.0, 0.5, 0.25], [2.0, 0.0, 3.0]]).double()
    ball = Ball(numbers, torch.tensor([[0.0, 1.0, 1.0], [0.5, 1.0, 0.0]]).double())
    for found, values, radii in (
        (torch.count_nonzero(ball, 1), [2, 2], [2.0, 1.0]), (torch.count_nonzero(ball), 4, 3.0),
    ):  # fmt: skip
        assert (found.value.tolist(), found.radius.tolist()) == (values, radii)


def test_truth_values_of_which_one_is_in_doubt_are_in_doubt_and_bits_of_which_one_is_are_not_known() -> None:
    truths = Ball(torch.tensor([1.0, 2.0, 0.5]).double(), torch.tensor([0.0, 0.0, 1.0]).double()) > 0
    assert (truths & truths).radius.tolist() == [0.0, 0.0, 1.0]
    assert torch.equal((truths + truths).value, torch.ones(3, dtype=torch.bool))
    numbers = Ball(torch.tensor([1, 2, 3]), torch.tensor([0.0, 0.0, 1.0]).double())
    assert (numbers & 2).value.tolist() == [0, 2, 2]
    assert (numbers & 2).radius.isnan().tolist() == [False, False, True]


def test_truth_values_are_compared_with_numbers_as_1_and_0() -> None:
    truths = Ball(torch.tensor([1.0, -1.0, 0.5]).double(), torch.tensor([0.0, 0.0, 1.0]).double()) > 0
    for found in (truths == 1, truths > 0.5, torch.ones(3) == truths, torch.eq(truths, True)):
        assert found.radius.tolist() == [0.0, 0.0, 1.0]
    assert (truths == 1).value.tolist() == [True, False, True]
    assert (truths > -1).radius.tolist() == [0.0, 0.0, 0.0]


def test_of_a_comparison_with_what_is_no_number_nothing_is_known() -> None:
    for left, right in ((torch.nan, 1.0), (1.0, torch.nan)):
        assert (number(left) < number(right)).radius.isnan()


@pytest.mark.parametrize(("function", "pole"), [(torch.log, 0.0), (torch.log1p, -1.0)])
def test_a_logarithm_at_its_pole_is_infinite_for_sure_only_if_the_number_is_there_for_sure(
    function: Callable[[Tensor], Tensor], pole: float
) -> None:
    assert (function(number(pole)).value, function(number(pole)).radius) == (-torch.inf, 0.0)
    assert function(number(pole, 1e-9)).radius.isnan()


@pytest.mark.parametrize("function", [torch.gcd, torch.lcm])
def test_divisors_of_whole_numbers_are_exact_and_of_uncertain_ones_unknown(
    function: Callable[[Tensor, Tensor], Tensor],
) -> None:
    twelve, ten = torch.tensor(12), torch.tensor(10)
    unsure = torch.tensor(1.0).double()
    assert function(Ball(twelve), Ball(ten)).radius == 0
    for operands in ((Ball(twelve, unsure), Ball(ten)), (Ball(twelve), Ball(ten, unsure))):
        assert function(*operands).radius.isnan()


def test_a_step_at_zero_is_as_sure_as_what_it_is_given_there() -> None:
    found = torch.heaviside(Ball(torch.tensor([0.0, 1.0, -1.0])), Ball(torch.tensor(0.5), torch.tensor(0.1)))
    torch.testing.assert_close(found.radius.float(), torch.tensor([0.1, 0.0, 0.0]))


def test_an_exact_zero_is_false_and_one_that_may_be_another_number_is_not_known() -> None:
    zeros = torch.zeros(2, dtype=torch.float64)
    assert torch.any(Ball(zeros)).radius == 0
    assert torch.any(Ball(zeros, torch.ones(2, dtype=torch.float64))).radius != 0


def test_the_place_of_the_largest_is_sure_where_no_other_number_may_be_as_large() -> None:
    numbers = torch.tensor([[1.0, 3.0, 2.9], [1.0, 3.0, 2.0], [3.0, 3.0, 3.0]], dtype=torch.float64)
    for radius, sure in ((0.0, [True, True, True]), (0.1, [False, True, False])):
        found = torch.max(Ball(numbers, torch.full_like(numbers, radius)), 1).indices
        assert (found.radius == 0).tolist() == sure
        assert found.value.tolist()[:2] == [1, 1]


def test_a_number_that_may_lie_on_either_side_of_a_power_of_two_has_no_known_exponent() -> None:
    at = torch.tensor([1.0, 3.0], dtype=torch.float64)
    mantissa, exponent = torch.frexp(Ball(at, torch.full_like(at, 0.1)))
    assert exponent.radius.isnan().tolist() == [True, False]
    assert mantissa.radius[1] == pytest.approx(0.1 / 4)


def test_the_options_of_an_operation_are_heeded() -> None:
    x = Ball(torch.tensor([1.0, 4.0]).double())
    assert torch.zeros_like(x, dtype=torch.float32).dtype == torch.float32
    for function in (torch.var, torch.std):
        with torch.inference_mode():  # in which an operation arrives as it is called
            for unbiased in (False, True):
                torch.testing.assert_close(function(x, unbiased=unbiased).value, function(x.value, unbiased=unbiased))
        for correction in (0, 0.5):
            found, expected = (function(one, correction=correction) for one in (x, x.value))
            torch.testing.assert_close(found.value, expected)
    with torch.inference_mode():
        assert torch.cov(x, correction=0).value == torch.cov(x.value, correction=0)
    with pytest.raises(RuntimeError, match="singular"):
        torch.linalg.inv_ex(Ball(torch.zeros(2, 2)), check_errors=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.int64])
def test_a_choice_between_a_number_and_a_tensor_has_the_dtype_that_torch_gives_it(dtype: torch.dtype) -> None:
    tensor = torch.tensor(3).to(dtype)
    for other in (0, 0.5):
        found = torch.where(Ball(tensor) > 2, other, Ball(tensor))
        expected = torch.where(tensor > 2, other, tensor)
        assert (found.dtype, found.value.dtype, found.value.item()) == (expected.dtype, expected.dtype, expected.item())


@pytest.mark.parametrize("batch", [(), (1,)])
def test_a_window_named_by_one_number_is_as_wide_in_all_directions(batch: tuple[int, ...]) -> None:
    image = Ball(torch.rand(*batch, 1, 6, 6, generator=torch.Generator().manual_seed(0)))
    one, all_ = (aten.avg_pool2d.default(image, kernel) for kernel in ([3], [3, 3]))
    assert torch.equal(one.radius, all_.radius)


def test_a_row_that_is_masked_all_over_has_shares_of_exactly_zero() -> None:
    shares = torch.ops.aten._safe_softmax.default(Ball(torch.tensor([[-torch.inf] * 2, [0.0, 0.0]])), 1)
    assert shares.value.tolist() == [[0.0, 0.0], [0.5, 0.5]]
    assert shares.radius[0].tolist() == [0.0, 0.0]


def test_shares_of_a_row_of_small_numbers_are_as_known_as_those_of_the_row_alone() -> None:
    rows = torch.tensor([[0.0, 1.0], [-1e4, -1e4 - 1]]).double()
    found = torch.softmax(Ball(rows), 1)
    for at in (0, 1):
        assert found.radius[at].tolist() == torch.softmax(Ball(rows[at]), 0).radius.tolist()


def test_logarithms_of_sure_events_are_kept_at_minus_100_and_weights_are_factors() -> None:
    p, target = torch.tensor([1.0, 0.0, 0.25]), torch.tensor([0.0, 1.0, 1.0])
    weight = torch.tensor([1.0, 2.0, 3.0])
    for call in (
        lambda p: binary_cross_entropy(p, target, reduction="none"),
        lambda p: torch.ops.aten.binary_cross_entropy_backward.default(torch.ones(3), p, target, weight, 0),
    ):
        torch.testing.assert_close(call(Ball(p)).value, call(p))


def test_what_is_unknown_in_one_row_leaves_the_sums_of_others_known() -> None:
    x = Ball(torch.ones(2, 2).double(), torch.tensor([[torch.nan, 0.0], [0.5, 0.0]]).double())
    for found in (x.sum(1), x.nansum(1), x.mean(1), x.amax(1), x.cumsum(1)[:, 1]):
        assert found.radius.isnan().tolist() == [True, False]


@pytest.mark.parametrize("keep", [False, True])
def test_variances_and_means_keep_their_dimensions_where_they_should(keep: bool) -> None:
    x = torch.tensor([[1.0, 2.0, 4.0], [0.0, 5.0, 6.0]])
    found = torch.var_mean(Ball(x), 1, keepdim=keep)
    for one, expected in zip(found, torch.var_mean(x, 1, keepdim=keep), strict=True):
        torch.testing.assert_close(one.value, expected)


def test_matrices_in_a_batch_of_batches_are_inverted_each() -> None:
    torch.manual_seed(0)
    many = torch.eye(3, dtype=torch.float64) + 0.1 * torch.rand((2, 5, 3, 3), dtype=torch.float64)
    found = torch.linalg.inv(Ball(many, torch.full_like(many, 1e-6)))
    other = torch.linalg.inv(many + 1e-6)
    assert found.radius.shape == many.shape
    assert ((found.value - other).abs() <= found.radius).all()
    assert found.radius.max() < 1e-4

"""The radius of a Ball contains the exact result: measured against mpmath-free exact rationals and wider floats."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import examples
from xlparity.check.bound import RULES, Ball, allowing

finite = st.floats(-1e6, 1e6, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-6)


def exact_dot(a: list[float], b: list[float]) -> Fraction:
    return sum((Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True)), Fraction(0))


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=40), st.sampled_from([torch.float64, torch.float32]))
@settings(deadline=None)
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
@settings(max_examples=examples(30), deadline=None)
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


@given(st.lists(finite, min_size=2, max_size=6), st.floats(1e-12, 1e-3))
@settings(max_examples=examples(50), deadline=None)
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


def test_an_undecided_branch_takes_the_hull_of_both() -> None:
    x = Ball(torch.tensor(0.1, dtype=torch.float64), torch.tensor(0.2, dtype=torch.float64))
    result = torch.where(x > 0, torch.tensor(5.0, dtype=torch.float64), torch.tensor(-5.0, dtype=torch.float64))
    assert result.radius >= 10


def test_a_division_whose_divisor_may_be_zero_has_no_bound() -> None:
    one = torch.tensor(1.0, dtype=torch.float64)
    assert (one / Ball(one * 0.1, one * 0.2)).radius.isnan()


def test_snapping_to_zero_is_allowed_for_in_sums_only() -> None:
    a, b = (Ball(torch.tensor(value, dtype=torch.float64)) for value in (1.0, -1.0))
    exact = (a + b).radius
    with allowing(2.0**-48):
        assert (a + b).radius - exact == pytest.approx(2 * 2.0**-48)
        assert (a * b).radius == (Ball(a.value) * b).radius


def test_an_operation_without_a_rule_has_no_bound_and_so_never_passes() -> None:
    result = torch.special.bessel_j0(Ball(torch.tensor([1.0], dtype=torch.float64)))
    assert result.radius.isnan().all()


def test_a_rule_cannot_be_entered_twice() -> None:
    with pytest.raises(ValueError, match="defined twice"):
        RULES.add("mm", lambda: None)

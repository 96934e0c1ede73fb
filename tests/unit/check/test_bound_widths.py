"""Radii as wide as the theory says: no narrower, which would blame right cells, nor much wider, and pass wrong ones.

The expected numbers are the functions' own values at the ends of the operands' balls, in float64, and counts of
roundings: a number that is rounded once moves by up to 2^-53 of its size.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product
from math import factorial
from typing import Any

import pytest
import torch
from torch import Tensor

from xlparity.check.bound import Ball, Taylor, allowing, with_generators

aten = torch.ops.aten
UNIT = 2.0**-53


def floats(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


# Of numbers c times as large, results are c**degree times as large.
HOMOGENEOUS: dict[str, tuple[Callable[[Any], Any], float]] = {
    "sum": (lambda x: x.sum(0), 1),
    "mean": (lambda x: x.mean(0), 1),
    "cumsum": (lambda x: x.cumsum(0), 1),
    "prod": (lambda x: x.prod(0), 4),
    "var": (lambda x: x.var(0), 2),
    "std": (lambda x: x.std(0), 1),
    "norm 2": (lambda x: torch.linalg.vector_norm(x, 2, 0), 1),
    "norm 1/2": (lambda x: torch.linalg.vector_norm(x, 0.5, 0), 1),
    "norm -1": (lambda x: torch.linalg.vector_norm(x, -1, 0), 1),
    "norm inf": (lambda x: torch.linalg.vector_norm(x, float("inf"), 0), 1),
    "norm -inf": (lambda x: torch.linalg.vector_norm(x, float("-inf"), 0), 1),
    "mean square": (lambda x: torch.nn.functional.mse_loss(x, x.flip(0)), 2),
    "inverse": (lambda x: torch.linalg.inv(x.reshape(2, 2)), -1),
    "determinant": (lambda x: torch.linalg.det(x.reshape(2, 2)), 2),
    "factor of Cholesky": (lambda x: torch.linalg.cholesky(x[[1, 0, 0, 3]].reshape(2, 2)), 0.5),
    "matrix product": (lambda x: x.reshape(2, 2) @ x.reshape(2, 2), 2),
}


@pytest.mark.parametrize("share", [0.0, 2.0**-50, 2.0**-20])
@pytest.mark.parametrize("name", list(HOMOGENEOUS))
def test_the_radius_of_larger_or_smaller_numbers_is_as_much_larger_or_smaller(name: str, share: float) -> None:
    function, degree = HOMOGENEOUS[name]
    numbers = floats(1.25, 3.0, -2.5, 1.75)
    found = function(Ball(numbers, share * numbers.abs()))
    assert found.radius.isfinite().all()
    for scale in (2.0**20, 2.0**-20):
        scaled = function(Ball(scale * numbers, scale * share * numbers.abs()))
        assert torch.allclose(scaled.radius / scale**degree, found.radius, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", list(HOMOGENEOUS))
def test_wider_operands_make_no_result_narrower(name: str) -> None:
    numbers = floats(1.25, 3.0, -2.5, 1.75)
    radii = [HOMOGENEOUS[name][0](Ball(numbers, share * numbers.abs())).radius for share in (0.0, 2.0**-56, 2.0**-52)]
    assert (radii[0] <= radii[1]).all()
    assert (radii[1] <= radii[2]).all()


@pytest.mark.parametrize("function", [lambda x: x.sum(0), lambda x: x.mean(0), lambda x: x.cumsum(0).reshape(-1)[-1]])
def test_a_sum_rounds_twice_for_each_number_after_the_first_and_snaps_to_zero_if_there_is_one(
    function: Callable[[Tensor], Tensor],
) -> None:
    for numbers, roundings in ((torch.ones(()), 4), (torch.ones(1), 4), (torch.ones(2), 6), (torch.ones(5), 12)):
        found = function(Ball(numbers.double()))
        assert float(found.radius / found.value) / UNIT == pytest.approx(roundings)
        with allowing(2.0**-48):
            snapping = function(Ball(numbers.double())).radius - found.radius
        assert float(snapping / found.value) == pytest.approx(2.0**-48 if numbers.numel() > 1 else 0.0)


# What a function of uncertain numbers comes to at the corners of their balls.
CORNERS: dict[str, tuple[Callable[..., Any], list[tuple[float, float]]]] = {
    "i0": (torch.special.i0, [(2.0, 1.0)]),
    "i1": (torch.special.i1, [(-2.0, 1.0)]),
    "k0": (torch.special.modified_bessel_k0, [(1.0, 0.5)]),
    "k1": (torch.special.modified_bessel_k1, [(2.0, 1.0)]),
    "scaled k0": (torch.special.scaled_modified_bessel_k0, [(1.0, 0.5)]),
    "scaled complement": (torch.special.erfcx, [(0.5, 0.25)]),
    "zeta": (torch.special.zeta, [(2.0, 0.5), (1.5, 0.25)]),
    "lower gamma": (torch.special.gammainc, [(0.75, 0.5), (1.0, 0.25)]),
    "upper gamma": (torch.special.gammaincc, [(0.75, 0.5), (1.0, 0.25)]),
    "polygamma": (lambda x: torch.polygamma(2, x), [(1.0, 0.5)]),
    "prod": (lambda *x: torch.stack(x).prod(), [(2.0, 0.5), (3.0, 0.25), (1.5, 1.0)]),
    "cumprod": (lambda *x: torch.stack(x).cumprod(0)[-1], [(2.0, 0.5), (3.0, 0.25), (1.5, 1.0)]),
    "norm 1/2": (lambda *x: torch.linalg.vector_norm(torch.stack(x), 0.5), [(2.0, 1.0), (3.0, 0.25)]),
    "norm -1": (lambda *x: torch.linalg.vector_norm(torch.stack(x), -1), [(2.0, 1.0), (3.0, 0.25)]),
    "norm -inf": (lambda *x: torch.linalg.vector_norm(torch.stack(x), float("-inf")), [(2.0, 1.0), (3.0, 0.25)]),
    "log of sum": (lambda *x: torch.logsumexp(torch.stack(x), 0), [(2.0, 0.25), (3.0, 0.25)]),
    "matrix product": (lambda a, b, c: torch.stack([a, b]) @ torch.stack([c, c]), [(2.0, 0.5), (3.0, 1.0), (4.0, 1.0)]),
}
# Bounded by their steepest slope in the ball, or made of balls that are as wide on both sides: wider than the corners.
WIDER = {"i0": 1.9, "i1": 2.1, "log of sum": 1.9, "norm 1/2": 1.2, "norm -1": 4.6}


@pytest.mark.parametrize("name", list(CORNERS))
def test_the_radius_reaches_the_farthest_corner_of_the_operands_balls_and_hardly_farther(name: str) -> None:
    function, operands = CORNERS[name]
    found = function(*(Ball(torch.tensor(x).double(), torch.tensor(r).double()) for x, r in operands))
    ends = product(*((x - r, x + r) for x, r in operands))
    corners = [function(*(torch.tensor(one).double() for one in corner)) for corner in ends]
    farthest = max(float((corner - found.value).abs()) for corner in corners)
    assert farthest <= float(found.radius) <= farthest * WIDER.get(name, 1 + 1e-8)


@pytest.mark.parametrize(
    ("function", "at", "least", "most"),
    [
        # EXP(x) of an x that is rounded once moves by x roundings, EXP(x^2) by x^2 of them.
        (torch.special.i0, 500.0, 500, 6000),
        (torch.special.i1, -500.0, 500, 6000),
        (torch.special.erfcx, 0.0, 4, 14),
        (torch.special.erfcx, 10.0, 100, 2000),
        (torch.special.erfcx, -10.0, 100, 2000),
        (torch.special.modified_bessel_k0, 500.0, 500, 6000),
    ],
)
def test_what_goes_through_an_exponential_of_a_large_number_loses_as_many_roundings(
    function: Callable[[Any], Any], at: float, least: float, most: float
) -> None:
    found = function(Ball(torch.tensor(at).double()))
    roundings = found.radius / found.value.abs() / UNIT
    assert least <= roundings <= most


@pytest.mark.parametrize(
    "function",
    [
        torch.special.i0, torch.special.i1, torch.special.modified_bessel_k0, lambda x: torch.special.zeta(20, x),
        lambda x: torch.polygamma(2, x),
    ],
)  # fmt: skip
def test_what_a_sheet_makes_of_a_hundred_terms_loses_as_many_roundings(function: Callable[[Any], Any]) -> None:
    found = function(Ball(torch.tensor(1.5).double()))
    assert 110 <= found.radius / found.value.abs() / UNIT <= 440


def test_a_share_that_is_what_another_leaves_of_1_has_the_digits_of_1() -> None:
    found = torch.special.gammaincc(torch.tensor(1.0).double(), Ball(torch.tensor(30.0).double()))
    assert 110 <= found.radius / UNIT <= 330


@pytest.mark.parametrize("n", [2, 20, 21, 100])
@pytest.mark.parametrize("upper", [False, True])
def test_of_the_incomplete_gamma_function_of_large_numbers_torch_gives_nine_digits(n: int, upper: bool) -> None:
    with localcontext() as context:  # the chance of fewer than n events of which n are expected
        context.prec = 50
        fewer = Decimal(-n).exp() * sum(Decimal(n) ** k / factorial(k) for k in range(n))
    function = torch.special.gammaincc if upper else torch.special.gammainc
    at = torch.tensor(float(n)).double()
    for radius, most in ((0.0, 1e-13 if n <= 20 else 1e-9), (1e-30, 1e-13 if n < 20 else 1e-9)):
        found = function(Ball(at, torch.tensor(radius).double()), at)
        assert abs(Decimal(float(found.value)) - (fewer if upper else 1 - fewer)) <= Decimal(float(found.radius))
        assert found.radius <= most


def test_near_a_pole_the_rounding_of_a_balls_ends_counts() -> None:
    ball = Ball(torch.tensor(1.0 + 1e-5).double(), torch.tensor(2e-17).double())
    zeta = torch.special.zeta(ball, torch.tensor(1.0).double())  # its slope is -1e10 there
    assert 2e-7 <= zeta.radius <= 1e-5


def test_an_average_over_windows_allows_for_the_roundings_of_the_windows_means() -> None:
    image = torch.rand(1, 1, 40, 4, dtype=torch.float64) + 1
    pooled = aten._adaptive_avg_pool2d.default(Ball(image), [1, 8])
    means = Ball(image).mean(2, keepdim=True).repeat_interleave(2, 3)  # each column is the window of two
    assert pooled.shape == means.shape
    assert (means.radius <= pooled.radius).all()
    assert (pooled.radius <= 3 * means.radius).all()


@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_an_average_over_a_window_is_as_wide_as_a_mean(batch: tuple[int, ...], rank: int) -> None:
    image, corner = Ball(torch.rand(*batch, 3, *[6] * rank).double()), (..., *[slice(3)] * rank)
    mean = image[corner].mean(list(range(-rank, 0)))
    for kernel in ([3], [3] * rank):
        pooled = getattr(aten, f"avg_pool{rank}d").default(image, kernel)[(..., *[0] * rank)]
        assert torch.allclose(pooled.radius, mean.radius, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("inside", "out"), [(5, 3), (6, 3), (7, 3)])
def test_an_average_over_windows_of_different_widths_is_as_wide_as_the_mean_of_the_widest(
    inside: int, out: int
) -> None:
    image = Ball(torch.ones(1, 1, inside).double())
    pooled = torch.nn.functional.adaptive_avg_pool1d(image, out)
    widest = image[0, 0, : 2 if inside == 6 else 3].mean().radius
    assert widest * (1 - 1e-9) <= pooled.radius.min() <= pooled.radius.max() <= 1.3 * widest


def test_an_interpolation_of_many_channels_has_the_radius_of_each_alone() -> None:
    image = Ball(torch.rand(64, 3, dtype=torch.float64))
    found = aten.upsample_linear1d.default(image[None], [5], False)[0]
    alone = torch.cat([aten.upsample_linear1d.default(image[None, at : at + 1], [5], False)[0] for at in range(64)])
    assert torch.allclose(found.radius, alone.radius, rtol=1e-9, atol=0)


SHARED: dict[str, Callable[..., Any]] = {
    "padded": lambda g, one: aten.replication_pad2d_backward.default(g, one, [4, 5, 4, 5]),
    "padded, in a batch": lambda g, one: aten.replication_pad2d_backward.default(g[None], one[None], [4, 5, 4, 5]),
    "repeated": lambda g, one: aten.upsample_nearest2d_backward.default(g[None], [10, 10], [1, 1, 1, 1]),
    "interpolated": lambda g, one: aten.upsample_bilinear2d_backward.default(g[None], [10, 10], [1, 1, 1, 1], False),
    "in windows that overlap": lambda g, one: aten.unfold_backward.default(g[0], [19], 0, 10, 1)[9],
}


@pytest.mark.parametrize("name", list(SHARED))
def test_the_gradient_of_a_number_that_many_places_show_may_lose_what_a_sum_of_theirs_loses(name: str) -> None:
    ones = torch.ones(1, 10, 10).double()
    found = SHARED[name](Ball(ones), torch.zeros(1, 1, 1).double())
    shown = round(float(found.value.max()))
    assert shown in (10, 100)
    needed = Ball(torch.ones(shown).double()).sum().radius
    assert (needed <= found.radius * (1 + 1e-9)).all()
    assert (found.radius <= needed * (1.2 if name == "interpolated" else 1 + 1e-9)).all()


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize(("inside", "out"), [(2, 6), (3, 9), (3, 42), (27, 12), (29, 11)])
def test_an_interpolation_may_let_in_a_neighbour_whose_weight_is_zero_but_for_rounding(
    inside: int, out: int, align: bool
) -> None:
    # Torch gives 1.5e-8 in float32 for the second of nine numbers between 0, 1 and 0, which is exactly 0.
    for spikes, function in (
        (torch.eye(inside), lambda x: aten.upsample_linear1d.default(x, [out], align)),
        (torch.eye(out), lambda x: aten.upsample_linear1d_backward.default(x, [out], [len(x), 1, inside], align)),
    ):
        found, exact = function(Ball(spikes[:, None])), function(spikes[:, None].double())
        assert ((found.value.double() - exact).abs() <= found.radius).all()
        assert (found.radius <= 1e-3).all()
        near = function(Ball(torch.zeros_like(spikes[:, None]), spikes[:, None].double()))
        assert (found.value.abs() <= near.radius).all()


BACKWARD: dict[str, Callable[..., Any]] = {
    "layer norm": lambda x, mask: aten.native_layer_norm_backward.default(
        x, x, [3], x[..., :1], x[..., :1], x[0, 0], x[0, 0], mask
    ),
    "group norm": lambda x, mask: aten.native_group_norm_backward.default(
        x, x, x[:, :2, 0], x[:, :2, 0], x[0, :, 0], 2, 4, 3, 2, mask
    ),
    "batch norm": lambda x, mask: aten.native_batch_norm_backward.default(
        x, x, x[0, :, 0], None, None, x[0, :, 0], x[0, :, 0], True, 1e-5, mask
    ),
    "convolution": lambda x, mask: aten.convolution_backward.default(
        x, x, x[:1, :, :1] + x[0, :, None, :1], [4], [1], [0], [1], False, [0], 1, mask
    ),
}


@pytest.mark.parametrize("mask", list(product([False, True], repeat=3)))
@pytest.mark.parametrize("name", list(BACKWARD))
def test_only_the_gradients_that_are_asked_for_are_given(name: str, mask: tuple[bool, ...]) -> None:
    found = BACKWARD[name](Ball(torch.rand(2, 4, 3).double() + 0.5), list(mask))
    assert tuple(one is not None for one in found) == mask


def test_the_gradient_of_a_weight_sums_over_all_samples_and_places() -> None:
    gradient, image = torch.rand(2, 1, 3, 4).double(), torch.rand(2, 1, 3, 4).double()
    weight = torch.ones(1, 1, 1, 1).double()
    found = aten.convolution_backward.default(Ball(gradient), image, weight, None, *GEOMETRY, [False, True, False])[1]
    expected = torch.dot(Ball(gradient.flatten()), image.flatten())
    assert float(found.radius) == pytest.approx(float(expected.radius), rel=1e-6, abs=0)


def test_a_bias_counts_as_one_more_term_of_a_convolution() -> None:
    image, weight, bias = torch.rand(1, 2, 5).double(), torch.rand(3, 2, 1).double(), torch.rand(3).double()
    biased = torch.nn.functional.conv1d(Ball(image), weight, bias)
    as_channel = torch.nn.functional.conv1d(
        Ball(torch.cat([image, torch.ones(1, 1, 5).double()], 1)), torch.cat([weight, bias[:, None, None]], 1)
    )
    assert torch.allclose(biased.radius, as_channel.radius, rtol=1e-6, atol=0)


@pytest.mark.parametrize("function", [torch.linalg.inv, torch.linalg.cholesky])
@pytest.mark.parametrize("shape", [(2, 2), (3, 2, 2), (4, 3, 2, 2)])
def test_what_is_made_of_each_of_many_matrices_has_the_radius_of_each_alone(
    function: Callable[[Any], Any], shape: tuple[int, ...]
) -> None:
    matrices = torch.eye(2).double() + 0.25 * torch.rand(shape).double()
    radii = torch.full(shape, 2.0**-30).double()
    found = function(Ball(matrices, radii))
    alone = [function(Ball(*pair)) for pair in zip(matrices.view(-1, 2, 2), radii.view(-1, 2, 2), strict=True)]
    assert found.radius.view(-1, 2, 2) == pytest.approx(torch.stack([one.radius for one in alone]), rel=1e-6)


def test_a_small_row_of_a_factor_of_cholesky_moves_as_little_as_the_root_that_it_is() -> None:
    matrix = torch.tensor([[1e-6, 1e-3], [1e-3, 2.0]]).double()
    found = torch.linalg.cholesky(Ball(matrix, 2.0**-30 * matrix))
    root = torch.sqrt(Ball(matrix, 2.0**-30 * matrix))
    assert root.radius[0, 0] <= found.radius[0, 0] <= 20 * root.radius[0, 0]


def test_of_a_symmetric_matrix_torch_reads_one_triangle_alone() -> None:
    matrix = torch.tensor([[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 2.0]]).double()
    ball = Ball(matrix, 2.0**-30 * matrix.abs())
    expected = torch.linalg.cholesky(ball)
    for upper, half in ((False, torch.tril), (True, torch.triu)):
        found = torch.linalg.cholesky(Ball(half(ball.value), half(ball.radius)), upper=upper)
        assert torch.equal(found.radius.mT if upper else found.radius, expected.radius)


@pytest.mark.parametrize("x", [0.999, -0.999])
def test_an_inverse_error_function_loses_what_the_rounding_of_its_argument_moves_it(x: float) -> None:
    found = torch.erfinv(Ball(torch.tensor(x).double()))
    moved = UNIT * float(torch.exp(found.value**2))  # its slope is exp(y^2) sqrt(pi) / 2
    assert 0.9 * moved <= found.radius <= 9 * moved


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize(
    "entry", [lambda row, column: 1 / (row + column + 1), lambda row, column: 7.0 * (row == column)]
)
def test_the_exact_solution_of_equations_lies_within_its_radius(n: int, entry: Callable[[int, int], float]) -> None:
    matrix = torch.tensor([[entry(row, column) for column in range(n)] for row in range(n)], dtype=torch.float64)
    right = torch.arange(1.0, n + 1).double()
    rows = [[Fraction(x) for x in row] + [Fraction(y)] for row, y in zip(matrix.tolist(), right.tolist(), strict=True)]
    for at in range(n):
        rows[at] = [x / rows[at][at] for x in rows[at]]
        for other in range(n):
            if other != at:
                rows[other] = [x - rows[other][at] * y for x, y in zip(rows[other], rows[at], strict=True)]
    for operands in ((Ball(matrix), right), (matrix, Ball(right))):
        found = torch.linalg.solve(*operands)
        for value, radius, row in zip(found.value.tolist(), found.radius.tolist(), rows, strict=True):
            assert abs(Fraction(value) - row[-1]) <= Fraction(radius)


@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
@pytest.mark.parametrize("keepdim", [False, True])
def test_spreads_and_means_have_the_shapes_that_torch_gives_them(name: str, keepdim: bool) -> None:
    numbers = torch.rand(3, 4).double()
    function = getattr(torch, name)
    expected, found = function(numbers, 1, keepdim=keepdim), function(Ball(numbers), 1, keepdim=keepdim)
    for one, other in zip(*([each] if name[3:] == "" else each for each in (expected, found)), strict=True):
        assert other.shape == other.radius.shape == one.shape
        assert ((other.value - one).abs() <= other.radius).all()
        assert (other.radius <= 1e-13).all()


@pytest.mark.parametrize("order", [2, 1, 0, 0.5, -1, float("inf"), float("-inf")])
@pytest.mark.parametrize("keepdim", [False, True])
def test_a_norm_and_its_radius_have_the_shape_that_torch_gives_it(order: float, keepdim: bool) -> None:
    numbers = torch.rand(2, 3).double() + 1
    found = torch.linalg.vector_norm(Ball(numbers, numbers / 8), order, 1, keepdim)
    assert found.shape == found.radius.shape == torch.linalg.vector_norm(numbers, order, 1, keepdim).shape
    for same in (order, None) if order == 2 else (order,):
        older = aten.norm.ScalarOpt_dim(Ball(numbers, numbers / 8), same, [1], keepdim)
        assert torch.equal(older.radius, found.radius)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("order", [3.0, 2.7, 2.0, 1.1, 1.0, 0.9, 0.5, -0.5, -0.9, -3.0])
def test_a_norm_of_large_or_small_numbers_may_lose_what_rounding_its_exponent_does(
    order: float, dtype: torch.dtype
) -> None:
    most = (30 if dtype == torch.float32 else 290) / max(abs(order), 1)
    numbers = torch.cat([torch.ones(1), 10.0 ** torch.linspace(-most, most, 201).double()]).to(dtype)
    exact = numbers.double() * 2 ** (1 / order)
    found = torch.linalg.vector_norm(Ball(torch.stack([numbers, numbers])), order, 0)
    assert ((found.value.double() - exact).abs() <= found.radius).all()
    # 1/3 is rounded, by up to a unit of its size, and moves the root by as many units as its logarithm has.
    roundings = found.radius / exact / (torch.finfo(dtype).eps / 2)
    expected = roundings[0] + (0 if order in (2, 1, 0.5, -0.5) else 4 * exact.log().abs())
    assert (roundings <= 1.2 * expected).all()


def test_how_many_are_not_zero_is_in_doubt_by_as_many_as_may_be_or_not() -> None:
    found = torch.linalg.vector_norm(Ball(floats(2.0, 0.5, 0.0, 0.0), floats(1.0, 1.0, 0.0, 1.0)), 0)
    assert (found.value, found.radius) == (2.0, 2.0)


P, TARGET, WEIGHT = floats(0.25, 0.5, 0.875), floats(1.0, 0.25, 0.0), floats(3.0, 0.5, 2.0)
PREDICTION = floats(-4.0, 0.25, 3.0)
LOSSES: dict[str, Callable[[Any], Any]] = {
    "cross entropy of what is sure": lambda wrap: aten.binary_cross_entropy.default(
        wrap(floats(0.0, 1.0, 0.0, 1.0)), floats(1.0, 0.0, 0.0, 1.0), None, 0
    ),
    "cross entropy, weighted": lambda wrap: aten.binary_cross_entropy.default(wrap(P), TARGET, WEIGHT, 0),
    "gradient of cross entropy, weighted": lambda wrap: aten.binary_cross_entropy_backward.default(
        floats(2.0, 2.0, 2.0), wrap(P), TARGET, WEIGHT, 0
    ),
    "gradient of mean cross entropy": lambda wrap: aten.binary_cross_entropy_backward.default(
        torch.tensor(2.0).double(), wrap(P), TARGET
    ),
    **{
        f"{name}, {limit}, reduced by {reduction}": lambda wrap, name=name, limit=limit, reduction=reduction: getattr(
            aten, name
        ).default(wrap(PREDICTION), TARGET, reduction, limit)
        for name in ("smooth_l1_loss", "huber_loss")
        for limit in (0.5, 2.0)
        for reduction in (0, 1, 2)
    },
    **{
        f"gradient of the mean square, reduced by {reduction}": lambda wrap, reduction=reduction: (
            aten.mse_loss_backward.default(floats(3.0), wrap(PREDICTION), TARGET, reduction)
        )
        for reduction in (0, 1, 2)
    },
    **{
        f"gradient of {name}, {limit}": lambda wrap, name=name, limit=limit: getattr(aten, name).default(
            floats(3.0, 3.0, 3.0), wrap(PREDICTION), TARGET, 0, limit
        )
        for name in ("smooth_l1_loss_backward", "huber_loss_backward")
        for limit in (0.5, 2.0)
    },
}


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_loss_made_of_smaller_operations_is_torchs_to_within_a_few_roundings(name: str) -> None:
    found, expected = LOSSES[name](Ball), LOSSES[name](lambda tensor: tensor)
    assert found.shape == expected.shape
    assert ((found.value - expected).abs() <= found.radius).all()
    assert (found.radius <= 200 * UNIT * (1 + expected.abs())).all()


GEOMETRY = [1, 1], [0, 0], [1, 1], False, [0, 0], 1
PRODUCTS: dict[str, tuple[Callable[..., Tensor], tuple[int, ...], tuple[int, ...]]] = {
    "of numbers": (torch.mul, (2, 3), (3,)),
    "of matrices": (torch.mm, (2, 3), (3, 2)),
    "of batches": (torch.bmm, (2, 2, 3), (2, 3, 1)),
    "of a matrix and a vector": (torch.mv, (2, 3), (3,)),
    "of vectors": (torch.dot, (3,), (3,)),
    "of vectors, all with all": (torch.outer, (2,), (3,)),
    "of matrices, added": (lambda a, b: torch.addmm(torch.ones(2, 2).double(), a, b, alpha=-2), (2, 3), (3, 2)),
    "of images and kernels": (lambda a, b: aten.convolution.default(a, b, None, *GEOMETRY), (1, 2, 4, 4), (3, 2, 2, 2)),
    "of gradients and kernels": (
        lambda a, b: aten.convolution_backward.default(
            a, torch.zeros(1, 2, 4, 4).double(), b, None, *GEOMETRY, [True, False, False]
        )[0],
        (1, 3, 3, 3),
        (3, 2, 2, 2),
    ),
    "of gradients and images": (
        lambda a, b: aten.convolution_backward.default(
            a, b, torch.zeros(3, 2, 2, 2).double(), None, *GEOMETRY, [False, True, False]
        )[1],
        (1, 3, 3, 3),
        (1, 2, 4, 4),
    ),
}


@pytest.mark.parametrize("name", list(PRODUCTS))
def test_a_product_moves_by_what_both_factors_and_both_together_move(name: str) -> None:
    function, *shapes = PRODUCTS[name]
    chance = torch.Generator().manual_seed(0)
    a, b = (torch.rand(shape, generator=chance, dtype=torch.float64) + 0.5 for shape in shapes)
    # Of factors above 0 the farthest corner is where both are largest, or, of a negative product, least.
    expected = (function(a + 0.25, b + 0.5) - function(a, b)).abs()
    balls = {"a": Ball(a, torch.full_like(a, 0.25)), "b": Ball(b, torch.full_like(b, 0.5))}
    for operands in (balls, with_generators(balls)):
        found = function(operands["a"], operands["b"])
        assert isinstance(found, Ball)
        torch.testing.assert_close(found.radius, expected, rtol=1e-9, atol=0)


PLACES: dict[str, Callable[[Any], Any]] = {
    "max": lambda x: torch.max(x, 0)[1],
    "sort": lambda x: torch.sort(x)[1][-1],
    "topk": lambda x: torch.topk(x, 1)[1][0],
    "kthvalue": lambda x: torch.kthvalue(x, 3, 0)[1],
    "argmax": lambda x: torch.argmax(x, 0),
}


@pytest.mark.parametrize("name", list(PLACES))
def test_the_place_of_the_largest_is_in_doubt_only_if_another_may_be_as_large(name: str) -> None:
    numbers = floats(1.0, 3.0, 2.5)
    for radius, doubtful in ((0.0, False), (0.2, False), (0.3, True)):
        found = PLACES[name](Ball(numbers, torch.full((3,), radius).double()))
        assert found.value == 1
        assert (found.radius >= 1) if doubtful else (found.radius == 0)


@pytest.mark.parametrize("name", ["max", "argmax", "topk", "sort"])
def test_the_place_of_the_only_number_is_sure(name: str) -> None:
    assert PLACES[name](Ball(floats(3.0), floats(1.0))).radius == 0


@pytest.mark.parametrize("name", list(PLACES))
def test_a_place_in_doubt_may_be_any_of_the_dimension(name: str) -> None:
    numbers, radii = (floats(5.0, 1.0, 4.9), floats(0.1, 0.0, 0.1))
    found = PLACES[name](Ball(numbers, radii))
    other = PLACES[name](numbers + floats(-0.1, 0.0, 0.1))
    assert (found.value, other) == (0, 2)
    assert found.radius >= 2


@pytest.mark.parametrize("gap", [1, 2])
@pytest.mark.parametrize("batch", [(), (1,)])
def test_the_gradient_of_a_max_pool_is_any_elements_of_a_window_whose_largest_is_in_doubt(
    batch: tuple[int, ...], gap: int
) -> None:
    image = torch.tensor([0.0, 3.0, 2.9, 2.95]).double().reshape(*batch, 1, 1, 4)
    options = [1, 2], [1, 3 - gap], [0, 0], [1, gap], False
    for radius in (0.01, 0.2):
        ball = Ball(image, torch.full_like(image, radius))
        values, places = aten.max_pool2d_with_indices.default(ball, *options)
        found = aten.max_pool2d_with_indices_backward.default(torch.ones_like(values.value), ball, *options, places)
        assert found.value.flatten().tolist() == ([0.0, 1.0, 0.0, 1.0] if gap == 1 else [0.0, 1.0, 1.0, 0.0])
        if radius == 0.01:
            assert (found.radius < 1e-12).all()
        elif gap == 1:
            assert found.radius.flatten().tolist() == pytest.approx([0.0, 0.0, 1.0, 1.0])
        else:  # windows with gaps have no rule
            assert found.radius.isnan().all()


def test_the_gradient_of_a_doubtful_largest_may_be_that_of_any_element_of_its_window() -> None:
    image = torch.tensor([[[[1.0, 3.0, 0.0, 9.0]], [[4.0, 0.0, 0.0, 8.0]]]]).double()
    radius = torch.tensor([[[[2.0, 2.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]]]).double()
    values, places = aten.adaptive_max_pool2d.default(Ball(image, radius), [1, 2])
    assert values.value.flatten().tolist() == [3.0, 9.0, 4.0, 8.0]
    for wrap in (Ball, torch.clone):
        gradient = wrap(torch.tensor([[[[5.0, 7.0]], [[2.0, 3.0]]]]).double())
        found = aten.adaptive_max_pool2d_backward.default(gradient, Ball(image, radius), places)
        assert found.value.flatten().tolist() == [0.0, 5.0, 0.0, 7.0, 2.0, 0.0, 0.0, 3.0]
        assert found.radius.flatten().tolist() == pytest.approx([5.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])


def test_a_sign_that_is_not_known_leaves_a_product_unknown() -> None:
    nearly_singular = torch.tensor([[1.0, 1.0], [1.0, 1.0001]]).double()
    sign = torch.linalg.slogdet(Ball(nearly_singular, torch.full((2, 2), 1e-3).double()))[0]
    assert sign.radius.isnan()
    assert torch.dot(floats(2.0), sign.reshape(1)).radius.isnan()


def test_a_size_has_the_sign_of_another_number_where_that_is_sure() -> None:
    found = torch.copysign(
        Ball(floats(3.0), floats(0.5)), Ball(floats(-2.0, -2.0, -2.0, 0.0), floats(0.0, 1.0, 2.0, 0.0))
    )
    assert found.value.tolist() == [-3.0, -3.0, -3.0, 3.0]
    assert found.radius.tolist() == [0.5, 0.5, 6.5, 0.5]
    assert torch.copysign(Ball(floats(3.0), floats(0.5)), floats(-1.0, 1.0)).radius.tolist() == [0.5, 0.5]


def test_a_number_that_is_surely_zero_or_surely_not_is_a_sure_truth() -> None:
    found = Ball(floats(0.0, 2.0, 0.5, 0.0, 1.0), floats(0.0, 1.0, 1.0, 1.0, 1.0)).to(torch.bool)
    assert found.value.tolist() == [False, True, True, False, True]
    assert found.radius.tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_tensors_that_nothing_is_written_into_are_zero_and_not_what_memory_held() -> None:
    torch.use_deterministic_algorithms(True)  # so that such memory holds NaN
    try:
        for made in (
            torch.empty_like(Ball(floats(1.0, 2.0))),
            Ball(floats(1.0)).new_empty(2),
            Ball(floats(1.0)).new_empty_strided((2,), (1,)),
        ):
            assert isinstance(made, Ball)
            assert (made.value.tolist(), made.radius.tolist()) == ([0.0, 0.0], [0.0, 0.0])
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_change_of_sign_never_narrows_a_first_order_model() -> None:
    x = with_generators({"x": Ball(floats(1.0), floats(1.0))})["x"]
    y = x * x
    turned = -y
    assert isinstance(y, Taylor)
    assert isinstance(turned, Taylor)
    assert (turned.rest >= y.rest).all()
    assert (turned.radius >= y.radius).all()


def test_a_first_order_model_heeds_the_options_of_an_operation() -> None:
    x = with_generators({"x": Ball(floats(1.0), floats(1.0))})["x"]
    added = torch.add(x, x, alpha=3)
    assert added.value.tolist() == [4.0]
    assert added.radius.tolist() == pytest.approx([4.0])

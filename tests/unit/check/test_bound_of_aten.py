"""Every operation that an expression may name, in one line each: its radius holds the exact result.

Float64 is the truth for a ball in float32, whose roundings are 2^29 times as large; and the result of any operands
within their radii must lie within the result's radius.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor

from xlparity.check.aten import PACKETS
from xlparity.check.bound import Ball, Taylor, with_generators
from xlparity.check.bound.ball import radius_of, value_of
from xlparity.check.expression import Expression, evaluate, parse_expression
from xlparity.errors import MapError

EXPRESSIONS = Path(__file__).with_name("aten_expressions.txt").read_text().splitlines()

# Those whose radius is not known, so that cells that use them stay undecided.
UNBOUNDED = frozenset(["linalg_matrix_exp", "mode", "nextafter"])


def numbers(*shape: int, low: float = -2.0, high: float = 2.0) -> Tensor:
    """Numbers at random, none near another or near an integer or a half, and exact in float32."""
    count = torch.Size(shape).numel()
    steps = torch.linspace(low, high, count + 2, dtype=torch.float64)[1:-1]
    order = torch.randperm(count, generator=torch.Generator().manual_seed(count))
    spread = steps[order].reshape(shape)
    near = (spread * 4).round() / 4
    return torch.where((spread - near).abs() < 0.004, spread + 0.009, spread).to(torch.float32)


GIVEN = {
    "x": numbers(3, 4), "y": numbers(3, 4, high=1.7), "p": numbers(3, 4, low=0.25, high=0.75),
    "q": numbers(3, 4, low=0.3, high=0.8), "m": numbers(4, 3), "e": numbers(3, low=0.4),
    "s": torch.tensor([[2.0, 0.5, -0.25], [0.5, 3.0, 0.75], [-0.25, 0.75, 1.5]]),
    "image": numbers(2, 2, 6, 6), "volume": numbers(1, 2, 4, 4, 4), "wave": numbers(2, 2, 8),
    "kernel": numbers(4, 2, 3, 3, low=-1, high=1), "table": numbers(5, 4),
    "at": torch.tensor([[0, 2, 1, 0], [1, 0, 2, 2], [2, 1, 0, 1]]), "places": torch.tensor([2, 0]),
    "labels": torch.tensor([1, 1, 0]), "yes": torch.tensor([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 0]]).bool(),
}  # fmt: skip


class Operands:
    """The tensors of `GIVEN`, those of floating dtype changed by `change`."""

    def __init__(self, change: dict[str, Tensor]) -> None:
        self._change = change

    def tensor(self, name: str) -> Tensor:
        return self._change.get(name, GIVEN[name])

    def expected(self, name: str, printed: bool) -> Tensor:
        raise NotImplementedError

    def grad(self, of: Expression, wrt: str) -> Tensor:
        raise NotImplementedError


FLOATS = {name: tensor for name, tensor in GIVEN.items() if tensor.is_floating_point()}


def result(text: str, operands: dict[str, Tensor], wide: bool) -> Tensor:
    return evaluate(parse_expression(text, GIVEN.keys(), "here"), Operands(operands), wide)


def assert_holds(ball: Tensor, exact: Tensor) -> None:
    assert isinstance(ball, Ball)
    assert ball.shape == ball.radius.shape == exact.shape
    assert ball.radius.dtype == torch.float64
    assert not ball.radius.isnan().any(), "no bound is known"
    away = (ball.value.to(torch.float64) - exact.to(torch.float64)).abs()
    assert (away <= ball.radius).all(), (away / ball.radius).max()


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_radius_in_float32_holds_the_value_in_float64(text: str) -> None:
    ball = result(text, {name: Ball(tensor) for name, tensor in FLOATS.items()}, wide=False)
    exact = result(text, {name: tensor.to(torch.float64) for name, tensor in FLOATS.items()}, wide=True)
    assert_holds(ball if isinstance(ball, Ball) else Ball(ball), exact)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_radius_holds_what_operands_within_theirs_give(text: str) -> None:
    chance = torch.Generator().manual_seed(0)
    for share in (1e-9, 1e-5):
        radii = {
            name: share * torch.rand(tensor.shape, generator=chance, dtype=torch.float64) + 1e-10
            for name, tensor in FLOATS.items()
        }
        wide = {name: tensor.to(torch.float64) for name, tensor in FLOATS.items()}
        ball = result(text, {name: Ball(wide[name], radii[name]) for name in FLOATS}, wide=True)
        ball = ball if isinstance(ball, Ball) else Ball(ball)
        for _ in range(3):
            inside = {
                name: wide[name]
                + radii[name] * (2 * torch.rand(wide[name].shape, generator=chance).round() - 1) * 0.999
                for name in FLOATS
            }
            assert_holds(ball, result(text, inside, wide=True))


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_a_result_of_an_operand_of_which_nothing_is_known_is_unknown_or_holds_whatever_it_may_be(text: str) -> None:
    wide = {name: tensor.to(torch.float64) for name, tensor in FLOATS.items()}
    for name in [name for name in parse_expression(text, GIVEN.keys(), "here").names if name in FLOATS]:
        unknown = Ball(wide[name], torch.full(wide[name].shape, torch.nan).double())
        found = result(text, {**{other: Ball(tensor) for other, tensor in wide.items()}, name: unknown}, wide=True)
        for other in (-wide[name], 1 - wide[name]):
            try:
                at = result(text, {**wide, name: other}, wide=True)
            except MapError:  # outside its domain
                continue
            assert not ((at.double() - value_of(found).double()).abs() > radius_of(found)).any()


# Made of operations whose operands have something in common, of which balls know nothing.
COMMON = frozenset(
    "lerp gelu silu mish hardswish glu_backward gelu_backward silu_backward mish_backward log_sigmoid_forward "
    "log_sigmoid_backward logit_backward sigmoid_backward std std_mean var var_mean _log_softmax log_softmax _softmax "
    "softmax _safe_softmax _log_softmax_backward_data _softmax_backward_data linalg_cross convolution_backward "
    "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_functional native_batch_norm_backward "
    "_native_batch_norm_legit_no_training native_group_norm native_group_norm_backward native_layer_norm "
    "native_layer_norm_backward _fused_rms_norm rms_norm binary_cross_entropy binary_cross_entropy_backward "
    "binary_cross_entropy_with_logits kl_div nll_loss_forward nll_loss_backward soft_margin_loss_backward sin "
    "cos".split()
)
# Bounded by a norm or by the steepest slope of all: how many times as wide as what the operands' moves add up to.
STEEPEST = {
    2.5: "atan2 sinc special_spherical_bessel_j0 special_i1 special_modified_bessel_i1 i0 special_modified_bessel_i0 "
    "hypot norm dist _cdist_forward _pdist_forward linalg_vector_norm logcumsumexp deg2rad hardsigmoid_backward "
    "cholesky_solve",
    3.5: "det linalg_det _linalg_det linalg_slogdet _linalg_slogdet logdet inverse linalg_inv linalg_inv_ex "
    "special_i0e",
    8.0: "linalg_cholesky linalg_cholesky_ex cholesky_inverse special_i1e",
}

# What has no first-order rule: its models are balls.
BALLS = tuple(
    "acos asin atan cosh digamma erfc erfinv lgamma rad2deg sinh tan. clamp.Tensor copysign fmax fmin fmod lerp "
    "logaddexp nan_to_num pow.Scalar pow.Tensor_Tensor remainder amin.default(x,[0 cummax cummin cumprod kthvalue "
    "max.d min.d nansum prod sort topk linalg_solve copy. fill _unsafe_index_put _unsafe_masked_index_put "
    "index_add index_copy index_fill index_put index_reduce masked_scatter put scatter adaptive_max_pool frexp "
    "igamma polygamma special_ triangular_solve _linalg_solve upsample_bicubic2d _embedding_bag".split()
)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_a_radius_is_what_a_few_uncertain_operands_can_move_and_no_wider_than_it_must_be(text: str) -> None:
    read = [name for name in parse_expression(text, GIVEN.keys(), "here").names if name in FLOATS]
    wide = {name: tensor.to(torch.float64) for name, tensor in FLOATS.items()}
    at, step = result(text, wide, wide=True), 1e-6
    exact = result(text, {name: Ball(tensor) for name, tensor in wide.items()}, wide=True)
    if not at.is_floating_point() or not isinstance(exact, Ball) or not at.numel() or "grid_sampler" in text:
        return
    size = 1 + float(at.abs().max())
    if "chebyshev" not in text and "hardsigmoid" not in text:  # whose 1/6 is of float32
        assert float(exact.radius.max()) < 1000 * 2.0**-53 * size, "of exact operands there are roundings alone"
    radii, moved = {}, torch.zeros_like(at)
    for name in read:
        radii[name] = torch.zeros_like(wide[name])
        for place in range(0, wide[name].numel(), -(-wide[name].numel() // 4)):
            radii[name].view(-1)[place] = step
            alone = torch.zeros_like(wide[name])
            alone.view(-1)[place] = step
            moved += (result(text, {**wide, name: wide[name] + alone}, wide=True) - at).abs()
    balls = {name: Ball(wide[name], radius) for name, radius in radii.items()}
    models = with_generators(balls)
    operation = text.removeprefix("aten.").split(".")[0]
    either = next((most for most, names in STEEPEST.items() if operation in names.split()), 1.001)
    for operands, most in ((balls, 5.0 if operation in COMMON else either), (models, either)):
        found = result(text, {**wide, **operands}, wide=True)
        assert isinstance(found, Ball)
        assert (found.radius >= moved * (1 - 1e-3) - 1e-3 * step).all()
        if "chebyshev" in text or "inf, [1]" in text:
            continue
        assert float(found.radius.sum()) <= most * float(moved.sum()) + 1e-3 * step * size * at.numel()
        if most < 1.1:
            assert (found.radius <= most * moved + 1e-3 * step * size).all()
    if either < 1.1 and moved.any() and not text.removeprefix("aten.").replace(" ", "").startswith(BALLS):
        assert isinstance(found, Taylor)
        assert float(found.rest.sum()) < 0.01 * float(found.radius.sum())


# Each element of these results is made of one element of each operand.
ELEMENTWISE = [
    text for text in EXPRESSIONS[: EXPRESSIONS.index("aten.all.default(yes)")]
    if not text.startswith(("aten.glu", "aten.prelu.", "aten.nan_to_num"))
]  # fmt: skip
KINKS = (-3.0, -2.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0, 3.0)
# Wider than three times what the numbers inside can move: made of several operations, of a slope or of a norm.
WIDER = frozenset(
    "atan2 cos erf frac sinc tan tanh cosh clamp copysign fmod remainder hypot lerp logaddexp logaddexp2 pow where "
    "round elu gelu hardswish leaky_relu log_sigmoid_forward mish selu silu softplus _prelu_kernel "
    "_prelu_kernel_backward elu_backward gelu_backward hardswish_backward hardtanh_backward leaky_relu_backward "
    "log_sigmoid_backward logit_backward mish_backward sigmoid_backward silu_backward softplus_backward "
    "softshrink_backward".split()
)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("text", ELEMENTWISE)
def test_numbers_at_kinks_and_poles_and_radii_as_large_as_the_numbers_are_held(text: str, dtype: torch.dtype) -> None:
    chance = torch.Generator().manual_seed(0)

    def some(options: list[float]) -> Tensor:
        return torch.tensor(options).double()[torch.randint(len(options), (12, 3, 4), generator=chance)]

    signed, shares = [-torch.inf, -4.0, *KINKS, 4.0, torch.inf], [0.0, 0.25, 0.5, 0.75, 1.0]
    middles = {"x": some(signed), "y": some(signed), "p": some(shares), "q": some(shares)}
    radii = {name: some([0.0] * 4 + [2.0**-10, 0.25, 0.5] + ([1.0, 2.0] if name in "xy" else [])) for name in middles}
    radii = {name: radius.masked_fill(middles[name].isinf(), 0.0) for name, radius in radii.items()}
    balls = {name: Ball(middle.to(dtype), radii[name]) for name, middle in middles.items()}
    found = result(text, balls, wide=dtype == torch.float64)
    if not isinstance(found, Ball):
        return
    read = [name for name in parse_expression(text, GIVEN.keys(), "here").names if name in middles]
    models = with_generators({name: balls[name] for name in read})
    model = result(text, {**balls, **models}, wide=dtype == torch.float64)
    assert isinstance(model, Ball)
    points = [
        {name: middles[name] + sign * radii[name] for name, sign in zip(read, signs, strict=True)}
        for signs in product((-1, 0, 1), repeat=len(read))
    ]
    for _ in range(12):
        beside = {name: some(KINKS) + some([-(2.0**-30), 0.0, 2.0**-30]) for name in read}
        points.append(
            {name: at.clamp(middles[name] - radii[name], middles[name] + radii[name]) for name, at in beside.items()}
        )
    value, known = found.value.double(), ~found.radius.isnan() & ~found.value.isnan()
    moved = torch.zeros_like(value)
    for point in points:
        at = result(text, {**middles, **point}, wide=True).double()
        away = torch.where(at == value, 0.0, (at - value).abs())
        assert (away <= found.radius)[known].all()
        assert ((away <= model.radius) | model.radius.isnan())[known].all()
        moved = torch.maximum(moved, away)
    assert known.double().mean() > 0.25
    if text.split(".")[1] not in WIDER:
        rounding = 64 * torch.finfo(dtype).eps * (1 + value.abs())
        assert (found.radius <= 3.1 * moved + rounding)[known & (moved > 0)].all()


def test_every_operation_has_a_line_or_is_said_to_have_no_bound() -> None:
    tried = {text.split("aten.")[k].split(".")[0] for text in EXPRESSIONS for k in range(1, text.count("aten.") + 1)}
    assert PACKETS - tried == UNBOUNDED


@pytest.mark.parametrize(
    "text",
    [
        "aten.linalg_matrix_exp.default(s)",
        "aten.nextafter.default(x, y)",
        "aten.bucketize.Tensor(x, aten.exp.default(aten.sort.default(y[0])[0]))",  # limits that are rounded
        "aten.histc.default(aten.exp.default(x), 3)",  # between the least and the greatest, which are
    ],
)
def test_what_has_no_bound_is_not_known(text: str) -> None:
    ball = result(text, {name: Ball(tensor.to(torch.float64)) for name, tensor in FLOATS.items()}, wide=True)
    assert isinstance(ball, Ball)
    assert ball.radius.isnan().all()

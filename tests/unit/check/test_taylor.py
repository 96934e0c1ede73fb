"""First-order models of uncertain numbers: never wider than balls, often much narrower, and always true."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from tests.laws import examples
from tests.unit.check.test_bound_of_aten import EXPRESSIONS, FLOATS, GIVEN, result
from xlparity.check.bound import Ball, Taylor, with_generators
from xlparity.check.expression import parse_expression


def number(value: float, radius: float) -> Taylor:
    ball = Ball(torch.tensor(value, dtype=torch.float64), torch.tensor(radius, dtype=torch.float64))
    return with_generators({"x": ball})["x"]


def test_every_operation_is_as_narrow_as_a_balls_and_holds_the_corners() -> None:
    chance = torch.Generator().manual_seed(1)
    wide = {name: tensor.to(torch.float64) for name, tensor in FLOATS.items()}
    narrower = 0
    for text in EXPRESSIONS:
        radii = {
            name: 0.03 * torch.rand(tensor.shape, generator=chance, dtype=torch.float64)
            for name, tensor in FLOATS.items()
        }
        balls = {name: Ball(wide[name], radii[name]) for name in FLOATS}
        read = set(parse_expression(text, GIVEN.keys(), "here").names) & FLOATS.keys()
        held = result(text, balls, wide=True)
        found = result(text, {**balls, **with_generators({name: balls[name] for name in read})}, wide=True)
        if not isinstance(held, Ball):
            continue
        assert isinstance(found, Ball), text
        assert not ((found.radius > held.radius * (1 + 1e-9)) | (found.radius.isnan() & ~held.radius.isnan())).any(), (
            text
        )
        narrower += bool((found.radius < 0.99 * held.radius).any())
        for _ in range(2):
            inside = {
                name: wide[name]
                + 0.999 * radii[name] * (2.0 * torch.rand(radii[name].shape, generator=chance).round() - 1)
                for name in FLOATS
            }
            away = (found.value.double() - result(text, inside, wide=True).double()).abs()
            assert ((away <= found.radius) | found.radius.isnan() | away.isnan()).all(), text
    assert narrower > 40


def attention(x: Tensor, w: Tensor) -> Tensor:
    q, k, v = (x @ part for part in w.unbind(0))
    return F.layer_norm(F.softmax(q @ k.mT, -1) @ v, (x.shape[-1],))


def recurrent(x: Tensor, w: Tensor) -> Tensor:
    h = torch.zeros(x.shape[-1], dtype=torch.float64)
    for row in x:
        i, f, g = torch.sigmoid(w[0] @ row), torch.sigmoid(w[1] @ h), torch.tanh(w[2] @ (row + h))
        h = f * h + i * g
    return h


NETWORKS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "relu": lambda x, w: torch.relu(torch.relu(x @ w[0]) @ w[1]) @ w[2],
    "convolution": lambda x, w: F.max_pool2d(torch.relu(F.conv2d(x[None, None], w[:, None], padding=1)), 2),
    "leaky": lambda x, w: F.leaky_relu(x @ w[0], 0.1) * (x @ w[1]).clamp(-0.5, 0.5) / (2 + (w[2] ** 2).sum()),
    "cross entropy": lambda x, w: F.log_softmax(F.gelu(x @ w[0]) @ w[1], -1),
    "maximum": lambda x, w: torch.maximum(x @ w[0], x @ w[1]) - torch.minimum(w[2], w[0]).abs(),
    "attention": attention,
    "recurrent": recurrent,
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("decimals", [1, 2, 4])
def test_networks_of_rounded_weights_hold_the_worst_corners(name: str, decimals: int) -> None:
    chance = torch.Generator().manual_seed(decimals)
    x, w = (torch.randn(*shape, generator=chance, dtype=torch.float64) for shape in ((4, 4), (3, 4, 4)))
    w = (w / 2).round(decimals=decimals)
    radius = torch.full_like(w, 0.5 * 10.0**-decimals)

    def computed(weights: Tensor) -> list[Tensor]:
        """The outputs and the gradient of a loss of them."""
        leaf = weights.clone().requires_grad_()
        out = NETWORKS[name](x, leaf)
        (gradient,) = torch.autograd.grad((out**2).mean(), leaf)
        return [out.detach(), gradient]

    balls, models = computed(Ball(w, radius)), computed(with_generators({"w": Ball(w, radius)})["w"])
    used = 0.0
    for at, (ball, model) in enumerate(zip(balls, models, strict=True)):
        assert isinstance(ball, Ball)
        assert isinstance(model, Ball)
        assert not (model.radius > ball.radius * (1 + 1e-9)).any()
        corners = [(2 * torch.rand(w.shape, generator=chance).round() - 1).double() for _ in range(20)]
        if isinstance(model, Taylor):  # where the first-order part says that an element is greatest
            corners += [one.reshape(w.shape).sign() for one in model.linear.flatten(1).T[:24]]
        for corner in corners:
            away = (computed(w + radius * corner * (1 - 1e-9))[at] - model.value).abs()
            assert ((away <= model.radius) | model.radius.isnan()).all()
            used = max(used, float((away / model.radius).nan_to_num().max()))
    assert used > 0.3 or decimals == 1  # the corners do reach out, unless one digit leaves all open


def test_what_operands_have_in_common_cancels() -> None:
    x = number(3.0, 0.5)
    assert (x - x).radius < 1e-9
    assert (x / x).radius < 0.2  # to first order 0
    assert torch.addmm(-6 * x.reshape(1, 1), x.reshape(1, 1), torch.full((1, 1), 3.0).double(), beta=0.5).radius < 1e-9
    shares = torch.softmax(
        with_generators({"x": Ball(torch.zeros(3).double(), torch.full((3,), 0.1).double())})["x"], 0
    )
    assert shares.sum().radius < 0.03
    assert torch.softmax(Ball(torch.zeros(3).double(), torch.full((3,), 0.1).double()), 0).sum().radius > 0.1


SMOOTH = "exp expm1 exp2 log log1p log2 log10 sqrt rsqrt reciprocal sin cos tanh sigmoid erf".split()


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("middle", [0.3, 1.3, 4.0])
def test_the_rest_of_a_smooth_function_is_hardly_more_than_how_far_it_bends_from_its_tangent(
    name: str, middle: float
) -> None:
    function, radius = getattr(torch, name), 1e-3
    model = function(number(middle, radius))
    assert isinstance(model, Taylor)
    apart = [
        function(torch.tensor(middle + e * radius, dtype=torch.float64)) - model.value - e * model.linear[0]
        for e in (1, -1)
    ]
    bend = max(abs(float(one)) for one in apart)
    assert bend * (1 - 1e-6) <= float(model.rest) <= 1.02 * bend


def uncertain(*tensors: Tensor, radius: float = 1e-3) -> list[Taylor]:
    balls = {str(at): Ball(one, torch.full(one.shape, radius).double()) for at, one in enumerate(tensors)}
    return list(with_generators(balls).values())


def test_a_quotient_and_a_wider_sum_round_no_more_than_they_must() -> None:
    a, b = uncertain(torch.tensor(3.0).double(), torch.tensor(2.0).double(), radius=1e-12)
    quotient = a / b
    assert isinstance(quotient, Taylor)
    assert (
        float(quotient.rest) < 10 * 2.0**-53 * 1.5
    )  # four roundings, of the quotient and of what it is in the corners
    (x,) = uncertain(torch.linspace(0, 1, 5))
    narrow, wide = x.sum(), x.sum(dtype=torch.float64)
    assert isinstance(narrow, Taylor)
    assert isinstance(wide, Taylor)
    assert float(wide.rest) < float(narrow.rest) / 5  # what is summed in float64 rounds there


def test_a_slice_put_into_known_numbers_and_known_numbers_put_into_a_model_keep_its_generators() -> None:
    (x,) = uncertain(torch.rand((3, 2), generator=torch.Generator().manual_seed(0)).double())
    into = torch.slice_scatter(torch.zeros(5, 2).double(), x, 0, 1, 4)
    assert float((into[1:4] - x).radius.max()) < 1e-9
    assert into.radius[[0, 4]].max() == 0
    over = torch.select_scatter(x, torch.zeros(2).double(), 0, 1)
    assert float((over[0] - x[0]).radius.max()) < 1e-9
    assert over.radius[1].max() == 0


def test_gradients_of_a_convolution_are_as_wide_as_their_parts_and_that_of_its_bias_is_of_the_gradient_alone() -> None:
    chance = torch.Generator().manual_seed(0)
    shapes = ((1, 2, 4, 4), (1, 3, 6, 6), (2, 3, 3, 3))
    g, x, w = (torch.randn(shape, generator=chance, dtype=torch.float64) for shape in shapes)

    def gradients(g: Tensor, x: Tensor, w: Tensor) -> tuple[Ball, Ball, Ball]:
        options = [2], [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [True, True, True]
        return torch.ops.aten.convolution_backward.default(g, x, w, *options)

    radius = 1e-3
    (model,) = uncertain(g, radius=radius)
    for of_g in (Ball(g, torch.full_like(g, radius)), model):
        found = gradients(of_g, x, w)
        for one, reach in zip(found, gradients(torch.full_like(g, radius), x.abs(), w.abs()), strict=True):
            torch.testing.assert_close(one.radius, reach, rtol=1e-6, atol=0.0)
    for kind in (lambda one: Ball(one, torch.full_like(one, radius)), lambda one: uncertain(one, radius=radius)[0]):
        to_x, to_weight, to_bias = gradients(g, kind(x), kind(w))
        assert to_x.radius.min() > 1e-4
        assert to_weight.radius.min() > 1e-4
        assert to_bias.radius.max() < 1e-12


def test_a_share_lies_between_0_and_1_however_wide_its_logits() -> None:
    ball = Ball(torch.tensor([3.0, 1.0, -2.0]).double(), torch.tensor([50.0, 2.0, 0.5]).double())
    for x in (ball, with_generators({"x": ball})["x"]):
        share = torch.softmax(x, 0)
        assert ((share.value + share.radius >= 1) & (share.radius <= 1 + 1e-9)).all()
    unknown = Ball(ball.value, torch.tensor([torch.nan, 2.0, 0.5]).double())
    assert torch.softmax(unknown, 0).radius.isnan().any()


@pytest.mark.parametrize(
    "function",
    [torch.square, torch.exp, torch.abs, torch.relu, torch.cos, lambda x: torch.where(x > 0, x, 2 - x)],
)
def test_the_first_order_part_alone_would_not_hold(function: Callable[[Tensor], Tensor]) -> None:
    x = number(0.0, 1.0)
    model = function(x)
    ends = [float((function(torch.tensor(e, dtype=torch.float64)) - model.value).abs()) for e in (-1.0, 1.0)]
    linear = float(model.linear.abs().sum()) if isinstance(model, Taylor) else 0.0
    assert max(ends) > linear
    assert max(ends) <= float(model.radius)


@given(st.floats(-2, 2), st.floats(0, 1), st.floats(-1, 1), st.sampled_from([0.0, 0.1, 1.0]))
@settings(max_examples=examples(60))
def test_an_undecided_where_takes_the_hull_of_both_branches(
    middle: float, radius: float, e: float, jump: float
) -> None:
    def function(x: Tensor) -> Tensor:
        return torch.where(x > 0.25, 2 * x + jump, x * x - 3)

    model, point = function(number(middle, radius)), middle + e * radius * (1 - 1e-12)
    assert abs(float(function(torch.tensor(point, dtype=torch.float64)) - model.value)) <= float(model.radius)


@pytest.mark.parametrize("radius", [1e-12, 1.0, 1e12])
def test_around_its_kink_a_function_is_half_a_chord_and_half_open_whatever_its_size(radius: float) -> None:
    model = torch.relu(number(0.0, radius))
    assert isinstance(model, Taylor)
    assert float(model.linear[0]) == pytest.approx(radius / 2)
    assert radius / 2 <= float(model.rest) <= 0.501 * radius


def test_what_was_repeated_is_reshaped_as_its_values_are() -> None:
    (x,) = uncertain(torch.tensor([[1.0, 2.0]]).double())
    twice = (x + torch.zeros(2, 2).double()).view(4)
    assert twice.value.tolist() == [1.0, 2.0, 1.0, 2.0]
    assert float((twice[:2] - twice[2:]).radius.max()) < 1e-9


def test_operations_in_place_take_the_model_along() -> None:
    x = with_generators({"x": Ball(torch.ones(2).double(), torch.full((2,), 0.1).double())})["x"]
    y = x.clone()
    y.mul_(3.0)
    assert float((y - 3 * x).radius.max()) < 1e-9
    y.addcmul_(x, torch.ones(2).double(), value=4.0)
    assert (y.value == 7.0).all()
    assert (y.radius >= 0.7).all()
    zero = Ball(torch.zeros(2).double())
    zero.add_(x)
    assert (zero.radius >= 0.1).all()


def test_known_numbers_beside_an_uncertain_one_stay_known() -> None:
    known = torch.tensor([[1.0, 2.0], [3.0, 5.0]]).double()
    balls = {"known": Ball(known), "x": Ball(torch.ones(1).double(), torch.ones(1).double())}
    for operands in (balls, {"known": balls["known"]}):
        made = with_generators(operands)["known"]
        for function in (
            torch.sum,
            torch.t,
            lambda one: one @ one,
            lambda one: one[0],
            torch.exp,
            lambda one: one + one,
        ):
            found = function(made)
            assert float(found.radius.max()) < 1e-12
            torch.testing.assert_close(found.value, function(known))


@pytest.mark.parametrize("numbers", [(1.0, 3.0), (-3.0, -1.0), (-1.0, 0.5)])
def test_an_extreme_is_the_element_that_surely_is_it(numbers: tuple[float, float]) -> None:
    for radius in (0.25, 2.0):
        (x,) = uncertain(torch.tensor(numbers).double(), radius=radius)
        for extreme, element in ((x.amin(0), x[0]), (x.amax(0), x[1])):
            assert float((extreme - element).radius) < 1e-9 if radius < 1 else float(extreme.radius) >= 2


def test_an_overflow_and_a_pole_have_no_bound() -> None:
    assert torch.exp(number(1000.0, 1.0)).radius.isnan()
    assert (1 / number(0.1, 0.2)).radius.isnan()
    assert torch.log(number(0.1, 0.2)).radius.isnan()


def test_float32_rounds_what_the_uncertain_number_adds_too() -> None:
    value, radius = torch.tensor(0.0), torch.tensor(0.3, dtype=torch.float64)
    for x in (Ball(value, radius), with_generators({"x": Ball(value, radius)})["x"]):
        model = x * torch.tensor(1.1)
        assert float(model.radius) >= float(torch.tensor(0.3) * torch.tensor(1.1))


def test_where_an_index_is_in_doubt_a_gradient_of_a_table_is_a_balls() -> None:
    gradient = with_generators({"x": Ball(torch.ones(2, 3).double(), torch.full((2, 3), 0.1).double())})["x"]
    index = Ball(torch.tensor([0, 2]), torch.tensor([0.0, 1.0]).double())
    for at, kind in ((index.value, Taylor), (index, Ball)):
        found = torch.ops.aten.embedding_dense_backward.default(gradient, at, 4, -1, False)
        assert type(found) is kind
        assert found.value[:, 0].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert found.radius[1:].isnan().all()

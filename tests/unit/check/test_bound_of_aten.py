"""Every operation that an expression may name, in one line each: its radius holds the exact result.

Float64 is the truth for a ball in float32, whose roundings are 2^29 times as large; and the result of any operands
within their radii must lie within the result's radius.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from xlparity.check.aten import PACKETS
from xlparity.check.bound import Ball
from xlparity.check.expression import Expression, evaluate, parse_expression

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
    assert ball.shape == exact.shape
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

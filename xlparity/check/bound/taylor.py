"""A tensor that carries first-order Taylor models: how it follows uncertain numbers, and how far it may be off.

A `Taylor` is a `Ball` and more. Each uncertain number is `middle + e * half_width` with an unknown e between -1 and 1,
its *generator*; the tensor is `value + sum_j linear[j] e_j`, to within `rest`. So what two operands have in common
cancels where a ball only adds up: x - x is 0, and softmax knows that its shares sum to 1. The first-order part alone
would not be sound; `rest` bounds what is beyond it, over all values of the generators together, and every rounding
error. Each operation takes the smaller, element by element, of this and of the ball's own rule; an operation without a
rule in `FIRST_ORDER` is simply that of balls.

The form is affine arithmetic (de Figueiredo and Stolfi, Affine arithmetic: concepts and applications, Numerical
Algorithms 37, 2004) with one remainder an element, which is a Taylor model of order one (Makino and Berz, Taylor models
and other validated functional inclusion methods, Int. J. Pure Appl. Math. 4, 2003).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from xlparity.check.bound.ball import MARGIN, Ball, gamma

__all__ = [
    "FirstOrderRule", "Taylor", "coefficients", "each", "loose", "made", "plain", "with_generators",
]  # fmt: skip

# `rule(held, func, *args, **kwargs)`, where `held` is what the ball's rule gives: the result with its linear part.
FirstOrderRule = Callable[..., Any]

# What computing linear parts in float64 may lose, of the sum of their sizes: 2^16 roundings.
_SLACK = 2.0**-36


class Taylor(Ball):
    """A Ball whose elements follow the generators.

    `linear` has the shape (generators, *shape), `rest` and `spread` (the sum of the sizes of `linear`) the tensor's
    own; all are float64.
    """

    linear: Tensor
    rest: Tensor
    spread: Tensor
    first_order: ClassVar[Mapping[str, FirstOrderRule]] = {}  # the package enters them

    @staticmethod
    def __new__(cls, held: Ball, linear: Tensor, rest: Tensor, spread: Tensor) -> Taylor:
        taylor = Ball.__new__(cls, held.value, held.radius)
        assert isinstance(taylor, Taylor)
        taylor.linear, taylor.rest, taylor.spread = linear, rest, spread
        return taylor

    def __init__(self, *_args: Any, **_named: Any) -> None:
        pass

    def within(self, radius: Tensor) -> Ball:
        return made(plain(self).within(radius), self.linear, self.rest)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]  # as in Ball
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        rule, in_ball = cls.first_order.get(name), cls.rules.get(name)
        if rule is not None and in_ball is not None:
            held = in_ball(func, *tree_map(plain, args), **tree_map(plain, kwargs))
            result = rule(held, func, *args, **kwargs)
        elif in_ball is not None:
            result = in_ball(func, *args, **kwargs)  # its operations come here again, if it is made of such
        else:
            return super().__torch_dispatch__(func, types, args, kwargs)
        if name.endswith("_") and isinstance(args[0], Ball):
            _become(args[0], result)
            return args[0]
        return result


def _become(target: Ball, result: Ball) -> None:
    """Write `result` into `target`, as an operation in place does."""
    target.value.copy_(result.value)
    target.radius = result.radius
    if isinstance(target, Taylor):
        if isinstance(result, Taylor):
            target.linear, target.rest, target.spread = result.linear, result.rest, result.spread
        else:
            target.linear, target.rest = torch.zeros_like(target.linear), result.radius
            target.spread = torch.zeros_like(target.spread)


def with_generators(balls: Mapping[str, Ball]) -> dict[str, Taylor]:
    """`balls` with a generator for each of their elements whose radius is not 0."""
    count = sum(int((ball.radius != 0).sum()) for ball in balls.values())
    made_of, start = {}, 0
    for name, ball in balls.items():
        radius = ball.radius.flatten()
        places = radius.nonzero().flatten()
        linear = torch.zeros(count, radius.numel(), dtype=torch.float64)
        linear[torch.arange(start, start + len(places)), places] = radius[places]
        start += len(places)
        rest = torch.zeros_like(ball.radius)
        made_of[name] = Taylor(ball, linear.reshape(count, *ball.shape), rest, ball.radius)
    return made_of


def plain(part: Any) -> Any:
    """A Taylor as a Ball; anything else as it is."""
    return Ball(part.value, part.radius) if isinstance(part, Taylor) else part


def loose(part: Any, terms: int) -> Any:
    """An operand as a ball of its rest alone.

    The ball's rule then gives what the rests and the rounding of an operation of `terms` terms come to. A share of the
    linear part is added, for what rounding adds on both sides where the operands are not at their middles, and for what
    the computation of the linear part itself loses.
    """
    if not isinstance(part, Taylor):
        return part
    return Ball(part.value, part.rest + (_SLACK + 2 * gamma(terms, part.dtype)) * part.spread)


def coefficients(part: Any, dims: int) -> Tensor | float:
    """An operand's linear part as it broadcasts to a result of `dims` dimensions; 0 if it has none."""
    if not isinstance(part, Taylor):
        return 0.0
    linear = part.linear
    return linear.reshape(linear.shape[0], *[1] * (dims - part.dim()), *part.shape)


def each(function: Callable[..., Tensor], *linear: Tensor) -> Tensor:
    """`function`, which makes 0 of 0, of the coefficients of each generator."""
    count = len(linear[0])
    live = (
        torch.stack([one.reshape(count, one.numel() // max(count, 1)).any(1) for one in linear])
        .any(0)
        .nonzero()
        .flatten()
        .tolist()
    )
    if not live:
        return torch.zeros(count, *function(*(one.sum(0) for one in linear)).shape, dtype=torch.float64)
    made_of = [torch.as_tensor(function(*(one[at] for one in linear))) for at in live]
    result = torch.zeros(count, *made_of[0].shape, dtype=torch.float64)
    result[live] = torch.stack(made_of)
    return result


def made(held: Ball, linear: Tensor | float, rest: Tensor) -> Ball:
    """The smaller, element by element, of the ball `held` and of the Taylor model around its value."""
    if not isinstance(linear, Tensor):
        return held
    linear = linear.expand(linear.shape[0], *held.shape)
    spread = linear.abs().sum(0) * (MARGIN + linear.shape[0] * 2.0**-52)
    rest = rest.expand(held.shape) * MARGIN
    worthless = ~((rest < held.radius) & spread.isfinite())
    rest = torch.where(worthless, held.radius, rest)
    if worthless.any():
        linear, spread = torch.where(worthless, 0.0, linear), torch.where(worthless, 0.0, spread)
    if not spread.any():
        return Ball(held.value, torch.where(worthless, held.radius, rest))
    return Taylor(Ball(held.value, torch.fmin(held.radius, (spread + rest) * MARGIN)), linear, rest, spread)

"""First-order rules: the linear part of an operation's result, and what bounds the rest.

Each rule is given `held`, the result of the ball's rule, whose value and radius are right by themselves, so a rule may
leave what it does not know to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, pi, prod, sqrt
from typing import Any

import torch
from torch import Tensor

from xlparity.check.bound.ball import Ball, ends, gamma, parts, radius_of, size, value_of, wide
from xlparity.check.bound.matrix import AVERAGES
from xlparity.check.bound.shape import MOVES
from xlparity.check.bound.taylor import FirstOrderRule, Taylor, coefficients, each, loose, made, plain
from xlparity.model.table import Table

__all__ = ["FIRST_ORDER"]

FIRST_ORDER: Table[str, FirstOrderRule] = Table("first-order rules of aten operations")

_MORE = 1 + 2.0**-36  # for the rounding of a remainder


def _wide(operand: Any) -> Tensor:
    """The values of an operand in float64."""
    return wide(value_of(operand))


def _ball_rule(func: Any) -> Any:
    return Ball.rules[func.overloadpacket.__name__]


# --- operations that move elements, or sum them with weights: the linear part goes through them as values do

_AS_RESHAPE = frozenset({"view", "_unsafe_view", "_reshape_alias"})


def _mover(func: Any) -> Callable[..., Tensor]:
    if func.overloadpacket.__name__ in _AS_RESHAPE:
        return lambda one, shape, *_strides: torch.reshape(one, shape)
    return lambda one, *args, **kwargs: torch.as_tensor(func(one, *args, **kwargs))


@FIRST_ORDER.rule(*(set(MOVES) - {"as_strided", "max_unpool2d", "repeat_interleave", "broadcast_in_dim"}))
def _moved(held: Ball, func: Any, x: Taylor, *args: Any, **kwargs: Any) -> Any:
    if func.overloadpacket.__name__ in ("alias", "clone", "detach"):
        return made(held, x.linear, x.rest)
    move = _mover(func)
    return made(held, each(lambda one: move(one, *args, **kwargs), x.linear), move(x.rest, *args, **kwargs))


@FIRST_ORDER.rule("constant_pad_nd")
def _padded(held: Ball, func: Any, x: Taylor, pad: Any, _value: float = 0) -> Any:
    return made(held, each(lambda one: func(one, pad), x.linear), func(x.rest, pad))


@FIRST_ORDER.rule("neg")
def _negated(held: Ball, func: Any, x: Taylor) -> Any:
    return made(held, -x.linear, x.rest)


@FIRST_ORDER.rule("_to_copy", "to")
def _converted(held: Ball, func: Any, x: Taylor, *args: Any, **kwargs: Any) -> Any:
    if not held.dtype.is_floating_point:
        return held
    return made(held, x.linear, _ball_rule(func)(func, loose(x, 1), *args, **kwargs).radius)


@FIRST_ORDER.rule("sum", "mean", "trace", "cumsum", *AVERAGES)
def _summed(held: Ball, func: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    if not isinstance(x, Taylor):
        return held
    named = {key: value for key, value in kwargs.items() if key != "dtype"}
    others = [_wide(arg) if isinstance(arg, Tensor) else arg for arg in args]
    terms = x.numel() // max(held.numel(), 1) + 16 + 8 * max(x.shape, default=1)  # an interpolation has the most
    rest = _ball_rule(func)(func, loose(x, terms), *args, **kwargs).radius
    return made(held, each(lambda one: torch.as_tensor(func(one, *others, **named)), x.linear), rest)


@FIRST_ORDER.rule("cat", "stack")
def _joined(held: Ball, func: Any, operands: Sequence[Any], dim: int = 0) -> Any:
    count = next(one.linear.shape[0] for one in operands if isinstance(one, Taylor))
    linear = [
        one.linear if isinstance(one, Taylor) else torch.zeros(count, *one.shape, dtype=torch.float64)
        for one in operands
    ]
    rests = [one.rest if isinstance(one, Taylor) else radius_of(one) for one in operands]
    return made(held, func(linear, dim % held.dim() + 1), func(rests, dim))


@FIRST_ORDER.rule(
    "unbind", "split", "split_with_sizes", "chunk", "unbind_copy", "split_copy", "split_with_sizes_copy", "unsafe_split"
)
def _parted(held: Sequence[Ball], func: Any, x: Taylor, *args: Any, **kwargs: Any) -> Any:
    names = [argument.name for argument in func._schema.arguments]
    named = dict(zip(names[1:], args, strict=False)) | kwargs
    named["dim"] = int(named.get("dim", 0)) % x.dim() + 1  # behind that of the generators
    linear = func(x.linear, **named)
    return [made(*part) for part in zip(held, linear, func(x.rest, *args, **kwargs), strict=True)]


@FIRST_ORDER.rule("slice_scatter", "select_scatter", "diagonal_scatter")
def _replaced(held: Ball, func: Any, operand: Any, source: Any, *args: Any) -> Any:
    count = next(one.linear.shape[0] for one in (operand, source) if isinstance(one, Taylor))
    linear = [
        one.linear if isinstance(one, Taylor) else torch.zeros(count, *one.shape, dtype=torch.float64)
        for one in (operand, source)
    ]
    rests = [one.rest if isinstance(one, Taylor) else radius_of(one) for one in (operand, source)]
    return made(held, each(lambda a, b: func(a, b, *args), *linear), func(*rests, *args))


def _doubtful(*indices: Any) -> bool:
    return any(isinstance(index, Ball) and bool((index.radius != 0).any()) for index in indices)


@FIRST_ORDER.rule("gather", "take", "index_select", "embedding", "index", "_unsafe_index")
def _taken(held: Ball, func: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    indices = [one for arg in args for one in (arg if isinstance(arg, list | tuple) else [arg])]
    if not isinstance(x, Taylor) or _doubtful(*indices):
        return held
    name = func.overloadpacket.__name__
    known = [[value_of(one) for one in arg] if isinstance(arg, list | tuple) else value_of(arg) for arg in args]
    if name == "embedding":
        known = known[:1]  # the rest says how gradients are made
    return made(held, each(lambda one: func(one, *known, **kwargs), x.linear), func(x.rest, *known, **kwargs))


@FIRST_ORDER.rule("embedding_dense_backward")
def _embedding_backward(held: Ball, func: Any, gradient: Any, index: Any, *args: Any) -> Any:
    if not isinstance(gradient, Taylor) or _doubtful(index):
        return held
    at = value_of(index)
    rest = _ball_rule(func)(func, loose(gradient, at.numel()), index, *args).radius
    return made(held, each(lambda one: func(one, at, *args), gradient.linear), rest)


@FIRST_ORDER.rule("max_pool2d_with_indices", "max_pool3d_with_indices")
def _max_pool(held: tuple[Ball, Ball], func: Any, x: Taylor, *args: Any, **kwargs: Any) -> Any:
    values, places = held
    rank = 2 if "2d" in func.overloadpacket.__name__ else 3
    at = places.value.flatten(-rank)

    def taken(of: Tensor) -> Tensor:
        return of.flatten(-rank).gather(-1, at).reshape(values.shape)

    # Where it is not sure which element is the largest, the ball is all that is known.
    rest = torch.where(places.radius == 0, taken(x.rest), torch.nan)
    return made(values, each(taken, x.linear), rest), places


@FIRST_ORDER.rule("max_pool2d_with_indices_backward", "max_pool3d_with_indices_backward")
def _max_pool_backward(held: Ball, func: Any, gradient: Any, operand: Any, *args: Any) -> Any:
    *sizes, places = args
    if not isinstance(gradient, Taylor) or _doubtful(places):
        return held
    of, at = _wide(operand), value_of(places)
    rest = _ball_rule(func)(func, loose(gradient, 64), plain(operand), *args).radius
    return made(held, each(lambda one: func(one, of, *sizes, at), gradient.linear), rest)


@FIRST_ORDER.rule("amax", "amin")
def _extreme(held: Ball, func: Any, x: Taylor, dim: Any = (), keepdim: bool = False) -> Any:
    dims = [dim] if isinstance(dim, int) else list(dim)
    if len(dims) != 1 or not x.dim():
        return held
    along = dims[0]
    largest = func.overloadpacket.__name__ == "amax"
    at = (torch.argmax if largest else torch.argmin)(x.value, along, keepdim=True)
    low, high = ends(plain(x))
    winner, rivals = (low, high) if largest else (-high, -low)
    sure = (rivals >= winner.gather(along, at)).sum(along, keepdim=True) == 1

    def taken(of: Tensor) -> Tensor:
        found = of.gather(along, at)
        return found if keepdim else found.squeeze(along)

    rest = torch.where(sure, x.rest.gather(along, at), torch.nan)
    return made(held, each(taken, x.linear), rest if keepdim else rest.squeeze(along))


# --- sums and products of two


@FIRST_ORDER.rule("add", "sub", "add_", "sub_", "rsub")
def _sum_of_two(held: Ball, func: Any, left: Any, right: Any, alpha: float = 1, **kwargs: Any) -> Any:
    name = func.overloadpacket.__name__
    a, b = coefficients(left, held.dim()), coefficients(right, held.dim())
    linear = b - alpha * a if name == "rsub" else a - alpha * b if "sub" in name else a + alpha * b
    rest = _ball_rule(func)(func, loose(left, 1), loose(right, 1), alpha=alpha, **kwargs).radius
    return made(held, linear, rest)


@FIRST_ORDER.rule("mul", "mul_")
def _product(held: Ball, func: Any, left: Any, right: Any) -> Any:
    dims = held.dim()
    linear = coefficients(left, dims) * _wide(right) + coefficients(right, dims) * _wide(left)
    beyond = parts(left)[1] * parts(right)[1] * _MORE
    return made(held, linear, _ball_rule(func)(func, loose(left, 1), loose(right, 1)).radius + beyond)


@FIRST_ORDER.rule("div", "div_", "true_divide")
def _quotient(held: Ball, func: Any, left: Any, right: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is not None:
        return held
    # (a + da) / (b + db) - a/b = (da - q db) / b * (1 - db / (b + db)), with q = a/b
    dims, b, room = held.dim(), _wide(right), parts(right)[1]
    q, of_b = held.value.to(torch.float64), size(value_of(right))
    apart = torch.as_tensor(coefficients(left, dims) - q * coefficients(right, dims))
    least = of_b - room
    least = torch.where(least > 0, least, torch.nan)
    unit = gamma(1, held.dtype)
    rests = loose(left, 1), loose(right, 1)
    rest = parts(rests[0])[1] + q.abs() * parts(rests[1])[1]
    most = torch.minimum(apart.abs().sum(0) + rest, parts(left)[1] + q.abs() * room)
    rounding = unit * (2 * q.abs() + 2 * held.radius + q.abs() * room / least)
    return made(held, apart / b, (rest / of_b + most * room / (of_b * least)) * _MORE + rounding)


def _bilinear(multiply: Callable[[Any, Any], Tensor], left: Any, right: Any) -> tuple[Tensor | float, Tensor]:
    """The linear part of a product of two, and what the product of their radii adds."""
    linear: Tensor | float = 0.0
    if isinstance(left, Taylor):
        fixed = _wide(right)
        linear = linear + each(lambda one: multiply(one, fixed), left.linear)
    if isinstance(right, Taylor):
        other = _wide(left)
        linear = linear + each(lambda one: multiply(other, one), right.linear)
    return linear, _of_radii(multiply, left, right)


def _of_radii(multiply: Callable[[Any, Any], Tensor], left: Any, right: Any) -> Tensor:
    if isinstance(left, Ball) and isinstance(right, Ball):
        return multiply(left.radius.contiguous(), right.radius.contiguous()) * _MORE
    return torch.zeros((), dtype=torch.float64)


def _matrix_product(left: Any, right: Any) -> tuple[Tensor | float, Tensor]:
    """`_bilinear` of a matrix product, all generators at once."""
    linear: Tensor | float = 0.0
    if isinstance(left, Taylor):
        linear = linear + torch.matmul(left.linear, _wide(right))
    if isinstance(right, Taylor):
        a = _wide(left)
        linear = linear + (
            torch.matmul(a, right.linear) if right.dim() > 1 else torch.matmul(right.linear, a.mT if a.dim() > 1 else a)
        )
    return linear, _of_radii(torch.matmul, left, right)


@FIRST_ORDER.rule("mm", "bmm", "mv", "dot", "vdot")
def _matmul(held: Ball, func: Any, left: Any, right: Any) -> Any:
    linear, beyond = _matrix_product(left, right)
    terms = left.shape[-1]
    return made(held, linear, _ball_rule(func)(func, loose(left, terms), loose(right, terms)).radius + beyond)


@FIRST_ORDER.rule("addmm", "addmv", "baddbmm")
def _matmul_and_add(
    held: Ball, func: Any, bias: Any, left: Any, right: Any, *, beta: float = 1, alpha: float = 1
) -> Any:
    linear, beyond = _matrix_product(left, right)
    terms = left.shape[-1] + 3
    rest = _ball_rule(func)(func, *(loose(one, terms) for one in (bias, left, right)), beta=beta, alpha=alpha).radius
    return made(held, alpha * linear + beta * coefficients(bias, held.dim()), rest + abs(alpha) * beyond)


@FIRST_ORDER.rule("convolution")
def _convolution(held: Ball, func: Any, x: Any, weight: Any, bias: Any, *args: Any) -> Any:
    linear, beyond = _bilinear(lambda one, other: torch.as_tensor(func(one, other, None, *args)), x, weight)
    if isinstance(bias, Taylor):
        linear = linear + bias.linear.reshape(bias.linear.shape[0], 1, -1, *[1] * (held.dim() - 2))
    terms = prod(weight.shape[1:]) + weight.shape[0]
    rest = _ball_rule(func)(func, *(loose(one, terms) for one in (x, weight, bias)), *args).radius
    return made(held, linear, rest + beyond)


@FIRST_ORDER.rule("convolution_backward")
def _convolution_backward(
    held: Sequence[Ball | None], func: Any, gradient: Any, x: Any, weight: Any, *args: Any
) -> Any:
    of_x, of_weight = _wide(x), _wide(weight)
    terms = prod(weight.shape) + gradient.numel() // gradient.shape[1]
    rests = _ball_rule(func)(func, *(loose(one, terms) for one in (gradient, x, weight)), *args)
    linear: list[tuple[Tensor | float, Tensor]] = [(0.0, torch.zeros((), dtype=torch.float64))] * 3
    pairs = ((weight, lambda g, w: func(g, of_x, w, *args)[0]), (x, lambda g, one: func(g, one, of_weight, *args)[1]))
    for at, (other, of_both) in enumerate(pairs):
        if held[at] is not None:
            linear[at] = _bilinear(of_both, gradient, other)
    if held[2] is not None and isinstance(gradient, Taylor):
        outer = [0, *range(2, gradient.dim())]
        linear[2] = each(lambda g: g.sum(outer), gradient.linear), linear[2][1]
    return tuple(
        None if ball is None else made(ball, part, rest.radius + beyond)
        for ball, rest, (part, beyond) in zip(held, rests, linear, strict=True)
    )


# --- smooth functions of one number: the slope at the middle, and half the largest curvature times the radius squared


def _smooth(name: str, slope: Callable[[Tensor], Tensor], curvature: Callable[[Tensor, Tensor], Tensor]) -> None:
    """`slope(x)` is the derivative, `curvature(x, r)` bounds the second one's size on [x - r, x + r]."""

    def rule(held: Ball, func: Any, x: Taylor) -> Any:
        at = x.value.to(torch.float64)
        steep, bent = slope(at), curvature(at, x.radius)
        own = _ball_rule(func)(func, Ball(x.value)).radius + gamma(8, x.dtype) * held.radius
        # A slope such as 1 - tanh^2 is known to a few units of roundoff of 1, not of itself.
        rest = steep.abs() * loose(x, 8).radius + 2.0**-46 * torch.clamp(steep.abs(), max=1.0) * x.spread
        rest = rest + 2.0**-50 * x.spread + 0.5 * bent * x.radius**2
        return made(held, steep * x.linear, rest * _MORE + own)

    FIRST_ORDER.add(name, rule)


def _above(bound: Tensor) -> Tensor:
    return torch.where(bound > 0, bound, torch.nan)


def _nearest(x: Tensor, r: Tensor) -> Tensor:
    return torch.clamp(x.abs() - r, min=0)


_smooth("exp", torch.exp, lambda x, r: torch.exp(x + r))
_smooth("expm1", torch.exp, lambda x, r: torch.exp(x + r))
_smooth("exp2", lambda x: log(2) * torch.exp2(x), lambda x, r: log(2) ** 2 * torch.exp2(x + r))
_smooth("log", lambda x: 1 / x, lambda x, r: _above(x - r) ** -2)
_smooth("log1p", lambda x: 1 / (1 + x), lambda x, r: _above(1 + x - r) ** -2)
_smooth("log2", lambda x: 1 / (x * log(2)), lambda x, r: _above(x - r) ** -2 / log(2))
_smooth("log10", lambda x: 1 / (x * log(10)), lambda x, r: _above(x - r) ** -2 / log(10))
_smooth("sqrt", lambda x: 0.5 / torch.sqrt(x), lambda x, r: 0.25 * _above(x - r) ** -1.5)
_smooth("rsqrt", lambda x: -0.5 * x**-1.5, lambda x, r: 0.75 * _above(x - r) ** -2.5)
_smooth("reciprocal", lambda x: -(x**-2), lambda x, r: 2 * _above(x.abs() - r) ** -3)
_smooth("sin", torch.cos, lambda x, r: torch.clamp(torch.sin(x).abs() + r, max=1.0))
_smooth("cos", lambda x: -torch.sin(x), lambda x, r: torch.clamp(torch.cos(x).abs() + r, max=1.0))
_smooth("tanh", lambda x: torch.cosh(x) ** -2,
        lambda x, r: 2 * torch.tanh(x.abs() + r) * torch.cosh(_nearest(x, r)) ** -2)  # fmt: skip
_smooth("sigmoid", lambda x: 0.25 * torch.cosh(x / 2) ** -2,
        lambda x, r: 0.25 * torch.tanh((x.abs() + r) / 2) * torch.cosh(_nearest(x, r) / 2) ** -2)  # fmt: skip
_smooth("erf", lambda x: 2 / sqrt(pi) * torch.exp(-(x**2)),
        lambda x, r: 4 / sqrt(pi) * (x.abs() + r) * torch.exp(-(_nearest(x, r) ** 2)))  # fmt: skip


@FIRST_ORDER.rule("pow", "float_power")
def _power(held: Ball, func: Any, base: Any, exponent: Any) -> Any:
    if not (isinstance(base, Taylor) and isinstance(exponent, int | float)) or exponent == 0:
        return held
    at, r = base.value.to(torch.float64), base.radius
    most, least = at.abs() + r, at.abs() - r
    if exponent in (1, 2):
        bent = torch.full_like(r, abs(exponent * (exponent - 1)))
    else:
        reach = most if exponent > 2 else _above(least)
        bent = abs(exponent * (exponent - 1)) * reach ** (exponent - 2)
    steep = exponent * at ** (exponent - 1)
    own = _ball_rule(func)(func, Ball(base.value), exponent).radius + gamma(8, base.dtype) * held.radius
    rest = steep.abs() * loose(base, 8).radius + 0.5 * bent * r**2
    return made(held, steep * base.linear, rest * _MORE + own)


# --- functions of straight pieces, and choices


def _piecewise(
    name: str, kinks: Callable[..., Sequence[float]], slope: Callable[..., Tensor], *more_names: str
) -> None:
    """A continuous function that is straight but at `kinks(*args)`; `slope(x, *args)` elsewhere."""

    def rule(held: Ball, func: Any, x: Any, *args: Any) -> Any:
        if not isinstance(x, Taylor) or any(isinstance(arg, Tensor) for arg in args):
            return held
        call = getattr(torch.ops.aten, name)
        at = x.value.to(torch.float64)
        low, high = ends(plain(x))
        corners = [torch.full_like(at, kink) for kink in kinks(*args)]
        straight = torch.ones_like(at, dtype=torch.bool)
        for corner in corners:
            straight &= (high <= corner) | (low >= corner)
        f_at, f_low, f_high = (call(point, *args) for point in (at, low, high))
        chord = (f_high - f_low) / (high - low)
        steep = torch.where(straight, slope(at, *args).to(torch.float64), chord)
        off = torch.zeros_like(at)
        for point in (low, high, *corners):
            value = call(point, *args)
            gap = (value - f_at - steep * (point - at)).abs()
            gap = gap + 2.0**-50 * (value.abs() + f_at.abs() + steep.abs() * (point.abs() + at.abs()))
            off = torch.where((point >= low) & (point <= high), torch.maximum(off, gap), off)
        off = torch.where(straight, 0.0, off)
        own = _ball_rule(func)(func, Ball(x.value), *args).radius + gamma(2, x.dtype) * held.radius
        return made(held, steep * x.linear, steep.abs() * loose(x, 2).radius + off * _MORE + own)

    FIRST_ORDER.rule(name, *more_names)(rule)


def _limits(*limits: float | None) -> list[float]:
    return [limit for limit in limits if limit is not None]


def _between(x: Tensor, least: float | None, most: float | None) -> Tensor:
    inside = torch.ones_like(x, dtype=torch.bool)
    inside = inside if least is None else inside & (x > least)
    return inside if most is None else inside & (x < most)


_piecewise("relu", lambda: [0.0], lambda x: x > 0, "relu_")
_piecewise("abs", lambda: [0.0], torch.sign)
_piecewise("leaky_relu", lambda slope=0.01: [0.0], lambda x, slope=0.01: torch.where(x > 0, 1.0, slope), "leaky_relu_")
_piecewise("clamp", lambda min=None, max=None: _limits(min, max), lambda x, min=None, max=None: _between(x, min, max),
           "clamp_")  # fmt: skip
_piecewise("clamp_min", lambda least: [least], lambda x, least: x > least, "clamp_min_")
_piecewise("clamp_max", lambda most: [most], lambda x, most: x < most, "clamp_max_")
_piecewise("hardtanh", lambda least=-1.0, most=1.0: [least, most],
           lambda x, least=-1.0, most=1.0: _between(x, least, most))  # fmt: skip
_piecewise("relu6", lambda: [0.0, 6.0], lambda x: _between(x, 0.0, 6.0))


def _rest_of(part: Any) -> Tensor:
    return part.rest if isinstance(part, Taylor) else parts(part)[1]


@FIRST_ORDER.rule("where")
def _where(held: Ball, func: Any, condition: Any, left: Any, right: Any) -> Any:
    c, doubt = parts(condition)
    a, b = coefficients(left, held.dim()), coefficients(right, held.dim())
    rest = torch.where(c, _rest_of(left), _rest_of(right))
    if doubt.any():  # around the branch taken, with all that the other may be
        apart = (_wide(left) - _wide(right)).abs() + torch.as_tensor(a - b).abs().sum(0)
        other = torch.where(c, _rest_of(right), _rest_of(left)) + apart * _MORE
        rest = torch.where(doubt != 0, torch.maximum(rest, other), rest)
        rest = torch.where(doubt.isnan(), torch.nan, rest)
    return made(held, torch.where(c, torch.as_tensor(a), torch.as_tensor(b)), rest)


@FIRST_ORDER.rule("maximum", "minimum")
def _larger(held: Ball, func: Any, left: Any, right: Any) -> Any:
    # Both as sums, in which what the two have in common cancels.
    if func.overloadpacket.__name__ == "maximum":
        found = right + torch.relu(left - right)
    else:
        found = right - torch.relu(right - left)
    if not isinstance(found, Taylor):
        return held
    return made(held, found.linear, found.rest + size(found.value - held.value))

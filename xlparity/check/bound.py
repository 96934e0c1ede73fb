"""Rounding error bounds: a tensor that carries, with each value, how far it may be from the exact one.

A `Ball` is a tensor of values and a tensor of radii: the exact result lies within `radius` of `value`, whatever values
within the operands' balls are taken and however each operation rounds. Every aten operation that runs on it, forward
and in autograd's backward pass, takes the radius along by the rule in `RULES`; an operation without a rule is first
decomposed into core operations, and if that does not help the radius becomes NaN, which never passes.

The rules are the running error analysis of Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section
3.3, in midpoint-radius form (Rump, Fast and parallel interval arithmetic, BIT 39, 1999): a sum of n terms in any order
errs at most gamma_(n-1) = (n-1)u / (1 - (n-1)u) times the sum of the terms' sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from math import pi, sqrt
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from xlparity.model.table import Table

__all__ = ["RULES", "Ball", "allowing", "unit_roundoff"]

# One operation of torch may be two in the sheet (2/K in a cell of its own, a power instead of a product), and both
# sides round: torch once, the sheet up to twice, and a power or exponential of a library once more.
_ROUNDINGS = 4
# What the computation of the radii itself may lose by rounding, generously.
_MARGIN = 1 + 2.0**-40


# The share of a sum's terms' sizes that an engine may snap to zero, see `model.engine.Slack.cancellation`.
_CANCELLATION: ContextVar[float] = ContextVar("cancellation", default=0.0)


@contextmanager
def allowing(cancellation: float) -> Iterator[None]:
    """Radii inside allow for an engine that snaps near-zero differences to zero."""
    token = _CANCELLATION.set(cancellation)
    try:
        yield
    finally:
        _CANCELLATION.reset(token)


def unit_roundoff(dtype: torch.dtype) -> float:
    """The unit roundoff: 2^-53 for float64, 2^-24 for float32, 0 for integers and booleans."""
    return torch.finfo(dtype).eps / 2 if dtype.is_floating_point else 0.0


def _gamma(terms: int, dtype: torch.dtype) -> float:
    """The relative error of a sum of `terms` products, on both sides, and the engine's snapping."""
    nu = (_ROUNDINGS + 2 * max(terms - 1, 0)) * unit_roundoff(dtype)
    snapping = _CANCELLATION.get() if terms > 1 else 0.0
    return nu / (1 - nu) + snapping if nu < 0.5 else float("nan")


class Ball(Tensor):
    """A tensor whose elements are known to within `radius` (float64, same shape)."""

    value: Tensor
    radius: Tensor

    @staticmethod
    def __new__(cls, value: Tensor, radius: Tensor | None = None, requires_grad: bool = False) -> Ball:
        ball = Tensor._make_wrapper_subclass(
            cls, value.shape, dtype=value.dtype, device=value.device, strides=value.stride(),
            storage_offset=value.storage_offset(), requires_grad=requires_grad,
        )  # fmt: skip
        ball.value = value.detach()
        ball.radius = torch.zeros(value.shape, dtype=torch.float64) if radius is None else radius.detach()
        return ball

    def __init__(self, value: Tensor, radius: Tensor | None = None, requires_grad: bool = False) -> None:
        pass

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]  # torch leaves it untyped
        return f"Ball({self.value!r} ± {self.radius!r})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]  # torch's own annotation lacks `func`
        kwargs = kwargs or {}
        rule = RULES.get(func.overloadpacket.__name__)
        if rule is not None:
            result = rule(func, *args, **kwargs)
            if func.overloadpacket.__name__.endswith("_") and isinstance(args[0], Ball):
                args[0].value.copy_(result.value)
                args[0].radius = result.radius
                return args[0]
            return result
        composite = func.decompose(*args, **kwargs)
        if composite is not NotImplemented:
            return composite
        decomposition = _decompositions().get(func)
        if decomposition is not None:
            return decomposition(*args, **kwargs)
        plain = tree_map(lambda part: part.value if isinstance(part, Ball) else part, (args, kwargs))
        return tree_map(_unknown, func(*plain[0], **plain[1]))


@cache
def _decompositions() -> dict[Any, Callable[..., Any]]:
    from torch._decomp import decomposition_table  # noqa: PLC0415 - slow to import, needed for few operations

    return dict(decomposition_table)


def _unknown(part: Any) -> Any:
    if isinstance(part, Tensor):
        return Ball(part, torch.full(part.shape, float("nan"), dtype=torch.float64))
    return part


Rule = Callable[..., Any]
RULES: Table[str, Rule] = Table("rounding error rules of aten operations")


def _parts(operand: Any) -> tuple[Any, Any]:
    """Value and radius of an operand, which may be a Ball, a tensor or a number."""
    if isinstance(operand, Ball):
        return operand.value, operand.radius
    return operand, torch.zeros((), dtype=torch.float64)


def _size(value: Any) -> Tensor:
    """|value| in float64."""
    return torch.as_tensor(value).to(torch.float64).abs()


def _rounded(value: Tensor, radius: Tensor, terms: int = 1) -> Ball:
    """The ball of a result: the operands' share `radius` and the operation's own rounding."""
    own = _gamma(terms, value.dtype) * _size(value)
    return Ball(value, ((radius + own) * _MARGIN).expand(value.shape))


# Operations that move values and compute none: the radius moves along.
_STRUCTURAL = (
    "view _unsafe_view reshape t transpose permute expand unsqueeze squeeze slice select clone detach alias "
    "as_strided contiguous flip roll narrow unfold slice_backward select_backward diagonal tril triu gather "
    "index_select repeat constant_pad_nd lift_fresh broadcast_in_dim conj_physical"
).split()


@RULES.rule(*_STRUCTURAL)
def _structural(func: Any, operand: Any, *args: Any, **kwargs: Any) -> Any:
    value, radius = _parts(operand)
    return Ball(func(value, *args, **kwargs), func(radius, *args, **kwargs))


@RULES.rule("cat", "stack")
def _joined(func: Any, operands: Any, *args: Any, **kwargs: Any) -> Any:
    parts = [_parts(operand) for operand in operands]
    radii = [radius.expand(value.shape) for value, radius in parts]
    return Ball(func([value for value, _ in parts], *args, **kwargs), func(radii, *args, **kwargs))


@RULES.rule("unbind", "split", "split_with_sizes", "chunk")
def _parted(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    values, radii = func(operand.value, *args, **kwargs), func(operand.radius, *args, **kwargs)
    return [Ball(value, radius) for value, radius in zip(values, radii, strict=True)]


@RULES.rule("ones_like", "zeros_like", "full_like", "new_zeros", "new_ones", "new_full", "empty_like", "new_empty")
def _exact(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    value = func(operand.value, *args, **kwargs)
    return Ball(torch.zeros_like(value) if "empty" in func.overloadpacket.__name__ else value)


@RULES.rule("_to_copy", "to")
def _converted(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    value = func(operand.value, *args, **kwargs)
    exact = torch.equal(value.to(torch.float64), operand.value.to(torch.float64))
    rounding = 0.0 if exact else unit_roundoff(value.dtype)
    return Ball(value, operand.radius + rounding * _size(value))


@RULES.rule("copy_", "copy")
def _copied(func: Any, _target: Any, source: Any, *args: Any, **kwargs: Any) -> Any:
    value, radius = _parts(source)
    return Ball(value.clone(), radius.clone())


@RULES.rule("add", "sub", "add_", "sub_", "rsub")
def _sum_of_two(func: Any, left: Any, right: Any, alpha: float = 1, **_kwargs: Any) -> Any:
    (a, ra), (b, rb) = _parts(left), _parts(right)
    if func.overloadpacket.__name__ == "rsub":
        (a, ra), (b, rb) = (b, rb), (a, ra)
    subtract = "sub" in func.overloadpacket.__name__
    b, rb = (b if alpha == 1 else b * alpha), rb * abs(alpha)
    value = a - b if subtract else a + b
    snapping = _CANCELLATION.get() * (_size(a) + _size(b))
    return _rounded(torch.as_tensor(value), ra + rb + snapping)


@RULES.rule("mul", "mul_")
def _product(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = _parts(left), _parts(right)
    return _rounded(torch.as_tensor(a * b), _size(a) * rb + _size(b) * ra + ra * rb)


@RULES.rule("div", "div_")
def _quotient(func: Any, left: Any, right: Any, rounding_mode: str | None = None) -> Any:
    (a, ra), (b, rb) = _parts(left), _parts(right)
    if rounding_mode is not None:
        return _unknown(torch.div(a, b, rounding_mode=rounding_mode))
    value = torch.as_tensor(a / b)
    away = _size(b) - rb
    radius = (ra + _size(value) * rb) / torch.where(away > 0, away, torch.nan)
    return _rounded(value, radius)


@RULES.rule("neg")
def _negated(func: Any, operand: Ball) -> Any:
    return Ball(-operand.value, operand.radius)


@RULES.rule("abs")
def _absolute(func: Any, operand: Ball) -> Any:
    return Ball(func(operand.value), operand.radius)  # 1-Lipschitz and exact


@RULES.rule("relu")
def _relu(func: Any, operand: Ball) -> Any:
    # Exactly 0 wherever the whole ball is negative: the backward pass asks the output whether it is.
    return Ball(
        func(operand.value),
        torch.clamp(operand.value.to(torch.float64) + operand.radius, min=0).clamp(max=operand.radius),
    )


@RULES.rule("sign", "sgn")
def _sign(func: Any, operand: Ball) -> Any:
    sure = _size(operand.value) > operand.radius
    exact = sure | ((operand.value == 0) & (operand.radius == 0))
    return Ball(func(operand.value), torch.where(exact, 0.0, 2.0))


@RULES.rule("pow")
def _power(func: Any, base: Any, exponent: Any) -> Any:
    if isinstance(base, Ball) and isinstance(exponent, int | float):
        size, r = _size(base.value), base.radius
        value = base.value**exponent
        if exponent == 0:
            return Ball(value)
        at = size + r if exponent >= 1 else size - r
        sure = (base.value > 0) | (torch.tensor(float(exponent).is_integer() and exponent > 0))
        slope = abs(exponent) * torch.where(at > 0, at, torch.where(sure & (r == 0), at, torch.nan)) ** (exponent - 1)
        share = torch.where(r == 0, torch.zeros_like(r), slope * r)
        return _rounded(value, share)
    # x ** y = exp(y ln x)
    return torch.exp(exponent * torch.log(torch.as_tensor(base)))


def _entry(name: str, slope: Callable[[Tensor, Tensor], Tensor]) -> None:
    """A rule for a differentiable function of one argument: `slope(x, r)` bounds |f'| on [x - r, x + r]."""

    def rule(func: Any, operand: Ball) -> Any:
        x, r = operand.value.to(torch.float64), operand.radius
        share = torch.where(r == 0, torch.zeros_like(r), slope(x, r) * r)
        return _rounded(func(operand.value), share)

    RULES.add(name, rule)


def _positive(bound: Tensor) -> Tensor:
    """`bound` where it is above 0, NaN (no bound) elsewhere."""
    return torch.where(bound > 0, bound, torch.nan)


def _nearest_to_zero(x: Tensor, r: Tensor) -> Tensor:
    return torch.clamp(x.abs() - r, min=0)


_entry("exp", lambda x, r: torch.exp(x + r))
_entry("expm1", lambda x, r: torch.exp(x + r))
_entry("log", lambda x, r: 1 / _positive(x - r))
_entry("log2", lambda x, r: 1.4427 / _positive(x - r))
_entry("log10", lambda x, r: 0.4343 / _positive(x - r))
_entry("log1p", lambda x, r: 1 / _positive(1 + x - r))
_entry("sqrt", lambda x, r: 0.5 / torch.sqrt(_positive(x - r)))
_entry("rsqrt", lambda x, r: 0.5 * _positive(x - r) ** -1.5)
_entry("reciprocal", lambda x, r: _positive(x.abs() - r) ** -2)
_entry("sin", lambda x, r: torch.ones_like(x))
_entry("cos", lambda x, r: torch.ones_like(x))
_entry("sinh", lambda x, r: torch.cosh(x.abs() + r))
_entry("cosh", lambda x, r: torch.sinh(x.abs() + r))
_entry("tanh", lambda x, r: 1 / torch.cosh(_nearest_to_zero(x, r)) ** 2)
_entry("sigmoid", lambda x, r: 0.25 / torch.cosh(_nearest_to_zero(x, r) / 2) ** 2)
_entry("erf", lambda x, r: 2 / sqrt(pi) * torch.exp(-(_nearest_to_zero(x, r) ** 2)))


def _matrix_product(a: Tensor, ra: Tensor, b: Tensor, rb: Tensor) -> tuple[Tensor, Tensor]:
    """|A||B| and the share of the operands' radii in A @ B, for any ranks that matmul takes."""
    sa, sb = _size(a), _size(b)
    ra, rb = ra.expand(a.shape), rb.expand(b.shape)
    return sa @ sb, sa @ rb + ra @ sb + ra @ rb


@RULES.rule("mm", "bmm", "mv", "dot")
def _matmul(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = _parts(left), _parts(right)
    value = func(a, b)
    sizes, radius = _matrix_product(a, ra, b, rb)
    return Ball(value, (radius + _gamma(a.shape[-1], value.dtype) * sizes) * _MARGIN)


@RULES.rule("addmm", "addmv", "baddbmm")
def _matmul_and_add(func: Any, bias: Any, left: Any, right: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    (c, rc), (a, ra), (b, rb) = _parts(bias), _parts(left), _parts(right)
    value = func(c, a, b, beta=beta, alpha=alpha)
    sizes, radius = _matrix_product(a, ra, b, rb)
    sizes = abs(alpha) * sizes + abs(beta) * _size(c)
    radius = abs(alpha) * radius + abs(beta) * rc
    return Ball(value, (radius + _gamma(a.shape[-1] + 1, value.dtype) * sizes) * _MARGIN)


def _terms(value: Tensor, result: Tensor) -> int:
    return max(value.numel() // max(result.numel(), 1), 1)


@RULES.rule("sum", "mean")
def _sum(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    result = func(operand.value, *args, **kwargs)
    sizes = func(_size(operand.value), *args, **kwargs)
    radius = func(operand.radius, *args, **kwargs)
    return Ball(result, (radius + _gamma(_terms(operand.value, result), result.dtype) * sizes) * _MARGIN)


@RULES.rule("var")
def _variance(func: Any, operand: Ball, dim: Any = None, correction: float | None = None, **kwargs: Any) -> Any:
    dims = tuple(range(operand.dim())) if dim is None else dim
    keepdim = kwargs.get("keepdim", False)
    n = operand.numel() // max(operand.value.sum(dims).numel(), 1)
    away = operand - operand.mean(dims, keepdim=True)
    return (away * away).sum(dims, keepdim=keepdim) / (n - (1 if correction is None else correction))


@RULES.rule("scatter")
def _scattered(func: Any, operand: Any, dim: int, index: Tensor, source: Any, **kwargs: Any) -> Any:
    (value, radius), (other, r) = _parts(operand), _parts(source)
    index = index.value if isinstance(index, Ball) else index
    radii = r if isinstance(other, Tensor) and r.dim() else float(r)
    return Ball(func(value, dim, index, other), torch.scatter(radius.expand(value.shape).clone(), dim, index, radii))


@RULES.rule("cumsum")
def _running_sum(func: Any, operand: Ball, dim: int, **kwargs: Any) -> Any:
    result = func(operand.value, dim, **kwargs)
    sizes, radius = torch.cumsum(_size(operand.value), dim), torch.cumsum(operand.radius, dim)
    return Ball(result, (radius + _gamma(operand.value.shape[dim], result.dtype) * sizes) * _MARGIN)


@RULES.rule("amax", "amin")
def _extreme(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    # |max x - max y| <= max |x - y|, and so for min.
    return Ball(func(operand.value, *args, **kwargs), torch.amax(operand.radius, *args, **kwargs))


@RULES.rule("max", "min")
def _extreme_and_place(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    result = func(operand.value, *args, **kwargs)
    if isinstance(result, Tensor):
        return Ball(result, operand.radius.max())
    dim, keep = args[0], (args[1] if len(args) > 1 else kwargs.get("keepdim", False))
    return type(result)((Ball(result[0], torch.amax(operand.radius, dim, keep)), result[1]))


@RULES.rule("maximum", "minimum")
def _larger(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = _parts(left), _parts(right)
    value = func(a, b)
    return Ball(value, torch.maximum(ra, rb).expand(value.shape))


@RULES.rule("clamp", "clamp_min", "clamp_max")
def _clamped(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    return Ball(func(operand.value, *args, **kwargs), operand.radius)  # 1-Lipschitz and exact


# A comparison's radius is 1 where the operands' balls meet, that is, where the answer is not known.
@RULES.rule("eq", "ne", "lt", "le", "gt", "ge")
def _comparison(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = _parts(left), _parts(right)
    value = func(a, b)
    room = ra + rb
    unsure = (room > 0) & (_size(a - b) <= room)
    return Ball(value, unsure.to(torch.float64).expand(value.shape))


@RULES.rule("logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or", "bitwise_not")
def _logic(func: Any, *operands: Any) -> Any:
    parts = [_parts(operand) for operand in operands]
    value = func(*(part for part, _ in parts))
    radius = sum((part for _, part in parts), torch.zeros((), dtype=torch.float64))
    return Ball(value, radius.clamp(max=1).expand(value.shape))


@RULES.rule("where")
def _where(func: Any, condition: Any, left: Any, right: Any) -> Any:
    (c, rc), (a, ra), (b, rb) = _parts(condition), _parts(left), _parts(right)
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    value = torch.where(c, a, b)
    chosen = torch.where(c, ra, rb)
    other = torch.where(c, rb, ra) + _size(torch.as_tensor(a - b))
    hull = torch.where(rc > 0, torch.maximum(chosen, other), chosen)  # an undecided condition takes both branches
    return Ball(value, hull.expand(value.shape))


# Spelled out here although torch could decompose them: its table takes seconds to import.
@RULES.rule("mse_loss")
def _mse_loss(func: Any, prediction: Any, target: Any, reduction: int = 1) -> Any:
    squares = (prediction - target) ** 2
    return squares if reduction == 0 else squares.mean() if reduction == 1 else squares.sum()


@RULES.rule("mse_loss_backward")
def _mse_loss_backward(func: Any, gradient: Any, prediction: Any, target: Any, reduction: int) -> Any:
    factor = 2 / prediction.numel() if reduction == 1 else 2
    return gradient * ((prediction - target) * factor)


@RULES.rule("tanh_backward")
def _tanh_backward(func: Any, gradient: Any, output: Any) -> Any:
    return gradient * (1 - output * output)


@RULES.rule("sigmoid_backward")
def _sigmoid_backward(func: Any, gradient: Any, output: Any) -> Any:
    return gradient * ((1 - output) * output)


@RULES.rule("threshold_backward")
def _threshold_backward(func: Any, gradient: Any, output: Any, threshold: float) -> Any:
    return torch.where(output <= threshold, torch.zeros((), dtype=output.dtype), gradient)

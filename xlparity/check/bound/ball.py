"""A tensor that carries, with each value, how far it may be from the exact one; what every rule is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

__all__ = [
    "MARGIN", "Ball", "Rule", "allowing", "broadcast_shape", "cancellation", "ends", "exact", "finished", "gamma",
    "infinite_terms",
    "is_infinite", "parts", "radius_of", "rounded", "size", "unit_roundoff", "unknown", "value_of", "wide",
]  # fmt: skip

Rule = Callable[..., Any]

# One operation of torch may be two in the sheet (2/K in a cell of its own, a power instead of a product), and both
# sides round: torch once, the sheet up to twice, and a power or exponential of a library once more.
_ROUNDINGS = 4
# What the computation of the radii itself may lose by rounding, generously.
MARGIN = 1 + 2.0**-40

# The share of a sum's terms' sizes that an engine may snap to zero, see `model.engine.Slack.cancellation`.
_CANCELLATION: ContextVar[float] = ContextVar("cancellation", default=0.0)


@contextmanager
def allowing(share: float) -> Iterator[None]:
    """Radii inside allow for an engine that snaps near-zero differences to zero."""
    token = _CANCELLATION.set(share)
    try:
        yield
    finally:
        _CANCELLATION.reset(token)


def cancellation() -> float:
    """The share of a sum's terms' sizes that the engine may snap to zero."""
    return _CANCELLATION.get()


def unit_roundoff(dtype: torch.dtype) -> float:
    """The unit roundoff: 2^-53 for float64, 2^-24 for float32, 0 for integers and booleans."""
    return torch.finfo(dtype).eps / 2 if dtype.is_floating_point else 0.0


def gamma(terms: int, dtype: torch.dtype) -> float:
    """The relative error of a sum of `terms` products, on both sides, and the engine's snapping."""
    nu = (_ROUNDINGS + 2 * max(terms - 1, 0)) * unit_roundoff(dtype)
    snapping = _CANCELLATION.get() if terms > 1 else 0.0
    return nu / (1 - nu) + snapping if nu < 0.5 else float("nan")


class Ball(Tensor):
    """A tensor whose elements are known to within `radius` (float64, same shape).

    An infinite value with a radius of 0 is that infinity exactly; one that is not known to be has a radius of NaN.
    """

    value: Tensor
    radius: Tensor
    rules: ClassVar[Mapping[str, Rule]] = {}  # the package enters them

    @staticmethod
    def __new__(cls, value: Tensor, radius: Tensor | None = None) -> Ball:
        ball = Tensor._make_wrapper_subclass(
            cls, value.shape, dtype=value.dtype, device=value.device, strides=value.stride(),
            storage_offset=value.storage_offset(),
        )  # fmt: skip
        ball.value = value.detach()
        radius = torch.zeros(value.shape) if radius is None else radius.detach()
        ball.radius = radius.to(torch.float64)
        return ball

    def __init__(self, value: Tensor, radius: Tensor | None = None) -> None:
        pass

    def within(self, radius: Tensor) -> Ball:
        """The same ball, where it is known otherwise to be no wider than `radius` (NaN: nothing is known)."""
        return Ball(self.value, torch.fmin(self.radius, radius))

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]  # torch leaves it untyped
        return f"Ball({self.value!r} ± {self.radius!r})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]  # torch's own annotation lacks `func`
        kwargs = kwargs or {}
        if func.overloadpacket.__name__ in _RESHAPED_IN_PLACE:
            return _reshaped_in_place(func, *args, **kwargs)
        rule = cls.rules.get(func.overloadpacket.__name__)
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
        plain = tree_map(value_of, (args, kwargs))
        return tree_map(unknown, func(*plain[0], **plain[1]))


# What torch itself does to results of its own, for instance to a vector times a matrix.
_RESHAPED_IN_PLACE = frozenset({"squeeze_", "unsqueeze_", "t_", "transpose_"})


def _reshaped_in_place(func: Any, ball: Ball, *args: Any, **kwargs: Any) -> Ball:
    """`ball` itself with another shape; its value and radius are shaped alike."""
    ball.value, ball.radius = func(ball.value, *args, **kwargs), func(ball.radius, *args, **kwargs)
    with torch._C._DisableTorchDispatch():
        func(ball, *args, **kwargs)
    return ball


@cache
def _decompositions() -> dict[Any, Callable[..., Any]]:
    from torch._decomp import decomposition_table  # noqa: PLC0415 - needed for few operations

    return dict(decomposition_table)


def unknown(part: Any) -> Any:
    """A tensor known to within nothing; anything else as it is."""
    if isinstance(part, Tensor):
        return Ball(value_of(part), torch.full(part.shape, float("nan"), dtype=torch.float64))
    return part


def exact(part: Any) -> Any:
    """A tensor that is known exactly; anything else as it is."""
    return Ball(part) if isinstance(part, Tensor) else part


def value_of(operand: Any) -> Any:
    """The values of a Ball; anything else as it is."""
    return operand.value if isinstance(operand, Ball) else operand


def radius_of(operand: Any) -> Tensor:
    """The radius of an operand, of its shape; 0 for a plain tensor or a number."""
    if isinstance(operand, Ball):
        return operand.radius
    return torch.zeros(operand.shape if isinstance(operand, Tensor) else (), dtype=torch.float64)


def parts(operand: Any) -> tuple[Any, Tensor]:
    """Value and radius of an operand, which may be a Ball, a tensor or a number; a radius of 0 has no shape."""
    if isinstance(operand, Ball):
        return operand.value, operand.radius
    return operand, torch.zeros((), dtype=torch.float64)


def wide(value: Any) -> Tensor:
    """A tensor or a number in float64, whatever the default dtype."""
    return torch.as_tensor(value, dtype=torch.float64)


def size(value: Any) -> Tensor:
    """|value| in float64."""
    return wide(value).abs()


def is_infinite(*operands: Any) -> Tensor:
    """Where one of the operands is infinite and all of them are known."""
    found, known = torch.tensor(False), torch.tensor(True)
    for operand in operands:
        value, radius = parts(operand)
        found, known = found | wide(value).isinf(), known & ~radius.isnan()
    return found & known


def infinite_terms(value: Any) -> Tensor:
    """1 for each infinity: a sum of these says whether that of `value` has one, or has become infinite by overflow."""
    return wide(value).isinf().to(torch.float64)


def finished(value: Tensor, radius: Tensor, infinite: Tensor | bool = False) -> Ball:
    """The ball of a result; where `infinite` an infinity is exact, elsewhere it is an overflow and not known."""
    radius = (radius * MARGIN).expand(value.shape)
    if value.is_floating_point():
        at = value.isinf()
        if at.any():
            known = torch.where(torch.as_tensor(infinite), 0.0, torch.nan).to(torch.float64)
            radius = torch.where(at, known, radius)
    return Ball(value, radius)


def rounded(
    value: Tensor, radius: Tensor, terms: int = 1, infinite: Tensor | bool = False, sizes: Tensor | None = None
) -> Ball:
    """The ball of a result: the operands' share `radius` and the operation's own rounding.

    `sizes` is the sum of the terms' sizes, the value's own if there is one term. The other side may have other operands
    within their balls, and then rounds a result that is larger by as much as `radius`.
    """
    unit = gamma(terms, value.dtype)
    own = unit * (size(value) if sizes is None else sizes)
    return finished(value, radius * (1 + unit) + own, infinite)


def broadcast_shape(*operands: Tensor) -> tuple[int, ...]:
    """The shape of an elementwise result."""
    return tuple(torch.broadcast_shapes(*(one.shape for one in operands)))  # type: ignore[no-untyped-call]


def ends(operand: Ball) -> tuple[Tensor, Tensor]:
    """The least and the greatest number of each ball, in float64."""
    x, r = operand.value.to(torch.float64), operand.radius
    outward = torch.full_like(x, torch.inf)
    low, high = torch.nextafter(x - r, -outward), torch.nextafter(x + r, outward)
    return torch.where(r == 0, x, low), torch.where(r == 0, x, high)

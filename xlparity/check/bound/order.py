"""Rules of operations that compare the elements of a dimension: extremes, sorting, and the places that they name."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import torch
from torch import Tensor

from xlparity.check.bound.ball import Ball, Rule, ends, finished, radius_of, unknown
from xlparity.model.table import Table

__all__ = ["ORDER"]

ORDER: Table[str, Rule] = Table("rules of extremes and sorting")


def _hull(func: Any, operand: Ball, value: Tensor, *args: Any, **kwargs: Any) -> Ball:
    """A result that never falls when an element rises: its extremes are those of the elements."""
    if not operand.radius.any():
        return Ball(value)
    low, high = ends(operand)
    at = value.to(torch.float64)
    first, last = func(low, *args, **kwargs), func(high, *args, **kwargs)
    if not isinstance(first, Tensor):
        first, last = first[0], last[0]
    radius = torch.where(at.isinf() & (first == last), 0.0, torch.maximum(last - at, at - first))
    return finished(value, radius, first == last)


def _places(operand: Ball, dim: int | None, index: Tensor) -> Ball:
    """Indices of elements along `dim`: sure where no other element's ball meets theirs."""
    if not operand.radius.any():
        return Ball(index)
    low, high = ends(operand)
    flat = dim is None or not low.dim()
    if flat:
        low, high, at, dim = low.flatten(), high.flatten(), index.flatten(), 0
    else:
        at = index
    assert dim is not None
    count = low.shape[dim]
    order = torch.argsort(operand.value.reshape(low.shape), dim=dim, stable=True)
    sorted_low, sorted_high = low.gather(dim, order), high.gather(dim, order)
    below = sorted_high.cummax(dim).values
    above = sorted_low.flip(dim).cummin(dim).values.flip(dim)
    apart = below.narrow(dim, 0, count - 1) < above.narrow(dim, 1, count - 1)  # a gap after this one
    edge = torch.ones_like(sorted_low.narrow(dim, 0, 1), dtype=torch.bool)
    sure = torch.cat([edge, apart], dim) & torch.cat([apart, edge], dim)
    unsorted = torch.zeros_like(sure).scatter(dim, order, sure)
    at = at.unsqueeze(dim) if not flat and at.dim() < low.dim() else at
    found = unsorted.gather(dim, at).reshape(index.shape)
    return Ball(index, torch.where(found, 0.0, float(count - 1)))


@ORDER.rule("amax", "amin")
def _extreme(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    return _hull(func, operand, func(operand.value, *args, **kwargs), *args, **kwargs)


@ORDER.rule("aminmax")
def _extremes(func: Any, operand: Ball, *, dim: int | None = None, keepdim: bool = False) -> Any:
    dims = () if dim is None else (dim,)
    return torch.amin(operand, dims, keepdim), torch.amax(operand, dims, keepdim)


@ORDER.rule("max", "min", "median", "nanmedian", "kthvalue", "sort", "topk", "mode", "cummax", "cummin")
def _ordered(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    result = func(operand.value, *args, **kwargs)
    if isinstance(result, Tensor):
        return _hull(func, operand, result, *args, **kwargs)
    schema = func._schema.arguments[1:]
    named = {one.name: one.default_value for one in schema if one.has_default_value()}
    named |= {one.name: arg for one, arg in zip(schema, args, strict=False)} | kwargs
    values, indices = result
    name = func.overloadpacket.__name__
    if (name == "mode" or (name == "nanmedian" and operand.value.isnan().any())) and operand.radius.any():
        return unknown(values), unknown(indices)
    held = _hull(func, operand, values, *args, **kwargs)
    if name in ("cummax", "cummin"):
        doubt = torch.full_like(operand.radius, operand.numel())
        return held, Ball(indices, doubt if operand.radius.any() else None)
    return held, _places(operand, named["dim"], indices)


@ORDER.rule("argmax", "argmin", "argsort")
def _place(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    index = func(operand.value, *args, **kwargs)
    schema = func._schema.arguments[1:]
    named = {one.name: one.default_value for one in schema if one.has_default_value()}
    named |= {one.name: arg for one, arg in zip(schema, args, strict=False)} | kwargs
    return _places(operand, named["dim"], index)


def _windows(x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, out: Any) -> Tensor:
    """(..., *out, *kernel): the elements under each place of a kernel, -inf outside."""
    rank = len(out)
    kernel, padding, dilation = (_all(of, rank) for of in (kernel, padding, dilation))
    stride = _all(stride, rank) if len(stride) else kernel
    lead = x.dim() - rank
    pad: list[int] = []
    for at in reversed(range(rank)):
        reach = (out[at] - 1) * stride[at] + (kernel[at] - 1) * dilation[at] + 1
        pad += [padding[at], max(reach - x.shape[lead + at] - padding[at], 0)]
    x = torch.constant_pad_nd(x, pad, -torch.inf)
    for at in range(rank):
        x = x.unfold(lead + at, (kernel[at] - 1) * dilation[at] + 1, stride[at]).narrow(lead + at, 0, out[at])
        x = x[..., :: dilation[at]]
    return x


def _all(of: Any, rank: int) -> list[int]:
    each: list[int] = [of] if isinstance(of, int) else list(of)
    return each * rank if len(each) == 1 else each


@ORDER.rule("max_pool2d_with_indices", "max_pool3d_with_indices")
def _max_pool(
    func: Any,
    operand: Ball,
    kernel: Any,
    stride: Any = (),
    padding: Any = (0,),
    dilation: Any = (1,),
    ceil: bool = False,
) -> Any:
    values, indices = func(operand.value, kernel, list(stride), padding, dilation, ceil)
    if not operand.radius.any():
        return Ball(values), Ball(indices)
    held = _hull(func, operand, values, kernel, list(stride), padding, dilation, ceil)
    rank = 2 if "2d" in func.overloadpacket.__name__ else 3
    low, high = ends(operand)
    flat = low.flatten(-rank)
    winner = flat.gather(-1, indices.flatten(-rank)).reshape(values.shape)
    rivals = _windows(high, kernel, stride, padding, dilation, values.shape[-rank:])
    sure = (rivals >= winner[(..., *[None] * rank)]).flatten(-rank).sum(-1) == 1
    return held, Ball(indices, torch.where(sure, 0.0, float(flat.shape[-1])))


@ORDER.rule("max_pool2d_with_indices_backward", "max_pool3d_with_indices_backward")
def _max_pool_backward(
    func: Any,
    gradient: Any,
    operand: Any,
    kernel: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil: bool,
    indices: Any,
) -> Any:
    rank = 2 if "2d" in func.overloadpacket.__name__ else 3
    value = gradient.value if isinstance(gradient, Ball) else gradient
    places = indices.value if isinstance(indices, Ball) else indices
    radius = radius_of(gradient)
    shape = operand.shape
    summed = torch.zeros([*shape[:-rank], prod(shape[-rank:])], dtype=torch.float64)
    at = places.flatten(-rank)
    # Windows that overlap add their gradients.
    result = torch.ops.aten.scatter_add.default(
        Ball(summed.to(value.dtype)), -1, at, Ball(value, radius).flatten(-rank)
    ).reshape(shape)
    doubt = radius_of(indices)
    if not doubt.any():
        return result
    if rank == 3 or any(step != 1 for step in _all(dilation, rank)):
        return unknown(result)
    # A window that does not know its largest element may give its gradient to any of them.
    loose = torch.where(doubt != 0, value.to(torch.float64).abs() + radius, 0.0)
    own = _all(kernel, rank)
    spread = torch.ops.aten.avg_pool2d_backward.default(
        loose, operand.to(torch.float64) if not isinstance(operand, Ball) else operand.value.to(torch.float64), own,
        _all(stride, rank) if len(stride) else own, _all(padding, rank), ceil, True, 1,
    )  # fmt: skip
    return Ball(result.value, result.radius + spread)


def _reach(place: Any, inside: Any, out: Any) -> list[slice]:
    """The elements that an adaptive pool takes for one place of its output."""
    return [slice(k * n // m, -(-(k + 1) * n // m)) for k, n, m in zip(place, inside, out, strict=True)]


@ORDER.rule("adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive_max_pool(func: Any, operand: Ball, size: Any) -> Any:
    values, indices = func(operand.value, size)
    if not operand.radius.any():
        return Ball(values), Ball(indices)
    rank = 2 if "2d" in func.overloadpacket.__name__ else 3
    low, high = ends(operand)
    winner = low.flatten(-rank).gather(-1, indices.flatten(-rank)).reshape(values.shape)
    doubt = torch.zeros(values.shape, dtype=torch.float64)
    inside, out = operand.shape[-rank:], values.shape[-rank:]
    for place in product(*map(range, out)):
        here: Any = (..., *place)
        window: Any = (..., *_reach(place, inside, out))
        rivals = high[window].flatten(-rank) >= winner[here][..., None]
        doubt[here] = torch.where(rivals.sum(-1) == 1, 0.0, float(prod(inside)))
    return _hull(func, operand, values, size), Ball(indices, doubt)


@ORDER.rule("adaptive_max_pool2d_backward", "adaptive_max_pool3d_backward")
def _adaptive_max_pool_backward(func: Any, gradient: Any, operand: Any, indices: Any) -> Any:
    rank = 2 if "2d" in func.overloadpacket.__name__ else 3
    shape, inside, out = operand.shape, operand.shape[-rank:], indices.shape[-rank:]
    held = gradient if isinstance(gradient, Ball) else Ball(gradient)
    places = indices.value if isinstance(indices, Ball) else indices
    zeros = torch.zeros([*shape[:-rank], prod(inside)], dtype=gradient.dtype)
    flat = places.flatten(-rank), held.flatten(-rank)
    result = torch.ops.aten.scatter_add.default(Ball(zeros), -1, *flat).reshape(shape)
    doubt = radius_of(indices)
    if not doubt.any():
        return result
    loose = torch.where(doubt != 0, held.value.to(torch.float64).abs() + held.radius, 0.0)
    radius = result.radius.clone()
    for place in product(*map(range, out)):
        window: Any = (..., *_reach(place, inside, out))
        here: Any = (..., *place)
        radius[window] += loose[here].reshape(*loose[here].shape, *[1] * rank)  # any of its elements may be the largest
    return Ball(result.value, radius)

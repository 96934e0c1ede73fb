"""Rules of operations that take and put elements by index, whose indices may themselves be doubtful."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from xlparity.check.bound.ball import (
    Ball,
    Rule,
    broadcast_shape,
    ends,
    finished,
    gamma,
    infinite_terms,
    parts,
    radius_of,
    rounded,
    size,
    unknown,
    value_of,
)
from xlparity.model.table import Table

__all__ = ["INDEX"]

INDEX: Table[str, Rule] = Table("rules of operations that take and put by index")


def _spread(operand: Any, dim: int | None) -> Tensor:
    """How far any two elements of a dimension may be apart."""
    ball = operand if isinstance(operand, Ball) else Ball(operand)
    low, high = ends(ball)
    if dim is None or not low.dim():
        return high.max() - low.min()
    return high.amax(dim, keepdim=True) - low.amin(dim, keepdim=True)


def _doubtful(index: Any) -> bool:
    return isinstance(index, Ball) and bool((index.radius != 0).any())


@INDEX.rule("gather", "take_along_dim")
def _gathered(func: Any, operand: Any, *args: Any, **kwargs: Any) -> Any:
    (at,) = (k for k, arg in enumerate(args) if isinstance(arg, Tensor))
    index = args[at]
    plain = [*args[:at], value_of(index), *args[at + 1 :]]
    value, radius = func(value_of(operand), *plain, **kwargs), func(radius_of(operand), *plain, **kwargs)
    if _doubtful(index):
        dim = next((arg for arg in args if isinstance(arg, int)), None)
        radius = _where_doubtful(index.radius, radius, _spread(operand, dim))
    return Ball(value, radius)


def _where_doubtful(doubt: Tensor, sure: Tensor, spread: Tensor) -> Tensor:
    return torch.where(doubt == 0, sure, torch.where(doubt.isnan(), torch.nan, spread)).expand(sure.shape)


@INDEX.rule("take")
def _taken(func: Any, operand: Any, index: Any) -> Any:
    value, radius = func(value_of(operand), value_of(index)), func(radius_of(operand), value_of(index))
    if _doubtful(index):
        radius = _where_doubtful(index.radius, radius, _spread(operand, None))
    return Ball(value, radius)


@INDEX.rule("index_select")
def _selected(func: Any, operand: Any, dim: int, index: Any) -> Any:
    value, radius = func(value_of(operand), dim, value_of(index)), func(radius_of(operand), dim, value_of(index))
    if _doubtful(index):
        shape = [1] * radius.dim()
        shape[dim] = -1
        radius = _where_doubtful(index.radius.reshape(shape), radius, _spread(operand, dim))
    return Ball(value, radius)


@INDEX.rule("embedding")
def _embedded(func: Any, weight: Any, index: Any, *args: Any) -> Any:
    value, radius = func(value_of(weight), value_of(index)), func(radius_of(weight), value_of(index))
    if _doubtful(index):
        radius = _where_doubtful(index.radius[..., None], radius, _spread(weight, 0)[0])
    return Ball(value, radius)


@INDEX.rule("_embedding_bag", "_embedding_bag_forward_only")
def _bagged(func: Any, weight: Any, index: Any, offsets: Any, *args: Any, **kwargs: Any) -> Any:
    names = [argument.name for argument in func._schema.arguments]
    named = dict(zip(names[3:], args, strict=False)) | kwargs
    factors = named.pop("per_sample_weights", None)
    plain, starts = value_of(index), value_of(offsets)

    def bags(of: Tensor, by: Any) -> Any:
        return func(of, plain, starts, **named, per_sample_weights=by)

    results = bags(value_of(weight), value_of(factors))
    (w, r), value = parts(weight), results[0]
    if _doubtful(index) or _doubtful(offsets):
        return (unknown(value), *results[1:])
    r = r.expand(w.shape).contiguous()
    if named.get("mode", 0) == 2:  # the largest of each bag
        low, high = (bags(end, None)[0] for end in ends(Ball(w, r)))
        at = value.to(torch.float64)
        return (finished(value, torch.maximum(high - at, at - low)), *results[1:])
    by = None if factors is None else size(value_of(factors))
    radius, sizes = bags(r, by)[0], bags(size(w), by)[0]
    if isinstance(factors, Ball):
        radius = radius + bags(size(w) + r, factors.radius)[0]
    return (rounded(value, radius, plain.numel() + 2, sizes=sizes), *results[1:])


@INDEX.rule("index", "_unsafe_index")
def _indexed(func: Any, operand: Any, indices: Any) -> Any:
    plain = [value_of(index) for index in indices]
    value, radius = func(value_of(operand), plain), func(radius_of(operand), plain)
    if any(_doubtful(index) for index in indices):
        given = [index for index in indices if index is not None]
        # A doubtful mask leaves open how many elements there are.
        if any(one.dtype == torch.bool for one in given) or value.dim() != len(broadcast_shape(*given)):
            return unknown(value)
        # Where an index is in doubt, any element of the whole may be meant.
        doubt = sum((radius_of(index) for index in given), torch.zeros((), dtype=torch.float64))
        radius = _where_doubtful(doubt, radius, _spread(operand, None))
    return Ball(value, radius)


@INDEX.rule("scatter", "index_copy", "index_fill", "put")
def _put(func: Any, operand: Any, *args: Any, **kwargs: Any) -> Any:
    """Elements replaced by others; `put` may also add them, as its third argument says (never its default)."""
    if kwargs.get("reduce") is not None or (func.overloadpacket.__name__ == "put" and len(args) > 2):
        return _summed(func, operand, *args, **kwargs)
    values = [value_of(arg) for arg in args]
    result = func(value_of(operand), *values, **kwargs)
    # The last argument is what is put, the one before it the index.
    radii = [*values[:-1], radius_of(args[-1]) if isinstance(args[-1], Tensor) else 0.0]
    radius = func(radius_of(operand), *radii, **kwargs)
    indices = [arg for arg in args[:-1] if isinstance(arg, Tensor) and not arg.is_floating_point()]
    return Ball(result, torch.full_like(radius, torch.nan) if any(map(_doubtful, indices)) else radius)


@INDEX.rule("scatter_add", "index_add")
def _summed(func: Any, operand: Any, *args: Any, **kwargs: Any) -> Any:
    if kwargs.get("reduce") not in (None, "add"):
        return Ball(
            func(value_of(operand), *map(value_of, args), **kwargs),
            torch.full(operand.shape, torch.nan, dtype=torch.float64),
        )
    position = next(k for k in reversed(range(len(args))) if isinstance(args[k], Tensor))
    index = next(arg for arg in args if isinstance(arg, Tensor))
    source = args[position]
    plain = [value_of(arg) for arg in args]
    alpha = {"alpha": abs(kwargs["alpha"])} if "alpha" in kwargs else {}

    def with_source(start: Tensor, other: Tensor, **more: Any) -> Tensor:
        return torch.Tensor(func(start, *plain[:position], other, *plain[position + 1 :], **more))

    result = func(value_of(operand), *plain, **kwargs)
    sizes = with_source(size(value_of(operand)), size(value_of(source)), **alpha)
    radius = with_source(radius_of(operand), radius_of(source), **alpha)
    counts = with_source(torch.ones(operand.shape, dtype=torch.float64), torch.ones(source.shape, dtype=torch.float64))
    terms = int(counts.max().item()) if counts.numel() else 1
    if _doubtful(index):
        radius = torch.full_like(radius, torch.nan)
    infinite = with_source(infinite_terms(value_of(operand)), infinite_terms(value_of(source))) > 0
    return rounded(result, radius, terms, infinite & ~radius.isnan(), sizes)


@INDEX.rule("scatter_reduce", "index_reduce")
def _reduced(
    func: Any, operand: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Any:
    plain = value_of(index)

    def reduced(start: Tensor, other: Tensor, how: str) -> Tensor:
        return torch.as_tensor(func(start, dim, plain, other, how, include_self=include_self))

    result = reduced(value_of(operand), value_of(source), reduce)
    if _doubtful(index):
        return unknown(result)
    terms = operand.shape[dim] + source.shape[dim] if operand.dim() else 2
    if reduce in ("amax", "amin"):
        first, second = (ends(one if isinstance(one, Ball) else Ball(one)) for one in (operand, source))
        at = result.to(torch.float64)
        low, high = (reduced(first[k], second[k], reduce) for k in (0, 1))
        return finished(result, torch.maximum(high - at, at - low), low == high)
    sizes = reduced(size(value_of(operand)), size(value_of(source)), reduce)
    if reduce == "prod":
        reach = reduced(
            size(value_of(operand)) + radius_of(operand), size(value_of(source)) + radius_of(source), reduce
        )
        share = torch.where(reach == sizes, 0.0, reach - sizes + gamma(terms, torch.float64) * (reach + sizes))
    else:
        share = reduced(radius_of(operand), radius_of(source), reduce)
    return rounded(result, share, terms, sizes=sizes)


@INDEX.rule("index_put", "_unsafe_index_put", "index_put_")
def _put_by_indices(func: Any, operand: Any, indices: Any, source: Any, accumulate: bool = False) -> Any:
    plain = [value_of(index) for index in indices]
    call = torch.ops.aten.index_put.default
    result = call(value_of(operand), plain, value_of(source), accumulate)
    radius = call(radius_of(operand), plain, radius_of(source), accumulate)
    if any(map(_doubtful, indices)):
        radius = torch.full_like(radius, torch.nan)
    if not accumulate:
        return Ball(result, radius)
    sizes = call(size(value_of(operand)), plain, size(value_of(source)), True)
    ones = torch.ones((), dtype=torch.float64)
    counts = call(torch.ones(operand.shape, dtype=torch.float64), plain, ones, True)
    terms = int(counts.max().item()) if counts.numel() else 1
    infinite = call(infinite_terms(value_of(operand)), plain, infinite_terms(value_of(source)), True) > 0
    return rounded(result, radius, terms, infinite & ~radius.isnan(), sizes)


@INDEX.rule("masked_fill")
def _masked_fill(func: Any, operand: Any, mask: Any, value: Any) -> Any:
    value = value if isinstance(value, Tensor) else torch.tensor(value, dtype=operand.dtype)
    return torch.where(mask, value.to(operand.dtype), operand)


@INDEX.rule("masked_scatter")
def _masked_scatter(func: Any, operand: Any, mask: Any, source: Any) -> Any:
    value = func(value_of(operand), value_of(mask), value_of(source))
    radius = func(radius_of(operand), value_of(mask), radius_of(source))
    return Ball(value, torch.full_like(radius, torch.nan) if _doubtful(mask) else radius)


@INDEX.rule("embedding_dense_backward")
def _embedding_backward(func: Any, gradient: Any, index: Any, count: int, padding: int, by_count: bool) -> Any:
    (g, r), plain = parts(gradient), value_of(index)

    def summed(of: Tensor) -> Tensor:
        return torch.Tensor(func(of, plain, count, padding, by_count))

    result = summed(g)
    sizes, radius = summed(size(g)), summed(r.expand(g.shape).contiguous())
    terms = int(torch.bincount(plain.flatten(), minlength=1).max().item()) if plain.numel() else 1
    if _doubtful(index):
        radius = torch.full_like(radius, torch.nan)
    return rounded(result, radius, terms + by_count, (summed(infinite_terms(g)) > 0) & ~radius.isnan(), sizes)

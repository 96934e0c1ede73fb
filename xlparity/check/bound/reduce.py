"""Rules of sums, products and what is made of them over dimensions."""

from __future__ import annotations

from math import frexp, prod
from typing import Any

import torch
from torch import Tensor

from xlparity.check.bound.ball import Ball, Rule, ends, finished, gamma, infinite_terms, rounded, size
from xlparity.model.table import Table

__all__ = ["REDUCE"]

REDUCE: Table[str, Rule] = Table("rules of sums and products over dimensions")


def _terms(value: Tensor, result: Tensor) -> int:
    return value.numel() // max(result.numel(), 1)


@REDUCE.rule("sum", "mean", "nansum", "trace")
def _sum(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    result = func(operand.value, *args, **kwargs)
    sizes = func(size(operand.value), *args)
    radius = func(operand.radius, *args)
    if func.overloadpacket.__name__ == "nansum":
        radius = torch.where(func(operand.radius.isnan().to(torch.float64), *args) > 0, torch.nan, radius)
    infinite = (func(infinite_terms(operand.value), *args) > 0) & ~radius.isnan()
    return rounded(result, radius, _terms(operand.value, result), infinite, sizes)


@REDUCE.rule("cumsum")
def _running_sum(func: Any, operand: Ball, dim: int, **kwargs: Any) -> Any:
    result = func(operand.value, dim, **kwargs)
    sizes, radius = torch.cumsum(size(operand.value), dim), torch.cumsum(operand.radius, dim)
    terms = operand.value.shape[dim] if operand.dim() else 1
    infinite = (torch.cumsum(infinite_terms(operand.value), dim) > 0) & ~radius.isnan()
    return rounded(result, radius, terms, infinite, sizes)


@REDUCE.rule("prod", "cumprod")
def _product(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    result = func(operand.value, *args, **kwargs)
    sizes = func(size(operand.value), *args)
    reach = func(size(operand.value) + operand.radius, *args)
    whole = func.overloadpacket.__name__ == "prod"
    terms = _terms(operand.value, result) if whole else (operand.shape[args[0]] if operand.dim() else 1)
    # The two products round as well.
    share = torch.where(reach == sizes, 0.0, reach - sizes + gamma(terms, torch.float64) * (reach + sizes))
    return rounded(result, share, terms, sizes=sizes)


def _options(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """All arguments after the first by name, with their defaults."""
    schema = func._schema.arguments[1:]
    named = {one.name: one.default_value for one in schema if one.has_default_value()}
    return named | {one.name: arg for one, arg in zip(schema, args, strict=False)} | kwargs


def _variance_and_mean(func: Any, operand: Ball, args: Any, kwargs: Any) -> tuple[Any, Any]:
    options = _options(func, args, kwargs)
    dims = options.get("dim")
    dims = (
        tuple(range(operand.dim())) if dims is None or dims == [] else (dims,) if isinstance(dims, int) else tuple(dims)
    )
    correction = options.get("correction", options.get("unbiased"))
    n = prod(operand.shape[dim] for dim in dims) if operand.dim() else 1
    mean = operand.mean(dims, keepdim=True)
    away = operand - mean
    keep = bool(options.get("keepdim"))
    variance = (away * away).sum(dims, keepdim=keep) / max(n - (1 if correction is None else correction), 0)
    return variance, mean.reshape(variance.shape)


@REDUCE.rule("var")
def _variance(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    return _variance_and_mean(func, operand, args, kwargs)[0]


@REDUCE.rule("std")
def _deviation(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    return torch.sqrt(_variance_and_mean(func, operand, args, kwargs)[0])


@REDUCE.rule("var_mean")
def _both(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    return _variance_and_mean(func, operand, args, kwargs)


@REDUCE.rule("std_mean")
def _both_of_deviation(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    variance, mean = _variance_and_mean(func, operand, args, kwargs)
    return torch.sqrt(variance), mean


@REDUCE.rule("linalg_vector_norm", "norm")
def _norm(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    options = _options(func, args, kwargs)
    order = options.get("ord", options.get("p"))
    order = 2.0 if order is None else float(order)
    result = func(operand.value, *args, **kwargs)
    if order < 1 and order not in (0, float("-inf")):
        return _norm_of_powers(operand, order, options, result)
    if order == 0:
        unsure = (operand.radius != 0) & ~(size(operand.value) > operand.radius)
        return Ball(result, func(unsure.to(torch.float64), *args))
    if order == float("-inf"):  # the least of the sizes moves by no more than the largest radius
        keep = bool(options.get("keepdim"))
        return Ball(result, torch.linalg.vector_norm(operand.radius, float("inf"), options.get("dim"), keep))
    # The triangle inequality: a norm moves by no more than the norm of what its operand moves.
    share = func(operand.radius, *args)
    infinite = (func(infinite_terms(operand.value), *args) > 0) & ~share.isnan()
    if order == float("inf"):
        return finished(result, share, infinite)
    return rounded(result, share + _of_exponent(result, order), _terms(operand.value, result) + 4, infinite)


def _of_exponent(result: Tensor, order: float) -> Tensor:
    """How far the rounding of 1/order, and in float32 of the order, moves the root whose exponent it is."""
    exact = abs(frexp(order)[0]) == 0.5  # of a power of 2
    return torch.zeros(()) if exact else gamma(1, result.dtype) * size(torch.xlogy(result, result))


def _norm_of_powers(operand: Ball, order: float, options: dict[str, Any], result: Tensor) -> Ball:
    """A norm of an order below 1, which may be negative, and which is none: as it is written."""
    sizes, r = size(operand.value), operand.radius
    least = torch.clamp(sizes - r, min=0)
    powers = sizes**order
    moved = torch.maximum((least**order - powers).abs(), ((sizes + r) ** order - powers).abs()) * (1 + 2.0**-40)
    dims = options.get("dim")
    keep = bool(options.get("keepdim"))
    total = powers.sum(dims, keepdim=keep)
    share = torch.where(r == 0, 0.0, moved + gamma(4, torch.float64) * powers).sum(dims, keepdim=keep)
    own = gamma(_terms(operand.value, result) + 8, result.dtype) * (total + share)
    low, high = ends(finished(total, share + own))
    at = result.to(torch.float64)
    first, last = torch.clamp(low, min=0) ** (1 / order), high ** (1 / order)
    away = torch.maximum((first - at).abs(), (last - at).abs()) + _of_exponent(result, order)
    # Of a negative order, one number that is 0 makes it 0.
    nothing = ((sizes == 0) & (r == 0)).to(torch.float64).sum(dims, keepdim=keep) > 0
    return rounded(result, torch.where(nothing & (order < 0), 0.0, away))


@REDUCE.rule("logsumexp")
def _log_of_sum(func: Any, operand: Ball, dim: Any, keepdim: bool = False) -> Any:
    most = operand.value.amax(dim, keepdim=True)
    most = torch.where(most.isfinite(), most, 0.0)  # exact, whatever number it is
    total = torch.log(torch.exp(operand - most).sum(dim, keepdim=True)) + most
    return total if keepdim else total.squeeze(dim)


@REDUCE.rule("logcumsumexp")
def _log_of_running_sum(func: Any, operand: Ball, dim: int) -> Any:
    result = func(operand.value, dim)
    if not operand.dim():
        return Ball(result, operand.radius)
    share = torch.cummax(operand.radius, dim).values
    # All terms are above 0: what rounding moves them by is the smaller, the smaller they are.
    own = gamma(2 * operand.shape[dim] + 4, result.dtype) * (1 + size(result))
    infinite = torch.cumsum(infinite_terms(operand.value), dim) > 0
    return finished(result, share + own, infinite & ~share.isnan())

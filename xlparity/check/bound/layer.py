"""Rules of layers that ATen keeps whole: softmax and normalisation, forward and backward."""

from __future__ import annotations

from math import prod
from typing import Any

import torch

from xlparity.check.bound.ball import Ball, Rule, gamma, value_of
from xlparity.model.table import Table

__all__ = ["LAYER"]

LAYER: Table[str, Rule] = Table("rules of softmax and normalisation")


def _shifted(x: Any, dim: int) -> Any:
    """`x` less its largest value, taken as an exact number: softmax is the same whatever is subtracted."""
    value = value_of(x)
    if not value.numel():
        return x
    most = value.amax(dim, keepdim=True)
    return x - torch.where(most.isfinite(), most, 0.0)


@LAYER.rule("_softmax")
def _softmax(func: Any, x: Ball, dim: int, *_options: Any, **_more: Any) -> Any:
    powers = torch.exp(_shifted(x, dim))
    return _share(x, powers / (powers.sum(dim, keepdim=True) if x.dim() else powers))


def _share(x: Ball, shares: Any) -> Any:
    """`shares`, which are known to lie between 0 and 1 whatever the finite numbers `x` are."""
    value = shares.value.to(torch.float64)
    widest = torch.maximum(value, 1 - value) + gamma(x.numel() + 8, shares.dtype)
    return shares.within(torch.where(x.radius.isfinite().all(), widest, torch.nan))


@LAYER.rule("_safe_softmax")
def _safe_softmax(func: Any, x: Ball, dim: int, **_dtype: Any) -> Any:
    masked = (x.value == -torch.inf).all(dim, keepdim=True) if x.dim() else x.value == -torch.inf
    return torch.where(masked, torch.zeros((), dtype=x.dtype), _softmax(func, x, dim))


@LAYER.rule("_log_softmax")
def _log_softmax(func: Any, x: Ball, dim: int, *_options: Any) -> Any:
    shifted = _shifted(x, dim)
    powers = torch.exp(shifted)
    return shifted - torch.log(powers.sum(dim, keepdim=True) if x.dim() else powers)


@LAYER.rule("_softmax_backward_data")
def _softmax_backward(func: Any, gradient: Any, output: Any, dim: int, _dtype: Any) -> Any:
    product = gradient * output
    return product - output * product.sum(dim, keepdim=True)


@LAYER.rule("_log_softmax_backward_data")
def _log_softmax_backward(func: Any, gradient: Any, output: Any, dim: int, _dtype: Any) -> Any:
    return gradient - torch.exp(output) * gradient.sum(dim, keepdim=True)


def _normalised(x: Any, dims: list[int], eps: float) -> tuple[Any, Any, Any]:
    """`x` less its mean and over its deviation, the mean, and one over the deviation."""
    mean = x.mean(dims, keepdim=True)
    away = x - mean
    rstd = torch.rsqrt((away * away).mean(dims, keepdim=True) + eps)
    return away * rstd, mean, rstd


def _scaled(x: Any, weight: Any, bias: Any) -> Any:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


@LAYER.rule("native_layer_norm")
def _layer_norm(func: Any, x: Any, shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    dims = list(range(x.dim() - len(shape), x.dim()))
    out, mean, rstd = _normalised(x, dims, eps)
    return _scaled(out, weight, bias), mean, rstd


@LAYER.rule("native_layer_norm_backward")
def _layer_norm_backward(
    func: Any, gradient: Any, x: Any, shape: Any, mean: Any, rstd: Any, weight: Any, bias: Any, mask: Any
) -> Any:
    inner = list(range(x.dim() - len(shape), x.dim()))
    outer = list(range(x.dim() - len(shape)))
    normal = (x - mean) * rstd
    scaled = gradient if weight is None else gradient * weight
    to_x = rstd * _without_mean_and_slope(scaled, normal, inner)
    to_weight = (gradient * normal).sum(outer) if outer else gradient * normal
    to_bias = gradient.sum(outer) if outer else gradient
    return (
        to_x if mask[0] else None,
        to_weight if mask[1] and weight is not None else None,
        to_bias if mask[2] else None,
    )


def _without_mean_and_slope(gradient: Any, normal: Any, dims: list[int]) -> Any:
    """A gradient through the mean and the deviation of `dims`."""
    slope = (gradient * normal).mean(dims, keepdim=True)
    return gradient - gradient.mean(dims, keepdim=True) - normal * slope


@LAYER.rule("native_group_norm")
def _group_norm(
    func: Any, x: Any, weight: Any, bias: Any, n: int, channels: int, _size: int, groups: int, eps: float
) -> Any:
    out, mean, rstd = _normalised(x.reshape(n, groups, -1), [2], eps)
    shape = [1, channels, *[1] * (x.dim() - 2)]
    weight, bias = (part if part is None else part.reshape(shape) for part in (weight, bias))
    return _scaled(out.reshape(x.shape), weight, bias), mean.reshape(n, groups), rstd.reshape(n, groups)


@LAYER.rule("native_group_norm_backward")
def _group_norm_backward(
    func: Any, gradient: Any, x: Any, mean: Any, rstd: Any, weight: Any, n: int, channels: int, _size: int, groups: int,
    mask: Any,
) -> Any:  # fmt: skip
    shape = [1, channels, *[1] * (x.dim() - 2)]
    per = [n, groups, -1]
    normal = (x.reshape(per) - mean.reshape(n, groups, 1)) * rstd.reshape(n, groups, 1)
    scaled = gradient if weight is None else gradient * weight.reshape(shape)
    to_x = rstd.reshape(n, groups, 1) * _without_mean_and_slope(scaled.reshape(per), normal, [2])
    outer = [0, *range(2, x.dim())]
    to_weight = (gradient * normal.reshape(x.shape)).sum(outer)
    return (
        to_x.reshape(x.shape) if mask[0] else None,
        to_weight if mask[1] else None,
        gradient.sum(outer) if mask[2] else None,
    )


def _by_channel(part: Any, x: Any) -> Any:
    return part if part is None else part.reshape(1, -1, *[1] * (x.dim() - 2))


@LAYER.rule("_native_batch_norm_legit_no_training")
def _batch_norm_in_use(
    func: Any, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, _momentum: float, eps: float
) -> Any:
    rstd = torch.rsqrt(variance + eps)
    out = (x - _by_channel(mean, x)) * _by_channel(rstd, x)
    nothing = torch.zeros(0, dtype=x.dtype)
    return _scaled(out, _by_channel(weight, x), _by_channel(bias, x)), nothing, nothing


@LAYER.rule("_native_batch_norm_legit_functional", "_native_batch_norm_legit", "native_batch_norm")
def _batch_norm(func: Any, x: Any, weight: Any, bias: Any, *rest: Any) -> Any:
    running = rest[:2] if len(rest) == 5 else (None, None)
    training, momentum, eps = rest[-3:]
    if not training:
        results = _batch_norm_in_use(func, x, weight, bias, *running, momentum, eps)
        return (*results, *running) if "functional" in func.overloadpacket.__name__ else results
    dims = [0, *range(2, x.dim())]
    out, mean, rstd = _normalised(x, dims, eps)
    results = (_scaled(out, _by_channel(weight, x), _by_channel(bias, x)), mean.flatten(), rstd.flatten())
    if "functional" not in func.overloadpacket.__name__:
        return results
    n = prod(x.shape[dim] for dim in dims)
    moved = []
    for old, new in zip(running, (mean.flatten(), _variance(x, dims) * (n / max(n - 1, 1))), strict=True):
        moved.append(None if old is None else new * momentum + old * (1 - momentum))
    return (*results, *moved)


def _variance(x: Any, dims: list[int]) -> Any:
    away = x - x.mean(dims, keepdim=True)
    return (away * away).mean(dims)


@LAYER.rule("native_batch_norm_backward")
def _batch_norm_backward(
    func: Any, gradient: Any, x: Any, weight: Any, running_mean: Any, running_variance: Any, mean: Any, rstd: Any,
    training: bool, eps: float, mask: Any,
) -> Any:  # fmt: skip
    dims = [0, *range(2, x.dim())]
    if not training:
        mean, rstd = running_mean, torch.rsqrt(running_variance + eps)
    normal = (x - _by_channel(mean, x)) * _by_channel(rstd, x)
    scale = rstd if weight is None else rstd * weight
    through = _without_mean_and_slope(gradient, normal, dims) if training else gradient
    return (
        _by_channel(scale, x) * through if mask[0] else None,
        (gradient * normal).sum(dims) if mask[1] else None,
        gradient.sum(dims) if mask[2] else None,
    )

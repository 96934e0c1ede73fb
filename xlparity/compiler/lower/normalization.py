"""Normalisation of layers, batches and groups: mean and 1/deviation in cells of their own, then one formula."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from xlparity.compiler.lower.formula import Formula
from xlparity.compiler.lower.lowering import RULES, Lowering
from xlparity.compiler.lower.reduce import reduced

__all__: list[str] = []

aten = torch.ops.aten


@RULES.rule("native_layer_norm.default")
def _layer_norm(
    low: Lowering, input: Formula, normalized_shape: Sequence[int], weight: Formula | None, bias: Formula | None,
    eps: float,
) -> tuple[Formula, Formula, Formula]:  # fmt: skip
    x = low.cells(input)
    dims = list(range(len(x.shape) - len(normalized_shape), len(x.shape)))
    call = f"aten.native_layer_norm.default({x.torch}, {list(normalized_shape)}, None, None, {eps!r})"
    mean = low.place(reduced(low, "AVERAGE", x, dims, True).spelled(f"{call}[1]"), low.name_beside("mean"))
    squares = reduced(low, "DEVSQ", x, dims, True)
    rstd = low.formula("1/SQRT(squares/count+eps)", squares=squares, count=math.prod(normalized_shape), eps=eps)
    rstd = low.place(rstd.spelled(f"{call}[2]"), low.name_beside("rstd"))
    return _scaled(low, x, mean, rstd, weight, bias), mean, rstd


def _scaled(
    low: Lowering, x: Formula, mean: Formula, rstd: Formula, weight: Formula | None, bias: Formula | None
) -> Formula:
    text = "(x-mean)*rstd" + ("" if weight is None else "*weight") + ("" if bias is None else "+bias")
    values = {"x": x, "mean": mean, "rstd": rstd, "weight": weight, "bias": bias}
    return low.formula(text, **{name: value for name, value in values.items() if value is not None})


@RULES.rule("native_group_norm.default")
def _group_norm(
    low: Lowering, input: Formula, weight: Formula | None, bias: Formula | None, N: int, C: int, HxW: int, group: int,
    eps: float,
) -> tuple[Formula, Formula, Formula]:  # fmt: skip
    x = low.cells(input)
    call = f"aten.native_group_norm.default({x.torch}, None, None, {N}, {C}, {HxW}, {group}, {eps!r})"
    groups = low.apply(aten.reshape.default, x, (N, group, C // group, *x.shape[2:]))
    dims = list(range(2, len(groups.shape)))
    mean = reduced(low, "AVERAGE", groups, dims, False).spelled(f"{call}[1]")
    mean = low.place(mean, low.output(1)[1] or low.name_beside("mean"))
    squares = reduced(low, "DEVSQ", groups, dims, False)
    rstd = low.formula("1/SQRT(squares/count+eps)", squares=squares, count=HxW * C // group, eps=eps)
    rstd = low.place(rstd.spelled(f"{call}[2]"), low.output(2)[1] or low.name_beside("rstd"))
    ones = [1] * (len(groups.shape) - 2)
    each = [low.apply(aten.reshape.default, part, (N, group, *ones)) for part in (mean, rstd)]
    by_channel = (1, group, C // group, *ones[1:])
    scale, shift = (
        None if part is None else low.apply(aten.reshape.default, part, by_channel) for part in (weight, bias)
    )
    result = low.apply(aten.reshape.default, _scaled(low, groups, each[0], each[1], scale, shift), x.shape)
    return result, mean, rstd


@RULES.rule("_native_batch_norm_legit_functional.default")
def _batch_norm(
    low: Lowering, input: Formula, weight: Formula | None, bias: Formula | None, running_mean: Formula,
    running_var: Formula, training: bool, momentum: float, eps: float,
) -> tuple[Formula | None, ...]:  # fmt: skip
    if not training:
        result = _by_running(low, input, weight, bias, running_mean, running_var, eps)
        return result, None, None, running_mean, running_var
    result, mean, rstd, variance = _by_batch(low, input, weight, bias, eps)
    count = math.prod(input.shape) // input.shape[1]
    # The running variance is of a population estimated from a sample: divided by count - 1.
    rate = momentum * count / (count - 1) if count > 1 else math.nan
    if math.isnan(rate):
        raise low.refusal("the variance of one value per channel does not exist", "give it more samples")
    means = low.formula("keep*old+momentum*new", keep=1 - momentum, old=running_mean, momentum=momentum, new=mean)
    variances = low.formula("keep*old+momentum*new*count/freedom", keep=1 - momentum, old=running_var,
                            momentum=momentum, new=variance, count=count, freedom=count - 1)  # fmt: skip
    return result, mean, rstd, means, variances


@RULES.rule("_native_batch_norm_legit.no_stats")
def _batch_norm_of_batch(
    low: Lowering, input: Formula, weight: Formula | None, bias: Formula | None, training: bool, momentum: float,
    eps: float,
) -> tuple[Formula, ...]:  # fmt: skip
    assert training
    return _by_batch(low, input, weight, bias, eps)[:3]


@RULES.rule("_native_batch_norm_legit_no_training.default")
def _batch_norm_as_run(
    low: Lowering, input: Formula, weight: Formula | None, bias: Formula | None, running_mean: Formula,
    running_var: Formula, momentum: float, eps: float,
) -> tuple[Formula | None, ...]:  # fmt: skip
    return _by_running(low, input, weight, bias, running_mean, running_var, eps), None, None


def _by_batch(
    low: Lowering, input: Formula, weight: Formula | None, bias: Formula | None, eps: float
) -> tuple[Formula, Formula, Formula, Formula]:
    """The result, and each channel's mean, 1/deviation and variance."""
    x = low.cells(input)
    dims = [0, *range(2, len(x.shape))]
    mean = reduced(low, "AVERAGE", x, dims, False).spelled(f"aten.mean.dim({x.torch}, {dims})")
    mean = low.place(mean, low.output(1)[1] or low.name_beside("mean"))
    squares = reduced(low, "DEVSQ", x, dims, False)
    variance = low.formula("squares/count", squares=squares, count=math.prod(x.shape) // x.shape[1])
    variance = low.place(variance.spelled(f"aten.var.correction({x.torch}, {dims}, correction=0)"),
                         low.name_beside("variance"))  # fmt: skip
    rstd = low.formula("1/SQRT(variance+eps)", variance=variance, eps=eps)
    rstd = low.place(rstd.spelled(f"aten.rsqrt.default({variance.torch} + {eps!r})"),
                     low.output(2)[1] or low.name_beside("rstd"))  # fmt: skip
    channel = _channels(low, x, mean, rstd, weight, bias)
    return _scaled(low, x, *channel), mean, rstd, variance  # type: ignore[arg-type]


def _by_running(
    low: Lowering, x: Formula, weight: Formula | None, bias: Formula | None, mean: Formula, variance: Formula,
    eps: float,
) -> Formula:  # fmt: skip
    text = "(x-mean)/SQRT(variance+eps)" + ("" if weight is None else "*weight") + ("" if bias is None else "+bias")
    parts = zip(("mean", "variance", "weight", "bias"), _channels(low, x, mean, variance, weight, bias), strict=True)
    return low.formula(text, x=x, eps=eps, **{name: part for name, part in parts if part is not None})


def _channels(low: Lowering, x: Formula, *parts: Formula | None) -> list[Formula | None]:
    """Vectors of the channels as tensors that broadcast with `x`."""
    shape = (1, x.shape[1], *[1] * (len(x.shape) - 2))
    return [None if part is None else low.apply(aten.reshape.default, part, shape) for part in parts]

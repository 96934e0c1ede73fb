"""Layers that aten keeps whole: normalisation, convolution, pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

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
    rest = f"{x.torch}, {list(normalized_shape)}, None, None, {eps!r}"
    mean = low.place(reduced(low, "AVERAGE", x, dims, True).spelled(f"aten.native_layer_norm.default({rest})[1]"),
                     low.name_beside("mean"))  # fmt: skip
    squares = reduced(low, "DEVSQ", x, dims, True)
    count = math.prod(normalized_shape)
    rstd = low.formula("1/SQRT(squares/count+eps)", squares=squares, count=count, eps=eps)
    rstd = low.place(rstd.spelled(f"aten.native_layer_norm.default({rest})[2]"), low.name_beside("rstd"))
    text = "(x-mean)*rstd" + ("" if weight is None else "*weight") + ("" if bias is None else "+bias")
    values = {"x": x, "mean": mean, "rstd": rstd, "weight": weight, "bias": bias}
    result = low.formula(text, **{name: value for name, value in values.items() if value is not None})
    return result, mean, rstd


@RULES.rule("convolution.default")
def _convolution(
    low: Lowering, input: Formula, weight: Formula, bias: Formula | None, stride: Sequence[int],
    padding: Sequence[int], dilation: Sequence[int], transposed: bool, output_padding: Sequence[int], groups: int,
) -> Formula:  # fmt: skip
    if transposed:
        raise low.refusal("a transposed convolution has no formula yet", "use upsampling and a convolution")
    x = padded(low, low.cells(input), padding)
    result = correlated(low, x, low.cells(weight), stride, dilation, groups)
    if bias is None:
        return result
    spread = low.apply(aten.reshape.default, bias, (1, bias.shape[0], *[1] * (len(x.shape) - 2)))
    return low.formula("products+bias", products=result, bias=spread)


def padded(low: Lowering, x: Formula, padding: Sequence[int]) -> Formula:
    """`x` with zeros around its trailing dimensions, in cells of its own if there are any."""
    if not any(padding):
        return x
    pad = [side for size in reversed(padding) for side in (size, size)]
    return low.cells(low.apply(aten.constant_pad_nd.default, x, pad, 0.0))


def windows(
    low: Lowering, x: Formula, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Formula:
    """(n, c, *out, *kernel): for every place of the output the elements under the kernel."""
    rank = len(kernel)
    for at, (size, step, apart) in enumerate(zip(kernel, stride, dilation, strict=True)):
        x = low.apply(aten.unfold.default, x, 2 + at, (size - 1) * apart + 1, step)
        if apart > 1:
            x = low.apply(aten.slice.Tensor, x, len(x.shape) - 1, 0, 2**31, apart)
    assert len(x.shape) == 2 + 2 * rank
    return x


def correlated(
    low: Lowering, x: Formula, weight: Formula, stride: Sequence[int], dilation: Sequence[int], groups: int = 1
) -> Formula:
    """The sums of `weight` (o, c / groups, *kernel) times the patches of `x` (n, c, *size): (n, o, *out)."""
    kernel = weight.shape[2:]
    rank = len(kernel)
    n, channels = x.shape[:2]
    outputs = weight.shape[0]
    patches = windows(low, x, kernel, stride, dilation)
    out = patches.shape[2 : 2 + rank]
    # (n, groups, 1, *out, c / groups, *kernel) against (groups, o / groups, 1..., c / groups, *kernel)
    patches = low.apply(aten.reshape.default, patches, (n, groups, 1, channels // groups, *out, *kernel))
    places = range(4, 4 + rank)
    patches = low.apply(aten.permute.default, patches, [0, 1, 2, *places, 3, *range(4 + rank, 4 + 2 * rank)])
    weights = low.apply(
        aten.reshape.default, weight, (1, groups, outputs // groups, *[1] * rank, channels // groups, *kernel)
    )
    result = low.contract(patches, weights, 1 + rank)
    shaped = low.apply(aten.reshape.default, result, (n, outputs, *out))
    assert isinstance(shaped, Formula)
    return shaped


def _unused(*_parts: Any) -> None:
    """Arguments that a formula does not need."""

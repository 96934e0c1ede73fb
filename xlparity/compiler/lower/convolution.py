"""Convolutions, plain and transposed, and their gradients: SUMPRODUCT of a window with a kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from xlparity.compiler.lower.formula import Formula, Ids, pack
from xlparity.compiler.lower.lowering import RULES, Lowering
from xlparity.compiler.lower.reduce import reduced

__all__ = ["padded", "plane", "windows"]

aten = torch.ops.aten


@RULES.rule("convolution.default")
def _convolution(
    low: Lowering, input: Formula, weight: Formula, bias: Formula | None, stride: Sequence[int],
    padding: Sequence[int], dilation: Sequence[int], transposed: bool, output_padding: Sequence[int], groups: int,
) -> Formula:  # fmt: skip
    rank = len(weight.shape) - 2
    stride, padding, dilation = (_each(part, rank) for part in (stride, padding, dilation))
    weight = low.cells(weight)
    if transposed:
        extra = _each(output_padding, rank)
        size = [
            (input.shape[2 + d] - 1) * stride[d]
            - 2 * padding[d]
            + dilation[d] * (weight.shape[2 + d] - 1)
            + 1
            + extra[d]
            for d in range(rank)
        ]
        around = _spread(low, input, weight.shape[2:], size, stride, padding, dilation)
        result = _scattered(low, around, weight, dilation, groups)
    else:
        result = _correlated(low, _ready(low, input, padding, weight), weight, stride, dilation, groups)
    if bias is None:
        return result
    spread = low.apply(aten.reshape.default, bias, (1, bias.shape[0], *[1] * rank))
    return low.formula("products+bias", products=result, bias=spread)


@RULES.rule("convolution_backward.default")
def _convolution_backward(
    low: Lowering, grad_output: Formula, input: Formula, weight: Formula, bias_sizes: Sequence[int] | None,
    stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], transposed: bool,
    output_padding: Sequence[int], groups: int, output_mask: Sequence[bool],
) -> tuple[Formula | None, Formula | None, Formula | None]:  # fmt: skip
    rank = len(weight.shape) - 2
    stride, padding, dilation = (_each(part, rank) for part in (stride, padding, dilation))
    kernel = weight.shape[2:]
    grad, weight = low.cells(grad_output), low.cells(weight)
    of_input = of_weight = of_bias = None
    if transposed:
        # The transposed convolution of x is the gradient of a convolution that reads its result.
        big = _ready(low, grad, padding, weight)
        if output_mask[0]:
            of_input = _correlated(low, big, weight, stride, dilation, groups)
            of_input = _cut(low, of_input, input.shape)
        if output_mask[1]:
            small = low.cells(_spaced(low, input, stride))
            of_weight = _of_weight(low, big, small, kernel, stride, dilation, groups)
    else:
        around = _spread(low, grad, kernel, input.shape[2:], stride, padding, dilation) if output_mask[0] else None
        if around is not None:
            of_input = _scattered(low, around, weight, dilation, groups)
        if output_mask[1]:
            small = _inner(low, around, grad, kernel, stride, padding, dilation)
            of_weight = _of_weight(low, _ready(low, input, padding, weight), small, kernel, stride, dilation, groups)
    if output_mask[2]:
        of_bias = reduced(low, "SUM", grad, [0, *range(2, 2 + rank)], False)
    return of_input, of_weight, of_bias


def _each(part: Sequence[int], rank: int) -> list[int]:
    """One number for each dimension: torch takes a list of one for all of them."""
    return list(part) if len(part) == rank else [part[0]] * rank


def padded(low: Lowering, x: Formula, padding: Sequence[int], value: float = 0.0) -> Formula:
    """`x` in cells, with `value` around its trailing dimensions if any has a padding."""
    pad = [side for size in reversed(padding) for side in (size, size)]
    return low.cells(low.apply(aten.constant_pad_nd.default, x, pad, value) if any(padding) else x)


def plane(low: Lowering, x: Formula) -> tuple[Formula, Ids]:
    """`x` and its cells, whose last two dimensions run down and to the right: as they stand or copied."""
    x = low.cells(x)
    for _ in range(2):
        ids = x.cells
        assert ids is not None
        down, right = np.meshgrid(np.arange(ids.shape[-2]), np.arange(ids.shape[-1]), indexing="ij")
        if bool((ids == ids[..., :1, :1] + pack(0, down, right)).all()):
            return x, ids
        x = low.place(x)
    raise low.refusal(f"rows of {x.shape[-1]} elements are too wide", "use smaller inputs")


def _ready(low: Lowering, x: Formula, padding: Sequence[int], weight: Formula) -> Formula:
    """`x` padded, and where windows are more than single cells, in planes in which they are areas."""
    x = padded(low, x, padding)
    return plane(low, x)[0] if math.prod(weight.shape[2:]) > 1 else x


def windows(
    low: Lowering, x: Formula, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Formula:
    """(n, c, *out, *kernel): for every place of the output the elements under the kernel."""
    for at, (size, step, apart) in enumerate(zip(kernel, stride, dilation, strict=True)):
        x = low.apply(aten.unfold.default, x, 2 + at, (size - 1) * apart + 1, step)
        if apart > 1:
            x = low.apply(aten.slice.Tensor, x, len(x.shape) - 1, 0, 2**31, apart)
    return x


def _correlated(
    low: Lowering, x: Formula, weight: Formula, stride: Sequence[int], dilation: Sequence[int], groups: int
) -> Formula:
    """The sums of `weight` (o, c / groups, *kernel) times the windows of `x` (n, c, *size): (n, o, *out)."""
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
    return _shaped(low, low.contract(patches, weights, 1 + rank), (n, outputs, *out))


def _spaced(low: Lowering, x: Formula, stride: Sequence[int]) -> Formula:
    """`x` with `stride - 1` zeros between neighbours."""
    for at, step in enumerate(stride):
        size = x.shape[2 + at]
        if step == 1 or size == 1:
            continue
        x = low.apply(aten.unsqueeze.default, x, 3 + at)
        x = low.apply(aten.constant_pad_nd.default, x, [0] * (2 * (len(x.shape) - 4 - at)) + [0, step - 1], 0.0)
        shape = [*x.shape[: 2 + at], size * step, *x.shape[4 + at :]]
        x = low.apply(aten.reshape.default, x, shape)
        x = low.apply(aten.slice.Tensor, x, 2 + at, 0, (size - 1) * step + 1)
    return x


def _spread(
    low: Lowering, small: Formula, kernel: Sequence[int], size: Sequence[int], stride: Sequence[int],
    padding: Sequence[int], dilation: Sequence[int],
) -> Formula:  # fmt: skip
    """`small` with zeros between and around: its windows are what an element of a tensor of `size` took part in."""
    rank = len(kernel)
    x = _spaced(low, small, stride)
    pad: list[int] = []
    for d in reversed(range(rank)):
        before, after = _margins(x.shape[2 + d], kernel[d], size[d], padding[d], dilation[d])
        pad += [before, after]
    if any(pad):
        x = low.apply(aten.constant_pad_nd.default, x, pad, 0.0)
    return low.cells(x)


def _margins(length: int, kernel: int, size: int, padding: int, dilation: int) -> tuple[int, int]:
    before = dilation * (kernel - 1) - padding
    return before, size + dilation * (kernel - 1) - length - before


def _inner(
    low: Lowering, around: Formula | None, grad: Formula, kernel: Sequence[int], stride: Sequence[int],
    padding: Sequence[int], dilation: Sequence[int],
) -> Formula:  # fmt: skip
    """`grad` with zeros between: cut out of `around`, which has more zeros around, if that stands in cells already."""
    if all(step == 1 for step in stride):
        return grad
    befores = [dilation[d] * (kernel[d] - 1) - padding[d] for d in range(len(kernel))]
    if around is None or min(befores) < 0:
        return low.cells(_spaced(low, grad, stride))
    for d, before in enumerate(befores):
        length = (grad.shape[2 + d] - 1) * stride[d] + 1
        around = low.apply(aten.slice.Tensor, around, 2 + d, before, before + length)
        assert around is not None
        if around.shape[2 + d] < length:
            return low.cells(_spaced(low, grad, stride))
    return around


def _scattered(low: Lowering, around: Formula, weight: Formula, dilation: Sequence[int], groups: int) -> Formula:
    """What a tensor gets of `around` through `weight` (o, c / groups, *kernel): a correlation with flipped kernels."""
    outputs, channels, *kernel = weight.shape
    rank = len(kernel)
    turned = low.apply(aten.reshape.default, weight, (groups, outputs // groups, channels, *kernel))
    turned = low.apply(aten.permute.default, turned, [0, 2, 1, *range(3, 3 + rank)])
    turned = low.apply(aten.reshape.default, turned, (groups * channels, outputs // groups, *kernel))
    if math.prod(kernel) > 1:
        turned = low.apply(aten.flip.default, turned, list(range(2, 2 + rank)))
        turned = low.place(turned, low.name_beside("weight.flipped"))
    return _correlated(low, around, turned, [1] * rank, dilation, groups)


def _of_weight(
    low: Lowering, big: Formula, small: Formula, kernel: Sequence[int], stride: Sequence[int],
    dilation: Sequence[int], groups: int,
) -> Formula:  # fmt: skip
    """For every element of the kernel the sum of `small` (n, o, *out) times what it met of `big` (n, c, *size)."""
    rank = len(kernel)
    n, channels = big.shape[:2]
    outputs = small.shape[1]
    length = small.shape[2:]
    # (n, c, *kernel, *out): the places of the kernel are those of a kernel as large as `small`.
    met = windows(low, big, length, dilation, [1] * rank)
    for d in range(rank):
        met = low.apply(aten.slice.Tensor, met, 2 + d, 0, kernel[d])
    met = low.apply(aten.reshape.default, met, (n, groups, 1, channels // groups, *kernel, *length))
    met = low.apply(aten.permute.default, met, [1, 2, 3, *range(4, 4 + rank), 0, *range(4 + rank, 4 + 2 * rank)])
    steps = low.apply(aten.reshape.default, small, (n, groups, outputs // groups, 1, *[1] * rank, *length))
    steps = low.apply(aten.permute.default, steps, [1, 2, 3, *range(4, 4 + rank), 0, *range(4 + rank, 4 + 2 * rank)])
    return _shaped(low, low.contract(met, steps, 1 + rank), (outputs, channels // groups, *kernel))


def _cut(low: Lowering, x: Formula, shape: Sequence[int]) -> Formula:
    """The first elements of each dimension: with an output padding the windows reach further."""
    for d, size in enumerate(shape):
        if x.shape[d] > size:
            x = low.apply(aten.slice.Tensor, x, d, 0, size)
    return x


def _shaped(low: Lowering, x: Formula, shape: Sequence[int]) -> Formula:
    result = low.apply(aten.reshape.default, x, tuple(shape))
    assert isinstance(result, Formula)
    return result

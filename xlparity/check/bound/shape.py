"""Rules of operations that move values and compute none, and of those that make tensors of known values."""

from __future__ import annotations

from typing import Any

import torch

from xlparity.check.bound.ball import Ball, Rule, ends, exact, parts, radius_of, size, unit_roundoff, value_of
from xlparity.model.table import Table

__all__ = ["MOVES", "SHAPE"]

SHAPE: Table[str, Rule] = Table("rules of operations that move values")

MOVES = (
    "view _unsafe_view _reshape_alias reshape t transpose permute expand unsqueeze squeeze slice select clone detach "
    "alias as_strided contiguous flip roll rot90 narrow unfold slice_backward select_backward diagonal_backward "
    "diagonal diag diag_embed tril triu repeat lift_fresh lift_fresh_copy conj_physical pixel_shuffle pixel_unshuffle "
    "channel_shuffle im2col reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d "
    "replication_pad3d upsample_nearest1d upsample_nearest2d upsample_nearest3d max_unpool2d broadcast_in_dim "
    "alias_copy detach_copy diagonal_copy expand_copy permute_copy select_copy slice_copy squeeze_copy t_copy "
    "transpose_copy unfold_copy unsqueeze_copy view_copy repeat_interleave"
).split()


@SHAPE.rule(*MOVES)
def _moved(func: Any, operand: Any, *args: Any, **kwargs: Any) -> Any:
    return Ball(func(value_of(operand), *args, **kwargs), func(radius_of(operand), *args, **kwargs))


@SHAPE.rule("constant_pad_nd")
def _padded(func: Any, operand: Ball, pad: Any, value: float = 0) -> Any:
    return Ball(func(operand.value, pad, value), func(operand.radius, pad, 0.0))


@SHAPE.rule("slice_scatter", "select_scatter", "diagonal_scatter", "copy_", "copy")
def _replaced(func: Any, operand: Any, source: Any, *args: Any, **kwargs: Any) -> Any:
    if func.overloadpacket.__name__ in ("copy_", "copy"):
        value, radius = parts(source)
        shape = value_of(operand).shape
        made = value.to(value_of(operand).dtype).expand(shape).clone()
        return Ball(made, radius.expand(shape).clone() + _lost(value, made))
    value = func(value_of(operand), value_of(source), *args, **kwargs)
    return Ball(value, func(radius_of(operand), radius_of(source), *args, **kwargs))


@SHAPE.rule("cat", "stack")
def _joined(func: Any, operands: Any, *args: Any, **kwargs: Any) -> Any:
    values, radii = [value_of(one) for one in operands], [radius_of(one) for one in operands]
    return Ball(func(values, *args, **kwargs), func(radii, *args, **kwargs))


@SHAPE.rule(
    "unbind", "split", "split_with_sizes", "chunk", "unbind_copy", "split_copy", "split_with_sizes_copy", "unsafe_split"
)
def _parted(func: Any, operand: Ball, *args: Any) -> Any:
    values, radii = func(operand.value, *args), func(operand.radius, *args)
    return [Ball(value, radius) for value, radius in zip(values, radii, strict=True)]


@SHAPE.rule(
    "ones_like", "zeros_like", "full_like", "new_zeros", "new_ones", "new_full", "empty_like", "new_empty", "isnan",
    "new_empty_strided",
)  # fmt: skip
def _known(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    value = func(operand.value, *args, **kwargs)
    return exact(torch.zeros_like(value) if "empty" in func.overloadpacket.__name__ else value)


@SHAPE.rule("isinf", "isfinite", "isposinf", "isneginf")
def _kind_of_number(func: Any, operand: Ball) -> Any:
    # A radius says that the number is finite; one that is not known may be anything.
    return Ball(func(operand.value), torch.where(operand.radius.isfinite(), 0.0, 1.0).to(torch.float64))


@SHAPE.rule("fill")
def _filled(func: Any, operand: Ball, value: Any) -> Any:
    made = func(operand.value, value_of(value))
    return Ball(made, parts(value)[1].expand(made.shape).clone() if isinstance(value, Ball) else None)


@SHAPE.rule("_to_copy", "to")
def _converted(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    value = func(operand.value, *args, **kwargs)
    if value.dtype == operand.dtype:
        return Ball(value, operand.radius)
    if value.dtype == torch.bool:
        sure = (size(operand.value) > operand.radius) | ((operand.value == 0) & (operand.radius == 0))
        return Ball(value, torch.where(sure, 0.0, 1.0).to(torch.float64))
    if operand.dtype.is_floating_point and not value.dtype.is_floating_point:  # cuts the fraction
        low, high = (end.trunc() for end in ends(operand))
        at = operand.value.to(torch.float64).trunc()
        return Ball(value, torch.maximum(high - at, at - low))
    return Ball(value, operand.radius + _lost(operand.value, value))


def _lost(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor | float:
    """What a conversion to another dtype rounds."""
    wide = after.to(torch.float64)
    if torch.equal(wide, before.to(torch.float64).expand(wide.shape)):
        return 0.0
    return torch.nan_to_num(unit_roundoff(after.dtype) * wide.abs(), nan=torch.nan, posinf=torch.nan)

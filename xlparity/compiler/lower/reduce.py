"""Sums, means, extremes and softmax: functions of areas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from xlparity.compiler.lower.formula import LOWEST, Formula
from xlparity.compiler.lower.lowering import RULES, Lowering

__all__ = ["moved_last", "reduced"]

aten = torch.ops.aten


def dimensions(rank: int, dim: Any) -> list[int]:
    """The dimensions that `dim` names, counted from 0; all of them for None or an empty list."""
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return list(range(rank))
    return sorted(d % rank if rank else 0 for d in ([dim] if isinstance(dim, int) else dim)) if rank else []


def moved_last(low: Lowering, tensor: Formula, dims: Sequence[int]) -> Formula:
    """The tensor with the dimensions `dims` behind the others."""
    rest = [d for d in range(len(tensor.shape)) if d not in dims]
    order = [*rest, *dims]
    if order == list(range(len(tensor.shape))):
        return tensor
    moved = low.apply(aten.permute.default, tensor, order)
    assert isinstance(moved, Formula)
    return moved


def reduced(low: Lowering, function: str, self: Formula, dim: Any, keepdim: bool) -> Formula:
    """`function` over the dimensions `dim`, which stay with size 1 if `keepdim`."""
    dims = dimensions(len(self.shape), dim)
    if math.prod(self.shape[d] for d in dims) == 1:
        result = self
        if not keepdim and dims:
            result = low.apply(aten.reshape.default, self, [n for d, n in enumerate(self.shape) if d not in dims])
        text = {"SUMSQ": "x^2", "DEVSQ": "0*x"}.get(function)  # of one number
        return low.formula(text, x=result) if text else result
    result = low.reduce(function, moved_last(low, low.cells(self), dims), len(dims))
    return kept(low, result, self.shape, dims) if keepdim else result


def kept(low: Lowering, result: Formula, shape: Sequence[int], dims: Sequence[int]) -> Formula:
    """`result` with the reduced dimensions of `shape` as dimensions of size 1."""
    full = low.apply(aten.reshape.default, result, [1 if d in dims else n for d, n in enumerate(shape)])
    assert isinstance(full, Formula)
    return full


def _reduction(names: Sequence[str], function: str) -> None:
    @RULES.rule(*names)
    def rule(low: Lowering, self: Formula, dim: Any = None, keepdim: bool = False, **_keywords: Any) -> Formula:
        return reduced(low, function, self, dim, keepdim)


_reduction(("sum.default", "sum.dim_IntList"), "SUM")
_reduction(("mean.default", "mean.dim"), "AVERAGE")
_reduction(("amax.default", "max.default"), "MAX")
_reduction(("amin.default", "min.default"), "MIN")
_reduction(("prod.default", "prod.dim_int"), "PRODUCT")


@RULES.rule("any.default", "any.dim", "any.dims")
def _any(low: Lowering, self: Formula, dim: Any = None, keepdim: bool = False) -> Formula:
    # The square of a number near 0 is 0.
    ones = low.apply(aten.ne.Scalar, self, 0) if "float" in self.dtype else self
    return low.formula("IF(total=0,0,1)", total=reduced(low, "SUMSQ", ones, dim, keepdim), dtype="bool")


@RULES.rule("all.default", "all.dim", "all.dims")
def _all(low: Lowering, self: Formula, dim: Any = None, keepdim: bool = False) -> Formula:
    zero = low.formula("IF(self=0,1,0)", self=self, dtype="bool").spelled(f"{self.operand} == 0", atom=False)
    return low.formula("IF(zeros=0,1,0)", zeros=reduced(low, "SUM", zero, dim, keepdim), dtype="bool")


@RULES.rule("var.default")
def _variance_of_all(low: Lowering, self: Formula, unbiased: bool = True) -> Formula:
    return _variance(low, self, correction=float(unbiased))  # type: ignore[no-any-return]


@RULES.rule("var.dim")
def _variance_along(low: Lowering, self: Formula, dim: Any, unbiased: bool = True, keepdim: bool = False) -> Formula:
    return _variance(low, self, dim, correction=float(unbiased), keepdim=keepdim)  # type: ignore[no-any-return]


@RULES.rule("var.correction")
def _variance(
    low: Lowering, self: Formula, dim: Any = None, *, correction: float | None = None, keepdim: bool = False
) -> Formula:
    count = math.prod(self.shape[d] for d in dimensions(len(self.shape), dim))
    squares = reduced(low, "DEVSQ", self, dim, keepdim)
    return low.formula("squares/freedom", squares=squares, freedom=count - (1 if correction is None else correction))


@RULES.rule("var_mean.correction")
def _variance_and_mean(
    low: Lowering, self: Formula, dim: Any = None, *, correction: float | None = None, keepdim: bool = False
) -> tuple[Formula, Formula]:
    x = low.cells(self)
    variance = _variance(low, x, dim, correction=correction, keepdim=keepdim)
    return variance, reduced(low, "AVERAGE", x, dim, keepdim)


@RULES.rule("_softmax.default")
def _softmax(low: Lowering, self: Formula, dim: int, half_to_float: bool = False) -> Formula:
    assert not half_to_float
    scores = low.cells(self)
    largest = reduced(low, "MAX", scores, dim, True)
    if low.may_be_infinite():
        largest = low.place(largest.spelled(f"aten.amax.default({scores.torch}, [{dim}], True)"))
    powers = low.place(low.formula("EXP(x-largest)", x=scores, largest=largest).spelled(
        f"torch.exp({scores.operand} - aten.amax.default({scores.torch}, [{dim}], True))"))  # fmt: skip
    total = reduced(low, "SUM", powers, dim, True)
    if low.may_be_infinite():  # a row that is -inf throughout has no softmax
        text = "IF(largest<=lowest,NA(),power/total)"
        return low.formula(text, power=powers, total=total, largest=largest, lowest=LOWEST)
    return low.formula("power/total", power=powers, total=total)


@RULES.rule("_safe_softmax.default")
def _safe_softmax(low: Lowering, self: Formula, dim: int, dtype: Any = None) -> Formula:
    """A softmax in which a row that is -inf throughout, which is masked away, becomes zeros."""
    assert dtype is None
    scores = low.cells(self)
    largest = low.place(reduced(low, "MAX", scores, dim, True).spelled(
        f"aten.amax.default({scores.torch}, [{dim}], True)"))  # fmt: skip
    powers = low.place(low.formula("EXP(x-largest)", x=scores, largest=largest).spelled(
        f"torch.exp({scores.operand} - {largest.torch})"))  # fmt: skip
    total = reduced(low, "SUM", powers, dim, True)
    return low.formula("IF(largest=lowest,0,power/total)", power=powers, total=total, largest=largest, lowest=LOWEST)


@RULES.rule("_log_softmax.default")
def _log_softmax(low: Lowering, self: Formula, dim: int, half_to_float: bool = False) -> Formula:
    assert not half_to_float
    scores = low.cells(self)
    largest = low.place(reduced(low, "MAX", scores, dim, True).spelled(
        f"aten.amax.default({scores.torch}, [{dim}], True)"))  # fmt: skip
    powers = low.place(low.formula("EXP(x-largest)", x=scores, largest=largest).spelled(
        f"torch.exp({scores.operand} - {largest.torch})"))  # fmt: skip
    total = reduced(low, "SUM", powers, dim, True)
    if low.may_be_infinite():
        text = "IF(largest<=lowest,NA(),x-largest-LN(total))"
        return low.formula(text, x=scores, largest=largest, total=total, lowest=LOWEST)
    return low.formula("x-largest-LN(total)", x=scores, largest=largest, total=total)

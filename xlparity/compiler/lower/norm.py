"""Norms and distances."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from xlparity.compiler.lower.formula import INFINITE, Formula
from xlparity.compiler.lower.lowering import RULES, Lowering
from xlparity.compiler.lower.reduce import dimensions, reduced

__all__: list[str] = []

aten = torch.ops.aten


@RULES.rule("linalg_vector_norm.default")
def _vector_norm(
    low: Lowering, self: Formula, ord: float = 2, dim: Any = None, keepdim: bool = False, **_keywords: Any
) -> Formula:
    x = low.cells(self)
    if math.prod(self.shape[d] for d in dimensions(len(self.shape), dim)) == 1 and ord != 0:
        return low.formula("ABS(x)", x=reduced(low, "SUM", x, dim, keepdim))
    match float(ord):
        case 2.0 if low.may_be_infinite():
            squares = reduced(low, "SUMSQ", x, dim, keepdim)
            largest = low.place(_largest(low, x, dim, keepdim).spelled(
                f"aten.linalg_vector_norm.default({x.torch}, inf, {dim}, {keepdim})"))  # fmt: skip
            return low.formula("IF(largest>=most,most,SQRT(squares))", largest=largest, squares=squares, most=INFINITE)
        case 2.0:
            return low.formula("SQRT(squares)", squares=reduced(low, "SUMSQ", x, dim, keepdim))
        case math.inf:
            return _largest(low, x, dim, keepdim)
        case 0.0:
            return reduced(low, "SUM", low.apply(aten.ne.Scalar, x, 0), dim, keepdim)
    sizes = low.apply(aten.abs.default, x)
    if ord == 1:
        return reduced(low, "SUM", sizes, dim, keepdim)
    if ord == -math.inf:
        return reduced(low, "MIN", sizes, dim, keepdim)
    if ord > 0:
        powers = low.apply(aten.pow.Tensor_Scalar, sizes, ord)
        return low.formula("total^(1/p)", total=reduced(low, "SUM", powers, dim, keepdim), p=float(ord))
    # A single zero makes the sum infinite and the norm 0.
    filled = low.apply(aten.add.Tensor, sizes, low.apply(aten.eq.Scalar, sizes, 0))
    total = reduced(low, "SUM", low.apply(aten.pow.Tensor_Scalar, filled, ord), dim, keepdim)
    smallest = reduced(low, "MIN", sizes, dim, keepdim)
    return low.formula("IF(smallest=0,0,total^(1/p))", smallest=smallest, total=total, p=float(ord))


def _largest(low: Lowering, x: Formula, dim: Any, keepdim: bool) -> Formula:
    largest, smallest = reduced(low, "MAX", x, dim, keepdim), reduced(low, "MIN", x, dim, keepdim)
    return low.formula("MAX(largest,-smallest)", largest=largest, smallest=smallest)


@RULES.rule("dist.default")
def _dist(low: Lowering, self: Formula, other: Formula, p: float = 2) -> Any:
    return low.apply(aten.linalg_vector_norm.default, low.apply(aten.sub.Tensor, self, other), p)


@RULES.rule("_cdist_forward.default")
def _cdist(low: Lowering, x1: Formula, x2: Formula, p: float, compute_mode: int | None) -> Formula:
    """From (..., n, k) and (..., m, k) the distances (..., n, m)."""
    rank = len(x1.shape)
    a = low.apply(aten.unsqueeze.default, low.cells(x1), rank - 1)
    b = low.apply(aten.unsqueeze.default, low.cells(x2), rank - 2)
    return _distances(low, a, b, p)


@RULES.rule("_pdist_forward.default")
def _pdist(low: Lowering, self: Formula, p: float = 2) -> Formula:
    """The distances of each row from each one after it."""
    x = low.cells(self)
    first, second = torch.triu_indices(x.shape[0], x.shape[0], 1).tolist()
    return _distances(low, x.mapped(lambda ids: ids[first]), x.mapped(lambda ids: ids[second]), p)


def _distances(low: Lowering, a: Formula, b: Formula, p: float) -> Formula:
    if a.shape[-1] == 1:
        first, second = (low.apply(aten.select.int, part, len(part.shape) - 1, 0) for part in (a, b))
        return low.formula("ABS(a-b)" if p else "IF(a=b,0,1)", a=first, b=second)
    left, right = (low.line(part, row=True) for part in (a, b))
    shape = np.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    text = {
        0.0: "SUMPRODUCT((a<>b)*1)",
        1.0: "SUMPRODUCT(ABS(a-b))",
        2.0: "SQRT(SUMXMY2(a,b))",
        math.inf: "SUMPRODUCT(MAX(ABS(a-b)))",
    }.get(float(p), "SUMPRODUCT(ABS(a-b)^p)^(1/p)")
    return low.formula(text, shape=shape, dtype=a.dtype, a=left, b=right, p=float(p))

"""Matrix products: SUMPRODUCT of a row with a row or a column."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from xlparity.compiler.lower.formula import Formula
from xlparity.compiler.lower.lowering import RULES, Lowering, Style

__all__: list[str] = []

aten = torch.ops.aten


def product(low: Lowering, left: Formula, right: Formula) -> Formula:
    """`left @ right` of (..., n, k) and (..., k, m) with the same leading dimensions."""
    rank = len(left.shape)
    left, right = low.gathered(left, 2), low.gathered(right, 2)
    a = low.apply(aten.unsqueeze.default, left, rank - 1)  # (..., n, 1, k)
    columns = low.apply(aten.permute.default, right, [*range(rank - 2), rank - 1, rank - 2])
    b = low.apply(aten.unsqueeze.default, columns, rank - 2)  # (..., 1, m, k)
    return low.contract(a, b, 1)


@RULES.rule("mm.default", "bmm.default")
def _mm(low: Lowering, self: Formula, mat2: Formula) -> Formula:
    return product(low, self, mat2)


@RULES.rule("addmm.default", "baddbmm.default")
def _addmm(low: Lowering, self: Formula, mat1: Formula, mat2: Formula, *, beta: Any = 1, alpha: Any = 1) -> Formula:
    products = product(low, mat1, mat2)
    if low.style == Style.LECTURE:
        # k = x * w, b and n apart, as the documents' sheets have them.
        products = low.place(products.spelled(f"{mat1.operand} @ {mat2.operand}"), low.name_beside("k"))
        bias = low.apply(aten.expand.default, self, list(products.shape))
        low.companion = low.block(products)
        self = low.place(bias, low.name_beside("b"), beside=low.companion)
    return low.formula("alpha*products+beta*bias", products=products, bias=self, alpha=alpha, beta=beta)


@RULES.rule("mv.default", "dot.default")
def _mv(low: Lowering, self: Formula, vec: Formula) -> Formula:
    return low.contract(low.cells(self), low.cells(vec), 1)


@RULES.rule("addmv.default")
def _addmv(low: Lowering, self: Formula, mat: Formula, vec: Formula, *, beta: Any = 1, alpha: Any = 1) -> Formula:
    products = low.contract(low.cells(mat), low.cells(vec), 1)
    return low.formula("alpha*products+beta*bias", products=products, bias=self, alpha=alpha, beta=beta)


@RULES.rule("_trilinear.default")
def _trilinear(
    low: Lowering, i1: Formula, i2: Formula, i3: Formula, expand1: Any, expand2: Any, expand3: Any, sumdim: Any,
    unroll_dim: int = 1,  # noqa: ARG001 - how torch computes it
) -> Formula:  # fmt: skip
    parts = []
    for part, places in zip((i1, i2, i3), (expand1, expand2, expand3), strict=True):
        for place in sorted(places):
            part = low.apply(aten.unsqueeze.default, part, place)
        parts.append(part)
    rank = len(parts[0].shape)
    rest = [d for d in range(rank) if d not in sumdim]
    pairs = low.cells(low.apply(aten.mul.Tensor, parts[0], parts[1]))
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    inner = [shape[d] for d in sumdim]
    left, right = (
        low.apply(aten.permute.default, low.apply(
            aten.expand.default, low.cells(part), [n if d in sumdim else part.shape[d] for d, n in enumerate(shape)]
        ), [*rest, *sumdim])
        for part in (pairs, parts[2])
    )  # fmt: skip
    assert inner
    return low.contract(left, right, len(sumdim))

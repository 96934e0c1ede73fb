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


@RULES.rule("addbmm.default")
def _addbmm(
    low: Lowering, self: Formula, batch1: Formula, batch2: Formula, *, beta: Any = 1, alpha: Any = 1
) -> Formula:
    products = low.place(product(low, batch1, batch2).spelled(f"aten.bmm.default({batch1.torch}, {batch2.torch})"))
    total = low.apply(aten.sum.dim_IntList, products, [0])
    return low.formula("alpha*total+beta*bias", total=total, bias=self, alpha=alpha, beta=beta)


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
    unroll_dim: int = 1,
) -> Formula:  # fmt: skip
    factors = []
    for factor, places in ((i1, expand1), (i2, expand2), (i3, expand3)):
        spread = factor
        for place in sorted(places):
            spread = low.apply(aten.unsqueeze.default, spread, place)
        factors.append(spread)
    first, second, third = factors
    pairs = low.cells(low.apply(aten.mul.Tensor, first, second))
    shape = np.broadcast_shapes(*(factor.shape for factor in factors))
    outer = [d for d in range(len(shape)) if d not in sumdim]

    def inner_last(factor: Formula) -> Formula:
        sizes = [n if d in sumdim else factor.shape[d] for d, n in enumerate(shape)]
        turned: Formula = low.apply(
            aten.permute.default, low.apply(aten.expand.default, factor, sizes), [*outer, *sumdim]
        )
        return turned

    return low.contract(inner_last(pairs), inner_last(low.cells(third)), len(sumdim))

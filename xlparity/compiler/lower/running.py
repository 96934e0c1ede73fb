"""Running sums and products: a function of the part of a row or column up to each element."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from xlparity.compiler.lower.formula import Formula, Slot
from xlparity.compiler.lower.index import line_of, permuted
from xlparity.compiler.lower.lowering import RULES, Lowering, area_of

__all__: list[str] = []

aten = torch.ops.aten


def running(low: Lowering, function: str, self: Formula, dim: int) -> Formula:
    """`function` of the elements from the first to each one along `dim`: SUM($B3:B3) filled to the right."""
    if not self.shape or self.shape[dim] == 1:
        return self
    rank = len(self.shape)
    dim %= rank
    x = permuted(low, low.cells(self), [*(d for d in range(rank) if d != dim), dim])
    assert x.cells is not None
    area = area_of(x.cells, 1)
    if area is None or 1 not in area[1] or (np.diff(area[2]) < 0).any():
        x = low.place(x)
        line_of(low, x)
    ids = x.cells
    assert ids is not None
    slot = Slot(np.broadcast_to(ids[..., :1], ids.shape), ids)
    result = low.formula(f"{function}(part)", shape=x.shape, dtype=self.dtype, part=slot)
    order = list(range(rank - 1))
    order.insert(dim, rank - 1)
    return result.mapped(lambda parts: parts.transpose(order))


@RULES.rule("cumsum.default")
def _cumsum(low: Lowering, self: Formula, dim: int, **_keywords: Any) -> Formula:
    return running(low, "SUM", self, dim)


@RULES.rule("cumprod.default")
def _cumprod(low: Lowering, self: Formula, dim: int, **_keywords: Any) -> Formula:
    return running(low, "PRODUCT", self, dim)

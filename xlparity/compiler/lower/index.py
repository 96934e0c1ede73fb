"""Elements picked by other tensors: embeddings, gathers."""

from __future__ import annotations

import torch

from xlparity.compiler.lower.formula import Formula, Slot, row_of
from xlparity.compiler.lower.lowering import RULES, Lowering

__all__: list[str] = []

aten = torch.ops.aten


@RULES.rule("embedding.default")
def _embedding(low: Lowering, weight: Formula, indices: Formula, *_options: object, **_keywords: object) -> Formula:
    table = low.cells(weight)
    columns = low.areas(low.apply(aten.permute.default, table, [1, 0]), 1)
    assert columns is not None
    (column,) = columns
    shape = (*indices.shape, table.shape[1])
    places = low.apply(aten.unsqueeze.default, indices, len(indices.shape))
    return low.formula("INDEX(column,place+1)", shape=shape, dtype=table.dtype, column=column, place=places)


def _rows(slot: Slot) -> int:
    """How many rows the areas have."""
    assert slot.last is not None
    return int((row_of(slot.last) - row_of(slot.first)).max()) + 1

"""Elements picked by other tensors: INDEX where the indices are computed, other cells where they are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xlparity.compiler.lower.formula import Formula, Slot, identity
from xlparity.compiler.lower.lowering import RULES, VIEWS, Lowering, area_of
from xlparity.compiler.lower.shape import as_cells

__all__ = ["line_of", "permuted", "placed_indices", "reshaped", "whole"]

aten = torch.ops.aten

# Results that are positions, so never negative: torch would count those from the end.
_POSITIONS = ("max_pool2d_with_indices", "max_pool3d_with_indices", "argmax", "argmin", "topk", "sort")


def reshaped(low: Lowering, x: Formula, shape: Sequence[int]) -> Formula:
    """`x` in another shape."""
    if tuple(shape) == x.shape:
        return x
    result = low.apply(aten.reshape.default, x, tuple(shape))
    assert isinstance(result, Formula)
    return result


def permuted(low: Lowering, x: Formula, order: Sequence[int]) -> Formula:
    """`x` with its dimensions in another order."""
    if list(order) == list(range(len(x.shape))):
        return x
    result = low.apply(aten.permute.default, x, list(order))
    assert isinstance(result, Formula)
    return result


def line_of(low: Lowering, x: Formula) -> Slot:
    """For each outer index the row or the column that holds the last dimension, in its order; copied if none does."""
    return _laid(low, x, 1)


def _laid(low: Lowering, x: Formula, inner: int) -> Slot:
    x = low.cells(x)
    for _ in range(2):
        assert x.cells is not None
        found = area_of(x.cells, inner)
        if found is not None and bool((np.diff(found[2]) > 0).all()):
            slot, size, _ = found
            if size == x.shape[-2:] if inner == 2 else 1 in size:
                return slot
        x = low.place(x)
    raise low.refusal(f"a tensor of shape {list(x.shape)} to pick from fits no area of a sheet", "make it smaller")


def whole(low: Lowering, index: Formula) -> NDArray[np.int64] | None:
    """The numbers of an index that depends on no input."""
    value = low.known(index)
    return None if value is None else value.numpy().astype(np.int64)


def placed_indices(indices: Sequence[Formula | None], low: Lowering) -> dict[int, Formula]:
    """The indices by the dimension that they are of; InputError for masks."""
    for index in indices:
        if index is not None and index.dtype == "bool":
            raise low.refusal("a mask as an index takes as many elements as it has ones", "use torch.where")
    return {d: index for d, index in enumerate(indices) if index is not None}


@RULES.rule("embedding.default")
def _embedding(low: Lowering, weight: Formula, indices: Formula, *_options: object, **_keywords: object) -> Formula:
    return _picked(low, weight, [indices], signed=False)


@RULES.rule("index_select.default")
def _index_select(low: Lowering, self: Formula, dim: int, index: Formula) -> Formula:
    if not self.shape:
        return self
    return _picked(low, self, [*[None] * (dim % len(self.shape)), reshaped(low, index, (-1,))], signed=False)


@RULES.rule("take.default")
def _take(low: Lowering, self: Formula, index: Formula) -> Formula:
    return _picked(low, reshaped(low, self, (-1,)), [index], signed=True)


@RULES.rule("index.Tensor", "_unsafe_index.Tensor")
def _index(low: Lowering, self: Formula, indices: Sequence[Formula | None]) -> Formula:
    return _picked(low, self, indices, signed=True)


@RULES.rule("gather.default")
def _gather(low: Lowering, self: Formula, dim: int, index: Formula, *, sparse_grad: bool = False) -> Formula:
    if not self.shape:
        return low.apply(aten.expand.default, self, index.shape)  # type: ignore[no-any-return]
    if not index.shape:
        return reshaped(low, low.apply(aten.gather.default, self, 0, reshaped(low, index, (1,))), ())
    dim %= len(self.shape)
    cut = self
    for d, size in enumerate(index.shape):
        if d != dim and size < cut.shape[d]:
            cut = low.apply(aten.slice.Tensor, cut, d, 0, size)
    known = whole(low, index)
    if known is not None:
        return identity(np.take_along_axis(as_cells(low, cut), known, dim), self.dtype, "")
    if self.shape[dim] == 1:
        return low.apply(aten.expand.default, cut, index.shape)  # type: ignore[no-any-return]
    order = [*(d for d in range(len(self.shape)) if d != dim), dim]
    line = line_of(low, permuted(low, low.cells(cut), order)).mapped(lambda ids: np.expand_dims(ids, dim))
    return low.formula("INDEX(line,place+1)", shape=index.shape, dtype=self.dtype, line=line, place=index)


VIEWS.update(("index.Tensor", "_unsafe_index.Tensor", "index_select.default"))


def _picked(low: Lowering, x: Formula, indices: Sequence[Formula | None], signed: bool) -> Formula:
    """`x[indices]` as torch has it, None for a dimension that stays; `signed`: indices may count from the end."""
    given = placed_indices(indices, low)
    known = {d: whole(low, index) for d, index in given.items()}
    computed = [d for d in given if known[d] is None]
    rank = len(x.shape)
    rest = [d for d in range(rank) if d not in given]
    batch = np.broadcast_shapes(*(index.shape for index in given.values()))
    if not computed:
        key = tuple(known.get(d) if d in known else slice(None) for d in range(rank))
        return identity(as_cells(low, x)[key], x.dtype, "")
    # The table is (*batch or ones, *rest, *computed): what each element is picked from stands last.
    fixed = [d for d in given if d not in computed]
    table = permuted(low, low.cells(x), [*fixed, *rest, *computed])
    sizes = [x.shape[d] for d in computed]
    if fixed:
        lines = [
            reshaped(low, given[d], [1] * (len(batch) - len(given[d].shape)) + list(given[d].shape)) for d in fixed
        ]
        table = low.apply(aten.index.Tensor, table, lines)
    else:
        table = reshaped(low, table, [1] * len(batch) + list(table.shape))
    words: dict[str, Any] = {
        f"i{at}_": reshaped(low, given[d], (*given[d].shape, *[1] * len(rest))) for at, d in enumerate(computed)
    }
    places = [
        f"MOD(i{at}_,{sizes[at]})" if signed and given[d].made not in _POSITIONS else f"i{at}_"
        for at, d in enumerate(computed)
    ]
    if len(computed) == 2:
        text = f"INDEX(area,{places[0]}+1,{places[1]}+1)"
    else:
        if len(computed) > 2:
            table = reshaped(low, table, (*table.shape[: len(table.shape) - len(sizes)], math.prod(sizes)))
        steps = [math.prod(sizes[at + 1 :]) for at in range(len(sizes))]
        flat = "+".join(f"{step}*{place}" if step > 1 else place for step, place in zip(steps, places, strict=True))
        text = f"INDEX(area,{flat}+1)"
    area = _laid(low, table, 2 if len(computed) == 2 else 1)
    shape = (*batch, *(x.shape[d] for d in rest))
    result = low.formula(text, shape=shape, dtype=x.dtype, area=area, **words)
    # The indexed dimensions stand where the first of them stood if they are neighbours, else in front.
    at = sorted(given)
    front = at[0] if at == list(range(at[0], at[-1] + 1)) else 0
    axes = [*range(len(batch), len(batch) + front), *range(len(batch)), *range(len(batch) + front, len(shape))]
    return result.mapped(lambda ids: ids.transpose(axes))

"""Elements picked by other tensors: INDEX where the indices are computed, other cells where they are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xlparity.compiler.lower.formula import Formula, Ids, Slot, identity
from xlparity.compiler.lower.lowering import RULES, Lowering, area_of
from xlparity.compiler.lower.shape import as_cells
from xlparity.model.map import Role

__all__ = ["line", "moved", "numbers", "reshaped", "whole"]

aten = torch.ops.aten


# -- helpers ----------------------------------------------------------------------------------------------------------


def moved(ids: Ids, source: int, target: int) -> Ids:
    """A view with dimension `source` at `target`."""
    return np.moveaxis(ids, source, target)


def reshaped(low: Lowering, x: Formula, shape: Sequence[int]) -> Formula:
    """`x` in another shape."""
    result = low.apply(aten.reshape.default, x, tuple(shape))
    assert isinstance(result, Formula)
    return result


def line(low: Lowering, x: Formula) -> Slot:
    """For each outer index the row or column that holds the last dimension, in its order."""
    x = low.cells(x)
    for _ in range(2):
        assert x.cells is not None
        found = area_of(x.cells, 1)
        if found is not None and 1 in found[1] and bool((np.diff(found[2]) > 0).all()):
            return found[0]
        x = low.place(x)
    raise low.refusal(f"{x.torch} of shape {list(x.shape)} lies in no row or column", "use a smaller tensor")


def _table(low: Lowering, x: Formula) -> Slot:
    """For each outer index the area that holds the last two dimensions, rows and columns."""
    x = low.cells(x)
    for _ in range(2):
        assert x.cells is not None
        found = area_of(x.cells, 2)
        if found is not None and found[1] == x.shape[-2:] and bool((np.diff(found[2]) > 0).all()):
            return found[0]
        x = low.place(x)
    raise low.refusal(f"{x.torch} of shape {list(x.shape)} lies in no area", "use a smaller tensor")


def numbers(low: Lowering, count: int, down: bool, start: int = 0) -> Formula:
    """`start`, `start` + 1, ... in a row or a column of the sheet: one for each sheet."""
    known: dict[Any, Formula] = low.__dict__.setdefault("_numbers", {})
    key = (low.sheet, count, down, start)
    if key not in known:
        value = torch.arange(start, start + count)
        step, low.step = low.step, 0
        name = low.name_beside(f"numbers_{start}_to_{start + count - 1}" + ("_down" if down else ""))
        module = low.node.module if low.node else ""
        placed = low.given(name, Role.CONSTANT, value[:, None] if down else value, "int64", low.sheet, module)
        low.step = step
        low.fix(placed, value[:, None] if down else value)
        known[key] = placed.mapped(lambda ids: ids.reshape(-1))
    return known[key]


def whole(low: Lowering, index: Formula) -> NDArray[np.int64] | None:
    """The numbers of an index that depends on no input."""
    value = low.known(index)
    return None if value is None else value.numpy().astype(np.int64)


def _at(low: Lowering, index: Formula, size: int, signed: bool) -> str:
    """How INDEX counts what `index` counts: from 1, and never from the end."""
    return f"MOD({index},{size})+1" if signed else f"{index}+1"


def _unsigned(index: Formula) -> bool:
    """Whether the index cannot be negative: the position of something."""
    return index.made in ("max_pool2d_with_indices", "argmax", "topk", "sort")


# -- rules ------------------------------------------------------------------------------------------------------------


@RULES.rule("embedding.default")
def _embedding(low: Lowering, weight: Formula, indices: Formula, *_options: object, **_keywords: object) -> Formula:
    return _selected(low, weight, 0, indices, signed=False)


@RULES.rule("index_select.default")
def _index_select(low: Lowering, self: Formula, dim: int, index: Formula) -> Formula:
    if not self.shape:
        return self
    return _selected(low, self, dim % len(self.shape), reshaped(low, index, (-1,)), signed=False)


def _selected(low: Lowering, x: Formula, dim: int, index: Formula, signed: bool) -> Formula:
    """`x` with its dimension `dim` replaced by the elements at `index`."""
    none = [None] * dim
    return _indexed(low, x, [*none, index], signed)


@RULES.rule("gather.default")
def _gather(low: Lowering, self: Formula, dim: int, index: Formula, *, sparse_grad: bool = False) -> Formula:
    if not self.shape or not index.shape:
        x = reshaped(low, self, (1,) if not self.shape else self.shape)
        return reshaped(low, _gather(low, x, 0, reshaped(low, index, (-1,))), index.shape)
    dim %= len(self.shape)
    constant = whole(low, index)
    if constant is not None:
        ids = as_cells(low, self)
        cut = ids[tuple(slice(None) if d == dim else slice(0, n) for d, n in enumerate(index.shape))]
        return identity(np.take_along_axis(cut, constant, dim), self.dtype, "")
    if self.shape[dim] == 1:
        cut = tuple(slice(0, n) for n in index.shape)
        return self.mapped(lambda ids: np.broadcast_to(ids[tuple(
            slice(None) if d == dim else part for d, part in enumerate(cut))], index.shape))  # fmt: skip
    x = low.cells(self).mapped(lambda ids: moved(ids, dim, -1))
    x = x.spelled(f"aten.movedim.int({self.torch}, {dim}, {-1})")
    slot = line(low, x)
    keep = tuple(slice(0, n) for d, n in enumerate(index.shape) if d != dim)
    slot = slot.mapped(lambda ids: np.expand_dims(ids[keep], dim))
    return low.formula("INDEX(line,place+1)", shape=index.shape, dtype=self.dtype, line=slot, place=index)


@RULES.rule("take.default")
def _take(low: Lowering, self: Formula, index: Formula) -> Formula:
    return _indexed(low, reshaped(low, self, (-1,)), [index], signed=True)


@RULES.rule("index.Tensor", "_unsafe_index.Tensor")
def _index(low: Lowering, self: Formula, indices: Sequence[Formula | None]) -> Formula:
    return _indexed(low, self, list(indices), signed=True)


def _indexed(low: Lowering, x: Formula, indices: Sequence[Formula | None], signed: bool) -> Formula:
    """`x[indices]` as torch and numpy have it, None for a dimension that stays."""
    for index in indices:
        if index is not None and index.dtype == "bool":
            raise low.refusal("a mask as an index gives as many elements as it has ones", "use torch.where")
    given = {d: index for d, index in enumerate(indices) if index is not None}
    constant = {d: whole(low, index) for d, index in given.items()}
    computed = [d for d in given if constant[d] is None]
    if not computed:
        ids = as_cells(low, x)
        key = tuple(constant[d] if d in given else slice(None) for d in range(len(indices)))
        return identity(ids[key], x.dtype, "")
    batch = np.broadcast_shapes(*(index.shape for index in given.values()))
    rank = len(x.shape)
    rest = [d for d in range(rank) if d not in given]
    fixed = [d for d in given if d not in computed]
    # (*batch or ones, *rest, *computed), then one INDEX for each element
    order = (*fixed, *rest, *computed)
    table = low.cells(x)
    if fixed:
        at = np.broadcast_arrays(*(np.asarray(constant[d]) for d in fixed))
        at = [part.reshape([1] * (len(batch) - part.ndim) + list(part.shape)) for part in at]
        table = table.mapped(lambda ids: ids.transpose(order)[tuple(at)])
    else:
        table = table.mapped(lambda ids: ids.transpose(order).reshape(*[1] * len(batch), *(x.shape[d] for d in order)))
    table = table.spelled("")
    shape = (*batch, *(x.shape[d] for d in rest))
    words: dict[str, Any] = {}
    for at_, d in enumerate(computed):
        index = given[d]
        words[f"i{at_}_"] = reshaped(low, index, (*index.shape, *[1] * len(rest)))
    sizes = [x.shape[d] for d in computed]
    named = [_at(low, f"i{at}_", size, signed and not _unsigned(given[d]))  # type: ignore[arg-type]
             for at, (size, d) in enumerate(zip(sizes, computed, strict=True))]  # fmt: skip
    if len(computed) == 2:
        slot = _table(low, _readable(low, table, 2))
        text = f"INDEX(area,{named[0]},{named[1]})"
    else:
        if len(computed) > 2:
            flat = "+".join(
                f"{name.removesuffix('+1') if name.startswith('MOD') else name.removesuffix('+1')}*{math.prod(sizes[at + 1 :])}"
                for at, name in enumerate(named)
            ).removesuffix("*1")
            named = [f"{flat}+1"]
            table = table.mapped(lambda ids: ids.reshape(*ids.shape[: ids.ndim - len(sizes)], -1))
        slot = line(low, _readable(low, table, 1))
        text = f"INDEX(area,{named[0]})"
    result = low.formula(text, shape=shape, dtype=x.dtype, area=slot, **words)
    # The indexed dimensions stand where the first of them stood if they were neighbours, else in front.
    places = sorted(given)
    front = places[0] if places == list(range(places[0], places[-1] + 1)) else 0
    axes = [*range(len(batch), len(batch) + front), *range(len(batch)), *range(len(batch) + front, len(shape))]
    return result.mapped(lambda ids: ids.transpose(axes))


def _readable(low: Lowering, table: Formula, inner: int) -> Formula:
    return table

"""Elements put or added where other tensors say: SUMIF where the places are computed, else sums of known cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch._ops import OpOverload

from xlparity.compiler.lower.formula import Formula, Ids, Slot, filled, identity, uniform
from xlparity.compiler.lower.index import line_of, permuted, placed_indices, reshaped, whole
from xlparity.compiler.lower.lowering import RULES, VIEWS, Lowering, area_of
from xlparity.compiler.lower.shape import as_cells, float_of

__all__: list[str] = []

aten = torch.ops.aten

_MOST_TERMS = 32  # areas or elements in one formula


# -- places that are known --------------------------------------------------------------------------------------------


def _put(low: Lowering, self: Formula, places: NDArray[np.int64], values: Formula) -> Formula:
    """`self` with `values` at `places`, positions in it as one row: other cells, no formula."""
    if len(np.unique(places)) < places.size:
        raise low.refusal("which of several values for one place stays there is not defined", "give each place once")
    ids = np.array(as_cells(low, self)).reshape(-1)
    ids[places.reshape(-1)] = np.broadcast_to(as_cells(low, values), places.shape).reshape(-1)
    return identity(ids.reshape(self.shape), self.dtype, "")


def _added(low: Lowering, self: Formula, places: NDArray[np.int64], values: Formula) -> Formula:
    """`self` plus, at each of `places`, all `values` that go there."""
    ids = np.broadcast_to(as_cells(low, values), places.shape).reshape(-1)
    flat = places.reshape(-1)
    order = np.argsort(flat, kind="stable")
    size = math.prod(self.shape)
    counts = np.bincount(flat, minlength=size)
    most = max(int(counts.max(initial=0)), 1)
    met = np.full((size, most), low.literals.id(0.0), np.int64)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    met[flat[order], np.arange(flat.size) - starts] = ids[order]
    met = met.reshape(*self.shape, most)
    total = _sum(low, met, values.dtype)
    return low.formula("self+total", shape=self.shape, self=self, total=total)


def _sum(low: Lowering, met: Ids, dtype: str) -> Formula:
    """The sums over the last dimension of cells, of which some may be the literal 0."""
    most = met.shape[-1]
    if most == 1:
        return identity(met[..., 0], dtype, "")
    if (met >> 34 > 0).all():
        area = area_of(met, 1)
        if area is not None:
            return filled("SUM(area)", met.shape[:-1], dtype, {"area": area[0]})
    if most > _MOST_TERMS:
        raise low.refusal(f"a sum of {most} scattered cells has no readable formula", "use a smaller kernel")
    names = [f"a{at}_" for at in range(most)]
    values = {name: Slot(met[..., at]) for at, name in enumerate(names)}
    return filled(f"SUM({','.join(names)})", met.shape[:-1], dtype, values)


def _zero(like: Formula) -> Formula:
    return uniform(0.0, like.shape, like.dtype, "")


def _origins(operation: OpOverload, shape: Sequence[int], arguments: Sequence[Any]) -> NDArray[np.int64]:
    """For each element of a result that only copies elements: which one it is, counted from 1; 0 for padding."""
    positions = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64).reshape(tuple(shape))
    plain = [list(part) if isinstance(part, tuple) else part for part in arguments]
    return operation(positions, *plain).numpy().astype(np.int64)  # type: ignore[no-any-return]


def _copying(name: str) -> None:
    """The rule of an operation that copies elements: other cells."""
    operation = getattr(aten, name).default

    def rule(low: Lowering, self: Formula, *arguments: Any) -> Formula:
        origins = _origins(operation, self.shape, arguments)
        ids = np.concatenate([[low.literals.id(0.0)], as_cells(low, self).reshape(-1)])
        return identity(ids[origins], self.dtype, "")

    RULES.add(f"{name}.default", rule)
    VIEWS.add(f"{name}.default")


def _copying_backward(name: str, shape_at: int) -> None:
    """The rule of its derivative: each element gets the sum of its copies' gradients."""
    operation = getattr(aten, name).default

    def rule(low: Lowering, grad: Formula, *arguments: Any) -> Formula:
        if shape_at < 0:  # the input itself is the first argument
            like, rest = arguments[0].shape, list(arguments[1:])
        else:
            like, rest = tuple(arguments[shape_at]), [part for at, part in enumerate(arguments) if at != shape_at]
        return _collected(low, grad, _origins(operation, like, rest), like)

    RULES.add(f"{name}_backward.default", rule)


def _collected(low: Lowering, grad: Formula, origins: NDArray[np.int64], shape: Sequence[int]) -> Formula:
    """For each element of a tensor of `shape` the sum of `grad` over the copies of it that `origins` tells."""
    kept = origins.reshape(-1) > 0
    values = identity(as_cells(low, low.cells(grad)).reshape(-1)[kept], grad.dtype, "")
    like = uniform(0.0, tuple(shape), grad.dtype, "")
    return _added(low, like, origins.reshape(-1)[kept] - 1, values)


for (
    _name
) in "reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d".split():
    _copying(_name)
    _copying_backward(_name, -1)
for _name in "upsample_nearest1d upsample_nearest2d upsample_nearest3d im2col".split():
    _copying(_name)
for _name in "upsample_nearest1d upsample_nearest2d upsample_nearest3d".split():
    _copying_backward(_name, 1)


@RULES.rule("col2im.default")
def _fold(
    low: Lowering, self: Formula, output_size: Sequence[int], kernel_size: Sequence[int], dilation: Sequence[int],
    padding: Sequence[int], stride: Sequence[int],
) -> Formula:  # fmt: skip
    shape = (self.shape[0], self.shape[1] // math.prod(kernel_size), *output_size)
    origins = _origins(aten.im2col.default, shape, (kernel_size, dilation, padding, stride))
    return _collected(low, self, origins, shape)


@RULES.rule("diagonal_scatter.default")
def _diagonal_scatter(low: Lowering, self: Formula, src: Formula, *arguments: Any, **keywords: Any) -> Formula:
    places = aten.diagonal.default(_positions(self), *arguments, **keywords).numpy()
    return _put(low, self, places, src)


@RULES.rule("as_strided_scatter.default")
def _strided_scatter(low: Lowering, self: Formula, src: Formula, *arguments: Any, **keywords: Any) -> Formula:
    plain: list[Any] = [list(part) if isinstance(part, tuple) else part for part in arguments]
    return _put(low, self, torch.as_strided(_positions(self), *plain, **keywords).numpy(), src)


@RULES.rule("masked_scatter.default")
def _masked_scatter(low: Lowering, self: Formula, mask: Formula, source: Formula) -> Formula:
    """Where the mask is, the next number of `source`: how many there were up to here is counted in cells."""
    shape = np.broadcast_shapes(self.shape, mask.shape)
    flat = reshaped(low, low.apply(aten.expand.default, mask, list(shape)), (math.prod(shape),))
    count = low.cells(low.apply(aten.cumsum.default, low.cells(flat), 0), low.name_beside("count"))
    count = reshaped(low, count, shape)
    taken = line_of(low, reshaped(low, source, (math.prod(source.shape),)))
    if math.prod(source.shape) == 1:
        return low.formula("IF(mask=0,self,taken)", self=self, mask=mask, taken=reshaped(low, source, ()), shape=shape)
    return low.formula("IF(mask=0,self,INDEX(taken,count))", self=self, mask=mask, taken=taken, count=count,
                       shape=shape, dtype=self.dtype)  # fmt: skip


@RULES.rule("copy.default")
def _copy(low: Lowering, self: Formula, src: Formula, non_blocking: bool = False) -> Formula:
    return low.apply(aten.expand.default, src, list(self.shape))  # type: ignore[no-any-return]


@RULES.rule("new_empty_strided.default", "new_empty.default", "empty_like.default")
def _blank(low: Lowering, self: Formula, *_arguments: Any, **_keywords: Any) -> Formula:
    assert low.node is not None
    return uniform(0.0, low.node.shape, self.dtype, "")


VIEWS.update(("diagonal_scatter.default", "as_strided_scatter.default", "copy.default"))


def _positions(x: Formula) -> torch.Tensor:
    """For each element of `x` its position in `x` as one row."""
    return torch.arange(math.prod(x.shape)).reshape(x.shape)


# -- places that are computed -----------------------------------------------------------------------------------------


def _pairs(keys: Ids, values: Ids, inner: int) -> list[tuple[Slot, Slot]] | None:
    """Areas of keys and of values that belong together, over the last `inner` dimensions; None if there are none."""
    left, right = area_of(keys, inner), area_of(values, inner)
    if left is not None and right is not None and left[1] == right[1] and (left[2] == right[2]).all():
        return [(left[0], right[0])]
    split = next((d for d in range(values.ndim - inner, values.ndim) if values.shape[d] > 1), None)
    if split is None or values.shape[split] > _MOST_TERMS or split == values.ndim - 1:
        return None
    behind = split - values.ndim
    found: list[tuple[Slot, Slot]] = []
    for at in range(values.shape[split]):
        part = _pairs(np.take(keys, [at], behind), np.take(values, [at], behind), inner)
        if part is None:
            return None
        found += part
    return found if len(found) <= _MOST_TERMS else None


def _matched(low: Lowering, keys: Formula, values: Formula, wanted: Formula, inner: int) -> Formula:
    """The sums of `values` over their last `inner` dimensions where `keys` are `wanted`, which has the outer ones."""
    if math.prod(values.shape[len(values.shape) - inner :]) == 1:
        first = [0] * inner
        key, value = (part.mapped(lambda ids: ids[(Ellipsis, *first)]) for part in (keys, values))  # type: ignore[arg-type]
        return low.formula("IF(key=wanted,value,0)", key=key, wanted=wanted, value=value, dtype=values.dtype)
    values = low.cells(values)
    pairs = None
    if keys.cells is not None and (keys.cells >> 34 > 0).all():
        pairs = _both(keys, values, inner)
    if pairs is None:
        assert values.cells is not None
        line = area_of(values.cells, 1)
        pairs = _both(_typeset(low, keys, line is not None and line[1][0] > 1), values, inner)
    if pairs is None:
        flat = [reshaped(low, part, (*part.shape[: len(part.shape) - inner], -1)) for part in (keys, values)]
        flat = [
            reshaped(low, part, (*part.shape[:-1], math.prod(values.shape[len(values.shape) - inner :])))
            for part in flat
        ]
        pairs = _both(_typeset(low, flat[0], False), low.place(flat[1]), 1)
    if pairs is None:
        raise low.refusal("values to add by their keys fit no area", "make the tensor smaller")
    slots: dict[str, Any] = {"wanted": wanted}
    words = []
    for at, (key_area, value_area) in enumerate(pairs):
        slots[f"k{at}_"], slots[f"v{at}_"] = key_area, value_area
        words.append(f"SUMIF(k{at}_,wanted,v{at}_)")
    outer = np.broadcast_shapes(wanted.shape, values.shape[: len(values.shape) - inner])
    return filled("+".join(words), outer, values.dtype, slots)


def _both(keys: Formula, values: Formula, inner: int) -> list[tuple[Slot, Slot]] | None:
    assert keys.cells is not None
    assert values.cells is not None
    return _pairs(keys.cells, values.cells, inner)


def _typeset(low: Lowering, keys: Formula, down: bool) -> Formula:
    """The keys in cells of their own on this sheet: the last dimension in columns, or in rows."""
    shape = keys.shape
    still = [all(slot.first.strides[d] == 0 for slot in keys.slots) for d in range(len(shape))]
    distinct = [1 if same else size for same, size in zip(still, shape, strict=True)]
    for d, size in enumerate(distinct):
        if size != shape[d]:
            keys = low.apply(aten.slice.Tensor, keys, d, 0, size)
    # As a matrix at least: a long vector would stand in a column.
    least = distinct[next((d for d, size in enumerate(distinct) if size > 1), len(distinct) - 1) :]
    least = [1] * (2 - len(least) - down) + least + [1] * down
    placed = low.place(reshaped(low, keys, least), low.name_beside("indices"))
    return placed.mapped(lambda ids: np.broadcast_to(ids.reshape(distinct), shape))


def _alike(low: Lowering, *lines: Slot) -> None:
    """Raises InputError unless the lines are all rows, or all columns: else their product would be a table."""
    apart = []
    for line in lines:
        assert line.last is not None
        apart.append({int(step) for step in np.unique(line.last - line.first)})
    if any(len(steps) != 1 or steps != apart[0] for steps in apart):
        raise low.refusal("a scatter of this many elements fits no rows of a sheet", "make the tensor smaller")


def _wanted(low: Lowering, size: int, dim: int, rank: int) -> Formula:
    """The numbers of the places along dimension `dim` of a tensor of rank `rank`, as a tensor of that rank.

    They stand in a row or a column of the sheet, so that one formula can be filled; or in the formulas for a plane's.
    """
    shape = [size if d == dim else 1 for d in range(rank)]
    if dim >= rank - 2 and size > 1:
        return reshaped(low, low.numbers(0, size, down=dim == rank - 2), shape)
    return identity(low.literals.ids(np.arange(size)).reshape(shape), "int64", "")


# -- index_put --------------------------------------------------------------------------------------------------------


@RULES.rule("index_put.default", "_unsafe_index_put.default")
def _index_put(
    low: Lowering, self: Formula, indices: Sequence[Formula | None], values: Formula, accumulate: bool = False
) -> Formula:
    given = placed_indices(indices, low)
    known = {d: whole(low, index) for d, index in given.items()}
    if all(index is not None for index in known.values()):
        places = _positions(self).numpy()[tuple(known.get(d, slice(None)) for d in range(len(self.shape)))]
        return (_added if accumulate else _put)(low, self, places, values)
    rank = len(self.shape)
    batch = np.broadcast_shapes(*(index.shape for index in given.values()))
    rest = [d for d in range(rank) if d not in given]
    at = sorted(given)
    front = at[0] if at == list(range(at[0], at[-1] + 1)) else 0
    # Values as (*rest, *batch), keys as (*ones, *batch): the place in the given dimensions as one row.
    full = [self.shape[d] for d in rest]
    shape = (*full[:front], *batch, *full[front:])
    values = low.apply(aten.expand.default, values, list(shape))
    order = [*range(front), *range(front + len(batch), len(shape)), *range(front, front + len(batch))]
    values = permuted(low, values, order)
    sizes = [self.shape[d] for d in at]
    words = {f"i{n}_": given[d] for n, d in enumerate(at)}
    steps = [math.prod(sizes[n + 1 :]) for n in range(len(sizes))]
    flat = "+".join(
        f"{step}*MOD(i{n}_,{size})" if step > 1 else f"MOD(i{n}_,{size})"
        for n, (step, size) in enumerate(zip(steps, sizes, strict=True))
    )
    text = " + ".join(
        f"{step} * aten.remainder.Scalar({given[d].torch}, {size})" if step > 1
        else f"aten.remainder.Scalar({given[d].torch}, {size})"
        for d, step, size in zip(at, steps, sizes, strict=True)
    )  # fmt: skip
    keys = low.formula(flat, shape=batch, dtype="int64", **words).spelled(text, atom=len(at) == 1)
    outer = (*sizes, *full)
    if len(at) == 1:
        wanted = _wanted(low, sizes[0], at[0], rank)
        wanted = permuted(low, wanted, [*at, *rest])
    else:
        numbers = np.arange(math.prod(sizes)).reshape(*sizes, *[1] * len(rest))
        wanted = identity(low.literals.ids(numbers), "int64", "")
    old = permuted(low, self, [*at, *rest])
    spread = [*[1] * (len(outer)), *batch]
    keys = reshaped(low, keys, spread)
    values = reshaped(low, values, [*[1] * len(at), *full, *batch])
    back = [[*at, *rest].index(d) for d in range(rank)]
    new = _combined(low, old, keys, values, wanted, len(batch), "sum" if accumulate else "put")
    return permuted(low, new, back)


# What becomes of `old` and the one `value` for its place, without `old` and with it.
_OF_ONE = {"sum": "value", "prod": "value", "amax": "value", "amin": "value", "mean": "value"}
_OF_TWO = {"sum": "old+value", "prod": "old*value", "amax": "MAX(old,value)", "amin": "MIN(old,value)",
           "mean": "(old+value)/2"}  # fmt: skip
# The same of all values for its place: with `old`, and without.
_OF_MATCHES = {
    "sum": ("old+SUMPRODUCT((keys=wanted)*values)", "SUMPRODUCT((keys=wanted)*values)"),
    "prod": ("old*SUMPRODUCT(PRODUCT((keys=wanted)*values+(keys<>wanted)))",
             "SUMPRODUCT(PRODUCT((keys=wanted)*values+(keys<>wanted)))"),
    "amax": ("MAX(old,SUMPRODUCT(MAX((keys=wanted)*values-(keys<>wanted)*1E+300)))",
             "SUMPRODUCT(MAX((keys=wanted)*values-(keys<>wanted)*1E+300))"),
    "amin": ("MIN(old,SUMPRODUCT(MIN((keys=wanted)*values+(keys<>wanted)*1E+300)))",
             "SUMPRODUCT(MIN((keys=wanted)*values+(keys<>wanted)*1E+300))"),
    "mean": ("(old+SUMPRODUCT((keys=wanted)*values))/(1+COUNTIF(keys,wanted))",
             "SUMPRODUCT((keys=wanted)*values)/COUNTIF(keys,wanted)"),
}  # fmt: skip


def _combined(
    low: Lowering, old: Formula, keys: Formula, values: Formula, wanted: Formula, inner: int, how: str,
    alone: bool = False,
) -> Formula:  # fmt: skip
    """`old` changed where keys are wanted: `put` the last value there, or add, multiply, ... all of them.

    `alone` leaves `old` itself out of what is added, multiplied, ... where a key is wanted.
    """
    if not inner:
        keys, values, inner = (
            *(low.apply(aten.unsqueeze.default, part, len(part.shape)) for part in (keys, values)),
            1,
        )
    if how == "sum" and not alone:
        total = _matched(low, keys, values, wanted, inner)
        return low.formula("old+total", old=old, total=total)
    count = math.prod(values.shape[len(values.shape) - inner :])
    if count == 1:
        first = [0] * inner
        key, value = (part.mapped(lambda ids: ids[(Ellipsis, *first)]) for part in (keys, values))  # type: ignore[arg-type]
        text = {"put": "value", **_OF_ONE}[how] if alone else {"put": "value", **_OF_TWO}[how]
        text = f"IF(key=wanted,{text},old)"
        return low.formula(text, key=key, wanted=wanted, value=value, old=old, dtype=old.dtype)
    if inner > 1:
        keys, values = (reshaped(low, part, (*part.shape[: len(part.shape) - inner], count)) for part in (keys, values))
    if how == "put" and not values.slots:
        keys = keys if keys.cells is not None else _typeset(low, keys, False)
        number = float_of(values)
        return low.formula("IF(COUNTIF(keys,wanted)=0,old,value)", keys=line_of(low, keys), wanted=wanted, old=old,
                           value=number, shape=old.shape, dtype=old.dtype)  # fmt: skip
    # Keys and values must lie alike, for they are multiplied.
    keys = _typeset(low, keys, down=False)
    slot = line_of(low, keys)
    values = low.cells(values)
    if how == "put":
        numbers = line_of(low, low.numbers(1, count))
        _alike(low, slot, numbers)
        return low.formula(
            "IF(COUNTIF(keys,wanted)=0,old,INDEX(values,SUMPRODUCT(MAX((keys=wanted)*numbers))))", shape=old.shape,
            dtype=old.dtype, keys=slot, wanted=wanted, old=old, values=line_of(low, values),
            numbers=numbers.mapped(lambda ids: np.broadcast_to(ids, old.shape)),
        )  # fmt: skip
    row = line_of(low, low.place(reshaped(low, values, [1, *values.shape]) if len(values.shape) == 1 else values))
    _alike(low, slot, row)
    text = _OF_MATCHES[how][alone]
    text = f"IF(COUNTIF(keys,wanted)=0,old,{text})" if alone else text
    return low.formula(text, shape=old.shape, dtype=old.dtype, keys=slot, wanted=wanted, old=old, values=row)


# -- scatter ----------------------------------------------------------------------------------------------------------


def _scattered(
    low: Lowering, self: Formula, dim: int, index: Formula, src: Any, how: str, alone: bool = False
) -> Formula:
    if not self.shape:
        self_, index_ = reshaped(low, self, (1,)), reshaped(low, index, (-1,))
        src_ = reshaped(low, src, (-1,)) if isinstance(src, Formula) and src.slots else src
        return reshaped(low, _scattered(low, self_, 0, index_, src_, how, alone), ())
    rank = len(self.shape)
    dim %= rank
    if not math.prod(index.shape):
        return self
    if isinstance(src, Formula) and src.slots:
        for d, size in enumerate(index.shape):
            src = low.apply(aten.slice.Tensor, src, d, 0, size)
    else:
        number = float_of(src) if isinstance(src, Formula) else float(src)
        spelled = repr(number if "float" in self.dtype else int(number))
        src = uniform(number, index.shape, self.dtype, f"aten.full.default({list(index.shape)}, {spelled})")
    known = whole(low, index)
    if known is not None and how in ("put", "sum") and not alone:
        places = np.take_along_axis(
            _positions(self).numpy()[
                tuple(slice(None) if d == dim else slice(0, n) for d, n in enumerate(index.shape))
            ],
            known, dim,
        )  # fmt: skip
        return (_added if how == "sum" else _put)(low, self, places, src)
    smaller = [d for d in range(rank) if d != dim and index.shape[d] < self.shape[d]]
    if smaller:
        return _within(low, self, dim, index, src, how, alone)
    order = [*(d for d in range(rank) if d != dim), dim]
    old, keys, values = (permuted(low, part, order) for part in (self, index, src))
    keys, values = (low.apply(aten.unsqueeze.default, part, rank - 1) for part in (keys, values))
    wanted = permuted(low, _wanted(low, self.shape[dim], dim, rank), order)
    result = _combined(low, old, keys, values, wanted, 1, how, alone)
    return permuted(low, result, [order.index(d) for d in range(rank)])


def _within(low: Lowering, self: Formula, dim: int, index: Formula, src: Formula, how: str, alone: bool) -> Formula:
    """Scattering into the part of `self` that the index covers; the rest stays."""
    cut = tuple(slice(None) if d == dim else slice(0, n) for d, n in enumerate(index.shape))
    part = self
    for d, n in enumerate(index.shape):
        if d != dim:
            part = low.apply(aten.slice.Tensor, part, d, 0, n)
    new = _scattered(low, part, dim, index, src, how, alone)
    ids = np.array(as_cells(low, self))
    ids[cut] = as_cells(low, low.place(new.spelled(_text(part, dim, index, src, how, alone))))
    return identity(ids, self.dtype, "")


def _text(self: Formula, dim: int, index: Formula, src: Formula, how: str, alone: bool) -> str:
    value = src.torch if src.slots else repr(float_of(src))
    if how == "put":
        return f"aten.scatter.{'src' if src.slots else 'value'}({self.torch}, {dim}, {index.torch}, {value})"
    if not src.slots:
        value = f"aten.full.default({list(index.shape)}, {value})"
    rest = ", include_self=False" if alone else ""
    return f"aten.scatter_reduce.two({self.torch}, {dim}, {index.torch}, {value}, '{how}'{rest})"


@RULES.rule("scatter.src", "scatter.value")
def _scatter(low: Lowering, self: Formula, dim: int, index: Formula, src: Any = None, value: Any = None) -> Formula:
    return _scattered(low, self, dim, index, value if src is None else src, "put")


@RULES.rule("scatter_add.default")
def _scatter_add(low: Lowering, self: Formula, dim: int, index: Formula, src: Formula) -> Formula:
    return _scattered(low, self, dim, index, src, "sum")


@RULES.rule("scatter_reduce.two")
def _scatter_reduce(
    low: Lowering, self: Formula, dim: int, index: Formula, src: Formula, reduce: str, *, include_self: bool = True
) -> Formula:
    return _scattered(low, self, dim, index, src, reduce, not include_self)


@RULES.rule("scatter.reduce", "scatter.value_reduce")
def _scatter_and(
    low: Lowering, self: Formula, dim: int, index: Formula, src: Any = None, value: Any = None, *, reduce: str
) -> Formula:
    how = {"add": "sum", "multiply": "prod"}[reduce]
    return _scattered(low, self, dim, index, value if src is None else src, how)


@RULES.rule("index_reduce.default")
def _index_reduce(
    low: Lowering, self: Formula, dim: int, index: Formula, source: Formula, reduce: str, *, include_self: bool = True
) -> Formula:
    if not self.shape:
        self_, source_ = (reshaped(low, part, (1,)) for part in (self, source))
        places = reshaped(low, index, (1,))
        return reshaped(low, _scattered(low, self_, 0, places, source_, reduce, not include_self), ())
    dim %= len(self.shape)
    shape = [n if d != dim else source.shape[dim] for d, n in enumerate(self.shape)]
    along = reshaped(low, index, [math.prod(index.shape) if d == dim else 1 for d in range(len(shape))])
    along = low.apply(aten.expand.default, along, shape)
    return _scattered(low, self, dim, along, source, reduce, not include_self)


@RULES.rule("put.default")
def _put_flat(low: Lowering, self: Formula, index: Formula, source: Formula, accumulate: bool = False) -> Formula:
    flat, values = reshaped(low, self, (math.prod(self.shape),)), reshaped(low, source, index.shape)
    return reshaped(low, _index_put(low, flat, [index], values, accumulate), self.shape)


@RULES.rule("embedding_dense_backward.default")
def _embedding_backward(
    low: Lowering, grad_output: Formula, indices: Formula, num_weights: int, padding_idx: int, scale_grad_by_freq: bool
) -> Formula:
    if scale_grad_by_freq:
        raise low.refusal("an embedding with scale_grad_by_freq has no formula", "use scale_grad_by_freq=False")
    columns = grad_output.shape[-1]
    batch = indices.shape
    rank = len(batch)
    values = permuted(low, grad_output, [rank, *range(rank)])
    values = reshaped(low, low.cells(values), (1, columns, *batch))
    wanted = _wanted(low, num_weights, 0, 2)
    total = _matched(low, reshaped(low, indices, (1, 1, *batch)), values, wanted, max(rank, 1)) if rank else _matched(
        low, reshaped(low, indices, (1, 1, 1)), reshaped(low, values, (1, columns, 1)), wanted, 1)  # fmt: skip
    if 0 <= padding_idx < num_weights:
        return low.formula("IF(place=padding,0,total)", place=wanted, padding=padding_idx, total=total)
    return total

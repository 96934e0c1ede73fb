"""Order: the largest and its place, the k-th smallest, sorting, running extremes, places among sorted numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from xlparity.compiler.lower.formula import Formula, Slot, identity
from xlparity.compiler.lower.index import reshaped
from xlparity.compiler.lower.lowering import RULES, Lowering
from xlparity.compiler.lower.reduce import kept, moved_last, reduced
from xlparity.model.map import Role

__all__: list[str] = []

aten = torch.ops.aten


def _along(low: Lowering, self: Formula, dim: int | None) -> Formula:
    """The tensor in cells, with the dimension to work along last; all of it in one for None."""
    x = low.cells(self)
    if dim is None:
        flat = low.apply(aten.reshape.default, x, (-1,))
        assert isinstance(flat, Formula)
        return flat
    return moved_last(low, x, [dim % len(x.shape)]) if x.shape else low.apply(aten.unsqueeze.default, x, 0)


def _back(low: Lowering, result: Formula, rank: int, dim: int) -> Formula:
    """The dimension that stands last put back where it was."""
    if not rank:
        back = low.apply(aten.select.int, result, 0, 0)
    else:
        order = list(range(rank - 1))
        order.insert(dim % rank, rank - 1)
        back = low.apply(aten.permute.default, result, order)
    assert isinstance(back, Formula)
    return back


def _numbers(low: Lowering, values: Sequence[float], shape: Sequence[int]) -> Formula:
    """A tensor of literals: `values` along the last dimension."""
    ids = np.array([low.literals.id(float(value)) for value in values], np.int64)
    return identity(np.broadcast_to(ids, tuple(shape)), "int64", "")


def _shaped(low: Lowering, result: Formula, self: Formula, dim: int | None, keepdim: bool) -> Formula:
    if not keepdim or not self.shape:
        return result
    dims = list(range(len(self.shape))) if dim is None else [dim % len(self.shape)]
    return kept(low, result, self.shape, dims)


# -- the largest and the smallest --------------------------------------------------------------------------------------


def _extreme(low: Lowering, self: Formula, dim: int | None, keepdim: bool, function: str) -> tuple[Formula, Formula]:
    """The largest (MAX) or smallest (MIN) and the place of the first that is as large."""
    line = low.line(_along(low, self, dim))
    shape = line.first.shape
    largest = low.place(
        low.formula(f"{function}(line)", shape=shape, dtype=self.dtype, line=line).spelled(
            f"aten.{'amax' if function == 'MAX' else 'amin'}.default({self.torch}{'' if dim is None else f', [{dim}]'})"
        )
    ) if self.torch else low.formula(f"{function}(line)", shape=shape, dtype=self.dtype, line=line)  # fmt: skip
    place = low.formula("MATCH(largest,line,0)-1", shape=shape, dtype="int64", largest=largest, line=line)
    return _shaped(low, largest, self, dim, keepdim), _shaped(low, place, self, dim, keepdim)


@RULES.rule("argmax.default")
def _argmax(low: Lowering, self: Formula, dim: int | None = None, keepdim: bool = False) -> Formula:
    return _extreme(low, low.cells(self), dim, keepdim, "MAX")[1]


@RULES.rule("argmin.default")
def _argmin(low: Lowering, self: Formula, dim: int | None = None, keepdim: bool = False) -> Formula:
    return _extreme(low, low.cells(self), dim, keepdim, "MIN")[1]


@RULES.rule("max.dim")
def _max(low: Lowering, self: Formula, dim: int, keepdim: bool = False) -> tuple[Formula, Formula]:
    return _extreme(low, low.cells(self), dim, keepdim, "MAX")


@RULES.rule("min.dim")
def _min(low: Lowering, self: Formula, dim: int, keepdim: bool = False) -> tuple[Formula, Formula]:
    return _extreme(low, low.cells(self), dim, keepdim, "MIN")


@RULES.rule("aminmax.default")
def _aminmax(low: Lowering, self: Formula, *, dim: int | None = None, keepdim: bool = False) -> tuple[Formula, Formula]:
    x = low.cells(self)
    return reduced(low, "MIN", x, dim, keepdim), reduced(low, "MAX", x, dim, keepdim)


# -- the k-th smallest -------------------------------------------------------------------------------------------------


def _kth(low: Lowering, self: Formula, k: int, dim: int | None, keepdim: bool) -> tuple[Formula, Formula]:
    line = low.line(_along(low, self, dim))
    shape = line.first.shape
    text = "SMALL(line,k)"
    value = low.formula(text, shape=shape, dtype=self.dtype, line=line, k=k)
    if dim is not None:
        name = "aten.kthvalue.default"
        value = low.place(value.spelled(f"{name}({self.torch}, {k}, {dim})[0]"))
    place = low.formula("MATCH(value,line,0)-1", shape=shape, dtype="int64", value=value, line=line)
    return _shaped(low, value, self, dim, keepdim), _shaped(low, place, self, dim, keepdim)


@RULES.rule("kthvalue.default")
def _kthvalue(low: Lowering, self: Formula, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Formula, Formula]:
    return _kth(low, low.cells(self), k, dim, keepdim)


def _refuse_nan(low: Lowering) -> None:
    assert low.node is not None
    if low.may_be_nan() and "nan" in str(low.node):
        raise low.refusal("a median that leaves out NaN has no formula", "put the numbers that count into a tensor")


@RULES.rule("median.dim", "nanmedian.dim")
def _median(low: Lowering, self: Formula, dim: int = -1, keepdim: bool = False) -> tuple[Formula, Formula]:
    """The lower of the two in the middle, as torch takes it; MEDIAN would give their mean."""
    _refuse_nan(low)
    count = self.shape[dim] if self.shape else 1
    return _kth(low, low.cells(self), (count + 1) // 2, dim, keepdim)


@RULES.rule("median.default", "nanmedian.default")
def _median_of_all(low: Lowering, self: Formula) -> Formula:
    _refuse_nan(low)
    x = low.cells(self)
    count = int(np.prod(x.shape))
    return _kth(low, x, (count + 1) // 2, None, False)[0]


# -- sorting -----------------------------------------------------------------------------------------------------------


def _sorted(
    low: Lowering, self: Formula, dim: int, descending: bool, count: int, torch_order: str
) -> tuple[Formula, Formula]:
    """The first `count` numbers in order and where each of them stood; of equal ones the first comes first."""
    x = _along(low, self, dim)
    line = low.line(x)
    rest, length = x.shape[:-1], x.shape[-1]
    spread = Slot(*(np.broadcast_to(part[..., None], x.shape) for part in (line.first, line.last)))  # type: ignore[index]
    own = low.elements(line, length)
    # How many stand before each: those that are smaller, and equal ones further to the front.
    seen = Slot(spread.first, own)
    text = f"RANK(x,line,{0 if descending else 1})+COUNTIF(seen,x)-2"
    rank = low.formula(text, shape=x.shape, dtype="int64", x=Slot(own), line=spread, seen=seen)
    order = low.place(_back(low, rank, len(self.shape), dim).spelled(torch_order), low.name_beside("rank"))
    ranks = low.line(_along(low, order, dim))
    shape = (*rest, count)
    place = _numbers(low, range(count), shape)
    wide = Slot(*(np.broadcast_to(part[..., None], shape) for part in (ranks.first, ranks.last)))  # type: ignore[index]
    where = low.formula("MATCH(k,ranks,0)-1", shape=shape, dtype="int64", k=place, ranks=wide)
    lines = Slot(*(np.broadcast_to(part[..., None], shape) for part in (line.first, line.last)))  # type: ignore[index]
    nth = _numbers(low, range(1, count + 1), shape)
    function = "LARGE" if descending else "SMALL"
    value = low.formula(f"{function}(line,k)", shape=shape, dtype=self.dtype, line=lines, k=nth)
    return _back(low, value, len(self.shape), dim), _back(low, where, len(self.shape), dim)


def _order(self: Formula, dim: int, descending: bool) -> str:
    """The expression for how many stand before each element."""
    options = f"stable=True, dim={dim}"
    inner = f"aten.argsort.stable({self.torch}, {options}, descending={descending})"
    return f"aten.argsort.stable({inner}, {options})"


@RULES.rule("sort.default", "sort.stable")
def _sort(
    low: Lowering, self: Formula, dim: int = -1, descending: bool = False, *, stable: bool | None = None
) -> tuple[Formula, Formula]:
    x = low.cells(self)
    return _sorted(low, x, dim, descending, x.shape[dim] if x.shape else 1, _order(x, dim, descending))


@RULES.rule("topk.default")
def _topk(
    low: Lowering, self: Formula, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Formula, Formula]:
    if not sorted:
        raise low.refusal("aten.topk.default leaves the order of its results open", "give sorted=True")
    x = low.cells(self)
    return _sorted(low, x, dim, largest, k, _order(x, dim, largest))


# -- running extremes --------------------------------------------------------------------------------------------------


def _running(low: Lowering, self: Formula, dim: int, function: str) -> tuple[Formula, Formula]:
    x = low.in_rows(_along(low, self, dim), 1)
    line = low.line(x)
    own = low.elements(line, x.shape[-1])
    seen = Slot(np.broadcast_to(line.first[..., None], x.shape), own)
    largest = low.formula(f"{function}(seen)", shape=x.shape, dtype=self.dtype, seen=seen)
    largest = low.place(_back(low, largest, len(self.shape), dim).spelled(
        f"aten.cum{function.lower()}.default({self.torch}, {dim})[0]"))  # fmt: skip
    # The last of those that are as large, as torch has it: numbers from 0 beside them, of which the largest counts.
    count = low.given(low.name_beside("places"), Role.CONSTANT, torch.arange(x.shape[-1]), "int64", low.sheet)
    ids = count.cells
    assert ids is not None
    places = Slot(np.broadcast_to(ids[0], x.shape), np.broadcast_to(ids, x.shape))
    where = low.formula("SUMPRODUCT(MAX((seen=largest)*places))", shape=x.shape, dtype="int64", seen=seen,
                        largest=_along(low, largest, dim), places=places)  # fmt: skip
    return largest, _back(low, where, len(self.shape), dim)


@RULES.rule("cummax.default")
def _cummax(low: Lowering, self: Formula, dim: int) -> tuple[Formula, Formula]:
    return _running(low, low.cells(self), dim, "MAX")


@RULES.rule("cummin.default")
def _cummin(low: Lowering, self: Formula, dim: int) -> tuple[Formula, Formula]:
    return _running(low, low.cells(self), dim, "MIN")


@RULES.rule("logcumsumexp.default")
def _logcumsumexp(low: Lowering, self: Formula, dim: int) -> Formula:
    x = _along(low, self, dim)
    line = low.line(x)
    seen = Slot(np.broadcast_to(line.first[..., None], x.shape), low.elements(line, x.shape[-1]))
    text = "MAX(seen)+LN(SUMPRODUCT(EXP(seen-MAX(seen))))"
    return _back(low, low.formula(text, shape=x.shape, dtype=self.dtype, seen=seen), len(self.shape), dim)


# -- among sorted numbers ----------------------------------------------------------------------------------------------


@RULES.rule("searchsorted.Tensor", "searchsorted.Scalar")
def _searchsorted(
    low: Lowering, sorted_sequence: Formula, self: Any, *, out_int32: bool = False, right: bool = False,
    side: str | None = None, sorter: Formula | None = None,
) -> Formula:  # fmt: skip
    """How many of the sequence are smaller; in which order they stand (`sorter`) makes no difference."""
    line = low.line(low.cells(sorted_sequence))
    text = "SUMPRODUCT((line<=x)*1)" if right or side == "right" else "SUMPRODUCT((line<x)*1)"
    if not isinstance(self, Formula):
        return low.formula(text, shape=(), dtype="int64", line=line, x=self)
    if not line.first.ndim:
        return low.formula(text, shape=self.shape, dtype="int64", line=line, x=self)
    wide = Slot(*(np.broadcast_to(part[..., None], self.shape) for part in (line.first, line.last)))  # type: ignore[index]
    return low.formula(text, shape=self.shape, dtype="int64", line=wide, x=self)


@RULES.rule("bucketize.Tensor", "bucketize.Scalar")
def _bucketize(
    low: Lowering, self: Any, boundaries: Formula, *, out_int32: bool = False, right: bool = False
) -> Formula:
    return _searchsorted(low, boundaries, self, right=right)  # type: ignore[no-any-return]


@RULES.rule("histc.default")
def _histogram(low: Lowering, self: Formula, bins: int = 100, min: float = 0, max: float = 0) -> Formula:
    """How many elements each of `bins` parts of the range holds; the last one has its right edge too."""
    line = low.line(_along(low, self, None))
    x = low.cells(self)
    edges: dict[str, Any] = {"least": float(min), "most": float(max)}
    if min == max:  # the range of the elements, or 1 to both sides of the one number
        for name, function in (("least", "MIN"), ("most", "MAX")):
            end = low.formula(f"{function}(line)", shape=(), dtype=x.dtype, line=line)
            edges[name] = low.place(end.spelled(f"aten.{function.lower()}.default({x.torch})"), low.name_beside(name))
        low_end, high_end = edges["least"], edges["most"]
        for name, sign in (("least", "-"), ("most", "+")):
            end = low.formula(f"{name}{sign}IF(least=most,1,0)", least=low_end, most=high_end)
            text = f"{edges[name].torch} {sign} 1.0 * ({low_end.torch} == {high_end.torch})"
            edges[name] = low.place(end.spelled(text, atom=False), low.name_beside(f"{name}_edge"))
    text = "SUMPRODUCT((line>=least)*(line<=most)*(INT((line-least)*bins/(most-least))-(line=most)=place))"
    place = reshaped(low, low.numbers(0, bins), (bins,))
    spread = Slot(*(np.broadcast_to(part[..., None], (bins,)) for part in (line.first, line.last)))  # type: ignore[index]
    return low.formula(text, shape=(bins,), dtype=x.dtype, line=spread, bins=bins, place=place, **edges)

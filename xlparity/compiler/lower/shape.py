"""Operations that rearrange: they become other arrays of cells and make no cells of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xlparity.compiler.lower.formula import Formula, Ids, identity
from xlparity.compiler.lower.lowering import RULES, VIEWS, Lowering

__all__: list[str] = []

aten = torch.ops.aten


def _viewed(formula: Formula, view: Callable[[Tensor], Tensor]) -> Formula:
    """`view`, a function of torch tensors, on the formula's arrays of cells."""
    return formula.mapped(lambda ids: view(_tensor(ids)).numpy())


def _tensor(ids: Ids) -> Tensor:
    """The array as a tensor that shares its memory; a broadcast array is read-only, of which torch would warn."""
    if not ids.flags.writeable:
        base = np.lib.stride_tricks.as_strided(
            ids, tuple(1 if s == 0 else n for n, s in zip(ids.shape, ids.strides, strict=True))
        )
        return torch.from_numpy(base.copy()).expand(ids.shape)
    return torch.from_numpy(ids)


_REARRANGING = (
    "view.default _unsafe_view.default reshape.default permute.default t.default transpose.int expand.default "
    "unsqueeze.default squeeze.default squeeze.dim squeeze.dims slice.Tensor select.int flip.default roll.default "
    "unfold.default diagonal.default repeat.default"
).split()


def _rearranging(name: str) -> None:
    packet, overload = name.split(".")
    operation = getattr(getattr(aten, packet), overload)
    if packet in ("view", "_unsafe_view"):
        operation = aten.reshape.default  # the cells of a transpose have no strides that a view could keep

    def rule(_low: Lowering, self: Formula, *arguments: Any, **keywords: Any) -> Formula:
        plain = [list(part) if isinstance(part, tuple) else part for part in arguments]
        return _viewed(self, lambda ids: operation(ids, *plain, **keywords))

    RULES.add(name, rule)
    VIEWS.add(name)


for _name in _REARRANGING:
    _rearranging(_name)


@RULES.rule("as_strided.default")
def _strided(_low: Lowering, self: Formula, size: Any, stride: Any, storage_offset: int | None = None) -> Formula:
    return _viewed(self, lambda ids: torch.as_strided(ids.contiguous(), size, stride, storage_offset or 0))


VIEWS.add("as_strided.default")


@RULES.rule("clone.default", "detach.default", "alias.default", "contiguous.default", "lift_fresh_copy.default")
def _same(_low: Lowering, self: Formula, **_keywords: Any) -> Formula:
    return self


VIEWS.update(("clone.default", "detach.default", "alias.default", "contiguous.default", "lift_fresh_copy.default"))


@RULES.rule("split_with_sizes.default", "split.Tensor", "unbind.int", "chunk.default")
def _split(low: Lowering, self: Formula, *arguments: Any, **keywords: Any) -> tuple[Formula, ...]:
    if self.cells is None and self.slots:
        self = low.place(self)
    assert low.node is not None
    operation = low.node.operation
    plain = [list(part) if isinstance(part, tuple) else part for part in arguments]
    count = len(operation(torch.empty(self.shape, device="meta"), *plain, **keywords))
    return tuple(_viewed(self, lambda ids, at=at: operation(ids, *plain, **keywords)[at]) for at in range(count))  # type: ignore[misc]


VIEWS.update(("cat.default", "stack.default", "constant_pad_nd.default"))


@RULES.rule("cat.default")
def _cat(low: Lowering, tensors: Sequence[Formula], dim: int = 0) -> Formula:
    return _joined(low, tensors, lambda parts: torch.cat([p for p in parts if p.numel() or p.dim() > 1], dim))


@RULES.rule("stack.default")
def _stack(low: Lowering, tensors: Sequence[Formula], dim: int = 0) -> Formula:
    return _joined(low, tensors, lambda parts: torch.stack(list(parts), dim))


def _joined(low: Lowering, tensors: Sequence[Formula], join: Callable[[Sequence[Tensor]], Tensor]) -> Formula:
    parts = [_tensor(as_cells(low, part)) for part in tensors]
    dtype = next((part.dtype for part in tensors if "float" in part.dtype), tensors[0].dtype)
    return identity(join(parts).numpy(), dtype, "")


def as_cells(low: Lowering, formula: Formula) -> Ids:
    """The tensor's cells; of one number everywhere, literals."""
    ids = formula.cells
    if ids is not None:
        return ids
    if not formula.slots and not math.isnan(float_of(formula)):
        return np.broadcast_to(np.int64(low.literals.id(float_of(formula))), formula.shape)
    placed = low.place(formula).cells
    assert placed is not None
    return placed


def float_of(formula: Formula) -> float:
    """The number of a tensor that has one number everywhere."""
    from xlparity.formula.ast import Number, Unary  # noqa: PLC0415

    match formula.tree:
        case Number(value):
            return value
        case Unary("-", Number(value)):
            return -value
    raise AssertionError(f"{formula.tree} is no number")


@RULES.rule("constant_pad_nd.default")
def _pad(low: Lowering, self: Formula, pad: Sequence[int], value: float = 0.0) -> Formula:
    literal = low.literals.id(float(value))
    ids = as_cells(low, self)
    return identity(aten.constant_pad_nd.default(_tensor(ids), list(pad), literal).numpy(), self.dtype, "")


@RULES.rule("tril.default", "triu.default")
def _triangle(low: Lowering, self: Formula, diagonal: int = 0) -> Formula:
    assert low.node is not None
    kept = low.node.operation(torch.ones(self.shape), diagonal).numpy().astype(bool)
    return identity(np.where(kept, as_cells(low, self), low.literals.id(0.0)), self.dtype, "")


@RULES.rule("slice_scatter.default", "select_scatter.default")
def _scattered(low: Lowering, self: Formula, src: Formula, *arguments: Any, **keywords: Any) -> Formula:
    assert low.node is not None
    into, source = _tensor(as_cells(low, self)), _tensor(np.ascontiguousarray(as_cells(low, src)))
    return identity(low.node.operation(into.contiguous(), source, *arguments, **keywords).numpy(), self.dtype, "")


VIEWS.update(("tril.default", "triu.default", "slice_scatter.default", "select_scatter.default"))


@RULES.rule("_to_copy.default", "to.dtype")
def _converted(low: Lowering, self: Formula, *arguments: Any, dtype: Any = None, **_keywords: Any) -> Formula:
    target = str(dtype or (arguments[0] if arguments else None)).removeprefix("torch.")
    if "float" in target and "float" not in self.dtype:
        return replace(self, dtype=low.graph.real, torch="")  # the same cells, but not the tensor that has their name
    if target == "None" or "float" in target or target == self.dtype:
        return self
    if target == "bool":
        return low.formula("IF(self=0,0,1)", self=self, dtype=target)
    return low.formula("TRUNC(self)", self=self, dtype=target) if "float" in self.dtype else self

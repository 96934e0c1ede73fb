"""Expressions from the model for tensors that a map only names as PyTorch does: `net[0]`, `net[0].weight.grad`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from xlparity.check.judge import hold
from xlparity.compiler.compile import compile_model
from xlparity.compiler.workbook import map_rows
from xlparity.engines.embedded.threads import one_thread
from xlparity.errors import InputError, MapError
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.value import Values
from xlparity.proposing.inline import inlined

__all__ = ["completed_map", "is_complete"]

_GRADIENT = ".grad"


def is_complete(parity: Map) -> bool:
    """Whether every computed tensor says what torch computes it from."""
    return not any(_is_open(row) for row in parity)


@one_thread()
def completed_map(parity: Map, values: Values, model: nn.Module) -> Map:
    """`parity` with the expressions that `model` has for its computed tensors without one.

    Parameters
    ----------
    parity
        The map. Its inputs, in their order, are what the model's forward takes.
    values
        What the workbook's cells hold.
    model
        The model that the names are those of; it is not changed.

    A gradient, `X.grad`, is that of the map's tensor `loss`. What is computed between two tensors of the map is written
    into the expression.

    Raises InputError if the model has no tensor of that name, if one that it is computed from stands nowhere in the
    map, or if the model cannot be captured.
    """
    wanted = [row for row in parity if _is_open(row)]
    known = {row.tensor for row in parity if row.role is not Role.EXPECTED}
    of_model = [row for row in wanted if not row.tensor.endswith(_GRADIENT)]
    texts = _of_model(of_model, parity, values, model) if of_model else {}
    for row in wanted:
        if row.tensor.endswith(_GRADIENT):
            texts[row.tensor] = _of_gradient(row, known)
    return Map(tuple(replace(row, torch=texts[row.tensor]) if _is_open(row) else row for row in parity))


def _is_open(row: MapRow) -> bool:
    return row.role is Role.COMPUTED and not row.torch


def _of_gradient(row: MapRow, known: set[str]) -> str:
    of = row.tensor.removesuffix(_GRADIENT)
    for name in (of, "loss"):
        if name not in known:
            raise InputError(
                f"{row.place}: {row.tensor} is the gradient of loss with respect to {of}, but the map has no tensor "
                f"{name}; add it, or say in the column torch what it is computed from"
            )
    return f"grad(loss, {of})"


def _of_model(wanted: Sequence[MapRow], parity: Map, values: Values, model: nn.Module) -> dict[str, str]:
    roots = {_root(row.tensor) for row in wanted}
    if len(roots) > 1:
        raise InputError(
            f"{wanted[0].place}: the names {', '.join(sorted(roots))} cannot all be the model's; say in the column "
            "torch what those that are not are computed from"
        )
    given = [row for row in parity if row.role is Role.INPUT]
    if not given:
        raise InputError(
            f"{wanted[0].place}: {wanted[0].tensor} is the model's, but the map has no tensor with the role input"
        )
    compiled = compile_model(model, [_tensor(row, values) for row in given], style="lecture", root=roots.pop())
    rows = {row.tensor: row for row in map_rows(compiled.sheets, compiled.graph.aliases)}
    inputs = [row.tensor for row in rows.values() if row.role is Role.INPUT]
    others = {name: row.torch for name, row in rows.items() if row.role is Role.COMPUTED}
    # The captured graph has names of its own for the inputs.
    renamed = {own: row.tensor for own, row in zip(inputs, given, strict=False) if own != row.tensor}
    placed = {row.tensor for row in parity if row.role is not Role.EXPECTED} - renamed.keys()
    texts = {}
    for row in wanted:
        found = rows.get(row.tensor)
        if found is None:
            raise InputError(
                f"{row.place}: {row.tensor} is no tensor of the model, and the column torch does not say what it is "
                f"computed from; the model has {_some(rows)}"
            )
        if found.block.shape != row.block.shape:
            raise InputError(
                f"{row.place}: {row.tensor} has the shape {row.block.shape} in the map and {found.block.shape} in the "
                "model"
            )
        try:
            texts[row.tensor] = inlined(found.torch, rows.keys(), placed - {row.tensor}, {**others, **renamed}, {})
        except MapError as error:
            raise InputError(f"{row.place}: {row.tensor}: {error}; add it to the map") from None
    return texts


def _root(name: str) -> str:
    return name.partition(".")[0].partition("[")[0]


def _tensor(row: MapRow, values: Values) -> Tensor:
    held = torch.from_numpy(hold(values, row.block, row.dtype).values.copy())
    if held.isnan().any():
        raise InputError(f"{row.place}: a cell of the input {row.tensor} holds no number; type it there")
    dtype: torch.dtype = getattr(torch, row.dtype)
    return held if dtype.is_floating_point else held.to(dtype)


def _some(rows: Mapping[str, MapRow]) -> str:
    names = [
        name for name, row in rows.items() if row.role is Role.COMPUTED and not name.endswith((".input", ".k", ".b"))
    ]
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")

"""Puts PyTorch's values beside a lesson's cells and states how large a difference float arithmetic allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.check.bound import Ball, unit_roundoff
from xlparity.check.reference import Program
from xlparity.compiler.draft import Draft
from xlparity.compiler.emit import emit
from xlparity.model.book import Book, Chart
from xlparity.model.map import Map, MapRow, Role

__all__ = ["proved"]


def proved(
    title: str, draft_sheets: Sequence[Draft], pytorch: Mapping[str, Tensor], charts: Sequence[Chart] = ()
) -> Book:
    """The workbook of the drafts, with `pytorch`'s value of every tensor beside its cells, and live checks.

    `pytorch` must come from a real model. The allowed differences are rounding error bounds in the dtype of its
    tensors (see `check.bound`): the sheet computes in float64.
    """
    rows = [row for draft in draft_sheets for row in draft.rows]
    program = Program(Map(tuple(rows)))
    given: dict[str, Tensor] = {}
    for row in rows:
        if row.role not in (Role.COMPUTED, Role.EXPECTED):
            value = pytorch[row.tensor].detach()
            # The sheet holds the decimal number that PyTorch rounded to its dtype.
            given[row.tensor] = Ball(value, unit_roundoff(value.dtype) * value.to(torch.float64).abs())
    limits = {name: float(np.max(reference.radius)) for name, reference in program.whole(given, _shown(rows)).items()}
    for draft in draft_sheets:
        names = {row.tensor for row in draft.rows}
        draft.show_pytorch(
            {name: value.detach().numpy() for name, value in pytorch.items() if name in names},
            limits,
        )
    sheets = [
        draft.sheet(charts=tuple(chart for chart in charts if chart.anchor.sheet == draft.name))
        for draft in draft_sheets
    ]
    return emit(title, draft_sheets, sheets, limits)


def _shown(rows: Sequence[MapRow]) -> dict[tuple[str, bool], NDArray[np.float64]]:
    """Nothing judges the differences to printed values by a limit here; zeros of the right shape stand for them."""
    return {
        (row.tensor, row.decimals is not None): np.zeros(row.block.shape) for row in rows if row.role is Role.EXPECTED
    }

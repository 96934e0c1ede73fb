"""Aggregates over ranges that grow from row to row, as SUM(A$1:A1) filled down: one pass instead of one sum a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from xlparity.engines.embedded.frame import Frame
from xlparity.formula.ast import AreaReference
from xlparity.functions.array import Array
from xlparity.model.value import Kind

if TYPE_CHECKING:
    from xlparity.engines.embedded.evaluate import Evaluator

__all__ = ["GROWING", "running"]

GROWING = frozenset({"AVERAGE", "COUNT", "MAX", "MIN", "SUM"})


def running(evaluator: Evaluator, name: str, area: AreaReference, frame: Frame) -> Array | None:
    """The aggregate `name` of `area`, of whose rows one end is fixed; None where the general way is needed."""
    window = frame.window
    fixed, moving = (area.first, area.last) if area.first.row_absolute else (area.last, area.first)
    sheet = frame.sheet if area.sheet is None else evaluator.workbook.sheet(area.sheet)
    if sheet is None or area.last_sheet is not None or fixed.column_absolute != moving.column_absolute:
        return None
    across = not fixed.column_absolute
    columns = [corner.column - (frame.home[1] - window.column if across else 0) for corner in (fixed, moving)]
    first = moving.row - frame.home[0] + window.row
    if first < fixed.row or min(columns) < 0:
        return None
    height = first - fixed.row + window.height
    count = max(columns) - min(columns) + 1
    width = count + (window.width - 1 if across else 0)
    if frame.checked:
        evaluator.check_ready(sheet, fixed.row, min(columns), height, width)
    number, kind = evaluator.store.grids[sheet].read(fixed.row, min(columns), height, width)
    if int(kind.max()) >= int(Kind.ERROR):
        return None
    mask = kind == int(Kind.NUMBER)
    counted = mask.to(torch.float64).unfold(2, count, 1).sum(-1).cumsum(1)[:, first - fixed.row :]
    if name == "COUNT":
        return Array(counted[..., None, None])
    if name in ("SUM", "AVERAGE"):
        rows = torch.where(mask, number, 0.0).unfold(2, count, 1).sum(-1)
        total = rows.cumsum(1)[:, first - fixed.row :]
        if name == "AVERAGE":
            if bool((counted == 0).any()):
                return None
            total = total / counted
    else:
        sign = 1.0 if name == "MAX" else -1.0
        rows = torch.where(mask, sign * number, -torch.inf).unfold(2, count, 1).amax(-1)
        total = sign * rows.cummax(1).values[:, first - fixed.row :]
        total = torch.where(counted == 0, 0.0, total)
    if not bool(torch.isfinite(total.detach()).all()):
        return None
    return Array(total[..., None, None])

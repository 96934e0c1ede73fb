"""Where blocks stand: a sheet for each top-level module, in it bands of blocks in the order of computation.

    Step 1                                        a heading, where there are several steps
    net[0].weight [3, 2]      net[0].weight.grad [3, 2]     ...      each block's name and shape
    parameter                 grad(loss, net[0].weight)              what torch computes it from
            x1      x2               x1      x2                      labels
    n1      0.1     0.2       n1     0.01    0.02                    and cells

A band holds a tensor and, to its right, what belongs to it: its gradient, the optimizer's state, its new value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from xlparity.compiler.graph import LOSS, Graph
from xlparity.compiler.lower.lowering import INPUTS, BlockPlan
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS, Cell
from xlparity.model.map import Role

__all__ = ["COLUMN_WIDTH", "PlacedBlock", "SheetPlan", "labels", "place", "place_in_order"]

COLUMN_WIDTH = 11.0  # characters
_CHARACTERS = 9  # of a title that fit into a column
_HEAD = 3  # rows above a block: name, expression, labels
_TOP = 3  # rows of a sheet's heading
_MOST_COLUMNS = MAX_COLUMNS - 64
_LONGEST_TITLE = 90
_LONGEST_EXPRESSION = 160  # of the last block in a band, behind which nothing stands


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """A block and its top left cell (of its first plane), with its texts."""

    plan: BlockPlan
    corner: Cell
    title: str
    subtitle: str
    room: int  # columns that the titles may take


@dataclass(slots=True)
class SheetPlan:
    """One sheet: its name, its heading and what stands on it."""

    name: str
    title: str
    key: str
    blocks: list[PlacedBlock] = field(default_factory=list)
    headings: list[tuple[int, str]] = field(default_factory=list)
    rows: int = 0


def place(graph: Graph, blocks: Sequence[BlockPlan], steps: int, loss: str = "") -> list[SheetPlan]:
    """The sheets of `blocks`, in the order in which the model computes."""
    order: dict[str, None] = {INPUTS: None}
    for plan in blocks:
        if plan.sheet not in (LOSS, "optimizer"):
            order.setdefault(plan.sheet)
    for last in (LOSS, "optimizer"):
        if any(plan.sheet == last for plan in blocks):
            order.setdefault(last)
    taken: set[str] = {"summary", "checks", "parity", "pytorch"}
    sheets: list[SheetPlan] = []
    for key in order:
        bands = _bands([plan for plan in blocks if plan.sheet == key])
        if bands:
            sheets.extend(_placed(key, bands, graph, steps, taken, loss))
    return sheets


def place_in_order(sheet: SheetPlan, blocks: Sequence[BlockPlan]) -> SheetPlan:
    """`blocks` one below the other on `sheet`, which it returns."""
    row = _TOP
    for plan in blocks:
        room = _room(plan, last=True)
        sheet.blocks.append(PlacedBlock(plan, Cell(sheet.name, row + _HEAD, 1), _name(plan), "", room))
        row += _HEAD + plan.height + 1
    sheet.rows = row
    return sheet


def _bands(blocks: Sequence[BlockPlan]) -> list[list[BlockPlan]]:
    """Blocks that stand side by side: each with those that name it as what they stand beside, in its own step."""
    bands: dict[int, list[BlockPlan]] = {}
    home: dict[int, int] = {}
    for plan in blocks:
        beside = plan.beside
        if beside is not None and home.get(beside.number) is not None and beside.step == plan.step:
            home[plan.number] = home[beside.number]
            bands[home[plan.number]].append(plan)
        else:
            home[plan.number] = plan.number
            bands[plan.number] = [plan]
    return list(bands.values())


def _placed(
    key: str, bands: Sequence[Sequence[BlockPlan]], graph: Graph, steps: int, taken: set[str], loss: str
) -> list[SheetPlan]:
    sheet = _sheet(key, graph, taken, loss)
    sheets = [sheet]
    row = _TOP
    step = -1
    for band in bands:
        for line in _wrapped(band):
            height = max(plan.height for plan in line)
            if row + _HEAD + height + 2 > MAX_ROWS:
                sheet = _sheet(key, graph, taken, loss)
                sheets.append(sheet)
                row, step = _TOP, -1
            if steps > 1 and line[0].step != step and key not in (INPUTS, "optimizer"):
                step = line[0].step
                sheet.headings.append((row, f"Step {step + 1} of {steps}"))
                row += 2
            column = 1
            for at, plan in enumerate(line):
                room = _room(plan, last=at == len(line) - 1)
                title, subtitle = _titles(plan, room, last=at == len(line) - 1)
                sheet.blocks.append(PlacedBlock(plan, Cell(sheet.name, row + _HEAD, column), title, subtitle, room))
                column += room + 1
            row += _HEAD + height + 1
            sheet.rows = row
    return sheets


def _wrapped(band: Sequence[BlockPlan]) -> list[list[BlockPlan]]:
    lines: list[list[BlockPlan]] = [[]]
    used = 1
    for plan in band:
        need = _room(plan, last=False) + 1
        if lines[-1] and used + need > _MOST_COLUMNS:
            lines.append([])
            used = 1
        lines[-1].append(plan)
        used += need
    return lines


def _name(plan: BlockPlan) -> str:
    return f"{plan.name}  {list(plan.shape)}" if plan.shape else plan.name


def _room(plan: BlockPlan, last: bool) -> int:
    """Columns for the block and its titles, with one for the labels of the next block."""
    letters = min(max(len(_name(plan)), min(len(plan.torch), 40)), _LONGEST_TITLE)
    title = -(-letters // _CHARACTERS) - 1  # the titles begin in the column of the labels
    return plan.width + 1 if last else max(plan.width, title) + 1


def _titles(plan: BlockPlan, room: int, last: bool) -> tuple[str, str]:
    if plan.role is not Role.COMPUTED:
        return _name(plan), plan.role.value
    text = f"= {plan.torch}"
    limit = _LONGEST_EXPRESSION if last else (room + 1) * _CHARACTERS
    return _name(plan), text if len(text) <= limit else text[: limit - 1] + "…"


def _sheet(key: str, graph: Graph, taken: set[str], loss: str) -> SheetPlan:
    if key == INPUTS:
        base, title = "Inputs", "Inputs and targets"
    elif key == LOSS:
        base, title = "Loss", f"Loss: {loss}" if loss else "Loss"
    elif key == "optimizer":
        base, title = "Optimizer", "Optimizer"
    else:
        words = [word for word in key.split(".") if word]
        tensor = graph.root + "".join(f"[{w}]" if w.isdecimal() else f".{w}" for w in words)
        kind = graph.modules.get(key, "")
        base = f"{'.'.join(words) or graph.root} {kind}".strip()
        title = f"{tensor}: {kind}" if kind else tensor
    base = re.sub(r"[\[\]:*?/\\']", "_", base)[:28]
    name, count = base, 1
    while name.casefold() in taken:
        count += 1
        name = f"{base[: 27 - len(str(count))]} ({count})"
    taken.add(name.casefold())
    return SheetPlan(name, title if count == 1 else f"{title}, continued", key)


def labels(plan: BlockPlan, batch: int) -> tuple[list[str], list[str], list[str]]:
    """Labels of planes, rows and columns: samples, positions, neurons, heads, channels."""
    if plan.link is not None:
        return labels(plan.link, batch)
    height, width = plan.plane_shape
    shape = plan.shape
    sampled = bool(shape) and shape[0] == batch and plan.role is not Role.PARAMETER and not _of_parameter(plan)
    prefix = {Role.INPUT: "x", Role.TARGET: "y"}.get(plan.role, "n")
    if len(shape) <= 1:
        if not shape:
            return [""], [""], [""]
        vector = [f"sample {i + 1}" if sampled else f"{prefix}{i + 1}" for i in range(shape[0])]
        return ([""], vector, [""]) if plan.transposed else ([""], [""], vector)
    if len(shape) == 2:
        rows = [f"sample {i + 1}" if sampled else f"n{i + 1}" for i in range(shape[0])]
        columns = [f"{prefix if sampled else 'x'}{i + 1}" for i in range(shape[1])]
    elif len(shape) == 3 and sampled:
        rows, columns = [f"t{i + 1}" for i in range(shape[1])], [f"c{i + 1}" for i in range(shape[2])]
    else:
        rows, columns = [f"{i + 1}" for i in range(shape[-2])], [f"{i + 1}" for i in range(shape[-1])]
    if plan.transposed:
        rows, columns = columns, rows
    planes = [""]
    if len(shape) > 2:
        planes = []
        words = ["sample" if sampled else "out", "ch." if sampled else "in"]
        for p in range(len(plan.planes)):
            index: list[int] = []
            rest = p
            for n in reversed(shape[:-2]):
                rest, i = divmod(rest, n)
                index.insert(0, i + 1)
            shown = [f"{w} {i}" for w, i in zip(words, index, strict=False)] + [str(i) for i in index[2:]]
            planes.append(", ".join(shown))
    assert len(rows) == height
    assert len(columns) == width
    return planes, rows, columns


def _of_parameter(plan: BlockPlan) -> bool:
    while plan.beside is not None:
        plan = plan.beside
    return plan.role is Role.PARAMETER or "weight" in plan.name or "bias" in plan.name

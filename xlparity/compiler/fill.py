"""Formulas with a place: the fewest fills that give every cell of a plane its formula."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from xlparity.compiler.lower.formula import Formula, Ids, Literals, block_of, column_of, number, pieces, row_of
from xlparity.formula.a1 import column_letters, show_sheet
from xlparity.formula.show import show
from xlparity.model.area import Area
from xlparity.model.book import Fill
from xlparity.model.cell import Cell

__all__ = ["Corner", "fills"]

# Where a block's number says that it stands: sheet, row, column of its top left cell.
Corner = Callable[[int], Cell]

# A number for each corner of each reference: the sum of those that move identifies which of them do.
_WEIGHTS = np.random.default_rng(0).integers(1, 1 << 55, 512).tolist()

_letters = cache(column_letters)
_sheet = cache(show_sheet)


class _Part:
    """One corner of a slot over a plane: sheet number, row and column for each cell, as arrays (height, width)."""

    def __init__(self, ids: Ids, corners: NDArray[np.int64]) -> None:
        block = block_of(ids)
        self.literal = bool((block == 0).any())
        at = corners[block]
        self.sheet = at[..., 0]
        self.row = row_of(ids) + at[..., 1]
        self.column = column_of(ids) + at[..., 2]


def fills(
    formula: Formula, planes: Sequence[tuple[Area, Ids]], corners: NDArray[np.int64], sheets: Sequence[str],
    literals: Literals,
) -> Iterator[Fill]:  # fmt: skip
    """Fills for the block of `formula`.

    Parameters
    ----------
    formula
        The block's formula.
    planes
        The area of each plane and, of its shape, the flat positions of its elements in the tensor.
    corners
        int64 (blocks + 1, 3): for each block's number the sheet's position in `sheets`, the row and the column of its
        corner; row 0 is for literals: sheet -1, row 0, column 0.
    sheets
        The sheets' names.
    literals
        The numbers that block 0 stands for.
    """
    texts, names = pieces(formula.tree)
    slots = [(slot.first.reshape(-1), None if slot.last is None else slot.last.reshape(-1)) for slot in formula.slots]
    for area, positions in planes:
        parts = [
            (_Part(first[positions], corners), None if last is None else _Part(last[positions], corners))
            for first, last in slots
        ]
        own = sheets.index(area.sheet)
        for top, left, height, width in _rectangles(parts, area.height, area.width):
            words = [texts[0]]
            for name, text in zip(names, texts[1:], strict=True):
                first, last = parts[name]
                word = _reference(first, last, top, left, height, width, own, sheets, literals)
                if word.startswith("-") and words[-1].endswith("+") and not text.startswith("^"):
                    words[-1] = words[-1][:-1]  # a+-1 is a-1
                elif word.startswith("-"):
                    word = f"({word})"
                words += [word, text]
            yield Fill(Area(area.corner.moved(top, left), height, width), "".join(words))


def _rectangles(
    parts: Sequence[tuple[_Part, _Part | None]], height: int, width: int
) -> list[tuple[int, int, int, int]]:
    """(top, left, height, width) of parts of the plane over which one formula can be filled.

    A formula can be filled over a rectangle when each reference moves by the same step from any cell to the next: by
    one to the right and none down, or not at all, and so downwards.
    """
    corners = [corner for pair in parts for corner in pair if corner is not None]
    right = np.zeros((height, width - 1), np.int64)  # from each cell to the next: a code, -1 where it is no step
    down = np.zeros((height - 1, width), np.int64)
    for step, axis in ((right, 1), (down, 0)):
        bad = np.zeros(step.shape, np.bool_)
        code = np.zeros_like(step)
        for part, weight in zip(corners, _WEIGHTS, strict=False):
            rows, columns = np.diff(part.row, axis=axis), np.diff(part.column, axis=axis)
            along, across = (columns, rows) if axis else (rows, columns)
            bad |= (across != 0) | (along < 0) | (along > 1) | (np.diff(part.sheet, axis=axis) != 0)
            bad |= ((part.sheet[:, 1:] if axis else part.sheet[1:]) == -1) & (along != 0)
            code += along * weight
        step[...] = np.where(bad, -1, code & ((1 << 62) - 1))
    if _one(right) and _one(down):
        return [(0, 0, height, width)]
    if _breaks(right, 1) <= _breaks(down, 0):
        return list(_merged(right, down, height, width))
    turned = _merged(down.T, right.T, width, height)
    return [(top, left, h, w) for left, top, w, h in turned]


def _one(steps: NDArray[np.int64]) -> bool:
    return not steps.size or (int(steps.flat[0]) >= 0 and bool((steps == steps.flat[0]).all()))


def _breaks(steps: NDArray[np.int64], axis: int) -> int:
    return int((steps < 0).sum() + (np.diff(steps, axis=axis) != 0).sum())


def _merged(
    right: NDArray[np.int64], down: NDArray[np.int64], height: int, width: int
) -> Iterator[tuple[int, int, int, int]]:
    """Runs along the rows, joined downwards where they are alike."""
    open_runs: dict[tuple[int, int, int], list[int]] = {}  # (left, width, step) -> [top, height, step down]
    for row in range(height):
        runs: dict[tuple[int, int, int], None] = {}
        line = right[row].tolist()
        left = 0
        while left < width:
            end = left
            step = line[left] if left < width - 1 else -1
            if step >= 0:
                while end < width - 1 and line[end] == step:
                    end += 1
            runs[left, end - left + 1, step if end > left else -1] = None
            left = end + 1
        continued: dict[tuple[int, int, int], list[int]] = {}
        for run in runs:
            left, wide, _ = run
            before = open_runs.pop(run, None)
            if before is not None:
                steps = down[row - 1, left : left + wide]
                code = int(steps[0])
                if code >= 0 and (steps == code).all() and before[2] in (-1, code):
                    continued[run] = [before[0], before[1] + 1, code]
                    continue
                yield before[0], left, before[1], wide
            continued[run] = [row, 1, -1]
        for (left, wide, _), (top, tall, _) in open_runs.items():
            yield top, left, tall, wide
        open_runs = continued
    for (left, wide, _), (top, tall, _) in open_runs.items():
        yield top, left, tall, wide


def _reference(
    first: _Part, last: _Part | None, top: int, left: int, height: int, width: int, own: int, sheets: Sequence[str],
    literals: Literals,
) -> str:  # fmt: skip
    sheet = int(first.sheet[top, left])
    if sheet < 0:
        return show(number(literals.values[int(first.row[top, left])]))
    prefix = "" if sheet == own else _sheet(sheets[sheet]) + "!"
    words = []
    for part in (first, last):
        if part is None:
            continue
        row, column = int(part.row[top, left]), int(part.column[top, left])
        fixed_row = height > 1 and int(part.row[top + 1, left]) == row
        fixed_column = width > 1 and int(part.column[top, left + 1]) == column
        words.append(f"{'$' * fixed_column}{_letters(column)}{'$' * fixed_row}{row + 1}")
    if words[0] == words[-1]:  # an area of one cell
        words = words[:1]
    return prefix + ":".join(words)

"""Constants on their way from a list of cells into a grid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from xlparity.engines.embedded.store import Grid
from xlparity.functions.array import Texts
from xlparity.model.cell import MAX_COLUMNS
from xlparity.model.value import Cells, Kind

__all__ = ["enter_cells", "own_texts"]

# How many blocks are looked for: where cells lie too scattered for that many, the rest are stored one by one.
_MAX_BLOCKS = 256
# Up to how many columns copying one by one is faster than torch's transposition, which goes by tiles.
_NARROW = 16


def enter_cells(grid: Grid, cells: Cells, texts: Texts) -> None:
    """Store constants."""
    number = own_texts(cells.number, cells.kind, cells.texts, texts)
    numbers, kinds = grid.number.numpy(), grid.kind.numpy()
    count = 0
    if grid.rows.used is None:
        for start, height, width in _blocks(cells.row, cells.column):
            count = start + height * width
            rows = slice(int(cells.row[start]), int(cells.row[start]) + height)
            block, kind = number[start:count].reshape(height, width), cells.kind[start:count].reshape(height, width)
            if width > _NARROW and int(cells.column[count - 1]) - int(cells.column[start]) == width - 1:
                columns = slice(int(cells.column[start]), int(cells.column[count - 1]) + 1)
                grid.number[:, rows, columns] = torch.from_numpy(block)
                grid.kind[:, rows, columns] = torch.from_numpy(kind)
                continue
            for place, column in enumerate(cells.column[start : start + width].tolist()):
                numbers[:, rows, column] = block[:, place]
                kinds[:, rows, column] = kind[:, place]
    if count < len(cells):
        row, column = cells.row[count:], cells.column[count:]
        if grid.rows.used is not None:
            at = np.searchsorted(grid.rows.numbers(), row), np.searchsorted(grid.columns.numbers(), column)
        else:
            at = row.astype(np.int64), column.astype(np.int64)
        numbers[:, *at] = number[count:]
        kinds[:, *at] = cells.kind[count:]


def _blocks(row: NDArray[np.int32], column: NDArray[np.int32]) -> Iterator[tuple[int, int, int]]:
    """From the first cell on: where a block of cells starts, how many rows it has and how many cells each of them.

    In a block, the rows follow each other and have the same columns. It is looked for in steps that grow, so that a
    short block takes no longer than a long one.
    """
    start = 0
    for _ in range(_MAX_BLOCKS):
        if start == len(row):
            return
        width = int(np.searchsorted(row[start : start + MAX_COLUMNS], row[start], "right"))
        height, most, step = 1, (len(row) - start) // width, 16
        while height < most:
            high = min(height + step, most)
            above = slice(start + (height - 1) * width, start + (high - 1) * width)
            below = slice(above.start + width, above.stop + width)
            same = (row[below] - row[above] == 1) & (column[below] == column[above])
            if not same.all():
                height += int(same.argmin()) // width
                break
            height, step = high, 8 * step
        yield start, height, width
        start += height * width


def own_texts(
    number: NDArray[np.float64], kind: NDArray[np.uint8], given: tuple[str, ...], texts: Texts
) -> NDArray[np.float64]:
    """`number` with indices into `given` replaced by indices into `texts`."""
    if not given:
        return number
    table = np.array([float(texts.index(text)) for text in given])
    is_text = kind == int(Kind.TEXT)
    number = number.copy()
    number[is_text] = table[number[is_text].astype(np.int64)]
    return number

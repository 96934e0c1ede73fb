"""Cells as functions of a workbook's numbers: for many samples at once, and with derivatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.engines.embedded import EmbeddedEngine, Trace
from xlparity.errors import InputError
from xlparity.formula.a1 import area_in, cell_in, column_letters, show_area, show_cell
from xlparity.model.area import Area
from xlparity.model.book import Book
from xlparity.model.cell import Cell
from xlparity.model.value import ERROR_TEXTS, Error, Kind

__all__ = ["Evaluation", "derivatives", "evaluated"]

_MOST_VARIED = 1_000_000


class Evaluation:
    """All cells of a workbook, evaluated once for every sample of its inputs."""

    def __init__(self, book: Book, path: Path, trace: Trace) -> None:
        self._book, self._path, self._trace = book, path, trace

    def __getitem__(self, area: str) -> Tensor:
        """The numbers of an area such as `Loss!D7`, float64 of shape (batch, rows, columns).

        TRUE is 1 and an empty cell 0; a text, an error and what is undecided is NaN. Raises InputError if the workbook
        has no such sheet.
        """
        return self._trace.tensor(area_in(self._book, area, self._path.name))


def evaluated(book: Book, path: Path, inputs: Mapping[str, Tensor]) -> Evaluation:
    """`book` with the tensors `inputs` in the place of the constants of the areas named; see `xlparity.evaluate`."""
    placed: dict[Area, Tensor] = {}
    for text, tensor in inputs.items():
        area = area_in(book, text, path.name)
        if any(fill.area.intersection(area) for fill in book.sheet(area.sheet).fills):
            raise InputError(f"{path.name}: {text} holds formulas; name an area of numbers that they read")
        if tensor.ndim not in (2, 3) or tensor.shape[-2:] != (area.height, area.width):
            raise InputError(
                f"{text} is {area.height} x {area.width} cells, but its tensor has the shape {tuple(tensor.shape)}; "
                f"give ({area.height}, {area.width}) or (batch, {area.height}, {area.width})"
            )
        for other in placed:
            if other.intersection(area):
                raise InputError(f"{text} and {show_area(other)} share cells; give each number once")
        placed[area] = tensor
    batches = sorted({len(tensor) for tensor in placed.values() if tensor.ndim == 3})
    if 0 in batches:
        raise InputError("a batch of inputs has no samples; give at least one")
    if len(batches) > 1:
        raise InputError(f"the inputs have different batch sizes, {batches}; give the same number of samples for each")
    return Evaluation(book, path, EmbeddedEngine().trace(book, placed))


def derivatives(book: Book, path: Path, of: str, wrt: str) -> pandas.DataFrame:
    """The derivative of the cell `of` by each number of the area `wrt`; see `xlparity.gradient`."""
    cell, area = cell_in(book, of, path.name), area_in(book, wrt, path.name)
    sheet = book.sheet(area.sheet)
    if area.size > _MOST_VARIED:
        raise InputError(f"{wrt} has {area.size} cells; name an area of at most {_MOST_VARIED}")
    held = sheet.constants.grid(area)
    varied = held.kind == Kind.NUMBER
    if not varied.any():
        formulas = any(fill.area.intersection(area) for fill in sheet.fills)
        why = "its cells are formulas; name numbers that they read" if formulas else "its cells are empty or texts"
        raise InputError(f"{path.name}: {wrt} holds no number to vary: {why}")
    inputs: dict[Area, Tensor] = {}
    for row, first, last in _runs(varied):
        place = Area.of(area.sheet, area.row + row, area.column + first, 1, last - first)
        inputs[place] = torch.tensor(held.number[row : row + 1, first:last], requires_grad=True)
    trace = EmbeddedEngine().trace(book, inputs)
    one = Area.of(cell.sheet, cell.row, cell.column)
    kind = Kind(int(trace.kinds(one)[0, 0, 0]))
    if kind is not Kind.NUMBER:
        raise InputError(
            f"{path.name}: {show_cell(cell)} {_no_number(book, path, cell, kind)}; only a number has derivatives"
        )
    number = trace.tensor(one).sum()
    result = np.full((area.height, area.width), np.nan)
    result[varied] = 0.0
    if number.requires_grad:
        found = torch.autograd.grad(number, list(inputs.values()), allow_unused=True)
        for place, derivative in zip(inputs, found, strict=True):
            if derivative is not None:
                left = place.column - area.column
                result[place.row - area.row, left : left + place.width] = derivative[0].numpy()
    rows = range(area.row + 1, area.bottom + 1)
    return pandas.DataFrame(result, list(rows), [column_letters(c) for c in range(area.column, area.right)])


def _no_number(book: Book, path: Path, cell: Cell, kind: Kind) -> str:
    """What stands in a cell that holds no number, and where the reason for it lies."""
    if kind not in (Kind.ERROR, Kind.UNDECIDED):
        return {Kind.BLANK: "is empty", Kind.TEXT: "is a text", Kind.BOOLEAN: "is TRUE or FALSE"}[kind]
    values = EmbeddedEngine().evaluate(book, path)
    found, note = values.scalar(cell), values.notes[cell]
    what = f"is {ERROR_TEXTS[found]}" if isinstance(found, Error) else "is undecided"
    return f"{what}: {note.because}" + ("" if note.origin == cell else f" (in {show_cell(note.origin)})")


def _runs(varied: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Row, first and last column (exclusive) of the runs of True."""
    for row, line in enumerate(varied.tolist()):
        first = None
        for column, inside in enumerate([*line, False]):
            if inside and first is None:
                first = column
            elif not inside and first is not None:
                yield row, first, column
                first = None

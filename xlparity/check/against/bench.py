"""Formulas of one workbook on the values that the other has, for many sets of numbers at once.

The cells that the solution computes become inputs of the workbook, so that every formula reads right operands; the
formulas to be tried stand in free columns of their sheets, where their text reads the same cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xlparity.check.against.pairs import Counterparts
from xlparity.check.edited import rectangles, without_formulas
from xlparity.check.elsewhere import areas_of, areas_of_samples
from xlparity.check.judge import Array
from xlparity.check.repair import depends_on_cells_alone, free_column
from xlparity.engines.embedded import EmbeddedEngine, Trace
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.cell import MAX_COLUMNS

__all__ = ["Bench", "Sample"]

Sample = list[Array]  # a number for each element of each given pair
_Mask = NDArray[np.bool_]


class Bench:
    """The student's workbook with the solution's numbers in the place of its formulas.

    Cells in which the solution has no number at the numbers `own` keep their formulas. `truths` says, for each judged
    and each given pair, which of its numbers are truth values.
    """

    def __init__(
        self, book: Book, parts: Counterparts, own: Sample, truths: tuple[Sequence[_Mask], Sequence[_Mask]]
    ) -> None:
        self._book, self.parts = book, parts
        self._truths, self._given_truths = truths
        self._names = {sheet.name for sheet in book.sheets}
        judged: list[Area] = []
        for pair, values in zip(parts.judged, self.wanted([own]), strict=True):
            for area, number in areas_of(pair.student, np.isfinite(values[0]).astype(np.float64)).items():
                if area.sheet in self._names:
                    row, column = np.nonzero(number)
                    judged += rectangles((row + area.row) * np.int64(MAX_COLUMNS) + column + area.column, area.sheet)
        self._bare = without_formulas(book, judged)
        self._right = {sheet.name: free_column(sheet) for sheet in book.sheets}
        compared = {plane.sheet for pair in parts.judged for plane in pair.student.planes}
        self._beside = replace(
            self._bare,
            sheets=tuple(
                replace(bare, fills=(*bare.fills, *self._moved(sheet))) if sheet.name in compared else bare
                for bare, sheet in zip(self._bare.sheets, book.sheets, strict=True)
            ),
        )

    def _moved(self, sheet: Sheet) -> list[Fill]:
        """The sheet's fills as they read in the free columns, where there is room."""
        right = self._right[sheet.name]
        if 2 * right > MAX_COLUMNS:
            return []
        return [
            Fill(fill.area.moved(0, right), fill.formula, fill.kind)
            for fill in sheet.fills
            if depends_on_cells_alone(fill.formula)
        ]

    @property
    def cells(self) -> int:
        """How many cells one sample has in both workbooks."""
        books = (self._beside, self.parts.solution)
        return sum(
            len(sheet.constants) + sum(fill.area.size for fill in sheet.fills)
            for book in books
            for sheet in book.sheets
        )

    def wanted(self, samples: Sequence[Sample]) -> list[Array]:
        """The solution's values of all judged pairs: (samples, *shape), NaN where there is no number."""
        inputs: dict[Area, Tensor] = {}
        for place, pair in enumerate(self.parts.given):
            batch = np.stack([sample[place] for sample in samples])
            inputs |= _tensors(pair.solution, batch, self._given_truths[place])
        with torch.no_grad():
            trace = EmbeddedEngine().trace(self.parts.solution, inputs)
        return [_batch(trace, pair.solution, len(samples)) for pair in self.parts.judged]

    def _inputs(self, samples: Sequence[Sample], wanted: Sequence[Array]) -> dict[Area, Tensor]:
        """What the student's workbook gets: the samples, and the solution's values in the judged cells."""
        inputs: dict[Area, Tensor] = {}
        for pair, array, truth in zip(self.parts.judged, wanted, self._truths, strict=True):
            inputs |= _tensors(pair.student, array, truth)
        for place, pair in enumerate(self.parts.given):
            batch = np.stack([sample[place] for sample in samples])
            inputs |= _tensors(pair.student, batch, self._given_truths[place])
        return {area: tensor for area, tensor in inputs.items() if area.sheet in self._names}

    def gives(self, samples: Sequence[Sample], wanted: Sequence[Array]) -> list[Array]:
        """What the student's own formulas make of the solution's values, as `wanted` gives these."""
        with torch.no_grad():
            trace = EmbeddedEngine().trace(self._beside, self._inputs(samples, wanted))
        found = []
        for pair in self.parts.judged:
            planes = [plane.moved(0, self._right.get(plane.sheet, 0)) for plane in pair.student.planes]
            if pair.student.planes[0].sheet not in self._names:
                found.append(np.full((len(samples), *pair.student.shape), np.nan))
                continue
            moved = Block(pair.student.shape, tuple(planes), pair.student.transposed)
            found.append(_batch(trace, moved, len(samples), blank=np.nan))
        return found

    def tries(self, sheet: str, texts: Sequence[str], samples: Sequence[Sample], wanted: Sequence[Array]) -> Array:
        """What formulas give that would stand on `sheet`: (samples, formulas), NaN where no number."""
        column = self._right[sheet]
        own = self._bare.sheet(sheet)
        fills = tuple(Fill(Area.of(sheet, row, column), text) for row, text in enumerate(texts))
        extended = replace(own, fills=(*own.fills, *fills))
        sheets = tuple(extended if one.name == sheet else one for one in self._bare.sheets)
        with torch.no_grad():
            trace = EmbeddedEngine().trace(replace(self._bare, sheets=sheets), self._inputs(samples, wanted))
        found = trace.tensor(Area.of(sheet, 0, column, len(texts), 1)).numpy()[:, :, 0]
        return np.asarray(np.broadcast_to(found, (len(samples), len(texts))))

    def student_areas(self, sample: Sample) -> dict[Area, Tensor]:
        """One sample as inputs of the student's workbook."""
        return {
            area: tensor[0]
            for place, pair in enumerate(self.parts.given)
            for area, tensor in _tensors(pair.student, sample[place][None], self._given_truths[place]).items()
        }

    def solution_areas(self, sample: Sample) -> dict[Area, Tensor]:
        """One sample as inputs of the solution."""
        return {
            area: tensor[0]
            for place, pair in enumerate(self.parts.given)
            for area, tensor in _tensors(pair.solution, sample[place][None], self._given_truths[place]).items()
        }


def _tensors(block: Block, batch: Array, truth: _Mask) -> dict[Area, Tensor]:
    """The areas of `block` with the elements of (samples, *shape) as they lie: (samples, rows, columns).

    What is no number in some sample is a `truth` in none.
    """
    truth = truth & np.isfinite(batch).all(0)
    return areas_of_samples(block, batch, truth)


def _batch(trace: Trace, block: Block, count: int, blank: float = 0.0) -> Array:
    """The numbers of `block` in all samples: (samples, *shape), NaN where there is none."""
    parts = []
    for plane in block.planes:
        number = trace.tensor(plane).numpy()
        if np.isnan(blank):
            number = np.where(trace.kinds(plane).numpy() == 0, np.nan, number)
        parts.append(number.swapaxes(1, 2) if block.transposed else number)
    stacked = np.stack(parts, 1)
    return np.array(np.broadcast_to(stacked, (count, *stacked.shape[1:]))).reshape((count, *block.shape))

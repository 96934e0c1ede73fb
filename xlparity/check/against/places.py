"""The cells that formulas use as places: the 2 of `INDEX(B1:B9,2)`.

Of 2.3 INDEX takes the whole part, and a comparison with 2 finds nothing: formulas that mean the same differ on numbers
that nobody would type there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xlparity.check.against.judge import shaped
from xlparity.check.judge import Array
from xlparity.engines.embedded.precedents import reads
from xlparity.engines.embedded.workbook import Workbook
from xlparity.formula.ast import AreaReference, Call, CellReference, walk
from xlparity.model.block import Block
from xlparity.model.book import Book

__all__ = ["Places"]

# Which arguments are places, by function.
_AFTER_THE_FIRST = ("INDEX", "OFFSET", "CHOOSEROWS", "CHOOSECOLS", "LARGE", "SMALL")
_PLACES = {"CHOOSE": slice(1), **dict.fromkeys(_AFTER_THE_FIRST, slice(1, None))}


class Places:
    """Where the formulas of a workbook read a place."""

    def __init__(self, book: Book) -> None:
        workbook = Workbook(book)
        found: dict[str, dict[tuple[int, ...], None]] = {}
        for formula in workbook.formulas:
            for node in () if formula.expression is None else walk(formula.expression):
                if not isinstance(node, Call) or node.name not in _PLACES:
                    continue
                for part in node.arguments[_PLACES[node.name]]:
                    # OFFSET counts from 0, and so may what is computed with before it is a place: INDEX(B1:B9,A1+1).
                    alone = isinstance(part, CellReference | AreaReference)
                    least = 1 if alone and node.name != "OFFSET" else 0
                    spans = reads(workbook, replace(formula, expression=part)).spans
                    for sheet, *corners in filter(None, (span.box(formula.window) for span in spans)):
                        found.setdefault(book.sheets[sheet].name, {})[(*corners, least)] = None
        self._boxes = {sheet: np.array(list(boxes)) for sheet, boxes in found.items()}

    def least(self, block: Block) -> Array:
        """The least place that each element of the tensor in `block` may be, -infinity where it is none."""
        planes = []
        for plane in block.planes:
            least = np.full((plane.height, plane.width), -np.inf)
            boxes = self._boxes.get(plane.sheet, np.empty((0, 5), np.int64))
            top, left, bottom, right, _ = boxes.T
            near = (top < plane.bottom) & (bottom > plane.row) & (left < plane.right) & (right > plane.column)
            for first, start, last, end, number in boxes[near].tolist():
                rows = slice(max(first - plane.row, 0), last - plane.row)
                part = least[rows, max(start - plane.column, 0) : end - plane.column]
                np.maximum(part, number, out=part)
            planes.append(least)
        return np.asarray(shaped(planes, block), np.float64)

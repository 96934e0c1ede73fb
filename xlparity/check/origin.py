"""Where the error of a cell that only inherits one comes from."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from xlparity.check.formulas import FormulaIndex
from xlparity.model.cell import Cell
from xlparity.model.verdict import Verdict

__all__ = ["Origins"]

# An area with more unmapped cells than this is not searched cell by cell.
_LARGE = 10_000


class Origins:
    """Finds, for wrong cells, the nearest faulty cell among those that their formulas read."""

    def __init__(self, index: FormulaIndex, wrong: Mapping[Cell, Verdict]) -> None:
        self._index, self._wrong = index, wrong
        self._found: dict[Cell, Cell | None] = {}

    def of(self, cell: Cell) -> Cell | None:
        """The first faulty cell on the way back from `cell` (breadth first), or None if it reads no wrong cell."""
        if cell in self._found:
            return self._found[cell]
        seen = {cell}
        queue = deque([cell])
        found = None
        while queue and found is None:
            for read in self._read(queue.popleft()):
                if read in seen:
                    continue
                seen.add(read)
                if self._wrong.get(read) is Verdict.FAULT:
                    found = read
                    break
                if self._found.get(read) is not None:
                    found = self._found[read]
                    break
                queue.append(read)
        self._found[cell] = found
        return found

    def reads_wrong(self, cell: Cell) -> bool:
        """Whether the formula of `cell` reads, directly or through unjudged formulas, any wrong cell."""
        seen = {cell}
        queue = deque([cell])
        while queue:
            for read in self._read(queue.popleft()):
                if read in self._wrong and read != cell:
                    return True
                if read not in seen:
                    seen.add(read)
                    queue.append(read)
        return False

    def _read(self, cell: Cell) -> list[Cell]:
        """The wrong cells and the unjudged formula cells that `cell` reads."""
        cells: list[Cell] = []
        for area in self._index.precedents(cell):
            if area.size > min(_LARGE, 4 * len(self._wrong) + 64):
                cells += [wrong for wrong in self._wrong if wrong in area]
            else:
                mask = self._index.mask(area)
                cells += [
                    read for read, formula in zip(area.cells(), mask.ravel().tolist(), strict=True)
                    if read in self._wrong or formula
                ]  # fmt: skip
        return cells

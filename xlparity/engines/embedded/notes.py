"""Why cells are errors or undecided, found out when asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from xlparity.engines.embedded.frame import Window
from xlparity.engines.embedded.run import Run
from xlparity.formula.relative import move
from xlparity.model.book import FillKind
from xlparity.model.cell import Cell
from xlparity.model.value import ERROR_TEXTS, Error, Kind, Note

__all__ = ["Notes"]


class Notes(Mapping[Cell, Note]):
    """A note for each cell that is an error, undecided, or a random number frozen at its remembered value.

    The origin is found by walking from a cell to the first of its precedents that has the same error or the same
    reason, until there is none.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._frozen = {
            cell: reason for index, reason in run.frozen.items() for cell in run.workbook.formulas[index].area.cells()
        }

    def __getitem__(self, cell: Cell) -> Note:
        sheet = self._run.workbook.sheet(cell.sheet)
        if sheet is None:
            raise KeyError(cell)
        kind, payload = self._value(sheet, cell.row, cell.column)
        if kind not in (Kind.ERROR, Kind.UNDECIDED):
            if cell in self._frozen:
                return Note(cell, self._frozen[cell])
            raise KeyError(cell)
        at = (sheet, cell.row, cell.column)
        seen = {at}
        while (before := self._source(*at, kind, payload)) is not None and before not in seen:
            at = before
            seen.add(at)
        origin = Cell(self._run.workbook.book.sheets[at[0]].name, at[1], at[2])
        if kind == Kind.UNDECIDED:
            return Note(origin, self._run.texts.table[int(payload)])
        formula = self._formula(*at)
        shown = ERROR_TEXTS[Error(int(payload))]
        return Note(origin, f"{shown} stands there as a constant" if formula is None else f"{shown} from ={formula}")

    def __iter__(self) -> Iterator[Cell]:
        for sheet, grid in enumerate(self._run.store.grids):
            name = self._run.workbook.book.sheets[sheet].name
            rows, columns = np.nonzero(grid.kind[0].numpy() >= int(Kind.ERROR))
            numbers = zip(grid.rows.numbers()[rows].tolist(), grid.columns.numbers()[columns].tolist(), strict=True)
            yield from (Cell(name, row, column) for row, column in numbers)
        yield from (cell for cell in self._frozen if cell not in _Faulty(self._run))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _value(self, sheet: int, row: int, column: int) -> tuple[int, float]:
        number, kind = self._run.store.grids[sheet].read(row, column, 1, 1)
        return int(kind[0, 0, 0]), float(number[0, 0, 0])

    def _owner(self, sheet: int, row: int, column: int) -> int:
        return self._run.store.grids[sheet].owners.at(row, column)

    def _formula(self, sheet: int, row: int, column: int) -> str | None:
        owner = self._owner(sheet, row, column)
        if owner < 0:
            return None
        fill = self._run.workbook.formulas[owner].fill
        if fill.kind is not FillKind.COPIED:
            return fill.formula
        return move(fill.formula, row - fill.area.row, column - fill.area.column)

    def _source(self, sheet: int, row: int, column: int, kind: int, payload: float) -> tuple[int, int, int] | None:
        """The first cell that the formula of a cell reads and that has the same error or reason."""
        owner = self._owner(sheet, row, column)
        if owner < 0:
            return None
        for span in self._run.reads[owner].spans:
            box = span.box(Window(sheet, row, column))
            if box is None:
                continue
            on, top, left, bottom, right = box
            grid = self._run.store.grids[on]
            rows, columns = grid.place(
                top, left, min(bottom, grid.rows.size) - top, min(right, grid.columns.size) - left
            )
            same = (grid.kind[0].numpy()[rows, columns] == kind) & (grid.number[0].numpy()[rows, columns] == payload)
            if same.any():
                i, j = np.argwhere(same)[0]
                row_numbers, column_numbers = grid.rows.numbers()[rows], grid.columns.numbers()[columns]
                return on, int(row_numbers.reshape(-1)[i]), int(column_numbers.reshape(-1)[j])
        return None


class _Faulty:
    """The cells that are errors or undecided, as a container."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __contains__(self, cell: Cell) -> bool:
        sheet = self._run.workbook.sheet(cell.sheet)
        assert sheet is not None
        _, kind = self._run.store.grids[sheet].read(cell.row, cell.column, 1, 1)
        return int(kind[0, 0, 0]) >= int(Kind.ERROR)

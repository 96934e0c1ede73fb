"""The values of a finished evaluation, handed out as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from xlparity.engines.embedded.notes import Notes
from xlparity.engines.embedded.run import Run
from xlparity.model.area import Area
from xlparity.model.value import Cells, Grid, Kind, Values

__all__ = ["Computed"]


class Computed(Values):
    """The values of the first sample of `run`.

    They stay where the evaluation keeps them: an area is a copy of a part of the sheet, and the list of all cells of a
    sheet is made when it is asked for.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(_Sheets(run), Notes(run))

    def grid(self, area: Area) -> Grid:
        """The values of `area` as dense arrays."""
        assert isinstance(self.sheets, _Sheets)
        return self.sheets.grid(area)


class _Sheets(Mapping[str, Cells]):
    """The cells of each sheet."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._places = {sheet.name: place for place, sheet in enumerate(run.workbook.book.sheets)}
        self._cells: dict[str, Cells] = {}
        self._dense: dict[int, tuple[NDArray[np.float64], NDArray[np.uint8]]] = {}

    def __getitem__(self, name: str) -> Cells:
        found = self._cells.get(name)
        if found is None:
            found = self._cells[name] = self._listed(self._places[name])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def grid(self, area: Area) -> Grid:
        """The values of `area`; blank where there is no cell."""
        texts = tuple(self._run.texts.table)
        kinds, numbers = np.zeros((area.height, area.width), np.uint8), np.zeros((area.height, area.width))
        place = self._places.get(area.sheet)
        if place is not None:
            grid = self._run.store.grids[place]
            number, kind = self._values(place)
            if grid.rows.used is not None:
                return self[area.sheet].grid(area)
            inside = slice(area.row, area.bottom), slice(area.column, area.right)
            kind = kind[inside]
            kinds[: kind.shape[0], : kind.shape[1]] = kind
            # A blank is 0 and so is what is undecided, whatever stands there.
            given = (kind != int(Kind.BLANK)) & (kind != int(Kind.UNDECIDED))
            numbers[: kind.shape[0], : kind.shape[1]] = np.where(given, number[inside], 0.0)
        return Grid(kinds, numbers, texts)

    def _values(self, place: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        found = self._dense.get(place)
        if found is None:
            found = self._dense[place] = self._run.values(place)
        return found

    def _listed(self, place: int) -> Cells:
        grid = self._run.store.grids[place]
        number, kind = (np.ascontiguousarray(values) for values in self._values(place))
        given = kind != int(Kind.BLANK)
        chosen, payload = kind[given], number[given]
        payload[chosen == int(Kind.UNDECIDED)] = 0.0
        columns = np.broadcast_to(grid.columns.numbers().astype(np.int32), given.shape)
        return Cells(
            np.repeat(grid.rows.numbers().astype(np.int32), np.count_nonzero(given, axis=1)),
            columns[given],
            chosen,
            payload,
            tuple(self._run.texts.table),
        )

"""LibreOffice as an engine: a second opinion on every formula, from a program that shares no code with xlparity."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from xlparity.engines.assemble import bounding, formula_cells, with_constants
from xlparity.engines.libreoffice.office import Office, find_office
from xlparity.engines.outside import without_outside
from xlparity.model.book import Book, Sheet
from xlparity.model.cell import Cell
from xlparity.model.engine import SAVED, Slack
from xlparity.model.value import Cells, Error, Kind, Note, Values

__all__ = ["LibreOfficeEngine", "find_office"]

# LibreOffice's error codes as its own export to .xlsx maps them (sc/source/filter/excel/xltools.cxx).
_ERRORS = {
    32767: Error.NA,
    503: Error.NUM,  # illegal floating point operation
    519: Error.VALUE,
    502: Error.NUM,  # illegal argument: its export says #VALUE!, but Excel said #NUM! in 690 of 713 such cells
    504: Error.VALUE,
    521: Error.NULL,
    524: Error.REF,
    525: Error.NAME,
    532: Error.DIV0,
    523: Error.NUM,  # an iteration (IRR, RATE) that does not converge
}
_WORDS = {
    0: "more cells have errors than are asked for their kind",
    522: "LibreOffice finds that the cell refers to itself",
    540: "LibreOffice does not reach outside the workbook",
}
_MAY_BE_BOOLEAN = re.compile(r"[=<>]|\b(?:TRUE|FALSE|AND|OR|NOT|XOR|EXACT|IS[A-Z]+)\b", re.IGNORECASE)
_NEWER = re.compile(r"_xl(?:fn|ws|udf|pm)\b", re.IGNORECASE)
_MAX_BOOLEANS = 1000  # each costs a call of a millisecond


class LibreOfficeEngine:
    """Evaluates workbooks in one long-lived LibreOffice.

    Parameters
    ----------
    seconds
        Time allowed for the start and for each workbook.

    Notes
    -----
    The office runs on a private profile without macros, links and network, in a process group of its own that is ended
    with this Python, by `close`, or when the time is up. The file is loaded read-only and recalculated completely.

    LibreOffice has no booleans, only numbers shown as TRUE and FALSE: within a fill, ones and zeros count as booleans
    if the first of them is shown as one.
    """

    name = "libreoffice"
    # Values are kept with 15 digits in places, and differences near zero snap to it (measured; docs/numerics).
    slack = Slack(relative=SAVED, cancellation=2.0**-48)

    def __init__(self, seconds: float = 300.0) -> None:
        self._seconds = seconds
        self._office: Office | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> LibreOfficeEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def version(self) -> str:
        """LibreOffice's version; starts it, EngineError if it cannot be."""
        with self._lock:
            return self._running().version

    def close(self) -> None:
        """End the office; the next question starts another."""
        if self._office is not None:
            self._office.close()
            self._office = None

    def evaluate(self, book: Book, path: Path) -> Values:
        """The values of all cells of `book`, which was read from the file at `path`.

        Raises EngineError if LibreOffice is missing, cannot open the file, dies, or takes too long.
        """
        sheets = [sheet for sheet in book.sheets if sheet.fills]
        questions = [(sheet.name, _areas(sheet)) for sheet in sheets]
        with self._lock:
            office = self._running()
            kinds, numbers, texts = office.values(str(Path(path).resolve()), questions)
            answers = list(_split(sheets, questions, kinds, numbers))
            wanted = _perhaps_booleans(book, sheets, answers)
            flags = office.booleans([(cell.sheet, cell.row, cell.column) for _, cell in wanted])
        booleans = {place for (place, _), flag in zip(wanted, flags, strict=True) if flag}
        newer = any(_NEWER.search(fill.formula) for sheet in sheets for fill in sheet.fills)
        values = {sheet.name: sheet.constants for sheet in book.sheets}
        notes: dict[Cell, Note] = {}
        for sheet, (row, column, fill, kind, number) in zip(sheets, answers, strict=True):
            for at in (at for name, at in booleans if name == sheet.name):
                ones = (fill == at) & (kind == Kind.NUMBER) & ((number == 0) | (number == 1))
                kind[ones] = Kind.BOOLEAN
            for each in np.flatnonzero(kind == Kind.ERROR).tolist():
                cell = Cell(sheet.name, int(row[each]), int(column[each]))
                code = int(number[each])
                error = _ERRORS.get(code)
                if error is None or (error is Error.NAME and newer):
                    kind[each], number[each] = Kind.UNDECIDED, 0
                    because = _WORDS.get(code, f"LibreOffice says Err:{code}")
                    if error is Error.NAME:
                        because = "LibreOffice does not know a function or name of this workbook"
                    notes[cell] = Note(cell, because)
                else:
                    number[each] = error
                    notes[cell] = Note(cell, f"LibreOffice says Err:{code}")
            values[sheet.name] = with_constants(sheet, Cells(row, column, kind, number, tuple(texts)))
        return without_outside(book, Values(values, notes), "LibreOffice")

    def _running(self) -> Office:
        if self._office is None or not self._office.alive:
            self._office = Office(self._seconds)
        return self._office


def _areas(sheet: Sheet) -> list[tuple[int, int, int, int]]:
    """What to ask for: one area around all formulas, unless they lie too far apart."""
    whole = bounding(sheet)
    cells = sum(fill.area.size for fill in sheet.fills)
    areas = [whole] if whole.size <= 4 * cells + 10_000 else [fill.area for fill in sheet.fills]
    return [(area.row, area.column, area.height, area.width) for area in areas]


_Answer = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8], NDArray[np.float64]]


def _split(
    sheets: list[Sheet],
    questions: list[tuple[str, list[tuple[int, int, int, int]]]],
    kinds: NDArray[np.uint8],
    numbers: NDArray[np.float64],
) -> list[_Answer]:
    """Row, column, fill, kind and number of each sheet's formula cells."""
    answers = []
    start = 0
    for sheet, (_, areas) in zip(sheets, questions, strict=True):
        size = sum(height * width for _, _, height, width in areas)
        row, column, fill = formula_cells(sheet)
        if len(areas) == 1:
            top, left, _, width = areas[0]
            at = start + (row.astype(np.int64) - top) * width + (column - left)
        else:
            at = np.arange(start, start + size)
        answers.append((row, column, fill, kinds[at].copy(), numbers[at].copy()))
        start += size
    return answers


def _perhaps_booleans(book: Book, sheets: list[Sheet], answers: list[_Answer]) -> list[tuple[tuple[str, int], Cell]]:
    """For each fill with a one or a zero, (sheet, fill) and its first such cell, where booleans can arise at all."""
    arise = any((sheet.constants.kind == Kind.BOOLEAN).any() for sheet in book.sheets) or any(
        _MAY_BE_BOOLEAN.search(fill.formula) for sheet in sheets for fill in sheet.fills
    )
    if not arise:
        return []
    wanted = []
    for sheet, (row, column, fill, kind, number) in zip(sheets, answers, strict=True):
        ones = np.flatnonzero((kind == Kind.NUMBER) & ((number == 0) | (number == 1)))
        found, first = np.unique(fill[ones], return_index=True)
        for at, each in zip(found.tolist(), ones[first].tolist(), strict=True):
            wanted.append(((sheet.name, at), Cell(sheet.name, int(row[each]), int(column[each]))))
    return wanted[:_MAX_BOOLEANS]

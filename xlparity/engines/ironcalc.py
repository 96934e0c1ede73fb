"""IronCalc as an engine: a spreadsheet engine in Rust, a second opinion that needs no office."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from xlparity.engines.assemble import formula_cells, with_constants
from xlparity.engines.outside import without_outside
from xlparity.errors import EngineError, InputError
from xlparity.model.book import Book, Sheet
from xlparity.model.cell import Cell
from xlparity.model.engine import Slack
from xlparity.model.value import ERROR_TEXTS, Cells, Error, Kind, Note, Values
from xlparity.xlsx.write import write_book

__all__ = ["IronCalcEngine"]

_ERRORS = {text: error for error, text in ERROR_TEXTS.items()}
# What IronCalc says where it cannot answer, rather than what Excel would.
_UNDECIDED = {
    "#N/IMPL!": "IronCalc does not have this function",
    "#N/IMPL": "IronCalc does not have this function",
    "#ERROR!": "IronCalc cannot parse the formula",
    "#CIRC!": "IronCalc finds that the cell refers to itself",
}


class IronCalcEngine:
    """Evaluates workbooks with IronCalc, from a copy without cached values, so that every value is its own."""

    name = "ironcalc"
    # Plain float64, but its ERF is good to 4e-11 only (measured against mpmath).
    slack = Slack(relative=1e-10)

    @property
    def version(self) -> str:
        """The version of the wheel; EngineError if it is not installed."""
        _module()
        return metadata.version("ironcalc")

    def evaluate(self, book: Book, path: Path) -> Values:
        """The values of all cells of `book`, which was read from the file at `path`.

        Raises EngineError if IronCalc is not installed or cannot read the workbook.
        """
        module = _module()
        if book.date1904:
            raise EngineError(f"{path}: counts its days from 1904, and IronCalc from 1900")
        with tempfile.TemporaryDirectory(prefix="xlparity-ironcalc-") as folder:
            copy = Path(folder, "copy.xlsx")
            try:
                write_book(book, copy, Values({}))
                with _silent():
                    model = module.load_from_xlsx(str(copy), "en", "UTC", "en")
                    model.evaluate()
                # Rust's panics are no ordinary exceptions; nothing else derives from BaseException alone here.
            except (KeyboardInterrupt, SystemExit, MemoryError):
                raise
            except InputError as error:
                raise EngineError(f"{path}: cannot be handed to IronCalc: {error}") from None
            except BaseException as error:
                raise EngineError(f"{path}: IronCalc cannot evaluate it: {error}") from None
        sheets: dict[str, Cells] = {}
        notes: dict[Cell, Note] = {}
        for number, sheet in enumerate(book.sheets):
            sheets[sheet.name] = with_constants(sheet, _computed(module, model, number, sheet, notes))
        return without_outside(book, Values(sheets, notes), "IronCalc")


@contextmanager
def _silent() -> Iterator[None]:
    """Without what IronCalc prints on the process's own stdout (a line a formula without cached value).

    Our stdout carries reports, which nothing may be mixed into.
    """
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _computed(module: Any, model: Any, sheet_number: int, sheet: Sheet, notes: dict[Cell, Note]) -> Cells:
    row, column, _ = formula_cells(sheet)
    kind, number = np.full(len(row), Kind.NUMBER, np.uint8), np.zeros(len(row))
    texts: dict[str, int] = {}
    error_type = module.CellType.ErrorValue
    for at, (r, c) in enumerate(zip(row.tolist(), column.tolist(), strict=True)):
        value = model.get_cell_value(sheet_number, r + 1, c + 1)
        if isinstance(value, bool):
            kind[at], number[at] = Kind.BOOLEAN, value
        elif isinstance(value, float | int):
            number[at] = value
        elif value is None:
            kind[at] = Kind.BLANK
        elif model.get_cell_type(sheet_number, r + 1, c + 1) != error_type:
            kind[at], number[at] = Kind.TEXT, texts.setdefault(value, len(texts))
        else:
            cell = Cell(sheet.name, r, c)
            error = _ERRORS.get(value)
            if error is None:
                kind[at] = Kind.UNDECIDED
                notes[cell] = Note(cell, _UNDECIDED.get(value, f"IronCalc says {value}"))
            else:
                kind[at], number[at] = Kind.ERROR, error
                notes[cell] = Note(cell, f"IronCalc says {ERROR_TEXTS[Error(error)]}")
    return Cells(row, column, kind, number, tuple(texts))


def _module() -> Any:
    try:
        import ironcalc  # noqa: PLC0415  (an extra)
    except ImportError:
        raise EngineError("IronCalc is not installed; pip install 'xlparity[ironcalc]'") from None
    return ironcalc

"""Workbooks made by others: all load, and openpyxl finds the same formulas and values in those that it can open."""

import math
import warnings
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.formula import ArrayFormula, DataTableFormula

from xlparity.formula.relative import Pattern
from xlparity.model.book import FillKind
from xlparity.model.value import ERROR_TEXTS, Error
from xlparity.xlsx.read import read_book

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"
FILES = [path for path in sorted(CORPUS.rglob("*.xls[xm]")) if "hostile" not in path.parts]

pytestmark = pytest.mark.skipif(not FILES, reason="the corpus lies outside the repository, in ../shared/corpus")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_corpus_workbook_is_read_as_openpyxl_reads_it(path):
    book = read_book(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = openpyxl.load_workbook(path)
            their_values = openpyxl.load_workbook(path, data_only=True)
    except Exception:  # openpyxl refuses some real workbooks, in many ways; that we read them is shown
        assert any(sheet.fills for sheet in book.sheets)
        return
    compared = 0
    for sheet in book.sheets:
        formulas = {}
        for fill in sheet.fills:
            if fill.kind is not FillKind.COPIED:
                formulas[fill.area.row, fill.area.column] = fill.formula
                continue
            pattern = Pattern(fill.formula, fill.area.row, fill.area.column)
            for cell in fill.area.cells():
                formulas[cell.row, cell.column] = pattern.at(cell.row, cell.column)
        for row in theirs[sheet.name].iter_rows():
            for cell in row:
                place = cell.row - 1, cell.column - 1
                if cell.data_type != "f":
                    assert place not in formulas
                    continue
                if isinstance(cell.value, DataTableFormula):
                    assert formulas.pop(place).startswith("TABLE(")
                    continue
                text = cell.value.text if isinstance(cell.value, ArrayFormula) else cell.value
                if text == "=":  # covered by an array formula
                    continue
                assert formulas.pop(place).replace(" ", "") == text.removeprefix("=").replace(" ", "")
                compared += 1
        assert formulas == {}
        for row in their_values[sheet.name].iter_rows():
            for cell in row:
                if cell.value is None or cell.is_date:
                    continue
                ours = sheet.constants.scalar(cell.row - 1, cell.column - 1)
                if ours is None:
                    ours = sheet.cached.scalar(cell.row - 1, cell.column - 1)
                if isinstance(ours, Error) and ours in (Error.CALC, Error.SPILL):
                    # Excel stores #VALUE! for readers that do not know rich values, as openpyxl does not.
                    assert cell.value == "#VALUE!"
                elif isinstance(ours, Error):
                    assert ERROR_TEXTS[ours] == cell.value
                elif isinstance(ours, float):
                    assert ours == cell.value or math.isclose(ours, cell.value)
                elif isinstance(ours, str) and "_x" not in str(cell.value):
                    assert ours == str(cell.value)
                compared += 1
    assert compared or not any(sheet.fills for sheet in book.sheets)

"""Integers and booleans in the sheet: what is taken, what is an error, what is a fault."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

import xlparity
from xlparity.errors import InputError
from xlparity.formula.a1 import show_cell
from xlparity.model.verdict import Verdict

MAP = """
[[tensor]]
tensor = "table"
role = "parameter"
cells = "Sheet!A1:B3"

[[tensor]]
tensor = "tokens"
role = "input"
dtype = "int64"
shape = [2]
cells = "Sheet!D1:D2"

[[tensor]]
tensor = "keep"
role = "input"
dtype = "bool"
shape = [2]
cells = "Sheet!E1:E2"

[[tensor]]
tensor = "next"
role = "computed"
dtype = "int64"
shape = [2]
cells = "Sheet!F1:F2"
torch = "aten.sub.Tensor(2, tokens)"

[[tensor]]
tensor = "h"
role = "computed"
cells = "Sheet!H1:I2"
torch = "aten.embedding.default(table, next)"

[[tensor]]
tensor = "m"
role = "computed"
cells = "Sheet!K1:L2"
torch = "aten.where.self(keep[:, None], h, 0.0)"
"""


def a_sheet(
    folder: Path, tokens: tuple[object, ...] = (0, 1), keep: tuple[object, ...] = (True, 0), **cells: str
) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (1, 2, 3):
        sheet[f"A{row}"], sheet[f"B{row}"] = 0.5 * row, -0.25 * row
    for row in (1, 2):
        sheet[f"D{row}"], sheet[f"E{row}"] = tokens[row - 1], keep[row - 1]
        sheet[f"F{row}"] = f"=2-D{row}"
        for column, of in zip("HI", "AB", strict=True):
            sheet[f"{column}{row}"] = f"=INDEX({of}$1:{of}$3,$F{row}+1)"
        for column, of in zip("KL", "HI", strict=True):
            sheet[f"{column}{row}"] = f"=IF($E{row},{of}{row},0)"
    for cell, formula in cells.items():
        sheet[cell] = formula
    path = folder / "tokens.xlsx"
    book.save(path)
    path.with_suffix(".parity.toml").write_text(MAP)
    return path


def test_tokens_and_masks_are_given_to_torch_in_their_dtype(tmp_path: Path) -> None:
    report = xlparity.check(a_sheet(tmp_path))
    assert report.passed
    assert report.counts["match"] == 10


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"tokens": (0, 1.5)}, r"Sheet!D2 should hold a whole number, the input tokens\[1\], but is 1.5"),
        ({"tokens": ("a", 1)}, r"Sheet!D1 should hold a whole number.*'a'"),
        ({"keep": (True, 2)}, r"Sheet!E2 should hold TRUE or FALSE, or 1 or 0"),
    ],
)
def test_what_no_integer_or_boolean_can_be_is_an_error_in_the_input(
    tmp_path: Path, cells: dict[str, tuple[object, ...]], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        xlparity.check(a_sheet(tmp_path, **cells))


@pytest.mark.parametrize("formula", ["=2-D1+0.5", "=2-D1+7", "=1/0"])
def test_a_computed_index_that_is_none_is_the_fault_and_its_readers_inherit_it(tmp_path: Path, formula: str) -> None:
    report = xlparity.check(a_sheet(tmp_path, F1=formula))
    verdicts = {show_cell(finding.cell): finding.verdict for finding in report.cells}
    assert verdicts.pop("Sheet!F1") is Verdict.FAULT
    assert set(verdicts.values()) <= {Verdict.INHERITED}

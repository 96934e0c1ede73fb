"""The report in a copy of the workbook, seen as a person sees it."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

import xlparity

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("annotated")
    book = openpyxl.load_workbook(ROOT / "workbooks" / "mse.xlsx")
    book["MSE"]["D6"] = "=SUM(D2:D3)"
    book.save(folder / "mse.xlsx")
    report = xlparity.check(folder / "mse.xlsx")
    return xlparity.annotate(report, folder / "mse.xlsx", folder / "copy.xlsx")


def test_a_wrong_cell_says_what_is_expected_why_and_what_mends_it(copy: Path) -> None:
    cell = openpyxl.load_workbook(copy)["MSE"]["D6"]
    assert cell.value == "=SUM(D2:D3)"
    assert cell.comment.text.splitlines() == [
        "xlparity: fault, total",
        "expected 351.259287131805",
        "difference -3.1e+02, allowed 7.8e-13",
        "cause: its formula does not compute squared_error.sum(): it gives 38.123612122204996 on right operands",
        "repair: =SUM(D2:D4)",
    ]


def test_each_verdict_has_a_colour_of_its_own_and_matches_have_none(copy: Path) -> None:
    sheet = openpyxl.load_workbook(copy)["MSE"]
    original = openpyxl.load_workbook(ROOT / "workbooks" / "mse.xlsx")["MSE"]
    assert sheet["D6"].fill.fgColor.rgb == "FFF4A582"
    assert sheet["D7"].fill.fgColor.rgb == "FFFFE699"
    assert repr(sheet["D2"].fill) == repr(original["D2"].fill)
    assert sheet["D2"].comment is None


def test_the_sheet_lists_faults_first_and_leads_to_the_cells(copy: Path) -> None:
    book = openpyxl.load_workbook(copy)
    sheet = book["Parity report"]
    assert sheet["A2"].value.startswith("mse.xlsx: NO PARITY. Of 34 checked cells 1 wrong, 6 inheriting an error")
    rows = list(sheet.iter_rows())
    heading = next(number for number, row in enumerate(rows) if row[0].value == "cell")
    first, second = rows[heading + 1], rows[heading + 2]
    assert [first[0].value, first[1].value, first[2].value] == ["MSE!D6", "fault", "total"]
    assert first[0].hyperlink.location == "'MSE'!D6"
    assert first[9].value == "=SUM(D2:D4)"
    assert (second[1].value, second[10].value, second[10].hyperlink.location) == ("inherited", "MSE!D6", "'MSE'!D6")
    assert len(rows) == heading + 1 + 7
    assert sheet.sheet_view.tabSelected in (None, False)
    assert book.active.title == "MSE"


def test_the_copy_has_the_same_parity_as_the_original(copy: Path) -> None:
    ours, theirs = xlparity.check(copy), xlparity.check(copy.with_name("mse.xlsx"))
    assert ours.counts == theirs.counts

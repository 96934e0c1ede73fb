"""A report of a workbook from a stranger attacks nobody who reads it: terminal, browser, spreadsheet, CI server."""

import csv
import io
import json
import re
from dataclasses import replace

import pytest

from xlparity import api
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.outcome import Outcome
from xlparity.model.value import Cells
from xlparity.report.csv import _field
from xlparity.report.github import outcomes_to_github
from xlparity.report.json import report_to_json
from xlparity.report.text import report_to_text
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book

EVIL = "</script><script>alert(1)</script>"
TENSOR = '=HYPERLINK("http://127.0.0.1:9/")'
SHEET = "S<img src=x>&x"


@pytest.fixture
def report(tmp_path):
    cells = Cells.of({(0, 1): 1.0, (1, 1): 2.0, (2, 1): EVIL, (3, 1): "\x1b[2J\u202e::error::x"})
    fill = Fill(Area.of(SHEET, 0, 0), f'SUM(B1:B2)+N("{EVIL}\u202e")')
    rows = [
        ("tensor", "role", "cells", "torch"),
        ("x", "input", "'S<img src=x>&x'!B1:B2", ""),
        (TENSOR, "computed", "'S<img src=x>&x'!A1", "x.sum().reshape(1, 1) + 1"),
    ]
    texts = {(at, place): text for at, line in enumerate(rows) for place, text in enumerate(line) if text}
    path = tmp_path / "book.xlsx"
    write_book(Book((Sheet(SHEET, cells, (fill,), Cells.of({(0, 0): 3.0})), Sheet("Parity", Cells.of(texts)))), path)
    return api.check(path), path


def test_the_terminal_gets_no_control_characters(report):
    text = report_to_text(report[0])
    assert not report[0].passed
    assert TENSOR.split("(", maxsplit=1)[0] in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\x9b\u202e]", text)


def test_the_page_holds_no_markup_of_the_workbook(report):
    page = report[0].to_html()
    assert EVIL not in page
    assert "<img src=x" not in page


def test_the_copy_has_no_formula_and_no_link_of_the_workbooks_texts(report, tmp_path):
    api.annotate(report[0], report[1], tmp_path / "copy.xlsx")
    copy = read_book(tmp_path / "copy.xlsx")
    added = [sheet for sheet in copy.sheets if sheet.name not in (SHEET, "Parity")]
    assert added
    assert not any(fill.formula.upper().startswith("HYPERLINK") for sheet in added for fill in sheet.fills)
    assert any(TENSOR in text for sheet in added for text in sheet.constants.texts)


def test_csv_has_no_text_that_a_spreadsheet_computes(report):
    rows = list(csv.DictReader(io.StringIO(report[0].to_csv())))
    assert [row["cell"] for row in rows] == ["'S<img src=x>&x'!A1"]
    assert rows[0]["tensor"] == f"'{TENSOR}"
    assert rows[0]["formula"].startswith("'=SUM(B1:B2)")
    assert (rows[0]["actual"], rows[0]["difference"]) == ("3.0", "-1.0")
    assert json.loads(rows[0]["index"]) == [0, 0]
    assert not any(value.lstrip(" ").startswith(tuple("=+@\t\r\n")) for row in rows for value in row.values())


@pytest.mark.parametrize("text", ["=1", " +1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_whatever_may_begin_a_formula_is_guarded_in_csv_and_numbers_are_not(text):
    assert _field(text).startswith("'")
    assert _field(["=1"]) == '["=1"]'
    assert (_field(-1.5), _field(None), _field("a=1")) == (-1.5, None, "a=1")


def test_json_shows_no_character_that_a_terminal_obeys(report):
    text = report_to_json(replace(report[0], workbook="a\x9b2J\x7f\u202e\u2028\ud800ü"))
    assert '"a\\u009b2J\\u007f\\u202e\\u2028\\ud800ü"' in text
    assert json.loads(text)["workbook"] == "a\x9b2J\x7f\u202e\u2028\ud800ü"
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", text)


def test_json_and_annotations_of_ci_stay_what_they_are(report):
    json.loads(report_to_json(report[0]))
    lines = outcomes_to_github([Outcome("book.xlsx", report[0])]).splitlines()
    assert all(line.startswith(("::error ", "xlparity:")) for line in lines)

"""The judged cells as CSV, which a spreadsheet may open without computing what a stranger wrote."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from xlparity.model.report import Report
from xlparity.report.json import report_to_dict
from xlparity.report.text import plain

__all__ = ["report_to_csv"]

# With what a text begins, perhaps behind blanks, that spreadsheets take for a formula (OWASP, "CSV Injection").
_FORMULAS = tuple("=+-@\t\r\n＝＋－＠")


def report_to_csv(report: Report) -> str:
    """All judged cells, a row each, with the columns of the JSON's `cells`; lists and the like as JSON.

    A text that a spreadsheet would compute, as every formula is, begins with an apostrophe.
    """
    rows = report_to_dict(report, every=True)["cells"]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_field(row.get(name)) for name in columns] for row in rows)
    return file.getvalue()


def _field(value: Any) -> Any:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value  # a number below zero stays one
    text = plain(value)
    return f"'{text}" if value.lstrip(" ").startswith(_FORMULAS) else text

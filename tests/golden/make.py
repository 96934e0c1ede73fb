"""Writes the golden workbooks from the tables of `tests/unit/functions/test_tricky.py`.

    python -m tests.golden.make

Each case is a row of the sheet `Cases`: the formula as text, how far the result may be off, and the formula itself
with Excel's documented result as its cached value. Ranges stand on the sheet `Data`.
"""

from __future__ import annotations

from pathlib import Path

from tests.unit.functions import test_tricky as tricky
from xlparity.formula.a1 import show_area
from xlparity.functions import FUNCTIONS
from xlparity.functions.newer import WORKSHEET
from xlparity.functions.text_of_number import general
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, FillKind, Sheet
from xlparity.model.value import ERROR_TEXTS, Cells, Error, Scalar
from xlparity.xlsx.write import write_book

HERE = Path(__file__).parent
FAMILIES = {
    "mathematics": tricky.MATHEMATICS,
    "statistics": tricky.STATISTICS,
    "rounding": tricky.ROUNDING,
    "logic": [*tricky.CHOICES, *tricky.LOGIC],
    "lookup": tricky.LOOKUP,
    "arrays": tricky.ARRAYS,
    "distributions": [*tricky.DISTRIBUTIONS, *tricky.TAILS],
    "text": tricky.TEXT,
    "dates": tricky.DATES,
    "regression": tricky.REGRESSION,
    "more": tricky.MORE,
}
BLANK = "Data!$A$1"


class Data:
    """The sheet with the ranges of the cases; its first row stays empty."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], Scalar] = {}
        self.row = 2

    def place(self, rows: list[list[Scalar]]) -> str:
        top = self.row
        for row in rows:
            for column, value in enumerate(row):
                if value is not None:
                    self.cells[self.row, column] = value
            self.row += 1
        self.row += 1
        return show_area(Area.of("Data", top, 0, len(rows), len(rows[0])))


def written(value: object) -> str:
    """A constant as formulas write it."""
    if isinstance(value, Error):
        return ERROR_TEXTS[value]
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    assert isinstance(value, (int, float))
    return general(value) if float(general(value)) == value else repr(float(value))


def argument(value: object, data: Data) -> str:
    if value is ...:
        return ""
    if value is None:
        return BLANK
    if not isinstance(value, (list, tuple)):
        return written(value)
    rows = [list(row) if isinstance(row, (list, tuple)) else [row] for row in value]
    if isinstance(value, tuple) or any(one is None for row in rows for one in row):
        return data.place(rows)
    return "{" + ";".join(",".join(written(one) for one in row) for row in rows) + "}"


def expectation(value: object) -> tuple[Scalar, float]:
    """The cached value and how far a result may be from it."""
    if type(value).__name__.startswith("Approx"):
        exact = float(value.expected)
        absolute = 1e-12 if value.abs is None else value.abs
        relative = 1e-6 if value.rel is None and value.abs is None else value.rel or 0.0
        return exact, max(absolute, relative * abs(exact))
    if value is None:
        return 0.0, 0.0
    return (value if isinstance(value, (str, bool, Error)) else float(value)), 0.0


def book_of(cases: list[tuple[str, list[object], object]]) -> Book:
    data = Data()
    constants: dict[tuple[int, int], Scalar] = {(0, 0): "formula", (0, 1): "tolerance", (0, 2): "result"}
    cached: dict[tuple[int, int], Scalar] = {}
    fills = []
    row = 1
    for name, given, expected in cases:
        if "undecided" in str(expected) or given == [...]:  # Excel writes no call with one empty argument
            continue
        prefix = "_xlfn._xlws." if name in WORKSHEET else "_xlfn." if FUNCTIONS[name].newer else ""
        formula = f"{prefix}{name}({','.join(argument(value, data) for value in given)})"
        rows = expected if isinstance(expected, list) else [[expected]]
        kind = FillKind.ARRAY if isinstance(expected, list) else FillKind.COPIED
        fills.append(Fill(Area.of("Cases", row, 2, len(rows), len(rows[0])), formula, kind))
        tolerances = []
        for down, line in enumerate(rows):
            for right, value in enumerate(line):
                cached[row + down, 2 + right], tolerance = expectation(value)
                tolerances.append(tolerance)
        constants[row, 0] = "=" + formula
        constants[row, 1] = max(tolerances)
        row += len(rows)
    return Book(
        (
            Sheet("Cases", constants=Cells.of(constants), fills=tuple(fills), cached=Cells.of(cached)),
            Sheet("Data", constants=Cells.of(data.cells)),
        )
    )


if __name__ == "__main__":
    for family, cases in FAMILIES.items():
        write_book(book_of(cases), HERE / f"{family}.xlsx")

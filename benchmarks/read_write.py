"""Seconds to write and read a workbook, beside openpyxl in the same run: writes docs/benchmarks/files.md.

python benchmarks/read_write.py [CELLS]         another number of cells than a million is only printed
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl

from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.value import Cells
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book

MILLION = 1_000_000
TABLE = Path(__file__).parents[1] / "docs" / "benchmarks" / "files.md"


def example(cells: int) -> Book:
    """Half numbers, half formulas, ten columns of each."""
    rows = cells // 20
    place = np.arange(rows * 10, dtype=np.int32)
    numbers = np.random.default_rng(0).normal(size=rows * 10)
    row, column = place // 10, place % 10
    kind = np.ones(rows * 10, np.uint8)
    fill = Fill(Area.of("S", 0, 10, rows, 10), "A1*2+SUM($A1:B1)*$A$1")
    return Book((Sheet("S", Cells(row, column, kind, numbers), (fill,), Cells(row, column + 10, kind, numbers)),))


def seconds(work: Callable[[], object]) -> float:
    """Wall time of `work`."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def write_with_openpyxl(book: Book, path: Path) -> None:
    """The same cells, formulas as text, through openpyxl's fastest writer."""
    sheet = book.sheets[0]
    workbook = openpyxl.Workbook(write_only=True)
    page = workbook.create_sheet("S")
    numbers = sheet.constants.number.reshape(-1, 10).tolist()
    for row, line in enumerate(numbers, 1):
        page.append(
            line + [f"={c}{row}*2+SUM($A{row}:{d}{row})*$A$1" for c, d in zip("ABCDEFGHIJ", "BCDEFGHIJK", strict=True)]
        )
    workbook.save(path)


def read_with_openpyxl(path: Path) -> None:
    """Formulas and values take openpyxl two passes."""
    for data_only in (False, True):
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=data_only)
        for row in workbook["S"].iter_rows(values_only=True):
            len(row)
        workbook.close()


def main() -> None:
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else MILLION
    book = example(cells)
    lines = ["| | xlparity | openpyxl | of openpyxl's time |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours.xlsx"), Path(folder, "theirs.xlsx")
        write = seconds(lambda: write_book(book, ours))
        write_theirs = seconds(lambda: write_with_openpyxl(book, theirs))
        lines.append(f"| write, write-only | {write:.2f} s | {write_theirs:.2f} s | {write / write_theirs:.2f} |")
        for name, path in (("shared formulas", ours), ("the full text in each cell", theirs)):
            read = seconds(lambda path=path: read_book(path))
            read_theirs = seconds(lambda path=path: read_with_openpyxl(path))
            lines.append(f"| read, {name} | {read:.2f} s | {read_theirs:.2f} s | {read / read_theirs:.2f} |")
    text = f"""# Reading and writing files

Made by `python benchmarks/read_write.py`; not edited by hand. {cells:,} cells, half of them formulas, written and read by
xlparity and by openpyxl {openpyxl.__version__} (write-only; read-only, once for the formulas and once for the values) in the same
run. xlparity writes a formula that is copied down once, as Excel does, with every cell's remembered value; openpyxl
writes its text into each cell, without values.

""" + "\n".join(lines)
    print(text)
    if cells == MILLION:
        TABLE.write_text(text + "\n")


if __name__ == "__main__":
    main()

"""How far the embedded engine agrees with the values that workbooks remember.

    python benchmarks/corpus_agreement.py FOLDER... [--show N] [--only TEXT]

Every formula cell with a remembered value is computed anew from the constants and compared. Numbers match within
1e-9 of their size plus 1e-12 (Excel keeps 15 digits and snaps small differences to zero); everything else has to be
the same. Values that depend on RAND, NOW and the like are not compared.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import XlparityError
from xlparity.formula.a1 import show_cell
from xlparity.formula.relative import move
from xlparity.model.book import Book, FillKind
from xlparity.model.cell import Cell
from xlparity.model.value import ERROR_TEXTS, Cells, Error, Kind, Values
from xlparity.xlsx.read import read_book

RELATIVE, ABSOLUTE = 1e-9, 1e-12


@dataclass
class Tally:
    books: int = 0
    failures: list[str] = field(default_factory=list)
    compared: int = 0
    numeric: int = 0
    numeric_matched: int = 0
    matched: int = 0
    undecided: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def row(self, name: str) -> str:
        numeric = f"{100 * self.numeric_matched / self.numeric:.2f} %" if self.numeric else "-"
        return (
            f"{name:28} {self.books:5} {self.compared:9,} {self.matched:9,} {sum(self.undecided.values()):9,} "
            f"{len(self.wrong):6,} {numeric:>12} {len(self.failures):6} {self.seconds:7.1f} s"
        )


def formula_of(book: Book, cell: Cell) -> str:
    for fill in book.sheet(cell.sheet).fills:
        if cell in fill.area:
            if fill.kind is not FillKind.COPIED:
                return "{=" + fill.formula + "}"
            return "=" + move(fill.formula, cell.row - fill.area.row, cell.column - fill.area.column)
    return "?"


def places(cells: Cells) -> Iterator[tuple[int, int]]:
    return zip(cells.row.tolist(), cells.column.tolist(), strict=True)


def compare(book: Book, values: Values, tally: Tally, path: Path) -> None:
    for sheet in book.sheets:
        cached, computed = sheet.cached, values.sheets[sheet.name]
        where = {place: index for index, place in enumerate(places(computed))}
        for index, place in enumerate(places(cached)):
            cell = Cell(sheet.name, *place)
            at = where.get(place)
            kind = int(computed.kind[at]) if at is not None else int(Kind.BLANK)
            expected = cached.scalar(*place)
            tally.compared += 1
            numeric = int(cached.kind[index]) == int(Kind.NUMBER)
            tally.numeric += numeric
            if kind == Kind.UNDECIDED:
                tally.undecided[values.notes[cell].because] += 1
                continue
            actual = computed.scalar(*place) if at is not None else None
            if same(actual, expected):
                tally.matched += 1
                tally.numeric_matched += numeric
                continue
            origin = values.notes[cell].origin if kind == Kind.ERROR else cell
            tally.wrong.append(
                f"{path.name} {show_cell(cell)} is {actual!r}, remembered {expected!r}: {formula_of(book, cell)[:120]}"
                + (f"  (from {show_cell(origin)} {formula_of(book, origin)[:80]})" if origin != cell else "")
            )


def same(actual: object, expected: object) -> bool:
    if isinstance(actual, float) and isinstance(expected, float):
        return abs(actual - expected) <= RELATIVE * max(abs(actual), abs(expected)) + ABSOLUTE
    if actual is None and expected == "":
        return True
    if isinstance(actual, Error) and isinstance(expected, str):
        # Some programs store a remembered error as a text.
        return ERROR_TEXTS[actual] == expected
    if isinstance(actual, Error) and actual > Error.NA:
        # Excel stores its newer errors (#CALC!, #SPILL!) as #VALUE!, for older readers.
        return expected in (actual, Error.VALUE)
    return type(actual) is type(expected) and actual == expected


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--show", type=int, default=20, help="how many wrong cells and failures to list for each set")
    parser.add_argument("--only", default="", help="only workbooks whose name contains this")
    options = parser.parse_args()
    tallies = {}
    for folder in options.folders:
        tally = tallies[folder] = Tally()
        for path in sorted(folder.rglob("*.xls[xm]")):
            if options.only not in path.name or path.name.startswith("~"):
                continue
            tally.books += 1
            start = time.perf_counter()
            try:
                book = read_book(path)
                values = EmbeddedEngine().evaluate(book, path)
            except XlparityError as error:
                tally.failures.append(f"{path.name}: {error}")
                continue
            tally.seconds += time.perf_counter() - start
            compare(book, values, tally, path)
    heads = ("set", "books", "compared", "matched", "undecided", "wrong", "numeric", "failed", "time")
    print("{:28} {:>5} {:>9} {:>9} {:>9} {:>6} {:>12} {:>6} {:>9}".format(*heads))
    for folder, tally in tallies.items():
        print(tally.row(folder.name))
    for folder, tally in tallies.items():
        for reason, count in tally.undecided.most_common(options.show):
            print(f"{folder.name}: undecided {count}: {reason}")
        for line in [*tally.failures, *tally.wrong][: options.show]:
            print(f"{folder.name}: {line}")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()

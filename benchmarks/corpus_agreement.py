"""How far the embedded engine agrees with the values that workbooks remember.

    python benchmarks/corpus_agreement.py FOLDER... [--show N] [--only TEXT] [--output FILE.md]

Every formula cell with a remembered value is computed anew from the constants and compared. Numbers are held to four
measures, and the table says how many pass each: the same 15 significant digits (what Excel shows and computes with,
half a unit of the fifteenth), 2^-53 times 10,000 operations of the value (a chain that long, each rounded once: gamma_n
of the running error bound), the same of the largest number that the formula reads (what cancels leaves their
rounding), and 1e-9, beyond which a cell is wrong. What passes only the last is listed, every cell. Values that depend on RAND, NOW and the like are
undecided. Everything but numbers has to be the same.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xlparity.check.formulas import FormulaIndex
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import XlparityError
from xlparity.formula.a1 import show_cell
from xlparity.formula.relative import move
from xlparity.model.book import Book, FillKind
from xlparity.model.cell import Cell
from xlparity.model.value import ERROR_TEXTS, Cells, Error, Kind, Values
from xlparity.xlsx.read import read_book

# The loosest measure: beyond it nothing explains a difference by rounding. The differences between it and gamma_10000
# are counted apart and listed, so that none hides in it.
RELATIVE, ABSOLUTE = 1e-9, 1e-12
DIGITS_15 = 5e-15  # half a unit of the 15th significant digit, at worst (a leading 1)
GAMMA = 1e4 * 2.0**-53  # 10,000 roundings


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
    digits_15: int = 0
    gamma: int = 0
    cancelled: int = 0
    loose: list[str] = field(default_factory=list)

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


def largest_operand(book: Book, index: FormulaIndex, cell: Cell) -> float:
    """The largest remembered number that the cell's formula reads."""
    largest = 0.0
    for area in index.precedents(cell):
        sheet = book.sheet(area.sheet)
        for cells in (sheet.constants, sheet.cached):
            grid = cells.grid(area)
            largest = max(largest, float(np.max(np.abs(grid.number), initial=0.0, where=grid.kind == Kind.NUMBER)))
    return largest


def compare(book: Book, values: Values, tally: Tally, path: Path) -> None:
    index_of_formulas = FormulaIndex(book)
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
                if isinstance(actual, float) and isinstance(expected, float):
                    apart = abs(actual - expected)
                    size = max(abs(actual), abs(expected))
                    tally.digits_15 += apart <= DIGITS_15 * size
                    tally.gamma += DIGITS_15 * size < apart <= GAMMA * size
                    if apart <= GAMMA * size:
                        continue
                    if apart <= GAMMA * largest_operand(book, index_of_formulas, cell):
                        tally.cancelled += 1
                    else:
                        tally.loose.append(
                            f"{path.name} {show_cell(cell)} is {actual!r}, remembered {expected!r}: "
                            f"{formula_of(book, cell)[:100]}"
                        )
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


def page(tallies: dict[Path, Tally]) -> str:
    """docs/benchmarks/corpus.md."""
    lines = [
        "# Agreement with the values that workbooks remember",
        "",
        "Made by `python benchmarks/corpus_agreement.py FOLDER... --output docs/benchmarks/corpus.md`; not edited by "
        "hand. Every formula cell with a remembered value is computed anew by the embedded engine, from the constants.",
        "",
        "| set | workbooks | not read | cells compared | matched | undecided | wrong | numeric cells matched |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for folder, tally in tallies.items():
        share = f"{100 * tally.numeric_matched / tally.numeric:.3f} %" if tally.numeric else "-"
        lines.append(
            f"| {folder.name} | {tally.books} | {len(tally.failures)} | {tally.compared:,} | {tally.matched:,} "
            f"| {sum(tally.undecided.values()):,} | {len(tally.wrong)} | {share} |"
        )
    lines += [
        "",
        "A cell is wrong beyond 1e-9 of its size plus 1e-12. How near the matching numbers really are: *15 digits* is "
        "half a unit of the fifteenth significant digit, what Excel shows; *rounding* is 10,000 roundings of float64, "
        "1.1e-12, an accumulated bound for what a cell's precedents rounded (two orders of the same sum differ by no "
        "more); *of the operands* is the same of the largest number that the formula reads: in excel-transformer "
        "sums cancel to about 1e-20, which Excel snaps to 0 or adds in another order; *farther* is listed below, every "
        "cell: in excel-transformer the sums of such remainders. In ironcalc: Excel's SIN, COS and TAN near multiples of pi/2 and its FISHER and FISHERINV near 0 are "
        "less accurate than float64 allows (ours agree with the exact values), PV divides a cancelled difference by 0.001 (rate -0.9), where Excel and we both lose digits, and two "
        "GEOMEAN values stand in the file with ten digits.",
        "",
        "| set | within 15 digits | within rounding | within rounding of the operands | farther |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {f.name} | {t.digits_15:,} | {t.gamma:,} | {t.cancelled:,} | {len(t.loose):,} |" for f, t in tallies.items()
    ]
    for title, chosen in (
        ("Wrong", lambda tally: tally.wrong),
        ("Workbooks that are not read", lambda tally: tally.failures),
        ("Matched, but farther than rounding (all)", lambda tally: tally.loose),
        ("Undecided, by reason", lambda tally: [f"{n:,} cells: {why}" for why, n in tally.undecided.most_common(8)]),
    ):
        lines += ["", f"## {title}", ""]
        found = [f"- {folder.name}: {line}".replace("|", "\\|") for folder, t in tallies.items() for line in chosen(t)]
        lines += found or ["None."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--show", type=int, default=20, help="how many wrong cells and failures to list for each set")
    parser.add_argument("--only", default="", help="only workbooks whose name contains this")
    parser.add_argument("--output", type=Path, help="write the table as Markdown into this file")
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
    if options.output:
        options.output.write_text(page(tallies))
    for folder, tally in tallies.items():
        for reason, count in tally.undecided.most_common(options.show):
            print(f"{folder.name}: undecided {count}: {reason}")
        for line in [*tally.failures, *tally.wrong][: options.show]:
            print(f"{folder.name}: {line}")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()

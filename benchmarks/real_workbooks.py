"""Workbooks that other people typed, held against torch by hand-written maps: docs/benchmarks/real-workbooks.md.

    python benchmarks/real_workbooks.py [--only TEXT] [--samples N] [--no-office] [--output FILE]

`benchmarks/maps/SET/NAME.parity.toml` is the map of `../shared/corpus/SET/NAME.xlsx`. Beside its tensors a map tells
what is known of the workbook, as `[[deviation]]` tables with `cells`, a `kind` and a `note`:

    fault        the cells' formulas are wrong; the check must name exactly these, and those of the next kind, as faults
    another rule the formulas are meant to be other than torch's
    coincidence  wrong formulas that give the right values at the sheet's own numbers; --samples must name them
    underflow    right, but for numbers so far from the sheet's that float64 has no digits left
    convention   right, and not what torch does without being told
    label        a text or a number that no formula reads says something else
    not mapped   formulas that no row of the map covers, and why

Cells are judged by the embedded engine and LibreOffice, and with --samples on other numbers too. The exit code is 1
where a workbook's faults are not exactly those that its notes explain, or a formula is neither mapped nor explained.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path

import xlparity
from xlparity.check.formulas import FormulaIndex
from xlparity.formula.a1 import parse_area, show_area, show_cell
from xlparity.model.area import Area
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.map import Role
from xlparity.model.verdict import Verdict
from xlparity.xlsx.map_file import map_of_toml
from xlparity.xlsx.read import read_book

ROOT = Path(__file__).parents[1]
MAPS = ROOT / "benchmarks" / "maps"
CORPUS = ROOT.parent / "shared" / "corpus"
PAGE = ROOT / "docs" / "benchmarks" / "real-workbooks.md"

# Workbooks with more formulas are not judged on samples, which would take an hour.
MOST_SAMPLED = 2_000

KINDS = ("fault", "another rule", "coincidence", "underflow", "convention", "label", "not mapped")


@dataclass(frozen=True)
class Deviation:
    """What a map's author knows of some cells."""

    cells: tuple[Area, ...]
    kind: str
    note: str


@dataclass(frozen=True)
class Outcome:
    """One workbook's check, and in `unexplained` what its notes do not account for."""

    name: str
    report: xlparity.Report
    by_samples: frozenset[Cell] | None
    deviations: tuple[Deviation, ...]
    unexplained: tuple[str, ...]
    seconds: float


def workbook_of(path: Path) -> Path:
    """The workbook that the map in `path` is of."""
    name = path.name.removesuffix(".parity.toml")
    folder = CORPUS / path.parent.relative_to(MAPS)
    return next(book for book in (folder / f"{name}.xlsx", folder / f"{name}.xlsm") if book.exists())


def deviations_of(path: Path) -> tuple[Deviation, ...]:
    """The notes of the map in `path`."""
    tables = tomllib.loads(path.read_text(encoding="utf-8")).get("deviation", [])
    found = tuple(
        Deviation(tuple(_area(cells) for cells in table["cells"]), table["kind"], table["note"]) for table in tables
    )
    assert all(one.kind in KINDS for one in found), path
    return found


def held(path: Path, engines: Iterable[str], samples: int) -> Outcome:
    """The check of the workbook whose map is in `path`."""
    start = time.perf_counter()
    workbook, deviations = workbook_of(path), deviations_of(path)
    report = xlparity.check(workbook, map=path, engines=tuple(engines))
    known = {kind: _cells(one.cells for one in deviations if one.kind == kind) for kind in KINDS}
    faults = {one.cell for one in report.cells if one.verdict is Verdict.FAULT}
    other = [one for one in report.cells if one.verdict not in (Verdict.FAULT, Verdict.INHERITED)]
    unexplained = [f"undecided: {show_cell(one.cell)} {one.because}" for one in other]
    wrong = known["fault"] | known["another rule"]
    unexplained += _unlike("wrongly accused", faults - wrong) + _unlike("not found", wrong - faults)
    unmapped = _unmapped(workbook, path)
    unexplained += _unlike("not mapped", unmapped - known["not mapped"])
    unexplained += _unlike("mapped, though said not to be", known["not mapped"] - unmapped)
    by_samples = None
    if samples and report.coverage.formulas <= MOST_SAMPLED:
        explored = xlparity.check(workbook, map=path, samples=samples)
        by_samples = frozenset(one.cell for one in explored.cells if one.verdict is Verdict.FAULT) - faults
        unexplained += _unlike("wrong by samples alone", by_samples - known["coincidence"] - known["underflow"])
        unexplained += _unlike("not found by samples", known["coincidence"] - by_samples)
    name = str(workbook.relative_to(CORPUS))
    return Outcome(name, report, by_samples, deviations, tuple(unexplained), time.perf_counter() - start)


def page(outcomes: list[Outcome], samples: int) -> str:
    """docs/benchmarks/real-workbooks.md."""
    lines = [
        "# Workbooks that other people typed, held against torch",
        "",
        "Made by `python benchmarks/real_workbooks.py --samples N`; not edited by hand. The workbooks are not ours and "
        "lie outside the repository; the maps, written by hand, are in `benchmarks/maps`. What the differences mean is "
        "told in [their explanation](../explanation/real-workbooks.md).",
        "",
        "*wrong formulas* are the cells whose own formula is not torch's at the sheet's numbers, *pass it on* those "
        "that are right and read a wrong one, *by samples* the formulas that are wrong and give the right value at the "
        f"sheet's own numbers, found with `--samples {samples}` (- where that was not tried). Every wrong formula and every formula that no row "
        "covers is explained below; *unexplained* would be a wrong accusation or a fault that the check missed.",
        "",
        "| workbook | formula cells | mapped | match | wrong formulas | pass it on | by samples | undecided "
        "| unexplained | engines |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in outcomes:
        counts, coverage = one.report.counts, one.report.coverage
        engines = ", ".join(engine.name for engine in one.report.engines)
        share = f"{coverage.mapped:,} ({100 * coverage.mapped / coverage.formulas:.1f} %)"
        numbers = [f"{counts[verdict.value]:,}" for verdict in (Verdict.MATCH, Verdict.FAULT, Verdict.INHERITED)] + [
            _number_of(one.by_samples),
            str(counts[Verdict.UNDECIDED.value]),
            str(len(one.unexplained)),
        ]
        lines.append(f"| {one.name} | {coverage.formulas:,} | {share} | {' | '.join(numbers)} | {engines} |")
    for one in outcomes:
        lines += ["", f"## {one.name}", ""]
        lines += [f"- unexplained: {text}" for text in one.unexplained]
        for deviation in sorted(one.deviations, key=lambda found: KINDS.index(found.kind)):
            lines.append(f"- **{deviation.kind}** {_shown(deviation.cells)}: {deviation.note}")
        if not one.deviations:
            lines.append("Nothing differs.")
    return "\n".join(lines) + "\n"


def _area(text: str) -> Area:
    area = parse_area(text)
    assert area.sheet is not None, text
    return Area.of(area.sheet, area.row, area.column, area.height, area.width)


def _number_of(cells: frozenset[Cell] | None) -> str:
    return "-" if cells is None else str(len(cells))


def _cells(groups: Iterable[tuple[Area, ...]]) -> set[Cell]:
    return {cell for areas in groups for area in areas for cell in area.cells()}


def _unlike(what: str, cells: Set[Cell]) -> list[str]:
    ordered = sorted(cells, key=lambda cell: (cell.sheet, cell.row, cell.column))
    return [f"{what}: {', '.join(map(show_cell, ordered[:20]))}{' ...' if len(ordered) > 20 else ''}"] if cells else []


def _unmapped(workbook: Path, path: Path) -> set[Cell]:
    """The formula cells that no row of the map judges."""
    book = read_book(workbook)
    index = FormulaIndex(book)
    covered = index.covered(
        [row.block for row in map_of_toml(path, book) if row.role in (Role.COMPUTED, Role.EXPECTED)]
    )
    return {
        Cell(sheet, *divmod(key, MAX_COLUMNS))
        for sheet, mask in covered.items()
        for key in index.keys[sheet][~mask].tolist()
    }


def _shown(areas: tuple[Area, ...]) -> str:
    return ", ".join(_parts(areas))


def _parts(areas: tuple[Area, ...]) -> Iterator[str]:
    sheet = None
    for area in areas:
        yield show_area(area, sheet=area.sheet != sheet)
        sheet = area.sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only workbooks whose path contains this")
    parser.add_argument("--samples", type=int, default=0, help="judge on so many samples of other numbers too")
    parser.add_argument("--no-office", action="store_true", help="the embedded engine alone")
    parser.add_argument("--output", type=Path, help="write the page into this file")
    options = parser.parse_args()
    if not CORPUS.exists():
        sys.exit(f"the workbooks are not there: {os.fspath(CORPUS)}")
    engines = ("embedded",) if options.no_office else ("embedded", "libreoffice")
    outcomes = []
    for path in sorted(MAPS.rglob("*.parity.toml")):
        if options.only not in str(path):
            continue
        one = held(path, engines, options.samples)
        outcomes.append(one)
        counts = {verdict: count for verdict, count in one.report.counts.items() if count}
        print(f"{one.name}: {one.report.coverage.mapped} of {one.report.coverage.formulas} mapped, {counts}, "
              f"{_number_of(one.by_samples)} by samples, {one.seconds:.1f} s", flush=True)  # fmt: skip
        for text in one.unexplained:
            print(f"  {text}", flush=True)
    if options.output:
        options.output.write_text(page(outcomes, options.samples), encoding="utf-8")
    sys.exit(any(one.unexplained for one in outcomes))


if __name__ == "__main__":
    main()

"""The report in a copy of the workbook itself: colours and comments in the cells, and a sheet that lists them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from xlparity.formula.a1 import show_cell
from xlparity.model.cell import Cell
from xlparity.model.report import Report
from xlparity.model.verdict import Finding, Repair, Verdict
from xlparity.report.text import plain, report_notes, verdict_sentence
from xlparity.xlsx.annotate import Mark, annotated_copy
from xlparity.xlsx.page import Entry, Look, Page

__all__ = ["write_annotated"]

# Told apart by people who see no red or no green too; the verdict stands in words beside each.
_COLOURS = {
    Verdict.FAULT: "F4A582",
    Verdict.INHERITED: "FFE699",
    Verdict.UNDECIDED: "D5B8EA",
    Verdict.EXPLAINED: "BDD7EE",
}
_MEANINGS = {
    Verdict.FAULT: "wrong here",
    Verdict.INHERITED: "wrong because a cell that it reads is wrong",
    Verdict.UNDECIDED: "could not be judged, which is no pass",
    Verdict.EXPLAINED: "differs no more than what rounded or changed inputs account for; passes",
}
_MOST_COMMENTS = 10_000  # each is a drawing, and Excel grows slow with more
_MOST_ROWS = 50_000
_HEADINGS = {
    "cell": 16, "verdict": 11, "tensor": 24, "in the sheet": 22, "expected": 22, "difference": 12, "allowed": 12,
    "formula": 34, "cause": 70, "repair": 34, "origin": 16,
}  # fmt: skip


def write_annotated(report: Report, workbook: Path, target: Path) -> None:
    """Write a copy of `workbook` to `target` that shows what `report` says of its cells; whole or not at all.

    Every cell that is not a match gets a colour, the first 10,000 of them (faults first) a comment; the sheet
    `Parity report` lists the first 50,000 with links. All else in the file is kept, and `workbook` is only read.

    Raises
    ------
    WorkbookError, InputError
        `workbook` cannot be read, `target` cannot be written or is `workbook`.
    """
    by_cell: dict[Cell, list[Finding]] = defaultdict(list)
    absent = () if report.against is None else report.against.absent
    for finding in report.cells:
        if finding.cell.sheet not in absent:
            by_cell[finding.cell].append(finding)
    worst = list(Verdict)
    marks = {
        cell: Mark(
            _COLOURS[max((finding.verdict for finding in findings), key=worst.index)],
            "\n\n".join(map(_comment, findings)) if number < _MOST_COMMENTS else "",
        )
        for number, (cell, findings) in enumerate(by_cell.items())
    }
    annotated_copy(workbook, marks, _page(report), target)


def _comment(finding: Finding) -> str:
    at = f"[{', '.join(map(str, finding.index))}]" if finding.index else ""
    lines = [f"xlparity: {finding.verdict.value}, {finding.tensor}{at}"]
    lines.append(f"expected {'no finite number' if finding.expected is None else repr(finding.expected)}")
    if finding.difference is not None:
        allowed = "" if finding.bound is None else f", allowed {finding.bound:.1e}"
        lines.append(f"difference {finding.difference:.1e}{allowed}")
    lines.append(f"cause: {finding.because}")
    if finding.repair is not None:
        lines.append(f"repair: {_repair(finding.repair)}")
    if finding.counterexample is not None:
        changes = finding.counterexample.changes
        typed = ", ".join(f"{show_cell(cell)} = {str(number).upper()}" for cell, number in changes)
        lines.append(f"shown by: {typed}")
    return "\n".join(plain(line)[:2_000] for line in lines)


def _page(report: Report) -> Page:
    rows: list[list[Entry | None]] = [
        [Entry("Parity report", Look(bold=True, larger=4))],
        [Entry(plain(f"{report.workbook}: {verdict_sentence(report)}"))],
        [Entry(plain(f"xlparity {report.version}; " + ", ".join(f"{e.name} {e.version}" for e in report.engines)))],
    ]
    counts = report.counts
    for verdict, meaning in _MEANINGS.items():
        if counts[verdict.value]:
            legend = Entry(verdict.value, Look(colour=_COLOURS[verdict]))
            rows.append([legend, Entry(f"{counts[verdict.value]:,} cells: {meaning}")])
    rows += [[Entry(plain(note))] for note in report_notes(report)]
    if len(report.cells) > _MOST_COMMENTS:
        rows.append([Entry(f"The first {_MOST_COMMENTS:,} cells have comments; all are coloured.")])
    if len(report.cells) > _MOST_ROWS:
        rows.append([Entry(f"The first {_MOST_ROWS:,} of {len(report.cells):,} cells are listed.")])
    rows += [[], [Entry(heading, _heading_look(heading)) for heading in _HEADINGS]]
    heading = len(rows)
    absent = () if report.against is None else report.against.absent
    rows += [list(_row(finding, absent)) for finding in report.cells[:_MOST_ROWS]]
    return Page("Parity report", list(_HEADINGS.values()), rows, heading)


def _heading_look(heading: str) -> Look:
    numbers, texts = ("in the sheet", "expected", "difference", "allowed"), ("formula", "cause", "repair")
    return Look(bold=True, colour="E7E6E6", right=heading in numbers, wrap=heading in texts)


def _repair(repair: Repair) -> str:
    where = "" if repair.cell is None else f"{show_cell(repair.cell)}: "
    return f"{where}={repair.formula}"


def _row(finding: Finding, absent: Sequence[str]) -> Iterator[Entry | None]:
    at = f"[{', '.join(map(str, finding.index))}]" if finding.index else ""
    yield Entry(plain(show_cell(finding.cell)), link=None if finding.cell.sheet in absent else finding.cell)
    yield Entry(finding.verdict.value, Look(colour=_COLOURS[finding.verdict]))
    yield Entry(plain(finding.tensor + at))
    for value, code in ((finding.actual, 0), (finding.expected, 0), (finding.difference, 11), (finding.bound, 11)):
        if value is None or (isinstance(value, float) and not abs(value) < float("inf")):
            yield None
        else:
            yield Entry(plain(value)[:2_000], Look(wrap=True)) if isinstance(value, str) else Entry(value, code=code)
    yield Entry(plain(finding.formula)[:8_192], Look(wrap=True))
    yield Entry(plain(finding.because)[:2_000], Look(wrap=True))
    yield Entry(plain(_repair(finding.repair)), Look(wrap=True)) if finding.repair is not None else None
    if finding.origin is not None:
        yield Entry(plain(show_cell(finding.origin)), link=finding.origin)

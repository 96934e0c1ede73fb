"""The report for people at a terminal: the verdict, a table of tensors, then what is wrong and nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterable
from math import ceil, log10

from rich.console import Console
from rich.table import Table
from rich.text import Text

from xlparity.errors import plain
from xlparity.formula.a1 import show_cell
from xlparity.model.map import Role
from xlparity.model.report import Against, Report, TensorVerdict
from xlparity.model.value import ERROR_TEXTS, Error, Scalar
from xlparity.model.verdict import Finding, Verdict
from xlparity.xlsx.map_file import show_block

__all__ = ["finding_lines", "other_side", "plain", "report_notes", "report_to_text", "show_scalar", "verdict_sentence"]

_COLOURS = {
    Verdict.MATCH: "green",
    Verdict.EXPLAINED: "cyan",
    Verdict.INHERITED: "yellow",
    Verdict.FAULT: "bold red",
    Verdict.UNDECIDED: "magenta",
}
_MOST_TENSORS = 40  # a longer table of tensors that all match is summed up
_MOST_CELLS = 20
_MOST_CHANGED = 10
_MOST_NAMED = 8


def report_to_text(report: Report, colour: bool = False, width: int = 120) -> str:
    """The whole report; `colour` adds terminal colours."""
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, force_terminal=colour, no_color=not colour, highlight=False, markup=False, emoji=False
    )
    console.print(
        Text(plain(f"{report.workbook}: {verdict_sentence(report)}"), style="green" if report.passed else "bold red")
    )
    console.print(_tensors(report.tensors, report.against is not None))
    for line in report_notes(report):
        console.print(Text(plain(line)))
    for finding in _worst(report.cells):
        console.print()
        first, *rest = finding_lines(finding, other_side(report))
        console.print(Text(plain(first), style=_COLOURS[finding.verdict]))
        for line in rest:
            console.print(Text(plain(line)))
    rest_of_cells = _rest(report)
    if rest_of_cells:
        console.print()
        console.print(Text(rest_of_cells))
    return buffer.getvalue()


def verdict_sentence(report: Report) -> str:
    """The verdict in one sentence."""
    counts = report.counts
    total = sum(counts.values())
    engines = " and ".join(engine.name for engine in report.engines if engine.name != "cached")
    if report.passed:
        explained = counts[Verdict.EXPLAINED.value]
        extra = f", {explained} of them within what rounded or changed inputs explain" if explained else ""
        other = "PyTorch" if report.against is None else f"the formulas of {report.against.workbook}"
        return f"parity. All {total} checked cells agree with {other}{extra}{_where(report)} ({engines})"
    parts = [
        f"{counts[verdict.value]} {word}"
        for verdict, word in (
            (Verdict.FAULT, "wrong"), (Verdict.INHERITED, "inheriting an error"), (Verdict.UNDECIDED, "undecided")
        )
        if counts[verdict.value]
    ]  # fmt: skip
    found = f"Of {total} checked cells {', '.join(parts) or 'none could be judged'}"
    if report.against is not None and report.uncompared:
        if total and not parts:
            found = f"All {total} checked cells agree with the formulas of {report.against.workbook}"
        found += f"; not in the map, and not compared: {_listed(report.uncompared)}"
    return f"NO PARITY. {found} ({engines})"


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _where(report: Report) -> str:
    """At which numbers the sheet agrees, if at others than its own too."""
    explored = report.exploration
    if explored is None or not explored.varied:
        return ""
    return f", at the sheet's own numbers and on {explored.samples} samples of others"


def other_side(report: Report) -> str:
    """Whose values the workbook's are held against."""
    return "torch" if report.against is None else "the solution"


def finding_lines(finding: Finding, other: str = "torch") -> list[str]:
    """One cell's finding: what stands where, by how much it differs from what the `other` side has, and why."""
    at = f"[{', '.join(map(str, finding.index))}]" if finding.index else ""
    actual = repr(finding.actual) if isinstance(finding.actual, float) else finding.actual
    expected = "no finite number" if finding.expected is None else repr(finding.expected)
    name = "" if "!" in finding.tensor else f" ({finding.tensor}{at})"  # cells that belong to no named tensor
    lines = [f"{show_cell(finding.cell)}{name} is {actual}, {other} has {expected}"]
    if finding.difference is not None and finding.bound is not None:
        lines.append(f"  difference {abs(finding.difference):.1e}, allowed {finding.bound:.1e}")
    lines.append(f"  {finding.verdict.value}: {finding.because}")
    if finding.formula.startswith("="):
        lines.append(f"  formula {finding.formula}")
    if finding.repair is not None:
        where = "" if finding.repair.cell is None else f"{show_cell(finding.repair.cell)}: "
        lines.append(f"  repair  {where}={finding.repair.formula} (agrees on all {finding.repair.samples} samples)")
    return lines


def _power_of_ten(probability: float) -> str:
    """The next power of ten above a probability; where it is too small for a float64, the smallest there is."""
    return f"1e{ceil(log10(probability)) if probability else -323}"


def _tensors(tensors: Iterable[TensorVerdict], against: bool = False) -> Table:
    everything = list(tensors)
    against_model = any(tensor.split is not None for tensor in everything)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("tensor", "cells", "verdict"):
        table.add_column(title, overflow="fold")
    last = () if against else ("by inputs", "by precision") if against_model else ("float32 apart",)
    for title in ("count", "largest difference", "allowed", *last):
        table.add_column(title, justify="right", overflow="fold")
    shown = [tensor for tensor in everything if tensor.verdict is not Verdict.MATCH or not _is_comparison(tensor)]
    if len(shown) > _MOST_TENSORS:
        shown = [tensor for tensor in shown if tensor.verdict is not Verdict.MATCH][:_MOST_TENSORS]
    listed = {id(tensor) for tensor in shown}
    rest = [tensor for tensor in everything if id(tensor) not in listed]
    for tensor in shown:
        name = f"{tensor.tensor} (PyTorch's, shown)" if tensor.role is Role.EXPECTED else tensor.tensor
        apart = (tensor.split.largest[1:] if tensor.split else (None, None)) if against_model else (tensor.float32,)
        table.add_row(
            plain(name), plain(show_block(tensor.block)), Text(tensor.verdict.value, style=_COLOURS[tensor.verdict]),
            str(tensor.block.size), _small(tensor.max_difference), _small(tensor.max_bound),
            *map(_small, () if against else apart),
        )  # fmt: skip
    for verdict in Verdict:
        same = [tensor for tensor in rest if tensor.verdict is verdict]
        if same:
            worst = max(tensor.max_difference or 0.0 for tensor in same)
            table.add_row(
                f"{len(same)} more tensors", "", Text(verdict.value, style=_COLOURS[verdict]),
                str(sum(tensor.block.size for tensor in same)), _small(worst), "each its own", *["" for _ in last[:1]],
            )  # fmt: skip
    return table


def _is_comparison(tensor: TensorVerdict) -> bool:
    """Whether a tensor only shows how others differ (`loss.difference`), which a short table leaves out."""
    return "difference" in tensor.tensor.rpartition(".")[2] or tensor.role is Role.EXPECTED


def _small(value: float | None) -> str:
    return "" if value is None else "0" if value == 0 else f"{value:.1e}"


def show_scalar(value: Scalar) -> str:
    """A cell's value as people read it."""
    match value:
        case None:
            return "empty"
        case Error():
            return ERROR_TEXTS[value]
        case _:
            return repr(value)


def report_notes(report: Report) -> Iterable[str]:
    """What else there is to say of the check: the model, the samples, engines that disagree, what was not checked."""
    if report.against is not None:
        yield from _against(report.against)
    if report.model:
        yield _parameters(report)
    explored = report.exploration
    if explored is not None and not explored.varied:
        yield "no other numbers were tried: no tensor of the map is a number that torch's expressions read"
    if explored is not None and explored.identical and report.passed:
        computed = sum(tensor.role is Role.COMPUTED for tensor in report.tensors)
        rest = computed - len(explored.identical)
        yield (
            f"{len(explored.identical)} of {computed} computed tensors are identical to torch's as polynomials or "
            f"quotients of polynomials (wrong with a probability below {_power_of_ten(explored.wrong)})"
            + (f"; the other {rest} are only sampled" if rest else "")
        )
    if explored is not None and explored.varied and explored.never:
        yield (
            f"{explored.never} of the checked cells could be compared on none of the {explored.samples} samples: "
            "torch or the sheet gave no number there, or no bound is known"
        )
    for one in report.disagreements:
        yield (
            f"engines disagree on {one.function} in {one.count} cell(s), first {show_cell(one.example)}: "
            f"{one.engine} {show_scalar(one.value)}, {one.other_engine} {show_scalar(one.other_value)}"
        )
    coverage = report.coverage
    if coverage.unmapped and coverage.unmapped_example is not None:
        outside = "stand outside the map" if report.against is None else f"are none of {report.against.workbook}'s"
        yield (
            f"{coverage.unmapped} of {coverage.formulas} formula cells {outside} and were not checked "
            f"(first: {show_cell(coverage.unmapped_example)})"
        )
    if coverage.given and coverage.given_example is not None:
        cell, name = coverage.given_example
        yield (
            f"{coverage.given} of those hold given tensors, whose values were taken as the formulas give them "
            f"(first: {show_cell(cell)}, {name})"
        )
    if coverage.stale and coverage.stale_example is not None:
        yield (
            f"{coverage.stale} of those show a remembered value that their formula does not give "
            f"(first: {show_cell(coverage.stale_example)}); recalculate and save"
        )


def _against(against: Against) -> Iterable[str]:
    """Which numbers are taken as they stand, though the solution has others, and what is not there."""
    name = against.workbook
    for one in against.changed[:_MOST_CHANGED]:
        what = f"{show_cell(one.cell)} is {show_scalar(one.value)}"
        if one.formula:
            yield f"{what} by {one.formula}, {name} has the number {show_scalar(one.solution)}; taken as it is"
        else:
            yield f"{what}, {name} has {show_scalar(one.solution)}; taken as it is"
    if len(against.changed) > _MOST_CHANGED:
        yield f"{len(against.changed) - _MOST_CHANGED} more numbers differ from {name} and are taken as they are"
    yield from against.missing[:_MOST_CHANGED]
    if len(against.missing) > _MOST_CHANGED:
        yield f"{len(against.missing) - _MOST_CHANGED} more things are missing"


def _parameters(report: Report) -> str:
    """What holding the sheet against the model came to."""
    counts = dict.fromkeys(Verdict, 0)
    for tensor in report.tensors:
        if tensor.role not in (Role.COMPUTED, Role.EXPECTED):
            for verdict in Verdict:
                counts[verdict] += int((tensor.verdicts == list(Verdict).index(verdict)).sum())
    words = [
        f"{counts[verdict]} {word}"
        for verdict, word in (
            (Verdict.MATCH, "exactly the model's"), (Verdict.EXPLAINED, "the model's but for rounding"),
            (Verdict.FAULT, "not the model's"),
        )
        if counts[verdict]
    ]  # fmt: skip
    missing = f"; the map does not name its {', '.join(report.missing[:8])}" if report.missing else ""
    return f"numbers of {report.model} in the sheet: {', '.join(words) or 'none'}{missing}"


def _worst(findings: tuple[Finding, ...]) -> list[Finding]:
    """Faults and undecided cells first; a few of the explained ones only where nothing is wrong."""
    bad = [finding for finding in findings if finding.verdict in (Verdict.FAULT, Verdict.UNDECIDED)]
    return (bad or [finding for finding in findings if finding.verdict is Verdict.INHERITED])[:_MOST_CELLS]


def _rest(report: Report) -> str:
    counts = report.counts
    shown = len(_worst(report.cells))
    wrong = counts[Verdict.FAULT.value] + counts[Verdict.UNDECIDED.value]
    parts = []
    if wrong > shown:
        parts.append(f"{wrong - shown} more cells like these")
    if counts[Verdict.INHERITED.value] and wrong:
        inherited = counts[Verdict.INHERITED.value]
        who = "1 cell inherits" if inherited == 1 else f"{inherited} cells inherit"
        parts.append(f"{who} an error from the cells above")
    explained = [finding for finding in report.cells if finding.verdict is Verdict.EXPLAINED]
    if explained:
        worst = max(explained, key=lambda finding: abs(finding.difference or 0.0))
        parts.append(
            f"{len(explained)} cells are explained, the largest difference {abs(worst.difference or 0.0):.1e} at "
            f"{show_cell(worst.cell)} (allowed {worst.bound or 0.0:.1e}): {worst.because}"
        )
    return plain("; ".join(parts))

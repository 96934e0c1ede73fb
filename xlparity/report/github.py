"""The report as annotations of GitHub Actions: workflow commands on the standard output, for people's eyes.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xlparity.formula.a1 import show_cell
from xlparity.model.outcome import Outcome
from xlparity.model.verdict import Verdict
from xlparity.report.tensors import failing
from xlparity.report.text import finding_lines, other_side, plain, verdict_sentence

__all__ = ["outcomes_to_github"]

_MOST_CELLS = 9  # GitHub shows ten errors a step; the first is the workbook's verdict


def outcomes_to_github(outcomes: Iterable[Outcome]) -> str:
    """A line a workbook, and one for each of its worst cells; workbooks at parity only say so."""
    return "".join(f"{line}\n" for outcome in outcomes for line in _lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    if outcome.report is None:
        yield _command("error", outcome.path, "xlparity: not checked", [outcome.error])
        return
    if outcome.report.passed:
        # Never at the start of a line, where a file's name could be read as a command.
        yield f"xlparity: {plain(outcome.path)}: {verdict_sentence(outcome.report)}"
        return
    bad = failing(outcome.report.cells)
    own = [finding for finding in bad if finding.verdict is not Verdict.INHERITED]
    shown = (own or bad)[:_MOST_CELLS]
    more = len(own or bad) - len(shown)
    sentence = verdict_sentence(outcome.report) + (f"; the {len(shown)} worst cells follow" if more else "")
    yield _command("error", outcome.path, "xlparity", [sentence])
    for finding in shown:
        title = f"{show_cell(finding.cell)} ({finding.tensor}): {finding.verdict.value}"
        yield _command("error", outcome.path, title, finding_lines(finding, other_side(outcome.report)))


def _command(kind: str, path: str, title: str, lines: list[str]) -> str:
    message = _escaped("\n".join(plain(line) for line in lines))
    return f"::{kind} file={_property(path)},title={_property(title)}::{message}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(plain(text)).replace(":", "%3A").replace(",", "%2C")

"""What a run over many workbooks prints and writes: JSON lines at once, every other form when all are through."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from xlparity.model.outcome import Outcome
from xlparity.report.github import outcomes_to_github
from xlparity.report.json import report_to_json
from xlparity.report.junit import outcomes_to_junit
from xlparity.report.lines import LinesFile, exit_code_of_line, outcome_to_dict, outcome_to_line
from xlparity.report.sarif import outcomes_to_sarif
from xlparity.report.summary import counted, summary_to_text
from xlparity.report.text import report_to_text

__all__ = ["RunReport"]


class RunReport:
    """Takes outcomes in the order in which they come, gives reports in the order of the workbooks.

    Parameters
    ----------
    order
        The workbooks' paths, as outcomes have them.
    form
        text, json, jsonl, junit, github or sarif.
    limits
        The run's seconds and GB for each workbook, which JSON lines name.
    alone
        One workbook was named by itself: its report is all there is, without a summary.
    every
        List all cells in JSON, the matching ones too.
    file
        Where JSON lines go, else to the standard output; what it holds already counts.
    colour, width
        Of the terminal.
    """

    def __init__(
        self,
        order: Sequence[str],
        form: str,
        limits: tuple[float | None, float | None],
        alone: bool = False,
        every: bool = False,
        file: LinesFile | None = None,
        colour: bool = False,
        width: int = 120,
    ) -> None:
        self._order, self._form, self._limits = order, form, limits
        self._alone, self._every = alone, every
        self._file, self._colour, self._width = file, colour, width
        known = {} if file is None else file.lines
        self._lines = {path: _in_short(known[path]) for path in order if path in known}
        self._outcomes: dict[str, Outcome] = {}
        self._texts: dict[str, str] = {}

    def add(self, outcome: Outcome) -> None:
        """Take one workbook's outcome; as a JSON line it is written before this returns."""
        line = outcome_to_dict(outcome, *self._limits, self._every and self._form == "jsonl")
        if self._form == "jsonl":
            if self._file is None:
                sys.stdout.write(outcome_to_line(line))
                sys.stdout.flush()
            else:
                self._file.write(line)
        else:
            report = outcome.report
            if report is not None and not self._alone:  # two folders may hold files of one name
                report = replace(report, workbook=outcome.path)
            if self._form != "text":
                self._outcomes[outcome.path] = replace(outcome, report=report)
            elif report is not None and (self._alone or not report.passed):
                self._texts[outcome.path] = report_to_text(report, self._colour, self._width)
        self._lines[outcome.path] = _in_short(line)

    @property
    def progress(self) -> str:
        """How far the run is, in words."""
        verdicts = counted(line["verdict"] for line in self._lines.values())
        return f"{len(self._lines):,} of {len(self._order):,} workbooks ({verdicts})"

    @property
    def errors(self) -> list[str]:
        """Why workbooks could not be checked, in the order of the workbooks."""
        lines = [self._lines[path] for path in self._order if path in self._lines]
        return [line["because"] for line in lines if line["because"]]

    @property
    def exit_code(self) -> int:
        """The worst of the workbooks' exit codes."""
        return max((exit_code_of_line(line) for line in self._lines.values()), default=0)

    def table(self) -> str:
        """The summary, a row a workbook."""
        lines = [self._lines[path] for path in self._order if path in self._lines]
        return summary_to_text(lines, self._colour, self._width)

    def text(self) -> str:
        """The report of all workbooks in its form; of JSON lines, which are written already, nothing."""
        if self._form == "text":
            texts = [self._texts[path] for path in self._order if path in self._texts]
            return "\n".join(texts if self._alone else [*texts, self.table()])
        outcomes = [self._outcomes[path] for path in self._order if path in self._outcomes]
        if self._form == "json":
            bodies = [report_to_json(each.report, self._every) for each in outcomes if each.report is not None]
            if self._alone:
                return "".join(bodies)
            return "".join(["[\n", ",\n".join(body.rstrip() for body in bodies), "\n]\n"])
        forms: dict[str, Callable[[Sequence[Outcome]], str]] = {
            "junit": outcomes_to_junit, "github": outcomes_to_github, "sarif": outcomes_to_sarif,
        }  # fmt: skip
        return forms[self._form](outcomes) if self._form in forms else ""


def _in_short(line: dict[str, Any]) -> dict[str, Any]:
    """What the table needs of a line: a report's counts and the cell that it shows, since there may be many."""
    report = line["report"]
    if report is None:
        return line
    shown: dict[str, dict[str, Any]] = {}
    for cell in report["cells"]:
        shown.setdefault(cell["verdict"], cell)
    short = {"counts": report["counts"], "passed": report["passed"], "cells": list(shown.values())}
    return line | {"report": short | {"uncompared": (report.get("against") or {}).get("uncompared", [])}}

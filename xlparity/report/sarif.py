"""The report as SARIF 2.1.0, the form of static analysers' results that code hosts and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from xlparity.formula.a1 import show_cell
from xlparity.model.cell import Cell
from xlparity.model.outcome import Outcome
from xlparity.model.verdict import Finding, Verdict
from xlparity.report.tensors import UNCOMPARED, failing
from xlparity.report.text import finding_lines, other_side, plain
from xlparity.version import __version__

__all__ = ["outcomes_to_sarif"]

# What a rule says, its level, and what a person does about it.
_RULES = {
    Verdict.FAULT: (
        "The cell does not compute what PyTorch computes from the values that it reads.",
        "error",
        "Correct the cell's formula; where the report proposes a repair, it agrees on samples of other numbers.",
    ),
    Verdict.INHERITED: (
        "The cell's value is wrong because a cell that it reads is wrong.",
        "warning",
        "Correct the cell that the related location names.",
    ),
    Verdict.UNDECIDED: (
        "The cell could not be judged, which is never a pass.",
        "error",
        "See the reason; another engine (--engine) may evaluate the formula.",
    ),
}


def outcomes_to_sarif(outcomes: Sequence[Outcome]) -> str:
    """All workbooks in one run; a result for every cell that does not pass.

    A cell is a logical location (`Sheet1!B3`) in its workbook, as lines and columns of text do not exist there.
    """
    results: list[dict[str, Any]] = []
    notifications: list[dict[str, Any]] = []
    for outcome in outcomes:
        if outcome.report is None:
            notifications.append(
                {
                    "level": "error",
                    "message": {"text": plain(outcome.error)},
                    "locations": [{"physicalLocation": _workbook(outcome.path)}],
                }
            )
            continue
        other = other_side(outcome.report)
        results += [_result(outcome.path, finding, other) for finding in failing(outcome.report.cells)]
        results += [_uncompared(outcome.path, name) for name in map(plain, outcome.report.uncompared)]
    rules = [
        {
            "id": verdict.value,
            "shortDescription": {"text": meaning},
            "help": {"text": remedy},
            "defaultConfiguration": {"level": level},
        }
        for verdict, (meaning, level, remedy) in _RULES.items()
    ]
    log = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "xlparity", "version": __version__, "rules": rules}},
                "artifacts": [{"location": _workbook(outcome.path)["artifactLocation"]} for outcome in outcomes],
                "invocations": [
                    {"executionSuccessful": not notifications, "toolExecutionNotifications": notifications}
                ],
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _result(path: str, finding: Finding, other: str) -> dict[str, Any]:
    cell = plain(show_cell(finding.cell))
    found: dict[str, Any] = {
        "ruleId": finding.verdict.value,
        "ruleIndex": list(_RULES).index(finding.verdict),
        "level": _RULES[finding.verdict][1],
        "message": {"text": "\n".join(plain(line) for line in finding_lines(finding, other))},
        "locations": [_location(path, finding.cell)],
        # What stays the same as long as the same cell is wrong for the same tensor, whatever its numbers.
        "partialFingerprints": {"cell/v1": f"{plain(path)}!{cell}:{plain(finding.tensor)}:{finding.verdict.value}"},
    }
    if finding.origin is not None:
        found["relatedLocations"] = [
            {"id": 0, "message": {"text": "the cell that is wrong itself"}} | _location(path, finding.origin)
        ]
    return found


def _uncompared(path: str, name: str) -> dict[str, Any]:
    rule = Verdict.UNDECIDED
    return {
        "ruleId": rule.value,
        "ruleIndex": list(_RULES).index(rule),
        "level": _RULES[rule][1],
        "message": {"text": f"{name}: {UNCOMPARED}"},
        "locations": [{"physicalLocation": _workbook(path) | {"region": {"startLine": 1}}}],
        "partialFingerprints": {"cell/v1": f"{plain(path)}:{name}:uncompared"},
    }


def _location(path: str, cell: Cell) -> dict[str, Any]:
    name = plain(show_cell(cell))
    # Line 1 says nothing of a workbook, but code hosts drop a result without a line.
    where = _workbook(path) | {"region": {"startLine": 1}}
    return {"physicalLocation": where, "logicalLocations": [{"fullyQualifiedName": name, "kind": "cell"}]}


def _workbook(path: str) -> dict[str, Any]:
    return {"artifactLocation": {"uri": quote(path, safe="/", errors="surrogatepass"), "uriBaseId": "%SRCROOT%"}}

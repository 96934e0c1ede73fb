"""What became of one workbook of a run, for reports that hold several, and the names its tensors have as tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from xlparity.model.map import Role
from xlparity.model.report import Report, TensorVerdict
from xlparity.model.verdict import Finding, Verdict

__all__ = ["Outcome", "failing", "named_tensors"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One workbook's report or, where there is none, the message that says why it could not be checked.

    `path` is relative to the folder that the reader of the report stands in, with slashes, since a report is read on
    other machines than the one that wrote it.
    """

    path: str
    report: Report | None
    error: str = ""


def named_tensors(report: Report) -> Iterator[tuple[str, TensorVerdict, list[Finding]]]:
    """Each judged tensor under a name that no other has, with the findings in its cells."""
    findings: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.cells:
        findings[finding.tensor].append(finding)
    names: dict[str, int] = {}
    for tensor in report.tensors:
        name = tensor.tensor if tensor.role is Role.COMPUTED else f"{tensor.tensor} ({tensor.role.value})"
        names[name] = names.get(name, 0) + 1
        inside = [finding for finding in findings[tensor.tensor] if finding.cell in tensor.block]
        yield name if names[name] == 1 else f"{name} {names[name]}", tensor, inside


def failing(findings: list[Finding]) -> list[Finding]:
    """Those that do not pass, undecided ones too, as they stand: faults first."""
    return [finding for finding in findings if finding.verdict not in (Verdict.MATCH, Verdict.EXPLAINED)]

"""The names that a report's tensors have as tests, and the findings that fail them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from xlparity.model.map import MapRow, Role
from xlparity.model.report import Report, TensorVerdict
from xlparity.model.verdict import Finding, Verdict

__all__ = ["UNCOMPARED", "failing", "named_rows", "named_tensors"]

UNCOMPARED = "not compared, since the map of the workbook does not name it"  # of a tensor that the other one computes


def named_rows(rows: Iterable[MapRow]) -> Iterator[tuple[str, MapRow]]:
    """The rows of a map that are judged, under the names that `named_tensors` gives their tensors."""
    judged = [row for role in (Role.COMPUTED, Role.EXPECTED) for row in rows if row.role is role]
    return zip(_names((row.tensor, row.role) for row in judged), judged, strict=True)


def named_tensors(report: Report) -> Iterator[tuple[str, TensorVerdict, list[Finding]]]:
    """Each judged tensor under a name that no other has, with the findings in its cells."""
    findings: dict[str, list[Finding]] = defaultdict(list)
    for finding in report.cells:
        findings[finding.tensor].append(finding)
    names = _names((tensor.tensor, tensor.role) for tensor in report.tensors)
    for name, tensor in zip(names, report.tensors, strict=True):
        yield name, tensor, [finding for finding in findings[tensor.tensor] if finding.cell in tensor.block]


def _names(tensors: Iterable[tuple[str, Role]]) -> Iterator[str]:
    times: dict[str, int] = {}
    for tensor, role in tensors:
        name = tensor if role is Role.COMPUTED else f"{tensor} ({role.value})"
        times[name] = times.get(name, 0) + 1
        yield name if times[name] == 1 else f"{name} {times[name]}"


def failing(findings: Iterable[Finding]) -> list[Finding]:
    """Those that do not pass, undecided ones too, as they stand: faults first."""
    return [finding for finding in findings if finding.verdict not in (Verdict.MATCH, Verdict.EXPLAINED)]

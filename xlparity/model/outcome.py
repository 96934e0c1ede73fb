"""What became of one workbook of a run: its report, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from xlparity.model.report import Report
from xlparity.model.verdict import Verdict

__all__ = ["Ending", "Outcome"]


class Ending(Enum):
    """How the check of a workbook ended."""

    CHECKED = "checked"
    REFUSED = "not checked"  # the workbook, its map, an engine: the message says what is wrong with it
    NOTHING = "nothing to check"
    DEFECT = "internal error"
    CRASHED = "crashed"  # its process ended: a segmentation fault, a kill from outside
    TIMEOUT = "timed out"
    MEMORY = "out of memory"

    @property
    def exit_code(self) -> int:
        """The command line's exit code for a workbook that ended so."""
        return {Ending.CHECKED: 0, Ending.NOTHING: 3, Ending.DEFECT: 3}.get(self, 2)

    @property
    def stopped(self) -> bool:
        """Whether the process was ended under the workbook, which other limits may change."""
        return self in (Ending.CRASHED, Ending.TIMEOUT, Ending.MEMORY)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One workbook's report or, where there is none, the message that says why it could not be checked.

    `path` is relative to the folder that the reader of the report stands in, with slashes, since a report is read on
    other machines than the one that wrote it. `seconds` is what the check took, None where its process was lost.
    `fingerprint` is the SHA-256 of all that the result depends on: the workbook, its map, the options, xlparity's
    version; "" where nobody asked. `page` is the web page, where one was asked for.
    """

    path: str
    report: Report | None
    error: str = ""
    ending: Ending = Ending.CHECKED
    seconds: float | None = None
    fingerprint: str = ""
    page: str | None = field(default=None, repr=False)

    @property
    def passed(self) -> bool:
        """Whether the workbook was checked and is at parity."""
        return self.report is not None and self.report.passed

    @property
    def verdict(self) -> str:
        """In a word or two: parity, differences, undecided, or how the check ended without a verdict."""
        if self.report is None:
            return Ending.REFUSED.value if self.ending is Ending.CHECKED else self.ending.value
        if self.report.passed:
            return "parity"
        wrong = self.report.counts[Verdict.FAULT.value] + self.report.counts[Verdict.INHERITED.value]
        return "differences" if wrong else "undecided"

    @property
    def exit_code(self) -> int:
        """The command line's exit code for this workbook: 0 parity, 1 no parity, 2 or 3 not checked."""
        if self.report is None:
            return self.ending.exit_code or 2
        return 0 if self.report.passed else 1

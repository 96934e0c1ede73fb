"""Outcomes as JSON lines, each written and flushed as its workbook ends, and read again by a later run.

docs/reference/json.md says what a line holds.
"""

from __future__ import annotations

import json
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from xlparity.errors import InputError
from xlparity.model.outcome import Ending, Outcome
from xlparity.report.json import report_to_dict

__all__ = ["LinesFile", "exit_code_of_line", "outcome_to_dict", "outcome_to_line"]

# What `--resume` and the summary read of a line.
_KEYS = frozenset({"workbook", "fingerprint", "ending", "verdict", "because", "seconds", "limits", "report"})
_KEYS_OF_REPORT = frozenset({"counts", "passed", "cells"})


def outcome_to_dict(
    outcome: Outcome, timeout: float | None, memory: float | None, every: bool = False
) -> dict[str, Any]:
    """One workbook's outcome under the limits (seconds, GB) of its run; `every` lists the matching cells too."""
    return {
        "workbook": outcome.path,
        "fingerprint": outcome.fingerprint,
        "ending": outcome.ending.value,
        "verdict": outcome.verdict,
        "because": outcome.error or None,
        "seconds": None if outcome.seconds is None else round(outcome.seconds, 3),
        "limits": {"seconds": timeout, "gigabytes": memory},
        "report": None if outcome.report is None else report_to_dict(outcome.report, every),
    }


def outcome_to_line(line: dict[str, Any]) -> str:
    """The line's text, in ASCII: a reader that splits at any line end of Unicode gets it whole, whatever is in it."""
    return json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n"


def exit_code_of_line(line: dict[str, Any]) -> int:
    """The command line's exit code for a workbook whose outcome is this line."""
    if line["report"] is None:
        return Ending(line["ending"]).exit_code or 2
    return 0 if line["report"]["passed"] else 1


class LinesFile:
    """A file of JSON lines that loses nothing when the run is interrupted; opened by `with`.

    Parameters
    ----------
    path
        The file; each line is handed to the system at once.
    resume
        Read what stands in it and go on behind. Without it the file must not be there.

    Raises InputError if the file is there, cannot be read or written, or holds something else.
    """

    def __init__(self, path: Path, resume: bool) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._whole = 0  # bytes: what an interruption left half-written behind them is cut off
        self.lines: dict[str, dict[str, Any]] = {}  # by workbook, the last of each
        if not path.exists():
            return
        if not resume:
            raise InputError(f"{path} is there already; go on with it by --resume, or name another file with --output")
        try:
            with path.open("rb") as file:
                for number, text in enumerate(file, 1):
                    if text.endswith(b"\n"):
                        self._take(number, text)
        except OSError as error:
            raise self._refused(error) from None

    def _take(self, number: int, text: bytes) -> None:
        try:
            line = json.loads(text)
            self.lines[line["workbook"]] = line
            Ending(line["ending"])
            if not (line.keys() >= _KEYS and (line["report"] is None or line["report"].keys() >= _KEYS_OF_REPORT)):
                raise KeyError
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{self._path}: line {number} is none of `xlparity check --format jsonl` ({type(error).__name__}); "
                "name another file with --output"
            ) from None
        self._whole += len(text)

    def done(self, timeout: float | None, memory: float | None) -> frozenset[str]:
        """The fingerprints of the workbooks that need no other try: one that was stopped does under other limits."""
        limits = {"seconds": timeout, "gigabytes": memory}
        return frozenset(
            line["fingerprint"]
            for line in self.lines.values()
            if line["limits"] == limits or not Ending(line["ending"]).stopped
        )

    def write(self, line: dict[str, Any]) -> None:
        """Append a line, whole or not at all."""
        assert self._file is not None
        content = outcome_to_line(line).encode()
        try:
            written = self._file.write(content)
            if written != len(content):
                raise OSError(ENOSPC, "no space left")
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._whole)
            raise self._refused(error) from None
        self._whole += len(content)

    def _refused(self, error: OSError) -> InputError:
        return InputError(f"{self._path}: cannot be read and written: {error.strerror or error}; name another --output")

    def __enter__(self) -> LinesFile:
        try:
            self._file = self._path.open("ab", buffering=0)
            self._file.truncate(self._whole)
        except OSError as error:
            raise self._refused(error) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        self._file.close()

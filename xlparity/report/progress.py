"""What is being done, in one line of a terminal that is written over, with the time left where steps are counted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TextIO

from xlparity.report.text import plain

__all__ = ["Progress"]

_COUNTED = re.compile(r"([\d,]+) of ([\d,]+)")
_ASIDE = re.compile(r" \(.*\)$")
_NOT_BEFORE = 2.0  # seconds into the steps: before, an estimate says nothing
_PAUSE = 0.1  # seconds between two lines of the same steps: a terminal is slow


class Progress:
    """Shows messages on `stream`, each over the one before; the last is removed when the `with` block ends.

    A message that counts ("sample 20 of 500") is one step of many that are alike, whatever stands in brackets behind:
    after it stands the time that the others take at the pace so far.

    Parameters
    ----------
    name
        Stands before each message: the workbook's.
    stream
        A terminal.
    clock
        The seconds that have passed.
    """

    def __init__(self, name: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._stream, self._clock = plain(name), stream, clock
        self._steps = ""
        self._began = self._shown = float("-inf")
        self._first = 0

    def __call__(self, message: str) -> None:
        """Show what is being done now."""
        now = self._clock()
        steps = _ASIDE.sub("", _COUNTED.sub("", message))
        counted = _COUNTED.search(message)
        done, total = (int(text.replace(",", "")) for text in counted.groups()) if counted else (0, 0)
        if steps != self._steps:
            self._steps, self._began, self._first = steps, now, done
        elif now - self._shown < _PAUSE:
            return
        self._shown = now
        left = ""
        if done > self._first and now - self._began >= _NOT_BEFORE:
            left = f", {_duration((now - self._began) / (done - self._first) * (total - done))} left"
        self._stream.write(f"\r\x1b[K{self._name}: {plain(message)}{left}\r")
        self._stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._steps:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"

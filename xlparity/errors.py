"""Exceptions that xlparity raises; every message says what, where, why and what next.

    XlparityError
    ├── InputError            a file, cell, map or option that the user can mend        exit code 2
    │   ├── WorkbookError     the .xlsx file cannot be read
    │   ├── FormulaError      a formula's text cannot be parsed
    │   └── MapError          the map (sheet Parity or TOML) is missing or wrong
    ├── EngineError           an engine that is not installed or does not answer        exit code 2
    └── NothingChecked        no cell could be checked                                  exit code 3

Excel's own errors (#DIV/0!, #N/A, ...) are values, never exceptions: see `model.value`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "EngineError",
    "FormulaError",
    "InputError",
    "MapError",
    "NothingChecked",
    "WorkbookError",
    "XlparityError",
    "did_you_mean",
    "out_of_memory",
    "plain",
]


class XlparityError(Exception):
    """Base of all exceptions raised on purpose; `str()` is one line a person can act on.

    Messages quote what a stranger's file says: `plain` keeps them on one line and off the terminal's controls.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(plain(message))


class InputError(XlparityError):
    """A file, cell, map or option that the user can mend."""


class WorkbookError(InputError):
    """The .xlsx file cannot be read."""


class FormulaError(InputError):
    """A formula's text cannot be parsed."""


class MapError(InputError):
    """The map (sheet `Parity` or a TOML file) is missing or wrong."""


class EngineError(XlparityError):
    """An engine that is not installed, does not start or does not answer."""


class NothingChecked(XlparityError):
    """No cell could be checked, which is never a pass."""


def plain(text: str) -> str:
    r"""`text` on one line and without control characters, so that no file can send escape sequences to a terminal.

    Examples
    --------
    >>> plain("a\x1b[2Jb\nc")
    'a�[2Jb c'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        " " if character in "\n\r\t" else "�" if unicodedata.category(character)[0] == "C" else character
        for character in text.replace("\r\n", "\n")
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What a message says next of a `name` that is none of the `known` ones.

    Examples
    --------
    >>> did_you_mean("embeded", ["embedded", "libreoffice"])
    'did you mean embedded?'
    >>> did_you_mean("excel", ["embedded", "libreoffice"])
    'known are embedded, libreoffice'
    """
    names = list(known)
    folded = {each.casefold(): each for each in names}
    near = get_close_matches(name.casefold(), folded, 1)
    if near:
        return f"did you mean {folded[near[0]]}?"
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return f"known are {shown}" if names else "there are none"


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that there is no more memory: Python's own, or torch's, which is a RuntimeError."""
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)

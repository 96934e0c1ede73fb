"""Texts as the file stores them: characters that XML cannot hold stand as `_xHHHH_`."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from xlparity.errors import InputError

__all__ = ["decode", "encode"]

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
# What must not stand in XML as it is, and an underscore that would be read as the start of an escape. A carriage
# return would come back as a line feed, so it is escaped as well.
_TO_ESCAPE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def decode(text: str) -> str:
    """The text that the file's `text` stands for.

    Examples
    --------
    >>> decode("a_x0041_b")
    'aAb'
    """
    if "_x" not in text:
        return text
    return _join_surrogates(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), text))


def encode(text: str) -> str:
    """`text` as it stands between XML tags.

    Raises InputError for a text longer than a cell can hold.
    """
    if len(text) > 32_767:
        raise InputError(f"a text of {len(text):,} characters does not fit a cell, which holds 32,767; shorten it")
    return escape(_TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text))


def _join_surrogates(text: str) -> str:
    """Halves of a character beyond U+FFFF that were escaped one by one belong together."""
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

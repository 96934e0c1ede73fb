"""A formula's text as tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xlparity.errors import FormulaError
from xlparity.model.value import ERROR_TEXTS

__all__ = ["BRACKETS", "Token", "tokens"]

# [...] with at most one level of brackets inside; ' escapes the sign after it.
BRACKETS = r"\[(?:[^\[\]']|'.|\[(?:[^\[\]']|'.)*\])*\]"
_WORD = r"(?:[^\W\d]|\\)[\w.\\?]*"
_AFTER = r"(?![\w.\\?(!\[])"

_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r'|(?P<text>"(?:[^"]|"")*")'
    r"|(?P<sheet>(?:'(?:[^']|'')+'|(?:\[[^\[\]']+\])?[\w.\\]+(?::[\w.\\]+)?|\[[^\[\]']+\])!)"
    rf"|(?P<columns>\$?[A-Za-z]{{1,3}}:\$?[A-Za-z]{{1,3}}{_AFTER})"
    rf"|(?P<rows>\$?[0-9]{{1,7}}:\$?[0-9]{{1,7}}{_AFTER})"
    rf"|(?P<cell>\$?[A-Za-z]{{1,3}}\$?[0-9]{{1,7}}{_AFTER})"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?)"
    rf"|(?P<table>(?:{_WORD})?{BRACKETS})"
    rf"|(?P<word>{_WORD})"
    rf"|(?P<error>{'|'.join(re.escape(text) for text in ERROR_TEXTS.values())})"
    r"|(?P<operator><>|<=|>=|[-+*/^&=<>%:,;(){}#@])",
    re.IGNORECASE,
)

# A space is the intersection operator only between the end of one reference and the start of another.
_ENDS = frozenset({"cell", "columns", "rows", "word", "table", "error", ")", "#"})
_STARTS = frozenset({"cell", "columns", "rows", "word", "table", "error", "sheet", "("})


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is the operator itself, or text, sheet, columns, rows, cell, number, table, word, error, end."""

    kind: str
    text: str
    start: int


def tokens(text: str) -> list[Token]:
    """The tokens of the formula `text` (without `=`), ending with one of the kind `end`.

    Raises FormulaError where a sign belongs to no token.
    """
    found: list[Token] = []
    at = 0
    space = None
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FormulaError(f"the formula {shorten(text)} has an unexpected {text[at]!r} at position {at + 1}")
        kind = match.lastgroup or ""
        if kind == "space":
            space = at
        else:
            if kind == "operator":
                kind = match[0]
            if space is not None and found and found[-1].kind in _ENDS and kind in _STARTS:
                found.append(Token(" ", " ", space))
            space = None
            found.append(Token(kind, match[0], at))
        at = match.end()
    found.append(Token("end", "", at))
    return found


def shorten(text: str, length: int = 60) -> str:
    """`text` for a message: with `=`, at most `length` signs."""
    return "=" + (text if len(text) <= length else text[: length - 1] + "…")

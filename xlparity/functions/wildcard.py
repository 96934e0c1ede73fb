"""Excel's wildcards: `*` any text, `?` one character, `~` before one of them the character itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Wildcard", "has_wildcard", "wildcard"]


def has_wildcard(text: str) -> bool:
    """Whether `text` has one of the signs that mean something."""
    return re.search("[*?~]", text) is not None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A text with wildcards, as the `pieces` between its `*`.

    Each piece takes the first place that fits behind the one before, which loses nothing. One regular expression for
    all of them would try every place of each with every place of the others.
    """

    pieces: tuple[re.Pattern[str], ...]

    def fits(self, text: str) -> bool:
        """Whether it means the whole of `text`."""
        first, *middle = self.pieces
        if not middle:
            return first.fullmatch(text) is not None
        found = first.match(text)
        *middle, last = middle
        at = found.end() if found else None
        for piece in middle:
            at = _end(piece, text, at)
        # Texts of one piece all have one length, so the last one is looked for at the end alone.
        start = len(text) - _length(last)
        return at is not None and at <= start and last.fullmatch(text, start) is not None

    def place(self, text: str, start: int) -> int | None:
        """Where in `text`, from `start` on, something begins that it means; None if nowhere."""
        first, *others = self.pieces
        found = first.search(text, start)
        at = found.end() if found else None
        for piece in others:
            at = _end(piece, text, at)
        return found.start() if found and at is not None else None


def _end(piece: re.Pattern[str], text: str, start: int | None) -> int | None:
    found = None if start is None else piece.search(text, start)
    return found.end() if found else None


@lru_cache(maxsize=4096)
def _length(piece: re.Pattern[str]) -> int:
    """How many characters a piece means: its signs, of which those that are escaped take two."""
    return len(re.sub(r"\\(.)", r"\1", piece.pattern, flags=re.DOTALL))


@lru_cache(maxsize=1024)
def wildcard(text: str) -> Wildcard:
    """What the wildcards of `text` mean, whatever the case."""
    pieces, signs = [""], iter(text)
    for sign in signs:
        if sign == "~":
            after = next(signs, "")
            pieces[-1] += re.escape(after if after in {"*", "?", "~"} and after else sign + after)
        elif sign == "*":
            pieces.append("")
        else:
            pieces[-1] += "." if sign == "?" else re.escape(sign)
    return Wildcard(tuple(re.compile(piece, re.IGNORECASE | re.DOTALL) for piece in pieces))

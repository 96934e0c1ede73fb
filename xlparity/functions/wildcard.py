"""Excel's wildcards: `*` any text, `?` one character, `~` before one of them the character itself."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["has_wildcard", "pattern_of"]


def has_wildcard(text: str) -> bool:
    """Whether `text` has one of the signs that mean something."""
    return any(sign in text for sign in "*?~")


@lru_cache(maxsize=1024)
def pattern_of(text: str) -> re.Pattern[str]:
    """The regular expression for the wildcards of `text`, whatever the case."""
    made, signs = [], iter(text)
    for sign in signs:
        if sign == "~":
            after = next(signs, "")
            made.append(re.escape(after if after in {"*", "?", "~"} and after else sign + after))
        else:
            made.append({"*": ".*", "?": "."}.get(sign) or re.escape(sign))
    return re.compile("".join(made), re.IGNORECASE | re.DOTALL)

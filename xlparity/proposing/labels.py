"""What the texts near an area call it."""

from __future__ import annotations

import re

import numpy as np

from xlparity.model.area import Area
from xlparity.model.book import Book, Sheet
from xlparity.model.value import Kind

__all__ = ["Labels", "is_formula", "stem"]

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "eps", "η": "eta", "θ": "theta", "λ": "lam", "μ": "mu",
    "σ": "sigma", "τ": "tau", "Σ": "sum", "ŷ": "y_hat", "Ŷ": "y_hat", "′": "_new",
}  # fmt: skip
_SUPERSCRIPT_T = re.compile(r"\^\{?T\}?|ᵀ")
_WORD = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_OPERATORS = re.compile(r"[+*/=<>@]|\s-\s|→|←|↓|↑|〜")
_TENSOR_LIKE = re.compile(
    r"(?:[A-Za-z]{1,2}|bias(?:es)?|weights?|inputs?|targets?|labels?|outputs?|y_hat|pred(?:icted|ictions?)?|alpha|lr)\Z",
    re.IGNORECASE,
)
_TENSOR_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[\d+\])+", re.ASCII)  # as PyTorch users write it
_MOST_WORDS = 3
_NEAR_TITLE = 4  # rows that a heading with a tensor's name may stand above its cells
_FAR_ABOVE = 400  # rows that a title may stand above the values


def stem(label: str) -> str:
    """A label without what numbers it: `w` for `w13 w14 w15`, `x` for `x1`, `Wq` for `Wq`."""
    first = _plain(label.strip().partition(" ")[0])
    return re.sub(r"[\d{},.:_\[\]()]+\Z", "", first)


def is_formula(label: str) -> bool:
    """Whether a label says a computation, `y - y_hat`, rather than a tensor's name."""
    return _OPERATORS.search(_plain(label).partition("=")[0]) is not None


def _plain(text: str) -> str:
    for sign, word in _GREEK.items():
        text = text.replace(sign, word)
    return _SUPERSCRIPT_T.sub("_T", text).strip()


class Labels:
    """The texts of a workbook by the cells around them."""

    def __init__(self, book: Book) -> None:
        self._sheets: dict[str, Sheet] = {sheet.name: sheet for sheet in book.sheets}

    def text(self, sheet: str, row: int, column: int) -> str:
        """The text of a cell, "" where there is none or it says nothing (an arrow)."""
        if row < 0 or column < 0:
            return ""
        value = self._sheets[sheet].constants.scalar(row, column)
        return value.strip() if isinstance(value, str) and re.search(r"[^\W\d_]", value) else ""

    def cuts(self, area: Area) -> tuple[list[int], list[int]]:
        """Rows and columns of `area`, counted from its corner, at which a label names another tensor."""
        across = [self.text(area.sheet, area.row - 1, column) for column in range(area.column, area.right)]
        down = [self.text(area.sheet, row, area.column - 1) for row in range(area.row, area.bottom)]
        if not any(down) and area.column > 1:
            down = [self.text(area.sheet, row, area.column - 2) for row in range(area.row, area.bottom)]
        return _changes(down), _changes(across)

    def series(self, area: Area) -> tuple[bool, bool]:
        """Whether the labels of the rows, and of the columns, of `area` count the parts of one tensor: x1, x2, x3."""
        across = [self.text(area.sheet, area.row - 1, column) for column in range(area.column, area.right)]
        down = [self.text(area.sheet, row, area.column - 1) for row in range(area.row, area.bottom)]
        return _counts(down), _counts(across)

    def name(self, area: Area) -> str:
        """What the labels around `area` call it, as an expression can write it; "" if nothing does."""
        for text in self.titles(area, _NEAR_TITLE):
            if _TENSOR_NAME.fullmatch(text):
                return text
        for text in self.around(area):
            name = _as_name(text)
            if name:
                return name
        return ""

    def around(self, area: Area) -> list[str]:
        """The texts next to `area`, the nearest first: above it, to its left, further above."""
        found = []
        sheet, row, column = area.sheet, area.row, area.column
        above = [self.text(sheet, row - 1, at) for at in range(column, area.right)]
        series = [text for text in above if text]
        left = [self.text(sheet, row, column - 1), self.text(sheet, row, column - 2) if column > 1 else ""]
        if area.width > 1 and len(series) > 1:  # x1, x2: what stands above them says it better
            found += [text for at in range(column, area.right) if (text := self.text(sheet, row - 2, at))][:1]
            found += [stem(series[0])] if len({stem(text) for text in series}) == 1 else []
        else:
            found += series[:1]
        found += [text for text in left if text][:1]
        found += [self.text(sheet, row - 1, column - 1)]
        found += [text for at in range(column, area.right) if (text := self.text(sheet, row - 2, at))][:1]
        return [text for text in found if text]

    def titles(self, area: Area, most: int = 30) -> list[str]:
        """The texts above `area` in its own columns and the one before, the nearest first."""
        rows = range(area.row - 1, max(area.row - 1 - most, -1), -1)
        columns = range(max(area.column - 1, 0), area.right)
        return [text for row in rows for column in columns if (text := self.text(area.sheet, row, column))]

    def under_pytorch(self, area: Area) -> bool:
        """Whether a title above `area`, or its sheet's name, says that it shows PyTorch's values."""
        texts = [*self.titles(area, _FAR_ABOVE), *self.headings(area, _FAR_ABOVE), area.sheet]
        return any("torch" in text.lower() and len(text.split()) <= _MOST_WORDS + 1 for text in texts)

    def headings(self, area: Area, most: int) -> list[str]:
        """The texts above `area` and to the left of its right edge, over so many rows."""
        cells = self._sheets[area.sheet].constants
        start, stop = np.searchsorted(cells.row, [area.row - most, area.row])
        inside = np.flatnonzero(cells.column[start:stop] < area.right) + start
        texts = inside[cells.kind[inside] == Kind.TEXT]
        return [cells.texts[int(cells.number[at])] for at in texts.tolist()]


def _counts(labels: list[str]) -> bool:
    return (
        len(labels) > 1 and all(labels) and len(set(labels)) == len(labels) and len({stem(one) for one in labels}) == 1
    )


def _changes(labels: list[str]) -> list[int]:
    """Where a label of another tensor begins; without a label the one before goes on."""
    cuts = []
    current = ""
    for at, label in enumerate(labels):
        if not label:
            continue
        root = stem(label)
        if not _TENSOR_LIKE.match(root):
            continue
        if at and root != current and (current or not any(labels[:at])):
            cuts.append(at)
        current = root
    return cuts


def _as_name(text: str) -> str:
    """`A1` for `A1 = ReLU(W1X+b1)`; "" for what is no name."""
    text = _plain(text.partition("=")[0].partition("(")[0].partition(":")[0])
    if "!" in text or _OPERATORS.search(text) or not text or len(text) > 24 or len(text.split()) > _MOST_WORDS:
        return ""
    words = [re.sub(r"[^\w]", "", word, flags=re.ASCII) for word in text.split()]
    if len(words) > 1 and len({stem(word) for word in words}) == 1:
        return stem(words[0])
    name = "_".join(word for word in words if word)
    return name if _WORD.match(name) else ""

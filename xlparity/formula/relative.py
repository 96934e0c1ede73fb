"""Formulas as filling down and right sees them: relative to the cell that they stand in.

Two cells belong to one fill exactly when their formulas have the same relative text. All functions here work on the
formula's text with one regular expression, not on its syntax tree: a workbook may hold a million formulas.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from xlparity.formula.a1 import column_letters, column_number
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS

__all__ = ["Pattern", "move", "relative_text"]

# Texts, quoted sheet names and brackets are matched first, so that nothing inside them is taken for a reference. What
# is left and looks like A1, A1:B2, A:B or 1:2 is one, unless it is part of a longer name, a function (LOG10), a sheet
# (AB1!) or a table (Q1[...]). Groups 1-8: cell or area; 9-12: columns; 13-16: rows; each with its $ before it.
_REFERENCE = re.compile(
    r"\"[^\"]*\"|'[^']*'|\[(?:[^\[\]']|'.|\[(?:[^\[\]']|'.)*\])*\]"
    r"|(?<![\w.\\?$])(?:"
    r"(\$?)([A-Za-z]{1,3})(\$?)([0-9]{1,7})(?::(\$?)([A-Za-z]{1,3})(\$?)([0-9]{1,7}))?(?![\w.\\?(!\[])"
    r"|(\$?)([A-Za-z]{1,3}):(\$?)([A-Za-z]{1,3})(?![\w.\\?(!\[$])"
    r"|(\$?)([0-9]{1,7}):(\$?)([0-9]{1,7})(?![\w.\\?(!\[])"
    r")"
)

_letters = cache(column_letters)
_number = cache(column_number)


def _cell_inside(column: str, row: str) -> bool:
    return 0 < int(row) <= MAX_ROWS and _number(column) < MAX_COLUMNS


def _is_reference(found: re.Match[str]) -> bool:
    """Whether a match is a reference that lies on a sheet: XFE1 is a name, not a cell."""
    left, top, right, bottom = found.group(2, 4, 6, 8)
    if left is not None:
        return _cell_inside(left, top) and (right is None or _cell_inside(right, bottom))
    if found[10] is not None:
        return _number(found[10]) < MAX_COLUMNS and _number(found[12]) < MAX_COLUMNS
    return found[14] is not None and 0 < int(found[14]) <= MAX_ROWS and 0 < int(found[16]) <= MAX_ROWS


def relative_text(text: str, row: int, column: int) -> str:
    """The formula `text` of the cell (`row`, `column`) with its references in R1C1 notation.

    Parameters
    ----------
    text
        A formula without `=`, as the file stores it.
    row, column
        Where it stands, counted from 0.

    Examples
    --------
    >>> relative_text("SUM(A1:$B2)", 2, 0)
    'SUM(R[-2]C[0]:R[-1]C2)'
    """

    def cell(column_fixed: str, letters: str, row_fixed: str, digits: str) -> str:
        down = f"R{digits}" if row_fixed else f"R[{int(digits) - 1 - row}]"
        across = _number(letters)
        return down + (f"C{across + 1}" if column_fixed else f"C[{across - column}]")

    def show(found: re.Match[str]) -> str:
        if not _is_reference(found):
            return found[0]
        groups = found.groups()
        if groups[1] is not None:
            first = cell(*groups[:4])
            return first if groups[5] is None else first + ":" + cell(*groups[4:8])
        if groups[9] is not None:
            return ":".join(
                f"C{_number(letters) + 1}" if fixed else f"C[{_number(letters) - column}]"
                for fixed, letters in (groups[8:10], groups[10:12])
            )
        return ":".join(
            f"R{digits}" if fixed else f"R[{int(digits) - 1 - row}]" for fixed, digits in (groups[12:14], groups[14:16])
        )

    return _REFERENCE.sub(show, text)


def move(text: str, rows: int, columns: int) -> str:
    """The formula `text` as it reads in a cell `rows` further down and `columns` further right.

    A reference that is moved off the sheet becomes `#REF!`, as in Excel.

    Examples
    --------
    >>> move("A1+$A$1+SUM(B:B)", 1, 2)
    'C2+$A$1+SUM(D:D)'
    """
    return Pattern(text, 0, 0).at(rows, columns) if rows or columns else text


class Pattern:
    """A formula cut at its references, which gives its text in any other cell quickly.

    Parameters
    ----------
    text
        The formula, without `=`, of the cell (`row`, `column`).

    Examples
    --------
    >>> Pattern("A1*$B$1", 0, 2).at(5, 2)
    'A6*$B$1'
    """

    __slots__ = ("_formats", "_lowest", "_pieces", "_row_offsets")

    def __init__(self, text: str, row: int, column: int) -> None:
        # A piece is a literal or a reference: a tuple of parts (is_row, fixed, offset or position, text before it).
        pieces: list[str | tuple[tuple[bool, bool, int, str], ...]] = []
        at = 0
        for found in _REFERENCE.finditer(text):
            if not _is_reference(found):
                continue
            pieces.append(text[at : found.start()])
            at = found.end()
            parts = []
            groups = found.groups()
            for index in range(0, 16, 2):
                fixed, word = groups[index], groups[index + 1]
                if word is None:
                    continue
                before = ":" if index in (4, 10, 14) else ""
                if word.isalpha():
                    parts.append((False, bool(fixed), _number(word) - (0 if fixed else column), before))
                else:
                    parts.append((True, bool(fixed), int(word) - 1 - (0 if fixed else row), before))
            pieces.append(tuple(parts))
        pieces.append(text[at:])
        self._pieces = tuple(pieces)
        self._formats: dict[int, str | None] = {}
        self._row_offsets = tuple(
            part[2] for piece in pieces if not isinstance(piece, str) for part in piece if part[0] and not part[1]
        )
        self._lowest = (min(self._row_offsets, default=0), max(self._row_offsets, default=0))

    def at(self, row: int, column: int) -> str:
        """The formula's text in the cell (`row`, `column`)."""
        shape = self._shape(column)
        least, most = self._lowest
        if shape is None or row + least < 0 or row + most >= MAX_ROWS:
            return self._spelled(row, column)
        row += 1
        return shape % tuple([row + offset for offset in self._row_offsets])

    def down(self, rows: NDArray[np.int64], column: int) -> list[str]:
        """The formula's texts in the cells of `column` in each of `rows`, int64 of shape (n,)."""
        least, most = self._lowest
        shape = self._shape(column)
        if shape is None or not len(rows) or rows.min() + least < 0 or rows.max() + most >= MAX_ROWS:
            return [self.at(row, column) for row in rows.tolist()]
        if not self._row_offsets:
            return [shape % ()] * len(rows)
        numbers = [(rows + (offset + 1)).tolist() for offset in self._row_offsets]
        return list(map(shape.__mod__, zip(*numbers, strict=True)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self._pieces == other._pieces

    def __hash__(self) -> int:
        return hash(self._pieces)

    def _shape(self, column: int) -> str | None:
        if column not in self._formats:
            self._formats[column] = self._format(column)
        return self._formats[column]

    def _format(self, column: int) -> str | None:
        """The text for one column with %d for each relative row; None if a reference leaves the sheet."""
        words = []
        for piece in self._pieces:
            if isinstance(piece, str):
                words.append(piece.replace("%", "%%"))
                continue
            for is_row, fixed, place, before in piece:
                if is_row:
                    words.append(before + (f"${place + 1}" if fixed else "%d"))
                    continue
                across = place if fixed else place + column
                if not 0 <= across < MAX_COLUMNS:
                    return None
                words.append(before + "$" * fixed + _letters(across))
        return "".join(words)

    def _spelled(self, row: int, column: int) -> str:
        """The text where some reference may leave the sheet."""
        words = []
        for piece in self._pieces:
            if isinstance(piece, str):
                words.append(piece)
                continue
            shown = ""
            for is_row, fixed, offset, before in piece:
                place = offset if fixed else offset + (row if is_row else column)
                if not 0 <= place < (MAX_ROWS if is_row else MAX_COLUMNS):
                    shown = "#REF!"
                    break
                shown += before + "$" * fixed + (str(place + 1) if is_row else _letters(place))
            words.append(shown)
        return "".join(words)

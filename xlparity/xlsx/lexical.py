"""Rows of a worksheet in the usual spelling, read many at a time.

Expat calls back into Python for every tag of a sheet, and nearly all of the time of reading a workbook went there. But
Excel, LibreOffice, openpyxl, XlsxWriter and xlparity all spell `sheetData` in much the same plain way, and plain XML
needs no parser: its tags are found, classified and checked with a few operations on arrays. So there are two ways to
the same cells. `CanonicalRows` takes the rows in that spelling from the head of `sheetData` and hands everything else
to expat, which remains the only judge of what is well-formed and of what an error says: whatever is not recognised
here in every byte, be it a comment, an entity outside a text, a prefix, another order of attributes or plain damage,
goes the other way from there to the end of the part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS

__all__ = ["CanonicalRows", "Rows", "parse_rows"]

_Places = NDArray[np.int64]
_PIECE = 1 << 18  # bytes that are looked at together
_LONGEST_ROW = 1 << 23  # what is longer is expat's, so that a hostile part cannot grow the piece
_LONGEST_TEXT = 1 << 16

_OPEN, _CLOSE, _ROW_CLOSE = b"<sheetData>", b"</sheetData>", b"</row>"
# What must not stand before `sheetData`: with it, expat's handlers would not be in their first state there.
_BEFORE = re.compile(rb"<(?:[^<>\s/]*:)?(?:sheetData|row|c|v|f|t|rPh)[\s/>]")
_ATTRIBUTES = re.compile(r"(?: +(?:[A-Za-z_][\w.-]*:)?[A-Za-z_][\w.-]*=\"[ !#-%'-;=?-~]*\")* *", re.ASCII)
_ATTRIBUTE = re.compile(r" (?:([A-Za-z_][\w.-]*):)?([A-Za-z_][\w.-]*)=\"([^\"]*)\"", re.ASCII)
_REFERENCE = re.compile(r"&(?:(lt|gt|amp|quot|apos)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));|&")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}

# -- tags -------------------------------------------------------------------------------------------------------------

_NO_TAG, _ROW, _ROW_EMPTY, _ROW_END, _C, _C_EMPTY, _C_END, _F, _F_EMPTY, _F_END = range(10)
_V, _V_EMPTY, _V_END, _IS, _IS_END, _T, _T_END = range(10, 17)
_TAGS = 17
# A short tag is recognised by all of its bytes, one with attributes by its first three; its rest is checked apart.
_SHORT = 6
_SPELLED = {
    b"<f>": _F, b"<f/>": _F_EMPTY, b"<f />": _F_EMPTY, b"</f>": _F_END, b"<v>": _V, b"<v/>": _V_EMPTY,
    b"<v />": _V_EMPTY, b"</v>": _V_END, b"<is>": _IS, b"</is>": _IS_END, b"<t>": _T, b"</t>": _T_END,
    b"</c>": _C_END, b"</row>": _ROW_END, b"<ro": _ROW, b"<c ": _C, b"<f ": _F, b"<v ": _V, b"<t ": _T,
}  # fmt: skip
_FOLLOWERS = {
    _ROW: (_C, _C_EMPTY, _ROW_END), _ROW_EMPTY: (_ROW, _ROW_EMPTY), _ROW_END: (_ROW, _ROW_EMPTY),
    _C: (_F, _F_EMPTY, _V, _V_EMPTY, _IS, _C_END), _C_EMPTY: (_C, _C_EMPTY, _ROW_END),
    _C_END: (_C, _C_EMPTY, _ROW_END), _F: (_F_END,), _F_EMPTY: (_V, _V_EMPTY, _C_END),
    _F_END: (_V, _V_EMPTY, _C_END), _V: (_V_END,), _V_EMPTY: (_C_END,), _V_END: (_C_END,), _IS: (_T,), _T: (_T_END,),
    _T_END: (_IS_END,), _IS_END: (_C_END,),
}  # fmt: skip


def _word(text: bytes) -> int:
    return int.from_bytes(text, "little")


_WORDS = np.array(sorted(_word(tag) for tag in _SPELLED), np.uint64)
_KINDS = np.array([_SPELLED[tag] for tag in sorted(_SPELLED, key=_word)], np.uint8)
_FIRST = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)  # the first `count` bytes of a word
_TAG_BYTES = _FIRST[[0, 1, 2, 3, 4, 5, 6, 3]]  # by the tag's length, at most _SHORT + 1
_EMPTIED = np.arange(_TAGS, dtype=np.uint8)  # a tag with attributes and a slash at its end
_EMPTIED[[_ROW, _C, _F, _V, _T]] = _ROW_EMPTY, _C_EMPTY, _F_EMPTY, _V_EMPTY, _NO_TAG
_ALLOWED = np.zeros((_TAGS, _TAGS), np.bool_)
for _tag, _next in _FOLLOWERS.items():
    _ALLOWED[_tag, list(_next)] = True
_ALLOWED_PAIRS = _ALLOWED.ravel()
_C_HEAD, _ROW_HEAD = np.uint64(_word(b'<c r="')), np.uint64(_word(b'<row r="'))


class _NotCanonical(Exception):
    """The piece is expat's."""


def _require(condition: Any) -> None:
    if not condition:
        raise _NotCanonical


# -- rows -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rows:
    """The cells of some rows in the order of the file, as XML has them: nothing here knows what they mean.

    Parameters
    ----------
    last
        The last row, counted from 0.
    row, column
        Where each `c` stands, int64 of shape (cells,), counted from 0.
    attributes, attribute
        The different sets of attributes, without `r`, and which of them a cell has, shape (cells,).
    formula_cell, formula_attributes, formula_attribute, formulas
        For each `f`: its cell, (formulas,), the different sets, which of them it has, and its text.
    value_cell, values
        For each `v` or `is`: its cell, (values,), and its text.
    """

    last: int
    row: _Places
    column: _Places
    attributes: list[dict[str, str]]
    attribute: _Places
    formula_cell: _Places
    formula_attributes: list[dict[str, str]]
    formula_attribute: _Places
    formulas: list[str]
    value_cell: _Places
    values: list[str]


def parse_rows(piece: bytes, prefixes: frozenset[str] = frozenset()) -> Rows | None:
    """The rows of `piece`, which is UTF-8; None unless it is nothing but whole rows in the usual spelling.

    `prefixes` are those that are bound to namespaces around the piece.
    """
    try:
        return _Piece(piece, prefixes).rows()
    except _NotCanonical:
        return None


class _Piece:
    def __init__(self, piece: bytes, prefixes: frozenset[str]) -> None:
        self.prefixes = prefixes
        self.piece = piece
        self.ascii = piece.isascii()
        try:
            self.text = piece.decode()
        except UnicodeDecodeError:
            raise _NotCanonical from None
        _require(self.ascii or not ("\ufffe" in self.text or "\uffff" in self.text))
        self.references = piece.count(b"&")
        # Every place of the piece as a word of the eight bytes from there on.
        self.padded = piece + bytes(24)
        self.bytes = np.frombuffer(self.padded, np.uint8)
        self.words: NDArray[np.uint64] = np.ndarray((len(piece) + 16,), "<u8", self.padded, strides=(1,))

    def rows(self) -> Rows:
        own = self.bytes[: len(self.piece)]
        control = own[own < 32]
        _require(((control == 9) | (control == 10)).all())
        start, end = np.flatnonzero(own == ord("<")), np.flatnonzero(own == ord(">"))
        _require(len(start) == len(end) > 0)
        _require((start < end).all() and (end[:-1] < start[1:]).all())
        tag = self._tags(start, end)

        row_tag = np.flatnonzero((tag == _ROW) | (tag == _ROW_EMPTY))
        row_empty = tag[row_tag] == _ROW_EMPTY
        row_number, row_word, digits = self._row_numbers(start[row_tag])
        self._attributes(start[row_tag] + 9 + digits, end[row_tag] - row_empty)

        cell = np.flatnonzero((tag == _C) | (tag == _C_EMPTY))
        cell_row = np.searchsorted(row_tag, cell) - 1
        column, address_end = self._addresses(start[cell], row_word[cell_row], digits[cell_row])
        attributes, attribute = self._attributes(address_end, end[cell] - (tag[cell] == _C_EMPTY))

        first = tag[cell + 1]
        first[tag[cell] == _C_EMPTY] = _NO_TAG
        has_text, is_empty = first == _F, first == _F_EMPTY
        formula_cell = np.flatnonzero(has_text | is_empty)
        formula_tag = cell[formula_cell] + 1
        without = is_empty[formula_cell]
        text_end = np.where(without, end[formula_tag] + 1, start[formula_tag + 1])
        formulas, escaped = self._texts(end[formula_tag] + 1, text_end)
        formula_attributes, formula_attribute = self._attributes(
            start[formula_tag] + 2, _attributes_end(start[formula_tag], end[formula_tag], without)
        )

        # A value is the tag after the formula, the second tag of an inline text, or the first of the cell.
        value_tag = cell + 1 + 2 * has_text + is_empty + (first == _IS)
        value_tag[tag[cell] == _C_EMPTY] = 0  # the tag of a row
        kind = tag[value_tag]
        value_cell = np.flatnonzero((kind == _V) | (kind == _V_EMPTY) | (kind == _T))
        value_tag, kind = value_tag[value_cell], kind[value_cell]
        text_end = np.where(kind == _V_EMPTY, end[value_tag] + 1, start[value_tag + 1])
        values, more = self._texts(end[value_tag] + 1, text_end)
        self._attributes(start[value_tag] + 2, _attributes_end(start[value_tag], end[value_tag], kind == _V_EMPTY))

        _require(escaped + more == self.references)
        row = row_number - 1
        return Rows(
            int(row[-1]), row[cell_row], column, attributes, attribute,
            formula_cell, formula_attributes, formula_attribute, formulas, value_cell, values,
        )  # fmt: skip

    def _tags(self, start: _Places, end: _Places) -> NDArray[np.uint8]:
        """What each tag is; the order of all of them is legal."""
        word = self.words[start] & _TAG_BYTES[np.minimum(end - start + 1, _SHORT + 1)]
        at = np.minimum(np.searchsorted(_WORDS, word), len(_WORDS) - 1)
        _require((_WORDS[at] == word).all())
        tag: NDArray[np.uint8] = _KINDS[at]
        # `<ro`, `<c `, `<f `, `<v ` and `<t ` are too short to be whole tags, so a short one was not among the words.
        slash = (self.bytes[end - 1] == ord("/")) & (end - start >= _SHORT)
        tag = np.where(slash, _EMPTIED[tag], tag)
        _require(_ALLOWED_PAIRS[tag[:-1].astype(np.intp) * _TAGS + tag[1:]].all())
        _require(tag[0] in (_ROW, _ROW_EMPTY) and tag[-1] in (_ROW_END, _ROW_EMPTY))
        return tag

    def _row_numbers(self, start: _Places) -> tuple[_Places, NDArray[np.uint64], _Places]:
        """Of each row: the number, its digits with the quote behind them as a word, and how many digits there are."""
        _require((self.words[start] == _ROW_HEAD).all())
        word = self.words[start + 8]
        number, digits = np.zeros(len(start), np.int64), np.zeros(len(start), np.int64)
        going = np.ones(len(start), np.bool_)
        for place in range(7):
            digit = (word >> np.uint64(8 * place) & np.uint64(255)).astype(np.int64) - ord("0")
            going &= (digit >= 0) & (digit <= 9)
            number = np.where(going, number * 10 + digit, number)
            digits += going
        _require((self.bytes[start + 8] != ord("0")).all() and (digits > 0).all() and (number <= MAX_ROWS).all())
        _require((self.bytes[start + 8 + digits] == ord('"')).all())
        return number, word & _FIRST[digits + 1], digits

    def _addresses(self, start: _Places, row: NDArray[np.uint64], digits: _Places) -> tuple[_Places, _Places]:
        """The column of each cell and where its address's closing quote ends; the address names the cell's row."""
        word = self.words[start]
        _require((word & _FIRST[6] == _C_HEAD).all())
        letter = [self.bytes[start + 6 + place].astype(np.int64) - (ord("A") - 1) for place in range(3)]
        second = (letter[1] >= 1) & (letter[1] <= 26)
        third = second & (letter[2] >= 1) & (letter[2] <= 26)
        _require(((letter[0] >= 1) & (letter[0] <= 26)).all())
        column = np.where(second, letter[0] * 26 + letter[1], letter[0])
        column = np.where(third, column * 26 + letter[2], column) - 1
        _require((column < MAX_COLUMNS).all())
        number = start + 7 + second + third
        _require((self.words[number] & _FIRST[digits + 1] == row).all())
        return column, number + digits + 1

    def _attributes(self, start: _Places, end: _Places) -> tuple[list[dict[str, str]], _Places]:
        """The different sets of attributes, of which none is called `r`, and which of them each tag has."""
        sets: list[dict[str, str]] = [{}]
        which = np.zeros(len(start), np.int64)
        some = np.flatnonzero(start < end)
        if len(some):
            known: dict[bytes, int] = {}
            cuts = list(map(self.piece.__getitem__, map(slice, start[some].tolist(), end[some].tolist())))
            for cut in dict.fromkeys(cuts):
                known[cut] = len(sets)
                sets.append(self._attribute_set(cut))
            which[some] = [known[cut] for cut in cuts]
        return sets, which

    def _attribute_set(self, cut: bytes) -> dict[str, str]:
        _require(cut.isascii())
        text = cut.decode()
        _require(_ATTRIBUTES.fullmatch(text))
        attributes = _ATTRIBUTE.findall(text)
        names = {name for _, name, _ in attributes}
        # Two that differ in the prefix only may be one, in namespaces that are not looked at here.
        _require(len(names) == len(attributes) and names.isdisjoint(("r", "xmlns")))
        _require(all(prefix in self.prefixes or prefix in ("", "xml") for prefix, _, _ in attributes))
        return {name: value for prefix, name, value in attributes if not prefix}

    def _texts(self, start: _Places, end: _Places) -> tuple[list[str], int]:
        """The texts from `start` to `end`, and how many references to characters they had."""
        _require((end - start <= _LONGEST_TEXT).all())
        cuts = map(slice, start.tolist(), end.tolist())
        if self.ascii:
            texts = list(map(self.text.__getitem__, cuts))
        else:
            texts = list(map(bytes.decode, map(self.piece.__getitem__, cuts)))
        count = 0
        if self.references:
            for index, text in enumerate(texts):
                if "&" in text:
                    count += text.count("&")
                    texts[index] = _REFERENCE.sub(_character, text)
        return texts, count


def _attributes_end(start: _Places, end: _Places, empty: NDArray[np.bool_]) -> _Places:
    """Where the attributes end of tags whose name is one letter; `<f>`, `<f/>` and `<f />` have none."""
    return np.where(end - start < _SHORT, start + 2, end - empty)


def _character(found: re.Match[str]) -> str:
    name, decimal, hexadecimal = found.groups()
    if name:
        return _NAMED[name]
    _require(decimal or hexadecimal)
    code = int(decimal) if decimal else int(hexadecimal, 16)
    _require(code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code <= 0x10FFFF)
    return chr(code)


# -- the part ---------------------------------------------------------------------------------------------------------


class CanonicalRows:
    """The rows of a part that are in the usual spelling, taken out of it before expat sees them.

    Parameters
    ----------
    chunks
        The part.
    inside
        Whether expat's handlers stand inside `sheetData`.
    enter
        Gets the rows, in order.
    """

    def __init__(self, chunks: Iterator[bytes], inside: Callable[[], bool], enter: Callable[[Rows], object]) -> None:
        self._chunks, self._inside, self._enter = chunks, inside, enter
        self._encoding: str | None = None
        self._prefixes: set[str] = set()

    def listen(self, parser: Any) -> None:
        """Take note of the encoding and the namespaces that the parser of the part meets."""

        def declared(_version: str, encoding: str | None, _standalone: int) -> None:
            self._encoding = encoding

        def bound(prefix: str | None, _namespace: str) -> None:
            self._prefixes.add(prefix or "")

        def unbound(prefix: str | None) -> None:
            self._prefixes.discard(prefix or "")

        parser.XmlDeclHandler = declared
        parser.StartNamespaceDeclHandler, parser.EndNamespaceDeclHandler = bound, unbound

    def rest(self) -> Iterator[bytes]:
        """The part for expat, chunk by chunk, without the rows that were taken out.

        In their place stands an empty row of the last one's number, after which the handlers are as if they had seen
        all of them. Each chunk must be parsed before the next is asked for.
        """
        head = b""
        for chunk in self._chunks:
            head += chunk
            if _OPEN in head or len(head) > _LONGEST_ROW:
                break
        before, opened, data = head.partition(_OPEN)
        yield before + opened
        utf8 = self._encoding is None or self._encoding.casefold() == "utf-8"
        if self._inside() and utf8 and not _BEFORE.search(before):
            last = -1
            while True:
                data, rows = self._next(data)
                if rows is None:
                    break
                self._enter(rows)
                last = rows.last
            if last >= 0:
                yield f'<row r="{last + 1}"/>'.encode()
        yield data
        yield from self._chunks

    def _next(self, data: bytes) -> tuple[bytes, Rows | None]:
        """The next rows and what follows them; without rows, all that is left of what was read."""
        enough = _PIECE
        while True:
            stop = data.find(_CLOSE)
            if stop < 0 and len(data) < enough:
                chunk = next(self._chunks, b"")
                data += chunk
                if chunk:
                    continue
            if stop < 0:
                stop = data.rfind(_ROW_CLOSE) + len(_ROW_CLOSE) if _ROW_CLOSE in data else 0
                if not stop and enough <= len(data) < _LONGEST_ROW:
                    enough = 2 * len(data)
                    continue
            rows = parse_rows(data[:stop], frozenset(self._prefixes)) if stop else None
            if rows is None:
                return data, None
            return data[stop:], rows

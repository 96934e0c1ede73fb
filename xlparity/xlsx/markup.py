"""Where each cell stands in the bytes of a worksheet, so that one can be changed and all else be left alone."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import Any

from xlparity.errors import WorkbookError
from xlparity.formula.a1 import column_number
from xlparity.xlsx.package import parse_xml

__all__ = ["Markup", "Tag", "read_markup", "require_utf8", "tag_at"]

_TAG = re.compile(rb"<([^\s/>]+)((?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*)\s*(/?)>")
_ADDRESS = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})\Z")


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag as it stands in the bytes."""

    name: str
    attributes: str  # as written, with the space before each
    empty: bool
    end: int  # the byte after it

    @property
    def prefix(self) -> str:
        """`x:` of `x:c`."""
        return self.name[: self.name.rfind(":") + 1]

    def without(self, *names: str) -> str:
        """The attributes but those called `names`."""
        text = self.attributes
        for name in names:
            text = re.sub(rf"\s+{name}\s*=\s*(?:\"[^\"]*\"|'[^']*')", "", text)
        return text


@dataclass(slots=True)
class Markup:
    """The bytes of a worksheet and, in the order of the file, where its cells and rows stand in them.

    A cell's parts are byte offsets, -1 where it has none: `start` and `end` of the element, `f` and `v` of its children
    (`f_end`, `v_end` after them). `formulas` has the attributes and the text of formulas that are not plain, by the
    number of the cell.
    """

    data: bytes
    row: array[int] = field(default_factory=lambda: array("q"))
    column: array[int] = field(default_factory=lambda: array("q"))
    start: array[int] = field(default_factory=lambda: array("q"))
    end: array[int] = field(default_factory=lambda: array("q"))
    f: array[int] = field(default_factory=lambda: array("q"))
    f_end: array[int] = field(default_factory=lambda: array("q"))
    v: array[int] = field(default_factory=lambda: array("q"))
    v_end: array[int] = field(default_factory=lambda: array("q"))
    formulas: dict[int, tuple[dict[str, str], str]] = field(default_factory=dict)
    rows: list[tuple[int, int, int]] = field(default_factory=list)  # row, start, end
    sheet_data: tuple[int, int] = (0, 0)

    def tag(self, at: int) -> Tag:
        """The start tag at the byte `at`."""
        return tag_at(self.data, at)

    def inside(self, number: int) -> tuple[int, int]:
        """Where the content of the cell `number` begins and ends."""
        tag = self.tag(self.start[number])
        return tag.end, tag.end if tag.empty else self.data.rindex(b"<", tag.end, self.end[number])


def tag_at(data: bytes, at: int) -> Tag:
    """The start tag at the byte `at` of well-formed XML; WorkbookError if it is in no usual spelling."""
    found = _TAG.match(data, at)
    if found is None:
        raise WorkbookError(f"no tag stands at byte {at} of a part; save the workbook again in Excel")
    return Tag(found[1].decode(), found[2].decode(), bool(found[3]), found.end())


def require_utf8(data: bytes, where: str) -> None:
    """Raise WorkbookError if the XML `data` says that it is stored in another encoding; `where` names it."""
    if data[:2] in (b"\xfe\xff", b"\xff\xfe") or re.match(
        rb"<\?xml[^>]*encoding\s*=\s*[\"'](?!utf-8|us-ascii)", data, re.I
    ):
        raise WorkbookError(f"{where} is not stored in UTF-8; save the workbook again in Excel")


def read_markup(data: bytes, where: str) -> Markup:
    """The places of all cells in the worksheet `data`; `where` names it in errors.

    Raises WorkbookError if the part is not well-formed or not in UTF-8.
    """
    require_utf8(data, where)
    markup = Markup(data)
    columns: dict[str, int] = {}
    parser: Any = None
    row = column = -1
    row_start = 0
    inside = False
    capture = False
    attributes_of_f: dict[str, str] = {}
    pieces: list[str] = []

    def begin(made: Any) -> None:
        nonlocal parser
        parser = made

    def after(opened: int) -> int:
        """The end of the element that was opened at the byte `opened` and ends here."""
        at: int = parser.CurrentByteIndex
        if data[at - 2 : at] == b"/>":  # expat stands behind an empty element, but before another's end tag
            tag = markup.tag(opened)
            if tag.empty:
                return tag.end
        return data.index(b">", at) + 1

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, row_start, inside, capture, attributes_of_f
        local = tag.rpartition(" ")[2]
        if local == "sheetData":
            inside = True
            markup.sheet_data = (parser.CurrentByteIndex, 0)
        if not inside:
            return
        if local == "c":
            address = _ADDRESS.match(attributes.get("r", ""))
            if address is None:
                column += 1
            else:
                letters = address[1]
                if letters not in columns:
                    columns[letters] = column_number(letters)
                row, column = int(address[2]) - 1, columns[letters]
            markup.row.append(row)
            markup.column.append(column)
            markup.start.append(parser.CurrentByteIndex)
            for places in (markup.end, markup.f, markup.f_end, markup.v, markup.v_end):
                places.append(-1)
        elif local == "f":
            markup.f[-1] = parser.CurrentByteIndex
            attributes_of_f = attributes
            capture = True
        elif local == "v":
            markup.v[-1] = parser.CurrentByteIndex
        elif local == "row":
            number = attributes.get("r", "")
            row = int(number) - 1 if number.isdecimal() else row + 1
            column = -1
            row_start = parser.CurrentByteIndex

    def end(tag: str) -> None:
        nonlocal inside, capture
        if not inside:
            return
        local = tag.rpartition(" ")[2]
        if local == "c":
            markup.end[-1] = after(markup.start[-1])
        elif local == "v":
            markup.v_end[-1] = after(markup.v[-1])
        elif local == "f":
            markup.f_end[-1] = after(markup.f[-1])
            if attributes_of_f.get("t", "normal") != "normal":
                markup.formulas[len(markup.row) - 1] = (attributes_of_f, "".join(pieces))
            pieces.clear()
            capture = False
        elif local == "row":
            markup.rows.append((row, row_start, after(row_start)))
        elif local == "sheetData":
            inside = False
            markup.sheet_data = (markup.sheet_data[0], after(markup.sheet_data[0]))

    def text(data: str) -> None:
        if capture:
            pieces.append(data)

    parse_xml((data,), where, start, end, text, begin)
    return markup

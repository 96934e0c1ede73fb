"""Comments of a sheet: the part with their texts, and the drawing (VML) that Excel asks for to show them.

The drawing part is changed by searching its bytes, since Excel itself writes some that are no well-formed XML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xlparity.errors import WorkbookError
from xlparity.formula.a1 import column_letters
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS
from xlparity.xlsx.splice import Edit, Element, appended, outline
from xlparity.xlsx.text import encode

__all__ = ["Grid", "comments_edits", "drawing_blocks", "drawing_with_notes", "new_comments", "new_drawing"]

Place = tuple[int, int]  # row and column

_AUTHOR = "xlparity"
_FONT = '<rPr><sz val="9"/><color indexed="81"/><rFont val="Tahoma"/><family val="2"/></rPr>'
_NOTE_WIDTH, _LINE_HEIGHT, _LINE_LETTERS = 340, 15, 56  # pixels of a note, letters that fit its width
_DEFAULT_WIDTH, _DEFAULT_HEIGHT = 64, 20  # pixels of a column and a row
# A drawing owns blocks of so many shape numbers: https://learn.microsoft.com/openspecs/office_standards/ms-oe376
_BLOCK = 1024
_OWNED = re.compile(rb"idmap\b[^>]*?\bdata\s*=\s*[\"']([^\"']*)")
_VML = {
    "v": "urn:schemas-microsoft-com:vml",
    "o": "urn:schemas-microsoft-com:office:office",
    "x": "urn:schemas-microsoft-com:office:excel",
}
_SHAPE_TYPE = (
    '<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe"{names}>'
    '<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)
_SHAPE = (
    '<v:shape id="_x0000_s{number}" type="#_x0000_t202" style=\'position:absolute;visibility:hidden\' '
    'fillcolor="#ffffe1" o:insetmode="auto"{names}><v:fill color2="#ffffe1"/>'
    '<v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/>'
    "<v:textbox style='mso-direction-alt:auto'><div style='text-align:left'></div></v:textbox>"
    '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:Anchor>{anchor}</x:Anchor>'
    "<x:AutoFill>False</x:AutoFill><x:Row>{row}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>"
)


@dataclass(frozen=True, slots=True)
class Grid:
    """The sizes in pixels of the sheet's columns and rows that do not have the default ones."""

    widths: Mapping[int, int]
    heights: Mapping[int, int]
    width: int = _DEFAULT_WIDTH
    height: int = _DEFAULT_HEIGHT

    def anchor(self, place: Place, text: str) -> str:
        """Where the note of the cell at `place` stands: right of it, large enough for `text`."""
        row, column = place
        lines = sum(1 + len(line) // _LINE_LETTERS for line in text.splitlines())
        column = min(column + 1, MAX_COLUMNS - 1)
        last, over = _walk(column, 15 + _NOTE_WIDTH, self.widths, self.width, MAX_COLUMNS)
        top = max(row - 1, 0)
        bottom, under = _walk(top, 10 + _LINE_HEIGHT * (lines + 1), self.heights, self.height, MAX_ROWS)
        return f"{column}, 15, {top}, 10, {last}, {over}, {bottom}, {under}"


def _walk(at: int, pixels: int, sizes: Mapping[int, int], default: int, most: int) -> Place:
    """The line that lies `pixels` behind the start of the line `at`, and how far into it that is."""
    while at < most - 1 and pixels >= (size := sizes.get(at, default)):
        pixels -= size
        at += 1
    return at, min(pixels, sizes.get(at, default))


def new_comments(texts: Mapping[Place, str], namespace: str) -> bytes:
    """A comments part with one comment a cell."""
    listed = "".join(_comment(place, text, 0) for place, text in texts.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<comments xmlns="{namespace}">'
        f"<authors><author>{_AUTHOR}</author></authors><commentList>{listed}</commentList></comments>"
    ).encode()


def comments_edits(data: bytes, where: str, texts: Mapping[Place, str]) -> tuple[list[Edit], list[Place]]:
    """The edits that add `texts` to a comments part, behind the text of a cell that has a comment already.

    Returns also the cells whose comments are new, which need a shape in the drawing.
    """
    cells = {_address(place) for place in texts}
    root = outline(data, where, 4, lambda name, given: name != "comment" or given.get("ref", "").upper() in cells)
    sections = [root.named("authors"), root.named("commentList")]
    if not all(sections):
        raise WorkbookError(f"{where} has no authors or no list of comments; save the workbook again in Excel")
    (authors, *_), (listed, *_) = sections
    present = {comment.attributes.get("ref", "").upper(): comment for comment in listed.named("comment")}
    edits = appended(data, authors, root.spelled(f"<author>{_AUTHOR}</author>"))
    fresh: list[Place] = []
    pieces: list[str] = []
    for place, text in texts.items():
        found = present.get(_address(place))
        texts_of = found.named("text") if found is not None else []
        if texts_of:
            edits += _text_behind(data, texts_of[0], text)
        elif found is None:
            fresh.append(place)
            pieces.append(root.spelled(_comment(place, text, len(authors.children))))
    if pieces:
        edits += appended(data, listed, "".join(pieces))
    return edits, fresh


def _text_behind(data: bytes, element: Element, text: str) -> list[Edit]:
    """A run of rich text behind what the comment says; plain text becomes a run of its own before."""
    edits: list[Edit] = []
    at = -1
    for child in element.children:
        if child.local == "t":
            name = f"{child.tag.prefix}r"
            edits += [(child.start, child.start, f"<{name}>"), (child.end, child.end, f"</{name}>")]
        if child.local in ("t", "r"):
            at = child.end
    added = element.spelled(_run(f"\n\n{text}"))
    return appended(data, element, added) if at < 0 else [*edits, (at, at, added)]


def _comment(place: Place, text: str, author: int) -> str:
    return f'<comment ref="{_address(place)}" authorId="{author}"><text>{_run(text)}</text></comment>'


def _run(text: str) -> str:
    return f'<r>{_FONT}<t xml:space="preserve">{encode(text)}</t></r>'


def _address(place: Place) -> str:
    return f"{column_letters(place[1])}{place[0] + 1}"


def drawing_blocks(data: bytes) -> set[int]:
    """The blocks of shape numbers that a drawing part owns or uses."""
    owned = {int(number) for found in _OWNED.findall(data) for number in re.findall(rb"\d{1,9}", found)}
    return owned | {int(number) // _BLOCK for number in re.findall(rb"_x0000_s(\d{1,9})\b", data)}


def new_drawing(notes: Mapping[Place, str], grid: Grid, first_block: int) -> bytes:
    """A drawing part with a hidden note for each of the cells of `notes`."""
    blocks = _blocks(len(notes), first_block)
    names = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in _VML.items())
    return (
        f'<xml{names}><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="{blocks}"/></o:shapelayout>'
        f"{_SHAPE_TYPE.format(names='')}{_shapes(notes, grid, first_block, '')}</xml>"
    ).encode()


def drawing_with_notes(data: bytes, notes: Mapping[Place, str], grid: Grid, first_block: int) -> list[Edit]:
    """The edits that add the notes to a drawing part; none if it has no end to add them at."""
    close = data.rfind(b"</xml")
    if close < 0:
        return []
    names = "".join(
        f' xmlns:{prefix}="{uri}"' for prefix, uri in _VML.items() if f'xmlns:{prefix}="{uri}"'.encode() not in data
    )
    shapes = _shapes(notes, grid, first_block, names)
    if b'id="_x0000_t202"' not in data:
        shapes = _SHAPE_TYPE.format(names=names) + shapes
    edits: list[Edit] = [(close, close, shapes)]
    owned = _OWNED.search(data)
    if owned is not None:
        edits.append((owned.end(), owned.end(), f",{_blocks(len(notes), first_block)}"))
    return edits


def _blocks(count: int, first: int) -> str:
    return ",".join(str(block) for block in range(first, first + 1 + (count - 1) // (_BLOCK - 1)))


def _shapes(notes: Mapping[Place, str], grid: Grid, first_block: int, names: str) -> str:
    pieces = []
    for at, (place, text) in enumerate(notes.items()):
        # The first number of a block stands for the drawing itself.
        block, offset = divmod(at, _BLOCK - 1)
        number = (first_block + block) * _BLOCK + 1 + offset
        pieces.append(
            _SHAPE.format(number=number, names=names, anchor=grid.anchor(place, text), row=place[0], column=place[1])
        )
    return "".join(pieces)

"""What stands in the sheets: values, formulas with what they read, looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlparity.errors import FormulaError
from xlparity.formula.parse import parse
from xlparity.formula.precedents import Read, reads
from xlparity.model.appearance import CellFormat
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, FillKind, Sheet, Style
from xlparity.model.cell import MAX_COLUMNS
from xlparity.model.value import Cells, Kind, Values
from xlparity.report.html.packed import Packer

__all__ = ["book_data"]

# What a style of ours looks like where no file says so; the page has colours of its own.
_BOLD = (Style.TITLE, Style.HEADING, Style.HEADER, Style.CHECK)
_ITALIC = (Style.NOTE, Style.EXPECTED)
_CENTRED = (Style.LABEL, Style.CHECK, Style.HEADER)
_KINDS = {FillKind.COPIED: 0, FillKind.ARRAY: 1, FillKind.DYNAMIC: 2}


def book_data(book: Book, values: Values, planes: Iterable[Area], packer: Packer) -> dict[str, Any]:
    """The workbook as the page wants it: lists and packed arrays, nothing per cell.

    Cells of `planes` are listed even where they are blank: a map may say that something should stand there.
    """
    mapped: dict[str, list[Area]] = {}
    for plane in planes:
        mapped.setdefault(plane.sheet, []).append(plane)
    numbers = {sheet.name: at for at, sheet in enumerate(book.sheets)}
    formats = dict.fromkeys(book.formats)
    table = {each: at for at, each in enumerate(formats)}
    # A file may count the same look twice; the table has it once.
    own = np.array([table[each] for each in book.formats], np.uint16)
    sheets = []
    for sheet in book.sheets:
        cells = values.sheets.get(sheet.name, sheet.constants)
        cells = _with_blanks(cells, mapped.get(sheet.name, []))
        layout = sheet.layout
        merged = [*sheet.appearance.merged, *layout.merged]
        sheets.append(
            {
                "name": sheet.name,
                "widths": [*sheet.appearance.widths, *((column, column, width) for column, width in layout.widths)],
                "width": sheet.appearance.default_width,
                "merged": [[area.row, area.column, area.height, area.width] for area in merged],
                "row": packer.add(cells.row, "i4"),
                "column": packer.add(cells.column, "i4"),
                "kind": packer.add(cells.kind, "u1"),
                "number": packer.add(cells.number, "f8"),
                "format": packer.add(_formats(sheet, cells, table, own), "u2"),
                **_texts(cells),
                "fills": _fills(sheet.fills, book, numbers),
            }
        )
    return {
        "sheets": sheets,
        "formats": [[each.number_format, int(each.bold), int(each.italic), each.horizontal] for each in table],
        "date1904": book.date1904,
    }


def _with_blanks(cells: Cells, areas: Iterable[Area]) -> Cells:
    """`cells` and the cells of `areas` that are not among them."""
    place = cells.row.astype(np.int64) * MAX_COLUMNS + cells.column
    wanted = [
        (np.arange(area.row, area.bottom)[:, None] * MAX_COLUMNS + np.arange(area.column, area.right)).ravel()
        for area in areas
    ]
    asked = np.concatenate([np.empty(0, np.int64), *wanted])
    at = np.minimum(np.searchsorted(place, asked), max(len(place) - 1, 0))
    missing = np.unique(asked[place[at] != asked] if len(place) else asked)
    if not len(missing):
        return cells
    joined = np.concatenate([place, missing])
    order = np.argsort(joined, kind="stable")
    row, column = np.divmod(joined[order], MAX_COLUMNS)
    blank = np.zeros(len(missing))
    return Cells(
        row.astype(np.int32), column.astype(np.int32), np.concatenate([cells.kind, blank])[order].astype(np.uint8),
        np.concatenate([cells.number, blank])[order], cells.texts,
    )  # fmt: skip


def _texts(cells: Cells) -> dict[str, Any]:
    """The texts that cells hold; an engine's table has those of the whole workbook, which the page has no use for."""
    used = np.unique(cells.number[cells.kind == Kind.TEXT]).astype(int).tolist()
    return {"texts": [cells.texts[at] for at in used], "text": used if used != list(range(len(used))) else None}


def _formats(sheet: Sheet, cells: Cells, table: dict[CellFormat, int], own: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The place in `table` of each cell's look, as the file has it or as the layout will write it."""
    found = np.full(len(cells), own[0], np.uint16)
    looks = sheet.appearance
    if len(looks.row):
        keys = looks.row.astype(np.int64) * MAX_COLUMNS + looks.column
        order = np.argsort(keys, kind="stable")
        place = cells.row.astype(np.int64) * MAX_COLUMNS + cells.column
        at = np.minimum(np.searchsorted(keys[order], place), len(keys) - 1)
        hit = keys[order][at] == place
        found[hit] = own[looks.format[order][at[hit]]]
        return found
    style, code = np.zeros(len(cells), np.int64), np.zeros(len(cells), np.int64)
    codes = ["General", *dict.fromkeys(text for _, text in sheet.layout.formats)]
    styles = list(Style)
    for painted, areas in (
        (style, [(area, styles.index(each)) for area, each in sheet.layout.styles]),
        (code, [(area, codes.index(text)) for area, text in sheet.layout.formats]),
    ):
        for area, value in areas:
            start, stop = np.searchsorted(cells.row, [area.row, area.bottom])
            columns = cells.column[start:stop]
            painted[start:stop][(columns >= area.column) & (columns < area.right)] = value
    pairs, which = np.unique(style * len(codes) + code, return_inverse=True)
    looked_up = []
    for pair in pairs.tolist():
        each, text = styles[pair // len(codes)], codes[pair % len(codes)]
        look = CellFormat(text, each in _BOLD, each in _ITALIC, "center" if each in _CENTRED else "")
        looked_up.append(table.setdefault(look, len(table)))
    return np.array(looked_up, np.uint16)[which] if looked_up else found


def _fills(fills: tuple[Fill, ...], book: Book, numbers: Mapping[str, int]) -> list[list[Any]]:
    """Each fill: its area, kind, formula, and the areas that its first cell reads."""
    return [
        [
            fill.area.row, fill.area.column, fill.area.height, fill.area.width, _KINDS[fill.kind], fill.formula,
            [_read(read, numbers) for read in _reads(fill, book)],
        ]
        for fill in fills
    ]  # fmt: skip


def _reads(fill: Fill, book: Book) -> list[Read]:
    try:
        return reads(parse(fill.formula), fill.area.sheet, book)
    except FormulaError:
        return []  # what is not understood is shown as it stands, without what it reads


def _read(read: Read, numbers: Mapping[str, int]) -> list[int]:
    """Sheet, top, left, bottom and right, the last included, and a bit for each edge that stays in a copy."""
    area = read.area
    fixed = sum(1 << at for at, stays in enumerate(read.fixed) if stays)
    return [numbers[area.sheet], area.row, area.column, area.bottom - 1, area.right - 1, fixed]

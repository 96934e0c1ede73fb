"""Cell addresses as people write them: `C5`, `'Layer 1'!B3:C5`."""

from __future__ import annotations

import re

from xlparity.errors import InputError, did_you_mean
from xlparity.model.area import Area
from xlparity.model.book import Book
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS, Cell

__all__ = [
    "area_in",
    "cell_in",
    "column_letters",
    "column_number",
    "parse_area",
    "parse_cell",
    "show_area",
    "show_cell",
    "show_sheet",
]

# A sheet name that needs no quotes: letters, digits, _ and ., not starting with a digit and not looking like a cell.
_PLAIN_SHEET = re.compile(r"[^\W\d][\w.]*\Z")
_LIKE_A_CELL = re.compile(r"(?:[A-Za-z]{1,3}\d+|[Rr]\d*(?:[Cc]\d*)?|[Cc]\d*)\Z")
_AREA = re.compile(
    r"(?:(?:'((?:[^']|'')+)'|([^\s'!:]+))!)?\$?([A-Za-z]{1,3})\$?(\d{1,7})(?::\$?([A-Za-z]{1,3})\$?(\d{1,7}))?\Z"
)


def column_letters(column: int) -> str:
    """`A` for 0, `XFD` for 16383."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """0 for `A`, 16383 for `XFD`, in either case."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def show_sheet(name: str) -> str:
    """A sheet's name as it stands before `!`, quoted where Excel needs it."""
    if _PLAIN_SHEET.match(name) and not _LIKE_A_CELL.match(name) and name.upper() not in ("TRUE", "FALSE"):
        return name
    return "'" + name.replace("'", "''") + "'"


def show_cell(cell: Cell, sheet: bool = True) -> str:
    """`'Layer 1'!C5`, or `C5` without the sheet."""
    address = f"{column_letters(cell.column)}{cell.row + 1}"
    return f"{show_sheet(cell.sheet)}!{address}" if sheet else address


def show_area(area: Area, sheet: bool = True) -> str:
    """`'Layer 1'!B3:C5`; a single cell without the colon."""
    first = show_cell(area.corner, sheet)
    if area.size == 1:
        return first
    return f"{first}:{show_cell(Cell(area.sheet, area.bottom - 1, area.right - 1), sheet=False)}"


def parse_area(text: str, sheet: str | None = None) -> Area:
    """The area that `text` names; `sheet` is used where the text names none.

    Raises InputError for anything else than an address such as `C5`, `B3:C5` or `'Layer 1'!B3:C5`.
    """
    match = _AREA.match(text.strip())
    if not match:
        raise InputError(f"{text!r} is not a cell or area; write it as C5, B3:C5 or 'Layer 1'!B3:C5")
    quoted, plain, left, top, right, bottom = match.groups()
    name = quoted.replace("''", "'") if quoted else plain or sheet
    if name is None:
        raise InputError(f"{text!r} names no sheet; write it as Sheet1!{text}")
    columns = sorted((column_number(left), column_number(right or left)))
    rows = sorted((int(top) - 1, int(bottom or top) - 1))
    if rows[0] < 0 or rows[1] >= MAX_ROWS or columns[1] >= MAX_COLUMNS:
        raise InputError(f"{text!r} lies outside a sheet, which ends at XFD1048576")
    return Area.of(name, rows[0], columns[0], rows[1] - rows[0] + 1, columns[1] - columns[0] + 1)


def parse_cell(text: str, sheet: str | None = None) -> Cell:
    """The one cell that `text` names; InputError otherwise."""
    area = parse_area(text, sheet)
    if area.size != 1:
        raise InputError(f"{text!r} is an area of {area.size} cells; one cell is wanted")
    return area.corner


def area_in(book: Book, text: str, workbook: str) -> Area:
    """The area of `book` that `text` names, without a sheet on the first one; `workbook` is named in messages.

    Raises InputError if `text` is no address or the workbook has no such sheet.
    """
    area = parse_area(text, book.sheets[0].name)
    try:
        sheet = book.sheet(area.sheet).name
    except KeyError:
        hint = did_you_mean(area.sheet, [sheet.name for sheet in book.sheets])
        raise InputError(f"{workbook}: there is no sheet {area.sheet!r}; {hint}") from None
    return Area.of(sheet, area.row, area.column, area.height, area.width)


def cell_in(book: Book, text: str, workbook: str) -> Cell:
    """The one cell of `book` that `text` names; see `area_in`."""
    return area_in(book, show_cell(parse_cell(text, book.sheets[0].name)), workbook).corner

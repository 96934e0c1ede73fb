"""Which areas a formula reads, as far as its text says."""

from __future__ import annotations

from dataclasses import dataclass

from xlparity.formula.ast import (
    AreaReference,
    CellReference,
    Expression,
    External,
    Name,
    TableReference,
    WholeColumns,
    WholeRows,
    children,
)
from xlparity.formula.parse import parse
from xlparity.model.area import Area
from xlparity.model.book import Book, Table
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS

__all__ = ["Read", "precedents", "reads"]


@dataclass(frozen=True, slots=True)
class Read:
    """An area that a formula reads; `fixed` says of its top, left, bottom and right whether copying leaves it there."""

    area: Area
    fixed: tuple[bool, bool, bool, bool] = (True, True, True, True)


def precedents(expression: Expression, sheet: str, book: Book) -> list[Area]:
    """The areas that `expression`, standing on `sheet`, refers to, each once, in the order of the text.

    Defined names and tables are followed; other workbooks, sheets that `book` lacks and what only values decide
    (OFFSET, INDIRECT) are left out. Raises FormulaError for a defined name whose own formula cannot be parsed.
    """
    return list(dict.fromkeys(read.area for read in reads(expression, sheet, book)))


def reads(expression: Expression, sheet: str, book: Book) -> list[Read]:
    """The same with what becomes of each area in a copy of the formula; names and tables stay where they are."""
    found: dict[Read, None] = {}
    todo: list[tuple[Expression, str, bool]] = [(expression, sheet, True)]
    seen: set[str] = set()
    while todo:
        tree, home, moves = todo.pop()
        nodes = [tree]
        while nodes:
            node = nodes.pop()
            match node:
                case External():
                    continue  # cells of another workbook
                case CellReference() | AreaReference() | WholeColumns() | WholeRows():
                    for name in _sheets(node.sheet, node.last_sheet, home, book):
                        found[_read(node, name) if moves else Read(_read(node, name).area)] = None
                    continue
                case Name(name=name) if name.casefold() not in seen:
                    seen.add(name.casefold())
                    # The sheet's own name hides the workbook's.
                    same = [defined for defined in book.names if defined.name.casefold() == name.casefold()]
                    own = [defined for defined in same if defined.sheet == home] or [
                        defined for defined in same if defined.sheet is None
                    ]
                    todo += [(parse(defined.formula), home, False) for defined in own]
                case TableReference(table=name):
                    for table in book.tables:
                        if name is not None and table.name.casefold() == name.casefold():
                            found[Read(_data(table))] = None
                case _:
                    pass
            nodes += reversed(children(node))
    return list(found)


def _sheets(first: str | None, last: str | None, home: str, book: Book) -> list[str]:
    names = [sheet.name for sheet in book.sheets]
    folded = [name.casefold() for name in names]
    try:
        start = folded.index((first or home).casefold())
        stop = start if last is None else folded.index(last.casefold())
    except ValueError:
        return []
    return names[min(start, stop) : max(start, stop) + 1]


def _read(node: CellReference | AreaReference | WholeColumns | WholeRows, sheet: str) -> Read:
    """Top and bottom, left and right in order, each with whether it is absolute."""
    match node:
        case CellReference(row=row, column=column, row_absolute=down, column_absolute=across):
            return Read(Area.of(sheet, row, column), (down, across, down, across))
        case AreaReference(first=first, last=last):
            rows = sorted(((first.row, first.row_absolute), (last.row, last.row_absolute)))
            columns = sorted(((first.column, first.column_absolute), (last.column, last.column_absolute)))
        case WholeColumns():
            rows = [(0, True), (MAX_ROWS - 1, True)]
            columns = sorted(((node.first, node.first_absolute), (node.last, node.last_absolute)))
        case _:
            rows = sorted(((node.first, node.first_absolute), (node.last, node.last_absolute)))
            columns = [(0, True), (MAX_COLUMNS - 1, True)]
    (top, top_fixed), (bottom, bottom_fixed) = rows
    (left, left_fixed), (right, right_fixed) = columns
    area = Area.of(sheet, top, left, bottom - top + 1, right - left + 1)
    return Read(area, (top_fixed, left_fixed, bottom_fixed, right_fixed))


def _data(table: Table) -> Area:
    area = table.area
    height = max(area.height - table.header_rows - table.totals_rows, 1)
    return Area.of(area.sheet, area.row + table.header_rows, area.column, height, area.width)

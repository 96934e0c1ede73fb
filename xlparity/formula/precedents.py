"""Which areas a formula reads, as far as its text says."""

from __future__ import annotations

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

__all__ = ["precedents"]


def precedents(expression: Expression, sheet: str, book: Book) -> list[Area]:
    """The areas that `expression`, standing on `sheet`, refers to, each once, in the order of the text.

    Defined names and tables are followed; other workbooks, sheets that `book` lacks and what only values decide
    (OFFSET, INDIRECT) are left out. Raises FormulaError for a defined name whose own formula cannot be parsed.
    """
    found: dict[Area, None] = {}
    todo: list[tuple[Expression, str]] = [(expression, sheet)]
    seen: set[str] = set()
    while todo:
        tree, home = todo.pop()
        nodes = [tree]
        while nodes:
            node = nodes.pop()
            match node:
                case External():
                    continue  # cells of another workbook
                case CellReference() | AreaReference() | WholeColumns() | WholeRows():
                    for name in _sheets(node.sheet, node.last_sheet, home, book):
                        found[_area(node, name)] = None
                    continue
                case Name(name=name) if name.casefold() not in seen:
                    seen.add(name.casefold())
                    # The sheet's own name hides the workbook's.
                    same = [defined for defined in book.names if defined.name.casefold() == name.casefold()]
                    own = [defined for defined in same if defined.sheet == home] or [
                        defined for defined in same if defined.sheet is None
                    ]
                    todo += [(parse(defined.formula), home) for defined in own]
                case TableReference(table=name):
                    for table in book.tables:
                        if name is not None and table.name.casefold() == name.casefold():
                            found[_data(table)] = None
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


def _area(node: CellReference | AreaReference | WholeColumns | WholeRows, sheet: str) -> Area:
    match node:
        case CellReference(row=row, column=column):
            return Area.of(sheet, row, column)
        case AreaReference(first=first, last=last):
            rows, columns = sorted((first.row, last.row)), sorted((first.column, last.column))
        case WholeColumns(first=left, last=right):
            rows, columns = [0, MAX_ROWS - 1], sorted((left, right))
        case WholeRows(first=top, last=bottom):
            rows, columns = sorted((top, bottom)), [0, MAX_COLUMNS - 1]
    return Area.of(sheet, rows[0], columns[0], rows[1] - rows[0] + 1, columns[1] - columns[0] + 1)


def _data(table: Table) -> Area:
    area = table.area
    height = max(area.height - table.header_rows - table.totals_rows, 1)
    return Area.of(area.sheet, area.row + table.header_rows, area.column, height, area.width)

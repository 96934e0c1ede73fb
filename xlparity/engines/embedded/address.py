"""From references in a formula's text to the cells they mean in a window."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xlparity.engines.embedded.frame import Frame, Window
from xlparity.engines.embedded.operand import Lambda, Operand, Ragged, Reference, Scattered, Union
from xlparity.engines.embedded.store import Axis
from xlparity.formula.ast import AreaReference, CellReference, TableReference, WholeColumns, WholeRows
from xlparity.functions.array import Array
from xlparity.model.book import Table
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS
from xlparity.model.value import Error

__all__ = [
    "AreaNode",
    "Corners",
    "combined",
    "corners",
    "in_table",
    "intersected",
    "placed",
    "plain_name",
    "stored_places",
]

AreaNode: TypeAlias = CellReference | AreaReference | WholeColumns | WholeRows

# The first and last row, then column, of a reference, each with whether it is absolute.
Corners: TypeAlias = tuple[tuple[int, bool], tuple[int, bool], tuple[int, bool], tuple[int, bool]]


def plain_name(name: str) -> str:
    """A variable's name as it is compared: without the prefix that files store, in lower case."""
    name = name.casefold()
    return name.removeprefix("_xlpm.").removeprefix("_xlop.")


def corners(node: AreaNode) -> Corners:
    """First row, last row, first column, last column of the text, each with whether it is absolute."""
    match node:
        case CellReference(row, column, row_absolute, column_absolute):
            return (row, row_absolute), (row, row_absolute), (column, column_absolute), (column, column_absolute)
        case AreaReference(first, last):
            return (
                (first.row, first.row_absolute),
                (last.row, last.row_absolute),
                (first.column, first.column_absolute),
                (last.column, last.column_absolute),
            )
        case WholeColumns(first_column, last_column, first_absolute, last_absolute):
            return (0, True), (MAX_ROWS - 1, True), (first_column, first_absolute), (last_column, last_absolute)
        case WholeRows(first_row, last_row, first_absolute, last_absolute):
            return (first_row, first_absolute), (last_row, last_absolute), (0, True), (MAX_COLUMNS - 1, True)


def _line(  # noqa: PLR0917
    first: tuple[int, bool], last: tuple[int, bool], home: int, start: int, count: int, limit: int, axis: str
) -> tuple[int, int, bool] | None:
    """Start, length and movement of a reference along one axis; None if it lies outside the sheet.

    `home` is the position the text was written for, `start` that of the window, `count` the window's length. A name's
    relative references go around the edge of the sheet, as in Excel: they are written for A1.
    """
    ends = []
    for place, absolute in (first, last):
        moved = place if absolute else place - home + start
        if not 0 <= moved < limit:
            if home:
                return None
            moved %= limit
        ends.append(moved)
    if first[1] != last[1] and count > 1:
        raise Ragged(axis)
    down = not first[1]
    top, bottom = min(ends), max(ends)
    if down and bottom + count > limit:
        raise Ragged(axis)
    return top, bottom - top + 1, down


def placed(node: AreaNode, sheet: int, frame: Frame) -> Reference | None:
    """The cells that `node` means in the frame's window; None outside the sheet."""
    window = frame.window
    first_row, last_row, first_column, last_column = corners(node)
    rows = _line(first_row, last_row, frame.home[0], window.row, window.height, MAX_ROWS, "rows")
    columns = _line(first_column, last_column, frame.home[1], window.column, window.width, MAX_COLUMNS, "columns")
    if rows is None or columns is None:
        return None
    return Reference(sheet, rows[0], columns[0], rows[1], columns[1], rows[2], columns[2])


def stored_places(axis: Axis, numbers: NDArray[Any]) -> NDArray[np.int64]:
    """Where rows (or columns) are stored, -1 where they are not; of any shape."""
    if axis.used is None:
        return np.where((numbers >= 0) & (numbers < axis.size), numbers, -1).astype(np.int64)
    at = np.minimum(np.searchsorted(axis.used, numbers), max(len(axis.used) - 1, 0))
    return np.where(axis.used[at] == numbers, at, -1).astype(np.int64)


def intersected(area: Reference, window: Window) -> Array | Reference:
    """The cell of `area` in the row or column of each cell of the window; #VALUE! if there is none."""
    if area.rows > 1 and area.columns > 1:
        return Array.of_error(Error.VALUE)
    if area.columns == 1:
        inside = _crossing(area.top, area.rows, area.down, window.row, window.height, "rows")
        return Reference(area.sheet, window.row, area.left, 1, 1, True, area.across) if inside else _no_value()
    inside = _crossing(area.left, area.columns, area.across, window.column, window.width, "columns")
    return Reference(area.sheet, area.top, window.column, 1, 1, area.down, True) if inside else _no_value()


def _no_value() -> Array:
    return Array.of_error(Error.VALUE)


def _crossing(  # noqa: PLR0917
    start: int, length: int, moves: bool, window: int, count: int, axis: str
) -> bool:
    """Whether the window's lines lie within the area's; Ragged if some do and some do not."""
    if moves:
        return start <= window < start + length
    inside = start <= window and window + count <= start + length
    if not inside and window < start + length and window + count > start and count > 1:
        raise Ragged(axis)
    return inside


def in_table(node: TableReference, table: Table, sheet: int, window: Window) -> Array | Reference:
    """The cells of a table reference; #VALUE! for `#This Row` outside the table's rows."""
    area = table.area
    columns = {name.casefold(): index for index, name in enumerate(table.columns)}
    left, right = 0, area.width - 1
    if node.first is not None:
        first = columns.get(node.first.casefold())
        last = first if node.last is None else columns.get(node.last.casefold())
        if first is None or last is None:
            return Array.of_error(Error.REF)
        left, right = min(first, last), max(first, last)
    data_top, data_bottom = area.row + table.header_rows, area.bottom - table.totals_rows
    column, width = area.column + left, right - left + 1
    items = set(node.items) or {"#Data"}
    if "#This Row" in items:
        if window.height > 1 and not (data_top <= window.row and window.row + window.height <= data_bottom):
            raise Ragged("rows")
        if not data_top <= window.row < data_bottom:
            return Array.of_error(Error.VALUE)
        return Reference(sheet, window.row, column, 1, width, True, False)
    spans = {
        "#All": (area.row, area.bottom),
        "#Data": (data_top, data_bottom),
        "#Headers": (area.row, data_top),
        "#Totals": (data_bottom, area.bottom),
    }
    chosen = [spans[item] for item in items if spans[item][0] < spans[item][1]]
    if not chosen:
        return Array.of_error(Error.REF)
    top, bottom = min(start for start, _ in chosen), max(end for _, end in chosen)
    return Reference(sheet, top, column, bottom - top, width)


def combined(symbol: str, left: Operand, right: Operand, window: Window) -> Operand:
    """The range (`:`), intersection (a space) or union (`,`) of two references."""
    for operand in (left, right):
        if isinstance(operand, Array):
            return operand if operand.kind is not None else Array.of_error(Error.VALUE)
        if isinstance(operand, Lambda):
            return Array.of_error(Error.VALUE)
    if symbol == ",":
        parts: list[Reference | Scattered] = []
        for operand in (left, right):
            if isinstance(operand, Union):
                parts.extend(operand.parts)
            elif isinstance(operand, Reference | Scattered):
                parts.append(operand)
        return Union(tuple(parts))
    if not isinstance(left, Reference) or not isinstance(right, Reference):
        if window.size > 1:
            raise Ragged("cells")
        return Array.of_error(Error.VALUE)
    if left.down != right.down and window.height > 1:
        raise Ragged("rows")
    if left.across != right.across and window.width > 1:
        raise Ragged("columns")
    if left.sheet != right.sheet:
        return Array.of_error(Error.VALUE if symbol == ":" else Error.NULL)
    low, high = (min, max) if symbol == ":" else (max, min)
    top, start = low(left.top, right.top), low(left.left, right.left)
    rows = high(left.top + left.rows, right.top + right.rows) - top
    columns = high(left.left + left.columns, right.left + right.columns) - start
    if rows < 1 or columns < 1:
        return Array.of_error(Error.NULL)
    return Reference(left.sheet, top, start, rows, columns, left.down, left.across)

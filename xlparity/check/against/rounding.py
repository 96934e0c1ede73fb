"""How far a formula's value in float64 may be from what its text says exactly.

Two formulas that mean the same, `SUM(A1:A3)/3` and `AVERAGE(A1:A3)`, round differently. Each value lies within its own
running error of what both say exactly (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.3),
so that the two are no further apart than the sum of both errors. The error is computed beside the value, operation by
operation, for all cells of a window at once; the value is held against the engine's, and where they differ, or a
function has no rule here, no bound is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from xlparity.check.against.functions import FUNCTIONS, Known, NoBound, Roundings
from xlparity.check.formulas import FormulaIndex
from xlparity.errors import FormulaError
from xlparity.formula import ast
from xlparity.formula.ast import Expression
from xlparity.formula.parse import parse
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, FillKind
from xlparity.model.cell import Cell
from xlparity.model.engine import Slack
from xlparity.model.value import Kind, Values

__all__ = ["RunningError"]

Array = NDArray[np.float64]

_NONE = Slack()
_MARGIN = 1 + 2.0**-40  # what the computation of the radii itself may lose, generously
_SMALLEST = 2.0**-1022  # below, float64 loses precision
_MOST_ELEMENTS = 1 << 22  # of an operand over all cells of a window
_MOST_CELLS = 20_000_000  # of a sheet's rectangle; beyond, no bounds are computed
_REFERENCES = (ast.CellReference, ast.AreaReference, ast.WholeColumns, ast.WholeRows)


class _Ragged(Exception):
    """The cells of the window read areas of different sizes, or too large ones: it has to be divided."""


@dataclass(slots=True)
class _Sheet:
    """The cells of one sheet from A1 on, dense; `ready` where the radius is known."""

    kind: NDArray[np.uint8]
    value: Array
    gives: Array
    radius: Array
    ready: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Frame:
    """For which cells an expression is evaluated: `window`, its text written for the cell `home`."""

    sheet: str
    home: tuple[int, int]
    window: Area


class RunningError:
    """The running errors of one workbook's formulas, on given values of the cells.

    Parameters
    ----------
    book, index
        The workbook and its formulas.
    values
        What the cells' own formulas give.
    given
        Numbers that stand in for an area's values in whatever reads them, NaN where there are none, or booleans.
    radii
        How far the exact operands may be from these values, by area; cells of no area here are exact if they are
        constants, and as far off as their own formula's running error if they are formulas.
    slack
        How far the engine's values may be off: the numbers that formulas read by that part of their size, sums by that
        share of their terms.
    """

    def __init__(
        self, book: Book, index: FormulaIndex, values: Values, given: Mapping[Area, Array], radii: Mapping[Area, Array],
        slack: Slack = _NONE,
    ) -> None:  # fmt: skip
        self._book, self._index = book, index
        self._values, self._given, self._radii = values, given, radii
        self._rules, self._share = Roundings(slack.cancellation), slack.relative
        self._sheets: dict[str, _Sheet | None] = {}
        self._names = {sheet.name.casefold(): sheet.name for sheet in book.sheets}
        self._open: set[Area] = set()

    def of(self, fill: Fill, window: Area) -> Array:
        """The radius of each cell of `window`, which lies in the fill: (rows, columns), NaN where none is known."""
        try:
            found = self._evaluated(fill, window)
        except RecursionError:
            found = None
        if found is None:
            return np.full((window.height, window.width), np.nan)
        value, radius = found
        sheet = self._sheet(window.sheet)
        gives = sheet.gives[window.row : window.bottom, window.column : window.right]
        radius = radius * _MARGIN + _SMALLEST
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(np.isfinite(radius) & (np.abs(value - gives) <= radius), radius, np.nan))

    def of_text(self, text: str, cell: Cell) -> tuple[float, float] | None:
        """Value and radius of a formula that would stand in `cell`; None where no bound is known."""
        try:
            found = self._evaluated(Fill(Area(cell, 1, 1), text), Area(cell, 1, 1))
        except RecursionError:
            return None
        if found is None:
            return None
        value, radius = float(found[0][0, 0]), float(found[1][0, 0]) * _MARGIN + _SMALLEST
        return (value, radius) if np.isfinite(value) and np.isfinite(radius) else None

    def _evaluated(self, fill: Fill, window: Area) -> tuple[Array, Array] | None:
        expression = _parsed(fill.formula)
        if expression is None:
            return None
        whole = fill.kind is not FillKind.COPIED
        corner = fill.area.corner
        at = Area(corner, 1, 1) if whole else window
        try:
            with np.errstate(all="ignore"):
                found = self._value(expression, _Frame(window.sheet, (corner.row, corner.column), at))
        except _Ragged:
            return None if at.size == 1 else self._in_parts(fill, window)
        except NoBound:
            return None
        shape = (fill.area.height, fill.area.width)
        if found.value.shape[2:] != (1, 1) and not (whole and found.value.shape[2:] == shape):
            return None
        if not whole:
            value, radius = found.value[:, :, 0, 0], found.radius[:, :, 0, 0]
            return tuple(np.broadcast_to(one, (window.height, window.width)) for one in (value, radius))  # type: ignore[return-value]
        value, radius = (np.broadcast_to(one[0, 0], shape) for one in (found.value, found.radius))
        inside = (
            slice(window.row - fill.area.row, window.bottom - fill.area.row),
            slice(window.column - fill.area.column, window.right - fill.area.column),
        )
        return value[inside], radius[inside]

    def _in_parts(self, fill: Fill, window: Area) -> tuple[Array, Array]:
        axis = 0 if window.height > 1 else 1
        half = (window.height if axis == 0 else window.width) // 2
        if axis == 0:
            parts = [
                Area(window.corner, half, window.width),
                Area(window.corner.moved(half, 0), window.height - half, window.width),
            ]
        else:
            parts = [
                Area(window.corner, window.height, half),
                Area(window.corner.moved(0, half), window.height, window.width - half),
            ]
        found = []
        for part in parts:
            one = self._evaluated(fill, part)
            nothing = np.full((part.height, part.width), np.nan)
            found.append((nothing, nothing) if one is None else one)
        return np.concatenate([one[0] for one in found], axis), np.concatenate([one[1] for one in found], axis)

    # -- expressions ----------------------------------------------------------------------------------------------

    def _value(self, node: Expression, frame: _Frame) -> Known:
        match node:
            case ast.Number(value):
                return self._rules.literal(value)
            case ast.Boolean(value):
                return self._rules.exact(float(value))
            case ast.CellReference() | ast.AreaReference() | ast.WholeColumns() | ast.WholeRows():
                return self._read(node, frame)
            case ast.Name(name=name):
                return self._value(self._named(name, frame), frame)
            case ast.Unary("-", operand):
                return self._rules.negated(self._value(operand, frame))
            case ast.Unary("+", operand):
                return self._value(operand, frame)
            case ast.Percent(operand):
                return self._rules.binary("/", self._value(operand, frame), self._rules.exact(100.0))
            case ast.Binary():
                return self._binary(node, frame)
            case ast.Call(name, arguments):
                return self._call(name.upper(), arguments, frame)
            case _:
                raise NoBound

    def _binary(self, node: ast.Binary, frame: _Frame) -> Known:
        spine = [node]
        while isinstance(spine[-1].left, ast.Binary):
            spine.append(spine[-1].left)
        result = self._value(spine[-1].left, frame)
        for part in reversed(spine):
            right = self._value(part.right, frame)
            _fits((result, right))
            result = self._rules.binary(part.operator, result, right)
        return result

    def _call(self, name: str, arguments: Sequence[Expression], frame: _Frame) -> Known:
        if name in ("ROW", "COLUMN") and not arguments:
            start, count = (
                (frame.window.row, frame.window.height) if name == "ROW" else (frame.window.column, frame.window.width)
            )
            numbers = np.arange(start + 1, start + count + 1, dtype=np.float64)
            return self._rules.exact(numbers.reshape((-1, 1, 1, 1) if name == "ROW" else (1, -1, 1, 1)))
        rule = FUNCTIONS.get(name)
        if rule is None:
            raise NoBound
        operands = [self._value(argument, frame) for argument in arguments]
        _fits(operands)
        return rule(self._rules, operands)

    def _named(self, name: str, frame: _Frame) -> Expression:
        for defined in self._book.names:
            if defined.name.casefold() == name.casefold() and defined.sheet in (None, frame.sheet):
                expression = _parsed(defined.formula)
                if expression is not None and all(map(_is_absolute, ast.walk(expression))):
                    return expression
        raise NoBound

    # -- cells ----------------------------------------------------------------------------------------------------

    def _read(self, node: Expression, frame: _Frame) -> Known:
        assert isinstance(node, _REFERENCES)
        name = self._names.get((node.sheet or frame.sheet).casefold())
        if name is None or node.last_sheet is not None:
            raise NoBound
        sheet = self._sheet(name)
        window, home = frame.window, frame.home
        match node:
            case ast.CellReference(row, column, row_fixed, column_fixed):
                rows, columns = (row, row, row_fixed, row_fixed), (column, column, column_fixed, column_fixed)
            case ast.AreaReference(first, last):
                rows = (first.row, last.row, first.row_absolute, last.row_absolute)
                columns = (first.column, last.column, first.column_absolute, last.column_absolute)
            case ast.WholeColumns(left, right, left_fixed, right_fixed):
                rows, columns = (0, max(sheet.kind.shape[0] - 1, 0), True, True), (left, right, left_fixed, right_fixed)
            case _:
                rows = (node.first, node.last, node.first_absolute, node.last_absolute)
                columns = (0, max(sheet.kind.shape[1] - 1, 0), True, True)
        top, height, down = _line(*rows, home[0], window.row, window.height)
        left, width, across = _line(*columns, home[1], window.column, window.width)
        if height * width * (window.height if down else 1) * (window.width if across else 1) > _MOST_ELEMENTS:
            raise _Ragged
        whole = Area.of(
            name, top, left, height + (window.height - 1 if down else 0), width + (window.width - 1 if across else 0)
        )
        self._make_ready(whole, sheet)
        kind, value, radius = (_cut(part, whole) for part in (sheet.kind, sheet.value, sheet.radius))
        kind, value, radius = (sliding_window_view(part, (height, width)) for part in (kind, value, radius))
        number = kind == Kind.NUMBER
        if number.all():
            return Known(value, radius)
        bad = (kind == Kind.TEXT) | (kind >= Kind.ERROR)
        # A text is left out by sums, an error is not: it spoils them.
        return Known(
            np.where(bad, np.nan, np.where(kind == Kind.BLANK, 0.0, value)), radius, number | (kind >= Kind.ERROR)
        )

    def _sheet(self, name: str) -> _Sheet:
        if name not in self._sheets:
            self._sheets[name] = self._entered(name)
        found = self._sheets[name]
        if found is None:
            raise NoBound
        return found

    def _entered(self, name: str) -> _Sheet | None:
        book = self._book.sheet(name)
        bottom = max([int(book.constants.row.max(initial=0)) + 1, *(fill.area.bottom for fill in book.fills)])
        right = max([int(book.constants.column.max(initial=0)) + 1, *(fill.area.right for fill in book.fills)])
        if bottom * right > _MOST_CELLS:
            return None
        grid = self._values.grid(Area.of(name, 0, 0, bottom, right))
        ready = np.ones((bottom, right), bool)
        for fill in book.fills:
            ready[fill.area.row : fill.area.bottom, fill.area.column : fill.area.right] = False
        gives = np.where(grid.kind == Kind.NUMBER, grid.number, np.nan)
        sheet = _Sheet(grid.kind.copy(), grid.number.copy(), gives, np.zeros((bottom, right)), ready)
        for area, numbers in self._given.items():
            if area.sheet == name:
                place = slice(area.row, area.bottom), slice(area.column, area.right)
                there = ~np.isnan(numbers)
                kind = Kind.BOOLEAN if numbers.dtype == np.bool_ else Kind.NUMBER
                sheet.value[place][there], sheet.kind[place][there] = numbers[there], kind
                sheet.ready[place] = True
        if self._share:
            sheet.radius[...] = np.where(sheet.kind == Kind.NUMBER, self._share * np.abs(sheet.value), 0.0)
        for area, radius in self._radii.items():
            if area.sheet == name:
                sheet.radius[area.row : area.bottom, area.column : area.right] = radius
        return sheet

    def _make_ready(self, area: Area, sheet: _Sheet) -> None:
        """Compute the radii of the formula cells in `area` that stand between the given ones."""
        if sheet.ready[area.row : area.bottom, area.column : area.right].all():
            return
        for fill in self._index.fills_in(area):
            place = slice(fill.area.row, fill.area.bottom), slice(fill.area.column, fill.area.right)
            waiting = ~sheet.ready[place]
            if not waiting.any():
                continue
            if fill.area in self._open:  # it reads itself
                raise NoBound
            self._open.add(fill.area)
            radius = self.of(fill, fill.area)
            self._open.discard(fill.area)
            sheet.radius[place][waiting] = radius[waiting]
            sheet.ready[place] = True


def _line(
    first: int, last: int, first_fixed: bool, last_fixed: bool, home: int, start: int, count: int
) -> tuple[int, int, bool]:
    """Of rows or columns: where they begin for the window's first cell, how many they are, whether they move along."""
    if first_fixed != last_fixed and count > 1:
        raise _Ragged
    ends = sorted((first if first_fixed else first - home + start, last if last_fixed else last - home + start))
    return ends[0], ends[1] - ends[0] + 1, not first_fixed


def _cut(array: NDArray[Any], area: Area) -> NDArray[Any]:
    """The part of `array` that `area` is, blank beyond the array's end."""
    part = array[area.row : area.bottom, area.column : area.right]
    missing = area.height - part.shape[0], area.width - part.shape[1]
    return np.pad(part, ((0, missing[0]), (0, missing[1]))) if any(missing) else part


def _fits(operands: Iterable[Known]) -> None:
    try:
        shape = np.broadcast_shapes(*(one.value.shape for one in operands))
    except ValueError:
        return  # ranges that stand beside each other: the function's own matter
    if np.prod(shape) > _MOST_ELEMENTS:
        raise _Ragged


@lru_cache(maxsize=1 << 14)
def _parsed(text: str) -> Expression | None:
    try:
        return parse(text)
    except FormulaError:
        return None


def _is_absolute(node: Expression) -> bool:
    match node:
        case ast.CellReference(row_absolute=row, column_absolute=column):
            return row and column
        case ast.AreaReference(first, last):
            return _is_absolute(first) and _is_absolute(last)
        case ast.WholeColumns() | ast.WholeRows():
            return node.first_absolute and node.last_absolute
        case _:
            return True

"""A formula for one cell at a time, in plain Python floats.

A recurrence down 50,000 rows is 50,000 windows of one cell, for which tensors are slow. The formulas that are common in
recurrences are compiled to closures here. They know numbers and empty cells only: whatever else comes up (an error, a
text, an overflow, two numbers that differ in the last digits only) raises `NotPlain`, and the window is evaluated as
any other. So there is one place that decides about Excel's rules, and this is a shortcut for cases that need none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xlparity.engines.embedded.store import Grid, Store
from xlparity.engines.embedded.workbook import Formula, Workbook
from xlparity.formula import ast
from xlparity.formula.ast import Expression
from xlparity.model.value import Kind

__all__ = ["NotPlain", "Quick", "quick"]


class NotPlain(Exception):
    """The cell needs the general way."""


Quick: TypeAlias = Callable[[int, int], float]
_Truth: TypeAlias = Callable[[int, int], bool]

_NUMBER = int(Kind.NUMBER)
_ERROR = int(Kind.ERROR)


def quick(workbook: Workbook, store: Store, formula: Formula) -> Quick | None:
    """The number of the fill's cell (row, column); None if the formula is not of the simple kind.

    Its values are those of `math`, which differ from torch's by at most an ulp or two in EXP, LN and TANH.
    """
    if formula.expression is None or store.batch > 1:
        return None
    if sum(1 for _ in ast.walk(formula.expression)) > 200:
        return None
    return _Compiler(workbook, store, formula).number(formula.expression)


class _Compiler:
    def __init__(self, workbook: Workbook, store: Store, formula: Formula) -> None:
        self.workbook = workbook
        self.store = store
        self.sheet = formula.sheet
        self.home = (formula.area.row, formula.area.column)

    def number(self, node: Expression) -> Quick | None:
        match node:
            case ast.Number(value):
                return lambda _row, _column: value
            case ast.CellReference(last_sheet=None):
                return self.cell(node)
            case ast.Unary("-", operand):
                inner = self.number(operand)
                return None if inner is None else _applied(lambda value: -value, inner)
            case ast.Binary(operator, left, right) if operator in _ARITHMETIC:
                one, two = self.number(left), self.number(right)
                if one is None or two is None:
                    return None
                return _ARITHMETIC[operator](one, two)
            case ast.Call("IF", (condition, yes, no)):
                truth, one, two = self.truth(condition), self.number(yes), self.number(no)
                if truth is None or one is None or two is None:
                    return None
                return lambda row, column: one(row, column) if truth(row, column) else two(row, column)
            case ast.Call(name, (argument,)) if name in _FUNCTIONS:
                inner = self.number(argument)
                return None if inner is None else _applied(_FUNCTIONS[name], inner)
            case ast.Call(name, arguments) if name in _AGGREGATES and arguments:
                return self.aggregate(name, arguments)
        return None

    def truth(self, node: Expression) -> _Truth | None:
        if not isinstance(node, ast.Binary) or node.operator not in _COMPARISONS:
            return None
        one, two = self.number(node.left), self.number(node.right)
        if one is None or two is None:
            return None
        compare = _COMPARISONS[node.operator]

        def truth(row: int, column: int) -> bool:
            left, right = one(row, column), two(row, column)
            if left != right and abs(left - right) <= 1e-13 * max(abs(left), abs(right)):
                raise NotPlain  # Excel compares 15 digits
            return compare(left, right)

        return truth

    def grid(self, sheet: str | None) -> Grid | None:
        place = self.sheet if sheet is None else self.workbook.sheet(sheet)
        if place is None:
            return None
        grid = self.store.grids[place]
        return None if grid.rows.used is not None or not grid.number.numel() else grid

    def cell(self, node: ast.CellReference) -> Quick | None:
        grid = self.grid(node.sheet)
        if grid is None:
            return None
        numbers, kinds = grid.number[0].numpy().item, grid.kind[0].numpy().item
        height, width = grid.rows.size, grid.columns.size
        row_step, column_step = 0 if node.row_absolute else 1, 0 if node.column_absolute else 1
        down = node.row - row_step * self.home[0]
        across = node.column - column_step * self.home[1]

        def read(row: int, column: int) -> float:
            row, column = row_step * row + down, column_step * column + across
            if not (0 <= row < height and 0 <= column < width) or kinds(row, column) > _NUMBER:
                raise NotPlain
            number: float = numbers(row, column)
            return number

        return read

    def aggregate(self, name: str, arguments: tuple[Expression, ...]) -> Quick | None:
        parts: list[Callable[[int, int], NDArray[np.float64] | float]] = []
        for argument in arguments:
            part: Callable[[int, int], Any] | None
            if isinstance(argument, ast.AreaReference) and argument.last_sheet is None:
                part = self.area(argument)
            elif isinstance(argument, ast.CellReference):
                # A reference to an empty cell does not count, a number does.
                part = self.area(ast.AreaReference(argument, argument, argument.sheet, argument.last_sheet))
            else:
                part = self.number(argument)
            if part is None:
                return None
            parts.append(part)
        reduce = _AGGREGATES[name]

        def value(row: int, column: int) -> float:
            results = []
            for part in parts:
                found = part(row, column)
                if isinstance(found, float):
                    results.append(found)
                elif found.size:
                    results.append(float(reduce(found)))
            if not results:
                return 0.0
            return _finite(float(reduce(results)) if len(results) > 1 else results[0])

        return value

    def area(self, node: ast.AreaReference) -> Callable[[int, int], NDArray[np.float64]] | None:
        grid = self.grid(node.sheet)
        if grid is None:
            return None
        numbers, kinds = grid.number[0].numpy(), grid.kind[0].numpy()
        ends = [
            (0 if absolute else 1, place - (0 if absolute else self.home[axis]))
            for axis, place, absolute in (
                (0, node.first.row, node.first.row_absolute),
                (0, node.last.row, node.last.row_absolute),
                (1, node.first.column, node.first.column_absolute),
                (1, node.last.column, node.last.column_absolute),
            )
        ]
        (a, top), (b, bottom), (c, left), (d, right) = ends

        def read(row: int, column: int) -> NDArray[np.float64]:
            first, last, start, end = a * row + top, b * row + bottom, c * column + left, d * column + right
            if first > last or start > end or first < 0 or start < 0:
                raise NotPlain
            place = (slice(first, last + 1), slice(start, end + 1))
            kind, number = kinds[place], numbers[place]
            least, most = int(kind.min(initial=0)), int(kind.max(initial=0))
            if most >= _ERROR:
                raise NotPlain
            if most <= _NUMBER and least == _NUMBER:
                return number
            found: NDArray[np.float64] = number[kind == _NUMBER]
            return found

        return read


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise NotPlain
    return value


def _add(one: Quick, two: Quick) -> Quick:
    return lambda row, column: _finite(one(row, column) + two(row, column))


def _subtract(one: Quick, two: Quick) -> Quick:
    return lambda row, column: _finite(one(row, column) - two(row, column))


def _multiply(one: Quick, two: Quick) -> Quick:
    return lambda row, column: _finite(one(row, column) * two(row, column))


def _divide(one: Quick, two: Quick) -> Quick:
    def divide(row: int, column: int) -> float:
        left, right = one(row, column), two(row, column)
        if right == 0.0:
            raise NotPlain
        return _finite(left / right)

    return divide


def _applied(function: Callable[[float], float], inner: Quick) -> Quick:
    def apply(row: int, column: int) -> float:
        try:
            return function(inner(row, column))
        except (ValueError, OverflowError):
            raise NotPlain from None

    return apply


_ARITHMETIC: dict[str, Callable[[Quick, Quick], Quick]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "SQRT": math.sqrt,
    "EXP": math.exp,
    "LN": math.log,
    "TANH": math.tanh,
}
_AGGREGATES: dict[str, Callable[[Any], Any]] = {"SUM": np.sum, "MAX": np.max, "MIN": np.min}

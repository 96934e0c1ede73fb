"""Formulas one edit away: what a slip of the hand makes of a formula, and what mends one.

The edits are the published operators for mutating spreadsheets (Abraham and Erwig, "Mutation Operators for
Spreadsheets", IEEE Transactions on Software Engineering 35, 2009): references replaced, ranges shrunk, extended and
shifted, operators, constants and functions replaced, operands removed, signs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import isfinite

from xlparity.formula.ast import (
    AreaReference,
    Binary,
    Call,
    CellReference,
    Expression,
    Number,
    Percent,
    Unary,
    walk,
)
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS

__all__ = ["additions", "everywhere", "replacements", "single_edits"]

_Edits = Callable[[Expression], Iterator[Expression]]

_ARITHMETIC = ("+", "-", "*", "/", "^")
_COMPARISONS = ("<", "<=", ">", ">=", "=", "<>")
_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))
# Functions that are taken for one another.
_FAMILIES = (
    ("SUM", "AVERAGE", "MAX", "MIN", "PRODUCT", "SUMSQ", "COUNT", "DEVSQ"),
    ("SUMPRODUCT", "SUM", "SUMXMY2", "SUMX2MY2", "SUMX2PY2"),
    ("ABS", "EXP", "LN", "SQRT", "TANH", "SIGN", "LOG10", "INT", "SIN", "COS"),
    ("VAR", "VARP", "STDEV", "STDEVP", "DEVSQ"),
    ("VAR.S", "VAR.P", "STDEV.S", "STDEV.P"),
    ("ROW", "COLUMN"),
    ("ROWS", "COLUMNS"),
)


def single_edits(expression: Expression) -> Iterator[Expression]:
    """All expressions that differ from `expression` in one place, the likeliest slips (references) first."""
    yield from everywhere(expression, _moved)
    yield from everywhere(expression, _changed)


def replacements(expression: Expression, references: Sequence[CellReference | Number]) -> Iterator[Expression]:
    """`expression` with one of its references to a cell, or its numbers, replaced by one of `references`."""

    def replaced(node: Expression) -> Iterator[Expression]:
        if isinstance(node, CellReference | Number):
            yield from (other for other in references if other != node)

    yield from everywhere(expression, replaced)


def additions(expression: Expression, references: Sequence[CellReference]) -> Iterator[Expression]:
    """`expression` with something left out put back: a sign, a square, a factor of 2, a ReLU, one of `references`."""
    yield Unary("-", expression)
    yield Binary("^", expression, Number(2.0))
    yield Binary("*", Number(2.0), expression)
    yield Binary("/", expression, Number(2.0))
    yield Call("MAX", (expression, Number(0.0)))
    yield Call("SQRT", (expression,))
    yield Binary("-", Number(1.0), expression)
    for operator in ("+", "*", "-", "/"):
        yield from (Binary(operator, expression, other) for other in references)
    used = {(node.sheet, node.row, node.column) for node in walk(expression) if isinstance(node, CellReference)}

    def multiplied(node: Expression) -> Iterator[Expression]:
        if isinstance(node, CellReference):
            new = (other for other in references if (other.sheet, other.row, other.column) not in used)
            yield from (Binary("*", node, other) for other in new)

    yield from everywhere(expression, multiplied)


def everywhere(expression: Expression, edits: _Edits) -> Iterator[Expression]:
    """`expression` with one node replaced by what `edits` makes of it, from the root down."""
    spine: list[Binary] = []  # a sum of thousands of terms is that deep on its left side, so loop there
    node = expression
    while isinstance(node, Binary):
        yield from (_in_place(spine, edited) for edited in edits(node))
        spine.append(node)
        node = node.left
    yield from (_in_place(spine, edited) for edited in _inside(node, edits))
    while spine:
        parent = spine.pop()
        for edited in everywhere(parent.right, edits):
            yield _in_place(spine, replace(parent, right=edited))


def _in_place(spine: Sequence[Binary], node: Expression) -> Expression:
    """`node` as the left operand of the last of `spine`, that of the one before, and so on."""
    for parent in reversed(spine):
        node = replace(parent, left=node)
    return node


def _inside(expression: Expression, edits: _Edits) -> Iterator[Expression]:
    """`everywhere` for all that is no binary operator."""
    yield from edits(expression)
    match expression:
        case Unary(_, operand) | Percent(operand):
            yield from (replace(expression, operand=edited) for edited in everywhere(operand, edits))
        case Call(_, arguments):
            for at, argument in enumerate(arguments):
                for edited in everywhere(argument, edits):
                    yield replace(expression, arguments=(*arguments[:at], edited, *arguments[at + 1 :]))
        case _:
            return


def _moved(node: Expression) -> Iterator[Expression]:
    """References one row or column off, ranges one cell longer, shorter or further."""
    match node:
        case CellReference():
            yield from _neighbours(node)
        case AreaReference(first, last):
            for corner in _neighbours(last):
                yield replace(node, last=corner)
            for corner in _neighbours(first):
                yield replace(node, first=corner)
            for (row, column), start in zip(_STEPS, _shifted(first), strict=True):
                end = _shift(last, row, column)
                if start is not None and end is not None:
                    yield replace(node, first=start, last=end)


def _changed(node: Expression) -> Iterator[Expression]:
    """Operators, numbers and functions replaced, operands and signs removed."""
    match node:
        case Binary(operator, left, right) if operator in _ARITHMETIC:
            for other in _ARITHMETIC:
                if other != operator:
                    yield replace(node, operator=other)
            if operator in ("-", "/", "^"):
                yield replace(node, left=right, right=left)
            yield left
            yield right
        case Binary(operator) if operator in _COMPARISONS:
            for other in _COMPARISONS:
                if other != operator:
                    yield replace(node, operator=other)
        case Unary("-", operand) | Percent(operand):
            yield operand
            return
        case Number(value):
            for other_value in (value + 1, value - 1, 2 * value, value / 2, 10 * value, value / 10, 0.0, 1.0, 2.0):
                if other_value >= 0 and other_value != value and isfinite(other_value):
                    yield Number(other_value)
        case Call(name, arguments):
            for family in _FAMILIES:
                if name in family:
                    yield from (replace(node, name=other) for other in family if other != name)
            if len(arguments) > 1:
                for at, argument in enumerate(arguments):
                    yield replace(node, arguments=(*arguments[:at], *arguments[at + 1 :]))
                    yield argument
            elif arguments:
                yield arguments[0]
            if name == "ABS" and len(arguments) == 1:
                yield Call("MAX", (arguments[0], Number(0.0)))
    if isinstance(node, Binary | Call | CellReference | Number):
        yield Unary("-", node)


def _shift(node: CellReference, row: int, column: int) -> CellReference | None:
    inside = 0 <= node.row + row < MAX_ROWS and 0 <= node.column + column < MAX_COLUMNS
    return replace(node, row=node.row + row, column=node.column + column) if inside else None


def _shifted(node: CellReference) -> list[CellReference | None]:
    return [_shift(node, row, column) for row, column in _STEPS]


def _neighbours(node: CellReference) -> Iterator[CellReference]:
    yield from (moved for moved in _shifted(node) if moved is not None)

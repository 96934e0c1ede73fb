"""A syntax tree to its formula's text, as .xlsx files store it, with the fewest brackets.

For every tree that `parse.parse` returns, `parse(show(tree)) == tree`.
"""

from __future__ import annotations

import re

from xlparity.formula.a1 import column_letters, show_sheet
from xlparity.formula.ast import (
    AreaReference,
    ArrayConstant,
    Binary,
    Boolean,
    Call,
    CellReference,
    ErrorLiteral,
    Expression,
    External,
    Invoke,
    Missing,
    Name,
    Number,
    Percent,
    SpillReference,
    TableReference,
    Text,
    Unary,
    WholeColumns,
    WholeRows,
)
from xlparity.model.value import ERROR_TEXTS, Error

__all__ = ["show", "show_number"]

_PRECEDENCE = {"=": 1, "<>": 1, "<": 1, "<=": 1, ">": 1, ">=": 1, "&": 2, "+": 3, "-": 3, "*": 4, "/": 4, "^": 5}
_PERCENT, _SIGNED, _INTERSECTION, _RANGE, _PRIMARY = 6, 7, 8, 9, 10


def show(expression: Expression) -> str:
    """The text of `expression`, without `=`.

    Examples
    --------
    >>> show(Binary("*", Binary("+", Number(1.0), Number(2.0)), Number(3.0)))
    '(1+2)*3'
    """
    return _show(expression, 0)


def show_number(value: float) -> str:
    """`value` with the fewest digits that read back as the same float64."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value).replace("e", "E")


def _show(expression: Expression, least: int) -> str:
    """The text, in brackets if `expression` binds less tightly than `least`."""
    match expression:
        case Binary():
            text, precedence = _binary(expression)
        case Unary("@", operand):
            return f"_xlfn.SINGLE({_show(operand, 0)})"
        case Unary(sign, operand):
            text, precedence = sign + _show(operand, _SIGNED), _SIGNED
        case Percent(operand):
            text, precedence = _show(operand, _PERCENT) + "%", _PERCENT
        case _:
            return _primary(expression)
    return text if precedence >= least else f"({text})"


def _binary(expression: Binary) -> tuple[str, int]:
    """The text and how tightly it binds; loops down the left side, which may be thousands of operators deep."""
    parts: list[str] = []
    operator = expression.operator
    left: Expression = expression
    if operator == ",":
        while isinstance(left, Binary) and left.operator == ",":
            parts.append(_show(left.right, 0))
            left = left.left
        parts.append(_show(left, 0))
        return "(" + ",".join(reversed(parts)) + ")", _PRIMARY
    if operator == ":":
        while isinstance(left, Binary) and left.operator == ":":
            last = left.right
            # (A1):B2 keeps its brackets, since A1:B2 is one area; brackets too where a name could be read as a column.
            right_plain = isinstance(last, CellReference | Call)
            parts.append(":" + (_primary(last) if right_plain else f"({_show(last, 0)})"))
            left = left.left
        first_right = parts[-1]
        if isinstance(left, Call | AreaReference) or (isinstance(left, CellReference) and first_right.endswith(")")):
            parts.append(_primary(left))
        else:
            parts.append(f"({_show(left, 0)})")
        return "".join(reversed(parts)), _RANGE
    if operator == " ":
        while isinstance(left, Binary) and left.operator == " ":
            parts.append(" " + _reference(left.right))
            left = left.left
        parts.append(_reference(left))
        return "".join(reversed(parts)), _INTERSECTION
    precedence = outer = _PRECEDENCE[operator]
    while isinstance(left, Binary) and _PRECEDENCE.get(left.operator, _PRIMARY) >= precedence:
        if left.operator not in _PRECEDENCE:
            break
        precedence = _PRECEDENCE[left.operator]
        parts.append(left.operator + _show(left.right, precedence + 1))
        left = left.left
    parts.append(_show(left, precedence))
    return "".join(reversed(parts)), outer


def _reference(expression: Expression) -> str:
    """An operand of the intersection."""
    plain = (CellReference, AreaReference, WholeColumns, WholeRows, Name, TableReference, Call)
    if isinstance(expression, plain) or (isinstance(expression, Binary) and expression.operator in ":,"):
        return _show(expression, _RANGE)
    return f"({_show(expression, 0)})"


def _primary(expression: Expression) -> str:
    match expression:
        case Number(value):
            return show_number(value)
        case Text(value):
            return '"' + value.replace('"', '""') + '"'
        case Boolean(value):
            return "TRUE" if value else "FALSE"
        case ErrorLiteral(error):
            return ERROR_TEXTS[error]
        case Missing():
            return ""
        case ArrayConstant(rows):
            return "{" + ";".join(",".join(_constant(value) for value in row) for row in rows) + "}"
        case CellReference():
            return _sheets(expression.sheet, expression.last_sheet) + _cell(expression)
        case AreaReference(first, last, sheet, last_sheet):
            return f"{_sheets(sheet, last_sheet)}{_cell(first)}:{_cell(last)}"
        case WholeColumns(first_column, last_column, first_absolute, last_absolute, sheet, last_sheet):
            left = "$" * first_absolute + column_letters(first_column)
            right = "$" * last_absolute + column_letters(last_column)
            return f"{_sheets(sheet, last_sheet)}{left}:{right}"
        case WholeRows(first_row, last_row, first_absolute, last_absolute, sheet, last_sheet):
            top, bottom = "$" * first_absolute + str(first_row + 1), "$" * last_absolute + str(last_row + 1)
            return f"{_sheets(sheet, last_sheet)}{top}:{bottom}"
        case Name(name, sheet):
            return _sheets(sheet, None) + name
        case TableReference():
            return _table(expression)
        case SpillReference(anchor):
            return f"_xlfn.ANCHORARRAY({_show(anchor, 0)})"
        case External(book, reference):
            return _external(book, reference)
        case Call(name, arguments, prefix):
            return f"{prefix}{name}({_arguments(arguments)})"
        case _:
            assert isinstance(expression, Invoke)  # operators are shown by `_show`
            function = expression.function
            shown = _primary(function) if isinstance(function, Call | Invoke) else f"({_show(function, 0)})"
            return f"{shown}({_arguments(expression.arguments)})"


def _arguments(arguments: tuple[Expression, ...]) -> str:
    return ",".join(_show(argument, 0) for argument in arguments)


def _constant(value: float | str | bool | Error) -> str:
    if isinstance(value, Error):
        return ERROR_TEXTS[value]
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return show_number(value)


def _sheets(sheet: str | None, last_sheet: str | None) -> str:
    if sheet is None:
        return ""
    if last_sheet is None:
        return show_sheet(sheet) + "!"
    if show_sheet(sheet) == sheet and show_sheet(last_sheet) == last_sheet:
        return f"{sheet}:{last_sheet}!"
    joined = f"{sheet}:{last_sheet}".replace("'", "''")
    return f"'{joined}'!"


def _cell(cell: CellReference) -> str:
    column = "$" * cell.column_absolute + column_letters(cell.column)
    return f"{column}{'$' * cell.row_absolute}{cell.row + 1}"


def _table(reference: TableReference) -> str:
    def escaped(name: str) -> str:
        return "[" + re.sub(r"(['\[\]#@])", r"'\1", name) + "]"

    table = reference.table or ""
    columns = [escaped(name) for name in (reference.first, reference.last) if name is not None]
    items = [f"[{item}]" for item in reference.items]
    if len(columns) + len(items) == 1:
        return table + (columns or items)[0]
    parts = items + ([":".join(columns)] if columns else [])
    return f"{table}[{','.join(parts)}]"


def _external(book: str, reference: Expression) -> str:
    shown = _primary(reference)
    if "!" in shown and not isinstance(reference, ErrorLiteral):
        sheet, rest = shown.rsplit("!", 1)
        bare = sheet[1:-1] if sheet.startswith("'") else sheet
        plain = sheet == bare and re.fullmatch(r"\w+", book)
        return f"[{book}]{sheet}!{rest}" if plain else f"'[{book.replace(chr(39), chr(39) * 2)}]{bare}'!{rest}"
    return f"[{book}]!{shown}"

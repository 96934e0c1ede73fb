"""A formula's text to its syntax tree.

The grammar of formulas as .xlsx files store them, loosest binding first; all binary operators associate to the left,
`^` included, and a sign binds tighter than `^` (-2^2 is 4):

    formula      = comparison
    comparison   = joined  (("=" | "<>" | "<" | "<=" | ">" | ">=") joined)*
    joined       = sum     ("&" sum)*
    sum          = product (("+" | "-") product)*
    product      = power   (("*" | "/") power)*
    power        = percent ("^" percent)*
    percent      = signed "%"*
    signed       = ("+" | "-" | "@") signed | intersection
    intersection = range   (" " range)*
    range        = spilled (":" spilled)*
    spilled      = primary ("#" | "(" arguments ")")*       A1#, LAMBDA(x,x+1)(5)
    primary      = number | text | TRUE | FALSE | error | array | reference | call
                 | "(" formula ("," formula)* ")"           more than one: the union of references
    array        = "{" row (";" row)* "}"                   row = constant ("," constant)*
    call         = name "(" arguments ")"                   arguments may be left empty: IF(A1,,2)
    reference    = [sheet] (cell | cell ":" cell | columns | rows | name | error) | table
    sheet        = "Sheet1!" | "'Layer 1'!" | "Sheet1:Sheet3!" | "[1]Sheet1!" | "'[1]Layer 1'!" | "[1]!"
    table        = [name] "[" ... "]"                       Table1[x], Table1[[#This Row],[x]:[y]], [@x]

Names of newer functions carry `_xlfn.` or `_xlfn._xlws.`, variables of LET and LAMBDA `_xlpm.`;
`_xlfn.ANCHORARRAY(A1)` is `A1#` and `_xlfn.SINGLE(A1)` is `@A1`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from xlparity.errors import FormulaError
from xlparity.formula.a1 import column_number
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
from xlparity.formula.lex import Token, shorten, tokens
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS
from xlparity.model.value import ERROR_TEXTS, Error

__all__ = ["MAX_DEPTH", "parse"]

# Excel nests functions 64 deep; brackets and signs around them may double that. Python's own stack holds about 1,000.
MAX_DEPTH = 128

_PRECEDENCE = {"=": 1, "<>": 1, "<": 1, "<=": 1, ">": 1, ">=": 1, "&": 2, "+": 3, "-": 3, "*": 4, "/": 4, "^": 5}
_PRECEDENCE |= {" ": 8, ":": 9}
_SIGNED = 7
_PREFIX = re.compile(r"(?:_xlfn\.|_xlws\.|_xludf\.)+", re.IGNORECASE)
_ERRORS = {text: error for error, text in ERROR_TEXTS.items()}
_CELL = re.compile(r"(\$?)([A-Za-z]+)(\$?)([0-9]+)")
_BRACKETED = re.compile(r"\[((?:[^\[\]']|'.)*)\]|([,:])|\s+")
_ITEMS = {item.casefold(): item for item in ("#All", "#Data", "#Headers", "#Totals", "#This Row")}

_Sheet: TypeAlias = tuple[str | None, str | None, str | None]  # external book, first sheet, last sheet


def parse(text: str) -> Expression:
    """The syntax tree of the formula `text`, given without `=` as the file stores it.

    Raises FormulaError, in one line, for what is no formula and for one nested deeper than `MAX_DEPTH`.

    Examples
    --------
    >>> parse("-2^2") == Binary("^", Unary("-", Number(2.0)), Number(2.0))
    True
    """
    return _Parser(text).formula()


@dataclass(slots=True)
class _Frame:
    """An open bracket, or the whole formula: what has been read inside it and waits for its operators.

    `operands` are trees with their depths; `operators` are binary operators and, marked by True, signs. `parts` are
    the arguments, or the areas of a union, that are complete. `function` is what the bracket calls, if it does.
    """

    function: Call | Invoke | None = None
    depth: int = 0
    operands: list[tuple[Expression, int]] = field(default_factory=list)
    operators: list[tuple[str, int, bool]] = field(default_factory=list)
    parts: list[tuple[Expression, int]] = field(default_factory=list)

    def reduce(self, least: int) -> None:
        """Build the trees of all operators on the stack that bind at least as tightly as `least`."""
        while self.operators and self.operators[-1][1] >= least:
            operator, _, is_sign = self.operators.pop()
            right, right_depth = self.operands.pop()
            if is_sign:
                self.operands.append((Unary(operator, right), right_depth + 1))
            else:
                left, left_depth = self.operands.pop()
                self.operands.append((Binary(operator, left, right), max(left_depth, right_depth + 1)))


class _Parser:
    """An operator-precedence parser with a stack of its own, so that no formula exhausts Python's."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.at = 0

    def formula(self) -> Expression:
        frames = [_Frame()]
        while True:
            self.operand(frames)
            if self.operators(frames):
                return frames[0].operands[0][0]

    def operand(self, frames: list[_Frame]) -> None:
        """Read signs and opening brackets up to an operand, and the operand."""
        while True:
            frame = frames[-1]
            token = self.take()
            if token.kind in ("-", "+", "@"):
                frame.operators.append((token.kind, _SIGNED, True))
            elif token.kind == "(":
                self.open(frames, None)
            elif token.kind == "word" and self.peek() == "(":
                self.take()
                prefix = _PREFIX.match(token.text)
                name = token.text[prefix.end() :] if prefix else token.text
                self.open(frames, Call(name.upper(), (), prefix[0] if prefix else ""))
                if self.peek() == ")":
                    return
            elif token.kind in (",", ")") and frame.function is not None and not frame.operands + frame.operators:
                self.at -= 1
                frame.operands.append((Missing(), 0))
                return
            else:
                self.at -= 1
                frame.operands.append((self.primary(), 0))
                return

    def operators(self, frames: list[_Frame]) -> bool:
        """Read what may follow an operand up to where the next one must start; True at the formula's end."""
        while True:
            frame = frames[-1]
            token = self.take()
            kind = token.kind
            if kind == "%":
                frame.reduce(_SIGNED)
                operand, depth = frame.operands.pop()
                frame.operands.append((Percent(operand), self.checked(depth + 1)))
            elif kind == "#":
                operand, depth = frame.operands.pop()
                frame.operands.append((SpillReference(operand), self.checked(depth + 1)))
            elif kind == "(":
                operand, depth = frame.operands.pop()
                self.open(frames, Invoke(operand), depth)
                if self.peek() != ")":
                    return False
            elif kind in _PRECEDENCE:
                frame.reduce(_PRECEDENCE[kind])
                frame.operators.append((kind, _PRECEDENCE[kind], False))
                return False
            elif kind == "," and len(frames) > 1:
                frame.reduce(0)
                frame.parts.append(frame.operands.pop())
                return False
            elif kind == ")" and len(frames) > 1:
                self.close(frames)
            elif kind == "end" and len(frames) == 1:
                frame.reduce(0)
                self.checked(frame.operands[-1][1])
                return True
            else:
                self.at -= 1
                raise self.unexpected()

    def open(self, frames: list[_Frame], function: Call | Invoke | None, depth: int = 0) -> None:
        frames.append(_Frame(function, depth))
        self.checked(len(frames))

    def close(self, frames: list[_Frame]) -> None:
        """End the innermost bracket; its value becomes an operand of the one around it."""
        frame = frames.pop()
        frame.reduce(0)
        frame.parts.extend(frame.operands)
        parts = tuple(part for part, _ in frame.parts)
        depth = self.checked(max((frame.depth, *(depth for _, depth in frame.parts))) + 1)
        result: Expression
        match frame.function:
            case None:
                result, depth = frame.parts[0]
                for part, part_depth in frame.parts[1:]:
                    result, depth = Binary(",", result, part), self.checked(max(depth, part_depth + 1))
            case Invoke(called):
                result = Invoke(called, parts)
            case Call("SINGLE", _, prefix) if prefix and len(parts) == 1:
                result = Unary("@", parts[0])
            case Call("ANCHORARRAY", _, prefix) if prefix and len(parts) == 1:
                result = SpillReference(parts[0])
            case call:
                result = Call(call.name, parts, call.prefix)
        frames[-1].operands.append((result, depth))

    def checked(self, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise FormulaError(f"the formula {shorten(self.text)} is nested deeper than {MAX_DEPTH} levels")
        return depth

    def peek(self) -> str:
        return self.tokens[self.at].kind

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def unexpected(self, where: str = "") -> FormulaError:
        token = self.tokens[self.at]
        what = "ends too early" if token.kind == "end" else f"has an unexpected {token.text!r}"
        return FormulaError(f"the formula {shorten(self.text)} {what}{where} at position {token.start + 1}")

    def primary(self) -> Expression:
        token = self.take()
        match token.kind:
            case "number":
                return Number(self.number(token))
            case "text":
                return Text(token.text[1:-1].replace('""', '"'))
            case "error":
                # Where the sheet itself was deleted, Excel leaves #REF!A1 or #REF!#REF!.
                if token.text.upper() == "#REF!" and self.peek() in ("cell", "columns", "rows", "error", "word"):
                    self.take()
                return ErrorLiteral(_ERRORS[token.text.upper()])
            case "{":
                return self.array()
            case "word":
                upper = token.text.upper()
                return Boolean(upper == "TRUE") if upper in ("TRUE", "FALSE") else Name(token.text)
            case "table":
                return _table(token.text)
            case "cell" | "columns" | "rows":
                return self.reference(token, (None, None, None))
            case "sheet":
                return self.on_sheet(token)
        self.at -= 1
        raise self.unexpected()

    def number(self, token: Token) -> float:
        value = float(token.text)
        if value == float("inf"):
            raise FormulaError(f"the formula {shorten(self.text)} has the number {token.text[:40]}, which is too large")
        return value

    def array(self) -> Expression:
        rows: list[tuple[float | str | bool | Error, ...]] = []
        row: list[float | str | bool | Error] = []
        while True:
            row.append(self.constant())
            separator = self.take().kind
            if separator == ",":
                continue
            rows.append(tuple(row))
            row = []
            if separator == "}":
                break
            if separator != ";":
                self.at -= 1
                raise self.unexpected(" in an array constant")
        if len({len(row) for row in rows}) > 1:
            raise FormulaError(f"the formula {shorten(self.text)} has an array constant with rows of different lengths")
        return ArrayConstant(tuple(rows))

    def constant(self) -> float | str | bool | Error:
        sign = 1.0
        while self.peek() in ("-", "+"):
            sign = -sign if self.take().kind == "-" else sign
        token = self.take()
        match token.kind:
            case "number":
                return sign * self.number(token)
            case "text":
                return token.text[1:-1].replace('""', '"')
            case "error":
                return _ERRORS[token.text.upper()]
            case "word" if token.text.upper() in ("TRUE", "FALSE"):
                return token.text.upper() == "TRUE"
        self.at -= 1
        raise self.unexpected(" in an array constant")

    def on_sheet(self, token: Token) -> Expression:
        """What follows a sheet's name and `!`."""
        book, sheet, last = place = _sheet(token.text)
        after = self.take()
        result: Expression
        match after.kind:
            case "cell" | "columns" | "rows":
                result = self.reference(after, place)
            case "error":
                result = ErrorLiteral(_ERRORS[after.text.upper()])
            case "word" if last is None:
                result = Name(after.text, sheet)
            case "table":
                result = _table(after.text)
            case _:
                self.at -= 1
                raise self.unexpected()
        return result if book is None else External(book, result)

    def reference(self, token: Token, place: _Sheet) -> Expression:
        _, sheet, last_sheet = place
        if token.kind == "cell":
            first = _cell(token.text)
            if first is None:
                return Name(token.text, sheet)
            if self.peek() == ":" and self.tokens[self.at + 1].kind == "cell":
                last = _cell(self.tokens[self.at + 1].text)
                if last is not None:
                    self.at += 2
                    return AreaReference(first, last, sheet, last_sheet)
            return _cell(token.text, sheet, last_sheet) or Name(token.text, sheet)
        left, right = token.text.split(":")
        absolute = left.startswith("$"), right.startswith("$")
        left, right = left.lstrip("$"), right.lstrip("$")
        if token.kind == "columns":
            columns = column_number(left), column_number(right)
            if max(columns) < MAX_COLUMNS:
                return WholeColumns(*columns, *absolute, sheet, last_sheet)
        else:
            rows = int(left) - 1, int(right) - 1
            if min(rows) >= 0 and max(rows) < MAX_ROWS:
                return WholeRows(*rows, *absolute, sheet, last_sheet)
        raise FormulaError(f"the formula {shorten(self.text)} names {token.text}, which lies outside a sheet")


def _cell(text: str, sheet: str | None = None, last_sheet: str | None = None) -> CellReference | None:
    """The cell that `text` names; None if it lies outside a sheet and is a name therefore."""
    match = _CELL.fullmatch(text)
    assert match is not None
    column_fixed, letters, row_fixed, digits = match.groups()
    row, column = int(digits) - 1, column_number(letters)
    if not (0 <= row < MAX_ROWS and column < MAX_COLUMNS):
        return None
    return CellReference(row, column, bool(row_fixed), bool(column_fixed), sheet, last_sheet)


def _sheet(text: str) -> _Sheet:
    """`'[1]Layer 1:Layer 3'!` as ("1", "Layer 1", "Layer 3")."""
    name = text[:-1]
    if name.startswith("'"):
        name = name[1:-1].replace("''", "'")
    book = None
    # A path may stand before the brackets: 'C:\folder\[Book.xlsx]Sheet1'!
    before, _, rest = name.partition("[")
    inside, closed, after = rest.partition("]")
    if closed:
        book, name = before + inside, after
        if not name:
            return book, None, None
    first, _, last = name.partition(":")
    return book, first, last or None


def _table(text: str) -> Expression:
    table, content = text.split("[", 1)
    content = content[:-1].strip()
    items: list[str] = []
    columns: list[str] = []
    if content.startswith("@"):
        items.append("#This Row")
        content = content[1:].strip()
    if content and not content.startswith("["):
        content = f"[{content}]"
    at = 0
    while at < len(content):
        part = _BRACKETED.match(content, at)
        if part is None or part[1] == "":
            raise FormulaError(f"the table reference {text} cannot be understood at {content[at:]!r}")
        at = part.end()
        if part[1] is None:
            continue
        item = _ITEMS.get(part[1].casefold())
        if item is not None:
            items.append(item)
        else:
            columns.append(re.sub(r"'(.)", r"\1", part[1]))
    if len(columns) > 2:
        raise FormulaError(f"the table reference {text} names more than two columns")
    first = columns[0] if columns else None
    return TableReference(table or None, tuple(items), first, columns[1] if len(columns) > 1 else None)

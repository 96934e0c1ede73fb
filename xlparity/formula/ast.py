"""The syntax tree of a formula: a closed union of frozen dataclasses.

Positions are those of the text: `CellReference(4, 2)` is C5 wherever the formula stands; the evaluator moves what is
not absolute. A sum of 4,000 terms is a tree of that depth on the left, so walk trees with `walk`, never by recursion
into `Binary.left`; in all other directions the parser allows `parse.MAX_DEPTH` levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from xlparity.model.value import Error

__all__ = [
    "AreaReference",
    "ArrayConstant",
    "Binary",
    "Boolean",
    "Call",
    "CellReference",
    "ErrorLiteral",
    "Expression",
    "External",
    "Invoke",
    "Missing",
    "Name",
    "Number",
    "Percent",
    "SpillReference",
    "TableReference",
    "Text",
    "Unary",
    "WholeColumns",
    "WholeRows",
    "children",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written, never negative: `-2` is a `Unary`."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A text in quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Boolean:
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class ErrorLiteral:
    """`#N/A`, or `#REF!` where a reference was deleted."""

    error: Error


@dataclass(frozen=True, slots=True)
class Missing:
    """An argument left empty: the second of `IF(A1,,1)`."""


@dataclass(frozen=True, slots=True)
class ArrayConstant:
    """`{1,2;3,4}`: rows of numbers, texts, booleans and errors, all of one length."""

    rows: tuple[tuple[float | str | bool | Error, ...], ...]


@dataclass(frozen=True, slots=True)
class CellReference:
    """`C5`, `$C5`, `Sheet1!C$5`, `Sheet1:Sheet3!C5`."""

    row: int
    column: int
    row_absolute: bool = False
    column_absolute: bool = False
    sheet: str | None = None
    last_sheet: str | None = None


@dataclass(frozen=True, slots=True)
class AreaReference:
    """`B3:C5`; the corners are as written, in whatever order, and carry no sheet of their own."""

    first: CellReference
    last: CellReference
    sheet: str | None = None
    last_sheet: str | None = None


@dataclass(frozen=True, slots=True)
class WholeColumns:
    """`B:$D`."""

    first: int
    last: int
    first_absolute: bool = False
    last_absolute: bool = False
    sheet: str | None = None
    last_sheet: str | None = None


@dataclass(frozen=True, slots=True)
class WholeRows:
    """`2:$4`."""

    first: int
    last: int
    first_absolute: bool = False
    last_absolute: bool = False
    sheet: str | None = None
    last_sheet: str | None = None


@dataclass(frozen=True, slots=True)
class Name:
    """A defined name, or a variable of LET or LAMBDA (which files store with the prefix `_xlpm.`)."""

    name: str
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class TableReference:
    """`Table1[[#This Row],[x]:[y]]`: `items` are `#This Row`, `#Data`, `#All`, `#Headers`, `#Totals`."""

    table: str | None
    items: tuple[str, ...] = ()
    first: str | None = None
    last: str | None = None


@dataclass(frozen=True, slots=True)
class SpillReference:
    """`A1#`, which files store as `_xlfn.ANCHORARRAY(A1)`."""

    anchor: Expression


@dataclass(frozen=True, slots=True)
class External:
    """A reference to another workbook: `[1]Sheet1!A1`, `[1]!name`; `book` is what stands in the brackets."""

    book: str
    reference: Expression


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x`, `+x`, and `@x`, which files store as `_xlfn.SINGLE(x)`."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Percent:
    """`x%`."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`; `:` is the range, a space the intersection, `,` the union of references."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments)`; the prefix that files store newer names with stands aside (`_xlfn.`, `_xlfn._xlws.`)."""

    name: str
    arguments: tuple[Expression, ...] = ()
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Invoke:
    """The call of an expression that is a function: `LAMBDA(x,x+1)(5)`."""

    function: Expression
    arguments: tuple[Expression, ...] = ()


Expression: TypeAlias = (
    Number
    | Text
    | Boolean
    | ErrorLiteral
    | Missing
    | ArrayConstant
    | CellReference
    | AreaReference
    | WholeColumns
    | WholeRows
    | Name
    | TableReference
    | SpillReference
    | External
    | Unary
    | Percent
    | Binary
    | Call
    | Invoke
)


def children(expression: Expression) -> tuple[Expression, ...]:
    """The expressions directly inside `expression`, from left to right."""
    match expression:
        case Binary(_, left, right):
            return (left, right)
        case Unary(_, operand) | Percent(operand) | SpillReference(operand):
            return (operand,)
        case Call(_, arguments):
            return arguments
        case Invoke(function, arguments):
            return (function, *arguments)
        case External(_, reference):
            return (reference,)
        case _:
            return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """`expression` and all expressions inside it, each before what it holds, from left to right."""
    stack = [expression]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))

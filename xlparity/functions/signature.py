"""What a function of Excel is: its name, the parameters it declares, and a body on tensors.

A function declares the type of each parameter. The caller (`calling.call`) counts the arguments, converts them by
Excel's rules, propagates errors and undecided values, and repeats a scalar function over arrays, so that a body is the
mathematics alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from xlparity.errors import FormulaError
from xlparity.functions.array import Array, Texts
from xlparity.functions.newer import NEWER
from xlparity.model.table import Table
from xlparity.model.value import Kind, Scalar

__all__ = [
    "REQUIRED",
    "Argument",
    "Body",
    "Function",
    "LanesDiffer",
    "Parameter",
    "Type",
    "Unsupported",
    "anything",
    "array",
    "boolean",
    "declare",
    "integer",
    "number",
    "numbers",
    "text",
]


class Unsupported(Exception):
    """The function cannot be computed honestly for these arguments; the engine makes the result undecided.

    `str()` is the reason, in words for the person who reads the report.
    """


class LanesDiffer(Exception):
    """The result has another size in different lanes (FILTER, UNIQUE, ...); evaluate each lane alone."""


class Type(Enum):
    """How the caller converts an argument."""

    NUMBER = auto()  # "3" is 3, TRUE is 1, a blank is 0, other text is #VALUE!; repeated over arrays
    INTEGER = auto()  # a number, truncated towards zero; repeated over arrays
    TEXT = auto()  # 1.5 is "1.5", TRUE is "TRUE", a blank is ""; repeated over arrays
    BOOLEAN = auto()  # a number is TRUE unless 0, "true" is TRUE, other text is #VALUE!; repeated over arrays
    ANY = auto()  # a value of any kind, as it is; repeated over arrays
    NUMBERS = auto()  # all numbers of ranges and arrays (text, booleans, blanks skipped); single values converted
    ARRAY = auto()  # a whole array or range, as it is


class _Required(Enum):
    REQUIRED = auto()


REQUIRED: Final = _Required.REQUIRED


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter.

    `default` is the value of an argument that is not given. An argument that is given but empty (`ROUND(2.5,)`) is a
    blank, 0 or FALSE as in Excel's older functions, unless `empty_is_default` (`SEQUENCE(3,,5)`). An `absent` parameter
    that is not given is not handed to the body, nor are those after it. `repeating` parameters stand at the end, and
    all of them repeat together (`SUMIFS(sum_range, range1, criteria1, ...)`).
    """

    name: str
    type: Type
    default: Scalar | _Required = REQUIRED
    repeating: bool = False
    empty_is_default: bool = False
    absent: bool = False

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    def __str__(self) -> str:
        shown = f"{self.name}, ..." if self.repeating else self.name
        return shown if self.required else f"[{shown}]"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call; `reference` tells that it came from cells and not from a constant or a result."""

    array: Array
    reference: bool = False


# A body takes the arguments, one for each argument given or defaulted, after the count was checked.
Body = Callable[[Sequence[Argument], Texts], Array]


@dataclass(frozen=True, slots=True)
class Function:
    """One function of Excel.

    `body` is None where the engine computes the function from the call's expressions, not from their values.
    `undecided` says, for the list of functions, what Excel computes and the engine leaves undecided.
    """

    name: str
    parameters: tuple[Parameter, ...]
    summary: str
    body: Body | None = None
    undecided: str = ""

    @property
    def signature(self) -> str:
        """The call as Excel's documentation writes it: `ROUND(number, num_digits)`."""
        return f"{self.name}({', '.join(str(parameter) for parameter in self.parameters)})"

    @property
    def newer(self) -> bool:
        """Whether files store the name with the prefix `_xlfn.`."""
        return self.name in NEWER

    @property
    def least(self) -> int:
        """The smallest number of arguments."""
        return sum(1 for parameter in self.parameters if parameter.required)

    @property
    def most(self) -> int | None:
        """The greatest number of arguments; None if the last ones repeat."""
        return None if any(parameter.repeating for parameter in self.parameters) else len(self.parameters)

    def parameter(self, position: int) -> Parameter:
        """The parameter that the argument at `position` (from 0) belongs to; FormulaError if there is none."""
        if position < len(self.parameters):
            return self.parameters[position]
        repeating = [parameter for parameter in self.parameters if parameter.repeating]
        if not repeating:
            raise FormulaError(f"{self.name} takes at most {len(self.parameters)} argument(s): {self.signature}")
        return repeating[(position - len(self.parameters)) % len(repeating)]


def declare(table: Table[str, Function], function: Function) -> None:
    """Enter a function into a table, under its own name."""
    table.add(function.name, function)


def number(name: str, default: Scalar | _Required = REQUIRED) -> Parameter:
    """A parameter that is a number."""
    return Parameter(name, Type.NUMBER, default)


def integer(
    name: str, default: Scalar | _Required = REQUIRED, *, empty_is_default: bool = False, absent: bool = False
) -> Parameter:
    """A parameter that is a number truncated to an integer."""
    return Parameter(name, Type.INTEGER, default, empty_is_default=empty_is_default, absent=absent)


def text(name: str, default: Scalar | _Required = REQUIRED, *, repeating: bool = False) -> Parameter:
    """A parameter that is a text."""
    return Parameter(name, Type.TEXT, default, repeating)


def boolean(name: str, default: Scalar | _Required = REQUIRED) -> Parameter:
    """A parameter that is TRUE or FALSE."""
    return Parameter(name, Type.BOOLEAN, default)


def anything(name: str, default: Scalar | _Required = REQUIRED, *, repeating: bool = False) -> Parameter:
    """A parameter of any kind of value."""
    return Parameter(name, Type.ANY, default, repeating)


def numbers(name: str, default: Scalar | _Required = REQUIRED, *, repeating: bool = False) -> Parameter:
    """A parameter whose numbers count: `SUM(number1, ...)`."""
    return Parameter(name, Type.NUMBERS, default, repeating)


def array(
    name: str,
    default: Scalar | _Required = REQUIRED,
    *,
    repeating: bool = False,
    empty_is_default: bool = False,
    absent: bool = False,
) -> Parameter:
    """A parameter that is a whole array."""
    return Parameter(name, Type.ARRAY, default, repeating, empty_is_default, absent)


BLANK: Final = Argument(Array.single(Kind.BLANK, 0.0))

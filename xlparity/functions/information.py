"""Information about values: ISNUMBER, ISERROR, TYPE, N, NA, ... ("Information functions")."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.fault import UNDECIDED, fault_of, sealed
from xlparity.functions.lift import elementwise
from xlparity.functions.signature import Argument, Function, anything, array, declare, number
from xlparity.functions.textual import textual
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind, Scalar

__all__ = ["TABLE"]

TABLE: Table[str, Function] = Table("information")
VALUE = anything("value")


def _test(name: str, summary: str, test: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Enter a test of the kind and the payload of a value."""

    def body(arguments: Sequence[Argument], _: Texts) -> Array:
        given = arguments[0].array
        fault = fault_of(given)
        truth = test(given.kinds, given.number.detach()).to(torch.float64)
        return sealed(truth, None if fault is None else torch.where(fault >= UNDECIDED, fault, 0), Kind.BOOLEAN)

    declare(TABLE, Function(name, (VALUE,), summary, body))


_test("ISNUMBER", "Whether a value is a number.", lambda kind, _: kind == int(Kind.NUMBER))
_test("ISTEXT", "Whether a value is a text.", lambda kind, _: kind == int(Kind.TEXT))
_test("ISNONTEXT", "Whether a value is no text.", lambda kind, _: kind != int(Kind.TEXT))
_test("ISLOGICAL", "Whether a value is TRUE or FALSE.", lambda kind, _: kind == int(Kind.BOOLEAN))
_test("ISBLANK", "Whether a cell is empty.", lambda kind, _: kind == int(Kind.BLANK))
_test("ISERROR", "Whether a value is an error.", lambda kind, _: kind == int(Kind.ERROR))
_test(
    "ISERR",
    "Whether a value is an error other than #N/A.",
    lambda kind, payload: (kind == int(Kind.ERROR)) & (payload != int(Error.NA)),
)
_test("ISNA", "Whether a value is #N/A.", lambda kind, payload: (kind == int(Kind.ERROR)) & (payload == int(Error.NA)))


def _parity(name: str, summary: str, rest: float) -> None:
    @elementwise(TABLE, name, number("number"), summary=summary, result=Kind.BOOLEAN)
    def parity(x: Tensor) -> Tensor:
        return (x.detach().trunc().abs() % 2 == rest).to(torch.float64)


_parity("ISEVEN", "Whether a number, truncated, is even.", 0.0)
_parity("ISODD", "Whether a number, truncated, is odd.", 1.0)


def _n(arguments: Sequence[Argument], _: Texts) -> Array:
    """N: numbers and booleans as numbers, everything else 0; an error stays. The gradient passes."""
    given = arguments[0].array
    if given.kind is None:
        return given
    plain = (given.kind == int(Kind.NUMBER)) | (given.kind == int(Kind.BOOLEAN))
    return sealed(torch.where(plain, given.number, 0.0), fault_of(given))


declare(TABLE, Function("N", (VALUE,), "A value as a number: TRUE is 1, a text 0.", _n))


@textual(TABLE, "T", VALUE, summary="A text as it is; other values as an empty text.")
def t(value: Scalar) -> Scalar:
    return value if isinstance(value, (str, Error)) else ""


@textual(TABLE, "NA", summary="The error #N/A.")
def na() -> Error:
    return Error.NA


@textual(TABLE, "ERROR.TYPE", VALUE, summary="The number of an error; #N/A of another value.")
def error_type(value: Scalar) -> float | Error:
    return float(value) if isinstance(value, Error) else Error.NA


def _type(arguments: Sequence[Argument], _: Texts) -> Array:
    given = arguments[0].array
    if given.rows * given.columns > 1:
        return Array.of_number(64.0)
    types = torch.tensor([1.0, 1.0, 2.0, 4.0, 16.0, 0.0], dtype=torch.float64)
    fault = fault_of(given)
    return sealed(types[given.kinds.long()], None if fault is None else torch.where(fault >= UNDECIDED, fault, 0))


declare(TABLE, Function("TYPE", (array("value"),), "The type of a value: 1, 2, 4, 16 or 64.", _type))

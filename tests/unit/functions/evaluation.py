"""Helpers of the tests: Python values to arrays and back."""

from __future__ import annotations

import torch

from xlparity.functions import Argument, Unsupported, call
from xlparity.functions.array import Array, Texts
from xlparity.functions.operators import operator
from xlparity.functions.scalars import array_of_rows, scalar_of
from xlparity.model.value import Error, Kind


def argument(value: object, texts: Texts) -> Argument | None:
    """A constant; a list of lists is an array constant, a tuple of lists a range; ... is an empty argument."""
    if value is ...:
        return None
    if isinstance(value, (list, tuple)):
        rows = [row if isinstance(row, (list, tuple)) else [row] for row in value]
        return Argument(array_of_rows(rows, texts), isinstance(value, tuple))
    return Argument(array_of_rows([[value]], texts))


def python(array: Array, texts: Texts) -> object:
    """A single value, or a list of rows."""

    def one(kind: int, payload: float) -> object:
        return f"undecided: {texts.table[int(payload)]}" if kind == Kind.UNDECIDED else scalar_of(kind, payload, texts)

    assert array.number.ndim == 2
    assert array.number.dtype is torch.float64
    assert array.kinds.dtype is torch.uint8
    rows = [
        [one(kind, payload) for kind, payload in zip(*pair, strict=True)]
        for pair in zip(array.kinds.tolist(), array.number.tolist(), strict=True)
    ]
    return rows[0][0] if len(rows) == len(rows[0]) == 1 else rows


def same(got: object, expected: object) -> bool:
    """Whether two results are equal and of one kind, element by element: TRUE is no 1, and an error not its number."""
    if isinstance(expected, list):
        return isinstance(got, list) and len(got) == len(expected) and all(map(same, got, expected))
    return got == expected and all(isinstance(got, kind) == isinstance(expected, kind) for kind in (bool, Error))


def value(name: str, *arguments: object, date1904: bool = False) -> object:
    """The value of a function for Python values."""
    texts = Texts(date1904=date1904)
    texts.index("")  # so that no other text has the number 0
    try:
        return python(call(name, [argument(given, texts) for given in arguments], texts), texts)
    except Unsupported as because:
        return f"undecided: {because}"


def operation(left: object, symbol: str, right: object) -> object:
    """The value of an operator for Python values."""
    texts = Texts()
    one, two = argument(left, texts), argument(right, texts)
    assert one is not None
    assert two is not None
    return python(operator(symbol, one.array, two.array, texts), texts)

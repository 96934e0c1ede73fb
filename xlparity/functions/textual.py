"""Adapters for functions on single values in Python: text functions, dates, and others without gradients.

A function is called once for each distinct tuple of arguments, so that a million lanes with few distinct texts cost a
few calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import boolean_of_scalar, number_of_scalar, text_of_scalar
from xlparity.functions.history import without_derivative
from xlparity.functions.lift import broadcast
from xlparity.functions.scalars import array_of_scalar, kind_and_payload, scalar_of
from xlparity.functions.signature import Argument, Function, Parameter, Type, Unsupported, declare
from xlparity.limits import budget
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind, Scalar

__all__ = ["converted", "mapped", "textual"]

F = TypeVar("F", bound=Callable[..., object])


def mapped(arrays: Sequence[Array], texts: Texts, compute: Callable[..., object]) -> Array:
    """`compute` over the elements of `arrays`, each as Python sees it; an undecided element makes the result so."""
    if not arrays:
        return array_of_scalar(compute(), texts)
    arrays = broadcast(arrays)
    shape = arrays[0].number.shape
    columns = [
        (array.kinds.numpy().ravel(), array.number.detach().numpy().ravel()) for array in arrays
    ]  # (kind, payload) of every element
    codes: NDArray[np.int64] = np.zeros(arrays[0].number.numel(), np.int64)
    for kinds, payloads in columns:
        _, kind_code = np.unique(kinds, return_inverse=True)
        values, payload_code = np.unique(payloads, return_inverse=True)
        _, codes = np.unique(
            (codes * (int(kind_code.max()) + 1) + kind_code) * len(values) + payload_code,
            return_inverse=True,
        )
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    out_kinds, out_payloads = np.empty(len(first), np.uint8), np.empty(len(first))
    left = budget()
    for at, element in enumerate(first.tolist()):
        left.time()
        given = [(int(kinds[element]), float(payloads[element])) for kinds, payloads in columns]
        undecided = [payload for kind, payload in given if kind == Kind.UNDECIDED]
        if undecided:
            out_kinds[at], out_payloads[at] = int(Kind.UNDECIDED), undecided[0]
            continue
        try:
            value = compute(*(scalar_of(kind, payload, texts) for kind, payload in given))
            kind, out_payloads[at] = kind_and_payload(value, texts)
            if kind is Kind.NUMBER and not np.isfinite(out_payloads[at]):
                kind, out_payloads[at] = Kind.ERROR, float(Error.NUM)
        except OverflowError:
            kind, out_payloads[at] = Kind.ERROR, float(Error.NUM)
        except (ArithmeticError, ValueError, Unsupported) as because:
            kind, out_payloads[at] = Kind.UNDECIDED, float(texts.index(_reason(because)))
        out_kinds[at] = int(kind)
    number = torch.from_numpy(out_payloads[inverse]).reshape(shape)
    kind_tensor = torch.from_numpy(out_kinds[inverse]).reshape(shape)
    number = without_derivative(number, "a function on single values (text, date, ...)", [one.number for one in arrays])
    return Array(number, None if bool((kind_tensor == int(Kind.NUMBER)).all()) else kind_tensor)


def _reason(because: Exception) -> str:
    """Why a result is undecided, in words."""
    return str(because) if isinstance(because, Unsupported) else f"the computation fails here: {because}"


def converted(value: Scalar, parameter: Parameter, texts: Texts) -> Scalar:
    """`value` as `parameter` wants it, or the error that it is; ANY is not changed."""
    match parameter.type:
        case Type.NUMBER:
            return number_of_scalar(value, date1904=texts.date1904)
        case Type.INTEGER:
            number = number_of_scalar(value, date1904=texts.date1904)
            return number if isinstance(number, Error) else float(np.trunc(number))
        case Type.TEXT:
            return text_of_scalar(value)
        case Type.BOOLEAN:
            return boolean_of_scalar(value)
        case _:
            return value


def textual(
    table: Table[str, Function],
    name: str,
    *parameters: Parameter,
    summary: str,
    undecided: str = "",
) -> Callable[[F], F]:
    """Decorator that enters a function of single Python values into `table`; it returns a Scalar.

    Arguments are converted as declared and the first error is the result, except that an ANY argument may be an error.
    """

    def enter(compute: F) -> F:
        function: Function

        def body(arguments: Sequence[Argument], texts: Texts) -> Array:
            def one(*values: Scalar) -> object:
                given = []
                for position, value in enumerate(values):
                    parameter = function.parameter(position)
                    argument = converted(value, parameter, texts)
                    if isinstance(argument, Error) and parameter.type is not Type.ANY:
                        return argument
                    given.append(argument)
                return compute(*given)

            return mapped([argument.array for argument in arguments], texts, one)

        function = Function(name, parameters, summary, body, undecided)
        declare(table, function)
        return compute

    return enter

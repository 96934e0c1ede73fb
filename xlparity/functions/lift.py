"""Adapters that make a function's body out of mathematics: converted arguments in, a tensor out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import booleans_of, numbers_of
from xlparity.functions.fault import Fault, all_finite, merged, sealed, where_error
from xlparity.functions.signature import Argument, Function, Parameter, Type, declare
from xlparity.limits import budget
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

__all__ = ["Checked", "broadcast", "checked", "elementwise", "fitted", "lifted"]

F = TypeVar("F", bound=Callable[..., "Tensor | Checked"])


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a body that sees errors itself: numbers and where they are errors."""

    number: Tensor
    fault: Fault


def checked(number: Tensor, *errors: tuple[Tensor, Error]) -> Checked:
    """`number` with errors where masks are true; the first mask wins."""
    return Checked(number, merged([where_error(mask, error) for mask, error in errors]))


def fitted(arrays: Sequence[Array]) -> list[Array]:
    """Arrays of one common number of rows and columns, as Excel broadcasts them; TooMuch if that is too large.

    A single row or column repeats; a larger array meets #N/A where a smaller one ends.
    """
    if len(arrays) == 1:
        return list(arrays)
    sizes = {array.number.shape[-2:] for array in arrays}
    rows, columns = max(height for height, _ in sizes), max(width for _, width in sizes)
    lanes = np.broadcast_shapes(*(array.number.shape[:-2] for array in arrays))
    budget().size(math.prod(lanes) * rows * columns)
    if len(sizes) == 1:
        return list(arrays)
    result = []
    for array in arrays:
        if array.rows in {1, rows} and array.columns in {1, columns}:
            result.append(array)
            continue
        height = 1 if array.rows == 1 else rows
        width = 1 if array.columns == 1 else columns
        pad = (0, width - array.columns, 0, height - array.rows)
        result.append(
            Array(
                torch.nn.functional.pad(array.number, pad, value=float(Error.NA)),
                torch.nn.functional.pad(array.kinds, pad, value=int(Kind.ERROR)),
            )
        )
    return result


def broadcast(arrays: Sequence[Array]) -> list[Array]:
    """Arrays of one common shape, lanes included."""
    arrays = fitted(arrays)
    shape = np.broadcast_shapes(*(array.number.shape for array in arrays))
    return [
        Array(array.number.expand(shape), None if array.kind is None else array.kind.expand(shape)) for array in arrays
    ]


def elementwise(
    table: Table[str, Function],
    name: str,
    *parameters: Parameter,
    summary: str,
    result: Kind = Kind.NUMBER,
) -> Callable[[F], F]:
    """Decorator that enters the elementwise function `name` into `table`.

    The decorated function takes one float64 tensor an argument (bool tensors for BOOLEAN), already converted, and
    returns numbers. NaN and infinities become #NUM!.
    """

    def enter(compute: F) -> F:
        def body(arguments: Sequence[Argument], texts: Texts) -> Array:
            return lifted([argument.array for argument in arguments], parameters, compute, texts, result=result)

        declare(table, Function(name, parameters, summary, body))
        return compute

    return enter


def lifted(
    arrays: Sequence[Array],
    parameters: Sequence[Parameter],
    compute: Callable[..., Tensor | Checked],
    texts: Texts,
    *,
    result: Kind = Kind.NUMBER,
) -> Array:
    """`compute` over converted elements, with errors, undecided values and gradients kept apart."""
    values: list[Tensor] = []
    faults: list[Fault] = []
    for array, parameter in zip(fitted(arrays), parameters, strict=True):
        value, fault = (booleans_of if parameter.type is Type.BOOLEAN else numbers_of)(array, texts)
        values.append(value.trunc() if parameter.type is Type.INTEGER else value)
        faults.append(fault)
    given = merged(faults)
    if given is not None:
        values = _sound(values, given != 0)
    made = compute(*values)
    number, own = (made.number, made.fault) if isinstance(made, Checked) else (made, None)
    if own is not None or not all_finite(number):
        lost = ~torch.isfinite(number.detach())
        own = merged([own, where_error(lost, Error.NUM)])
        if own is not None and number.requires_grad:
            made = compute(*_sound(values, own != 0))
            number = made.number if isinstance(made, Checked) else made
    return sealed(number, merged([given, own]), result)


def _sound(values: Sequence[Tensor], bad: Tensor) -> list[Tensor]:
    """`values` with some number in the place of bad elements, so that no gradient of theirs goes further."""
    return [torch.where(bad, 0.5, value) if value.is_floating_point() else value for value in values]

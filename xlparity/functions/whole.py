"""Adapter for functions of whole arrays in Python, one lane at a time: TEXTJOIN, TEXTSPLIT, XIRR, ...; no gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch

from xlparity.functions.array import Array, Texts
from xlparity.functions.history import without_derivative
from xlparity.functions.scalars import array_of_rows, array_of_scalar, scalar_of
from xlparity.functions.signature import Argument, Function, LanesDiffer, Parameter, Type, Unsupported, declare
from xlparity.functions.textual import converted
from xlparity.limits import budget
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind, Scalar

__all__ = ["Grid", "whole"]

F = TypeVar("F", bound=Callable[..., object])
# The values of a range or an array, by rows; a blank is None.
Grid = list[list[Scalar]]


def whole(
    table: Table[str, Function], name: str, *parameters: Parameter, summary: str, dated: bool = False
) -> Callable[[F], F]:
    """Decorator that enters a function of whole arrays into `table`.

    ARRAY and NUMBERS arguments arrive as a `Grid` (NUMBERS as a flat list of the numbers that count), others as single
    converted values, the first of an array; `dated`: at the end whether days are counted from 1904. The function
    returns a Scalar or a list of rows.
    """

    def enter(compute: F) -> F:
        declared: list[Function] = []

        def body(arguments: Sequence[Argument], texts: Texts) -> Array:
            function = declared[0]
            arrays = [argument.array for argument in arguments]
            system = (texts.date1904,) if dated else ()
            lanes = np.broadcast_shapes(*(given.number.shape[:-2] for given in arrays))
            budget().objects(math.prod(lanes) * sum(given.rows * given.columns for given in arrays))
            flat = [_flat(given, lanes) for given in arrays]
            made = []
            for lane in range(math.prod(lanes)):
                budget().time()
                grids = [_grid(kinds[lane], numbers[lane], texts) for kinds, numbers in flat]
                undecided = next((value for grid in grids for row in grid for value in row if type(value) is int), None)
                if undecided is not None:
                    made.append(Array.single(Kind.UNDECIDED, float(undecided)))
                    continue
                given = [_given(grid, function.parameter(at), arguments[at], texts) for at, grid in enumerate(grids)]
                error = next((value for value in given if isinstance(value, Error)), None)
                try:
                    result = compute(*given, *system) if error is None else error
                    result = _finite(result)
                except OverflowError:
                    result = Error.NUM
                except Unsupported as because:
                    made.append(Array.single(Kind.UNDECIDED, float(texts.index(str(because)))))
                    continue
                except (ArithmeticError, ValueError) as because:
                    reason = f"{name}: the computation fails here: {because}"
                    made.append(Array.single(Kind.UNDECIDED, float(texts.index(reason))))
                    continue
                made.append(
                    array_of_rows(result, texts) if isinstance(result, list) else array_of_scalar(result, texts)
                )
            if len({one.number.shape for one in made}) > 1:
                raise LanesDiffer(f"{name} has results of different sizes")
            number = torch.stack([one.number for one in made]).reshape(*lanes, *made[0].number.shape)
            number = without_derivative(number, name, [given.number for given in arrays])
            if all(one.kind is None for one in made):
                return Array(number)
            return Array(number, torch.stack([one.kinds for one in made]).reshape(number.shape))

        function = Function(name, parameters, summary, body)
        declared.append(function)
        declare(table, function)
        return compute

    return enter


def _flat(given: Array, lanes: tuple[int, ...]) -> tuple[list[list[list[int]]], list[list[list[float]]]]:
    shape = (*lanes, given.rows, given.columns)
    size = (math.prod(lanes), given.rows, given.columns)
    kinds = given.kinds.expand(shape).reshape(size)
    return kinds.tolist(), given.number.detach().expand(shape).reshape(size).tolist()


def _grid(kinds: list[list[int]], numbers: list[list[float]], texts: Texts) -> Grid:
    """The values of one lane; an undecided value is the int of its reason, which no value of a cell is."""
    return [
        [
            int(payload) if kind == Kind.UNDECIDED else scalar_of(kind, payload, texts)
            for kind, payload in zip(*pair, strict=True)
        ]
        for pair in zip(kinds, numbers, strict=True)
    ]


def _given(grid: Grid, parameter: Parameter, argument: Argument, texts: Texts) -> object:
    if parameter.type is Type.ARRAY:
        return grid
    if parameter.type is not Type.NUMBERS:
        return converted(grid[0][0], parameter, texts)
    if not argument.reference and len(grid) == len(grid[0]) == 1:
        value = converted(grid[0][0], Parameter("", Type.NUMBER), texts)
        return value if isinstance(value, Error) else [value]
    values = [value for row in grid for value in row]
    error = next((value for value in values if isinstance(value, Error)), None)
    if error is not None:
        return error
    return [value for value in values if isinstance(value, float)]


def _finite(result: object) -> object:
    if isinstance(result, list):
        return [[_finite(value) for value in row] for row in result]
    if isinstance(result, complex) or (isinstance(result, float) and not np.isfinite(result)):
        return Error.NUM
    return result

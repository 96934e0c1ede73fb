"""LET, LAMBDA and the functions that take one."""

# ruff: noqa: ARG001 (all special functions take the same arguments)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xlparity.engines.embedded.address import plain_name
from xlparity.engines.embedded.frame import Frame
from xlparity.engines.embedded.operand import Lambda, Operand, Unresolved
from xlparity.engines.embedded.special.common import Special, check_count, constant
from xlparity.errors import FormulaError
from xlparity.formula import ast
from xlparity.formula.ast import Expression
from xlparity.functions import FUNCTIONS
from xlparity.functions.array import Array
from xlparity.functions.lift import fitted
from xlparity.limits import budget
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

if TYPE_CHECKING:
    from xlparity.engines.embedded.evaluate import Evaluator

__all__ = ["TABLE"]

TABLE: Table[str, Special] = Table("functions of functions")


@TABLE.rule("LET")
def _let(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("LET", arguments, 3)
    if len(arguments) % 2 == 0:
        raise FormulaError("LET ends with a calculation")
    for name, meaning in zip(arguments[:-1:2], arguments[1:-1:2], strict=True):
        if not isinstance(name, ast.Name):
            raise FormulaError("LET wants a name before each value")
        frame = frame.having({plain_name(name.name): evaluator.evaluate(meaning, frame)})
    return evaluator.evaluate(arguments[-1], frame)


@TABLE.rule("LAMBDA")
def _lambda(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("LAMBDA", arguments, 1)
    names = []
    for name in arguments[:-1]:
        if not isinstance(name, ast.Name):
            raise FormulaError("LAMBDA wants names before its calculation")
        names.append(plain_name(name.name))
    return Lambda(tuple(names), arguments[-1], frame.variables, frame)


def _function(evaluator: Evaluator, argument: Expression, frame: Frame) -> Lambda:
    made = evaluator.evaluate(argument, frame)
    if isinstance(made, Lambda):
        return made
    if isinstance(argument, ast.Name) and argument.name.upper().removeprefix("_XLETA.") in FUNCTIONS:
        # MAP(A1:A3,ABS): a function of Excel named without brackets.
        name = argument.name.upper().removeprefix("_XLETA.")
        names = tuple(f"argument {i}" for i in range(max(FUNCTIONS[name].least, 1)))
        return Lambda(names, ast.Call(name, tuple(ast.Name(part) for part in names)), {}, frame)
    raise Unresolved("a LAMBDA is wanted where none is given")


def _lanes(array: Array, frame: Frame) -> Array:
    """`array` with all lane dimensions of the frame spelled out, so that one more can stand in front."""
    missing = frame.lanes + 2 - array.number.ndim
    shape = (1,) * missing
    kind = None if array.kind is None else array.kind.reshape(shape + array.kind.shape)
    return Array(array.number.reshape(shape + array.number.shape), kind)


def _each(array: Array, frame: Frame, rows: bool, columns: bool) -> Array:
    """The elements (both), rows or columns of `array` as lanes in front."""
    array = _lanes(array, frame)

    def moved(tensor: Tensor) -> Tensor:
        height, width = tensor.shape[-2:]
        if rows and columns:
            return tensor.flatten(-2).movedim(-1, 0)[..., None, None]
        if rows:
            return tensor.movedim(-2, 0).unsqueeze(-2).reshape(height, *tensor.shape[:-2], 1, width)
        return tensor.movedim(-1, 0).unsqueeze(-1).reshape(width, *tensor.shape[:-2], height, 1)

    return Array(moved(array.number), None if array.kind is None else moved(array.kind))


def _deeper(frame: Frame) -> Frame:
    return replace(frame, array=True, lanes=frame.lanes + 1)


def _gathered(evaluator: Evaluator, result: Operand, frame: Frame, height: int, width: int) -> Array:
    """The lanes in front as rows and columns of one array."""
    array = evaluator.whole(result, frame)
    if array.rows != 1 or array.columns != 1:
        return Array.of_error(Error.CALC)
    array = _lanes(array, frame)

    def moved(tensor: Tensor) -> Tensor:
        tensor = tensor[..., 0, 0].expand(height * width, *tensor.shape[1:-2])
        tensor = tensor.movedim(0, -1)
        return tensor.reshape(*tensor.shape[:-1], height, width)

    return Array(moved(array.number), None if array.kind is None else moved(array.kind))


@TABLE.rule("MAP")
def _map(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("MAP", arguments, 2)
    frame = frame.as_array()
    arrays = fitted([evaluator.whole(evaluator.evaluate(part, frame), frame) for part in arguments[:-1]])
    height, width = max(array.rows for array in arrays), max(array.columns for array in arrays)
    function = _function(evaluator, arguments[-1], frame)
    inside = _deeper(frame)
    elements: list[Operand] = []
    for array in arrays:
        shape = (*array.number.shape[:-2], height, width)
        kind = None if array.kind is None else array.kind.expand(shape)
        elements.append(_each(Array(array.number.expand(shape), kind), frame, True, True))
    return _gathered(evaluator, evaluator.invoke(function, elements, inside), inside, height, width)


@TABLE.rule("BYROW")
def _byrow(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("BYROW", arguments, 2, 2)
    frame = frame.as_array()
    array = evaluator.whole(evaluator.evaluate(arguments[0], frame), frame)
    function, inside = _function(evaluator, arguments[1], frame), _deeper(frame)
    result = evaluator.invoke(function, [_each(array, frame, True, False)], inside)
    return _gathered(evaluator, result, inside, array.rows, 1)


@TABLE.rule("BYCOL")
def _bycol(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("BYCOL", arguments, 2, 2)
    frame = frame.as_array()
    array = evaluator.whole(evaluator.evaluate(arguments[0], frame), frame)
    function, inside = _function(evaluator, arguments[1], frame), _deeper(frame)
    result = evaluator.invoke(function, [_each(array, frame, False, True)], inside)
    return _gathered(evaluator, result, inside, 1, array.columns)


@TABLE.rule("MAKEARRAY")
def _makearray(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("MAKEARRAY", arguments, 3, 3)
    frame = frame.as_array()
    size = [constant(evaluator, evaluator.value(part, frame), frame) for part in arguments[:2]]
    if size[0] is None or size[1] is None or size[0] < 1 or size[1] < 1:
        return Array.of_error(Error.VALUE)
    height, width = size[0], size[1]
    budget().size(height * width)
    row = torch.arange(1.0, height + 1, dtype=torch.float64)[:, None].expand(height, width)
    column = torch.arange(1.0, width + 1, dtype=torch.float64).expand(height, width)
    function, inside = _function(evaluator, arguments[2], frame), _deeper(frame)
    elements: list[Operand] = [_each(Array(part), frame, True, True) for part in (row, column)]
    return _gathered(evaluator, evaluator.invoke(function, elements, inside), inside, height, width)


def _steps(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> tuple[list[Operand], Array]:
    """What REDUCE and SCAN pass through, the first value included, and the array they walk over."""
    initial: Operand = Array.single(Kind.BLANK, 0.0)
    if not isinstance(arguments[0], ast.Missing):
        initial = evaluator.evaluate(arguments[0], frame)
    array = evaluator.whole(evaluator.evaluate(arguments[1], frame), frame)
    function = _function(evaluator, arguments[2], frame)
    states = [initial]
    for i in range(array.rows):
        for j in range(array.columns):
            kind = None if array.kind is None else array.kind[..., i : i + 1, j : j + 1]
            element = Array(array.number[..., i : i + 1, j : j + 1], kind)
            states.append(evaluator.invoke(function, [states[-1], element], frame))
    return states, array


@TABLE.rule("REDUCE")
def _reduce(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("REDUCE", arguments, 3, 3)
    return _steps(evaluator, arguments, frame.as_array())[0][-1]


@TABLE.rule("SCAN")
def _scan(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("SCAN", arguments, 3, 3)
    frame = frame.as_array()
    states, array = _steps(evaluator, arguments, frame)
    values = [_lanes(evaluator.whole(state, frame), frame) for state in states[1:]]
    if any(value.rows != 1 or value.columns != 1 for value in values):
        return Array.of_error(Error.CALC)
    shape = np.broadcast_shapes(*(value.number.shape for value in values))
    size = (*shape[:-2], array.rows, array.columns)
    number = torch.cat([value.number.expand(shape) for value in values], -1).reshape(size)
    if all(value.kind is None for value in values):
        return Array(number)
    kind = torch.cat([value.kinds.expand(shape) for value in values], -1).reshape(size)
    return Array(number, kind)


@TABLE.rule("ISOMITTED")
def _isomitted(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    raise Unresolved("ISOMITTED is not supported")

"""Functions that see their arguments unevaluated: choices, variables, and those that need a reference."""

# ruff: noqa: ARG001 (all special functions take the same arguments)

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import Tensor

from xlparity.engines.embedded.address import plain_name
from xlparity.engines.embedded.frame import Frame
from xlparity.engines.embedded.operand import Lambda, Operand, Ragged, Reference, Scattered, Union, Unresolved
from xlparity.errors import FormulaError
from xlparity.formula import ast
from xlparity.formula.ast import Expression
from xlparity.functions import FUNCTIONS, Argument
from xlparity.functions.array import Array
from xlparity.functions.coercion import booleans_of, numbers_of
from xlparity.functions.fault import UNDECIDED, Fault, fault_of
from xlparity.functions.lift import fitted
from xlparity.functions.operators import operator
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

if TYPE_CHECKING:
    from xlparity.engines.embedded.evaluate import Evaluator

__all__ = ["SPECIAL", "choose"]

Special: TypeAlias = "Callable[[Evaluator, Sequence[Expression], Frame], Operand]"

SPECIAL: Table[str, Special] = Table("special functions")


def _count(name: str, arguments: Sequence[Expression], least: int, most: int | None = None) -> None:
    if len(arguments) < least or (most is not None and len(arguments) > most):
        raise FormulaError(f"{name} does not take {len(arguments)} argument(s)")


# -- choices ------------------------------------------------------------------------------------------------------


def choose(mask: Tensor, yes: Array, no: Array) -> Array:
    """`yes` where `mask` (bool) is true, `no` elsewhere; errors of the side not taken do not matter."""
    condition, left, right = fitted([Array(mask.to(torch.float64)), yes, no])
    truth = condition.number != 0
    number = torch.where(truth, left.number, right.number)
    if condition.kind is None and left.kind is None and right.kind is None:
        return Array(number)
    kind = torch.where(truth, left.kinds, right.kinds)
    if condition.kind is not None:
        outside = condition.kind == int(Kind.ERROR)
        number = torch.where(outside, float(Error.NA), number)
        kind = torch.where(outside, int(Kind.ERROR), kind).to(torch.uint8)
    return Array(number, kind)


def _faulty(fault: Fault, result: Array) -> Array:
    """`result` with the errors and undecided values of `fault` on top."""
    if fault is None:
        return result
    kind = torch.where(fault >= UNDECIDED, int(Kind.UNDECIDED), int(Kind.ERROR)).to(torch.uint8)
    payload = torch.where(fault >= UNDECIDED, fault - UNDECIDED, fault).to(torch.float64)
    return choose(fault != 0, Array(payload, kind), result)


def _branch(  # noqa: PLR0917
    evaluator: Evaluator,
    truth: Tensor,
    fault: Fault,
    yes: Callable[[Frame], Operand],
    no: Callable[[Frame], Operand],
    frame: Frame,
) -> Operand:
    """The branch that all lanes take, unevaluated otherwise; a mixture where they differ."""
    if fault is None:
        if bool(truth.all()):
            return _shaped(evaluator, yes(frame), truth, frame)
        if not bool(truth.any()):
            return _shaped(evaluator, no(frame), truth, frame)
    sides = []
    for side, taken in ((yes, truth), (no, ~truth)):
        inside = frame.cut_where(~taken)
        sides.append(evaluator.one(side(inside), inside))
    return _faulty(fault, choose(truth, *sides))


def _shaped(evaluator: Evaluator, chosen: Operand, truth: Tensor, frame: Frame) -> Operand:
    """`chosen` repeated to the rows and columns of the condition, where that is an array."""
    if truth.shape[-2:] == (1, 1):
        return chosen
    one = evaluator.one(chosen, frame)
    return choose(torch.ones(truth.shape, dtype=torch.bool), one, one)


@SPECIAL.rule("IF")
def _if(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("IF", arguments, 2, 3)
    truth, fault = booleans_of(evaluator.value(arguments[0], frame), evaluator.texts)

    def no(frame: Frame) -> Operand:
        return evaluator.evaluate(arguments[2], frame) if len(arguments) > 2 else Array.of_boolean(False)

    return _branch(evaluator, truth, fault, lambda frame: evaluator.evaluate(arguments[1], frame), no, frame)


@SPECIAL.rule("IFS")
def _ifs(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("IFS", arguments, 2)
    if len(arguments) % 2:
        raise FormulaError("IFS takes pairs of a condition and a value")

    def rest(position: int, frame: Frame) -> Operand:
        if position == len(arguments):
            return Array.of_error(Error.NA)
        truth, fault = booleans_of(evaluator.value(arguments[position], frame), evaluator.texts)
        return _branch(
            evaluator,
            truth,
            fault,
            lambda frame: evaluator.evaluate(arguments[position + 1], frame),
            lambda frame: rest(position + 2, frame),
            frame,
        )

    return rest(0, frame)


@SPECIAL.rule("SWITCH")
def _switch(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("SWITCH", arguments, 3)
    subject = evaluator.value(arguments[0], frame)

    def rest(position: int, frame: Frame) -> Operand:
        if position == len(arguments):
            return Array.of_error(Error.NA)
        if position == len(arguments) - 1:
            return evaluator.evaluate(arguments[position], frame)
        same = operator("=", subject, evaluator.value(arguments[position], frame), evaluator.texts)
        truth, fault = booleans_of(same, evaluator.texts)
        return _branch(
            evaluator,
            truth,
            fault,
            lambda frame: evaluator.evaluate(arguments[position + 1], frame),
            lambda frame: rest(position + 2, frame),
            frame,
        )

    return rest(1, frame)


@SPECIAL.rule("CHOOSE")
def _choose(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("CHOOSE", arguments, 2)
    number, fault = numbers_of(evaluator.value(arguments[0], frame), evaluator.texts)
    index = number.detach().trunc()

    def rest(position: int, frame: Frame) -> Operand:
        if position == len(arguments):
            return Array.of_error(Error.VALUE)
        return _branch(
            evaluator,
            index == position,
            fault if position == 1 else None,
            lambda frame: evaluator.evaluate(arguments[position], frame),
            lambda frame: rest(position + 1, frame),
            frame,
        )

    return rest(1, frame)


def _replace(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame, only: Error | None) -> Operand:
    operand = evaluator.evaluate(arguments[0], frame)
    array = evaluator.one(operand, frame)
    if array.kind is None:
        return operand
    mask = array.kind == int(Kind.ERROR)
    if only is not None:
        mask = mask & (array.number == int(only))
    if not bool(mask.any()):
        return operand
    return choose(mask, evaluator.value(arguments[1], frame), array)


@SPECIAL.rule("IFERROR")
def _iferror(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("IFERROR", arguments, 2, 2)
    return _replace(evaluator, arguments, frame, None)


@SPECIAL.rule("IFNA")
def _ifna(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("IFNA", arguments, 2, 2)
    return _replace(evaluator, arguments, frame, Error.NA)


# -- variables and functions --------------------------------------------------------------------------------------


@SPECIAL.rule("LET")
def _let(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("LET", arguments, 3)
    if len(arguments) % 2 == 0:
        raise FormulaError("LET ends with a calculation")
    for name, meaning in zip(arguments[:-1:2], arguments[1:-1:2], strict=True):
        if not isinstance(name, ast.Name):
            raise FormulaError("LET wants a name before each value")
        frame = frame.having({plain_name(name.name): evaluator.evaluate(meaning, frame)})
    return evaluator.evaluate(arguments[-1], frame)


@SPECIAL.rule("LAMBDA")
def _lambda(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("LAMBDA", arguments, 1)
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


@SPECIAL.rule("MAP")
def _map(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("MAP", arguments, 2)
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


@SPECIAL.rule("BYROW")
def _byrow(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("BYROW", arguments, 2, 2)
    frame = frame.as_array()
    array = evaluator.whole(evaluator.evaluate(arguments[0], frame), frame)
    function, inside = _function(evaluator, arguments[1], frame), _deeper(frame)
    result = evaluator.invoke(function, [_each(array, frame, True, False)], inside)
    return _gathered(evaluator, result, inside, array.rows, 1)


@SPECIAL.rule("BYCOL")
def _bycol(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("BYCOL", arguments, 2, 2)
    frame = frame.as_array()
    array = evaluator.whole(evaluator.evaluate(arguments[0], frame), frame)
    function, inside = _function(evaluator, arguments[1], frame), _deeper(frame)
    result = evaluator.invoke(function, [_each(array, frame, False, True)], inside)
    return _gathered(evaluator, result, inside, 1, array.columns)


@SPECIAL.rule("MAKEARRAY")
def _makearray(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("MAKEARRAY", arguments, 3, 3)
    frame = frame.as_array()
    size = [_constant(evaluator, evaluator.value(part, frame), frame) for part in arguments[:2]]
    if size[0] is None or size[1] is None or size[0] < 1 or size[1] < 1:
        return Array.of_error(Error.VALUE)
    height, width = size[0], size[1]
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


@SPECIAL.rule("REDUCE")
def _reduce(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("REDUCE", arguments, 3, 3)
    return _steps(evaluator, arguments, frame.as_array())[0][-1]


@SPECIAL.rule("SCAN")
def _scan(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("SCAN", arguments, 3, 3)
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


@SPECIAL.rule("ISOMITTED")
def _isomitted(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    raise Unresolved("ISOMITTED is not supported")


# -- references ---------------------------------------------------------------------------------------------------


def _constant(evaluator: Evaluator, array: Array, frame: Frame) -> int | None:
    """The one integer that `array` holds in all lanes; None for an error; Ragged where lanes differ."""
    number, fault = numbers_of(array, evaluator.texts)
    if fault is not None and bool((fault != 0).all()):
        return None
    if fault is not None or number.numel() == 0 or bool((number != number.reshape(-1)[0]).any()):
        if frame.window.size > 1:
            raise Ragged("cells")
        raise Unresolved("the size or place of a reference depends on values that differ between samples")
    return int(number.reshape(-1)[0].trunc())


def _positions(first: int, count: int, moves: bool, window: int, dim: int) -> Tensor:
    """1-based row (dim 1) or column (dim 2) numbers as lanes."""
    steps = torch.arange(first + 1, first + 1 + (window if moves else 1), dtype=torch.float64)
    return steps.reshape([1, -1, 1] if dim == 1 else [1, 1, -1])[..., None] + torch.arange(count, dtype=torch.float64)


@SPECIAL.rule("ROW")
def _row(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("ROW", arguments, 0, 1)
    window = frame.window
    operand: Operand = Reference(window.sheet, window.row, window.column, 1, 1, True, True)
    if arguments:
        operand = evaluator.evaluate(arguments[0], frame)
    if isinstance(operand, Scattered):
        return Array(operand.top[..., None, None].to(torch.float64))
    if not isinstance(operand, Reference):
        return operand if isinstance(operand, Array) and operand.kind is not None else Array.of_error(Error.VALUE)
    count = operand.rows if frame.array else 1
    return Array(_positions(operand.top, count, operand.down, window.height, 1)[..., None])


@SPECIAL.rule("COLUMN")
def _column(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("COLUMN", arguments, 0, 1)
    window = frame.window
    operand: Operand = Reference(window.sheet, window.row, window.column, 1, 1, True, True)
    if arguments:
        operand = evaluator.evaluate(arguments[0], frame)
    if isinstance(operand, Scattered):
        return Array(operand.left[..., None, None].to(torch.float64))
    if not isinstance(operand, Reference):
        return operand if isinstance(operand, Array) and operand.kind is not None else Array.of_error(Error.VALUE)
    count = operand.columns if frame.array else 1
    return Array(_positions(operand.left, count, operand.across, window.width, 2)[..., None, :])


@SPECIAL.rule("ROWS")
def _rows(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("ROWS", arguments, 1, 1)
    operand = evaluator.evaluate(arguments[0], frame.as_array())
    return _size(operand, operand.rows) if isinstance(operand, Array | Reference | Scattered) else _no_reference()


@SPECIAL.rule("COLUMNS")
def _columns(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("COLUMNS", arguments, 1, 1)
    operand = evaluator.evaluate(arguments[0], frame.as_array())
    return _size(operand, operand.columns) if isinstance(operand, Array | Reference | Scattered) else _no_reference()


def _size(operand: Array | Reference | Scattered, count: int) -> Array:
    if isinstance(operand, Array) and operand.rows == operand.columns == 1:
        fault = fault_of(operand)
        return _faulty(fault, Array.of_number(1.0))
    return Array.of_number(float(count))


def _no_reference() -> Array:
    return Array.of_error(Error.VALUE)


@SPECIAL.rule("AREAS")
def _areas(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("AREAS", arguments, 1, 1)
    operand = evaluator.evaluate(arguments[0], frame)
    if isinstance(operand, Union):
        return Array.of_number(float(len(operand.parts)))
    return operand if isinstance(operand, Array) else Array.of_number(1.0)


@SPECIAL.rule("ISREF")
def _isref(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("ISREF", arguments, 1, 1)
    operand = evaluator.evaluate(arguments[0], frame)
    return Array.of_boolean(isinstance(operand, Reference | Scattered | Union))


@SPECIAL.rule("SHEETS")
def _sheets(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("SHEETS", arguments, 0, 1)
    if not arguments:
        return Array.of_number(float(len(evaluator.workbook.book.sheets)))
    operand = evaluator.evaluate(arguments[0], frame)
    if isinstance(operand, Array):
        return operand
    return Array.of_number(float(len(operand.parts)) if isinstance(operand, Union) else 1.0)


@SPECIAL.rule("SHEET")
def _sheet(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("SHEET", arguments, 0, 1)
    if not arguments:
        return Array.of_number(float(frame.window.sheet + 1))
    operand = evaluator.evaluate(arguments[0], frame)
    if isinstance(operand, Reference | Scattered):
        return Array.of_number(float(operand.sheet + 1))
    raise Unresolved("SHEET of something else than a reference is not supported")


@SPECIAL.rule("OFFSET")
def _offset(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("OFFSET", arguments, 3, 5)
    base = evaluator.evaluate(arguments[0], frame)
    if not isinstance(base, Reference):
        if isinstance(base, Scattered) and frame.window.size > 1:
            raise Ragged("cells")
        return base if isinstance(base, Array) and base.kind is not None else Array.of_error(Error.VALUE)
    size = []
    for position, given in ((3, base.rows), (4, base.columns)):
        if len(arguments) > position and not isinstance(arguments[position], ast.Missing):
            length = evaluator.value(arguments[position], frame)
            value = _constant(evaluator, length, frame)
            if value is None:
                return length
            # Excel rounds a height or width below 1 up and all others towards 0.
            size.append(value or int(length.number.reshape(-1)[0].sign()))
        else:
            size.append(given)
    if 0 in size:
        return Array.of_error(Error.REF)
    moves: list[Tensor] = []
    for argument in arguments[1:3]:
        array = evaluator.value(argument, frame)
        number, fault = numbers_of(array, evaluator.texts)
        if number.shape[-2:] != (1, 1):
            raise Unresolved("OFFSET by an array gives an array of references, which is not supported")
        if fault is not None:
            if frame.window.size > 1:
                raise Ragged("cells")
            return array if bool((array.kinds >= int(Kind.ERROR)).any()) else Array.of_error(Error.VALUE)
        moves.append(number[..., 0, 0].detach().trunc())
    # A negative size reaches up or to the left from the moved corner.
    up, back = (count + 1 if count < 0 else 0 for count in size)
    rows, columns = abs(size[0]), abs(size[1])
    if all(bool((move == move.reshape(-1)[0]).all()) for move in moves):
        top = base.top + int(moves[0].reshape(-1)[0]) + up
        left = base.left + int(moves[1].reshape(-1)[0]) + back
        return _bounded(Reference(base.sheet, top, left, rows, columns, base.down, base.across), frame)
    top_steps = _positions(base.top - 1, 1, base.down, frame.window.height, 1)[..., 0]
    left_steps = _positions(base.left - 1, 1, base.across, frame.window.width, 2)[..., 0]
    tops, lefts = (top_steps + moves[0] + up).long(), (left_steps + moves[1] + back).long()
    inside = int(tops.min()) >= 0 and int(lefts.min()) >= 0
    if not inside or int(tops.max()) + rows > MAX_ROWS or int(lefts.max()) + columns > MAX_COLUMNS:
        if frame.window.size > 1:
            raise Ragged("cells")
        raise Unresolved("OFFSET leaves the sheet in some samples")
    shape = np.broadcast_shapes(tops.shape, lefts.shape)
    return Scattered(base.sheet, tops.expand(shape), lefts.expand(shape), rows, columns)


def _bounded(area: Reference, frame: Frame) -> Operand:
    """`area`, or #REF! if it leaves the sheet."""
    bottom = area.top + area.rows + (frame.window.height - 1 if area.down else 0)
    right = area.left + area.columns + (frame.window.width - 1 if area.across else 0)
    if area.top < 0 or area.left < 0 or bottom > MAX_ROWS or right > MAX_COLUMNS:
        if frame.window.size > 1 and (area.down or area.across):
            raise Ragged("cells")
        return Array.of_error(Error.REF)
    return area


@SPECIAL.rule("INDEX")
def _index(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("INDEX", arguments, 2, 4)
    # INDEX(A1:A9*B1:B9,0) is the way to have an array calculated in an ordinary formula.
    source = evaluator.evaluate(arguments[0], frame.as_array())
    if isinstance(source, Union):
        chosen = _constant(evaluator, evaluator.value(arguments[3], frame), frame) if len(arguments) > 3 else 1
        if chosen is None or not 1 <= chosen <= len(source.parts):
            return Array.of_error(Error.REF)
        source = source.parts[chosen - 1]
    places: list[Array | None] = []
    for argument in arguments[1:3]:
        places.append(None if isinstance(argument, ast.Missing) else evaluator.value(argument, frame))
    if isinstance(source, Reference):
        found = _indexed(evaluator, source, places, frame)
        if found is not None:
            return found
    array = evaluator.whole(source, frame, "INDEX")
    given = [Argument(array, not isinstance(source, Array))]
    return evaluator.apply("INDEX", [*given, *(None if place is None else Argument(place) for place in places)], frame)


def _indexed(evaluator: Evaluator, area: Reference, places: list[Array | None], frame: Frame) -> Operand | None:
    """The part of `area` that is meant, as a reference; None where it has to be looked up by value."""
    chosen: list[int] = []
    for place in places:
        if place is None:
            chosen.append(0)
            continue
        number, fault = numbers_of(place, evaluator.texts)
        if fault is not None or number.shape[-2:] != (1, 1) or bool((number != number.reshape(-1)[0]).any()):
            return None
        chosen.append(int(number.reshape(-1)[0].trunc()))
    if len(chosen) == 1:
        chosen = [0, chosen[0]] if area.rows == 1 and area.columns > 1 else [chosen[0], 0 if area.columns > 1 else 1]
    row, column = chosen
    if row < 0 or column < 0:
        return Array.of_error(Error.VALUE)
    if row > area.rows or column > area.columns:
        return Array.of_error(Error.REF)
    return Reference(
        area.sheet,
        area.top + max(row - 1, 0),
        area.left + max(column - 1, 0),
        1 if row else area.rows,
        1 if column else area.columns,
        area.down,
        area.across,
    )


@SPECIAL.rule("INDIRECT")
def _indirect(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    _count("INDIRECT", arguments, 1, 2)
    if len(arguments) > 1 and not isinstance(arguments[1], ast.Missing):
        style = _constant(evaluator, evaluator.value(arguments[1], frame), frame)
        if style != 1:
            raise Unresolved("INDIRECT with R1C1 text is not supported")
    array = evaluator.value(arguments[0], frame)
    kinds, first = array.kinds, float(array.number.reshape(-1)[0])
    if bool((kinds != kinds.reshape(-1)[0]).any()) or bool((array.number != first).any()):
        if frame.window.size > 1:
            raise Ragged("cells")
        raise Unresolved("INDIRECT of several texts at once is not supported")
    kind = int(kinds.reshape(-1)[0])
    if kind in (int(Kind.ERROR), int(Kind.UNDECIDED)):
        return Array.single(Kind(kind), first)
    if kind != int(Kind.TEXT):
        return Array.of_error(Error.REF)
    tree = evaluator.workbook.parsed(evaluator.texts.table[int(first)].strip())
    if isinstance(tree, ast.External):
        raise Unresolved("INDIRECT refers to another workbook")
    if not isinstance(
        tree, ast.CellReference | ast.AreaReference | ast.WholeColumns | ast.WholeRows | ast.Name | ast.TableReference
    ):
        return Array.of_error(Error.REF)
    # The text means fixed cells, whichever cell the formula stands in.
    window = frame.window
    inside = Frame(
        type(window)(window.sheet, window.row, window.column),
        (window.row, window.column),
        window.sheet,
        checked=frame.checked,
    )
    found = evaluator.evaluate(tree, inside)
    if isinstance(found, Reference):
        return Reference(found.sheet, found.top, found.left, found.rows, found.columns)
    if isinstance(found, Array) and found.kind is not None and int(found.kind.max()) == int(Kind.ERROR):
        return Array.of_error(Error.REF)
    return found


def _sum_if(name: str) -> Special:
    """SUMIF and AVERAGEIF: the summed cells start at the third argument's corner and reach as far as the first."""

    def rule(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
        _count(name, arguments, 2, 3)
        area = evaluator.evaluate(arguments[0], frame)
        criteria = evaluator.value(arguments[1], frame)
        given = [Argument(evaluator.whole(area, frame, name), not isinstance(area, Array)), Argument(criteria)]
        if len(arguments) > 2 and not isinstance(arguments[2], ast.Missing):
            summed = evaluator.evaluate(arguments[2], frame)
            if isinstance(summed, Reference) and isinstance(area, Reference | Scattered):
                summed = Reference(
                    summed.sheet, summed.top, summed.left, area.rows, area.columns, summed.down, summed.across
                )
            given.append(Argument(evaluator.whole(summed, frame, name), not isinstance(summed, Array)))
        return evaluator.apply(name, given, frame)

    return rule


SPECIAL.add("SUMIF", _sum_if("SUMIF"))
SPECIAL.add("AVERAGEIF", _sum_if("AVERAGEIF"))


def _count_if(name: str, step: int) -> Special:
    """COUNTBLANK, COUNTIF and COUNTIFS, which count the empty cells of whole columns and rows as well."""

    def rule(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
        _count(name, arguments, step)
        given: list[Argument] = []
        beyond: list[Argument] = []
        unseen = 0
        for position, argument in enumerate(arguments):
            if position % step:
                given.append(Argument(evaluator.value(argument, frame)))
                beyond.append(given[-1])
                continue
            area = evaluator.evaluate(argument, frame)
            if isinstance(area, Reference):
                seen = evaluator.used(area)
                unseen = area.rows * area.columns - seen.rows * seen.columns
                area = seen
            given.append(Argument(evaluator.whole(area, frame), not isinstance(area, Array)))
            beyond.append(Argument(Array.single(Kind.BLANK, 0.0), True))
        count = evaluator.apply(name, given, frame)
        if not unseen:
            return count
        # Beyond the used cells all are empty, so one of them tells for all.
        more = operator("*", evaluator.apply(name, beyond, frame), Array.of_number(float(unseen)), evaluator.texts)
        return operator("+", count, more, evaluator.texts)

    return rule


SPECIAL.add("COUNTBLANK", _count_if("COUNTBLANK", 1))
SPECIAL.add("COUNTIF", _count_if("COUNTIF", 2))
SPECIAL.add("COUNTIFS", _count_if("COUNTIFS", 2))

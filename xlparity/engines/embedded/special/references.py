"""Functions that need a reference, or give one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xlparity.engines.embedded.frame import Frame
from xlparity.engines.embedded.operand import Operand, Ragged, Reference, Scattered, Union, Unresolved, differing
from xlparity.engines.embedded.special.common import Special, check_count, constant, is_other, mixture
from xlparity.formula import ast
from xlparity.formula.ast import Expression
from xlparity.functions import Argument
from xlparity.functions.array import Array
from xlparity.functions.coercion import numbers_of
from xlparity.functions.fault import fault_of, sealed
from xlparity.functions.logic import faulty
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

if TYPE_CHECKING:
    from xlparity.engines.embedded.evaluate import Evaluator

__all__ = ["TABLE", "corners"]

TABLE: Table[str, Special] = Table("references")


def _positions(first: int, count: int, moves: bool, window: int, dim: int) -> Tensor:
    """1-based row (dim 1) or column (dim 2) numbers as lanes."""
    steps = torch.arange(first + 1, first + 1 + (window if moves else 1), dtype=torch.float64)
    return steps.reshape([1, -1, 1] if dim == 1 else [1, 1, -1])[..., None] + torch.arange(count, dtype=torch.float64)


@TABLE.rule("ROW")
def _row(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("ROW", arguments, 0, 1)
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


@TABLE.rule("COLUMN")
def _column(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("COLUMN", arguments, 0, 1)
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


@TABLE.rule("ROWS")
def _rows(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("ROWS", arguments, 1, 1)
    operand = evaluator.evaluate(arguments[0], frame.as_array())
    return _size(operand, operand.rows) if isinstance(operand, Array | Reference | Scattered) else _no_reference()


@TABLE.rule("COLUMNS")
def _columns(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("COLUMNS", arguments, 1, 1)
    operand = evaluator.evaluate(arguments[0], frame.as_array())
    return _size(operand, operand.columns) if isinstance(operand, Array | Reference | Scattered) else _no_reference()


def _size(operand: Array | Reference | Scattered, count: int) -> Array:
    if isinstance(operand, Array) and operand.rows == operand.columns == 1:
        fault = fault_of(operand)
        return faulty(fault, Array.of_number(1.0))
    return Array.of_number(float(count))


def _no_reference() -> Array:
    return Array.of_error(Error.VALUE)


@TABLE.rule("OFFSET")
def _offset(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("OFFSET", arguments, 3, 5)
    base = evaluator.evaluate(arguments[0], frame)
    if not isinstance(base, Reference):
        if isinstance(base, Scattered) and frame.window.size > 1:
            raise Ragged("cells")
        return base if isinstance(base, Array) and base.kind is not None else Array.of_error(Error.VALUE)
    size = []
    for position, given in ((3, base.rows), (4, base.columns)):
        if len(arguments) > position and not isinstance(arguments[position], ast.Missing):
            length = evaluator.value(arguments[position], frame)
            value = constant(evaluator, length, frame)
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
    top_steps, left_steps = corners(base, frame)
    tops, lefts = (top_steps + moves[0] + up).long(), (left_steps + moves[1] + back).long()
    inside = int(tops.min()) >= 0 and int(lefts.min()) >= 0
    if not inside or int(tops.max()) + rows > MAX_ROWS or int(lefts.max()) + columns > MAX_COLUMNS:
        raise differing("OFFSET leaves the sheet in some samples", frame)
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


@TABLE.rule("INDEX")
def _index(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("INDEX", arguments, 2, 4)
    # INDEX(A1:A9*B1:B9,0) is the way to have an array calculated in an ordinary formula.
    source = evaluator.evaluate(arguments[0], frame.as_array())
    areas = source.parts if isinstance(source, Union) else (source,)
    source = areas[0]
    if len(arguments) > 3 and not isinstance(arguments[3], ast.Missing):
        number = evaluator.value(arguments[3], frame)
        chosen = constant(evaluator, number, frame)
        if chosen is None:
            return sealed(torch.zeros(1, 1).double(), numbers_of(number, evaluator.texts)[1])
        if not 1 <= chosen <= len(areas):
            return Array.of_error(Error.REF)
        source = areas[chosen - 1]
    places: list[Array | None] = []
    for argument in arguments[1:3]:
        places.append(None if isinstance(argument, ast.Missing) else evaluator.value(argument, frame))
    if isinstance(source, Reference):
        found = _indexed(evaluator, source, places, frame)
        if found is not None:
            return found
    array = evaluator.whole(source, frame, "INDEX")
    given = [Argument(array, not isinstance(source, Array))]
    found = evaluator.apply("INDEX", [*given, *(None if place is None else Argument(place) for place in places)], frame)
    other = isinstance(source, Reference) and is_other(found)  # cells, and errors elsewhere
    return mixture(found, other, frame)


def _indexed(evaluator: Evaluator, area: Reference, places: list[Array | None], frame: Frame) -> Operand | None:
    """The part of `area` that is meant, as a reference; None where it has to be looked up by value."""
    numbers: list[Tensor] = []
    for place in places:
        if place is None:
            numbers.append(torch.zeros(1, 1))
            continue
        number, fault = numbers_of(place, evaluator.texts)
        if fault is not None or number.shape[-2:] != (1, 1):
            return None
        numbers.append(number[..., 0, 0].detach().trunc())
    if len(numbers) == 1:
        all_, one = torch.zeros(1, 1), torch.ones(1, 1)
        numbers = (
            [all_, *numbers] if area.rows == 1 and area.columns > 1 else [*numbers, all_ if area.columns > 1 else one]
        )
    if any(bool((number != number.reshape(-1)[0]).any()) for number in numbers):
        return _elements(area, numbers[0], numbers[1], frame)
    row, column = (int(number.reshape(-1)[0]) for number in numbers)
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


def _elements(area: Reference, row: Tensor, column: Tensor, frame: Frame) -> Scattered | None:
    """The cell of each lane; None where some lanes mean a whole row or column, or lie outside."""
    for number, most in ((row, area.rows), (column, area.columns)):
        if bool(((number < 1) | (number > most)).any()):
            return None
    top, left = corners(area, frame)
    tops, lefts = (top + row - 1).long(), (left + column - 1).long()
    shape = np.broadcast_shapes(tops.shape, lefts.shape)
    return Scattered(area.sheet, tops.expand(shape), lefts.expand(shape), 1, 1)


def corners(area: Reference | Scattered, frame: Frame) -> tuple[Tensor, Tensor]:
    """The row and the column of the area's first cell as lanes."""
    if isinstance(area, Scattered):
        return area.top, area.left
    top = _positions(area.top - 1, 1, area.down, frame.window.height, 1)[..., 0]
    left = _positions(area.left - 1, 1, area.across, frame.window.width, 2)[..., 0]
    return top.long(), left.long()


@TABLE.rule("INDIRECT")
def _indirect(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("INDIRECT", arguments, 1, 2)
    if len(arguments) > 1 and not isinstance(arguments[1], ast.Missing):
        style = constant(evaluator, evaluator.value(arguments[1], frame), frame)
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

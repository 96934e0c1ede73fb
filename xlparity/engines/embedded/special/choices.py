"""Choices: the branches not taken do not matter, and are not evaluated where all cells agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xlparity.engines.embedded.frame import Frame
from xlparity.engines.embedded.operand import Lambda, Mixture, Operand, Reference, Scattered, differing
from xlparity.engines.embedded.special.common import Special, check_count, is_other, mixture
from xlparity.engines.embedded.special.references import corners
from xlparity.errors import FormulaError
from xlparity.formula.ast import Expression
from xlparity.functions.array import Array
from xlparity.functions.coercion import booleans_of, numbers_of
from xlparity.functions.fault import Fault
from xlparity.functions.logic import choose, faulty
from xlparity.functions.operators import operator
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

if TYPE_CHECKING:
    from xlparity.engines.embedded.evaluate import Evaluator

__all__ = ["TABLE"]

TABLE: Table[str, Special] = Table("choices")


def _branch(
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
    sides: list[Array] = []
    cells: list[Reference | Scattered] = []
    other = False  # whether a cell that is no number is among what is chosen
    for side, taken in ((yes, truth), (no, ~truth)):
        inside = frame.cut_where(~taken)
        operand = side(inside)
        area = not (isinstance(operand, Array | Lambda) or operand.single or frame.array)
        if area and truth.shape[-2:] == (1, 1) and (frame.window.size > 1 or evaluator.store.batch > 1):
            # SUM(IF(B1>0,C1:C3,D1:D3)) adds up the area that is chosen, another one in each cell or sample.
            raise differing("an area depends on values that differ between samples", frame)
        sides.append(evaluator.one(operand, inside))
        if isinstance(operand, Reference | Scattered) and operand.single:
            cells.append(operand)
            other |= is_other(sides[-1], taken)
        other |= isinstance(operand, Mixture)
    both = len(cells) == 2 and cells[0].sheet == cells[1].sheet and any(side.kind is not None for side in sides)
    if both and fault is None and truth.shape[-2:] == (1, 1):
        # COUNT(IF(B1>0,C1,D1)) counts no blank: what is chosen is a cell, another one in each lane.
        pairs = zip(corners(cells[0], frame), corners(cells[1], frame), strict=True)
        top, left = (torch.where(truth[..., 0, 0], *pair) for pair in pairs)
        shape = np.broadcast_shapes(top.shape, left.shape)
        return Scattered(cells[0].sheet, top.expand(shape), left.expand(shape), 1, 1)
    return mixture(faulty(fault, choose(truth, *sides)), other, frame)


def _shaped(evaluator: Evaluator, chosen: Operand, truth: Tensor, frame: Frame) -> Operand:
    """`chosen` repeated to the rows and columns of the condition, where that is an array."""
    if truth.shape[-2:] == (1, 1):
        return chosen
    one = evaluator.one(chosen, frame)
    return choose(torch.ones(truth.shape, dtype=torch.bool), one, one)


@TABLE.rule("IF")
def _if(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("IF", arguments, 2, 3)
    truth, fault = booleans_of(evaluator.value(arguments[0], frame), evaluator.texts)

    def no(frame: Frame) -> Operand:
        return evaluator.evaluate(arguments[2], frame) if len(arguments) > 2 else Array.of_boolean(False)

    return _branch(evaluator, truth, fault, lambda frame: evaluator.evaluate(arguments[1], frame), no, frame)


@TABLE.rule("IFS")
def _ifs(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("IFS", arguments, 2)
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


@TABLE.rule("SWITCH")
def _switch(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("SWITCH", arguments, 3)
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


@TABLE.rule("CHOOSE")
def _choose(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("CHOOSE", arguments, 2)
    number, fault = numbers_of(evaluator.value(arguments[0], frame), evaluator.texts)
    index = number.detach().trunc()
    inside = bool(((index >= 1) & (index < len(arguments))).all())

    def rest(position: int, frame: Frame) -> Operand:
        if position == len(arguments):
            return Array.of_error(Error.VALUE)
        if position > 1 and position == len(arguments) - 1 and inside:  # no mixture with the error beyond the last
            return evaluator.evaluate(arguments[position], frame)
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
    result = choose(mask, evaluator.value(arguments[1], frame), array)
    other = isinstance(operand, Mixture) or (not isinstance(operand, Array) and is_other(array, ~mask))
    return mixture(result, other, frame)


@TABLE.rule("IFERROR")
def _iferror(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("IFERROR", arguments, 2, 2)
    return _replace(evaluator, arguments, frame, None)


@TABLE.rule("IFNA")
def _ifna(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
    check_count("IFNA", arguments, 2, 2)
    return _replace(evaluator, arguments, frame, Error.NA)

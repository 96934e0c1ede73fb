"""Logic: IF, IFERROR, CHOOSE, SWITCH, AND, ... ("Logical functions").

A branch that is not taken does not matter, neither its errors nor its gradients. Over an array of conditions each
element chooses for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import booleans_of
from xlparity.functions.fault import Fault, fault_of, first_fault, merged, sealed, where_error
from xlparity.functions.lift import elementwise, fitted
from xlparity.functions.signature import Argument, Function, LanesDiffer, anything, array, boolean, declare, number
from xlparity.functions.textual import textual
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

__all__ = ["TABLE", "choose", "faulty"]

TABLE: Table[str, Function] = Table("logic")


def choose(mask: Tensor, yes: Array, no: Array) -> Array:
    """`yes` where `mask` (bool) is true, `no` elsewhere; errors of the side not taken do not matter.

    LanesDiffer where a mask of one element a lane takes arrays of different sizes in different lanes.
    """
    if mask.shape[-2:] == (1, 1) and yes.number.shape[-2:] != no.number.shape[-2:]:
        if bool(mask.all()):
            return yes
        if not bool(mask.any()):
            return no
        raise LanesDiffer("the branches have different sizes")
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


def faulty(fault: Fault, result: Array) -> Array:
    """`result` with the errors and undecided values of `fault` on top."""
    if fault is None:
        return result
    return choose(fault != 0, sealed(torch.zeros(fault.shape, dtype=torch.float64), fault), result)


# The engine computes these, since it does not evaluate a branch that is not taken.
for declared in (
    Function(
        "IF",
        (boolean("logical_test"), anything("value_if_true"), anything("value_if_false", None)),
        "One value where a test is TRUE, another where it is FALSE.",
    ),
    Function("IFERROR", (anything("value"), anything("value_if_error")), "Another value where a value is an error."),
    Function("IFNA", (anything("value"), anything("value_if_na")), "Another value where a value is #N/A."),
    Function(
        "IFS",
        (boolean("logical_test"), anything("value_if_true"), anything("more", None, repeating=True)),
        "The value of the first test that is TRUE; #N/A if none is.",
    ),
    Function(
        "SWITCH",
        (anything("expression"), anything("value1"), anything("result1"), anything("more", None, repeating=True)),
        "The result that belongs to the first value equal to an expression, or a default.",
    ),
    Function(
        "CHOOSE",
        (number("index_num"), anything("value", repeating=True)),
        "The value that stands at a place of a list of arguments.",
    ),
):
    declare(TABLE, declared)


def _reduced(combine: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Sequence[Argument], Texts], Array]:
    """A body that combines how many logical values there are and how many of them are TRUE."""

    def body(arguments: Sequence[Argument], texts: Texts) -> Array:
        true = count = torch.zeros(())
        faults: list[Fault] = []
        for argument in arguments:
            given = argument.array
            if not argument.reference and given.rows == given.columns == 1:
                truth, fault = booleans_of(given, texts)
                counts = torch.ones_like(truth)
            else:
                kind, fault = given.kinds, fault_of(given)
                counts = (kind == int(Kind.NUMBER)) | (kind == int(Kind.BOOLEAN))
                truth = counts & (given.number.detach() != 0)
            faults.append(first_fault(fault))
            true = true + truth.sum((-2, -1), keepdim=True)
            count = count + counts.sum((-2, -1), keepdim=True)
        fault = merged([*faults, where_error(count == 0, Error.VALUE)])
        return sealed(combine(true, count).to(torch.float64), fault, Kind.BOOLEAN)

    return body


LOGICAL = (array("logical", repeating=True),)
for name, summary, combine in (
    ("AND", "TRUE if all values are TRUE.", lambda true, count: true == count),
    ("OR", "TRUE if one of the values is TRUE.", lambda true, _: true > 0),
    ("XOR", "TRUE if an odd number of the values is TRUE.", lambda true, _: true % 2 == 1),
):
    declare(TABLE, Function(name, LOGICAL, summary, _reduced(combine)))


@elementwise(TABLE, "NOT", boolean("logical"), summary="FALSE for TRUE, TRUE for FALSE.", result=Kind.BOOLEAN)
def logical_not(truth: Tensor) -> Tensor:
    return (~truth).to(torch.float64)


textual(TABLE, "TRUE", summary="TRUE.")(lambda: True)
textual(TABLE, "FALSE", summary="FALSE.")(lambda: False)

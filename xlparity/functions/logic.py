"""Logic: IF, IFERROR, CHOOSE, SWITCH, AND, ... ("Logical functions").

A branch that is not taken does not matter, neither its errors nor its gradients. Over an array of conditions each
element chooses for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import booleans_of, numbers_of
from xlparity.functions.fault import Fault, fault_of, first_fault, merged, sealed, where_error
from xlparity.functions.lift import elementwise, fitted
from xlparity.functions.order import comparison
from xlparity.functions.signature import Argument, Function, LanesDiffer, anything, array, boolean, number
from xlparity.functions.textual import textual
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

__all__ = ["TABLE", "select"]

TABLE: Table[str, Function] = Table("logic")


def select(index: Tensor, fault: Fault, arrays: Sequence[Array]) -> Array:
    """The elements of `arrays[index]`, element by element, where there is no fault.

    A single index over all lanes takes a whole array, whatever its size.
    """
    sound = None if fault is None else fault == 0
    if index.shape[-2:] == (1, 1):
        used: set[int] = set((index if sound is None else index.expand(sound.shape)[sound]).flatten().tolist())
        if len(used) == 1 and (sound is None or bool(sound.all())):
            return arrays[used.pop()]
        shapes = {arrays[at].number.shape[-2:] for at in used} - {torch.Size((1, 1))}
        if len(shapes) > 1:
            raise LanesDiffer("the branches have different sizes")
        arrays = [arrays[at] if at in used else Array.of_number(0.0) for at in range(len(arrays))]
    *arrays, place = fitted([*arrays, Array(index.to(torch.float64))])
    if fault is not None:
        fault = _padded(fault, place)
    if place.kind is not None:  # an index beyond the smaller array
        fault = merged([fault_of(place), fault])
    index = place.number.long()
    shape = np.broadcast_shapes(index.shape, *(given.number.shape for given in arrays))
    result = arrays[-1].number.expand(shape)
    plain = all(given.kind is None for given in arrays)
    kind = None if plain else arrays[-1].kinds.expand(shape)
    for at in range(len(arrays) - 2, -1, -1):
        here = index == at
        result = torch.where(here, arrays[at].number, result)
        if kind is not None:
            kind = torch.where(here, arrays[at].kinds, kind)
    if fault is None:
        return Array(result, kind)
    spoiled = sealed(torch.zeros(shape, dtype=torch.float64), fault)
    bad = fault != 0
    kinds = spoiled.kinds if kind is None else torch.where(bad, spoiled.kinds, kind)
    return Array(torch.where(bad, spoiled.number, result), kinds)


def _padded(fault: Tensor, place: Array) -> Tensor:
    """A fault as large as the array of places; #N/A beyond its end."""
    rows, columns = place.rows, place.columns
    down = rows - fault.shape[-2] if fault.shape[-2] > 1 else 0
    right = columns - fault.shape[-1] if fault.shape[-1] > 1 else 0
    return torch.nn.functional.pad(fault, (0, max(right, 0), 0, max(down, 0)), value=int(Error.NA))


def _if(arguments: Sequence[Argument], texts: Texts) -> Array:
    truth, fault = booleans_of(arguments[0].array, texts)
    return select((~truth).long(), fault, [arguments[1].array, arguments[2].array])


TABLE.add(
    "IF",
    Function(
        "IF",
        (boolean("logical_test"), anything("value_if_true", True), anything("value_if_false", False)),
        "One value where a test is TRUE, another where it is FALSE.",
        _if,
    ),
)


def _replace(matches: Callable[[Array], Tensor]) -> Callable[[Sequence[Argument], Texts], Array]:
    def body(arguments: Sequence[Argument], _: Texts) -> Array:
        value, alternative = arguments[0].array, arguments[1].array
        if value.kind is None:
            return value
        return select(matches(value).long(), None, [value, alternative])

    return body


IFERROR = (anything("value"), anything("value_if_error"))
TABLE.add(
    "IFERROR",
    Function(
        "IFERROR", IFERROR, "Another value where a value is an error.", _replace(lambda v: v.kinds == int(Kind.ERROR))
    ),
)
TABLE.add(
    "IFNA",
    Function(
        "IFNA",
        (anything("value"), anything("value_if_na")),
        "Another value where a value is #N/A.",
        _replace(lambda v: (v.kinds == int(Kind.ERROR)) & (v.number.detach() == int(Error.NA))),
    ),
)


def _ifs(arguments: Sequence[Argument], texts: Texts) -> Array:
    if len(arguments) % 2:
        return Array.of_error(Error.NA)
    result = Array.of_error(Error.NA)
    for test, value in reversed(list(zip(arguments[::2], arguments[1::2], strict=True))):
        truth, fault = booleans_of(test.array, texts)
        result = select((~truth).long(), fault, [value.array, result])
    return result


TABLE.add(
    "IFS",
    Function(
        "IFS",
        (boolean("logical_test"), anything("value_if_true"), anything("more", None, repeating=True)),
        "The value of the first test that is TRUE; #N/A if none is.",
        _ifs,
    ),
)


def _switch(arguments: Sequence[Argument], texts: Texts) -> Array:
    value, rest = arguments[0].array, list(arguments[1:])
    result = rest.pop().array if len(rest) % 2 else Array.of_error(Error.NA)
    for case, outcome in reversed(list(zip(rest[::2], rest[1::2], strict=True))):
        left, right = fitted([value, case.array])
        fault = merged([fault_of(left), fault_of(right)])
        result = select((comparison(left, right, texts) != 0).long(), fault, [outcome.array, result])
    return result


TABLE.add(
    "SWITCH",
    Function(
        "SWITCH",
        (anything("expression"), anything("value1"), anything("result1"), anything("more", None, repeating=True)),
        "The result that belongs to the first value equal to an expression, or a default.",
        _switch,
    ),
)


def _choose(arguments: Sequence[Argument], texts: Texts) -> Array:
    index, fault = numbers_of(arguments[0].array, texts)
    place = index.detach().trunc()
    outside = (place < 1) | (place > len(arguments) - 1)
    fault = merged([fault, where_error(outside, Error.VALUE)])
    place = torch.where(outside if fault is None else outside | (fault != 0), 1.0, place)
    return select(place.long() - 1, fault, [argument.array for argument in arguments[1:]])


TABLE.add(
    "CHOOSE",
    Function(
        "CHOOSE",
        (number("index_num"), anything("value", repeating=True)),
        "The value that stands at a place of a list of arguments.",
        _choose,
    ),
)


def _reduced(combine: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Sequence[Argument], Texts], Array]:
    """A body that combines how many logical values there are and how many of them are TRUE."""

    def body(arguments: Sequence[Argument], texts: Texts) -> Array:
        true, count = torch.zeros(1, 1), torch.zeros(1, 1)
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
    TABLE.add(name, Function(name, LOGICAL, summary, _reduced(combine)))


@elementwise(TABLE, "NOT", boolean("logical"), summary="FALSE for TRUE, TRUE for FALSE.", result=Kind.BOOLEAN)
def logical_not(truth: Tensor) -> Tensor:
    return (~truth).to(torch.float64)


textual(TABLE, "TRUE", summary="TRUE.")(lambda: True)
textual(TABLE, "FALSE", summary="FALSE.")(lambda: False)

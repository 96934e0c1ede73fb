"""Functions with criteria: COUNTIF, SUMIFS, AVERAGEIFS, MAXIFS, ...

Source: "COUNTIF function", "SUMIFS function". A criterion is a value or a text such as ">=3", "<>a*" or "=".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.fault import UNDECIDED, Fault, array_of, fault_of, first_fault, merged, where_error
from xlparity.functions.lift import broadcast
from xlparity.functions.order import text_key
from xlparity.functions.scalars import scalar_of
from xlparity.functions.signature import Argument, Function, Unsupported, anything, array, declare
from xlparity.functions.text_of_number import number_of_text
from xlparity.functions.wildcard import has_wildcard, wildcard
from xlparity.limits import budget
from xlparity.model.table import Table
from xlparity.model.value import ERROR_TEXTS, Error, Kind, Scalar

__all__ = ["TABLE", "Criterion", "criterion_of", "matches"]

TABLE: Table[str, Function] = Table("criteria")
OPERATOR = re.compile(r"(<=|>=|<>|=|<|>)?(.*)", re.DOTALL)
CHUNK = 2**24  # elements of the masks held at once
ERRORS = {text: error for error, text in ERROR_TEXTS.items()}


@dataclass(frozen=True, slots=True)
class Criterion:
    """A comparison with an operand; `bare` where the criterion was written without an operator."""

    symbol: str
    operand: Scalar
    bare: bool = False


def criterion_of(value: Scalar, *, date1904: bool) -> Criterion:
    """The criterion that a value means; a blank cell means 0."""
    if value is None:
        return Criterion("=", 0.0)
    if not isinstance(value, str):
        return Criterion("=", value)
    found = OPERATOR.fullmatch(value)
    assert found is not None
    symbol, text = found[1] or "=", found[2]
    operand: Scalar = text
    if text.upper() in {"TRUE", "FALSE"}:
        operand = text.upper() == "TRUE"
    elif text.upper() in ERRORS:
        operand = ERRORS[text.upper()]
    elif (number := number_of_text(text, date1904=date1904)) is not None:
        operand = number
    return Criterion(symbol, operand, found[1] is None)


def matches(given: Array, criterion: Criterion, texts: Texts) -> Tensor:
    """Which elements meet a criterion, a bool tensor."""
    kind, payload, operand = given.kinds, given.number.detach(), criterion.operand
    if criterion.symbol == "<>":
        if isinstance(operand, float):  # a text that looks like the number differs from it here
            return ~((kind == int(Kind.NUMBER)) & (payload == operand))
        return ~matches(given, Criterion("=", operand), texts)
    if criterion.symbol == "=":
        return _equal(kind, payload, criterion, texts)
    compare = {"<": torch.lt, "<=": torch.le, ">": torch.gt, ">=": torch.ge}[criterion.symbol]
    if isinstance(operand, str):
        if operand == "":
            return torch.zeros_like(kind, dtype=torch.bool)
        key = text_key(operand)
        order = {"<": lambda a: a < key, "<=": lambda a: a <= key, ">": lambda a: a > key, ">=": lambda a: a >= key}
        return _texts_where(kind, payload, texts, lambda text: order[criterion.symbol](text_key(text)))
    if isinstance(operand, Error):
        raise Unsupported("a criterion that orders error values")
    wanted = Kind.BOOLEAN if isinstance(operand, bool) else Kind.NUMBER
    assert operand is not None
    return (kind == int(wanted)) & compare(payload, float(operand))


def _equal(kind: Tensor, payload: Tensor, criterion: Criterion, texts: Texts) -> Tensor:
    operand = criterion.operand
    if isinstance(operand, Error):
        return (kind == int(Kind.ERROR)) & (payload == float(operand))
    if isinstance(operand, bool):
        return (kind == int(Kind.BOOLEAN)) & (payload == float(operand))
    if isinstance(operand, str):
        if operand == "":
            blank = kind == int(Kind.BLANK)
            return blank | ((kind == int(Kind.TEXT)) & (payload == texts.index(""))) if criterion.bare else blank
        if has_wildcard(operand):
            return _texts_where(kind, payload, texts, wildcard(operand).fits)
        folded = operand.casefold()
        return _texts_where(kind, payload, texts, lambda text: text.casefold() == folded)
    assert operand is not None
    number = (kind == int(Kind.NUMBER)) & (payload == float(operand))
    if not bool((kind == int(Kind.TEXT)).any()):
        return number
    return number | _texts_where(kind, payload, texts, lambda text: _number(text, texts) == operand)


def _number(text: str, texts: Texts) -> float | None:
    """The number in a cell's text; None also for a date without a year, which no criterion can mean."""
    try:
        return number_of_text(text, date1904=texts.date1904)
    except Unsupported:
        return None


def _texts_where(kind: Tensor, payload: Tensor, texts: Texts, test: Callable[[str], bool]) -> Tensor:
    is_text = kind == int(Kind.TEXT)
    if not bool(is_text.any()):
        return is_text
    used = {int(index) for index in payload[is_text].tolist()}
    meets = torch.zeros(len(texts.table), dtype=torch.bool)
    meets[[index for index in used if test(texts.table[index])]] = True
    return is_text & meets[torch.where(is_text, payload, 0.0).long()]


# What is made of the elements that meet the criteria: a mask (*lanes, 1, 1, n) to a result (*lanes, 1, 1).
Measure = Callable[[Tensor], tuple[Tensor, Fault]]


def _measured(
    ranges: Sequence[Array], criteria: Sequence[Array], texts: Texts, measure: Measure, *, lanes: bool
) -> Array:
    """`measure` for the criteria of each element; each distinct tuple of criteria is tested and measured once.

    `lanes` tells that what is measured has lanes of its own.
    """
    given = broadcast(criteria)
    shape = given[0].number.shape
    fault = merged([_undecided(one) for one in given] + [first_fault(_undecided(one)) for one in ranges])
    flat = [Array(one.number.detach().flatten(-2), one.kinds.flatten(-2)) for one in ranges]
    codes = np.stack(
        [part.numpy().ravel() for one in given for part in (one.kinds.to(torch.float64), one.number.detach())], 1
    )
    distinct, places = np.unique(codes, axis=0, return_inverse=True)
    index = torch.from_numpy(places.reshape(shape))

    def mask_of(row: list[float]) -> Tensor:
        budget().time()
        mask = torch.ones((), dtype=torch.bool)
        for position, one in enumerate(flat):
            kind, payload = int(row[2 * position]), row[2 * position + 1]
            if kind != Kind.UNDECIDED:
                criterion = criterion_of(scalar_of(kind, payload, texts), date1904=texts.date1904)
                mask = mask & matches(one, criterion, texts)
        return mask.expand(np.broadcast_shapes(mask.shape, flat[0].number.shape))

    rows = distinct.tolist()
    if not lanes and all(one.number.ndim == 1 for one in flat):
        size = max(CHUNK // max(flat[0].number.shape[-1], 1), 1)
        parts = [
            measure(torch.stack([mask_of(row) for row in rows[start : start + size]])[:, None, None, :])
            for start in range(0, len(rows), size)
        ]
        number = torch.cat([one for one, _ in parts]).flatten()[index]
        codes_of = [torch.zeros(one.shape, dtype=torch.int32) if own is None else own for one, own in parts]
        return array_of(number, merged([fault, torch.cat(codes_of).flatten()[index]]))
    made: Tensor | None = None
    own = torch.zeros((1, 1), dtype=torch.int32)
    for at, row in enumerate(rows):
        number, code = measure(mask_of(row)[..., None, None, :])
        here = index == at
        made = number if made is None else torch.where(here, number, made)
        own = torch.where(here, 0 if code is None else code, own).to(torch.int32)
    assert made is not None
    return array_of(made, merged([fault, own]))


def _undecided(given: Array) -> Fault:
    fault = fault_of(given)
    return None if fault is None else torch.where(fault >= UNDECIDED, fault, 0)


def _countifs(arguments: Sequence[Argument], texts: Texts) -> Array:
    ranges, criteria = [one.array for one in arguments[::2]], [one.array for one in arguments[1::2]]
    if len({(one.rows, one.columns) for one in ranges}) > 1:
        return Array.of_error(Error.VALUE)
    return _measured(ranges, criteria, texts, lambda mask: (mask.sum(-1).to(torch.float64), None), lanes=False)


# How the numbers that meet the criteria are put together: numbers and mask to a result and where it is an error.
Combine = Callable[[Tensor, Tensor], tuple[Tensor, Fault]]


def _average(number: Tensor, mask: Tensor) -> tuple[Tensor, Fault]:
    count = mask.sum(-1)
    return torch.where(mask, number, 0.0).sum(-1) / count.clamp(min=1), where_error(count == 0, Error.DIV0)


def _greatest(number: Tensor, mask: Tensor) -> tuple[Tensor, Fault]:
    return torch.where(mask.any(-1), torch.where(mask, number, -math.inf).amax(-1), 0.0), None


def _smallest(number: Tensor, mask: Tensor) -> tuple[Tensor, Fault]:
    return torch.where(mask.any(-1), torch.where(mask, number, math.inf).amin(-1), 0.0), None


def _sum(number: Tensor, mask: Tensor) -> tuple[Tensor, Fault]:
    if number.ndim == 3 and not number.requires_grad:
        return mask.to(torch.float64) @ number[0, 0], None
    return torch.where(mask, number, 0.0).sum(-1), None


def _combined(
    values: Array, ranges: Sequence[Array], criteria: Sequence[Array], texts: Texts, combine: Combine
) -> Array:
    if len({(one.rows, one.columns) for one in [values, *ranges]}) > 1:
        return Array.of_error(Error.VALUE)
    number = values.number.flatten(-2)[..., None, None, :]
    if values.kind is None:
        return _measured(ranges, criteria, texts, lambda mask: combine(number, mask), lanes=number.ndim > 3)
    is_number = (values.kind == int(Kind.NUMBER)).flatten(-2)[..., None, None, :]
    number, codes = torch.where(is_number, number, 0.0), fault_of(values)

    def measure(mask: Tensor) -> tuple[Tensor, Fault]:
        result, own = combine(number, mask & is_number)
        if codes is not None:  # errors count only where the criteria are met
            found = first_fault(torch.where(mask, codes.flatten(-2)[..., None, None, :], 0), 1)
            assert found is not None
            own = merged([found.squeeze(-1), own])
        return result, own

    return _measured(ranges, criteria, texts, measure, lanes=number.ndim > 3)


def _ifs(arguments: Sequence[Argument], texts: Texts, *, combine: Combine) -> Array:
    ranges, criteria = [one.array for one in arguments[1::2]], [one.array for one in arguments[2::2]]
    return _combined(arguments[0].array, ranges, criteria, texts, combine)


def _if(arguments: Sequence[Argument], texts: Texts, *, combine: Combine) -> Array:
    tested, criterion = arguments[0].array, arguments[1].array
    values = arguments[2].array if len(arguments) > 2 else tested
    return _combined(values, [tested], [criterion], texts, combine)


RANGES = (array("criteria_range1"), anything("criteria1"))
MORE = (array("criteria_range", None, repeating=True), anything("criteria", None, repeating=True))
ONE = (array("range"), anything("criteria"))
declare(TABLE, Function("COUNTIF", ONE, "How many values meet a criterion.", _countifs))
declare(TABLE, Function("COUNTIFS", (*RANGES, *MORE), "How many values meet all criteria.", _countifs))
for name, words, combine in (("SUMIF", "sum", _sum), ("AVERAGEIF", "mean", _average)):
    declare(
        TABLE,
        Function(
            name,
            (*ONE, array(f"{name[:-2].lower()}_range", None, absent=True)),
            f"The {words} of the numbers whose cells meet a criterion.",
            partial(_if, combine=combine),
        ),
    )
for name, words, combine in (
    ("SUMIFS", "sum", _sum),
    ("AVERAGEIFS", "mean", _average),
    ("MAXIFS", "greatest", _greatest),
    ("MINIFS", "smallest", _smallest),
):
    declare(
        TABLE,
        Function(
            name,
            (array(f"{name[:-3].lower()}_range"), *RANGES, *MORE),
            f"The {words} of the numbers whose cells meet all criteria.",
            partial(_ifs, combine=combine),
        ),
    )

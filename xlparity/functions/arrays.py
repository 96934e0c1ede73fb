"""Functions that make arrays out of arrays: SEQUENCE, SORT, FILTER, UNIQUE, HSTACK, TAKE, ...

The size of a result has to be the same in all lanes; where it is not, LanesDiffer asks for one lane at a time.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import booleans_of, numbers_of
from xlparity.functions.fault import merged, sealed
from xlparity.functions.gather import (
    Early,
    columns_of,
    elements_of,
    integer_of,
    integers_of,
    lane_fault,
    reshaped,
    rows_of,
    stacked,
)
from xlparity.functions.order import text_ranks
from xlparity.functions.signature import (
    BLANK,
    Argument,
    Body,
    Function,
    LanesDiffer,
    Parameter,
    Type,
    Unsupported,
    array,
    boolean,
    declare,
    integer,
)
from xlparity.limits import budget
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

__all__ = ["TABLE"]

TABLE: Table[str, Function] = Table("arrays")
ARRAY = array("array")
Arguments = Sequence[Argument]


def _blank(argument: Argument) -> bool:
    """Whether an argument was left empty."""
    return argument.array.kind is not None and bool((argument.array.kind == int(Kind.BLANK)).all())


def _sequence(arguments: Arguments, texts: Texts) -> Array:
    rows, columns = integer_of(arguments[0], texts), integer_of(arguments[1], texts)
    if rows < 0 or columns < 0:
        return Array.of_error(Error.VALUE)
    if rows == 0 or columns == 0:
        return Array.of_error(Error.CALC)
    budget().size(rows * columns)
    start, one = numbers_of(arguments[2].array, texts)
    step, two = numbers_of(arguments[3].array, texts)
    if start.shape[-2:] != (1, 1) or step.shape[-2:] != (1, 1):
        raise Unsupported("SEQUENCE from an array of starts or steps is an array of arrays")
    place = torch.arange(rows * columns, dtype=torch.float64).reshape(rows, columns)
    return sealed(start + place * step, merged([one, two]))


def _order(keys: Array, texts: Texts, descending: bool) -> tuple[Tensor, Tensor]:
    """Two sort keys along the last dimension, class before value; blanks come last in either direction."""
    number, kind = keys.number.detach(), keys.kinds
    is_text = kind == int(Kind.TEXT)
    if bool(is_text.any()):
        ranks = text_ranks(texts, {int(index) for index in number[is_text].tolist()})
        number = torch.where(is_text, ranks[torch.where(is_text, number, 0.0).long()], number)
    sign = -1.0 if descending else 1.0
    classes = torch.where(kind == int(Kind.BLANK), 99.0, kind.to(torch.float64) * sign)
    return classes, number * sign


def _sorted_places(keys: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The places in sorted order along the last dimension; the first key decides first, ties keep their order."""
    shape = np.broadcast_shapes(*(values.shape for _, values in keys))
    places = torch.arange(shape[-1]).expand(shape)
    for classes, values in reversed(keys):
        for key in (values, classes):
            step = key.expand(shape).gather(-1, places).sort(dim=-1, stable=True).indices
            places = places.gather(-1, step)
    return places


def _ordered(given: Array, places: Tensor, by_column: bool) -> Array:
    """The rows (or columns) of an array in the order `places` (*lanes, n)."""
    if by_column:
        index = torch.arange(given.rows).reshape(-1, 1) * given.columns + places.unsqueeze(-2)
    else:
        index = places.unsqueeze(-1) * given.columns + torch.arange(given.columns)
    return elements_of(given, index)


def _check_decided(*arrays: Array) -> None:
    """Early with an undecided value of the arrays, on which the result would depend."""
    fault = merged([lane_fault(one) for one in arrays])
    if fault is not None and bool((fault != 0).any()):
        if fault.numel() > 1:
            raise LanesDiffer("undecided in some lanes")
        raise Early(sealed(torch.zeros(1, 1, dtype=torch.float64), fault.reshape(1, 1)))


def _sort(arguments: Arguments, texts: Texts) -> Array:
    given = arguments[0].array
    _check_decided(given)
    by_column = bool(integer_of(arguments[3], texts))
    indices, orders = integers_of(arguments[1], texts), integers_of(arguments[2], texts)
    if len(orders) == 1:
        orders = orders * len(indices)
    size = given.rows if by_column else given.columns
    if len(orders) != len(indices) or any(order not in {1, -1} for order in orders):
        return Array.of_error(Error.VALUE)
    if any(not 1 <= index <= size for index in indices):
        return Array.of_error(Error.VALUE)
    keys = []
    for index, order in zip(indices, orders, strict=True):
        line = rows_of(given, [index - 1]) if by_column else columns_of(given, [index - 1])
        flat = Array(line.number.flatten(-2), line.kinds.flatten(-2))
        keys.append(_order(flat, texts, order < 0))
    return _ordered(given, _sorted_places(keys), by_column)


def _sortby(arguments: Arguments, texts: Texts) -> Array:
    given = arguments[0].array
    keys, sides = [], set()
    _check_decided(*(argument.array for argument in arguments))
    for position in range(1, len(arguments), 2):
        line = arguments[position].array
        ascending = position + 1 == len(arguments) or arguments[position + 1] is BLANK
        order = 1 if ascending else integer_of(arguments[position + 1], texts)
        by_column = line.rows == 1 and (line.columns > 1 or given.rows > 1)
        sides.add(by_column)
        fits = line.rows * line.columns == (given.columns if by_column else given.rows)
        if order not in {1, -1} or not fits or (line.rows > 1 and line.columns > 1) or len(sides) > 1:
            return Array.of_error(Error.VALUE)
        keys.append(_order(Array(line.number.flatten(-2), line.kinds.flatten(-2)), texts, order < 0))
    return _ordered(given, _sorted_places(keys), by_column)


def _only_lane(given: Array) -> list[list[tuple[int, float]]]:
    """Kind and payload of each element, by rows, of an array without lanes."""
    if given.number.ndim > 2 and given.number[..., 0, 0].numel() > 1:
        raise LanesDiffer("the size of the result depends on the values")
    budget().objects(given.rows * given.columns)
    kinds, numbers = given.kinds.reshape(given.rows, given.columns), given.number.detach()
    payloads = numbers.reshape(given.rows, given.columns)
    return [list(zip(*pair, strict=True)) for pair in zip(kinds.tolist(), payloads.tolist(), strict=True)]


def _unique(arguments: Arguments, texts: Texts) -> Array:
    given = arguments[0].array
    _check_decided(given)
    by_column, once = bool(integer_of(arguments[1], texts)), bool(integer_of(arguments[2], texts))
    rows = _only_lane(given)
    lines = list(zip(*rows, strict=True)) if by_column else rows
    seen: dict[tuple[Hashable, ...], list[int]] = {}
    for place, line in enumerate(lines):
        key = tuple(_same(kind, payload, texts) for kind, payload in line)
        seen.setdefault(key, []).append(place)
    kept = [places[0] for places in seen.values() if not once or len(places) == 1]
    if not kept:
        return Array.of_error(Error.CALC)
    return columns_of(given, kept) if by_column else rows_of(given, kept)


def _same(kind: int, payload: float, texts: Texts) -> Hashable:
    """What UNIQUE takes for the same value: texts whatever their case."""
    return (kind, texts.table[int(payload)].casefold()) if kind == Kind.TEXT else (kind, payload)


def _filter(arguments: Arguments, texts: Texts) -> Array:
    given, include = arguments[0].array, arguments[1].array
    _check_decided(include)
    by_column = include.rows == 1 and include.columns == given.columns and not include.columns == given.rows == 1
    fits = include.rows == given.rows and include.columns == 1
    if not (by_column or fits):
        return Array.of_error(Error.VALUE)
    truth, fault = booleans_of(include, texts)
    if fault is not None:
        return _first_error(fault)
    flat = truth.reshape(-1, truth.shape[-2] * truth.shape[-1])
    if bool((flat != flat[:1]).any()):
        raise LanesDiffer("FILTER takes other elements in other lanes")
    kept = [place for place, take in enumerate(flat[0].tolist()) if take]
    if not kept:
        return arguments[2].array if len(arguments) > 2 else Array.of_error(Error.CALC)
    return columns_of(given, kept) if by_column else rows_of(given, kept)


def _first_error(fault: Tensor) -> Array:
    if fault.ndim > 2 and fault[..., 0, 0].numel() > 1:
        raise LanesDiffer("an error in some lanes")
    codes = fault.flatten()
    return sealed(torch.zeros(1, 1, dtype=torch.float64), codes[codes != 0][:1].reshape(1, 1))


def _padded(given: Array, rows: int, columns: int, pad: Array | None = None) -> Array:
    """An array enlarged at the bottom and the right with `pad` (#N/A)."""
    if (given.rows, given.columns) == (rows, columns):
        return given
    budget().size(math.prod(given.number.shape[:-2]) * rows * columns)
    kind, payload = int(Kind.ERROR), float(Error.NA)
    if pad is not None:
        if pad.number.numel() != 1:
            raise LanesDiffer("the padding has several values")
        kind, payload = int(pad.kinds.item()), float(pad.number)
    margin = (0, columns - given.columns, 0, rows - given.rows)
    number = torch.nn.functional.pad(given.number, margin, value=payload)
    kinds = torch.nn.functional.pad(given.kinds, margin, value=kind)
    return Array(number, None if bool((kinds == int(Kind.NUMBER)).all()) else kinds)


def _hstack(arguments: Arguments, _: Texts) -> Array:
    height = max(argument.array.rows for argument in arguments)
    return stacked([_padded(argument.array, height, argument.array.columns) for argument in arguments], -1)


def _vstack(arguments: Arguments, _: Texts) -> Array:
    width = max(argument.array.columns for argument in arguments)
    return stacked([_padded(argument.array, argument.array.rows, width) for argument in arguments], -2)


def _part(count: int, size: int, *, drop: bool) -> list[int]:
    """The places that TAKE or DROP leave of `size` rows."""
    places = list(range(size))
    if drop:
        return places[count:] if count >= 0 else places[:count]
    return places[:count] if count >= 0 else places[max(size + count, 0) :]


def _take(arguments: Arguments, texts: Texts, *, drop: bool) -> Array:
    made = arguments[0].array
    for position, pick, size in ((1, rows_of, made.rows), (2, columns_of, made.columns)):
        if position >= len(arguments) or _blank(arguments[position]):
            continue
        kept = _part(integer_of(arguments[position], texts), size, drop=drop)
        if not kept:
            return Array.of_error(Error.CALC)
        made = pick(made, kept)
    return made


def _choose(arguments: Arguments, texts: Texts, *, by_column: bool) -> Array:
    given = arguments[0].array
    size = given.columns if by_column else given.rows
    wanted = [index for argument in arguments[1:] for index in integers_of(argument, texts)]
    if any(index == 0 or abs(index) > size for index in wanted):
        return Array.of_error(Error.VALUE)
    places = [index - 1 if index > 0 else size + index for index in wanted]
    return columns_of(given, places) if by_column else rows_of(given, places)


def _to_vector(arguments: Arguments, texts: Texts, *, column: bool) -> Array:
    given = arguments[0].array
    ignore, by_column = integer_of(arguments[1], texts), bool(integer_of(arguments[2], texts))
    if ignore not in {0, 1, 2, 3}:
        return Array.of_error(Error.VALUE)
    if by_column:
        given = Array(given.number.mT, None if given.kind is None else given.kind.mT)
    length = given.rows * given.columns
    if ignore and given.kind is not None:
        dropped = {Kind.BLANK} if ignore == 1 else {Kind.ERROR} if ignore == 2 else {Kind.BLANK, Kind.ERROR}
        line = [kind for row in _only_lane(given) for kind, _ in row]
        kept = [place for place, kind in enumerate(line) if kind not in dropped]
        if not kept:
            return Array.of_error(Error.CALC)
        given, length = columns_of(reshaped(given, 1, length), kept), len(kept)
    return reshaped(given, length, 1) if column else reshaped(given, 1, length)


def _wrap(arguments: Arguments, texts: Texts, *, by_column: bool) -> Array:
    given, count = arguments[0].array, integer_of(arguments[1], texts)
    if given.rows > 1 and given.columns > 1:
        return Array.of_error(Error.VALUE)
    if count < 1:
        return Array.of_error(Error.NUM)
    length = given.rows * given.columns
    count = min(count, length)
    lines = -(-length // count)
    made = reshaped(_padded(reshaped(given, 1, length), 1, lines * count, arguments[2].array), lines, count)
    return Array(made.number.mT, None if made.kind is None else made.kind.mT) if by_column else made


def _expand(arguments: Arguments, texts: Texts) -> Array:
    given = arguments[0].array
    rows = given.rows if _blank(arguments[1]) else integer_of(arguments[1], texts)
    columns = given.columns if len(arguments) < 3 or _blank(arguments[2]) else integer_of(arguments[2], texts)
    if rows < given.rows or columns < given.columns:
        return Array.of_error(Error.VALUE)
    return _padded(given, rows, columns, arguments[3].array if len(arguments) > 3 else None)


def _enter(name: str, parameters: Sequence[Parameter], summary: str, body: Body) -> None:
    declare(TABLE, Function(name, tuple(parameters), summary, body))


_enter(
    "SEQUENCE",
    (
        integer("rows", 1.0, empty_is_default=True),
        integer("columns", 1.0, empty_is_default=True),
        Parameter("start", Type.NUMBER, 1.0, empty_is_default=True),
        Parameter("step", Type.NUMBER, 1.0, empty_is_default=True),
    ),
    "Numbers in equal steps, row by row.",
    _sequence,
)
_enter(
    "SORT",
    (
        ARRAY,
        array("sort_index", 1.0, empty_is_default=True),
        array("sort_order", 1.0, empty_is_default=True),
        boolean("by_col", False),
    ),
    "Rows (or columns) in the order of one of their columns.",
    _sort,
)
_enter(
    "SORTBY",
    (
        ARRAY,
        array("by_array1"),
        integer("sort_order1", 1.0),
        array("more", None, repeating=True),
    ),
    "Rows (or columns) in the order of other arrays.",
    _sortby,
)
_enter(
    "UNIQUE",
    (
        ARRAY,
        boolean("by_col", False),
        boolean("exactly_once", False),
    ),
    "Each distinct row (or column) once.",
    _unique,
)
KEPT = (ARRAY, array("include"), array("if_empty", None, absent=True))
_enter("FILTER", KEPT, "The rows or columns for which a condition is true.", _filter)
_enter("HSTACK", (array("array", repeating=True),), "Arrays side by side.", _hstack)
_enter("VSTACK", (array("array", repeating=True),), "Arrays one below the other.", _vstack)
TAKEN = (ARRAY, integer("rows"), integer("columns", None, absent=True))
_enter("TAKE", TAKEN, "The first rows and columns, or the last for negative counts.", partial(_take, drop=False))
_enter("DROP", TAKEN, "An array without its first or last rows and columns.", partial(_take, drop=True))
LINES = (ARRAY, array("num", repeating=True))
_enter("CHOOSECOLS", LINES, "The columns at some places.", partial(_choose, by_column=True))
_enter("CHOOSEROWS", LINES, "The rows at some places.", partial(_choose, by_column=False))
SCANNED = (
    ARRAY,
    integer("ignore", 0.0),
    boolean("scan_by_column", False),
)
_enter("TOCOL", SCANNED, "All elements as one column.", partial(_to_vector, column=True))
_enter("TOROW", SCANNED, "All elements as one row.", partial(_to_vector, column=False))
WRAPPED = (array("vector"), integer("wrap_count"), array("pad_with", Error.NA, empty_is_default=True))
_enter("WRAPROWS", WRAPPED, "A vector as rows of some length.", partial(_wrap, by_column=False))
_enter("WRAPCOLS", WRAPPED, "A vector as columns of some length.", partial(_wrap, by_column=True))
_enter(
    "EXPAND",
    (ARRAY, integer("rows"), integer("columns", None, absent=True), array("pad_with", None, absent=True)),
    "An array enlarged to a size.",
    _expand,
)

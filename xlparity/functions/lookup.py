"""Looking up: MATCH, INDEX, VLOOKUP, LOOKUP, XLOOKUP, ... ("Lookup and reference functions"), on values.

Exact matches compare numbers bit for bit, texts whatever their case. Approximate matches need a sorted list, as Excel's
binary search does; what Excel gives for an unsorted one depends on its search, and is undecided here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import booleans_of, numbers_of
from xlparity.functions.fault import UNDECIDED, Fault, array_of, fault_of, merged, where_error
from xlparity.functions.gather import elements_of, integer_of, integers_of, lane_fault, reshaped
from xlparity.functions.lift import fitted
from xlparity.functions.logic import select
from xlparity.functions.order import text_ranks
from xlparity.functions.signature import Argument, Function, LanesDiffer, anything, array, boolean, integer
from xlparity.functions.wildcard import has_wildcard, pattern_of
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

__all__ = ["TABLE"]

TABLE: Table[str, Function] = Table("lookup")
UNSORTED = "an approximate match in a list that is not sorted: Excel's answer depends on its search"
CHUNK = 2**24  # elements of a comparison table held at once


def positions(
    value: Array, vector: Array, texts: Texts, mode: int, *, last: bool = False, wild: bool = False
) -> Tensor:
    """Where each of `value` (*lanes, rows, columns) stands in `vector` (*lanes, n, 1), from 0; -1 is nowhere.

    `mode` 0 is an exact match, -1 exact or the next smaller, 1 exact or the next greater; the first of equals, or the
    last one. `wild` reads wildcards in texts.
    """
    keys, classes = _keys(vector, value, texts)
    wanted, kinds = _keys(value, vector, texts)
    keys, classes = keys.flatten(-2), classes.flatten(-2)
    if value.kind is not None:  # a blank looks for 0
        blank = value.kind == int(Kind.BLANK)
        kinds = torch.where(blank, int(Kind.NUMBER), kinds)
    if keys.ndim == 1 and wanted.numel() * keys.numel() > CHUNK:
        size = max(CHUNK // keys.numel(), 1)
        looked, of_kind = wanted.reshape(-1, 1, 1), kinds.reshape(-1, 1, 1)
        parts = [slice(start, start + size) for start in range(0, len(looked), size)]
        found = [_search(looked[part], of_kind[part], keys, classes, mode, last=last) for part in parts]
        at = torch.cat(found).reshape(wanted.shape)
    else:
        at = _search(wanted, kinds, keys, classes, mode, last=last)
    return _wild(at, value, vector, texts, last=last) if wild and mode == 0 else at


def _keys(array: Array, other: Array, texts: Texts) -> tuple[Tensor, Tensor]:
    """Comparable numbers (texts by rank) and the kinds of an array."""
    number, kind = array.number.detach(), array.kinds
    is_text = kind == int(Kind.TEXT)
    if not bool(is_text.any()):
        return number, kind
    used: set[int] = set()
    for one in (array, other):
        used.update(int(i) for i in one.number[one.kinds == int(Kind.TEXT)].tolist())
    ranks = text_ranks(texts, used)
    return torch.where(is_text, ranks[torch.where(is_text, number, 0.0).long()], number), kind


def _search(wanted: Tensor, kinds: Tensor, keys: Tensor, classes: Tensor, mode: int, *, last: bool) -> Tensor:
    wide, wide_kinds = wanted.unsqueeze(-1), kinds.unsqueeze(-1)
    entries, entry_kinds = keys[..., None, None, :], classes[..., None, None, :]
    comparable = entry_kinds == wide_kinds
    n = keys.shape[-1]
    place = torch.arange(n)
    equal = comparable & (entries == wide)
    exact = _edge(equal, place, last=last)
    if mode == 0:
        return exact
    if mode < 0:
        candidates = comparable & (entries < wide)
        best = torch.where(candidates, entries, -math.inf).amax(-1, keepdim=True)
    else:
        candidates = comparable & (entries > wide)
        best = torch.where(candidates, entries, math.inf).amin(-1, keepdim=True)
    return torch.where(exact >= 0, exact, _edge(candidates & (entries == best), place, last=last))


def _edge(mask: Tensor, place: Tensor, *, last: bool) -> Tensor:
    """The first or last place where `mask` is true, -1 where it is nowhere."""
    if last:
        return torch.where(mask, place, -1).amax(-1)
    n = len(place)
    at = torch.where(mask, place, n).amin(-1)
    return torch.where(at == n, -1, at)


def _wild(at: Tensor, value: Array, vector: Array, texts: Texts, *, last: bool) -> Tensor:
    """`at`, anew for texts with wildcards."""
    if value.kind is None or vector.kind is None:
        return at
    is_text = value.kind == int(Kind.TEXT)
    payload = value.number.detach()
    for index in {int(i) for i in payload[is_text].tolist()}:
        if not has_wildcard(texts.table[index]):
            continue
        pattern = pattern_of(texts.table[index])
        text = (vector.kind == int(Kind.TEXT)).flatten(-2)
        entries = vector.number.detach().flatten(-2)
        meets = torch.zeros(len(texts.table), dtype=torch.bool)
        for entry in {int(i) for i in entries[text].tolist()}:
            meets[entry] = pattern.fullmatch(texts.table[entry]) is not None
        mask = text & meets[torch.where(text, entries, 0.0).long()]
        found = _edge(mask, torch.arange(mask.shape[-1]), last=last)[..., None, None]
        at = torch.where(is_text & (payload == index), found, at)
    return at


def approximate(value: Array, vector: Array, texts: Texts, *, descending: bool) -> tuple[Tensor, Fault]:
    """The last place whose entry is not beyond the value in a sorted `vector`, as a binary search finds it; -1 if none.

    The fault is undecided where the list is not sorted and the search could end elsewhere.
    """
    keys, classes = _keys(vector, value, texts)
    wanted, kinds = _keys(value, vector, texts)
    if value.kind is not None:
        kinds = torch.where(value.kind == int(Kind.BLANK), int(Kind.NUMBER), kinds)
    if descending:
        keys, wanted = -keys, -wanted
    entries, entry_kinds = keys.flatten(-2)[..., None, None, :], classes.flatten(-2)[..., None, None, :]
    if wanted.numel() * entries.shape[-1] > CHUNK and entries.ndim == 3 and vector.kind is None and value.kind is None:
        flat = entries[0, 0]
        if bool((flat[1:] >= flat[:-1]).all()):
            return torch.searchsorted(flat, wanted, right=True) - 1, None
    comparable = entry_kinds == kinds.unsqueeze(-1)
    within = comparable & (entries <= wanted.unsqueeze(-1))
    place = torch.arange(entries.shape[-1])
    at = _edge(within, place, last=True)
    # Sorted as far as this search can tell: everything within stands before everything beyond.
    beyond = comparable & ~within
    first_beyond = torch.where(beyond, place, len(place)).amin(-1)
    doubtful = first_beyond < at
    # Equal to the greatest entries throughout, a search still ends at the last of them.
    fault = doubtful.to(torch.int32) * (UNDECIDED + texts.index(UNSORTED)) if bool(doubtful.any()) else None
    return at, fault


def _vector(given: Array) -> Array:
    return reshaped(given, given.rows * given.columns, 1)


def _not_found(at: Tensor) -> Fault:
    return where_error(at < 0, Error.NA)


def _match(arguments: Sequence[Argument], texts: Texts) -> Array:
    value, vector = arguments[0].array, arguments[1].array
    kind = integers_of(arguments[2], texts)[0]
    if vector.rows > 1 and vector.columns > 1:
        return Array.of_error(Error.NA)
    vector = _vector(vector)
    fault = merged([fault_of(value), lane_fault(vector)])
    if kind == 0:
        at, own = positions(value, vector, texts, 0, wild=True), None
    else:
        at, own = approximate(value, vector, texts, descending=kind < 0)
        if kind < 0:  # of equals, the first
            exact = positions(value, vector, texts, 0)
            at = torch.where(exact >= 0, exact, at)
    return _numbers(at + 1, merged([fault, own, _not_found(at)]))


def _numbers(at: Tensor, fault: Fault) -> Array:
    return array_of(at.to(torch.float64), fault)


def _index(arguments: Sequence[Argument], texts: Texts) -> Array:
    """INDEX on an array; 0 or an empty argument takes a whole row or column."""
    given = arguments[0].array
    if len(arguments) > 3:
        area, fault = numbers_of(arguments[3].array, texts)
        if fault is not None or bool((area != 1).any()):
            return Array.of_error(Error.REF)
    row, row_fault = numbers_of(arguments[1].array, texts)
    column: Tensor = torch.ones(1, 1, dtype=torch.float64)
    column_fault: Fault = None
    if len(arguments) > 2:
        column, column_fault = numbers_of(arguments[2].array, texts)
    row, column = row.detach().trunc(), column.detach().trunc()
    if len(arguments) == 2 and given.rows == 1:
        row, column = torch.ones(1, 1).double(), row
        row_fault, column_fault = None, row_fault
    elif len(arguments) == 2 and given.columns > 1:
        column = torch.zeros(1, 1).double()
    outside = (row < 0) | (column < 0) | (row > given.rows) | (column > given.columns)
    negative = where_error((row < 0) | (column < 0), Error.VALUE)
    fault = merged([row_fault, column_fault, negative, where_error(outside, Error.REF)])
    rows_all, columns_all = row == 0, column == 0
    if bool(rows_all.any()) or bool(columns_all.any()):
        if not (_uniform(rows_all) and _uniform(columns_all)):
            raise LanesDiffer("INDEX takes whole rows or columns in some lanes only")
        if bool(rows_all.any()):
            if row.shape[-2:] != (1, 1) or (column.shape[-2:] != (1, 1) and not bool(columns_all.any())):
                return Array.of_error(Error.VALUE)
            row = torch.arange(1, given.rows + 1, dtype=torch.float64).reshape(-1, 1)
        if bool(columns_all.any()):
            column = torch.arange(1, given.columns + 1, dtype=torch.float64).reshape(1, -1)
    row, column = (one.number for one in fitted([Array(row), Array(column)]))
    return elements_of(given, ((row - 1) * given.columns + column - 1).long(), fault)


def _uniform(mask: Tensor) -> bool:
    return bool(mask.all()) or not bool(mask.any())


def _table_lookup(arguments: Sequence[Argument], texts: Texts, *, vertical: bool) -> Array:
    """VLOOKUP and HLOOKUP."""
    value, table = arguments[0].array, arguments[1].array
    if not vertical:
        table = Array(table.number.mT, None if table.kind is None else table.kind.mT)
    column, column_fault = numbers_of(arguments[2].array, texts)
    column = column.detach().trunc()
    ranged, ranged_fault = booleans_of(arguments[3].array, texts)
    if not _uniform(ranged):
        raise LanesDiffer("range_lookup differs")
    first = Array(table.number[..., :1], None if table.kind is None else table.kind[..., :1])
    fault = merged([fault_of(value), column_fault, ranged_fault, lane_fault(first)])
    if bool(ranged.all()):
        at, own = approximate(value, first, texts, descending=False)
    else:
        at, own = positions(value, first, texts, 0, wild=True), None
    row, number = (one.number for one in fitted([Array(at.to(torch.float64)), Array(column)]))
    bounds = merged([where_error(column < 1, Error.VALUE), where_error(column > table.columns, Error.REF)])
    fault = merged([fault, bounds, own, _not_found(row)])
    index = (row * table.columns + number - 1).long()
    shape = np.broadcast_shapes(index.shape, () if fault is None else fault.shape)
    return elements_of(table, index.expand(shape), fault)


def _lookup(arguments: Sequence[Argument], texts: Texts) -> Array:
    """LOOKUP: the vector form, and the array form, which searches the longer side."""
    value, vector = arguments[0].array, arguments[1].array
    if len(arguments) > 2:
        result = arguments[2].array
        if result.rows > 1 and result.columns > 1:
            return Array.of_error(Error.NA)
    elif vector.columns > vector.rows:
        result = Array(vector.number[..., -1:, :], None if vector.kind is None else vector.kind[..., -1:, :])
    else:
        result = Array(vector.number[..., -1:], None if vector.kind is None else vector.kind[..., -1:])
    if len(arguments) == 2 or (vector.rows > 1 and vector.columns > 1):
        wide = vector.columns > vector.rows
        number = vector.number[..., :1, :] if wide else vector.number[..., :1]
        kind = vector.kind if vector.kind is None else vector.kind[..., :1, :] if wide else vector.kind[..., :1]
        vector = Array(number, kind)
    vector = _vector(vector)
    at, own = approximate(value, vector, texts, descending=False)
    outside = where_error(at >= result.rows * result.columns, Error.REF)
    fault = merged([fault_of(value), lane_fault(vector), own, _not_found(at), outside])
    return elements_of(_vector(result), at, fault)


def _xposition(value: Array, vector: Array, texts: Texts, mode: int, search: int) -> tuple[Tensor, Fault] | Error:
    """Where XMATCH and XLOOKUP find a value."""
    if mode not in {-1, 0, 1, 2} or search not in {-2, -1, 1, 2}:
        return Error.VALUE
    fault = merged([fault_of(value), lane_fault(vector)])
    wild = mode == 2
    at = positions(value, vector, texts, 0 if wild else mode, last=search == -1, wild=wild)
    if value.kind is not None and vector.kind is not None:  # a blank finds a blank cell
        blanks = (vector.kind == int(Kind.BLANK)).flatten(-2)
        found = _edge(blanks, torch.arange(blanks.shape[-1]), last=search == -1)[..., None, None]
        at = torch.where(value.kind == int(Kind.BLANK), found, at)
    if abs(search) == 2:
        keys, classes = _keys(vector, value, texts)
        keys, classes = keys.flatten(-2), classes.flatten(-2)
        step = (keys[..., 1:] - keys[..., :-1]) * (1 if search == 2 else -1)
        unsorted = (step < 0).any() | (classes != classes[..., :1]).any()
        if bool(unsorted):
            fault = merged([fault, torch.full((1, 1), UNDECIDED + texts.index(UNSORTED), dtype=torch.int32)])
    return at, fault


def _xmatch(arguments: Sequence[Argument], texts: Texts) -> Array:
    value, vector = arguments[0].array, arguments[1].array
    if vector.rows > 1 and vector.columns > 1:
        return Array.of_error(Error.VALUE)
    found = _xposition(value, _vector(vector), texts, integer_of(arguments[2], texts), integer_of(arguments[3], texts))
    if isinstance(found, Error):
        return Array.of_error(found)
    at, fault = found
    return _numbers(at + 1, merged([fault, _not_found(at)]))


def _xlookup(arguments: Sequence[Argument], texts: Texts) -> Array:
    value, vector, result, otherwise = (argument.array for argument in arguments[:4])
    mode, search = integer_of(arguments[4], texts), integer_of(arguments[5], texts)
    if vector.rows > 1 and vector.columns > 1:
        return Array.of_error(Error.VALUE)
    down = vector.columns == 1 and (vector.rows > 1 or result.rows == 1)
    length = vector.rows * vector.columns
    if (result.rows if down else result.columns) != length:
        return Array.of_error(Error.VALUE)
    found = _xposition(value, _vector(vector), texts, mode, search)
    if isinstance(found, Error):
        return Array.of_error(found)
    at, fault = found
    across = result.columns if down else result.rows
    step = torch.arange(across)
    if at.shape[-2:] != (1, 1) and across > 1:  # several values: the first of each row or column, as Excel spills
        step, across = step[:1], 1
    index = at * result.columns + step if down else step.reshape(-1, 1) * result.columns + at
    missing = at < 0
    taken = elements_of(result, torch.where(missing, 0, index), fault)
    if not bool(missing.any()):
        return taken
    return select(missing.long(), None, [taken, otherwise])


VALUE = anything("lookup_value")
TABLE.add(
    "MATCH",
    Function(
        "MATCH",
        (VALUE, array("lookup_array"), integer("match_type", 1.0)),
        "The place of a value in a row or column.",
        _match,
        UNSORTED,
    ),
)
TABLE.add(
    "INDEX",
    Function(
        "INDEX",
        (
            array("array"),
            integer("row_num"),
            integer("column_num", None, absent=True),
            integer("area_num", None, absent=True),
        ),
        "The element at a row and a column of an array.",
        _index,
    ),
)
for name, side in (("VLOOKUP", "column"), ("HLOOKUP", "row")):
    TABLE.add(
        name,
        Function(
            name,
            (VALUE, array("table_array"), integer(f"{side[:3]}_index_num"), boolean("range_lookup", True)),
            f"The value in another {side} beside a value that is looked up in the first one.",
            partial(_table_lookup, vertical=side == "column"),
            UNSORTED,
        ),
    )
TABLE.add(
    "LOOKUP",
    Function(
        "LOOKUP",
        (VALUE, array("lookup_vector"), array("result_vector", None, absent=True)),
        "The value beside the last one that is not greater than a value.",
        _lookup,
        UNSORTED,
    ),
)
MODES = (
    integer("match_mode", 0.0, empty_is_default=True),
    integer("search_mode", 1.0, empty_is_default=True),
)
TABLE.add(
    "XMATCH",
    Function("XMATCH", (VALUE, array("lookup_array"), *MODES), "The place of a value in a row or column.", _xmatch),
)
TABLE.add(
    "XLOOKUP",
    Function(
        "XLOOKUP",
        (
            VALUE,
            array("lookup_array"),
            array("return_array"),
            array("if_not_found", Error.NA, empty_is_default=True),
            *MODES,
        ),
        "The value, row or column beside a value that is looked up.",
        _xlookup,
    ),
)

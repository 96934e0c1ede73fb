"""Looking up: MATCH, INDEX, VLOOKUP, LOOKUP, XLOOKUP, ... ("Lookup and reference functions"), on values.

Exact matches compare numbers bit for bit, texts whatever their case. Approximate matches need a sorted list, as Excel's
binary search does; what Excel gives for an unsorted one depends on its search, and is undecided here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import booleans_of, numbers_of
from xlparity.functions.fault import UNDECIDED, Fault, array_of, fault_of, merged, where_error
from xlparity.functions.gather import columns_of, elements_of, integer_of, integers_of, lane_fault, reshaped, rows_of
from xlparity.functions.lift import fitted
from xlparity.functions.logic import choose
from xlparity.functions.order import text_ranks
from xlparity.functions.signature import (
    Argument,
    Function,
    LanesDiffer,
    Unsupported,
    anything,
    array,
    boolean,
    declare,
    integer,
)
from xlparity.functions.wildcard import has_wildcard, wildcard
from xlparity.limits import budget
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

__all__ = ["TABLE"]

TABLE: Table[str, Function] = Table("lookup")
UNSORTED = "an approximate match in a list that is not sorted: Excel's answer depends on its search"
CHUNK = 2**24  # elements of a comparison table held at once


@dataclass(frozen=True, slots=True)
class Search:
    """How to search: `mode` 0 exact, -1 exact or the next smaller, 1 exact or the next greater.

    `last` takes the last of entries equal to the value, `last_beside` the last of those next to it. `wild` reads
    wildcards in texts.
    """

    mode: int = 0
    last: bool = False
    last_beside: bool = False
    wild: bool = False


EXACT = Search()
WILD = Search(wild=True)


def positions(value: Array, vector: Array, texts: Texts, search: Search) -> Tensor:
    """Where each of `value` (*lanes, rows, columns) stands in `vector` (*lanes, n, 1), from 0; -1 is nowhere."""
    keys, classes = _keys(vector, value, texts)
    wanted, kinds = _keys(value, vector, texts)
    keys, classes = keys.flatten(-2), classes.flatten(-2)
    if value.kind is not None:  # a blank looks for 0
        blank = value.kind == int(Kind.BLANK)
        kinds = torch.where(blank, int(Kind.NUMBER), kinds)
    if search.mode == 0 and keys.ndim == 1 and vector.kind is None and value.kind is None:
        return _among_numbers(wanted, keys, last=search.last)
    if keys.ndim == 1 and wanted.numel() * keys.numel() > CHUNK:
        size = max(CHUNK // keys.numel(), 1)
        looked, of_kind = wanted.reshape(-1, 1, 1), kinds.reshape(-1, 1, 1)
        parts = [slice(start, start + size) for start in range(0, len(looked), size)]
        found = []
        for part in parts:
            budget().time()
            found.append(_search(looked[part], of_kind[part], keys, classes, search))
        at = torch.cat(found).reshape(wanted.shape)
    else:
        at = _search(wanted, kinds, keys, classes, search)
    return _wild(at, value, vector, texts, last=search.last) if search.wild else at


def _among_numbers(wanted: Tensor, keys: Tensor, *, last: bool) -> Tensor:
    """The place of each number among others, by one sort for all of them."""
    ordered, places = keys.contiguous().sort(stable=True)
    at = torch.searchsorted(ordered, wanted.contiguous(), right=last) - int(last)
    inside = at.clamp(0, len(keys) - 1)
    return torch.where((at == inside) & (ordered[inside] == wanted), places[inside], -1)


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


def _search(wanted: Tensor, kinds: Tensor, keys: Tensor, classes: Tensor, search: Search) -> Tensor:
    wide, wide_kinds = wanted.unsqueeze(-1), kinds.unsqueeze(-1)
    entries, entry_kinds = keys[..., None, None, :], classes[..., None, None, :]
    place = torch.arange(keys.shape[-1])
    same = entry_kinds == wide_kinds
    exact = _edge(same & (entries == wide), place, last=search.last)
    if search.mode == 0:
        return exact
    # The next entry in the order of all values: numbers, texts, booleans.
    countable = (entry_kinds != int(Kind.BLANK)) & (entry_kinds < int(Kind.ERROR)) & (wide_kinds < int(Kind.ERROR))
    sign = -search.mode
    beyond = countable & (
        (sign * entry_kinds.to(torch.int8) < sign * wide_kinds.to(torch.int8)) | (same & (sign * entries < sign * wide))
    )
    best_kind = torch.where(beyond, sign * entry_kinds.to(torch.int8), -99).amax(-1, keepdim=True)
    beyond = beyond & (sign * entry_kinds.to(torch.int8) == best_kind)
    best = torch.where(beyond, sign * entries, -math.inf).amax(-1, keepdim=True)
    return torch.where(exact >= 0, exact, _edge(beyond & (sign * entries == best), place, last=search.last_beside))


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
        budget().time()
        pattern = wildcard(texts.table[index])
        text = (vector.kind == int(Kind.TEXT)).flatten(-2)
        entries = vector.number.detach().flatten(-2)
        meets = torch.zeros(len(texts.table), dtype=torch.bool)
        for entry in {int(i) for i in entries[text].tolist()}:
            meets[entry] = pattern.fits(texts.table[entry])
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
        flat = entries[0, 0].contiguous()
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
        at, own = positions(value, vector, texts, WILD), None
    else:
        at, own = approximate(value, vector, texts, descending=kind < 0)
        if kind < 0:  # of equals, the first
            exact = positions(value, vector, texts, EXACT)
            at = torch.where(exact >= 0, exact, at)
    return _numbers(at + 1, merged([fault, own, _not_found(at)]))


def _numbers(at: Tensor, fault: Fault) -> Array:
    return array_of(at.to(torch.float64), fault)


def _index(arguments: Sequence[Argument], texts: Texts) -> Array:
    """INDEX on an array; 0 or an empty argument takes a whole row or column."""
    given = arguments[0].array
    if len(arguments) > 3 and any(area != 1 for area in integers_of(arguments[3], texts)):
        return Array.of_error(Error.REF)
    one = Array.of_number(1.0)
    rows, columns = fitted([arguments[1].array, arguments[2].array if len(arguments) > 2 else one])
    row, row_fault = numbers_of(rows, texts)
    column, column_fault = numbers_of(columns, texts)
    row, column = row.detach().trunc(), column.detach().trunc()
    if len(arguments) == 2 and given.rows == 1:
        row, column = torch.ones(1, 1).double(), row
        row_fault, column_fault = None, row_fault
    elif len(arguments) == 2 and given.columns > 1:
        column = torch.zeros(1, 1).double()
    outside = (row < 0) | (column < 0) | (row > given.rows) | (column > given.columns)
    negative = where_error((row < 0) | (column < 0), Error.VALUE)
    fault = merged([row_fault, column_fault, negative, where_error(outside, Error.REF)])
    rows_all, columns_all = _is_zero(row, row_fault), _is_zero(column, column_fault)
    if bool(rows_all.any()) or bool(columns_all.any()):
        if not (_uniform(rows_all) and _uniform(columns_all)):
            raise LanesDiffer("INDEX takes whole rows or columns in some lanes only")
        if bool(rows_all.any()):
            if row.shape[-2:] != (1, 1) or (column.shape[-2:] != (1, 1) and not bool(columns_all.any())):
                return Array.of_error(Error.VALUE)
            row = torch.arange(1, given.rows + 1).reshape(-1, 1)
        if bool(columns_all.any()):
            if row.shape[-1] != 1:
                raise Unsupported("INDEX takes whole rows of an array by a row of numbers, which is not documented")
            column = torch.arange(1, given.columns + 1)
    budget().size(math.prod(np.broadcast_shapes(row.shape, column.shape)))
    return elements_of(given, ((row - 1) * given.columns + column - 1).long(), fault)


def _is_zero(place: Tensor, fault: Fault) -> Tensor:
    return place == 0 if fault is None else (place == 0) & (fault == 0)


def _uniform(mask: Tensor) -> bool:
    return bool(mask.all()) or not bool(mask.any())


def _table_lookup(arguments: Sequence[Argument], texts: Texts, *, vertical: bool) -> Array:
    """VLOOKUP and HLOOKUP."""
    value, table = arguments[0].array, arguments[1].array
    if not arguments[1].reference and table.number.numel() == 1 and int(table.kinds) == int(Kind.TEXT):
        return Array.of_error(Error.VALUE)  # a text is no table
    if not vertical:
        table = Array(table.number.mT, None if table.kind is None else table.kind.mT)
    value, places, approximately = fitted([value, arguments[2].array, arguments[3].array])
    column, column_fault = numbers_of(places, texts)
    column = column.detach().trunc()
    ranged, ranged_fault = booleans_of(approximately, texts)
    if not _uniform(ranged):
        raise LanesDiffer("range_lookup differs")
    first = columns_of(table, [0])
    fault = merged([fault_of(value), column_fault, ranged_fault, lane_fault(first)])
    if bool(ranged.all()):
        at, own = approximate(value, first, texts, descending=False)
    else:
        at, own = positions(value, first, texts, WILD), None
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
        result = rows_of(vector, [vector.rows - 1])
    else:
        result = columns_of(vector, [vector.columns - 1])
    vector = _vector(rows_of(vector, [0]) if vector.columns > vector.rows else columns_of(vector, [0]))
    at, own = approximate(value, vector, texts, descending=False)
    outside = where_error(at >= result.rows * result.columns, Error.REF)
    fault = merged([fault_of(value), lane_fault(vector), own, _not_found(at), outside])
    return elements_of(_vector(result), at, fault)


def _xposition(value: Array, vector: Array, texts: Texts, mode: int, search: int) -> tuple[Tensor, Fault] | Error:
    """Where XMATCH and XLOOKUP find a value."""
    if mode == 3:
        raise Unsupported("match_mode 3 (regular expressions)")
    if mode not in {-1, 0, 1, 2} or search not in {-2, -1, 1, 2}:
        return Error.VALUE
    fault = merged([fault_of(value), lane_fault(vector)])
    last = search < 0
    beside = last if abs(search) == 1 else (mode < 0) == (search > 0)  # a binary search ends beside the place to insert
    how = Search(0 if mode == 2 else mode, last, beside, wild=mode == 2)
    at = positions(value, vector, texts, how)
    if value.kind is not None and vector.kind is not None:  # a blank finds a blank cell
        blanks = (vector.kind == int(Kind.BLANK)).flatten(-2)
        found = _edge(blanks, torch.arange(blanks.shape[-1]), last=last)[..., None, None]
        at = torch.where(value.kind == int(Kind.BLANK), found, at)
    if abs(search) == 2 and not _is_sorted(vector, value, texts, descending=last):
        fault = merged([fault, torch.full((1, 1), UNDECIDED + texts.index(UNSORTED), dtype=torch.int32)])
    return at, fault


def _is_sorted(vector: Array, value: Array, texts: Texts, *, descending: bool) -> bool:
    """Whether the entries of a vector stand in order, blanks at its end aside."""
    keys, classes = _keys(vector, value, texts)
    keys, classes = keys.flatten(-2), classes.flatten(-2).to(torch.float64)
    classes = torch.where(classes == float(Kind.BLANK), -99.0 if descending else 99.0, classes)
    sign = -1 if descending else 1
    step, level = sign * keys.diff(dim=-1), sign * classes.diff(dim=-1)
    return not bool(((level < 0) | ((level == 0) & (step < 0))).any())


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
    missing = at < 0 if fault is None else (at < 0) & (fault == 0)
    taken = elements_of(result, torch.where(missing, 0, index), fault)
    return choose(missing, otherwise, taken)


VALUE = anything("lookup_value")
declare(
    TABLE,
    Function(
        "MATCH",
        (VALUE, array("lookup_array"), integer("match_type", 1.0)),
        "The place of a value in a row or column.",
        _match,
        UNSORTED,
    ),
)
declare(
    TABLE,
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
    declare(
        TABLE,
        Function(
            name,
            (VALUE, array("table_array"), integer(f"{side[:3]}_index_num"), boolean("range_lookup", True)),
            f"The value in another {side} beside a value that is looked up in the first one.",
            partial(_table_lookup, vertical=side == "column"),
            UNSORTED,
        ),
    )
declare(
    TABLE,
    Function(
        "LOOKUP",
        (VALUE, array("lookup_vector"), array("result_vector", None, absent=True)),
        "The value beside the last one that is not greater than a value.",
        _lookup,
        UNSORTED,
    ),
)
MODES = (
    integer("match_mode", 0.0),
    integer("search_mode", 1.0, empty_is_default=True),
)
declare(
    TABLE,
    Function("XMATCH", (VALUE, array("lookup_array"), *MODES), "The place of a value in a row or column.", _xmatch),
)
declare(
    TABLE,
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

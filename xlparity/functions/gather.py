"""Picking rows, columns and elements out of arrays; numbers keep their gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import numbers_of
from xlparity.functions.fault import UNDECIDED, Fault, fault_of, first_fault, sealed, spoiled
from xlparity.functions.signature import Argument, LanesDiffer
from xlparity.limits import budget

__all__ = [
    "Early",
    "columns_of",
    "elements_of",
    "integer_of",
    "integers_of",
    "lane_fault",
    "reshaped",
    "rows_of",
    "stacked",
]


class Early(Exception):
    """The result is known before the end: an error of an argument that everything depends on."""

    def __init__(self, array: Array) -> None:
        super().__init__("early result")
        self.array = array


def integers_of(argument: Argument, texts: Texts) -> list[int]:
    """The values of an argument that decides the result's shape, truncated, the same in all lanes, row by row.

    Raises LanesDiffer if they are not, and Early with the error or undecided value that is among them.
    """
    number, fault = numbers_of(argument.array, texts)
    number = number.detach()
    rows = number.reshape(-1, number.shape[-2] * number.shape[-1])
    if fault is not None and bool((fault != 0).any()):
        if bool((fault == 0).any()):
            raise LanesDiffer("an argument that decides the size is an error in some lanes")
        code = fault.flatten()[:1].reshape(1, 1)
        raise Early(sealed(torch.zeros((), dtype=torch.float64), code))
    if bool((rows != rows[:1]).any()):
        raise LanesDiffer("an argument that decides the size differs")
    return [int(value) for value in rows[0].tolist()]


def integer_of(argument: Argument, texts: Texts) -> int:
    """As `integers_of`, for a single value (the first of an array)."""
    return integers_of(argument, texts)[0]


def rows_of(array: Array, index: Sequence[int]) -> Array:
    """The rows `index` of an array."""
    at = torch.tensor(index)
    kind = None if array.kind is None else array.kind.index_select(-2, at)
    return Array(array.number.index_select(-2, at), kind)


def columns_of(array: Array, index: Sequence[int]) -> Array:
    """The columns `index` of an array."""
    at = torch.tensor(index)
    kind = None if array.kind is None else array.kind.index_select(-1, at)
    return Array(array.number.index_select(-1, at), kind)


def elements_of(array: Array, index: Tensor, fault: Fault = None) -> Array:
    """The elements of the flattened array at `index` (*lanes, rows, columns), where there is no fault."""
    flat = array.number.flatten(-2)
    if fault is not None:
        index = torch.where(fault != 0, 0, index)
        fault = fault.expand(index.shape)
    lanes = np.broadcast_shapes(index.shape[:-2], flat.shape[:-1])
    size = (*lanes, index.shape[-2] * index.shape[-1])
    at = index.flatten(-2).expand(size)
    shape = (*lanes, *index.shape[-2:])

    def picked(values: Tensor) -> Tensor:
        if values.ndim == 1:
            return values[at].reshape(shape)
        return values.expand(*lanes, values.shape[-1]).gather(-1, at).reshape(shape)

    number = picked(flat)
    kind = None if array.kind is None else picked(array.kind.flatten(-2))
    return spoiled(Array(number, kind), fault)


def reshaped(array: Array, rows: int, columns: int) -> Array:
    """The same elements, row by row, in another shape."""
    shape = (*array.number.shape[:-2], rows, columns)
    return Array(array.number.reshape(shape), None if array.kind is None else array.kind.reshape(shape))


def stacked(arrays: Sequence[Array], dim: int) -> Array:
    """Arrays one after the other along `dim` (-2 or -1), all of the same size along the other."""
    lanes = np.broadcast_shapes(*(given.number.shape[:-2] for given in arrays))
    budget().size(math.prod(lanes) * sum(math.prod(given.number.shape[-2:]) for given in arrays))
    number = torch.cat([given.number.expand(*lanes, *given.number.shape[-2:]) for given in arrays], dim)
    if all(given.kind is None for given in arrays):
        return Array(number)
    return Array(number, torch.cat([given.kinds.expand(*lanes, *given.number.shape[-2:]) for given in arrays], dim))


def lane_fault(array: Array) -> Fault:
    """The undecided values of an array, one for each lane."""
    fault = fault_of(array)
    return None if fault is None else first_fault(torch.where(fault >= UNDECIDED, fault, 0))

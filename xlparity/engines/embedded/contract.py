"""Sums of products of two arrays as one matrix product, or the product of a matrix and a vector.

The cells of a dense layer are SUMPRODUCT or MMULT of a row that is the same for all columns and a column that is the
same for all rows. Written out, that is an array of rows x columns x terms; as a matrix product it costs what it costs
in PyTorch.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from xlparity.formula import ast
from xlparity.formula.ast import Expression
from xlparity.functions.array import Array
from xlparity.limits import budget

__all__ = ["only_contracts", "product", "sum_of_products"]

_LANES = "abcdefghijklmnop"


def sum_of_products(left: Array, right: Array) -> Array | None:
    """The sum over rows and columns of `left` * `right`; None where that is no plain product of numbers."""
    if left.kind is not None or right.kind is not None:
        return None
    if (left.rows, left.columns) != (right.rows, right.columns):
        return None
    number = None
    if left.rows == 1 or left.columns == 1:
        number = _matrix(left.number.flatten(-2), right.number.flatten(-2))
    if number is None and _worth(left, right):
        number = _einsum(left, right, "yz", "yz", "")
    return None if number is None else Array(number[..., None, None])


def only_contracts(expression: Expression) -> bool:
    """Whether ranges are only read as the two factors of SUMPRODUCT or MMULT, and all else is single cells.

    Of such a fill nothing is larger than its result, except where the numbers turn out to be no numbers.
    """
    todo = [expression]
    while todo:
        node = todo.pop()
        match node:
            case ast.Number() | ast.CellReference():
                pass
            case ast.Unary("-" | "+", operand):
                todo.append(operand)
            case ast.Binary("+" | "-" | "*" | "/", left, right):
                todo += [left, right]
            case ast.Call("SUMPRODUCT", (ast.Call("MMULT", (ast.AreaReference(), ast.AreaReference())),)):
                pass
            case ast.Call("SUMPRODUCT", (ast.AreaReference(), ast.AreaReference())):
                pass
            case _:
                return False
    return True


def product(left: Array, right: Array) -> Array | None:
    """The matrix product in each lane; None where that is no plain product of numbers, or gains nothing."""
    if left.kind is not None or right.kind is not None or not _worth(left, right) or left.columns != right.rows:
        return None
    if left.rows == right.columns == 1:
        sums = _matrix(left.number.flatten(-2), right.number.flatten(-2))
        if sums is not None:
            return Array(sums[..., None, None])
    lanes = np.broadcast_shapes(left.number.shape[:-2], right.number.shape[:-2])
    budget().size(math.prod(lanes) * left.rows * right.columns)
    budget().work(math.prod(lanes) * left.rows * right.columns * left.columns)
    number = _einsum(left, right, "xy", "yz", "xz")
    return None if number is None else Array(number)


def _matrix(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor | None:
    """The sums of products along the last dimension, for two factors of which each has lanes in one dimension at most.

    That is a fill in one column or row, by torch.mv, or in a rectangle, by torch.mm.
    """
    dims = max(one.ndim, two.ndim)
    down = [position - one.ndim for position in range(one.ndim - 1) if one.shape[position] > 1]
    across = [position - two.ndim for position in range(two.ndim - 1) if two.shape[position] > 1]
    if len(down) > 1 or len(across) > 1 or down == across:
        return None
    shape = [1] * (dims - 1)
    for positions, tensor in ((down, one), (across, two)):
        for position in positions:
            shape[position + 1] = tensor.shape[position]
    terms = one.shape[-1]
    one, two = one.reshape(-1, terms), two.reshape(-1, terms)
    if not across:
        result = torch.mv(one, two[0])
    elif not down:
        result = torch.mv(two, one[0])
    else:
        first, second = (one, two.T) if down < across else (two, one.T)
        if first.stride(0) == 1 and second.stride(0) == 1:  # a sheet keeps columns together
            result = torch.mm(second.T, first.T).T
        else:
            result = torch.mm(first, second)
    if not math.isfinite(result.detach().sum()):
        return None  # the general way says which elements overflow
    return result.reshape(shape)


def _worth(left: Array, right: Array) -> bool:
    """Whether the lanes of the two repeat each other's elements."""
    shapes = [array.number.shape[:-2] for array in (left, right)]
    dims = max(len(shape) for shape in shapes)
    one, two = ((1,) * (dims - len(shape)) + tuple(shape) for shape in shapes)
    return any(a > 1 and b == 1 for a, b in zip(one, two, strict=True)) and any(
        a == 1 and b > 1 for a, b in zip(one, two, strict=True)
    )


def _einsum(left: Array, right: Array, left_inner: str, right_inner: str, inner: str) -> torch.Tensor | None:
    dims = max(left.number.ndim, right.number.ndim) - 2
    names = []
    tensors = []
    sizes: dict[str, int] = {}
    for array, own in ((left, left_inner), (right, right_inner)):
        number = array.number
        lanes = _LANES[dims - (number.ndim - 2) : dims]
        # A lane of size 1 has the same value for all lanes of the other: leave it out.
        keep = [position for position in range(number.ndim - 2) if number.shape[position] > 1]
        for position in keep:
            sizes[lanes[position]] = number.shape[position]
        index = tuple(slice(None) if position in keep else 0 for position in range(number.ndim - 2))
        tensors.append(number[index])
        names.append("".join(lanes[position] for position in keep) + own)
    lanes = "".join(letter for letter in _LANES[:dims] if letter in sizes)
    result = torch.einsum(f"{names[0]},{names[1]}->{lanes}{inner}", *tensors)
    if not math.isfinite(result.detach().sum()):
        return None  # the general way says which elements overflow
    shape = [sizes.get(letter, 1) for letter in _LANES[:dims]]
    return result.reshape(*shape, *result.shape[result.ndim - len(inner) :])

"""Matrices: MMULT, TRANSPOSE, MINVERSE, MDETERM, MUNIT."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.fault import UNDECIDED, Fault, array_of, fault_of, first_fault, merged, where_error
from xlparity.functions.gather import integer_of
from xlparity.functions.signature import Argument, Function, array, declare, integer
from xlparity.limits import budget
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

__all__ = ["TABLE", "matrix_of"]

TABLE: Table[str, Function] = Table("matrix")


def matrix_of(given: Array) -> tuple[Tensor, Fault]:
    """The numbers of a matrix and a fault for each lane; a text, a boolean or a blank in it is #VALUE!."""
    if given.kind is None:
        return given.number, None
    other = where_error(given.kind != int(Kind.NUMBER), Error.VALUE)
    fault = first_fault(merged([fault_of(given), other]))
    return given.number if fault is None else torch.where(fault == 0, given.number, 0.0), fault


def _mmult(arguments: Sequence[Argument], _: Texts) -> Array:
    left, one = matrix_of(arguments[0].array)
    right, two = matrix_of(arguments[1].array)
    fault = merged([one, two])
    if left.shape[-1] != right.shape[-2]:
        return Array.of_error(Error.VALUE)
    rows, columns = left.shape[-2], right.shape[-1]
    size = math.prod(np.broadcast_shapes(left.shape[:-2], right.shape[:-2])) * rows * columns
    budget().size(size)
    budget().work(size * left.shape[-1])
    return array_of(left @ right, fault)


def _transpose(arguments: Sequence[Argument], _: Texts) -> Array:
    given = arguments[0].array
    return Array(given.number.mT, None if given.kind is None else given.kind.mT)


def _minverse(arguments: Sequence[Argument], texts: Texts) -> Array:
    matrix, fault = matrix_of(arguments[0].array)
    if matrix.shape[-1] != matrix.shape[-2]:
        return Array.of_error(Error.VALUE)
    budget().work(4 * matrix.numel() * matrix.shape[-1])
    one = torch.eye(matrix.shape[-1], dtype=torch.float64)
    _, info = torch.linalg.inv_ex(matrix.detach())
    singular = (info != 0)[..., None, None]
    inverse = torch.linalg.inv(torch.where(singular, one, matrix))
    size = torch.linalg.matrix_norm(matrix.detach()) * torch.linalg.matrix_norm(inverse.detach())
    doubtful = (size > 1e14)[..., None, None] & ~singular
    reason = UNDECIDED + texts.index("MINVERSE: the matrix is so nearly singular that rounding decides the result")
    own = doubtful.to(torch.int32) * reason if bool(doubtful.any()) else None
    return array_of(inverse, merged([fault, where_error(singular, Error.NUM), own]))


def _mdeterm(arguments: Sequence[Argument], _: Texts) -> Array:
    matrix, fault = matrix_of(arguments[0].array)
    if matrix.shape[-1] != matrix.shape[-2]:
        return Array.of_error(Error.VALUE)
    budget().work(matrix.numel() * matrix.shape[-1])
    return array_of(torch.linalg.det(matrix)[..., None, None], fault)


def _munit(arguments: Sequence[Argument], texts: Texts) -> Array:
    size = integer_of(arguments[0], texts)
    if size <= 0:
        return Array.of_error(Error.VALUE)
    budget().size(size * size)
    return Array(torch.eye(size, dtype=torch.float64))


declare(TABLE, Function("MMULT", (array("array1"), array("array2")), "The product of two matrices.", _mmult))
declare(TABLE, Function("TRANSPOSE", (array("array"),), "Rows as columns.", _transpose))
declare(TABLE, Function("MINVERSE", (array("array"),), "The inverse of a matrix.", _minverse))
declare(TABLE, Function("MDETERM", (array("array"),), "The determinant of a matrix.", _mdeterm))
declare(TABLE, Function("MUNIT", (integer("dimension"),), "The identity matrix.", _munit))

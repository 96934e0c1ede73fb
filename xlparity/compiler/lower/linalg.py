"""Linear algebra beyond products: determinants, inverses, systems of equations, factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from xlparity.compiler.lower.formula import Formula, Slot, identity, uniform
from xlparity.compiler.lower.lowering import RULES, Lowering
from xlparity.compiler.lower.matmul import product

__all__: list[str] = []

aten = torch.ops.aten


def _square(low: Lowering, self: Formula) -> Slot:
    """For each outer index the area of a matrix, with its rows as rows."""
    matrices = low.cells(self)
    for _ in range(2):
        found = low.matrix(matrices)
        if found is not None:
            return found
        matrices = low.place(matrices)
    raise AssertionError(f"a matrix of {self.shape} is no area")


@RULES.rule("_linalg_det.default")
def _det(low: Lowering, A: Formula) -> tuple[Formula, None, None]:
    return low.formula("MDETERM(a)", shape=A.shape[:-2], dtype=A.dtype, a=_square(low, A)), None, None


@RULES.rule("_linalg_slogdet.default")
def _slogdet(low: Lowering, A: Formula) -> tuple[Formula, Formula, None, None]:
    determinant = low.place(_det(low, low.cells(A))[0].spelled(f"aten.linalg_det.default({low.cells(A).torch})"))
    return (
        low.formula("SIGN(d)", d=determinant),
        low.formula("LN(ABS(d))", d=determinant),
        None,
        None,
    )


def _inverse(low: Lowering, A: Formula) -> Formula:
    area = _square(low, A)
    size = A.shape[-1]
    first, last = (np.broadcast_to(part[..., None, None], A.shape) for part in (area.first, area.last))  # type: ignore[index]
    literals = np.array([low.literals.id(float(at)) for at in range(1, size + 1)], np.int64)
    row = Slot(np.broadcast_to(literals[:, None], A.shape))
    column = Slot(np.broadcast_to(literals, A.shape))
    text = "INDEX(MINVERSE(a),row,column)"
    return low.formula(text, shape=A.shape, dtype=A.dtype, a=Slot(first, last), row=row, column=column)


def _flags(shape: tuple[int, ...]) -> Formula:
    """The exit codes of a factorisation that did not fail."""
    return uniform(0.0, shape, "int32", "")


@RULES.rule("linalg_inv_ex.default")
def _inv_ex(low: Lowering, A: Formula, *, check_errors: bool = False) -> tuple[Formula, Formula]:
    return _inverse(low, A), _flags(A.shape[:-2])


@RULES.rule("_linalg_solve_ex.default")
def _solve(low: Lowering, A: Formula, B: Formula, *, left: bool = True, check_errors: bool = False) -> tuple[Any, ...]:
    inverse = _inverse(low, low.cells(A))
    inverse = low.place(inverse.spelled(f"aten.linalg_inv.default({low.cells(A).torch})"), low.name_beside("inverse"))
    vector = len(B.shape) == 1 or (len(A.shape) - 1 == len(B.shape) and B.shape == A.shape[:-1])
    right = low.apply(aten.unsqueeze.default, B, len(B.shape)) if vector else B
    leading = np.broadcast_shapes(inverse.shape[:-2], right.shape[:-2])
    inverse = low.apply(aten.expand.default, inverse, [*leading, *inverse.shape[-2:]])
    right = low.apply(aten.expand.default, low.cells(right), [*leading, *right.shape[-2:]])
    result = product(low, inverse, right) if left else product(low, right, inverse)
    if vector:
        result = low.apply(aten.squeeze.dim, result, len(result.shape) - 1)
    return result, None, None, _flags(leading)


@RULES.rule("linalg_cholesky_ex.default", "cholesky.default")
def _cholesky(low: Lowering, self: Formula, upper: bool = False, check_errors: bool = False) -> Any:
    """Column by column: each element from those to its left."""
    assert low.node is not None
    a = low.cells(self)
    size = a.shape[-1]
    name = f"aten.linalg_cholesky.default({a.torch})"
    if upper:  # from the upper triangle, of which the lower may differ once somebody types into it
        name = f"aten.linalg_cholesky.default(aten.transpose.int({a.torch}, -1, -2))"
        a = a.mapped(lambda ids: np.swapaxes(ids, -1, -2))
    ids = np.full(a.shape, low.literals.id(0.0), np.int64)
    for j in range(size):
        column = f"aten.select.int({name}, -1, {j})"
        diagonal = low.formula(
            "SQRT(rest)",
            rest=_rest(low, a.mapped(lambda cells, j=j: cells[..., j : j + 1, j]), ids, j, j, j + 1),  # type: ignore[misc]
        )
        diagonal = low.place(diagonal.spelled(f"aten.slice.Tensor({column}, -1, {j}, {j + 1})"), low.name_beside("l"))
        ids[..., j : j + 1, j] = diagonal.cells  # type: ignore[assignment]
        if j + 1 < size:
            rest = _rest(low, a.mapped(lambda cells, j=j: cells[..., j + 1 :, j]), ids, j, j + 1, size)  # type: ignore[misc]
            below = low.formula("rest/diagonal", rest=rest, diagonal=diagonal)
            below = low.place(below.spelled(f"aten.slice.Tensor({column}, -1, {j + 1})"), low.name_beside("l"))
            ids[..., j + 1 :, j] = below.cells  # type: ignore[assignment]
    result = identity(np.swapaxes(ids, -1, -2) if upper else ids, self.dtype, "")
    ended = low.node.operation.overloadpacket.__name__ == "cholesky"
    return result if ended else (result, _flags(self.shape[:-2]))


def _rest(low: Lowering, a: Formula, factor: Any, j: int, top: int, bottom: int) -> Formula:
    """What is left of elements `a` of column `j` when the columns of L before it are taken away."""
    values: dict[str, Formula] = {"a": a}
    text = "a"
    for k in range(j):
        values[f"l{k}_"] = identity(factor[..., top:bottom, k], a.dtype, "")
        values[f"d{k}_"] = identity(factor[..., j : j + 1, k], a.dtype, "")
        text += f"-l{k}_*d{k}_"
    return low.formula(text, **values)


# -- systems whose factors are given -----------------------------------------------------------------------------------


def _triangle(low: Lowering, A: Formula, upper: bool, unit: bool) -> Formula:
    """The triangle of `A` that counts, with ones on the diagonal if `unit`: the other one may hold anything."""
    size = A.shape[-1]
    kept = np.triu(np.ones((size, size), bool)) if upper else np.tril(np.ones((size, size), bool))
    cells = low.cells(A).cells
    assert cells is not None
    ids = np.where(kept, cells, low.literals.id(0.0))
    text = f"aten.{'triu' if upper else 'tril'}.default({low.cells(A).torch})"
    if unit:
        ids = np.where(np.eye(size, dtype=bool), low.literals.id(1.0), ids)
        side = 1 if upper else -1
        text = f"aten.{'triu' if upper else 'tril'}.default({low.cells(A).torch}, {side}) + aten.eye.default({size})"
    return identity(ids, A.dtype, text)


def _solved(low: Lowering, inverse: Formula, B: Formula, left: bool) -> Formula:
    leading = np.broadcast_shapes(inverse.shape[:-2], B.shape[:-2])
    inverse = low.apply(aten.expand.default, inverse, [*leading, *inverse.shape[-2:]])
    right = low.apply(aten.expand.default, low.cells(B), [*leading, *B.shape[-2:]])
    return product(low, inverse, right) if left else product(low, right, inverse)


def _placed_inverse(low: Lowering, A: Formula) -> Formula:
    inverse = _inverse(low, A)
    return low.place(inverse.spelled(f"aten.linalg_inv.default({A.torch})"), low.name_beside("inverse"))


@RULES.rule("linalg_solve_triangular.default")
def _solve_triangular(
    low: Lowering, self: Formula, B: Formula, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Formula:
    triangle = low.place(_triangle(low, self, upper, unitriangular), low.name_beside("triangle"))
    return _solved(low, _placed_inverse(low, triangle), B, left)


@RULES.rule("triangular_solve.default")
def _triangular_solve(
    low: Lowering, self: Formula, A: Formula, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Formula, Formula]:
    triangle = low.place(_triangle(low, A, upper, unitriangular), low.name_beside("triangle"))
    inverse = _placed_inverse(low, triangle)
    if transpose:
        inverse = low.apply(aten.transpose.int, inverse, -1, -2)
    leading = np.broadcast_shapes(A.shape[:-2], self.shape[:-2])
    return _solved(low, inverse, self, True), low.apply(aten.expand.default, A, [*leading, *A.shape[-2:]])


def _of_factor(low: Lowering, factor: Formula, upper: bool) -> Formula:
    """The inverse of the matrix whose Cholesky factor is given."""
    triangle = low.place(_triangle(low, factor, upper, False), low.name_beside("triangle"))
    turned = low.apply(aten.transpose.int, triangle, -1, -2)
    whole = product(low, turned, triangle) if upper else product(low, triangle, turned)
    left, right = (turned, triangle) if upper else (triangle, turned)
    matrix = low.place(whole.spelled(f"{left.operand} @ {right.operand}", atom=False), low.name_beside("matrix"))
    return _placed_inverse(low, matrix)


@RULES.rule("cholesky_solve.default")
def _cholesky_solve(low: Lowering, self: Formula, input2: Formula, upper: bool = False) -> Formula:
    return _solved(low, _of_factor(low, input2, upper), self, True)


@RULES.rule("cholesky_inverse.default")
def _cholesky_inverse(low: Lowering, self: Formula, upper: bool = False) -> Formula:
    return _of_factor(low, self, upper)

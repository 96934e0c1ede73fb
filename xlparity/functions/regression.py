"""Least squares: LINEST, LOGEST, TREND, GROWTH.

Source: "LINEST function". Columns that depend on others have the coefficient 0, as Excel's collinearity check gives
them; where rounding would decide whether they do, the result is undecided.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.fault import UNDECIDED, Fault, array_of, merged, where_error
from xlparity.functions.gather import integers_of
from xlparity.functions.matrix import matrix_of
from xlparity.functions.signature import Argument, Function, Unsupported, array, boolean, declare
from xlparity.limits import budget
from xlparity.model.table import Table
from xlparity.model.value import Error

__all__ = ["TABLE"]

TABLE: Table[str, Function] = Table("regression")
Arguments = Sequence[Argument]


def _empty(argument: Argument) -> bool:
    given = argument.array
    return given.kind is not None and given.rows == given.columns == 1 and bool((given.kind == 0).all())


def _design(ys: Array, xs: Argument) -> tuple[Tensor, Tensor, Fault, bool] | None:
    """Y as (*lanes, n, 1), X as (*lanes, n, k), their fault, and whether y is a column; None if the sizes differ."""
    y, y_fault = matrix_of(ys)
    column = ys.columns == 1
    size = ys.rows * ys.columns
    if _empty(xs):
        x, x_fault = torch.arange(1, size + 1, dtype=torch.float64).reshape(ys.rows, ys.columns), None
    else:
        x, x_fault = matrix_of(xs.array)
    if x.shape[-2:] == y.shape[-2:]:
        x = x.reshape(*x.shape[:-2], size, 1)
    elif column and x.shape[-2] == size:
        pass
    elif ys.rows == 1 and x.shape[-1] == size:
        x = x.mT
    else:
        return None
    return y.reshape(*y.shape[:-2], size, 1), x, merged([y_fault, x_fault]), column


def _fit(y: Tensor, x: Tensor, intercept: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Slopes (*lanes, k, 1), intercept (*lanes, 1, 1), residuals, and the triangle R of the (centred) X."""
    y_mean, x_mean = (one.mean(-2, keepdim=True) if intercept else torch.zeros_like(one[..., :1, :]) for one in (y, x))
    budget().work(4 * x.numel() * x.shape[-1])
    centred, target = x - x_mean, y - y_mean
    q, r = torch.linalg.qr(centred)
    slopes = torch.linalg.solve_triangular(r, q.mT @ target, upper=True)
    residual = target - centred @ slopes
    slopes = slopes + torch.linalg.solve_triangular(r, q.mT @ residual, upper=True)  # one step of refinement
    constant = y_mean - x_mean @ slopes
    return slopes, constant, target - centred @ slopes, r


def _collinear(r: Tensor, x: Tensor, texts: Texts) -> Fault:
    """Undecided where a column of X depends on the others to working precision."""
    size = x.detach().square().sum(-2).sqrt()
    depends = (r.detach().diagonal(dim1=-2, dim2=-1).abs() <= 1e-11 * size).any(-1)[..., None, None]
    if not bool(depends.any()):
        return None
    reason = texts.index("least squares: the columns of x depend on each other to rounding")
    return depends.to(torch.int32) * (UNDECIDED + reason)


def _flag(argument: Argument, texts: Texts, *, default: bool) -> bool:
    return default if _empty(argument) else integers_of(argument, texts)[0] != 0


def _linest(arguments: Arguments, texts: Texts, *, logarithmic: bool = False) -> Array:
    ys = arguments[0].array
    intercept, statistics = _flag(arguments[2], texts, default=True), _flag(arguments[3], texts, default=False)
    bad: Fault = None
    if logarithmic:
        positive = ys.number.detach() > 0
        bad = where_error(~positive.all(-1, keepdim=True).all(-2, keepdim=True), Error.NUM)
        ys = Array(torch.log(torch.where(positive, ys.number, 1.0)), ys.kind)
    design = _design(ys, arguments[1])
    if design is None:
        return Array.of_error(Error.REF)
    y, x, fault, _ = design
    n, k = x.shape[-2:]
    if n <= k:
        raise Unsupported("least squares with no more rows than columns")
    slopes, constant, residuals, r = _fit(y, x, intercept)
    fault = merged([fault, bad, _collinear(r, x, texts)])
    line = torch.cat([slopes.mT.flip(-1), constant.expand(*slopes.shape[:-2], 1, 1)], -1)
    if logarithmic:
        line = torch.exp(line)
    if not statistics:
        return array_of(line, fault)
    table, own = _with_statistics(line, (y, x), (residuals, r, intercept), texts)
    return array_of(table, merged([fault, own]))


def _with_statistics(
    line: Tensor, design: tuple[Tensor, Tensor], fit: tuple[Tensor, Tensor, bool], texts: Texts
) -> tuple[Tensor, Fault]:
    """LINEST's five rows: coefficients, their errors, r2 and the error of y, F and freedom, sums of squares."""
    (y, x), (residuals, r, intercept) = design, fit
    n, k = x.shape[-2:]
    freedom = n - k - intercept
    rest = residuals.square().sum((-2, -1), keepdim=True)
    spread = y - y.mean(-2, keepdim=True) if intercept else y
    total = spread.square().sum((-2, -1), keepdim=True)
    explained = total - rest
    variance = rest / freedom if freedom else torch.zeros_like(rest)
    inverse = torch.linalg.solve_triangular(r, torch.eye(k).to(r), upper=True)
    errors = (inverse.square().sum(-1, keepdim=True) * variance).sqrt()
    lanes = line.shape[:-2]
    if intercept:
        weights = x.mean(-2, keepdim=True) @ inverse
        constant_error = ((1 / n + weights.square().sum(-1, keepdim=True)) * variance).sqrt()
    else:
        constant_error = torch.zeros(1, 1, dtype=torch.float64)
    table = torch.zeros((*lanes, 5, k + 1), dtype=torch.float64)
    table[..., 0:1, :] = line
    table[..., 1:2, :] = torch.cat([errors.mT.flip(-1), constant_error.expand(*lanes, 1, 1)], -1)
    table[..., 2:3, 0:1] = explained / total
    table[..., 2:3, 1:2] = variance.sqrt()
    table[..., 3:4, 0:1] = explained / k / variance
    table[..., 3:4, 1:2] = float(freedom)
    table[..., 4:5, 0:1] = explained
    table[..., 4:5, 1:2] = rest
    blank = torch.zeros(5, k + 1, dtype=torch.bool)
    blank[2:, 2:] = True
    if not intercept:
        blank[1, k] = True
    empty = where_error(blank, Error.NA)
    perfect = (rest.detach() <= 1e-25 * total.detach()).expand(*lanes, 5, k + 1) & _row(3, 0, k)
    reason = UNDECIDED + texts.index("LINEST: the fit is perfect, so that rounding decides F")
    doubtful = perfect.to(torch.int32) * reason if bool(perfect.any()) else None
    return table, merged([empty, doubtful])


def _row(row: int, column: int, k: int) -> Tensor:
    mask = torch.zeros(5, k + 1, dtype=torch.bool)
    mask[row, column] = True
    return mask


def _trend(arguments: Arguments, texts: Texts, *, logarithmic: bool) -> Array:
    ys = arguments[0].array
    bad: Fault = None
    if logarithmic:
        positive = ys.number.detach() > 0
        bad = where_error(~positive.all(-1, keepdim=True).all(-2, keepdim=True), Error.NUM)
        ys = Array(torch.log(torch.where(positive, ys.number, 1.0)), ys.kind)
    design = _design(ys, arguments[1])
    if design is None:
        return Array.of_error(Error.REF)
    y, x, fault, column = design
    if x.shape[-2] <= x.shape[-1]:
        raise Unsupported("least squares with no more rows than columns")
    slopes, constant, _, r = _fit(y, x, _flag(arguments[3], texts, default=True))
    fault = merged([fault, bad, _collinear(r, x, texts)])
    if _empty(arguments[2]):
        new, shape = x, ys.number.shape[-2:]
    else:
        new, new_fault = matrix_of(arguments[2].array)
        fault = merged([fault, new_fault])
        shape = new.shape[-2:]
        if x.shape[-1] == 1:
            new = new.reshape(*new.shape[:-2], -1, 1)
        elif column:
            shape = torch.Size((new.shape[-2], 1))
        else:
            new, shape = new.mT, torch.Size((1, new.shape[-1]))
        if new.shape[-1] != x.shape[-1]:
            return Array.of_error(Error.REF)
    made = new @ slopes + constant
    made = made.reshape(*made.shape[:-2], *shape)
    return array_of(torch.exp(made) if logarithmic else made, fault)


FITTED = (array("known_ys"), array("known_xs", None), boolean("const", None), boolean("stats", None))
PREDICTED = (array("known_ys"), array("known_xs", None), array("new_xs", None), boolean("const", None))


def _logest(arguments: Arguments, texts: Texts) -> Array:
    return _linest(arguments, texts, logarithmic=True)


declare(TABLE, Function("LINEST", FITTED, "The coefficients of a linear least-squares fit.", _linest))
declare(TABLE, Function("LOGEST", FITTED, "The coefficients of an exponential fit.", _logest))
declare(
    TABLE,
    Function("TREND", PREDICTED, "Values of a linear fit.", lambda a, t: _trend(a, t, logarithmic=False)),
)
declare(
    TABLE,
    Function("GROWTH", PREDICTED, "Values of an exponential fit.", lambda a, t: _trend(a, t, logarithmic=True)),
)

"""Rules of sums of products: matrix products, convolutions, averages over windows, and of linear algebra."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from xlparity.check.bound.ball import (
    Ball,
    Rule,
    broadcast_shape,
    finished,
    gamma,
    infinite_terms,
    parts,
    radius_of,
    rounded,
    size,
    unknown,
    value_of,
)
from xlparity.model.table import Table

__all__ = ["AVERAGES", "MATRIX"]

MATRIX: Table[str, Rule] = Table("rules of sums of products")


def _matrix_product(a: Tensor, ra: Tensor, b: Tensor, rb: Tensor) -> tuple[Tensor, Tensor | float]:
    """|A||B| and the share of the operands' radii in A @ B, for any ranks that matmul takes."""
    sa, sb = size(a), size(b)
    share: Tensor | float = 0.0
    if rb.any():
        share = share + (sa + ra.expand(a.shape)) @ rb.expand(b.shape)
    if ra.any():
        share = share + ra.expand(a.shape) @ sb
    return sa @ sb, share


@MATRIX.rule("mm", "bmm", "mv", "dot", "vdot")
def _matmul(func: Any, left: Any, right: Any) -> Any:
    (a, ra), (b, rb) = parts(left), parts(right)
    value = func(a, b)
    sizes, radius = _matrix_product(a, ra, b, rb)
    return rounded(value, torch.as_tensor(radius), a.shape[-1], sizes=sizes)


@MATRIX.rule("addmm", "addmv", "baddbmm")
def _matmul_and_add(func: Any, bias: Any, left: Any, right: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    (c, rc), (a, ra), (b, rb) = parts(bias), parts(left), parts(right)
    value = func(c, a, b, beta=beta, alpha=alpha)
    sizes, radius = _matrix_product(a, ra, b, rb)
    sizes = abs(alpha) * sizes + abs(beta) * size(c)
    radius = abs(alpha) * radius + abs(beta) * rc
    terms = a.shape[-1] + 1 + (alpha != 1) + (beta != 1)
    return rounded(value, torch.as_tensor(radius), terms, sizes=sizes)


@MATRIX.rule("addbmm")
def _sum_of_products(func: Any, bias: Any, left: Any, right: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    return bias * beta + torch.bmm(left, right).sum(0) * alpha


@MATRIX.rule("addr")
def _plus_outer(func: Any, bias: Any, left: Any, right: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    return bias * beta + alpha * (left[:, None] * right[None])


@MATRIX.rule("outer", "ger")
def _outer(func: Any, left: Any, right: Any) -> Any:
    return left[:, None] * right[None]


@MATRIX.rule("_trilinear")
def _products_of_three(
    func: Any, i1: Any, i2: Any, i3: Any, expand1: Any, expand2: Any, expand3: Any, sumdim: Any, unroll_dim: int = 1
) -> Any:
    product: Any = 1.0
    for factor, places in ((i1, expand1), (i2, expand2), (i3, expand3)):
        spread = factor
        for place in sorted(places):
            spread = spread.unsqueeze(place)
        product = product * spread
    return product.sum(sumdim)


@MATRIX.rule("convolution")
def _convolution(func: Any, operand: Any, weight: Any, bias: Any, *args: Any) -> Any:
    (x, rx), (w, rw) = parts(operand), parts(weight)
    b = value_of(bias)
    value = func(x, w, b, *args)
    sizes = func(size(x), size(w), None if b is None else size(b), *args)
    radius: Any = 0.0
    if rw.any():
        radius = radius + func(size(x) + rx.expand(x.shape), rw.expand(w.shape), None, *args)
    if rx.any():
        radius = radius + func(rx.expand(x.shape), size(w), None, *args)
    if isinstance(bias, Ball):
        radius = radius + bias.radius.reshape(-1, *[1] * (value.dim() - 2))
    transposed, groups = args[3], args[5]
    terms = prod(w.shape[2:]) * (w.shape[0] // groups if transposed else w.shape[1])
    return rounded(value, torch.as_tensor(radius), terms + (b is not None), sizes=sizes)


@MATRIX.rule("convolution_backward")
def _convolution_backward(func: Any, gradient: Any, operand: Any, weight: Any, *args: Any) -> Any:
    (g, rg), (x, rx), (w, rw) = parts(gradient), parts(operand), parts(weight)
    values = func(g, x, w, *args)
    sizes = func(size(g), size(x), size(w), *args)
    shares = []
    if rg.any():
        shares.append(func(rg.expand(g.shape), size(x) + rx, size(w) + rw, *args))
    if rx.any() or rw.any():
        to_x, to_weight, _ = func(size(g), rx.expand(x.shape).contiguous(), rw.expand(w.shape).contiguous(), *args)
        shares.append((to_x, to_weight, 0.0))  # the bias's gradient sums `gradient` alone
    each = g.shape[0] * prod(g.shape[2:])  # samples and places, over which a weight's gradient sums
    all_terms = (w.numel(), each, each)
    results: list[Any] = []
    for at, (value, of) in enumerate(zip(values, sizes, strict=True)):
        if value is None:
            results.append(None)
            continue
        share = sum((one[at] for one in shares), torch.zeros((), dtype=torch.float64))
        results.append(rounded(value, share, all_terms[at], sizes=of))
    return tuple(results)


# Linear, with weights that are not negative: of the sizes and the radii the same.
AVERAGES = (
    "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d _adaptive_avg_pool2d _adaptive_avg_pool3d "
    "avg_pool2d_backward avg_pool3d_backward _adaptive_avg_pool2d_backward _adaptive_avg_pool3d_backward col2im "
    "reflection_pad1d_backward reflection_pad2d_backward reflection_pad3d_backward replication_pad1d_backward "
    "replication_pad2d_backward replication_pad3d_backward upsample_nearest1d_backward upsample_nearest2d_backward "
    "upsample_nearest3d_backward upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_linear1d_backward "
    "upsample_bilinear2d_backward unfold_backward"
).split()


@MATRIX.rule(*AVERAGES)
def _average(func: Any, operand: Any, *args: Any) -> Any:
    value = func(value_of(operand), *map(value_of, args))
    # The second operand of a backward pass gives its shape alone.
    wide = [value_of(arg).to(torch.float64) if isinstance(arg, Tensor) else arg for arg in args]
    held, inside = size(value_of(operand)), radius_of(operand).contiguous()
    radius = func(inside, *wide)
    sizes = func(held, *wide)
    name = func.overloadpacket.__name__
    rank = max((rank for rank in (2, 3) if f"{rank}d" in name), default=1)
    counted = _linear_terms(name, operand.shape[-rank:], args)
    # A negative divisor turns all signs.
    infinite = (func(infinite_terms(value_of(operand)), *wide) != 0) & ~radius.isnan()
    radius = radius.abs()
    if name.startswith("upsample") and "nearest" not in name:
        # The weights, also those that should be 0, are products of differences of coordinates: each coordinate loses
        # as much as three roundings of the largest.
        back = name.endswith("backward")
        near = held + inside
        near = _with_neighbours(func(near, *wide), rank) if back else func(_with_neighbours(near, rank), *wide)
        small = value if back else operand
        radius = radius + gamma(rank * 3 * max(small.shape[-rank:]), value.dtype) * near
    return rounded(value, radius, counted, infinite, sizes.abs())


@MATRIX.rule("upsample_bicubic2d")
def _cubic(func: Any, operand: Ball, size_of: Any, align: bool, *scales: float | None) -> Any:
    value = func(operand.value, size_of, align, *scales)
    # Some weights are negative. Those along one axis are what torch itself makes of the unit vectors, one pixel wide.
    weights = []
    for axis, (inside, out) in enumerate(zip(operand.shape[-2:], size_of, strict=True)):
        unit = torch.eye(inside, dtype=torch.float64)[:, None]
        unit = unit[..., None] if axis == 0 else unit[:, :, None]
        target = [out, 1] if axis == 0 else [1, out]
        weights.append(func(unit, target, align, *scales).reshape(inside, out).abs() * (1 + 2.0**-40))
    radius = weights[0].T @ operand.radius @ weights[1]
    # The weights are polynomials of differences of coordinates: they lose as much as the largest coordinate rounds.
    terms = 64 + 32 * max(*operand.shape[-2:], *size_of)
    most = (size(operand.value) + operand.radius).amax((-2, -1), keepdim=True)
    return rounded(value, radius, terms, sizes=most.expand(value.shape))


@MATRIX.rule("linspace", "logspace", "nextafter")
def _not_bounded(func: Any, *args: Any, **kwargs: Any) -> Any:
    result = func(*map(value_of, args), **kwargs)
    return tuple(map(unknown, result)) if isinstance(result, tuple) else unknown(result)


def _with_neighbours(sizes: Tensor, rank: int) -> Tensor:
    """Sums over each place of images and the places beside it."""
    for dim in range(-rank, 0):
        sizes = torch.constant_pad_nd(sizes, [0, 0] * (-1 - dim) + [1, 1]).unfold(dim, 3, 1).sum(-1)
    return sizes


def _linear_terms(name: str, sides: Sequence[int], args: Any) -> int:
    """How many elements of images that wide and high are summed at most, from above."""
    if name in ("avg_pool1d", "avg_pool2d", "avg_pool3d"):
        return int(prod(args[0]) ** (len(sides) if len(args[0]) == 1 else 1))
    if "adaptive" in name and not name.endswith("backward"):
        return prod(inside // out + 2 * (inside % out > 0) for inside, out in zip(sides, args[0], strict=True))
    if name.startswith("upsample") and not name.endswith("backward"):
        return int(2 ** len(sides))
    return prod(sides)


@MATRIX.rule("linalg_cross")
def _cross(func: Any, left: Any, right: Any, *, dim: int = -1) -> Any:
    shape = broadcast_shape(left, right)
    left, right = left.expand(shape), right.expand(shape)
    return left.roll(-1, dim) * right.roll(-2, dim) - left.roll(-2, dim) * right.roll(-1, dim)


def _distances(left: Any, right: Any, p: float) -> Any:
    apart = left.unsqueeze(-2) - right.unsqueeze(-3)
    return torch.linalg.vector_norm(apart, p, -1)


@MATRIX.rule("_cdist_forward")
def _pairwise(func: Any, left: Any, right: Any, p: float, mode: int | None) -> Any:
    return _distances(left, right, p)


@MATRIX.rule("_pdist_forward")
def _pairwise_own(func: Any, operand: Any, p: float = 2) -> Any:
    rows, columns = torch.triu_indices(operand.shape[0], operand.shape[0], 1)
    return _distances(operand, operand, p)[rows, columns]


def _inverse(a: Tensor, ra: Tensor, growth: Tensor) -> tuple[Tensor, Tensor]:
    """An inverse and how far it may be from that of any matrix within `ra` and `growth` of `a`.

    With R = I - X A and delta = |R| < 1 the inverse is X + R X + R R X + ..., so it differs from X by no more than
    delta / (1 - delta) times X (Rump, Verification methods, Acta Numerica 19, 2010, section 10).
    """
    wide = a.to(torch.float64)
    x = torch.linalg.inv_ex(wide).inverse
    n = a.shape[-1]
    if not wide.numel():
        return x, wide
    rest = (torch.eye(n, dtype=torch.float64) - x @ wide).abs()
    rest = rest + gamma(n + 1, torch.float64) * (x.abs() @ wide.abs() + 1) + x.abs() @ (ra.expand(a.shape) + growth)
    delta = rest.sum(-1).amax(-1)[..., None, None]
    beyond = torch.where(delta < 1, delta / (1 - delta), torch.nan) * x.abs().amax(-2, keepdim=True)
    return x, beyond.expand(x.shape)


def _elimination(a: Tensor, dtype: torch.dtype) -> Tensor:
    """What Gauss's elimination with pivots may add to the matrix by rounding: gamma_n |L| |U|, in rows as they came."""
    order, lower, upper = torch.linalg.lu(a.to(torch.float64))
    return torch.as_tensor(order @ (lower.abs() @ upper.abs())) * gamma(2 * a.shape[-1] + 2, dtype)


@MATRIX.rule("linalg_inv_ex", "inverse", "linalg_inv")
def _inverted(func: Any, operand: Ball, *args: Any, **kwargs: Any) -> Any:
    made = func(operand.value, *args, **kwargs)
    value = made if isinstance(made, Tensor) else made[0]
    x, away = _inverse(operand.value, operand.radius, _elimination(operand.value, value.dtype))
    ball = finished(value, away + (value.to(torch.float64) - x).abs())
    return ball if isinstance(made, Tensor) else (ball, *made[1:])


@MATRIX.rule("_linalg_det", "_linalg_slogdet")
def _determinant(func: Any, operand: Ball) -> Any:
    results = func(operand.value)
    a, value = operand.value, results[0]
    growth = _elimination(a, value.dtype)
    x, away = _inverse(a, operand.radius, growth)
    # det(A + E) = det(A) det(I + inverse(A) E), and |det(I + M) - 1| <= product of (1 + sums of M's rows) - 1.
    rows = ((x.abs() + away) @ (operand.radius + growth)).sum(-1)
    share = torch.expm1(torch.log1p(rows).sum(-1)) * (1 + 2.0**-40)
    if func.overloadpacket.__name__ == "_linalg_det":
        first = rounded_up(value, size(value) * share / torch.where(share < 1, 1 - share, torch.nan), a.shape[-1])
        return (first, *map(unknown, results[1:]))
    sign = Ball(value, torch.where(share < 1, 0.0, torch.nan))
    moved = -torch.log1p(-torch.where(share < 1, share, torch.nan))
    log = Ball(results[1], moved + gamma(a.shape[-1] + 4, value.dtype) * (1 + size(results[1])))
    return (sign, log, *map(unknown, results[2:]))


def rounded_up(value: Tensor, share: Tensor, terms: int) -> Ball:
    """The ball of a product of `terms` pivots."""
    return finished(value, share + gamma(terms, value.dtype) * size(value))


@MATRIX.rule("_linalg_solve_ex")
def _solved(func: Any, operand: Any, right: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    results = func(value_of(operand), value_of(right), left=left, check_errors=check_errors)
    (a, ra), (b, rb) = parts(operand), parts(right)
    b, rb, at = (part.to(torch.float64) for part in (b, rb.expand(b.shape), results[0]))
    vector = b.dim() == 1 or (b.dim() == a.dim() - 1 and b.shape == a.shape[:-1])
    if vector:
        b, rb, at = (part.unsqueeze(-1) for part in (b, rb, at))
    elif not left:
        a, ra = a.mT, ra.expand(a.shape).mT
        b, rb, at = b.mT, rb.mT, at.mT
    own = _elimination(a, results[0].dtype)
    x, away = _inverse(a, ra, own)
    wide = a.to(torch.float64)
    rest = (
        (b - wide @ at).abs()
        + rb
        + (own + ra) @ at.abs()
        + gamma(a.shape[-1] + 1, torch.float64) * (b.abs() + wide.abs() @ at.abs())
    )
    radius = (x.abs() + away) @ rest
    radius = radius.squeeze(-1) if vector else radius if left else radius.mT
    regular = away.isfinite().all(-1).all(-1)  # then there is an inverse, and the exit code is 0
    code = Ball(results[3], torch.where(regular, 0.0, torch.nan).expand(results[3].shape))
    return finished(results[0], radius), *map(unknown, results[1:3]), code


@MATRIX.rule("linalg_cholesky", "linalg_cholesky_ex")
def _cholesky(func: Any, operand: Ball, *, upper: bool = False, **kwargs: Any) -> Any:
    """The factor of every matrix near by.

    With A + E = (L + LY)(L + LY)' and F = inverse(L) E inverse(L)', the lower triangular Y has Y + Y' + YY' = F, so its
    Frobenius norm is at most |F| sqrt(2) / (1 + sqrt(1 - 2 |F|)) where |F| < 1/2 (Sun, BIT 31, 1991).
    """
    results = func(operand.value, upper=upper, **kwargs)
    value = results if isinstance(results, Tensor) else results[0]
    # Torch and the sheet read one triangle alone.
    half = torch.triu(operand.value, 1).mT if upper else torch.tril(operand.value, -1)
    a = (half + half.mT + torch.diag_embed(operand.value.diagonal(dim1=-2, dim2=-1))).to(torch.float64)
    half = torch.triu(operand.radius, 1).mT if upper else torch.tril(operand.radius, -1)
    ra = half + half.mT + torch.diag_embed(operand.radius.diagonal(dim1=-2, dim2=-1))
    factor = (value.mT if upper else value).to(torch.float64)
    n = a.shape[-1]
    product = factor.abs() @ factor.abs().mT
    apart = (a - factor @ factor.mT).abs() + ra + gamma(2 * n + 4, value.dtype) * (product + a.abs())
    x, away = _inverse(factor, torch.zeros_like(factor), torch.zeros_like(factor))
    reach = x.abs() + away
    moved = torch.linalg.matrix_norm(reach @ apart @ reach.mT) * (1 + 2.0**-30)
    share = torch.where(moved < 0.5, moved * 2**0.5 / (1 + torch.sqrt(1 - 2 * moved)), torch.nan)
    radius = torch.linalg.vector_norm(factor, dim=-1, keepdim=True) * share[..., None, None]
    radius = torch.tril(radius.expand(factor.shape))  # above the diagonal both are 0
    ball = finished(value, radius.mT if upper else radius)
    return ball if isinstance(results, Tensor) else (ball, *results[1:])


def _triangle(a: Any, upper: bool, unit: bool) -> Any:
    shape = a.shape[-1]
    kept = torch.triu(a, int(unit)) if upper else torch.tril(a, -int(unit))
    return kept + torch.eye(shape, dtype=a.dtype) if unit else kept


@MATRIX.rule("linalg_solve_triangular")
def _solved_triangular(
    func: Any, operand: Any, right: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    a = _triangle(operand, upper, unitriangular)
    if left:
        return torch.linalg.solve(a, right)
    return torch.linalg.solve(a.transpose(-1, -2), right.transpose(-1, -2)).transpose(-1, -2)


@MATRIX.rule("triangular_solve")
def _solved_with_triangle(
    func: Any, right: Any, operand: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    a = _triangle(operand, upper, unitriangular)
    return torch.linalg.solve(a.transpose(-1, -2) if transpose else a, right), operand


def _of_factor(factor: Any, upper: bool) -> Any:
    triangle = _triangle(factor, upper, False)
    turned = triangle.transpose(-1, -2)
    return turned @ triangle if upper else triangle @ turned


@MATRIX.rule("cholesky_solve")
def _solved_by_factor(func: Any, right: Any, factor: Any, upper: bool = False) -> Any:
    return torch.linalg.solve(_of_factor(factor, upper), right)


@MATRIX.rule("cholesky_inverse")
def _inverted_by_factor(func: Any, factor: Any, upper: bool = False) -> Any:
    return torch.linalg.inv(_of_factor(factor, upper))


@MATRIX.rule("dist")
def _distance(func: Any, left: Any, right: Any, p: float = 2) -> Any:
    return torch.linalg.vector_norm(left - right, p)

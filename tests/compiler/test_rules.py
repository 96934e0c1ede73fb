"""Rules that OpInfo's samples showed missing or wrong: each proved in a workbook of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import xlparity
from xlparity.check.aten import aten_overload
from xlparity.compiler.capture import capture
from xlparity.compiler.lower import RULES, Lowering
from xlparity.compiler.lower.formula import uniform
from xlparity.compiler.lower.spell import spelled
from xlparity.errors import InputError
from xlparity.formula.show import show

aten = torch.ops.aten


class Applied(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.function(*tensors)


def numbers(*shape: int, low: float = -2.0, high: float = 2.0) -> Tensor:
    """Numbers at random that are far from integers."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * (high - low) + low


def whole(*shape: int, below: int) -> Tensor:
    return torch.randint(below, shape, generator=torch.Generator().manual_seed(0))


X, Y, P = numbers(3, 4), numbers(3, 4, low=-1), numbers(3, 4, low=0.1, high=0.9)
SMALL = torch.tensor([[2.0, 0.5, -0.25], [0.5, 3.0, 0.75], [-0.25, 0.75, 1.5]], dtype=torch.float64)
INDEX = torch.tensor([[0, 2, 1, 0], [1, 0, 2, 2], [2, 1, 0, 1]])
PLACES = torch.tensor([0, 2, 2])
MASK = torch.tensor([[True, False, True, True], [False, False, True, False], [True, True, True, False]])

CASES: dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = {
    # activity of each kind of Bessel function, on both sides of 0 and at large numbers
    "i0": (torch.special.i0, (X * 3,)),
    "i0e": (torch.special.i0e, (X * 40,)),
    "i1": (torch.special.i1, (torch.tensor([0.0, 1e-9, -3.0, 50.0], dtype=torch.float64),)),
    "i1e": (torch.special.i1e, (X * 40,)),
    "modified i0": (torch.special.modified_bessel_i0, (X,)),
    "modified i1": (torch.special.modified_bessel_i1, (X,)),
    "k0": (torch.special.modified_bessel_k0, (torch.tensor([1e-6, 0.5, 3.0, 100.0], dtype=torch.float64),)),
    "k1": (torch.special.modified_bessel_k1, (torch.tensor([1e-6, 0.5, 3.0, 100.0], dtype=torch.float64),)),
    "scaled k0": (torch.special.scaled_modified_bessel_k0, (P * 1000,)),
    "scaled k1": (torch.special.scaled_modified_bessel_k1, (P * 1000,)),
    "angle": (torch.angle, (X,)),
    "frexp, mantissa": (lambda x: torch.frexp(x)[0], (torch.tensor([0.0, 0.5, -8.0, 0.1, 1e30]).double(),)),
    "frexp, exponent": (lambda x: torch.frexp(x)[1], (torch.tensor([0.0, 0.5, -8.0, 0.1, 1e30]).double(),)),
    "bits of integers": (lambda n: n & 3, (torch.tensor([-5, 0, 7, 12]),)),
    "polygamma": (lambda x: torch.polygamma(1, x), (X,)),
    "addbmm": (lambda x, a, b: torch.addbmm(x, a, b, beta=0.5, alpha=2), (SMALL, numbers(2, 3, 4), numbers(2, 4, 3))),
    "triangular": (lambda a, b: torch.linalg.solve_triangular(a, b, upper=True), (SMALL, X)),
    "triangular, right": (lambda a, b: torch.linalg.solve_triangular(a, b.T, upper=False, left=False), (SMALL, X)),
    "triangular, with ones": (
        lambda a, b: torch.linalg.solve_triangular(a, b, upper=False, unitriangular=True), (SMALL, X)),
    "cholesky_solve": (torch.cholesky_solve, (X, SMALL)),
    "cholesky_inverse": (lambda a: torch.cholesky_inverse(a, upper=True), (SMALL,)),
    "histc of a range": (lambda x: torch.histc(x, 4, -1, 1), (X,)),
    "histc of all": (lambda x: torch.histc(x, 5), (X,)),
    "masked_scatter": (lambda x, m, y: x.masked_scatter(m, y), (X, MASK, Y)),
    "scatter, adding": (lambda x, i, y: aten.scatter.reduce(x, 0, i, y, reduce="add"), (X, INDEX, Y)),
    "scatter, multiplying": (lambda x, i: aten.scatter.value_reduce(x, 0, i, 2.0, reduce="multiply"), (X, INDEX)),
    "as_strided": (lambda x: torch.as_strided(x, (2, 3), (1, 4), 1), (X,)),
    "as_strided_scatter": (lambda x, y: torch.as_strided_scatter(x, y[:2, :2], (2, 2), (4, 1), 1), (X, Y)),
    "as_strided_copy": (lambda x: torch.as_strided_copy(x, (3, 2), (1, 3)), (X,)),
    "bilinear": (
        lambda x: functional.interpolate(x, size=(4, 5), mode="bilinear", align_corners=False), (numbers(1, 2, 3, 3),)),
    "nearest by a factor": (lambda x: functional.interpolate(x, scale_factor=1.6), (numbers(1, 2, 3, 4),)),
    "grid sample": (
        lambda x, g: functional.grid_sample(x, g, align_corners=False), (numbers(1, 1, 3, 3), numbers(1, 2, 2, 2) / 2)),
    # windows along the first of three dimensions that have not all as many elements
    "uneven windows in 3D": (lambda x: functional.adaptive_avg_pool3d(x, (5, 2, 2)), (numbers(1, 1, 7, 3, 3),)),
    "both results of a pool": (
        lambda x: functional.adaptive_max_pool3d(x, (2, 2, 2), return_indices=True)[1], (numbers(1, 1, 3, 4, 4),)),
    "nothing to multiply": (lambda x, a, b: torch.addmm(x, a[:, :0], b[:0]), (X, SMALL, X)),
    "isnan of what is computed": (lambda x: torch.isnan(torch.log(x)), (X,)),
    "cholesky": (torch.linalg.cholesky, (SMALL,)),
    "cholesky of the upper triangle": (
        lambda a: torch.linalg.cholesky(a, upper=True), (SMALL.triu() + SMALL.tril(-1) / 2,)),
    "solve from the right": (lambda a, b: torch.linalg.solve_ex(a, b.T, left=False)[0], (SMALL, X.T[:3])),
    "norm of an order below 1": (lambda x: torch.linalg.vector_norm(x, 0.5, 1), (X,)),
    "norm of a negative order": (lambda x: torch.linalg.vector_norm(x * MASK, -2, 1), (X,)),
    "softmax with a mask": (lambda x: torch.softmax(x.masked_fill(x < 0, -math.inf), 1), (numbers(3, 6),)),
}  # fmt: skip
for _how in ("sum", "prod", "mean", "amax", "amin"):
    for _with in (True, False):
        CASES[f"scatter_reduce {_how} {_with}"] = (
            lambda x, i, y, how=_how, alone=_with: torch.scatter_reduce(x, 0, i, y, how, include_self=alone),
            (X, INDEX[:2], Y),
        )
for _how in ("prod", "mean", "amax", "amin"):
    for _with in (True, False):
        CASES[f"index_reduce {_how} {_with}"] = (
            lambda x, i, y, how=_how, alone=_with: torch.index_reduce(x, 1, i, y[:, :3], how, include_self=alone),
            (X, PLACES, Y),
        )
for _kind in "tuvw":
    for _shifted in ("", "shifted_"):
        CASES[f"{_shifted}chebyshev {_kind}"] = (
            getattr(torch.special, f"{_shifted}chebyshev_polynomial_{_kind}"),
            (
                torch.tensor([[-1.5], [-1.0], [-0.3], [0.0], [0.7], [1.0], [2.5]]).double(),
                torch.tensor([-1, 0, 1, 4, 9]),
            ),
        )


@pytest.mark.parametrize("name", CASES)
def test_the_workbook_holds_what_torch_computes(name: str, tmp_path: Path) -> None:
    function, inputs = CASES[name]
    path = xlparity.generate(Applied(function), list(inputs)).save(tmp_path / "net.xlsx")
    report = xlparity.check(path)
    actual = next(tensor.actual for tensor in report.tensors if tensor.tensor == "net")
    expected = function(*inputs).double()
    torch.testing.assert_close(torch.from_numpy(actual).reshape(expected.shape), expected, rtol=1e-10, atol=1e-12)
    assert report.passed, str(report)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: torch.linalg.vector_norm(x.masked_fill(torch.arange(4) > 2, math.inf), 2, 1), [math.inf] * 3),
        (
            lambda x: torch.logsumexp(x.masked_fill(torch.arange(3)[:, None] > 0, -math.inf), 1),
            [None, -math.inf, -math.inf],
        ),
    ],
    ids=["norm", "logsumexp of what is masked away"],
)
def test_an_infinite_result_is_the_number_that_stands_for_it(
    function: Callable[[Tensor], Tensor], expected: list[float | None], tmp_path: Path
) -> None:
    report = xlparity.check(xlparity.generate(Applied(function), X).save(tmp_path / "net.xlsx"))
    actual = next(tensor.actual for tensor in report.tensors if tensor.tensor == "net").tolist()
    assert [number for number, wanted in zip(actual, expected, strict=True) if wanted is not None] == [
        math.copysign(1e300, wanted) for wanted in expected if wanted is not None
    ]
    assert report.passed, str(report)


def test_a_tensor_that_is_computed_anew_for_one_of_its_readers_breaks_no_fill(tmp_path: Path) -> None:
    # The last column adds the key's own bias to a padding of the mask, 0, where the others add the mask.
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(4, 1, add_bias_kv=True).double()
    function = Applied(lambda x, mask: attention(x, x, x, attn_mask=mask)[0])
    function.attention = attention
    path = xlparity.generate(function, [X, numbers(3, 3)]).save(tmp_path / "net.xlsx")
    report = xlparity.check(path)
    assert report.passed, str(report)


def test_an_output_with_a_second_name_breaks_no_fill(tmp_path: Path) -> None:
    # The windows at both ends are cut off, so that the one between breaks their fill.
    def function(x: Tensor) -> tuple[Tensor, Tensor]:
        return functional.max_pool2d_with_indices(x, 3, 2, 1, (1, 2), ceil_mode=True)

    path = xlparity.generate(Applied(function), numbers(1, 2, 3, 6)).save(tmp_path / "net.xlsx")
    report = xlparity.check(path)
    assert {"net", "net.output[0]"} <= {tensor.tensor for tensor in report.tensors}
    assert report.passed, str(report)


def test_a_constant_of_more_digits_than_a_spreadsheet_keeps_is_a_quotient_if_it_is_one() -> None:
    model = Applied(lambda x: (x * (1 / 3), x * -(2 / 7), x * 0.1, x * 0.7071067811865476))
    low = Lowering(capture(model, [numbers(2)]))
    low.run({})
    formulas = [show(plan.formula.tree) for plan in low.blocks if plan.formula is not None]
    assert formulas[-4:] == ["_0*(1/3)", "_0*-(2/7)", "_0*0.1", "_0*0.7071067811865476"]


def test_a_row_that_is_masked_throughout_has_no_softmax(tmp_path: Path) -> None:
    mask = torch.tensor([[True, False, True], [True, True, True]])
    model = Applied(lambda x, m: torch.softmax(x.masked_fill(m, -math.inf), 1))
    low = Lowering(capture(model, [numbers(2, 3), mask]))
    low.run({})
    assert any("NA()" in show(plan.formula.tree) for plan in low.blocks if plan.formula is not None)
    with pytest.raises(InputError, match="is NaN in PyTorch"):
        xlparity.generate(model, [numbers(2, 3), mask]).save(tmp_path / "net.xlsx")


def test_what_a_model_writes_into_its_input_is_not_its_result(tmp_path: Path) -> None:
    def function(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        return functional.batch_norm(x, mean, variance, training=True)

    given = [X, torch.zeros(4).double(), torch.ones(4).double()]
    path = xlparity.generate(Applied(function), given).save(tmp_path / "net.xlsx")
    assert xlparity.check(path).passed
    assert not given[1].any()


def test_medians_that_leave_out_nan_are_refused_where_nan_may_be() -> None:
    model = Applied(lambda x: torch.nanmedian(torch.where(x < 0, math.nan, x)))
    with pytest.raises(InputError, match="a median that leaves out NaN has no formula"):
        xlparity.generate(model, [X])


def test_a_map_may_say_every_operation_that_has_a_rule() -> None:
    unsaid = []
    for name in RULES:
        packet, overload = name.split(".")
        if aten_overload(packet, overload) is None:
            x = uniform(0.0, (2, 2), "float64", "x")
            operation = getattr(getattr(aten, packet), overload)
            arguments = {"as_strided": ([2], [1]), "as_strided_scatter": (x, [2], [1]), "new_empty": ([2],),
                         "new_empty_strided": ([2], [1]), "to": (torch.float64,)}.get(packet, ())  # fmt: skip
            if packet in ("__lshift__", "__rshift__"):
                arguments = (1,)
            text, _ = spelled(operation, (x, *arguments), {}, "float64")
            words = [word.split("(")[0] for word in text.split("aten.")[1:]]
            unsaid += [name for word in words if aten_overload(*word.split(".")) is None]
    assert not unsaid


def test_the_bound_of_erfinv_is_that_of_its_spelling(tmp_path: Path) -> None:
    x = torch.tensor([1e-9, -1e-4, 0.0, 0.3, 0.999999, -0.99999999], dtype=torch.float64)
    path = xlparity.generate(Applied(torch.erfinv), [x]).save(tmp_path / "net.xlsx")
    assert xlparity.check(path).passed

"""Gradients agree with finite differences, and errors beside a number leave its gradient alone."""

import pytest
import torch
from torch import Tensor

from xlparity.errors import InputError
from xlparity.functions import Argument, call
from xlparity.functions.array import Array, Texts
from xlparity.functions.logic import choose
from xlparity.functions.operators import negate, operator, percent
from xlparity.model.value import Error, Kind


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1)


FOUR = column(0.3, 1.7, 0.9, 2.2)
SMOOTH = [
    *(
        (name, [column(0.3, 0.7)])
        for name in ["ABS", "EXP", "SQRT", "LN", "LOG10", "LOG", "SQRTPI", "SIN", "COS", "TAN"]
    ),
    *(
        (name, [column(0.3, 0.7)])
        for name in ["SINH", "COSH", "TANH", "ASIN", "ACOS", "ATAN", "ASINH", "ATANH", "ACOT"]
    ),
    *((name, [column(0.3, 0.7)]) for name in ["CSC", "SEC", "COT", "CSCH", "SECH", "COTH", "RADIANS", "DEGREES", "N"]),
    *((name, [column(1.3, 2.7)]) for name in ["ACOSH", "ACOTH", "GAMMA", "GAMMALN", "ERF", "ERFC", "PHI", "GAUSS"]),
    *((name, [column(0.2, 0.6)]) for name in ["NORM.S.INV", "NORMSDIST", "FISHER", "FISHERINV"]),
    *((name, [FOUR]) for name in ["SUM", "PRODUCT", "SUMSQ", "AVERAGE", "MAX", "MIN", "DEVSQ", "VAR.S", "VAR.P"]),
    *((name, [FOUR]) for name in ["STDEV.S", "STDEV.P", "AVEDEV", "GEOMEAN", "HARMEAN", "SKEW", "KURT", "MEDIAN"]),
    *((name, [FOUR, FOUR.flip(0) * 1.1]) for name in ["SUMPRODUCT", "SUMXMY2", "SUMX2MY2", "SUMX2PY2", "CORREL"]),
    *((name, [FOUR, FOUR.flip(0) * 1.1]) for name in ["SLOPE", "INTERCEPT", "COVARIANCE.P", "RSQ", "STEYX", "LINEST"]),
    ("POWER", [FOUR, column(2.0, 0.5, -1.0, 3.0)]),
    ("POWER", [FOUR, column(2.0)]),
    ("POWER", [FOUR, column(-0.5)]),
    ("MOD", [FOUR, column(0.7, 0.7, 0.7, 0.7)]),
    ("ATAN2", [FOUR, FOUR.flip(0)]),
    ("LARGE", [FOUR, column(2.0)]),
    ("PERCENTILE", [FOUR, column(0.4)]),
    ("NORM.DIST", [FOUR, column(0.5), column(1.5), True]),
    ("NORM.DIST", [FOUR, column(0.5), column(1.5), False]),
    ("NORM.INV", [column(0.2, 0.7), column(0.5), column(1.5)]),
    ("LOGNORM.DIST", [FOUR, column(0.5), column(1.5), True]),
    ("EXPON.DIST", [FOUR, column(0.5), True]),
    ("MMULT", [FOUR.reshape(2, 2), FOUR.reshape(2, 2) + 1]),
    ("MINVERSE", [FOUR.reshape(2, 2)]),
    ("MDETERM", [FOUR.reshape(2, 2)]),
    ("TRANSPOSE", [FOUR]),
    ("SORT", [FOUR]),
    ("TAKE", [FOUR, column(2.0)]),
    ("INDEX", [FOUR, column(2.0)]),
    ("HSTACK", [FOUR, FOUR.flip(0)]),
    ("TREND", [FOUR, FOUR.flip(0) * 1.1]),
]
# Arguments whose gradient is not of interest: they pick, count or shape.
DISCRETE = {"LARGE": 1, "TAKE": 1, "INDEX": 1, "MOD": 1}


def argument(value: Tensor | bool) -> Argument:
    return Argument(Array.of_boolean(value)) if isinstance(value, bool) else Argument(Array(value))


@pytest.mark.parametrize(("name", "given"), SMOOTH)
def test_gradient_is_that_of_finite_differences(name: str, given: list[Tensor | bool]) -> None:
    inputs = [
        value.clone().requires_grad_(at < DISCRETE.get(name, 9)) if isinstance(value, Tensor) else value
        for at, value in enumerate(given)
    ]
    tensors = [value for value in inputs if isinstance(value, Tensor) and value.requires_grad]

    def function(*values: Tensor) -> Tensor:
        left = iter(values)
        taken = [next(left) if isinstance(value, Tensor) and value.requires_grad else value for value in inputs]
        made = call(name, [argument(value) for value in taken], Texts())
        assert made.kind is None
        return made.number

    assert torch.autograd.gradcheck(function, tensors, eps=1e-6, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "^"])
def test_operator_has_gradients(symbol: str) -> None:
    left, right = FOUR.clone().requires_grad_(), FOUR.flip(0).clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, b: operator(symbol, Array(a), Array(b), Texts()).number, [left, right], eps=1e-6, atol=1e-6
    )
    assert torch.autograd.gradcheck(lambda a: negate(percent(Array(a), Texts()), Texts()).number, [left])


BAD = [
    ("LN", [-1.0, 0.0]),
    ("SQRT", [-1.0]),
    ("EXP", [1000.0]),
    ("ACOS", [2.0]),
    ("ATANH", [1.0, 2.0]),
    ("ACOSH", [0.5]),
    ("GAMMALN", [0.0, -1.0]),
    ("GAMMA", [-1.0, 0.0]),
    ("NORM.S.INV", [0.0, 1.0, 2.0]),
    ("COT", [0.0]),
    ("CSCH", [0.0, 800.0]),
    ("SECH", [800.0]),
    ("LOG", [0.0, -1.0]),
    ("FISHER", [1.0, 3.0]),
]


@pytest.mark.parametrize(("name", "bad"), BAD)
def test_errors_leave_the_gradients_of_others_alone(name: str, bad: list[float]) -> None:
    good = 1.3 if name == "ACOSH" else 0.3
    alone = torch.tensor([[good]], dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(call(name, [argument(alone)], Texts()).number.sum(), alone)
    beside = torch.tensor([[good, *bad]], dtype=torch.float64, requires_grad=True)
    made = call(name, [argument(beside)], Texts())
    kept = torch.where(made.kinds == int(Kind.NUMBER), made.number, 0.0)
    (gradient,) = torch.autograd.grad(kept.sum(), beside)
    assert float(gradient[0, 0]) == pytest.approx(float(expected[0, 0]), rel=1e-15)
    assert bool(torch.isfinite(gradient).all())


@pytest.mark.parametrize("name", ["GEOMEAN", "HARMEAN", "AVERAGE", "PRODUCT", "STDEV.S"])
def test_a_blank_among_numbers_leaves_their_gradients_alone(name: str) -> None:
    alone = column(2.0, 8.0).requires_grad_()
    (expected,) = torch.autograd.grad(call(name, [argument(alone)], Texts()).number.sum(), alone)
    beside = column(2.0, 0.0, 8.0).requires_grad_()
    kind = torch.tensor([[1], [0], [1]], dtype=torch.uint8)
    assert kind[1] == int(Kind.BLANK)
    made = call(name, [Argument(Array(beside, kind), True)], Texts())
    (gradient,) = torch.autograd.grad(made.number.sum(), beside)
    assert gradient.flatten().tolist() == [float(expected[0, 0]), 0, float(expected[1, 0])]


def test_a_function_without_derivatives_refuses_to_be_derived_and_only_then() -> None:
    x = column(45292.0, 45658.0).requires_grad_()
    year = call("YEAR", [argument(x)], Texts()).number
    assert year.flatten().tolist() == [2024, 2025]
    assert torch.autograd.grad((x + 0 * year).sum(), x, retain_graph=True)[0].tolist() == [[1], [1]]
    with pytest.raises(InputError, match=r"values .text, date, .*is computed without derivatives, and the cell"):
        torch.autograd.grad(year.sum(), x)
    with torch.no_grad():
        assert not call("YEAR", [argument(x)], Texts()).number.requires_grad


def test_a_branch_that_is_not_taken_has_no_gradient() -> None:
    x = torch.tensor([[-1.0, 4.0]], dtype=torch.float64, requires_grad=True)
    texts = Texts()
    positive = operator(">", Array(x), Array.of_number(0.0), texts)
    root = call("SQRT", [Argument(Array(x))], texts)
    made = choose(positive.number != 0, root, Array.of_number(0.0))
    assert made.number.tolist() == [[0, 2]]
    (gradient,) = torch.autograd.grad(made.number.sum(), x)
    assert gradient.tolist() == [[0, 0.25]]


def test_a_sum_over_a_criterion_has_the_gradient_of_what_it_sums() -> None:
    x = FOUR.clone().requires_grad_()
    texts = Texts()
    criterion = Argument(Array.single(Kind.TEXT, texts.index(">1")))
    (gradient,) = torch.autograd.grad(call("SUMIF", [argument(x), criterion], texts).number.sum(), x)
    assert gradient.flatten().tolist() == [0, 1, 0, 1]


def test_a_sum_with_an_error_in_one_lane_keeps_the_other_lanes_gradients() -> None:
    x = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]], dtype=torch.float64, requires_grad=True)
    kind = torch.tensor([[[1, 1]], [[1, 4]]], dtype=torch.uint8)
    for name in ("SUM", "AVERAGE", "VAR.S", "MAX", "SUMPRODUCT", "PRODUCT"):
        payload = torch.where(kind == int(Kind.ERROR), float(Error.NA), x)
        made = call(name, [Argument(Array(payload, kind), True)], Texts())
        assert made.kinds.flatten().tolist() == [1, 4]
        alone = call(name, [Argument(Array(x[0].detach()), True)], Texts())
        assert made.number[0].tolist() == alone.number.tolist(), name
        (gradient,) = torch.autograd.grad(made.number[0, 0, 0], x)
        assert bool(torch.isfinite(gradient).all()), name
        assert not bool(gradient[1].any()), name

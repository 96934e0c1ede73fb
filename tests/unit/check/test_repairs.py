"""What is proposed for a wrong formula: one slip of each kind, mended to what torch computes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.check.small import cell, checked, row
from xlparity.model.value import Scalar
from xlparity.model.verdict import Finding

X, Y = row("x", "A1:A3"), row("y", "B1:B3")
NUMBERS: dict[str, Scalar] = {"A1": 0.5, "A2": 1.25, "A3": -0.75, "B1": 2.0, "B2": -1.5, "B3": 0.25}


def fault(formula: Scalar, expression: str, **more: Any) -> Finding:
    report = checked({**NUMBERS, "D1": formula, **more}, X, Y, row("z", "D1", expression, shape=()))
    return next(one for one in report.cells if one.cell == cell("D1"))


@pytest.mark.parametrize(
    ("formula", "expression", "mended"),
    [
        ("=A2*EXP(A2)", "x[0] * torch.exp(x[0])", "A1*EXP(A1)"),  # the wrong cell in both places
        ("=-(A2*A2)", "-(x[0] * x[0])", "-(A1*A1)"),
        ("=A2%+A2*2", "x[0] / 100 + x[0] * 2", "A1%+A1*2"),
        ("=SUMPRODUCT(A1:A3,A1:A3)", "(x * y).sum()", "SUMPRODUCT(B1:B3,A1:A3)"),
        ("=SUM(A1:A3)", "x.mean()", "AVERAGE(A1:A3)"),
        ("=A1+B1", "x[0] - y[0]", "A1-B1"),
        ("=A1*B1", "x[0] * y[0] + x[1]", "A1*B1+A2"),
        (0.5, "x[0] * y[0]", "A1*B1"),
        (0.5, "torch.relu(x[1])", "MAX(0,A2)"),
        ("=SUM((", "x[0] * y[0]", None),
    ],
)
def test_a_slip_is_mended(formula: Scalar, expression: str, mended: str | None) -> None:
    found = fault(formula, expression)
    if mended is None:
        assert found.verdict.value in ("fault", "undecided")
        return
    assert found.verdict.value == "fault"
    assert found.repair is not None
    assert found.repair.formula == mended
    assert found.repair.samples > 10


def test_what_no_small_change_mends_is_left_without_a_proposal() -> None:
    found = fault("=A1", "torch.tanh(x @ y + x[1] * y[2]) ** 3")
    assert (found.verdict.value, found.repair) == ("fault", None)


def test_an_unmapped_cell_behind_is_blamed_and_mended() -> None:
    found = fault("=H1+A1", "x[0] * y[0] + x[0]", H1="=A1*B2")
    assert found.origin == cell("H1")
    assert found.repair is not None
    assert (found.repair.cell, found.repair.formula) == (cell("H1"), "A1*B1")
    assert "S!H1 =A1*B2" in found.because
    far = fault("=H1+A1", "torch.tanh(x @ y) ** 3 + x[0]", H1="=A1*B2")
    assert far.origin is None
    assert "it reads 1 formulas that the map does not cover, first S!H1 =A1*B2" in far.because

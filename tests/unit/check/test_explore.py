"""Parity on other numbers than the sheet's: which samples count, and which numbers show that a formula is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.check.small import cell, checked, row
from xlparity.check.explore import MOVES, beside
from xlparity.model.cell import Cell
from xlparity.model.map import Role
from xlparity.model.report import Report
from xlparity.model.value import Scalar
from xlparity.model.verdict import Finding, Verdict

X = row("x", "A1:A3")
NUMBERS: dict[str, Scalar] = {"A1": 1.0, "A2": 2.5, "A3": 4.0}


def only(report: Report) -> Finding:
    (found,) = report.faults
    return found


def typed(found: Finding) -> dict[Cell, float]:
    assert found.counterexample is not None
    return dict(found.counterexample.changes)


def test_numbers_that_torch_refuses_are_drawn_again_among_the_sheets() -> None:
    rows = row("p", "A1:A3"), row("y", "B1:B3"), row("loss", "D1", "F.binary_cross_entropy(p, y)", shape=())
    cells: dict[str, Scalar] = {"A1": 0.25, "A2": 0.5, "A3": 0.75, "B1": 0.0, "B2": 1.0, "B3": 1.0}
    formula = "=-(B{0}*LN(A{0})+(1-B{0})*LN(1-A{0}))"
    parts = {f"C{at}": formula.format(at) for at in (1, 2, 3)}
    report = checked({**cells, **parts, "D1": "=AVERAGE(C1:C3)"}, *rows, samples=26)
    assert report.passed
    assert report.exploration is not None
    assert (report.exploration.samples, report.exploration.never) == (26, 0)


def test_samples_that_torch_refuses_twice_count_for_nothing() -> None:
    # The lower triangle of a Cholesky factor: of numbers drawn among the sheet's few matrices have one.
    matrix = row("m", "A1:B2")
    factor = row("f", "D1:E2", "aten.linalg_cholesky.default(m)")
    cells: dict[str, Scalar] = {
        "A1": 1.0, "B1": 0.9, "A2": 0.9, "B2": 1.0,
        "D1": "=SQRT(A1)", "E1": "=0*A1", "D2": "=A2/SQRT(A1)", "E2": "=SQRT(B2-D2^2)",
    }  # fmt: skip
    report = checked(cells, matrix, factor, samples=26)
    assert report.counts["fault"] == 0
    assert report.exploration is not None
    assert (report.exploration.samples, report.exploration.never) == (26, 0)


def test_a_cell_that_reads_what_the_map_does_not_say_is_shown_with_that_number_too() -> None:
    rows = X, row("w", "B1", shape=()), row("y", "C1", "x[0] * 3", shape=()), row("z", "C2", "w + x[1]", shape=())
    cells: dict[str, Scalar] = {**NUMBERS, "B1": 2.0, "C1": "=A1*3+ABS(B1)-B1", "C2": "=B1+A2"}
    found = only(checked(cells, *rows, samples=20))
    assert found.cell == cell("C1")
    changes = typed(found)
    assert set(changes) == {cell("B1")}
    assert changes[cell("B1")] < 0


def test_the_first_counterexamples_are_made_small_and_the_others_shown_as_they_are_drawn() -> None:
    # What v is computed from shows nothing of y.
    rows = row("x", "A1:A12"), row("y", "B1:B12", "torch.relu(x)"), row("w", "D1"), row("v", "E1", "2 * w")
    cells: dict[str, Scalar] = {"D1": 3.0, "E1": "=2*D1"}
    for at in range(1, 13):
        cells |= {f"A{at}": float(at), f"B{at}": f"=ABS(A{at})"}
    found = checked(cells, *rows, samples=20).faults
    assert sorted(len(typed(one)) for one in found) == [1] * 8 + [12] * 4


def test_a_difference_that_takes_more_numbers_than_one_types_is_told_without_them() -> None:
    cells: dict[str, Scalar] = {f"A{at}": 1.0 for at in range(1, 31)}
    cells["B1"] = "=IF(SUMPRODUCT(--(A1:A30<>1))>24,0,SUM(A1:A30))"
    found = only(checked(cells, row("x", "A1:A30"), row("y", "B1", "x.sum()", shape=()), samples=5))
    assert found.counterexample is None
    assert found.because == (
        "its formula is right at the sheet's own numbers by coincidence; wrong on sample 1 of others"
    )


def test_numbers_to_type_are_those_of_the_sample_made_round() -> None:
    # Right at the numbers from -3.5 to 3.5, which the first round numbers that come to mind are.
    cells: dict[str, Scalar] = {"A1": 1.0, "B1": "=IF(ABS(A1)>3.5,0,2*A1)"}
    found = only(checked(cells, row("x", "A1", shape=()), row("y", "B1", "2 * x", shape=()), samples=30))
    ((_, number),) = typed(found).items()
    assert abs(number) > 3.5
    assert number == round(number)


def test_a_number_that_shows_it_by_its_last_digits_is_not_rounded() -> None:
    found = only(
        checked({**NUMBERS, "B1": "=IF(ABS(A1)=1E-5,5,A1)"}, X, row("y", "B1", "x[0] * 1", shape=()), samples=120)
    )
    assert {abs(number) for number in typed(found).values()} == {1e-5}


def test_a_hyperparameter_stays_positive_and_of_its_size() -> None:
    rate = row("rate", "B1", role=Role.HYPERPARAMETER, shape=())
    cells: dict[str, Scalar] = {**NUMBERS, "B1": 0.1, "C1": "=A1*ABS(B1)"}
    assert checked(cells, X, rate, row("y", "C1", "x[0] * rate", shape=()), samples=40).passed


def test_truth_values_stay_such_on_samples() -> None:
    # To Excel TRUE is not 1.
    rows = row("m", "A1:A2", dtype="bool"), row("x", "B1:B2"), row("y", "C1:C2", "where(m, x, -x)")
    cells: dict[str, Scalar] = {"A1": True, "A2": False, "B1": 1.5, "B2": 2.5}
    formulas: dict[str, Scalar] = {f"C{at}": f"=IF(A{at}=TRUE,1,-1)*B{at}" for at in (1, 2)}
    assert checked({**cells, **formulas}, *rows, samples=20).passed
    fault = only(checked({**cells, **formulas, "C1": "=IF(A1=TRUE,1,1)*B1"}, *rows, samples=20))
    assert typed(fault) == {cell("A1"): False}
    alike = {**cells, "A1": False, **formulas, "C1": "=-B1"}  # no TRUE stands in the sheet
    assert typed(only(checked(alike, *rows, samples=20))) == {cell("A1"): True}
    assert "with S!A1 = FALSE it gives 1.5" in fault.because


def test_right_truth_values_are_put_before_formulas_that_read_wrong_ones() -> None:
    rows = row("x", "A1"), row("m", "B1", "x > 0", dtype="bool"), row("y", "C1", "where(m, x, x - 7)")
    report = checked({"A1": 1.0, "B1": "=A1<0", "C1": "=IF(B1=TRUE,A1,A1-6)"}, *rows)
    assert {one.cell: one.verdict for one in report.cells} == {cell("B1"): Verdict.FAULT, cell("C1"): Verdict.INHERITED}


@pytest.mark.parametrize("move", list(MOVES))
def test_numbers_are_moved_by_as_much_as_they_are_large_and_each_by_itself(move: str) -> None:
    held = np.linspace(-2.0, 3.0, 40).reshape(4, 10)
    few, many = (MOVES[move](size * held, np.random.default_rng(0)) for size in (1, 1024))
    np.testing.assert_array_equal(many, 1024 * few)
    assert few.shape == held.shape
    assert np.unique(few).size > 4 or move == "zero"


def test_numbers_beside_those_of_the_formulas_lie_at_them_and_one_above_and_below_of_either_sign() -> None:
    found = beside([3.0, 1e12])(np.zeros(500), np.random.default_rng(0))
    assert set(found) == {-4.0, -3.0, -2.0, 2.0, 3.0, 4.0}

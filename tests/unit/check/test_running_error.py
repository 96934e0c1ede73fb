"""Formulas that mean the same pass, whatever they round; those that do not are caught far below any fixed tolerance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xlparity.check.against import check_against
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.report import Report
from xlparity.model.value import Cells
from xlparity.model.verdict import Verdict

ROWS = 400

# Over A1:D1, each pair the same in exact arithmetic.
SAME = [
    ("SUM(A1:D1)/4", "AVERAGE(A1:D1)"),
    ("A1^3", "A1*A1*A1"),
    ("(A1+B1)^2", "A1^2+2*A1*B1+B1^2"),
    ("(A1-B1)*C1", "A1*C1-B1*C1"),
    ("A1*B1+C1*D1", "D1*C1+B1*A1"),
    ("DEVSQ(A1:D1)", "SUMSQ(A1:D1)-SUM(A1:D1)^2/4"),
    ("STDEV(A1:D1)", "SQRT((SUMSQ(A1:D1)-4*AVERAGE(A1:D1)^2)/3)+0*A1"),
    ("A1*0.1", "A1/10"),
    ("SUMXMY2(A1:B1,C1:D1)", "(A1-C1)^2+(B1-D1)^2"),
    ("SUM(A1:D1)-A1", "B1+C1+D1"),
    ("PRODUCT(A1:D1)", "D1*C1*B1*A1"),
    ("MAX(0,A1)", "(A1+ABS(A1))/2"),
    ("MAX(0,A1)", "IF(A1>0,A1,0)"),
    ("SIN(A1)^2", "1-COS(A1)^2"),
    ("TAN(A1/3)", "SIN(A1/3)/COS(A1/3)"),
    ("ROUND(A1*B1,2)", "ROUND(B1*A1+0*C1,2)"),
    ("EXP(-A1/1000)", "1/EXP(A1/1000)"),
    ("1/(1+EXP(-A1/1000))", "EXP(A1/1000)/(1+EXP(A1/1000))"),
    ("TANH(A1/1000)", "(EXP(A1/500)-1)/(EXP(A1/500)+1)"),
    ("LN(1+A1^2)", "2*LN(SQRT(1+A1*A1))"),
    ("SUMPRODUCT(MMULT(A1:D1,TRANSPOSE(A1:D1)))", "SUMSQ(A1:D1)"),
    ("A1*(B1+C1+D1)", "A1*B1+A1*C1+A1*D1"),
    ("SUMX2MY2(A1:B1,C1:D1)", "SUMSQ(A1:B1)-SUMSQ(C1:D1)"),
    ("INDEX(A1:D1,1,2)+INDEX(A1:D1,3)", "C1+B1"),
    ("ABS(A1)^1.5", "ABS(A1)*SQRT(ABS(A1))"),
]


def numbers() -> np.ndarray:
    """Rows of all sizes, with zeros and near ties, whose sums cancel."""
    random = np.random.default_rng(7)
    scale = np.where(random.random((ROWS, 1)) < 0.5, 1.0, 10.0 ** random.integers(-6, 4, (ROWS, 1)))
    found = random.normal(0, 1, (ROWS, 4)) * scale
    found[random.random((ROWS, 4)) < 0.02] = 0
    found[: ROWS // 8, 1] = found[: ROWS // 8, 0] * (1 + 1e-13)
    return found


def book(formulas: list[str], values: np.ndarray) -> Book:
    row = np.repeat(np.arange(len(values)), 4).astype(np.int32)
    column = np.tile(np.arange(4), len(values)).astype(np.int32)
    constants = Cells(row, column, np.ones(values.size, np.uint8), values.ravel())
    fills = tuple(Fill(Area.of("S", 0, 5 + at, len(values), 1), text) for at, text in enumerate(formulas))
    return Book((Sheet("S", constants, fills),))


def held(student: list[str], solution: list[str], values: np.ndarray | None = None) -> Report:
    values = numbers() if values is None else values
    return check_against(
        book(student, values), Path("student.xlsx"), book(solution, values), Path("solution.xlsx"), None,
        [EmbeddedEngine()],
    )  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
def test_formulas_that_mean_the_same_match_on_numbers_of_all_sizes(turned: bool) -> None:
    left, right = [pair[0] for pair in SAME], [pair[1] for pair in SAME]
    report = held(right, left) if turned else held(left, right)
    assert report.counts == {"match": ROWS * len(SAME), "explained": 0, "undecided": 0, "inherited": 0, "fault": 0}


def test_the_rounding_allowed_is_used_but_for_a_small_part() -> None:
    report = held([pair[0] for pair in SAME], [pair[1] for pair in SAME])
    (tensor,) = report.tensors
    different = tensor.bound > 0
    used = np.abs(tensor.actual - tensor.expected)[different] / tensor.bound[different]
    assert different.sum() > ROWS
    assert 0.1 < used.max() <= 1


def test_a_relative_error_of_1e_13_is_a_fault() -> None:
    report = held(["A1*B1*1.0000000000001", "A1*B1"], ["A1*B1", "B1*A1"])
    (tensor,) = report.tensors
    moved = np.prod(numbers()[:, :2], 1) != 0
    assert (tensor.verdicts[moved, 0] == list(Verdict).index(Verdict.FAULT)).all()
    assert (tensor.verdicts[:, 1] == 0).all()


def test_cells_downstream_of_other_roundings_match_by_what_their_operands_differ() -> None:
    solution = ["AVERAGE(A1:D1)", "(A1+B1)^2", "EXP(F1/1000)*G1-F1", "MAX(H1,F1)"]
    student = ["SUM(A1:D1)/4", "A1^2+2*A1*B1+B1^2", "-(F1-G1*EXP(F1/1000))", "IF(H1>F1,H1,F1)"]
    assert held(student, solution).passed


def test_a_function_without_a_rule_is_undecided_where_it_is_written_otherwise_and_matches_where_it_is_not() -> None:
    solution = ["GAMMALN(ABS(A1)+1.5)", "GAMMALN(ABS(A1)+2)"]
    student = ["GAMMALN(ABS(A1)+1.5)", "LN(ABS(A1)+1)+GAMMALN(ABS(A1)+1)"]
    (tensor,) = held(student, solution).tensors
    assert (tensor.verdicts[:, 0] == 0).all()
    assert {int(verdict) for verdict in np.unique(tensor.verdicts[:, 1])} <= {0, 2}
    assert (tensor.verdicts[:, 1] == list(Verdict).index(Verdict.UNDECIDED)).any()


def test_a_branch_that_only_rounding_decides_is_allowed_both_ways() -> None:
    values = np.array([[0.1, 0.2, 0.3, 7.0]])  # 0.1 + 0.2 > 0.3 in float64
    assert held(["IF(G1>C1,D1,0)", "B1+A1"], ["IF(G1>C1,D1,0)", "A1+B1"], values).passed
    assert held(["IF(A1+B1-C1>0,D1,0)"], ["IF(A1-C1+B1>0,D1,0)"], values).passed

"""One workbook held against another: what is said of each kind of difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.check.small import Other, area, book, cell, said
from xlparity.check.against import check_against
from xlparity.check.judge import Tolerance
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import NothingChecked
from xlparity.model.book import Book
from xlparity.model.engine import Engine, Slack
from xlparity.model.report import Report
from xlparity.model.value import Note, Scalar

SOLUTION: Mapping[str, Scalar] = {
    "A1": 1.5, "A2": 2.25, "A3": 0.5, "B1": "=A1*3", "B2": "=A2*3", "B3": "=A3*3", "C1": "=SUM(B1:B3)",
    "D1": '=IF(C1>0,"yes","no")', "E1": "=C1>0",
}  # fmt: skip


def held(
    changes: Mapping[str, Scalar],
    solution: Mapping[str, Scalar] = SOLUTION,
    engines: Sequence[Engine] = (EmbeddedEngine(),),
    **options: Any,
) -> Report:
    student = {name: value for name, value in {**solution, **changes}.items() if value is not ...}
    return against(book(student), book(solution), engines, **options)


def against(student: Book, solution: Book, engines: Sequence[Engine] = (EmbeddedEngine(),), **options: Any) -> Report:
    return check_against(student, Path("mine.xlsx"), solution, Path("solution.xlsx"), None, engines, **options)


def test_the_same_formulas_on_other_numbers_are_right() -> None:
    report = held({"A1": -9.0, "A2": 7.0})
    assert report.passed
    assert report.counts["match"] == 6


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        (
            {"B2": "=A3*3"},
            {"B2": "fault: on the same values it gives 1.5, the solution has =A2*3, which gives 6.75",
             "C1": "inherited: inherited from S!B2 =A3*3"},
        ),
        ({"B2": 6.75}, {"B2": "fault: hard-coded: a constant stands where the solution has =A2*3"}),
        ({"B2": None}, {"B2": "fault: the cell is empty; the solution has =A2*3",
                        "C1": "inherited: inherited from S!B2"}),
        ({"B2": "=A2/0"}, {"B2": "fault: its formula gives the error #DIV/0! (", "C1": "inherited: "}),
        ({"C1": '="word"'}, {"C1": "fault: its formula gives another kind of value than the solution's; "
                                   "the solution has =SUM(B1:B3)"}),
        ({"D1": '=IF(C1>0,"Yes","nein")'}, {}),  # Excel's own comparison of texts has no case
        ({"E1": "=C1<0"}, {"E1": "fault: "}),
    ],
)  # fmt: skip
def test_each_difference_has_its_reason(changes: dict[str, Scalar], found: dict[str, str]) -> None:
    report = said(held(changes))
    for name, reason in found.items():
        assert report[name].startswith(reason), report
    if changes.get("D1") is None:
        assert set(found) <= set(report)


def test_what_cannot_be_evaluated_is_undecided_on_either_side() -> None:
    unknown = {"F1": '=CUBEVALUE("a","b")'}
    assert said(held({}, {**SOLUTION, **unknown}))["F1"].startswith("undecided: not evaluated: ")
    mine = said(held(unknown, {**SOLUTION, "F1": "=A1+1"}))
    assert mine["F1"].startswith("undecided: not evaluated: ")
    theirs = said(held({"F1": "=A1+1"}, {**SOLUTION, **unknown}))
    assert theirs["F1"] == 'undecided: the solution\'s =CUBEVALUE("a","b") could not be evaluated'


def test_a_solution_that_gives_an_error_on_these_numbers_decides_nothing() -> None:
    solution = {**SOLUTION, "F1": "=LN(A1)"}
    assert said(held({"A1": -1.0, "F1": "=LN(A1)+0"}, solution))["F1"] == (
        "undecided: the solution's own =LN(A1) gives #NUM! on this workbook's numbers"
    )


def test_a_function_without_a_rule_is_decided_by_a_tolerance() -> None:
    solution = {**SOLUTION, "F1": "=GAMMALN(A1*7.3+1)"}
    mine = {"F1": "=GAMMALN(A1*7.3+1)+1E-12"}
    said_so = "and no rounding error is known for a function of one of the two; give --rtol and --atol"
    assert said(held(mine, solution))["F1"].endswith(said_so)
    assert held(mine, solution, tolerance=Tolerance(1e-9, 1e-9)).passed
    assert said(held({"F1": "=GAMMALN(A1*7.3+1)+0.5"}, solution, tolerance=Tolerance(0.0, 0.4)))["F1"].startswith(
        "fault: "
    )
    assert held({"F1": "=GAMMALN(A1*7.3+1)+0.5"}, solution, tolerance=Tolerance(0.0, 0.6)).passed


def test_another_engine_that_computes_something_else_is_named() -> None:
    wrong = Other("wrong", {"C1": 13.0})
    report = held({}, engines=[EmbeddedEngine(), wrong])
    assert said(report)["C1"].startswith("fault: ")
    assert "wrong" in said(report)["C1"]
    near = Other("near", {"C1": 12.75 * (1 + 1e-10)}, slack=Slack(relative=1e-9))
    assert held({}, engines=[EmbeddedEngine(), near]).passed
    silent = Other("silent", {"C1": Note(cell("C1"), "why")})
    assert held({}, engines=[EmbeddedEngine(), silent]).passed
    assert held({}, engines=[EmbeddedEngine(), Other("apart", {"C1": 13.0})], tolerance=Tolerance(0.0, 0.5)).passed


def test_cells_that_are_to_be_ignored_are_not_compared() -> None:
    assert held({"B2": "=A3*3"}, ignore=[area("B1:C2")]).counts["fault"] == 0
    with pytest.raises(NothingChecked, match=r"solution\.xlsx has no formula that could be compared"):
        held({"B2": "=A3*3"}, ignore=[area("A1:E9")])
    with pytest.raises(NothingChecked):
        held({}, {"A1": 1.0})


def test_right_by_coincidence_is_shown_with_the_numbers_to_type() -> None:
    solution: dict[str, Scalar] = {"A1": 2.0, "B1": "=MAX(0,A1)"}
    found = held({"B1": "=ABS(A1)"}, solution, samples=20)
    (one,) = found.cells
    assert one.because.startswith("right at the sheet's own numbers by coincidence: with S!A1 = -")
    assert one.because.endswith("the solution has =MAX(0,A1)") or "=MAX(0,A1)" in one.because
    assert one.counterexample is not None
    ((changed, number),) = one.counterexample.changes
    assert (changed, one.counterexample.actual, one.counterexample.expected) == (cell("A1"), -number, 0.0)
    assert held({"B1": "=(A1+ABS(A1))/2"}, solution, samples=20).passed
    wide = held({"B1": "=ABS(A1)"}, solution, samples=20, tolerance=Tolerance(0.0, 1e9))
    assert wide.counts["fault"] == 0


def test_a_sheet_that_is_missing_is_said() -> None:
    mine = book({"A1": 1.5})
    theirs = Book((*book({"A1": 1.5}).sheets, *(one for one in book(SOLUTION).sheets)))
    named = Book((theirs.sheets[0], type(theirs.sheets[1])("T", theirs.sheets[1].constants, ())))
    with pytest.raises(NothingChecked):
        against(mine, named)


def test_booleans_and_texts_count_as_what_they_are() -> None:
    solution: dict[str, Scalar] = {"A1": True, "A2": "word", "B1": "=NOT(A1)", "B2": "=LEN(A2)", "B3": "=A1*2"}
    assert held({}, solution).passed
    assert held({"A1": False, "A2": "longer"}, solution).passed
    assert said(held({"B1": "=A1"}, solution))["B1"].startswith("fault: ")

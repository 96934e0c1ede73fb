"""One workbook held against another: what is said of each kind of difference."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.check.small import Other, area, book, cell, row, said
from xlparity.check.against import check_against, explore, repair
from xlparity.check.judge import Tolerance
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import InputError, MapError, NothingChecked
from xlparity.formula.a1 import show_cell
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, DefinedName, Fill, FillKind, Sheet
from xlparity.model.cell import Cell
from xlparity.model.engine import Engine, Slack
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.outcome import Outcome
from xlparity.model.report import Report
from xlparity.model.value import Cells, Error, Note, Scalar
from xlparity.report.github import outcomes_to_github
from xlparity.report.html import report_to_html
from xlparity.report.json import report_to_json
from xlparity.report.junit import outcomes_to_junit
from xlparity.report.run import RunReport
from xlparity.report.sarif import outcomes_to_sarif
from xlparity.report.text import report_to_text

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
        ({"D1": '=IF(C1>0,"Yes","no")'}, {"D1": "fault: its formula gives another text than the solution's; "
                                                "the solution has =IF(C1>0,\"yes\",\"no\")"}),
        ({"E1": "=C1<0"}, {"E1": "fault: "}),
    ],
)  # fmt: skip
def test_each_difference_has_its_reason(changes: dict[str, Scalar], found: dict[str, str]) -> None:
    report = said(held(changes))
    for name, reason in found.items():
        assert report[name].startswith(reason), report
    assert set(found) <= set(report)


def test_of_a_cell_without_a_formula_the_address_alone_is_told_where_its_error_is_inherited() -> None:
    assert said(held({"B2": None}))["C1"] == "inherited: inherited from S!B2"


def test_a_formula_unlike_its_neighbours_is_said_to_be_and_one_like_them_is_not() -> None:
    solution: dict[str, Scalar] = {f"A{at}": float(at) for at in range(1, 6)}
    solution |= {f"B{at}": f"=A{at}*3" for at in range(1, 6)}
    one = said(held({"B3": "=A3*2"}, solution))
    assert one == {"B3": "fault: on the same values it gives 6.0, the solution has =A3*3, which gives 9.0; "
                         "its neighbours fill =A3*3"}  # fmt: skip
    every = said(held({f"B{at}": f"=A{at}*2" for at in range(1, 6)}, solution))
    assert every["B3"] == "fault: on the same values it gives 6.0, the solution has =A3*3, which gives 9.0"


@pytest.mark.parametrize("mine", ["=A3*3", "=A2*3+1"])
def test_what_is_wrong_at_the_sheets_own_numbers_is_no_coincidence_though_samples_show_it_too(mine: str) -> None:
    assert said(held({"B2": mine}, samples=20)) == said(held({"B2": mine}))
    beside = said(held({"B2": mine, "B3": "=ABS(A3)*3"}, samples=20))
    assert beside["B3"].startswith("fault: right at the sheet's own numbers by coincidence")
    assert beside["B2"] == said(held({"B2": mine}))["B2"]


def test_as_many_samples_are_evaluated_at_a_time_as_have_room(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: dict[str, Scalar] = {"A1": 1.5, "A2": 2.0, "B1": "=A1*3", "B2": "=A2*3", "B3": "=B1+B2"}
    monkeypatch.setattr(explore, "_MOST_CELLS", 20)  # two numbers and three formulas, in two workbooks
    told: list[str] = []
    assert held({}, numbers, samples=5, progress=told.append).passed
    assert [one for one in told if one.startswith("samples")] == [
        "samples 1 to 2 of 5", "samples 3 to 4 of 5", "samples 5 to 5 of 5",
    ]  # fmt: skip


def test_what_reads_a_wrong_text_is_tried_on_the_right_one() -> None:
    solution: dict[str, Scalar] = {**SOLUTION, "F1": "=LEN(D1)", "G1": '=D1&"!"', "G2": '=D1&"?"'}
    found = said(held({"D1": '=IF(C1>0,"yes!","no")', "G2": '=D1&"."'}, solution))
    assert {name: reason.partition(":")[0] for name, reason in found.items()} == {
        "D1": "fault", "F1": "inherited", "G1": "inherited", "G2": "fault",
    }  # fmt: skip


def test_an_error_that_the_same_formula_gives_in_the_solution_is_meant() -> None:
    solution: dict[str, Scalar] = {**SOLUTION, "F1": "=NA()", "F2": "=1/(A1-1.5)", "F3": "=1/(A2-2.25)"}
    assert set(said(held({"F2": "=2/(A1-1.5)"}, solution))) == {"F2"}
    assert held({}, solution).counts["match"] == 9


@pytest.mark.parametrize("elsewhere", [{}, {"B2": "=A2*9"}])
def test_a_word_that_only_a_rounding_turns_is_undecided_whatever_else_is_wrong(elsewhere: dict[str, Scalar]) -> None:
    # 1E8 + 0.1 - 1E8 is 0.099999994, within a rounding of 1E8.
    solution: dict[str, Scalar] = {
        "A1": 1e8, "A2": 0.1, "B1": "=A1+A2-A1", "B2": "=A2*2", "C1": '=IF(B1<A2,"less","no less")',
    }  # fmt: skip
    found = said(held({"B1": "=A2", **elsewhere}, solution))
    assert {name: one.partition(":")[0] for name, one in found.items()} == {
        "C1": "undecided", **dict.fromkeys(elsewhere, "fault"),
    }  # fmt: skip


def test_what_cannot_be_evaluated_is_undecided_on_either_side() -> None:
    unknown = {"F1": '=CUBEVALUE("a","b")'}
    report = held({}, {**SOLUTION, **unknown, "G1": "=F1+1"})
    why = "undecided: not evaluated: the function CUBEVALUE is not supported"
    assert said(report) == {"F1": why, "G1": why}
    assert (report.coverage.formulas, report.coverage.undecided) == (8, 2)
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


def test_what_is_off_by_just_the_tolerance_is_within_it() -> None:
    assert held({"B1": "=A1*3+0.5"}, tolerance=Tolerance(0.0, 0.5)).passed
    assert not held({"B1": "=A1*3+0.5"}, tolerance=Tolerance(0.0, 0.4999)).passed


def test_a_row_without_a_known_rounding_error_leaves_the_other_rows_of_its_fill_decided() -> None:
    # No error is known for a median over a blank: in the first row, whose values are the same.
    numbers = Cells.of({(0, 0): 3.0, (0, 2): 3.0, (1, 0): 5.0, (1, 1): 4.0, (1, 2): 7.0})
    mine, solution = (
        Book((Sheet("S", numbers, (Fill(area("D1:D2"), formula),)),))
        for formula in ("MEDIAN(A1:C1)/3", "MEDIAN(A1:C1)*(1/3)")
    )
    report = against(mine, solution)
    assert [one.actual.tolist() for one in report.tensors] != [one.expected.tolist() for one in report.tensors]
    assert report.passed


def test_another_engine_that_computes_something_else_is_named() -> None:
    wrong = Other("wrong", {"C1": 13.0})
    report = held({}, engines=[EmbeddedEngine(), wrong])
    assert said(report)["C1"].startswith("fault: ")
    assert "wrong" in said(report)["C1"]
    failing = said(held({}, engines=[EmbeddedEngine(), Other("other", {"C1": Error.NAME})]))["C1"]
    assert failing == "fault: its formula is right, but other gives the error #NAME? for it"
    near = Other("near", {"C1": 12.75 * (1 + 1e-10)}, slack=Slack(relative=1e-9))
    assert held({}, engines=[EmbeddedEngine(), near]).passed
    silent = Other("silent", {"C1": Note(cell("C1"), "why")})
    assert held({}, engines=[EmbeddedEngine(), silent]).passed
    assert held({}, engines=[EmbeddedEngine(), Other("apart", {"C1": 13.0})], tolerance=Tolerance(0.0, 0.5)).passed


def test_the_functions_on_which_engines_disagree_are_listed_whichever_is_right() -> None:
    opinions = [EmbeddedEngine(), Other("other", {"B2": 6.0})]
    (one,) = held({"B2": "=ABS(A2)*3"}, engines=opinions).disagreements
    assert (one.function, one.example, one.value, one.other_value) == ("ABS", cell("B2"), 6.75, 6.0)


def test_the_first_formula_that_the_solution_has_not_is_shown() -> None:
    coverage = held({"F7": "=A1*9", "F8": "=A1*8"}).coverage
    assert (coverage.formulas, coverage.unmapped, coverage.unmapped_example) == (8, 2, cell("F7"))


@pytest.mark.parametrize(("relative", "passed"), [(0.01, False), (0.03, True)])
def test_a_tolerance_is_of_the_value_for_other_engines_too(relative: float, passed: bool) -> None:
    engines = [EmbeddedEngine(), Other("other", {"C1": 13.0})]  # for 12.75, 2 % less
    assert held({}, engines=engines, tolerance=Tolerance(relative, 0.0)).passed is passed


def test_numbers_that_an_engine_computes_from_its_own_wrong_ones_are_right() -> None:
    found = said(held({}, engines=[EmbeddedEngine(), Other("other", {"B1": 5.0, "C1": 13.25})]))
    assert {name: reason.partition(":")[0] for name, reason in found.items()} == {"B1": "fault"}


def test_a_truth_value_beside_an_engines_own_wrong_number_stays_one() -> None:
    # A sum leaves out what is TRUE in the cells that it reads.
    solution: dict[str, Scalar] = {"A1": 2.0, "B1": "=A1*3", "C1": "=A1>0", "D1": "=SUM(B1:C1)"}
    found = said(held({}, solution, engines=[EmbeddedEngine(), Other("other", {"B1": 5.0, "D1": 5.0})]))
    assert set(found) == {"B1"}


@pytest.mark.parametrize(("sign", "stale"), [(1.0, {"B1"}), (-1.0, {"B1", "C1"})])
def test_a_right_value_is_right_beside_a_wrong_one_that_it_should_have_been_computed_from(
    sign: float, stale: set[str]
) -> None:
    # C1 is right but for a rounding, though not what its formula makes of 5.
    solution: dict[str, Scalar] = {"A1": 2.5, "B1": "=A1/3", "C1": "=B1+A1"}
    right = 2.5 / 3 + 2.5
    other = Other("other", {"B1": 5.0, "C1": sign * math.nextafter(right, 9.0)})
    assert set(said(held({}, solution, engines=[EmbeddedEngine(), other]))) == stale


def test_cells_that_are_to_be_ignored_are_not_compared() -> None:
    assert held({"B2": "=A3*3"}, ignore=[area("B1:C2")]).counts["fault"] == 0
    with pytest.raises(NothingChecked, match=r"solution\.xlsx has no formula that could be compared"):
        held({"B2": "=A3*3"}, ignore=[area("A1:E9")])
    with pytest.raises(NothingChecked):
        held({}, {"A1": 1.0})


def test_ignored_cells_leave_others_to_be_compared() -> None:
    assert set(said(held({"B2": "=A3*3", "C1": "=SUM(B1:B2)"}, ignore=[area("C1")]))) == {"B2"}


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


def test_of_cells_below_each_other_that_are_like_the_solutions_the_others_are_tried_on_samples() -> None:
    solution: dict[str, Scalar] = {"A5": 2.0, "A6": 3.0, "B5": "=MAX(0,A5)", "B6": "=MAX(0,A6)"}
    assert set(said(held({"B6": "=ABS(A6)"}, solution, samples=20))) == {"B6"}


def test_numbers_to_type_may_show_an_error_that_the_formula_reads_from_a_wrong_cell() -> None:
    solution: dict[str, Scalar] = {"A1": 2.0, "B1": "=A1*3", "C1": "=MAX(0,A1)+0*B1"}
    found = said(held({"B1": "=A1/0", "C1": "=ABS(A1)+0*B1"}, solution, samples=20))["C1"]
    assert found.startswith("fault: its formula is right at the sheet's own numbers by coincidence: with S!A1 = -")
    assert found.endswith("it gives no number, the solution has =MAX(0,A1)+0*B1, which gives 0.0")


def test_what_two_numbers_show_only_together_has_both_to_be_typed() -> None:
    solution: dict[str, Scalar] = {"A1": 2.0, "A2": 3.0, "A3": 4.0, "B1": "=A1*A2+A3"}
    (one,) = held({"B1": "=IF(AND(A1<0,A2<0),0,A1*A2)+A3"}, solution, samples=20).cells
    assert one.counterexample is not None
    assert {changed for changed, _ in one.counterexample.changes} == {cell("A1"), cell("A2")}
    assert all(number < 0 for _, number in one.counterexample.changes)


def test_numbers_to_type_are_those_of_the_sample_made_round() -> None:
    solution: dict[str, Scalar] = {"A1": 1.0, "B1": "=2*A1"}
    (one,) = held({"B1": "=IF(ABS(A1)>3.5,0,2*A1)"}, solution, samples=30).cells
    assert one.counterexample is not None
    ((_, number),) = one.counterexample.changes
    assert isinstance(number, float)
    assert abs(number) > 3.5
    assert number == round(number)


def test_of_a_difference_that_is_small_no_more_numbers_are_typed_than_show_it() -> None:
    solution: dict[str, Scalar] = {"A1": 3.0, "A2": 2.0, "A3": 5.0, "B1": "=A1+A3"}
    (one,) = held({"B1": "=A1+A3+(A2-2)*1E-7"}, {**solution, "B2": "=A2*2"}, samples=20).cells
    assert one.counterexample is not None
    assert [changed for changed, _ in one.counterexample.changes] == [cell("A2")]


def test_a_sample_on_which_one_of_the_solutions_cells_has_no_number_is_drawn_anew() -> None:
    # The first sample takes A1 up or down by a quarter; of two tensors the second has a number there anyway.
    solution: dict[str, Scalar] = {"A1": 2.0, "B1": "=SQRT(A1-1.999)", "D3": "=A1*2"}
    for seed in range(8):
        report = held({}, solution, samples=1, seed=seed)
        assert report.exploration is not None
        assert report.exploration.never == 0, seed


@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_of_each_cell_the_samples_are_judged_in_which_it_differs_most_by_part_and_by_size(scale: float) -> None:
    sizes = scale * 10.0 ** np.arange(-4, 4)[:, None]
    one, other = (np.random.default_rng(seed).normal(0, sizes, (8, 5)) for seed in (1, 2))
    chosen = dict(explore._worst(one, other, np.ones((8, 5), bool)))
    apart = np.abs(one - other)
    for measure in (apart, apart / np.maximum(np.abs(one), np.abs(other))):
        for cell_number, sample in enumerate(measure.argmax(0).tolist()):
            assert chosen[sample][cell_number]


def test_a_difference_that_takes_more_numbers_than_one_types_is_told_without_them() -> None:
    solution: dict[str, Scalar] = {**{f"A{row}": 1.0 for row in range(1, 31)}, "B1": "=SUM(A1:A30)"}
    (one,) = held({"B1": "=IF(SUMPRODUCT(--(A1:A30<>1))>24,0,SUM(A1:A30))"}, solution, samples=5).cells
    assert one.counterexample is None
    assert one.because == (
        "right at the sheet's own numbers by coincidence; wrong on sample 1; the solution has =SUM(A1:A30)"
    )


def test_what_the_sheets_own_numbers_alone_show_has_no_numbers_to_type() -> None:
    # B1 is not evaluated, so that C1 is undecided at the sheet's own numbers, the only ones on which it is wrong.
    solution: dict[str, Scalar] = {"A1": 2.0, "B1": "=A1*5", "C1": "=A1*2+B1*0"}
    (fault,) = held({"B1": '=CUBEVALUE("a","b")', "C1": "=IF(A1=2,9,A1*2)+B1*0"}, solution, samples=20).faults
    assert (fault.cell, fault.counterexample) == (cell("C1"), None)


def test_a_counterexample_differs_by_more_than_the_tolerance_though_fewer_numbers_would_differ_too() -> None:
    solution: dict[str, Scalar] = {"A1": 1.0, "A2": 1.0, "A3": 1.0, "A4": 1.0, "B1": "=SUM(A1:A4)"}
    mine = {"B1": "=ABS(A1)+ABS(A2)+ABS(A3)+ABS(A4)"}
    (one,) = held(mine, solution, samples=20, tolerance=Tolerance(0.0, 3.0)).cells
    assert one.counterexample is not None
    assert abs(one.counterexample.actual - one.counterexample.expected) > 3.0
    assert len(one.counterexample.changes) > 1


def test_the_first_counterexamples_are_made_small_and_the_others_shown_as_they_are_drawn() -> None:
    places = range(1, 13)
    solution: dict[str, Scalar] = {f"A{at}": float(at) for at in places}
    right: dict[str, Scalar] = {f"B{at}": f"=MAX(0,A{at})" for at in places}
    found = held({f"B{at}": f"=ABS(A{at})" for at in places}, {**solution, **right}, samples=20).cells
    shown = [one.counterexample for one in found]
    assert all(one is not None and one.actual > one.expected == 0.0 for one in shown)
    counts = sorted(len(one.changes) for one in shown if one is not None)
    assert counts == [1] * 8 + [12] * 4


def test_cells_that_have_numbers_at_the_sheets_own_alone_are_counted_as_never_compared() -> None:
    solution: dict[str, Scalar] = {"A1": 2.0, "A2": 3.0, "B1": "=IF(AND(A1=2,A2=3),A1+A2,NA())", "B2": "=A1*A2"}
    report = held({}, solution, samples=5)
    assert report.passed
    assert report.exploration is not None
    assert (report.exploration.samples, report.exploration.never) == (5, 2)
    assert held({}, {**solution, "B1": "=A1+A2"}, samples=5).exploration.never == 0  # type: ignore[union-attr]


@pytest.mark.parametrize(("last", "never"), [(8_190, 0), (8_191, 1), (9_000, 1)])
def test_a_sheet_that_leaves_no_room_beside_its_cells_is_not_compared_on_other_numbers(last: int, never: int) -> None:
    wide = Book((Sheet("S", Cells.of({(0, 0): 2.0, (0, last): 1.0}), (Fill(area("B1"), "A1*2"),)),))
    report = against(wide, wide, samples=5)
    assert report.passed
    assert report.exploration is not None
    assert report.exploration.never == never


def test_a_sheet_that_is_missing_is_said() -> None:
    mine = book({"A1": 1.5})
    theirs = Book((*book({"A1": 1.5}).sheets, *(one for one in book(SOLUTION).sheets)))
    named = Book((theirs.sheets[0], type(theirs.sheets[1])("T", theirs.sheets[1].constants, ())))
    with pytest.raises(NothingChecked):
        against(mine, named)


def test_a_missing_sheets_formulas_are_faults_and_the_others_are_tried_on_other_numbers() -> None:
    mine = book({"A1": 1.5, "B1": "=ABS(A1)"})
    second = Sheet("T", Cells.of({}), (Fill(Area(Cell("T", 0, 0), 1, 1), "S!B1*2"),))
    solution = Book((*book({"A1": 1.5, "B1": "=MAX(0,A1)"}).sheets, second))
    found = {(one.cell.sheet, one.because.partition(":")[0]) for one in against(mine, solution, samples=20).faults}
    assert found == {
        ("T", "there is no sheet 'T'; the solution has =S!B1*2 there"),
        ("S", "right at the sheet's own numbers by coincidence"),
    }


def test_a_sheet_that_is_missing_is_shown_with_its_cells() -> None:
    second = Sheet("T", Cells.of({}), (Fill(Area(Cell("T", 0, 0), 1, 1), "S!A1*2"),))
    report = against(book({"A1": 1.5}), Book((*book({"A1": 1.5}).sheets, second)))
    assert '"name":"T"' in report_to_html(report)


def test_a_map_in_the_solution_is_no_part_of_what_is_compared_by_address() -> None:
    sheet = Sheet("Parity", Cells.of({(0, 0): "tensor"}), (Fill(Area(Cell("Parity", 1, 0), 1, 1), "1+1"),))
    report = against(book(SOLUTION), Book((*book(SOLUTION).sheets, sheet)))
    assert report.passed
    assert report.counts["match"] == 6
    assert report.against is not None
    assert report.against.missing == ()


def test_what_reads_a_wrong_cell_by_another_way_than_its_text_inherits_it() -> None:
    solution: dict[str, Scalar] = {**SOLUTION, "C1": '=INDIRECT("B2")*2', "D1": 0.0, "E1": 0.0}
    assert said(held({"B2": "=A3*3"}, solution)) == {
        "B2": "fault: on the same values it gives 1.5, the solution has =A2*3, which gives 6.75",
        "C1": "inherited: its formula is right, but a cell that it reads is wrong",
    }  # fmt: skip


def test_a_name_that_means_the_cell_above_reads_no_number_in_the_first_row() -> None:
    (sheet,) = book({"A1": 1.5, "B1": "=SUM(above,A1)", "B2": "=above*2"}).sheets
    solution = Book((sheet,), (DefinedName("above", "S!A1048576"),))  # as Excel stores it, seen from A1
    report = against(solution, solution, samples=10)
    assert report.passed
    assert [one.expected.tolist() for one in report.tensors] == [[[1.5], [3.0]]]
    assert report.exploration is not None
    assert (report.exploration.varied, report.exploration.never) == (("S!A1",), 0)


def test_a_word_pasted_over_a_formula_is_hard_coded() -> None:
    found = said(held({"D1": "no"}))
    assert found == {"D1": 'fault: hard-coded: a constant stands where the solution has =IF(C1>0,"yes","no")'}


def test_what_is_no_number_is_told_in_words_and_without_a_difference() -> None:
    (word,) = held({"D1": "no"}).faults
    assert (word.actual, word.expected, word.difference) == ("the text 'no'", None, None)
    (number,) = held({"D1": 3.5}).faults
    assert (number.actual, number.expected, number.difference) == (3.5, None, None)


def test_sheets_are_the_same_whatever_the_case_of_their_names() -> None:
    (sheet,) = book({**SOLUTION, "B2": "=A3*3"}).sheets
    fills = (replace(one, area=Area(replace(one.area.corner, sheet="s"), 1, 1)) for one in sheet.fills)
    report = against(Book((replace(sheet, name="s", fills=tuple(fills)),)), book(SOLUTION))
    assert {one.cell.sheet for one in report.cells} == {"s"}
    assert {one.verdict.value for one in report.cells} == {"fault", "inherited"}
    assert report.against is not None
    assert report.against.missing == ()


def test_the_numbers_of_all_sheets_are_varied() -> None:
    first = Sheet("S", Cells.of({(0, 0): 1.5}), (Fill(Area(Cell("S", 0, 1), 1, 1), "A1*2"),))
    second = Sheet("T", Cells.of({(0, 0): 2.5}), (Fill(Area(Cell("T", 0, 1), 1, 1), "A1*2"),))
    report = against(Book((first, second)), Book((first, second)), samples=5)
    assert report.exploration is not None
    assert report.exploration.varied == ("S!A1", "T!A1")


def test_a_zero_that_is_one_in_both_is_not_changed() -> None:
    report = held({"A1": 0.0}, {**SOLUTION, "A1": 0.0})
    assert report.against is not None
    assert report.against.changed == ()


def test_a_finding_has_what_stands_there_and_how_far_it_is_off() -> None:
    unknown = {"F1": "=GAMMALN(A1*7.3+1)"}
    report = held({"B1": None, "B2": 6.5, "B3": "=A3*2", "F1": "=GAMMALN(A1*7.3+1)+1E-12"}, {**SOLUTION, **unknown})
    found = {show_cell(one.cell, sheet=False): one for one in report.cells}
    assert {name: one.formula for name, one in found.items() if name != "C1"} == {
        "B1": "", "B2": "6.5", "B3": "=A3*2", "F1": "=GAMMALN(A1*7.3+1)+1E-12",
    }  # fmt: skip
    assert [found[name].difference for name in ("B1", "B2", "B3")] == [None, -0.25, -0.5]
    assert [one.bound is None for one in found.values()] == [name == "F1" for name in found]
    assert report.exploration is None  # without samples being asked for
    right = report.finding(cell("E1"))
    assert right is not None
    assert (right.formula, right.verdict.value) == ("=C1>0", "match")


def test_only_numbers_that_the_solutions_formulas_read_are_changed() -> None:
    solution: dict[str, Scalar] = {**{f"A{at}": float(at) for at in range(1, 8)}, "B1": "=SUM(A3:A5)"}
    found = held({f"A{at}": 10.0 * at for at in range(1, 8)}, solution).against
    assert found is not None
    assert [show_cell(one.cell) for one in found.changed] == ["S!A3", "S!A4", "S!A5"]


@pytest.mark.parametrize("window", ["C1:C4", "C2:E2", "C1:E4"])
def test_each_cell_of_a_fill_has_its_own_row_and_column(window: str) -> None:
    numbers = Cells.of({(at, column): math.sqrt(at + 7 * column + 2) for at in range(4) for column in range(2)})
    mine, solution = (
        Book((Sheet("S", numbers, (Fill(area(window), formula),)),))
        for formula in ("ROW()*(COLUMN()*($A1/7))+$A1^2", "$A1*($A1+ROW()*COLUMN()/7)")
    )
    report = against(mine, solution)
    assert [one.actual.tolist() for one in report.tensors] != [one.expected.tolist() for one in report.tensors]
    assert report.passed


@pytest.mark.parametrize("turned", [False, True])
def test_of_fills_beside_each_other_each_has_its_own_rounding(turned: bool) -> None:
    # The numbers on the right are larger by far, and so are the roundings.
    numbers = Cells.of({(at, column): math.sqrt(at) * 1e6**column for at in range(20) for column in range(2)})
    left, right = area("C1:C20"), area("D1:D20")
    pairs = [
        (Fill(left, "(A1+0.1)^2"), Fill(right, "(B1+0.7)^2")),
        (Fill(left, "A1^2+0.2*A1+0.01"), Fill(right, "B1^2+1.4*B1+0.49")),
    ]
    mine, solution = (Book((Sheet("S", numbers, one[::-1] if turned else one),)) for one in pairs)
    report = against(mine, solution)
    (tensor,) = report.tensors
    assert (tensor.actual != tensor.expected).any(0).all()
    assert report.passed


@pytest.mark.parametrize("turned", [False, True])
def test_of_fills_below_each_other_each_has_its_own_rounding(turned: bool) -> None:
    numbers = Cells.of({(at, 0): math.sqrt(at) for at in range(50)})
    upper, lower = area("C5:C24"), area("C25:C50")
    pairs = [
        [Fill(upper, "(A5+0.1)^2"), Fill(lower, "(A25+0.7)^2")],
        [Fill(upper, "A5^2+0.2*A5+0.01"), Fill(lower, "A25^2+1.4*A25+0.49")],
    ]
    mine, solution = (Book((Sheet("S", numbers, tuple(reversed(one) if turned else one)),)) for one in pairs)
    report = against(mine, solution)
    (tensor,) = report.tensors
    differs = (tensor.actual != tensor.expected)[:, 0]
    assert differs[:20].any()
    assert differs[20:].any()
    assert report.passed


def test_an_array_formula_is_compared_on_samples() -> None:
    numbers = Cells.of({(0, 0): 1.5, (1, 0): 2.5, (2, 0): -0.5})
    mine, solution = (
        Book((Sheet("S", numbers, (Fill(area("C1:E3"), formula, FillKind.ARRAY),)),))
        for formula in ("MMULT(A1:A3,TRANSPOSE(A1:A3))*2", "MMULT(2*A1:A3,TRANSPOSE(A1:A3))")
    )
    report = against(mine, solution, samples=5)
    assert report.passed
    assert report.exploration is not None
    assert report.exploration.never == 0


def test_a_number_that_the_student_computes_is_taken_and_a_word_in_its_place_is_not() -> None:
    report = held({"A1": "=3/2", "A2": '=IF(A1>0,"many","few")', "B2": None, "C1": None}, {**SOLUTION, "B2": "=A2*3"})
    assert report.against is not None
    assert {(show_cell(one.cell), one.value, one.formula) for one in report.against.changed} == {
        ("S!A1", 1.5, "=3/2"), ("S!A2", "many", '=IF(A1>0,"many","few")'),
    }  # fmt: skip
    b1, b2 = (next(one for one in report.tensors if cell(name) in one.block) for name in ("B1", "B2"))
    assert b1.expected[b1.block.index(cell("B1"))] == 4.5
    assert b2.expected[b2.block.index(cell("B2"))] == 6.75  # of the solution's own number


def test_booleans_and_texts_count_as_what_they_are() -> None:
    solution: dict[str, Scalar] = {"A1": True, "A2": "word", "B1": "=NOT(A1)", "B2": "=LEN(A2)", "B3": "=A1*2"}
    assert held({}, solution).passed
    assert held({"A1": False, "A2": "longer"}, solution).passed
    assert said(held({"B1": "=A1"}, solution))["B1"].startswith("fault: ")


COMPARED: Mapping[str, Scalar] = {
    "A1": 2.0, "A2": -1.0, "B1": "=A1>A2", "C1": "=IF(B1=TRUE,A1,A2)", "C2": "=IF(NOT(B1),1,2)", "D1": "=A1=A2",
}  # fmt: skip


def test_a_workbook_that_compares_agrees_with_itself_on_all_numbers() -> None:
    assert held({}, COMPARED, samples=20).passed
    # Written otherwise they are judged too.
    changes: dict[str, Scalar] = {"B1": "=A2<A1", "C1": "=IF(B1,A1,A2)", "C2": "=IF(B1=FALSE,1,2)", "D1": "=A2=A1"}
    assert held(changes, COMPARED, samples=20).passed


def test_what_reads_a_wrong_truth_value_is_tried_on_the_right_one() -> None:
    found = said(held({"B1": "=A1<A2", "C1": "=IF(B1=TRUE,A1,1*A2)"}, COMPARED))
    assert {name: one.split(":")[0] for name, one in found.items()} == {
        "B1": "fault", "C1": "inherited", "C2": "inherited",
    }  # fmt: skip


def test_of_a_cell_that_is_undecided_at_the_own_numbers_nobody_says_that_it_is_right_there() -> None:
    solution: dict[str, Scalar] = {"A1": 0.0, "A2": 1.0, "B1": "=A2/A1", "C1": "=A2+1"}
    assert said(held({"B1": "=2*A2/A1"}, solution))["B1"].startswith("undecided: the solution's own")
    found = said(held({"B1": "=2*A2/A1"}, solution, samples=20))["B1"]
    assert found.startswith("fault: undecided at the sheet's own numbers: with S!A1 = ")
    assert "coincidence" not in found


def test_a_constant_of_which_libreoffice_saved_15_digits_is_the_same() -> None:
    solution: dict[str, Scalar] = {"A1": 2.5, "A2": -0.5, "B1": "=A1*0.3333333333333333", "B2": "=A2*12.34567890123456"}
    assert held({"B1": "=A1*0.333333333333333", "B2": "=A2*12.3456789012346"}, solution, samples=20).passed
    found = said(held({"B1": "=A1*0.33333333333333", "B2": "=A2*12.345678901235"}, solution))
    assert {name: one.split(":")[0] for name, one in found.items()} == {"B1": "fault", "B2": "fault"}


def test_a_value_that_was_computed_before_its_operands_were_saved_with_15_digits_is_not_stale() -> None:
    solution: dict[str, Scalar] = {"A1": 1 / 7, "B1": "=A1*7-0.9999"}

    def saved(value: float) -> Report:
        other = Other("saved", {"B1": value}, slack=Slack(relative=5e-15))
        return held({"A1": 0.142857142857143}, solution, engines=[EmbeddedEngine(), other])

    assert saved(1 - 0.9999).passed
    assert not saved(1 - 0.9999 + 1e-13).passed


def test_a_value_that_was_computed_before_a_formulas_value_was_saved_with_15_digits_is_not_stale() -> None:
    solution: dict[str, Scalar] = {"B1": "=1/97", "C1": "=B1*97-0.9999"}

    def saved(value: float) -> Report:
        other = Other("saved", {"B1": 0.0103092783505155, "C1": value}, slack=Slack(relative=5e-15))
        return held({}, solution, engines=[EmbeddedEngine(), other])

    assert saved(1 / 97 * 97 - 0.9999).passed
    assert not saved(1 / 97 * 97 - 0.9999 + 1e-13).passed


def test_a_value_that_libreoffice_kept_is_not_stale_beside_one_that_it_snapped_to_zero() -> None:
    solution: dict[str, Scalar] = {
        "A1": 0.15368679008951996, "A2": 0.15368679008951994, "B1": "=A1-A2", "C1": "=MAX(B1,0)", "D1": "=C1+A1",
    }  # fmt: skip

    def saved(value: float) -> Report:
        other = Other("saved", {"B1": 0.0, "C1": value}, slack=Slack(relative=5e-15, cancellation=2.0**-48))
        return held({"A1": 0.15368679008952, "A2": 0.15368679008952}, solution, engines=[EmbeddedEngine(), other])

    assert saved(2.7755575615628914e-17).passed
    assert not saved(1e-14).passed


def test_a_number_of_which_15_digits_were_saved_is_not_changed() -> None:
    solution: dict[str, Scalar] = {
        "A1": 10 / 7,
        "A2": 9.9999999999999987,
        "A3": 1.001651507605245e-05,
        "B1": "=SUM(A1:A3)",
    }
    for name, mine, changed in (
        ("A1", 1.42857142857143, 0), ("A1", 1.4285714285714, 1), ("A2", 10.0, 0), ("A3", 1.00165150760525e-05, 0),
    ):  # fmt: skip
        against = held({name: mine}, solution).against
        assert against is not None
        assert len(against.changed) == changed


def test_a_sheet_that_has_errors_alone_is_compared_on_samples() -> None:
    solution: dict[str, Scalar] = {"A1": 0.0, "A2": 1.0, "B1": "=A2/A1"}
    report = held({"B1": "=2*A2/A1"}, solution, samples=20)
    assert said(report)["B1"].startswith("fault: undecided at the sheet's own numbers: with S!A1 = ")
    report = held({"B1": "=1/A1*A2"}, solution, samples=20)
    assert report.exploration is not None
    assert (report.counts["undecided"], report.exploration.never) == (1, 0)


@pytest.mark.parametrize(
    ("solution", "mine", "wrong"),
    [
        ("=INDEX(B1:B3,A1)", "=SUMPRODUCT((ROW(B1:B3)=A1)*B1:B3)", "=B2"),
        ("=IF(A1=1,B1,IF(A1=2,B2,B3))", "=CHOOSE(A1,B1,B2,B3)", "=IF(A1=2,B2,B3)"),
        ("=OFFSET(B1,A1-1,0)", "=IF(A1=1,B1,B2)", "=IF(A1=2,B2,B3)"),
        ("=INDEX(B1:C3,A2+1,A1)", "=IF(A2=1,IF(A1=1,B2,C2),IF(A1=1,B1,C1))", "=INDEX(B1:C3,2,A1)"),
        ("=SMALL(B1:B3,A1)", "=INDEX(SORT(B1:B3),A1)", "=MEDIAN(B1:B3)"),
    ],
)
def test_a_number_that_says_which_cell_is_meant_stays_whole_on_samples(solution: str, mine: str, wrong: str) -> None:
    # Of 2.3 INDEX takes the whole part, and a comparison with 2 finds nothing.
    cells: dict[str, Scalar] = {
        "A1": 2.0, "A2": 1.0, "B1": 1.5, "B2": 2.5, "B3": 4.0, "C1": 0.5, "C2": 9.0, "C3": 7.0, "D1": solution,
    }  # fmt: skip
    assert held({"D1": mine}, cells, samples=60).passed
    (fault,) = held({"D1": wrong}, cells, samples=60).faults
    assert fault.counterexample is not None


@pytest.mark.parametrize(
    ("formula", "mine"),
    [
        ("=INDEX(B5:C5,E4)", "=IF(E4=1,B5,C5)"),
        ("=INDEX(B5:C6,E4,1)", "=IF(E4=1,B5,B6)"),
        ("=INDEX((B5:C5,B6:C6),1,2,E4)", "=IF(E4=1,C5,C6)"),
        ("=OFFSET(B5,0,E4)", "=IF(E4=0,B5,IF(E4=1,C5,D5))"),
        ("=CHOOSE(E4,B5,B5*3)", "=IF(E4=1,B5,B5*3)"),
        ("=SUM(CHOOSEROWS(B5:C6,E4))", "=IF(E4=1,B5+C5,B6+C6)"),
        ("=SUM(CHOOSECOLS(B5:C6,E4))", "=IF(E4=1,B5+B6,C5+C6)"),
        ("=SMALL(B5:C5,E4)", "=IF(E4=1,MIN(B5:C5),MAX(B5:C5))"),
        ("=LARGE(B5:C5,E4)", "=IF(E4=1,MAX(B5:C5),MIN(B5:C5))"),
    ],
)
@pytest.mark.parametrize("place", [1.0, 2.0])
def test_the_first_place_and_the_second_are_tried_and_what_stands_there_takes_any_numbers(
    formula: str, mine: str, place: float
) -> None:
    cells: dict[str, Scalar] = {"E4": place, "B5": 3.0, "C5": 5.0, "D5": 7.0, "B6": 9.0, "C6": 8.0, "G1": formula}
    assert held({"G1": mine}, cells, samples=40).passed
    for wrong in (mine.replace("E4", f"{place}"), f"=INT({mine[1:]})"):
        (fault,) = held({"G1": wrong}, cells, samples=40).faults
        assert fault.counterexample is not None


def test_of_a_cell_that_inherits_at_the_own_numbers_only_the_formula_is_right_by_coincidence() -> None:
    found = said(held({"B2": "=A3*3", "C1": "=ABS(SUM(B1:B3))"}, samples=20))
    assert found["B2"].startswith("fault: on the same values it gives 1.5")
    assert found["C1"].startswith("fault: its formula is right at the sheet's own numbers by coincidence: with S!A")


def test_a_truth_value_that_is_right_by_coincidence_is_found_on_samples() -> None:
    assert held({"B1": "=A1>0"}, COMPARED).passed
    (fault,) = held({"B1": "=A1>0", "C1": "=IF(B1=TRUE,A1,1*A2)"}, COMPARED, samples=20).faults
    assert fault.cell == cell("B1")
    assert fault.counterexample is not None
    assert {fault.counterexample.actual, fault.counterexample.expected} == {0.0, 1.0}


def test_a_repair_reads_truth_values_as_such() -> None:
    assert repair_of({"C1": "=IF(B1=TRUE,A2,A2)"}, COMPARED) == "IF(B1=TRUE,A1,A2)"


def repair_of(changes: Mapping[str, Scalar], solution: Mapping[str, Scalar]) -> str | None:
    (fault,) = held(changes, solution).faults
    return None if fault.repair is None else fault.repair.formula


NUMBERS: Mapping[str, Scalar] = {"A1": 1.1, "A2": -2.3, "A3": 0.7}


def test_a_repair_need_not_round_as_the_solution_does() -> None:
    assert repair_of({"B1": "=SUM(A1:A2)/30"}, {**NUMBERS, "B1": "=AVERAGE(A1:A3)*0.1"}) == "SUM(A1:A3)/30"


def test_a_repair_that_rounds_otherwise_reads_truth_values_as_such() -> None:
    # A sum leaves out what is TRUE in the cells that it reads.
    solution: dict[str, Scalar] = {**NUMBERS, "A4": "=A1>0", "B1": "=AVERAGE(A1:A4)*0.1"}
    assert repair_of({"B1": "=SUM(A1:A2)/30"}, solution) == "SUM(A1:A3)/30"
    assert repair_of({"B1": "=SUM(A2:A4)/30"}, solution) == "SUM(A1:A4)/30"


@pytest.mark.parametrize(("read", "proposed"), [("A1:A6", "A5*3"), ("A:A", None)])
def test_cells_of_a_whole_column_are_not_tried_one_by_one(read: str, proposed: str | None) -> None:
    numbers: dict[str, Scalar] = {f"A{at}": at + 0.5 for at in range(1, 7)}
    assert repair_of({"B1": "=A1*3"}, {**numbers, "B1": f"=INDEX({read},5)*3"}) == proposed


def test_a_repair_and_a_counterexample_read_other_sheets() -> None:
    def on_two_sheets(formula: str) -> Book:
        return Book((*book({"B1": formula}).sheets, Sheet("T", Cells.of({(0, 0): 2.0, (0, 1): 0.5}))))

    (fault,) = against(on_two_sheets("=T!A1*3"), on_two_sheets("=T!A1*3+T!B1")).faults
    assert fault.repair is not None
    assert fault.repair.formula == "T!A1*3+T!B1"
    (fault,) = against(on_two_sheets("=ABS(T!A1)"), on_two_sheets("=MAX(0,T!A1)"), samples=20).faults
    assert fault.counterexample is not None
    assert [show_cell(changed) for changed, _ in fault.counterexample.changes] == ["T!A1"]


def test_of_many_operands_the_single_ones_are_put_back_first() -> None:
    many: dict[str, Scalar] = {**{f"A{row}": float(row) for row in range(1, 61)}, "D5": 2.5}
    assert repair_of({"C1": "=SUM(A1:A60)"}, {**many, "C1": "=SUM(A1:A60)+D5"}) == "SUM(A1:A60)+D5"


@pytest.mark.parametrize(
    ("formula", "proposed"), [("=A1*2+COLUMN(A1)", "A1*2+COLUMN(A1)"), ("=A1*2+COLUMN()", None)]
)  # fmt: skip
def test_over_a_pasted_number_the_solutions_formula_is_proposed_unless_it_depends_on_its_place(
    formula: str, proposed: str | None
) -> None:
    assert repair_of({"C1": 0.5}, {**NUMBERS, "C1": formula}) == proposed


def test_a_fault_is_mended_though_many_cells_before_it_inherit_it() -> None:
    places = range(1, 21)
    solution: dict[str, Scalar] = {**{f"A{at}": float(at) for at in places}, "C40": "=A1*3"}
    solution |= {f"B{at}": f"=A{at}*C$40" for at in places}
    report = held({"C40": "=A2*3"}, solution)
    assert report.counts["inherited"] == 20
    assert [one.repair and one.repair.formula for one in report.faults] == ["A1*3"]


def test_a_repair_may_read_what_is_computed_from_another_fault() -> None:
    # E1, which the solution has not, is right as soon as B1 is.
    solution: dict[str, Scalar] = {**NUMBERS, "B1": "=A1*2", "C1": "=B1*(1/3)+2"}
    faults = held({"B1": "=A1*5", "C1": "=E1/3+1", "E1": "=B1*1"}, solution).faults
    assert {show_cell(one.cell): one.repair and one.repair.formula for one in faults} == {
        "S!B1": "A1*2", "S!C1": "E1/3+2",
    }  # fmt: skip


def test_whether_a_formula_would_read_itself_is_seen_however_often_cells_are_read() -> None:
    # Each row reads both cells of the next, so that there are 2^30 ways.
    steps: dict[str, Scalar] = {f"D{at}": f"=D{at + 1}+E{at + 1}" for at in range(1, 31)}
    steps |= {f"E{at}": f"=D{at + 1}-E{at + 1}" for at in range(1, 31)} | {"D31": "=A1", "E31": "=A2"}
    assert repair_of({"C1": 0.5}, {**NUMBERS, **steps, "C1": "=D1*2"}) == "D1*2"


def test_without_a_number_that_could_be_another_nothing_is_proposed() -> None:
    assert repair_of({"B1": "=1+3"}, {"B1": "=1+2"}) is None


@pytest.mark.parametrize(("most", "proposed"), [(1, None), (2, "A1+A2")])
def test_operands_beyond_the_most_are_not_tried(
    most: int, proposed: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "_MOST_OPERANDS", most)
    assert repair_of({"B1": "=A1"}, {**NUMBERS, "B1": "=A1+A2"}) == proposed


@pytest.mark.parametrize("formula", ["=D1+E1", "=E1+D1"])
def test_a_formula_that_would_read_itself_is_not_proposed(formula: str) -> None:
    solution: dict[str, Scalar] = {**NUMBERS, "C1": formula, "D1": "=A1*2", "E1": "=A2*3"}
    assert repair_of({"C1": 0.5}, solution) == formula[1:]
    # The same number, from C1.
    (fault,) = held({"C1": 0.5, "D1": "=C1-E1"}, solution).faults
    assert (fault.cell, fault.repair) == (cell("C1"), None)


@pytest.mark.parametrize("column", ["D1:D9", "D1:D300000", "D:D"])
def test_a_formula_that_would_read_itself_by_a_long_column_is_not_proposed(column: str) -> None:
    solution: dict[str, Scalar] = {**NUMBERS, "C1": f"=SUM({column})", "D1": "=A1*2"}
    assert repair_of({"C1": 0.5}, solution) == f"SUM({column})"
    assert repair_of({"C1": 0.5, "D1": "=A1*2+C1*0"}, solution) is None


# -- by the names in two maps -----------------------------------------------------------------------------------------

GIVEN: Mapping[str, Scalar] = {"A1": 2.0, "A2": -1.0}
X, RATE = row("x", "A1:A2"), row("rate", "B1", role=Role.CONSTANT, shape=())
Z = row("z", "C1", "x.sum() * rate", shape=())


def named(
    student: Mapping[str, Scalar],
    solution: Mapping[str, Scalar],
    mine: Sequence[MapRow],
    theirs: Sequence[MapRow],
    **options: Any,
) -> Report:
    maps = (Map(tuple(mine)), Map(tuple(theirs)))
    paths = Path("mine.xlsx"), Path("solution.xlsx")
    return check_against(
        book(student), paths[0], book(solution), paths[1], maps, (EmbeddedEngine(),), **options
    )  # fmt: skip


def test_constants_of_the_map_and_numbers_that_the_solution_computes_are_not_varied() -> None:
    solution: dict[str, Scalar] = {**GIVEN, "A3": "=A1+1", "B1": 0.5, "C1": "=SUM(A1:A2)*B1+A3"}
    rows = [X, RATE, row("more", "A3", shape=()), Z]
    report = named({**solution, "A3": 3.0}, solution, rows, rows, samples=20)
    assert report.passed
    assert report.exploration is not None
    assert report.exploration.varied == ("x",)


def test_all_given_tensors_have_the_workbooks_numbers() -> None:
    solution: dict[str, Scalar] = {**GIVEN, "B1": 0.5, "B2": 7.0, "C1": "=SUM(A1:A2)*B1+B2"}
    rows = [X, RATE, row("more", "B2", shape=()), Z]
    report = named({**solution, "A1": 5.0, "B1": 3.0, "B2": 9.0}, solution, rows, rows)
    assert report.passed
    assert report.tensors[0].expected.tolist() == 21.0


def test_a_coincidence_in_a_plane_of_a_tensor_is_found_in_its_cell() -> None:
    planes = [(area("A1:B3"), area("D1:E3")), (area("G1:H3"), area("J1:K3"))]
    x, y = (Block((2, 3, 2), each) for each in planes)
    solution: dict[str, Scalar] = {f"{c}{r}": r + 0.5 for c in "ABDE" for r in (1, 2, 3)}
    solution |= {f"{to}{r}": f"=MAX(0,{of}{r})" for of, to in zip("ABDE", "GHJK", strict=True) for r in (1, 2, 3)}
    rows = [MapRow("x", Role.INPUT, x, "float64", ""), MapRow("y", Role.COMPUTED, y, "float64", "relu(x)")]
    (fault,) = named({**solution, "H3": "=ABS(B3)"}, solution, rows, rows, samples=20).faults
    assert fault.cell == cell("H3")
    assert fault.counterexample is not None
    assert [changed for changed, _ in fault.counterexample.changes] == [cell("B3")]


def test_an_error_is_meant_in_a_transposed_tensor_too() -> None:
    solution: dict[str, Scalar] = {"A1": 1.0, "B1": 2.0, **{f"{c}{r}": f"=A1+{r}" for c in "CDE" for r in (1, 2)}}
    solution["D1"] = "=NA()"
    rows = [row("x", "A1:B1"), MapRow("y", Role.COMPUTED, Block((3, 2), (area("C1:E2"),), True), "float64", "x", None)]
    assert named(solution, solution, rows, rows).passed
    assert named({**solution, "E1": "=NA()"}, solution, rows, rows).counts["fault"] == 1


def test_of_a_tensor_that_the_solution_has_transposed_the_same_element_is_shown() -> None:
    places = [(at, number) for number in range(3) for at in range(2)]
    inputs: dict[str, Scalar] = {f"{'AB'[at]}{number + 1}": number + 0.5 for at, number in places}
    mine = {f"{'DE'[at]}{number + 1}": f"=MAX(0,{'AB'[at]}{number + 1})" for at, number in places}
    theirs = {f"{'DEF'[number]}{at + 1}": f"=MAX(0,{'AB'[at]}{number + 1})" for at, number in places}
    x, y = row("x", "A1:B3", shape=(3, 2)), row("y", "D1:E3", "relu(x)", shape=(3, 2))
    turned = replace(y, block=Block((3, 2), (area("D1:F2"),), True))
    (fault,) = named({**inputs, **mine, "E1": "=ABS(B1)"}, inputs | theirs, [x, y], [x, turned], samples=20).faults
    assert fault.cell == cell("E1")
    assert fault.counterexample is not None
    ((changed, number),) = fault.counterexample.changes
    assert (changed, fault.counterexample.actual, fault.counterexample.expected) == (cell("B1"), -number, 0.0)


def test_a_word_read_by_the_formula_below_is_tried_whichever_tensor_comes_first() -> None:
    solution: dict[str, Scalar] = {**GIVEN, "D1": '=IF(A1>0,"yes","no")', "D2": '=D1&"!"'}
    rows = [X, row("lower", "D2", "x", shape=()), row("upper", "D1", "x", shape=())]
    found = said(named({**solution, "D1": '=IF(A1>0,"no","yes")'}, solution, rows, rows))
    assert {name: one.partition(":")[0] for name, one in found.items()} == {"D1": "fault", "D2": "inherited"}


def test_a_tensor_that_the_workbooks_map_lacks_is_said() -> None:
    solution: dict[str, Scalar] = {**GIVEN, "B1": 0.5, "C1": "=SUM(A1:A2)*B1"}
    report = named(solution, solution, [X, Z], [X, RATE, Z])
    assert report.against is not None
    assert report.against.missing == (
        "the map of the workbook does not name rate, the solution's own numbers stand for it",
    )
    assert report.passed


def test_a_computed_tensor_that_the_workbooks_map_lacks_is_no_parity_and_named_in_every_report() -> None:
    solution: dict[str, Scalar] = {**GIVEN, "B1": 0.5, "C1": "=SUM(A1:A2)*B1", "D1": "=C1*2"}
    report = named(solution, solution, [X, RATE, Z], [X, RATE, Z, row("loss", "D1", "z * 2", shape=())])
    assert not report.passed
    assert report.counts["match"] == sum(report.counts.values()) == 1
    sentence = (
        "NO PARITY. All 1 checked cells agree with the formulas of solution.xlsx; not in the map, and not compared: "
        "loss (embedded)"
    )
    outcome = Outcome("mine.xlsx", report)
    assert (outcome.verdict, outcome.exit_code) == ("undecided", 1)
    run = RunReport(["mine.xlsx", "two.xlsx"], "text", (None, None), alone=False)
    run.add(outcome)
    junit, sarif = outcomes_to_junit([outcome]), outcomes_to_sarif([outcome])
    why = "loss: not compared, since the map of the workbook does not name it"
    assert sentence in " ".join(report_to_text(report).split())
    assert "does not name loss, which was not compared" in report_to_html(report)
    assert json.loads(report_to_json(report, every=False))["against"]["uncompared"] == ["loss"]
    assert sentence in outcomes_to_github([outcome])
    assert f'<failure type="undecided" message="{why}" />' in junit
    assert 'tests="2" failures="1"' in junit
    assert [one["message"]["text"] for one in json.loads(sarif)["runs"][0]["results"]] == [why]
    assert why in " ".join(run.table().split())


def test_words_in_the_solution_stay_where_numbers_are_put_in() -> None:
    solution: dict[str, Scalar] = {**GIVEN, "D1": "mean", "D2": "sum", "C1": '=IF(D2="sum",SUM(A1:A2),0)'}
    rows = [X, row("z", "C1", "x.sum()", shape=())]
    mine = {**GIVEN, "A1": 5.0, "C1": "=A1+A2"}
    assert named(mine, solution, rows, rows).passed
    (fault,) = named({**mine, "C1": "=A1-A2"}, solution, rows, rows).faults
    assert (fault.actual, fault.expected) == (6.0, 4.0)


def test_maps_that_do_not_fit_are_refused() -> None:
    solution: dict[str, Scalar] = {**GIVEN, "B1": 0.5, "C1": "=SUM(A1:A2)*B1"}
    with pytest.raises(MapError, match="the two maps have no computed tensor in common"):
        named(solution, solution, [X, RATE], [X, RATE, Z])
    with pytest.raises(InputError, match="S!A2 should hold a number, the input x, but is the text 'two'"):
        named({**solution, "A2": "two"}, solution, [X, RATE, Z], [X, RATE, Z])


def test_a_tensor_of_truth_values_is_compared() -> None:
    solution: dict[str, Scalar] = {**GIVEN, "C1": "=A1>0", "C2": "=A2>0"}
    rows = [X, row("positive", "C1:C2", "x > 0", dtype="bool")]
    assert named({**solution, "A1": -5.0, "C1": "=0<A1"}, solution, rows, rows).passed
    (fault,) = named({**solution, "C2": "=A2>=A2"}, solution, rows, rows).faults
    assert (fault.cell, fault.actual, fault.expected) == (cell("C2"), 1.0, 0.0)


def test_truth_values_stay_such_where_they_are_computed_or_varied() -> None:
    solution: dict[str, Scalar] = {
        **GIVEN, "B1": True, "C1": "=A1>0", "C2": "=A2>0", "D1": "=IF(C1=TRUE,5,6)", "E1": "=IF(B1=TRUE,FALSE,TRUE)",
    }  # fmt: skip
    rows = [X, row("m", "B1", shape=(), dtype="bool"), row("positive", "C1:C2", "x > 0", dtype="bool"),
            row("y", "D1", "where(positive[0], 5.0, 6.0)", shape=()),
            row("not_m", "E1", "~m", shape=(), dtype="bool")]  # fmt: skip
    assert named(solution, solution, rows, rows, samples=20).passed
    assert named({**solution, "E1": "=NOT(B1)"}, solution, rows, rows, samples=20).passed
    # Numbers in their place are what this workbook's formulas read.
    numbers = {"C1": "=IF(A1>0,1,0)", "C2": "=--(A2>0)", "D1": "=IF(C1=1,5,6)"}
    assert named({**solution, **numbers}, solution, rows, rows, samples=20).passed
    (fault,) = named({**solution, "E1": "=AND(B1,FALSE)"}, solution, rows, rows, samples=20).faults
    assert fault.counterexample is not None
    assert fault.counterexample.changes == ((cell("B1"), False),)
    assert "with S!B1 = FALSE it gives 0.0" in fault.because


@pytest.mark.parametrize("mine", ["=(A1=0)*B1+(A1=1)*B2+(A1=2)*B3", "=CHOOSE(A1+1,B1,B2,B3)"])
def test_a_tensor_of_integers_takes_whole_numbers_such_as_the_workbook_has(mine: str) -> None:
    # Of 1.7 INDEX takes the whole part, and a one-hot has none.
    solution: dict[str, Scalar] = {"A1": 2.0, "B1": 1.5, "B2": -0.5, "B3": 4.0, "C1": "=INDEX(B1:B3,A1+1)"}
    rows = [row("y", "A1", shape=(), dtype="int64"), row("x", "B1:B3"), row("picked", "C1", "x[y]", shape=())]
    assert named({**solution, "C1": mine}, solution, rows, rows, samples=40).passed
    (fault,) = named({**solution, "C1": "=IF(A1=2,B3,B1)"}, solution, rows, rows, samples=40).faults
    assert fault.counterexample is not None
    assert dict(fault.counterexample.changes)[cell("A1")] == 1.0


@pytest.mark.parametrize(("shown", "changed"), [(4.0, [("S!D1", 4.0, 3.0)]), (None, []), ("four", [])])
def test_numbers_shown_as_torchs_are_taken_where_they_are_numbers(
    shown: Scalar, changed: list[tuple[str, float, float]]
) -> None:
    solution: dict[str, Scalar] = {**GIVEN, "C1": "=SUM(A1:A2)", "D1": 3.0, "E1": "=C1-D1"}
    rows = [X, row("z", "C1", "x.sum()", shape=()), row("z", "D1", role=Role.EXPECTED, shape=()),
            row("apart", "E1", "z - expected(z)", shape=())]  # fmt: skip
    report = named({**solution, "D1": shown}, solution, rows, rows)
    assert report.against is not None
    assert [(show_cell(one.cell), one.value, one.solution) for one in report.against.changed] == changed
    without = named(solution, solution, [one for one in rows if one.role is not Role.EXPECTED], rows)
    assert without.passed


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("shown", [True, False])
def test_truth_values_that_are_given_or_shown_are_put_into_the_solution_as_such(given: bool, shown: bool) -> None:
    # To Excel TRUE is not 1.
    solution: dict[str, Scalar] = {"A1": True, "B1": "=IF(A1=TRUE,FALSE,TRUE)", "C1": True, "D1": "=IF(C1=TRUE,1,0)"}
    rows = [row("m", "A1", shape=(), dtype="bool"), row("not_m", "B1", "~m", shape=(), dtype="bool"),
            row("not_m", "C1", role=Role.EXPECTED, shape=(), dtype="bool"),
            row("shown", "D1", "expected(not_m) * 1.0", shape=())]  # fmt: skip
    report = named({**solution, "A1": given, "C1": shown}, solution, rows, rows)
    assert report.passed
    assert [one.expected.tolist() for one in report.tensors] == [not given, shown]
    assert report.against is not None
    changed = [name for name, value in (("S!A1", given), ("S!C1", shown)) if not value]
    assert [show_cell(one.cell) for one in report.against.changed] == changed

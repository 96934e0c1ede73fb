"""What is said of a cell: one test a reason."""

from __future__ import annotations

import pytest
import torch

from tests.unit.check.small import Other, cell, checked, row, said
from xlparity.check.judge import Tolerance
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.engine import Slack
from xlparity.model.map import Role
from xlparity.model.value import Error, Note

X, Y = row("x", "A1:A3"), row("y", "B1:B3", "x * 3")
TRIPLED = {"A1": 1.0, "A2": 2.0, "A3": 4.0, "B1": "=A1*3", "B2": "=A2*3", "B3": "=A3*3"}


def because(**changes: object) -> dict[str, str]:
    return said(checked(TRIPLED | changes, X, Y))  # type: ignore[arg-type]


def test_of_right_cells_nothing_is_said() -> None:
    assert because() == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (6.5, "fault: hard-coded: a constant stands where the map says computed; its neighbours fill =A2*3"),
        (6.0, "fault: hard-coded: a constant stands where the map says computed; its neighbours fill =A2*3"),
        ("six", "fault: hard-coded: a constant stands where the map says computed; its neighbours fill =A2*3"),
        (None, "fault: the cell is empty, but the map says that it is computed; its neighbours fill =A2*3"),
        ("=A2/0", "fault: it breaks the fill of its column, which has =A2*3 here"),
        ("=A3*3", "fault: it breaks the fill of its column, which has =A2*3 here"),
    ],
)
def test_what_stands_in_the_place_of_the_formula_is_named(content: object, reason: str) -> None:
    assert because(B2=content) == {"B2": reason}


def test_a_right_cell_does_not_break_the_fill_of_wrong_ones_of_which_one_is_right_by_coincidence() -> None:
    # The formulas read B, which the expression computes anew: then only a fill can say that a right value is none.
    cells: dict[str, object] = {"A1": 1.0, "A2": 2.0, "A3": 4.0, "C1": 2.0, "C2": 2.0, "C3": 5.0}
    cells |= {"B1": "=A1*3", "B2": "=A2*3", "B3": "=A3*3", "D1": "=B1-C1", "D2": "=B2-C$1", "D3": "=B3-C$1"}
    rows = (X, Y, row("v", "C1:C3", role=Role.CONSTANT), row("z", "D1:D3", "x * 3 - v"))
    assert list(said(checked(cells, *rows))) == ["D3"]


LINE = {"A1": 2.0, "B1": "=A1*3", "C1": "=B1-1"}
OF_LINE = (row("x", "A1"), row("y", "B1", "x * 3"), row("z", "C1", "y - 1"))


def test_a_wrong_formula_is_shown_with_what_it_gives_on_right_operands_and_inherited_with_where_from() -> None:
    found = said(checked(LINE | {"B1": "=A1*3+0.5"}, *OF_LINE))
    assert found["B1"] == "fault: its formula does not compute x * 3: it gives 6.5 on right operands"
    assert found["C1"] == "inherited: inherited from S!B1 =A1*3+0.5"


def test_a_constant_that_others_inherit_from_is_named_without_a_formula() -> None:
    assert said(checked(LINE | {"B1": 6.5}, *OF_LINE))["C1"] == "inherited: inherited from S!B1"


def test_a_formula_that_gives_an_error_is_said_with_the_error_and_where_it_comes_from() -> None:
    found = said(checked(LINE | {"B1": "=A1/0"}, *OF_LINE))
    assert found["B1"] == "fault: its formula gives the error #DIV/0! (#DIV/0! from =A1/0)"
    without = said(checked(LINE, *OF_LINE, engines=[Other("other", {"B1": Error.DIV0})]))
    assert without["B1"] == "fault: its formula is right, but other gives the error #DIV/0! for it"
    wrong = said(checked(LINE | {"B1": "=A1*4"}, *OF_LINE, engines=[Other("other", {"B1": Error.DIV0})]))
    assert wrong["B1"] == "fault: its formula gives the error #DIV/0!"
    # It gives a text, and nothing that would be a number on right operands.
    assert said(checked(LINE | {"B1": '="six"'}, *OF_LINE))["B1"] == (
        "fault: its formula gives no number on right operands"
    )


def test_a_value_that_only_one_engine_computes_from_a_right_formula_is_that_engines() -> None:
    other = Other("other", {"B1": 6.5, "C1": 5.5})
    found = said(checked(LINE, *OF_LINE, engines=[EmbeddedEngine(), other]))
    assert found == {
        "B1": "fault: its formula is right, but other computes another value from it",
        "C1": "inherited: inherited from S!B1 =A1*3",
    }


def test_a_formula_at_the_edge_of_the_tolerance_is_right_and_the_engine_that_goes_beyond_is_said() -> None:
    cells, rows = {"A1": 2.0, "B1": "=A1*3+0.5"}, OF_LINE[:2]
    assert said(checked(cells, *rows, engines=[Other("o", {"B1": 7.5})], tolerance=Tolerance(0.0, 0.5))) == {
        "B1": "fault: its formula is right, but o computes another value from it"
    }


def test_two_wrong_formulas_one_behind_the_other_are_each_their_own_fault() -> None:
    report = checked(LINE | {"B1": "=A1*4", "C1": "=B1-2"}, *OF_LINE)
    assert [(one.cell, one.origin) for one in report.faults] == [(cell("B1"), None), (cell("C1"), None)]


def test_a_remembered_value_that_the_formula_does_not_give_is_stale() -> None:
    found = said(checked(LINE, *OF_LINE, cached={"B1": 6.5, "C1": 5.0}))
    assert found["B1"] == (
        "fault: stale: the file remembers a value that the formula does not give; recalculate and save"
    )
    assert "C1" not in found or not found["C1"].startswith("match")


def test_what_an_engine_could_not_evaluate_is_said_with_its_reason_and_place() -> None:
    silent, spoken = Other("silent", {"B1": Note(cell("B1"), "")}), Other("spoken", {"B1": Note(cell("B1"), "why")})
    assert said(checked(LINE, *OF_LINE, engines=[silent]))["B1"] == "undecided: silent could not evaluate it"
    assert said(checked(LINE, *OF_LINE, engines=[spoken]))["B1"] == "undecided: not evaluated: why"
    elsewhere = Other("spoken", {"B1": Note(cell("D4"), "why")})
    assert said(checked(LINE, *OF_LINE, engines=[elsewhere]))["B1"] == "undecided: not evaluated: why in S!D4"


def test_what_is_computed_from_an_input_that_an_engine_could_not_evaluate_says_so() -> None:
    cells = LINE | {"A1": "=D1"}
    spoken, silent = Other("spoken", {"A1": Note(cell("D1"), "why")}), Other("silent", {"A1": Note(cell("D1"), "")})
    assert said(checked(cells, *OF_LINE, engines=[spoken]))["B1"] == (
        "undecided: it is computed from x, which spoken could not evaluate in S!A1: why"
    )
    assert said(checked(cells, *OF_LINE, engines=[silent]))["C1"] == (
        "undecided: it is computed from x, which silent could not evaluate in S!A1"
    )


def test_where_torch_gives_no_finite_number_no_cell_can_hold_it() -> None:
    found = said(checked({"A1": -1.0, "B1": "=A1*0"}, row("x", "A1"), row("y", "B1", "torch.log(x)")))
    assert found["B1"] == "undecided: torch gives nan, which no cell can hold"
    infinite = {"A1": 0.0, "B1": 5.0, "C1": "=A1*0"}
    report = checked(infinite, row("x", "A1"), row("v", "B1"), row("y", "C1", "v / x"))
    (one,) = report.cells
    assert (one.actual, one.expected, one.difference, one.bound) == (0.0, float("inf"), float("-inf"), None)


def test_an_operation_without_a_bound_asks_for_a_tolerance_and_takes_one() -> None:
    cells = {"A1": 0.0, "B1": 0.0, "A2": 0.0, "B2": 0.0, "C1": "=A1+1", "D1": "=B1+0", "C2": "=A2+0", "D2": "=B2+1"}
    rows = row("x", "A1:B2"), row("y", "C1:D2", "aten.linalg_matrix_exp.default(x)")
    found = said(checked(cells, *rows))
    assert set(found) == {"C1", "D1", "C2", "D2"}
    assert found["C1"] == (
        "undecided: no sound bound is known for an operation of its torch expression; give --rtol and --atol"
    )
    assert checked(cells, *rows, tolerance=Tolerance(0.0, 1e-9)).passed
    one = checked(cells, *rows).finding(cell("C1"))
    assert one is not None
    assert (one.actual, one.expected, one.difference, one.bound) == (1.0, 1.0, 0.0, None)


def test_a_shown_value_that_rounded_numbers_leave_open_asks_for_their_digits() -> None:
    rows = (row("w", "A1", decimals=1), row("y", "B1", "torch.log(w - 0.05)"),
            row("y", "C1", role=Role.EXPECTED, decimals=4))  # fmt: skip
    # Down to the logarithm of 0 anything may be meant: no bound holds.
    assert said(checked({"A1": 0.1, "B1": "=LN(A1-0.05)", "C1": -3.0}, *rows)) == {
        "C1": "undecided: no sound bound is known for an operation of its torch expression; give --rtol and --atol"
    }
    wide = (row("w", "A1", decimals=1), row("y", "B1", "torch.exp(w * 10)"),
            row("y", "C1", role=Role.EXPECTED, decimals=4))  # fmt: skip
    found = said(checked({"A1": 5.0, "B1": "=EXP(A1*10)", "C1": 6e21}, *wide))
    assert found["C1"].startswith("explained: explained by w known to 1 decimals: the difference may be up to ")


def test_a_shown_value_that_is_not_pytorchs_is_said_to_be_none() -> None:
    rows = *OF_LINE, row("y", "D1", role=Role.EXPECTED)
    assert said(checked(LINE | {"D1": 6.25}, *rows))["D1"] == (
        "fault: PyTorch does not give this value for the inputs that the sheet shows as PyTorch's"
    )
    assert said(checked(LINE | {"D1": 6.0}, *rows)) == {}


def test_a_shown_value_that_only_the_narrowing_of_inputs_explains_says_so() -> None:
    rows = (row("x", "A1", dtype="float32"), row("v", "B1", dtype="float32"), row("y", "C1", "x - v", dtype="float32"),
            row("y", "D1", role=Role.EXPECTED, dtype="float32"))  # fmt: skip
    near = 0.1015625  # a float32, so that the difference of x from it keeps all of what 0.1 loses
    shown = (torch.tensor(0.1) - torch.tensor(near)).item()
    found = said(checked({"A1": 0.1, "B1": near, "C1": "=A1-B1", "D1": shown}, *rows))
    assert list(found) == ["D1"]
    assert found["D1"].startswith("explained: explained by the rounding of PyTorch's inputs to their dtype: the ")


class Tripled(torch.nn.Module):
    def __init__(self, w: float = 3.0) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor([w], dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.w


def test_a_parameter_that_is_not_the_models_is_said_to_be_another() -> None:
    rows = row("x", "A1"), row("net.w", "B1", role=Role.PARAMETER), row("y", "C1", "x * net.w")
    cells = {"A1": 2.0, "B1": 3.0, "C1": "=A1*B1"}
    assert said(checked(cells, *rows, model=Tripled())) == {}
    found = checked(cells | {"B1": 3.25}, *rows, model=Tripled())
    (one,) = [one for one in found.cells if one.cell == cell("B1")]
    assert one.because == "the model's net.w has another number here; the sheet is not this model"
    assert (one.actual, one.expected, one.difference) == (3.25, 3.0, 0.25)
    assert one.formula == "3.25"
    rounded = said(checked(cells | {"B1": 3.14, "C1": "=A1*B1"}, *rows, model=Tripled(3.1416)))
    assert rounded["B1"] == "explained: the model's number rounded to 2 decimals"
    linked = checked(cells | {"B1": "=D1", "D1": 3.25}, *rows, model=Tripled())
    assert next(one for one in linked.cells if one.cell == cell("B1")).formula == "=D1"


def test_a_number_is_shown_with_its_formula_its_difference_and_its_bound() -> None:
    report = checked(LINE | {"B1": "=A1*3+0.5"}, *OF_LINE)
    one = next(one for one in report.cells if one.cell == cell("B1"))
    assert (one.tensor, one.index, one.formula, one.engine) == ("y", (0,), "=A1*3+0.5", "embedded")
    assert (one.actual, one.expected, one.difference, one.origin) == (6.5, 6.0, 0.5, None)
    assert one.bound == pytest.approx(4 * 2.0**-53 * 6, rel=1e-9, abs=0)
    two = next(one for one in report.cells if one.cell == cell("C1"))
    assert two.origin == cell("B1")
    text = next(one for one in checked(LINE | {"B1": "six"}, *OF_LINE).cells if one.cell == cell("B1"))
    assert (text.actual, text.formula, text.difference) == ("the text 'six'", "the text 'six'", None)
    blank = next(one for one in checked(LINE | {"B1": None}, *OF_LINE).cells if one.cell == cell("B1"))
    assert (blank.actual, blank.formula) == ("empty", "")
    undecided = checked(LINE, *OF_LINE, engines=[Other("o", {"B1": Note(cell("B1"), "")})]).finding(cell("B1"))
    assert undecided is not None
    assert (undecided.cell, undecided.actual, undecided.difference) == (cell("B1"), "undecided", None)
    assert undecided.expected == 6.0


def test_an_engine_of_fewer_digits_is_given_them() -> None:
    near = {"B1": 6.0 + 1e-9, "C1": 5.0 + 1e-9}
    assert said(checked(LINE, *OF_LINE, engines=[Other("o", near, slack=Slack(relative=1e-9))])) == {}
    assert set(said(checked(LINE, *OF_LINE, engines=[Other("o", near)]))) == {"B1", "C1"}


def test_a_cell_that_is_right_by_coincidence_is_said_with_the_numbers_that_show_it() -> None:
    rows = row("x", "A1:A2"), row("y", "B1:B2", "torch.relu(x)")
    report = checked({"A1": 2.0, "A2": 3.0, "B1": "=ABS(A1)", "B2": "=ABS(A2)"}, *rows, samples=20)
    one = next(one for one in report.cells if one.cell == cell("B1"))
    assert one.counterexample is not None
    ((changed, number),) = one.counterexample.changes
    assert changed == cell("A1")
    assert number < 0
    assert one.counterexample.actual == -number
    assert one.counterexample.expected == 0.0
    assert one.because == (
        f"right at the sheet's own numbers by coincidence: with S!A1 = {number:g} it gives {-number!r}, torch 0.0"
    )


@pytest.mark.parametrize("formula", ['=INDIRECT("B1")-1', "=OFFSET(A1,0,1)-1"])
def test_what_reads_a_wrong_cell_in_a_way_of_which_its_text_does_not_tell_inherits_it(formula: str) -> None:
    cells = LINE | {"C1": formula}
    assert said(checked(cells, *OF_LINE)) == {}
    found = said(checked(cells | {"B1": 6.5}, *OF_LINE))
    assert found["C1"] == "inherited: its formula is right, but a cell that it reads is wrong"
    # On other numbers too.
    found = said(checked(cells | {"B1": "=ABS(A1)*3"}, *OF_LINE, samples=20))
    assert found["B1"].startswith("fault: right at the sheet's own numbers by coincidence")
    assert found["C1"] == "inherited: its formula is right, but a cell that it reads is wrong"


def test_cells_that_read_each_other_inherit_from_none() -> None:
    iterating = Other("iterating", {"B1": 0.0, "C1": 0.0})
    cells = {"A1": 2.0, "B1": "=C1*3", "C1": "=B1/3"}
    rows = (OF_LINE[0], OF_LINE[1], row("z", "C1", "y / 3"))
    assert said(checked(cells, *rows, engines=[iterating])) == dict.fromkeys(
        ("B1", "C1"), "inherited: its formula is right, but a cell that it reads is wrong"
    )


def test_what_agrees_with_a_wrong_cell_that_it_does_not_read_is_wrong_itself() -> None:
    found = said(checked(LINE | {"B1": 6.5, "C1": "=A1+3.5"}, *OF_LINE))
    assert found["C1"] == "fault: its formula does not compute y - 1: it gives 5.5 on right operands"


def test_a_right_formula_that_is_written_otherwise_than_its_neighbours_breaks_no_fill() -> None:
    assert because(B2="=$A$2*3") == {}


def test_a_printed_value_that_the_weights_few_digits_leave_open_is_undecided() -> None:
    weight = row("w", "B1", role=Role.PARAMETER, decimals=0)  # 0, so anything from -0.5 to 0.5
    rows = (row("x", "A1"), weight, row("y", "C1", "x * w"), row("y", "D1", role=Role.EXPECTED, decimals=1))
    assert said(checked({"A1": 100.0, "B1": 0.0, "C1": "=A1*B1", "D1": 30.0}, *rows)) == {
        "D1": "undecided: the printed digits of the numbers that it is computed from leave it open; give more of "
              "their digits",
    }  # fmt: skip


def test_of_a_cell_that_is_right_by_coincidence_the_first_sample_may_show_it() -> None:
    rows = row("x", "A1"), row("y", "B1", "x * 3")
    (one,) = checked({"A1": 2.0, "B1": "=A1+4"}, *rows, samples=1).cells
    assert one.counterexample is not None
    assert one.because.startswith("right at the sheet's own numbers by coincidence: with S!A1 = ")


def test_a_cell_that_is_right_by_coincidence_may_give_no_number_on_others() -> None:
    rows = row("x", "A1"), row("y", "B1", "torch.relu(x)")
    (one,) = checked({"A1": 2.0, "B1": '=IF(A1<0,"minus",A1)'}, *rows, samples=20).cells
    assert one.because.endswith(" it gives no number, torch 0.0")


def test_a_cell_that_is_right_on_the_wrong_operand_of_the_sheet_alone_is_said_with_the_sample() -> None:
    rows = row("x", "A1"), row("y", "B1", "x * 3"), row("z", "C1", "y + 1")
    found = said(checked({"A1": 2.0, "B1": "=A1*4", "C1": "=B1*1.125"}, *rows, samples=5))  # 8 * 1.125 is 8 + 1
    assert found == {
        "B1": "fault: its formula does not compute x * 3: it gives 8.0 on right operands",
        "C1": "fault: its formula is right at the sheet's own numbers by coincidence; wrong on sample 1 of others",
    }


def test_numbers_that_show_a_coincidence_are_given_for_the_cell_to_blame_alone() -> None:
    rows = (row("x", "A1"), row("y", "B1", "torch.relu(x)"), row("z", "C1", "y + 1"),
            row("y", "D1", role=Role.EXPECTED))  # fmt: skip
    cells = {"A1": 2.0, "B1": "=ABS(A1)", "C1": "=B1+1", "D1": 5.0}
    report = checked(cells, *rows, samples=20)
    assert said(report)["C1"] == "inherited: inherited from S!B1 =ABS(A1)"
    assert [one.cell for one in report.cells if one.counterexample is not None] == [cell("B1")]


def test_what_a_module_gives_is_expected_of_its_own_cell_and_the_maps_expression_of_a_shown_one() -> None:
    rows = (row("x", "A1"), row("net.w", "B1", role=Role.PARAMETER), row("net", "C1", "x + net.w"),
            row("net", "D1", role=Role.EXPECTED))  # fmt: skip
    report = checked({"A1": 2.0, "B1": 3.0, "C1": "=A1+B1", "D1": 7.0}, *rows, model=Tripled())
    assert {one.cell: (one.actual, one.expected, one.difference) for one in report.cells} == {
        cell("C1"): (5.0, 6.0, -1.0), cell("D1"): (7.0, 5.0, 2.0),
    }  # fmt: skip

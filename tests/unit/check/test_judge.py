"""Verdicts of single tensors: one test a rule, on numbers that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, nan

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from xlparity.check import judge
from xlparity.check.bound import Ball, Taylor
from xlparity.check.formulas import FormulaIndex
from xlparity.check.judge import (
    Held,
    Judged,
    Tolerance,
    held_in,
    hold,
    judge_computed,
    judge_expected,
    require_numbers,
    show_value,
    tightened,
    within_rounding,
)
from xlparity.check.reference import Program, Reference
from xlparity.errors import InputError
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.engine import Slack
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.value import Cells, Error, Kind, Scalar, Values
from xlparity.model.verdict import Verdict

Array = NDArray[np.float64]
LETTER = {verdict: verdict.value[0] for verdict in Verdict}  # m, e, u, i, f
ULP = 2.0**-50  # of numbers from 4 to 8, of which 4 roundings (4u) of 4.5 are 2.25


def row(
    tensor: str,
    count: int,
    expression: str = "",
    role: Role | None = None,
    dtype: str = "float64",
    decimals: int | None = None,
) -> MapRow:
    block = Block((count,), (Area.of("S", 0, 0, count, 1),))
    role = role or (Role.COMPUTED if expression else Role.INPUT)
    return MapRow(tensor, role, block, dtype, expression, decimals, place=f"row {tensor}")


def numbers(*values: float, kind: Kind = Kind.NUMBER) -> Held:
    array = np.array(values, float)
    return Held(array, np.where(np.isnan(array) & (kind == Kind.NUMBER), Kind.ERROR, kind).astype(np.uint8))


def letters(judged: Judged) -> str:
    return "".join(LETTER[list(Verdict)[number]] for number in judged.verdicts.tolist())


Forced = Callable[[Mapping[str, Array]], Mapping[str, Array]]


def never(_: Mapping[str, Array]) -> Mapping[str, Array]:
    raise AssertionError("nothing is wrong, so no formula need be evaluated on right operands")


def wrong_formulas(right: Mapping[str, Array]) -> Mapping[str, Array]:
    return {name: np.full(array.shape, 77.0) for name, array in right.items()}


def verdicts(
    expressions: Mapping[str, str],
    slack: Slack = Slack(),  # noqa: B008 - it is frozen
    tolerance: Tolerance | None = None,
    constants: tuple[str, ...] = (),
    forced: Forced = wrong_formulas,
    **held: Held,
) -> dict[str, Judged]:
    rows = [row(name, len(one.values), expressions.get(name, "")) for name, one in held.items()]
    program = Program(Map(tuple(rows)))
    is_formula = {name: np.full(len(held[name].values), name not in constants) for name in expressions}
    judged, _ = judge_computed(program, held, {}, slack, tolerance, is_formula, forced)
    return judged


TRIPLE = {"y": "x * 3"}


def test_a_product_may_be_off_by_four_roundings_and_no_more() -> None:
    y = numbers(4.5, 4.5 + 2 * ULP, 4.5 - 2 * ULP, 4.5 + 3 * ULP, 4.5 - 3 * ULP)
    judged = verdicts(TRIPLE, x=numbers(*[1.5] * 5), y=y)["y"]
    assert letters(judged) == "mmmff"
    assert judged.bound == pytest.approx(2.25 * ULP, rel=1e-9, abs=0)
    assert judged.expected.tolist() == [4.5] * 5
    assert judged.local.tolist() == [True, True, True, False, False]


def test_an_engine_of_fewer_digits_is_given_its_share_of_the_value() -> None:
    x, y = numbers(1.5, 1.5, -1.5), numbers(4.5 * (1 + 0.9e-3), 4.5 * (1 + 1.1e-3), -4.5 * (1 + 0.9e-3))
    assert letters(verdicts(TRIPLE, Slack(relative=1e-3), x=x, y=y)["y"]) == "mfm"
    assert letters(verdicts(TRIPLE, x=x, y=y)["y"]) == "fff"


def test_an_engine_that_snaps_to_zero_is_given_a_share_of_the_terms() -> None:
    x, total = numbers(1e6, -1e6, 1e-5), numbers(0.0)
    expressions = {"total": "x.sum(0, keepdim=True)"}
    assert letters(verdicts(expressions, Slack(cancellation=1e-11), x=x, total=total)["total"]) == "m"
    assert letters(verdicts(expressions, Slack(cancellation=1e-12), x=x, total=total)["total"]) == "f"


def test_a_tolerance_of_the_users_own_stands_in_the_place_of_the_bound_and_includes_its_end() -> None:
    tolerance = Tolerance(rtol=0.5, atol=0.25)  # of 4.5: 2.5
    y = numbers(7.0, 2.0, 7.25, 1.75, 4.5)
    judged = verdicts(TRIPLE, tolerance=tolerance, x=numbers(*[1.5] * 5), y=y)["y"]
    assert letters(judged) == "mmffm"
    assert judged.bound.tolist() == [2.5] * 5


def test_below_the_normal_numbers_nothing_is_held_against_a_cell() -> None:
    judged = verdicts(TRIPLE, x=numbers(2.0**-1024, 2.0**-1010), y=numbers(0.0, 0.0))["y"]
    assert letters(judged) == "mf"


def test_what_was_not_evaluated_is_undecided_and_an_error_is_a_fault() -> None:
    x = numbers(1.5)
    assert letters(verdicts(TRIPLE, x=x, y=numbers(nan, kind=Kind.UNDECIDED), forced=never)["y"]) == "u"
    assert letters(verdicts(TRIPLE, x=x, y=numbers(nan))["y"]) == "f"
    assert letters(verdicts(TRIPLE, x=x, y=numbers(nan, kind=Kind.BLANK))["y"]) == "f"


def test_where_torch_gives_no_number_nothing_is_known() -> None:
    judged = verdicts({"y": "torch.log(x)"}, x=numbers(-1.0, 1.0), y=numbers(0.0, 0.0), forced=never)["y"]
    assert letters(judged) == "um"
    assert judged.operands_known.tolist() == [False, True]


def test_a_constant_in_the_place_of_a_formula_is_a_fault_though_it_is_right() -> None:
    assert letters(verdicts(TRIPLE, constants=("y",), x=numbers(1.5), y=numbers(4.5))["y"]) == "f"
    # Nor is it forgiven for what a formula would give.
    alike: Forced = dict  # the right values themselves
    assert letters(verdicts(TRIPLE, constants=("y",), forced=alike, x=numbers(1.5), y=numbers(5.0))["y"]) == "f"


def test_what_follows_from_a_wrong_cell_inherits_its_error() -> None:
    judged = verdicts(
        {"y": "x * 3", "z": "y - 1"}, x=numbers(1.5, 2.0), y=numbers(4.5, 7.0), z=numbers(3.5, 6.0)
    )  # fmt: skip
    assert letters(judged["y"]) == "mf"
    assert letters(judged["z"]) == "mi"
    # An inheriting cell is shown beside what the whole gives, a right one beside its own operands' result.
    assert judged["z"].expected.tolist() == [3.5, 5.0]
    assert judged["z"].local.tolist() == [True, True]


def test_a_cell_that_is_right_by_chance_on_wrong_operands_is_none() -> None:
    judged = verdicts({"y": "x * 3", "z": "y - 1"}, x=numbers(1.5), y=numbers(7.0), z=numbers(3.5))
    assert letters(judged["y"]) + letters(judged["z"]) == "ff"


def test_a_formula_that_is_right_on_right_operands_inherits_and_one_that_is_not_is_at_fault() -> None:
    asked: list[Mapping[str, Array]] = []

    def forced(right: Mapping[str, Array]) -> Mapping[str, Array]:
        asked.append(right)
        return {"y": np.array([6.0, 6.0 + 1e-9]), "z": np.array([7.0, 7.0])}

    held = {"x": numbers(2.0, 2.0), "y": numbers(5.0, 5.0), "z": numbers(7.0, 7.0)}
    judged = verdicts({"y": "x * 3", "z": "x + 5"}, forced=forced, **held)
    assert letters(judged["y"]) == "if"
    assert judged["y"].formula_gives.tolist() == [6.0, 6.0 + 1e-9]
    assert letters(judged["z"]) == "mm"
    assert np.isnan(judged["z"].formula_gives).all()  # it was not asked for: nothing is wrong there
    ((name_y, right_y), (name_z, right_z)) = asked[0].items()
    assert (name_y, right_y.tolist(), name_z, right_z.tolist()) == ("y", [6.0, 6.0], "z", [7.0, 7.0])


def test_infinities_are_numbers_of_at_least_1e300_in_cells_and_in_what_formulas_are_given() -> None:
    asked: list[Mapping[str, Array]] = []

    def forced(right: Mapping[str, Array]) -> Mapping[str, Array]:
        asked.append(right)
        return wrong_formulas(right)

    x = numbers(0.0, 0.0, 0.0, -1.0, 0.0)
    y = numbers(-1e300, -2e300, -0.9e300, nan, 1e300)
    judged = verdicts({"y": "torch.log(x)"}, forced=forced, x=x, y=y)["y"]
    assert letters(judged) == "mmfuf"
    assert asked[0]["y"][[0, 1, 2, 4]].tolist() == [-1e300] * 4
    # An operand of that size is an infinity to torch.
    assert letters(verdicts({"y": "-x"}, x=numbers(1e300, 0.9e300), y=numbers(-3e300, -0.9e300))["y"]) == "mm"


def test_where_an_operation_has_no_bound_nothing_is_decided_but_that_a_text_is_wrong() -> None:
    held = {"x": numbers(0.0, 0.0, 0.0, 0.0), "y": numbers(1.0, 0.0, 0.0, nan)}
    expressions = {"y": "aten.linalg_matrix_exp.default(x.reshape(2, 2)).reshape(4)"}
    assert letters(verdicts(expressions, **held)["y"]) == "uuuf"


def test_a_cell_whose_bound_from_the_inputs_says_nothing_is_proved_by_steps() -> None:
    # y is 4.5 to within 4u, so 1 / (y - 4.5 - 2 ULP) may be anything: seen from x nothing bounds it.
    expressions = {"y": "x * 3", "z": f"1 / (y - {4.5 + 2 * ULP!r})"}
    right = -1 / (2 * ULP)
    steps = verdicts(expressions, x=numbers(1.5), y=numbers(4.5), z=numbers(right), forced=never)
    assert letters(steps["y"]) + letters(steps["z"]) == "mm"
    wrong = verdicts(expressions, x=numbers(1.5), y=numbers(4.5), z=numbers(right * 1.01))
    assert letters(wrong["y"]) + letters(wrong["z"]) == "mf"
    # A wrong cell before it ends the proof.
    before = verdicts(expressions, x=numbers(1.5), y=numbers(5.0), z=numbers(1 / (0.5 - 2 * ULP)))
    assert letters(before["y"]) + letters(before["z"]) == "fu"


def test_a_wide_bound_from_the_inputs_is_no_proof_without_the_steps() -> None:
    # The whole bound of z is 2.25 ULP, more than a thousandth of its 4 ULP: it says nothing.
    expressions = {"y": "x * 3", "z": f"y - {4.5 - 4 * ULP!r}"}
    steps = verdicts(expressions, x=numbers(1.5), y=numbers(4.5 + 2 * ULP), z=numbers(6 * ULP), forced=never)
    assert letters(steps["y"]) + letters(steps["z"]) == "mm"
    assert steps["z"].expected.tolist() == [6 * ULP]


# -- what the bound says nothing about --------------------------------------------------------------------------------


def test_a_bound_of_more_than_a_thousandth_of_the_largest_value_is_replaced() -> None:
    value = np.array([1000.0, 1.0, -2.0, 5.0, inf, nan])
    radius = np.array([1.0, 1.001, 0.5, nan, nan, nan])
    found = tightened(Reference(value, radius)).radius
    assert found[:4].tolist() == [1.0, 1e-7 * 1000, 0.5, 1e-7 * 1000]
    assert np.isnan(found[4:]).all()


def test_the_replacement_is_at_least_1e_minus_12_and_zeros_need_none() -> None:
    assert tightened(Reference(np.array([1e-7]), np.array([1.0]))).radius.tolist() == [1e-12]
    assert tightened(Reference(np.array([-1e-3]), np.array([1.0]))).radius.tolist() == [
        pytest.approx(1e-10, rel=1e-9, abs=0)
    ]
    zeros = Reference(np.zeros(3), np.array([0.0, 1e-310, 1e-302]))
    assert tightened(zeros).radius.tolist() == [0.0, 1e-310, 1e-12]
    assert tightened(Reference(np.zeros(0), np.zeros(0))).radius.shape == (0,)


# -- what cells hold --------------------------------------------------------------------------------------------------


def test_cells_are_laid_out_as_their_tensor() -> None:
    values = Values({"S": Cells.of({(r, c): 10.0 * r + c for r in range(4) for c in range(3)})})
    planes = (Area.of("S", 0, 0, 2, 3), Area.of("S", 2, 0, 2, 3))
    assert hold(values, Block((2, 2, 3), planes), "float64").values[1].tolist() == [[20, 21, 22], [30, 31, 32]]
    across = hold(values, Block((2, 3, 2), planes, transposed=True), "float64")
    assert across.values[0].tolist() == [[0, 10], [1, 11], [2, 12]]
    cells = Values({"S": Cells.of({(0, 1): "text", (3, 2): True})})
    kinds = hold(cells, Block((2, 3, 2), planes, transposed=True), "float64").kinds
    assert [tuple(at) for at in np.argwhere(kinds).tolist()] == [(0, 1, 0), (1, 2, 1)]
    kinds = hold(cells, Block((2, 2, 3), planes), "float64").kinds
    assert [tuple(at) for at in np.argwhere(kinds).tolist()] == [(0, 0, 1), (1, 1, 2)]


def test_a_formula_carries_an_error_on_where_it_is_right_on_the_sheets_operands_and_on_right_ones() -> None:
    gives = np.array([6.0, 6.5, 5.5, 6.75, -6.0, nan, 6.0])
    same, right = np.full(7, 6.0), np.array([True] * 6 + [False])
    judged = Judged(row("y", 7, "x"), numbers(*same), np.zeros(7, np.uint8), same, np.full(7, 0.5), right, right, gives)
    assert judged.carries.tolist() == [True, True, True, False, False, False, False]


def test_only_numbers_are_numbers_and_booleans_where_the_tensor_is_boolean() -> None:
    kinds = np.array([[Kind.NUMBER, Kind.BOOLEAN, Kind.TEXT, Kind.BLANK, Kind.ERROR]], np.uint8)
    block = Block((5,), (Area.of("S", 0, 0, 1, 5),))
    payload = np.ones((1, 5))
    assert np.nan_to_num(held_in([kinds], [payload], block, "int64").values).tolist() == [1, 0, 0, 0, 0]
    held = held_in([kinds], [payload], block, "bool")
    assert np.nan_to_num(held.values).tolist() == [1, 1, 0, 0, 0]
    assert held.kinds.tolist() == kinds[0].tolist()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "empty"),
        (Error.DIV0, "the error #DIV/0!"),
        (True, "TRUE"),
        ("it's", '''the text "it's"'''),
        ("x" * 41, f"the text '{'x' * 40}'"),
        (0.5, "0.5"),
    ],
)
def test_a_value_as_people_read_it(value: Scalar, text: str) -> None:
    assert show_value(value) == text


# -- what must be numbers ---------------------------------------------------------------------------------------------


def require(dtype: str, undecided: bool = False, formula: bool = False, **cells: Scalar) -> None:
    """Require numbers of the tensor t in A1:A3, where the cells named by `cells` hold something else than 1."""
    places: dict[tuple[int, int], Scalar] = dict.fromkeys([(0, 0), (1, 0), (2, 0)], 1.0)
    places |= {(int(name[1:]) - 1, 0): value for name, value in cells.items()}
    values = Values({"S": Cells.of(places)})
    if undecided:
        values.sheets["S"].kind[1] = Kind.UNDECIDED
    fills = (Fill(Area.of("S", 1, 0), "B2"),) if formula else ()
    program = Program(Map((row("t", 3, dtype=dtype),)))
    held = hold(values, program.rows["t"].block, dtype)
    require_numbers(program, program.rows["t"], held, values, FormulaIndex(Book((Sheet("S", fills=fills),))))


def test_the_first_cell_that_is_no_number_is_named() -> None:
    require("float64")
    with pytest.raises(InputError) as raised:
        require("float64", A2="one", A3=None)
    assert str(raised.value) == (
        "S!A2 should hold a number, the input t[1], but is the text 'one' (and 1 more of its cells); type the number "
        "there, or correct the cells or the dtype in row t"
    )
    with pytest.raises(InputError, match=r"S!A3 should hold a whole number, the input t\[2\], but is 0\.5; type"):
        require("int64", A3=0.5)
    with pytest.raises(InputError, match="S!A1 should hold a whole number"):
        require("int32", A1=2.0**31)
    with pytest.raises(InputError, match="S!A1 should hold TRUE or FALSE, or 1 or 0"):
        require("bool", A1=2.0)
    require("bool", A1=True)


def test_a_single_number_is_named_without_a_place() -> None:
    single = MapRow("t", Role.INPUT, Block((), (Area.of("S", 0, 0),)), place="row t")
    program = Program(Map((single,)))
    values = Values({"S": Cells.of({(0, 0): "one"})})
    with pytest.raises(InputError, match="S!A1 should hold a number, the input t, but is the text 'one'; type"):
        require_numbers(
            program, single, hold(values, single.block, "float64"), values, FormulaIndex(Book((Sheet("S"),)))
        )


def test_a_formula_that_the_engine_does_not_know_is_no_wrong_input() -> None:
    require("float64", undecided=True, formula=True)
    with pytest.raises(InputError, match="S!A2"):
        require("float64", undecided=True)
    with pytest.raises(InputError, match="S!A2"):
        require("float64", formula=True, A2=None)


# -- values shown as PyTorch's ----------------------------------------------------------------------------------------


def shown(
    rows: list[MapRow], of: MapRow, own: Held, sheet: Mapping[str, Held], others: Mapping[tuple[str, bool], Array]
) -> tuple[Judged, str]:
    program = Program(Map((*rows, of)))
    given = {name: program.given(name, sheet[name].values) for name in program.rows if name not in program.expressions}
    (found,) = judge_expected(program, [of], sheet, [own], others, program.whole(given, {}))
    return found


def test_a_shown_value_is_torchs_at_the_sheets_inputs_to_its_last_digit() -> None:
    rows = [row("x", 4), row("y", 4, "x * 3")]
    sheet = {"x": numbers(*[0.4115] * 4)}  # y is 1.2345
    exact = shown(rows, row("y", 4, role=Role.EXPECTED), numbers(1.2345, 1.2346, nan, 1.2345 + 3 * 2.0**-52), sheet, {})
    assert letters(exact[0]) == "mffm"
    assert exact[1] == ""
    printed = row("y", 4, role=Role.EXPECTED, decimals=3)
    assert letters(shown(rows, printed, numbers(1.234, 1.235, 1.233, 1.236), sheet, {})[0]) == "mmff"


def test_a_shown_value_in_float32_may_be_rounded_to_it() -> None:
    rows = [row("x", 3, dtype="float32"), row("y", 3, "x * 3", dtype="float32")]
    y = row("y", 3, role=Role.EXPECTED, dtype="float32")
    one = 3 * float(np.float32(0.1))
    judged, _ = shown(rows, y, numbers(one * (1 + 2.0**-24), one * (1 + 2.0**-22.5), one * (1 + 2.0**-18)),
                      {"x": numbers(*[0.1] * 3)}, {})  # fmt: skip
    assert letters(judged) == "mmf"


def test_an_input_that_was_changed_since_explains_a_difference_and_nothing_else() -> None:
    rows = [row("x", 3), row("v", 3), row("y", 3, "x * 3"), row("x", 3, role=Role.EXPECTED)]
    others = {("x", False): np.array([1.0, 1.0, 2.0])}
    sheet = {"x": numbers(2.0, 2.0, 2.0), "v": numbers(0.0, 0.0, 0.0)}
    # PyTorch's own values; the sheet's; a value that is the same for both.
    judged, reason = shown(rows, row("y", 3, role=Role.EXPECTED), numbers(3.0, 6.0, 6.0), sheet, others)
    assert letters(judged) == "efm"
    assert reason == "x changed since PyTorch's values were written"
    assert judged.expected.tolist() == [6.0, 6.0, 6.0]  # beside what torch gives for the sheet as it is now
    assert judged.bound[0] == pytest.approx(3.0, abs=1e-9)
    assert judged.bound[2] < 4e-14
    _, other = shown(rows, row("v", 3, role=Role.EXPECTED), numbers(0.0, 0.0, 0.0), sheet, others)
    assert other == ""  # v is not computed from x


def test_the_same_number_with_more_digits_than_float32_has_is_not_changed() -> None:
    rows = [row("x", 1, dtype="float32"), row("y", 1, "x * 3", dtype="float32"), row("x", 1, role=Role.EXPECTED)]
    y, own = row("y", 1, role=Role.EXPECTED, dtype="float32"), numbers(3 * float(np.float32(0.1)))
    for shown_x, said in [(float(np.float32(0.1)), ""), (0.1 + 1e-8, "x changed since PyTorch's values were written")]:
        _, reason = shown(rows, y, own, {"x": numbers(0.1)}, {("x", False): np.array([shown_x])})
        assert reason == said


def test_the_reason_names_what_is_rounded_by_its_decimals() -> None:
    rows = [row("a", 1, decimals=4), row("b", 1, decimals=2), row("c", 1, decimals=4), row("d", 1, decimals=1),
            row("e", 1), row("y", 1, "a + b + c + e")]  # fmt: skip
    sheet = {name: numbers(1.0) for name in "abcde"}
    printed = row("y", 1, role=Role.EXPECTED, decimals=4)
    judged, reason = shown(rows, printed, numbers(4.005), sheet, {})
    assert reason == "b known to 2 decimals; a and c known to 4 decimals"
    assert letters(judged) == "e"
    # 0.005 + 2 * 0.00005 of the inputs, 0.00005 of its own.
    assert judged.bound[0] == pytest.approx(0.00515, rel=1e-6)
    assert letters(shown(rows, printed, numbers(4.00516), sheet, {})[0]) == "f"
    # Shown with all its digits, it is held to the sheet's numbers as they stand.
    assert letters(shown(rows, row("y", 1, role=Role.EXPECTED), numbers(4.005), sheet, {})[0]) == "f"


def test_whole_numbers_are_not_rounded_and_impossible_ones_are_the_sheets() -> None:
    rows = [row("n", 2, dtype="int64"), row("x", 2), row("y", 2, "n * x"), row("n", 2, role=Role.EXPECTED)]
    judged, reason = shown(
        rows, row("y", 2, role=Role.EXPECTED), numbers(6.0, 9.0), {"n": numbers(2.0, 3.0), "x": numbers(3.0, 3.0)},
        {("n", False): np.array([0.5, 3.0])},
    )  # fmt: skip
    assert letters(judged) == "mm"
    assert judged.operands_known.tolist() == [True, True]
    assert reason == ""


def test_a_shown_integer_is_torchs_from_numbers_that_are_none() -> None:
    rows = [row("x", 3), row("y", 3, "aten.argsort.default(x)", dtype="int64")]
    y = row("y", 3, role=Role.EXPECTED, dtype="int64")
    assert letters(shown(rows, y, numbers(2, 0, 1), {"x": numbers(0.5, 0.75, 0.25)}, {})[0]) == "mmm"


def test_a_shown_value_that_no_bound_holds_may_differ_by_a_ten_millionth_and_no_more() -> None:
    rows = [row("x", 3), row("y", 3, f"1 / (x * 3 - {4.5 + 2 * ULP!r})")]
    right = -1 / (2 * ULP)
    own = numbers(right, right * (1 + 0.9e-7), right * (1 + 1.1e-7))
    assert letters(shown(rows, row("y", 3, role=Role.EXPECTED), own, {"x": numbers(*[1.5] * 3)}, {})[0]) == "mmf"


def test_a_shown_float32_may_be_off_by_two_of_its_roundings_beside_the_models() -> None:
    rows = [row("x", 2, dtype="float32"), row("y", 2, "x * 3", dtype="float32")]
    own = numbers(0.375 * (1 + 5.5 * 2.0**-24), 0.375 * (1 + 6.5 * 2.0**-24))  # four of the product, two of its own
    y = row("y", 2, role=Role.EXPECTED, dtype="float32")
    assert letters(shown(rows, y, own, {"x": numbers(0.125, 0.125)}, {})[0]) == "mf"


def test_what_is_open_by_more_than_the_largest_value_of_the_tensor_is_undecided() -> None:
    def letter(expression: str, own: Held, decimals: int = 4, **sheet: Held) -> str:
        rows = [row("w", len(own.values), decimals=1), row("v", len(own.values)), row("y", len(own.values), expression)]
        printed = row("y", len(own.values), role=Role.EXPECTED, decimals=decimals)
        return letters(shown(rows, printed, own, sheet, {})[0])

    # 0.01 to within 0.05; beside a 7 that is little.
    assert letter("w", numbers(0.02), w=numbers(0.01), v=numbers(0.0)) == "u"
    assert letter("w", numbers(0.02, 7.0), w=numbers(0.01, 7.0), v=numbers(0.0, 0.0)) == "em"
    # An infinity beside it does not make it little.
    infinite = letter("w + torch.log(v)", numbers(0.02, -1e300), w=numbers(0.01, 1.0), v=numbers(1.0, 0.0))
    assert infinite == "um"
    # As open as it is large, give or take the digits that are shown.
    assert letter("w", numbers(0.0), w=numbers(0.05), v=numbers(0.0)) == "e"
    assert letter("w", numbers(0.02), w=numbers(0.0498), v=numbers(0.0)) == "u"


def test_taylor_models_are_made_for_so_many_uncertain_numbers_as_they_may_have_coefficients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = Program(Map((row("x", 3), row("y", 3, "x * 3"))))
    given = {"x": torch.ones(3, dtype=torch.float64)}
    half = {"x": np.array([0.05, 0.0, 0.05])}
    for most, kind in ((12, Taylor), (11, Ball)):  # two uncertain numbers times six elements
        monkeypatch.setattr(judge, "_MOST_COEFFICIENTS", most)
        assert type(within_rounding(program, given, half)["x"]) is kind


def test_rounded_numbers_are_known_to_half_a_unit_and_the_dtypes_own_rounding() -> None:
    program = Program(Map((row("x", 3), row("y", 3, "x * 3"))))
    value = torch.tensor([1.0, 2.0, -4.0], dtype=torch.float64)
    half = np.array([0.05, 0.0, 0.05])
    for given in (value, Ball(value)):
        found = within_rounding(program, {"x": given, "z": value}, {"x": half})
        assert isinstance(found["x"], Ball)
        assert found["x"].value.tolist() == value.tolist()
        assert found["x"].radius[[0, 2]].tolist() == pytest.approx([0.05, 0.05], rel=1e-11)
        assert found["x"].radius[1] == 0.0
        assert (found["x"].radius[[0, 2]] > 0.05).all()  # neither 0.05 nor a decimal fraction is exact in binary
        assert found["z"] is value
    narrow = within_rounding(program, {"x": value.to(torch.float32)}, {"x": np.full(3, 1e-9)})["x"]
    assert isinstance(narrow, Ball)
    assert narrow.radius.tolist() == pytest.approx([1e-9 + 2.0**-24 * size for size in (1, 2, 4)], rel=1e-11, abs=0)

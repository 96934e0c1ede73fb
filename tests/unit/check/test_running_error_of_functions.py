"""The running error of each function, on cells that are known to within a millionth: never less than what happens."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from xlparity.check.against import rounding
from xlparity.check.against.rounding import RunningError
from xlparity.check.formulas import FormulaIndex
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.area import Area
from xlparity.model.book import Book, DefinedName, Fill, FillKind, Sheet
from xlparity.model.cell import Cell
from xlparity.model.engine import Slack
from xlparity.model.value import Cells, Error, Scalar

CENTRE = np.array([1.25, -0.75, 2.5, 0.4])
RADIUS = 1e-6
# All corners of what A1:D1 may be, and numbers within.
MOVES = 0.999999 * np.array([*product((-1.0, 1.0), repeat=4), *np.random.default_rng(3).uniform(-1, 1, (16, 4))])
GIVEN = Area.of("S", 0, 0, 1, 4)
RIGHT = 12  # the column of the formulas
NAMES = (DefinedName("rate", "0.1"), DefinedName("all", "S!$A$1:$D$1"), DefinedName("moving", "S!A1"),
         DefinedName("all_columns", "S!$A:$D"),
         DefinedName("half", "S!$A$1:B1"), DefinedName("other", "S!A1:$B$1"),
         DefinedName("columns", "S!A:$B"), DefinedName("rows", "S!1:$1"))  # fmt: skip


def values(text: str, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the engine computes of the formula in each row.

    E holds a text, F nothing, G TRUE, H, I and J numbers, K an error.
    """
    cells: dict[tuple[int, int], Scalar] = {}
    for row, numbers in enumerate(rows.tolist()):
        cells |= {(row, column): number for column, number in enumerate(numbers)}
        cells |= {(row, 4): "word", (row, 6): True, (row, 7): 3.0, (row, 8): 2.0, (row, 9): 0.1, (row, 10): Error.NA}
    fills = (Fill(Area.of("S", 0, RIGHT, len(rows), 1), text),)
    found = EmbeddedEngine().evaluate(Book((Sheet("S", Cells.of(cells), fills),), NAMES), Path())
    grid = found.grid(Area.of("S", 0, RIGHT, len(rows), 1))
    return grid.number[:, 0]


def running_error(
    text: str,
    centre: NDArray[np.float64] = CENTRE,
    radius: float = RADIUS,
    others: tuple[Sheet, ...] = (),
    snapping: float = 0.0,
) -> tuple[float, float] | None:
    cells: dict[tuple[int, int], Scalar] = {(0, column): number for column, number in enumerate(centre.tolist())}
    cells |= {(0, 4): "word", (0, 6): True, (0, 7): 3.0, (0, 8): 2.0, (0, 9): 0.1, (0, 10): Error.NA}
    fills = (Fill(Area.of("S", 0, RIGHT), text),)
    book = Book((Sheet("S", Cells.of(cells), fills), *others), NAMES)
    index, found = FormulaIndex(book), EmbeddedEngine().evaluate(book, Path())
    radii = {GIVEN: np.full((1, 4), radius)}
    return RunningError(book, index, found, {}, radii, Slack(cancellation=snapping)).of_text(text, Cell("S", 0, RIGHT))


# Of A1:D1, which may move. How much wider the error may be than what happens at worst among the moves.
TIGHT = [
    "A1+B1-C1", "-A1", "+A1", "A1*C1", "A1/C1", "A1^3", "B1^3", "C1^1.5", "C1^A1", "B1^-2", "POWER(C1,A1)", "A1%",
    "SUM(A1:D1)", "SUM(A1:F1,5)", "AVERAGE(A1:D1)", "SUMSQ(A1:D1)", "SUMPRODUCT(A1:B1,C1:D1)", "SUMPRODUCT(A1:B1)",
    "SUMXMY2(A1:B1,C1:D1)", "SUMX2PY2(A1:B1,C1:D1)", "SUMX2MY2(A1:B1,C1:D1)", "PRODUCT(A1:D1)", "PRODUCT(A1:E1,H1)",
    "SUM(MMULT(A1:B1,TRANSPOSE(C1:D1)))", "MAX(A1:D1)", "MIN(A1:D1)", "MAX(A1:B1,C1,E1:F1)", "MEDIAN(A1:C1)",
    "MEDIAN(A1,B1,D1)", "ABS(B1)", "SQRT(C1)", "EXP(A1)", "LN(C1)", "LOG10(C1)", "LOG(C1)", "LOG(C1,A1)", "ASINH(A1)",
    "SIN(D1)", "COS(A1)", "TAN(A1)", "SINH(A1)", "COSH(B1)", "ERF(D1)", "ERF.PRECISE(D1)", "A1*rate", "SUM(all)",
    "A1*PI()", "IF(A1>0,A1,B1)", "IF(A1>0,A1)", "IF(A1<0,A1)+C1", "IFERROR(A1,B1)", "IFERROR(LN(B1),C1)",
    "A1*NOT(B1>0)", "A1*AND(C1>0,D1>0)", "A1*OR(C1<0,D1>0)", "A1*OR(TRANSPOSE(A1:D1)>0)", "A1*AND(TRANSPOSE(A1:D1)<3)",
    "C1*ROUND(A1,0)", "A1*ROWS(A1:D1)", "A1*COLUMNS(A1:D1)", "INDEX(A1:D1,2)",
    "INDEX(A1:D1,1,3)", "INDEX(TRANSPOSE(A1:D1),3)", "A1*COUNT(A1:F1)", "A1*ROW()", "A1*COLUMN()", "A1*TRUE",
    "IFERROR(K1,C1)", "IFERROR(SUM(A1:K1),B1)", "SUM(A1,PI())", "A1*SUM(TRANSPOSE(E1:H1))", "A1*(B1<>C1)",
    "A1*(B1<=C1)", "A1*(C1>=B1)", "A1*(B1=B1+1)+C1", "SUM($A:$A)", "SUM($A:$D)", "SUM(all_columns)",
]  # fmt: skip
# These forget that a number occurs twice, and are wider by more.
LOOSE = [
    "TANH(A1)",
    "ATAN(A1)",
    "DEVSQ(A1:D1)",
    "VAR(A1:D1)",
    "VAR.P(A1,B1:D1)",
    "STDEV(A1:D1)",
    "STDEVP(A1:D1)",
    "STDEV.P(A1:D1)",
]


@pytest.mark.parametrize(("text", "times"), [(text, 2.5) for text in TIGHT] + [(text, 40.0) for text in LOOSE])
def test_nothing_within_the_operands_radii_is_further_away_than_the_error_and_it_is_not_much_wider(
    text: str, times: float
) -> None:
    rows = np.array([CENTRE, *(CENTRE + RADIUS * MOVES)])
    if "$" in text or "all" in text or "ROW()" in text:  # which is not the same in another row
        found = np.array([values(text, row[None])[0] for row in rows])
    else:
        found = values(text, rows)
    error = running_error(text)
    assert error is not None
    value, radius = error
    assert value == pytest.approx(found[0], rel=1e-15, abs=0)
    farthest = float(np.abs(found - found[0]).max())
    assert 0 < farthest <= radius <= times * farthest


@pytest.mark.parametrize(
    "text",
    ["H1+I1", "H1*I1", "H1-I1", "MAX(H1:I1)", "ABS(H1)", "INT(H1)", "SIGN(H1)", "COUNT(A1:F1)", "ROW()", "H1>I1",
     "NOT(H1>I1)", "G1", "ROWS(A1:D1)"],
)  # fmt: skip
def test_exact_operands_of_exact_operations_leave_nothing_but_rounding(text: str) -> None:
    error = running_error(text)
    assert error is not None
    assert error[1] <= 2.0**-51 * abs(error[0]) + 2.0**-1000


def test_a_decimal_in_a_formula_is_as_far_off_as_float64_has_it_and_one_in_a_cell_is_what_stands_there() -> None:
    literal, cell, whole = (running_error(text) for text in ("0.1", "J1", "3"))
    assert literal == (0.1, pytest.approx(2.0**-53 * 0.1, rel=1e-9, abs=0))
    assert cell is not None
    assert whole is not None
    assert cell[1] < 1e-300
    assert whole[1] < 1e-300


@pytest.mark.parametrize(
    ("text", "centre", "radius"),
    [
        ("A1>B1", [0.5, 0.5 + 1e-7, 0, 0], 1.0),
        ("A1>B1", [0.5, 0.5 + 3e-6, 0, 0], 0.0),
        ("A1=B1", [0.5, 0.5 + 1e-7, 0, 0], 1.0),
        ("SIGN(A1)", [1e-7, 0, 0, 0], 2.0),
        ("SIGN(A1)", [3e-6, 0, 0, 0], 0.0),
        ("INT(A1)", [3 + 1e-7, 0, 0, 0], 1.0),
        ("INT(A1)", [3.5, 0, 0, 0], 0.0),
        ("ROUND(A1,1)", [0.25 + 1e-7, 0, 0, 0], 0.1),
        ("ROUND(A1,1)", [0.27, 0, 0, 0], 0.0),
        ("ROUND(J1*2.5,1)", [0, 0, 0, 0], 0.1),  # a quarter, give or take a rounding
        ("IF(A1>B1,C1,D1)", [0.5, 0.5 + 1e-7, 7, 4], 3.0),
        ("IF(A1>B1,C1,D1)", [0.5, 0.6, 7, 4], 1e-6),
        ("AND(A1>B1,C1>0)", [0.5, 0.5 + 1e-7, 7, 4], 1.0),
        ("OR(A1>B1,C1>0)", [0.5, 0.6, 7, 4], 0.0),
        ("NOT(A1>B1)", [0.5, 0.5 + 1e-7, 7, 4], 1.0),
        ("NOT(A1)", [1e-7, 0, 0, 0], 1.0),
        ("NOT(A1)", [3e-6, 0, 0, 0], 0.0),
        ("AND(A1,TRUE)", [1e-7, 0, 0, 0], 1.0),
        ("OR(A1,FALSE)", [0, 0, 0, 0], 1.0),
        ("IF(A1,C1,D1)", [1e-7, 0, 7, 4], 3.0),
        ("IF(A1,C1,D1)", [3e-6, 0, 7, 4], 1e-6),
    ],
)
def test_what_depends_on_a_doubtful_comparison_may_be_either(text: str, centre: list[float], radius: float) -> None:
    error = running_error(text, np.array(centre))
    assert error is not None
    assert error[1] == pytest.approx(radius, rel=1e-5, abs=1e-14)


@pytest.mark.parametrize(
    "text",
    [
        *TIGHT, *LOOSE, "A1>B1", "A1=3", "SIGN(A1)", "INT(A1)", "ROUND(A1,1)", "ROUND(H1,A1)", "INDEX(H1:J1,A1)",
        "IF(A1,H1,I1)", "IF(A1>0,H1,I1)", "NOT(A1)", "AND(A1,H1)", "OR(A1,H1)", "MAX(A1,H1)",
    ],
)  # fmt: skip
def test_of_what_is_off_nobody_knows_how_far_nothing_is_known(text: str) -> None:
    assert running_error(text, radius=np.nan) is None


OTHER = (Sheet("T", Cells.of({(0, 0): 5.0})),)


@pytest.mark.parametrize(
    "text",
    [
        "MEDIAN(A1:F1)", "ROUND(A1,B1)", "SUMX2MY2(A1:B1,C1:E1)", "SUMXMY2(A1:E1,A1:E1)", "MMULT(A1:B1,C1:D1)",
        "MMULT(E1:F1,TRANSPOSE(A1:B1))", "SUMPRODUCT(A1:B1,A1:C1)", "IF(A1)", "INDEX(A1:D1,5)", "INDEX(A1:D1,0)",
        "INDEX(A1:D1,1,0)", "INDEX(A1:D1,D1)", "INDEX(A1:D1,1,1,1)", "AND(A1:F1)", "ABS(A1,B1)", "GAMMALN(A1)",
        "U!A1", "SUM(S:T!A1)", '"word"', "A1&B1", "moving*2", "SUM(half)", "SUM(other)", "SUM(columns)", "SUM(rows)",
        "unknown*2", "M1+1", "A1:D1",
        "LN(A1-1.2500001)", "1/(A1-1.25)", "(A1-1.2500001)^0.5", "E1+1", "LN(B1)", "SUMPRODUCT()", "SUM((", "{1,2}",
        "A1/0", "SUMXMY2(A1:B1,A1:C1)", "AND(A1,F1)", "MMULT(F1,A1)", "MMULT(A1,F1)",
    ],
)  # fmt: skip
def test_where_there_is_no_rule_or_no_number_nothing_is_known(text: str) -> None:
    assert running_error(text, others=OTHER) is None


def test_cells_of_other_sheets_rows_and_columns_are_read() -> None:
    assert running_error("T!A1*2", others=OTHER) == (10.0, pytest.approx(2.0**-52 * 10, rel=1e-9, abs=0))
    found = running_error("SUM(T!1:1)+SUM(T!A:A)+SUM(T!$C$9:$D$10)", others=OTHER)
    assert found is not None
    assert found[0] == 10.0
    corner = running_error("SUM(T!A1:D3)", others=(Sheet("T", Cells.of({(0, 0): 5.0, (2, 3): 2.0})),))
    assert corner is not None
    assert corner[0] == 7.0
    full = Sheet("T", Cells.of({(0, 0): 5.0, (0, 1): 1.0, (1, 0): 2.0, (1, 1): 4.0}))
    for text, middle in (("T!A:B", 3.0), ("T!1:2", 3.0), ("T!B:B", 2.5), ("T!2:2", 3.0)):  # as far as the sheet goes
        median = running_error(f"MEDIAN({text})", others=(full,))
        assert median is not None
        assert median[0] == middle
    empty = running_error("SUM(T!A1:B2)+A1", others=(Sheet("T"),))
    assert empty is not None
    assert empty[0] == 1.25
    huge = (Sheet("T", Cells.of({(0, 0): 5.0, (1_000_000, 100): 1.0})),)  # more cells than are laid out densely
    assert running_error("T!A1*2", others=huge) is None


def mean(*numbers: Fraction) -> Fraction:
    return sum(numbers, Fraction()) / len(numbers)


def deviations(*numbers: Fraction) -> Fraction:
    return sum(((one - mean(*numbers)) ** 2 for one in numbers), Fraction())


# What each formula says exactly of the numbers in A1:D1.
EXACT: dict[str, Callable[[Fraction, Fraction, Fraction, Fraction], Fraction]] = {
    "A1+B1": lambda a, b, c, d: a + b,
    "A1-B1": lambda a, b, c, d: a - b,
    "A1*B1": lambda a, b, c, d: a * b,
    "A1/B1": lambda a, b, c, d: a / b,
    "A1%": lambda a, b, c, d: a / 100,
    "A1^3": lambda a, b, c, d: a**3,
    "A1^-2": lambda a, b, c, d: a**-2,
    "A1*0.1": lambda a, b, c, d: a / 10,
    "SUM(A1:D1)": lambda a, b, c, d: a + b + c + d,
    "AVERAGE(A1:D1)": mean,
    "SUMSQ(A1:D1)": lambda a, b, c, d: a * a + b * b + c * c + d * d,
    "SUMPRODUCT(A1:B1,C1:D1)": lambda a, b, c, d: a * c + b * d,
    "SUMXMY2(A1:B1,C1:D1)": lambda a, b, c, d: (a - c) ** 2 + (b - d) ** 2,
    "SUMX2PY2(A1:B1,C1:D1)": lambda a, b, c, d: a * a + b * b + c * c + d * d,
    "SUMX2MY2(A1:B1,C1:D1)": lambda a, b, c, d: a * a + b * b - c * c - d * d,
    "SUM(MMULT(A1:B1,TRANSPOSE(C1:D1)))": lambda a, b, c, d: a * c + b * d,
    "PRODUCT(A1:D1)": lambda a, b, c, d: a * b * c * d,
    "PRODUCT(A1:B1,C1)": lambda a, b, c, d: a * b * c,
    "MEDIAN(A1:D1)": lambda *numbers: mean(*sorted(numbers)[1:3]),
    "MEDIAN(A1:B1,C1:D1)": lambda *numbers: mean(*sorted(numbers)[1:3]),
    "DEVSQ(A1:D1)": deviations,
    "DEVSQ(A1:B1,C1:D1)": deviations,
    "VAR(A1:D1)": lambda *numbers: deviations(*numbers) / 3,
    "VARP(A1:D1)": lambda *numbers: deviations(*numbers) / 4,
}


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("text", EXACT)
def test_no_value_is_further_from_what_its_formula_says_exactly_than_the_error(text: str, size: float) -> None:
    rows = np.random.default_rng(1).normal(0, size, (40, 4))
    cells: dict[tuple[int, int], Scalar] = {at: float(number) for at, number in np.ndenumerate(rows)}  # type: ignore[misc]
    fill = Fill(Area.of("S", 0, RIGHT, len(rows), 1), text)
    book = Book((Sheet("S", Cells.of(cells), (fill,)),))
    values = EmbeddedEngine().evaluate(book, Path())
    radii = RunningError(book, FormulaIndex(book), values, {}, {}).of(fill, fill.area)[:, 0]
    exact = [EXACT[text](*map(Fraction, row)) for row in rows.tolist()]
    away = [
        abs(Fraction(one) - other)
        for one, other in zip(values.grid(fill.area).number[:, 0].tolist(), exact, strict=True)
    ]
    shares = [float(one / Fraction(radius)) for one, radius in zip(away, radii.tolist(), strict=True)]
    assert 0.02 < max(shares) <= 1


# Of the 66 bits that Excel has.
PI = Fraction(round(Fraction("3.14159265358979323846264338327950288419716939937510582") * 2**64), 2**64)


@pytest.mark.parametrize(("text", "function"), [("SIN(A1)", math.sin), ("COS(A1)", math.cos), ("TAN(A1)", math.tan)])
@pytest.mark.parametrize("number", [12.5, 1e6, 123_456_789.0])
def test_excels_own_way_to_reduce_an_angle_is_allowed_to_an_engine_that_is_like_it(
    text: str, function: Callable[[float], float], number: float
) -> None:
    turns = round(Fraction(number) / (2 * PI))
    excels = function(float(Fraction(number) - turns * 2 * PI))
    found = running_error(text, np.array([number, 0, 0, 0]), radius=0.0, snapping=2.0**-49)
    assert found is not None
    assert abs(excels - found[0]) <= found[1] < 1e-6


@pytest.mark.parametrize(
    ("text", "size"),
    [("SUM(A1)", 0.0), ("SUM(A1:B1)", 2.0), ("SUM(A1:B1,C1)", 4.5), ("MMULT(A1:B1,TRANSPOSE(C1:D1))", 3.425)],
)
def test_a_sum_of_several_numbers_may_be_taken_for_zero_by_an_engine_that_does_so(text: str, size: float) -> None:
    found = running_error(text, radius=0.0, snapping=1e-3)  # where it is less than a thousandth of the terms
    assert found is not None
    assert found[1] == pytest.approx(1e-3 * size, abs=1e-14)


@pytest.mark.parametrize("text", ["SUM(A1:BL1)", "SUMPRODUCT(A1:BL1,A2:BL2)", "SUM(MMULT(A1:BL1,TRANSPOSE(A2:BL2)))"])
def test_a_sum_may_be_added_up_in_the_worst_order(text: str) -> None:
    terms = [1.0, *[2.0**-53] * 63]  # one after another none of them changes the 1
    cells: dict[tuple[int, int], Scalar] = {(0, at): term for at, term in enumerate(terms)}
    cells |= {(1, at): 1.0 for at in range(len(terms))}
    book = Book((Sheet("S", Cells.of(cells), (Fill(Area.of("S", 2, 0), text),)),))
    values = EmbeddedEngine().evaluate(book, Path())
    found = RunningError(book, FormulaIndex(book), values, {}, {}).of_text(text, Cell("S", 2, 0))
    assert found is not None
    assert 63 * 2.0**-53 <= found[1] <= 4 * 64 * 2.0**-53


@pytest.mark.parametrize("text", ["PRODUCT(A1:C1)", "MMULT(A1,B1)*C1", "SUMPRODUCT(A1,B1)*C1", "A1*B1*C1"])
def test_what_underflows_on_the_way_is_missing_from_the_product(text: str) -> None:
    found = running_error(text, np.array([1e-200, 1e-200, 1e300, 0]), radius=0.0)
    assert found is not None
    assert found[0] == 0
    assert 1e-100 <= found[1] < 1e-7


@pytest.mark.parametrize("text", ["PRODUCT(1E-200,1E-200,A1)", "1E-200*1E-200*A1"])
def test_what_underflows_on_the_way_is_multiplied_by_what_a_factor_may_be(text: str) -> None:
    found = running_error(text, np.zeros(4), radius=1e300)
    assert found is not None
    assert 1e-100 <= found[1] < 1e-7


@pytest.mark.parametrize("text", ["A1*B1", "PRODUCT(A1:B1)", "MMULT(A1,B1)", "SUMPRODUCT(A1,B1)"])
def test_a_product_of_numbers_that_are_hardly_known_is_off_by_the_product_of_their_radii_too(text: str) -> None:
    found = running_error(text, radius=1.0)
    assert found == (1.25 * -0.75, pytest.approx(2.25 * 1.75 - 1.25 * 0.75))


def test_an_exponential_that_underflows_is_off_by_what_its_operand_may_be() -> None:
    found = running_error("EXP(A1)", np.array([-800.0, 0, 0, 0]), radius=100.0)
    assert found is not None
    assert math.exp(-700) <= found[1] < 1e-250


def test_what_is_given_in_a_formulas_place_is_exact() -> None:
    cells: dict[tuple[int, int], Scalar] = {(0, 0): 3.5}
    fills = Fill(Area.of("S", 0, 1), "GAMMALN(A1)/3"), Fill(Area.of("S", 0, 2), "B1*3")
    book = Book((Sheet("S", Cells.of(cells), fills),))
    given = {Area.of("S", 0, 1): np.array([[7.0]])}
    values = EmbeddedEngine().evaluate(book, forced=given)
    errors = RunningError(book, FormulaIndex(book), values, given, {})
    assert 0 < errors.of(fills[1], fills[1].area)[0, 0] <= 2.0**-51 * 21
    # Without it, no error is known.
    assert np.isnan(RunningError(book, FormulaIndex(book), values, {}, {}).of(fills[1], fills[1].area)).all()


def test_a_truth_value_that_is_given_in_a_formulas_place_is_no_number_of_a_sum() -> None:
    fill = Fill(Area.of("S", 0, 2), "SUM(A1:B1)/3")
    book = Book((Sheet("S", Cells.of({(0, 0): 3.5}), (Fill(Area.of("S", 0, 1), "A1>0"), fill)),))
    given = {Area.of("S", 0, 1): np.array([[True]])}
    errors = RunningError(book, FormulaIndex(book), EmbeddedEngine().evaluate(book, forced=given), given, {})
    found = errors.of_text(fill.formula, fill.area.corner)
    assert found is not None
    assert found[0] == 3.5 / 3
    assert np.isfinite(errors.of(fill, fill.area)).all()


def over(fill: Fill, window: Area, *more: Fill) -> NDArray[np.float64]:
    """The radii of a window over the column A of 1, 2, ... 8, exact, and whatever other formulas there are."""
    cells: dict[tuple[int, int], Scalar] = {(row, 0): 0.1 * (row + 1) for row in range(8)}
    book = Book((Sheet("S", Cells.of(cells), (fill, *more)),))
    return RunningError(book, FormulaIndex(book), EmbeddedEngine().evaluate(book, Path()), {}, {}).of(fill, window)


@pytest.mark.parametrize("text", ["MEDIAN(ROW(),COLUMN(),ROW()/3)", "PRODUCT(ROW(),COLUMN())", "DEVSQ(ROW(),7)"])
def test_the_place_of_each_cell_of_a_fill_is_an_exact_number(text: str) -> None:
    found = over(Fill(Area.of("S", 0, 1, 8, 3), text), Area.of("S", 0, 1, 8, 3))
    assert (found < 1e-13).all()


def test_the_error_of_every_cell_of_a_fill_grows_with_what_it_sums() -> None:
    fill = Fill(Area.of("S", 0, 1, 8, 1), "SUM(A$1:A1)")
    found = over(fill, fill.area)[:, 0]
    assert found.shape == (8,)
    assert np.all(np.diff(found) > 0)
    # Of a window the same as of the whole.
    np.testing.assert_allclose(over(fill, Area.of("S", 2, 1, 4, 1))[:, 0], found[2:6], rtol=1e-9)
    across = Fill(Area.of("S", 0, 4, 1, 3), "SUM($A1:A1)")
    assert np.isfinite(over(across, across.area)).all()


@pytest.mark.parametrize("text", ["INDEX(A1:A2,1)/3", "INDEX($A$1:$A$8,ROW())/3", "INDEX(A1:A8,1,1)/3"])
def test_what_is_picked_in_each_cell_of_a_fill_has_its_own_error(text: str) -> None:
    fill, alone = (Fill(Area.of("S", 0, 1, 8, 1), one) for one in (text, "A1/3"))
    np.testing.assert_array_equal(over(fill, fill.area), over(alone, alone.area))


def test_whole_columns_are_the_same_for_every_cell_of_a_fill() -> None:
    fill = Fill(Area.of("S", 0, 1, 8, 1), "SUM(A:A)/3")
    found = over(fill, fill.area)
    assert np.isfinite(found).all()
    assert (found == found[0]).all()


def test_what_many_formulas_read_is_looked_at_once() -> None:
    # Each reads the one above twice, so that a look at each reading would never end.
    fills = [Fill(Area.of("S", row, 1), f"(B{row}+B{row})/2" if row else "A1/3") for row in range(60)]
    last = over(fills[-1], fills[-1].area, *fills[:-1])[0, 0]
    assert over(fills[0], fills[0].area)[0, 0] < last < 1e-15


def test_formulas_between_are_followed_and_one_that_reads_itself_is_not() -> None:
    first, second = Fill(Area.of("S", 0, 1, 8, 1), "A1/3"), Fill(Area.of("S", 0, 2, 8, 1), "B1*3")
    direct, chained = over(first, first.area, second), over(second, second.area, first)
    assert (chained > 3 * direct).all()
    assert (chained < 1e-15).all()
    circle = Fill(Area.of("S", 0, 1), "B1+1")
    assert np.isnan(over(circle, circle.area)).all()
    both = Fill(Area.of("S", 0, 3), "B1+SUM(B1:C1)")  # B1's error is known when B1:C1 is read
    assert over(both, both.area, first, second)[0, 0] > chained[0, 0]
    two = Fill(Area.of("S", 0, 1), "C1+1"), Fill(Area.of("S", 0, 2), "B1+1")
    assert np.isnan(over(two[0], two[0].area, two[1])).all()


@pytest.mark.parametrize("kind", [FillKind.ARRAY, FillKind.DYNAMIC])
def test_each_cell_of_an_array_formula_has_its_own_error(kind: FillKind) -> None:
    fill = Fill(Area.of("S", 0, 1, 8, 1), "A1:A8/3", kind)
    found = over(fill, fill.area)[:, 0]
    assert np.all(np.diff(found) > 0)
    np.testing.assert_array_equal(over(fill, Area.of("S", 2, 1, 3, 1))[:, 0], found[2:5])
    assert np.isnan(over(Fill(fill.area, "A1:A7/3", kind), fill.area)).all()


def test_a_large_window_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    fill = Fill(Area.of("S", 0, 1, 8, 1), "SUM(A1:A4)*2")
    found = over(fill, fill.area)
    monkeypatch.setattr(rounding, "_MOST_ELEMENTS", 8)
    np.testing.assert_array_equal(over(fill, fill.area), found)
    across = Fill(Area.of("S", 0, 4, 1, 3), "SUM($A$1:$A$4)*A1")
    assert np.isfinite(over(across, across.area)).all()
    monkeypatch.setattr(rounding, "_MOST_ELEMENTS", 4)  # which all cells of the window read alike
    assert np.isfinite(over(across, across.area)).all()
    monkeypatch.setattr(rounding, "_MOST_ELEMENTS", 3)
    assert np.isnan(over(fill, fill.area)).all()


def test_a_product_of_ranges_that_is_too_large_has_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    every = Fill(Area.of("S", 0, 1), "SUMPRODUCT(A1:A8*TRANSPOSE(A1:A8))")
    assert over(every, every.area)[0, 0] < 1e-13
    monkeypatch.setattr(rounding, "_MOST_ELEMENTS", 63)
    assert np.isnan(over(every, every.area)).all()

"""Engines that compute different values are shown, by function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xlparity.check.disagree import disagreements
from xlparity.check.formulas import FormulaIndex
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.cell import Cell
from xlparity.model.engine import Slack
from xlparity.model.report import Disagreement
from xlparity.model.value import Cells, Error, Kind, Scalar, Values

EXACT = Slack()


@dataclass(frozen=True)
class Fixed:
    """An engine with given answers in column A."""

    name: str
    answers: tuple[Scalar, ...]
    version: str = "1"
    slack: Slack = EXACT

    def evaluate(self, book: Book, path: Path) -> Values:
        return Values({"S": Cells.of({(row, 0): value for row, value in enumerate(self.answers)})})


FORMULAS = ("ERF(1)", "1+2", 'LEFT("ab")', "1/3", "SUM(1,ABS(2))", "ERF(2)")
BOOK = Book((Sheet("S", fills=tuple(Fill(Area.of("S", row, 0), text) for row, text in enumerate(FORMULAS))),))


def compared(left: tuple[Scalar, ...], right: tuple[Scalar, ...]) -> list[tuple[str, int, Cell]]:
    engines = (Fixed("one", left), Fixed("two", right))
    found = disagreements(FormulaIndex(BOOK), [(engine, engine.evaluate(BOOK, Path())) for engine in engines])
    return [(one.function, one.count, one.example) for one in found]


def test_cells_are_grouped_by_every_function_of_their_formula() -> None:
    found = compared((0.84, 3.0, "a", 0.5, 3.0, 0.99), (0.85, 4.0, "a", 0.5, Error.NA, 0.98))
    assert found == [
        ("ABS", 1, Cell("S", 4, 0)),
        ("ERF", 2, Cell("S", 0, 0)),
        ("SUM", 1, Cell("S", 4, 0)),
        ("arithmetic", 1, Cell("S", 1, 0)),
    ]


def test_the_last_digits_and_equal_texts_are_no_disagreement() -> None:
    same = (0.84, 3.0, "a", 1 / 3, 3.0, 0.99)
    assert compared(same, (0.84, 3.0, "a", 1 / 3 + 5e-17, 3.0, 0.99)) == []
    assert compared(same, ("a", 3.0, "a", 1 / 3, 3.0, 0.99)) == [("ERF", 1, Cell("S", 0, 0))]


def given(values: dict[str, dict[tuple[int, int], Scalar]], undecided: Sequence[tuple[int, int]] = ()) -> Values:
    """Values by sheet and place; `undecided` are cells of the sheet S."""
    sheets = {sheet: Cells.of(cells) for sheet, cells in values.items()}
    for row, column in undecided:
        cells = sheets["S"]
        cells.kind[(cells.row == row) & (cells.column == column)] = Kind.UNDECIDED
    return Values(sheets)


def differing(
    formulas: dict[tuple[str, int, int], str], *values: Values, slack: float = 0.0
) -> list[tuple[str, int, Cell]]:
    sheets: dict[str, list[Fill]] = {}
    for (sheet, row, column), text in formulas.items():
        sheets.setdefault(sheet, []).append(Fill(Area.of(sheet, row, column), text))
    book = Book(tuple(Sheet(name, fills=tuple(fills)) for name, fills in sheets.items()))
    opinions = [(Fixed(f"engine {number}", (), slack=Slack(slack)), one) for number, one in enumerate(values)]
    return [(one.function, one.count, one.example) for one in disagreements(FormulaIndex(book), opinions)]


SUMS = {("S", 0, 1): "SUM(A1)", ("S", 3, 2): "SUM(A2)", ("T", 0, 1): "SUM(A3)"}


def test_cells_are_found_wherever_they_stand_and_counted_over_all_sheets() -> None:
    one = given({"S": {(0, 1): 1.0, (3, 2): 2.0}, "T": {(0, 0): 5.0, (0, 1): 3.0}})
    assert differing(SUMS, one, given({"S": {(0, 1): 1.0, (3, 2): 2.5}, "T": {(0, 0): 9.0, (0, 1): 4.0}})) == [
        ("SUM", 2, Cell("S", 3, 2))
    ]
    assert differing(SUMS, one, one) == []


def test_a_cell_that_only_one_engine_has_differs_and_one_that_none_has_does_not() -> None:
    some = given({"S": {(3, 2): 2.0}, "T": {(0, 1): 3.0}})
    assert differing(SUMS, some, given({"S": {(0, 1): 1.0, (3, 2): 2.0}, "T": {(0, 1): 3.0}})) == [
        ("SUM", 1, Cell("S", 0, 1))
    ]
    assert differing(SUMS, some, given({"S": {(3, 2): 2.0}})) == [("SUM", 1, Cell("T", 0, 1))]
    assert differing(SUMS, given({"S": {(3, 2): 2.0}}), given({"S": {(3, 2): 2.0}})) == []
    # A blank is no zero: the cell after all that an engine has, and the one before.
    zero = given({"S": {(0, 1): 0.0, (3, 2): 0.0}, "T": {(0, 1): 0.0}})
    assert differing(SUMS, zero, given({"S": {(0, 1): 0.0}, "T": {(0, 1): 0.0}})) == [("SUM", 1, Cell("S", 3, 2))]
    assert differing(SUMS, zero, given({})) == [("SUM", 3, Cell("S", 0, 1))]


def test_a_sheet_without_formulas_and_one_without_values_are_passed_over() -> None:
    book = Book((Sheet("Empty"), Sheet("S", fills=(Fill(Area.of("S", 0, 0), "ABS(B1)"),))))
    one, other = (given({"S": {(0, 0): number}}) for number in (1.0, 2.0))
    found = disagreements(FormulaIndex(book), [(Fixed("p", ()), one), (Fixed("q", ()), other)])
    assert [(one.function, one.example) for one in found] == [("ABS", Cell("S", 0, 0))]
    # Neither has the second cell, the one because it has nothing.
    assert differing(SUMS, given({"S": {(0, 1): 1.0}}), given({})) == [("SUM", 1, Cell("S", 0, 1))]


def test_what_either_engine_leaves_undecided_is_no_disagreement() -> None:
    one, other = ({"S": {(0, 1): number, (3, 2): 2.0}, "T": {(0, 1): 3.0}} for number in (1.0, 7.0))
    assert differing(SUMS, given(one), given(other)) == [("SUM", 1, Cell("S", 0, 1))]
    assert differing(SUMS, given(one, [(0, 1)]), given(other)) == []
    assert differing(SUMS, given(one), given(other, [(0, 1)])) == []


def test_kinds_texts_and_errors_are_compared_as_they_are() -> None:
    formulas = {("S", row, 0): "LEFT(B1)" for row in range(6)}
    one = {(0, 0): "a", (1, 0): "b", (2, 0): True, (3, 0): Error.NA, (4, 0): 1.0, (5, 0): "c"}
    assert differing(formulas, given({"S": one}), given({"S": one})) == []
    # The text of another cell gives the same texts other numbers.
    assert differing(formulas, given({"S": one}), given({"S": {(0, 1): "c"} | one})) == []
    # TRUE is not 1, nor is an error its number.
    for place, value in [((0, 0), "b"), ((2, 0), False), ((2, 0), 1.0), ((3, 0), Error.DIV0), ((3, 0), 7.0)]:
        changed = differing(formulas, given({"S": one}), given({"S": one | {place: value}}))
        assert changed == [("LEFT", 1, Cell("S", *place))]


def test_a_difference_counts_from_the_fourteenth_digit_on() -> None:
    formulas = {("S", 0, 0): "SUM(B1)", ("S", 1, 0): "SUM(B2)"}

    def apart(small: float, by: float, large: float = 0.0, slack: float = 0.0) -> bool:
        left, right = ({"S": {(0, 0): number, (1, 0): large}} for number in (small, small + by))
        return bool(differing(formulas, given(left), given(right), slack=slack))

    assert apart(1.0, 2e-13)
    assert not apart(1.0, 0.8e-13)
    # Beside a number of 1e6 a thousandth of its fourteenth digit is nothing: 1e-13 * 1e6 * 1e-2 = 1e-9.
    assert not apart(0.0, 0.8e-9, large=1e6)
    assert apart(0.0, 1.2e-9, large=1e6)
    assert not apart(0.0, 0.0)
    assert apart(1e-30, 1e-40, large=0.0)  # nothing but the sheet's own numbers sets the size
    # Two engines of some digits less may differ by both.
    assert apart(1.0, 1.8e-9)
    assert not apart(1.0, 1.8e-9, slack=1e-9)
    assert apart(1.0, 2.2e-9, slack=1e-9)


def test_each_later_engine_is_held_against_the_first_and_named() -> None:
    first, second, third = (given({"S": {(0, 0): number}}) for number in (1.0, 2.0, 3.0))
    book = Book((Sheet("S", fills=(Fill(Area.of("S", 0, 0), "ABS(B1)"),)),))
    engines = [(Fixed(name, ()), values) for name, values in (("p", first), ("q", second), ("r", third))]
    assert disagreements(FormulaIndex(book), engines) == [
        Disagreement("ABS", 1, Cell("S", 0, 0), "p", 1.0, "q", 2.0),
        Disagreement("ABS", 1, Cell("S", 0, 0), "p", 1.0, "r", 3.0),
    ]
    assert disagreements(FormulaIndex(book), engines[:1]) == []


def test_a_formula_that_cannot_be_parsed_is_in_a_group_of_its_own() -> None:
    found = differing({("S", 0, 0): "SUM(("}, given({"S": {(0, 0): 1.0}}), given({"S": {(0, 0): 2.0}}))
    assert found == [("formulas that cannot be parsed", 1, Cell("S", 0, 0))]

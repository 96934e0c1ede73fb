"""What a report and an outcome say of themselves."""

from __future__ import annotations

import numpy as np
import pytest

from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.cell import Cell
from xlparity.model.map import Role
from xlparity.model.outcome import Ending, Outcome
from xlparity.model.report import IGNORED, Coverage, EngineUsed, Report, Split, TensorVerdict
from xlparity.model.table import Table
from xlparity.model.verdict import Finding, Verdict

ORDER = list(Verdict)
NAN = float("nan")


def tensor(*verdicts: Verdict | int, actual: tuple[float, ...] = (), bound: tuple[float, ...] = ()) -> TensorVerdict:
    count = len(verdicts)
    numbers = [one if isinstance(one, int) else ORDER.index(one) for one in verdicts]
    return TensorVerdict(
        "t", Role.COMPUTED, Block((count,), (Area.of("S", 0, 0, max(count, 1), 1),) if count else ()), "float64",
        np.array(actual or [1.0] * count), np.ones(count), np.array(bound or [0.5] * count), np.array(numbers, np.int8),
    )  # fmt: skip


def report(*tensors: TensorVerdict, cells: tuple[Finding, ...] = ()) -> Report:
    return Report("b.xlsx", "1", (EngineUsed("e", "1"),), tensors, cells, Coverage(9, 4, 0))


def test_a_tensor_is_as_bad_as_its_worst_cell_and_one_that_is_ignored_altogether_is_undecided() -> None:
    assert tensor(Verdict.MATCH, Verdict.INHERITED, IGNORED).verdict is Verdict.INHERITED
    assert tensor(Verdict.MATCH, IGNORED).verdict is Verdict.MATCH
    assert tensor(IGNORED, IGNORED).verdict is Verdict.UNDECIDED


def test_the_largest_difference_and_bound_leave_out_what_is_no_number() -> None:
    found = tensor(*[Verdict.MATCH] * 3, actual=(1.25, NAN, 0.5), bound=(0.5, NAN, 0.75))
    assert (found.max_difference, found.max_bound) == (0.5, 0.75)
    none = tensor(Verdict.MATCH, actual=(NAN,), bound=(NAN,))
    assert (none.max_difference, none.max_bound) == (None, None)
    assert found.split is None
    split = Split(np.array([-2.0, 1.0]), np.array([0.5, -0.75]), np.zeros(2))
    assert (split.largest, split.largest_allowed) == ((2.0, 0.75, 0.0), None)
    allowed = Split(split.formula, split.inputs, split.precision, np.array([0.25, 0.5]))
    assert allowed.largest_allowed == 0.5


@pytest.mark.parametrize(
    ("verdicts", "passed", "word", "code"),
    [
        ((Verdict.MATCH, Verdict.EXPLAINED), True, "parity", 0),
        ((Verdict.MATCH, IGNORED), True, "parity", 0),
        ((IGNORED, IGNORED), False, "undecided", 1),
        ((Verdict.MATCH, Verdict.UNDECIDED), False, "undecided", 1),
        ((Verdict.MATCH, Verdict.INHERITED), False, "differences", 1),
        ((Verdict.UNDECIDED, Verdict.FAULT), False, "differences", 1),
    ],
)
def test_a_workbook_passes_if_cells_were_checked_and_all_of_them_pass(
    verdicts: tuple[Verdict | int, ...], passed: bool, word: str, code: int
) -> None:
    found = report(tensor(*verdicts))
    assert found.passed is passed
    outcome = Outcome("b.xlsx", found)
    assert (outcome.passed, outcome.verdict, outcome.exit_code) == (passed, word, code)
    assert sum(found.counts.values()) == sum(one != IGNORED for one in verdicts)


@pytest.mark.parametrize(
    ("ending", "word", "code", "stopped"),
    [
        (Ending.CHECKED, "not checked", 2, False),
        (Ending.REFUSED, "not checked", 2, False),
        (Ending.NOTHING, "nothing to check", 3, False),
        (Ending.DEFECT, "internal error", 3, False),
        (Ending.CRASHED, "crashed", 2, True),
        (Ending.TIMEOUT, "timed out", 2, True),
        (Ending.MEMORY, "out of memory", 2, True),
    ],
)
def test_a_workbook_without_a_report_says_how_it_ended(ending: Ending, word: str, code: int, stopped: bool) -> None:
    outcome = Outcome("b.xlsx", None, "why", ending)
    assert (outcome.passed, outcome.verdict, outcome.exit_code) == (False, word, code)
    assert ending.stopped is stopped


def test_every_cell_is_listed_but_those_that_are_ignored() -> None:
    wrong = Finding(Cell("S", 1, 0), "t", (1,), Verdict.FAULT)
    found = report(tensor(Verdict.MATCH, Verdict.FAULT, IGNORED, actual=(1.25, 2.0, 3.0)), cells=(wrong,))
    every = list(found.every_cell())
    assert [(one.cell.row, one.verdict) for one in every] == [(0, Verdict.MATCH), (1, Verdict.FAULT)]
    assert (every[0].actual, every[0].expected, every[0].difference, every[0].engine) == (1.25, 1.0, 0.25, "e")
    assert found.finding(Cell("S", 1, 0)) is wrong
    assert found.finding(Cell("S", 0, 0)) == every[0]
    assert found.finding(Cell("S", 2, 0)) is None
    assert found.finding(Cell("S", 9, 9)) is None
    assert found.faults == (wrong,)
    assert found.coverage.unmapped == 5


def test_areas_meet_in_what_they_share() -> None:
    area = Area.of("S", 1, 1, 3, 2)
    assert area.intersection(Area.of("S", 3, 0, 5, 2)) == Area.of("S", 3, 1)
    assert area.intersection(Area.of("S", 4, 1)) is None
    assert area.intersection(Area.of("S", 1, 3)) is None
    assert area.intersection(Area.of("T", 1, 1)) is None
    assert area.moved(2, -1) == Area.of("S", 3, 0, 3, 2)
    assert [Cell("S", 3, 2) in area, Cell("S", 4, 2) in area, Cell("S", 3, 3) in area, Cell("T", 3, 2) in area] == [
        True, False, False, False,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="not 0 x 2"):
        Area.of("S", 0, 0, 0, 2)


def test_a_rule_is_entered_once() -> None:
    table: Table[str, int] = Table("rules", {"a": 1})
    table.add("b", 2)
    assert dict(table) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match="rules: 'a' is defined twice: 1 and 3"):
        table.add("a", 3)

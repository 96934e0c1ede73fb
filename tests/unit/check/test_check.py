"""One check put together: several engines, what the file remembers, what is left out, what is counted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from tests.unit.check.small import Other, area, book, cell, checked, row, said
from xlparity.check.judge import Tolerance
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import InputError, NothingChecked
from xlparity.model.engine import Engine
from xlparity.model.map import Map, Role
from xlparity.model.report import Disagreement, Report
from xlparity.model.value import Error, Note, Scalar
from xlparity.model.verdict import Verdict

LINE: dict[str, Scalar] = {"A1": 2.0, "B1": "=A1*3", "C1": "=B1-1"}
OF_LINE = (row("x", "A1"), row("y", "B1", "x * 3"), row("z", "C1", "y - 1"))
EMBEDDED = EmbeddedEngine()
UNKNOWN = Note(cell("B1"), "no such function")


def verdicts(report: Report) -> dict[str, str]:
    return {name: one.partition(":")[0] for name, one in said(report).items()}


def by(engines: Sequence[Engine], cached: dict[str, Scalar] | None = None) -> dict[str, str]:
    return verdicts(checked(LINE, *OF_LINE, engines=engines, cached=cached))


def test_the_worst_of_several_engines_counts_and_is_named() -> None:
    wrong = Other("wrong", {"B1": 7.0, "C1": 6.0})
    for engines in ([EMBEDDED, wrong], [wrong, EMBEDDED]):
        report = checked(LINE, *OF_LINE, engines=engines)
        assert verdicts(report) == {"B1": "fault", "C1": "inherited"}
        assert [one.engine for one in report.cells] == ["wrong", "wrong"]
        assert [one.actual for one in report.cells] == [7.0, 6.0]
        assert [one.name for one in report.engines] == [engine.name for engine in engines]


def test_what_one_engine_leaves_undecided_another_decides() -> None:
    leaves = Other("leaves", {"B1": UNKNOWN, "C1": UNKNOWN})
    assert by([leaves]) == {"B1": "undecided", "C1": "undecided"}
    assert by([leaves, EMBEDDED]) == {}
    assert by([EMBEDDED, leaves]) == {}
    assert by([leaves, Other("wrong", {"B1": 7.0, "C1": 6.0})]) == {"B1": "fault", "C1": "inherited"}


def test_what_the_file_remembers_decides_nothing_that_no_engine_decides() -> None:
    leaves = Other("leaves", {"B1": UNKNOWN, "C1": UNKNOWN})
    assert by([leaves], cached={"B1": 6.0, "C1": 5.0}) == {"B1": "undecided", "C1": "undecided"}


def test_remembered_values_are_judged_where_there_are_any() -> None:
    same = checked(LINE, *OF_LINE, cached={"B1": 6.0, "C1": 5.0})
    assert same.passed
    assert [one.name for one in same.engines] == ["embedded", "cached"]
    assert [one.name for one in checked(LINE, *OF_LINE).engines] == ["embedded"]
    # A difference in the last digits is one, and is allowed; a cell without a remembered value is no evidence.
    assert by([EMBEDDED], cached={"B1": 6.0 + 4e-15, "C1": 5.0}) == {}
    assert by([EMBEDDED], cached={"C1": 5.0}) == {}
    assert by([EMBEDDED], cached={"B1": 7.0, "C1": 6.0}) == {"B1": "fault", "C1": "inherited"}
    report = checked(LINE, *OF_LINE, cached={"B1": 7.0, "C1": 6.0})
    assert [one.engine for one in report.cells] == ["cached", "cached"]


def test_a_file_that_remembers_other_values_of_all_its_cells_is_judged_by_them() -> None:
    cells: dict[str, Scalar] = {**LINE, "A1": "=D1", "D1": 2.0}
    assert verdicts(checked(cells, *OF_LINE, cached={"A1": 3.0, "B1": 10.0, "C1": 8.0})) == {
        "B1": "fault", "C1": "inherited",
    }  # fmt: skip


def test_engines_that_differ_are_said_and_what_the_file_remembers_is_no_engine() -> None:
    cells: dict[str, Scalar] = {**LINE, "E1": "=ABS(A1)"}
    report = checked(cells, *OF_LINE, engines=[EMBEDDED, Other("other", {"E1": 3.0})], cached={"E1": 4.0})
    assert report.disagreements == (Disagreement("ABS", 1, cell("E1"), "embedded", 2.0, "other", 3.0),)
    assert checked(cells, *OF_LINE, cached={"E1": 4.0}).disagreements == ()


# -- what is left out -------------------------------------------------------------------------------------------------


def test_cells_that_are_to_be_ignored_are_not_judged() -> None:
    wrong: dict[str, Scalar] = {**LINE, "C1": "=B1-2"}
    report = checked(wrong, *OF_LINE, ignore=[area("C1"), area("H1")])
    assert report.passed
    assert report.counts["match"] == 1
    assert [one.verdicts.tolist() for one in report.tensors] == [[0], [-1]]
    with pytest.raises(NothingChecked, match=r"small\.xlsx: the map has no computed or expected tensor"):
        checked(wrong, *OF_LINE, ignore=[area("B1:C1")])
    # A fault in an ignored cell is still where others have their error from.
    assert verdicts(checked({**LINE, "B1": "=A1*4"}, *OF_LINE, ignore=[area("C1")])) == {"B1": "fault"}


def test_several_areas_are_ignored_together() -> None:
    rows = row("x", "A1:A3"), row("y", "B1:B3", "x * 3")
    cells: dict[str, Scalar] = {"A1": 1.0, "A2": 2.0, "A3": 4.0, "B1": 1.0, "B2": "=A2*3", "B3": 1.0}
    report = checked(cells, *rows, ignore=[area("B1"), area("A3:B3"), area("F1")])
    assert report.passed
    assert report.tensors[0].verdicts.tolist() == [-1, 0, -1]


def test_a_map_of_given_tensors_alone_checks_nothing() -> None:
    with pytest.raises(NothingChecked):
        checked(LINE, row("x", "A1"))


# -- what is counted --------------------------------------------------------------------------------------------------


def test_formulas_are_counted_by_whether_the_map_names_them_and_stale_ones_among_the_others() -> None:
    cells: dict[str, Scalar] = {**LINE, "A1": "=D1", "D1": 2.0, "F5": "=A1+1", "F6": "=A1+2", "F7": '=LEFT("ab")'}
    remembered: dict[str, Scalar] = {"A1": 2.0, "B1": 6.0, "C1": 5.0}
    stale = checked(cells, *OF_LINE, cached={**remembered, "F5": 3.0, "F6": 4.5, "F7": "b"}).coverage
    assert (stale.formulas, stale.mapped, stale.unmapped_example) == (6, 2, cell("A1"))
    assert (stale.stale, stale.stale_example) == (2, cell("F6"))
    assert (stale.given, stale.given_example) == (1, (cell("A1"), "x"))
    # To the sixth digit, since no bound is known, and what is not remembered is not stale.
    near = checked(cells, *OF_LINE, cached={**remembered, "F5": 3.0 + 2e-6, "F7": "a"}).coverage
    assert (near.stale, near.stale_example) == (0, None)
    assert checked(cells, *OF_LINE, cached={**remembered, "F5": 3.0 + 4e-6}).coverage.stale == 1
    assert checked(cells, *OF_LINE, cached={**remembered, "F7": Error.NA}).coverage.stale == 1
    zero: dict[str, Scalar] = {**LINE, "F1": "=A1-2"}
    assert checked(zero, *OF_LINE, cached={**remembered, "F1": 5e-10}).coverage.stale == 0
    assert checked(zero, *OF_LINE, cached={**remembered, "F1": 5e-9}).coverage.stale == 1
    seven: dict[str, Scalar] = {**LINE, "F1": "=7", "F2": "=1"}
    assert checked(seven, *OF_LINE, cached={**remembered, "F1": Error.NA, "F2": True}).coverage.stale == 2
    none = checked(LINE, *OF_LINE).coverage
    assert (none.formulas, none.mapped, none.unmapped_example, none.undecided) == (2, 2, None, 0)
    assert (none.stale, none.given, none.given_example) == (0, 0, None)
    undecided = checked(LINE, *OF_LINE, engines=[Other("leaves", {"B1": UNKNOWN, "C1": UNKNOWN})]).coverage
    assert undecided.undecided == 2


def test_how_far_float32_is_from_float64_is_shown_for_what_is_float32() -> None:
    rows = row("x", "A1:A2", dtype="float32"), row("y", "B1:B2", "x * 3", dtype="float32")
    report = checked({"A1": 0.1, "A2": 0.5, "B1": "=A1*3", "B2": "=A2*3"}, *rows)
    assert report.passed
    assert report.tensors[0].float32 == abs(0.1 * 3 - float(np.float32(0.1) * np.float32(3)))
    assert checked(LINE, *OF_LINE).tensors[0].float32 is None
    shown = checked({"A1": 0.1, "A2": 0.5, "B1": "=A1*3", "B2": "=A2*3", "D1": 0.3, "D2": 1.5}, *rows,
                    row("y", "D1:D2", role=Role.EXPECTED, dtype="float32"))  # fmt: skip
    assert [one.float32 is None for one in shown.tensors] == [False, True]


def test_a_float32_that_overflows_says_nothing_of_the_difference_and_integers_are_exact() -> None:
    rows = row("x", "A1:A2", dtype="float32"), row("n", "D1", dtype="int64", shape=()), row(
        "y", "B1:B2", "x * n", dtype="float32"
    )  # fmt: skip
    report = checked({"A1": 2.0**127, "A2": 0.5, "D1": 3.0, "B1": "=A1*D1", "B2": "=A2*D1"}, *rows)
    assert report.passed
    assert report.tensors[0].float32 == 0.0


def test_computed_tensors_come_before_shown_ones_and_faults_before_what_follows() -> None:
    rows = row("y", "D1", role=Role.EXPECTED), *OF_LINE
    report = checked({**LINE, "B1": "=A1*4", "D1": 6.0}, *rows)
    assert [(one.tensor, one.role) for one in report.tensors] == [
        ("y", Role.COMPUTED), ("z", Role.COMPUTED), ("y", Role.EXPECTED),
    ]  # fmt: skip
    assert [one.verdict for one in report.cells] == [Verdict.FAULT, Verdict.INHERITED]
    assert report.tensors[0].torch == "x * 3"


def test_what_is_done_is_told() -> None:
    told: list[str] = []
    checked(LINE, *OF_LINE, cached={"B1": 7.0, "C1": 6.0}, progress=told.append)
    assert told[:4] == ["evaluating with embedded", "judging the values of embedded", "evaluating with cached",
                        "judging the values of cached"]  # fmt: skip
    assert told[4] == "looking for the origin of differences"


# -- what formulas say by themselves -----------------------------------------------------------------------------------


def test_a_cell_out_of_line_is_a_fault_though_its_value_is_right() -> None:
    rows = row("x", "A1:A4"), row("y", "B1:B4", "x * 3")
    cells: dict[str, Scalar] = {f"A{at}": 2.0 for at in range(1, 5)} | {f"B{at}": f"=A{at}*3" for at in range(1, 5)}
    assert said(checked({**cells, "B3": "=A2*3"}, *rows)) == {
        "B3": "fault: it breaks the fill of its column, which has =A3*3 here"
    }
    # A second name of the same cells says it no second time.
    twice = checked({**cells, "B3": "=A2*3"}, *rows, row("again", "B1:B4", "y"))
    assert {one.cell for one in twice.cells} == {cell("B3")}
    # Nor does it end the search.
    more: dict[str, Scalar] = {**cells, **{f"C{at}": f"=B{at}*2" for at in range(1, 5)}, "C3": "=B2*2"}
    later = checked(more, *rows, row("again", "B1:B4", "y"), row("z", "C1:C4", "y * 2"))
    assert set(said(later)) == {"C3"}


def test_of_a_fill_that_is_wrong_but_for_one_cell_that_one_is_not_accused() -> None:
    rows = row("x", "A1:A4"), row("y", "B1:B4", "x * 3")
    cells: dict[str, Scalar] = {f"A{at}": 1.0 + at for at in range(1, 5)} | {
        f"B{at}": f"=A{at}*4" for at in range(1, 5)
    }
    assert set(said(checked({**cells, "B2": "=A2*3"}, *rows))) == {"B1", "B3", "B4"}


def test_cells_out_of_line_and_ranges_that_reach_too_far_are_found_together() -> None:
    rows = row("x", "A1:A4"), row("y", "B1:B4", "x * 3"), row("t", "D1", "y.sum()", shape=()), row(
        "y", "E1:E4", role=Role.EXPECTED
    )  # fmt: skip
    cells: dict[str, Scalar] = {f"A{at}": 2.0 for at in range(1, 5)} | {f"B{at}": f"=A{at}*3" for at in range(1, 5)}
    cells |= {"B3": "=A2*3", "D1": "=SUM(B1:B5)"} | {f"E{at}": 6.0 for at in range(1, 5)}
    assert {name: one.partition(":")[0] for name, one in said(checked(cells, *rows)).items()} == {
        "B3": "fault", "D1": "fault",
    }  # fmt: skip


def test_shown_values_that_are_formulas_out_of_line_hide_no_computed_cell_that_is() -> None:
    rows = row("x", "A1:A4"), row("y", "B1:B4", "x * 3"), row("y", "C1:C4", role=Role.EXPECTED)
    cells: dict[str, Scalar] = {f"A{at}": 2.0 for at in range(1, 5)} | {f"B{at}": f"=A{at}*3" for at in range(1, 5)}
    cells |= {f"C{at}": f"=B{at}+0" for at in range(1, 5)} | {"B3": "=A2*3", "C2": "=B1+0"}
    assert set(said(checked(cells, *rows))) == {"B3"}


def test_a_tensor_that_is_another_in_other_cells_is_looked_at_as_any() -> None:
    rows = row("x", "A1:A4"), row("y", "B1:B4", "x"), row("z", "C1:C4", "y")
    cells: dict[str, Scalar] = {f"A{at}": 2.0 for at in range(1, 5)} | {f"B{at}": f"=A{at}" for at in range(1, 5)}
    cells |= {f"C{at}": f"=B{at}" for at in range(1, 5)} | {"C3": "=B2"}
    assert said(checked(cells, *rows)) == {"C3": "fault: it breaks the fill of its column, which has =B3 here"}


def test_a_cell_at_the_edge_where_the_fill_would_read_beyond_its_tensor_breaks_none() -> None:
    # The formulas read x, which w is too.
    rows = (row("x", "A1:A4"), row("w", "D1:D4", "x * 1"),
            row("y", "B1:B4", "torch.maximum(w, torch.cat([w[1:], w[3:]]))"))  # fmt: skip
    cells: dict[str, Scalar] = {f"A{at}": 2.0 * at for at in range(1, 5)} | {
        f"D{at}": f"=A{at}*1" for at in range(1, 5)
    }
    cells |= {"B1": "=MAX(A1,A2)", "B2": "=MAX(A2,A3)", "B3": "=MAX(A3,A4)", "B4": "=MAX(A4,A4)"}
    assert said(checked(cells, *rows)) == {}
    assert list(said(checked({**cells, "B4": "=MAX(A4,A5)"}, *rows))) == ["B4"]


def test_each_shown_tensor_has_its_own_reason() -> None:
    rows = (row("x", "A1"), row("v", "A2"), row("y", "B1", "x * 3"), row("z", "B2", "v * 3"),
            row("x", "C1", role=Role.EXPECTED), row("y", "D1", role=Role.EXPECTED), row("v", "C2", role=Role.EXPECTED),
            row("z", "D2", role=Role.EXPECTED))  # fmt: skip
    cells: dict[str, Scalar] = {
        "A1": 2.0,
        "A2": 5.0,
        "B1": "=A1*3",
        "B2": "=A2*3",
        "C1": 1.0,
        "C2": 4.0,
        "D1": 3.0,
        "D2": 12.0,
    }
    found = said(checked(cells, *rows))
    assert found["D1"].startswith("explained: explained by x changed since PyTorch's values were written: ")
    assert found["D2"].startswith("explained: explained by v changed since PyTorch's values were written: ")


def test_a_range_that_reaches_over_cells_of_no_tensor_is_a_fault() -> None:
    rows = row("x", "A1:A3"), row("y", "C1", "x.sum()", shape=())
    cells: dict[str, Scalar] = {"A1": 1.0, "A2": 2.0, "A3": 3.0}
    beyond = "fault: its range A1:A4 reaches beyond the tensor that it stands for: "
    empty = {"C1": beyond + "A4 is empty and belongs to no tensor"}
    assert said(checked({**cells, "C1": "=SUM(A1:A4)"}, *rows)) == empty
    text = {"C1": beyond + "A4 holds a text and belongs to no tensor"}
    assert said(checked({**cells, "A4": "end", "C1": "=SUM(A1:A4)"}, *rows)) == text
    nothing = {"C1": "fault: it reads F7, which is empty and belongs to no tensor"}
    assert said(checked({**cells, "C1": "=SUM(A1:A3)+F7"}, *rows)) == nothing
    for meant in ("=SUM(A1:A3)", "=SUM(A:A)", "=SUM(A1:A3)+0*F7"):
        found = said(checked({**cells, "F7": 4.0, "C1": meant}, *rows))
        assert found == {}, meant


def test_what_torch_itself_rearranges_breaks_no_fill() -> None:
    rows = row("x", "A1:A4"), row("y", "B1:B4", "aten.roll.default(x, [1], [0])")
    cells: dict[str, Scalar] = {f"A{at}": 2.0 * at for at in range(1, 5)}
    cells |= {"B1": "=A4", "B2": "=A1", "B3": "=A2", "B4": "=A3"}
    assert checked(cells, *rows).passed


# -- a model beside the map -------------------------------------------------------------------------------------------


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor([3.0], dtype=torch.float64))
        self.more = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale + 0 * self.more


MODEL: dict[str, Scalar] = {"A1": 2.0, "B1": 3.0, "C1": "=A1*B1", "D1": "=C1+1"}
OF_MODEL = (row("x", "A1"), row("net.scale", "B1", role=Role.PARAMETER), row("net", "C1", "x * net.scale"),
            row("z", "D1", "net + 1"))  # fmt: skip


def test_the_models_name_and_the_parameters_that_the_map_lacks_are_said() -> None:
    report = checked(MODEL, *OF_MODEL, model=Net())
    assert report.passed
    assert (report.model, report.missing) == ("Net", ("more",))
    assert [one.tensor for one in report.tensors] == ["net.scale", "net", "z"]
    assert report.tensors[1].split is not None
    plain = checked(MODEL, *OF_MODEL)
    assert (plain.model, plain.missing, [one.tensor for one in plain.tensors]) == ("", (), ["net", "z"])
    assert plain.tensors[0].split is None


def test_an_expression_that_is_not_the_modules_is_the_fault_and_what_reads_it_inherits() -> None:
    rows = *OF_MODEL[:2], row("net", "C1", "x + net.scale"), OF_MODEL[3]
    report = checked({**MODEL, "C1": "=A1+B1"}, *rows, model=Net())
    found = said(report)
    assert found["C1"] == "fault: the model's net gives 6.0; the map's expression x + net.scale is not it"
    assert set(found) == {"C1"}  # D1 is right given what it reads, and no module's
    both = (*rows[:3], row("net.act", "D1", "net + 1"))
    assert set(said(checked({**MODEL, "C1": "=A1+B1"}, *both, model=Net()))) == {"C1"}


def test_an_expression_that_is_not_the_modules_is_a_fault_beside_that_of_a_cell_that_it_reads() -> None:
    rows = *OF_MODEL[:2], row("h", "C1", "x * net.scale"), row("net", "D1", "h + 1")
    assert verdicts(checked({**MODEL, "C1": "=A1*B1+1"}, *rows, model=Net())) == {"C1": "fault", "D1": "fault"}


class Scaled(torch.nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor([scale], dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.w


def test_modules_behind_one_whose_expression_is_another_inherit_where_it_gives_another_value() -> None:
    rows = (row("x", "A1:A2"), row("net[0].w", "B1", role=Role.PARAMETER), row("net[1].w", "B2", role=Role.PARAMETER),
            row("net[0]", "C1:C2", "x + net[0].w"), row("net[1]", "D1:D2", "net[0] * net[1].w"))  # fmt: skip
    cells: dict[str, Scalar] = {"A1": 1.5, "A2": 2.0, "B1": 3.0, "B2": 4.0, "C1": "=A1+B$1", "C2": "=A2+B$1",
                                "D1": "=C1*B$2", "D2": "=C2*B$2"}  # fmt: skip
    report = checked(cells, *rows, model=torch.nn.Sequential(Scaled(3.0), Scaled(4.0)))  # 1.5 + 3 is 1.5 * 3
    assert verdicts(report) == {"C2": "fault", "D2": "inherited"}


def test_an_ignored_parameter_is_not_held_against_the_model() -> None:
    wrong: dict[str, Scalar] = {**MODEL, "B1": 4.0}
    assert "B1" in said(checked(wrong, *OF_MODEL, model=Net()))
    assert "B1" not in said(checked(wrong, *OF_MODEL, model=Net(), ignore=[area("B1")]))


# -- other numbers ----------------------------------------------------------------------------------------------------


def test_samples_say_what_was_varied_and_what_they_found_identical() -> None:
    report = checked(LINE, *OF_LINE, samples=12, seed=5)
    assert report.exploration is not None
    assert (report.exploration.samples, report.exploration.seed, report.exploration.varied) == (12, 5, ("x",))
    assert (report.exploration.never, report.exploration.identical) == (0, ("y", "z"))
    assert 0 < report.exploration.wrong < 1e-25
    assert checked(LINE, *OF_LINE).exploration is None
    # What an engine has otherwise is not said to be identical.
    wrong = checked(LINE, *OF_LINE, engines=[EMBEDDED, Other("other", {"C1": 4.0})], samples=1).exploration
    assert wrong is not None
    assert wrong.identical == ("y",)
    assert checked(LINE, *OF_LINE, samples=1).exploration is not None


def test_a_cell_that_inherits_at_the_sheets_numbers_may_be_wrong_itself_on_others() -> None:
    rows = row("x", "A1"), row("y", "B1", "x * 3"), row("z", "C1", "torch.relu(y)")
    report = checked({"A1": 2.0, "B1": "=A1*4", "C1": "=ABS(B1)"}, *rows, samples=30)
    assert verdicts(report) == {"B1": "fault", "C1": "fault"}
    assert verdicts(checked({"A1": 2.0, "B1": "=A1*4", "C1": "=MAX(0,B1)"}, *rows, samples=30)) == {
        "B1": "fault", "C1": "inherited",
    }  # fmt: skip


def test_cells_that_no_sample_could_compare_are_counted_but_for_those_that_are_wrong_anyway() -> None:
    rows = row("x", "A1:A3"), row("y", "B1:B3", "torch.log(1 - (x - 5) ** 2 * 1e9)")  # which is for 5 alone
    cells: dict[str, Scalar] = {f"A{at}": 5.0 for at in range(1, 4)}
    cells |= {f"B{at}": f"=LN(1-(A{at}-5)^2*1E9)" for at in range(1, 4)}
    exploration = checked({**cells, "B3": 0.0}, *rows, samples=2).exploration
    assert exploration is not None
    assert exploration.never == 2


def test_a_users_tolerance_is_that_of_other_numbers_too() -> None:
    rows = row("x", "A1"), row("y", "B1", "torch.relu(x)")
    cells: dict[str, Scalar] = {"A1": 2.0, "B1": "=ABS(A1)"}
    assert not checked(cells, *rows, samples=20).passed
    assert checked(cells, *rows, samples=20, tolerance=Tolerance(0.0, 1e300)).passed


# -- what a page is made of -------------------------------------------------------------------------------------------


def test_a_report_keeps_what_was_checked_for_those_who_show_it() -> None:
    rows = (row("x", "A1"), row("w", "B1", role=Role.PARAMETER), row("y", "C1", "x * w"),
            row("l", "D1", "(y ** 2).sum()", shape=()))  # fmt: skip
    cells: dict[str, Scalar] = {"A1": 2.0, "B1": 3.0, "C1": "=A1*B1", "D1": "=C1^2"}
    report = checked(cells, *rows)
    assert report.subject is not None
    assert report.subject.book.sheets[0].fills == book(cells).sheets[0].fills
    assert report.subject.map == Map(rows)
    assert report.subject.values.scalar(cell("D1")) == 36.0
    assert report.subject.derivatives() is None  # there is no row of gradients
    assert report.formulas[cell("C1")] == "=A1*B1"
    named = checked(cells, *rows[:3], row("loss", "D1", "(y ** 2).sum()", shape=()))
    assert named.subject is not None
    assert named.subject.derivatives() is not None


def test_every_parameter_that_is_not_the_models_is_listed() -> None:
    rows = (row("x", "A1"), row("net.scale", "B1", role=Role.PARAMETER), row("net.more", "B2", role=Role.PARAMETER),
            row("net", "C1", "x * net.scale + 0 * net.more"), row("net.scale", "E1", role=Role.EXPECTED))  # fmt: skip
    cells: dict[str, Scalar] = {"A1": 2.0, "B1": 3.0, "B2": 1.0, "C1": "=A1*B1+0*B2", "E1": 3.0}
    assert checked(cells, *rows, model=Net()).passed
    found = said(checked({**cells, "B1": 3.5, "B2": 1.5, "E1": 3.5}, *rows, model=Net()))
    assert {"B1", "B2"} <= set(found)


def test_a_model_that_does_not_run_on_the_inputs_is_refused() -> None:
    rows = row("x", "A1:B1", shape=(2,)), row("net.weight", "D1", role=Role.PARAMETER, shape=(1, 1)), row(
        "net", "E1", "x.sum() * net.weight[0]", shape=(1,)
    )  # fmt: skip
    cells: dict[str, Scalar] = {"A1": 1.0, "B1": 2.0, "D1": 3.0, "E1": "=(A1+B1)*D1"}
    model = torch.nn.Linear(1, 1, bias=False).double()
    with torch.no_grad():
        model.weight.fill_(3.0)
    with pytest.raises(InputError, match=r"Linear does not run on the map's inputs \(shapes \(2,\)\): "):
        checked(cells, *rows, model=model)


def test_what_is_remembered_of_a_comparison_is_not_stale_where_its_operand_is_not_remembered() -> None:
    rows = row("x", "A1"), row("y", "B1", "x * 3"), row("z", "C1", "torch.where(y > 0, 1.0, 0.0)")
    cells: dict[str, Scalar] = {"A1": 2.0, "B1": "=A1*3", "C1": "=IF(B1>0,1,0)"}
    assert verdicts(checked(cells, *rows, cached={"C1": 1.0})) == {}


def saved(value: float) -> float:
    """What LibreOffice saves of a number."""
    return float(f"{value:.15g}")


def test_values_that_a_file_saves_with_15_digits_are_not_stale() -> None:
    exact = 1.0234567890123449  # nearly half a unit of the 15th digit is lost
    rows = row("x", "A1"), row("y", "B1", "x * 1"), row("z", "C1", "y ** 8"), row("w", "D1", "x ** 8")
    cells: dict[str, Scalar] = {"A1": saved(exact), "B1": "=A1*1", "C1": "=B1^8", "D1": "=A1^8"}
    kept = {"B1": saved(exact), "C1": saved(exact**8), "D1": saved(exact**8)}
    assert verdicts(checked(cells, *rows, cached=kept)) == {}
    for name, value in kept.items():
        found = checked(cells, *rows, cached=kept | {name: value * (1 + 1e-12)})
        assert verdicts(found)[name] == "fault"


def test_values_kept_beside_one_that_was_snapped_to_zero_are_not_stale() -> None:
    exact = 1.0234567890123449
    rows = (
        row("x", "A1"), row("k", "A2"), row("y", "B1", "x * 1"), row("z", "C1", "y ** 8"), row("d", "D1", "y - k"),
        row("e", "E1", "d * 1000"),
    )  # fmt: skip
    cells: dict[str, Scalar] = {
        "A1": saved(exact), "A2": saved(exact), "B1": "=A1*1", "C1": "=B1^8", "D1": "=B1-A2", "E1": "=D1*1000",
    }  # fmt: skip
    kept = {"B1": saved(exact), "C1": saved(exact**8), "D1": 0.0, "E1": 1000 * (exact - saved(exact))}
    assert verdicts(checked(cells, *rows, cached=kept)) == {}
    assert verdicts(checked(cells, *rows, cached=kept | {"E1": 1e-10}))["E1"] == "fault"


def test_a_place_that_the_file_remembers_beyond_the_table_is_stale() -> None:
    rows = row("table", "A1:A3"), row("raw", "B1", dtype="int64", shape=()), row(
        "at", "C1", "raw + 0", dtype="int64", shape=()), row("e", "D1", "table[at - 1]", shape=())  # fmt: skip
    cells: dict[str, Scalar] = {"A1": 1.0, "A2": 2.0, "A3": 3.0, "B1": 2.0, "C1": "=B1+0", "D1": "=INDEX(A1:A3,C1)"}
    assert verdicts(checked(cells, *rows, cached={"C1": 7.0, "D1": 2.0}))["C1"] == "fault"


def test_what_is_shown_as_pytorchs_may_have_15_digits() -> None:
    rows = row("x", "A1"), row("y", "B1", "x ** 2"), row("y", "C1", role=Role.EXPECTED)
    cells: dict[str, Scalar] = {"A1": 36.2088, "B1": "=A1^2"}
    exact = 36.2088**2
    assert verdicts(checked(cells | {"C1": saved(exact)}, *rows)) == {}
    assert verdicts(checked(cells | {"C1": exact * (1 + 3e-14)}, *rows)) == {"C1": "fault"}

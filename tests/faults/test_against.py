"""A student's workbook held against the solution: by address, by name, on other numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pytest
import torch

import xlparity
from xlparity.errors import InputError, MapError
from xlparity.formula.a1 import parse_cell, show_cell
from xlparity.xlsx.edit import replace_cached

WORKBOOKS = Path(__file__).parents[2] / "workbooks"

SOLUTION: Mapping[str, object] = {
    "A1": 1.5, "A2": 2.25, "A3": 0.3, "B1": 0.1, "A5": "a label",
    "C1": "=A1*$B$1", "C2": "=A2*$B$1", "C3": "=A3*$B$1",
    "D1": "=SUM(C1:C3)/3", "D2": "=MAX(0,D1)", "D3": "=D1^2+EXP(-D2)", "E1": '=IF(D1>0,"yes","no")',
}  # fmt: skip


def write(path: Path, cells: Mapping[str, object], sheet: str = "S") -> Path:
    book = openpyxl.Workbook()
    book.active.title = sheet
    for cell, value in cells.items():
        book.active[cell] = value
    book.save(path)
    return path


def against(tmp_path: Path, changes: Mapping[str, object], **options: int) -> xlparity.Report:
    solution = write(tmp_path / "solution.xlsx", SOLUTION)
    student = write(tmp_path / "student.xlsx", {**SOLUTION, **changes})
    return xlparity.check(student, against=solution, **options)


def verdicts(report: xlparity.Report) -> dict[str, str]:
    return {show_cell(one.cell, sheet=False): one.verdict.value for one in report.cells}


def test_other_numbers_and_equivalent_formulas_are_parity(tmp_path: Path) -> None:
    changes = {"A1": 7.7, "C1": "=$B$1*A1", "D1": "=AVERAGE(C1:C3)", "D3": "=D1*D1+1/EXP(D2)", "A5": "my label"}
    report = against(tmp_path, changes, samples=60)
    assert report.passed
    assert report.counts["match"] == 7
    assert report.against is not None
    assert [(show_cell(one.cell), one.value, one.solution) for one in report.against.changed] == [("S!A1", 7.7, 1.5)]
    assert "S!A1 is 7.7, solution.xlsx has 1.5; taken as it is" in str(report)


def test_a_wrong_reference_is_the_fault_and_what_reads_it_inherits(tmp_path: Path) -> None:
    report = against(tmp_path, {"C2": "=A3*$B$1"})
    assert verdicts(report) == {"C2": "fault", "D1": "inherited", "D2": "inherited", "D3": "inherited"}
    (fault,) = report.faults
    assert fault.expected == pytest.approx(0.225)
    assert "the solution has =A2*$B$1" in fault.because
    assert fault.repair is not None
    assert fault.repair.formula == "A2*$B$1"
    assert {show_cell(one.origin) for one in report.cells if one.origin} == {"S!C2"}


def test_faults_downstream_of_faults_are_named_each_with_its_repair(tmp_path: Path) -> None:
    report = against(tmp_path, {"C2": "=A3*$B$1", "D1": "=SUM(C1:C2)/3", "D3": "=D1^2-EXP(-D2)"})
    assert verdicts(report) == {"C2": "fault", "D1": "fault", "D3": "fault", "D2": "inherited"}
    repairs = {show_cell(one.cell, sheet=False): one.repair and one.repair.formula for one in report.faults}
    assert repairs == {"C2": "A2*$B$1", "D1": "SUM(C1:C3)/3", "D3": "D1^2+EXP(-D2)"}


def test_faults_that_cancel_are_both_named(tmp_path: Path) -> None:
    report = against(tmp_path, {"C1": "=2*A1*$B$1", "D1": "=SUM(C1:C3)/3-A1*$B$1/3"})
    assert verdicts(report) == {"C1": "fault", "D1": "fault"}


def test_a_pasted_constant_is_hard_coded_though_its_value_is_right(tmp_path: Path) -> None:
    report = against(tmp_path, {"C3": 0.03, "D2": None})
    (empty, pasted) = sorted(report.faults, key=lambda one: one.formula)
    assert "the cell is empty; the solution has =MAX(0,D1)" in empty.because
    assert "hard-coded: a constant stands where the solution has =A3*$B$1" in pasted.because
    assert pasted.repair is not None
    assert pasted.repair.formula == "A3*$B$1"


def test_abs_for_relu_is_found_on_other_numbers_alone(tmp_path: Path) -> None:
    assert against(tmp_path, {"D2": "=ABS(D1)"}).passed
    report = against(tmp_path, {"D2": "=ABS(D1)"}, samples=60)
    assert verdicts(report) == {"D2": "fault", "D3": "inherited"}
    (fault,) = report.faults
    assert fault.counterexample is not None
    assert fault.repair is not None
    assert fault.repair.formula == "MAX(D1,0)"
    # The counterexample shows it to whoever types it.
    typed = {show_cell(cell, sheet=False): number for cell, number in fault.counterexample.changes}
    again = against(tmp_path, {"D2": "=ABS(D1)", **typed})
    assert verdicts(again)["D2"] == "fault"
    (fault_again,) = again.faults
    assert fault_again.actual == fault.counterexample.actual
    assert fault_again.expected == fault.counterexample.expected


def test_a_number_pasted_into_a_formula_is_found_on_other_numbers(tmp_path: Path) -> None:
    assert against(tmp_path, {"C1": "=A1*0.1"}).passed
    assert verdicts(against(tmp_path, {"C1": "=A1*0.1"}, samples=20))["C1"] == "fault"


def test_a_wrong_text_is_a_fault(tmp_path: Path) -> None:
    report = against(tmp_path, {"E1": '=IF(D1>0,"Yes","no")'})
    assert verdicts(report) == {"E1": "fault"}


def test_what_reads_a_wrong_text_or_truth_value_only_inherits(tmp_path: Path) -> None:
    more = {**SOLUTION, "F1": '=E1&"!"', "G1": "=D1>0", "H1": "=IF(G1,D1,0)", "H2": '=IF(E1="yes",1,2)'}
    solution = write(tmp_path / "solution.xlsx", more)
    student = write(tmp_path / "student.xlsx", {**more, "E1": '=IF(D1>0,"no","yes")', "G1": "=D1<0"})
    report = xlparity.check(student, against=solution)
    assert verdicts(report) == {"E1": "fault", "G1": "fault", "F1": "inherited", "H1": "inherited", "H2": "inherited"}


def test_a_formula_in_the_place_of_a_number_is_said_and_taken(tmp_path: Path) -> None:
    report = against(tmp_path, {"B1": "=1/5"})
    assert report.passed
    assert "S!B1 is 0.2 by =1/5, solution.xlsx has the number 0.1; taken as it is" in str(report)


def test_a_missing_number_and_a_missing_sheet_are_named(tmp_path: Path) -> None:
    solution = write(tmp_path / "solution.xlsx", SOLUTION)
    book = openpyxl.load_workbook(solution)
    book.create_sheet("Second")["A1"] = "=S!D3"
    book.save(solution)
    report = xlparity.check(write(tmp_path / "student.xlsx", {**SOLUTION, "B1": None}), against=solution)
    assert report.against is not None
    assert report.against.missing == (
        "S!B1 is empty where the solution has numbers that its formulas read", "there is no sheet 'Second'"
    )  # fmt: skip
    assert any(one.because.startswith("there is no sheet 'Second'; the solution has =S!D3") for one in report.faults)
    assert "Second" in report.to_html()
    xlparity.annotate(report, tmp_path / "student.xlsx", tmp_path / "annotated.xlsx")
    assert openpyxl.load_workbook(tmp_path / "annotated.xlsx").sheetnames == ["S", "Parity report"]


def test_an_error_of_the_solution_itself_is_undecided(tmp_path: Path) -> None:
    report = against(tmp_path, {"A1": "text"})
    assert not report.passed
    assert {one.verdict.value for one in report.cells} == {"undecided"}
    assert "the solution's own =A1*$B$1 gives #VALUE! on this workbook's numbers" in report.cells[0].because


def test_the_same_formula_with_the_same_error_matches(tmp_path: Path) -> None:
    broken = {**SOLUTION, "F1": "=A1/A4"}
    solution = write(tmp_path / "solution.xlsx", broken)
    assert xlparity.check(solution, against=solution).passed
    other = xlparity.check(write(tmp_path / "student.xlsx", {**broken, "F1": "=1/A4*A1"}), against=solution)
    assert verdicts(other) == {"F1": "undecided"}


def test_what_the_file_remembers_is_judged_too(tmp_path: Path) -> None:
    path = tmp_path / "mse.xlsx"
    replace_cached(WORKBOOKS / "mse.xlsx", parse_cell("MSE!D7"), 117.0, path)
    report = xlparity.check(path, against=WORKBOOKS / "mse.xlsx")
    assert [show_cell(one.cell) for one in report.faults] == ["MSE!D7"]
    assert report.faults[0].because.startswith("stale:")


def test_workbooks_of_other_layouts_are_matched_by_the_names_in_their_maps(tmp_path: Path) -> None:
    solution = write(tmp_path / "solution.xlsx", {
        "A1": 1.0, "A2": -2.0, "B1": 3.0, "C1": "=A1*$B$1", "C2": "=A2*$B$1", "D1": "=SUM(C1:C2)",
    })  # fmt: skip
    student = write(tmp_path / "student.xlsx", {
        "F7": 4.0, "G7": 5.0, "F9": 2.0, "F3": "=$F$9*F7", "G3": "=$F$9*G7", "H20": "=F3-G3", "J1": "=H20*1",
    }, "Mine")  # fmt: skip
    rows = [("x", "input", "S!A1:A2", "Mine!F7:G7", "[2]"), ("w", "parameter", "S!B1", "Mine!F9", "[]"),
            ("k", "computed", "S!C1:C2", "Mine!F3:G3", "[2]"), ("n", "computed", "S!D1", "Mine!J1", "[]")]  # fmt: skip
    for path, at in ((solution, 2), (student, 3)):
        text = ""
        for row in rows:
            text += f'[[tensor]]\ntensor = "{row[0]}"\nrole = "{row[1]}"\ncells = "{row[at]}"\nshape = {row[4]}\n'
            text += 'torch = "x * w"\n' if row[0] == "k" else 'torch = "k.sum()"\n' if row[0] == "n" else ""
        path.with_suffix(".parity.toml").write_text(text)
    report = xlparity.check(student, against=solution)
    assert report.against is not None
    assert report.against.by_name
    assert [(show_cell(one.cell), one.tensor, one.actual, one.expected) for one in report.faults] == [
        ("Mine!J1", "n", -2.0, 18.0)
    ]
    assert report.coverage.unmapped == 1  # H20, where the fault is
    mended = openpyxl.load_workbook(student)
    mended["Mine"]["H20"] = "=G3+F3"
    mended.save(student)
    assert xlparity.check(student, against=solution, samples=20).passed
    renamed = student.with_suffix(".parity.toml")
    renamed.write_text(renamed.read_text().replace('"Mine!F7:G7"', '"Mine!F7:H7"').replace("[2]", "[3]", 1))
    with pytest.raises(MapError, match=r"x has the shape \(3,\), in the solution \(2,\)"):
        xlparity.check(student, against=solution)


@pytest.mark.parametrize("name", ["mse.xlsx", "single_neuron.xlsx", "gradient.xlsx", "hidden_layers.xlsx"])
def test_the_lectures_workbooks_agree_with_themselves_by_address_and_by_name(name: str, tmp_path: Path) -> None:
    assert xlparity.check(WORKBOOKS / name, against=WORKBOOKS / name, samples=20).passed
    book = openpyxl.load_workbook(WORKBOOKS / name)
    del book["Parity"]
    book.save(tmp_path / name)
    report = xlparity.check(tmp_path / name, against=tmp_path / name, samples=20)
    assert report.passed
    assert report.coverage.unmapped == 0


def test_three_faults_in_a_lesson_are_found_by_address_each_with_its_repair(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(WORKBOOKS / "hidden_layers.xlsx")
    del book["Parity"]
    book.save(tmp_path / "solution.xlsx")
    book["Layer 1"]["G12"] = "=$B7*C$11+$C8*C$12"
    book["Layer 1"]["P13"] = -6.2
    book["Layer 2"]["M12"] = "=G12"
    book.save(tmp_path / "student.xlsx")
    report = xlparity.check(tmp_path / "student.xlsx", against=tmp_path / "solution.xlsx")
    repairs = {show_cell(one.cell): one.repair and one.repair.formula for one in report.faults}
    assert repairs == {
        "'Layer 1'!G12": "$B7*C$11+$C7*C$12", "'Layer 1'!P13": "H13+L13", "'Layer 2'!M12": "G12+J12"
    }  # fmt: skip


def test_the_json_names_the_other_workbook(tmp_path: Path) -> None:
    found = json.loads(against(tmp_path, {"A1": 7.7}).to_json())["against"]
    assert found == {
        "workbook": "solution.xlsx", "matched": "by address", "missing": [], "uncompared": [],
        "changed": [{"cell": "S!A1", "value": 7.7, "solution": 1.5, "formula": None}],
    }  # fmt: skip


def test_two_things_to_hold_against_are_refused(tmp_path: Path) -> None:
    solution = write(tmp_path / "solution.xlsx", SOLUTION)
    with pytest.raises(InputError, match="give one of them"):
        xlparity.check(solution, against=solution, model=torch.nn.Linear(1, 1))


@pytest.mark.parametrize("name", ["mse", "gradient"])
def test_a_workbook_that_another_program_saved_is_the_same(name, tmp_path):
    # openpyxl saves 16 digits, which moves PyTorch's values, constants that the differences beside them read.
    solution = WORKBOOKS / f"{name}.xlsx"
    openpyxl.load_workbook(solution).save(tmp_path / "student.xlsx")
    report = xlparity.check(tmp_path / "student.xlsx", against=solution)
    assert report.passed, str(report)
    assert report.against.changed == ()


def test_a_shown_value_that_was_changed_is_said_and_no_fault_of_what_reads_it(tmp_path):
    solution = WORKBOOKS / "mse.xlsx"
    student = openpyxl.load_workbook(solution)
    student["MSE"]["G4"].value = 0.25
    student.save(tmp_path / "student.xlsx")
    report = xlparity.check(tmp_path / "student.xlsx", against=solution)
    assert report.passed, str(report)
    assert [show_cell(one.cell) for one in report.against.changed] == ["MSE!G4"]

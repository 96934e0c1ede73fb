"""JSON, JUnit, GitHub annotations and SARIF: each valid by its schema, and each says what the check found."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import numpy as np
import openpyxl
import pytest
from lxml import etree

import xlparity
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.cell import Cell
from xlparity.model.map import Role
from xlparity.model.outcome import Outcome
from xlparity.model.report import IGNORED, Coverage, EngineUsed, Report, TensorVerdict
from xlparity.model.verdict import Finding, Verdict
from xlparity.report.github import outcomes_to_github
from xlparity.report.json import report_to_json
from xlparity.report.junit import outcomes_to_junit
from xlparity.report.sarif import outcomes_to_sarif

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "tests" / "schemas"
JUNIT = etree.XMLSchema(etree.parse(SCHEMAS / "junit.xsd"))
SARIF = jsonschema.Draft4Validator(json.loads((SCHEMAS / "sarif-2.1.0.json").read_text()))
JSON = jsonschema.Draft202012Validator(json.loads((ROOT / "docs" / "reference" / "report.schema.json").read_text()))
NASTY = "a\x1b[31m\r\n::error::<&\"'%,:\ud800\x00"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Report:
    path = tmp_path_factory.mktemp("broken") / "mse.xlsx"
    book = openpyxl.load_workbook(ROOT / "workbooks" / "mse.xlsx")
    book["MSE"]["D6"] = "=SUM(D2:D3)"
    book.save(path)
    return xlparity.check(path)


@pytest.fixture(scope="module")
def outcomes(broken: Report) -> list[Outcome]:
    return [
        Outcome("workbooks/mse.xlsx", xlparity.check(ROOT / "workbooks" / "mse.xlsx")),
        Outcome("some folder/mse.xlsx", broken),
        Outcome("nowhere.xlsx", None, "nowhere.xlsx: cannot be opened"),
        Outcome(f"{NASTY}.xlsx", hostile()),
    ]


def hostile() -> Report:
    """A report whose every text comes from someone who means harm."""
    cells = [Cell(NASTY, 0, column) for column in range(4)]
    verdicts = (Verdict.FAULT, Verdict.UNDECIDED, Verdict.INHERITED)
    findings = tuple(
        Finding(cell, NASTY, (number,), verdict, f"={NASTY}", NASTY, None, None, None, NASTY, cells[0], NASTY)
        for number, (cell, verdict) in enumerate(zip(cells, verdicts, strict=False))
    )
    numbers, zeros = np.array([np.nan, np.inf, 1.0, 0.0]), np.zeros(4)
    tensor = TensorVerdict(
        NASTY, Role.COMPUTED, Block((4,), (Area(cells[0], 1, 4),)), "float64", numbers, zeros, numbers,
        np.array([4, 2, 3, IGNORED], np.int8),
    )  # fmt: skip
    return Report(f"{NASTY}.xlsx", "0", (EngineUsed(NASTY, NASTY),), (tensor,), findings, Coverage(4, 4, 1))


def test_junit_is_valid_and_fails_the_tensors_that_do_not_pass(outcomes: list[Outcome]) -> None:
    text = outcomes_to_junit(outcomes)
    JUNIT.assertValid(etree.fromstring(text.encode()))
    good, bad, missing, _ = ElementTree.fromstring(text)
    assert (good.get("tests"), good.get("failures"), good.get("errors")) == ("20", "0", "0")
    assert good.get("name") == "workbooks/mse.xlsx"
    failed = {case.get("name"): case.find("failure") for case in bad.iterfind("testcase[failure]")}
    assert failed["total"].get("type") == "fault"
    assert failed["total"].text.startswith("MSE!D6 (total) is 38.12")
    assert "formula =SUM(D2:D3)" in failed["total"].text
    assert failed["loss"].get("type") == "inherited"
    assert len(failed) == int(bad.get("failures")) == 7
    assert missing.find("testcase/error").text == "nowhere.xlsx: cannot be opened"
    assert missing.get("errors") == "1"


def test_junit_skips_a_tensor_that_is_wholly_ignored_and_no_other() -> None:
    report = xlparity.check(ROOT / "workbooks" / "mse.xlsx", ignore=["MSE!D6"])
    text = outcomes_to_junit([Outcome("mse.xlsx", report)])
    JUNIT.assertValid(etree.fromstring(text.encode()))
    suite = ElementTree.fromstring(text)[0]
    assert [case.get("name") for case in suite.iterfind("testcase[skipped]")] == ["total"]
    assert (suite.get("skipped"), suite.get("failures")) == ("1", "0")


def test_sarif_is_valid_and_names_cells_by_relative_addresses(outcomes: list[Outcome]) -> None:
    text = outcomes_to_sarif(outcomes)
    log = json.loads(text)
    SARIF.validate(log)
    (run,) = log["runs"]
    results = [result for result in run["results"] if "some%20folder" in json.dumps(result["locations"])]
    assert len(results) == 7
    fault = results[0]
    assert (fault["ruleId"], fault["level"]) == ("fault", "error")
    (location,) = fault["locations"]
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "MSE!D6"
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "some folder/mse.xlsx".replace(" ", "%20")
    heir = next(result for result in results if result["ruleId"] == "inherited")
    assert heir["relatedLocations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "MSE!D6"
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] == "nowhere.xlsx: cannot be opened"
    assert all(run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])


def test_github_annotations_are_one_line_each_and_name_the_file(outcomes: list[Outcome]) -> None:
    text = outcomes_to_github(outcomes[:3])
    good, bad, fault, missing = text.splitlines()
    assert good == "xlparity: workbooks/mse.xlsx: parity. All 34 checked cells agree with PyTorch (embedded)"
    assert bad.startswith("::error file=some folder/mse.xlsx,title=xlparity::NO PARITY. Of 34 checked cells 1 wrong")
    assert fault.startswith("::error file=some folder/mse.xlsx,title=MSE!D6 (total)%3A fault::MSE!D6 (total) is 38.12")
    assert "%0A  formula =SUM(D2:D3)" in fault
    assert missing == "::error file=nowhere.xlsx,title=xlparity%3A not checked::nowhere.xlsx: cannot be opened"


def test_github_says_how_many_of_many_cells_it_shows() -> None:
    one = hostile()
    many = Report(one.workbook, "0", one.engines, one.tensors, one.cells[:1] * 30, one.coverage)
    lines = outcomes_to_github([Outcome("book.xlsx", many)]).splitlines()
    assert len(lines) == 10
    assert lines[0].endswith("the 9 worst cells follow")


def test_no_text_of_a_workbook_is_a_command_to_github() -> None:
    for line in outcomes_to_github([Outcome(f"{NASTY}.xlsx", hostile())]).splitlines():
        kind, properties, message = re.fullmatch(r"::(\w+) (file=[^,:]*,title=[^,:]*)::(.*)", line).groups()
        assert kind == "error"
        assert "%" not in re.sub("%(25|3A|2C)", "", properties)
        assert "%" not in re.sub("%(25|0A)", "", message)


@pytest.mark.parametrize("form", [outcomes_to_junit, outcomes_to_github, outcomes_to_sarif])
def test_control_characters_never_reach_a_report(form, outcomes: list[Outcome]) -> None:
    text = form(outcomes)
    text.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", text)
    assert not re.search("u00(1b|00)", text)


def test_the_json_report_obeys_its_schema(outcomes: list[Outcome]) -> None:
    good, broken = outcomes[0].report, outcomes[1].report
    lucky = xlparity.check(ROOT / "workbooks" / "mse.xlsx", samples=8, engines=["embedded"])
    for report, every in ((good, False), (good, True), (broken, False), (hostile(), False), (lucky, False)):
        JSON.validate(json.loads(report_to_json(report, every)))
    JSON.validate([json.loads(report_to_json(broken)), json.loads(report_to_json(good))])
    with pytest.raises(jsonschema.ValidationError):
        JSON.validate(json.loads(report_to_json(good)) | {"passed": "yes"})

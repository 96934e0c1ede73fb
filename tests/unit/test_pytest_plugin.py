"""The plugin in a pytest of its own."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import openpyxl
import pytest
import torch

import xlparity

ROOT = Path(__file__).parents[2]
WORKBOOKS = ROOT / "workbooks"

pytest_plugins = ["pytester"]

MODEL = """
import torch
def net():
    return torch.nn.Linear(2, 1, dtype=torch.float64)
"""


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """A pytest in this process forgets what it has imported, and parts of torch cannot be imported twice."""
    xlparity.check(WORKBOOKS / "mse.xlsx", samples=2)
    xlparity.generate(torch.nn.Linear(2, 1), torch.ones(1, 2))


@pytest.fixture(autouse=True)
def _without_what_imports_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest -p no:cacheprovider")


@pytest.fixture
def folder(pytester: pytest.Pytester) -> pytest.Pytester:
    shutil.copy(WORKBOOKS / "mse.xlsx", pytester.path / "mse.xlsx")
    (pytester.path / "~$mse.xlsx").write_bytes(b"lock")
    openpyxl.Workbook().save(pytester.path / "no_map.xlsx")
    return pytester


def break_a_cell(path: Path) -> None:
    book = openpyxl.load_workbook(path)
    book["MSE"]["D6"] = "=SUM(D2:D3)"
    book.save(path)


def test_it_is_off_unless_asked_for(folder: pytest.Pytester) -> None:
    folder.runpytest().assert_outcomes()


def test_every_tensor_is_a_test(folder: pytest.Pytester) -> None:
    result = folder.runpytest("--xlparity", "-v")
    result.assert_outcomes(passed=20)
    result.stdout.fnmatch_lines(["*mse.xlsx::squared_error PASSED*", "*mse.xlsx::loss PASSED*", "*loss (expected)*"])


def test_the_ini_file_can_ask(folder: pytest.Pytester) -> None:
    folder.makeini("[pytest]\nxlparity = true\n")
    folder.runpytest().assert_outcomes(passed=20)


def test_globs_of_the_ini_file_choose_the_workbooks(folder: pytest.Pytester) -> None:
    (folder.path / "books").mkdir()
    shutil.copy(folder.path / "mse.xlsx", folder.path / "books" / "other.xlsx")
    folder.makeini("[pytest]\nxlparity_files = books/*.xlsx\n")
    result = folder.runpytest("-v")
    result.assert_outcomes(passed=20)
    result.stdout.no_fnmatch_line("mse.xlsx*")


def test_engines_and_samples_of_the_ini_file_are_used(folder: pytest.Pytester) -> None:
    book = openpyxl.load_workbook(folder.path / "mse.xlsx")
    book["MSE"]["D7"] = "=SIGN(A2)*D6/COUNT(D2:D4)"  # right at the sheet's own numbers alone
    book.save(folder.path / "mse.xlsx")
    folder.runpytest("--xlparity", "mse.xlsx::loss").assert_outcomes(passed=1)
    folder.makeini("[pytest]\nxlparity_samples = 100\n")
    result = folder.runpytest("--xlparity", "mse.xlsx::loss")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*coincidence*"])
    folder.makeini("[pytest]\nxlparity_engines = nosuch\n")
    result = folder.runpytest("--xlparity", "mse.xlsx::loss")
    result.stdout.fnmatch_lines(["xlparity: there is no engine 'nosuch'*"])
    assert "Traceback" not in result.stdout.str()


def test_a_failure_shows_the_worst_cells_the_report_and_no_traceback(folder: pytest.Pytester) -> None:
    break_a_cell(folder.path / "mse.xlsx")
    folder.makeini("[pytest]\nxlparity_html = reports\n")
    result = folder.runpytest("--xlparity")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*NO PARITY*", "MSE!D6 (total) is 38.12*, torch has 351.259*", "*fault:*", "*formula =SUM(D2:D3)*"]
    )
    (written,) = set(re.findall(r"HTML report: (.*)", result.stdout.str()))
    assert Path(written) == folder.path / "reports" / "mse.xlsx.html"
    assert "NO PARITY" in Path(written).read_text()
    assert "Traceback" not in result.stdout.str()
    assert "pytest_plugin.py" not in result.stdout.str()


def test_a_workbook_that_cannot_be_read_is_an_error_of_one_line(folder: pytest.Pytester) -> None:
    (folder.path / "mse.xlsx").write_bytes(b"not a workbook")
    result = folder.runpytest("--xlparity")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["xlparity: *mse.xlsx*"])


def test_it_works_in_the_processes_of_xdist(folder: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    break_a_cell(folder.path / "mse.xlsx")
    result = folder.runpytest_subprocess("--xlparity", "--xlparity-html", "pages", "-n", "1", "--dist", "loadfile")
    result.assert_outcomes(passed=13, failed=7)
    assert [path.name for path in (folder.path / "pages").iterdir()] == ["mse.xlsx.html"]


def test_the_fixtures_write_a_workbook_and_hold_it_to_parity_as_the_page_says(folder: pytest.Pytester) -> None:
    page = (ROOT / "docs" / "how-to" / "use-in-ci.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.S)
    folder.makepyfile(code)
    (folder.path / "workbooks").mkdir()
    shutil.copy(folder.path / "mse.xlsx", folder.path / "workbooks" / "mse.xlsx")
    folder.runpytest().assert_outcomes(passed=2)
    break_a_cell(folder.path / "workbooks" / "mse.xlsx")
    result = folder.runpytest("-k", "lecture")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines(["mse.xlsx: NO PARITY*", "MSE!D6 (total) is 38.12*", "*formula =SUM(D2:D3)*"])
    assert "pytest_plugin.py" not in result.stdout.str()


def test_update_makes_the_workbooks_of_the_ini_file_anew(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    pytester.makepyfile(model=MODEL)
    (pytester.path / "x.csv").write_text("1,2\n3,4\n")
    pytester.makeini(
        "[pytest]\nxlparity = true\nxlparity_models =\n    net.xlsx = model.py:net --inputs x.csv --seed 3\n"
    )
    result = pytester.runpytest("--xlparity-update", "-v")
    result.stdout.fnmatch_lines(["xlparity: wrote net.xlsx: *", "net.xlsx::net PASSED*"])
    assert xlparity.check(pytester.path / "net.xlsx").passed
    pytester.makeini("[pytest]\nxlparity_models = net.xlsx = nothing\n")
    result = pytester.runpytest("--xlparity-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*xlparity_models: net.xlsx: xlparity: 'nothing' names no model*"])


def test_update_without_models_says_where_they_are_named(folder: pytest.Pytester) -> None:
    result = folder.runpytest("--xlparity-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*the ini option xlparity_models names no workbook*"])

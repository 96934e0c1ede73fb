"""The plugin in a pytest of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import openpyxl
import pytest

WORKBOOKS = Path(__file__).parents[2] / "workbooks"

pytest_plugins = ["pytester"]


@pytest.fixture
def folder(pytester: pytest.Pytester) -> pytest.Pytester:
    shutil.copy(WORKBOOKS / "mse.xlsx", pytester.path / "mse.xlsx")
    (pytester.path / "~$mse.xlsx").write_bytes(b"lock")
    openpyxl.Workbook().save(pytester.path / "no_map.xlsx")
    return pytester


def test_it_is_off_unless_asked_for(folder: pytest.Pytester) -> None:
    folder.runpytest().assert_outcomes()


def test_every_tensor_is_a_test(folder: pytest.Pytester) -> None:
    result = folder.runpytest("--xlparity", "-v")
    result.assert_outcomes(passed=20)
    result.stdout.fnmatch_lines(["*mse.xlsx::squared_error PASSED*", "*mse.xlsx::loss PASSED*", "*loss (expected)*"])


def test_the_ini_file_can_ask(folder: pytest.Pytester) -> None:
    folder.makeini("[pytest]\nxlparity = true\n")
    folder.runpytest().assert_outcomes(passed=20)


def test_a_failure_shows_the_worst_cells_and_no_traceback(folder: pytest.Pytester) -> None:
    book = openpyxl.load_workbook(folder.path / "mse.xlsx")
    book["MSE"]["D6"] = "=SUM(D2:D3)"
    book.save(folder.path / "mse.xlsx")
    result = folder.runpytest("--xlparity")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*NO PARITY*", "MSE!D6 (total) is 38.12*, torch has 351.259*", "*fault:*", "*formula =SUM(D2:D3)*"]
    )
    assert "Traceback" not in result.stdout.str()
    assert "pytest_plugin.py" not in result.stdout.str()


def test_a_workbook_that_cannot_be_read_is_an_error_of_one_line(folder: pytest.Pytester) -> None:
    (folder.path / "mse.xlsx").write_bytes(b"not a workbook")
    result = folder.runpytest("--xlparity")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["xlparity: *mse.xlsx*"])

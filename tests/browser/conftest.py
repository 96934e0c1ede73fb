"""A headless Chromium for the tests of the web page: one for all of them, skipped where it is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from selenium import webdriver

import xlparity
from tests.browser.page import Page, started

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    browser = started(tmp_path_factory.mktemp("profile"))
    if browser is None:
        missing = "the browser tests need Chromium and chromedriver (Debian: chromium, chromium-driver)"
        if os.environ.get("XLPARITY_REQUIRE_CHROMIUM") == "1":
            pytest.fail(f"XLPARITY_REQUIRE_CHROMIUM=1, but {missing}", pytrace=False)
        pytest.skip(missing)
    yield browser
    browser.quit()


@pytest.fixture
def page(chromium: webdriver.Chrome, tmp_path: Path) -> Iterator[Page]:
    shown = Page(chromium, tmp_path)
    yield shown
    shown.reset()
    assert shown.complaints() == []


@pytest.fixture(scope="session")
def broken(tmp_path_factory: pytest.TempPathFactory) -> xlparity.Report:
    """The report of mse.xlsx with one wrong formula."""
    path = tmp_path_factory.mktemp("books") / "mse_broken.xlsx"
    book = openpyxl.load_workbook(ROOT / "workbooks" / "mse.xlsx")
    book["MSE"]["D6"] = "=SUM(D2:D3)"
    book.save(path)
    return xlparity.check(path)


@pytest.fixture(scope="session")
def passing() -> xlparity.Report:
    """The report of the lecture's hidden layers, which all agree."""
    return xlparity.check(ROOT / "workbooks" / "hidden_layers.xlsx")

"""LibreOffice's tests: skipped where it is missing, unless the environment says that it must be there."""

from __future__ import annotations

import os
from functools import cache

import pytest

from xlparity.engines.libreoffice import find_office
from xlparity.errors import EngineError


@cache
def _missing() -> str:
    try:
        find_office()
    except EngineError as error:
        return str(error)
    return ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("libreoffice") and _missing():
        if os.environ.get("XLPARITY_REQUIRE_LIBREOFFICE") == "1":
            pytest.fail(f"XLPARITY_REQUIRE_LIBREOFFICE=1, but {_missing()}", pytrace=False)
        pytest.skip(_missing())

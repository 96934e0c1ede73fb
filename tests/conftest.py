"""LibreOffice's tests: skipped where it is missing, unless the environment says that it must be there.

`--hypothesis-profile=long` tries 200 times the examples of every law (see benchmarks/laws.py).
"""

from __future__ import annotations

import os
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

from xlparity.engines.libreoffice import find_office
from xlparity.errors import EngineError

# Whether a law holds does not depend on how busy the machine is.
settings.register_profile("untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
settings.register_profile("long", max_examples=100 * 200, print_blob=True)


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

"""What `xlparity doctor` finds in environments that lack something."""

from __future__ import annotations

from importlib import metadata

import pytest

from xlparity.doctor import Part, examine

REQUIRES = [
    "torch>=2",
    "rich<1",
    "no-such-package>=13",
    'no-such-extra; extra == "ironcalc"',
    'no-lint; extra == "dev"',
]


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Part]:
    monkeypatch.setattr(metadata, "requires", lambda _: REQUIRES)
    return {f"{part.kind} {part.name}".strip(): part for part in examine()}


def test_packages_have_their_versions_and_missing_ones_a_command(parts: dict[str, Part]) -> None:
    assert parts["package torch"] == Part("package", "torch", metadata.version("torch"), needed=True)
    missing = parts["package no-such-package"]
    assert (missing.version, missing.needed) == ("", True)
    assert missing.remedy == 'missing: pip install "no-such-package>=13"'


def test_extras_are_offered_and_developers_tools_are_not(parts: dict[str, Part]) -> None:
    extra = parts["extra ironcalc no-such-extra"]
    assert (extra.remedy, extra.needed) == ('missing: pip install "xlparity[ironcalc]"', False)
    assert not any("no-lint" in name for name in parts)


def test_a_package_of_another_version_is_not_right(parts: dict[str, Part]) -> None:
    part = parts["package rich"]
    assert (part.version, part.needed) == ("", True)
    assert part.remedy == f'{metadata.version("rich")}, but <1 is needed: pip install "rich<1"'


def test_source_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(_: str) -> list[str]:
        raise metadata.PackageNotFoundError("xlparity")

    monkeypatch.setattr(metadata, "requires", requires)
    parts = {part.name: part for part in examine()}
    assert "pip install --editable" in parts["installation"].remedy
    assert "embedded" in parts

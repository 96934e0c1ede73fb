"""Workbooks that other people typed: the check names the faults that are known, and accuses no other cell."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
BOOKS = ROOT.parent / "shared" / "corpus" / "ai-by-hand-excel" / "advanced"

pytestmark = pytest.mark.skipif(
    not BOOKS.exists(), reason="the corpus lies outside the repository, in ../shared/corpus"
)


@pytest.fixture(scope="module")
def study() -> ModuleType:
    """benchmarks/real_workbooks.py, which holds a workbook to the notes beside its map."""
    spec = importlib.util.spec_from_file_location("real_workbooks", ROOT / "benchmarks" / "real_workbooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "formulas", "match", "fault"),
    [
        ("Multi-Layer Perceptron", 1164, 1164, 0),
        ("Self-Attention", 1552, 1552, 0),
        ("Multihead-Attention", 678, 678, 0),
        ("Transformer", 394, 368, 26),
    ],
)
def test_the_faults_of_a_real_workbook_are_exactly_the_explained_ones(
    study: ModuleType, name: str, formulas: int, match: int, fault: int
) -> None:
    path = study.MAPS / "ai-by-hand-excel" / "advanced" / f"{name}.parity.toml"
    outcome = study.held(path, ("embedded",), 0)
    assert outcome.unexplained == ()
    assert (outcome.report.coverage.formulas, outcome.report.coverage.mapped) == (formulas, formulas)
    counts = {verdict: count for verdict, count in outcome.report.counts.items() if count}
    assert counts == {verdict: count for verdict, count in (("match", match), ("fault", fault)) if count}


def test_every_map_has_its_workbook_and_notes_of_a_known_kind(study: ModuleType) -> None:
    maps = sorted(study.MAPS.rglob("*.parity.toml"))
    assert len(maps) >= 9
    for path in maps:
        assert study.workbook_of(path).exists()
        assert {one.kind for one in study.deviations_of(path)} <= set(study.KINDS)

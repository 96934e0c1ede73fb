"""A few of the networks that benchmarks/soundness.py studies by the hundred: no bound is violated."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import soundness
from benchmarks.soundness import Study, study_one
from xlparity.check.judge import within_rounding
from xlparity.engines.embedded import EmbeddedEngine


@pytest.mark.parametrize("seed", [2, 15])
def test_no_bound_of_a_random_network_is_violated(seed: int, tmp_path: Path) -> None:
    study = Study()
    study_one(seed, [EmbeddedEngine()], tmp_path, study)
    assert study.networks == 1
    assert study.violated == 0
    assert study.rounded > 300
    for group in (study.stepwise, study.printed):
        for tally in group.values():
            assert tally.faults_seen == tally.faults > 0


def test_bounds_that_are_too_narrow_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def narrowed(program, given, half_units):  # type: ignore[no-untyped-def]
        return within_rounding(program, given, {name: array / 2 for name, array in half_units.items()})

    monkeypatch.setattr(soundness, "within_rounding", narrowed)
    study = Study()
    study_one(2, [EmbeddedEngine()], tmp_path, study)
    assert study.violated > 10
    assert study.first_order_fails > 10

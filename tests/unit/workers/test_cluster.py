"""The same on a Ray cluster of several processes, one of whose workers is killed in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from xlparity.errors import EngineError
from xlparity.workers.attempt import Limits
from xlparity.workers.cluster import run_on_cluster

ROOT = Path(__file__).parents[3]
# In a process of its own: Ray leaves threads and handlers behind.
SCRIPT = """
import json, sys
from ray.cluster_utils import Cluster
from tests.unit.workers.tasks import task
from xlparity.workers.attempt import Limits, Lost
from xlparity.workers.cluster import run_on_cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1)
arguments = ["good 1", "crash", "good 2", "die once", "hog", "good 3", "hang", "good 4", "raise", "good 5"]
shared = {"greeting": "hello", "folder": sys.argv[1]}
found = {}
for number, result in run_on_cluster(
    task, arguments, shared, address=cluster.address, jobs=None, limits=Limits(3.0, 0.5)
):
    found[arguments[number]] = [result.ending.name, result.because] if isinstance(result, Lost) else result
print(json.dumps(found))
cluster.shutdown()
"""


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'xlparity[cluster]'")
def test_a_worker_that_is_killed_costs_nothing_and_one_that_crashes_again_its_argument(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path], capture_output=True, text=True, cwd=ROOT, timeout=180, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    good = {name: result for name, result in found.items() if name.startswith("good") or name == "die once"}
    assert len(good) == 6
    assert all((name, "hello") == (result[0], result[2]) for name, result in good.items())
    assert {name: result[0] for name, result in found.items() if name not in good} == {
        "crash": "CRASHED", "hog": "MEMORY", "hang": "TIMEOUT", "raise": "DEFECT",
    }  # fmt: skip
    assert "crashed twice" in found["crash"][1]


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'xlparity[cluster]'")
def test_a_cluster_that_is_not_there_is_one_clear_line() -> None:
    script = "from xlparity.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "check", "workbooks", "--cluster", "127.0.0.1:1"],
        capture_output=True, text=True, cwd=ROOT, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("xlparity: the Ray cluster 127.0.0.1:1 cannot be reached")
    assert len(done.stderr.splitlines()) == 1


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xlparity.workers.cluster.find_spec", lambda _: None)
    with pytest.raises(EngineError, match=r"pip install 'xlparity\[cluster\]'"):
        list(run_on_cluster(len, [], None, address="auto", jobs=1, limits=Limits()))

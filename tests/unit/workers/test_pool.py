"""Worker processes: whatever one argument does, all others get their results."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.workers.tasks import task
from xlparity.many import PRELOAD  # for all tests in a process are forked from one server
from xlparity.model.outcome import Ending
from xlparity.workers.attempt import Limits, Lost
from xlparity.workers.pool import run_in_pool

ROOT = Path(__file__).parents[3]
SHARED = {"greeting": "hello"}


def results(arguments: list[str], jobs: int = 2, seconds: float = 2.0) -> dict[str, object]:
    stream = run_in_pool(task, arguments, SHARED, jobs=jobs, limits=Limits(seconds, 0.3), preload=PRELOAD)
    return {arguments[number]: result for number, result in stream}


def test_what_goes_wrong_costs_one_argument_and_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    bad = ["crash", "hang", "leave", "hog", "raise", "exit", "unpicklable", "die"]
    good = [f"good {number}" for number in range(12)] + ["print"]
    mixed = [each for pair in zip(good, bad, strict=False) for each in pair] + good[len(bad) :]
    found = results(mixed)
    assert found.keys() == set(mixed)
    for each in good:
        said, process, greeting = found[each]
        assert (said, greeting) == (each, "hello")
        assert process != os.getpid()
    lost = {each: found[each] for each in bad}
    assert all(isinstance(result, Lost) for result in lost.values())
    assert {each: result.ending for each, result in lost.items()} == {
        "crash": Ending.CRASHED, "leave": Ending.CRASHED, "die": Ending.CRASHED, "hang": Ending.TIMEOUT,
        "hog": Ending.MEMORY, "raise": Ending.DEFECT, "exit": Ending.DEFECT, "unpicklable": Ending.DEFECT,
    }  # fmt: skip
    for each, words in {
        "crash": "SIGSEGV", "leave": "exit code 3", "die": "SIGKILL", "hang": "more than 2 s",
        "hog": "more memory than 0.3 GB", "raise": "ValueError: a defect", "exit": "SystemExit",
    }.items():  # fmt: skip
        assert words in lost[each].because
    assert capfd.readouterr() == ("", "")


def test_a_worker_does_many_arguments() -> None:
    found = results([str(number) for number in range(40)])
    assert len({process for _, process, _ in found.values()}) <= 2


def test_a_worker_that_is_killed_while_it_rests_costs_nothing() -> None:
    def feed() -> Iterator[str]:
        yield "die idle"
        time.sleep(1)  # pebble takes this for the end of all its workers, and gives up
        yield from ("second", "third")

    stream = run_in_pool(task, feed(), SHARED, jobs=1, limits=Limits(20.0), preload=PRELOAD)
    found = dict(stream)
    assert [found[number][0] for number in range(3)] == ["die idle", "second", "third"]


def test_arguments_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def feed() -> Iterator[str]:
        for number in range(100):
            taken.append(number)
            yield str(number)

    stream = run_in_pool(task, feed(), SHARED, jobs=2, limits=Limits(), preload=PRELOAD)
    next(stream)
    assert len(taken) <= 5
    stream.close()


def test_closing_ends_all_workers_at_once() -> None:
    before = {process.pid for process in multiprocessing.active_children()}
    stream = run_in_pool(task, ["first", "hang", "stuck"], SHARED, jobs=2, limits=Limits(), preload=PRELOAD)
    next(stream)
    time.sleep(0.3)
    began = time.monotonic()
    stream.close()
    assert time.monotonic() - began < 2
    assert {process.pid for process in multiprocessing.active_children()} <= before


SCRIPT = """
from tests.unit.workers.tasks import task
from xlparity.workers.attempt import Limits
from xlparity.workers.pool import run_in_pool

for number, result in run_in_pool(task, ["first", "stuck", "hang"], {"greeting": ""}, jobs=2, limits=Limits()):
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells a worker that its parent has ended")
def test_workers_end_with_their_parent_whatever_they_are_doing() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
        start_new_session=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert parent.stdout is not None
    assert parent.stdout.readline() == "0\n"
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    until = time.monotonic() + 20
    while left := _in_session(parent.pid):
        assert time.monotonic() < until, left
        time.sleep(0.05)
    parent.stdout.close()


def _in_session(leader: int) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "sid=,pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(leader)]

"""A thousand workbooks with crashes, hangs and memory hogs among them: who is named, who is not, and how fast.

`python benchmarks/many.py` writes docs/benchmarks/many.md (`--books N` and `--no-page` for a try). The faults are
injected by `benchmarks/faults.py`, which the workers call in the place of xlparity's own check.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import openpyxl

ROOT = Path(__file__).parents[1]
SECONDS, GIGABYTES, SAMPLES = 15, 1, 20
EXERCISE = {
    "A1": "x", "B1": "w", "C1": "x * w", "B2": 0.4, "B3": 0.3, "B4": 2, "C2": "=A2*B2", "C3": "=A3*B3", "C4": "=A4*B4",
    "A6": "total", "C6": "=SUM(C2:C4)", "A7": "bias", "C7": 0.1, "A8": "n", "C8": "=C6+C7", "A9": "ReLU", "C9": "=MAX(0,C8)",
}  # fmt: skip
SLIPS = {"C3": "=A3*B2", "C6": "=SUM(C2:C3)", "C8": 0.7, "C9": "=ABS(C8)"}
INJECTED = {"crash": "crashed", "hang": "timed out", "hog": "out of memory"}


@dataclass(frozen=True)
class Ran:
    """One run of the command line: its code, seconds, summary, the lines that it wrote, and the load at its start.

    `busy` are the seconds of processor time of each process in the command's session.
    """

    code: int
    seconds: float
    busy: list[float]
    table: str
    lines: dict[str, dict[str, Any]]
    load: float


def hand_in(folder: Path, books: int, seed: int = 1) -> dict[str, tuple[str, str]]:
    """A class's workbooks, each with inputs of its own; by path what must be found: verdict and wrong cell."""
    chance = random.Random(seed)
    kinds = [
        name for name, share in (("crash", 0.02), ("hang", 0.008), ("hog", 0.012)) for _ in range(round(books * share))
    ]
    kinds += [cell for cell in SLIPS for _ in range(books // 40)]
    kinds += ["right"] * (books - len(kinds))
    chance.shuffle(kinds)
    truth = {}
    folder.mkdir()
    for number, kind in enumerate(kinds):
        cells = EXERCISE | {f"A{row}": round(chance.uniform(-3, 3), 2) for row in (2, 3, 4)}
        cells |= {kind: SLIPS[kind]} if kind in SLIPS else {}
        name = f"{kind if kind in INJECTED else 'student'}_{number:04}.xlsx"
        write(folder / name, cells)
        found = (
            ("parity", "") if kind == "right" else (INJECTED.get(kind, "differences"), (SLIPS.get(kind) and kind) or "")
        )
        truth[f"class/{name}"] = found
    write(folder.parent / "solution.xlsx", EXERCISE | {"A2": 1.5, "A3": -2, "A4": 0.25})
    return truth


def write(path: Path, cells: dict[str, object]) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Neuron"
    for cell, content in cells.items():
        book.active[cell] = content
    book.save(path)


def command(output: str, *options: str, folder: str = "class") -> list[str]:
    return [
        sys.executable, "-m", "benchmarks.faults", "check", folder, "--against", "solution.xlsx", "--samples", str(SAMPLES),
        "--timeout", str(SECONDS), "--memory", str(GIGABYTES), "--format", "jsonl", "--output", output, *options,
    ]  # fmt: skip


def run(
    place: Path, arguments: list[str], output: str, meanwhile: Callable[[subprocess.Popen[str]], None] | None = None
) -> Ran:
    load, began = os.getloadavg()[0], time.monotonic()
    process = subprocess.Popen(
        arguments, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    busy: dict[str, float] = {}
    over = threading.Event()
    watch = threading.Thread(target=processor_times, args=(process.pid, busy, over))
    watch.start()
    if meanwhile is not None:
        meanwhile(process)
    table, said = process.communicate()
    seconds = time.monotonic() - began
    over.set()
    watch.join()
    if process.returncode in (2, 3) and not table:
        raise SystemExit(f"{' '.join(arguments)}: {said}")
    file = place / output
    whole = [json.loads(line) for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    print(f"{' '.join(arguments[3:])}: {seconds:.0f} s, load {load:.1f}, {len(whole)} lines", file=sys.stderr)
    return Ran(
        process.returncode,
        seconds,
        sorted(busy.values(), reverse=True),
        table,
        {line["workbook"]: line for line in whole},
        load,
    )


def processor_times(leader: int, busy: dict[str, float], over: threading.Event) -> None:
    """Notes the processor time of every process in a session, by its number, until it is over."""
    tick = os.sysconf("SC_CLK_TCK")
    while not over.wait(0.2):
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[3]) == leader:
                    busy[stat.parent.name] = (int(fields[11]) + int(fields[12])) / tick


def wrong(ran: Ran, truth: dict[str, tuple[str, str]]) -> list[str]:
    """The workbooks of which something else was said than is true."""
    bad = []
    for path, (verdict, cell) in truth.items():
        line = ran.lines.get(path)
        if line is None:
            bad.append(f"{path}: missing")
            continue
        faults = [each["cell"] for each in (line["report"] or {"cells": []})["cells"] if each["verdict"] == "fault"]
        if line["verdict"] != verdict or faults != ([f"Neuron!{cell}"] if cell else []):
            bad.append(f"{path}: {line['verdict']} {faults} where {verdict} {cell} is true")
    return bad


def in_session(leader: int) -> int:
    listed = subprocess.run(["ps", "-eo", "sid="], capture_output=True, text=True, check=True).stdout
    return listed.split().count(str(leader))


def without_seconds(table: str) -> str:
    return re.sub(r" +\d+\.\d$", "", table, flags=re.M)


def reports(ran: Ran) -> dict[str, Any]:
    return {path: line["report"] for path, line in ran.lines.items()}


def interrupted(place: Path, books: int) -> tuple[Ran, int, float, Ran]:
    """A run that is killed at half the workbooks, what is left of it, and the one that goes on."""
    left: list[float] = []

    def kill_at_half(process: subprocess.Popen[str]) -> None:
        file = place / "killed.jsonl"
        while not file.exists() or file.read_bytes().count(b"\n") < books // 2:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        began = time.monotonic()
        process.wait()
        while in_session(process.pid) and time.monotonic() - began < 60:
            time.sleep(0.02)
        left.extend((in_session(process.pid), time.monotonic() - began))

    first = run(place, command("killed.jsonl", "--jobs", "2"), "killed.jsonl", kill_at_half)
    half = len(first.lines)
    with (place / "killed.jsonl").open("ab") as file:  # as if the last line had been cut
        file.write(b'{"workbook": "class/student')
    second = run(place, command("killed.jsonl", "--jobs", "2", "--resume"), "killed.jsonl")
    assert left[0] == 0, "processes are left"
    return first, half, left[1], second


def on_ray(place: Path, books: int) -> tuple[Ran, str]:
    """On a local Ray cluster of two nodes, one of whose workers is killed at a third of the workbooks."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    os.environ["PYTHONPATH"] = str(ROOT)
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    killed: list[str] = []

    def kill_a_worker(process: subprocess.Popen[str]) -> None:
        file = place / "ray.jsonl"
        while not file.exists() or file.read_bytes().count(b"\n") < books // 3:
            time.sleep(0.05)
        while not killed and process.poll() is None:
            listed = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
            for line in listed.splitlines():
                if "ray::_Worker.work" in line:
                    os.kill(int(line.split()[0]), signal.SIGKILL)
                    killed.append(line)
                    break

    ran = run(place, command("ray.jsonl", "--cluster", cluster.address), "ray.jsonl", kill_a_worker)
    cluster.shutdown()
    return ran, killed[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--books", type=int, default=1000)
    parser.add_argument("--no-page", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        truth = hand_in(place / "class", options.books)
        one = run(place, command("one.jsonl", "--jobs", "1"), "one.jsonl")
        two = run(place, command("two.jsonl", "--jobs", "2"), "two.jsonl")
        (place / "clean").mkdir()
        for path, (verdict, _) in list(truth.items())[: options.books // 2]:
            if verdict in ("parity", "differences"):
                shutil.copy(place / path, place / "clean")
        clean = [
            run(place, command(f"clean{jobs}.jsonl", "--jobs", jobs, folder="clean"), f"clean{jobs}.jsonl")
            for jobs in ("1", "2")
        ]
        first, half, ended, resumed = interrupted(place, options.books)
        ray = on_ray(place, options.books)[0] if find_spec("ray") else None
    runs = {"1 process": one, "2 processes": two, "killed at half, then `--resume`": resumed}
    runs |= {} if ray is None else {"Ray, 2 nodes, a worker killed": ray}
    bad = {what: wrong(ran, truth) for what, ran in runs.items()}
    for what, said in bad.items():
        print(what, *said[:10], sep="\n  ", file=sys.stderr)
    injected = Counter(verdict for verdict, _ in truth.values())
    rows = [
        f"| {what} | {len(ran.lines):,} | {len(bad[what])} | {ran.seconds + (first.seconds if ran is resumed else 0):.0f} s "
        f"| {ran.load:.1f} |"
        for what, ran in runs.items()
    ]
    same = reports(one) == reports(two) == reports(resumed)
    same_on_ray = "" if ray is None else (
        f" Ray's reports are {'the same too' if _but_stopped(ray) == _but_stopped(two) else 'NOT the same'}."
    )  # fmt: skip
    rates = [len(ran.lines) / ran.seconds for ran in clean]
    page = f"""# Many workbooks

Made by `nice python benchmarks/many.py` (pebble {version("pebble")}, {f"Ray {version('ray')}" if ray else "no Ray"}, {os.cpu_count()} cores, which other
work shared: the load is the number of runnable processes as each run began); not edited by hand. {options.books:,} workbooks of a
[class](../how-to/grade-a-class.md), each with inputs of its own: {injected["parity"]} right, {injected["differences"]} with a slip in one of
{len(SLIPS)} cells, and {injected["crashed"]} at which the check gets a segmentation fault, {injected["timed out"]} at which it hangs,
{injected["out of memory"]} at which it takes memory without end (`benchmarks/faults.py`). They are checked against a solution with
`--samples {SAMPLES} --timeout {SECONDS} --memory {GIGABYTES}`. *Wrong* counts the workbooks of which anything else was said than is true: a
right one not at parity, a slip in another cell or in more than one, a crash, a hang or a hog that is not named as such.

| run | workbooks | wrong | time | load |
|---|---|---|---|---|
{chr(10).join(rows)}

The reports of the runs on this machine are {"the same, byte for byte" if same else "NOT the same"}.{same_on_ray} The run that was killed
(SIGKILL to the command, not to its workers) left {half:,} whole lines, and no process {ended:.1f} s later; a line cut in its middle was
added to its file; resumed, it gave {"the same table as the run that was not" if without_seconds(resumed.table) == without_seconds(two.table) else "ANOTHER table"},
but for the seconds. On Ray the killed worker's workbook was checked by another.

{len(clean[0].lines)} of the workbooks without crashes, hangs and hogs: {rates[0]:.1f} a second by one process, {rates[1]:.1f} by two, the start
of the processes included ({clean[0].seconds:.0f} s and {clean[1].seconds:.0f} s, loads {clean[0].load:.1f} and {clean[1].load:.1f}): {rates[1] / rates[0]:.2f} times as many.
Cores that are shared with other work say little of that, since Linux gives each command, not each of its processes, the same share.
What does not depend on it is processor time: {sum(clean[0].busy):.0f} s in all with one process and {sum(clean[1].busy):.0f} s with two, of which the busiest
process has {clean[0].busy[0]:.0f} s and {clean[1].busy[0]:.0f} s. So much would two free cores gain, but for the start of the processes; it has
not been measured on free cores.
"""
    if options.no_page:
        print(page)
    else:
        (ROOT / "docs" / "benchmarks" / "many.md").write_text(page)


def _but_stopped(ran: Ran) -> dict[str, Any]:
    return {path: report for path, report in reports(ran).items() if report is not None}


if __name__ == "__main__":
    main()

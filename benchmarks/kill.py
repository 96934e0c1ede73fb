"""Kill commands at random moments, and fill the disk: writes docs/benchmarks/kill.md.

python benchmarks/kill.py [RUNS]            so many kills a command, 200 by default; another number is only printed

What a command came to is kept in build/kill, and not run again as long as it stands there.

The disk is a file system of 1 MiB (which takes root), and a limit on the size of files. Each run is a process that has xlparity imported, so that the kills fall into its work. Half of them come at any moment of
the command, by its processor time, half in the time from the first file that it writes to its end; the signals are drawn too. A kill
that comes when the last file is whole does not count, and another one is drawn. In every other run there is an old file. Afterwards each result must be the old file, or none, or the whole new one byte for byte, and nothing else may lie
beside it: what a kill left is counted, and whether the next run of the command removed it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs" / "benchmarks" / "kill.md"
RUNS = 200
LINES = "check, JSON lines"
FORMS = ("check, text", "check, JUnit", "check, GitHub", "check, SARIF")  # one file by one way: a quarter of the kills
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MODEL = """import torch
net = torch.nn.Linear(3, 2)
"""
# The command's arguments, and the files that it writes.
COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "generate": (
        ["generate", "model.py:net", "--inputs", "x.csv", "-o", "net.xlsx"],
        ["net.xlsx"],
    ),
    "check, HTML and JSON": (
        ["check", "book.xlsx", "--html", "o.html", "--format", "json", "--output", "o.json"], ["o.html", "o.json"],
    ),
    "check, text": (["check", "book.xlsx", "--output", "o.txt"], ["o.txt"]),
    "check, JUnit": (["check", "book.xlsx", "--format", "junit", "--output", "o.xml"], ["o.xml"]),
    "check, GitHub": (["check", "book.xlsx", "--format", "github", "--output", "o.txt"], ["o.txt"]),
    "check, SARIF": (["check", "book.xlsx", "--format", "sarif", "--output", "o.sarif"], ["o.sarif"]),
    "check, annotated copy": (["check", "book.xlsx", "--annotate", "o.xlsx"], ["o.xlsx"]),
    "calc": (["calc", "book.xlsx", "-o", "o.xlsx"], ["o.xlsx"]),
    "init": (["init", "book.xlsx", "-o", "o.toml", "--force"], ["o.toml"]),
}  # fmt: skip


def prepare(folder: Path) -> None:
    """The inputs: a workbook with a wrong cell, a model, its data; none may be written."""
    from xlparity.formula.a1 import parse_cell
    from xlparity.xlsx.edit import replace_formula

    replace_formula(ROOT / "workbooks" / "mse.xlsx", parse_cell("MSE!D6"), "SUM(D2:D3)", folder / "book.xlsx")
    (folder / "model.py").write_text(MODEL)
    (folder / "x.csv").write_text("1,2,3\n0.5,-1,2\n")
    (folder / "y.csv").write_text("1,0\n0,1\n")
    for path in folder.iterdir():
        path.chmod(0o444)


def load() -> None:
    """Import what the commands need, once for all."""
    for name in (
        "xlparity.cli", "xlparity.check.check", "xlparity.compiler.compile", "xlparity.generating", "xlparity.proposing.propose",
        "xlparity.report.html", "xlparity.report.annotated", "xlparity.report.junit", "xlparity.target", "torch.export",
    ):  # fmt: skip
        importlib.import_module(name)


def start(folder: Path, arguments: list[str], before: Callable[[], object] = lambda: None) -> int:
    """The command as a process of its own in `folder`, without output."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.chdir(folder)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        sys.stdout, sys.stderr = io.TextIOWrapper(io.FileIO(1, "w")), io.TextIOWrapper(io.FileIO(2, "w"))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        before()
        from xlparity import cli

        cli.main(arguments)
    except SystemExit as end:
        os._exit(int(end.code or 0))
    except BaseException:
        os._exit(99)
    os._exit(0)


def content(folder: Path) -> dict[str, str]:
    """Every file with its hash."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "__pycache__"
    }


def prepared(folder: Path) -> dict[str, str]:
    """Make `folder` anew with what the commands read; its files with their hashes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    prepare(folder)
    return content(folder)


def killed(name: str, runs: int, work: Path, drawn: random.Random) -> dict[str, int]:
    """The outcomes of so many kills of one command."""
    arguments, results = COMMANDS[name]
    folder = work / "run"
    inputs = prepared(folder)
    work_seconds, writing = [], []
    for _ in range(3):
        spent, since = measured(folder, arguments)
        work_seconds.append(spent)
        writing.append(since)
    new = content(folder)
    again = {**new}
    os.waitpid(start(folder, arguments), 0)
    if content(folder) != again or not all(result in new for result in results):
        raise SystemExit(f"{name}: does not give the same bytes each time, or not all its files")
    counts: Counter[str] = Counter()
    number = 0
    while counts["kills"] < runs and number < 10 * runs:
        number += 1
        for path in folder.iterdir():
            if path.name not in inputs and path.name != "__pycache__":
                path.unlink()
        if number % 2:
            for result in results:
                (folder / result).write_bytes(b"old")
        old = content(folder)
        chosen = drawn.choice(SIGNALS)
        if number % 4 < 2:
            pid = start(folder, arguments)
            wait_for_work(pid, drawn.uniform(0, max(work_seconds)))
            os.kill(pid, chosen)
        else:
            pid = start(folder, arguments, partial(while_writing, drawn.uniform(0, max(writing)), chosen))
        os.waitpid(pid, 0)
        now = content(folder)
        finished = all(now.get(result) == new[result] for result in results)
        counts["too late" if finished else "kills"] += 1
        if any(now.get(result) not in (old.get(result), new[result]) for result in results):
            counts["half-written"] += 1
        if any(now.get(one) != inputs[one] for one in inputs):
            counts["input changed"] += 1
        left = now.keys() - inputs.keys() - set(results)
        if left:
            counts["leftovers"] += 1
            os.waitpid(start(folder, arguments), 0)
            counts["leftovers after the next run"] += bool(content(folder).keys() - inputs.keys() - set(results))
    return counts


def measured(folder: Path, arguments: list[str]) -> tuple[float, float]:
    """The processor time of one run of the command, and the time by the clock from its first file to its end."""
    read, write = os.pipe()
    pid = start(folder, arguments, lambda: at_first_file(lambda: os.write(write, str(time.monotonic()).encode())))
    os.close(write)
    _, _, used = os.wait4(pid, 0)
    end = time.monotonic()
    with os.fdopen(read) as pipe:
        return used.ru_utime + used.ru_stime, end - float(pipe.read())


def wait_for_work(pid: int, seconds: float) -> None:
    """Wait until a child has used so much processor time, or has ended."""
    clock = (~pid << 3) | 2  # the clock of a process, as Linux numbers it
    while time.clock_gettime(clock) < seconds:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.0005)


def while_writing(seconds: float, chosen: signal.Signals) -> None:
    """Have this process killed so many seconds after it began to write its first file."""
    at_first_file(lambda: threading.Timer(seconds, os.kill, (os.getpid(), chosen)).start())


def at_first_file(act: Callable[[], object]) -> None:
    """Have this process do something as soon as it writes a file."""
    aside = importlib.import_module("xlparity.xlsx.aside")
    opened, began = aside._opened, []

    def watched(hidden: Path) -> tuple[int, bool]:
        if not began:
            began.append(act())
        return opened(hidden)

    aside._opened = watched


def interrupted(runs: int, work: Path, drawn: random.Random) -> dict[str, int]:
    """The outcomes of so many kills of a check of three workbooks as JSON lines, by processes of its own."""
    folder, lines = work / "lines", work / "lines" / "o.jsonl"
    prepared(folder)
    books = ["book.xlsx", "second.xlsx", "third.xlsx"]
    for book in books[1:]:
        shutil.copy(folder / books[0], folder / book)
    inputs = content(folder)
    arguments = ["check", *books, "--format", "jsonl", "--output", lines.name, "--jobs", "1", "--resume"]
    began = time.monotonic()
    os.waitpid(start(folder, arguments), 0)
    seconds = time.monotonic() - began
    counts: Counter[str] = Counter()
    number = 0
    while counts["kills"] < runs and number < 10 * runs:
        number += 1
        lines.unlink(missing_ok=True)
        pid = start(folder, arguments)
        if number % 2:
            time.sleep(drawn.uniform(0, 1.1) * seconds)
        else:  # most of that time a process starts, so half come once the first workbook is through
            until = time.monotonic() + 60
            while not whole_lines(lines) and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(drawn.uniform(0, 0.1) * seconds)
        os.kill(pid, drawn.choice(SIGNALS))
        os.waitpid(pid, 0)
        if len(whole_lines(lines)) == len(books):
            counts["too late"] += 1
            continue
        counts["kills"] += 1
        until = time.monotonic() + 10
        while processes_in(folder) and time.monotonic() < until:
            time.sleep(0.05)
        counts["processes left"] += bool(processes_in(folder))
        before = [json.loads(line) for line in whole_lines(lines)]
        counts["with lines"] += len(before) > 0
        os.waitpid(start(folder, arguments), 0)
        after = [json.loads(line) for line in whole_lines(lines)]
        counts["lost or twice"] += after[: len(before)] != before or sorted(line["workbook"] for line in after) != books
        counts["leftovers"] += content(folder).keys() != inputs.keys() | {lines.name}
        counts["input changed"] += any(content(folder)[one] != inputs[one] for one in inputs)
    return counts


def whole_lines(path: Path) -> list[bytes]:
    """The lines of a file that end, none if there is no file."""
    return [line for line in path.read_bytes().splitlines(True) if line.endswith(b"\n")] if path.exists() else []


def processes_in(folder: Path) -> list[Path]:
    """The processes that work in `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if (process / "cwd").readlink() == folder:
                found.append(process)
    return found


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Whether `folder` could be made a file system of 1 MiB of its own."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    made = subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode == 0
    try:
        yield made
    finally:
        if made:
            subprocess.run(["umount", str(folder)], check=True)


def full(name: str, folder: Path, sizes: int, drawn: random.Random, limited: bool) -> dict[str, int]:
    """The outcomes where files may not grow beyond some random size (`limited`), or the disk has no more room than that."""
    arguments, results = COMMANDS[name]
    inputs = prepared(folder)
    os.waitpid(start(folder, arguments), 0)
    new = content(folder)
    largest = max((folder / result).stat().st_size for result in results)
    counts: Counter[str] = Counter()
    for number in range(sizes):
        for result in results:
            (folder / result).unlink(missing_ok=True)
            if number % 2:
                (folder / result).write_bytes(b"old")
        old = content(folder)
        size = drawn.randrange(largest)

        def limit(size: int = size) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        rest = folder.parent / "rest"  # on the small disk, which it fills but for `size`
        if not limited:
            disk = os.statvfs(folder)
            rest.write_bytes(bytes((disk.f_bavail - size // disk.f_frsize) * disk.f_frsize))
        _, status = os.waitpid(start(folder, arguments, limit if limited else lambda: None), 0)
        rest.unlink(missing_ok=True)
        now = content(folder)
        counts["full disks"] += 1
        counts["exit code 2"] += os.waitstatus_to_exitcode(status) == 2
        counts["half-written"] += any(now.get(result) not in (old.get(result), new[result]) for result in results)
        counts["leftovers"] += bool(now.keys() - inputs.keys() - set(results))
    return counts


def study(name: str, runs: int, work: Path) -> dict[str, Any]:
    """The outcomes of one command's kills and full disks, or of the check of several workbooks (LINES)."""
    drawn = random.Random(name)
    began = time.monotonic()
    if name == LINES:
        return {"kills": interrupted(max(runs // 5, 4), work, drawn), "minutes": (time.monotonic() - began) / 60}
    disks = []
    runs = max(runs // 4, 4) if name in FORMS else runs
    kills = killed(name, runs, work, drawn)
    with small_disk(work / "small") as made:
        for how, limited in (("no file may grow", True), *([("the disk is full", False)] if made else [])):
            disks.append([how, full(name, work / "small" / "run", max(runs // 20, 4), drawn, limited)])
    shutil.rmtree(work / "small")
    return {"kills": kills, "disks": disks, "minutes": (time.monotonic() - began) / 60}


def main() -> None:
    """Run what has no outcomes in build/kill and write the page."""
    runs = int(sys.argv[1]) if sys.argv[1:] else RUNS
    load()
    columns = ("kills", "too late", "half-written", "input changed", "leftovers", "leftovers after the next run")
    kept = ROOT / "build" / ("kill" if runs == RUNS else f"kill-{runs}")
    kept.mkdir(parents=True, exist_ok=True)
    done: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as work:
        for name in [*COMMANDS, LINES]:
            path = kept / f"{name}.json"
            if not path.exists():
                path.write_text(json.dumps(study(name, runs, Path(work))))
            done[name] = json.loads(path.read_text())
            print(name, done[name], flush=True)
    minutes = sum(each["minutes"] for each in done.values())
    lines = Counter(done.pop(LINES)["kills"])
    kills = [
        f"| {name} | " + " | ".join(str(each["kills"].get(column, 0)) for column in columns) + " |"
        for name, each in done.items()
    ]
    disks = [
        f"| {name} | {how} | "
        + " | ".join(str(found.get(one, 0)) for one in ("full disks", "exit code 2", "half-written", "leftovers"))
        + " |"
        for name, each in done.items()
        for how, found in each["disks"]
    ]
    page = f"""# Killed at any moment

Made by `python benchmarks/kill.py` in {minutes:.0f} minutes; not edited by hand. Each command is killed by SIGKILL, SIGTERM or
SIGINT (drawn) at random moments: half of them at any moment of its work (by its processor time), half in the time from the first file that
it writes to its end. A kill that came when the last file was whole (too late) does not count, another was drawn. Every other run finds an old file. Afterwards each result is the old file (or there is none), or the whole new one, byte for byte.

| command | {" | ".join(columns)} |
|---|{"---|" * len(columns)}
{chr(10).join(kills)}

Where files have no name until they are whole (see `xlsx.aside`) a kill leaves nothing; a hidden name exists only for the instant in
which an old file is replaced, and what a kill leaves there the next run of the command removes.

## A full disk

A file system of 1 MiB (tmpfs) that is filled but for a random size smaller than the result; and a limit on the size of files (RLIMIT_FSIZE),
beyond which none may grow. The command says so in one line, exit code 2.

| command | how | runs | exit code 2 | half-written | leftovers |
|---|---|---|---|---|---|
{chr(10).join(disks)}

## JSON lines of several workbooks

Three workbooks, checked one after the other by a process of a pool (`check ... --format jsonl --output F --resume`), the command killed at any
moment (half of them after the first line), then run again. Of {lines["kills"]} kills {lines["with lines"]} came when some workbooks had their lines and some had none;
{lines["too late"]} more came after the last line and do not count.

| after | of {lines["kills"]} |
|---|---|
| the kill: processes that still ran 10 s later | {lines["processes left"]} |
| the next run: a line lost, changed or twice | {lines["lost or twice"]} |
| the next run: other files left | {lines["leftovers"]} |
| the next run: an input changed | {lines["input changed"]} |

A process that is just starting finds out that it is alone once it has imported torch: within 4 s of the kill where the machine is quiet,
after more than 10 s where it is not (this one: load {os.getloadavg()[2]:.0f} on {os.cpu_count()} cores). None was left in the end.
"""
    if runs == RUNS:
        PAGE.write_text(page)
    else:
        print(page)


if __name__ == "__main__":
    main()

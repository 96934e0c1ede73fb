"""Kill commands at random moments, and fill the disk: writes docs/benchmarks/kill.md.

python benchmarks/kill.py [RUNS]            so many kills a command, 200 by default; another number is only printed

Each run is a process that has xlparity imported, so that the kills fall into its work. Half of them come at any moment of
the command, half within the first tenth of a second after it began to write a file; the signals are drawn too. In every
other run there is an old file. Afterwards each result must be the old file, or none, or the whole new one byte for byte, and nothing else may lie
beside it: what a kill left is counted, and whether the next run of the command removed it.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs" / "benchmarks" / "kill.md"
RUNS = 200
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
    "check, JUnit": (["check", "book.xlsx", "--format", "junit", "--output", "o.xml"], ["o.xml"]),
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
    seconds = []
    for _ in range(2):
        began = time.monotonic()
        os.waitpid(start(folder, arguments), 0)
        seconds.append(time.monotonic() - began)
    new = content(folder)
    again = {**new}
    os.waitpid(start(folder, arguments), 0)
    if content(folder) != again or not all(result in new for result in results):
        raise SystemExit(f"{name}: does not give the same bytes each time, or not all its files")
    counts: Counter[str] = Counter()
    for number in range(runs):
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
            time.sleep(drawn.uniform(0, 1.1) * sum(seconds) / len(seconds))
            os.kill(pid, chosen)
        else:
            late = drawn.uniform(0, 0.1) ** 2 * 10  # most of them soon
            pid = start(folder, arguments, partial(while_writing, late, chosen))
        os.waitpid(pid, 0)
        now = content(folder)
        counts["kills"] += 1
        counts["finished before"] += all(now.get(result) == new[result] for result in results)
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


def while_writing(seconds: float, chosen: signal.Signals) -> None:
    """Have this process killed so many seconds after it began to write a file, any of those that it writes."""
    aside = importlib.import_module("xlparity.xlsx.aside")
    opened = aside._opened

    def watched(hidden: Path) -> tuple[int, bool]:
        threading.Timer(seconds, os.kill, (os.getpid(), chosen)).start()
        return opened(hidden)

    aside._opened = watched


def full(name: str, work: Path, sizes: int, drawn: random.Random) -> dict[str, int]:
    """The outcomes where files may not grow beyond some random size, as on a full disk."""
    arguments, results = COMMANDS[name]
    folder = work / "full"
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

        _, status = os.waitpid(start(folder, arguments, limit), 0)
        now = content(folder)
        counts["full disks"] += 1
        counts["exit code 2"] += os.waitstatus_to_exitcode(status) == 2
        counts["half-written"] += any(now.get(result) not in (old.get(result), new[result]) for result in results)
        counts["leftovers"] += bool(now.keys() - inputs.keys() - set(results))
    return counts


def main() -> None:
    """Run all commands and write the page."""
    runs = int(sys.argv[1]) if sys.argv[1:] else RUNS
    load()
    drawn = random.Random(0)
    columns = ("kills", "finished before", "half-written", "input changed", "leftovers", "leftovers after the next run")
    kills, disks = [], []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        for name in COMMANDS:
            found = killed(name, runs, Path(work), drawn)
            kills.append(f"| {name} | " + " | ".join(str(found.get(column, 0)) for column in columns) + " |")
            print(kills[-1], flush=True)
            found = full(name, Path(work), max(runs // 10, 4), drawn)
            disks.append(
                f"| {name} | "
                + " | ".join(
                    str(found.get(one, 0)) for one in ("full disks", "exit code 2", "half-written", "leftovers")
                )
                + " |"
            )
            print(disks[-1], flush=True)
    minutes = (time.monotonic() - began) / 60
    page = f"""# Killed at any moment

Made by `python benchmarks/kill.py` in {minutes:.0f} minutes; not edited by hand. Each command is killed by SIGKILL, SIGTERM or
SIGINT (drawn) at random moments: half of them at any moment of its work, half within the first tenth of a second after it began to
write a file. Every other run finds an old file. Afterwards each result is the old file (or there is none), or the whole new one, byte for byte.

| command | {" | ".join(columns)} |
|---|{"---|" * len(columns)}
{chr(10).join(kills)}

Where files have no name until they are whole (see `xlsx.aside`) a kill leaves nothing; a hidden name exists only for the instant in
which an old file is replaced, and what a kill leaves there the next run of the command removes.

## A full disk

No file may grow beyond a random size smaller than the result (RLIMIT_FSIZE). The command says so in one line, exit code 2.

| command | runs | exit code 2 | half-written | leftovers |
|---|---|---|---|---|
{chr(10).join(disks)}
"""
    if runs == RUNS:
        PAGE.write_text(page)
    else:
        print(page)


if __name__ == "__main__":
    main()

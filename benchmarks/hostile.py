"""Check files, formulas and maps that were built to do harm: writes docs/benchmarks/hostile.md.

python benchmarks/hostile.py [WORD]...      only the kinds with one of the words in their names, printed

Every kind of `tests/hostile` and every file of ../shared/corpus/hostile goes through the commands that read it, each in a
process of its own under the default limits. The processes are copies of one that has xlparity and torch imported, which
takes a fresh one about 2 s more; their memory counts all the same. Formulas that a sound workbook asks for honestly are
checked; all else must be refused in one line. A server listens beside each command: none may ask it anything.
"""

from __future__ import annotations

import importlib
import io
import os
import pickle
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
PAGE = ROOT / "docs" / "benchmarks" / "hostile.md"
CORPUS = ROOT.parent / "shared" / "corpus" / "hostile"
WORKERS = 2  # at a time
MOST_SECONDS, MOST_MEMORY = 10, 1000  # of a command, CPU seconds and MB
# What is right as it stands, so that parity is an honest answer: a label, and a formula that does give 3.
HONEST = {"module that leads elsewhere", "intersection of 10,000 areas", "10,000 per cents", "WEBSERVICE of an error"}


@dataclass
class Run:
    """How one command ended."""

    command: str
    code: int
    line: str
    cpu: float
    wall: float
    memory: float
    problem: str


Write = Callable[[Path, int], list[str]]  # a workbook, given its path and the port of a server; further options


def cases() -> Iterator[tuple[str, str, Write, list[str]]]:
    """Group, name, what writes the workbook, commands."""
    from tests.hostile.active import ACTIVE
    from tests.hostile.busy import BUSY
    from tests.hostile.formulas import FORMULAS, write_formula
    from tests.hostile.generators import GENERATORS
    from tests.hostile.maps import MAPS, OPTIONS, SHEETS, write_map

    def file(generate: Callable[[Path], object]) -> Write:
        def write(path: Path, port: int) -> list[str]:
            generate(path)
            return []

        return write

    def active(name: str) -> Write:
        def write(path: Path, port: int) -> list[str]:
            ACTIVE[name](path, f"http://127.0.0.1:{port}", path.with_name("proof"))
            return []

        return write

    def formula(name: str) -> Write:
        def write(path: Path, port: int) -> list[str]:
            write_formula(FORMULAS[name], path)
            return []

        return write

    def map_(name: str) -> Write:
        def write(path: Path, port: int) -> list[str]:
            write_map(name, path)
            return OPTIONS[name](name, path.parent) if name in OPTIONS else []

        return write

    def found(source: Path) -> Write:
        def write(path: Path, port: int) -> list[str]:
            shutil.copy(source, path)
            return []

        return write

    for name in GENERATORS:
        yield "Files", name, file(GENERATORS[name]), ["check", "calc", "init"]
    for name in BUSY:
        yield "Files with a million of something", name, file(BUSY[name]), ["check", "calc", "init"]
    for name in ACTIVE:
        yield "Files that ask to fetch or to run something", name, active(name), ["check", "calc", "init", "office"]
    for path in sorted(CORPUS.glob("*")):
        yield "Files that fuzzers of other readers found", path.name, found(path), ["check", "calc", "init"]
    for name in FORMULAS:
        yield "Formulas", name, formula(name), ["check", "calc"]
    for name in [*MAPS, *SHEETS, *OPTIONS]:
        yield "Maps and weights", name, map_(name), ["check"]


def run(command: str, path: Path, options: list[str]) -> Run:
    """One command on the workbook, in a process of its own in the workbook's folder."""
    folder = path.parent
    arguments = {
        "check": [
            "check",
            str(path),
            "--html",
            "o.html",
            "--annotate",
            "annotated.xlsx",
            "--output",
            "o.txt",
            *options,
        ],
        "calc": ["calc", str(path), "-o", "calc.xlsx"],
        "init": ["init", str(path), "-o", "init.toml"],
        "office": ["check", str(path), "--engine", "embedded", "--engine", "libreoffice", "--output", "o.txt"],
    }[command]
    before = {each.name for each in folder.iterdir()}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        pid = os.fork()
        if not pid:
            _child(folder, arguments, out.fileno(), err.fileno())
        _, status, used = os.wait4(pid, 0)
        wall = time.monotonic() - began
        out.seek(0)
        err.seek(0)
        said, complained = out.read().decode(errors="replace"), err.read().decode(errors="replace")
    report = folder / "o.txt"
    shown = report.read_text() if report.exists() else said
    code, cpu, memory = os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss / 1000
    line = (complained or shown).strip().split("\n")[0].replace(f"{folder}/", "")
    left = {each.name for each in folder.iterdir()} - before
    problem = ""
    if code not in (0, 1, 2, 3):
        problem = f"ended by signal {-code}"
    elif "Traceback" in said + complained or "internal error" in complained or "failed here" in shown:
        problem = "a defect"
    elif code >= 2 and complained.count("\n") != 1:
        problem = f"{complained.count(chr(10))} lines"
    elif re.search(r"[\x00-\x08\x0b-\x1f\x7f]", said + complained + shown):
        problem = "control characters"
    elif left - {"o.html", "o.txt", "annotated.xlsx", "calc.xlsx", "init.toml", "__pycache__"}:
        problem = f"left {sorted(left)}"
    elif max(cpu, 0) > MOST_SECONDS or memory > MOST_MEMORY:
        problem = "too much"
    return Run(command, code, line, cpu, wall, memory, problem)


def _child(folder: Path, arguments: list[str], out: int, err: int) -> None:
    from xlparity import cli

    os.chdir(folder)
    os.dup2(out, 1)
    os.dup2(err, 2)
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(number, "w")) for number in (1, 2))
    # As a fresh process has it, which has not imported so much beforehand.
    resource.setrlimit(resource.RLIMIT_DATA, (900_000_000, resource.RLIM_INFINITY))
    signal.alarm(120)
    code = cli.run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def all_runs(case: tuple[str, str, Write, list[str]], folder: Path) -> list[Run]:
    """Every command of a case, each on a workbook made anew in `folder`."""
    from tests.listening import nobody_asked

    _, name, write, commands = case
    done = []
    for command in commands:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            with nobody_asked() as port:
                options = write(folder / "book.xlsx", port)
                one = run(command, folder / "book.xlsx", options)
        except AssertionError:
            one.problem = "asked the server"
        if one.code == 0 and command in ("check", "office") and name not in HONEST and not one.problem:
            one.problem = "passed"
        done.append(one)
        print(f"{one.problem or 'ok':12} {one.cpu:5.1f} s {one.memory:5.0f} MB {one.code} {command} {name}", flush=True)
    return done


def escaped(text: str) -> str:
    """`text` for a cell of a table."""
    text = text.removeprefix("xlparity: ")
    text = text if len(text) <= 170 else text[:169] + "…"
    return re.sub(r"([|<>`*_\\])", r"\\\1", text)


def main() -> None:
    """Run everything and write the page."""
    words = sys.argv[1:]
    for name in (
        "xlparity.cli", "xlparity.check.check", "xlparity.proposing.propose", "xlparity.report.html", "xlparity.report.annotated",
        "xlparity.target",
    ):  # fmt: skip
        importlib.import_module(name)
    began = time.monotonic()
    chosen = [case for case in cases() if not words or any(word in case[1] for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        workers = []
        for at in range(WORKERS):
            workers.append(os.fork())
            if not workers[-1]:
                done = [
                    (number, all_runs(chosen[number], Path(folder, str(at))))
                    for number in range(at, len(chosen), WORKERS)
                ]
                Path(folder, f"{at}.pickle").write_bytes(pickle.dumps(done))
                os._exit(0)
        for worker in workers:
            os.waitpid(worker, 0)
        found = dict(pair for at in range(WORKERS) for pair in pickle.loads(Path(folder, f"{at}.pickle").read_bytes()))
    groups: dict[str, list[str]] = {}
    problems, runs = [], []
    for number, (group, name, _, _) in enumerate(chosen):
        done = found[number]
        runs += done
        problems += [f"{name}, {one.command}: {one.problem}" for one in done if one.problem]
        codes = ", ".join(f"{one.command} {one.code}" for one in done)
        groups.setdefault(group, []).append(
            f"| {escaped(name)} | {codes} | {escaped(done[0].line)} | {max(one.cpu for one in done):.1f} | "
            f"{max(one.wall for one in done):.1f} | {max(one.memory for one in done):.0f} |"
        )
    kinds = len(chosen)
    load = os.getloadavg()[1]
    tables = "\n\n".join(
        f"## {group}\n\n| kind | exit codes | what `check` says | CPU s | wall s | MB |\n|---|---|---|---|---|---|\n"
        + "\n".join(rows)
        for group, rows in groups.items()
    )
    page = f"""# Hostile files

Made by `python benchmarks/hostile.py` in {(time.monotonic() - began) / 60:.0f} minutes, on 2 cores with a load of {load:.0f} (other programs
took the rest, so the CPU seconds count); not edited by hand. {kinds} kinds, {len(runs)} runs under the default
[limits](../explanation/limits.md). Seconds and memory are the largest of a kind's commands; a fresh process takes about 2 s more to import
torch, and the memory has it. Exit code 1 is a check in which the cell is named as wrong or undecided, 3 that nothing can be checked. `office` is
`check --engine embedded --engine libreoffice`, without what LibreOffice itself takes; a server on this machine listened beside every command.

Crashes, hangs, tracebacks, silent passes, several lines, control characters, files left, macros run, requests to the server, more than {MOST_SECONDS} s or {MOST_MEMORY} MB: **{len(problems)}**
{"".join(f"- {escaped(one)}{chr(10)}" for one in problems)}
The longest run took {max(one.cpu for one in runs):.1f} CPU s, the largest {max(one.memory for one in runs):.0f} MB.

{tables}
"""
    if words:
        print(problems)
    else:
        PAGE.write_text(page)
        print(len(problems), "problems", *problems, sep="\n")


if __name__ == "__main__":
    main()

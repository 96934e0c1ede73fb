"""Mutation testing of xlparity's own judge, and the branches that its tests take: docs/benchmarks/judge.md.

    make coverage                                # branches; writes build/judge.coverage, which the mutants need
    python benchmarks/judge.py run FILE ...      # mutants of these files; --each N draws so many of each
    python benchmarks/judge.py again             # what survived, once more
    python benchmarks/judge.py list FILE ...     # what survived and is not explained
    python benchmarks/judge.py page

Mutants need `pip install mutmut`, whose operators they are (`judge_mutants.py`). `benchmarks/equivalent.toml` says of
survivors why they do what the original does.

One process imports torch and collects the tests. For each mutant it forks a child, which puts the mutated code into the
functions that are loaded already (where the mutant is run by imports alone: imports xlparity anew) and runs the tests that
execute the mutated lines, the quickest first, until one fails or the time of a mutant is used up.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import importlib
import importlib.machinery
import json
import os
import random
import resource
import signal
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

import pytest
from _pytest.runner import runtestprotocol
from coverage import Coverage, CoverageData
from hypothesis import Phase, settings

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from benchmarks.judge_mutants import Mutant

PACKAGES = ("model", "formula", "check", "functions")
EQUIVALENT = ROOT / "benchmarks" / "equivalent.toml"
PAGE, MARK = ROOT / "docs" / "benchmarks" / "judge.md", "<!-- what follows is made by benchmarks/judge.py page -->"
DATA, RESULTS = ROOT / "build" / "judge.coverage", ROOT / "build" / "judge.jsonl"


# -- a mutant in the place of the code that is loaded ------------------------------------------------------------------


def _pairs(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]] | None:
    """The functions of two versions of a module, side by side; None where they do not have the same ones."""
    inner = [[one for one in code.co_consts if isinstance(one, CodeType)] for code in (old, new)]
    if [one.co_name for one in inner[0]] != [one.co_name for one in inner[1]]:
        return None
    found = [(old, new)]
    for one, two in zip(*inner, strict=True):
        below = _pairs(one, two)
        if below is None:
            return None
        found += below
    return found


def _own(code: CodeType) -> tuple[object, ...]:
    """What `code` does apart from the functions within it."""
    consts = [(type(one), repr(one)) for one in code.co_consts if not isinstance(one, CodeType)]
    return code.co_code, consts, code.co_names, code.co_varnames, code.co_freevars


class Loaded:
    """The functions of the files that are mutated."""

    def __init__(self, files: Sequence[str]) -> None:
        paths = {str(ROOT / file): file for file in files}
        self.functions: dict[str, list[FunctionType]] = {file: [] for file in files}
        for one in gc.get_objects():
            if type(one) is FunctionType and one.__code__.co_filename in paths:
                self.functions[paths[one.__code__.co_filename]].append(one)

    def swapped(self, mutant: Mutant) -> bool:
        """Whether the mutant is in force; False where it needs an import."""
        path = str(ROOT / mutant.file)
        pairs = _pairs(*(compile(text, path, "exec") for text in (Path(path).read_text(), mutant.source)))
        if pairs is None or any(not old.co_flags & 1 and _own(old) != _own(new) for old, new in pairs):
            return False  # something outside functions
        count = 0
        for old, new in pairs:
            if old == new:
                continue
            for function in self.functions[mutant.file]:
                if function.__code__ == old:
                    function.__code__ = new
                    count += 1
        return count > 0


def import_anew(mutant: Mutant) -> None:
    """Forget xlparity and its tests, so that they are imported with the mutant."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("xlparity", "tests", "benchmarks")]:
        del sys.modules[name]
    path, original = str(ROOT / mutant.file), importlib.machinery.SourceFileLoader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, name: str) -> CodeType:
        return compile(mutant.source, path, "exec") if self.path == path else original(self, name)

    importlib.machinery.SourceFileLoader.get_code = get_code


# -- running ------------------------------------------------------------------------------------------------------------


class Runner:
    """A pytest plugin that runs the mutants in the place of the tests."""

    def __init__(self, mutants: Sequence[Mutant], seconds: float, control: float, output: Path) -> None:
        self.control = control
        self.mutants, self.seconds, self.output = mutants, seconds, output
        self.quiet = Path(os.devnull).open("w")  # noqa: SIM115, kept open for the children

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        contexts: dict[str, dict[int, list[str]]] = {}
        data = CoverageData(no_disk=True)
        for part in sorted(DATA.parent.glob("judge*.coverage")):
            one = CoverageData(str(part))
            one.read()
            data.update(one)
        times = json.loads(DATA.with_suffix(".times").read_text())
        for file in sorted({mutant.file for mutant in self.mutants}):
            path = next(one for one in data.measured_files() if one.endswith(file))
            contexts[file] = data.contexts_by_lineno(path)
        killers: Counter[str] = Counter()
        every = {one.partition("|")[0] for file in contexts.values() for lines in file.values() for one in lines}
        times = self._control(
            sorted((items[one] for one in every if one in items), key=lambda item: times.get(item.nodeid, 9.0))
        )
        print(len(times), "tests that pass without a mutant,", round(sum(times.values())), "s", file=sys.__stderr__)
        loaded = Loaded(sorted(contexts))  # some modules are imported when they are used
        gc.collect()
        gc.freeze()
        began = time.monotonic()
        with self.output.open("a") as out:
            for number, mutant in enumerate(self.mutants):
                first, last = mutant.lines
                found = {
                    one.partition("|")[0]
                    for line in range(first, last + 1)
                    for one in contexts[mutant.file].get(line, ())
                }
                anew = found <= {""}  # executed by imports alone, or not at all
                if anew:
                    found = {one.partition("|")[0] for every in contexts[mutant.file].values() for one in every}
                own = f"test_{Path(mutant.file).stem}.py"  # the file's own tests first
                tests = sorted(
                    (items[one] for one in found if one in times),
                    key=lambda item: (own not in item.nodeid, times[item.nodeid] / (1 + killers[item.nodeid])),
                )
                result = self._child(mutant, tests, times, None if anew else loaded)
                if result.get("by"):
                    killers[str(result["by"])] += 1
                print(
                    json.dumps(
                        {"file": mutant.file, "name": mutant.name, "operator": mutant.operator, "line": first} | result
                    ),
                    file=out,
                    flush=True,
                )
                if number % 50 == 0:
                    print(
                        number,
                        len(self.mutants),
                        round(time.monotonic() - began),
                        mutant.file,
                        file=sys.__stderr__,
                        flush=True,
                    )
        return True

    def _control(self, tests: list[pytest.Item]) -> dict[str, float]:
        """The processor time of the tests that pass without a mutant, the quickest of them.

        They run in this process, so that its children find torch's own caches and all imports warm; those of xlparity
        are cleared.
        """
        times = {}
        start = began = time.process_time()
        for number, item in enumerate(tests):
            last = number + 1 == len(tests) or time.process_time() - start > self.control
            reports = runtestprotocol(item, nextitem=None if last else tests[number + 1], log=False)
            now = time.process_time()
            if not any(report.failed for report in reports):
                times[item.nodeid] = now - began
            began = now
            if last:
                break
        for one in gc.get_objects():
            if type(one) is functools._lru_cache_wrapper and (one.__module__ or "").startswith("xlparity"):
                one.cache_clear()
        return times

    def _child(
        self, mutant: Mutant, tests: list[pytest.Item], times: dict[str, float], loaded: Loaded | None
    ) -> dict[str, object]:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            code = 1
            with contextlib.suppress(BaseException):
                self._attempt(mutant, tests, times, loaded, write)
                code = 0
            os._exit(code)
        os.close(write)
        with os.fdopen(read) as pipe:
            lines = pipe.read().splitlines()
        _, status, usage = os.wait4(pid, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # what the mutant may have started
        result = {"seconds": round(usage.ru_utime + usage.ru_stime, 2), "tests": len(tests)}
        last = lines[-1] if lines else ""
        if last.startswith("survived"):
            return {"result": "survived", "ran": int(last.split()[1])} | result
        if last.startswith("killed"):
            return {"result": "killed", "by": last.split(" ", 1)[1]} | result
        if os.WIFSIGNALED(status):  # a loop that does not end, or a crash of the interpreter
            return {"result": "killed", "by": last, "signal": os.WTERMSIG(status)} | result
        return {"result": "killed", "by": last, "exit": status} | result

    def _attempt(
        self, mutant: Mutant, tests: list[pytest.Item], times: dict[str, float], loaded: Loaded | None, write: int
    ) -> None:
        def say(text: str) -> None:
            os.write(write, (text + "\n").encode())

        resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))
        if loaded is None or not loaded.swapped(mutant):
            count = Counter(item.nodeid.partition("::")[0] for item in tests)
            own = f"test_{Path(mutant.file).stem}.py"
            files = sorted(count, key=lambda file: (own not in file, -count[file]))[:3]  # since each is imported anew
            some: list[str] = []
            spent = 0.0
            for item in tests:
                if item.nodeid.partition("::")[0] in files and spent < self.seconds:
                    some.append(item.nodeid)
                    spent += times[item.nodeid]
            import_anew(mutant)
            sys.stdout = sys.stderr = self.quiet
            say("killed importing anew")
            signal.setitimer(signal.ITIMER_PROF, 3 * self.seconds + 10)
            status = pytest.main(["-q", "-x", *FLAGS, *some])
            say(f"survived {len(some)}" if status == 0 else "killed importing anew")
            return
        for number, item in enumerate(tests):
            if time.process_time() > self.seconds:
                say(f"survived {number}")
                return
            say(item.nodeid)
            usual = times[item.nodeid]
            signal.setitimer(signal.ITIMER_PROF, 10 * usual + 5)
            signal.alarm(int(60 + 20 * usual))
            follower = tests[number + 1] if number + 1 < len(tests) else None
            if any(report.failed for report in runtestprotocol(item, nextitem=follower, log=False)):
                say(f"killed {item.nodeid}")
                return
        say(f"survived {len(tests)}")


# Without rewritten assertions, which pytest would put into xlparity too, since it is a plugin.
QUIET = ("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
FLAGS = ("--assert=plain", "-p", "no:xdist", *QUIET)
# The tests of the four packages. Without those that plant errors by the thousand, start LibreOffice or other processes.
TESTS = (
    *(f"tests/unit/{part}" for part in ("model", "formula", "check", "functions", "engines")), "tests/golden", "tests/laws",
    "tests/hostile/test_limits.py", "tests/faults/test_against.py", "tests/faults/test_several_faults.py",
    "tests/faults/test_unmapped.py", "tests/test_tiny.py", "tests/test_gradient.py", "tests/test_evaluate.py",
)  # fmt: skip


class Times:
    """A pytest plugin that notes how long each test takes."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration


def coverage(tests: Sequence[str]) -> int:
    """Run the tests of the four packages and say which of their branches they take."""
    times = Times()
    DATA.parent.mkdir(exist_ok=True)
    # xlparity's own plugin would import the model before it is measured.
    flags = ("-q", "-n", "2", "-m", "not libreoffice", "-p", "no:xlparity", *QUIET)
    status = pytest.main([*flags, "--cov", "--cov-context=test", "--cov-report=", *tests], plugins=[times])
    DATA.with_suffix(".times").write_text(json.dumps(times.seconds))
    branches()
    return int(status)


def branches() -> None:
    """Print the share of branches that are taken, by package, and those that are not."""
    measured = Coverage()
    measured.load()
    measured.json_report(outfile=str(DATA.with_suffix(".json")))
    files = json.loads(DATA.with_suffix(".json").read_text())["files"]
    for file, found in files.items():
        if found["missing_branches"]:
            print(file, " ".join(f"{start}->{stop}" for start, stop in found["missing_branches"]))
    for package in (*PACKAGES, ""):
        of = [found["summary"] for file, found in files.items() if file.startswith(f"xlparity/{package}")]
        taken, all_of_them = (sum(one[name] for one in of) for name in ("covered_branches", "num_branches"))
        print(f"{package or 'all':10} {taken} of {all_of_them} branches, {100 * taken / all_of_them:.2f} %")


def run(mutants: Sequence[Mutant], seconds: float, control: float, output: Path, tests: Sequence[str]) -> None:
    settings.register_profile(
        "judge", phases=[Phase.explicit, Phase.generate], database=None, derandomize=True, deadline=None
    )
    settings.load_profile("judge")
    output.parent.mkdir(exist_ok=True)
    pytest.main(["-q", *FLAGS, "--capture=sys", *tests], plugins=[Runner(mutants, seconds, control, output)])


# -- the page -----------------------------------------------------------------------------------------------------------


def results_of(path: Path) -> dict[tuple[str, str], dict[str, object]]:
    """The last result of each mutant."""
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    return {(one["file"], one["name"]): one for one in lines}


def of_today(results: dict[tuple[str, str], dict[str, object]]) -> dict[tuple[str, str], dict[str, object]]:
    """The results of mutants that there still are: the code may have changed since."""
    now = {(file, mutant.name) for file in {file for file, _ in results} for mutant in mutants_of(file)}
    return {key: one for key, one in results.items() if key in now}


def equivalent() -> dict[tuple[str, str], str]:
    """Why mutants that survive do what the original does."""
    groups = tomllib.loads(EQUIVALENT.read_text())["group"]
    return {(group["file"], name): group["because"] for group in groups for name in group["mutants"]}


def mutants_of(file: str) -> list[Mutant]:
    """All mutants of a file."""
    from benchmarks.judge_mutants import mutants_of  # what mutmut is needed for

    return mutants_of(file)


def table(results: dict[tuple[str, str], dict[str, object]]) -> Iterator[str]:
    reasons = equivalent()
    yield "| file | mutants | run | killed | equivalent | not killed |"
    yield "|---|---|---|---|---|---|"
    total: Counter[str] = Counter()
    for file in sorted({file for file, _ in results}):
        count: Counter[str] = Counter(mutants=len(mutants_of(file)))
        for key, one in results.items():
            if key[0] == file:
                count["run"] += 1
                count["killed" if one["result"] == "killed" else "equivalent" if key in reasons else "not killed"] += 1
        total += count
        yield _row(file.removeprefix("xlparity/"), count)
    yield _row("all", total)


def _row(name: str, count: Counter[str]) -> str:
    return (
        f"| {name} | "
        + " | ".join(f"{count[one]:,}" for one in ("mutants", "run", "killed", "equivalent", "not killed"))
        + " |"
    )


def page(results: dict[tuple[str, str], dict[str, object]]) -> str:
    reasons = equivalent()
    survived = [key for key, one in results.items() if one["result"] != "killed"]
    groups: dict[tuple[str, str], list[str]] = {}
    for file, name in survived:
        if (file, name) in reasons:
            groups.setdefault((file.removeprefix("xlparity/"), reasons[file, name]), []).append(name)
    lines = [*table(results), "", "### Survivors that do what the original does", ""]
    for (file, because), names in sorted(groups.items()):
        lines += [f"- `{file}`: {because}", *(f"  - `{name}`" for name in names)]
    lines += ["", "### Survivors that no test kills yet", ""]
    rest = sorted((file.removeprefix("xlparity/"), name) for file, name in survived if (file, name) not in reasons)
    lines += [f"- `{file}` `{name}`" for file, name in rest] or ["None."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=["coverage", "branches", "run", "again", "list", "page"])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--each", type=int, help="draw so many mutants of each file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=8.0, help="processor time of one mutant")
    parser.add_argument("--control", type=float, default=60.0, help="processor time of the tests without a mutant")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--tests", nargs="*", default=TESTS)
    arguments = parser.parse_args()
    os.chdir(ROOT)
    if arguments.do == "coverage":
        sys.exit(coverage(arguments.tests))
    if arguments.do == "branches":
        branches()
    if arguments.do == "list":
        reasons = equivalent()
        for (file, name), one in of_today(results_of(arguments.output)).items():
            if one["result"] != "killed" and (file, name) not in reasons and file in (arguments.files or [file]):
                print(f"{file}:{one['line']} ({one.get('ran')} of {one['tests']} tests) {name}")
    if arguments.do == "page":
        before = PAGE.read_text().partition(MARK)[0]
        PAGE.write_text(f"{before}{MARK}\n\n{page(of_today(results_of(arguments.output)))}")
    if arguments.do == "again":
        found = results_of(arguments.output)
        left = {key for key, one in found.items() if one["result"] != "killed" and key not in equivalent()}
        files = sorted({file for file, _ in left} & set(arguments.files or [file for file, _ in left]))
        every = [mutant for file in files for mutant in mutants_of(file) if (file, mutant.name) in left]
        run(every, arguments.seconds, arguments.control, arguments.output, arguments.tests)
    if arguments.do == "run":
        mutants = []
        done = {
            key for key, one in results_of(arguments.output).items() if one["result"] == "killed" or key in equivalent()
        }
        for file in arguments.files:
            source = random.Random(f"{arguments.seed} {file}")  # the same ones whenever the file is the same
            every = mutants_of(file)
            drawn = every if arguments.each is None else source.sample(every, min(arguments.each, len(every)))
            mutants += [mutant for mutant in drawn if (mutant.file, mutant.name) not in done]
        run(mutants, arguments.seconds, arguments.control, arguments.output, arguments.tests)


if __name__ == "__main__":
    main()

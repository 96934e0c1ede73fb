"""Try the laws of the tests on many more examples than every day: writes docs/benchmarks/laws.md.

python benchmarks/laws.py [--profile NAME]     `long` by default, 200 times the usual examples; with another one only printed

A law is a test with examples by hypothesis (pytest -m hypothesis), and the one of tests/laws that calls every function with random
arguments. What breaks one is mended and kept as a test.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks" / "laws.md"
FUNCTIONS = "tests/laws/test_functions.py"
SLOW = (
    "tests/unit/xlsx/test_lexical.py",
    FUNCTIONS,
    "tests/laws/test_write_read.py",
    "tests/laws/test_against_libreoffice.py",
)
# What the runs have found, by hand.
FOUND: tuple[str, ...] = (
    "a function never breaks: the incomplete beta function at the turn of its fraction (`F.TEST`), `INDEX` with a text for a column or whole rows by "
    "a row of numbers, `SEQUENCE` from an array of starts (`tests/unit/functions/test_edges.py`)",
    "random formulas agree: in a filled formula whose cells choose different cells, `COUNT(INDEX(D1:D4,ROW(A1)))`, CHOOSE or IF, blanks and texts counted "
    "(`tests/unit/engines/test_embedded.py`)",
)
_CASES = re.compile(r"- (\d+) passing, (\d+) failing, and (\d+) invalid test cases")
_TEST = re.compile(r"^(tests/[\w/]+\.py::\w+)(?:\[.*\])?:$")
_SECONDS = re.compile(r"^([\d.]+)s call +(tests/[\w/]+\.py::\w+)", re.MULTILINE)


def run(arguments: list[str]) -> str:
    """What pytest says."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--durations=0", "-vv", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    if done.returncode:
        print(done.stdout[-20_000:], f"{arguments[0]}: a law is broken", sep="\n", flush=True)
    return done.stdout


def examples_of(text: str) -> Counter[str]:
    """The valid examples of each test, all its parameters together, by hypothesis's own statistics."""
    found: Counter[str] = Counter()
    test = ""
    for line in text.splitlines():
        if named := _TEST.match(line):
            test = named[1]
        elif cases := _CASES.search(line):
            found[test] += int(cases[1]) + int(cases[2])
    return found


def page(found: Counter[str], seconds: Counter[str], passed: float, profile: str, broken: Sequence[str]) -> str:
    """The page of examples and seconds by test, after so many seconds of the clock."""
    from hypothesis import settings

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = []
    for test, count in found.most_common():
        path, name = test.split("::")
        law = name.removeprefix("test_").replace("_", " ")
        rows.append(f"| {law} | `{path}` | {count:,} | {seconds[test] / 60:.1f} |")
    what = "Found, mended and kept as tests:\n\n" + "\n".join(f"- {one}" for one in FOUND) if FOUND else ""
    failed = (
        "Broken in this run: " + ", ".join(f"`{one}`" for one in broken) if broken else "No law was broken in this run."
    )
    return (
        f"""# Laws on many examples

Made by `python benchmarks/laws.py` in {passed / 60:.0f} minutes by the clock, {(used.ru_utime + used.ru_stime) / 60:.0f} of them of a CPU
(load {os.getloadavg()[1]:.0f} on {os.cpu_count()} cores, at a low priority); not edited by hand. {len(rows)} laws, {found.total():,} examples.
Each push tries a {settings.default.max_examples // 100}th of them; `pytest -m hypothesis --hypothesis-profile={profile}` tries as many as here. Every example of
LibreOffice's law is a workbook of 60 to 120 formulas.

| law | where | examples | minutes |
|---|---|---|---|
{chr(10).join(rows)}

{failed}

{what}
""".rstrip()
        + "\n"
    )


def main() -> None:
    """Run the laws and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="long")
    profile = parser.parse_args().profile
    sys.path.insert(0, str(ROOT))
    from hypothesis import settings

    importlib.import_module("tests.conftest")  # registers the profile
    settings.load_profile(profile)
    from tests.laws import examples
    from xlparity.functions import FUNCTIONS as functions

    began = time.monotonic()
    listed = run(["tests", "-m", "hypothesis", "--collect-only", "-qq"])
    found: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    broken: list[str] = []
    options = [f"--hypothesis-profile={profile}", "--hypothesis-show-statistics"]
    paths = set(re.findall(r"^(tests/[\w/]+\.py)::", listed, re.MULTILINE)) - set(SLOW)
    for path in [*sorted(paths), *SLOW]:
        text = run([path, *options, *(["-m", "hypothesis"] if path != FUNCTIONS else [])])
        found += examples_of(text)
        broken += re.findall(r"^FAILED (\S+)", text, re.MULTILINE)
        for taken, test in _SECONDS.findall(text):
            seconds[test] += float(taken)
        if path == FUNCTIONS:
            choices = sum(not function.body for function in functions.values())
            found[f"{path}::test_a_function_never_breaks"] = examples(25) * (len(functions) - choices)
            found[f"{path}::test_a_choice_never_breaks"] = examples(25) * choices
        made = page(found, seconds, time.monotonic() - began, profile, broken)
        if profile == "long":  # after each file, since somebody may end it before it is through
            PAGE.write_text(made)
        print(f"{(time.monotonic() - began) / 60:.0f} min", path, flush=True)
    if profile != "long":
        print(made)


if __name__ == "__main__":
    main()

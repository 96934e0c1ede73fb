"""Two workbooks held against each other: slips are found, other spellings are not taken for slips.

`python benchmarks/two_workbooks.py --minutes 5` writes docs/benchmarks/two-workbooks.md.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.mutants import Mutant, Mutants
from tests.unit.check.test_running_error import SAME
from tests.unit.check.test_running_error import book as spelled
from xlparity.check.against import check_against
from xlparity.check.edited import with_constants, with_formula
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.book import Book
from xlparity.model.report import Report
from xlparity.xlsx.map_file import map_of_book
from xlparity.xlsx.read import read_book

BOOKS = ("single_neuron", "mse", "gradient", "hidden_layers")
ROWS = 5_000


def mutated(book: Book, mutant: Mutant) -> Book:
    for cell, content in mutant.changes:
        book = with_formula(book, cell, content) if isinstance(content, str) else with_constants(book, {cell: content})
    return book


def held(student: Book, solution: Book, samples: int = 0) -> Report:
    return check_against(
        student, Path("student.xlsx"), solution, Path("solution.xlsx"), None, [EmbeddedEngine()], samples=samples
    )


def slips(minutes: float, seed: int) -> tuple[Counter[str], list[str]]:
    chance = random.Random(seed)
    books = {}
    for name in BOOKS:
        read = read_book(ROOT / "workbooks" / f"{name}.xlsx")
        parity = map_of_book(read)
        assert parity is not None
        bare = replace(read, sheets=tuple(replace(sheet, cached=sheet.cached.empty()) for sheet in read.sheets))
        books[name] = bare, Mutants(bare, parity, seed)
    counts: Counter[str] = Counter()
    missed: list[str] = []
    start = time.monotonic()
    while time.monotonic() - start < 60 * minutes:
        name = chance.choice(BOOKS)
        book, mutants = books[name]
        mutant = chance.choice(mutants.of(chance.choice(mutants.cells)) or [None])
        if mutant is None:
            continue
        student = mutated(book, mutant)
        report = held(student, book)
        own = bool(report.faults)
        if not own:
            report = held(student, book, samples=60)
        faults = {one.cell for one in report.faults}
        counts["slips"] += 1
        if not faults:
            cell, text = mutant.changes[0]
            undecided = any(one.cell in mutant.cells for one in report.cells)
            counts["undecided" if undecided else "not told apart"] += 1
            missed.append(
                f"{name} {cell.sheet} {mutants.text(cell)} -> {text}: {'undecided' if undecided else 'agrees'}"
            )
            continue
        counts["found at the sheet's own numbers" if own else "found on other numbers"] += 1
        counts["named first"] += report.faults[0].cell in mutant.cells
        counts["nothing else named"] += faults <= mutant.cells
        repair = report.faults[0].repair
        counts["repaired"] += repair is not None
        counts["repaired by the original formula"] += repair is not None and repair.formula == mutants.text(
            report.faults[0].cell
        )
    return counts, missed


def spellings() -> tuple[int, int, int, np.ndarray]:
    """Cells of both roles, how many do not match, how many differ, and how much of the allowed difference they use."""
    chance = np.random.default_rng(3)
    scale = np.where(chance.random((ROWS, 1)) < 0.5, 1.0, 10.0 ** chance.integers(-6, 4, (ROWS, 1)))
    values = chance.normal(0, 1, (ROWS, 4)) * scale
    values[chance.random((ROWS, 4)) < 0.02] = 0
    values[: ROWS // 8, 1] = values[: ROWS // 8, 0] * (1 + 1e-13)
    cells = wrong = 0
    used = []
    for left, right in ((0, 1), (1, 0)):
        (tensor,) = held(
            spelled([pair[left] for pair in SAME], values), spelled([pair[right] for pair in SAME], values)
        ).tensors
        cells += tensor.verdicts.size
        wrong += int((tensor.verdicts != 0).sum())
        apart = np.abs(tensor.actual - tensor.expected)
        used.append(apart[tensor.bound > 0] / tensor.bound[tensor.bound > 0])
    return cells, wrong, sum(map(len, used)), np.concatenate(used)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cells, wrong, different, used = spellings()
    counts, missed = slips(options.minutes, options.seed)
    lines = [
        "# Two workbooks held against each other", "",
        "Made by `python benchmarks/two_workbooks.py`; not edited by hand.", "",
        "## Other spellings of the same formula", "",
        f"{len(SAME)} pairs of formulas that mean the same (those of `tests/unit/check/test_running_error.py`), each in "
        f"both roles, on {ROWS:,} rows of numbers of sizes from 1e-6 to 1e3 with zeros and near ties: {cells:,} cells, of "
        f"which {different:,} differ in their last digits. Taken for different: {wrong}. Of the difference that is allowed "
        f"they use {np.median(used):.3f} in the median and {used.max():.2f} at most.", "",
        "## Slips", "",
        f"{counts['slips']} slips by the published operators (`benchmarks/mutants.py`), drawn at random (seed {options.seed}) "
        f"in {', '.join(BOOKS)}, each held against the original by address, and on 60 samples of other numbers where "
        "nothing is wrong at its own.", "", "| | |", "|---|---|",
        *(f"| {name} | {number} |" for name, number in counts.items()), "",
        "Not told apart or undecided:", "", *(f"- `{one}`" for one in missed[:40]), "",
    ]  # fmt: skip
    (ROOT / "docs" / "benchmarks" / "two-workbooks.md").write_text("\n".join(lines))
    print(dict(counts), cells, wrong, different, used.max())


if __name__ == "__main__":
    main()

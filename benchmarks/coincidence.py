"""Wrong formulas that are right at the sheet's own numbers, and whether samples show it: docs/benchmarks/coincidence.md.

    python benchmarks/coincidence.py [--each N] [--samples N] [--output FILE]

Of the mutants of `mutants.py` those are taken whose cells hold, at the sheet's own numbers, what the original's hold: ABS
around positive numbers, a cell's value pasted in its place, another cell that holds the same, a branch that makes no
difference. Each is checked without samples and with 200.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.mutants import OPERATORS, Mutant, Mutants
from benchmarks.mutation import Outcome, beside, books, checked, compare, share
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula.a1 import show_cell
from xlparity.model.area import Area
from xlparity.model.book import Book
from xlparity.model.value import Values

PAGE = ROOT / "docs" / "benchmarks" / "coincidence.md"
NAMES = ("mse.xlsx", "regression", "logistic", "recurrent", "softmax", "convolution", "single_neuron.xlsx")


def coincidences(book: Book, mutants: Mutants, each: int, source: random.Random) -> list[Mutant]:
    """At most `each` mutants an operator that agree with `book` at its own numbers, drawn by `source`."""
    every = [mutant for cell in mutants.cells for mutant in mutants.of(cell)]
    every = [one for one in every if len(one.changes) == 1 and one.operator != "formula to constant"]
    extended, places = beside(book, [(cell, str(text)) for one in every for cell, text in one.changes], mutants.index)
    values = EmbeddedEngine().evaluate(extended)
    alike = [mutant for number, mutant in enumerate(every) if _same(values, places[number])]
    source.shuffle(alike)
    drawn: dict[str, list[Mutant]] = {}
    for mutant in alike:
        drawn.setdefault(mutant.operator, []).append(mutant)
    return [mutant for found in drawn.values() for mutant in found[:each]]


def _same(values: Values, place: Area) -> bool:
    own, other = (values.scalar(cell) for cell in place.cells())
    if isinstance(own, float) and isinstance(other, float):
        return abs(own - other) <= 1e-13 * abs(own)
    return own == other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=3, help="mutants of each operator and workbook")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--output", type=Path, default=PAGE)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    outcomes: list[tuple[str, Outcome, bool]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, _, make in books(Path(folder)):
            if name not in NAMES:
                continue
            book, parity, _ = make()
            mutants = Mutants(book, parity, 0)
            here = []
            for mutant in coincidences(book, mutants, arguments.each, random.Random(0)):
                made = mutants.made(mutant)
                outcome, seen = Outcome(mutant), not checked(made, parity, 0).passed
                report = checked(made, parity, arguments.samples)
                outcome.killed = not report.passed
                outcome.first = bool(report.cells) and report.cells[0].cell in mutant.cells
                here.append((name, outcome, seen))
            compare([outcome for _, outcome, _ in here], book, parity, mutants)
            outcomes += here
            print(name, len(here), sum(one.killed for _, one, _ in here), flush=True)
            arguments.output.write_text(page(outcomes, arguments.samples, time.perf_counter() - start))


def page(outcomes: Sequence[tuple[str, Outcome, bool]], samples: int, took: float) -> str:
    """The page's text."""
    wrong = [(name, one, seen) for name, one, seen in outcomes if one.killed or not one.equivalent]
    caught = [one for _, one, _ in wrong if one.killed]
    missed = [(name, one) for name, one, _ in wrong if not one.killed]
    lines = [
        "# Right by coincidence",
        "",
        f"Made by `python benchmarks/coincidence.py` in {took / 60:.0f} minutes; not edited by hand. Formulas of {len({name for name, _, _ in outcomes})} "
        "workbooks with one slip that leaves the value at the sheet's own numbers as it is: ABS around positive numbers, the value "
        "of a cell pasted in its place, another cell with the same value, a branch that makes no difference.",
        "",
        f"**{len(caught)} of {len(wrong)} are caught by `--samples {samples}`**, in {sum(one.first for one in caught)} the "
        f"changed cell is named first; {sum(seen for _, _, seen in wrong)} are seen without samples, as breaks of a fill or "
        f"ranges that reach too far. {len(outcomes) - len(wrong)} more are no errors: they give the same on 1,000 samples of another "
        "seed.",
        "",
        "| slip | drawn | the same function | seen without samples | caught by samples |",
        "|---|---|---|---|---|",
    ]
    for operator in OPERATORS:
        here = [(one, seen) for _, one, seen in outcomes if one.mutant.operator == operator]
        if here:
            real = [(one, seen) for one, seen in here if one.killed or not one.equivalent]
            lines.append(
                f"| {operator} | {len(here)} | {len(here) - len(real)} | {sum(seen for _, seen in real)} | "
                f"{share(sum(one.killed for one, _ in real), len(real))} |"
            )
    if missed:
        lines += ["", "Not caught:", ""]
        lines += [
            f"- {name}: {show_cell(one.mutant.changes[0][0])} `={one.mutant.changes[0][1]}`" for name, one in missed
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

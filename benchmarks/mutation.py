"""Which single slips a check finds, where, and what it proposes: docs/benchmarks/mutation.md.

    python benchmarks/mutation.py [--only NAME]... [--most N] [--minutes M] [--samples N] [--jobs N] [--kept FOLDER] [--output FILE]

Of small workbooks every mutant of `mutants.py`, of the others a sample drawn evenly over operators, fills and positions,
is checked as `xlparity check BOOK` does, and if that passes as `xlparity check BOOK --samples N` does. What survives is evaluated beside the
original on 1,000 samples that another seed draws: only where both always give the same it is called equivalent.
"""

from __future__ import annotations

import argparse
import multiprocessing
import pickle
import random
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import xlparity
from benchmarks.handmade import HANDMADE, handmade
from benchmarks.mutants import OPERATORS, Mutant, Mutants, remembering
from benchmarks.small import SMALL, small
from tests.networks import network
from xlparity.check.check import check_book
from xlparity.check.explore import UNDERFLOW, Explorer
from xlparity.check.formulas import FormulaIndex
from xlparity.check.reference import Program
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula.a1 import parse_area, show_cell
from xlparity.formula.parse import parse
from xlparity.formula.show import show
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill
from xlparity.model.cell import Cell
from xlparity.model.map import Map, Role
from xlparity.model.report import Report
from xlparity.model.value import Kind
from xlparity.xlsx.map_file import map_of_book, map_of_toml
from xlparity.xlsx.read import read_book

PAGE = ROOT / "docs" / "benchmarks" / "mutation.md"
MAPS = ROOT / "benchmarks" / "maps"
CORPUS = ROOT.parent / "shared" / "corpus"
LESSONS = ("mse", "single_neuron", "gradient", "hidden_layers", "descent")  # the largest last
NETWORKS = (
    "2-3-2-1, mean squared error", "cross entropy", "binary cross entropy", "L1", "ReLU", "leaky ReLU", "softmax", "layer norm",
    "max pooling", "scaled dot-product attention",
)  # fmt: skip
# Workbooks of which every mutant is taken.
WHOLE = ("mse.xlsx", "single_neuron.xlsx", *HANDMADE, *SMALL, "ai-by-hand-excel: Backpropgation.xlsx")
EXPLORED = 1_000  # samples on which a survivor must equal the original to be called equivalent
OTHER_SEED = 20_091  # that draws them; the checker's is 0
_CELLS_AT_A_TIME = 4_000_000
_LARGE, _SAMPLES_OF_LARGE = 1_000, 3  # tensors in a map, and the samples that a check of so many is given
_MOST_DEVIATING = 0.5  # of a workbook's judged cells, wrong before anything was changed
_AT_A_TIME = 25  # mutants of a workbook between two looks at the clock
_PAIRS_OF_A_MUTANT = 12  # changed cells of one mutant that are compared


@dataclass(slots=True)
class Outcome:
    """What became of one mutant."""

    mutant: Mutant
    killed: bool = False
    by_samples: bool = False
    first: bool = False  # the first fault of the report is a cell that was changed
    found: str = ""  # the cell that the report names first
    repair: str | None = None
    textual: bool = False
    mended: bool = False  # the repair is the original formula or gives the same on all samples
    equivalent: bool = False
    seconds: float = 0.0


@dataclass(slots=True)
class Study:
    """The outcomes of one workbook."""

    name: str
    kind: str
    formulas: int
    drawn: int  # mutants that are to be taken
    every: bool  # these are all that there are
    clean: bool  # no fault in the workbook as it is, at its own numbers and on the samples
    samples: int
    deviating: float = 0.0  # the share of the judged cells that are wrong before anything is changed
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def all(self) -> bool:
        """Whether every mutant was taken."""
        return self.every and len(self.outcomes) == self.drawn


def books(folder: Path) -> Iterator[tuple[str, str, Callable[[], tuple[Book, Map, list[Area]]]]]:
    """Name, kind and maker of the workbooks, each with its map."""
    for name in LESSONS[:-1]:
        yield f"{name}.xlsx", "lecture", partial(_read, ROOT / "workbooks" / f"{name}.xlsx")
    for name in HANDMADE:
        yield name, "hand-made", lambda name=name: _read(handmade(name, folder))
    for name in SMALL:
        yield name, "compiled", lambda name=name: _generated(small(name), folder)
    for name in NETWORKS:
        unique = f"{name} network" if name in HANDMADE else name
        yield unique, "compiled", lambda name=name: _generated(network(name), folder)
    for toml in sorted(MAPS.rglob("*.parity.toml")):
        path = CORPUS / toml.relative_to(MAPS).with_name(toml.name.replace(".parity.toml", ".xlsx"))
        if path.exists():
            yield f"{path.relative_to(CORPUS).parts[0]}: {path.name}", "by others", partial(_read, path, toml)
    yield f"{LESSONS[-1]}.xlsx", "lecture", partial(_read, ROOT / "workbooks" / f"{LESSONS[-1]}.xlsx")


def _read(path: Path, toml: Path | None = None) -> tuple[Book, Map, list[Area]]:
    """Workbook, map, and the cells of which the map's author says that they deviate from torch."""
    book = read_book(path)
    parity = map_of_book(book) if toml is None else map_of_toml(toml, book)
    assert parity is not None
    noted = [] if toml is None else tomllib.loads(toml.read_text()).get("deviation", [])
    return book, parity, [parse_area(text) for one in noted for text in _texts(one.get("cells", ""))]


def _texts(cells: str | list[str]) -> list[str]:
    return [one.strip() for one in cells.split(";")] if isinstance(cells, str) else cells


def _generated(made: tuple[Any, ...], folder: Path) -> tuple[Book, Map, list[Area]]:
    return _read(xlparity.generate(*made).save(folder / "net.xlsx"))


def checked(book: Book, parity: Map, samples: int) -> Report:
    """As `xlparity check` does once the file is read."""
    return check_book(book, Path("book.xlsx"), parity, [EmbeddedEngine()], samples=samples)


def study(name: str, book: Book, parity: Map, most: int, samples: int) -> Study:
    """The fate of at most `most` mutants of one workbook."""
    work = Work(name, "", book, parity, [], most, samples)
    work.study.outcomes += work.fates(0, most)
    return work.study


class Work:
    """The mutants of one workbook, taken a few at a time."""

    def __init__(
        self, name: str, kind: str, book: Book, parity: Map, deviations: Sequence[Area], most: int, samples: int,
        seed: int = 0,
    ) -> None:  # fmt: skip
        if sum(row.role is Role.COMPUTED for row in parity) > _LARGE:
            samples = min(samples, _SAMPLES_OF_LARGE)
        clean = checked(remembering(book), parity, samples)
        self._book, self._parity, self._samples = book, parity, samples
        # What a workbook gets wrong by itself is no mutant's doing.
        self._known = {finding.cell for finding in clean.cells if not finding.verdict.passes}
        self._mutants = Mutants(book, parity, seed)
        drawn = self._mutants.sample(most)
        self._drawn = [one for one in drawn if not one.cells & self._known]
        random.Random(seed).shuffle(self._drawn)
        judged = sum(row.block.size for row in parity if row.role is Role.COMPUTED)
        alarms = [one for one in clean.faults if not any(one.cell in area for area in deviations)]
        self.study = Study(
            name, kind, self._mutants.index.count, len(self._drawn), len(drawn) < most, not alarms, samples,
            len(self._known) / judged,
        )  # fmt: skip

    def fates(self, start: int, stop: int) -> list[Outcome]:
        """What becomes of the mutants from `start` to `stop`."""
        new = self._drawn[start:stop]
        fates = [
            _fate(self._mutants.made(one), self._parity, one, self._mutants, self._samples, self._known) for one in new
        ]
        compare(fates, self._book, self._parity, self._mutants)
        return fates


def _fate(book: Book, parity: Map, mutant: Mutant, mutants: Mutants, samples: int, known: set[Cell]) -> Outcome:
    start = time.process_time()
    outcome = Outcome(mutant)
    for tried in (0, samples):
        report = checked(book, parity, tried)
        wrong = [one for one in report.cells if not one.verdict.passes and one.cell not in known]
        if wrong:
            outcome.killed, outcome.by_samples = True, tried > 0
            first = wrong[0]
            outcome.found, outcome.first = show_cell(first.cell), first.cell in mutant.cells
            if outcome.first and first.repair is not None:
                outcome.repair = first.repair.formula
                outcome.textual = _spelled(outcome.repair) == _spelled(mutants.text(first.cell) or "")
                outcome.mended = outcome.textual
            break
    outcome.seconds = time.process_time() - start
    return outcome


def _spelled(text: str) -> str:
    return show(parse(text))


def compare(outcomes: Sequence[Outcome], book: Book, parity: Map, mutants: Mutants) -> None:
    """Whether survivors, and repairs of another spelling, give what the original formula gives on 1,000 samples."""
    asked: list[tuple[Outcome, Cell, str]] = []
    for one in outcomes:
        if not one.killed:
            changes = one.mutant.changes[:_PAIRS_OF_A_MUTANT]
            asked += [(one, cell, new if isinstance(new, str) else repr(new)) for cell, new in changes]
        elif one.repair is not None and not one.textual:
            cell = next(cell for cell in one.mutant.cells if show_cell(cell) == one.found)
            asked.append((one, cell, one.repair))
    same = equal_elsewhere(book, parity, [(cell, text) for _, cell, text in asked], mutants.index)
    for one in outcomes:
        answers = [answer for (other, _, _), answer in zip(asked, same, strict=True) if other is one]
        if answers and one.killed:
            one.mended = all(answers)
        elif answers:
            one.equivalent = all(answers)


def equal_elsewhere(
    book: Book, parity: Map, asked: Sequence[tuple[Cell, str]], index: FormulaIndex, samples: int = EXPLORED
) -> list[bool]:
    """For each cell and formula whether it gives what the cell's own formula gives on all of `samples` samples."""
    if not asked:
        return []
    values = EmbeddedEngine().evaluate(book)
    explorer = Explorer(Program(parity), book, index, values, OTHER_SEED)
    drawn = explorer.samples(samples, samples, 0)
    extended, places = beside(book, asked, index)
    same, told = np.ones(len(asked), bool), np.zeros(len(asked), int)
    size = max(1, _CELLS_AT_A_TIME // (index.count + 2 * len(asked)))
    for start in range(0, len(drawn), size):
        part = drawn[start : start + size]
        trace = explorer.trace(part, extended)
        for number, area in places.items():
            given = trace.tensor(area).expand(len(part), 1, 2).numpy()[:, 0]
            kinds = trace.kinds(area).expand(len(part), 1, 2).numpy()[:, 0]
            close = np.isclose(given[:, 0], given[:, 1], rtol=1e-9, atol=UNDERFLOW, equal_nan=True)
            failed = (kinds == Kind.ERROR).any(1)  # an overflow on our numbers tells nothing
            same[number] &= bool((close | failed).all())
            told[number] += int((~failed).sum())
    return [bool(one) and count > 0 for one, count in zip(same, told, strict=True)]


def beside(book: Book, asked: Sequence[tuple[Cell, str]], index: FormulaIndex) -> tuple[Book, dict[int, Area]]:
    """The workbook with each cell's own formula and the one asked for side by side in free columns; where they are."""
    sheets, places = [], {}
    for sheet in book.sheets:
        here = [(number, cell, text) for number, (cell, text) in enumerate(asked) if cell.sheet == sheet.name]
        right = max([fill.area.right for fill in sheet.fills] + [int(sheet.constants.column.max(initial=0)) + 1])
        fills = []
        for row, (number, cell, text) in enumerate(here):
            places[number] = Area.of(sheet.name, row, right + 1, 1, 2)
            fills.append(Fill(Area.of(sheet.name, row, right + 1), index.text(cell) or ""))
            fills.append(Fill(Area.of(sheet.name, row, right + 2), text))
        sheets.append(replace(sheet, fills=(*sheet.fills, *fills)))
    return replace(book, sheets=tuple(sheets)), places


def page(studies: Sequence[Study], samples: int) -> str:
    """The page's text."""
    every = [one for each in studies for one in each.outcomes]
    live = [one for one in every if not one.killed]
    killed = [one for one in every if one.killed]
    survivors = [one for one in live if not one.equivalent]
    counted = len(every) - (len(live) - len(survivors))
    kinds = {kind: sum(each.kind == kind for each in studies) for kind in dict.fromkeys(each.kind for each in studies)}
    whole = sum(each.all for each in studies)
    lines = [
        "# Single slips, found and mended",
        "",
        "Made by `python benchmarks/mutation.py`; not edited by hand. "
        f"**{len(every):,} mutants of {len(studies)} workbooks** ({', '.join(f'{count} {kind}' for kind, count in kinds.items())}), "
        f"{sum(one.seconds for one in every) / 60:.0f} minutes of processor time.",
        "",
        "| | | |",
        "|---|---|---|",
        f"| killed, of those that are not equivalent | {len(killed)} of {counted} | {share(len(killed), counted, 2)} |",
        f"| ... at the sheet's own numbers | {sum(not one.by_samples for one in killed)} of {counted} | "
        f"{share(sum(not one.by_samples for one in killed), counted)} |",
        f"| ... on {samples} samples alone | {sum(one.by_samples for one in killed)} of {counted} | "
        f"{share(sum(one.by_samples for one in killed), counted)} |",
        f"| a changed cell named first, of the killed | {sum(one.first for one in killed)} of {len(killed)} | "
        f"{share(sum(one.first for one in killed), len(killed))} |",
        f"| the original formula, or one that gives the same, proposed as the repair, of the killed | "
        f"{sum(one.mended for one in killed)} of {len(killed)} | {share(sum(one.mended for one in killed), len(killed))} |",
        f"| ... letter for letter | {sum(one.textual for one in killed)} of {len(killed)} | "
        f"{share(sum(one.textual for one in killed), len(killed))} |",
        f"| ... something else proposed, which is not the same on {EXPLORED:,} samples | "
        f"{sum(one.repair is not None and not one.mended for one in killed)} of {len(killed)} | "
        f"{share(sum(one.repair is not None and not one.mended for one in killed), len(killed))} |",
        f"| workbooks with a false alarm as they are | {sum(not each.clean for each in studies)} of {len(studies)} | |",
        f"| survivors equivalent to the original on {EXPLORED:,} samples | {len(live) - len(survivors)} | |",
        f"| other survivors | {len(survivors)} | |",
        f"| a check of a mutant with its repair, median and 95th percentile | "
        f"{np.median([one.seconds for one in every]):.2f} s, {np.quantile([one.seconds for one in every], 0.95):.2f} s | |",
        "",
        "A mutant is a copy of the workbook, saved after recalculation, in which one slip was made in a formula that the "
        "map covers. It is checked without samples, and if that passes with "
        f"`--samples {samples}` (a map of more than {_LARGE:,} tensors on {_SAMPLES_OF_LARGE}). References are moved to the four cells around and to one drawn cell; ranges lose, gain or move a row "
        "or column at each end; \"fill broken\" fills the rest of a column or row one cell off, \"absolute/relative\" "
        "changes one `$` of a whole fill. What would read itself is left out, since Excel refuses it, and so are cells that are wrong in the workbook as it is. "
        f"Of {whole} workbooks all mutants were taken ({sum(len(each.outcomes) for each in studies if each.all):,}), "
        "of the others a sample (seed 0, in random order) drawn by turns over operators, fills and places in the fill (first, inside, last). A survivor is called equivalent only if its cells give "
        f"what the original gives, to nine digits, on {EXPLORED:,} samples of other numbers drawn by another seed, "
        "of all the ways that `--samples` has (near, large, small, zero, ties, signs turned).",
        "",
        "| operator | mutants | equivalent | killed | named first | mended | letter for letter |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for operator in OPERATORS:
        lines.append(_row(operator, [one for one in every if one.mutant.operator == operator]))
    lines += ["", "| workbook | formulas | mutants | equivalent | killed | named first | mended | letter for letter |",
              "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for each in studies:
        name = (
            each.name
            + (" (all)" if each.all else "")
            + ("" if each.samples == samples else f", {each.samples} samples")
        )
        cells = _row("", each.outcomes).removeprefix("|  |")
        lines.append(f"| {name} | {each.formulas} |{cells}")
    if survivors:
        lines += ["", "Survivors that are not equivalent:", ""]
        lines += [f"- {_told(each, one)}" for each in studies for one in each.outcomes if one in survivors]
    misplaced = [(each, one) for each in studies for one in each.outcomes if one.killed and not one.first]
    if misplaced:
        lines += ["", "Mutants where another cell is named first:", ""]
        lines += [f"- {_told(each, one)}: {one.found}" for each, one in misplaced[:40]]
    return "\n".join(lines) + "\n"


def _told(each: Study, one: Outcome) -> str:
    cell, new = one.mutant.changes[0]
    return f"{each.name}: {one.mutant.operator}, {show_cell(cell)} `{'=' if isinstance(new, str) else ''}{new}`"


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    killed = [one for one in outcomes if one.killed]
    equivalent = sum(one.equivalent for one in outcomes)
    return (
        f"| {name} | {len(outcomes)} | {equivalent} | {share(len(killed), len(outcomes) - equivalent)} | "
        f"{share(sum(one.first for one in killed), len(killed))} | {share(sum(one.mended for one in killed), len(killed))} | "
        f"{share(sum(one.textual for one in killed), len(killed))} |"
    )


def share(part: int, whole: int, decimals: int = 1) -> str:
    return f"{100 * part / whole:.{decimals}f} %" if whole else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="a part of a workbook's name")
    parser.add_argument("--most", type=int, default=240, help="mutants of a workbook")
    parser.add_argument("--minutes", type=float, default=30.0, help="after which no more mutants are taken")
    parser.add_argument("--samples", type=int, default=26)
    parser.add_argument("--output", type=Path, help="by default the page, if nothing is left out")
    parser.add_argument("--failures", action="store_true", help="print what was not found, placed or mended")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--kept", type=Path, help="a folder that keeps what is done, from which a later run goes on")
    arguments = parser.parse_args()
    if arguments.kept is not None:
        arguments.kept.mkdir(parents=True, exist_ok=True)
    target = arguments.output or (None if arguments.only else PAGE)
    with tempfile.TemporaryDirectory() as folder:
        names = [
            name
            for name, _, _ in books(Path(folder))
            if not arguments.only or any(part in name for part in arguments.only)
        ]
        until = time.time() + 60 * arguments.minutes
        asked = [
            _Asked(folder, name, _EVERY if name in WHOLE else arguments.most, arguments.samples, until, arguments.kept)
            for name in sorted(names, key=lambda name: name not in WHOLE)
        ]
        studies: list[Study] = []
        with multiprocessing.get_context("spawn").Pool(arguments.jobs, torch.set_num_threads, (1,)) as pool:
            for each in pool.imap_unordered(_studied, asked):
                told = (
                    f"{len(each.outcomes)} of {each.drawn} mutants, clean {each.clean}, deviates {each.deviating:.0%}"
                )
                print(f"{each.name}: {told}", flush=True)
                if arguments.failures:
                    _failures(each)
                if each.outcomes:
                    studies = sorted([*studies, each], key=lambda study: names.index(study.name))
                text = page(studies, arguments.samples)
                if target is not None:
                    target.write_text(text)
    if target is None:
        print(text)


_EVERY = 10**9  # mutants of a workbook that is taken whole


class _Asked(NamedTuple):
    """What a process is to do: at most `most` mutants of the workbook `name`, as long as the clock is below `until`."""

    folder: str
    name: str
    most: int
    samples: int
    until: float
    kept: Path | None


def _studied(asked: _Asked) -> Study:
    """One workbook's study, as far as the time allows.

    What an earlier run has kept of it is taken over, but for what survived: that is judged anew.
    """
    kept = None if asked.kept is None else asked.kept / f"{asked.name.replace(': ', '_')}.pickle"
    before = pickle.loads(kept.read_bytes()) if kept is not None and kept.exists() else None
    survived = [at for at, one in enumerate(before.outcomes) if not one.killed and not one.equivalent] if before else []
    if before is not None and len(before.outcomes) == before.drawn and not survived:
        return before
    if before is None and time.time() > asked.until:
        return Study(asked.name, "", 0, 0, False, True, asked.samples)
    folder = Path(tempfile.mkdtemp(dir=asked.folder))
    kind, make = next((kind, make) for name, kind, make in books(folder) if name == asked.name)
    work = Work(asked.name, kind, *make(), asked.most, asked.samples)
    study = before or work.study
    for at in survived:
        study.outcomes[at : at + 1] = work.fates(at, at + 1)
    if study.deviating < _MOST_DEVIATING:
        while len(study.outcomes) < study.drawn and time.time() < asked.until:
            study.outcomes += work.fates(len(study.outcomes), len(study.outcomes) + _AT_A_TIME)
            if kept is not None:
                kept.write_bytes(pickle.dumps(study))
    return study


def _failures(each: Study) -> None:
    for one in each.outcomes:
        told = _told(each, one)
        if not one.killed and not one.equivalent:
            print("   survives:", told)
        elif one.killed and not one.first:
            print("   elsewhere:", told, one.found)
        elif one.killed and not one.mended:
            print("   not mended:", told, one.repair)


if __name__ == "__main__":
    main()

"""How much of a map `xlparity init` proposes rightly, wrongly, not at all: docs/benchmarks/proposals.md.

    python benchmarks/proposals.py [--only TEXT] [--output FILE]

Sets of workbooks whose map is known: the lecture's, ten networks as generated with their training step (their sheet
`Parity` is not looked at), and the hand-made ones of the corpus with the maps that people wrote for them
(benchmarks/maps); nine of their sheets with a module of torch too, written from their labels, with the weights that
stand in their cells (benchmarks/handmade_models.py). Every row of the known map is looked for among the proposed rows:

    rightly     the same cells; if given, the same role; if computed, the same values on other numbers, too
    in pieces   several rows share its cells, and together they have the same values (or the same role)
    wrongly     rows have some of its cells, with another role, other values, or cells beyond
    not at all  no row has any of its cells

"Other numbers": every input, target, parameter and hyperparameter of the known map is changed at random, both maps
compute everything from the changed numbers, and the values of each cell are compared (targets that are probabilities
stay such). So a formula that is wrong in a hand-made workbook counts as wrong where the proposal is read from the
formulas, and so does all that is computed from it: the person's map says what it should be. And where the sheet has an
input that the module starts from zero (the first state of RNN and LSTM), all that is computed from it counts as wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import xlparity
from benchmarks.handmade_models import HAND_MADE, HandMade
from tests.networks import network
from xlparity.check.judge import hold
from xlparity.check.reference import Program
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import XlparityError
from xlparity.model.block import Block
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.proposal import Proposal
from xlparity.report.proposal import proposal_to_toml
from xlparity.xlsx.map_file import map_of_book, map_of_toml
from xlparity.xlsx.read import read_book

CORPUS = ROOT.parent / "shared" / "corpus"
MAPS = ROOT / "benchmarks" / "maps"
PAGE = ROOT / "docs" / "benchmarks" / "proposals.md"
NETWORKS = (
    "2-3-2-1, mean squared error", "cross entropy", "GELU", "softmax", "layer norm", "Conv2d", "max pooling", "embedding",
    "LSTM", "nanoGPT block",
)  # fmt: skip
OUTCOMES = ("rightly", "in pieces", "wrongly", "not at all")

Key = tuple[str, int, int]


@dataclass(frozen=True)
class Measured:
    workbook: str
    how: str
    rows: int
    outcomes: Counter[str]
    named: int | None
    wrong: list[str]
    passed: str
    seconds: float


def keys(block: Block) -> list[Key]:
    cells = (block.cell(at) for at in block.indices())
    return [(cell.sheet.casefold(), cell.row, cell.column) for cell in cells]


class Changed:
    """The numbers of a workbook, changed at random, the same ones for whoever asks for a cell."""

    def __init__(self, path: Path, truth: Map) -> None:
        self.book = read_book(path)
        self.values = EmbeddedEngine().evaluate(self.book, path)
        self.random = np.random.default_rng(7)
        self.numbers: dict[Key, float] = {}
        varied = (Role.INPUT, Role.TARGET, Role.PARAMETER, Role.HYPERPARAMETER)
        self.varied = {
            key for row in truth
            if row.role in varied and getattr(torch, row.dtype).is_floating_point for key in keys(row.block)
        }  # fmt: skip
        for row in truth:
            if row.role is Role.TARGET:
                self.numbers |= self.probabilities(row)

    def probabilities(self, row: MapRow) -> dict[Key, float]:
        """Other probabilities for a target that is such, else nothing: the gradient of softmax and cross entropy, as
        people type it, is only one where the targets' sum is 1."""
        held = hold(self.values, row.block, row.dtype).values
        for along in range(held.ndim)[::-1]:
            if held.min() >= 0 and held.shape[along] > 1 and (held.sum(along) == 1).all():
                other = held + self.random.uniform(0.0, 0.2, held.shape)
                return dict(
                    zip(keys(row.block), (other / other.sum(along, keepdims=True)).ravel().tolist(), strict=True)
                )
        return {}

    def number(self, key: Key, held: float) -> float:
        if key not in self.varied or not np.isfinite(held):
            return held
        if key not in self.numbers:
            self.numbers[key] = held * self.random.uniform(0.8, 1.2) if held else self.random.uniform(-0.1, 0.1)
        return self.numbers[key]

    def computed(self, rows: Sequence[MapRow]) -> dict[str, np.ndarray[Any, Any]]:
        """All tensors of a map, computed from the changed numbers."""
        program = Program(Map(tuple(rows)))
        given = {}
        for name, row in program.rows.items():
            if name in program.expressions:
                continue
            held = hold(self.values, row.block, row.dtype).values
            changed = [
                self.number(key, value) for key, value in zip(keys(row.block), held.ravel().tolist(), strict=True)
            ]
            given[name] = program.given(name, np.array(changed).reshape(row.block.shape))
        shown = {key: hold(self.values, row.block, row.dtype).values for key, row in program.shown.items()}
        return {name: reference.value for name, reference in program.whole(given, shown).items()}


def cell_values(rows: Sequence[MapRow], computed: Mapping[str, np.ndarray[Any, Any]]) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for row in rows:
        if row.role is Role.COMPUTED:
            found |= zip(keys(row.block), computed[row.tensor].ravel().tolist(), strict=True)
    return found


def outcomes(
    truth: Sequence[MapRow], proposed: Sequence[MapRow], changed: Changed
) -> Iterator[tuple[MapRow, str, str]]:
    """Each row of the known map, what became of it, and why."""
    own = changed.computed(truth)
    values = cell_values(proposed, changed.computed(proposed))
    at: dict[Key, list[MapRow]] = {}
    for row in proposed:
        for key in keys(row.block):
            at.setdefault(key, []).append(row)
    for row in truth:
        cells = keys(row.block)
        same_kind = [
            {
                id(other): other
                for other in at.get(key, ())
                if (other.role is Role.EXPECTED) == (row.role is Role.EXPECTED)
            }
            for key in cells
        ]
        touching = {id(other): other for kinds in same_kind for other in kinds.values()}
        if not touching:
            yield row, "not at all", ""
            continue
        if row.role is Role.COMPUTED:
            expected = own[row.tensor].ravel()
            got = np.array([values.get(key, np.nan) for key in cells])
            size = np.nanmax(np.abs(expected), initial=1e-6, where=np.isfinite(expected))
            with np.errstate(invalid="ignore"):
                same = (
                    (np.abs(got - expected) <= 1e-7 * size) | (got == expected) | (np.isnan(got) & np.isnan(expected))
                )
            if not same.all():
                yield row, "wrongly", f"other values in {1 - same.mean():.0%} of its cells"
                continue
        elif any(other.role is not row.role for other in touching.values()):
            yield row, "wrongly", "as " + ", ".join(sorted({other.role.value for other in touching.values()}))
            continue
        if any(set(keys(other.block)) == set(cells) for other in touching.values()):
            yield row, "rightly", ""
        elif all(kinds for kinds in same_kind):
            inside = all(set(keys(other.block)) <= set(cells) for other in touching.values())
            yield row, "in pieces" if inside or row.role is Role.COMPUTED else "wrongly", "other areas"
        else:
            yield row, "wrongly", "some of its cells"


def measured(name: str, how: str, path: Path, truth: Map, propose: Any, folder: Path, begins: str = "") -> Measured:
    """What became of the rows of `truth` whose names begin so."""
    start = time.perf_counter()
    try:
        proposal: Proposal = propose()
    except XlparityError as error:
        return Measured(
            name,
            how,
            sum(row.tensor.startswith(begins) for row in truth),
            Counter({"not at all": sum(row.tensor.startswith(begins) for row in truth)}),
            None,
            [str(error)],
            "-",
            time.perf_counter() - start,
        )
    seconds = time.perf_counter() - start
    target = folder / "map.toml"
    target.write_text(proposal_to_toml(proposal), encoding="utf-8")
    rows = list(map_of_toml(target, read_book(path)))
    found: Counter[str] = Counter()
    wrong = []
    known = [row for row in truth if row.tensor.startswith(begins)]
    for row, outcome, why in outcomes(list(truth), rows, Changed(path, truth)):
        if row not in known:
            continue
        found[outcome] += 1
        if outcome in ("wrongly", "in pieces"):
            wrong.append(f"{row.tensor} ({row.role.value}): {outcome}, {why}")
    named = None
    if how == "with the model":
        names = {row.tensor.removeprefix(begins) for row in rows if row.role is not Role.EXPECTED}
        names |= {name.removeprefix("net.") for name in names}  # where the known map has no word for the model
        named = sum(row.tensor.removeprefix(begins) in names for row in known if row.role is not Role.EXPECTED)
    report = xlparity.check(path, map=target)
    passed = "passes" if report.passed else f"{len(report.faults)} wrong cells"
    return Measured(name, how, len(known), found, named, wrong, passed, seconds)


def workbooks(only: str, folder: Path) -> Iterator[Measured]:
    for path in sorted((ROOT / "workbooks").glob("*.xlsx")):
        if only in str(path):
            truth = map_of_book(read_book(path))
            assert truth is not None
            yield measured(f"lecture: {path.stem}", "formulas", path, truth, lambda p=path: xlparity.propose(p), folder)
    for name in NETWORKS:
        if only not in f"generated {name}":
            continue
        case = network(name)
        optimizer = torch.optim.SGD(case.model.parameters(), lr=0.1) if case.loss is not None else None
        book = xlparity.generate(case.model, case.inputs, case.targets, case.loss, optimizer)
        path = folder / "generated.xlsx"
        book.save(path)
        for how in ("with the model", "formulas"):

            def propose(how: str = how, case: Any = case, path: Path = path, optimizer: Any = optimizer) -> Proposal:
                if how == "formulas":
                    return xlparity.propose(path)
                return xlparity.propose(path, case.model, loss=case.loss, optimizer=optimizer)

            yield measured(f"generated: {name}", how, path, book.map, propose, folder)
    for written in sorted(MAPS.rglob("*.parity.toml")):
        path = (CORPUS / written.relative_to(MAPS)).with_name(written.name.replace(".parity.toml", ".xlsx"))
        if not path.exists():
            path = path.with_suffix(".xlsm")
        if only in str(path) and path.exists():
            truth = map_of_toml(written, read_book(path))
            yield measured(
                f"hand-made: {path.stem}", "formulas", path, truth, lambda p=path: xlparity.propose(p), folder
            )
            for one in HAND_MADE:
                if one.book == path.stem:

                    def with_model(one: HandMade = one, path: Path = path) -> Proposal:
                        return xlparity.propose(path, one.make(), loss=one.loss, name=one.name)

                    name = f"hand-made: {path.stem}, {one.sheet}"
                    yield measured(name, "with the model", path, truth, with_model, folder, one.rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only workbooks whose name has this text")
    parser.add_argument("--output", type=Path, default=PAGE)
    options = parser.parse_args()
    lines = []
    totals: dict[str, Counter[str]] = {}
    notes = []
    with tempfile.TemporaryDirectory() as folder:
        for one in workbooks(options.only, Path(folder)):
            counts = " | ".join(str(one.outcomes[outcome]) for outcome in OUTCOMES)
            named = "" if one.named is None else str(one.named)
            lines.append(
                f"| {one.workbook} | {one.how} | {one.rows} | {counts} | {named} | {one.passed} | {one.seconds:.1f} |"
            )
            print(lines[-1], flush=True)
            for line in one.wrong:
                print("     ", line, flush=True)
            notes += [f"- {one.workbook}, {one.how}: {line}" for line in one.wrong[:6]]
            notes += (
                [f"- {one.workbook}, {one.how}: {len(one.wrong) - 6} more like these"] if len(one.wrong) > 6 else []
            )
            kind = f"{one.workbook.partition(':')[0]}, {one.how}"
            totals.setdefault(kind, Counter()).update(one.outcomes)
    if options.only:
        return
    options.output.write_text(page(lines, totals, notes), encoding="utf-8")


def page(lines: Sequence[str], totals: Mapping[str, Counter[str]], notes: Sequence[str]) -> str:
    head = __doc__.split("\n\n", 2)[2]
    summary = []
    for kind, counts in totals.items():
        rows = sum(counts.values())
        parts = " | ".join(f"{counts[outcome]} ({counts[outcome] / rows:.1%})" for outcome in OUTCOMES)
        summary.append(f"| {kind} | {rows} | {parts} |")
    return "\n".join([
        "# What `xlparity init` proposes", "", "Written by `python benchmarks/proposals.py`.", "", head.strip(), "",
        "| set | map rows | rightly | in pieces | wrongly | not at all |", "|---|---|---|---|---|---|", *summary, "",
        "Each workbook; \"named\" are the rows that have the name of the known map, \"check\" is what `xlparity check` says of "
        "the workbook by the proposed map:", "",
        "| workbook | read from | map rows | rightly | in pieces | wrongly | not at all | named | check | seconds |",
        "|---|---|---|---|---|---|---|---|---|---|", *lines, "",
        "Rows that are not right, the first six of each workbook:", "", *notes, "",
    ])  # fmt: skip


if __name__ == "__main__":
    main()

"""Each lowering rule: its golden formula, and its cells against PyTorch's own values."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import xlparity
from tests.compiler.ops import Built, Entry, beyond_excel_2010, book_of, build, entries
from xlparity.check.judge import hold
from xlparity.compiler.lower import RULES, VIEWS
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.engines.libreoffice import LibreOfficeEngine
from xlparity.formula.a1 import show_cell
from xlparity.model.block import Block
from xlparity.model.value import Kind, Values
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book

ENTRIES = tuple(entries())
EACH = pytest.mark.parametrize("entry", ENTRIES, ids=[f"{entry.number}-{entry.overload}" for entry in ENTRIES])

# What nobody wrote has no value that a cell could have.
_UNWRITTEN = {"new_empty.default", "new_empty_strided.default", "empty_like.default"}
# What the check of the workbook's own map does not call a match, and why; each cell that is not named here must be one.
_NO_MATCH = {
    "aten.div.Tensor(v, x)": "a division by 0 is an error in the sheet",
    "aten.reciprocal.default(x)": "a division by 0 is an error in the sheet",
    "aten.special_zeta.default(u, p)": "torch's infinity at 1 is an error in the sheet",
    "aten.special_zeta.other_scalar(u, 0.75)": "torch's infinity at 1 is an error in the sheet",
    "aten._safe_softmax.default(masked, 1)": "no bound is known of a row that is masked as a whole",
}
_INFINITY = 1e300  # stands for infinity in a cell


@cache
def built(entry: Entry) -> Built:
    with torch.random.fork_rng(devices=[]):
        return build(entry)


def test_every_rule_has_a_call_and_every_call_a_rule() -> None:
    assert {entry.overload for entry in ENTRIES} == set(RULES) | VIEWS
    texts = [entry.text for entry in ENTRIES]
    assert len(set(texts)) == len(texts)


@EACH
def test_the_formula_is_the_golden_one(entry: Entry) -> None:
    assert built(entry).formulas == entry.golden


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One workbook with a sheet for every call that has a rule."""
    path = tmp_path_factory.mktemp("ops") / "ops.xlsx"
    write_book(book_of([built(entry) for entry in ENTRIES]), path)
    return path


@pytest.fixture(scope="module")
def values(path: Path) -> Values:
    return EmbeddedEngine().evaluate(read_book(path))


def test_every_formula_is_one_of_excel_2010_and_libreoffice(path: Path) -> None:
    assert beyond_excel_2010(read_book(path)) == []


@EACH
def test_every_cell_holds_what_torch_computes(entry: Entry, values: Values) -> None:
    assert problems(entry, values) == []


def test_the_check_of_the_map_proves_every_cell(path: Path) -> None:
    report = xlparity.check(path)
    calls = {entry.name: entry.text for entry in ENTRIES}
    assert {calls[finding.tensor.partition(".")[0]] for finding in report.cells} == set(_NO_MATCH)
    assert report.counts["match"] > 4000


@pytest.mark.libreoffice
def test_every_cell_of_libreoffice_holds_what_torch_computes(path: Path) -> None:
    with LibreOfficeEngine(seconds=120) as engine:
        values = engine.evaluate(read_book(path), path)
    assert [problem for entry in ENTRIES for problem in problems(entry, values)] == []


def problems(entry: Entry, values: Values) -> list[str]:
    """The tensors of `entry` whose cells do not hold torch's values, each with its first wrong cell."""
    if entry.overload in _UNWRITTEN:
        return []
    rows = {row.tensor: row for row in built(entry).rows}
    found = []
    for name, expected in built(entry).expected.items():
        row = rows[name]
        assert row.dtype == str(expected.dtype).removeprefix("torch."), entry.text
        assert row.block.shape == tuple(expected.shape), entry.text
        held = hold(values, row.block, row.dtype)
        wrong = np.argwhere(~right(held.values, held.kinds, expected))
        if len(wrong):
            found.append(f"{entry.text}: {first_wrong(row.block, values, expected, tuple(wrong[0].tolist()))}")
    return found


def right(values: np.ndarray, kinds: np.ndarray, expected: Tensor) -> np.ndarray:
    """Where cells hold torch's values: an error for NaN; for infinity 1E+300 or more, or an error."""
    wanted = expected.detach().to(torch.float64).numpy()
    finite = np.isfinite(wanted)
    scale = np.abs(wanted[finite]).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        near = np.abs(values - wanted) <= 1e-12 * scale
        infinite = (np.abs(values) >= _INFINITY) & (np.sign(values) == np.sign(wanted))
    error = kinds == Kind.ERROR
    return np.select([finite, np.isnan(wanted)], [near, error], infinite | error)


def first_wrong(block: Block, values: Values, expected: Tensor, index: tuple[int, ...]) -> str:
    cell = block.cell(index)
    return f"{show_cell(cell)} is {values.scalar(cell)!r}, torch has {expected[index].item()!r}"

"""What one sample near the sheet's own numbers does not show, derivatives lead to."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import xlparity
from benchmarks.handmade import handmade
from tests.unit.check.small import book, checked, row
from xlparity.check import ascend
from xlparity.check.ascend import Ascent
from xlparity.check.formulas import FormulaIndex
from xlparity.check.judge import hold
from xlparity.check.reference import Program
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula.a1 import parse_cell, show_cell
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.map import Map, MapRow, Role
from xlparity.xlsx.edit import replace_formula

MSE = Path(__file__).parents[3] / "workbooks" / "mse.xlsx"

HIDDEN = [
    ("a branch behind a sum, never taken", "mse", "MSE!D7", "IF(D6>1E8,0,D6)/COUNT(D2:D4)"),
    ("a bend far away", "convolution", "Sheet!A14", "MAX(0,A9)-MAX(0,A9-1000)"),
    ("ABS for nothing, of numbers that are positive", "mse", "MSE!D6", "SUM(D2:D3)+(A4-B4)*ABS(A4-B4)"),
    ("a product that never gets so large", "recurrent", "Sheet!D9", "SUMSQ(D7:E7)/2+IF(D7*E7>0.5,1,0)"),
]


def edited(name: str, cell: str, formula: str, folder: Path) -> Path:
    source = MSE if name == "mse" else handmade(name, folder)
    replace_formula(source, parse_cell(cell), formula, folder / "edited.xlsx")
    xlparity.recalculate(folder / "edited.xlsx", folder / "saved.xlsx")
    return folder / "saved.xlsx"


@pytest.mark.parametrize(("name", "cell", "formula"), [one[1:] for one in HIDDEN], ids=[one[0] for one in HIDDEN])
def test_what_one_sample_misses_is_found_along_derivatives(name, cell, formula, tmp_path, monkeypatch):
    path = edited(name, cell, formula, tmp_path)
    found = xlparity.check(path, samples=1)
    assert {show_cell(one.cell) for one in found.faults} == {cell}
    assert found.exploration.samples == 1
    monkeypatch.setattr(Ascent, "points", lambda *_: iter(()))
    assert xlparity.check(path, samples=1).passed


def test_a_difference_within_the_users_tolerance_is_followed_until_it_is_not(tmp_path, monkeypatch):
    path = edited("mse", "MSE!D7", "D6/COUNT(D2:D4)*(1+1E-6*D6)", tmp_path)
    found = xlparity.check(path, samples=1, rtol=1e-3, atol=1e-3)
    assert {show_cell(one.cell) for one in found.faults} == {"MSE!D7"}
    assert abs(found.faults[0].counterexample.actual / found.faults[0].counterexample.expected - 1) > 1e-3
    monkeypatch.setattr(Ascent, "points", lambda *_: iter(()))
    assert xlparity.check(path, samples=1, rtol=1e-3, atol=1e-3).passed


@pytest.mark.parametrize("name", ["mse", "convolution", "logistic", "batch norm"])
def test_derivatives_accuse_nothing_that_is_right(name, tmp_path):
    path = MSE if name == "mse" else handmade(name, tmp_path)
    assert xlparity.check(path, samples=1).passed


X, ONE = row("x", "A1", shape=()), row("y", "B1", "x * 1", shape=())


@pytest.mark.parametrize(
    ("rows", "formulas"),
    [
        ((row("x", "A1", dtype="int64"), row("y", "B1", "x * 3", dtype="int64")), {"B1": "=A1*3"}),  # no derivatives
        ((X, row("y", "B1", "x > 0", shape=(), dtype="bool")), {"B1": "=A1>0"}),  # nor of truth values
        ((X, ONE), {"B1": "=IF(1>2,0,A1)"}),  # a branch that no number decides
        ((X, ONE), {"B1": "=IF(A1>1E300,0,A1)"}),  # nor one that stands for infinity
        ((X, ONE), {"B1": "=IF(EXP(A1)>0,A1,5)"}),  # one that is only approached
        ((X, ONE), {"B1": "=A1", "B2": "=SUM(("}),
    ],
    ids=["integers", "truth values", "no number", "infinity", "never reached", "no formula"],
)  # fmt: skip
def test_where_no_derivative_leads_anywhere_nothing_is_accused(rows, formulas):
    assert checked({"A1": 2.0, **formulas}, *rows, samples=2).passed


def test_only_so_many_branches_are_sought(monkeypatch):
    cells = {"A1": 2.0, "B1": "=IF(A1>1E8,0,A1)"}
    assert len(checked(cells, X, ONE, samples=2).faults) == 1
    monkeypatch.setattr(ascend, "_MOST_SWITCHES", 0)
    assert checked(cells, X, ONE, samples=2).passed


def ascent(cells, *rows, shown=None):
    made = book(cells)
    program, values = Program(Map(rows)), EmbeddedEngine().evaluate(made)
    own = {name: hold(values, one.block, one.dtype) for name, one in program.rows.items()}
    return Ascent(
        program, made, FormulaIndex(made), own, shown or {}, [one.tensor for one in rows if one.role is Role.INPUT]
    )


def test_a_branch_behind_a_truth_value_is_reached(monkeypatch):
    # To Excel TRUE is not 1.
    rows = X, row("m", "C1", shape=(), dtype="bool"), row("y", "D1", "where(m, x, 0)", shape=())
    cells = {"A1": 2.0, "C1": True, "B1": "=IF(C1=TRUE,A1,0)", "D1": "=IF(B1>1E8,5,B1)"}
    monkeypatch.setattr(Ascent, "_apart", lambda *_: iter(()))
    points = ascent(cells, *rows).points([{"x": np.array(2.0), "m": np.array(1.0)}])
    assert max((point["x"].item() for point in points), default=0.0) > 1e8


def test_a_step_beyond_which_the_sheet_depends_on_nothing_is_the_last(monkeypatch):
    # The sheet goes away from torch by a part in a million, until it is cut off: by the smallest of the steps.
    monkeypatch.setattr(Ascent, "_switched", lambda *_: iter(()))
    found = ascent({"A1": 1.0, "B1": "=IF(A1>1.01,0.5,A1*(1+1E-6))"}, X, ONE).points([{"x": np.array(1.0)}])
    assert [point["x"].item() for point in found] == [1 + 1 / 64]


def test_each_step_is_the_one_of_all_lengths_that_takes_the_values_furthest_apart(monkeypatch):
    monkeypatch.setattr(Ascent, "_switched", lambda *_: iter(()))
    found = ascent({"A1": 1.0, "B1": "=A1+A1^2*1E-6"}, X, ONE).points([{"x": np.array(1.0)}])
    assert [point["x"].item() for point in found] == [9.0, 81.0, 729.0]  # the longest is of 8 times the size


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_branch_is_approached_from_the_sample_that_is_nearest_to_it(sign, monkeypatch):
    monkeypatch.setattr(Ascent, "_apart", lambda *_: iter(()))
    samples = [{"x": np.array(sign * number)} for number in (8.0, 1.0, 4.0)]
    found = ascent({"A1": 8.0 * sign, "B1": "=IF(A1>0,A1,A1*1)"}, X, ONE).points(samples)
    assert [point["x"].item() for point in found] == [-0.25 * sign]


@pytest.mark.parametrize(("formula", "torch"), [("=A1", "x + w"), ("=A1+C1", "x * 1"), ("=A1*3", "x * 1")])
def test_what_either_does_not_read_leaves_its_derivative_0(formula, torch):
    rows = X, row("w", "C1", shape=()), row("y", "B1", torch, shape=())
    samples = [{"x": np.array(2.0), "w": np.array(1.0)}]
    apart, direction = ascent({"A1": 2.0, "C1": 1.0, "B1": formula}, *rows)._difference(samples)
    step = 1.0 if apart > 0 else -1.0
    of_w = {"=A1": -step, "=A1+C1": step, "=A1*3": 0.0}[formula]
    assert {name: one.tolist() for name, one in direction.items()} == {
        "x": [1.0 if formula == "=A1*3" else 0.0], "w": [of_w],
    }  # fmt: skip


@pytest.mark.parametrize("factor", [1, 3])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("shape", [(), (2,), (2, 3), (2, 2, 3), (2, 1, 2, 3)])
def test_tensors_of_any_shape_are_compared_sample_by_sample_as_they_lie_in_the_sheet(shape, turned, factor):
    turned = turned and len(shape) > 1
    height, width = ((1, 1, *shape)[-2:])[:: -1 if turned else 1]
    x, y = (
        Block(shape, tuple(Area.of("S", 4 * at, column, height, width) for at in range(math.prod(shape[:-2]))), turned)
        for column in (0, 5)
    )
    names = [[show_cell(block.cell(at)).partition("!")[2] for at in block.indices()] for block in (x, y)]
    cells = dict.fromkeys(names[0], 1.0) | {to: f"={factor}*{of}" for of, to in zip(*names, strict=True)}
    made = ascent(cells, MapRow("x", Role.INPUT, x), MapRow("y", Role.COMPUTED, y, torch="2 * x"))
    apart, direction = made._difference([{"x": np.full(shape, size)} for size in (1.0, 2.0, 1000.0)])
    assert ((apart > 0) == (factor > 2)).all()  # the sheet's are larger in each, or smaller
    assert direction["x"].shape == (3, *shape)
    assert (direction["x"] > 0).all()  # and the more so, the larger x
    assert direction["x"].reshape(3, -1).amax(1).tolist() == [1.0] * 3  # whatever the sample's size


def test_a_difference_is_seen_behind_a_tensor_of_truth_values():
    rows = X, row("m", "C1", "x > 0", shape=(), dtype="bool"), ONE
    apart, _ = ascent({"A1": 2.0, "C1": "=A1>0", "B1": "=A1*3"}, *rows)._difference([{"x": np.array(2.0)}])
    assert (apart > 0).all()


def test_a_difference_is_seen_in_what_is_compared_with_a_number_that_is_shown():
    rows = X, ONE, row("y", "C1", role=Role.EXPECTED, shape=()), row("off", "D1", "y - expected(y)", shape=())
    cells = {"A1": 5.0, "B1": "=A1", "C1": 2.0, "D1": "=3*B1"}
    apart, direction = ascent(cells, *rows, shown={("y", False): np.array(2.0)})._difference([{"x": np.array(5.0)}])
    assert (apart > 0).all()  # 15 - 3
    assert direction["x"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("at", "moved"),
    [
        ([1.0, -1000.0, 0.0], [1.5, -500.0, 0.5]),
        ([[1.0, -4.0], [-1000.0, 0.0]], [[3.0, -2.0], [-500.0, 500.0]]),
        ([[[1.0], [-4.0]], [[-1000.0], [0.0]]], [[[3.0], [-2.0]], [[-500.0], [500.0]]]),
    ],
)
def test_a_step_is_of_each_samples_own_size(at, moved):
    made, at = ascent({"A1": 1.0, "B1": "=A1"}, X, ONE), torch.tensor(at)
    assert made._moved({"x": at}, {"x": torch.ones_like(at)}, 0.5)["x"].tolist() == moved


@pytest.mark.parametrize(
    ("formula", "deciding"),
    [
        *((f"IF(A1{sign}B1,1,2)", ["A1-B1"]) for sign in ("<", "<=", ">", ">=", "=", "<>")),
        ("MAX(A1,B1)+MIN(C1,0)", ["A1-B1", "C1-0"]),
        ("ABS(A1-3)", ["A1-3"]),
        ("MAX(A1:A3,B1)", []),
        ("MIN(B1,A1:A3)", []),
        ("MAX(A1,B1,C1)", []),
        ("IF(A1<1E300,1,2)", []),
        ("IF(1<2,A1,2)", []),
    ],
)
def test_what_decides_a_branch_is_what_changes_its_sign(formula, deciding):
    assert sorted(ascend._deciding(formula)) == deciding

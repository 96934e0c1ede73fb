"""What one sample near the sheet's own numbers does not show, derivatives lead to."""

from __future__ import annotations

from pathlib import Path

import pytest

import xlparity
from benchmarks.handmade import handmade
from xlparity.check.ascend import Ascent
from xlparity.formula.a1 import parse_cell, show_cell
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

"""A few of the mutants that benchmarks/mutation.py makes by the thousand: found, placed and mended."""

from __future__ import annotations

import pytest

from benchmarks.handmade import handmade
from benchmarks.mutants import Mutants
from benchmarks.mutation import LESSONS, ROOT, study
from xlparity.formula.a1 import parse_cell
from xlparity.xlsx.map_file import map_of_book
from xlparity.xlsx.read import read_book


@pytest.mark.parametrize("name", ["mse", "recurrent"])
def test_every_slip_is_found_in_its_own_cell_and_most_are_mended(name, tmp_path):
    path = ROOT / "workbooks" / f"{name}.xlsx" if name in LESSONS else handmade(name, tmp_path)
    book = read_book(path)
    result = study(name, book, map_of_book(book), 14, 60)
    killed = [one for one in result.outcomes if one.killed]
    assert result.clean
    assert [one.mutant for one in result.outcomes if not (one.killed or one.equivalent)] == []
    assert [one.mutant for one in killed if not one.first] == []
    assert len(killed) >= 10
    assert sum(one.mended for one in killed) >= 0.8 * len(killed)


def test_the_mutants_of_a_cell_are_one_slip_away_and_none_reads_itself():
    book = read_book(ROOT / "workbooks" / "mse.xlsx")
    made = {new for one in Mutants(book, map_of_book(book), 0).of(parse_cell("MSE!D6")) for _, new in one.changes}
    assert {"SUM(D2:D3)", "SUM(D3:D4)", "SUM(D1:D4)", "SUM(D2:D5)", "SUM(C2:D4)", "AVERAGE(D2:D4)"} <= made
    assert "SUM(D2:D4)" not in made
    assert "SUM(D2:D6)" not in made

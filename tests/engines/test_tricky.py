"""Every engine on formulas whose results surprise; see tricky.py."""

from pathlib import Path

import pytest

from tests.engines.tricky import BOOK, CASES, DISAGREEMENTS, PAGE, VERSIONS, book, page, shown
from tests.golden.test_golden import alike
from xlparity.engines import engine
from xlparity.model.cell import Cell
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book


@pytest.mark.parametrize("name", ["embedded", "ironcalc", pytest.param("libreoffice", marks=pytest.mark.libreoffice)])
def test_an_engine_gives_excels_results_but_where_it_is_known_to_disagree(name: str) -> None:
    if name == "ironcalc":
        pytest.importorskip("ironcalc")
    chosen = engine(name)
    if name in VERSIONS and chosen.version != VERSIONS[name]:
        pytest.skip(f"the table is of {name} {VERSIONS[name]}, this is {chosen.version}")
    values = chosen.evaluate(read_book(BOOK), BOOK)
    found = {}
    for row, (formula, expected, relative) in enumerate(CASES, 1):
        got = values.scalar(Cell("Cases", row, 2))
        if not alike(got, expected, relative * abs(expected) if isinstance(expected, float) else 0.0):
            found[formula] = shown(got)
    assert found == {formula: got for formula, (got, _) in DISAGREEMENTS.get(name, {}).items()}


def test_there_are_enough_formulas_and_none_twice() -> None:
    assert len(CASES) == len({formula for formula, _, _ in CASES}) >= 200


def test_the_golden_workbook_and_the_page_are_those_of_the_table(tmp_path: Path) -> None:
    write_book(book(), tmp_path / "tricky.xlsx")
    made, written = read_book(tmp_path / "tricky.xlsx"), read_book(BOOK)
    assert [sheet.fills for sheet in made.sheets] == [sheet.fills for sheet in written.sheets]
    for one, other in zip(made.sheets, written.sheets, strict=True):
        assert [one.cached.scalar(r, 2) for r in range(len(CASES))] == [
            other.cached.scalar(r, 2) for r in range(len(CASES))
        ]
    assert PAGE.read_text() == page()

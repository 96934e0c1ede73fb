"""Which cell an inherited error comes from, told from the formulas and the wrong cells alone."""

from __future__ import annotations

import pytest

from xlparity.check.formulas import FormulaIndex
from xlparity.check.origin import Origins
from xlparity.formula.a1 import show_cell
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.cell import Cell
from xlparity.model.verdict import Verdict

FAULT, INHERITED = Verdict.FAULT, Verdict.INHERITED


def at(name: str) -> Cell:
    """A cell of the first columns by its name."""
    return Cell("S", int(name[1:]) - 1, "ABCDEFGH".index(name[0]))


def origins(formulas: dict[str, str], **wrong: Verdict) -> Origins:
    fills = tuple(Fill(Area(at(name), 1, 1), text) for name, text in formulas.items())
    return Origins(
        FormulaIndex(Book((Sheet("S", fills=fills),))), {at(name): verdict for name, verdict in wrong.items()}
    )


def origin(found: Origins, name: str) -> str | None:
    cell = found.of(at(name))
    return None if cell is None else show_cell(cell).removeprefix("S!")


CHAIN = {"A1": "1", "B1": "A1", "C1": "B1", "D1": "C1", "E1": "D1"}


def test_the_nearest_fault_on_the_way_back_is_the_origin() -> None:
    found = origins(CHAIN, A1=FAULT, B1=INHERITED, C1=FAULT, D1=INHERITED, E1=INHERITED)
    assert [origin(found, name) for name in ("E1", "D1", "B1")] == ["C1", "C1", "A1"]


def test_of_several_operands_the_first_wrong_one_is_followed() -> None:
    found = origins({"A1": "1", "B1": "2", "C1": "3", "D1": "A1+B1+C1"}, A1=FAULT, C1=FAULT, D1=INHERITED)
    assert origin(found, "D1") == "A1"
    found = origins({"A1": "1", "B1": "2", "C1": "3", "D1": "A1+B1+C1"}, A1=FAULT, D1=INHERITED)
    assert origin(found, "D1") == "A1"
    assert found.reads_wrong(at("D1"))


def test_the_order_of_asking_does_not_matter() -> None:
    wrong = {"A1": FAULT, "B1": INHERITED, "C1": INHERITED, "D1": INHERITED, "E1": INHERITED}
    forwards, backwards = origins(CHAIN, **wrong), origins(CHAIN, **wrong)
    assert [origin(forwards, name) for name in ("B1", "C1", "D1", "E1")] == ["A1"] * 4
    assert [origin(backwards, name) for name in ("E1", "D1", "C1", "B1")] == ["A1"] * 4
    assert origin(backwards, "E1") == "A1"


def test_a_fault_read_directly_comes_before_one_behind_a_cell_that_is_read_first() -> None:
    formulas = {"A1": "1", "B1": "A1", "C1": "2", "D1": "B1+C1"}
    assert origin(origins(formulas, A1=FAULT, B1=INHERITED, C1=FAULT, D1=INHERITED), "D1") == "C1"


def test_a_known_origin_of_a_cell_in_between_is_taken() -> None:
    found = origins(CHAIN, A1=FAULT, D1=INHERITED, E1=INHERITED)
    assert origin(found, "D1") == "A1"
    assert origin(found, "E1") == "A1"


def test_a_cell_in_between_whose_origin_is_known_to_be_none_does_not_end_the_search() -> None:
    found = origins({"A1": "1", "B1": "2", "C1": "B1+A1"}, A1=FAULT, B1=INHERITED, C1=INHERITED)
    assert origin(found, "B1") is None
    assert origin(found, "C1") == "A1"


def test_cells_that_were_seen_are_passed_over_and_not_the_end() -> None:
    # D1 reads B1, and C1, which reads B1 again before it reads the fault.
    formulas = {"A1": "1", "B1": "2", "C1": "B1+A1", "D1": "B1+C1"}
    assert origin(origins(formulas, A1=FAULT, D1=INHERITED), "D1") == "A1"


def test_formulas_that_nobody_judged_are_looked_through() -> None:
    found = origins(CHAIN, A1=FAULT, E1=INHERITED)
    assert origin(found, "E1") == "A1"
    assert found.reads_wrong(at("E1"))


def test_a_circle_of_formulas_ends() -> None:
    found = origins({"A1": "B1", "B1": "A1"}, A1=INHERITED)
    assert origin(found, "A1") is None
    assert not found.reads_wrong(at("A1"))


def test_reading_right_cells_and_numbers_is_reading_nothing_wrong() -> None:
    found = origins(CHAIN, E1=INHERITED)
    assert origin(found, "E1") is None
    assert not found.reads_wrong(at("E1"))
    assert origins(CHAIN, A1=FAULT, E1=INHERITED).reads_wrong(at("B1"))


@pytest.mark.parametrize("rows", [60, 1000])
def test_a_range_of_cells_is_searched_whether_it_is_small_or_large(rows: int) -> None:
    # Above some 64 cells only the wrong ones among them are looked at.
    formulas = {"B1": f"SUM(A1:A{rows})", "C1": f"SUM(A1:A{rows})+B1"}
    found = origins(formulas, A2=FAULT, C1=INHERITED, D7=FAULT)
    assert origin(found, "C1") == "A2"
    assert found.reads_wrong(at("C1"))
    apart = origins(formulas, C1=INHERITED, D7=FAULT)
    assert origin(apart, "C1") is None
    assert not apart.reads_wrong(at("C1"))


def test_a_fault_before_a_large_range_is_kept() -> None:
    formulas = {"B1": "A1+SUM(D1:D1000)", "C1": "SUM(D1:D1000)+A1"}
    for name in formulas:
        assert origin(origins(formulas, A1=FAULT, **{name: INHERITED}), name) == "A1"
    both = origins({"B1": "SUM(D1:D1000)+SUM(E1:E1000)"}, B1=INHERITED, D3=FAULT)
    assert origin(both, "B1") == "D3"

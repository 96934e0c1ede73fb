"""Which unmapped cell is to blame for a wrong mapped one, and for which nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.unit.check.small import book, cell, checked, row, said
from xlparity.check.explore import Explorer
from xlparity.check.formulas import FormulaIndex
from xlparity.check.reference import Program
from xlparity.check.repair import Repairer
from xlparity.check.unmapped import Blamed, Unmapped
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.book import Book, Sheet
from xlparity.model.cell import MAX_COLUMNS
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.value import Cells, Scalar
from xlparity.model.verdict import Repair


def unmapped(book: Book, *rows: MapRow) -> Unmapped:
    program, index, values = Program(Map(rows)), FormulaIndex(book), EmbeddedEngine().evaluate(book)
    return Unmapped(
        program, book, index, values, Repairer(program, book, index, values, Explorer(program, book, index, values, 0))
    )


# y = 2 x + 1 in two steps, of which B is not mapped.
X, Y = row("x", "A1:A4"), row("y", "C1:C4", "x * 2 + 1")
STEPS: dict[str, Scalar] = {f"A{at}": 1.5 * at for at in range(1, 5)}
STEPS |= {f"B{at}": f"=A{at}*2" for at in range(1, 5)} | {f"C{at}": f"=B{at}+1" for at in range(1, 5)}


def of_steps(**changes: Scalar) -> Unmapped:
    return unmapped(book({**STEPS, **changes}), X, Y)


RIGHT_BUT = "its formula is right given its precedents, but unmapped S!B3 "
PROVED = "; with that it agrees on all 60 samples"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("=A2*2", "=A2*2 breaks its neighbours' fill =A3*2"),
        ("=A3*2+1", "=A3*2+1 breaks its neighbours' fill =A3*2"),
        (5.0, "is the constant 5.0 among formulas, which have =A3*2 here"),
        ("five", "is the text 'five' among formulas, which have =A3*2 here"),
        (None, "is empty among formulas, which have =A3*2 here"),
    ],
)
def test_what_stands_out_among_formulas_is_named_with_what_they_have(content: Scalar, why: str) -> None:
    found = of_steps(B3=content)
    assert found.out_of_line("y", (2,)) == Blamed(cell("B3"), RIGHT_BUT + why + PROVED, Repair("A3*2", 60, cell("B3")))
    for right in (0, 1, 3):
        assert found.out_of_line("y", (right,)) is None


@pytest.mark.parametrize("at", [1, 4])
def test_a_cell_at_either_end_of_a_line_stands_out_of_it_too(at: int) -> None:
    for content in ("=A2*2+1", 7.0):
        found = of_steps(**{f"B{at}": content}).out_of_line("y", (at - 1,))
        assert found is not None
        assert found.repair == Repair(f"A{at}*2", 60, cell(f"B{at}"))


def test_a_line_goes_across_as_well_as_down() -> None:
    cells: dict[str, Scalar] = {f"{letter}1": 1.5 * at for at, letter in enumerate("ABCD", 1)}
    cells |= {f"{letter}2": f"={letter}1*2" for letter in "ABCD"} | {f"{letter}3": f"={letter}2+1" for letter in "ABCD"}
    rows = row("x", "A1:D1"), row("y", "A3:D3", "x * 2 + 1")
    for at, letter in enumerate("ABCD"):
        found = unmapped(book({**cells, f"{letter}2": 70.0}), *rows).out_of_line("y", (at,))
        assert found is not None
        assert found.repair == Repair(f"{letter}1*2", 60, cell(f"{letter}2"))


def test_two_neighbours_without_a_gap_are_enough_and_none_beyond_a_gap_counts() -> None:
    # B3 and, in a row, C2, whose only neighbours reach to the edge of the sheet.
    down: dict[str, Scalar] = {f"A{at}": 1.5 * at for at in range(1, 4)} | {"B1": "=A1*2", "B2": "=A2*2", "B3": 7.0}
    down |= {f"D{at}": f"=B{at}+1" for at in range(1, 4)}
    found = unmapped(book(down), row("x", "A1:A3"), row("y", "D1:D3", "x * 2 + 1")).out_of_line("y", (2,))
    assert found is not None
    assert found.repair == Repair("A3*2", 60, cell("B3"))
    across: dict[str, Scalar] = {f"{letter}1": 1.5 for letter in "ABC"} | {"A2": "=A1*2", "B2": "=B1*2", "C2": 7.0}
    across |= {f"{letter}4": f"={letter}2+1" for letter in "ABC"}
    found = unmapped(book(across), row("x", "A1:C1"), row("y", "A4:C4", "x * 2 + 1")).out_of_line("y", (2,))
    assert found is not None
    assert found.repair == Repair("C1*2", 60, cell("C2"))
    gaps: dict[str, Scalar] = {f"A{at}": 1.5 * at for at in range(1, 8)} | {f"D{at}": f"=B{at}+1" for at in range(1, 8)}
    gaps |= {f"B{at}": f"=A{at}*2" for at in (1, 2, 6, 7)} | {"B3": 1.0, "B4": 7.0, "B5": 1.0}
    blamed = unmapped(book(gaps), row("x", "A1:A7"), row("y", "D1:D7", "x * 2 + 1"))
    assert blamed.out_of_line("y", (3,)) is None


def test_a_range_of_very_many_cells_is_passed_over_and_what_is_read_after_it_is_not() -> None:
    found = of_steps(B3="=A2*2", C3="=0*SUM(H1:Z1000)+B3+1").out_of_line("y", (2,))
    assert found is not None
    assert found.cell == cell("B3")


def test_what_is_in_line_is_passed_over_on_the_way_to_what_is_not() -> None:
    # y = 2 x + 1 in three steps: B and D are not mapped, and column F of numbers beside formulas is no fault.
    cells: dict[str, Scalar] = {**STEPS, **{f"D{at}": f"=B{at}+F{at}" for at in range(1, 5)}}
    cells |= {f"C{at}": f"=D{at}*1" for at in range(1, 5)} | {f"F{at}": 1.0 for at in range(1, 5)}
    cells |= {"E2": "=A2*3", "E3": "=A3*3", "G2": "=A2*3", "G3": "=A3*3"}
    found = unmapped(book({**cells, "D3": "=B2+F3"}), X, Y).out_of_line("y", (2,))
    assert found is not None
    assert found.repair == Repair("B3+F3", 60, cell("D3"))


def test_an_edit_is_found_in_the_first_of_all_unmapped_cells_that_it_mends() -> None:
    found = of_steps(**{f"B{at}": f"=A{at}+2" for at in range(1, 5)})
    assert found.out_of_line("y", (0,)) is None
    why = "its formula is right given its precedents, but unmapped S!B1 =A1+2 does not give what it needs, =A1*2 does"
    assert found.edited("y", (0,)) == Blamed(cell("B1"), why + PROVED, Repair("A1*2", 60, cell("B1")))
    later: dict[str, Scalar] = {"A1": 1.5, "B1": "=A1*2", "D1": "=B1*1", "E1": "=D1-3", "C1": "=E1+1"}
    blamed = unmapped(book(later), row("x", "A1"), row("y", "C1", "x * 2 + 4")).edited("y", (0,))
    assert blamed is not None
    assert blamed.repair == Repair("D1+3", 60, cell("E1"))


def test_an_edit_may_read_cells_of_the_map_that_the_formula_did_not() -> None:
    cells: dict[str, Scalar] = {"A1": 1.5, "A2": 4.0, "D1": "=A1*2", "C1": "=D1+1"}
    rows = row("v", "A1"), row("w", "A2"), row("y", "C1", "w * 2 + 1 + 0 * v")
    blamed = unmapped(book(cells), *rows).edited("y", (0,))
    assert blamed is not None
    assert blamed.repair == Repair("A2*2", 60, cell("D1"))


def test_a_range_that_reaches_beyond_its_tensor_is_no_repair() -> None:
    # A5 and A6 are empty: =SUM(A1:A6) agrees until somebody types there.
    cells: dict[str, Scalar] = {**{f"A{at}": 1.5 * at for at in range(1, 5)}, "C1": "=B1+1"}
    rows = row("x", "A1:A4"), row("y", "C1", "x.sum() + 1", shape=())
    assert unmapped(book({**cells, "B1": "=SUM(A2:A6)"}), *rows).edited("y", ()) is None
    found = unmapped(book({**cells, "B1": "=SUM(A2:A4)"}), *rows).edited("y", ())
    assert found is not None
    assert found.repair == Repair("SUM(A1:A4)", 60, cell("B1"))


def test_what_no_single_formula_mends_has_a_hint_at_the_first_one() -> None:
    cells: dict[str, Scalar] = {"A1": 1.5, "B1": "=EXP(A1*3-1)+7", "D1": "=1+B1", "C1": "=1/D1"}
    found = unmapped(book(cells), row("x", "A1"), row("y", "C1", "torch.sigmoid(x)"))
    assert found.out_of_line("y", (0,)) is None
    assert found.edited("y", (0,)) is None
    assert found.first("y", (0,)) == (
        "it reads 2 formulas that the map does not cover, first S!B1 =EXP(A1*3-1)+7: what they should give is not known"
    )


def test_nothing_stands_behind_a_cell_that_reads_mapped_cells_alone() -> None:
    found = unmapped(book({"A1": 1.5, "B1": "=A1*3", "C1": "=B1+2"}),
                     row("x", "A1"), row("h", "B1", "x * 3"), row("y", "C1", "h + 1"))  # fmt: skip
    assert found.out_of_line("y", (0,)) is found.edited("y", (0,)) is None
    assert found.first("y", (0,)) == ""


@pytest.mark.parametrize("formula", ["=SUM(A1:A2)", "=ABS(A1)", "=IF(A1>A2,A1,A2)", "=A1*1+A2"])
def test_nothing_is_to_blame_for_a_stale_value(formula: str) -> None:
    torch = {"=SUM(A1:A2)": "x.sum()", "=ABS(A1)": "x[0].abs()", "=IF(A1>A2,A1,A2)": "x.max()", "=A1*1+A2": "x.sum()"}
    rows = row("x", "A1:A2"), row("y", "B1", f"{torch[formula]} + 1", shape=())
    cells: dict[str, Scalar] = {"A1": 2.0, "A2": 3.0, "D1": formula, "B1": "=D1+1"}
    assert said(checked(cells, *rows, cached={"B1": 50.0})) == {
        "B1": "fault: stale: the file remembers a value that the formula does not give; recalculate and save"
    }


def test_the_sheets_own_numbers_alone_prove_no_repair() -> None:
    constant = row("x", "A1", role=Role.CONSTANT)
    (one,) = checked({"A1": 2.0, "B1": "=A1*4"}, constant, row("y", "B1", "x * 3")).cells  # A1+4 would do for 2
    assert one.repair is None
    (two,) = checked({"A1": 2.0, "D1": "=A1*4", "B1": "=D1*1"}, constant, row("y", "B1", "x * 3")).cells
    assert two.repair is None
    other = row("v", "A2"), row("w", "B2", "v * 3")  # of which samples are drawn
    (three,) = checked(
        {"A1": 2.0, "B1": "=A1*4", "A2": 5.0, "B2": "=A2*3"}, constant, row("y", "B1", "x * 3"), *other
    ).cells
    assert three.repair is None


def test_formulas_that_depend_on_their_place_are_not_tried_elsewhere() -> None:
    for changes in ({"B3": "=A3*ROW()"}, {"B3": "=A3*5", "C3": "=B3+ROW()-2"}):
        found = of_steps(**changes)
        assert found.out_of_line("y", (2,)) is found.edited("y", (2,)) is None
        assert found.first("y", (2,)).startswith("it reads 1 formulas")
    # Nor are their neighbours'.
    assert of_steps(**{f"B{at}": f"=A{at}*ROW()" for at in (1, 2, 4)}, B3="=A3*5").out_of_line("y", (2,)) is None


def test_more_than_two_hundred_cells_behind_one_are_not_searched() -> None:
    def summed(count: int) -> Blamed | None:
        cells: dict[str, Scalar] = {f"A{at}": 1.0 * at for at in range(1, count + 1)}
        cells |= {f"B{at}": f"=A{at}*2" for at in range(1, count + 1)} | {"B3": "=A4*2", "C1": f"=SUM(B1:B{count})"}
        found = unmapped(book(cells), row("x", f"A1:A{count}"), row("y", "C1", "x.sum() * 2", shape=()))
        assert found.first("y", (0,)[:0]).startswith(f"it reads {min(count, 202)} formulas")
        return found.out_of_line("y", ())

    few = summed(150)
    assert few is not None
    assert few.repair == Repair("A3*2", 60, cell("B3"))
    assert summed(250) is None


def test_a_sheet_without_a_free_column_is_left_alone() -> None:
    def at_edge(column: int) -> Blamed | None:
        plain = book({**STEPS, "B3": "=A2*2"})
        more = Cells.of({(0, column): 1.0, **{(at - 1, 0): 1.5 * at for at in range(1, 5)}})
        full = Book((replace(plain.sheets[0], constants=more),))
        return unmapped(full, X, Y).out_of_line("y", (2,))

    assert at_edge(MAX_COLUMNS - 1) is at_edge(MAX_COLUMNS - 2) is None
    assert at_edge(MAX_COLUMNS - 3) is not None


def test_the_cell_to_blame_may_stand_on_another_sheet() -> None:
    def of(name: str, sheet: Mapping[str, Scalar]) -> Sheet:
        only = book(sheet).sheets[0]
        fills = tuple(
            replace(fill, area=replace(fill.area, corner=replace(fill.area.corner, sheet=name))) for fill in only.fills
        )
        return replace(only, name=name, fills=fills)

    first = {f"A{at}": 1.5 * at for at in range(1, 5)} | {f"C{at}": f"=T!B{at}+1" for at in range(1, 5)}
    second = {f"B{at}": f"=S!A{at}*2" for at in range(1, 5)} | {"B3": "=S!A2*2"}
    found = unmapped(Book((of("S", first), of("T", second))), X, Y).out_of_line("y", (2,))
    assert found is not None
    assert found.repair == Repair("S!A3*2", 60, replace(cell("B3"), sheet="T"))

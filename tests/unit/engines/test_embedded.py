from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch

from xlparity.engines.embedded import EmbeddedEngine
from xlparity.engines.embedded.special import SPECIAL
from xlparity.formula.a1 import parse_area, parse_cell, show_cell
from xlparity.functions import FUNCTIONS
from xlparity.model.area import Area
from xlparity.model.book import Book, DefinedName, Fill, FillKind, Sheet, Table
from xlparity.model.cell import Cell
from xlparity.model.value import Cells, Error, Kind, Scalar

UNDECIDED = "undecided"


def sheet(constants: Mapping[str, Scalar], fills: Sequence[tuple[str, str] | tuple[str, str, FillKind]]) -> Sheet:
    cells = {(cell.row, cell.column): value for text, value in constants.items() for cell in [parse_cell(text, "S")]}
    return Sheet(
        "S",
        Cells.of(cells),
        tuple(Fill(parse_area(fill[0], "S"), fill[1], *fill[2:]) for fill in fills),  # type: ignore[misc]
    )


def values(book: Book) -> dict[str, Scalar]:
    cells = EmbeddedEngine().evaluate(book).sheets["S"]
    return {
        show_cell(Cell("S", row, column), sheet=False): UNDECIDED
        if kind == Kind.UNDECIDED
        else cells.scalar(row, column)
        for row, column, kind in zip(cells.row.tolist(), cells.column.tolist(), cells.kind.tolist(), strict=True)
    }


def value(formula: str, kind: FillKind = FillKind.COPIED, at: str = "H1", **constants: Scalar) -> Scalar:
    return values(Book((sheet(constants, [(at, formula, kind)]),)))[at.split(":", maxsplit=1)[0]]


def test_a_fill_moves_its_relative_references() -> None:
    found = values(Book((sheet({"A1": 1.0, "A2": 2.0, "C1": 10.0}, [("B1:B2", "A1*$C$1")]),)))
    assert (found["B1"], found["B2"]) == (10.0, 20.0)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("-2^2", 4.0),
        ("2^3^2", 64.0),
        ("50%*4", 2.0),
        ('"3"+1', 4.0),
        ("TRUE+1", 2.0),
        ("A9+1", 1.0),
        ("A9", 0.0),
        ("1/0", Error.DIV0),
        ("IF(A1>0,A2,1/0)", 2.0),
        ("IF(1,2,FOO(3))", 2.0),
        ("FOO(3)+1", UNDECIDED),
        ("[1]Sheet1!A1", UNDECIDED),
        ("IFERROR(1/0,7)", 7.0),
        ("CHOOSE(2,1/0,5)", 5.0),
        ("SUM((A1,A2:A3))", 6.0),
        ("SUM(A1:A3 A2:A9)", 5.0),
        ("A1:A2 B1", Error.NULL),
        ("SUM(A:A)", 6.0),
        ("ROWS(A:A)", 1_048_576.0),
        ("COLUMNS(B1:D1)", 3.0),
        ("OFFSET(A1,1,0)", 2.0),
        ("SUM(OFFSET(A1,0,0,3,1))", 6.0),
        ("OFFSET(A1,-1,0)", Error.REF),
        ("SUM(A1:INDEX(A1:A3,2))", 3.0),
        ('INDIRECT("A"&2)', 2.0),
        ("LET(_xlpm.x,A2,_xlpm.x*_xlpm.x)", 4.0),
        ("LAMBDA(_xlpm.x,_xlpm.x+1)(5)", 6.0),
        ("REDUCE(0,A1:A3,LAMBDA(_xlpm.a,_xlpm.b,_xlpm.a+_xlpm.b^2))", 14.0),
        ("SUM(MAP(A1:A3,LAMBDA(_xlpm.x,_xlpm.x*2)))", 12.0),
        ("SUM(BYROW(A1:B3,LAMBDA(_xlpm.r,MAX(_xlpm.r))))", 6.0),
        ("SUM(MAKEARRAY(2,3,LAMBDA(_xlpm.r,_xlpm.c,_xlpm.r*_xlpm.c)))", 18.0),
        ("MISSING_NAME", Error.NAME),
        ("SUM(A1:A3*2)", 2.0),
        ("SUMPRODUCT(A1:A3*2)", 12.0),
    ],
)
def test_formula(formula: str, expected: Scalar) -> None:
    assert value(formula, A1=1.0, A2=2.0, A3=3.0) == expected


def test_a_range_where_one_value_is_wanted_gives_the_one_in_the_same_row() -> None:
    found = values(Book((sheet({"A1": 1.0, "A2": 2.0}, [("C1:C3", "$A$1:$A$2+1")]),)))
    assert [found[f"C{row}"] for row in (1, 2, 3)] == [2.0, 3.0, Error.VALUE]


def test_each_cell_of_a_fill_takes_the_area_that_its_own_condition_chooses() -> None:
    constants = {f"A{row}": float(row) for row in (1, 2, 3)} | {"C1": 1.0, "C2": 0.0, "C3": 1.0}
    found = values(Book((sheet(constants, [("D1:D3", "SUM(IF(C1>0,A$1:A$3,A$1:A$2))")]),)))
    assert [found[cell] for cell in ("D1", "D2", "D3")] == [6.0, 3.0, 6.0]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("SUM(IF(A1>0,5,{1,2,3}))", [5, 6, 5]),
        ("SUM(IF(A1>0,{10,20},{1,2,3}))", [30, 6, 30]),
        ("SUMPRODUCT(IF(A1>0,5,B$1:D$1))", [5, 6, 5]),
        ("COUNT(IF(A1>0,5,{1,2,3}))", [1, 3, 1]),
        ("COLUMNS(IF(A1>0,5,{1,2,3}))", [1, 3, 1]),
        ("COUNTA(IF(1/A1,{1,2,3},5))", [3, 1, 3]),
        ("SUM(IFS(A1>0,5,TRUE,{1,2,3}))", [5, 6, 5]),
        ("SUM(CHOOSE(A1+1,{1,2,3},5))", [5, 6, 5]),
        ("SUM(SWITCH(A1,1,5,{1,2,3}))", [5, 6, 5]),
        ("SUM(IFERROR(1/A1,{1,2,3}))", [1, 6, 1]),
        ("SUM(XLOOKUP(A1,{1;2},{1,2,3;4,5,6},5))", [6, 5, 6]),
    ],
)
def test_each_cell_of_a_fill_takes_an_array_of_the_size_that_its_own_condition_chooses(
    formula: str, expected: list[float]
) -> None:
    constants = {"A1": 1.0, "A2": 0.0, "A3": 1.0, "B1": 1.0, "C1": 2.0, "D1": 3.0}
    found = values(Book((sheet(constants, [("E1:E3", formula)]),)))
    assert [found[cell] for cell in ("E1", "E2", "E3")] == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("SUM(FILTER(B$1:B$3,C1:C3>0))", [60, 30, 10]),
        ("SUM(INDEX(SORTBY(B$1:B$3,{1;1;1},1,C1:C3,-1),1))", [30, 20, 10]),
        ("COUNT(SORT(D1:E1))", [UNDECIDED, 2, 2]),
        ("COUNT(UNIQUE(D1:E1,TRUE))", [UNDECIDED, 2, 1]),
    ],
)
def test_each_cell_of_a_fill_sorts_and_filters_by_its_own_keys(formula: str, expected: list[Scalar]) -> None:
    rows = [(10.0, 1.0, 4.0), (20.0, 2.0, 5.0), (30.0, 3.0, 5.0)]
    constants = {f"{name}{at}": value for at, row in enumerate(rows, 1) for name, value in zip("BCE", row, strict=True)}
    constants |= {"D2": 7.0, "D3": 5.0, "C4": 0.0, "C5": -1.0}
    found = values(Book((sheet(constants, [("D1", "FOO(3)"), ("F1:F3", formula)]),)))
    assert [found[cell] for cell in ("F1", "F2", "F3")] == expected


def test_a_map_over_results_of_several_sizes_is_undecided() -> None:
    formula = "SUM(MAP({1,0},LAMBDA(x,SUM(IF(x>0,5,{1,2,3})))))"
    assert value(formula) == UNDECIDED


def test_functions_without_a_body_are_those_that_the_engine_computes_itself() -> None:
    assert {name for name, function in FUNCTIONS.items() if function.body is None} <= SPECIAL.keys()


@pytest.mark.parametrize(
    "chosen",
    ["INDEX(A$1:A$4,ROW(A1))", "INDEX(A$1:B$4,ROW(A1),1)", "CHOOSE(1+(ROW(A1)>2),A1,A1)", "IF(ROW(A1)=1,A1,A1)",
     "CHOOSE(ROW(A1),A$1,A$2,A$3,A$4)", "OFFSET(A$1,ROW(A1)-1,0)"],
)  # fmt: skip
def test_what_a_cell_of_a_fill_chooses_is_a_cell(chosen: str) -> None:
    """Blanks, texts and truth values in cells do not count; as values they would."""
    constants: dict[str, Scalar] = {"A1": 5.0, "A3": "4", "A4": True}
    for function, expected in (("COUNT", [1, 0, 0, 0]), ("COUNTA", [1, 0, 1, 1]), ("SUM", [5, 0, 0, 0])):
        found = values(Book((sheet(constants, [("H1:H4", f"{function}({chosen})")]),)))
        assert [found[f"H{row}"] for row in range(1, 5)] == expected, function
    found = values(Book((sheet(constants, [("H1:H4", f"AVERAGE(1,{chosen})")]),)))
    assert [found[f"H{row}"] for row in range(1, 5)] == [3, 1, 1, 1]


@pytest.mark.parametrize(
    "chosen",
    ["IF(ROW(A1)<5,A1,7)", "IF(ROW(A1)>4,7,A1)", "CHOOSE(1+(ROW(A1)>4),A1,7)", "IFS(ROW(A1)<5,A1,TRUE,7)",
     "SWITCH(ROW(A1)>4,TRUE,7,A1)", "IF(ROW(A1)<5,IF(ROW(A1)>9,9,A1),IF(ROW(A1)>9,9,7))", "IF(ROW(A1)<5,A1,Other!A1)",
     "IFERROR(IF(ROW(A1)<5,A1,1/0),7)", "IFERROR(INDEX(A$1:A$4,ROW(A1)),7)"],
)  # fmt: skip
def test_where_only_some_cells_of_a_fill_choose_a_cell_its_blanks_and_texts_do_not_count(chosen: str) -> None:
    constants: dict[str, Scalar] = {"A1": 5.0, "A3": "4", "A4": True}
    other = Sheet("Other", Cells.of({(4, 0): 7.0}))
    for function, expected in (("COUNT", [1, 0, 0, 0, 1]), ("COUNTA", [1, 0, 1, 1, 1]), ("SUM", [5, 0, 0, 0, 7])):
        found = values(Book((sheet(constants, [("H1:H5", f"{function}({chosen})")]), other)))
        assert [found[f"H{row}"] for row in range(1, 6)] == expected, function
    found = values(Book((sheet(constants, [("H1:H5", f"AVERAGE(1,{chosen})")]), other)))
    assert [found[f"H{row}"] for row in range(1, 6)] == [3, 1, 1, 1, 4]
    found = values(Book((sheet(constants, [("H1:H5", f"{chosen}&1")]), other)))  # one value: a blank is an empty text
    assert [found[f"H{row}"] for row in range(1, 6)] == ["51", "1", "41", "TRUE1", "71"]


def test_array_formulas_spread_over_their_area() -> None:
    found = values(Book((sheet({"A1": 1.0, "A2": 2.0}, [("C1:D3", "A1:A2*2", FillKind.ARRAY)]),)))
    assert [found[cell] for cell in ("C1", "D1", "C2", "C3")] == [2.0, 2.0, 4.0, Error.NA]


def test_a_spill_is_referred_to_by_its_anchor() -> None:
    fills = [("B1:B3", "A1:A3*2", FillKind.DYNAMIC), ("C1", "SUM(_xlfn.ANCHORARRAY(B1))")]
    found = values(Book((sheet({"A1": 1.0, "A2": 2.0, "A3": 3.0}, fills),)))
    assert found["C1"] == 12.0


def test_a_workbook_may_count_its_days_from_1904() -> None:
    fills = [("A1", "DATE(2024,1,1)"), ("A2", "YEAR(A1)"), ("A3", '"1/1/2024"+0'), ("A4", 'TEXT(A1,"yyyy-mm-dd")')]
    found = values(Book((sheet({}, fills),), date1904=True))
    assert found == {"A1": 43830.0, "A2": 2024.0, "A3": 43830.0, "A4": "2024-01-01"}


def test_names_and_tables() -> None:
    own = sheet({"A1": "x", "A2": 1.0, "A3": 2.0}, [("B2:B3", "T[[#This Row],[x]]*rate"), ("C1", "SUM(T[x])+left")])
    names = (DefinedName("rate", "10"), DefinedName("left", "S!XFD1"))
    found = values(Book((own,), names, (Table("T", parse_area("S!A1:A3"), ("x",)),)))
    assert (found["B2"], found["B3"], found["C1"]) == (10.0, 20.0, 3.0)


def test_a_long_chain_is_computed_without_recursion() -> None:
    assert values(Book((sheet({"A1": 1.0}, [("A2:A3000", "A1+1")]),)))["A3000"] == 3000.0


def test_running_sums_and_two_dimensional_recurrences() -> None:
    found = values(Book((sheet({"A1": 1.0}, [("A2:A9", "SUM(A$1:A1)"), ("B1:D1", "A1"), ("B2:D9", "A2+B1")]),)))
    assert found["A5"] == 8.0
    assert found["D3"] == found["C3"] + found["D2"]  # type: ignore[operator]


def test_fills_that_need_each_others_row_before() -> None:
    found = values(Book((sheet({"A1": 1.0, "B1": 1.0}, [("A2:A50", "A1+B1"), ("B2:B50", "A2-B1/2")]),)))
    a, b = 1.0, 1.0
    for row in range(2, 51):
        a = a + b
        b = a - b / 2
        assert (found[f"A{row}"], found[f"B{row}"]) == (a, b)


def test_a_circle_is_undecided_and_the_rest_is_not() -> None:
    found = values(Book((sheet({}, [("A1", "B1"), ("B1", "A1+1"), ("C1", "1+1"), ("D1", "A1")]),)))
    assert found == {"A1": UNDECIDED, "B1": UNDECIDED, "C1": 2.0, "D1": UNDECIDED}


def test_forced_values_are_seen_downstream_only() -> None:
    book = Book((sheet({"A1": 1.0}, [("B1", "A1+1"), ("C1", "B1*10")]),))
    forced = {Area.of("S", 0, 1): np.array([[5.0]])}
    found = EmbeddedEngine().evaluate(book, forced=forced)
    assert (found.scalar(Cell("S", 0, 1)), found.scalar(Cell("S", 0, 2))) == (2.0, 50.0)


def test_random_numbers_are_frozen_at_the_remembered_value() -> None:
    cached = Cells.of({(0, 0): 0.25})
    book = Book(
        (Sheet("S", fills=(Fill(Area.of("S", 0, 0), "RAND()"), Fill(Area.of("S", 1, 0), "RAND()")), cached=cached),)
    )
    assert values(book) == {"A1": 0.25, "A2": UNDECIDED}


def test_an_array_spills_as_far_as_its_result_reaches_now() -> None:
    fills = [("B1:B2", "A1:A3*2", FillKind.DYNAMIC), ("C1", "SUM(B1:B9)"), ("D1", "ROWS(_xlfn.ANCHORARRAY(B1))")]
    found = values(Book((sheet({"A1": 1.0, "A2": 2.0, "A3": 3.0}, fills),)))
    assert (found["B3"], found["C1"], found["D1"]) == (6.0, 12.0, 3.0)
    fills = [("B1:B5", "A1:A3*2", FillKind.DYNAMIC), ("D1", "ROWS(_xlfn.ANCHORARRAY(B1))")]
    found = values(Book((sheet({"A1": 1.0, "A2": 2.0, "A3": 3.0}, fills),)))
    assert "B4" not in found
    assert found["D1"] == 3.0


def test_an_array_whose_cells_are_not_free_is_a_spill_error() -> None:
    found = values(Book((sheet({"A1": 1.0, "A2": 2.0, "B2": "taken"}, [("B1", "A1:A2*2", FillKind.DYNAMIC)]),)))
    assert (found["B1"], found["B2"]) == (Error.SPILL, "taken")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("ISFORMULA(H1)", True),
        ("ISFORMULA(A1)", False),
        ("FORMULATEXT(H1)", "=FORMULATEXT(H1)"),
        ("FORMULATEXT(A1)", Error.NA),
        ('CELL("address",B3)', "$B$3"),
        ('CELL("row",B3)', 3.0),
        ('CELL("contents",A1)', 1.0),
        ('CELL("type",B3)', "b"),
        ('CELL("width",A1)', UNDECIDED),
        ('SHEET("s")', 1.0),
        ("SHEETS()", 1.0),
        ("SUBTOTAL(9,A1:A3)", UNDECIDED),
        ("COUNTBLANK(A:A)", 1_048_574.0),
        ('COUNTIF(A:A,"")', 1_048_574.0),
        ('SUMPRODUCT(--(A:A=""))', 1_048_574.0),
        ("MATCH(1,INDEX((A1:A2=2)*1,0),0)", 2.0),
        ("LOOKUP(2,1/(A1:A2>0),A1:A2)", 2.0),
        ("INDEX(A1:A2,0)", 1.0),
        ("SUM(INDEX(A1:A2,0))", 3.0),
        ("INDEX((A1:A2,A2),1,1,2)", 2.0),
        ("INDEX((A1:A2,A2),2,1)", 2.0),
        ("INDEX((A1:A2,A2),1,1,3)", Error.REF),
        ("INDEX(A1:A2,1,1,1)", 1.0),
        ("INDEX(A1:A2,1,1,)", 1.0),
        ("INDEX(A1:A2,1,1,2)", Error.REF),
        ("INDEX(A1:A2*1,1,1,2)", Error.REF),
        ("INDEX(A1:A2,1,1,NA())", Error.NA),
        ('INDEX((A1:A2,A2),1,1,"x")', Error.VALUE),
    ],
)
def test_information_and_ranges(formula: str, expected: Scalar) -> None:
    assert value(formula, A1=1.0, A2=2.0) == expected


@pytest.mark.parametrize("truth", [True, False])
def test_truth_values_may_be_given_and_forced(truth: bool) -> None:
    # A TRUE is no 1 to Excel; the forced cell's own formula is seen where it is asked for.
    formulas = ("A1=TRUE", "B1=TRUE", "SUM(A1:B1)")
    fills = (Fill(Area.of("S", 0, 1), "1+1"), *(Fill(Area.of("S", row, 2), one) for row, one in enumerate(formulas)))
    book = Book((Sheet("S", fills=fills),))
    inputs, forced = {Area.of("S", 0, 0): torch.tensor([[truth]])}, {Area.of("S", 0, 1): np.array([[truth]])}
    found = EmbeddedEngine().evaluate(book, inputs=inputs, forced=forced)
    assert [found.scalar(Cell("S", row, 2)) for row in range(3)] == [truth, truth, 0.0]
    assert found.scalar(Cell("S", 0, 1)) == 2.0
    batch = EmbeddedEngine().trace(book, {Area.of("S", 0, 0): torch.tensor([[[truth]], [[not truth]]])})
    assert batch.tensor(Area.of("S", 0, 2)).flatten().tolist() == [truth, not truth]


def test_a_chain_with_forced_values_is_judged_cell_by_cell() -> None:
    book = Book((sheet({"A1": 1.0}, [("A2:A9", "A1+1"), ("B1:B9", "OFFSET(A1,0,0)*2")]),))
    forced = {Area.of("S", 1, 0, 8, 1): np.arange(100.0, 108.0)[:, None], Area.of("S", 0, 1, 9, 1): np.zeros((9, 1))}
    found = EmbeddedEngine().evaluate(book, forced=forced)
    assert found.grid(Area.of("S", 0, 0, 9, 1)).number[:, 0].tolist() == [1.0, 2.0, *np.arange(101.0, 108.0)]
    assert found.grid(Area.of("S", 0, 1, 9, 1)).number[:, 0].tolist() == [2.0, *(2 * np.arange(100.0, 108.0))]


def test_forced_values_break_a_circle() -> None:
    book = Book((sheet({}, [("A1", "B1+1"), ("B1", "A1*2")]),))
    found = EmbeddedEngine().evaluate(book, forced={Area.of("S", 0, 0): np.array([[5.0]])})
    assert (found.scalar(Cell("S", 0, 0)), found.scalar(Cell("S", 0, 1))) == (11.0, 10.0)

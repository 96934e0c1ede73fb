"""What is proposed for a wrong formula: one slip of each kind, mended to what torch computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.check.small import Other, area, book, cell, checked, row
from xlparity.check import repair, unmapped
from xlparity.check.check import check_book
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula.a1 import show_cell
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.value import Cells, Scalar
from xlparity.model.verdict import Finding, Repair

X, Y = row("x", "A1:A3"), row("y", "B1:B3")
NUMBERS: dict[str, Scalar] = {"A1": 0.5, "A2": 1.25, "A3": -0.75, "B1": 2.0, "B2": -1.5, "B3": 0.25}
OTHERS: dict[str, Scalar] = {"F1": 7.0, "F2": 1.0, "F3": 3.0}  # of no tensor


def fault(formula: Scalar, expression: str, **more: Any) -> Finding:
    report = checked({**NUMBERS, "D1": formula, **more}, X, Y, row("z", "D1", expression, shape=()))
    return next(one for one in report.cells if one.cell == cell("D1"))


@pytest.mark.parametrize(
    ("formula", "expression", "mended"),
    [
        ("=A2*EXP(A2)", "x[0] * torch.exp(x[0])", "A1*EXP(A1)"),  # the wrong cell in both places
        ("=A3*EXP(A3)", "x[0] * torch.exp(x[0])", "A1*EXP(A1)"),
        ("=-(A3*A3)", "-(x[0] * x[0])", "-(A1*A1)"),
        ("=A3%+A3*2", "x[0] / 100 + x[0] * 2", "A1%+A1*2"),
        ("=SUM(F1:F3)/MAX(F1:F3)", "x.sum() / x.max()", "SUM(A1:A3)/MAX(A1:A3)"),
        ("=2*SUM(A:A)", "3 * x.sum()", "3*SUM(A:A)"),  # candidates for which the whole workbook is evaluated
        ("=SUM(OFFSET(A1,0,0,3))*2", "3 * x.sum()", "SUM(OFFSET(A1,0,0,3))*3"),
        ("=SUMPRODUCT(A1:A3,A1:A3)", "(x * y).sum()", "SUMPRODUCT(B1:B3,A1:A3)"),
        ("=SUM(A1:A3)", "x.mean()", "AVERAGE(A1:A3)"),
        ("=A1+B1", "x[0] - y[0]", "A1-B1"),
        ("=A1*B1", "x[0] * y[0] + x[1]", "A1*B1+A2"),
        (0.5, "x[0] * y[0]", "A1*B1"),
        ("=A1-B1", "2 * (x[0] - y[0]) / 3", "2*(A1-B1)/3"),  # a mean's derivative
        (0.5, "torch.relu(x[1])", "MAX(0,A2)"),
        (0.5, "torch.exp(x[0])", "EXP(A1)"),
        (0.5, "torch.log(y[0])", "LN(B1)"),
        (0.5, "torch.sqrt(y[0])", "SQRT(B1)"),
        (0.5, "torch.abs(x[2])", "ABS(A3)"),
        (0.5, "1 / (1 + torch.exp(-x[0]))", "1/(1+EXP(-A1))"),
        (0.5, "2 / y[0]", "2/B1"),
        (0.5, "x[0] - y[0] * x[1]", "A1-A2*B1"),
        (0.5, "((x - x.mean()) ** 2).sum()", "DEVSQ(A1:A3)"),
        ("=SUMPRODUCT(A1:A3)", "(x - y).sum()", "SUMPRODUCT(A1:A3-B1:B3)"),
        (0.5, "torch.abs(x).max()", "MAX(MAX(A1:A3),-MIN(A1:A3))"),
        (0.5, "((x - y) ** 2).sum()", "SUMXMY2(A1:A3,B1:B3)"),
        (0.5, "(x * y).mean()", "SUMPRODUCT(A1:A3,B1:B3)/3"),
        (0.5, "torch.ones_like(x).mean() * 2 / 3", "2/COUNT(A1:A3)"),
        ("=SUM((", "x[0] * y[0]", None),
    ],
)
def test_a_slip_is_mended(formula: Scalar, expression: str, mended: str | None) -> None:
    found = fault(formula, expression, **OTHERS)
    if mended is None:
        assert found.verdict.value in ("fault", "undecided")
        return
    assert found.verdict.value == "fault"
    assert found.repair is not None
    assert found.repair.formula == mended
    assert found.repair.samples > 10


LOGARITHMS = (
    "torch.log(x[0]) + torch.log(x[1]) + torch.log(-x[2]) + torch.log(y[0]) + torch.log(-y[1]) + torch.log(y[2])"
)


@pytest.mark.parametrize(
    ("formula", "expression"),
    [
        ("=A1*B1+0*ROW()", "x[0] * y[0] + 1"),  # says another thing in another cell
        ("=LN(A1)+LN(A2)+LN(-A3)+LN(B1)+LN(-B2)-LN(B3)", LOGARITHMS),  # of few samples torch makes a number
    ],
)
def test_what_cannot_be_proved_on_samples_is_not_proposed(formula: str, expression: str) -> None:
    found = fault(formula, expression)
    assert (found.verdict.value, found.repair) == ("fault", None)


@pytest.mark.parametrize(
    ("limit", "most", "proposed"),
    [
        ("_MOST_FORMULAS", 0, None),  # of the workbook, which is evaluated again
        ("_LONGEST", 11, None),
        ("_LONGEST", 12, "SUM(A1:A3)*3"),
        ("_MOST_READ", 2, "SUM(A1:A3)*3"),  # tried with the whole workbook
    ],
)
def test_large_workbooks_formulas_and_ranges_are_not_tried_or_otherwise(
    limit: str, most: int, proposed: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, limit, most)
    found = fault("=SUM(A1:A3)*2", "x.sum() * 3").repair
    assert (found and found.formula) == proposed


def test_a_sheet_without_a_free_column_has_no_place_to_try_formulas_in() -> None:
    cells = Cells.of({(0, 0): 0.5, (1, 0): 1.25, (2, 0): -0.75, (0, MAX_COLUMNS - 1): 1.0})
    full = Book((Sheet("S", cells, (Fill(area("D1"), "A1*3"),)),))
    rows = Map((X, row("z", "D1", "x[0] * 2", shape=())))
    (found,) = check_book(full, Path("full.xlsx"), rows, [EmbeddedEngine()]).cells
    assert (found.verdict.value, found.repair) == ("fault", None)


def test_a_gradient_is_mended_on_what_it_is_computed_from() -> None:
    squares, gradient = row("s", "F1:F3", "x * x"), row("g", "D1:D3", "grad(loss, x)")
    loss = row("loss", "E1", "(s * y).sum()", shape=())
    cells: dict[str, Scalar] = {
        **NUMBERS, "D1": "=2*A1*B1", "D2": "=2*A2*B3", "D3": "=2*A3*B3",
        "E1": "=SUMPRODUCT(F1:F3,B1:B3)", "F1": "=A1^2", "F2": "=A2^2", "F3": "=A3^2",
    }  # fmt: skip
    (found,) = checked(cells, X, Y, squares, loss, gradient).cells
    assert found.cell == cell("D2")
    assert found.repair is not None
    assert found.repair.formula == "2*A2*B2"


def test_a_number_that_torch_makes_of_nothing_is_mended() -> None:
    assert fault("=3", "aten.full.default([], 2.0)").repair == Repair("2", 60)
    assert fault("=H1*3", "aten.full.default([], 2.0)", H1="=1/2").repair == Repair("H1*4", 60)


def test_a_column_of_a_matrix_is_put_in_the_place_of_another_range() -> None:
    matrix = row("m", "A1:C2")
    cells: dict[str, Scalar] = {
        "A1": 1.0,
        "B1": 2.0,
        "C1": 4.0,
        "A2": 0.5,
        "B2": -3.0,
        "C2": 0.25,
        "H1": 9.0,
        "H2": 9.5,
    }
    (found,) = checked({**cells, "E5": "=SUM(H1:H2)"}, matrix, row("z", "E5", "m[:, 2].sum()", shape=())).cells
    assert found.repair is not None
    assert found.repair.formula == "SUM(C1:C2)"


# -- from tensors that torch computes alike ----------------------------------------------------------------------------


def test_a_pasted_number_gets_the_formula_that_the_layer_before_has() -> None:
    rows = X, row("h", "C1:C3", "-torch.tanh(x) * 4"), row("z", "F11:F13", "-torch.tanh(h) * 4")
    cells: dict[str, Scalar] = {**NUMBERS, **{f"C{at}": f"=-TANH(A{at})*T!$A$1%*2" for at in (1, 2, 3)}}
    pasted: dict[str, Scalar] = {f"F1{at}": 0.5 for at in (1, 2, 3)}
    both = Book((book({**cells, **pasted}).sheets[0], Sheet("T", Cells.of({(0, 0): 200.0}))))
    found = check_book(both, Path("book.xlsx"), Map(rows), [EmbeddedEngine()]).faults
    assert {show_cell(one.cell): one.repair and one.repair.formula for one in found} == {
        f"S!F1{at}": f"-TANH(C{at})*T!$A$1%*2" for at in (1, 2, 3)
    }


def test_names_that_begin_with_those_of_other_tensors_are_told_apart() -> None:
    one = row("a", "A1", shape=()), row("a.w", "B1", shape=()), row("h", "C1", "torch.tanh(a * a.w) * 4 - a", shape=())
    two = row("b", "A9", shape=()), row("b.w", "F7", shape=()), row("z", "D1", "torch.tanh(b * b.w) * 4 - b", shape=())
    cells: dict[str, Scalar] = {"A1": 0.5, "B1": -1.5, "C1": "=TANH(A1*B1)*4-A1", "A9": 0.75, "F7": 1.25, "D1": 3.0}
    (found,) = checked(cells, *one, *two).faults
    assert found.repair == Repair("TANH(A9*F7)*4-A9", 60)


def test_what_a_pasted_formula_reads_of_no_tensor_moves_with_it() -> None:
    rows = X, row("h", "C1:C3", "torch.tanh(x) * 4"), row("z", "F11:F13", "torch.tanh(h) * 4")
    cells: dict[str, Scalar] = {f"C{at}": f"=TANH(A{at})*E{at}" for at in (1, 2, 3)}
    for at in (1, 2, 3):
        cells |= {f"E{at}": 4.0, f"H1{at}": 4.0, f"E1{at}": 7.0, f"F1{at}": 0.5}
    found = checked({**NUMBERS, **cells}, *rows).faults
    assert {show_cell(one.cell): one.repair and one.repair.formula for one in found} == {
        f"S!F1{at}": f"TANH(C{at})*H1{at}" for at in (1, 2, 3)
    }


def test_a_number_of_another_formula_is_put_in_0_too() -> None:
    for number, expression in ((0, "torch.relu(x[0])"), (0.125, "torch.clamp(x[0], min=0.125)")):
        found = fault("=MAX(A2,A1)", expression, H1=f"=A3*{number}").repair
        assert found is not None
        assert found.formula == f"MAX({number},A1)"


def test_a_text_that_is_read_is_none_of_the_numbers() -> None:
    found = fault("=A1*B2+COUNT(H1:H2)", "x[0] * y[0] + 1", H1='="word"', H2="=2").repair
    assert found is not None
    assert found.formula == "A1*B1+COUNT(H1:H2)"


def test_a_text_that_a_formula_gives_in_some_samples_is_none_of_the_numbers_either() -> None:
    positive = {f"F{at}": f'=IF(A{at}>0,A{at},"none")' for at in (1, 2, 3)}
    found = fault("=SUM(F1:F3)", "torch.relu(x).sum() / (x > 0).sum()", **positive).repair
    assert found is not None
    assert found.formula == "AVERAGE(F1:F3)"


def test_an_operand_of_another_sheet_is_put_back() -> None:
    other = Area(Cell("T", 0, 0), 1, 1)
    rows = Map((X, MapRow("t", Role.INPUT, Block((), (other,)), "float64", ""), row("z", "D1", "x[0] + t", shape=())))
    both = Book((*book({**NUMBERS, "D1": "=A1"}).sheets, Sheet("T", Cells.of({(0, 0): 7.0}))))
    (found,) = check_book(both, Path("book.xlsx"), rows, [EmbeddedEngine()]).faults
    assert found.repair is not None
    assert found.repair.formula == "A1+T!A1"


def test_the_last_cell_of_one_range_stands_for_the_last_of_another() -> None:
    longer = row("w", "E1:I1")
    rows = X, longer, row("sum", "D1", "-x.sum() * 4", shape=()), row("other", "D2", "-w.sum() * 4", shape=())
    numbers: dict[str, Scalar] = {**NUMBERS, "E1": 3.0, "F1": 5.0, "G1": -7.0, "H1": 2.0, "I1": 1.5}
    (found,) = checked({**numbers, "D1": "=-SUM(A1:A3)*4", "D2": 2.5}, *rows).faults
    assert found.repair is not None
    assert found.repair.formula == "-SUM(E1:I1)*4"


def test_a_row_of_a_matrix_of_two_rows_is_put_in_the_place_of_another_range() -> None:
    cells: dict[str, Scalar] = {
        "A1": 1.0,
        "B1": 2.0,
        "C1": 4.0,
        "A2": 0.5,
        "B2": -3.0,
        "C2": 0.25,
        "H1": 9.0,
        "H2": 9.5,
    }
    report = checked({**cells, "E5": "=SUM(H1:H2)"}, row("m", "A1:C2"), row("z", "E5", "m[1].sum()", shape=()))
    assert [one.repair and one.repair.formula for one in report.faults] == ["SUM(A2:C2)"]


def test_what_stands_as_a_number_in_the_layer_before_too_is_mended_by_itself() -> None:
    rows = X, row("h", "C1:C3", "torch.tanh(x)"), row("z", "F11:F13", "torch.tanh(h)")
    pasted: dict[str, Scalar] = {f"{at}": 0.5 for at in ("C1", "C2", "C3", "F11", "F12", "F13")}
    found = checked({**NUMBERS, **pasted}, *rows).faults
    assert {one.repair.formula for one in found if one.repair is not None} == {
        f"TANH({at})" for at in ("A1", "A2", "A3", "C1", "C2", "C3")
    }


def test_tensors_of_other_ranks_that_are_computed_alike_are_no_example() -> None:
    wide = row("w", "E1:G1", shape=(1, 3))
    rows = X, wide, row("sum", "H1", "x.sum()", shape=()), row("other", "H9", "w.sum()", shape=())
    numbers: dict[str, Scalar] = {**NUMBERS, "E1": 3.0, "F1": 5.0, "G1": -7.0}
    (found,) = checked({**numbers, "H1": "=SUM(A1:A3)", "H9": 2.5}, *rows).faults
    assert found.repair is not None
    assert found.repair.formula == "SUM(E1:G1)"


def test_what_no_small_change_mends_is_left_without_a_proposal() -> None:
    found = fault("=A1", "torch.tanh(x @ y + x[1] * y[2]) ** 3")
    assert (found.verdict.value, found.repair) == ("fault", None)


def test_an_unmapped_cell_behind_is_blamed_and_mended() -> None:
    found = fault("=H1+A1", "x[0] * y[0] + x[0]", H1="=A1*B2")
    assert found.origin == cell("H1")
    assert found.repair is not None
    assert (found.repair.cell, found.repair.formula) == (cell("H1"), "A1*B1")
    assert "S!H1 =A1*B2" in found.because
    far = fault("=H1+A1", "torch.tanh(x @ y) ** 3 + x[0]", H1="=A1*B2")
    assert far.origin is None
    assert "it reads 1 formulas that the map does not cover, first S!H1 =A1*B2" in far.because


@pytest.mark.parametrize(
    ("formula", "behind", "expression"),
    [
        ("=H1+A1", "=A1*B2+0*ROW()", "x[0] * y[0] + x[0]"),  # says another thing in another cell
        ("=H1+LN(A1)+LN(A2)+LN(-A3)+LN(B1)+LN(-B2)", "=-LN(B3)", LOGARITHMS),  # of few samples torch makes a number
    ],
)
def test_an_unmapped_cell_that_cannot_be_proved_to_be_wrong_is_not_blamed(
    formula: str, behind: str, expression: str
) -> None:
    found = fault(formula, expression, H1=behind)
    assert (found.verdict.value, found.origin, found.repair) == ("fault", None, None)


def test_in_a_long_column_of_unmapped_formulas_the_one_out_of_line_is_to_blame() -> None:
    column = {f"H{at}": "=A$1*B$1" for at in range(1, 141)}
    found = fault("=H70+A1", "x[0] * y[0] + x[0]", **{**column, "H70": "=A$1*B$2"})
    assert found.origin == cell("H70")
    assert "unmapped S!H70 =A$1*B$2 breaks its neighbours' fill =A$1*B$1" in found.because


def test_unmapped_cells_of_a_large_range_are_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for most, origin in ((3, cell("H1")), (2, None)):
        monkeypatch.setattr(unmapped, "_MOST_READ", most)
        assert fault("=SUM(H1:H3)+A1", "x[0] * y[0] + x[0]", H1="=A1*B2").origin == origin


def test_a_fault_that_another_hides_is_mended_once_that_is() -> None:
    total, part = row("s", "D1", "x.sum()", shape=()), row("m", "E1", "x.sum() / 6", shape=())
    found = checked({**NUMBERS, "D1": "=SUM(A1:A2)", "E1": "=D1/5"}, X, total, part).faults
    assert {show_cell(one.cell): one.repair and one.repair.formula for one in found} == {
        "S!D1": "SUM(A1:A3)", "S!E1": "D1/6",
    }  # fmt: skip


def test_a_right_formula_gets_no_other_unless_it_reads_too_much() -> None:
    engines = [Other("other", {"D1": 7.0})]
    (found,) = checked(
        {**NUMBERS, "D1": "=A1+B1"}, X, Y, row("z", "D1", "x[0] + y[0]", shape=()), engines=engines
    ).faults
    assert found.repair is None
    beyond = fault("=SUM(A1:A4)", "x.sum()").repair
    assert beyond is not None
    assert beyond.formula == "SUM(A1:A3)"

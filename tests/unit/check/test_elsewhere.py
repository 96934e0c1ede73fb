"""Formulas on other numbers than those that stand in the sheet."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from tests.unit.check.small import area, book, cell, checked, row
from xlparity.check.elsewhere import areas_of, right_elsewhere
from xlparity.check.formulas import FillBreak
from xlparity.check.reference import Program
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula.a1 import show_cell
from xlparity.model.block import Block
from xlparity.model.map import Map, MapRow
from xlparity.model.value import Scalar

NUMBERS: Mapping[str, Scalar] = {"A1": 1.0, "A2": 2.0, "A3": 2.0, "B1": 3.0, "B2": 3.0, "B3": -4.0}


def right(
    *rows: MapRow, formulas: Mapping[str, str], suspects: Mapping[str, str], numbers: Mapping[str, Scalar] = NUMBERS,
    unfillable: tuple[str, ...] = (),
) -> set[str]:  # fmt: skip
    """Those cells of the first computed tensor that are meant as they are; `suspects` has the formulas of the fill."""
    sheet = book({**numbers, **formulas})
    breaks = {cell(name): FillBreak("breaks the fill", text) for name, text in suspects.items()}
    tensor = next(one.tensor for one in rows if one.torch)
    found = right_elsewhere(
        Program(Map(rows)), sheet, EmbeddedEngine().evaluate(sheet), {}, {tensor: breaks}, [cell(n) for n in unfillable]
    )
    return {show_cell(one, sheet=False) for one in found}


X, Z = row("x", "A1:A3"), row("z", "B1:B3")
FILL = {"C1": "=A1*2", "C2": "=A2*2", "C3": "=A3*2"}
SUSPECTS = {"C1": "A1*2", "C2": "A2*2", "C3": "A3*2"}


@pytest.mark.parametrize(
    ("expression", "changed", "meant"),
    [
        ("2 * x", {"C2": "=A2+A2", "C3": "=A2*2"}, {"C1", "C2"}),  # A2 holds what A3 does, by chance
        ("2 * x", {"C2": "=4", "C3": "=IF(A3>100,1,A3*2)"}, {"C1", "C3"}),
        ("aten.flip.default(x, [0])", {"C1": "=A3", "C2": "=A2", "C3": "=A1"}, {"C1", "C2", "C3"}),
        ("relu(x)", {"C1": "=MAX(A1,0)", "C2": "=A2", "C3": "=ABS(A3)"}, {"C1"}),  # right on positive numbers alone
        ("-relu(-z)", {"C1": "=MIN(B1,0)", "C2": "=0", "C3": "=B3"}, {"C1"}),  # on one side of 0
    ],
)
def test_a_formula_is_meant_where_it_is_right_on_other_numbers_of_either_sign(
    expression: str, changed: Mapping[str, str], meant: set[str]
) -> None:
    found = right(X, Z, row("y", "C1:C3", expression), formulas={**FILL, **changed}, suspects=SUSPECTS)
    assert found == meant


def test_integers_infinities_and_zeros_are_changed_as_far_as_they_may_be() -> None:
    """An integer says what is read and stays; a zero becomes a number; what is infinite stays infinite."""
    numbers = {**NUMBERS, "B1": 0.0, "B2": 0.0, "B3": 1e300}
    rows = (row("i", "A1:A3", dtype="int64"), Z, row("y", "C1:C3", "relu(1 / z) * i"))
    formulas = {"C1": "=0", "C2": "=MAX(1/B2,0)*2", "C3": "=0"}
    assert right(*rows, formulas=formulas, suspects=SUSPECTS, numbers=numbers) == {"C2", "C3"}


def test_truth_values_stay_such_on_other_numbers() -> None:
    """To Excel TRUE is not 1."""
    numbers = {**NUMBERS, "B1": True, "B2": False, "B3": True}
    rows = (X, row("m", "B1:B3", dtype="bool"), row("y", "C1:C3", "where(m, x, -x)"))
    formulas = {"C1": "=IF(B1=TRUE,A1,-A1)", "C2": "=IF(B2=FALSE,-A2,A2)", "C3": "=IF(B3=FALSE,A3,-A3)"}
    assert right(*rows, formulas=formulas, suspects=SUSPECTS, numbers=numbers) == {"C1", "C2"}


def test_a_formula_that_reads_what_torch_computes_anew_is_meant_where_that_of_the_fill_is_wrong() -> None:
    """D reads the squares in C; its expression squares by itself. D1 must read C3; in D2 the fill's is right too."""
    rows = (X, row("d", "D1:D3", "aten.flip.default(x * x, [0])"), row("s", "C1:C3", "x * x"))
    formulas = {"C1": "=A1^2", "C2": "=A2^2", "C3": "=A3^2", "D1": "=C3", "D2": "=C2", "D3": "=C2"}
    fill = {"D1": "C1", "D2": "C2", "D3": "C3"}
    assert right(*rows, formulas=formulas, suspects=fill) == {"D1"}
    assert right(*rows, formulas=formulas, suspects=fill, unfillable=("D2",)) == {"D1", "D2"}


def test_other_numbers_are_tried_where_torch_refuses_the_first() -> None:
    """Of numbers with the signs of the sheet F has no factor of Cholesky, of the opposite ones it has."""
    factor = row("f", "F1", "aten.linalg_cholesky.default(-x[0].reshape(1, 1))", shape=(1, 1))
    rows = (X, row("d", "D1:D3", "aten.flip.default(x * x, [0])"), row("s", "C1:C3", "x * x"), factor)
    formulas = {"C1": "=A1^2", "C2": "=A2^2", "C3": "=A3^2", "D1": "=C3", "D2": "=C2", "D3": "=C2"}
    assert right(*rows, formulas=formulas, suspects={"D1": "C1", "D2": "C2", "D3": "C3"}) == {"D1"}


def test_a_formula_that_is_right_where_all_signs_are_alike_is_not_meant() -> None:
    """D reads the products in C without their sign; its expression computes them by itself."""
    numbers = {**NUMBERS, "B3": 4.0}
    rows = (X, Z, row("d", "D1:D3", "aten.flip.default(x * z, [0])"), row("s", "C1:C3", "x * z"))
    formulas = {"C1": "=A1*B1", "C2": "=A2*B2", "C3": "=A3*B3"}
    wrong, correct = ({f"D{at}": f"={form}(C{4 - at})" for at in (1, 2, 3)} for form in ("ABS", "SUM"))
    fill = {"D1": "C1", "D2": "C2", "D3": "C3"}
    for made, meant in ((wrong, set()), (correct, {"D1", "D2", "D3"})):
        found = right(*rows, formulas=formulas | made, suspects=fill, numbers=numbers, unfillable=("D1", "D2", "D3"))
        assert found == meant


@pytest.mark.parametrize(("first", "formula", "faults"), [
    (False, "=A4", set()),
    (True, "=A4", set()),  # which is infinite on all numbers
    (True, "=E4", {"D6"}),
    (True, "=MAX(A4,B4)", {"D6"}),
])  # fmt: skip
def test_an_infinite_number_may_come_from_elsewhere_too(first: bool, formula: str, faults: set[str]) -> None:
    """The last cell of a tensor that is moved by one reads the first, the others their neighbours."""
    cells: dict[str, Scalar] = {"A1": 1.0, "B1": 2.0, "C1": 3.0, "D1": 4.0, "B2": False, "C2": False, "D2": False}
    cells |= {f"{column}4": f"=IF({column}2,-1E+300,{column}1)" for column in "ABCD"} | {"A2": first}
    cells |= {"A6": "=B4", "B6": "=C4", "C6": "=D4", "D6": formula}
    report = checked(
        cells, row("s", "A1:D1"), row("m", "A2:D2", dtype="bool"),
        row("y", "A4:D4", "aten.masked_fill.Scalar(s, m, -inf)"), row("z", "A6:D6", "aten.roll.default(y, [-1], [0])"),
    )  # fmt: skip
    assert {show_cell(one.cell, sheet=False) for one in report.faults} == faults


def test_a_wrong_formula_under_a_mask_is_named_though_no_number_shows_it() -> None:
    cells: dict[str, Scalar] = {"A1": 1.0, "B1": 2.0, "C1": 3.0, "D1": 4.0, "E1": 5.0}
    cells |= {f"{column}2": column == "C" for column in "ABCDE"}
    cells |= {f"{column}4": f"=IF({column}2,-1E+300,{column}1)" for column in "ABCDE"} | {"C4": "=IF(C2,-1E+300,B1)"}
    report = checked(
        cells, row("s", "A1:E1"), row("m", "A2:E2", dtype="bool"),
        row("y", "A4:E4", "aten.masked_fill.Scalar(s, m, -inf)"),
    )  # fmt: skip
    assert [show_cell(one.cell, sheet=False) for one in report.faults] == ["C4"]


def test_planes_and_transposed_tensors_lie_as_in_the_sheet() -> None:
    block = Block((2, 2, 3), (area("A5:B7"), area("D5:E7")), transposed=True)
    found = areas_of(block, np.arange(12.0).reshape(2, 2, 3))
    assert {one: array.tolist() for one, array in found.items()} == {
        area("A5:B7"): [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]],
        area("D5:E7"): [[6.0, 9.0], [7.0, 10.0], [8.0, 11.0]],
    }
    truths = np.zeros((2, 2, 3), bool)
    truths[1, :, 1:] = True
    booleans = areas_of(block, np.arange(12.0).reshape(2, 2, 3), truths)
    assert {one: array.tolist() for one, array in booleans.items() if array.dtype == bool} == {
        area("D6:E7"): [[True, True], [True, True]],
    }  # fmt: skip
    column = areas_of(Block((3,), (area("A5:A7"),)), np.arange(3.0))
    assert [array.tolist() for array in column.values()] == [[[0.0], [1.0], [2.0]]]
    (one,) = areas_of(Block((), (area("A5"),)), np.array(5.0)).values()
    assert one.tolist() == [[5.0]]

"""The shortcuts for large fills and long recurrences give what the general way gives."""

import numpy as np
import pytest

from tests.unit.engines.test_embedded import sheet, values
from xlparity.engines.embedded import EmbeddedEngine, run
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.value import Cells, Error


def block(row: int, column: int, numbers: np.ndarray) -> dict[tuple[int, int], float]:
    return {(row + i, column + j): float(value) for (i, j), value in np.ndenumerate(numbers)}


@pytest.mark.parametrize(
    "formula",
    [
        "SUMPRODUCT($A1:$C1,TRANSPOSE(E$1:E$3))",
        "SUMPRODUCT($A1:$C1*TRANSPOSE(E$1:E$3))",
        "SUMPRODUCT(MMULT($A1:$C1,E$1:E$3))",
        "MMULT($A1:$C1,E$1:E$3)",
    ],
)
def test_a_dense_layer_is_a_matrix_product(formula: str) -> None:
    x, w = np.random.default_rng(0).normal(size=(4, 3)), np.random.default_rng(1).normal(size=(3, 2))
    constants = Cells.of(block(0, 0, x) | block(0, 4, w))
    book = Book((Sheet("S", constants, (Fill(Area.of("S", 0, 7, 4, 2), formula),)),))
    assert EmbeddedEngine().evaluate(book).grid(Area.of("S", 0, 7, 4, 2)).number == pytest.approx(x @ w, rel=1e-13)


def test_a_dense_layer_with_a_text_is_not_taken_for_a_matrix_product() -> None:
    found = values(Book((sheet({"A1": 1.0, "B1": "x", "D1": 2.0, "D2": 3.0}, [("F1", "MMULT($A1:$B1,D$1:D$2)")]),)))
    assert found["F1"] == Error.VALUE


@pytest.mark.parametrize("name", ["SUM", "COUNT", "MAX", "MIN", "AVERAGE"])
def test_aggregates_over_growing_ranges(name: str) -> None:
    constants = {"A1": 3.0, "A2": "x", "A3": -4.0, "A5": 10.0, "A6": True}
    grown = values(Book((sheet(constants, [("B1:B6", f"{name}(A$1:A1)")]),)))
    alone = values(Book((sheet(constants, [(f"B{row}", f"{name}(A$1:A{row})") for row in range(1, 7)]),)))
    assert grown == alone


def test_an_error_in_a_growing_range_stays_where_it_begins() -> None:
    found = values(Book((sheet({"A1": 1.0, "A2": Error.NA, "A3": 1.0}, [("B1:B3", "SUM(A$1:A1)")]),)))
    assert [found[f"B{row}"] for row in (1, 2, 3)] == [1.0, Error.NA, Error.NA]


@pytest.mark.parametrize(
    "formula",
    [
        "A1*0.5-$D$1/3+-B1",
        "IF(A1>B1,A1-1,TANH(A1)+2)",
        "MAX(A1:B1,1)+MIN(A1,$D$1)-SUM($A$1:A1)/10",
        "EXP(-ABS(A1))+SQRT(A1^2)",
        "LN(A1)+C1",
        "1/(A1-1)",
    ],
)
def test_a_recurrence_cell_by_cell_is_the_same_as_the_general_way(
    formula: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = {"A1": 1.5, "D1": 0.7, "B4": "text", "B6": True, **{f"B{row}": 0.25 * row for row in (1, 2, 3, 5, 8)}}
    book = Book((sheet(constants, [("A2:A30", formula)]),))
    quick = values(book)
    monkeypatch.setattr(run, "_QUICK_LIMIT", 0)
    general = values(book)
    assert quick.keys() == general.keys()
    for cell, value in general.items():
        assert quick[cell] == (pytest.approx(value, rel=1e-13) if isinstance(value, float) else value), cell


def test_large_operands_are_evaluated_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.random.default_rng(0).normal(size=(64, 8))
    book = Book((Sheet("S", Cells.of(block(0, 0, numbers)), (Fill(Area.of("S", 0, 9, 64, 1), "SUM(A1:H1)"),)),))
    whole = EmbeddedEngine().evaluate(book).grid(Area.of("S", 0, 9, 64, 1)).number
    monkeypatch.setattr(run, "MAX_ELEMENTS", 100)
    parts = EmbeddedEngine().evaluate(book).grid(Area.of("S", 0, 9, 64, 1)).number
    assert np.array_equal(whole, parts)
    assert whole[:, 0] == pytest.approx(numbers.sum(1), rel=1e-13)

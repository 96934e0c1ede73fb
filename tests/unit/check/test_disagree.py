"""Engines that compute different values are shown, by function."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xlparity.check.disagree import disagreements
from xlparity.check.formulas import FormulaIndex
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.cell import Cell
from xlparity.model.engine import Slack
from xlparity.model.value import Cells, Error, Scalar, Values

EXACT = Slack()


@dataclass(frozen=True)
class Fixed:
    """An engine with given answers in column A."""

    name: str
    answers: tuple[Scalar, ...]
    version: str = "1"
    slack: Slack = EXACT

    def evaluate(self, book: Book, path: Path) -> Values:
        return Values({"S": Cells.of({(row, 0): value for row, value in enumerate(self.answers)})})


FORMULAS = ("ERF(1)", "1+2", 'LEFT("ab")', "1/3", "SUM(1,ABS(2))", "ERF(2)")
BOOK = Book((Sheet("S", fills=tuple(Fill(Area.of("S", row, 0), text) for row, text in enumerate(FORMULAS))),))


def compared(left: tuple[Scalar, ...], right: tuple[Scalar, ...]) -> list[tuple[str, int, Cell]]:
    engines = (Fixed("one", left), Fixed("two", right))
    found = disagreements(FormulaIndex(BOOK), [(engine, engine.evaluate(BOOK, Path())) for engine in engines])
    return [(one.function, one.count, one.example) for one in found]


def test_cells_are_grouped_by_every_function_of_their_formula() -> None:
    found = compared((0.84, 3.0, "a", 0.5, 3.0, 0.99), (0.85, 4.0, "a", 0.5, Error.NA, 0.98))
    assert found == [
        ("ABS", 1, Cell("S", 4, 0)),
        ("ERF", 2, Cell("S", 0, 0)),
        ("SUM", 1, Cell("S", 4, 0)),
        ("arithmetic", 1, Cell("S", 1, 0)),
    ]


def test_the_last_digits_and_equal_texts_are_no_disagreement() -> None:
    same = (0.84, 3.0, "a", 1 / 3, 3.0, 0.99)
    assert compared(same, (0.84, 3.0, "a", 1 / 3 + 5e-17, 3.0, 0.99)) == []
    assert compared(same, ("a", 3.0, "a", 1 / 3, 3.0, 0.99)) == [("ERF", 1, Cell("S", 0, 0))]

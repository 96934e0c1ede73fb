"""Random formulas give the same in LibreOffice, which shares no code with the embedded engine.

Each example is one workbook of many fills: copied over some cells or entered as array formulas.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.laws import examples
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.engines.libreoffice import LibreOfficeEngine
from xlparity.formula.a1 import show_cell
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, FillKind, Sheet
from xlparity.model.cell import Cell
from xlparity.model.value import Cells, Error, Kind, Scalar
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book

pytestmark = pytest.mark.libreoffice

CONSTANTS = {
    **{(row, column): (row + 1) * 1.25 - column * 2.5 for row in range(8) for column in range(3)},
    **{(row, 3): value for row, value in enumerate([0.5, -3.0, 7.0, 0.0, 1e-3, 250.0, -0.125, 2.0])},
    (2, 1): Error.NA,
    (5, 0): Error.DIV0,
}
# Numbers only: LibreOffice has its own mind about texts and TRUE in arithmetic.
numbers = st.sampled_from(["0", "1", "2", "-3", "0.5", "10", "1E-3"])
cells = st.builds(
    lambda column, row, across, down: f"{'$' * across}{'ABCD'[column]}{'$' * down}{row}",
    st.integers(0, 3), st.integers(1, 6), st.booleans(), st.booleans(),
)  # fmt: skip
ranges = st.sampled_from(["A1:B2", "$A$1:$A$4", "C1:D3", "$C$1:$D$8", "A$1:A3", "D1:D4", "$B1:$D1", "C$2:D$3"])
reducers = st.sampled_from(["SUM", "MAX", "MIN", "AVERAGE", "COUNT", "SUMSQ", "PRODUCT", "ROWS", "COLUMNS"])
functions = st.sampled_from(["ABS", "SQRT", "EXP", "LN", "TANH", "SIN", "SIGN", "INT"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(lambda a, o, b: f"({a}{o}{b})", inner, st.sampled_from("+-*/"), inner),
        st.builds(lambda a, o, b: f"({a}{o}{b})", inner, st.sampled_from(["<", ">", "<=", "=", "<>"]), inner).map(
            lambda text: f"({text}*1)"
        ),
        st.builds("-{}".format, inner),
        st.builds("{}^2".format, inner),
        st.builds("{}%".format, inner),
        st.builds("{}({})".format, functions, inner),
        st.builds("(ISERROR({})*1)".format, inner),
        st.builds("{}({},{})".format, reducers.filter(lambda name: name not in ("ROWS", "COLUMNS")), ranges, inner),
        st.builds("IF({}>{},{},{})".format, inner, numbers, inner, inner),
        st.builds("IFERROR({},{})".format, inner, inner),
        st.builds("INDEX({},{},1)".format, ranges, st.sampled_from(["1", "2", "ROW(A1)"])),
        st.builds("SUM(OFFSET({},{},{}))".format, cells, st.sampled_from(["0", "1"]), st.sampled_from(["0", "1"])),
        st.builds("CHOOSE({},{},{})".format, st.sampled_from(["1", "2", "ROW(A1)"]), inner, inner),
    )


leaves = st.one_of(
    numbers, cells, st.builds("{}({})".format, reducers, ranges), st.just("SUMPRODUCT($A1:$D1,$A$1:$D$1)")
)
formulas = st.recursive(leaves, grown, max_leaves=6).filter(lambda text: len(text) < 300)
kinds = st.sampled_from([FillKind.COPIED, FillKind.COPIED, FillKind.ARRAY])


@pytest.fixture(scope="module")
def office() -> Iterator[LibreOfficeEngine]:
    with LibreOfficeEngine(seconds=120) as engine:
        yield engine


def same(one: Scalar, two: Scalar) -> bool:
    if isinstance(one, Error) or isinstance(two, Error):
        # LibreOffice knows fewer errors, and takes another one of two.
        return isinstance(one, Error) and isinstance(two, Error)
    one, two = float(one or 0), float(two or 0)
    return abs(one - two) <= 1e-11 * max(abs(one), abs(two)) + 1e-11


# Not shrunk: each try costs a workbook, and a difference names its own formula.
@settings(max_examples=examples(8), suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.lists(st.tuples(formulas, kinds), min_size=60, max_size=120))
def test_random_formulas_agree(
    office: LibreOfficeEngine, tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, FillKind]]
) -> None:
    path: Path = tmp_path_factory.mktemp("agree") / "book.xlsx"
    fills = tuple(
        Fill(
            Area.of("S", 2 * index, 6, 1 if kind is FillKind.ARRAY else 2, 1 if kind is FillKind.ARRAY else 2),
            text,
            kind,
        )
        for index, (text, kind) in enumerate(drawn)
    )
    write_book(Book((Sheet("S", Cells.of(CONSTANTS), fills),)), path)
    book = read_book(path)
    ours, theirs = EmbeddedEngine().evaluate(book, path), office.evaluate(book, path)
    differences = []
    for fill in fills:
        for cell in fill.area.cells():
            grid = ours.grid(Area(cell, 1, 1))
            assert grid.kind[0, 0] != Kind.UNDECIDED, (fill.formula, ours.notes[cell])
            if not same(ours.scalar(cell), theirs.scalar(cell)):
                differences.append(
                    f"{show_cell(Cell('S', cell.row, cell.column))} {fill.kind.value} ={fill.formula} in "
                    f"{show_cell(fill.area.corner, False)}: {ours.scalar(cell)!r}, LibreOffice {theirs.scalar(cell)!r}"
                )
    assert not differences, "\n".join(differences)

import sys

import pytest

from xlparity.engines.ironcalc import IronCalcEngine
from xlparity.errors import EngineError
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.cell import Cell
from xlparity.model.value import Cells, Error, Kind
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book


def test_ironcalc_recomputes_every_kind_of_value(tmp_path):
    pytest.importorskip("ironcalc")
    texts = ["A1*3", '"a"&A1', "A1=0.1", "1/0", "B9", "NA()", "NOSUCH(1)"]
    fills = (
        *(Fill(Area.of("S", row, 2), text) for row, text in enumerate(texts)),
        Fill(Area.of("S", 0, 3, 3, 1), "A1"),
    )
    cached = Cells.of({(row, 2): 99.0 for row in range(len(texts))})
    constants = Cells.of({(0, 0): 0.1, (1, 0): "x", (2, 0): True})
    path = tmp_path / "book.xlsx"
    write_book(Book((Sheet("S", constants, fills, cached),)), path)
    engine = IronCalcEngine()
    values = engine.evaluate(read_book(path), path)
    found = [values.scalar(Cell("S", row, 2)) for row in range(len(texts))]
    assert found[:4] == [0.1 * 3, "a0.1", True, Error.DIV0]
    assert found[4] in (0.0, None)
    assert found[5] == Error.NA
    assert values.grid(Area.of("S", 6, 2)).kind[0, 0] in (Kind.ERROR, Kind.UNDECIDED)
    assert [values.scalar(Cell("S", row, 3)) for row in range(3)] == [0.1, "x", True]
    assert values.scalar(Cell("S", 1, 0)) == "x"
    assert engine.version[0].isdigit()


def test_ironcalc_is_asked_no_workbook_that_counts_its_days_from_1904(tmp_path):
    pytest.importorskip("ironcalc")
    with pytest.raises(EngineError, match="counts its days from 1904"):
        IronCalcEngine().evaluate(Book((), date1904=True), tmp_path / "book.xlsx")


def test_a_missing_ironcalc_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ironcalc", None)
    with pytest.raises(EngineError, match=r"pip install 'xlparity\[ironcalc\]'"):
        _ = IronCalcEngine().version

"""What another workbook or the network says is unknown, whatever other engines take for it."""

import pytest

from xlparity.engines.ironcalc import IronCalcEngine
from xlparity.engines.libreoffice import LibreOfficeEngine
from xlparity.model.area import Area
from xlparity.model.book import Book, DefinedName, Fill, Sheet
from xlparity.model.cell import Cell
from xlparity.model.value import Cells
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book


@pytest.fixture(scope="module")
def libreoffice():
    with LibreOfficeEngine(seconds=120) as engine:
        yield engine


@pytest.fixture
def ironcalc():
    pytest.importorskip("ironcalc")
    return IronCalcEngine()


NAMES = (DefinedName("Linked", "[1]Other!$A$1"), DefinedName("LinkedAgain", "linked+1"))
OUTSIDE = {
    "[1]Other!A1": (),
    "'C:/folder/[other.xlsx]Other'!A1": (),
    "Excel|'other.xlsx'!a": (),
    '_xlfn.WEBSERVICE("http://127.0.0.1:9/a")': (),
    'RTD("server",,"a")': (),
    "Linked": NAMES,
    "linkedagain*2": NAMES,
}


@pytest.mark.parametrize("name", [pytest.param("libreoffice", marks=pytest.mark.libreoffice), "ironcalc"])
@pytest.mark.parametrize("outside", OUTSIDE)
def test_what_lies_outside_the_workbook_is_undecided_even_where_a_formula_hides_it(request, tmp_path, name, outside):
    engine = request.getfixturevalue(name)
    formulas = [f"IFERROR({outside},0)+1", "SUM(C1:C1)*2", "IF(D1=0,3,4)", "A1+1", f"1+{outside}"]
    fills = (*(Fill(Area.of("S", row, 2), text) for row, text in enumerate(formulas)), Fill(Area.of("S", 0, 3), "T!A1"))
    other = Sheet("T", Cells.empty(), (Fill(Area.of("T", 0, 0), "S!C2-S!C2"), Fill(Area.of("T", 1, 0), "5")))
    path = tmp_path / "book.xlsx"
    write_book(Book((Sheet("S", Cells.of({(0, 0): 1.0}), fills), other), names=OUTSIDE[outside]), path)
    values = engine.evaluate(read_book(path), path)
    assert [values.scalar(Cell("S", row, 2)) for row in range(5)] == [None, None, None, 2.0, None]
    assert [values.scalar(Cell("T", row, 0)) for row in (0, 1)] == [None, 5.0]
    assert "does not reach outside the workbook" in values.notes[Cell("S", 1, 2)].because


@pytest.mark.libreoffice
def test_texts_that_look_like_links_are_none_and_offset_may_read_what_is_one(libreoffice, tmp_path):
    path = tmp_path / "book.xlsx"
    for formulas, expected in (
        (["OFFSET(A1,0,0)", 'IF(TRUE,1,"|")', 'LEN("[1]Other!A1")'], [1.0, 1.0, 11.0]),
        (["OFFSET(A1,0,0)", "IFERROR([1]Other!A1,7)", "A1"], [None, None, 1.0]),
    ):
        fills = tuple(Fill(Area.of("S", row, 2), text) for row, text in enumerate(formulas))
        write_book(Book((Sheet("S", Cells.of({(0, 0): 1.0}), fills),)), path)
        values = libreoffice.evaluate(read_book(path), path)
        assert [values.scalar(Cell("S", row, 2)) for row in range(3)] == expected

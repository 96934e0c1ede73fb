import zipfile

import pytest

from tests.unit.xlsx.examples import cells_of, full_book
from tests.unit.xlsx.handmade import workbook
from xlparity.errors import InputError
from xlparity.model.cell import Cell
from xlparity.model.value import Cells, Error, Values
from xlparity.xlsx.edit import recalculated_copy, replace_cached, replace_formula, replace_value
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book

SHARED = (
    '<row r="1"><c r="A1"><v>1</v></c><c r="B1" s="0"><f t="shared" ref="B1:B3" si="0">A1*2</f><v>2</v></c></row>'
    '<row r="2"><c r="A2"><v>2</v></c><c r="B2"><f t="shared" si="0"/><v>4</v></c></row>'
    '<row r="3"><c r="B3" t="str"><f t="shared" si="0"/><v>old</v></c></row>'
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "book.xlsx"
    write_book(full_book(), path)
    return path


def differences(before, after):
    old, new = cells_of(read_book(before)), cells_of(read_book(after))
    return {key: new.get(key) for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def unchanged_parts(before, after, but):
    with zipfile.ZipFile(before) as old, zipfile.ZipFile(after) as new:
        assert old.namelist() == new.namelist()
        return all(old.read(name) == new.read(name) for name in old.namelist() if name != but)


@pytest.mark.parametrize("row", [0, 1, 2])
def test_one_cell_of_a_shared_group_changes_alone(tmp_path, row):
    source = workbook(tmp_path / "a.xlsx", SHARED)
    replace_formula(source, Cell("Data", row, 1), "A1+A2<3", tmp_path / "b.xlsx", cached=7.5)
    changed = differences(source, tmp_path / "b.xlsx")
    assert changed.pop(("Data", row, 1, "formula")) == "A1+A2<3"
    assert changed.pop(("Data", row, 1, "cached"))[1] == 7.5
    assert changed == {}


@pytest.mark.parametrize("value", [2.5, -0.0, "a <b>\n", " ", True, Error.NUM])
def test_a_formula_is_overwritten_by_a_constant(path, tmp_path, value):
    replace_value(path, Cell("Layer 1", 3, 2), value, tmp_path / "out.xlsx")
    changed = differences(path, tmp_path / "out.xlsx")
    assert changed.pop(("Layer 1", 3, 2, "formula")) is None
    assert changed.pop(("Layer 1", 3, 2, "constant")) == (type(value), value, str(value))
    assert changed == {}
    assert unchanged_parts(path, tmp_path / "out.xlsx", "xl/worksheets/sheet1.xml")


def test_a_constant_is_emptied(path, tmp_path):
    replace_value(path, Cell("layer 1", 2, 1), None, tmp_path / "out.xlsx")
    assert differences(path, tmp_path / "out.xlsx") == {("Layer 1", 2, 1, "constant"): None}


@pytest.mark.parametrize(("row", "column"), [(0, 5), (4, 0), (8, 2), (5, 9), (999, 0)])
def test_a_new_cell_finds_its_place(path, tmp_path, row, column):
    replace_value(path, Cell("Layer 1", row, column), 4.0, tmp_path / "out.xlsx")
    assert list(differences(path, tmp_path / "out.xlsx")) == [("Layer 1", row, column, "constant")]


@pytest.mark.parametrize("rows", ["", '<row r="2"/>', '<row r="3"><c r="A3"><v>1</v></c></row>'])
def test_a_new_cell_finds_its_place_in_bare_sheets(tmp_path, rows):
    source = workbook(tmp_path / "a.xlsx", rows)
    replace_formula(source, Cell("Data", 1, 3), "1+1", tmp_path / "b.xlsx")
    assert differences(source, tmp_path / "b.xlsx") == {("Data", 1, 3, "formula"): "1+1"}


def test_prefixed_markup_is_kept(tmp_path):
    rows = '<x:row r="1"><x:c r="A1" t="str"><x:f>1+1</x:f><x:v>2</x:v></x:c></x:row>'
    source = workbook(tmp_path / "a.xlsx", rows, prefix="x:")
    replace_cached(source, Cell("Data", 0, 0), 3.0, tmp_path / "b.xlsx")
    assert read_book(tmp_path / "b.xlsx").sheets[0].cached.scalar(0, 0) == 3.0
    replace_formula(source, Cell("Data", 0, 0), "5", tmp_path / "c.xlsx", cached=True)
    assert read_book(tmp_path / "c.xlsx").sheets[0].cached.scalar(0, 0) is True


@pytest.mark.parametrize("value", [9.0, "text & more", False, Error.DIV0, None])
def test_only_the_cached_value_changes(path, tmp_path, value):
    replace_cached(path, Cell("Layer 1", 2, 2), value, tmp_path / "out.xlsx")
    changed = differences(path, tmp_path / "out.xlsx")
    assert list(changed) == [("Layer 1", 2, 2, "cached")]
    assert read_book(tmp_path / "out.xlsx").sheet("Layer 1").cached.scalar(2, 2) == value


def test_array_formulas_change_only_together(path, tmp_path):
    for column in (0, 1):
        with pytest.raises(InputError, match="is part of an array formula"):
            replace_value(path, Cell("Layer 1", 5, column), 1.0, tmp_path / "out.xlsx")
    replace_formula(path, Cell("Layer 1", 5, 2), "_xlfn.UNIQUE(B3:B5)", tmp_path / "out.xlsx")
    (fill,) = differences(path, tmp_path / "out.xlsx").values()
    assert (fill.formula, fill.kind.value) == ("_xlfn.UNIQUE(B3:B5)", "dynamic")


def test_missing_sheets_and_formulas_are_named(path, tmp_path):
    with pytest.raises(InputError, match="has no sheet 'No'"):
        replace_value(path, Cell("No", 0, 0), 1.0, tmp_path / "out.xlsx")
    with pytest.raises(InputError, match="Loss!A1 has no formula"):
        replace_cached(path, Cell("Loss", 0, 0), 1.0, tmp_path / "out.xlsx")
    assert list(tmp_path.iterdir()) == [path]


def test_recalculated_copy_changes_values_only(tmp_path):
    source = workbook(
        tmp_path / "a.xlsx",
        SHARED + '<row r="4"><c r="A4"><f t="array" ref="A4:B4">A1:B1</f><v>1</v></c><c r="B4"><v>2</v></c></row>'
        '<row r="5"><c r="A5" vm="1"><f>1/0</f></c><c r="B5"><f ca="1">NOW()</f><v>1</v><extLst><ext uri="x"/></extLst>'
        "</c></row>",
    )
    book = read_book(source)
    answer = Cells.of(
        {(0, 0): 1.0, (0, 1): 0.1, (1, 1): "a&b", (2, 1): True, (3, 0): 5.0, (3, 1): 6.0, (4, 0): Error.DIV0}
    )
    recalculated_copy(source, book, Values({"Data": answer}), tmp_path / "b.xlsx")
    read = read_book(tmp_path / "b.xlsx").sheets[0]
    assert read.fills == book.sheets[0].fills
    assert [read.cached.scalar(row, 1) for row in range(4)] == [0.1, "a&b", True, 6.0]
    assert [read.cached.scalar(row, 0) for row in (3, 4)] == [5.0, Error.DIV0]
    assert read.cached.scalar(4, 1) is None  # the engine gave none, so the old one goes
    assert unchanged_parts(source, tmp_path / "b.xlsx", "xl/worksheets/sheet1.xml")
    with zipfile.ZipFile(tmp_path / "b.xlsx") as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
    assert '<c r="B5"><f ca="1">NOW()</f><extLst><ext uri="x"/></extLst></c>' in xml
    assert '<c r="A5" t="e"><f>1/0</f><v>#DIV/0!</v></c>' in xml


def test_recalculating_with_the_same_values_gives_the_same_sheet(path, tmp_path):
    book = read_book(path)
    recalculated_copy(path, book, Values({sheet.name: sheet.cached for sheet in book.sheets}), path)
    assert cells_of(read_book(path)) == cells_of(book)

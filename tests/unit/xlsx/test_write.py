import dataclasses
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from tests.unit.xlsx.examples import cells_of, full_book
from xlparity.errors import InputError
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Layout, Sheet, Style
from xlparity.model.value import Cells, Values
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book

SCHEMA = Path(__file__).parents[4] / "shared" / "schema" / "sml.xsd"


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "book.xlsx"
    write_book(full_book(), path)
    return path


def test_what_is_written_is_read_again(written):
    book, read = full_book(), read_book(written)
    assert cells_of(read) == cells_of(book)
    assert (read.names, read.tables, read.title, read.date1904) == (book.names, book.tables, book.title, False)


def test_same_book_gives_same_bytes(written, tmp_path):
    write_book(full_book(), tmp_path / "again.xlsx")
    assert (tmp_path / "again.xlsx").read_bytes() == written.read_bytes()
    buffer = BytesIO()
    write_book(full_book(), buffer)
    assert buffer.getvalue() == written.read_bytes()


def test_an_engines_values_replace_the_cached_ones(tmp_path):
    values = Values({"Loss": Cells.of({(0, 0): 0.0, (0, 1): 7.25})})
    write_book(full_book(), tmp_path / "book.xlsx", values)
    read = read_book(tmp_path / "book.xlsx")
    assert read.sheet("Loss").cached.scalar(0, 1) == 7.25
    assert len(read.sheet("Loss").cached) == 1
    assert len(read.sheet("Layer 1").cached) == 0


def test_only_formulas_of_their_own_sheet_are_shared(written):
    with zipfile.ZipFile(written) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
    assert '<f t="shared" ref="C3:C5" si="0">' in xml
    assert "<f>Loss!A4+B4</f>" in xml
    assert '<dimension ref="A1:H11">' in xml


def test_openpyxl_reads_the_same_workbook(written):
    book = openpyxl.load_workbook(written)
    sheet = book["Layer 1"]
    assert sheet["B4"].value == -1 / 3
    assert sheet["B3"].number_format == "0.0000"
    assert sheet["B3"].font.color.rgb == "FF0000C8"
    assert sheet["A1"].font.size == 14
    assert sheet.freeze_panes == "B3"
    assert sheet.column_dimensions["A"].width == 14
    assert str(sheet.merged_cells) == "A11:D11"
    assert sheet["E1"].hyperlink.location == "Loss!A1"
    assert sheet["E1"].font.underline == "single"
    assert sheet.page_setup.orientation == "landscape"
    assert {str(each.sqref) for each in sheet.conditional_formatting} == {"G3:G5", "H3:H5"}
    assert len(book["Loss"]._charts) == 1
    assert book["Loss"]._charts[0].x_axis.delete is False
    assert book.properties.title == "An example"
    assert set(book.defined_names) == {"alpha"}


@pytest.mark.skipif(not SCHEMA.exists(), reason="the OOXML schema lies outside the repository, in ../shared/schema")
def test_every_part_obeys_the_schema(written):
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    checked = 0
    with zipfile.ZipFile(written) as archive:
        for name in archive.namelist():
            root = etree.fromstring(archive.read(name))
            if root.tag.startswith("{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"):
                for text in root.iter("{*}t"):  # the schema forgets xml:space, which Excel itself writes
                    text.attrib.pop("{http://www.w3.org/XML/1998/namespace}space", None)
                schema.assertValid(root)
                checked += 1
    assert checked == 6  # two sheets, workbook, styles, table, metadata


def test_every_xml_part_is_independent_of_lxml(written, tmp_path):
    root = Path(__file__).parents[3]
    script = (
        "import sys; from tests.unit.xlsx.examples import full_book; from xlparity.xlsx.write import write_book; "
        "import openpyxl; print(openpyxl.LXML); write_book(full_book(), sys.argv[1])"
    )
    for lxml in ("True", "False"):
        target = tmp_path / f"{lxml}.xlsx"
        environment = os.environ | {"OPENPYXL_LXML": lxml, "PYTHONPATH": str(root)}
        subprocess.run([sys.executable, "-c", script, str(target)], check=True, env=environment, cwd=root)
        assert target.read_bytes() == written.read_bytes()


def test_failing_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"old")
    bad = Book((Sheet("S", Cells.of({(0, 0): float("nan")})),))
    with pytest.raises(InputError, match="S!A1 would hold nan"):
        write_book(bad, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="cannot be written"):
        write_book(full_book(), tmp_path / "missing" / "book.xlsx")


@pytest.mark.parametrize("name", ["", "a/b", "a" * 32, "'a", "x:y", "[1]"])
def test_sheet_names_that_excel_forbids_are_refused(name):
    with pytest.raises(InputError, match="cannot name a sheet"):
        write_book(Book((Sheet(name),)), BytesIO())


def test_sheet_names_that_differ_in_case_only_are_refused():
    with pytest.raises(InputError, match="allows a name once"):
        write_book(Book((Sheet("a"), Sheet("A"))), BytesIO())


def test_two_things_in_one_cell_are_refused():
    fill = Fill(Area.of("S", 0, 0, 2, 1), "1+1")
    for sheet in (Sheet("S", Cells.of({(1, 0): 1.0}), (fill,)), Sheet("S", fills=(fill, fill))):
        with pytest.raises(InputError, match=r"S!A[12] would hold a formula and something else"):
            write_book(Book((sheet,)), BytesIO())


def test_bands_of_rows_join_without_a_seam(tmp_path):
    rows, columns = np.divmod(np.arange(400_000, dtype=np.int32), 4)
    numbers = np.random.default_rng(0).normal(size=len(rows)) * 10.0 ** np.arange(len(rows)).clip(0, 300)
    constants = Cells(rows, columns, np.ones(len(rows), np.uint8), numbers)
    sheet = Sheet(
        "S",
        constants,
        (Fill(Area.of("S", 0, 4, 100_000, 1), "A1*2"),),
        layout=Layout(styles=((Area.of("S", 0, 4, 100_000, 1), Style.FORMULA),)),
    )
    write_book(Book((sheet,)), tmp_path / "long.xlsx")
    read = read_book(tmp_path / "long.xlsx").sheets[0]
    np.testing.assert_array_equal(read.constants.number, numbers)
    np.testing.assert_array_equal(read.constants.row, rows)
    assert read.fills == sheet.fills


def test_bands_of_rows_without_a_cell_are_passed_over(tmp_path):
    last = 1_000_000
    constants = Cells.of({(0, 0): 1.0, (last, 0): 2.0})
    write_book(Book((Sheet("Empty"), Sheet("Apart", constants))), tmp_path / "apart.xlsx")
    empty, apart = read_book(tmp_path / "apart.xlsx").sheets
    assert len(empty.constants) == 0
    assert apart.constants.row.tolist() == [0, last]
    assert apart.constants.number.tolist() == [1.0, 2.0]


def test_date_system_is_kept(tmp_path):
    write_book(dataclasses.replace(full_book(), date1904=True), tmp_path / "book.xlsx")
    assert read_book(tmp_path / "book.xlsx").date1904

"""What is read of a workbook's looks: formats, widths, merged areas; what makes no sense is plain and no error."""

from pathlib import Path

import openpyxl
import pytest
from openpyxl.styles import Alignment, Font

from tests.unit.xlsx.handmade import TRANSITIONAL, parts, write_parts
from xlparity.model.appearance import CellFormat
from xlparity.model.book import Book
from xlparity.xlsx.read import read_book


def looks(book: Book) -> dict[tuple[int, int], CellFormat]:
    found = book.sheets[0].appearance
    cells = zip(found.row.tolist(), found.column.tolist(), found.format.tolist(), strict=True)
    return {(row, column): book.formats[number] for row, column, number in cells}


def test_formats_emphasis_widths_and_merged_areas_are_read(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    sheet = made.active
    sheet["A1"], sheet["B2"], sheet["C3"], sheet["D4"] = "title", 0.125, "=B2*2", 1.0
    sheet["A1"].font, sheet["A1"].alignment = Font(bold=True, italic=True), Alignment(horizontal="center")
    sheet["B2"].number_format, sheet["C3"].number_format = "0.00%", '0.0" kg"'
    sheet["E5"].number_format = "0.0"  # blank: nothing to show
    sheet.column_dimensions["B"].width = 20
    sheet.merge_cells("A7:C8")
    made.save(tmp_path / "book.xlsx")
    book = read_book(tmp_path / "book.xlsx")
    assert looks(book) == {
        (0, 0): CellFormat(bold=True, italic=True, horizontal="center"),
        (1, 1): CellFormat("0.00%"),
        (2, 2): CellFormat('0.0" kg"'),
    }
    appearance = book.sheets[0].appearance
    assert appearance.widths == ((1, 1, 20.0),)
    assert [(area.row, area.column, area.height, area.width) for area in appearance.merged] == [(6, 0, 2, 3)]


STYLES = (
    f'<styleSheet xmlns="{TRANSITIONAL}"><numFmts><numFmt numFmtId="170" formatCode="{"0" * 256}"/>'
    '<numFmt numFmtId="x" formatCode="0.0"/></numFmts><fonts><font/><font><b val="0"/><i/></font></fonts>'
    '<cellStyleXfs><xf numFmtId="9"/></cellStyleXfs>'
    '<cellXfs><xf numFmtId="2"/><xf numFmtId="170" fontId="7"/><xf numFmtId="14" fontId="1">'
    '<alignment horizontal="sideways"/></xf></cellXfs><dxfs><dxf><numFmt numFmtId="2" formatCode="0"/></dxf></dxfs>'
    "</styleSheet>"
)


@pytest.mark.parametrize("style", ["1", "2", "3", "99999", "-1", "x", "1e1", "9" * 400])
def test_looks_that_make_no_sense_are_plain(tmp_path: Path, style: str) -> None:
    contents = parts(f'<row r="1"><c r="A1" s="{style}"><v>1</v></c></row>')
    sheet = "xl/worksheets/sheet1.xml"
    odd = (
        '<cols><col min="3" max="2" width="9"/><col min="a" max="b" width="c"/><col/><col min="1" max="1" width="nan"/>'
        '<col min="2" max="16384" width="12.5"/></cols>'
    )
    contents[sheet] = contents[sheet].replace("<sheetData>", f'<sheetFormatPr defaultColWidth="-3"/>{odd}<sheetData>')
    contents[sheet] = contents[sheet].replace(
        "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A1:ZZZZ9"/><mergeCell/></mergeCells>'
    )
    relations = "xl/_rels/workbook.xml.rels"
    contents[relations] = contents[relations].replace(
        "</Relationships>", '<Relationship Id="r9" Type="x/styles" Target="styles.xml"/></Relationships>'
    )
    contents["xl/styles.xml"] = STYLES
    book = read_book(write_parts(tmp_path / "book.xlsx", contents))
    assert book.formats == (CellFormat("0.00"), CellFormat(), CellFormat("m/d/yyyy", italic=True))
    assert looks(book) == {"1": {(0, 0): CellFormat()}, "2": {(0, 0): book.formats[2]}}.get(style, {})
    appearance = book.sheets[0].appearance
    assert appearance.widths == ((1, 16383, 12.5),)
    assert (appearance.default_width, appearance.merged) == (None, ())

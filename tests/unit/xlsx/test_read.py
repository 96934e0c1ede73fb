import zipfile
from pathlib import Path

import pytest

from tests.unit.xlsx.handmade import STRICT, workbook
from xlparity.errors import WorkbookError
from xlparity.model.area import Area
from xlparity.model.book import DefinedName, Fill, FillKind, Table
from xlparity.model.value import Error
from xlparity.xlsx.read import read_book


def sheet(tmp_path: Path, rows: str, **parts):
    return read_book(workbook(tmp_path / "book.xlsx", rows, **parts)).sheets[0]


def test_constants_of_every_type_are_read(tmp_path):
    read = sheet(
        tmp_path,
        '<row r="1"><c r="A1"><v>0.1</v></c><c r="B1" t="n"><v>-1E-300</v></c><c r="C1" t="s"><v>1</v></c>'
        '<c r="D1" t="inlineStr"><is><r><t>in</t></r><r><t xml:space="preserve"> line</t></r><rPh sb="0" eb="1"><t>x</t>'  # noqa: E501
        '</rPh></is></c><c r="E1" t="b"><v>1</v></c><c r="F1" t="e"><v>#N/A</v></c><c r="G1" s="3"/>'
        '<c r="H1" t="str"><v>_x0041__x005F_x0042_</v></c><c r="I1" t="d"><v>2000-01-01T12:00:00</v></c>'
        '<c r="J1" t="n"><v/></c></row>',
        shared="<si><t>no</t></si><si><r><t>shared</t></r><r><t> text</t></r><rPh sb='0' eb='1'><t>x</t></rPh></si>",
    )
    assert read.name == "Data"
    assert [read.constants.scalar(0, column) for column in range(10)] == [
        0.1, -1e-300, "shared text", "in line", True, Error.NA, None, "A_x0042_", 36526.5, None,
    ]  # fmt: skip
    assert len(read.constants) == 8
    assert len(read.cached) == 0


def test_cached_values_stand_apart_from_constants(tmp_path):
    read = sheet(
        tmp_path,
        '<row r="1"><c r="A1"><v>2</v></c><c r="B1"><f>A1*2</f><v>4</v></c><c r="C1" t="str"><f>"a"&amp;A1</f><v>a2</v></c>'  # noqa: E501
        '<c r="D1" t="b"><f>A1=2</f><v>1</v></c><c r="E1" t="e"><f>A1/0</f><v>#DIV/0!</v></c><c r="F1"><f>A1+1</f></c></row>',  # noqa: E501
    )
    assert [read.cached.scalar(0, column) for column in range(1, 6)] == [4.0, "a2", True, Error.DIV0, None]
    assert len(read.constants) == 1
    assert [fill.formula for fill in read.fills] == ["A1*2", '"a"&A1', "A1=2", "A1/0", "A1+1"]


def test_copied_formulas_become_one_fill(tmp_path):
    rows = "".join(
        f'<row r="{n}"><c r="C{n}"><f>$A{n}*B$1+SUM(A$1:A{n})</f></c><c r="D{n}"><f>$A{n}*C$1+SUM(B$1:B{n})</f></c></row>'  # noqa: E501
        for n in range(2, 12)
    )
    assert sheet(tmp_path, rows).fills == (Fill(Area.of("Data", 1, 2, 10, 2), "$A2*B$1+SUM(A$1:A2)"),)


def test_shared_formula_is_moved_and_joins_its_neighbours(tmp_path):
    read = sheet(
        tmp_path,
        '<row r="1"><c r="B1"><f t="shared" ref="B1:B3" si="0">A1*2</f></c></row>'
        '<row r="2"><c r="B2"><f t="shared" si="0"/></c></row><row r="3"><c r="B3"><f t="shared" si="0"/></c></row>'
        '<row r="4"><c r="B4"><f>A4*2</f></c></row><row r="5"><c r="B5"><f>A4*2</f></c></row>',
    )
    assert read.fills == (Fill(Area.of("Data", 0, 1, 4, 1), "A1*2"), Fill(Area.of("Data", 4, 1), "A4*2"))


def test_shared_formula_without_master_is_refused(tmp_path):
    with pytest.raises(WorkbookError, match="Data!B1 shares formula '7', which is missing"):
        sheet(tmp_path, '<row r="1"><c r="B1"><f t="shared" si="7"/></c></row>')


def test_array_formulas_keep_their_area_and_their_values_are_not_constants(tmp_path):
    metadata = (
        '<metadataTypes count="1"><metadataType name="XLDAPR" minSupportedVersion="120000"/></metadataTypes>'
        '<cellMetadata count="1"><bk><rc t="1" v="0"/></bk></cellMetadata>'
    )
    read = sheet(
        tmp_path,
        '<row r="1"><c r="A1"><f t="array" ref="A1:B2">C1:D2*2</f><v>2</v></c><c r="B1"><v>4</v></c></row>'
        '<row r="2"><c r="A2"><f ca="1"/><v>6</v></c><c r="B2"><v>8</v></c><c r="C2"><v>1</v></c></row>'
        '<row r="3"><c r="A3" cm="1"><f t="array" ref="A3:A4">_xlfn.UNIQUE(C1:C2)</f><v>1</v></c></row>'
        '<row r="4"><c r="A4"><v>3</v></c></row>'
        '<row r="5"><c r="A5"><f t="dataTable" ref="A5:A6" dt2D="0" dtr="0" r1="C1"/><v>1</v></c></row>',
        metadata=metadata,
    )
    assert read.fills == (
        Fill(Area.of("Data", 0, 0, 2, 2), "C1:D2*2", FillKind.ARRAY),
        Fill(Area.of("Data", 2, 0, 2, 1), "_xlfn.UNIQUE(C1:C2)", FillKind.DYNAMIC),
        Fill(Area.of("Data", 4, 0, 2, 1), "TABLE(,C1)", FillKind.ARRAY),
    )
    assert read.constants.row.tolist() == [1]
    assert len(read.cached) == 7


def test_missing_addresses_count_on(tmp_path):
    read = sheet(
        tmp_path, '<row><c><v>1</v></c><c><v>2</v></c></row><row r="4"><c r="C4"><v>3</v></c><c><v>4</v></c></row>'
    )
    assert read.constants.row.tolist() == [0, 0, 3, 3]
    assert read.constants.column.tolist() == [0, 1, 2, 3]


def test_rows_out_of_order_are_sorted(tmp_path):
    read = sheet(
        tmp_path, '<row r="3"><c r="B3"><v>3</v></c><c r="A3"><v>2</v></c></row><row r="1"><c r="A1"><v>1</v></c></row>'
    )
    assert read.constants.number.tolist() == [1, 2, 3]


def test_strict_namespace_and_prefixes_are_read(tmp_path):
    path = workbook(tmp_path / "s.xlsx", '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c></row>', namespace=STRICT)
    assert read_book(path).sheets[0].fills[0].formula == "1+1"
    path = workbook(tmp_path / "p.xlsx", '<x:row r="1"><x:c r="A1"><x:v>2</x:v></x:c></x:row>', prefix="x:")
    assert read_book(path).sheets[0].constants.scalar(0, 0) == 2


def test_names_tables_title_and_date_system_are_read(tmp_path):
    book = read_book(
        workbook(
            tmp_path / "book.xlsx",
            "",
            workbook_extra='<workbookPr date1904="1"/>',
            names='<definedName name="rate">Data!$A$1</definedName><definedName name="r" localSheetId="0">2*3</definedName>'  # noqa: E501
            '<definedName name="_xlnm.Print_Area" localSheetId="0">Data!$A$1</definedName>',
            table='displayName="T" name="T" ref="A1:B3" totalsRowCount="1"><tableColumns count="2">'
            '<tableColumn id="1" name="a"/><tableColumn id="2" name="b_x000a_c"/></tableColumns>',
            title="The title",
        )
    )
    assert book.names == (DefinedName("rate", "Data!$A$1"), DefinedName("r", "2*3", "Data"))
    assert book.tables == (Table("T", Area.of("Data", 0, 0, 3, 2), ("a", "b\nc"), 1, 1),)
    assert (book.date1904, book.title) == (True, "The title")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('<row r="1"><c r="XFE1"><v>1</v></c></row>', "XFD1048576"),
        ('<row r="1048577"/>', "outside"),
        ('<row r="0"/>', "outside"),
        ('<row r="1"><c r="A1"><v>1_0</v></c></row>', "Data!A1 holds '1_0', which is not a number"),
        ('<row r="1"><c r="A1"><v>nan</v></c></row>', "not a number"),
        ('<row r="1"><c r="A1" t="b"><v>2</v></c></row>', "not a boolean"),
        ('<row r="1"><c r="A1" t="s"><v>0</v></c></row>', "shared text"),
        ('<row r="1"><c r="A1" t="q"><v>0</v></c></row>', "type"),
        ('<row r="1"><c r="A1" t="d"><v>soon</v></c></row>', "ISO date"),
        ('<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>', "Data!A1 stands in the file twice"),
        ('<row r="1"><c r="A1"><f>1</f></c><c r="A1"><f>2</f></c></row>', "Data!A1 stands in the file twice"),
        ('<row r="1"><c r="A1"><f></f></c></row>', "empty formula"),
        ('<row r="1"><c r="A1"><f t="array">1</f></c></row>', "proper area"),
        ('<row r="1"><c r="A1"><f t="odd">1</f></c></row>', "proper area"),
        ('<row r="1"><c r="A1"><v>1</v></row>', "not well-formed"),
    ],
)
def test_what_excel_would_not_write_is_refused_with_its_place(tmp_path, rows, message):
    with pytest.raises(WorkbookError, match=message):
        sheet(tmp_path, rows)


def test_errors_younger_than_the_format_are_read_from_the_rich_values(tmp_path):
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rich = "http://schemas.microsoft.com/office/spreadsheetml/2017/richdata"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    of_workbook = {
        "worksheet": (office, "sheet1.xml"),
        "sheetMetadata": (office, "metadata.xml"),
        "rdRichValue": (rich, "values.xml"),
        "rdRichValueStructure": (rich, "structures.xml"),
    }
    cells = "".join(f'<c r="A{row}" t="e" vm="{row}"><v>#VALUE!</v></c>' for row in (1, 2, 3))
    bk = "".join(f'<bk><extLst><ext><x:rvb xmlns:x="{rich}" i="{i}"/></ext></extLst></bk>' for i in range(2))
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{relations}"><Relationship Id="a" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" '
        'r:id="worksheet"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{relations}">'
        + "".join(
            f'<Relationship Id="{name}" Type="{start}/{name}" Target="{target}"/>'
            for name, (start, target) in of_workbook.items()
        )
        + "</Relationships>",
        "xl/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData><row r="1">{cells}</row></sheetData></worksheet>',
        "xl/metadata.xml": f'<metadata xmlns="{main}"><metadataTypes><metadataType name="XLRICHVALUE"/></metadataTypes>'
        f'<futureMetadata name="XLRICHVALUE">{bk}</futureMetadata><valueMetadata><bk><rc t="1" v="0"/></bk><bk>'
        '<rc t="1" v="1"/></bk><bk><rc t="9" v="9"/></bk></valueMetadata></metadata>',
        "xl/values.xml": f'<rvData xmlns="{rich}"><rv s="0"><v>13</v><v>0</v></rv><rv s="0"><v>8</v></rv></rvData>',
        "xl/structures.xml": f'<rvStructures xmlns="{rich}"><s t="_error"><k n="errorType" t="i"/></s></rvStructures>',
    }
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as file:
        for name, text in parts.items():
            file.writestr(name, text)
    constants = read_book(tmp_path / "b.xlsx").sheets[0].constants
    assert [constants.scalar(row, 0) for row in range(3)] == [Error.CALC, Error.SPILL, Error.VALUE]

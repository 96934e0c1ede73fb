"""Annotated copies: what is added is there, and nothing else has changed."""

from __future__ import annotations

import posixpath
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest
from lxml import etree
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.chart import LineChart, Reference
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill

from tests.unit.xlsx.handmade import STRICT, TRANSITIONAL, parts, write_parts
from xlparity.errors import InputError, WorkbookError
from xlparity.model.cell import Cell
from xlparity.xlsx.annotate import Mark, annotated_copy
from xlparity.xlsx.page import Entry, Look, Page
from xlparity.xlsx.read import read_book

SCHEMA = Path(__file__).parents[4] / "shared" / "schema" / "sml.xsd"
CORPUS = Path(__file__).parents[4] / "shared" / "corpus"
RED = "F4A582"
PAGE = Page(
    "Parity report",
    [20, 20],
    [
        [Entry("Parity report", Look(bold=True, larger=4))],
        [Entry("cell"), Entry("difference", Look(right=True))],
        [Entry("It's!B2", link=Cell("It's", 1, 1)), Entry(1.5e-3, code=11)],
        [Entry("=1+1", Look(colour=RED, wrap=True)), None],
    ],
    heading=2,
)


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """A workbook with formats, a chart, comments, an empty formatted row and column, and two sheets."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "It's"
    for row in range(1, 6):
        for column in range(1, 4):
            cell = sheet.cell(row, column, row * 10 + column)
            cell.number_format = "0.00"
            cell.font = Font(name="Arial", size=9, italic=True)
    sheet["B2"].comment = Comment("the first word", "Ada")
    sheet["B3"].comment = Comment("another word", "Ada")
    sheet.column_dimensions["F"].font = Font(bold=True)
    sheet.column_dimensions["F"].width = 3
    sheet.row_dimensions[9].fill = PatternFill("solid", fgColor="FF00FF00")
    sheet["A9"] = 9
    chart = LineChart()
    chart.add_data(Reference(sheet, min_col=1, min_row=1, max_row=5))
    sheet.add_chart(chart, "H2")
    book.create_sheet("Other")["A1"] = CellRichText("plain ", TextBlock(InlineFont(b=True), "bold"))
    book.save(tmp_path / "rich.xlsx")
    return tmp_path / "rich.xlsx"


MARKS = {
    Cell("It's", 1, 1): Mark(RED, "xlparity: fault\n<expected> & so on"),
    Cell("It's", 3, 0): Mark(RED, "xlparity: fault"),
    Cell("It's", 3, 5): Mark(RED, "an empty cell in a row that is there"),
    Cell("It's", 3, 27): Mark(RED),
    Cell("It's", 6, 5): Mark("FFE699", "an empty cell in a row that is not there"),
    Cell("It's", 8, 2): Mark(RED),
    Cell("It's", 99, 0): Mark(RED),
    Cell("Other", 0, 0): Mark(RED, "a sheet without comments"),
}


def test_marked_cells_have_a_colour_and_a_comment_and_their_own_format_still(rich: Path, tmp_path: Path) -> None:
    annotated_copy(rich, MARKS, PAGE, tmp_path / "out.xlsx")
    before, after = (openpyxl.load_workbook(path, rich_text=True) for path in (rich, tmp_path / "out.xlsx"))
    assert after.sheetnames == ["It's", "Other", "Parity report"]
    for name in before.sheetnames:
        for row in after[name].iter_rows():
            for cell in row:
                old = before[name].cell(cell.row, cell.column)
                mark = MARKS.get(Cell(name, cell.row - 1, cell.column - 1))
                assert cell.value == old.value
                assert cell.number_format == old.number_format
                assert repr((cell.border, cell.alignment)) == repr((old.border, old.alignment))
                if mark is None:
                    assert repr((cell.fill, cell.font)) == repr((old.fill, old.font))
                    assert (cell.comment and cell.comment.text) == (old.comment and old.comment.text)
                    continue
                assert cell.fill.fgColor.rgb == f"FF{mark.colour}"
                words = f"{old.comment.text}\n\n{mark.comment}" if old.comment else mark.comment
                assert (cell.comment.text if cell.comment else "") == words
    sheet = after["It's"]
    assert repr(sheet["A4"].font) == repr(before["It's"]["A4"].font)
    assert sheet["F4"].font.bold, "a new cell takes the format of its column"
    assert sheet["B3"].comment.text == "another word"
    assert len(sheet._charts) == 1


def test_the_added_sheet_links_to_cells_and_holds_no_formula(rich: Path, tmp_path: Path) -> None:
    annotated_copy(rich, MARKS, PAGE, tmp_path / "out.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["Parity report"]
    assert sheet["A3"].hyperlink.location == "'It''s'!B2"
    assert (sheet["A4"].value, sheet["A4"].data_type, sheet["A4"].quotePrefix) == ("=1+1", "s", True)
    assert (sheet["B3"].value, sheet["B3"].number_format) == (0.0015, "0.00E+00")
    assert sheet.freeze_panes == "A3"


def test_parts_that_need_no_change_are_the_same_bytes(rich: Path, tmp_path: Path) -> None:
    original = rich.read_bytes()
    annotated_copy(rich, MARKS, PAGE, tmp_path / "out.xlsx")
    assert rich.read_bytes() == original
    with zipfile.ZipFile(rich) as before, zipfile.ZipFile(tmp_path / "out.xlsx") as after:
        names = before.namelist()
        assert after.namelist()[: len(names)] == names
        changed = {name for name in names if before.read(name) != after.read(name)}
    assert changed == {
        "[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml",
        "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml", "xl/comments/comment1.xml",
        "xl/drawings/commentsDrawing1.vml",
    }  # fmt: skip


@pytest.mark.skipif(not SCHEMA.exists(), reason="the OOXML schema lies outside the repository, in ../shared/schema")
def test_every_part_obeys_the_schema(rich: Path, tmp_path: Path) -> None:
    annotated_copy(rich, MARKS, PAGE, tmp_path / "out.xlsx")
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    checked = set()
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        for name in archive.namelist():
            if name.endswith(".xml"):
                root = etree.fromstring(archive.read(name))
                if root.tag.startswith(f"{{{TRANSITIONAL}}}"):
                    for text in root.iter("{*}t"):  # the schema forgets xml:space, which Excel itself writes
                        text.attrib.pop("{http://www.w3.org/XML/1998/namespace}space", None)
                    schema.assertValid(root)
                    checked.add(etree.QName(root).localname)
    assert {"worksheet", "styleSheet", "comments", "workbook"} <= checked


@pytest.mark.parametrize("again", [False, True])
def test_every_relationship_leads_to_a_part_and_every_part_has_one_content_type(
    rich: Path, tmp_path: Path, again: bool
) -> None:
    annotated_copy(rich, MARKS, PAGE, tmp_path / "out.xlsx")
    if again:
        annotated_copy(tmp_path / "out.xlsx", MARKS, PAGE, tmp_path / "again.xlsx")
    with zipfile.ZipFile(tmp_path / ("again.xlsx" if again else "out.xlsx")) as archive:
        names = archive.namelist()
        assert len({name.lower() for name in names}) == len(names)
        types = etree.fromstring(archive.read("[Content_Types].xml"))
        extensions = [each.get("Extension").lower() for each in types.iter("{*}Default")]
        overrides = [each.get("PartName") for each in types.iter("{*}Override")]
        assert len(set(extensions)) == len(extensions)
        assert len(set(overrides)) == len(overrides)
        assert {part.removeprefix("/") for part in overrides} <= set(names)
        for name in names:
            special = f"/{name}" in overrides or name == "[Content_Types].xml"
            assert special or name.rpartition(".")[2].lower() in extensions, name
            if not name.endswith(".rels"):
                continue
            relations = etree.fromstring(archive.read(name))
            assert len({each.get("Id") for each in relations}) == len(relations)
            folder = posixpath.dirname(posixpath.dirname(name))
            for each in relations:
                target = posixpath.normpath(posixpath.join("/", folder, each.get("Target"))).lstrip("/")
                assert each.get("TargetMode") == "External" or target in names, (name, target)


def test_shapes_have_numbers_of_their_own_and_stand_in_blocks_that_their_drawing_owns(
    rich: Path, tmp_path: Path
) -> None:
    many = {Cell("It's", row, 3): Mark(RED, "one of many") for row in range(1500)}
    annotated_copy(rich, many | MARKS, PAGE, tmp_path / "out.xlsx")
    numbers: list[int] = []
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        for name in archive.namelist():
            if name.endswith(".vml"):
                data = archive.read(name)
                etree.fromstring(data)
                owned = {int(block) for block in re.search(rb'idmap[^>]*data="([^"]*)', data)[1].split(b",")}
                own = [int(n) for n in re.findall(rb'shape [^>]*?\bid="_x0000_s(\d+)', data)]
                if "comments" not in name:  # openpyxl's own shapes break this rule
                    assert {number // 1024 for number in own} <= owned
                numbers += own
    assert len(numbers) == len(set(numbers)) == 1500 + 2 + 4


def test_a_copy_can_be_annotated_again(rich: Path, tmp_path: Path) -> None:
    annotated_copy(rich, MARKS, PAGE, tmp_path / "once.xlsx")
    annotated_copy(tmp_path / "once.xlsx", MARKS, PAGE, tmp_path / "twice.xlsx")
    book = openpyxl.load_workbook(tmp_path / "twice.xlsx")
    assert book.sheetnames == ["It's", "Other", "Parity report", "Parity report 2"]
    assert book["Other"]["A1"].comment.text == "a sheet without comments\n\na sheet without comments"


@pytest.mark.parametrize("namespace", [TRANSITIONAL, STRICT])
@pytest.mark.parametrize("prefix", ["", "x:"])
def test_a_workbook_without_styles_and_in_any_spelling_is_annotated(
    tmp_path: Path, prefix: str, namespace: str
) -> None:
    made = parts(
        f'<{prefix}row r="2"><{prefix}c r="B2"><{prefix}v>1</{prefix}v></{prefix}c></{prefix}row>',
        namespace=namespace,
        prefix=prefix,
    )
    made["[Content_Types].xml"] = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/></Types>'
    )
    source = write_parts(tmp_path / "plain.xlsx", made)
    marks = {Cell("Data", 1, 1): Mark(RED, "here"), Cell("Data", 0, 0): Mark(RED), Cell("Data", 4, 4): Mark(RED, "x")}
    annotated_copy(source, marks, PAGE, tmp_path / "out.xlsx")
    book = read_book(tmp_path / "out.xlsx")
    assert [sheet.name for sheet in book.sheets] == ["Data", "Parity report"]
    assert book.sheets[0].constants.scalar(1, 1) == 1.0
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        sheet = etree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
        cells = {cell.get("r"): cell.get("s") for cell in sheet.iter(f"{{{namespace}}}c")}
        assert cells == {"A1": "1", "B2": "1", "E5": "1"}
        formats = etree.fromstring(archive.read("xl/styles1.xml")).find(f"{{{namespace}}}cellXfs")
        assert formats[1].get("fillId") == "2"
        assert sheet.find(f"{{{namespace}}}legacyDrawing") is not None


def test_a_macro_workbook_keeps_its_macros(tmp_path: Path) -> None:
    source = CORPUS / "excel-net" / "neural_net_in_spreadsheet_macros.xlsm"
    if not source.exists():
        pytest.skip("the corpus lies outside the repository, in ../shared/corpus")
    sheet = read_book(source).sheets[0].name
    annotated_copy(source, {Cell(sheet, 5, 5): Mark(RED, "word")}, PAGE, tmp_path / "out.xlsm")
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(tmp_path / "out.xlsm") as after:
        assert after.read("xl/vbaProject.bin") == before.read("xl/vbaProject.bin")
    with pytest.raises(InputError, match=r"has its suffix; name a file out\.xlsm"):
        annotated_copy(source, {}, PAGE, tmp_path / "out.xlsx")


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus lies outside the repository, in ../shared/corpus")
def test_a_workbook_built_to_do_harm_is_annotated_or_refused_in_one_line(tmp_path: Path) -> None:
    refused, done = 0, 0
    for path in sorted((CORPUS / "hostile").glob("*.xlsx")):
        try:
            sheets = [sheet.name for sheet in read_book(path).sheets]
            annotated_copy(path, {Cell(name, 3, 3): Mark(RED, "word") for name in sheets}, PAGE, tmp_path / "out.xlsx")
            done += len(read_book(tmp_path / "out.xlsx").sheets) == len(sheets) + 1
        except InputError as error:
            refused += len(str(error).splitlines()) == 1
    assert done >= 2
    assert refused >= 10
    assert refused + done == len(list((CORPUS / "hostile").glob("*.xlsx")))


def test_comments_without_a_list_are_damage(rich: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(rich) as old, zipfile.ZipFile(tmp_path / "damaged.xlsx", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, re.sub(rb"<commentList.*</commentList>", b"", data) if "comment1.xml" in name else data)
    with pytest.raises(WorkbookError, match="has no authors or no list of comments"):
        annotated_copy(tmp_path / "damaged.xlsx", MARKS, PAGE, tmp_path / "out.xlsx")
    assert not (tmp_path / "out.xlsx").exists()


def test_the_workbook_itself_is_never_the_copy(rich: Path) -> None:
    before = rich.read_bytes()
    with pytest.raises(InputError, match="is the workbook itself, which stays untouched"):
        annotated_copy(rich, MARKS, PAGE, rich)
    with pytest.raises(InputError, match="has no sheet 'Nowhere'"):
        annotated_copy(rich, {Cell("Nowhere", 0, 0): Mark(RED)}, PAGE, rich.with_name("out.xlsx"))
    assert rich.read_bytes() == before
    assert [path.name for path in rich.parent.iterdir()] == ["rich.xlsx"]

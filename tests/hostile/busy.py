"""Workbooks with a million of something that is no cell: name -> function that writes one with its map beside it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.hostile.formulas import write_formula

__all__ = ["BUSY"]

BUSY: dict[str, Callable[[Path], None]] = {}

_MILLION = 1_000_000
_SHEET, _RELATIONS = "xl/worksheets/sheet1.xml", "xl/worksheets/_rels/sheet1.xml.rels"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def _cell(number: int, row: int = 10) -> str:
    """The cell of that number in the columns D to W, from `row` on."""
    return f"{'DEFGHIJKLMNOPQRSTUVW'[number % 20]}{row + number // 20}"


def _write(path: Path, place: str, inside: str, added: dict[str, str]) -> None:
    """The workbook of a sum, with `inside` before `place` in its sheet, and further parts."""
    write_formula("SUM(B1:B1)", path)  # wrong, so that a copy is annotated
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert place in parts[_SHEET]
    parts[_SHEET] = parts[_SHEET].replace(place, inside + place, 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in (parts | added).items():
            archive.writestr(name, content)


def _busy(name: str, around: str, one: Callable[[int], str], place: str = "<pageMargins", **added: str) -> None:
    """A million of `one`, each told its number, within the element `around`, if there is one."""

    def write(path: Path) -> None:
        inside = "".join(one(number) for number in range(_MILLION))
        parts = {part.replace("__", "/"): text.replace("MILLION", inside) for part, text in added.items()}
        _write(path, place, f"<{around}>{inside}</{around}>" if around else inside, parts)

    BUSY[f"a million {name}"] = write


_busy("merged areas", "mergeCells", lambda at: f'<mergeCell ref="{_cell(at)}:{_cell(at)}"/>')
_busy("merged areas that overlap", "mergeCells", lambda at: f'<mergeCell ref="A1:{_cell(at)}"/>')
_busy(
    "conditional formats", "",
    lambda at: f'<conditionalFormatting sqref="{_cell(at)}"><cfRule type="expression" priority="{at + 1}"><formula>A1&gt;{at}</formula></cfRule></conditionalFormatting>',
)  # fmt: skip
_busy(
    "data validations", "dataValidations",
    lambda at: f'<dataValidation type="list" sqref="{_cell(at)}"><formula1>"a,b,{at}"</formula1></dataValidation>',
)  # fmt: skip
_busy("hyperlinks", "hyperlinks", lambda at: f'<hyperlink ref="{_cell(at)}" location="S!A{at % 1000 + 1}"/>')
_busy(
    "column widths",
    "cols",
    lambda at: f'<col min="{at % 16384 + 1}" max="{at % 16384 + 1}" width="{at % 90}"/>',
    "<sheetData>",
)
_busy("page breaks", "rowBreaks", lambda at: f'<brk id="{at}" max="16383" man="1"/>', "</worksheet>")


def _comments(path: Path) -> None:
    inside = "".join(
        f'<comment ref="{_cell(number)}" authorId="0"><text><t>{number}</t></text></comment>'
        for number in range(_MILLION)
    )
    relations = (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/comments" Target="../comments1.xml"/></Relationships>'
    )
    comments = (
        f'<comments xmlns="{_MAIN}"><authors><author>a</author></authors><commentList>{inside}</commentList></comments>'
    )
    _write(path, "<pageMargins", "", {_RELATIONS: relations, "xl/comments1.xml": comments})


BUSY["a million comments"] = _comments


def _styles(path: Path) -> None:
    write_formula("SUM(B1:B1)", path)  # wrong, so that a copy is annotated
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    one = '<xf borderId="0" fillId="0" fontId="0" numFmtId="{}" xfId="0"/>'
    parts["xl/styles.xml"] = parts["xl/styles.xml"].replace(
        "</cellXfs>", "".join(one.format(number) for number in range(_MILLION)) + "</cellXfs>"
    )
    parts[_SHEET] = parts[_SHEET].replace('<c r="A1">', '<c r="A1" s="999999">')
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


BUSY["a million styles"] = _styles


def _texts(path: Path) -> None:
    write_formula("SUM(B1:B1)", path)  # wrong, so that a copy is annotated
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    parts["xl/sharedStrings.xml"] = (
        f'<sst xmlns="{_MAIN}" count="4000000000">'
        + "".join(f"<si><t>{number}</t></si>" for number in range(_MILLION))
        + "</sst>"
    )
    relations = "xl/_rels/workbook.xml.rels"
    parts[relations] = parts[relations].replace(
        "</Relationships>",
        f'<Relationship Id="rIdT" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


BUSY["a million shared texts that nobody reads"] = _texts

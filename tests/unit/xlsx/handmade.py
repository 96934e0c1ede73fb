"""Minimal workbooks, part by part, for tests of the reader."""

from __future__ import annotations

import zipfile
from pathlib import Path

TRANSITIONAL = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_DOCUMENT_STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_CORE = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"


def _relations(*targets: tuple[str, str]) -> str:
    inside = "".join(
        f'<Relationship Id="r{n}" Type="{kind}" Target="{target}"/>' for n, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}">{inside}</Relationships>'


def parts(
    rows: str,
    namespace: str = TRANSITIONAL,
    prefix: str = "",
    shared: str = "",
    metadata: str = "",
    names: str = "",
    table: str = "",
    title: str = "",
    workbook_extra: str = "",
) -> dict[str, str]:
    """The parts of a workbook with one sheet called Data."""
    office = _DOCUMENT_STRICT if namespace == STRICT else _DOCUMENT
    xmlns = f'xmlns:{prefix[:-1]}="{namespace}"' if prefix else f'xmlns="{namespace}"'
    p = prefix
    built = {
        "_rels/.rels": _relations((f"{office}/officeDocument", "xl/workbook.xml"), (_CORE, "docProps/core.xml")),
        "xl/workbook.xml": f'<{p}workbook {xmlns} xmlns:r="{office}">{workbook_extra}<{p}sheets>'
        f'<{p}sheet name="Data" sheetId="1" r:id="r1"/></{p}sheets>'
        + (f"<{p}definedNames>{names}</{p}definedNames>" if names else "")
        + f"</{p}workbook>",
        "xl/_rels/workbook.xml.rels": _relations(
            (f"{office}/worksheet", "worksheets/sheet1.xml"),
            *([(f"{office}/sharedStrings", "/xl/sharedStrings.xml")] if shared else []),
            *([(f"{office}/sheetMetadata", "metadata.xml")] if metadata else []),
        ),
        "xl/worksheets/sheet1.xml": f"<{p}worksheet {xmlns}><{p}sheetData>{rows}</{p}sheetData></{p}worksheet>",
    }
    if shared:
        built["xl/sharedStrings.xml"] = f"<sst {xmlns}>{shared}</sst>"
    if metadata:
        built["xl/metadata.xml"] = f"<metadata {xmlns}>{metadata}</metadata>"
    if table:
        built["xl/worksheets/_rels/sheet1.xml.rels"] = _relations((f"{office}/table", "../tables/table1.xml"))
        built["xl/tables/table1.xml"] = f'<table {xmlns} id="1" {table}</table>'
    if title:
        built["docProps/core.xml"] = (
            f'<c:coreProperties xmlns:c="{_CORE}" xmlns:d="http://purl.org/dc/elements/1.1/">'
            f"<d:title>{title}</d:title></c:coreProperties>"
        )
    return built


def write_parts(path: Path, contents: dict[str, str] | dict[str, bytes]) -> Path:
    """A zip of the parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def workbook(path: Path, rows: str, **options: str) -> Path:
    """A workbook file with one sheet called Data."""
    return write_parts(path, parts(rows, **options))

"""Writing a workbook: openpyxl makes the shell (looks, charts, names), the cells are streamed into it.

The same book always gives the same bytes: fixed dates, fixed order, numbers in their shortest exact form. There is
either the old file or the whole new one.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import canonicalize

from openpyxl import Workbook
from openpyxl.chart import LineChart, Reference, Series
from openpyxl.packaging.relationship import Relationship
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.dimensions import SheetDimension
from openpyxl.worksheet.drawing import Drawing as DrawingReference
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo
from openpyxl.writer.excel import ExcelWriter

from xlparity.errors import InputError
from xlparity.formula.a1 import column_letters, show_area, show_cell
from xlparity.model.book import Book, Chart, FillKind, Sheet
from xlparity.model.book import Table as BookTable
from xlparity.model.value import Cells, Values
from xlparity.xlsx.aside import written_aside
from xlparity.xlsx.looks import StyleTable, add_conditional_formats
from xlparity.xlsx.rows import SheetRows
from xlparity.xlsx.shapes import Drawing

__all__ = ["write_book"]

_DATE = datetime(2000, 1, 1)
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_NO_ROWS = re.compile(r"<sheetData\s*(?:/>|>\s*</sheetData>)")
_BAD_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_FORCE_ZIP64 = 20_000_000  # cells whose XML may pass 2 GiB

# Excel finds out from this part that a formula is a dynamic array and not one of the old kind.
_METADATA = (
    '<metadata xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:xda="http://schemas.microsoft.com/office/spreadsheetml/2017/dynamicarray">'
    '<metadataTypes count="1"><metadataType name="XLDAPR" minSupportedVersion="120000" copy="1" pasteAll="1" '
    'pasteValues="1" merge="1" splitFirst="1" rowColShift="1" clearFormats="1" clearComments="1" assign="1" coerce="1" '
    'cellMeta="1"/></metadataTypes><futureMetadata name="XLDAPR" count="1"><bk><extLst>'
    '<ext uri="{bdbb8cdc-fa1e-496e-a857-3c3f30c029c3}">'
    '<xda:dynamicArrayProperties fDynamic="1" fCollapsed="0"/></ext></extLst></bk></futureMetadata>'
    '<cellMetadata count="1"><bk><rc t="1" v="0"/></bk></cellMetadata></metadata>'
)
_METADATA_RELATION = (
    '<Relationship Id="metadata" Target="metadata.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sheetMetadata"/>'
)
_METADATA_TYPE = (
    '<Override PartName="/xl/metadata.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheetMetadata+xml"/>'
)


def write_book(book: Book, path: str | os.PathLike[str] | IO[bytes], values: Values | None = None) -> None:
    """Write `book` as an .xlsx file.

    Parameters
    ----------
    path
        Where to; a file there is replaced when the new one is complete. Or a binary file object.
    values
        An engine's answer, stored as the formulas' cached values; without it the book's own cached values are. A
        formula without a value is stored without one. Excel recalculates everything when it opens the file.

    Raises
    ------
    InputError
        The book cannot be stored (a sheet name that Excel forbids, two things in a cell, a text that is too long), or
        the place cannot be written.
    """
    if not isinstance(path, (str, os.PathLike)):
        path.write(_packed(book, values))
        return
    # The workbook is complete before the file is begun: the time in which a kill leaves a temporary file is short.
    content = _packed(book, values)
    with written_aside(Path(path)) as file:
        file.write(content)


def _packed(book: Book, values: Values | None) -> bytes:
    _refuse_bad_names(book)
    workbook = Workbook()
    workbook.remove(workbook.active)
    workbook.properties.creator = "xlparity"
    workbook.properties.title = book.title or None
    workbook.properties.created = workbook.properties.modified = _DATE
    workbook.calculation.fullCalcOnLoad = True
    if book.date1904:
        workbook.epoch = CALENDAR_MAC_1904
    worksheets = {sheet.name.casefold(): workbook.create_sheet(sheet.name) for sheet in book.sheets}
    styles = StyleTable(workbook.worksheets[0])
    rows: dict[str, SheetRows] = {}
    for sheet in book.sheets:
        cached = sheet.cached if values is None else values.sheets.get(sheet.name, Cells.empty())
        rows[sheet.name] = SheetRows(sheet, cached, styles)
        _lay_out(worksheets[sheet.name.casefold()], sheet, rows[sheet.name], worksheets)
    for name in book.names:
        holder = workbook if name.sheet is None else worksheets[name.sheet.casefold()]
        holder.defined_names[name.name] = DefinedName(name.name, attr_text=name.formula)
    for table in book.tables:
        _add_table(worksheets[table.area.sheet.casefold()], table)
    dynamic = any(fill.kind is FillKind.DYNAMIC for sheet in book.sheets for fill in sheet.fills)
    file = BytesIO()
    with _Archive(file, dynamic) as archive:
        _Writer(workbook, archive, {sheet.name: sheet for sheet in book.sheets}, rows).write_data()
        if dynamic:
            archive.writestr("xl/metadata.xml", _METADATA)
    return file.getvalue()


def _refuse_bad_names(book: Book) -> None:
    seen: set[str] = set()
    if not book.sheets:
        raise InputError("a workbook needs at least one sheet")
    for sheet in book.sheets:
        name = sheet.name
        if not 1 <= len(name) <= 31 or _BAD_SHEET_NAME.search(name) or name.startswith("'") or name.endswith("'"):
            raise InputError(f"{name!r} cannot name a sheet; Excel wants 1 to 31 characters, none of []:*?/\\")
        if name.casefold() in seen:
            raise InputError(f"two sheets are called {name!r}; Excel allows a name once, in whatever case")
        seen.add(name.casefold())


def _lay_out(worksheet: Any, sheet: Sheet, rows: SheetRows, worksheets: Mapping[str, Any]) -> None:
    layout = sheet.layout
    for column, width in layout.widths:
        worksheet.column_dimensions[column_letters(column)].width = width
    for area in layout.merged:
        if area.size > 1:
            worksheet.merged_cells.add(show_area(area, sheet=False))
    if layout.freeze is not None and (layout.freeze.row or layout.freeze.column):
        worksheet.freeze_panes = show_cell(layout.freeze, sheet=False)
    add_conditional_formats(worksheet, layout)
    for chart in layout.charts:
        worksheet.add_chart(_line_chart(chart, worksheets), show_cell(chart.anchor, sheet=False))
    worksheet.page_setup.orientation = "landscape" if layout.landscape else "portrait"
    worksheet.page_setup.paperSize = 9  # A4
    worksheet.page_setup.fitToWidth = 1
    worksheet.page_setup.fitToHeight = 0  # as many pages high as it takes
    worksheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    if rows.cells:
        # A chart covers about 0.5 cm a row and, at the default width, 1.9 cm a column.
        ends = [(rows.bounds.bottom, rows.bounds.right)] + [
            (chart.anchor.row + int(chart.height_cm / 0.5) + 1, chart.anchor.column + int(chart.width_cm / 1.9) + 1)
            for chart in layout.charts
        ]
        # A row is 20 pixels high, a column of the default width 64 wide.
        for placed in layout.pictures:
            width, height = placed.picture.size
            ends.append((placed.anchor.row + int(height / 20) + 1, placed.anchor.column + int(width / 64) + 1))
        bottom, right = max(end[0] for end in ends), max(end[1] for end in ends)
        worksheet.print_area = f"A1:{column_letters(right - 1)}{bottom}"


def _line_chart(chart: Chart, worksheets: Mapping[str, Any]) -> Any:
    def reference(area: Any) -> Any:
        return Reference(
            worksheets[area.sheet.casefold()],
            min_col=area.column + 1,
            min_row=area.row + 1,
            max_col=area.right,
            max_row=area.bottom,
        )

    line = LineChart()
    line.title, line.x_axis.title, line.y_axis.title = chart.title, chart.x_title, chart.y_title
    series = Series(reference(chart.values), title=chart.y_title)
    series.graphicalProperties.line.solidFill = "1F3864"
    series.graphicalProperties.line.width = 28_575  # 2.25 points
    series.smooth = False
    line.series.append(series)
    line.set_categories(reference(chart.categories))
    line.legend = None
    line.width, line.height = chart.width_cm, chart.height_cm
    line.x_axis.delete = line.y_axis.delete = False  # openpyxl hides both otherwise
    line.x_axis.number_format = line.y_axis.number_format = "General"
    line.x_axis.tickLblPos = "low"
    line.x_axis.tickLblSkip = line.x_axis.tickMarkSkip = max(1, chart.values.size // 20)
    line.y_axis.majorGridlines.spPr = _thin_line("D9D9D9")
    return line


def _thin_line(color: str) -> Any:
    from openpyxl.chart.shapes import GraphicalProperties  # noqa: PLC0415  (a name used once)

    properties = GraphicalProperties()
    properties.line.solidFill = color
    return properties


def _add_table(worksheet: Any, table: BookTable) -> None:
    made = Table(
        displayName=table.name,
        ref=show_area(table.area, sheet=False),
        headerRowCount=table.header_rows,
        totalsRowCount=table.totals_rows or None,
        tableColumns=[TableColumn(id=number, name=name) for number, name in enumerate(table.columns, 1)],
        tableStyleInfo=TableStyleInfo(name="TableStyleLight1", showRowStripes=False),
    )
    worksheet._tables[table.name] = made


class _Archive(zipfile.ZipFile):
    """A zip with fixed dates whose XML parts do not depend on the library that printed them."""

    def __init__(self, file: IO[bytes], dynamic: bool) -> None:
        super().__init__(file, "w", zipfile.ZIP_DEFLATED)
        self._dynamic = dynamic

    def writestr(
        self, zinfo_or_arcname: Any, data: Any, compress_type: int | None = None, compresslevel: int | None = None
    ) -> None:
        name = zinfo_or_arcname
        text = data.decode() if isinstance(data, bytes) else data
        if self._dynamic and name == "xl/_rels/workbook.xml.rels":
            text = text.replace("</Relationships>", _METADATA_RELATION + "</Relationships>")
        if self._dynamic and name == "[Content_Types].xml":
            text = text.replace("</Types>", _METADATA_TYPE + "</Types>")
        super().writestr(entry(name), (_DECLARATION + canonicalize(text)).encode(), compress_type, compresslevel)


def entry(name: str) -> zipfile.ZipInfo:
    """A zip entry that says nothing about the machine and the time it was made on."""
    info = zipfile.ZipInfo(name, _ZIP_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 0
    return info


class _Writer(ExcelWriter):  # type: ignore[misc]
    """openpyxl's writer with our rows."""

    def __init__(
        self, workbook: Any, archive: _Archive, sheets: Mapping[str, Sheet], rows: Mapping[str, SheetRows]
    ) -> None:
        super().__init__(workbook, archive)
        self._sheets, self._rows = sheets, rows

    def write_worksheet(self, ws: Any) -> None:
        ws._drawing = Drawing(self._sheets[ws.title].layout.pictures)
        ws._drawing.charts = ws._charts
        ws._drawing.images = ws._images
        rows = self._rows[ws.title]
        shell = BytesIO()
        writer = _ShellWriter(ws, shell, self._sheets[ws.title], rows)
        writer.write()
        ws._rels = writer._rels
        head, tail = _NO_ROWS.split(canonicalize(shell.getvalue().decode()), maxsplit=1)
        with self._archive.open(entry(ws.path[1:]), "w", force_zip64=rows.cells > _FORCE_ZIP64) as part:
            part.write(f"{_DECLARATION}{head}<sheetData>".encode())
            # zlib lets go of the interpreter while it packs a band; the next one is made in that time.
            with ThreadPoolExecutor(max_workers=1) as packer:
                packed: Future[int] | None = None
                for band in rows:
                    if packed is not None:
                        packed.result()
                    packed = packer.submit(part.write, band)
                if packed is not None:
                    packed.result()
            part.write(f"</sheetData>{tail}".encode())
        self.manifest.append(ws)


class _ShellWriter(WorksheetWriter):  # type: ignore[misc]
    """openpyxl's sheet writer without cells."""

    def __init__(self, ws: Any, out: BytesIO, sheet: Sheet, rows: SheetRows) -> None:
        super().__init__(ws, out)
        self._sheet, self._bounds = sheet, rows.bounds

    def write_drawings(self) -> None:
        if self._sheet.layout.pictures and not self.ws._charts:
            relation = Relationship(type="drawing", Target="")
            self._rels.append(relation)
            self.xf.send(DrawingReference(id=relation.id).to_tree("drawing"))
        else:
            super().write_drawings()

    def write_dimensions(self) -> None:
        self.xf.send(SheetDimension(show_area(self._bounds, sheet=False)).to_tree())

    def write_rows(self) -> None:
        xf = self.xf.send(True)
        with xf.element("sheetData"):
            pass
        self.xf.send(None)
        for link in self._sheet.layout.links:
            place = show_cell(link.cell, sheet=False)
            self.ws._hyperlinks.append(Hyperlink(ref=place, location=show_cell(link.target), display=place))

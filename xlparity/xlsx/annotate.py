"""An annotated copy of a workbook: cells coloured, comments added, a sheet put behind the others, all else kept.

The parts that are changed are spliced, not written anew, so charts, images, pivot tables, macros and whatever else the
file holds stay as they are, byte for byte.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from xlparity.errors import InputError
from xlparity.formula.a1 import column_letters
from xlparity.limits import Limits
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.xlsx.comments import (
    Grid,
    Place,
    comments_edits,
    drawing_blocks,
    drawing_with_notes,
    new_comments,
    new_drawing,
)
from xlparity.xlsx.markup import Markup, Tag, read_markup
from xlparity.xlsx.package import Package
from xlparity.xlsx.page import Page, page_part
from xlparity.xlsx.splice import Edit, Element, appended, copy_package, outline, spliced
from xlparity.xlsx.styles import MINIMAL_STYLES, StyleSheet
from xlparity.xlsx.workbook import read_workbook

__all__ = ["Mark", "annotated_copy"]

_CONTENT_TYPES = "[Content_Types].xml"
_SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DRAWING = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
# The part of a relationship's type that a strict workbook has in another namespace.
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_OFFICE_STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_LONGEST_NAME = 31  # letters of a sheet's name
# What stands before the drawing of the comments in a worksheet; the schema fixes the order.
_BEFORE_LEGACY_DRAWING = frozenset(
    "sheetPr dimension sheetViews sheetFormatPr cols sheetData sheetCalcPr sheetProtection protectedRanges scenarios "
    "autoFilter sortState dataConsolidate customSheetViews mergeCells phoneticPr conditionalFormatting dataValidations "
    "hyperlinks printOptions pageMargins pageSetup headerFooter rowBreaks colBreaks customProperties cellWatches "
    "ignoredErrors smartTags drawing".split()
)
# What is looked at in a sheet beside its cells: where these elements end, and the columns.
_AROUND = _BEFORE_LEGACY_DRAWING | {"col", "legacyDrawing"}


@dataclass(frozen=True, slots=True)
class Mark:
    """What a cell gets: a fill colour (`F4B183`) and a comment, empty for none."""

    colour: str
    comment: str = ""


def annotated_copy(
    source: str | os.PathLike[str],
    marks: Mapping[Cell, Mark],
    page: Page,
    target: str | os.PathLike[str],
    limits: Limits | None = None,
) -> None:
    """Copy the workbook `source` to `target` with marked cells and a sheet more; complete or not at all.

    Parameters
    ----------
    marks
        By cell. A cell that has a comment keeps it, ours stands behind it.
    page
        The sheet that is put behind the others, under another name if there is one of its name.

    Raises
    ------
    WorkbookError, InputError
        `source` cannot be read, `target` cannot be written or is `source`, or a sheet of `marks` does not exist.
    """
    origin, goal = Path(source), Path(target)
    if goal.exists() and origin.exists() and goal.samefile(origin):
        raise InputError(f"{goal} is the workbook itself, which stays untouched; name another file")
    if origin.suffix.lower() != goal.suffix.lower():
        raise InputError(f"{goal}: a copy of {origin.name} has its suffix; name a file {goal.stem}{origin.suffix}")
    with Package(origin, limits) as package:
        annotation = _Annotation(package)
        annotation.mark(marks)
        annotation.add(page)
        changes = annotation.changes()
        copy_package(package, {part: _of(edits) for part, edits in changes.items()}, annotation.added, goal)


class _Annotation:
    """The changes to one package as they gather."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.workbook = read_workbook(package)
        self.added: list[tuple[str, bytes]] = []
        self._edits: dict[str, list[Edit]] = {}
        self._names = {name.casefold() for name in package.names}
        self._types: list[tuple[str, str]] = []  # name of a part and its content type
        self._relations: dict[str, list[tuple[str, str, str]]] = defaultdict(list)  # part: identifier, kind, target
        self._root = self._outline(self.workbook.part, 2)
        self._strict = "purl.oclc.org" in self._root.namespace
        # Blocks of shape numbers are the drawings' own in the whole workbook.
        used = [drawing_blocks(package.read(name)) for name in package.names if name.lower().endswith(".vml")]
        self._block = max({0}.union(*used)) + 1
        styles = [r.target for r in package.relations(self.workbook.part).values() if r.kind == "styles"]
        self._styles_part = styles[0] if styles and styles[0] in package else ""
        minimal = MINIMAL_STYLES % self._root.namespace.encode()
        self._styles = package.read(self._styles_part) if self._styles_part else minimal
        self.styles = StyleSheet(self._styles, f"{package.path}: {self._styles_part or 'styles'}")

    def mark(self, marks: Mapping[Cell, Mark]) -> None:
        parts = {sheet.name.casefold(): sheet.part for sheet in self.workbook.sheets}
        by_sheet: dict[str, dict[Place, Mark]] = defaultdict(dict)
        for cell in sorted(marks):
            if cell.sheet.casefold() not in parts:
                raise InputError(f"{self.package.path}: has no sheet {cell.sheet!r}")
            by_sheet[parts[cell.sheet.casefold()]][cell.row, cell.column] = marks[cell]
        for part, places in by_sheet.items():
            self._mark_sheet(part, places)

    def _mark_sheet(self, part: str, places: Mapping[Place, Mark]) -> None:
        data = self.package.read(part)
        where = f"{self.package.path}: {part}"
        markup = read_markup(data, where)
        start, end = markup.sheet_data
        # The cells are read by `read_markup`; around them there may be a million merged areas.
        around = outline(data[:start] + data[end:], where, 2, lambda name, _: name in _AROUND)
        columns = _columns(around)
        edits = _coloured_cells(markup, places, columns.styles, self.styles)
        comments = {place: mark.comment for place, mark in places.items() if mark.comment}
        if comments:
            grid = Grid(columns.widths, _heights(markup, comments), columns.width, columns.height)
            identifier = self._comment(part, around, comments, grid)
            if identifier:
                before = [child.end for child in around.children if child.local in _BEFORE_LEGACY_DRAWING]
                at = max([*before, around.tag.end])
                at = end if at <= start else at + end - start
                namespace = _OFFICE_STRICT if self._strict else _OFFICE
                prefix = around.tag.prefix
                xml = f'<{prefix}legacyDrawing xmlns:r="{namespace}" r:id="{identifier}"/>'
                edits.append((at, at, xml))
        self._edits[part] = edits

    def _comment(self, part: str, around: Element, texts: Mapping[Place, str], grid: Grid) -> str:
        """Add comments to a sheet; the identifier of its new drawing, empty if it has one already."""
        relations = self.package.relations(part)
        present = [r.target for r in relations.values() if r.kind == "comments" and r.target in self.package]
        fresh = list(texts)
        if present:
            data = self.package.read(present[0])
            self._edits[present[0]], fresh = comments_edits(data, f"{self.package.path}: {present[0]}", texts)
        else:
            name = self._new_part("xl/comments{}.xml", f"{_SPREADSHEET}.comments+xml")
            self.added.append((name, new_comments(texts, self._root.namespace)))
            self._relate(part, "comments", name)
        notes = {place: texts[place] for place in fresh}
        if not notes:
            return ""
        drawings = [relations.get(_relation_of(child)) for child in around.named("legacyDrawing")]
        block = self._block
        self._block += 1 + len(notes) // 1000
        for drawing in drawings:
            if drawing is not None and drawing.target in self.package:
                data = self.package.read(drawing.target)
                self._edits[drawing.target] = drawing_with_notes(data, notes, grid, block)
                return ""
        name = self._new_part("xl/drawings/vmlDrawing{}.vml", _DRAWING)
        self.added.append((name, new_drawing(notes, grid, block)))
        return self._relate(part, "vmlDrawing", name)

    def add(self, page: Page) -> None:
        part = self._new_part("xl/worksheets/sheet{}.xml", f"{_SPREADSHEET}.worksheet+xml")
        identifier = self._relate(self.workbook.part, "worksheet", part)
        listed = self._root.named("sheets")[0]
        names = {child.attributes.get("name", "").casefold() for child in listed.children}
        numbers = [child.attributes.get("sheetId", "") for child in listed.children]
        number = 1 + max([int(text) for text in numbers if text.isdecimal()], default=0)
        name = page.name
        for again in count(2):
            if name.casefold() not in names:
                break
            name = f"{page.name[: _LONGEST_NAME - 4]} {again}"
        namespace = _OFFICE_STRICT if self._strict else _OFFICE
        prefix = listed.tag.prefix
        xml = f'<{prefix}sheet name={quoteattr(name)} sheetId="{number}" xmlns:r="{namespace}" r:id="{identifier}"/>'
        data = self.package.read(self.workbook.part)
        self._edits.setdefault(self.workbook.part, []).extend(appended(data, listed, xml))
        self.added.append((part, page_part(page, self.styles, self._root.namespace)))

    def changes(self) -> dict[str, list[Edit]]:
        """The edits of every part that changes, those of the parts that hold the package together among them."""
        if self._styles_part:
            self._edits[self._styles_part] = self.styles.edits()
        else:
            name = self._new_part("xl/styles{}.xml", f"{_SPREADSHEET}.styles+xml")
            from_nothing = b"".join(spliced(self._styles, self.styles.edits()))
            self.added.append((name, from_nothing))
            self._relate(self.workbook.part, "styles", name)
        for part, related in self._relations.items():
            self._write_relations(part, related)
        root = self._outline(_CONTENT_TYPES, 1)
        self._edits[_CONTENT_TYPES] = appended(
            self.package.read(_CONTENT_TYPES), root, "".join(root.spelled(xml) for xml in self._content_types(root))
        )
        return self._edits

    def _content_types(self, root: Element) -> list[str]:
        defaults = {child.attributes.get("Extension", "").casefold() for child in root.named("Default")}
        listed = []
        for name, kind in self._types:
            if kind != _DRAWING:
                listed.append(f'<Override PartName="/{name}" ContentType="{kind}"/>')
            elif "vml" not in defaults:
                defaults.add("vml")
                listed.append(f'<Default Extension="vml" ContentType="{kind}"/>')
        return listed

    def _write_relations(self, part: str, related: list[tuple[str, str, str]]) -> None:
        folder, base = posixpath.split(part)
        name = posixpath.join(folder, "_rels", f"{base}.rels")
        kinds = _OFFICE_STRICT if self._strict else _OFFICE
        listed = [
            f'<Relationship Id="{identifier}" Type="{kinds}/{kind}" Target="/{target}"/>'
            for identifier, kind, target in related
        ]
        if name not in self.package:
            xml = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Relationships xmlns="{_RELATIONSHIPS}">'
            self.added.append((name, f"{xml}{''.join(listed)}</Relationships>".encode()))
            return
        root = self._outline(name, 1)
        self._edits[name] = appended(self.package.read(name), root, "".join(map(root.spelled, listed)))

    def _relate(self, part: str, kind: str, target: str) -> str:
        taken = self._identifiers(part) | {identifier for identifier, _, _ in self._relations[part]}
        identifier = next(name for name in map("rId{}".format, count(1)) if name not in taken)
        self._relations[part].append((identifier, kind, target))
        return identifier

    def _identifiers(self, part: str) -> set[str]:
        """All identifiers of a part's relationships, those that lead out of the package too."""
        folder, base = posixpath.split(part)
        name = posixpath.join(folder, "_rels", f"{base}.rels")
        if name not in self.package:
            return set()
        return {child.attributes.get("Id", "") for child in self._outline(name, 1).children}

    def _new_part(self, pattern: str, kind: str) -> str:
        name = next(name for name in map(pattern.format, count(1)) if name.casefold() not in self._names)
        self._names.add(name.casefold())
        self._types.append((name, kind))
        return name

    def _outline(self, part: str, depth: int) -> Element:
        return outline(self.package.read(part), f"{self.package.path}: {part}", depth)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The formats and the sizes in pixels of a sheet's columns that have their own, and what the others have."""

    styles: Mapping[int, int]
    widths: Mapping[int, int]
    width: int
    height: int


def _columns(around: Element) -> _Columns:
    styles: dict[int, int] = {}
    widths: dict[int, int] = {}
    for section in around.named("cols"):
        for child in section.named("col"):
            first, last = (_whole(child.attributes.get(name, "")) for name in ("min", "max"))
            # A note reaches over few columns; one entry for all 16,384 is common.
            for column in range(first - 1, min(last, MAX_COLUMNS)):
                if "style" in child.attributes:
                    styles[column] = _whole(child.attributes["style"])
                hidden = child.attributes.get("hidden") in ("1", "true")
                widths[column] = 0 if hidden else _pixels(child.attributes.get("width", "9.14"))
    usual = around.named("sheetFormatPr")
    attributes = usual[0].attributes if usual else {}
    return _Columns(
        styles,
        widths,
        _pixels(attributes.get("defaultColWidth", "9.14")),
        _points(attributes.get("defaultRowHeight", "15")),
    )


def _heights(markup: Markup, places: Mapping[Place, str]) -> dict[int, int]:
    """The heights in pixels of the rows that notes may reach over, where they are not the usual one."""
    wanted = {row + ahead for row, _ in places for ahead in range(-1, 30)}
    heights = {}
    for row, start, _ in markup.rows:
        if row in wanted:
            attributes = markup.tag(start).attributes
            height = re.search(r'\sht\s*=\s*["\']([^"\']*)', attributes)
            if re.search(r'\shidden\s*=\s*["\'](1|true)', attributes):
                heights[row] = 0
            elif height:
                heights[row] = _points(height[1])
    return heights


def _coloured_cells(
    markup: Markup, places: Mapping[Place, Mark], columns: Mapping[int, int], styles: StyleSheet
) -> list[Edit]:
    """The edits that give cells their colours, and make those that the file does not have."""
    keys = np.frombuffer(markup.row, np.int64) * MAX_COLUMNS + np.frombuffer(markup.column, np.int64)
    in_order = bool((np.diff(keys) > 0).all())
    order = np.arange(len(keys)) if in_order else np.argsort(keys, kind="stable")
    wanted = np.array([row * MAX_COLUMNS + column for row, column in places], np.int64)
    at = np.searchsorted(keys[order], wanted)
    edits: list[Edit] = []
    missing: dict[int, list[tuple[int, int, Mark]]] = defaultdict(list)
    for (row, column), place, key in zip(places, at.tolist(), wanted.tolist(), strict=True):
        if place == len(keys) or keys[order[place]] != key:
            missing[row].append((column, place, places[row, column]))
            continue
        start = markup.start[int(order[place])]
        tag = markup.tag(start)
        base = re.search(r'\ss\s*=\s*["\'](\d+)', tag.attributes)
        number = styles.coloured(int(base[1]) if base else 0, places[row, column].colour)
        edits.append((start, tag.end, f'<{tag.name}{tag.without("s")} s="{number}"{"/" if tag.empty else ""}>'))
    if missing and not in_order:
        raise InputError("the cells of a sheet are not in order; save the workbook again in Excel")
    return edits + _new_cells(markup, missing, columns, styles)


def _new_cells(
    markup: Markup, missing: Mapping[int, list[tuple[int, int, Mark]]], columns: Mapping[int, int], styles: StyleSheet
) -> list[Edit]:
    """The edits that make empty coloured cells, with the format that their row or column has."""
    rows = {row: (start, end) for row, start, end in markup.rows}
    numbers = sorted(rows)
    start, end = markup.sheet_data
    data_tag = markup.tag(start)
    prefix = data_tag.prefix
    edits: list[Edit] = []
    behind = ""
    for row in sorted(missing):
        tag = markup.tag(rows[row][0]) if row in rows else None
        own = _row_format(tag)
        cells = [
            (
                place,
                f'<{prefix}c r="{column_letters(column)}{row + 1}" '
                f's="{styles.coloured(columns.get(column, 0) if own is None else own, mark.colour)}"/>',
            )
            for column, place, mark in missing[row]
        ]
        together = "".join(xml for _, xml in cells)
        if tag is None:
            made = f'<{prefix}row r="{row + 1}">{together}</{prefix}row>'
            after = np.searchsorted(numbers, row)
            if after == len(numbers):
                behind += made
            else:
                before = rows[numbers[int(after)]][0]
                edits.append((before, before, made))
            continue
        begin, stop = rows[row]
        # The spans of a row are a hint for reading, and would be a wrong one now.
        head = f"<{tag.name}{tag.without('spans')}"
        if tag.empty:
            edits.append((begin, stop, f"{head}>{together}</{tag.name}>"))
            continue
        edits.append((begin, tag.end, f"{head}>"))
        close = markup.data.rindex(b"<", begin, stop)
        for place, xml in cells:
            inside = place < len(markup.start) and markup.row[place] == row
            before = markup.start[place] if inside else close
            edits.append((before, before, xml))
    if behind and data_tag.empty:
        edits.append((start, end, f"<{data_tag.name}{data_tag.attributes}>{behind}</{data_tag.name}>"))
    elif behind:
        close = markup.data.rindex(b"<", start, end)
        edits.append((close, close, behind))
    return edits


def _row_format(tag: Tag | None) -> int | None:
    """The number of the format that a row gives to its empty cells."""
    if tag is None or not re.search(r'\scustomFormat\s*=\s*["\'](1|true)', tag.attributes):
        return None
    found = re.search(r'\ss\s*=\s*["\'](\d+)', tag.attributes)
    return int(found[1]) if found else None


def _of(edits: list[Edit]) -> Callable[[bytes], list[Edit]]:
    return lambda _: edits


def _relation_of(element: Element) -> str:
    return next((value for key, value in element.attributes.items() if key.endswith("relationships id")), "")


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _pixels(letters: str) -> int:
    """The width in pixels of a column that is so many letters wide."""
    try:
        return max(0, min(round(float(letters) * 7), 2000))
    except ValueError:
        return 64


def _points(text: str) -> int:
    """The height in pixels of a row of so many points."""
    try:
        return max(0, min(round(float(text) * 96 / 72), 600))
    except ValueError:
        return 20

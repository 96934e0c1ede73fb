"""A worksheet's cells as XML, streamed in bands of rows: a million cells never stand in memory as objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from xlparity.errors import InputError
from xlparity.formula.a1 import column_letters, show_area, show_cell
from xlparity.formula.relative import Pattern
from xlparity.model.area import Area
from xlparity.model.book import Fill, FillKind, Layout, Sheet, Style
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.value import ERROR_TEXTS, Cells, Error, Kind
from xlparity.xlsx.looks import StyleTable
from xlparity.xlsx.text import encode

__all__ = ["SheetRows", "formula_xml", "result_xml"]

_BAND = 1 << 17  # cells of the bounding rectangle that are worked on at a time
_STYLES = tuple(Style)
# Plain integers: looking up a member of an Enum takes longer than writing a cell.
_NUMBER, _TEXT, _BOOLEAN, _ERROR = int(Kind.NUMBER), int(Kind.TEXT), int(Kind.BOOLEAN), int(Kind.ERROR)
_Integers = NDArray[np.int64]
_ROW = "\0"  # stands for the row's number in a template; XML cannot hold it
_CONSTANT, _FORMULA, _BLANK = range(3)  # in this order they win where two stand in one cell


@dataclass(frozen=True, slots=True)
class _Formula:
    """A fill as it is written: a shared group, an array, or a text in each cell."""

    corner: tuple[int, int]
    first: str  # the corner's <f> element of a shared group or an array
    rest: str  # the other cells' <f> element
    pattern: Pattern | None  # gives the text where each cell has its own

    def element(self, row: int, column: int) -> str:
        if self.pattern is not None:
            return f"<f>{formula_xml(self.pattern.at(row, column))}</f>"
        return self.first if (row, column) == self.corner else self.rest


class SheetRows:
    """The rows of a sheet.

    Parameters
    ----------
    sheet
        What to write.
    cached
        The formulas' values.
    styles
        Numbers of the looks.

    Raises
    ------
    InputError
        Two formulas, or a formula and a constant, stand in one cell; or a constant is not a finite number.
    """

    def __init__(self, sheet: Sheet, cached: Cells, styles: StyleTable) -> None:
        self._sheet, self._cached, self._styles = sheet, cached, styles
        self._cached_place = cached.row.astype(np.int64) * MAX_COLUMNS + cached.column
        self._formulas = _written(sheet.fills)
        layout = sheet.layout
        self._formats = ["General", *dict.fromkeys(text for _, text in layout.formats)]
        self._blank = [area for area, style in layout.styles if style is not Style.PLAIN]
        self._blank += [Area(link.cell, 1, 1) for link in layout.links]
        areas = [fill.area for fill in sheet.fills] + self._blank
        edges = [(area.row, area.column, area.bottom, area.right) for area in areas]
        if len(sheet.constants):
            row, column = sheet.constants.row, sheet.constants.column
            edges.append((int(row[0]), int(column.min()), int(row[-1]) + 1, int(column.max()) + 1))
        top, left = (min((edge[i] for edge in edges), default=0) for i in (0, 1))
        bottom, right = (max((edge[i] for edge in edges), default=1) for i in (2, 3))
        self.bounds = Area.of(sheet.name, top, left, bottom - top, right - left)
        self.cells = len(sheet.constants) + sum(area.size for area in areas)
        self._heights = _note_heights(sheet)

    def __iter__(self) -> Iterator[bytes]:
        height = max(1, _BAND // self.bounds.width)
        for row in range(self.bounds.row, self.bounds.bottom, height):
            area = Area.of(self._sheet.name, row, self.bounds.column, height, self.bounds.width)
            yield self._band(area).encode()

    def _band(self, band: Area) -> str:
        """The band's rows; rows that are alike but for their numbers are filled into one template."""
        row, column, source, index = self._places(band)
        if not len(row):
            return ""
        style = self._style_numbers(band, row, column)
        kind, number = self._values(row, column, source, index)
        plain = (kind == _NUMBER) & np.isfinite(number) & (source != _BLANK) & self._alike(row, column, source, index)
        # What follows a cell's reference is a template with room for its number, or a text that is made for it alone.
        fill = np.where(plain & (source == _FORMULA), index, -1)
        shape = np.stack((column, style, np.where(plain, source, -1), fill), axis=1)
        said = _number_texts(np.where(plain, number, 0.0).tolist())
        for i in np.flatnonzero(~plain).tolist():
            said[i] = self._rest(
                (int(row[i]), int(column[i])), int(source[i]), int(index[i]), int(kind[i]), float(number[i])
            )
        templates: dict[bytes, str] = {}
        words: list[str] = []
        begins = np.flatnonzero(np.diff(row, prepend=-1))
        ends = [*begins[1:].tolist(), len(row)]
        for begin, end, r in zip(begins.tolist(), ends, row[begins].tolist(), strict=True):
            key = shape[begin:end].tobytes()
            if key not in templates:
                templates[key] = self._template(shape[begin:end])
            height = self._heights.get(r)
            words.append(f'<row r="{r + 1}"' + (">" if height is None else f' ht="{height:g}" customHeight="1">'))
            words.append(templates[key].replace(_ROW, str(r + 1)) % tuple(said[begin:end]))
        return "".join(words)

    def _alike(self, row: _Integers, column: _Integers, source: _Integers, index: _Integers) -> NDArray[np.bool_]:
        """Which cells hold a constant or what all cells of a shared formula but its corner hold."""
        shared = np.array([written.pattern is None for written in self._formulas] or [False])
        corners = np.array([written.corner for written in self._formulas] or [(-1, -1)])
        which = np.where(source == _FORMULA, index, 0)
        corner = (corners[which, 0] == row) & (corners[which, 1] == column)
        alike: NDArray[np.bool_] = (source == _CONSTANT) | (shared[which] & ~corner)
        return alike

    def _template(self, shape: _Integers) -> str:
        """A row with `_ROW` for its number and `%s` for what each cell says."""
        words = []
        for column, style, source, index in shape.tolist():
            head = f'<c r="{_LETTERS[column]}{_ROW}"' + (f' s="{style}"' if style else "")
            formula = self._formulas[index].rest if source == _FORMULA else ""
            words.append(head + ("%s" if source < 0 else f">{formula}<v>%s</v></c>"))
        return "".join(words) + "</row>"

    def _rest(self, cell: tuple[int, int], source: int, index: int, kind: int, number: float) -> str:
        """What follows `<c r=... s=...` of a cell that is not like its neighbours."""
        if source == _BLANK:
            return "/>"
        if source == _CONSTANT:
            return self._constant(kind, number, *cell)
        kind_xml, value_xml = _result(kind, number, self._cached.texts)
        written = self._formulas[index]
        # The mark of a dynamic array formula: the first record of the cell metadata.
        dynamic = self._sheet.fills[index].kind is FillKind.DYNAMIC and cell == written.corner
        mark = ' cm="1"' if dynamic else ""
        return f"{mark}{kind_xml}>{written.element(*cell)}{value_xml}</c>"

    def _values(
        self, row: _Integers, column: _Integers, source: _Integers, index: _Integers
    ) -> tuple[_Integers, NDArray[np.float64]]:
        """Kind and payload of the cells: of constants their own, of formulas the cached ones, or else blank."""
        kind, number = np.zeros(len(row), np.int64), np.zeros(len(row))
        constant = source == _CONSTANT
        kind[constant] = self._sheet.constants.kind[index[constant]]
        number[constant] = self._sheet.constants.number[index[constant]]
        if len(self._cached_place):
            place = row * MAX_COLUMNS + column
            at = np.searchsorted(self._cached_place, place)
            at[at == len(self._cached_place)] = 0
            found = (self._cached_place[at] == place) & (source == _FORMULA)
            kind[found], number[found] = self._cached.kind[at[found]], self._cached.number[at[found]]
        return kind, number

    def _constant(self, kind: int, number: float, row: int, column: int) -> str:
        """What follows `<c r=... s=...` for a constant that is not a finite number."""
        if kind == _NUMBER:
            cell = show_cell(Cell(self._sheet.name, row, column))
            raise InputError(f"{cell} would hold {number}; a cell holds finite numbers, put -1E+300 for -inf")
        if kind == _TEXT:
            text = encode(self._sheet.constants.texts[int(number)])
            keep = ' xml:space="preserve"' if text != text.strip() else ""
            return f' t="inlineStr"><is><t{keep}>{text}</t></is></c>'
        kind_xml, value_xml = _result(kind, number, ())
        return f"{kind_xml}>{value_xml}</c>" if value_xml else "/>"

    def _places(self, band: Area) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Row, column, source and number within the source of the band's cells, in the order of the file."""
        constants = self._sheet.constants
        start, stop = np.searchsorted(constants.row, [band.row, band.bottom])
        rows, columns = [constants.row[start:stop].astype(np.int64)], [constants.column[start:stop].astype(np.int64)]
        sources, indices = [np.full(stop - start, _CONSTANT)], [np.arange(start, stop)]
        for origin, areas in ((_FORMULA, [fill.area for fill in self._sheet.fills]), (_BLANK, self._blank)):
            for i, area in enumerate(areas):
                top, bottom = max(area.row, band.row), min(area.bottom, band.bottom)
                if top >= bottom:
                    continue
                row, column = np.meshgrid(np.arange(top, bottom), np.arange(area.column, area.right), indexing="ij")
                rows.append(row.ravel())
                columns.append(column.ravel())
                sources.append(np.full(row.size, origin))
                indices.append(np.full(row.size, i))
        row, column = np.concatenate(rows), np.concatenate(columns)
        source, index = np.concatenate(sources), np.concatenate(indices)
        place = row * MAX_COLUMNS + column
        order = np.lexsort((source, place))
        again = np.concatenate(([False], np.diff(place[order]) == 0)) if len(order) else np.empty(0, np.bool_)
        clash = order[again & (source[order] != _BLANK)]
        if len(clash):
            cell = show_cell(Cell(self._sheet.name, int(row[clash[0]]), int(column[clash[0]])))
            raise InputError(f"{cell} would hold a formula and something else; each cell holds one thing")
        order = order[~again]
        return row[order], column[order], source[order], index[order]

    def _style_numbers(self, band: Area, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of each cell's look; later areas win."""
        layout = self._sheet.layout
        style, number_format = np.zeros(len(row), np.int64), np.zeros(len(row), np.int64)
        linked = np.zeros(len(row), np.int64)

        def paint(target: NDArray[np.int64], area: Area, code: int) -> None:
            if area.row < band.bottom and area.bottom > band.row:
                start, stop = np.searchsorted(row, [area.row, area.bottom])
                inside = (column[start:stop] >= area.column) & (column[start:stop] < area.right)
                target[start:stop][inside] = code

        for area, kind in layout.styles:
            paint(style, area, _STYLES.index(kind))
        for area, text in layout.formats:
            paint(number_format, area, self._formats.index(text))
        for link in layout.links:
            paint(linked, Area(link.cell, 1, 1), 1)
        code = (style * len(self._formats) + number_format) * 2 + linked
        codes, which = np.unique(code, return_inverse=True)
        numbers = []
        for each in codes.tolist():
            rest, is_linked = divmod(each, 2)
            kind_at, format_at = divmod(rest, len(self._formats))
            numbers.append(self._styles.number(_STYLES[kind_at], self._formats[format_at], bool(is_linked)))
        return np.array(numbers, np.int64)[which] if numbers else code


_LETTERS = [column_letters(column) for column in range(MAX_COLUMNS)]


def result_xml(cells: Cells, at: int) -> tuple[str, str]:
    """A formula's value: the cell's type attribute and its `<v>` element, both empty where there is none."""
    return _result(int(cells.kind[at]), float(cells.number[at]), cells.texts)


def _number_texts(numbers: list[float]) -> list[str]:
    """The shortest texts that read back as the same float64 numbers; whole numbers without a point."""
    return [text.removesuffix(".0") for text in map(repr, numbers)]


def _result(kind: int, number: float, texts: tuple[str, ...]) -> tuple[str, str]:
    if kind == _NUMBER and number - number == 0:
        return "", f"<v>{_number_texts([number])[0]}</v>"
    if kind == _TEXT:
        return ' t="str"', f"<v>{encode(texts[int(number)])}</v>"
    if kind == _BOOLEAN:
        return ' t="b"', f"<v>{int(number)}</v>"
    if kind == _ERROR:
        return ' t="e"', f"<v>{ERROR_TEXTS[Error(int(number))]}</v>"
    return "", ""


def formula_xml(text: str) -> str:
    """A formula as it stands between XML tags; InputError for characters that XML cannot hold."""
    if any(letter < " " and letter not in "\t\n\r" for letter in text):
        raise InputError(f"the formula {text[:40]!r} has a control character, which a workbook cannot store")
    return escape(text, {"\r": "&#13;"})


def _written(fills: tuple[Fill, ...]) -> list[_Formula]:
    written = []
    groups = 0
    for fill in fills:
        area = fill.area
        corner = (area.row, area.column)
        # Excel shares only formulas that refer to their own sheet, and none with structured references.
        shareable = "!" not in fill.formula and "[" not in fill.formula
        if fill.kind is not FillKind.COPIED:
            reference = show_area(area, sheet=False)
            first = f'<f t="array" ref="{reference}">{formula_xml(fill.formula)}</f>'
            written.append(_Formula(corner, first, "", None))
        elif area.size > 1 and shareable:
            reference = show_area(area, sheet=False)
            first = f'<f t="shared" ref="{reference}" si="{groups}">{formula_xml(fill.formula)}</f>'
            written.append(_Formula(corner, first, f'<f t="shared" si="{groups}"/>', None))
            groups += 1
        else:
            written.append(_Formula(corner, "", "", Pattern(fill.formula, *corner)))
    return written


def _note_heights(sheet: Sheet) -> dict[int, float]:
    """Heights of rows with notes in merged cells, which Excel does not fit to their text by itself."""
    layout: Layout = sheet.layout
    widths = dict(layout.widths)
    heights: dict[int, float] = {}
    notes = [area for area, style in layout.styles if style is Style.NOTE]
    for area in layout.merged:
        text = sheet.constants.scalar(area.row, area.column)
        if area.height > 1 or not isinstance(text, str) or not any(area.corner in note for note in notes):
            continue
        room = max(8.0, sum(widths.get(column, 8.43) for column in range(area.column, area.right)))
        lines = sum(1 + int(len(line) / room * 1.05) for line in text.split("\n"))
        heights[area.row] = max(heights.get(area.row, 0.0), 15.0 * lines)
    return {row: height for row, height in heights.items() if height > 15.0}

"""The cells of one worksheet, in a single pass over its XML and without a Python object per cell.

Rows in the usual spelling come from `lexical`, many at a time; all others from expat, tag by tag. Both end in the same
arrays, and what a cell means is decided by the same methods.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xlparity.errors import InputError, WorkbookError
from xlparity.formula.a1 import column_letters, column_number, parse_area
from xlparity.limits import VARIABLE
from xlparity.model.appearance import Appearance
from xlparity.model.area import Area
from xlparity.model.book import Fill, FillKind, Sheet
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS
from xlparity.model.value import ERROR_TEXTS, Cells, Error, Kind
from xlparity.xlsx.fills import Formulas
from xlparity.xlsx.lexical import CanonicalRows, Rows
from xlparity.xlsx.package import Package, parse_xml
from xlparity.xlsx.text import decode
from xlparity.xlsx.workbook import MAX_PIECES, NAMESPACES

__all__ = ["Context", "read_sheet"]

_ERRORS = {text: error for error, text in ERROR_TEXTS.items()}
_ADDRESS = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})\Z")
_NUMBER, _TEXT, _BOOLEAN, _ERROR = int(Kind.NUMBER), int(Kind.TEXT), int(Kind.BOOLEAN), int(Kind.ERROR)
_Entered: TypeAlias = tuple[int, float]
_COLUMNS = {column_letters(column): column for column in range(MAX_COLUMNS)}
# Looks decide nothing: beyond so many merged areas or runs of columns they are left out.
_MOST_LOOKS = 1 << 16


class _Reader:
    """The state of the pass; the handlers are bound methods of expat's parser."""

    def __init__(self, package: Package, part: str, name: str, context: Context) -> None:
        self.package, self.part, self.name = package, part, name
        self.shared, self.dynamic, self.date1904 = context.shared, context.dynamic, context.date1904
        self.rich_errors, self.formats = context.errors, context.formats
        # Values, of formulas as well as constants.
        self.row, self.column, self.number = array("i"), array("i"), array("d")
        self.kind, self.computed = bytearray(), bytearray()
        self.texts: dict[str, int] = {}
        # Formulas that are copied.
        self.formulas = Formulas(name)
        self.formula_row, self.formula_column, self.formula_key = array("i"), array("i"), array("i")
        self.groups: dict[str, int] = {}  # shared group -> key
        self.waiting: list[tuple[int, str]] = []  # cells whose group's formula has not come yet
        self.arrays: list[Fill] = []
        self.array_cells = 0
        self.empty: dict[tuple[int, int], None] = {}  # formula cells without a formula of their own
        # Looks.
        self.format_row, self.format_column, self.format = array("i"), array("i"), array("H")
        self.widths: list[tuple[int, int, float]] = []
        self.default_width: float | None = None
        self.merged: list[Area] = []

    def error(self, row: int, column: int, message: str) -> WorkbookError:
        return self.package.error(f"{self.name}!{column_letters(column)}{row + 1} {message}")

    def read(self, by_expat: bool) -> None:
        """Run over the part and gather its cells; `by_expat` hides no row from expat."""
        # Everything that runs once per cell is a local variable of this function: attribute look-ups would double
        # the time of the pass.
        error = self.error
        add_row, add_column, add_number = self.row.append, self.column.append, self.number.append
        add_kind, add_computed = self.kind.append, self.computed.append
        add_formula_row, add_formula_column = self.formula_row.append, self.formula_column.append
        add_formula_key, key_of = self.formula_key.append, self.formulas.key
        columns = _COLUMNS
        longest = self.package.limits.formula
        too_long = f"Excel takes 8,192, and {VARIABLE}=formula=... raises the limit of {longest:,}"
        namespace = ""
        tag_row = tag_c = tag_v = tag_f = tag_t = tag_phonetic = tag_data = ""
        row, column, row_text = -1, -1, "0"
        kind: str | None = None
        style: str | None = None
        metadata: str | None = None
        value_metadata: str | None = None
        formula_attributes: dict[str, str] | None = None
        formula: str | None = None
        value: str | None = None
        inside_data = False
        phonetic = 0
        capture = False
        pieces: list[str] = []

        names: dict[str, str] = {}

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal row, column, row_text, kind, style, metadata, value_metadata, formula_attributes, formula, value
            nonlocal capture, inside_data, phonetic
            if tag == tag_v:
                capture = inside_data
            elif tag == tag_c:
                if not inside_data:
                    return
                address = attributes.get("r")
                if address is None:
                    column += 1
                    if column >= MAX_COLUMNS:
                        raise error(row, column, "lies outside the sheet, which ends at XFD1048576")
                else:
                    letters = address[: -len(row_text)]
                    if address.endswith(row_text) and letters in columns:
                        column = columns[letters]
                    else:
                        row, column = self._address(address)
                        row_text = str(row + 1)
                kind = attributes.get("t")
                style = attributes.get("s")
                metadata = attributes.get("cm")
                value_metadata = attributes.get("vm")
                formula = value = formula_attributes = None
            elif tag == tag_f:
                capture = inside_data
                formula_attributes = attributes
            elif tag == tag_t:
                capture = inside_data and not phonetic
            elif tag == tag_row:
                if not inside_data:
                    return
                number = attributes.get("r")
                if number is None:
                    row += 1
                elif number.isdecimal() and len(number) < 8:
                    row = int(number) - 1
                else:
                    row = -1
                if not 0 <= row < MAX_ROWS:
                    raise self.package.error(f"{self.name}: row {number or row + 1} lies outside a sheet")
                row_text = str(row + 1)
                column = -1
            elif tag == tag_phonetic:
                phonetic += 1
            elif tag == tag_data:
                inside_data = True
            elif not namespace:
                begin(tag)
            elif not inside_data:
                self._look(tag.rpartition(" ")[2], attributes)

        def begin(tag: str) -> None:
            nonlocal namespace, tag_row, tag_c, tag_v, tag_f, tag_t, tag_phonetic, tag_data
            namespace, _, local = tag.rpartition(" ")
            if local != "worksheet" or namespace not in NAMESPACES:
                raise self.package.error(f"the part {self.part!r} of the sheet {self.name!r} is no worksheet")
            # The parser hands out the strings of its own table: with ours in it, names are compared by identity.
            tag_row, tag_c, tag_v, tag_f, tag_t, tag_phonetic, tag_data = (
                names.setdefault(f"{namespace} {local}", f"{namespace} {local}")
                for local in ("row", "c", "v", "f", "t", "rPh", "sheetData")
            )

        def end(tag: str) -> None:
            nonlocal capture, value, formula, inside_data, phonetic
            if tag == tag_v:
                value = pieces[0] if len(pieces) == 1 else "".join(pieces)
                pieces.clear()
                capture = False
            elif tag == tag_c:
                if formula_attributes is not None:
                    enter_formula()
                elif value is None:
                    return
                if style is not None and (number_of_format := self._format(style)):
                    self.format_row.append(row)
                    self.format_column.append(column)
                    self.format.append(number_of_format)
                if value is None:
                    return
                if kind is None:
                    # A number, the usual case; what float() takes but Excel does not is sorted out below.
                    try:
                        number = float(value)
                    except ValueError:
                        number = math.nan
                    if number - number == 0 and "_" not in value:
                        add_row(row)
                        add_column(column)
                        add_kind(_NUMBER)
                        add_number(number)
                        add_computed(formula_attributes is not None)
                        return
                entered = self._value(kind, value, value_metadata, (row, column))
                if entered is not None:
                    add_row(row)
                    add_column(column)
                    add_kind(entered[0])
                    add_number(entered[1])
                    add_computed(formula_attributes is not None)
            elif tag == tag_f:
                formula = "".join(pieces)
                pieces.clear()
                capture = False
            elif tag == tag_t:
                if capture:
                    value = (value or "") + "".join(pieces)
                    pieces.clear()
                    capture = False
            elif tag == tag_phonetic:
                phonetic -= 1
            elif tag == tag_data:
                inside_data = False

        def text(data: str) -> None:
            if capture:
                pieces.append(data)
                if len(pieces) > MAX_PIECES and sum(map(len, pieces)) > MAX_PIECES << 16:
                    raise error(row, column, "holds many million characters; a cell holds 32,767")

        def enter_formula() -> None:
            assert formula_attributes is not None
            kind_of_formula = formula_attributes.get("t", "normal")
            content = formula or ""
            if len(content) > longest:
                raise error(row, column, f"has a formula of {len(content):,} characters; {too_long}")
            if content.startswith("="):
                content = content[1:]
            if kind_of_formula == "normal" and not content.strip():
                # Excel writes <f ca="1"/> into the cells that a volatile array formula fills beside its own.
                self.empty[row, column] = None
                return
            if kind_of_formula == "normal" or (kind_of_formula == "shared" and content):
                key = key_of(content, row, column)
                if kind_of_formula == "shared":
                    self.groups[formula_attributes.get("si", "")] = key
            elif kind_of_formula == "shared":
                group = formula_attributes.get("si", "")
                key = self.groups.get(group, -1)
                if key < 0:
                    self.waiting.append((len(self.formula_key), group))
            else:
                self._enter_array(content, formula_attributes, (row, column), metadata)
                return
            add_formula_row(row)
            add_formula_column(column)
            add_formula_key(key)

        chunks = self.package.chunks(self.part)
        canonical = CanonicalRows(chunks, lambda: inside_data, self._enter_rows)

        def begin_parsing(parser: Any) -> None:
            nonlocal names
            names = parser.intern
            canonical.listen(parser)

        where = f"{self.package.path}: {self.part}"
        parse_xml(chunks if by_expat else canonical.rest(), where, start, end, text, begin_parsing)
        for index, group in self.waiting:
            if group not in self.groups:
                raise error(
                    self.formula_row[index], self.formula_column[index], f"shares formula {group!r}, which is missing"
                )
            self.formula_key[index] = self.groups[group]

    def _value(self, kind: str | None, value: str, metadata: str | None, place: tuple[int, int]) -> _Entered | None:
        """Kind and payload of a cell of the type `kind`; None if it has no value."""
        if kind is None or kind == "n":
            if not value:
                return None
            try:
                number = float(value)
            except ValueError:
                number = math.nan
            if not math.isfinite(number) or "_" in value:
                raise self.error(*place, f"holds {value[:40]!r}, which is not a number")
            return _NUMBER, number
        if kind == "s":
            index = int(value) if value.isdecimal() and len(value) < 10 else -1
            if not 0 <= index < len(self.shared):
                raise self.error(*place, f"takes shared text number {value[:40]!r} of {len(self.shared)}")
            return _TEXT, float(index)
        if kind in ("str", "inlineStr"):
            # Texts that are not shared are numbered from -1 downwards until the pass is over.
            return _TEXT, -1.0 - self.texts.setdefault(decode(value), len(self.texts))
        if kind == "b":
            if value not in ("0", "1", "true", "false"):
                raise self.error(*place, f"holds {value[:40]!r}, which is not a boolean")
            return _BOOLEAN, float(value in ("1", "true"))
        if kind == "e":
            found = _ERRORS.get(value, Error.UNKNOWN)
            if metadata is not None and found == Error.VALUE:
                found = self.rich_errors.get(metadata, found)
            return _ERROR, float(found)
        if kind == "d":
            return _NUMBER, self._date(value, *place)
        raise self.error(*place, f"is of the type {kind[:40]!r}, which Excel does not know")

    def _enter_rows(self, rows: Rows) -> None:
        """Take over rows that expat did not see, as the handlers would have entered them."""
        computed = np.zeros(len(rows.row), np.bool_)
        computed[rows.formula_cell] = True
        self._enter_formulas(rows)
        self._enter_formats(rows)
        cell = rows.value_cell
        attribute = rows.attribute[cell]
        kinds = np.empty(len(cell), np.uint8)
        numbers = np.empty(len(cell))
        given = np.ones(len(cell), np.bool_)
        plain = np.array([attributes.get("t", "n") == "n" for attributes in rows.attributes])[attribute]
        parsed = self._numbers(rows.values if plain.all() else [rows.values[i] for i in np.flatnonzero(plain).tolist()])
        if parsed is not None:
            kinds[plain], numbers[plain] = _NUMBER, parsed
        for index in np.flatnonzero(~plain).tolist() if parsed is not None else range(len(cell)):
            at, attributes = int(cell[index]), rows.attributes[attribute[index]]
            place = int(rows.row[at]), int(rows.column[at])
            entered = self._value(attributes.get("t"), rows.values[index], attributes.get("vm"), place)
            if entered is None:
                given[index] = False
            else:
                kinds[index], numbers[index] = entered
        if not given.all():
            cell, kinds, numbers = cell[given], kinds[given], numbers[given]
        self.row.frombytes(rows.row[cell].astype(np.int32).tobytes())
        self.column.frombytes(rows.column[cell].astype(np.int32).tobytes())
        self.number.frombytes(numbers.tobytes())
        self.kind += kinds.tobytes()
        self.computed += computed[cell].tobytes()

    def _enter_formats(self, rows: Rows) -> None:
        """The looks of rows that expat did not see, of the cells that have a value or a formula."""
        formats = np.array([self._format(attributes.get("s", "0")) for attributes in rows.attributes], np.uint16)
        if not formats.any():
            return
        filled = np.zeros(len(rows.row), np.bool_)
        filled[rows.value_cell] = filled[rows.formula_cell] = True
        cell = np.flatnonzero(filled & (formats[rows.attribute] > 0))
        self.format_row.frombytes(rows.row[cell].astype(np.int32).tobytes())
        self.format_column.frombytes(rows.column[cell].astype(np.int32).tobytes())
        self.format.frombytes(formats[rows.attribute[cell]].tobytes())

    def _format(self, style: str) -> int:
        """The number of a cell's look; 0, which is plain, for what makes no sense."""
        number = int(style) if style.isdecimal() and len(style) < 6 else 0
        return number if number < self.formats else 0

    def _look(self, local: str, attributes: dict[str, str]) -> None:
        """Take note of a column's width or a merged area; what makes no sense is left out."""
        if local == "mergeCell" and len(self.merged) < _MOST_LOOKS:
            with suppress(InputError):
                self.merged.append(parse_area(attributes.get("ref", ""), self.name))
        elif local == "col" and len(self.widths) < _MOST_LOOKS:
            with suppress(ValueError, KeyError):
                first, last, width = int(attributes["min"]), int(attributes["max"]), float(attributes["width"])
                if 0 < first <= last <= MAX_COLUMNS and 0 <= width <= 255:
                    self.widths.append((first - 1, last - 1, width))
        elif local == "sheetFormatPr":
            with suppress(ValueError):
                width = float(attributes.get("defaultColWidth", "nan"))
                self.default_width = width if 0 < width <= 255 else None

    @staticmethod
    def _numbers(texts: list[str]) -> NDArray[np.float64] | None:
        """All the numbers at once; None if one is none, so that each must be looked at."""
        try:
            numbers = np.array(list(map(float, texts)), np.float64)
        except ValueError:
            return None
        return numbers if np.isfinite(numbers).all() and "_" not in "".join(texts) else None

    def _enter_formulas(self, rows: Rows) -> None:
        """The formulas of rows that expat did not see."""
        cell, attribute = rows.formula_cell, rows.formula_attribute
        if not len(cell):
            return
        row, column = rows.row[cell], rows.column[cell]
        kinds = [attributes.get("t", "normal") for attributes in rows.formula_attributes]
        texts = [text.removeprefix("=") for text in rows.formulas]
        if len(max(texts, key=len)) > self.package.limits.formula:
            raise self.package.error("has a formula that is too long")  # expat says where
        stripped = list(map(str.strip, texts))
        normal, shared = (np.array([each == kind for each in kinds])[attribute] for kind in ("normal", "shared"))
        blank, missing = np.zeros(len(cell), np.bool_), np.zeros(len(cell), np.bool_)
        if "" in stripped:
            blank[:] = [not text for text in stripped]
            missing[:] = [not text for text in texts]
        for index in np.flatnonzero(normal & blank).tolist():
            self.empty[int(row[index]), int(column[index])] = None
        for index in np.flatnonzero(~normal & ~shared).tolist():
            metadata = rows.attributes[rows.attribute[cell[index]]].get("cm")
            place = int(row[index]), int(column[index])
            self._enter_array(texts[index], rows.formula_attributes[attribute[index]], place, metadata)
        keys = np.full(len(cell), -1, np.int32)
        written = np.flatnonzero((normal & ~blank) | (shared & ~missing))
        keys[written] = self.formulas.keys([texts[i] for i in written.tolist()], row[written], column[written])
        copied = np.flatnonzero((normal & ~blank) | shared)
        groups = [attributes.get("si", "") for attributes in rows.formula_attributes]
        if not (shared & ~missing).any():
            known = np.array([self.groups.get(group, -1) for group in groups], np.int32)
            keys[shared] = known[attribute[shared]]
        else:
            for index in np.flatnonzero(shared).tolist():
                group = groups[attribute[index]]
                if keys[index] >= 0:
                    self.groups[group] = int(keys[index])
                else:
                    keys[index] = self.groups.get(group, -1)
        keys = keys[copied]
        for index in np.flatnonzero(keys < 0).tolist():
            self.waiting.append((len(self.formula_key) + index, groups[attribute[copied[index]]]))
        self.formula_row.frombytes(row[copied].astype(np.int32).tobytes())
        self.formula_column.frombytes(column[copied].astype(np.int32).tobytes())
        self.formula_key.frombytes(keys.tobytes())

    def _address(self, address: str) -> tuple[int, int]:
        """Row and column of an address that is not the expected one."""
        found = _ADDRESS.match(address)
        if found:
            row, column = int(found[2]) - 1, column_number(found[1])
            if row < MAX_ROWS and column < MAX_COLUMNS:
                return row, column
        raise self.package.error(f"{self.name}: {address[:40]!r} is no cell of a sheet, which ends at XFD1048576")

    def _enter_array(
        self, content: str, attributes: dict[str, str], place: tuple[int, int], metadata: str | None
    ) -> None:
        kind = attributes["t"]
        row, column = place
        try:
            area = parse_area(attributes.get("ref", ""), self.name)
        except InputError as error:
            raise self.error(row, column, f"has an array formula without a proper area: {error}") from None
        if kind == "array":
            if not content.strip():
                raise self.error(row, column, "has an empty array formula")
            fill = Fill(area, content, FillKind.DYNAMIC if metadata in self.dynamic else FillKind.ARRAY)
        elif kind == "dataTable":
            # A what-if table: {=TABLE(row input, column input)}. No engine of ours computes it; it must not be
            # taken for constants.
            first, second = attributes.get("r1", ""), attributes.get("r2", "")
            if attributes.get("dt2D", "0") not in ("1", "true"):
                across = attributes.get("dtr", "0") in ("1", "true")
                first, second = (first, "") if across else ("", first)
            fill = Fill(area, f"TABLE({first},{second})", FillKind.ARRAY)
        else:
            raise self.error(row, column, f"has a formula of the type {kind[:40]!r}, which Excel does not know")
        if (area.row, area.column) != (row, column):
            raise self.error(row, column, "has an array formula for an area that starts elsewhere")
        self.array_cells += area.size
        # An engine must hold them all, and an area of A1:XFD1048576 costs a hostile file nothing.
        most = self.package.limits.spilled
        if self.array_cells > most:
            raise self.error(
                row,
                column,
                f"and the array formulas before it fill more than {most:,} cells; {VARIABLE}=spilled=... raises it",
            )
        self.arrays.append(fill)

    def _date(self, text: str, row: int, column: int) -> float:
        """The serial number of an ISO 8601 date, time or both."""
        try:
            if "-" not in text:
                clock = time.fromisoformat(text.removeprefix("T").rstrip("Z"))
                return _days(
                    timedelta(
                        hours=clock.hour, minutes=clock.minute, seconds=clock.second, microseconds=clock.microsecond
                    )
                )
            moment = datetime.fromisoformat(text).replace(tzinfo=None)
        except ValueError:
            raise self.error(row, column, f"holds {text[:40]!r}, which is not an ISO date") from None
        if self.date1904:
            return _days(moment - datetime(1904, 1, 1))
        serial = _days(moment - datetime(1899, 12, 30))
        return serial if serial >= 61 else serial - 1  # Excel counts a 29 February 1900

    def sheet(self) -> Sheet:
        """What was gathered, as data."""
        row, column = np.frombuffer(self.row, np.int32), np.frombuffer(self.column, np.int32)
        kind, number = np.frombuffer(self.kind, np.uint8), np.frombuffer(self.number, np.float64)
        computed = np.frombuffer(self.computed, np.bool_)
        formula_row, formula_column = (
            np.frombuffer(self.formula_row, np.int32),
            np.frombuffer(self.formula_column, np.int32),
        )
        self._refuse_doubles(formula_row, formula_column)
        order = self._order(row, column)
        if order is not None:
            row, column, kind, number, computed = row[order], column[order], kind[order], number[order], computed[order]
        fills = self.formulas.fills(formula_row, formula_column, np.frombuffer(self.formula_key, np.int32))
        self._refuse_empty()
        if self.arrays:
            computed = computed | self._inside_arrays(row, column)
            fills = sorted([*fills, *self.arrays], key=lambda fill: (fill.area.row, fill.area.column))
        own = list(self.texts)

        def cells(chosen: NDArray[np.bool_]) -> Cells:
            kinds, numbers = kind[chosen], number[chosen]
            is_text = kinds == Kind.TEXT
            used, places = np.unique(numbers[is_text], return_inverse=True)
            numbers[is_text] = places
            texts = tuple(self.shared[int(at)] if at >= 0 else own[int(-at) - 1] for at in used)
            return Cells(row[chosen], column[chosen], kinds, numbers, texts)

        looks = Appearance(
            np.frombuffer(self.format_row, np.int32),
            np.frombuffer(self.format_column, np.int32),
            np.frombuffer(self.format, np.uint16),
            tuple(self.widths),
            self.default_width,
            tuple(self.merged),
        )
        return Sheet(self.name, cells(~computed), tuple(fills), cells(computed), appearance=looks)

    def _order(self, row: NDArray[np.int32], column: NDArray[np.int32]) -> NDArray[np.intp] | None:
        """The order by row and column, None if the cells stand in it; WorkbookError if a cell stands there twice."""
        place = row.astype(np.int64) * MAX_COLUMNS + column
        step = np.diff(place)
        if (step > 0).all():
            return None
        order = np.argsort(place, kind="stable")
        same = np.flatnonzero(np.diff(place[order]) == 0)
        if len(same):
            at = order[same[0]]
            raise self.error(int(row[at]), int(column[at]), "stands in the file twice; save it again in Excel")
        return order

    def _refuse_doubles(self, row: NDArray[np.int32], column: NDArray[np.int32]) -> None:
        """No cell may have two formulas."""
        self._order(row, column)
        corners = [(fill.area.row, fill.area.column) for fill in self.arrays]
        if len(set(corners)) < len(corners):
            raise self.package.error(f"{self.name}: two array formulas stand in one cell; save it again in Excel")

    def _refuse_empty(self) -> None:
        """A formula without text must lie inside an array formula's area."""
        places = np.array(sorted(self.empty), np.int32).reshape(-1, 2)
        outside = np.flatnonzero(~self._inside_arrays(places[:, 0], places[:, 1]))
        if len(outside):
            row, column = places[outside[0]].tolist()
            raise self.error(row, column, "has an empty formula; save the workbook again in Excel")

    def _inside_arrays(self, row: NDArray[np.int32], column: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of the cells, sorted by row, an array formula fills."""
        inside = np.zeros(len(row), np.bool_)
        for area in (fill.area for fill in self.arrays if fill.area.size > 1):
            start, stop = np.searchsorted(row, [area.row, area.bottom])
            inside[start:stop] |= (column[start:stop] >= area.column) & (column[start:stop] < area.right)
        return inside


@dataclass(frozen=True, slots=True)
class Context:
    """What a worksheet needs to know of its workbook.

    Parameters
    ----------
    shared
        The shared texts.
    dynamic
        The values of a cell's attribute `cm` that mark a dynamic array formula.
    date1904
        Whether dates count from 1904.
    errors
        The errors that values of a cell's attribute `vm` stand for.
    formats
        How many looks of cells there are.
    """

    shared: list[str]
    dynamic: frozenset[str]
    date1904: bool
    errors: Mapping[str, Error]
    formats: int = 1


def read_sheet(package: Package, part: str, name: str, context: Context, by_expat: bool = False) -> Sheet:
    """The worksheet `part`, called `name`, as data; `by_expat` reads every row tag by tag.

    Raises WorkbookError if the part is damaged.
    """
    reader = _Reader(package, part, name, context)
    try:
        reader.read(by_expat)
        return reader.sheet()
    except WorkbookError:
        if by_expat:
            raise
    # What is wrong, and where, expat says, and only of the whole part.
    return read_sheet(package, part, name, context, by_expat=True)


def _days(span: timedelta) -> float:
    return span / timedelta(days=1)

"""A workbook as pure data: fills, constants, names, looks. It knows no file; `xlsx` reads and writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from xlparity.model.appearance import Appearance, CellFormat
from xlparity.model.area import Area
from xlparity.model.cell import Cell
from xlparity.model.picture import PlacedPicture
from xlparity.model.value import Cells

__all__ = ["Book", "Chart", "DefinedName", "Fill", "FillKind", "Layout", "Link", "Sheet", "Style", "Table"]


class FillKind(Enum):
    """How a formula fills its area."""

    COPIED = "copied"  # each cell has the formula, its relative references moved along, as filling down and right does
    ARRAY = "array"  # one array formula (Ctrl+Shift+Enter) whose result covers the area
    DYNAMIC = "dynamic"  # a dynamic array formula; the area is where its result spilled when the file was saved


@dataclass(frozen=True, slots=True)
class Fill:
    """One formula over an area.

    `formula` is the text in the area's top-left cell as the file stores it, without the leading `=` (`SUM(A1:A3)`,
    `_xlfn.STDEV.S(B:B)`).
    """

    area: Area
    formula: str
    kind: FillKind = FillKind.COPIED


class Style(Enum):
    """What a cell is for; `xlsx.write` knows how each looks."""

    PLAIN = "plain"
    TITLE = "title"  # a sheet's heading
    HEADING = "heading"  # a block's title: tensor, shape, expression
    LABEL = "label"  # row and column labels: x1, n3, w13
    NOTE = "note"  # explanations, wrapped
    INPUT = "input"  # a number to change: blue
    FORMULA = "formula"  # black
    LINK = "link"  # a formula that only takes over a cell of another sheet: green
    EXPECTED = "expected"  # a value that PyTorch computed
    DIFFERENCE = "difference"  # sheet minus PyTorch, coloured where it is not small
    CHECK = "check"  # PASS or FAIL, coloured
    HEADER = "header"  # the heading row of a table


@dataclass(frozen=True, slots=True)
class Link:
    """A hyperlink in `cell` to another cell of the workbook."""

    cell: Cell
    target: Cell


@dataclass(frozen=True, slots=True)
class Chart:
    """A line chart at `anchor` of the values in the column `values` over those in the column `categories`."""

    anchor: Cell
    title: str
    x_title: str
    y_title: str
    categories: Area
    values: Area
    width_cm: float = 16.0
    height_cm: float = 8.0


@dataclass(frozen=True, slots=True)
class Layout:
    """How a sheet looks; only what is written, never what is computed.

    `styles` are applied in order, later ones win. `formats` are Excel number formats by area. `widths` are column
    widths in characters by zero-based column. `merged` areas show their corner's value. `freeze` is the first cell
    that scrolls. `limits` gives for DIFFERENCE areas the largest size that is not coloured. Numbers of at least the
    size `infinite` in the areas of `formats` are shown as infinities.
    """

    styles: tuple[tuple[Area, Style], ...] = ()
    formats: tuple[tuple[Area, str], ...] = ()
    widths: tuple[tuple[int, float], ...] = ()
    merged: tuple[Area, ...] = ()
    links: tuple[Link, ...] = ()
    charts: tuple[Chart, ...] = ()
    pictures: tuple[PlacedPicture, ...] = ()
    limits: tuple[tuple[Area, float], ...] = ()
    freeze: Cell | None = None
    landscape: bool = True
    infinite: float | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: constants, formulas, and the values that the file remembers for the formulas' cells.

    `layout` says how a sheet is to be written, `appearance` how one that was read looks.
    """

    name: str
    constants: Cells = field(default_factory=Cells.empty)
    fills: tuple[Fill, ...] = ()
    cached: Cells = field(default_factory=Cells.empty)
    layout: Layout = field(default_factory=Layout)
    appearance: Appearance = field(default_factory=Appearance)


@dataclass(frozen=True, slots=True)
class DefinedName:
    """A defined name; `sheet` is None for the whole workbook, `formula` the text without `=`."""

    name: str
    formula: str
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """An Excel table: its whole area, its columns' names, how many heading and totals rows it has."""

    name: str
    area: Area
    columns: tuple[str, ...]
    header_rows: int = 1
    totals_rows: int = 0


@dataclass(frozen=True, slots=True)
class Book:
    """A workbook; `formats` are the looks that its sheets' appearances count."""

    sheets: tuple[Sheet, ...]
    names: tuple[DefinedName, ...] = ()
    tables: tuple[Table, ...] = ()
    date1904: bool = False
    title: str = ""
    formats: tuple[CellFormat, ...] = (CellFormat(),)

    def sheet(self, name: str) -> Sheet:
        """The sheet called `name`, in whatever case, as Excel looks it up; KeyError if there is none."""
        for sheet in self.sheets:
            if sheet.name.casefold() == name.casefold():
                return sheet
        raise KeyError(name)

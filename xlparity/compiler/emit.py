"""Drafts become a workbook: with a sheet of live checks and the sheet that holds the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xlparity.compiler.draft import SMALL_FORMAT, Draft, difference_name, largest_name
from xlparity.formula.a1 import show_area, show_cell
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Fill, Layout, Link, Sheet, Style
from xlparity.model.cell import Cell
from xlparity.model.map import COLUMNS, MapRow, Role
from xlparity.model.value import Cells, Scalar
from xlparity.xlsx.map_file import PARITY_SHEET, row_texts

__all__ = ["CHECKS_SHEET", "emit"]

CHECKS_SHEET = "Checks"
_UNCHANGED = "as generated"
_CHANGED = "changed"


def emit(title: str, drafts: Sequence[Draft], sheets: Sequence[Sheet], limits: Mapping[str, float]) -> Book:
    """The workbook of `sheets`, with `Checks` and `Parity` made from the drafts' rows.

    `limits` gives for each tensor the largest difference between sheet and PyTorch that passes.
    """
    rows = [row for draft in drafts for row in draft.rows]
    checks, check_rows = _checks(rows, limits)
    return Book((*sheets, checks, parity_sheet([*rows, *check_rows])), title=title)


def _checks(rows: Sequence[MapRow], limits: Mapping[str, float]) -> tuple[Sheet, list[MapRow]]:
    apart = {row.tensor: row for row in rows}
    checked = [row for row in rows if difference_name(row.tensor) in apart and row.role is not Role.EXPECTED]
    computed = [row for row in checked if row.role is Role.COMPUTED]
    given = [row for row in checked if row.role is not Role.COMPUTED]

    values: dict[tuple[int, int], Scalar] = {}
    fills: list[Fill] = []
    styles: list[tuple[Area, Style]] = []
    links: list[Link] = []
    map_rows: list[MapRow] = []

    def put(row: int, column: int, value: Scalar, style: Style) -> None:
        values[row, column] = value
        styles.append((Area.of(CHECKS_SHEET, row, column), style))

    def table(top: int, heading: str, part: Sequence[MapRow], good: str, bad: str) -> Area:
        put(top, 0, heading, Style.HEADING)
        for column, text in enumerate(("tensor", "cells", "largest difference", "allowed", "verdict")):
            put(top + 1, column, text, Style.HEADER)
        for at, row in enumerate(part, top + 2):
            difference = apart[difference_name(row.tensor)]
            put(at, 0, row.tensor, Style.PLAIN)
            put(at, 1, show_area(row.block.planes[0]), Style.PLAIN)
            links.append(Link(Cell(CHECKS_SHEET, at, 1), row.block.planes[0].corner))
            area = Area.of(CHECKS_SHEET, at, 2)
            apart_cells = show_area(difference.block.planes[0])
            # The largest size without MAX(ABS(...)), which would need an array formula.
            fills.append(Fill(area, f"MAX(MAX({apart_cells}),-MIN({apart_cells}))"))
            styles.append((area, Style.FORMULA))
            map_rows.append(
                MapRow(largest_name(row.tensor), Role.COMPUTED, Block((), (area,)), "float64",
                       f"{difference.tensor}.abs().max()", phase=row.phase)
            )  # fmt: skip
            put(at, 3, limits[row.tensor], Style.EXPECTED)
        verdicts = Area.of(CHECKS_SHEET, top + 2, 4, len(part))
        size, limit = show_cell(Cell("", top + 2, 2), False), show_cell(Cell("", top + 2, 3), False)
        fills.append(Fill(verdicts, f'IF(ISNUMBER({size}),IF({size}<={limit},"{good}","{bad}"),"{bad}")'))
        styles.append((verdicts, Style.CHECK))
        return verdicts

    put(0, 0, "Checks: is every tensor of this workbook what PyTorch computes?", Style.TITLE)
    put(2, 0, "All computed tensors", Style.LABEL)
    put(3, 0, "Inputs and parameters", Style.LABEL)
    put(
        4, 0, "PyTorch's values in this workbook belong to the inputs as generated. After changing an input, "
        "`xlparity check` computes PyTorch's values anew from the cells.", Style.NOTE,
    )  # fmt: skip
    verdicts = table(6, "Computed by formulas", computed, "PASS", "FAIL")
    unchanged = table(verdicts.bottom + 1, "Inputs and parameters", given, _UNCHANGED, _CHANGED)
    for row, area, good, bad in ((2, verdicts, "PASS", "FAIL"), (3, unchanged, _UNCHANGED, _CHANGED)):
        text = show_area(area, sheet=False)
        fills.append(Fill(Area.of(CHECKS_SHEET, row, 1), f'IF(COUNTIF({text},"{good}")=ROWS({text}),"{good}","{bad}")'))
        styles.append((Area.of(CHECKS_SHEET, row, 1), Style.CHECK))

    names = max(len(row.tensor) for row in checked) + 2
    places = max(len(show_area(row.block.planes[0])) for row in checked) + 2
    last = unchanged.bottom
    layout = Layout(
        styles=tuple(styles),
        formats=((Area.of(CHECKS_SHEET, 6, 2, last - 6, 2), SMALL_FORMAT),),
        widths=((0, float(max(names, 24))), (1, float(max(places, 16))), (2, 20.0), (3, 12.0), (4, 14.0)),
        merged=(Area.of(CHECKS_SHEET, 4, 0, 1, 5),),
        links=tuple(links),
        landscape=False,
    )
    return Sheet(CHECKS_SHEET, Cells.of(values), tuple(fills), layout=layout), map_rows


def parity_sheet(rows: Sequence[MapRow]) -> Sheet:
    """The sheet `Parity`: one row a tensor, the columns of `model.map.COLUMNS`."""
    values: dict[tuple[int, int], Scalar] = {(0, column): text for column, text in enumerate(COLUMNS)}
    widths = [len(text) + 2 for text in COLUMNS]
    for at, row in enumerate(rows, 1):
        for column, value in enumerate(row_texts(row)):
            if value is not None:
                values[at, column] = value
                widths[column] = max(widths[column], min(len(str(value)) + 2, 60))
    layout = Layout(
        styles=((Area.of(PARITY_SHEET, 0, 0, 1, len(COLUMNS)), Style.HEADER),),
        widths=tuple((column, float(width)) for column, width in enumerate(widths)),
        freeze=Cell(PARITY_SHEET, 1, 1),
    )
    return Sheet(PARITY_SHEET, Cells.of(values), layout=layout)

"""A book that uses everything the writer knows."""

from __future__ import annotations

from xlparity.formula.relative import Pattern
from xlparity.model.area import Area
from xlparity.model.book import Book, Chart, DefinedName, Fill, FillKind, Layout, Link, Sheet, Style, Table
from xlparity.model.cell import Cell
from xlparity.model.value import Cells, Error


def full_book() -> Book:
    """Two sheets with every style, number format, link, chart, name, table and kind of fill."""
    data = Sheet(
        "Layer 1",
        Cells.of(
            {(0, 0): "Layer 1 & friends", (2, 0): "x1", (2, 1): 0.1, (3, 1): -1 / 3, (4, 1): 5e-324, (2, 4): True}
            | {(3, 4): Error.NA, (4, 4): " a\nb_x0041_\x01", (7, 0): "a", (7, 1): "b", (8, 0): 1.0, (8, 1): 2.0}
            | {(10, 0): "A note that is long enough to need more than one line of the merged cells it stands in."}
        ),
        (
            Fill(Area.of("Layer 1", 2, 2, 3, 1), 'B3*2&"%d<"'),
            Fill(Area.of("Layer 1", 2, 3, 3, 1), "Loss!A3+B3"),
            Fill(Area.of("Layer 1", 5, 0, 1, 2), "TRANSPOSE(B3:B4)", FillKind.ARRAY),
            Fill(Area.of("Layer 1", 5, 2), "_xlfn.UNIQUE(B3:B4)", FillKind.DYNAMIC),
        ),
        Cells.of({(2, 2): "0.2%d<", (2, 3): 0.1, (3, 3): Error.DIV0, (5, 0): 0.1, (5, 1): -1 / 3, (4, 3): False}),
        Layout(
            styles=(
                (Area.of("Layer 1", 0, 0), Style.TITLE),
                (Area.of("Layer 1", 1, 0, 1, 5), Style.HEADING),
                (Area.of("Layer 1", 2, 0, 3, 1), Style.LABEL),
                (Area.of("Layer 1", 2, 1, 3, 1), Style.INPUT),
                (Area.of("Layer 1", 2, 2, 3, 1), Style.FORMULA),
                (Area.of("Layer 1", 2, 3, 3, 1), Style.LINK),
                (Area.of("Layer 1", 2, 5, 3, 1), Style.EXPECTED),
                (Area.of("Layer 1", 2, 6, 3, 1), Style.DIFFERENCE),
                (Area.of("Layer 1", 2, 7, 3, 1), Style.CHECK),
                (Area.of("Layer 1", 7, 0, 1, 2), Style.HEADER),
                (Area.of("Layer 1", 10, 0, 1, 4), Style.NOTE),
            ),
            formats=((Area.of("Layer 1", 2, 1, 3, 6), "0.0000"),),
            widths=((0, 14.0), (1, 10.5)),
            merged=(Area.of("Layer 1", 10, 0, 1, 4),),
            links=(Link(Cell("Layer 1", 0, 4), Cell("Loss", 0, 0)),),
            limits=((Area.of("Layer 1", 2, 6, 3, 1), 1e-12),),
            freeze=Cell("Layer 1", 2, 1),
        ),
    )
    loss = Sheet(
        "Loss",
        Cells.of({(row, 0): float(row) for row in range(20)}),
        (Fill(Area.of("Loss", 0, 1, 20, 1), "EXP(-A1)"),),
        Cells.of({(row, 1): 2.0**-row for row in range(20)}),
        Layout(
            charts=(
                Chart(
                    Cell("Loss", 1, 3),
                    "Loss by step",
                    "step",
                    "loss",
                    Area.of("Loss", 0, 0, 20, 1),
                    Area.of("Loss", 0, 1, 20, 1),
                ),
            ),
            landscape=False,
        ),
    )
    return Book(
        (data, loss),
        (DefinedName("alpha", "'Layer 1'!$B$3"), DefinedName("local", "2*3", "Loss")),
        (Table("Data", Area.of("Layer 1", 7, 0, 2, 2), ("a", "b")),),
        title="An example",
    )


def cells_of(book: Book) -> dict[tuple[str, int, int], object]:
    """What stands in each cell, formulas spelled out; two books are equal when these are."""
    found: dict[tuple[str, int, int], object] = {}
    for sheet in book.sheets:
        for name, cells in (("constant", sheet.constants), ("cached", sheet.cached)):
            for row, column in zip(cells.row.tolist(), cells.column.tolist(), strict=True):
                value = cells.scalar(row, column)
                found[sheet.name, row, column, name] = (type(value), value, str(value))
        for fill in sheet.fills:
            if fill.kind is not FillKind.COPIED:
                found[sheet.name, fill.area.row, fill.area.column, "formula"] = fill
                continue
            pattern = Pattern(fill.formula, fill.area.row, fill.area.column)
            for cell in fill.area.cells():
                found[sheet.name, cell.row, cell.column, "formula"] = pattern.at(cell.row, cell.column)
    return found

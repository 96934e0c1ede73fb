"""A small sheet S and its map, checked without a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlparity.check.check import check_book
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.formula.a1 import show_cell
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.cell import Cell
from xlparity.model.engine import Engine, Slack
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.report import Report
from xlparity.model.value import Cells, Note, Scalar, Values


def cell(name: str) -> Cell:
    """A cell of the sheet S, of its first 26 columns."""
    return Cell("S", int(name[1:]) - 1, ord(name[0]) - ord("A"))


def area(name: str) -> Area:
    first, _, last = name.partition(":")
    one, two = cell(first), cell(last or first)
    return Area(one, two.row - one.row + 1, two.column - one.column + 1)


def row(
    tensor: str,
    cells: str,
    torch: str = "",
    role: Role | None = None,
    shape: tuple[int, ...] | None = None,
    dtype: str = "float64",
    decimals: int | None = None,
) -> MapRow:
    """A row of the map: computed where it has an expression, else an input; a line of cells is a vector."""
    plane = area(cells)
    shape = shape if shape is not None else (plane.height, plane.width) if min(plane.height, plane.width) > 1 else (
        (plane.size,)
    )  # fmt: skip
    role = role or (Role.COMPUTED if torch else Role.INPUT)
    return MapRow(tensor, role, Block(shape, (plane,)), dtype, torch, decimals, place=f"row {tensor}")


def book(cells: Mapping[str, Scalar], cached: Mapping[str, Scalar] | None = None) -> Book:
    """Cells by name; a text that begins with = is a formula. `cached` is what the file remembers."""
    formulas = {name: value for name, value in cells.items() if isinstance(value, str) and value.startswith("=")}
    constants = {(cell(name).row, cell(name).column): value for name, value in cells.items() if name not in formulas}
    remembered = {(cell(name).row, cell(name).column): value for name, value in (cached or {}).items()}
    fills = tuple(Fill(Area(cell(name), 1, 1), str(text)[1:]) for name, text in formulas.items())
    return Book((Sheet("S", Cells.of(constants), fills, Cells.of(remembered)),))


@dataclass(frozen=True)
class Other:
    """An engine that gives what the embedded one gives, but for some cells; a Note makes one undecided."""

    name: str
    instead: Mapping[str, Scalar | Note] = field(default_factory=dict)
    version: str = "1"
    slack: Slack = Slack()  # noqa: RUF009 - it is frozen

    def evaluate(self, book: Book, path: Path) -> Values:
        found = EmbeddedEngine().evaluate(book)
        cells = found.sheets["S"]
        values = {
            (r, c): cells.scalar(r, c) for r, c in zip(cells.row.tolist(), cells.column.tolist(), strict=True)
        }  # fmt: skip
        notes = dict(found.notes)
        undecided = []
        for name, value in self.instead.items():
            place = cell(name)
            if isinstance(value, Note):
                undecided.append(place)
                if value.because:
                    notes[place] = value
            values[place.row, place.column] = None if isinstance(value, Note) else value
        made = Cells.of(values)
        for place in undecided:
            made.kind[(made.row == place.row) & (made.column == place.column)] = 5
        return Values({"S": made}, notes)


def checked(
    cells: Mapping[str, Scalar],
    *rows: MapRow,
    engines: Sequence[Engine] | None = None,
    cached: Mapping[str, Scalar] | None = None,
    **options: Any,
) -> Report:
    return check_book(book(cells, cached), Path("small.xlsx"), Map(rows), engines or [EmbeddedEngine()], **options)


def said(report: Report) -> dict[str, str]:
    """The verdict and the reason of each cell that does not match, by its name."""
    return {
        show_cell(one.cell).removeprefix("S!"): f"{one.verdict.value}: {one.because}" for one in report.cells
    }  # fmt: skip

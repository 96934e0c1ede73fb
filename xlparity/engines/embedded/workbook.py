"""What formulas can name in a workbook: sheets, defined names, tables, and the fills with their syntax trees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from xlparity.engines.embedded.frame import Window
from xlparity.engines.embedded.owners import Owners
from xlparity.errors import FormulaError
from xlparity.formula.ast import Expression
from xlparity.formula.parse import parse
from xlparity.limits import TooMuch, budget, limits
from xlparity.model.area import Area
from xlparity.model.book import Book, DefinedName, Fill, Table

__all__ = ["Formula", "Workbook"]


@lru_cache(maxsize=1 << 14)
def _parsed(text: str) -> Expression | str:
    """Trees do not change, and the same workbook is evaluated again and again."""
    try:
        return parse(text)
    except FormulaError as error:
        return str(error)


@dataclass(slots=True)
class Formula:
    """One fill with its sheet's position and its syntax tree; `problem` says why there is none."""

    sheet: int
    fill: Fill
    expression: Expression | None
    problem: str = ""

    @property
    def area(self) -> Area:
        return self.fill.area

    @property
    def window(self) -> Window:
        """All cells of the fill."""
        area = self.fill.area
        return Window(self.sheet, area.row, area.column, area.height, area.width)


class Workbook:
    """A book, looked up as formulas look things up: in whatever case."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._longest = limits().formula
        self.sheets = {sheet.name.casefold(): index for index, sheet in enumerate(book.sheets)}
        self.tables: dict[str, Table] = {table.name.casefold(): table for table in book.tables}
        self._names: dict[tuple[str | None, str], DefinedName] = {
            (name.sheet.casefold() if name.sheet else None, name.name.casefold()): name for name in book.names
        }
        self.formulas: list[Formula] = []
        for index, sheet in enumerate(book.sheets):
            for fill in sheet.fills:
                tree = self.parsed(fill.formula)
                if isinstance(tree, str):
                    self.formulas.append(Formula(index, fill, None, tree))
                else:
                    self.formulas.append(Formula(index, fill, tree))

    def owners(self) -> list[Owners]:
        """For each sheet which formula, by its position in `formulas`, owns a cell."""
        areas: list[list[tuple[int, Area]]] = [[] for _ in self.book.sheets]
        for index, formula in enumerate(self.formulas):
            areas[formula.sheet].append((index, formula.area))
        return [Owners(own) for own in areas]

    def parsed(self, text: str) -> Expression | str:
        """The syntax tree of a formula, or the reason why there is none."""
        try:
            budget().time()
        except TooMuch as late:
            return str(late)
        if len(text) > self._longest:
            return f"the formula has {len(text):,} characters, more than the limit of {self._longest:,}"
        return _parsed(text)

    def sheet(self, name: str) -> int | None:
        """The position of the sheet `name`."""
        return self.sheets.get(name.casefold())

    def name(self, name: str, sheet: int) -> DefinedName | None:
        """The defined name as a formula on `sheet` sees it: the sheet's own before the workbook's."""
        own = self._names.get((self.book.sheets[sheet].name.casefold(), name.casefold()))
        return own or self._names.get((None, name.casefold()))

    def table(self, name: str) -> Table | None:
        """The table `name`."""
        return self.tables.get(name.casefold())

    def table_around(self, sheet: int, row: int, column: int) -> Table | None:
        """The table that the cell lies in."""
        name = self.book.sheets[sheet].name.casefold()
        for table in self.book.tables:
            area = table.area
            if area.sheet.casefold() == name and area.row <= row < area.bottom and area.column <= column < area.right:
                return table
        return None

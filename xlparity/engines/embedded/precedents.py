"""Which cells a fill reads, as far as its text tells."""

from __future__ import annotations

from dataclasses import dataclass

from xlparity.engines.embedded.address import AreaNode, corners, in_table
from xlparity.engines.embedded.frame import Window
from xlparity.engines.embedded.operand import Reference
from xlparity.engines.embedded.workbook import Formula, Workbook
from xlparity.formula import ast
from xlparity.formula.ast import Expression, walk
from xlparity.model.book import FillKind
from xlparity.model.cell import MAX_COLUMNS, MAX_ROWS

__all__ = ["Box", "End", "Reads", "Span", "reads"]

# (place, absolute): an absolute row, or how many rows further down than the formula's own.
End = tuple[int, bool]
# sheet, top, left, bottom, right; the last two exclusive.
Box = tuple[int, int, int, int, int]

# References that only the values tell, and functions that read more cells than their arguments name.
DYNAMIC = frozenset({"OFFSET", "INDIRECT"})
RESIZING = frozenset({"SUMIF", "AVERAGEIF"})
VOLATILE = frozenset({"RAND", "RANDBETWEEN", "RANDARRAY", "NOW", "TODAY"})


@dataclass(frozen=True, slots=True)
class Span:
    """The cells that one reference means for the cells of a fill."""

    sheet: int
    rows: tuple[End, End]
    columns: tuple[End, End]

    def box(self, window: Window) -> Box | None:
        """All cells that are meant for some cell of the window."""
        top, bottom = _reach(self.rows, window.row, window.height, MAX_ROWS)
        left, right = _reach(self.columns, window.column, window.width, MAX_COLUMNS)
        return (self.sheet, top, left, bottom, right) if top < bottom and left < right else None


def _reach(ends: tuple[End, End], start: int, count: int, limit: int) -> tuple[int, int]:
    (first, fixed), (last, held) = ends
    moved = start + count - 1
    low = min(first if fixed else first + start, last if held else last + start)
    high = max(first if fixed else first + moved, last if held else last + moved)
    return max(low, 0), min(high + 1, limit)


@dataclass(frozen=True, slots=True)
class Reads:
    """What a fill reads: `spans`, and whether values decide about more (`dynamic`); `volatile` names RAND or NOW."""

    spans: tuple[Span, ...]
    dynamic: bool
    volatile: str | None


def reads(workbook: Workbook, formula: Formula) -> Reads:
    """What the text of `formula` says about the cells it reads, defined names and tables included."""
    if formula.expression is None:
        return Reads((), False, None)
    found: dict[Span, None] = {}
    dynamic = False
    volatile = None
    area = formula.area
    seen: set[str] = set()
    todo: list[tuple[Expression, int, tuple[int, int] | None]] = [
        (formula.expression, formula.sheet, (area.row, area.column))
    ]
    while todo:
        tree, sheet, home = todo.pop()
        for node in walk(tree):
            match node:
                case ast.CellReference() | ast.AreaReference() | ast.WholeColumns() | ast.WholeRows():
                    for on in _sheets(workbook, node, sheet):
                        found[_span(node, on, home)] = None
                case ast.TableReference():
                    span = _table_span(workbook, node, formula)
                    if span is not None:
                        found[span] = None
                case ast.Binary(":", _, _):
                    dynamic = True
                case ast.SpillReference():
                    dynamic = True
                case ast.Name(name, on_sheet):
                    _enter_name(workbook, name, on_sheet, sheet, seen, todo)
                case ast.Call(name, arguments, _):
                    dynamic = dynamic or name in DYNAMIC or (name in RESIZING and len(arguments) > 2)
                    if name in VOLATILE:
                        volatile = name
                    _enter_name(workbook, name, None, sheet, seen, todo)
    if formula.fill.kind is not FillKind.COPIED:
        found = {_at_corner(span, formula): None for span in found}
    return Reads(tuple(found), dynamic, volatile)


def _enter_name(
    workbook: Workbook,
    name: str,
    on_sheet: str | None,
    sheet: int,
    seen: set[str],
    todo: list[tuple[Expression, int, tuple[int, int] | None]],
) -> None:
    place = sheet if on_sheet is None else workbook.sheet(on_sheet)
    if place is None:
        return
    defined = workbook.name(name, place)
    if defined is None or f"{defined.sheet}!{defined.name}" in seen:
        return
    seen.add(f"{defined.sheet}!{defined.name}")
    tree = workbook.parsed(defined.formula)
    if not isinstance(tree, str):
        own = None if defined.sheet is None else workbook.sheet(defined.sheet)
        todo.append((tree, place if own is None else own, None))


def _sheets(workbook: Workbook, node: AreaNode, sheet: int) -> range | tuple[int, ...]:
    if node.sheet is None:
        return (sheet,)
    first = workbook.sheet(node.sheet)
    if first is None:
        return ()
    last = first if node.last_sheet is None else workbook.sheet(node.last_sheet)
    return () if last is None else range(min(first, last), max(first, last) + 1)


def _span(node: AreaNode, sheet: int, home: tuple[int, int] | None) -> Span:
    first_row, last_row, first_column, last_column = corners(node)
    return Span(
        sheet,
        (_end(first_row, home and home[0], MAX_ROWS), _end(last_row, home and home[0], MAX_ROWS)),
        (_end(first_column, home and home[1], MAX_COLUMNS), _end(last_column, home and home[1], MAX_COLUMNS)),
    )


def _end(end: End, home: int | None, limit: int) -> End:
    place, absolute = end
    if absolute:
        return end
    if home is None:
        # Defined names are written for A1 and go around the edge: XFD1 is the cell to the left.
        return (place - limit if place > limit // 2 else place), False
    return place - home, False


def _at_corner(span: Span, formula: Formula) -> Span:
    """An array formula reads the same cells for all cells of its area: those of its corner."""

    def fixed(ends: tuple[End, End], start: int) -> tuple[End, End]:
        first, last = (place if absolute else place + start for place, absolute in ends)
        return (first, True), (last, True)

    return Span(span.sheet, fixed(span.rows, formula.area.row), fixed(span.columns, formula.area.column))


def _table_span(workbook: Workbook, node: ast.TableReference, formula: Formula) -> Span | None:
    area = formula.area
    table = (
        workbook.table_around(formula.sheet, area.row, area.column)
        if node.table is None
        else workbook.table(node.table)
    )
    sheet = None if table is None else workbook.sheet(table.area.sheet)
    if table is None or sheet is None:
        return None
    this_row = "#This Row" in node.items
    everything = ast.TableReference(node.table, ("#All",) if this_row else node.items, node.first, node.last)
    found = in_table(everything, table, sheet, Window(formula.sheet, area.row, area.column))
    if not isinstance(found, Reference):
        return None
    rows: tuple[End, End] = ((found.top, True), (found.top + found.rows - 1, True))
    if this_row:
        rows = ((0, False), (0, False))
    return Span(sheet, rows, ((found.left, True), (found.left + found.columns - 1, True)))

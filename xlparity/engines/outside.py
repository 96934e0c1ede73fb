"""Formulas that depend on what lies outside the workbook, for which other programs take 0, or an old value."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xlparity.engines.embedded.precedents import reads
from xlparity.engines.embedded.workbook import Formula, Workbook
from xlparity.formula.ast import Call, External, Name, walk
from xlparity.model.area import Area
from xlparity.model.book import Book
from xlparity.model.cell import MAX_COLUMNS
from xlparity.model.value import Kind, Note, Values

__all__ = ["without_outside"]

_FETCHING = frozenset({"DDE", "RTD", "WEBSERVICE"})
# Another workbook ([1]Sheet1!A1; a column of a table looks like it), DDE (Excel|'a'!b), or a function that fetches.
_PERHAPS = re.compile(r"[\[|]|\b(?:DDE|RTD|WEBSERVICE)\b", re.IGNORECASE)


def without_outside(book: Book, values: Values, engine: str) -> Values:
    """The values, undecided where a formula depends on another workbook or the network: no engine reads these."""
    areas: dict[str, list[Area]] = {}
    for area in _depending_on_outside(book):
        areas.setdefault(area.sheet, []).append(area)
    sheets, notes = dict(values.sheets), dict(values.notes)
    for sheet, own in areas.items():
        cells = sheets[sheet]
        inside = np.isin(cells.row.astype(np.int64) * MAX_COLUMNS + cells.column, _places(own))
        kind, number = np.where(inside, np.uint8(Kind.UNDECIDED), cells.kind), np.where(inside, 0.0, cells.number)
        sheets[sheet] = replace(cells, kind=kind, number=number)
        reason = f"{engine} does not reach outside the workbook"
        notes |= {cell: Note(cell, reason) for area in own for cell in area.cells()}
    return replace(values, sheets=sheets, notes=notes)


def _places(areas: list[Area]) -> NDArray[np.int64]:
    """The cells of areas of one sheet, numbered row by row."""
    return np.concatenate(
        [
            np.add.outer(np.arange(area.row, area.bottom) * MAX_COLUMNS, np.arange(area.column, area.right)).ravel()
            for area in areas
        ]
    )


def _depending_on_outside(book: Book) -> list[Area]:
    """The areas of the formulas that read another workbook or the network, and of all that read these in turn.

    A fill counts as a whole. Once anything is read from outside, what only values tell (OFFSET, INDIRECT) may be that.
    """
    texts = [name.formula for name in book.names]
    texts += [fill.formula for sheet in book.sheets for fill in sheet.fills]
    if not any(map(_PERHAPS.search, texts)):
        return []
    workbook = Workbook(book)
    found = {index for index, formula in enumerate(workbook.formulas) if _reaches_outside(workbook, formula)}
    if not found:
        return []
    every = [reads(workbook, formula) for formula in workbook.formulas]
    found |= {index for index, read in enumerate(every) if read.dynamic}
    owners = workbook.owners()
    readers: list[list[int]] = [[] for _ in every]
    for index, (formula, read) in enumerate(zip(workbook.formulas, every, strict=True)):
        for sheet, *corners in filter(None, (span.box(formula.window) for span in read.spans)):
            for other in owners[sheet].within(*corners):
                readers[other].append(index)
    todo = list(found)
    while todo:
        new = set(readers[todo.pop()]) - found
        found |= new
        todo += new
    return [workbook.formulas[index].area for index in sorted(found)]


def _reaches_outside(workbook: Workbook, formula: Formula) -> bool:
    """Whether a formula itself, or a name in it, reads another workbook or the network."""
    if formula.expression is None:  # nobody knows what it reads
        return _PERHAPS.search(formula.fill.formula) is not None
    todo, seen = [formula.expression], set()
    while todo:
        for node in walk(todo.pop()):
            if isinstance(node, External) or (isinstance(node, Call) and node.name in _FETCHING):
                return True
            if isinstance(node, Name) and node.name.casefold() not in seen:
                seen.add(node.name.casefold())
                defined = workbook.name(node.name, formula.sheet)
                tree = defined and workbook.parsed(defined.formula)
                if tree and not isinstance(tree, str):
                    todo.append(tree)
    return False

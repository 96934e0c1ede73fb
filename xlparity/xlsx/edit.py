"""Changing a workbook's file in place of rewriting it: what is not meant to change stays byte for byte.

`recalculated_copy` stores an engine's values; `replace_formula`, `replace_value` and `replace_cached` change one cell.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from xlparity.errors import InputError
from xlparity.formula.a1 import column_letters, parse_area, show_cell
from xlparity.formula.relative import move
from xlparity.limits import Limits
from xlparity.model.book import Book, FillKind
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.value import Cells, Scalar, Values
from xlparity.xlsx.markup import Markup, read_markup
from xlparity.xlsx.package import Package
from xlparity.xlsx.rows import formula_xml, result_xml
from xlparity.xlsx.splice import Edit, copy_package
from xlparity.xlsx.text import encode
from xlparity.xlsx.workbook import read_workbook

__all__ = ["recalculated_copy", "replace_cached", "replace_formula", "replace_value"]

Place = str | os.PathLike[str]


def recalculated_copy(source: Place, book: Book, values: Values, target: Place, limits: Limits | None = None) -> None:
    """Copy the workbook `source` with the values of its formulas' cells replaced by `values`.

    Parameters
    ----------
    book
        What `read_book` gave for `source`.
    values
        An engine's answer. A formula that it could not decide is stored without a value, never with an old one.
    target
        Where to; may be `source`. Complete or not at all.

    Raises
    ------
    WorkbookError, InputError
        `source` cannot be read, `target` cannot be written.
    """

    def edit(name: str) -> Callable[[Markup], list[Edit]]:
        sheet = book.sheet(name)
        arrays = [fill.area for fill in sheet.fills if fill.kind is not FillKind.COPIED and fill.area.size > 1]
        answer = values.sheets.get(sheet.name, Cells.empty())
        places = answer.row.astype(np.int64) * MAX_COLUMNS + answer.column

        def edits(markup: Markup) -> list[Edit]:
            row, column = np.frombuffer(markup.row, np.int64), np.frombuffer(markup.column, np.int64)
            chosen = np.frombuffer(markup.f, np.int64) >= 0
            for area in arrays:
                chosen = chosen | (
                    (row >= area.row) & (row < area.bottom) & (column >= area.column) & (column < area.right)
                )
            wanted = row * MAX_COLUMNS + column
            at = np.searchsorted(places, wanted)
            at[at == len(places)] = 0
            found = (places[at] == wanted) if len(places) else np.zeros(len(wanted), np.bool_)
            return [
                _with_result(markup, number, *(result_xml(answer, int(at[number])) if found[number] else ("", "")))
                for number in np.flatnonzero(chosen).tolist()
            ]

        return edits

    with Package(Path(source), limits) as package:
        sheets = {sheet.part: edit(sheet.name) for sheet in read_workbook(package).sheets}
        _copy(package, sheets, Path(target))


def replace_formula(source: Place, cell: Cell, formula: str, target: Place, cached: Scalar = None) -> None:
    """Copy the workbook with the formula `formula` (without `=`) in `cell` and nothing else changed.

    Parameters
    ----------
    cached
        The value stored with it; None stores none.

    Notes
    -----
    A shared formula whose first cell is changed is written out in the group's other cells. A single cell's array
    formula stays one.

    Raises
    ------
    InputError
        The cell is part of a larger array formula, or the sheet does not exist.
    """
    kind, value = result_xml(*_single(cached))

    def made(head: str, prefix: str, attributes: str) -> str:
        content = value.replace("<v>", f"<{prefix}v>").replace("</v>", f"</{prefix}v>")
        formula_tag = f"<{prefix}f{attributes}>{formula_xml(formula)}</{prefix}f>"
        return f"{head}{kind}>{formula_tag}{content}</{prefix}c>"

    _replace(Path(source), cell, made, Path(target), keeps_array=True)


def replace_value(source: Place, cell: Cell, value: Scalar, target: Place) -> None:
    """Copy the workbook with the constant `value` (None for an empty cell) in `cell` and nothing else changed.

    Raises InputError as `replace_formula` does.
    """
    kind, content = result_xml(*_single(value))

    def made(head: str, prefix: str, _: str) -> str:
        if value is None:
            return f"{head}/>"
        if isinstance(value, str):
            inline = f'<{prefix}is><{prefix}t xml:space="preserve">{encode(value)}</{prefix}t></{prefix}is>'
            return f'{head} t="inlineStr">{inline}</{prefix}c>'
        inside = content.replace("<v>", f"<{prefix}v>").replace("</v>", f"</{prefix}v>")
        return f"{head}{kind}>{inside}</{prefix}c>"

    _replace(Path(source), cell, made, Path(target), keeps_array=False)


def replace_cached(source: Place, cell: Cell, value: Scalar, target: Place) -> None:
    """Copy the workbook with `value` as the value that the file remembers for the formula in `cell` (None: none).

    Raises InputError if there is no formula in the cell.
    """

    def edits(markup: Markup) -> list[Edit]:
        number = _find(markup, cell)
        if number is None or markup.f[number] < 0:
            raise InputError(f"{show_cell(cell)} has no formula, so no value is remembered for one")
        return [_with_result(markup, number, *result_xml(*_single(value)))]

    _edit_sheet(Path(source), cell.sheet, edits, Path(target))


def _replace(source: Path, cell: Cell, made: Callable[[str, str, str], str], target: Path, keeps_array: bool) -> None:
    def edits(markup: Markup) -> list[Edit]:
        number = _find(markup, cell)
        address = f"{column_letters(cell.column)}{cell.row + 1}"
        if number is None:
            prefix = markup.tag(markup.sheet_data[0]).prefix
            return [_inserted(markup, cell, made(f'<{prefix}c r="{address}"', prefix, ""))]
        for attributes, _ in markup.formulas.values():
            if attributes.get("t") != "array":
                continue
            area = parse_area(attributes.get("ref", address), cell.sheet)
            if cell in area and area.size > 1:
                raise InputError(f"{show_cell(cell)} is part of an array formula; its cells change only together")
        tag = markup.tag(markup.start[number])
        attributes, text = markup.formulas.get(number, ({}, ""))
        is_array = attributes.get("t") == "array"
        keep = f' t="array" ref="{address}"' if is_array and keeps_array else ""
        head = f"<{tag.name}{tag.without('t', 'vm') if keep else tag.without('t', 'cm', 'vm')}"
        changed = [(markup.start[number], markup.end[number], made(head, tag.prefix, keep))]
        if attributes.get("t") == "shared" and text:
            changed += _spelled_out(markup, number, attributes.get("si", ""), text, tag.prefix)
        return changed

    _edit_sheet(source, cell.sheet, edits, target)


def _spelled_out(markup: Markup, master: int, group: str, text: str, prefix: str) -> Iterable[Edit]:
    """The other cells of a shared group that loses its first cell get formulas of their own."""
    for number, (attributes, own) in markup.formulas.items():
        if number == master or own or attributes.get("t") != "shared" or attributes.get("si", "") != group:
            continue
        rows, columns = markup.row[number] - markup.row[master], markup.column[number] - markup.column[master]
        moved = formula_xml(move(text, rows, columns))
        yield markup.f[number], markup.f_end[number], f"<{prefix}f>{moved}</{prefix}f>"


def _inserted(markup: Markup, cell: Cell, xml: str) -> Edit:
    """A cell that the file does not have yet, in the place where it belongs."""
    for row, start, end in markup.rows:
        tag = markup.tag(start)
        if row == cell.row:
            if tag.empty:
                return start, end, f"<{tag.name}{tag.attributes}>{xml}</{tag.name}>"
            for number, place in enumerate(markup.start):
                if markup.row[number] == row and markup.column[number] > cell.column:
                    return place, place, xml
            close = markup.data.rindex(b"<", start, end)
            return close, close, xml
        if row > cell.row:
            return start, start, f'<{tag.name} r="{cell.row + 1}">{xml}</{tag.name}>'
    start, end = markup.sheet_data
    tag = markup.tag(start)
    row_xml = f'<{tag.prefix}row r="{cell.row + 1}">{xml}</{tag.prefix}row>'
    if tag.empty:
        return start, end, f"<{tag.name}{tag.attributes}>{row_xml}</{tag.name}>"
    close = markup.data.rindex(b"<", start, end)
    return close, close, row_xml


def _with_result(markup: Markup, number: int, kind: str, value: str) -> Edit:
    """The cell `number` with another value and the type that goes with it, its formula as it is."""
    tag = markup.tag(markup.start[number])
    first, last = markup.inside(number)
    prefix = tag.prefix
    if prefix:
        value = value.replace("<v>", f"<{prefix}v>").replace("</v>", f"</{prefix}v>")
    data = markup.data
    formula_end = markup.f_end[number] if markup.f[number] >= 0 else first
    v, v_end = markup.v[number], markup.v_end[number]
    # What stands beside formula and value (extensions) is kept.
    rest = data[formula_end:last] if v < 0 else data[formula_end:v] + data[v_end:last]
    content = data[first:formula_end].decode() + value + rest.decode()
    return markup.start[number], markup.end[number], f"<{tag.name}{tag.without('t', 'vm')}{kind}>{content}</{tag.name}>"


def _single(value: Scalar) -> tuple[Cells, int]:
    return Cells.of({(0, 0): value}), 0


def _find(markup: Markup, cell: Cell) -> int | None:
    for number, (row, column) in enumerate(zip(markup.row, markup.column, strict=True)):
        if row == cell.row and column == cell.column:
            return number
    return None


def _edit_sheet(source: Path, sheet: str, edits: Callable[[Markup], list[Edit]], target: Path) -> None:
    with Package(source) as package:
        parts = {each.name.casefold(): each.part for each in read_workbook(package).sheets}
        if sheet.casefold() not in parts:
            raise InputError(f"{source}: has no sheet {sheet!r}; it has {', '.join(repr(name) for name in parts)}")
        _copy(package, {parts[sheet.casefold()]: edits}, target)


def _copy(package: Package, edits: dict[str, Callable[[Markup], list[Edit]]], target: Path) -> None:
    """Copy the package part by part, the sheets among `edits` changed."""

    def of_part(part: str) -> Callable[[bytes], list[Edit]]:
        return lambda data: edits[part](read_markup(data, f"{package.path}: {part}"))

    copy_package(package, {part: of_part(part) for part in edits}, (), target)

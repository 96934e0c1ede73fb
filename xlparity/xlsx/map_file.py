"""The map as it stands in a file: the sheet `Parity` of a workbook, or `BOOK.parity.toml` beside it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xlparity.errors import InputError, MapError, did_you_mean
from xlparity.formula.a1 import parse_area, show_area
from xlparity.limits import VARIABLE, limits
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book
from xlparity.model.map import COLUMNS, DTYPES, Map, MapRow, Role
from xlparity.model.value import Scalar

__all__ = ["PARITY_SHEET", "map_of_book", "map_of_toml", "row_texts", "show_block"]

PARITY_SHEET = "Parity"

_MOST_AREAS = 1 << 18  # of one tensor: the kernels of a convolution from 512 to 512 channels
_LISTED = 8  # areas; more of them stand as the first and the last if they are regular
_AND_SO_ON = "..."  # between the first and the last area of a regular arrangement
_PART = re.compile(r"(?:[^';]|'[^']*'|'[^']*\Z)+")  # what stands between semicolons outside of quotes
# TOML's own reader keeps a table for each part of a key, and takes time and memory that grow with their square.
_DEEP_KEY = re.compile(r"""(?<![\w\-"'])(?:[\w\-"']++\s*+\.\s*+){50}""")
_REQUIRED = ("tensor", "role", "cells")


def map_of_book(book: Book) -> Map | None:
    """The map on the sheet `Parity`, or None if the workbook has no such sheet.

    The heading row may stand in any of the first 20 rows; rows without a tensor's name are skipped. Raises MapError
    with the cell's address for a row that makes no sense.
    """
    try:
        sheet = book.sheet(PARITY_SHEET)
    except KeyError:
        return None
    rows: dict[int, dict[int, Scalar]] = {}
    cells = sheet.constants
    for row, column in zip(cells.row.tolist(), cells.column.tolist(), strict=True):
        rows.setdefault(row, {})[column] = cells.scalar(row, column)
    for heading in sorted(rows)[:20]:
        titles = {_text(value).lower(): column for column, value in rows[heading].items()}
        if all(title in titles for title in _REQUIRED):
            break
    else:
        raise MapError(
            f"sheet {PARITY_SHEET}: no row has the headings {', '.join(_REQUIRED)}; write them above the map's rows"
        )
    found = []
    for row in sorted(rows):
        fields = {title: rows[row].get(titles[title]) for title in COLUMNS if title in titles}
        if row > heading and _text(fields["tensor"]):
            found.append(_row(fields, f"{PARITY_SHEET}!A{row + 1}", book))
    return _checked(found, f"sheet {PARITY_SHEET}", book)


_NOTES = "deviation"  # tables of the map's author on what is known to deviate; nothing here reads them


def map_of_toml(path: Path, book: Book) -> Map:
    """The map in a TOML file of `[[tensor]]` tables whose keys are the sheet's columns.

    Raises MapError if the file cannot be read, is no TOML, or a table makes no sense.
    """
    try:
        most = limits().map
        with path.open("rb") as file:  # never the whole: it may be a device without an end
            text = file.read(most + 1).decode("utf-8")
        if len(text) > most:
            raise MapError(f"{path}: larger than the limit of {most:,} bytes, which {VARIABLE}=map=... raises")
        if _DEEP_KEY.search(text):
            raise MapError(f"{path}: has a key of more than 50 parts; a map's keys are {', '.join(COLUMNS)}")
        content = tomllib.loads(text)
    except OSError as error:
        raise MapError(f"{path}: cannot be read ({error.strerror}); name the map with --map") from None
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, no UTF-8, numbers without end
        raise MapError(f"{path}: is not TOML ({error}); see the reference of maps") from None
    unknown = sorted(content.keys() - {"tensor", _NOTES})
    if unknown:
        raise MapError(f"{path}: has {unknown[0][:40]!r} beside the [[tensor]] tables; a map names nothing else")
    tables = content.get("tensor")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise MapError(f"{path}: has no [[tensor]] tables; write one for each tensor")
    found = []
    for number, table in enumerate(tables, 1):
        place = f"{path.name}, tensor {number}"
        unknown = sorted(set(table) - set(COLUMNS))
        if unknown:
            raise MapError(f"{place}: unknown key {unknown[0]!r}; {did_you_mean(unknown[0], COLUMNS)}")
        found.append(_row(table, place, book))
    return _checked(found, str(path), book)


def _checked(rows: list[MapRow], place: str, book: Book) -> Map:
    """A map of `rows`; MapError if a tensor is given twice, or if they have far more cells than `book`."""
    named: dict[str, MapRow] = {}
    for row in rows:
        if row.role is Role.EXPECTED:
            continue
        other = named.setdefault(row.tensor, row)
        if other is not row:
            raise MapError(f"{row.place}: tensor {row.tensor!r} stands in {other.place} already; names are given once")
    if not rows:
        raise MapError(f"{place}: the map has no rows, so there is nothing to check; add a row for each tensor")
    cells = sum(row.block.size for row in rows)
    filled = sum(len(sheet.constants) + sum(fill.area.size for fill in sheet.fills) for sheet in book.sheets)
    if cells > 10_000 + 4 * filled or len(rows) > 1_000 + filled:
        raise MapError(
            f"{place}: its {len(rows):,} tensors have {cells:,} cells together, which are far more than the {filled:,} "
            "of the workbook that are filled; a map names cells that hold something"
        )
    return Map(tuple(rows))


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _row(fields: Mapping[str, Any], place: str, book: Book) -> MapRow:
    tensor = _text(fields.get("tensor"))
    if not tensor or len(tensor) > 255 or not tensor.isprintable():
        raise MapError(f"{place}: a tensor needs a name of at most 255 printable characters")
    role_text = _text(fields.get("role")).lower()
    try:
        role = Role(role_text)
    except ValueError:
        known = ", ".join(role.value for role in Role)
        raise MapError(f"{place}: {role_text!r} is no role; it is one of {known}") from None
    areas, transposed = _areas(_text(fields.get("cells")), place, book)
    shape = _shape(fields.get("shape"), areas, transposed, place)
    try:
        block = Block(shape, areas, transposed)
    except ValueError as error:
        raise MapError(f"{place}: {tensor}: {error}") from None
    dtype = _text(fields.get("dtype")).removeprefix("torch.") or "float64"
    if dtype not in DTYPES:
        raise MapError(f"{place}: {dtype!r} is no dtype that a map may name; it is one of {', '.join(DTYPES)}")
    torch = _text(fields.get("torch")).removeprefix("=")
    decimals_text = _text(fields.get("decimals"))
    if decimals_text and not (decimals_text.isdigit() and int(decimals_text) <= 15):
        raise MapError(f"{place}: decimals is {decimals_text!r}; it is a whole number from 0 to 15, or empty if exact")
    return MapRow(
        tensor, role, block, dtype, torch, int(decimals_text) if decimals_text else None,
        _text(fields.get("module")), _text(fields.get("phase")), place,
    )  # fmt: skip


def _areas(text: str, place: str, book: Book) -> tuple[tuple[Area, ...], bool]:
    transposed = text.endswith(" T")
    areas: list[Area] = []
    parts = [part.strip() for part in _PART.findall(text.removesuffix(" T"))] or [""]
    regular = len(parts) == 3 and parts[1] == _AND_SO_ON
    for part in parts[::2] if regular else parts:
        try:
            area = parse_area(part)
            sheet = book.sheet(area.sheet)
        except InputError as error:
            raise MapError(f"{place}: cells: {error}") from None
        except KeyError:
            hint = did_you_mean(area.sheet, [sheet.name for sheet in book.sheets])
            raise MapError(f"{place}: there is no sheet {area.sheet!r}; {hint}") from None
        areas.append(Area.of(sheet.name, area.row, area.column, area.height, area.width))
    if not regular:
        return tuple(areas), transposed
    first, last = areas
    down, across = _steps(first, last)
    if not down or not across or down * across > _MOST_AREAS:
        raise MapError(
            f"{place}: cells: {text} is no regular arrangement of at most {_MOST_AREAS:,} areas; these are of one "
            "size, on one sheet, with one row and one column between them"
        )
    return tuple(_arranged(first, down, across)), transposed


def _steps(first: Area, last: Area) -> tuple[int, int]:
    """How many areas like `first` stand below and beside each other up to `last`; 0 where they do not."""
    counts = []
    for start, end, size in ((first.row, last.row, first.height), (first.column, last.column, first.width)):
        whole, rest = divmod(end - start, size + 1)
        counts.append(0 if rest or whole < 0 else whole + 1)
    alike = (first.sheet, first.height, first.width) == (last.sheet, last.height, last.width)
    return (counts[0], counts[1]) if alike else (0, 0)


def _arranged(first: Area, down: int, across: int) -> Iterator[Area]:
    height, width = first.height, first.width
    for row in range(down):
        for column in range(across):
            yield Area(first.corner.moved(row * (height + 1), column * (width + 1)), height, width)


def _shape(value: Any, areas: tuple[Area, ...], transposed: bool, place: str) -> tuple[int, ...]:
    """The shape that is written, or the one that the areas have."""
    if value is None or value == "":
        height, width = areas[0].height, areas[0].width
        if transposed:
            height, width = width, height
        return (height, width) if len(areas) == 1 else (len(areas), height, width)
    texts = (
        [_text(part) for part in value]
        if isinstance(value, list)
        else re.split(r"[,x×\s]+", _text(value).strip("()[] ,"))
    )
    texts = [text for text in texts if text]
    if not all(text.isdigit() and 0 < int(text) < 2**31 for text in texts):
        raise MapError(f"{place}: shape is {_text(value)!r}; write it as 3, 2 (or () for a single number)")
    return tuple(int(text) for text in texts)


def show_block(block: Block) -> str:
    """The cells of `block` as the map's column `cells` has them."""
    first, last = block.planes[0], block.planes[-1]
    if len(block.planes) > _LISTED:
        down, across = _steps(first, last)
        if down * across == len(block.planes) and block.planes == tuple(_arranged(first, down, across)):
            return f"{show_area(first)}; {_AND_SO_ON}; {show_area(last)}" + (" T" if block.transposed else "")
    return "; ".join(show_area(plane) for plane in block.planes) + (" T" if block.transposed else "")


def row_texts(row: MapRow) -> Iterator[str | float | None]:
    """The fields of `row` in the order of `COLUMNS`, as they are written into the sheet."""
    yield row.tensor
    yield row.role.value
    yield show_block(row.block)
    yield "(" + ", ".join(map(str, row.block.shape)) + ("," if len(row.block.shape) == 1 else "") + ")"
    yield row.dtype
    yield row.torch or None
    yield None if row.decimals is None else float(row.decimals)
    yield row.module or None
    yield row.phase or None

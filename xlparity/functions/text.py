"""Text functions: LEFT, FIND, SUBSTITUTE, TEXT, VALUE, TEXTJOIN, ... ("Text functions").

Lengths and positions count UTF-16 units, as Excel does: a character beyond the basic plane counts twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import cast

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import number_of_scalar, text_of_scalar
from xlparity.functions.number_format import formatted
from xlparity.functions.signature import (
    Argument,
    Function,
    Parameter,
    Type,
    anything,
    array,
    boolean,
    declare,
    integer,
    number,
    text,
)
from xlparity.functions.text_of_number import digits15, number_of_text
from xlparity.functions.textual import mapped, textual
from xlparity.functions.whole import Grid, whole
from xlparity.functions.wildcard import wildcard
from xlparity.model.table import Table
from xlparity.model.value import ERROR_TEXTS, Error, Scalar

__all__ = ["TABLE"]

TABLE: Table[str, Function] = Table("text")
TEXT = text("text")
LONGEST = 32767  # characters that a cell holds


def units(value: str) -> bytes:
    """The UTF-16 units of a text, two bytes each."""
    return value.encode("utf-16-le", "surrogatepass")


def cut(value: str, start: int, stop: int | None) -> str:
    """The units from `start` to `stop` of a text."""
    if value.isascii():
        return value[start:stop]
    return units(value)[2 * start : None if stop is None else 2 * stop].decode("utf-16-le", "surrogatepass")


def length(value: str) -> int:
    """The number of UTF-16 units."""
    return len(value) if value.isascii() else len(units(value)) // 2


def _fits(value: str) -> str | Error:
    return value if length(value) <= LONGEST else Error.VALUE


@textual(TABLE, "LEN", TEXT, summary="The length of a text.")
def len_(value: str) -> float:
    return float(length(value))


@textual(TABLE, "LEFT", TEXT, integer("num_chars", 1.0), summary="The first characters.")
def left(value: str, count: float) -> str | Error:
    return cut(value, 0, int(count)) if count >= 0 else Error.VALUE


@textual(TABLE, "RIGHT", TEXT, integer("num_chars", 1.0), summary="The last characters.")
def right(value: str, count: float) -> str | Error:
    return cut(value, max(length(value) - int(count), 0), None) if count >= 0 else Error.VALUE


@textual(TABLE, "MID", TEXT, integer("start_num"), integer("num_chars"), summary="Characters from the middle.")
def mid(value: str, start: float, count: float) -> str | Error:
    return cut(value, int(start) - 1, int(start + count) - 1) if start >= 1 and count >= 0 else Error.VALUE


@textual(
    TABLE,
    "REPLACE",
    text("old_text"),
    integer("start_num"),
    integer("num_chars"),
    text("new_text"),
    summary="A text with some of its characters replaced.",
)
def replace_(value: str, start: float, count: float, new: str) -> str | Error:
    if start < 1 or count < 0:
        return Error.VALUE
    return cut(value, 0, int(start) - 1) + new + cut(value, int(start + count) - 1, None)


FOUND = (text("find_text"), text("within_text"), integer("start_num", 1.0))


@textual(TABLE, "FIND", *FOUND, summary="Where a text stands in another, in this case.")
def find(wanted: str, value: str, start: float) -> float | Error:
    if not 1 <= start <= length(value) + 1:
        return Error.VALUE
    skipped = cut(value, 0, int(start) - 1)
    at = value.find(wanted, len(skipped))
    return Error.VALUE if at < 0 else float(length(value[:at]) + 1)


@textual(TABLE, "SEARCH", *FOUND, summary="Where a text, with wildcards, stands in another, in any case.")
def search(wanted: str, value: str, start: float) -> float | Error:
    if not 1 <= start <= max(length(value), 1):
        return Error.VALUE
    skipped = cut(value, 0, int(start) - 1)
    place = wildcard(wanted).place(value, len(skipped))
    return Error.VALUE if place is None else float(length(value[:place]) + 1)


def _substitute(arguments: Sequence[Argument], texts: Texts) -> Array:
    def one(*values: Scalar) -> object:
        parts: list[str] = []
        for value in values[:3]:
            part = text_of_scalar(value)
            if isinstance(part, Error):
                return part
            parts.append(part)
        value, old, new = parts
        if len(values) == 3:
            if not old or len(value) + value.count(old) * (len(new) - len(old)) > LONGEST:
                return Error.VALUE if old else value
            return _fits(value.replace(old, new))
        instance = number_of_scalar(values[3], date1904=texts.date1904)
        if isinstance(instance, Error):
            return instance
        if instance < 1:
            return Error.VALUE
        pieces = value.split(old) if old else [value]
        nth = int(instance)
        if nth >= len(pieces):
            return value
        return _fits(old.join(pieces[:nth]) + new + old.join(pieces[nth:]))

    return mapped([argument.array for argument in arguments], texts, one)


declare(
    TABLE,
    Function(
        "SUBSTITUTE",
        (TEXT, text("old_text"), text("new_text"), integer("instance_num", None, absent=True)),
        "A text with another text in place of a part.",
        _substitute,
    ),
)
textual(TABLE, "UPPER", TEXT, summary="A text in capitals.")(lambda value: value.upper())
textual(TABLE, "LOWER", TEXT, summary="A text in small letters.")(lambda value: value.lower())


@textual(TABLE, "PROPER", TEXT, summary="A text with each word capitalised.")
def proper(value: str) -> str:
    return re.sub(r"[^\W\d_]+", lambda word: word[0][:1].upper() + word[0][1:].lower(), value)


@textual(TABLE, "TRIM", TEXT, summary="A text without spaces around it and with single ones inside.")
def trim(value: str) -> str:
    return re.sub(" +", " ", value).strip(" ")


@textual(TABLE, "CLEAN", TEXT, summary="A text without control characters.")
def clean(value: str) -> str:
    return "".join(sign for sign in value if ord(sign) >= 32)


@textual(TABLE, "REPT", TEXT, integer("number_times"), summary="A text repeated.")
def rept(value: str, times: float) -> str | Error:
    return value * int(times) if times >= 0 and length(value) * times <= LONGEST else Error.VALUE


@textual(TABLE, "EXACT", text("text1"), text("text2"), summary="Whether two texts are the same, in case too.")
def exact(one: str, two: str) -> bool:
    return one == two


def _windows(code: int) -> str:
    """A character of Windows-1252; a control character where it has none."""
    try:
        return bytes([code]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(code)


@textual(TABLE, "CHAR", integer("number"), summary="The character of a code, from Windows-1252.")
def char(code: float) -> str | Error:
    if not 1 <= code <= 255:
        return Error.VALUE
    return _windows(int(code))


@textual(TABLE, "CODE", TEXT, summary="The code of the first character, from Windows-1252.")
def code(value: str) -> float | Error:
    if not value:
        return Error.VALUE
    try:
        return float(value[0].encode("cp1252")[0])
    except UnicodeEncodeError:
        return 63.0


@textual(TABLE, "UNICHAR", integer("number"), summary="The character of a Unicode code point.")
def unichar(code: float) -> str | Error:
    if not 1 <= code <= 0x10FFFF:
        return Error.VALUE
    return Error.NA if 0xD800 <= code <= 0xDFFF or int(code) & 0xFFFE == 0xFFFE else chr(int(code))


@textual(TABLE, "UNICODE", TEXT, summary="The Unicode code point of the first character.")
def unicode(value: str) -> float | Error:
    return float(ord(value[0])) if value else Error.VALUE


def _value(arguments: Sequence[Argument], texts: Texts) -> Array:
    def one(given: Scalar) -> float | Error:
        return Error.VALUE if isinstance(given, bool) else number_of_scalar(given, date1904=texts.date1904)

    return mapped([arguments[0].array], texts, one)


declare(TABLE, Function("VALUE", (anything("text"),), "The number that a text stands for.", _value))


@textual(
    TABLE,
    "NUMBERVALUE",
    TEXT,
    text("decimal_separator", "."),
    text("group_separator", ","),
    summary="The number that a text stands for, with separators given.",
)
def numbervalue(value: str, decimal: str, group: str) -> float | Error:
    if not decimal or not group or decimal[0] == group[0]:
        return Error.VALUE
    body = value.replace(" ", "")
    if not body:
        return 0.0
    before, point, after = body.partition(decimal[0])
    body = before.replace(group[0], "") + ("." if point else "") + after
    percents = len(body) - len(body.rstrip("%"))
    found = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(E[+-]?\d+)?", body.rstrip("%"), re.IGNORECASE)
    return float(found[0]) / 100.0**percents if found else Error.VALUE


def _text(arguments: Sequence[Argument], texts: Texts) -> Array:
    def one(value: Scalar, form: Scalar) -> object:
        code = text_of_scalar(form)
        if isinstance(value, Error):
            return value
        if isinstance(value, str) and (number := number_of_text(value, date1904=texts.date1904)) is not None:
            value = number
        return code if isinstance(code, Error) else formatted(value, code, date1904=texts.date1904)

    return mapped([argument.array for argument in arguments], texts, one)


declare(
    TABLE,
    Function("TEXT", (anything("value"), text("format_text")), "A value in a number format.", _text, "fractions"),
)


@textual(
    TABLE,
    "FIXED",
    number("number"),
    integer("decimals", 2.0),
    boolean("no_commas", False),
    summary="A number as text, rounded to decimals.",
)
def fixed(value: float, decimals: float, plain: bool) -> str | Error:
    if decimals > 127:
        return Error.VALUE
    rounded = _rounded(value, int(decimals))
    return f"{rounded:f}" if plain else f"{rounded:,f}"


@textual(TABLE, "DOLLAR", number("number"), integer("decimals", 2.0), summary="A number as an amount of dollars.")
def dollar(value: float, decimals: float) -> str | Error:
    if decimals > 127:
        return Error.VALUE
    rounded = _rounded(value, int(decimals))
    return f"(${abs(rounded):,f})" if rounded < 0 else f"${rounded:,f}"


def _rounded(value: float, decimals: int) -> Decimal:
    with localcontext(Context(prec=700)):
        rounded = digits15(value).quantize(Decimal(1).scaleb(-max(decimals, -330)), ROUND_HALF_UP)
        made = rounded.quantize(Decimal(1)) if decimals < 0 else rounded
        return abs(made) if made == 0 else made


def _joined(grids: Sequence[Grid]) -> list[str] | Error:
    made = []
    for grid in grids:
        for row in grid:
            for value in row:
                part = text_of_scalar(value)
                if isinstance(part, Error):
                    return part
                made.append(part)
    return made


@whole(TABLE, "CONCAT", array("text", repeating=True), summary="All texts of arrays, joined.")
def concat(*grids: Grid) -> str | Error:
    parts = _joined(grids)
    return parts if isinstance(parts, Error) else _fits("".join(parts))


@textual(TABLE, "CONCATENATE", text("text", repeating=True), summary="Texts joined.")
def concatenate(*parts: str) -> str | Error:
    return _fits("".join(parts))


@whole(
    TABLE,
    "TEXTJOIN",
    array("delimiter"),
    boolean("ignore_empty"),
    array("text", repeating=True),
    summary="Texts joined with a delimiter between them.",
)
def textjoin(delimiter: Grid, ignore: bool, *grids: Grid) -> str | Error:
    between, parts = _joined([delimiter]), _joined(grids)
    if isinstance(between, Error):
        return between
    if isinstance(parts, Error):
        return parts
    kept = [part for part in parts if part or not ignore]
    made = "".join(part + between[at % len(between)] for at, part in enumerate(kept[:-1])) + "".join(kept[-1:])
    return _fits(made)


def _delimiters(given: Grid, ignore_case: bool) -> re.Pattern[str] | Error:
    parts = _joined([given])
    if isinstance(parts, Error):
        return parts
    ordered = sorted(parts, key=len, reverse=True)
    return re.compile("|".join(re.escape(part) for part in ordered), re.IGNORECASE if ignore_case else 0)


PARTED = (
    TEXT,
    array("delimiter"),
    Parameter("instance_num", Type.ANY, None),
    integer("match_mode", 0.0),
    integer("match_end", 0.0),
    Parameter("if_not_found", Type.ARRAY, Error.NA, empty_is_default=True),
)


def _parted(value: str, delimiter: Grid, *more: object) -> object:
    """The text before and after the delimiter, or an error, or what stands for "not found"."""
    given, mode, end, otherwise = cast(tuple[Scalar, float, float, Grid], more)
    wanted = number_of_scalar(1.0 if given is None else given)
    if isinstance(wanted, Error):
        return wanted
    instance = math.floor(wanted)  # -1.2 is -2
    if instance == 0 or mode not in {0, 1} or end not in {0, 1} or abs(instance) > max(length(value), 1):
        return Error.VALUE
    pattern = _delimiters(delimiter, mode == 1)
    if isinstance(pattern, Error):
        return pattern
    if pattern.fullmatch(""):  # an empty delimiter stands at the start, or at the end when counting back
        return ("", value) if instance > 0 else (value, "")
    spans = [found.span() for found in pattern.finditer(value)]
    if end:
        spans.append((len(value), len(value))) if instance > 0 else spans.insert(0, (0, 0))
    at = int(instance) - 1 if instance > 0 else len(spans) + int(instance)
    if not 0 <= at < len(spans):
        parts = _joined([delimiter])
        if given is not None and not isinstance(parts, Error) and all(length(part) > length(value) for part in parts):
            return Error.VALUE  # as Excel does for long delimiters where the instance is given
        return "" if otherwise[0][0] is None else otherwise[0][0]
    return value[: spans[at][0]], value[spans[at][1] :]


@whole(TABLE, "TEXTBEFORE", *PARTED, summary="The text before a delimiter.")
def textbefore(*arguments: object) -> object:
    made = _parted(*arguments)  # type: ignore[arg-type]
    return made[0] if isinstance(made, tuple) else made


@whole(TABLE, "TEXTAFTER", *PARTED, summary="The text after a delimiter.")
def textafter(*arguments: object) -> object:
    made = _parted(*arguments)  # type: ignore[arg-type]
    return made[1] if isinstance(made, tuple) else made


@whole(
    TABLE,
    "TEXTSPLIT",
    TEXT,
    array("col_delimiter", None),
    array("row_delimiter", None, empty_is_default=True),
    boolean("ignore_empty", False),
    integer("match_mode", 0.0),
    array("pad_with", Error.NA, empty_is_default=True),
    summary="A text split into columns and rows.",
)
def textsplit(value: str, columns: Grid, rows: Grid, *more: object) -> object:
    ignore, mode, pad = cast(tuple[bool, float, Grid], more)
    lines = [value]
    for delimiter, level in ((rows, 0), (columns, 1)):
        if delimiter == [[None]]:
            if level:
                split = [[line] for line in lines]
            continue
        pattern = _delimiters(delimiter, mode == 1)
        if isinstance(pattern, Error):
            return pattern
        if pattern.fullmatch(""):
            return Error.VALUE
        if level:
            split = [pattern.split(line) for line in lines]
        else:
            lines = pattern.split(value)
    if ignore:
        split = [[part for part in line if part] for line in split]
        split = [line for line in split if line]
    if not split:
        return Error.CALC
    width = max(len(line) for line in split)
    return [[*line, *[pad[0][0]] * (width - len(line))] for line in split]


def _shown(value: Scalar, strict: bool) -> str:
    """A value as VALUETOTEXT writes it; strictly, texts stand in quotes."""
    if isinstance(value, Error):
        return ERROR_TEXTS[value]
    made = text_of_scalar(value)
    assert isinstance(made, str)
    return '"' + made.replace('"', '""') + '"' if strict and isinstance(value, str) else made


FORMAT = integer("format", 0.0)


@whole(TABLE, "ARRAYTOTEXT", array("array"), FORMAT, summary="An array as text.")
def arraytotext(grid: Grid, form: float) -> str | Error:
    if form not in {0, 1}:
        return Error.VALUE
    if form == 0:
        return ", ".join(_shown(value, False) for row in grid for value in row)
    return "{" + ";".join(",".join(_shown(value, True) for value in row) for row in grid) + "}"


@textual(TABLE, "VALUETOTEXT", anything("value"), FORMAT, summary="A value as text.")
def valuetotext(value: Scalar, form: float) -> str | Error:
    return _shown(value, form == 1) if form in {0, 1} else Error.VALUE


@textual(TABLE, "HYPERLINK", text("link_location"), anything("friendly_name", None), summary="A link; its shown text.")
def hyperlink(link: str, shown: Scalar) -> Scalar:
    return link if shown is None else shown

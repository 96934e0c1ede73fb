"""Number systems and bits: BIN2DEC, DEC2HEX, BASE, DECIMAL, ROMAN, BITAND, ... ("Engineering functions").

Binary, octal and hexadecimal numbers have ten digits in two's complement, as their pages say.
"""

from __future__ import annotations

import operator
import re

from xlparity.functions.coercion import text_of_scalar
from xlparity.functions.signature import Function, Parameter, Type, Unsupported, anything, integer, number, text
from xlparity.functions.textual import textual
from xlparity.model.table import Table
from xlparity.model.value import Error, Scalar

__all__ = ["TABLE"]

TABLE: Table[str, Function] = Table("number systems")
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BASES = {"BIN": 2, "OCT": 8, "HEX": 16}
NAMES = {"BIN": "a binary", "OCT": "an octal", "DEC": "a decimal", "HEX": "a hexadecimal"}
PLACES = Parameter("places", Type.NUMBER, None, absent=True)


def digits_of(value: int, base: int) -> str:
    """A number that is not negative in some base."""
    made = ""
    while value:
        value, digit = divmod(value, base)
        made = DIGITS[digit] + made
    return made or "0"


def _read(given: Scalar, base: int) -> int | Error:
    """The number that up to ten digits stand for, the first bit being the sign."""
    body = text_of_scalar(given)
    if isinstance(body, Error):
        return body
    if len(body) > 10 or not all(digit in DIGITS[:base] for digit in body.upper()):
        return Error.NUM
    value = int(body or "0", base)
    size = base**10
    return value - size if value >= size // 2 else value


def _write(value: int, base: int, places: float | None) -> str | Error:
    size = base**10
    if not -size // 2 <= value < size // 2:
        return Error.NUM
    made = digits_of(value % size, base)
    if places is None:
        return made
    width = int(places)
    if not 0 < places <= 10 or (value >= 0 and len(made) > width):
        return Error.NUM
    return made.rjust(width, "0")


def _convert(source: str, target: str) -> None:
    name = f"{source}2{target}"
    summary = f"{NAMES[source].capitalize()} number as {NAMES[target]} one."
    if target == "DEC":

        @textual(TABLE, name, anything("number"), summary=summary)
        def to_decimal(given: Scalar) -> float | Error:
            value = _read(given, BASES[source])
            return value if isinstance(value, Error) else float(value)

    elif source == "DEC":

        @textual(TABLE, name, number("number"), PLACES, summary=summary)
        def from_decimal(given: float, places: float | None = None) -> str | Error:
            return _write(int(given), BASES[target], places)

    else:

        @textual(TABLE, name, anything("number"), PLACES, summary=summary)
        def between(given: Scalar, places: float | None = None) -> str | Error:
            value = _read(given, BASES[source])
            return value if isinstance(value, Error) else _write(value, BASES[target], places)


for source in NAMES:
    for target in NAMES:
        if source != target:
            _convert(source, target)


@textual(
    TABLE, "BASE", number("number"), integer("radix"), integer("min_length", 0.0), summary="A number in some base."
)
def base(value: float, radix: float, least: float) -> str | Error:
    if not 0 <= value < 2**53 or not 2 <= radix <= 36 or not 0 <= least <= 255:
        return Error.NUM
    return digits_of(int(value), int(radix)).rjust(int(least), "0")


@textual(TABLE, "DECIMAL", text("text"), integer("radix"), summary="The number that digits of some base stand for.")
def decimal(value: str, radix: float) -> float | Error:
    digits = value.strip().upper()
    if radix == 16:
        digits = digits.removeprefix("0X").removeprefix("X").removesuffix("H")
    if radix == 2:
        digits = digits.removesuffix("B")
    if not 2 <= radix <= 36 or len(value) > 255 or not all(digit in DIGITS[: int(radix)] for digit in digits):
        return Error.NUM
    return float(int(digits or "0", int(radix)))


def _bits(name: str, summary: str, combine: object) -> None:
    @textual(TABLE, name, number("number1"), number("number2"), summary=summary)
    def bits(one: float, two: float) -> float | Error:
        if not all(0 <= value < 2**48 and value == int(value) for value in (one, two)):
            return Error.NUM
        return float(combine(int(one), int(two)))  # type: ignore[operator]


_bits("BITAND", "The bits that two numbers share.", operator.and_)
_bits("BITOR", "The bits that one of two numbers has.", operator.or_)
_bits("BITXOR", "The bits that only one of two numbers has.", operator.xor)


def _shifted(value: float, amount: float) -> float | Error:
    if not 0 <= value < 2**48 or value != int(value) or abs(amount) > 53:
        return Error.NUM
    steps = int(amount)
    made = int(value) << steps if steps >= 0 else int(value) >> -steps
    return float(made) if made < 2**48 else Error.NUM


SHIFT = (number("number"), number("shift_amount"))
textual(TABLE, "BITLSHIFT", *SHIFT, summary="A number's bits shifted to the left.")(_shifted)
textual(TABLE, "BITRSHIFT", *SHIFT, summary="A number's bits shifted to the right.")(
    lambda value, amount: _shifted(value, -amount)
)


@textual(TABLE, "DELTA", number("number1"), number("number2", 0.0), summary="1 where two numbers are equal, else 0.")
def delta(one: float, two: float) -> float:
    return float(one == two)


@textual(TABLE, "GESTEP", number("number"), number("step", 0.0), summary="1 where a number reaches a step, else 0.")
def gestep(value: float, step: float) -> float:
    return float(value >= step)


NUMERALS = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}
CLASSIC = ["M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"]


@textual(TABLE, "ARABIC", text("text"), summary="The number that a Roman numeral stands for.")
def arabic(value: str) -> float | Error:
    body = value.strip().upper()
    sign = -1 if body.startswith("-") else 1
    body = body.removeprefix("-")
    if not re.fullmatch("[MDCLXVI]*", body) or len(value) > 255:
        return Error.VALUE
    total, largest = 0, 0
    for numeral in reversed(body):
        size = NUMERALS[numeral]
        total += size if size >= largest else -size
        largest = max(largest, size)
    return float(sign * total)


@textual(
    TABLE,
    "ROMAN",
    number("number"),
    Parameter("form", Type.ANY, 0.0),
    summary="A number as a Roman numeral.",
    undecided="the shorter forms",
)
def roman(value: float, form: Scalar) -> str | Error:
    if isinstance(form, Error):
        return form
    if not (form is True or form is None or (form == 0 and form is not False)):  # 1 and FALSE are other forms
        raise Unsupported("ROMAN: only the classic form is supported")
    left, made = int(value), ""
    if not 0 <= left <= 3999:
        return Error.VALUE
    for numeral in CLASSIC:
        size = NUMERALS[numeral[-1]] - (NUMERALS[numeral[0]] if len(numeral) > 1 else 0)
        while left >= size:
            made, left = made + numeral, left - size
    return made

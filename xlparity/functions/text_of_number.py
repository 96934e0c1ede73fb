"""Numbers as text and back: the format General, and what Excel accepts where a number is expected.

Sources: "VALUE function", "Number format codes", and the 15 significant digits of "Excel specifications and limits".
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal

from xlparity.functions.calendar import serial_of_text
from xlparity.functions.signature import Unsupported

__all__ = ["digits15", "general", "general11", "number_of_text"]

NUMBER = re.compile(r"(?:\d+(?:,\d{3,})*|(?=\.\d))(?:\.\d*)?(?:E[+-]?\d{1,3})?", re.IGNORECASE)
FRACTION = re.compile(r"(?:(\d+) +)?(\d{1,7})/(\d{1,7})")


def digits15(value: float) -> Decimal:
    """`value` rounded to the 15 significant digits that Excel shows and compares."""
    return Decimal(f"{value:.14e}")


def general(value: float) -> str:
    """`value` as the format General prints it in a text: 15 significant digits, `1E+21` from 22 digits on.

    `&` and TEXT do not narrow to a column's width.
    """
    if value == 0:
        return "0"
    quick = f"{value:.15g}"
    if "e" not in quick:
        return quick
    sign, digits, exponent = digits15(value).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    point = len(text) + exponent  # digits before the decimal point
    prefix = "-" if sign else ""
    if 0 < point <= 21:
        return prefix + text.ljust(point, "0")
    if point <= 0 and len(text) - point <= 18:
        return prefix + "0." + "0" * -point + text
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{prefix}{mantissa}E{point - 1:+03d}"


def general11(size: float) -> str:
    """A number that is not negative, as the format General shows it in a cell and TEXT prints it: in 11 characters."""
    if size == 0:
        return "0"
    exact = digits15(size)
    power = exact.adjusted()
    if power < 11:
        if power >= -4:  # 9 decimals below 1, 10 digits above
            rounded = exact.quantize(Decimal(1).scaleb(min(max(power, 0) - 9, 0)), ROUND_HALF_UP)
            return _stripped(f"{rounded:f}")
        plain = _stripped(f"{exact:f}")
        if len(plain) <= 11:
            return plain
    mantissa, exponent = f"{size:.5E}".split("E")
    return f"{_stripped(mantissa)}E{exponent}"


def _stripped(digits: str) -> str:
    """`digits` without zeros at the end of its decimals."""
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def number_of_text(text: str, *, date1904: bool) -> float | None:
    """The number that Excel reads in `text`, or None: `" 3 "`, `1e3`, `50%`, `$1,000`, `(5)`, `1/2/2024`, `12:30`.

    Raises Unsupported for a date or a time that `serial_of_text` leaves undecided.
    """
    body = text.strip(" ")
    if (value := _plain_number(body)) is not None:
        return value
    if (value := serial_of_text(body, date1904=date1904)) is not None:
        if body == text:
            return value
        if text.startswith(" ") and text.endswith(" "):
            return None
        raise Unsupported(f"{text!r} as a number is a date with a space")
    return None


def _plain_number(body: str) -> float | None:
    sign = 1.0
    if body.startswith("(") and body.endswith(")") and len(body) > 2:
        sign, body = -1.0, body[1:-1].strip(" ")
    percent, currency, signed = False, False, sign < 0
    while body:
        if body[0] in "+-" and not signed:
            sign, signed, body = (-sign if body[0] == "-" else sign), True, body[1:].lstrip(" ")
        elif body[0] == "$" and not currency:
            currency, body = True, body[1:].lstrip(" ")
        elif body[0] == "%" and not percent:
            percent, body = True, body[1:].lstrip(" ")
        else:
            break
    if body.endswith("%") and not percent:
        percent, body = True, body[:-1].rstrip(" ")
    if NUMBER.fullmatch(body):
        value = float(body.replace(",", ""))
        return sign * value / (100.0 if percent else 1.0) if math.isfinite(value) else None
    fraction = FRACTION.fullmatch(body)
    if fraction and fraction[1] and int(fraction[3]):
        return sign * (float(fraction[1]) + int(fraction[2]) / int(fraction[3])) / (100.0 if percent else 1.0)
    return None

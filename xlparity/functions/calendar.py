"""Excel's dates: serial numbers of days since 1900 (with its 29 February 1900) or 1904.

Source: "Date systems in Excel".
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from xlparity.functions.signature import Unsupported
from xlparity.model.value import Error

__all__ = ["LAST", "SHIFT1904", "date_of_serial", "days_in_month", "serial_of_date", "serial_of_text"]

LAST = 2958465  # 9999-12-31
SHIFT1904 = 1462  # days between the two date systems
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
            "sep sept september", "oct october", "nov november", "dec december",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
TIME = re.compile(r"(\d{1,4})(?: +(?=[ap])|:(\d{1,4})(?::(\d{1,4}(?:\.\d*)?))? *)(am?|pm?)?", re.IGNORECASE)
ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
AMERICAN = re.compile(r"(\d{1,2})[-/](\d{1,2})(?:[-/](\d{4}|\d{2}))")
DAY_NAME = re.compile(r"(\d{1,2})[- /]([A-Za-z]+)[- /,]+(\d{4}|\d{2})")
YEARLESS = re.compile(r"\d{1,2}[-/]\d{1,4}|\d{1,2}[- /]?[A-Za-z]{3,9}|[A-Za-z]{3,9}[- /,]*\d{1,4}")
NAME_DAY = re.compile(r"([A-Za-z]+) +(\d{1,2}),? +(\d{4})")


def is_leap(year: int) -> bool:
    """Whether Excel's `year` has a 29 February; 1900 has one in Excel."""
    return year == 1900 or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))


def days_in_month(year: int, month: int) -> int:
    """The number of days of a month as Excel counts."""
    return 29 if month == 2 and is_leap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def serial_of_date(year: int, month: int, day: int) -> int | Error:
    """The serial number of a date; months and days may overflow; #NUM! outside 1900 to 9999."""
    month -= 1
    year, month = year + month // 12, month % 12 + 1
    if not 1899 <= year <= 10000:
        return Error.NUM
    if year == 1900 and month <= 2:  # Excel's own 1900, before its 29 February
        serial = (0, 31)[month - 1] + day
    else:
        serial = (date(min(year, 9999), month, 1) - date(1899, 12, 30)).days + day - 1
        if year == 10000:
            serial += 365
        if year == 1899:
            serial -= 1
    return serial if 0 <= serial <= LAST else Error.NUM


def date_of_serial(serial: float) -> tuple[int, int, int] | Error:
    """Year, month and day of a serial number; 0 is 1900-01-00 and 60 is 1900-02-29, as in Excel."""
    days = int(serial // 1)
    if not 0 <= days <= LAST:
        return Error.NUM
    if days == 0:
        return 1900, 1, 0
    if days == 60:
        return 1900, 2, 29
    found = date(1899, 12, 31 if days < 60 else 30) + timedelta(days)
    return found.year, found.month, found.day


def serial_of_text(text: str, *, date1904: bool = False) -> float | None:
    """The serial number of a date, a time, or both, written as Excel (English, US) reads them; None otherwise.

    Raises Unsupported for a date without a year or a day, which Excel completes from the day of the calculation,
    for a time of 60 or more minutes or seconds, which Excel carries (`4:65` is 5:05) by rules that are not documented,
    and for a date before 1904 where days are counted from there.
    """
    text = text.strip()
    whole = _date(text, date1904)
    if whole is not None:
        return float(whole)
    clock = _time(text)
    if clock is not None:
        return clock
    for at in (i for i, sign in enumerate(text) if sign in " T"):
        day, hour = text[:at].strip(), text[at + 1 :].strip()
        if TIME.fullmatch(hour) and (whole := _date(day, date1904)) is not None and (clock := _time(hour)) is not None:
            return whole + clock
    return None


def _lacks_part(text: str) -> bool:
    """Whether `text` is a date without a year or a day."""
    if not YEARLESS.fullmatch(text):
        return False
    words = re.findall("[A-Za-z]+", text)
    if words:
        return words[0].lower() in MONTHS
    first, second = (int(part) for part in re.split("[-/]", text))
    return 1 <= first <= 12 and (1 <= second <= 31 or second >= 1900)


def _date(text: str, date1904: bool) -> int | None:
    if _lacks_part(text):
        raise Unsupported(f"{text!r} is a date that Excel completes with the day of the calculation")
    if found := ISO.fullmatch(text):
        year, month, day = found[1], int(found[2]), int(found[3])
    elif found := AMERICAN.fullmatch(text):
        month, day, year = int(found[1]), int(found[2]), found[3]
    elif (found := DAY_NAME.fullmatch(text)) and found[2].lower() in MONTHS:
        day, month, year = int(found[1]), MONTHS[found[2].lower()], found[3]
    elif (found := NAME_DAY.fullmatch(text)) and found[1].lower() in MONTHS:
        month, day, year = MONTHS[found[1].lower()], int(found[2]), found[3]
    else:
        return None
    full = int(year)
    if len(year) == 2:
        full += 2000 if full < 30 else 1900
    if full < 1900 or not 1 <= month <= 12 or not 1 <= day <= days_in_month(full, month):
        return None
    serial = serial_of_date(full, month, day)
    assert not isinstance(serial, Error)  # it is a day of 1900 to 9999
    if date1904 and serial < SHIFT1904:
        raise Unsupported(f"{text!r} is a date before the first one of the workbook, in 1904")
    return serial - SHIFT1904 * date1904


def _time(text: str) -> float | None:
    found = TIME.fullmatch(text)
    if not found:
        return None
    hours, minutes, seconds = int(found[1]), int(found[2] or 0), float(found[3] or 0)
    if minutes > 59 or seconds >= 60:
        raise Unsupported(f"{text!r} is a time of too many minutes or seconds, which Excel carries in ways of its own")
    if found[4]:
        if not 0 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if found[4].lower().startswith("p") else 0)
    return (hours * 3600 + minutes * 60 + seconds) / 86400

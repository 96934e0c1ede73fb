"""Dates and times as serial numbers: DATE, YEAR, EOMONTH, WEEKDAY, ... ("Date and time functions").

TODAY and NOW are volatile, and the engine's affair. A book with the 1904 date system shifts what these functions read
and give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from xlparity.functions.array import Array, Texts
from xlparity.functions.calendar import (
    LAST,
    SHIFT1904,
    date_of_serial,
    days_in_month,
    is_leap,
    serial_of_date,
    serial_of_text,
)
from xlparity.functions.coercion import numbers_of
from xlparity.functions.fault import fault_of, merged, sealed, where_error
from xlparity.functions.signature import (
    Argument,
    Function,
    Parameter,
    Type,
    Unsupported,
    array,
    boolean,
    declare,
    integer,
    number,
    text,
)
from xlparity.functions.textual import textual
from xlparity.functions.whole import Grid, whole
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

__all__ = ["TABLE", "days360", "year_fraction"]

RAW: Table[str, Function] = Table("dates, 1900 system")
SERIAL = number("serial_number")


@textual(RAW, "DATE", integer("year"), integer("month"), integer("day"), summary="The serial number of a date.")
def date(year: float, month: float, day: float) -> float | Error:
    if not 0 <= year <= 9999 or abs(month) > 200_000 or abs(day) > 4_000_000:
        return Error.NUM
    serial = serial_of_date(int(year) + (1900 if year < 1900 else 0), int(month), int(day))
    return serial if isinstance(serial, Error) else float(serial)


def _part(name: str, summary: str, place: int) -> None:
    @textual(RAW, name, SERIAL, summary=summary)
    def part(serial: float) -> float | Error:
        found = date_of_serial(serial)
        return found if isinstance(found, Error) else float(found[place])


_part("YEAR", "The year of a date.", 0)
_part("MONTH", "The month of a date.", 1)
_part("DAY", "The day of the month of a date.", 2)


def _clock(name: str, summary: str, divide: Callable[[int], int]) -> None:
    @textual(RAW, name, SERIAL, summary=summary)
    def clock(serial: float) -> float | Error:
        if serial < 0:
            return Error.NUM
        return float(divide(math.floor(serial % 1 * 86400 + 0.5) % 86400))


_clock("HOUR", "The hour of a time.", lambda seconds: seconds // 3600)
_clock("MINUTE", "The minute of a time.", lambda seconds: seconds // 60 % 60)
_clock("SECOND", "The second of a time.", lambda seconds: seconds % 60)


@textual(RAW, "TIME", integer("hour"), integer("minute"), integer("second"), summary="A time as a part of a day.")
def time(hour: float, minute: float, second: float) -> float | Error:
    if max(abs(hour), abs(minute), abs(second)) > 32767:
        return Error.NUM
    seconds = hour * 3600 + minute * 60 + second
    return Error.NUM if seconds < 0 else seconds % 86400 / 86400


PART = "dates without a year or a day, times of more than 59 minutes or seconds"


@textual(RAW, "DATEVALUE", text("date_text"), summary="The serial number of a date in a text.", undecided=PART)
def datevalue(value: str) -> float | Error:
    serial = serial_of_text(value)
    return Error.VALUE if serial is None else float(math.floor(serial))


@textual(RAW, "TIMEVALUE", text("time_text"), summary="The time in a text as a part of a day.", undecided=PART)
def timevalue(value: str) -> float | Error:
    serial = serial_of_text(value)
    return Error.VALUE if serial is None else serial % 1


@textual(RAW, "DAYS", number("end_date"), number("start_date"), summary="The days between two dates.")
def days(end: float, start: float) -> float | Error:
    return Error.NUM if min(end, start) < 0 else float(math.floor(end) - math.floor(start))


def _months_later(serial: float, months: float, last: bool) -> float | Error:
    found = date_of_serial(serial)
    if isinstance(found, Error):
        return found
    year, month, day = found
    count = year * 12 + month - 1 + int(months)
    year, month = count // 12, count % 12 + 1
    if not 1900 <= year <= 9999:
        return Error.NUM
    longest = days_in_month(year, month)
    made = serial_of_date(year, month, longest if last else min(day, longest))
    return made if isinstance(made, Error) else float(made)


@textual(RAW, "EDATE", number("start_date"), integer("months"), summary="A date some months later.")
def edate(serial: float, months: float) -> float | Error:
    return _months_later(serial, months, last=False)


@textual(RAW, "EOMONTH", number("start_date"), integer("months"), summary="The last day of a month some months later.")
def eomonth(serial: float, months: float) -> float | Error:
    return _months_later(serial, months, last=True)


def weekday_of(serial: float) -> int:
    """0 for Sunday to 6 for Saturday, as Excel counts from its own 1900."""
    return (math.floor(serial) - 1) % 7


@textual(RAW, "WEEKDAY", SERIAL, integer("return_type", 1.0), summary="The day of the week.")
def weekday(serial: float, kind: float) -> float | Error:
    day = weekday_of(serial)
    first = {1: 0, 2: 1, **{code: (code - 10) % 7 for code in range(11, 18)}}.get(int(kind))
    if serial < 0 or (first is None and kind != 3):
        return Error.NUM
    return float((day - 1) % 7) if first is None else float((day - first) % 7 + 1)


@textual(RAW, "WEEKNUM", SERIAL, integer("return_type", 1.0), summary="The week of the year.")
def weeknum(serial: float, kind: float) -> float | Error:
    if kind == 21:
        return isoweeknum(serial)
    first = {1: 0, 2: 1, **{code: (code - 10) % 7 for code in range(11, 18)}}.get(int(kind))
    found = date_of_serial(serial)
    if isinstance(found, Error) or first is None:
        return Error.NUM
    start = serial_of_date(found[0], 1, 1)
    assert not isinstance(start, Error)
    return float((math.floor(serial) - start + (weekday_of(start) - first) % 7) // 7 + 1)


@textual(RAW, "ISOWEEKNUM", number("date"), summary="The ISO week of the year.")
def isoweeknum(serial: float) -> float | Error:
    found = date_of_serial(serial)
    if isinstance(found, Error):
        return found
    thursday = math.floor(serial) - (weekday_of(serial) - 1) % 7 + 3
    of_year = date_of_serial(max(thursday, 0))
    assert not isinstance(of_year, Error)  # the last day of all is a Friday
    start = serial_of_date(of_year[0], 1, 1)
    assert not isinstance(start, Error)
    return float((thursday - start) // 7 + 1)


def days360(start: tuple[int, int, int], end: tuple[int, int, int], european: bool) -> int:
    """The days between two dates in a year of twelve months of 30 days."""
    (year1, month1, day1), (year2, month2, day2) = start, end
    if european:
        day1, day2 = min(day1, 30), min(day2, 30)
    else:
        if day1 == days_in_month(year1, month1):
            day1 = 30
        if day2 == 31:
            month2, day2 = (month2 + 1, 1) if day1 < 30 else (month2, 30)
    return (year2 - year1) * 360 + (month2 - month1) * 30 + day2 - day1


@textual(
    RAW,
    "DAYS360",
    number("start_date"),
    number("end_date"),
    boolean("method", False),
    summary="The days between two dates in a year of 360 days.",
)
def days360_(start: float, end: float, european: bool) -> float | Error:
    one, two = date_of_serial(start), date_of_serial(end)
    if isinstance(one, Error) or isinstance(two, Error):
        return Error.NUM
    return float(days360(one, two, european))


def year_fraction(start: float, end: float, basis: int) -> float | Error:
    """The years between two dates by one of the five bases of Excel's financial functions."""
    start, end = math.floor(min(start, end)), math.floor(max(start, end))
    one, two = date_of_serial(start), date_of_serial(end)
    if isinstance(one, Error) or isinstance(two, Error) or not 0 <= basis <= 4:
        return Error.NUM
    if basis == 0:
        return _nasd360(one, two) / 360
    if basis == 4:
        return days360(one, two, True) / 360
    if basis in {2, 3}:
        return (end - start) / (360 if basis == 2 else 365)
    return (end - start) / _actual_year(one, two)


def _nasd360(start: tuple[int, int, int], end: tuple[int, int, int]) -> int:
    (year1, month1, day1), (year2, month2, day2) = start, end
    last1 = month1 == 2 and day1 == days_in_month(year1, 2)
    if last1 and month2 == 2 and day2 == days_in_month(year2, 2):
        day2 = 30
    if last1:
        day1 = 30
    if day2 == 31 and day1 >= 30:
        day2 = 30
    day1 = min(day1, 30)
    return (year2 - year1) * 360 + (month2 - month1) * 30 + day2 - day1


def _actual_year(start: tuple[int, int, int], end: tuple[int, int, int]) -> float:
    """The length of a year for the basis actual/actual."""
    years = range(start[0], end[0] + 1)
    if start[0] == end[0] or (start[0] + 1 == end[0] and start[1:] >= end[1:]):
        leap = (
            is_leap(start[0])
            if start[0] == end[0]
            else (is_leap(start[0]) and start[1:] <= (2, 29)) or (is_leap(end[0]) and end[1:] >= (2, 29))
        )
        return 366.0 if leap else 365.0
    return sum(366 if is_leap(year) else 365 for year in years) / len(years)


@textual(
    RAW,
    "YEARFRAC",
    number("start_date"),
    number("end_date"),
    integer("basis", 0.0),
    summary="The years between two dates.",
)
def yearfrac(start: float, end: float, basis: float) -> float | Error:
    return year_fraction(start, end, int(basis))


@textual(
    RAW,
    "DATEDIF",
    number("start_date"),
    number("end_date"),
    text("unit"),
    summary="The days, months or years between two dates.",
    undecided="the units MD and YD",
)
def datedif(start: float, end: float, unit: str) -> float | Error:
    one, two = date_of_serial(start), date_of_serial(end)
    if isinstance(one, Error) or isinstance(two, Error) or start > end:
        return Error.NUM
    months = (two[0] - one[0]) * 12 + two[1] - one[1] - (two[2] < one[2])
    match unit.upper():
        case "D":
            return float(math.floor(end) - math.floor(start))
        case "M":
            return float(months)
        case "Y":
            return float(months // 12)
        case "YM":
            return float(months % 12)
        case "MD" | "YD":
            raise Unsupported(f"DATEDIF: the unit {unit.upper()} is not supported")
    return Error.NUM


WEEKENDS = {1: "0000011", 2: "1000001", 3: "1100000", 4: "0110000", 5: "0011000", 6: "0001100", 7: "0000110"}
WEEKENDS.update({code: "".join("1" if day == (code - 12) % 7 else "0" for day in range(7)) for code in range(11, 18)})


def _free(weekend: object) -> str | Error:
    """Monday to Sunday, 1 for days that are free."""
    if isinstance(weekend, str):
        return weekend if len(weekend) == 7 and set(weekend) <= {"0", "1"} else Error.VALUE
    return WEEKENDS.get(int(weekend), Error.NUM) if isinstance(weekend, float) else Error.VALUE


def _holidays(grid: Grid) -> set[int] | Error:
    made = set()
    for row in grid:
        for value in row:
            if isinstance(value, Error):
                return value
            if isinstance(value, str):
                serial = serial_of_text(value)
                if serial is None:
                    return Error.VALUE
                made.add(math.floor(serial))
            elif value is not None:
                made.add(math.floor(value))
    return made


def _working(serial: int, free: str, holidays: set[int]) -> bool:
    return free[(serial - 2) % 7] == "0" and serial not in holidays


def _networkdays(start: float, end: float, weekend: object, grid: Grid) -> float | Error:
    free, holidays = _free(weekend), _holidays(grid)
    if isinstance(free, Error):
        return free
    if isinstance(holidays, Error):
        return holidays
    if min(start, end) < 0 or max(start, end) > LAST:
        return Error.NUM
    low, high = sorted((math.floor(start), math.floor(end)))
    weeks, rest = divmod(high + 1 - low, 7)
    count = weeks * free.count("0") + sum(free[(low + day - 2) % 7] == "0" for day in range(rest))
    count -= sum(low <= day <= high and free[(day - 2) % 7] == "0" for day in holidays)
    return float(count if start <= end else -count)


def _workday(start: float, count: float, weekend: object, grid: Grid) -> float | Error:
    free, holidays = _free(weekend), _holidays(grid)
    if isinstance(free, Error):
        return free
    if isinstance(holidays, Error):
        return holidays
    if free == "1111111":
        return Error.VALUE
    if not 0 <= start <= LAST or abs(count) > LAST:
        return Error.NUM
    day, left, step = math.floor(start), abs(int(count)), 1 if count > 0 else -1
    while left:
        day += step
        if not 0 <= day <= LAST:
            return Error.NUM
        left -= _working(day, free, holidays)
    return float(day)


START, END = number("start_date"), number("end_date")
HOLIDAYS = array("holidays", None)
WEEKEND = Parameter("weekend", Type.ANY, 1.0, empty_is_default=True)


@whole(RAW, "NETWORKDAYS", START, END, HOLIDAYS, summary="The working days between two dates.")
def networkdays(start: float, end: float, grid: Grid) -> float | Error:
    return _networkdays(start, end, 1.0, grid)


@whole(RAW, "WORKDAY", START, integer("days"), HOLIDAYS, summary="The date some working days later.")
def workday(start: float, count: float, grid: Grid) -> float | Error:
    return _workday(start, count, 1.0, grid)


whole(RAW, "NETWORKDAYS.INTL", START, END, WEEKEND, HOLIDAYS, summary="Working days, with weekends of one's own.")(
    _networkdays
)
whole(
    RAW,
    "WORKDAY.INTL",
    START,
    integer("days"),
    WEEKEND,
    HOLIDAYS,
    summary="Working days later, with weekends of one's own.",
)(_workday)


def _in_system(function: Function, reads: Sequence[int], gives: bool) -> Function:
    """`function` in the workbook's date system: `reads` are the places of dates among its arguments."""
    compute = function.body
    assert compute is not None

    def moved(argument: Argument, place: int, texts: Texts) -> Argument:
        given = argument.array
        if function.parameter(place).type is not Type.ARRAY:  # there, a blank is the first day
            given = sealed(*numbers_of(given, texts))
        date = (given.kinds == int(Kind.NUMBER)) & (given.number >= 0)  # a negative one is no date in either system
        return Argument(Array(given.number + date * SHIFT1904, given.kind))

    def body(arguments: Sequence[Argument], texts: Texts) -> Array:
        if not texts.date1904:
            return compute(arguments, texts)
        given = [moved(one, at, texts) if at in reads else one for at, one in enumerate(arguments)]
        made = compute(given, texts)
        if not gives:
            return made
        number = made.number - (made.kinds == int(Kind.NUMBER)) * SHIFT1904
        return sealed(number, merged([fault_of(made), where_error(number < 0, Error.NUM)]))

    return replace(function, body=body)


# Which arguments are dates, and whether the result is one.
SYSTEM: dict[str, tuple[tuple[int, ...], bool]] = {
    "DATE": ((), True),
    "YEAR": ((0,), False),
    "MONTH": ((0,), False),
    "DAY": ((0,), False),
    "DATEVALUE": ((), True),
    "EDATE": ((0,), True),
    "EOMONTH": ((0,), True),
    "WEEKDAY": ((0,), False),
    "WEEKNUM": ((0,), False),
    "ISOWEEKNUM": ((0,), False),
    "DAYS360": ((0, 1), False),
    "YEARFRAC": ((0, 1), False),
    "DATEDIF": ((0, 1), False),
    "NETWORKDAYS": ((0, 1, 2), False),
    "NETWORKDAYS.INTL": ((0, 1, 3), False),
    "WORKDAY": ((0, 2), True),
    "WORKDAY.INTL": ((0, 3), True),
}
TABLE: Table[str, Function] = Table("dates")
for name, function in RAW.items():
    declare(TABLE, _in_system(function, *SYSTEM[name]) if name in SYSTEM else function)

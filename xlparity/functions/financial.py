"""Finance in closed form: PMT, PV, FV, NPER, NPV, ... ("Financial functions").

RATE, IRR and XIRR search, and Excel stops its search at 1e-8: their results cannot be compared and are not offered.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from xlparity.functions.signature import Function, Unsupported, array, integer, number, numbers
from xlparity.functions.textual import textual
from xlparity.functions.whole import Grid, whole
from xlparity.model.table import Table
from xlparity.model.value import Error

__all__ = ["TABLE"]

TABLE: Table[str, Function] = Table("finance")
RATE, NPER, PMT, PV = number("rate"), number("nper"), number("pmt"), number("pv")
FV, TYPE = number("fv", 0.0), number("type", 0.0)


def _growth(rate: float, periods: float) -> tuple[float, float]:
    """(1 + rate)^periods and the sum of the powers before it."""
    if rate == 0:
        return 1.0, periods
    if rate <= -1:
        raise Unsupported("a rate of -100 % or less")
    power = (1 + rate) ** periods
    return power, (power - 1) / rate


def _safe(compute: Callable[..., float | Error]) -> Callable[..., float | Error]:
    """`compute` with #NUM! where the real numbers have no answer."""

    def checked(*arguments: float) -> float | Error:
        try:
            return compute(*arguments)
        except ZeroDivisionError:
            return Error.DIV0
        except (OverflowError, ValueError):
            return Error.NUM

    return checked


def payment(rate: float, nper: float, pv: float, fv: float, due: float) -> float | Error:
    """What has to be paid each period."""
    if nper == 0 or rate <= -1:
        return Error.NUM
    power, annuity = _growth(rate, nper)
    return -(pv * power + fv) / (annuity * (1 + rate * bool(due)))


def future(rate: float, nper: float, pmt: float, pv: float, due: float) -> float:
    """What a loan or an investment comes to."""
    power, annuity = _growth(rate, nper)
    return -(pv * power + pmt * (1 + rate * bool(due)) * annuity)


@_safe
def present(rate: float, nper: float, pmt: float, fv: float, due: float) -> float:
    power, annuity = _growth(rate, nper)
    return -(fv + pmt * (1 + rate * bool(due)) * annuity) / power


@_safe
def periods(rate: float, pmt: float, pv: float, fv: float, due: float) -> float | Error:
    if rate == 0:
        return -(pv + fv) / pmt
    paid = pmt * (1 + rate * bool(due))
    return math.log((paid - fv * rate) / (paid + pv * rate)) / math.log1p(rate)


textual(TABLE, "PMT", RATE, NPER, PV, FV, TYPE, summary="The payment of each period.")(_safe(payment))
textual(TABLE, "FV", RATE, NPER, PMT, number("pv", 0.0), TYPE, summary="The future value.")(_safe(future))
textual(TABLE, "PV", RATE, NPER, PMT, FV, TYPE, summary="The present value.")(present)
textual(TABLE, "NPER", RATE, PMT, PV, FV, TYPE, summary="The number of periods.")(periods)


@whole(TABLE, "NPV", RATE, numbers("value", repeating=True), summary="The net present value of payments.")
def npv(rate: float, *flows: list[float]) -> float | Error:
    if rate == -1:
        return Error.DIV0
    values = [value for flow in flows for value in flow]
    return math.fsum(value / (1 + rate) ** (at + 1) for at, value in enumerate(values))


@textual(TABLE, "ISPMT", RATE, number("per"), NPER, PV, summary="The interest of a loan repaid in equal parts.")
def ispmt(rate: float, per: float, nper: float, pv: float) -> float | Error:
    return Error.DIV0 if nper == 0 else -pv * rate * (1 - per / nper)


@textual(TABLE, "EFFECT", number("nominal_rate"), integer("npery"), summary="The effective rate of a year.")
def effect(rate: float, count: float) -> float | Error:
    return Error.NUM if rate <= 0 or count < 1 else (1 + rate / count) ** count - 1


@textual(TABLE, "NOMINAL", number("effect_rate"), integer("npery"), summary="The nominal rate of a year.")
def nominal(rate: float, count: float) -> float | Error:
    return Error.NUM if rate <= 0 or count < 1 else count * ((1 + rate) ** (1 / count) - 1)


@textual(TABLE, "RRI", NPER, PV, number("fv"), summary="The rate at which a value grows to another.")
def rri(nper: float, pv: float, fv: float) -> float | Error:
    if nper <= 0 or pv == 0 or fv / pv < 0:
        return Error.NUM
    return float((fv / pv) ** (1 / nper) - 1)


@textual(TABLE, "PDURATION", RATE, PV, number("fv"), summary="How long a value takes to grow to another.")
def pduration(rate: float, pv: float, fv: float) -> float | Error:
    if rate <= 0 or pv <= 0 or fv <= 0:
        return Error.NUM
    return (math.log(fv) - math.log(pv)) / math.log1p(rate)


PER = number("per")
COST, SALVAGE, LIFE = number("cost"), number("salvage"), number("life")


@textual(TABLE, "SLN", COST, SALVAGE, LIFE, summary="Straight-line depreciation.")
def sln(cost: float, salvage: float, life: float) -> float | Error:
    return Error.DIV0 if life == 0 else (cost - salvage) / life


@textual(TABLE, "SYD", COST, SALVAGE, LIFE, PER, summary="Sum-of-years' digits depreciation.")
def syd(cost: float, salvage: float, life: float, per: float) -> float | Error:
    if life <= 0 or per <= 0 or per > life or salvage < 0:
        return Error.NUM
    return (cost - salvage) * (life - per + 1) * 2 / (life * (life + 1))


@whole(TABLE, "FVSCHEDULE", number("principal"), array("schedule"), summary="A value after a row of rates.")
def fvschedule(value: float, schedule: Grid) -> float | Error:
    for rate in (rate for row in schedule for rate in row):
        if isinstance(rate, Error):
            return rate
        if isinstance(rate, (str, bool)):
            return Error.VALUE
        value *= 1 + (rate or 0.0)
    return value

"""Database functions: DSUM, DGET, ... over a list with headings and a range of criteria.

Source: "Database functions". Rows of the criteria are alternatives; the cells of one row must all be met. A formula
as criterion, whose heading is no column of the list, is not supported.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from xlparity.functions.array import Texts
from xlparity.functions.coercion import text_of_scalar
from xlparity.functions.criteria import criterion_of, matches
from xlparity.functions.scalars import array_of_scalar
from xlparity.functions.signature import Function, Parameter, Type, Unsupported, array
from xlparity.functions.whole import Grid, whole
from xlparity.model.table import Table
from xlparity.model.value import Error, Scalar

__all__ = ["TABLE"]

TABLE: Table[str, Function] = Table("database")
PARAMETERS = (array("database"), Parameter("field", Type.ANY), array("criteria"))


def _name(heading: Scalar) -> str:
    """A heading as it is shown, whatever its case."""
    made = text_of_scalar(heading)
    return "" if isinstance(made, Error) else made.casefold()


def _column(database: Grid, field: Scalar) -> int | None:
    if isinstance(field, str):
        names = [_name(value) for value in database[0]]
        return names.index(_name(field)) if _name(field) in names else None
    if isinstance(field, (float, bool)) and 1 <= field < len(database[0]) + 1:
        return int(field) - 1
    return None


def _meets(value: Scalar, criterion: Scalar, date1904: bool) -> bool:
    """Whether a value meets a criterion; a text without an operator means "begins with"."""
    texts = Texts(date1904=date1904)
    wanted = criterion_of(criterion, date1904=date1904)
    if wanted.bare and isinstance(wanted.operand, str):
        wanted = criterion_of(f"={criterion}*", date1904=date1904)
    return bool(matches(array_of_scalar(value, texts), wanted, texts).item())


def _chosen(database: Grid, criteria: Grid, date1904: bool) -> list[list[Scalar]]:
    """The rows of the list that meet the criteria."""
    columns = []
    for heading in criteria[0]:
        columns.append(None if heading is None else _column(database, _name(heading)))
    for row in criteria[1:]:
        for place, criterion in zip(columns, row, strict=True):
            if place is None and criterion is not None:
                raise Unsupported("a database criterion whose heading is no column of the list")
    return [
        row
        for row in database[1:]
        if any(
            all(
                criterion is None or place is None or _meets(row[place], criterion, date1904)
                for place, criterion in zip(columns, one, strict=True)
            )
            for one in criteria[1:]
        )
    ]


def _enter(name: str, summary: str, combine: Callable[[list[float]], float | Error]) -> None:
    @whole(TABLE, name, *PARAMETERS, summary=summary, dated=True)
    def body(database: Grid, field: Scalar, criteria: Grid, date1904: bool) -> float | Error:
        place = _column(database, field)
        if place is None or len(database) < 2:
            return Error.VALUE
        values = [row[place] for row in _chosen(database, criteria, date1904)]
        error = next((value for value in values if isinstance(value, Error)), None)
        if error is not None:
            return error
        return combine([value for value in values if isinstance(value, float)])


def _variance(values: list[float], less: int) -> float | Error:
    if len(values) <= less:
        return Error.DIV0
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - less)


def _root(value: float | Error) -> float | Error:
    return value if isinstance(value, Error) else math.sqrt(value)


_enter("DSUM", "The sum of a column of the rows chosen.", math.fsum)
_enter("DPRODUCT", "The product of a column of the rows chosen.", lambda v: math.prod(v) if v else 0.0)
_enter("DMAX", "The greatest of a column of the rows chosen.", lambda v: max(v, default=0.0))
_enter("DMIN", "The smallest of a column of the rows chosen.", lambda v: min(v, default=0.0))
_enter("DAVERAGE", "The mean of a column.", lambda v: math.fsum(v) / len(v) if v else Error.DIV0)
_enter("DVAR", "The variance of a sample.", lambda v: _variance(v, 1))
_enter("DVARP", "The variance of a population.", lambda v: _variance(v, 0))
_enter("DSTDEV", "The standard deviation of a sample.", lambda v: _root(_variance(v, 1)))
_enter("DSTDEVP", "The standard deviation of a population.", lambda v: _root(_variance(v, 0)))


@whole(TABLE, "DCOUNT", *PARAMETERS, summary="How many numbers there are in the rows chosen.", dated=True)
def dcount(database: Grid, field: Scalar, criteria: Grid, date1904: bool) -> float | Error:
    if len(database) < 2:
        return Error.VALUE
    rows = _chosen(database, criteria, date1904)
    if field is None:
        return float(len(rows))
    place = _column(database, field)
    return Error.VALUE if place is None else float(sum(isinstance(row[place], float) for row in rows))


@whole(TABLE, "DCOUNTA", *PARAMETERS, summary="How many values are not blank in the rows chosen.", dated=True)
def dcounta(database: Grid, field: Scalar, criteria: Grid, date1904: bool) -> float | Error:
    if len(database) < 2:
        return Error.VALUE
    rows = _chosen(database, criteria, date1904)
    if field is None:
        return float(len(rows))
    place = _column(database, field)
    return Error.VALUE if place is None else float(sum(row[place] is not None for row in rows))


@whole(TABLE, "DGET", *PARAMETERS, summary="The one value of the row chosen.", dated=True)
def dget(database: Grid, field: Scalar, criteria: Grid, date1904: bool) -> Scalar:
    place = _column(database, field)
    rows = _chosen(database, criteria, date1904)
    if place is None or not rows:
        return Error.VALUE
    return rows[0][place] if len(rows) == 1 else Error.NUM

"""Proposed rows held against the sheet: does torch, on the operands that stand in the cells, give what stands there?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xlparity.check.expression import parse_expression
from xlparity.check.judge import hold
from xlparity.check.reference import Program, Reference
from xlparity.errors import MapError
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.value import Values

__all__ = ["not_reproduced", "share_right"]

_SMALLEST = 2.0**-1022


def not_reproduced(rows: Sequence[MapRow], values: Values) -> dict[str, str]:
    """The computed tensors among `rows` whose cells their expression does not give, each with the reason.

    Every expression is judged by itself, on what the sheet holds for its operands.
    """
    failed: dict[str, str] = {}
    rows = list(rows)
    names = frozenset(row.tensor for row in rows)
    for at, row in enumerate(rows):
        if row.role is Role.COMPUTED:
            try:
                parse_expression(row.torch, names, row.place)
            except MapError as error:
                failed[row.tensor] = str(error).removeprefix(f"{row.place}: ")
                rows[at] = _given(row)
    while True:
        try:
            program = Program(Map(tuple(rows)))
            break
        except MapError as error:
            # One row at a time is taken for given, until the rest makes sense.
            guilty = next(row for row in rows if row.role is Role.COMPUTED and str(error).startswith(row.place + ":"))
            failed[guilty.tensor] = str(error).removeprefix(f"{guilty.place}: ")
            rows[rows.index(guilty)] = _given(guilty)
    for name, share in _shares(program, values).items():
        if isinstance(share, str):
            failed[name] = share
        elif share < 1:
            failed[name] = f"torch gives other values than {1 - share:.0%} of its cells hold"
    return failed


def share_right(rows: Sequence[MapRow], values: Values) -> Mapping[str, float]:
    """For each computed tensor of `rows`, which make a sound map, the share of its cells that torch gives."""
    shares = _shares(Program(Map(tuple(rows))), values)
    return {name: share if isinstance(share, float) else 0.0 for name, share in shares.items()}


def _shares(program: Program, values: Values) -> dict[str, float | str]:
    held = {name: hold(values, row.block, row.dtype).values for name, row in program.rows.items()}
    shown = {key: hold(values, row.block, row.dtype).values for key, row in program.shown.items()}
    found: dict[str, float | str] = {}
    for name in program.order:
        try:
            near = program.local(name, held, shown)
        except MapError as error:
            found[name] = str(error)
            continue
        found[name] = _share(held[name], near)
    return found


def _share(held: np.ndarray[tuple[int, ...], np.dtype[np.float64]], near: Reference) -> float:
    with np.errstate(invalid="ignore"):
        right = np.abs(held - near.value) <= near.radius + _SMALLEST
    return float(right.mean())


def _given(row: MapRow) -> MapRow:
    return MapRow(row.tensor, Role.INPUT, row.block, row.dtype, place=row.place)

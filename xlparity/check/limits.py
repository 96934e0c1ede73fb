"""How far a sheet's cells may be from torch's values when both are computed from the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xlparity.check.bound import allowing
from xlparity.check.reference import Program
from xlparity.model.engine import SAVED, Slack
from xlparity.model.map import Map, MapRow

__all__ = ["allowed_differences"]

# Bounds grow with every layer and every step of training; a difference beyond this part of the largest value would be
# seen by a person, whatever the bound says.
_MOST = 1e-7
_LEAST = 1e-12  # of a gradient that is 0 but for rounding

# What Excel and LibreOffice add to the rounding of float64: 15 digits when saved, near-zero differences set to zero.
_OFFICE = Slack(relative=SAVED, cancellation=2.0**-48)


def allowed_differences(
    rows: Sequence[MapRow], given: Mapping[str, NDArray[np.float64]], progress: Callable[[str], None] = lambda _: None
) -> dict[str, float]:
    """For each tensor of `rows` the largest difference that rounding allows, but at most 1e-7 of the largest value.

    `given` are the numbers of the tensors that are typed in. The bound covers the sheet in any office and torch in
    float64, each with its own rounding errors, from these numbers on.
    """
    program = Program(Map(tuple(rows)))
    with allowing(_OFFICE.cancellation):
        whole = program.whole({name: program.given(name, values) for name, values in given.items()}, {}, progress)
    limits = {}
    for name, reference in whole.items():
        size = np.abs(reference.value)
        largest = float(np.max(size, initial=0.0, where=np.isfinite(size)))
        bound = float(np.max(2 * reference.radius + _OFFICE.relative * size, initial=0.0, where=np.isfinite(size)))
        most = max(_MOST * largest, _LEAST)
        limits[name] = min(bound, most) if np.isfinite(bound) else most
    return limits

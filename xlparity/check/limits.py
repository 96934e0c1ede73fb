"""How far a sheet's cells may be from torch's values when both are computed from the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xlparity.check.bound import allowing
from xlparity.check.reference import Program
from xlparity.model.engine import Slack
from xlparity.model.map import Map, MapRow

__all__ = ["allowed_differences"]

# What Excel and LibreOffice add to the rounding of float64: 15 digits when saved, near-zero differences set to zero.
_OFFICE = Slack(relative=5e-15, cancellation=2.0**-48)


def allowed_differences(rows: Sequence[MapRow], given: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """For each tensor of `rows` the largest difference that rounding allows, NaN where no bound is known.

    `given` are the numbers of the tensors that are typed in. The bound covers the sheet in any office and torch in
    float64, each with its own rounding errors, from these numbers on.
    """
    program = Program(Map(tuple(rows)))
    with allowing(_OFFICE.cancellation):
        whole = program.whole({name: program.given(name, values) for name, values in given.items()}, {})
    limits = {}
    for name, reference in whole.items():
        size = np.abs(reference.value)
        limits[name] = float(np.max(2 * reference.radius + _OFFICE.relative * size, initial=0.0))
    return limits

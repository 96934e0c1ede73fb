"""The derivatives of a cell as a table of text or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from xlparity.report.text import plain

__all__ = ["gradient_to_json", "gradient_to_text"]


def gradient_to_text(
    of: str, wrt: str, rows: Sequence[int], columns: Sequence[str], values: NDArray[np.float64]
) -> str:
    """A heading and one line a cell: its address and the derivative; cells without a number are left out."""
    lines = [plain(f"d {of} / d {wrt}")]
    lines += [
        f"{address:>8}  {number!r}" for address, number in _derivatives(rows, columns, values) if not np.isnan(number)
    ]
    return "\n".join(lines) + "\n"


def gradient_to_json(
    of: str, wrt: str, rows: Sequence[int], columns: Sequence[str], values: NDArray[np.float64]
) -> str:
    """`{"of", "wrt", "cells": [{"cell", "derivative"}]}`; a derivative that is not finite is null."""
    cells = [
        {"cell": address, "derivative": number if np.isfinite(number) else None}
        for address, number in _derivatives(rows, columns, values)
    ]
    return json.dumps({"of": of, "wrt": wrt, "cells": cells}, indent=1) + "\n"


def _derivatives(
    rows: Sequence[int], columns: Sequence[str], values: NDArray[np.float64]
) -> Iterator[tuple[str, float]]:
    for row, line in zip(rows, values.tolist(), strict=True):
        for column, number in zip(columns, line, strict=True):
            yield f"{column}{row}", number

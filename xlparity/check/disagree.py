"""Where two engines compute different values from the same formulas, by the functions that these use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xlparity.check.formulas import FormulaIndex
from xlparity.errors import FormulaError
from xlparity.formula.ast import Call, walk
from xlparity.formula.parse import parse
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.engine import Engine
from xlparity.model.report import Disagreement
from xlparity.model.value import Cells, Kind, Values

__all__ = ["disagreements"]

# A screening for people, not a judgement: most formulas stand in no map and have no bound. Engines of 15 digits agree
# to this share of the sheet's largest number and of the value.
_SHARE = 1e-13


def disagreements(index: FormulaIndex, opinions: Sequence[tuple[Engine, Values]]) -> list[Disagreement]:
    """The formula cells in which each later engine differs from the first, grouped by their functions.

    A cell counts for every function in its formula; one without functions counts as arithmetic. Cells that either
    engine leaves undecided do not count.
    """
    if len(opinions) < 2:
        return []
    first, values = opinions[0]
    found: list[Disagreement] = []
    for other, others in opinions[1:]:
        groups: dict[str, list[Cell]] = {}
        for cell in _different(index, values, others, first.slack.relative + other.slack.relative):
            for name in _functions(index.text(cell) or ""):
                groups.setdefault(name, []).append(cell)
        found += [
            Disagreement(
                name, len(cells), cells[0], first.name, values.scalar(cells[0]), other.name, others.scalar(cells[0])
            )
            for name, cells in sorted(groups.items())
        ]
    return found


def _different(index: FormulaIndex, left: Values, right: Values, slack: float) -> list[Cell]:
    cells: list[Cell] = []
    for sheet, keys in index.keys.items():
        if not len(keys):
            continue
        kind, number, texts = _at(left.sheets.get(sheet, Cells.empty()), keys)
        other_kind, other_number, other_texts = _at(right.sheets.get(sheet, Cells.empty()), keys)
        undecided = (kind == Kind.UNDECIDED) | (other_kind == Kind.UNDECIDED)
        numeric = (kind == Kind.NUMBER) & (other_kind == Kind.NUMBER)
        size = np.maximum(np.abs(number), np.abs(other_number))
        largest = size[numeric].max(initial=0.0)
        apart = np.abs(number - other_number) > _SHARE * largest * 1e-2 + (_SHARE + slack) * size
        different = np.where(numeric, apart, (kind != other_kind) | (number != other_number))
        for at in np.flatnonzero((kind == Kind.TEXT) & (other_kind == Kind.TEXT)).tolist():
            different[at] = texts[int(number[at])] != other_texts[int(other_number[at])]
        different &= ~undecided
        cells += [Cell(sheet, *divmod(int(key), MAX_COLUMNS)) for key in keys[different]]
    return cells


def _at(cells: Cells, keys: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.float64], tuple[str, ...]]:
    """Kinds and payloads of the cells with these keys; blank where there is none."""
    own = cells.row.astype(np.int64) * MAX_COLUMNS + cells.column
    at = np.searchsorted(own, keys)
    at[at == len(own)] = 0
    there = own[at] == keys if len(own) else np.zeros(len(keys), bool)
    kind = np.where(there, cells.kind[at], Kind.BLANK).astype(np.uint8) if len(own) else np.zeros(len(keys), np.uint8)
    number = np.where(there, cells.number[at], 0.0) if len(own) else np.zeros(len(keys))
    return kind, number, cells.texts


def _functions(text: str) -> list[str]:
    try:
        names = sorted({node.name.upper() for node in walk(parse(text)) if isinstance(node, Call)})
    except FormulaError:
        return ["formulas that cannot be parsed"]
    return names or ["arithmetic"]

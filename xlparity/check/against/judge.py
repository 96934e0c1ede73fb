"""A workbook's cells held against the formulas of another workbook: arrays of verdicts.

Both workbooks are evaluated by the embedded engine, which decides nothing: what is compared is two formulas on the same
numbers. A cell is right if its own formula, on the values that the solution has in the cells that it reads, gives
what the solution's formula gives, within the rounding errors of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlparity.check.against.pairs import Counterparts, Pair, alike
from xlparity.check.against.rounding import RunningError
from xlparity.check.edited import with_constants
from xlparity.check.elsewhere import areas_of
from xlparity.check.formulas import FormulaIndex
from xlparity.check.judge import FAULT, INHERITED, MATCH, UNDECIDED, Array, Tolerance
from xlparity.check.repair import free_column
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Fill
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.engine import Engine
from xlparity.model.value import Kind, Scalar, Values

__all__ = [
    "Content", "Judgement", "allowed_differences", "contents", "is_gross", "judge_engine", "judge_formulas",
    "on_sheets", "on_solution", "running_errors", "truths",
]  # fmt: skip

_Mask = NDArray[np.bool_]

# Where no rounding error is known: two formulas that differ by more than this part of their values do not mean the
# same, and operands that agree leave a value within it.
_GROSS = 1e-6


@dataclass(frozen=True, slots=True)
class Content:
    """What the cells of a tensor hold, in its shape; the number of a text is its place in a table of all texts.

    `truth` says where TRUE or FALSE stands, which in a tensor of dtype bool counts as the number 1 or 0.
    """

    kind: NDArray[np.uint8]
    number: Array
    truth: _Mask

    @property
    def values(self) -> Array:
        """The numbers, NaN where there is none."""
        return np.where(self.kind == Kind.NUMBER, self.number, np.nan)

    @property
    def operands(self) -> Array:
        """The numbers, those of truth values too, NaN where there is neither."""
        return np.where((self.kind == Kind.NUMBER) | self.truth, self.number, np.nan)

    def same(self, other: Content) -> _Mask:
        """Where both hold the same to the last bit."""
        return np.asarray((self.kind == other.kind) & (self.number == other.number))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one pair of tensors came to, in arrays of their shape.

    `has` stands in the workbook, `wanted` is the solution's value on the workbook's numbers, `gives` what the cell's
    own formula makes of the solution's values.
    """

    has: Content
    wanted: Content
    gives: Content
    verdicts: NDArray[np.int8]
    bound: Array


def contents(values: Values, block: Block, dtype: str, texts: dict[str, int]) -> Content:
    """The cells of `block`; booleans are numbers if the dtype is bool. `texts` is the table of all texts."""
    grids = [values.grid(plane) for plane in block.planes]
    numbers = []
    for grid in grids:
        number = grid.number
        if (grid.kind == Kind.TEXT).any():
            number = number.copy()
            for at in np.argwhere(grid.kind == Kind.TEXT).tolist():
                text = grid.texts[int(number[tuple(at)])]
                number[tuple(at)] = texts.setdefault(text, len(texts))
        numbers.append(number)
    kind, number = shaped([grid.kind for grid in grids], block), shaped(numbers, block)
    truth = kind == Kind.BOOLEAN
    if dtype == "bool":
        kind = np.where(truth, Kind.NUMBER, kind).astype(np.uint8)
    return Content(kind, number, truth)


def truths(pairs: Sequence[Pair], has: Sequence[Content], wanted: Sequence[Content]) -> list[_Mask]:
    """Where the solution's values are truth values in the student's cells.

    In a tensor of dtype bool one workbook may have 1 where the other has TRUE: each formula reads what its own has.
    """
    return [
        np.where((pair.dtype == "bool") & (one.kind == Kind.NUMBER), one.truth, other.truth)
        for pair, one, other in zip(pairs, has, wanted, strict=True)
    ]


def shaped(planes: Sequence[NDArray[Any]], block: Block) -> NDArray[Any]:
    """The planes of a block as they lie in the sheet, as one array of its tensor's shape."""
    return np.stack([part.T if block.transposed else part for part in planes]).reshape(block.shape)


def on_sheets(
    book: Book, pairs: Sequence[Pair], arrays: Sequence[Array], truth: Sequence[_Mask] | None = None
) -> dict[Area, Array]:
    """The areas of the student's tensors with the elements of `arrays`, as booleans where that is a `truth`.

    Sheets that the book lacks are left out.
    """
    names = {sheet.name for sheet in book.sheets}
    areas: dict[Area, Array] = {}
    for place, (pair, array) in enumerate(zip(pairs, arrays, strict=True)):
        mask = None if truth is None else truth[place] & ~np.isnan(array)
        areas |= {area: part for area, part in areas_of(pair.student, array, mask).items() if area.sheet in names}
    return areas


def judge_formulas(
    book: Book, index: FormulaIndex, actual: Values, parts: Counterparts, tolerance: Tolerance | None,
    texts: dict[str, int],
) -> list[Judgement]:  # fmt: skip
    """The verdicts of all judged pairs; `actual` are the book's own values."""
    engine, pairs = EmbeddedEngine(), parts.judged
    theirs = FormulaIndex(parts.solution)
    right = engine.evaluate(parts.solution)
    wanted = [contents(right, pair.solution, pair.dtype, texts) for pair in pairs]
    has = [contents(actual, pair.student, pair.dtype, texts) for pair in pairs]
    expected = [one.values for one in wanted]
    operands, truth = [one.operands for one in wanted], truths(pairs, has, wanted)
    forced = on_sheets(book, pairs, operands, truth)
    own = engine.evaluate(book, forced=forced)
    gives = [contents(own, pair.student, pair.dtype, texts) for pair in pairs]
    other = _texts(pairs, [_is_text(one) & ~a.same(one) for one, a in zip(wanted, has, strict=True)], right)
    if other:  # texts cannot be forced; whatever reads a wrong one is tried on the right one
        aside = {sheet.name: free_column(sheet) for sheet in book.sheets}
        own = engine.evaluate(_with_texts(book, index, other, aside), forced=forced)
        for place, pair in enumerate(pairs):
            replaced = _is_text(wanted[place]) & ~has[place].same(wanted[place])
            again = contents(own, pair.student, pair.dtype, texts)
            planes = tuple(plane.moved(0, aside.get(plane.sheet, 0)) for plane in pair.student.planes)
            beside = contents(own, replace(pair.student, planes=planes), pair.dtype, texts)
            kind = np.where(replaced, beside.kind, again.kind)
            number = np.where(replaced, beside.number, again.number)
            gives[place] = Content(kind, number, np.where(replaced, beside.truth, again.truth))
    formula = [index.mask_of(pair.student) for pair in pairs]

    def allowed(needs: Sequence[_Mask], off: Sequence[Array] | None) -> list[Array]:
        if tolerance is not None:
            return [tolerance.atol + tolerance.rtol * np.abs(one) for one in expected]
        radii = {} if off is None else on_sheets(book, pairs, off)
        return allowed_differences(
            pairs, needs,
            (index, RunningError(book, index, own, forced, radii)),
            (theirs, RunningError(parts.solution, theirs, right, on_solution(pairs, wanted), {})),
        )  # fmt: skip

    evaluated = [
        (one.kind < Kind.ERROR) & (a.kind != Kind.UNDECIDED) & (g.kind != Kind.UNDECIDED)
        for one, a, g in zip(wanted, has, gives, strict=True)
    ]
    meant = [(one.kind == Kind.ERROR) & a.same(one) & g.same(one) for one, a, g in zip(wanted, has, gives, strict=True)]
    if any(mask.any() for mask in meant):  # an error of the solution's on its own numbers, by the same formula
        before = engine.evaluate(parts.own)
        for place, pair in enumerate(pairs):
            same = contents(before, pair.solution, pair.dtype, texts).same(wanted[place])
            evaluated[place] |= meant[place] & same & alike(pair, index, theirs)
    needs = [
        mask & (one.kind == Kind.NUMBER) & (g.kind == Kind.NUMBER) & ~g.same(one)
        for mask, one, g in zip(formula, wanted, gives, strict=True)
    ]
    bounds = allowed(needs, None)
    verdicts = []
    for place, pair in enumerate(pairs):
        apart = np.abs(gives[place].values - expected[place])
        right_formula = gives[place].same(wanted[place]) | (apart <= bounds[place])
        doubtful = needs[place] & np.isnan(bounds[place]) & ~is_gross(gives[place], wanted[place])
        verdict = np.select(
            [~formula[place] & (wanted[place].kind < Kind.ERROR), ~evaluated[place] | doubtful, right_formula],
            [FAULT, UNDECIDED, MATCH],
            FAULT,
        ).astype(np.int8)
        verdicts.append(verdict.reshape(pair.student.shape))
    # What the workbook would hold if the faults alone were mended tells which cells they reach.
    mended, faulty = has, [verdict == FAULT for verdict in verdicts]
    if any(mask.any() for mask in faulty):
        areas = on_sheets(book, pairs, [np.where(m, e, np.nan) for m, e in zip(faulty, operands, strict=True)], truth)
        words = _texts(pairs, [mask & _is_text(one) for mask, one in zip(faulty, wanted, strict=True)], right)
        without = engine.evaluate(with_constants(book, words) if words else book, forced=areas)
        mended = [contents(without, pair.student, pair.dtype, texts) for pair in pairs]
    reached = [(verdict == MATCH) & ~one.same(other) for verdict, one, other in zip(verdicts, has, mended, strict=True)]
    tight = allowed(reached, None)
    moved = [
        (verdict == MATCH) & ~one.same(other) & (one.kind == Kind.NUMBER) & (other.kind == Kind.NUMBER)
        for verdict, one, other in zip(verdicts, mended, wanted, strict=True)
    ]
    off = [np.where(mask, np.abs(one.values - e), 0.0) for mask, one, e in zip(moved, mended, expected, strict=True)]
    wide = allowed(moved, off)
    judged = []
    for place, verdict in enumerate(verdicts):
        near = np.abs(has[place].values - mended[place].values) <= tight[place]
        verdict[reached[place] & ~near] = INHERITED
        apart = np.abs(mended[place].values - expected[place])
        largest = float(np.max(np.abs(expected[place]), initial=0.0, where=np.isfinite(expected[place])))
        reach = np.where(np.isnan(wide[place]), _GROSS * largest, wide[place])
        good = verdict == MATCH
        verdict[good & moved[place] & ~(apart <= reach)] = FAULT
        verdict[good & ~moved[place] & ~mended[place].same(wanted[place])] = UNDECIDED
        bound = np.where(good & moved[place], reach, bounds[place])
        judged.append(Judgement(has[place], wanted[place], gives[place], verdict, bound))
    return judged


def _is_text(one: Content) -> _Mask:
    return np.asarray(one.kind == Kind.TEXT)


def _texts(pairs: Sequence[Pair], masks: Sequence[_Mask], right: Values) -> dict[Cell, Scalar]:
    """What the solution has for some of the student's cells."""
    found: dict[Cell, Scalar] = {}
    for pair, mask in zip(pairs, masks, strict=True):
        for at in np.argwhere(mask).tolist():
            found[pair.student.cell(tuple(at))] = right.scalar(pair.solution.cell(tuple(at)))
    return found


def _with_texts(book: Book, index: FormulaIndex, values: Mapping[Cell, Scalar], aside: Mapping[str, int]) -> Book:
    """`book` with `values` in some cells, whose own formulas stand so many columns aside and read the same cells."""
    fills: dict[str, list[Fill]] = {}
    for cell in values:
        text = index.text(cell)
        if text is not None and cell.column + aside[cell.sheet] < MAX_COLUMNS:
            fills.setdefault(cell.sheet, []).append(Fill(Area(cell.moved(0, aside[cell.sheet]), 1, 1), text))
    sheets = (
        replace(sheet, fills=(*sheet.fills, *fills.get(sheet.name, ())))
        for sheet in with_constants(book, values).sheets
    )
    return replace(book, sheets=tuple(sheets))


def is_gross(one: Content, other: Content) -> _Mask:
    """Where two numbers differ by more than any few roundings."""
    with np.errstate(invalid="ignore"):
        size = np.maximum(np.abs(one.values), np.abs(other.values))
        return np.asarray(np.abs(one.values - other.values) > _GROSS * size)


def on_solution(pairs: Sequence[Pair], wanted: Sequence[Content]) -> dict[Area, Array]:
    """The areas of the solution's tensors with what it has there."""
    areas: dict[Area, Array] = {}
    for pair, one in zip(pairs, wanted, strict=True):
        areas |= areas_of(pair.solution, one.operands, one.truth)
    return areas


def allowed_differences(
    pairs: Sequence[Pair], needs: Sequence[_Mask], student: tuple[FormulaIndex, RunningError],
    solution: tuple[FormulaIndex, RunningError],
) -> list[Array]:  # fmt: skip
    """How far rounding may set the two formulas of each needed cell apart; NaN where that is not known, 0 elsewhere."""
    result = []
    for pair, need in zip(pairs, needs, strict=True):
        if not need.any():
            result.append(np.zeros(pair.student.shape))
            continue
        both = running_errors(pair.student, need, *student) + running_errors(pair.solution, need, *solution)
        result.append(np.where(need, both, 0.0))
    return result


def running_errors(block: Block, need: _Mask, index: FormulaIndex, errors: RunningError) -> Array:
    """The running errors of the needed cells' formulas in the tensor's shape; NaN where they are not known."""
    planes = []
    for area, wanted in areas_of(block, need.astype(np.float64)).items():
        found = np.full((area.height, area.width), np.nan)
        there = _around(wanted > 0, area)
        for fill in index.fills_in(there) if there is not None else ():
            part = fill.area.intersection(area)
            assert part is not None  # it has a cell in what is `there`
            rows = slice(part.row - area.row, part.bottom - area.row)
            columns = slice(part.column - area.column, part.right - area.column)
            window = _around(wanted[rows, columns] > 0, part)
            if window is not None:
                inside = (
                    slice(window.row - area.row, window.bottom - area.row),
                    slice(window.column - area.column, window.right - area.column),
                )
                found[inside] = errors.of(fill, window)
        planes.append(found)
    return np.asarray(shaped(planes, block), np.float64)


def _around(mask: _Mask, area: Area) -> Area | None:
    """The smallest area around what is True in `area`."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return Area.of(
        area.sheet, area.row + int(rows[0]), area.column + int(columns[0]),
        int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1,
    )  # fmt: skip


def judge_engine(
    book: Book, index: FormulaIndex, pairs: Sequence[Pair], has: Sequence[Content], engine: Engine, values: Values,
    tolerance: Tolerance | None, texts: dict[str, int],
) -> list[tuple[Content, _Mask]]:  # fmt: skip
    """What another engine (or the file's memory) holds, and where that is not what the cells' own formulas give."""
    held = [contents(values, pair.student, pair.dtype, texts) for pair in pairs]
    if all(one.same(other).all() for one, other in zip(held, has, strict=True)):
        return [(one, np.zeros(one.kind.shape, bool)) for one in held]
    forced = on_sheets(book, pairs, [one.operands for one in held], [one.truth for one in held])
    again = EmbeddedEngine().evaluate(book, forced=forced)
    own = [contents(again, pair.student, pair.dtype, texts) for pair in pairs]
    formula = [index.mask_of(pair.student) for pair in pairs]
    known = [
        mask & (one.kind != Kind.BLANK) & (one.kind != Kind.UNDECIDED) & (o.kind < Kind.ERROR)
        for mask, one, o in zip(formula, held, own, strict=True)
    ]
    different = [mask & ~one.same(o) for mask, one, o in zip(known, held, own, strict=True)]

    def rounding(needs: Sequence[_Mask], operands: Mapping[Area, Array]) -> list[Array]:
        """How far rounding may set the needed values apart, where it is known."""
        errors = RunningError(book, index, again, forced, operands, engine.slack)
        return [
            running_errors(pair.student, need, index, errors)
            if need.any() and tolerance is None
            else np.full(pair.student.shape, np.nan)
            for pair, need in zip(pairs, needs, strict=True)
        ]

    def wrong(radii: Sequence[Array]) -> list[_Mask]:
        found = []
        for one, o, actual, mask, radius in zip(held, own, has, different, radii, strict=True):
            size = np.abs(o.values)
            if tolerance is not None:
                allowed = tolerance.atol + tolerance.rtol * size
            else:
                allowed = np.where(np.isnan(radius), _GROSS * size, radius + engine.slack.relative * size)
            with np.errstate(invalid="ignore"):
                # A value is as it should be too where only those that it is computed from are stale.
                apart = np.fmin(np.abs(one.values - o.values), np.abs(one.values - actual.values))
                found.append(mask & ~one.same(actual) & ~(apart <= allowed))
        return found

    found = wrong(rounding(different, {}))
    if engine.slack.relative and tolerance is None and any(mask.any() for mask in found):
        # LibreOffice saves values that it was given beside such that it computed anew from rounded numbers.
        off = [
            np.nan_to_num(radius) + engine.slack.relative * np.nan_to_num(np.abs(one.values))
            for radius, one in zip(rounding(formula, {}), own, strict=True)
        ]
        found = wrong(rounding(different, on_sheets(book, pairs, off)))
    return list(zip(held, found, strict=True))

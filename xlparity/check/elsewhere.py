"""Formulas on other numbers than those that stand in the sheet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xlparity.check.edited import rectangles, with_formulas
from xlparity.check.formulas import FillBreak
from xlparity.check.judge import Array, Held, hold
from xlparity.check.reference import Program
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import MapError
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.value import Values

__all__ = ["areas_of", "areas_of_samples", "right_elsewhere"]

_INFINITE = 1e300  # and beyond: stands for infinity


def right_elsewhere(
    program: Program, book: Book, values: Values, shown: Mapping[tuple[str, bool], Array],
    suspects: Mapping[str, Mapping[Cell, FillBreak]], unfillable: Collection[Cell] = (),
) -> set[Cell]:  # fmt: skip
    """Those cells of `suspects`, by tensor, whose own formula computes what torch does on changed operands too.

    In the numbers that stand in the sheet a formula may be right by chance, because two cells happen to hold the same.
    All tensors of floating dtype are changed, each element differently; integers and booleans say which elements are
    read, and stay. Where a formula reads what its tensor's expression computes anew from other tensors, the two agree
    only if these are changed and the others computed from them. Then two cells may hold the same on all numbers, and a
    break is meant only if the formula of the fill would be wrong in its place, or is in an `unfillable` cell, where it
    would read what is no tensor.
    Both ways are tried with the opposite signs too, since ReLU makes 0 of any negative number; what torch or the sheet
    cannot compute there (a logarithm) tells nothing.
    """
    held = {name: hold(values, row.block, row.dtype) for name, row in program.rows.items()}
    changed = _apart(program, {name: one.values for name, one in held.items()})
    apart, _ = _judged(program, book, changed, held, shown, suspects)
    right = apart - _judged(program, book, _turned(program, changed), held, shown, suspects)[1]
    left = {name: [cell for cell in cells if cell not in apart] for name, cells in suspects.items()}
    left_cells = {cell for cells in left.values() for cell in cells}
    if not left_cells:
        return right
    filled = {
        cell: one.formula for name, cells in left.items() for cell, one in suspects[name].items() if cell in cells
    }
    book_filled = with_formulas(book, filled)
    found, refuted, needed = set[Cell](), set[Cell](), left_cells.intersection(unfillable)
    for numbers in (changed, _turned(program, changed), _turned(program, changed, np.random.default_rng(1))):
        try:
            computed = _computed(program, numbers, shown)
        except MapError:  # torch refuses such numbers
            continue
        one, other = _judged(program, book, computed, held, shown, left, infinities=True)
        found, refuted = found | one, refuted | other
        needed |= left_cells - _judged(program, book_filled, computed, held, shown, left, infinities=True)[0]
    return right | (found - refuted) & needed


def _turned(
    program: Program, changed: Mapping[str, Array], random: np.random.Generator | None = None
) -> dict[str, Array]:
    """The numbers with their signs turned, at random if it is given; infinities and tensors of integers stay."""
    return {
        name: np.where(np.abs(array) < _INFINITE, array * (-1 if random is None else _signs(array, random)), array)
        if getattr(torch, program.rows[name].dtype).is_floating_point
        else array
        for name, array in changed.items()
    }


def _signs(array: Array, random: np.random.Generator) -> Array:
    return random.choice([-1.0, 1.0], array.shape)


def _apart(program: Program, held: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor changed by itself."""
    random = np.random.default_rng(0)
    changed: dict[str, Array] = {}
    given = [name for name in program.rows if name not in program.expressions]
    for name in (*given, *program.order):
        row = program.rows[name]
        if row.torch in changed:  # the same tensor in other cells, which formulas read in its place
            changed[name] = changed[row.torch]
        else:
            real = getattr(torch, row.dtype).is_floating_point
            changed[name] = _changed(held[name], random) if real else held[name]
    return changed


def _computed(
    program: Program, changed: Mapping[str, Array], shown: Mapping[tuple[str, bool], Array]
) -> dict[str, Array]:
    """The given ones of the tensors `changed`, and all others as torch computes them from these."""
    given = {name: program.given(name, changed[name]) for name in program.rows if name not in program.expressions}
    references = program.whole(given, shown)
    return {name: np.clip(references[name].value, -_INFINITE, _INFINITE) for name in program.rows}


def _judged(
    program: Program, book: Book, changed: Mapping[str, Array], held: Mapping[str, Held],
    shown: Mapping[tuple[str, bool], Array], suspects: Mapping[str, Collection[Cell]], infinities: bool = False,
) -> tuple[set[Cell], set[Cell]]:  # fmt: skip
    """Those cells of `suspects` whose own formula computes what torch does from the tensors `changed`, and those whose
    formula gives another number. That it gives infinity, as torch does, says something only with `infinities`: under a
    mask a wrong formula gives it too.
    """
    forced: dict[Area, Array] = {}
    for name, array in changed.items():
        forced |= areas_of(program.rows[name].block, array, held[name].truths)
    again = EmbeddedEngine().evaluate(book, forced=forced)
    right: set[Cell] = set()
    wrong: set[Cell] = set()
    for name, cells in suspects.items():
        try:
            expected = program.local(name, changed, shown)
        except MapError:
            continue
        block = program.rows[name].block
        own = hold(again, block, program.rows[name].dtype).values
        with np.errstate(invalid="ignore"):
            near = np.abs(own - expected.value) <= expected.radius
            far = np.abs(own - expected.value) > expected.radius
            if infinities:
                near |= np.isinf(expected.value) & (own * np.sign(expected.value) >= _INFINITE)
        right.update(cell for cell in cells if near[block.index(cell)])
        wrong.update(cell for cell in cells if far[block.index(cell)])
    return right, wrong


def _changed(held: Array, random: np.random.Generator) -> Array:
    """Numbers near those of `held` and of the same sign, no two alike; zeros become numbers beside the others."""
    finite = np.abs(held) < _INFINITE
    largest = np.abs(held).max(initial=0.0, where=finite) or 1.0
    part = random.uniform(0.25, 1.0, held.shape)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(held == 0, largest * part / 64, np.where(finite, held * (1 + part / 8), held)))


def areas_of(
    block: Block, array: NDArray[np.float64], truths: NDArray[np.bool_] | None = None
) -> dict[Area, NDArray[Any]]:
    """The planes of `block` with the elements of `array` as they lie in the sheet.

    Those that are `truths` stand once more, behind their planes, as areas of booleans.
    """
    planes = array.reshape((len(block.planes), *block.shape[-2:]))
    areas = {}
    for plane, numbers in zip(block.planes, planes, strict=True):
        shaped = np.transpose(numbers) if block.transposed else np.asarray(numbers)
        areas[plane] = np.ascontiguousarray(shaped.reshape(plane.height, plane.width))
    if truths is not None and truths.any():
        for plane, mask in areas_of(block, truths.astype(np.float64)).items():
            row, column = np.nonzero(mask)
            for part in rectangles((row + plane.row) * np.int64(MAX_COLUMNS) + column + plane.column, plane.sheet):
                rows = slice(part.row - plane.row, part.bottom - plane.row)
                areas[part] = areas[plane][rows, part.column - plane.column : part.right - plane.column] > 0
    return areas


def areas_of_samples(block: Block, samples: Iterable[Array], truths: NDArray[np.bool_]) -> dict[Area, torch.Tensor]:
    """The same of many samples of a tensor, of which at least one is given: (samples, rows, columns)."""
    each = [areas_of(block, array, truths) for array in samples]
    return {area: torch.from_numpy(np.stack([one[area] for one in each])) for area in each[0]}

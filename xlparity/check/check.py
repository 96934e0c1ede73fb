"""The whole check of one workbook: engines evaluate, torch recomputes, every cell gets its verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from xlparity.check.because import Because
from xlparity.check.bound import Ball
from xlparity.check.derivatives import loss_derivatives
from xlparity.check.disagree import disagreements
from xlparity.check.elsewhere import areas_of, right_elsewhere
from xlparity.check.explore import Explorer
from xlparity.check.formulas import FillBreak, FormulaIndex, MappedAreas, breaks_of_fill, reaches_beyond
from xlparity.check.identity import identical_tensors
from xlparity.check.judge import (
    EXPLAINED,
    FAULT,
    INHERITED,
    MATCH,
    UNDECIDED,
    Array,
    Judged,
    Opinion,
    Tolerance,
    hold,
    judge_computed,
    judge_expected,
    require_numbers,
)
from xlparity.check.mend import mended
from xlparity.check.model import hold_model
from xlparity.check.origin import Origins
from xlparity.check.reference import Program, Reference
from xlparity.engines.cached import CachedValues
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.engines.embedded.threads import one_thread
from xlparity.errors import NothingChecked
from xlparity.limits import Budget, spending
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.engine import Engine
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.report import IGNORED, Coverage, EngineUsed, Exploration, Report, Subject, TensorVerdict
from xlparity.model.value import Kind, Values
from xlparity.model.verdict import Verdict
from xlparity.version import __version__

__all__ = ["check_book"]

_Scalar = TypeVar("_Scalar", bound=np.generic)

# Steps of the engine that the search for repairs may take: some 700 go into one fault of a small sheet.
_EFFORT, _EFFORT_A_CELL = 200_000, 2_000


@one_thread()
def check_book(
    book: Book,
    path: Path,
    parity: Map,
    engines: Sequence[Engine],
    tolerance: Tolerance | None = None,
    ignore: Sequence[Area] = (),
    progress: Callable[[str], None] = lambda _: None,
    model: nn.Module | None = None,
    samples: int = 0,
    seed: int = 0,
) -> Report:
    """Judge every cell of `parity` by each of `engines`, and by the values that the file remembers.

    Parameters
    ----------
    book, path
        The workbook and the file that it was read from.
    parity
        Which cells hold which tensor.
    tolerance
        Replaces the computed rounding error bound.
    ignore
        Areas whose cells are not judged.
    progress
        Is told what is being done.
    model
        Holds the sheet's parameters against this model's, and the map's expressions against its modules' outputs.
    samples, seed
        Judges the formulas on so many samples of other numbers too, which the seed draws.

    Raises InputError if a given tensor's cell holds no number or the map does not fit `model`, MapError if the map
    makes no sense, EngineError if an engine cannot be run, NothingChecked if no cell is left to judge.
    """
    program = Program(parity)
    rows = [row for row in parity if row.role is Role.COMPUTED] + [row for row in parity if row.role is Role.EXPECTED]
    ignored = [_ignored(row.block, ignore) for row in rows]
    if all(mask.all() for mask in ignored):
        raise NothingChecked(
            f"{path.name}: the map has no computed or expected tensor that could be checked; add rows with the role "
            "computed and a torch expression"
        )
    index = FormulaIndex(book)
    judges: list[Engine] = [*engines, CachedValues()] if CachedValues.available(book) else [*engines]
    opinions: list[Opinion] = []
    for engine in judges:
        progress(f"evaluating with {engine.name}")
        values = engine.evaluate(book, path)
        progress(f"judging the values of {engine.name}")
        if isinstance(engine, CachedValues) and _remembers_all(rows, program, opinions[0].values, values):
            opinions.append(replace(opinions[0], engine=engine, values=values))
            continue
        opinions.append(_opinion(program, rows, index, engine, values, tolerance, book))
    of_model = None
    if model is not None:
        progress(f"holding the sheet against {type(model).__name__}")
        own = {name: hold(opinions[0].values, row.block, row.dtype) for name, row in program.rows.items()}
        shown = {key: hold(opinions[0].values, row.block, row.dtype).values for key, row in program.shown.items()}
        of_model = hold_model(model, program, own, shown, opinions[0].whole)
    progress("looking for the origin of differences")
    formula_faults = _formula_faults(index, opinions[0], rows, program, book)
    merged = [_merge(opinions, number, row, formula_faults) for number, row in enumerate(rows)]
    computed = {
        row.tensor: verdicts for row, (verdicts, _) in zip(rows, merged, strict=True) if row.role is Role.COMPUTED
    }
    elsewhere, exploration = None, None
    carried: Mapping[str, NDArray[np.bool_]] = {}
    if samples:
        explorer = Explorer(program, book, index, opinions[0].values, seed, tolerance)
        # A cell that inherits an error may be wrong itself too, on other numbers.
        known = {name: (verdicts > EXPLAINED) & (verdicts != INHERITED) for name, verdicts in computed.items()}
        explored = explorer.explore(samples, known, progress)
        never = sum(int((count == 0)[~known[name]].sum()) for name, count in explored.compared.items())
        progress("comparing with torch as rational functions")
        identical = identical_tensors(program, book, index, opinions[0].values, seed)
        for name, worst in explored.verdicts.items():
            computed[name][...] = np.maximum(computed[name], worst)
        carried = explored.carried
        elsewhere = explorer, explored
        exploration = Exploration(
            explored.samples, seed, explorer.varied, never, identical.tensors, identical.probability
        )  # fmt: skip
    if of_model is not None:
        _mark_foreign(rows, [verdicts for verdicts, _ in merged], program, of_model.foreign)
    for (verdicts, _), mask in zip(merged, ignored, strict=True):
        verdicts[mask] = IGNORED
    carries = [
        _pick([opinion.judged[number].carries for opinion in opinions], chosen) | carried.get(row.tensor, False)
        for number, (row, (_, chosen)) in enumerate(zip(rows, merged, strict=True))
    ]
    origins = _settle(index, rows, [verdicts for verdicts, _ in merged], carries)
    narrow = _float32_differences(program, opinions[0].values, opinions[0].whole)
    because = Because(index, program, formula_faults, origins, of_model, elsewhere)
    tensors = []
    findings = []
    for parameter in of_model.parameters if of_model is not None else ():
        row, held, verdicts = parameter.row, parameter.held, parameter.verdicts.copy()
        verdicts[_ignored(row.block, ignore)] = IGNORED
        tensors.append(
            TensorVerdict(
                row.tensor, row.role, row.block, row.dtype, held.values, parameter.expected, parameter.bound, verdicts
            )
        )
        findings += [because.of_parameter(parameter, tuple(at)) for at in np.argwhere(verdicts > MATCH).tolist()]
    for number, (row, (verdicts, chosen)) in enumerate(zip(rows, merged, strict=True)):
        judged = [opinion.judged[number] for opinion in opinions]
        tensors.append(
            TensorVerdict(
                row.tensor, row.role, row.block, row.dtype,
                _pick([tensor.held.values for tensor in judged], chosen),
                _pick([tensor.expected for tensor in judged], chosen),
                _pick([tensor.bound for tensor in judged], chosen),
                verdicts, narrow.get(row.tensor) if row.role is Role.COMPUTED else None, row.torch,
                of_model.splits.get(row.tensor) if of_model is not None and row.role is Role.COMPUTED else None,
            )
        )  # fmt: skip
        for at in np.argwhere(verdicts > MATCH).tolist():
            spot = tuple(at)
            findings.append(because.finding(opinions[int(chosen[spot])], number, spot, int(verdicts[spot])))
    with spending(Budget(effort=_EFFORT + _EFFORT_A_CELL * index.count)):
        findings = mended(findings, program, book, index, opinions[0].values, formula_faults, progress)
    rank = {verdict: -at for at, verdict in enumerate(Verdict)}
    findings.sort(key=lambda finding: rank[finding.verdict])
    if exploration is not None:
        proved = tuple(name for name in exploration.identical if (computed[name] <= MATCH).all())
        exploration = replace(exploration, identical=proved)
    return Report(
        path.name,
        __version__,
        tuple(EngineUsed(opinion.engine.name, opinion.engine.version) for opinion in opinions),
        tuple(tensors),
        tuple(findings),
        _coverage(index, rows, opinions, tensors, program),
        tuple(disagreements(index, [(one.engine, one.values) for one in opinions[: len(engines)]])),
        "" if model is None else type(model).__name__,
        () if of_model is None else of_model.missing,
        index.texts,
        exploration,
        Subject(book, parity, opinions[0].values, partial(loss_derivatives, parity, opinions[0].values)),
    )


def _opinion(
    program: Program,
    rows: Sequence[MapRow],
    index: FormulaIndex,
    engine: Engine,
    values: Values,
    tolerance: Tolerance | None,
    book: Book,
) -> Opinion:
    held = {name: hold(values, row.block, row.dtype) for name, row in program.rows.items()}
    expected_rows = [row for row in rows if row.role is Role.EXPECTED]
    owns = [hold(values, row.block, row.dtype) for row in expected_rows]
    for name, row in program.rows.items():
        if name not in program.expressions and not isinstance(engine, CachedValues):
            require_numbers(program, row, held[name], values, index)
    shown = {key: hold(values, row.block, row.dtype).values for key, row in program.shown.items()}
    is_formula = {name: index.mask_of(program.rows[name].block) for name in program.expressions}

    def forced(right: Mapping[str, Array]) -> dict[str, Array]:
        areas: dict[Area, Array] = {}
        for name, array in right.items():
            areas |= areas_of(program.rows[name].block, array, held[name].truths)
        again = EmbeddedEngine().evaluate(book, forced=areas)
        return {name: hold(again, program.rows[name].block, program.rows[name].dtype).values for name in right}

    computed, whole = judge_computed(program, held, shown, engine.slack, tolerance, is_formula, forced)
    if isinstance(engine, CachedValues):
        computed = {name: _only_remembered(tensor, is_formula[name]) for name, tensor in computed.items()}
    order = [row.tensor for row in rows if row.role is Role.COMPUTED]
    shown_rows = judge_expected(program, expected_rows, held, owns, shown, whole)
    judged = [computed[name] for name in order] + [tensor for tensor, _ in shown_rows]
    reasons = {len(order) + at: reason for at, (_, reason) in enumerate(shown_rows)}
    unread = {
        name: row.block.cell(tuple(np.argwhere(held[name].kinds == Kind.UNDECIDED)[0].tolist()))
        for name, row in program.rows.items()
        if name not in program.expressions and (held[name].kinds == Kind.UNDECIDED).any()
    }
    return Opinion(engine, values, tuple(judged), reasons, whole, unread)


def _remembers_all(rows: Sequence[MapRow], program: Program, computed: Values, remembered: Values) -> bool:
    """Whether the file remembers exactly what was computed, so that the judgement is the same."""
    for row in (*program.rows.values(), *rows):
        one, other = hold(computed, row.block, row.dtype), hold(remembered, row.block, row.dtype)
        if not (np.array_equal(one.kinds, other.kinds) and np.array_equal(one.values, other.values, equal_nan=True)):
            return False
    return True


def _only_remembered(tensor: Judged, is_formula: NDArray[np.bool_]) -> Judged:
    """Cells that the file does not remember, or not their operands, are no evidence; constants the engines judged."""
    absent = (tensor.held.kinds == Kind.BLANK) | ~is_formula | ~tensor.operands_known
    return replace(tensor, verdicts=np.where(absent, 0, tensor.verdicts).astype(np.uint8))


def _ignored(block: Block, ignore: Sequence[Area]) -> NDArray[np.bool_]:
    mask = np.zeros(block.shape, bool)
    for area in ignore:
        if any(plane.intersection(area) for plane in block.planes):
            for at in block.indices():
                mask[at] |= block.cell(at) in area
    return mask


def _pick(arrays: Sequence[NDArray[_Scalar]], chosen: NDArray[np.intp]) -> NDArray[_Scalar]:
    """For each element the array that was chosen for it."""
    return np.asarray(np.take_along_axis(np.stack(arrays), chosen[None], 0)[0])


def _formula_faults(
    index: FormulaIndex, opinion: Opinion, rows: Sequence[MapRow], program: Program, book: Book
) -> dict[Cell, str]:
    """Cells of computed tensors whose formula is not what it should be, whatever its value."""
    values = opinion.values
    wrong = {
        row.block.cell(tuple(at))
        for row, judged in zip(rows, opinion.judged, strict=True)
        for at in np.argwhere(judged.verdicts == FAULT).tolist()
    }
    faults: dict[Cell, str] = {}
    breaks: dict[str, dict[Cell, FillBreak]] = {}
    mapped = MappedAreas([row.block for row in (*program.rows.values(), *program.shown.values())])
    for row in rows:
        first = program.rows.get(row.torch)
        # A second name of the same cells (an output that is a layer's): the first says what the formulas compute.
        if row.role is not Role.COMPUTED or (first is not None and first.block == row.block):
            continue
        found = breaks_of_fill(index, row.block, wrong)
        if found:
            breaks[row.tensor] = found
        for cell in index.first_of_each_fill(row.block):
            reason = reaches_beyond(index.precedents(cell), values, cell, mapped)
            if reason:
                faults[cell] = reason
    if breaks:  # which is as it should be where torch itself rearranges, as roll and flip do
        shown = {key: hold(values, row.block, row.dtype).values for key, row in program.shown.items()}
        unfillable = [
            cell
            for found in breaks.values()
            for cell, one in found.items()
            if reaches_beyond(index.read_by(one.formula, cell.sheet), values, cell, mapped)
        ]
        meant = right_elsewhere(program, book, values, shown, breaks, unfillable)
        faults |= {cell: one.reason for found in breaks.values() for cell, one in found.items() if cell not in meant}
    return faults


def _merge(
    opinions: Sequence[Opinion], number: int, row: MapRow, formula_faults: Mapping[Cell, str]
) -> tuple[NDArray[np.int8], NDArray[np.intp]]:
    """The worst verdict of each cell of a tensor, and whose it is.

    What one engine leaves undecided another may decide; what the file remembers decides nothing alone.
    """
    stacked = np.stack([opinion.judged[number].verdicts for opinion in opinions]).astype(np.int8)
    engines = [at for at, opinion in enumerate(opinions) if not isinstance(opinion.engine, CachedValues)]
    decided = (stacked[engines] != UNDECIDED).any(0)
    chosen = np.asarray(np.where((stacked == UNDECIDED) & decided, -1, stacked).argmax(0))
    verdicts = np.array(np.take_along_axis(stacked, chosen[None], 0)[0])
    if row.role is Role.COMPUTED:
        for cell in formula_faults:
            if cell in row.block:
                verdicts[row.block.index(cell)] = FAULT
    return verdicts, chosen


def _mark_foreign(
    rows: Sequence[MapRow], verdicts: Sequence[NDArray[np.int8]], program: Program, foreign: Mapping[str, Array]
) -> None:
    """In `verdicts`: the first tensors that are not what the model's modules give are wrong, later ones inherit it."""
    for row, array in zip(rows, verdicts, strict=True):
        if row.role is Role.COMPUTED and row.tensor in foreign:
            first = program.upstream(row.tensor).isdisjoint(foreign.keys() - {row.tensor})
            differs = ~np.isnan(foreign[row.tensor]) & (array != FAULT)
            array[differs] = FAULT if first else INHERITED


def _settle(
    index: FormulaIndex, rows: Sequence[MapRow], verdicts: Sequence[NDArray[np.int8]],
    carries: Sequence[NDArray[np.bool_]],
) -> Origins:  # fmt: skip
    """Origins of all wrong cells; a cell that inherits from nowhere becomes a fault itself, in `verdicts`.

    Not so one that `carries` what it reads in a way of which its text says nothing, by OFFSET or INDIRECT.
    """
    while True:
        wrong: dict[Cell, Verdict] = {}
        places: dict[Cell, tuple[int, tuple[int, ...]]] = {}
        for number, (row, array) in enumerate(zip(rows, verdicts, strict=True)):
            for at in np.argwhere(array >= INHERITED).tolist():
                spot = tuple(at)
                cell = row.block.cell(spot)
                wrong[cell] = list(Verdict)[int(array[spot])]
                places[cell] = (number, spot)
        origins = Origins(index, wrong)
        orphans = [
            cell
            for cell, verdict in wrong.items()
            if verdict is Verdict.INHERITED
            and not carries[places[cell][0]][places[cell][1]]
            and not origins.reads_wrong(cell)
        ]
        if not orphans:
            return origins
        for cell in orphans:
            number, spot = places[cell]
            verdicts[number][spot] = FAULT


def _float32_differences(program: Program, values: Values, wide: Mapping[str, Reference]) -> dict[str, float]:
    """For each float32 tensor how far torch's float32 result is from its float64 result, at most."""
    if not any(program.rows[name].dtype == "float32" for name in program.order):
        return {}
    shown = {key: hold(values, row.block, row.dtype).values for key, row in program.shown.items()}
    given = {}
    for name, row in program.rows.items():
        if name not in program.expressions:
            tensor = program.given(name, hold(values, row.block, row.dtype).values)
            given[name] = tensor.value.to(torch.float32) if isinstance(tensor, Ball) else tensor
    narrow = program.whole(given, shown)
    return {
        name: float(np.max(_apart(wide[name].value, narrow[name].value), initial=0.0))
        for name in program.order
        if program.rows[name].dtype == "float32"
    }


def _apart(wide: Array, narrow: Array) -> Array:
    """Differences where both are finite, 0 elsewhere."""
    both = np.isfinite(wide) & np.isfinite(narrow)
    return np.asarray(np.abs(np.where(both, wide, 0.0) - np.where(both, narrow, 0.0)))


def _coverage(
    index: FormulaIndex,
    rows: Sequence[MapRow],
    opinions: Sequence[Opinion],
    tensors: Sequence[TensorVerdict],
    program: Program,
) -> Coverage:
    mapped = index.covered([row.block for row in rows])
    given = {name: index.mask_of(row.block) for name, row in program.rows.items() if name not in program.expressions}
    first = next(((name, np.argwhere(mask)[0]) for name, mask in given.items() if mask.any()), None)
    unmapped = [
        Cell(sheet, *divmod(key, MAX_COLUMNS))
        for sheet, mask in mapped.items()
        for key in index.keys[sheet][~mask].tolist()
    ]
    stale: list[Cell] = []
    remembered = opinions[-1].values
    if isinstance(opinions[-1].engine, CachedValues):
        stale = [cell for cell in unmapped if _is_stale(remembered, opinions[0].values, cell)]
    return Coverage(
        index.count,
        sum(int(mask.sum()) for mask in mapped.values()),
        sum(int((tensor.verdicts == UNDECIDED).sum()) for tensor in tensors),
        unmapped[0] if unmapped else None,
        len(stale),
        stale[0] if stale else None,
        sum(int(mask.sum()) for mask in given.values()),
        None if first is None else (program.rows[first[0]].block.cell(tuple(first[1].tolist())), first[0]),
    )


def _is_stale(remembered: Values, computed: Values, cell: Cell) -> bool:
    """Whether the file remembers something that nobody would take for the computed value (no map row gives a bound)."""
    old, new = remembered.scalar(cell), computed.scalar(cell)
    if old is None or new is None:
        return False
    if isinstance(old, float) and isinstance(new, float):
        return not np.isclose(old, new, rtol=1e-6, atol=1e-9)
    return type(old) is not type(new) or old != new  # #N/A is numbered 7, and TRUE is 1

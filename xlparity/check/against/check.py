"""The whole check of one workbook against another: the other's formulas in torch's place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xlparity.check.against.because import Because
from xlparity.check.against.explore import Explorer
from xlparity.check.against.judge import Content, Judgement, judge_engine, judge_formulas
from xlparity.check.against.pairs import Pair, by_address, by_name
from xlparity.check.against.repair import with_repairs
from xlparity.check.disagree import disagreements
from xlparity.check.formulas import FormulaIndex
from xlparity.check.judge import FAULT, INHERITED, MATCH, UNDECIDED, Tolerance
from xlparity.check.origin import Origins
from xlparity.engines.cached import CachedValues
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.engines.embedded.threads import one_thread
from xlparity.errors import NothingChecked
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book, Sheet
from xlparity.model.cell import MAX_COLUMNS, Cell
from xlparity.model.engine import Engine
from xlparity.model.map import Map, Role
from xlparity.model.report import IGNORED, Against, Coverage, EngineUsed, Exploration, Report, Subject, TensorVerdict
from xlparity.model.value import Values
from xlparity.model.verdict import Verdict
from xlparity.version import __version__

__all__ = ["check_against"]


@one_thread()
def check_against(
    book: Book,
    path: Path,
    solution: Book,
    solution_path: Path,
    maps: tuple[Map, Map] | None,
    engines: Sequence[Engine],
    tolerance: Tolerance | None = None,
    ignore: Sequence[Area] = (),
    progress: Callable[[str], None] = lambda _: None,
    samples: int = 0,
    seed: int = 0,
) -> Report:
    """Judge every cell of `book` that `solution` computes by the formulas of `solution` on the numbers of `book`.

    Parameters
    ----------
    book, path
        The workbook and the file that it was read from.
    solution, solution_path
        The workbook whose formulas are right.
    maps
        The maps of the two, whose tensors are matched by name; None: cells are matched by address.
    engines
        The engines that evaluate the book's formulas. Formulas are compared by the embedded one.
    tolerance, ignore, progress, samples, seed
        As for `check.check.check_book`.

    Raises InputError for a given tensor's cell without a number, MapError if the maps do not fit, EngineError if an
    engine cannot be run, NothingChecked if the solution has no formula to compare.
    """
    index = FormulaIndex(book)
    progress(f"evaluating with {EmbeddedEngine.name}")
    actual = EmbeddedEngine().evaluate(book, path)
    parts = by_address(book, index, actual, solution) if maps is None else by_name(maps[0], actual, solution, maps[1])
    pairs = parts.judged
    ignored = [_ignored(pair.student, ignore) for pair in pairs]
    if all(mask.all() for mask in ignored):
        raise NothingChecked(
            f"{solution_path.name} has no formula that could be compared; name a workbook that has the right formulas"
        )
    progress(f"holding the formulas against those of {solution_path.name}")
    texts: dict[str, int] = {}
    judged = judge_formulas(book, index, actual, parts, tolerance, texts)
    verdicts = [one.verdicts for one in judged]
    others = _other_engines(book, path, index, pairs, judged, engines, tolerance, texts, progress)
    wrong_elsewhere: dict[tuple[int, tuple[int, ...]], tuple[Engine, Content, Values]] = {}
    for engine, values, found in others:
        for number, (content, different) in enumerate(found):
            for at in np.argwhere(different & (verdicts[number] != FAULT)).tolist():
                wrong_elsewhere[number, tuple(at)] = engine, content, values
                verdicts[number][tuple(at)] = FAULT
    before = [array.copy() for array in verdicts]
    explorer, explored = Explorer(book, index, parts, judged, seed, tolerance), None
    if samples:
        explored = explorer.explore(samples, [array == FAULT for array in verdicts], progress)
        for array, elsewhere in zip(verdicts, explored.verdicts, strict=True):
            array[...] = np.maximum(array, elsewhere)
    for array, mask in zip(verdicts, ignored, strict=True):
        array[mask] = IGNORED
    origins = Origins(
        index,
        {
            pair.student.cell(tuple(at)): list(Verdict)[int(array[tuple(at)])]
            for pair, array in zip(pairs, verdicts, strict=True)
            for at in np.argwhere(array >= INHERITED).tolist()
        },
    )
    because = Because(book, index, actual, parts, origins, explorer, explored, before)
    findings = [
        because.finding(number, judged[number], tuple(at), wrong_elsewhere.get((number, tuple(at))))
        for number, array in enumerate(verdicts)
        for at in np.argwhere(array > MATCH).tolist()
    ]
    findings = with_repairs(findings, book, index, parts, explorer, progress)
    rank = {verdict: -at for at, verdict in enumerate(Verdict)}
    findings.sort(key=lambda finding: rank[finding.verdict])
    tensors = tuple(
        TensorVerdict(
            pair.name, Role.COMPUTED, pair.student, pair.dtype, one.has.values, one.wanted.values, one.bound,
            one.verdicts,
        )
        for pair, one in zip(pairs, judged, strict=True)
    )  # fmt: skip
    absent = _absent(book, pairs)
    used = [(engine, values) for engine, values, _ in others]
    listed = [EngineUsed(EmbeddedEngine.name, __version__), *(EngineUsed(one.name, one.version) for one, _ in used)]
    return Report(
        path.name, __version__, tuple(listed), tensors, tuple(findings), _coverage(index, pairs, tensors),
        tuple(disagreements(index, [(EmbeddedEngine(), actual), *(u for u in used if u[0].name != CachedValues.name)])),
        formulas=index.texts,
        exploration=None if explored is None else Exploration(
            explored.samples, seed, tuple(pair.name for pair in parts.given), explored.never
        ),
        subject=Subject(
            replace(book, sheets=(*book.sheets, *map(Sheet, absent))), Map(()) if maps is None else maps[0], actual
        ),
        against=Against(solution_path.name, maps is not None, parts.changed, parts.missing, absent, parts.uncompared),
    )  # fmt: skip


def _absent(book: Book, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """The sheets of judged cells that the workbook lacks."""
    named = {sheet.name for sheet in book.sheets}
    planes = (plane for pair in pairs for plane in pair.student.planes)
    return tuple(dict.fromkeys(plane.sheet for plane in planes if plane.sheet not in named))


def _other_engines(
    book: Book, path: Path, index: FormulaIndex, pairs: Sequence[Pair], judged: Sequence[Judgement],
    engines: Sequence[Engine], tolerance: Tolerance | None, texts: dict[str, int], progress: Callable[[str], None],
) -> list[tuple[Engine, Values, list[tuple[Content, np.ndarray]]]]:  # fmt: skip
    """The engines besides the embedded one, and the file's memory: where they hold what the formulas do not give."""
    chosen: list[Engine] = [engine for engine in engines if engine.name != EmbeddedEngine.name]
    chosen += [CachedValues()] if CachedValues.available(book) else []
    found = []
    for engine in chosen:
        progress(f"evaluating with {engine.name}")
        values = engine.evaluate(book, path)
        has = [one.has for one in judged]
        found.append((engine, values, judge_engine(book, index, pairs, has, engine, values, tolerance, texts)))
    return found


def _ignored(block: Block, ignore: Sequence[Area]) -> np.ndarray:
    mask = np.zeros(block.shape, bool)
    for area in ignore:
        if any(plane.intersection(area) for plane in block.planes):
            for at in block.indices():
                mask[at] |= block.cell(at) in area
    return mask


def _coverage(index: FormulaIndex, pairs: Sequence[Pair], tensors: Sequence[TensorVerdict]) -> Coverage:
    mapped = index.covered([pair.student for pair in pairs])
    unmapped = [(sheet, index.keys[sheet][~mask]) for sheet, mask in mapped.items() if not mask.all()]
    first = Cell(unmapped[0][0], *divmod(int(unmapped[0][1][0]), MAX_COLUMNS)) if unmapped else None
    return Coverage(
        index.count,
        sum(int(mask.sum()) for mask in mapped.values()),
        sum(int((tensor.verdicts == UNDECIDED).sum()) for tensor in tensors),
        first,
    )

"""The proposal of a map: the model's tensors found in the sheet first, then what the formulas themselves say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from xlparity.check.check import check_book
from xlparity.check.judge import hold
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.engines.embedded.threads import one_thread
from xlparity.errors import InputError, MapError
from xlparity.model.area import Area
from xlparity.model.book import Book
from xlparity.model.map import Map, Role
from xlparity.model.proposal import Proposal, ProposedRow
from xlparity.model.value import Values
from xlparity.model.verdict import Verdict
from xlparity.proposing.bind import Binding, ModelTensors, bind_model
from xlparity.proposing.from_formulas import Reading, read_formulas
from xlparity.proposing.labels import Labels
from xlparity.proposing.roles import named_rows
from xlparity.xlsx.map_file import PARITY_SHEET

__all__ = ["propose_map"]


@one_thread()
def propose_map(
    book: Book,
    path: Path,
    what: ModelTensors | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Proposal:
    """A map for `book`, which was read from the file at `path`; with `what`, for that model.

    Raises InputError if neither the model nor the formulas say anything about the workbook, or if the model does not
    run on the inputs that were given.
    """
    kept = tuple(sheet for sheet in book.sheets if sheet.name.casefold() != PARITY_SHEET.casefold())
    book = replace(book, sheets=kept)  # the numbers of a map that stands there are no data
    progress("evaluating the formulas")
    values = EmbeddedEngine().evaluate(book, path)
    labels = Labels(book)
    progress("reading the formulas")
    reading = read_formulas(book, values, labels)
    binding = Binding()
    if what is not None:
        given = [one.area for one in reading.found if not one.expression and not one.formula]
        binding = bind_model(book, values, labels, given, reading.rectangles, what, progress)
        bound = [one.row for one in binding.rows]
        progress("reading the formulas that the model does not account for")
        reading = read_formulas(book, values, labels, bound)
    progress("holding the map against the workbook")
    rows = _checked_rows(book, path, binding, reading, labels, values)
    if not any(one.row.role is Role.COMPUTED for one in rows):
        why = f"; the first reason: {reading.not_covered[0][1]}" if reading.not_covered else ", and it has no formula"
        raise InputError(f"{path.name}: no formula could be read as an expression of torch{why}")
    return Proposal(
        path.name, "" if what is None else type(what.model).__name__, tuple(rows), tuple(binding.not_found),
        tuple(reading.not_covered), tuple(binding.wrong), tuple(binding.notes),
    )  # fmt: skip


def _checked_rows(
    book: Book, path: Path, binding: Binding, reading: Reading, labels: Labels, values: Values
) -> list[ProposedRow]:
    """All rows; values under the title PyTorch are proposed as such only if they are what PyTorch gives.

    Where they are not, the parameters may be printed to a few decimals; else they are numbers like others.
    """
    bound = [one.row for one in binding.rows]
    of_model = bool(bound)
    rows = [*binding.rows, *named_rows(reading.found, labels, values, bound, of_model=of_model)]
    wrong = _wrongly_shown(book, path, rows)
    if not wrong:
        return rows
    printed = [_as_printed(one, values) for one in rows]
    if printed != rows and not _wrongly_shown(book, path, printed):
        return printed
    return [*binding.rows, *named_rows(reading.found, labels, values, bound, wrong, of_model)]


def _wrongly_shown(book: Book, path: Path, rows: Sequence[ProposedRow]) -> set[Area]:
    """The areas of expected values that the map does not confirm."""
    if not any(one.row.role is Role.EXPECTED for one in rows):
        return set()
    try:
        report = check_book(book, path, Map(tuple(one.row for one in rows)), [EmbeddedEngine()])
    except MapError:
        return {one.row.block.planes[0] for one in rows if one.row.role is Role.EXPECTED}
    passed = (Verdict.MATCH, Verdict.EXPLAINED)
    return {
        tensor.block.planes[0]
        for tensor in report.tensors
        if tensor.role is Role.EXPECTED and tensor.verdict not in passed
    }


def _as_printed(one: ProposedRow, values: Values) -> ProposedRow:
    """A parameter whose numbers have a few decimals, as known to these only."""
    if one.row.role is not Role.PARAMETER or one.row.decimals is not None:
        return one
    held = hold(values, one.row.block, "float64").values
    decimals = next((places for places in range(2, 7) if (np.round(held, places) == held).all()), None)
    if decimals is None or (held == np.round(held)).all():
        return one
    evidence = f"{one.evidence}; all numbers have {decimals} decimals, and the values shown as PyTorch's need no others"
    return replace(one, row=replace(one.row, decimals=decimals), evidence=evidence)

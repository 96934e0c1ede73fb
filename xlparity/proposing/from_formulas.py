"""Rows for a map read from the formulas themselves: what is given, what is computed, and by which expression."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book
from xlparity.model.map import MapRow, Role
from xlparity.model.value import Kind, Values
from xlparity.proposing.blocks import FormulaBlock, Leaf, formula_blocks, is_number
from xlparity.proposing.labels import Labels
from xlparity.proposing.regions import cut_area, number_rectangles, number_regions
from xlparity.proposing.tensors import CutNeeded, Tensors, Untranslatable
from xlparity.proposing.translate import Line, Translation, translate
from xlparity.proposing.verify import not_reproduced

__all__ = ["Found", "Reading", "block_of", "read_formulas"]


@dataclass(slots=True)
class Found:
    """A tensor that the formulas speak of, under a name of no meaning.

    `expression` is empty for what is given; `formula` is that of the first cell, and `reason` says why formulas are
    taken as given numbers.
    """

    key: str
    area: Area
    expression: str = ""
    formula: str = ""
    reason: str = ""


@dataclass(slots=True)
class Reading:
    """What the formulas of a workbook say: tensors, and areas of formulas that no expression says.

    `rectangles` are the numbers that formulas read, before labels and formulas tell them apart.
    """

    found: list[Found] = field(default_factory=list)
    not_covered: list[tuple[Area, str]] = field(default_factory=list)
    rectangles: list[Area] = field(default_factory=list)


def block_of(area: Area) -> Block:
    """A single cell as a single number, anything else as a matrix of its height and width."""
    return Block(() if area.size == 1 else (area.height, area.width), (area,))


def read_formulas(
    book: Book,
    values: Values,
    labels: Labels,
    bound: Sequence[MapRow] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Reading:
    """The tensors of all formulas that the rows `bound` do not cover, and of the numbers that these read.

    Expressions are held against the sheet; what they do not reproduce is not covered.
    """
    blocks, unread = formula_blocks(book)
    taken = Tensors()
    for row in bound:
        taken.add(row.tensor, row.block)
    blocks = [part for block in blocks for part in _without(block, taken)]
    typed = [block.area for block in blocks if is_number(block.tree)]
    rectangles = number_rectangles(book, blocks, typed)
    regions = [part for area in number_regions(rectangles, labels) for part in _free(area, taken)]
    regions = [area for area in regions if area not in typed and _all_numbers(values, area)]
    reading = Reading(not_covered=list(unread), rectangles=rectangles)
    computing = []
    for block in blocks:
        if block.area in typed and any(block.area.intersection(area) for area in regions):
            continue  # a number among others
        if _all_numbers(values, block.area):
            computing.append(block)
        else:
            reading.not_covered.append((block.area, _what_is_not_a_number(values, block.area)))
    progress("reading the formulas as expressions of torch")
    settled = _Settling(computing, regions, bound, book, labels)
    settled.settle()
    found = settled.found()
    # Each expression is judged on what the sheet holds for its operands, whether these are computed or given.
    wrong = not_reproduced([*bound, *(_row(one) for one in found)], values)
    for one in found:
        if one.key in wrong:
            one.expression, one.reason = "", wrong[one.key]
    needed = _read_by_expressions(found)
    for one in found:
        if one.expression or not one.formula:
            if one.expression or one.key in needed:
                reading.found.append(one)
            continue
        reading.not_covered.append((one.area, one.reason))
        if one.key in needed:
            reading.found.append(one)
    return reading


class _Settling:
    """Blocks cut until each is one expression or none, and regions of numbers cut where formulas tell them apart."""

    def __init__(
        self, blocks: list[FormulaBlock], regions: list[Area], bound: Sequence[MapRow], book: Book, labels: Labels
    ) -> None:
        self.blocks, self.regions, self.bound, self.book, self.labels = blocks, regions, bound, book, labels
        self.keys: dict[Area, str] = {}
        self.translations: dict[Area, Translation] = {}
        self.failed: dict[Area, str] = {}
        self.whole: set[Area] = set()  # blocks whose pieces are no better than they are

    def settle(self) -> None:
        """Ends, since each round but the last cuts something, and nothing is smaller than a cell."""
        while True:
            tensors = self.tensors()
            if not self.translate_all(tensors):
                cuts = self.cuts(tensors)
                if not cuts:
                    break
                self.regions = [part for area in self.regions for part in cut_area(area, *cuts.get(area, ((), ())))]

    def key(self, area: Area) -> str:
        return self.keys.setdefault(area, f"_t{len(self.keys)}_")

    def tensors(self) -> Tensors:
        tensors = Tensors()
        for row in self.bound:
            tensors.add(row.tensor, row.block)
        for area in [*self.regions, *(block.area for block in self.blocks)]:
            tensors.add(self.key(area), block_of(area))
        return tensors

    def translate_all(self, tensors: Tensors) -> bool:
        """Translate what is not yet, or reads what is no tensor any more; whether a block had to be cut."""
        self.translations = {
            area: translation
            for area, translation in self.translations.items()
            if all(key in tensors.blocks for key in _KEY.findall(translation.text))
        }
        self.failed = {}
        after: list[FormulaBlock] = []
        todo = self.blocks[::-1]
        cut = False
        while todo:
            block = todo.pop()
            if block.area not in self.translations:
                try:
                    self.translations[block.area] = translate(block, tensors)
                except CutNeeded as where:
                    todo += block.cut(where.line, where.at)[::-1]
                    cut = True
                    continue
                except Untranslatable as reason:
                    if len(block.pieces) > 1:
                        todo += block.alone()[::-1]
                        cut = True
                        continue
                    self.failed[block.area] = str(reason)
            after.append(block)
        self.blocks = after
        return cut

    def found(self) -> list[Found]:
        """All tensors under the names that the translations have for them."""
        given = [Found(self.key(area), area) for area in self.regions]
        computed = []
        for block in self.blocks:
            reason = self.failed.get(block.area, "")
            text = "" if reason else self.translations[block.area].text
            computed.append(Found(self.key(block.area), block.area, text, block.formula, reason))
        return given + computed

    # -- where regions of numbers are cut -----------------------------------------------------------------------------

    def cuts(self, tensors: Tensors) -> dict[Area, tuple[list[int], list[int]]]:
        """Rows and columns before which regions are cut, each counted from the region's corner."""
        cuts: dict[Area, tuple[set[int], set[int]]] = {}
        regions = dict.fromkeys(self.regions)
        products = [pair for translation in self.translations.values() for pair in translation.products]
        biased = self.biased(products, tensors, regions)
        for pair in products:
            self.align(pair, tensors, regions, cuts, biased)
        reads: dict[Area, set[Area]] = {}
        for translation in self.translations.values():
            for area in translation.read:
                place = tensors.at(area.sheet, area.row, area.column)
                if place is not None and place[0] in regions:
                    reads.setdefault(place[0], set()).add(area)
        for region, areas in reads.items():
            parts = {(area.row - region.row, area.column - region.column, area.height, area.width) for area in areas}
            if _are_apart(parts) and len(parts) > 1:
                rows, columns = cuts.setdefault(region, (set(), set()))
                series_down, series_across = self.labels.series(region)
                for top, left, height, width in parts:
                    if width == region.width and not series_down:
                        rows |= {top, top + height} - {0, region.height}
                    if height == region.height and not series_across:
                        columns |= {left, left + width} - {0, region.width}
        return {area: (sorted(rows), sorted(columns)) for area, (rows, columns) in cuts.items() if rows or columns}

    def biased(
        self, products: Sequence[tuple[Line, Line]], tensors: Tensors, regions: Mapping[Area, None]
    ) -> set[Area]:
        """The regions all of whose factors end in a line of ones, so that their own last line is a bias.

        A matrix of weights may end in ones by chance; the samples that it multiplies then have other factors that do
        not.
        """
        ends: dict[Area, bool] = {}
        for pair in products:
            for one, other in (pair, pair[::-1]):
                region, partner = (_region(line, 0, tensors, regions) for line in (one, other))
                if partner is not None:
                    in_ones = region is not None and one.length > 1 and _ends_in_ones(one, region, self.book)
                    ends[partner] = ends.get(partner, True) and in_ones
        return {region for region, in_ones in ends.items() if in_ones}

    def align(
        self, pair: tuple[Line, Line], tensors: Tensors, regions: Mapping[Area, None],
        cuts: dict[Area, tuple[set[int], set[int]]], biased: Container[Area],
    ) -> None:  # fmt: skip
        """Cut the factors of a matrix product where one goes over from numbers to something else.

        A last line of ones that nothing else names is cut off too, and with it the bias beside the weights.
        """
        edges = {at for line in pair for at in _edges(line, tensors) if _leaves_numbers(line, at, tensors, regions)}
        if not edges:
            for one, other in (pair, pair[::-1]):
                if _region(other, 0, tensors, regions) in biased and _region(one, 0, tensors, regions):
                    edges = {one.length - 1}
                    break
        for at in edges:
            for line in pair:
                region = _region(line, at, tensors, regions)
                if region is not None:
                    place = line.row + at - region.row if line.down else line.column + at - region.column
                    if 0 < place < (region.height if line.down else region.width):
                        cuts.setdefault(region, (set(), set()))[0 if line.down else 1].add(place)


_KEY = re.compile(r"_t\d+_")


def _are_apart(parts: Iterable[tuple[int, int, int, int]]) -> bool:
    """Whether no two of the parts (top, left, height, width) share a cell."""
    ordered = sorted(parts)
    for at, (top, left, height, width) in enumerate(ordered):
        for low, across, _, wide in ordered[at + 1 :]:
            if low >= top + height:
                break
            if across < left + width and left < across + wide:
                return False
    return True


def _leaves_numbers(line: Line, at: int, tensors: Tensors, regions: Mapping[Area, None]) -> bool:
    """Whether at least one side of an edge is a region of numbers."""
    return _region(line, at, tensors, regions) is not None or _region(line, at - 1, tensors, regions) is not None


def _edges(line: Line, tensors: Tensors) -> list[int]:
    places = np.array([[line.row]]), np.array([[line.column]])
    leaf = Leaf(line.sheet, *places, line.length if line.down else 1, 1 if line.down else line.length)
    return list(tensors.edges(leaf, "p" if line.down else "q"))


def _region(line: Line, at: int, tensors: Tensors, regions: Mapping[Area, None]) -> Area | None:
    """The region of numbers that the place `at` of `line` lies in."""
    found = tensors.at(line.sheet, line.row + at * line.down, line.column + at * (not line.down))
    return found[0] if found is not None and found[0] in regions else None


def _ends_in_ones(line: Line, region: Area, book: Book) -> bool:
    """Whether the region's last line, across the direction of the sum, is of ones, and there is more than one."""
    number = book.sheet(region.sheet).constants.grid(region).number
    lines = number if line.down else number.T
    start = line.row - region.row if line.down else line.column - region.column
    whole = start == 0 and line.length == lines.shape[0]
    return bool(whole and lines.shape[1] > 1 and (lines[-1] == 1).all() and not (lines[:-1] == 1).all())


def _row(one: Found) -> MapRow:
    role = Role.COMPUTED if one.expression else Role.INPUT
    return MapRow(one.key, role, block_of(one.area), torch=one.expression, place=one.key)


def _read_by_expressions(found: Sequence[Found]) -> set[str]:
    return {name for one in found for name in _KEY.findall(one.expression)}


def _without(block: FormulaBlock, taken: Tensors) -> list[FormulaBlock]:
    """The parts of a block that no bound tensor covers."""
    if not taken.blocks:
        return [block]
    mask = taken.covered(block.area)
    if not mask.any():
        return [block]
    if mask.all():
        return []
    if len(block.pieces) > 1:
        return [part for piece in block.alone() for part in _without(piece, taken)]
    for line, free in (("row", ~mask.any(1)), ("column", ~mask.any(0))):
        if free.any():
            edges = np.flatnonzero(np.diff(free)) + 1
            if len(edges):
                first, second = block.cut(line, int(edges[0]))
                return _without(first, taken) + _without(second, taken)
    return []


def _free(area: Area, taken: Tensors) -> list[Area]:
    """The parts of a region of numbers that no bound tensor covers."""
    mask = taken.covered(area)
    if not mask.any():
        return [area]
    if mask.all():
        return []
    for line, covered in (("row", mask.any(1)), ("column", mask.any(0))):
        edges = (np.flatnonzero(np.diff(covered)) + 1).tolist()
        if edges:
            parts = cut_area(area, edges if line == "row" else [], edges if line == "column" else [])
            return [piece for part in parts for piece in _free(part, taken)]
    return []


def _all_numbers(values: Values, area: Area) -> bool:
    return bool((values.grid(area).kind == Kind.NUMBER).all())


def _what_is_not_a_number(values: Values, area: Area) -> str:
    found = values.grid(area).kind
    kinds = set(found.ravel().tolist()) - {Kind.NUMBER}
    words = {
        Kind.TEXT: "texts", Kind.BOOLEAN: "TRUE or FALSE", Kind.ERROR: "errors", Kind.BLANK: "nothing",
        Kind.UNDECIDED: "what the engine cannot decide",
    }  # fmt: skip
    if Kind.UNDECIDED in kinds:
        row, column = np.argwhere(found == Kind.UNDECIDED)[0].tolist()
        if (note := values.notes.get(area.corner.moved(row, column))) is not None:
            return f"it gives what the engine cannot decide: {note.because}"
    return f"it gives {' and '.join(words[Kind(kind)] for kind in sorted(kinds))}, not numbers"

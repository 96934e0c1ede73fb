"""The outcome of a check, as data: what `report/` shows and what `xlparity.check` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xlparity.model.block import Block
from xlparity.model.book import Book
from xlparity.model.cell import Cell
from xlparity.model.derivatives import Derivatives
from xlparity.model.map import Map, Role
from xlparity.model.value import Scalar, Values
from xlparity.model.verdict import Finding, Verdict

__all__ = [
    "IGNORED",
    "Against",
    "Changed",
    "Coverage",
    "Disagreement",
    "EngineUsed",
    "Exploration",
    "Report",
    "Split",
    "Subject",
    "TensorVerdict",
]

IGNORED = -1  # in the place of a verdict: the user told to leave the cell out


@dataclass(frozen=True, slots=True)
class EngineUsed:
    """An engine whose values were judged."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two engines compute different values in `count` cells whose formulas use `function`; `example` is one of them."""

    function: str
    count: int
    example: Cell
    engine: str
    value: Scalar
    other_engine: str
    other_value: Scalar


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the workbook was looked at, in formula cells.

    `unmapped` counts the formula cells that no row of the map covers: they were not checked. `stale` counts those of
    them whose remembered value is not what the formula gives, `given` those of the unmapped that hold a given tensor
    (an input, a parameter), so that their values were taken as they stand.
    """

    formulas: int
    mapped: int
    undecided: int
    unmapped_example: Cell | None = None
    stale: int = 0
    stale_example: Cell | None = None
    given: int = 0
    given_example: tuple[Cell, str] | None = None  # with the name of the tensor

    @property
    def unmapped(self) -> int:
        return self.formulas - self.mapped


@dataclass(frozen=True, slots=True)
class Exploration:
    """The check on other numbers than the sheet's own: so many `samples`, drawn with `seed`, of the tensors `varied`.

    `never` counts the checked cells that no sample could compare, since they, or torch, gave no number there.
    `identical` are the tensors whose cells are the same polynomials or quotients of polynomials as torch's, by an exact
    comparison that is wrong with at most the probability `wrong`; the others agree on the samples, and no more is said.
    """

    samples: int
    seed: int
    varied: tuple[str, ...]
    never: int
    identical: tuple[str, ...] = ()
    wrong: float = 0.0


@dataclass(frozen=True, slots=True)
class Changed:
    """A cell whose number is taken as it stands, though the solution has another; `formula` where one computes it."""

    cell: Cell
    value: Scalar
    solution: Scalar
    formula: str = ""


@dataclass(frozen=True, slots=True)
class Against:
    """The other workbook whose formulas a workbook was held against, on the numbers of the latter.

    `by_name` tells that the cells were matched by the tensors' names in both maps, else they were by address.
    `changed` are numbers that differ from the other workbook's, `missing` says in words what the workbook lacks, and
    `absent` are the sheets among it, `uncompared` the tensors that the other workbook computes and this one's map does
    not name.
    """

    workbook: str
    by_name: bool
    changed: tuple[Changed, ...] = ()
    missing: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    uncompared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """The difference between the sheet and the model in its own dtype, divided: the parts' sum is the whole.

    `formula`: the sheet less torch in float64 on the sheet's numbers. `inputs`: torch in float64 on the sheet's numbers
    less torch in float64 on the model's. `precision`: torch in float64 less torch in float32, both on the model's.
    Each part is the exact difference rounded once, so that the sum is exact but for half an ulp of each part. `allowed`
    bounds the size of `inputs` for whatever numbers round to the sheet's (NaN where nothing does); None where the sheet
    has the model's numbers in full. Arrays of the tensor's shape, float64.
    """

    formula: NDArray[np.float64]
    inputs: NDArray[np.float64]
    precision: NDArray[np.float64]
    allowed: NDArray[np.float64] | None = None

    @property
    def largest(self) -> tuple[float, float, float]:
        """The largest size of each part."""
        formula, inputs, precision = (
            float(np.max(np.abs(part), initial=0.0)) for part in (self.formula, self.inputs, self.precision)
        )
        return formula, inputs, precision

    @property
    def largest_allowed(self) -> float | None:
        """The largest of `allowed`; None where there is none, or where it is not known for all elements."""
        return None if self.allowed is None else float(np.max(self.allowed, initial=0.0))


@dataclass(frozen=True, slots=True)
class TensorVerdict:
    """One judged tensor: arrays of the tensor's own shape, and the verdict of its worst cell.

    `actual`, `expected`, `bound` are float64; `verdicts` is int8, the position of the verdict in `list(Verdict)`, or
    IGNORED for a cell that the user told to leave out. `float32` is the largest difference between torch's float64
    and float32 results. `split` is there where the workbook was held against the model itself.
    """

    tensor: str
    role: Role
    block: Block
    dtype: str
    actual: NDArray[np.float64]
    expected: NDArray[np.float64]
    bound: NDArray[np.float64]
    verdicts: NDArray[np.int8]
    float32: float | None = None
    torch: str = ""
    split: Split | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the tensor's cells."""
        worst = int(self.verdicts.max()) if self.verdicts.size else IGNORED
        return Verdict.UNDECIDED if worst == IGNORED else list(Verdict)[worst]

    @property
    def max_difference(self) -> float | None:
        """The largest size of the difference; None where no cell holds a number."""
        with np.errstate(invalid="ignore"):  # of equal infinities
            sizes = np.abs(self.actual - self.expected)
        sizes = sizes[~np.isnan(sizes)]
        return float(sizes.max()) if sizes.size else None

    @property
    def max_bound(self) -> float | None:
        """The largest bound of a cell; None where there is none."""
        bounds = self.bound[~np.isnan(self.bound)]
        return float(bounds.max()) if bounds.size else None


def _without_derivatives() -> None:
    """No graph."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was checked: the workbook, its map, and what the first engine computed.

    `derivatives` makes the loss's graph, None where there is none or it is too large to draw. Only a page shows it.
    """

    book: Book
    map: Map
    values: Values
    derivatives: Callable[[], Derivatives | None] = _without_derivatives


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

    `cells` lists every cell whose verdict is not a match, faults first; the matches stand in the arrays of `tensors`.
    `model` names the class of the model that the workbook was held against, "" if none; `missing` are the parameters of
    it that the map does not name. `subject` is there for reports that show the sheets, `against` where another workbook
    stood in torch's place.
    """

    workbook: str
    version: str
    engines: tuple[EngineUsed, ...]
    tensors: tuple[TensorVerdict, ...]
    cells: tuple[Finding, ...]
    coverage: Coverage
    disagreements: tuple[Disagreement, ...] = ()
    model: str = ""
    missing: tuple[str, ...] = ()
    formulas: Mapping[Cell, str] = field(default_factory=dict, repr=False)
    exploration: Exploration | None = None
    subject: Subject | None = field(default=None, repr=False, compare=False)
    against: Against | None = None

    @property
    def counts(self) -> dict[str, int]:
        """The number of cells with each verdict; a cell counts once, with its worst verdict."""
        total = np.zeros(len(Verdict), np.int64)
        for tensor in self.tensors:
            total += np.bincount(tensor.verdicts[tensor.verdicts != IGNORED], minlength=len(Verdict))
        return {verdict.value: int(n) for verdict, n in zip(Verdict, total, strict=True)}

    @property
    def passed(self) -> bool:
        """True if at least one cell was checked, every checked cell agrees with torch, and no tensor is uncompared."""
        counts = self.counts
        good = counts[Verdict.MATCH.value] + counts[Verdict.EXPLAINED.value]
        return good > 0 and good == sum(counts.values()) and not self.uncompared

    @property
    def uncompared(self) -> tuple[str, ...]:
        """The tensors that the workbook in torch's place computes, and that this one's map does not name."""
        return () if self.against is None else self.against.uncompared

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The cells that are wrong themselves."""
        return tuple(finding for finding in self.cells if finding.verdict is Verdict.FAULT)

    def every_cell(self) -> Iterator[Finding]:
        """All judged cells, the matches too, tensor by tensor in the tensor's own order."""
        listed = {(finding.tensor, finding.cell): finding for finding in self.cells}
        engine = self.engines[0].name if self.engines else ""
        for tensor in self.tensors:
            for index in tensor.block.indices():
                cell = tensor.block.cell(index)
                if tensor.verdicts[index] == IGNORED:
                    continue
                finding = listed.get((tensor.tensor, cell))
                if finding is not None:
                    yield finding
                    continue
                yield self._match(tensor, index, cell, engine)

    def finding(self, cell: Cell) -> Finding | None:
        """What was found of one cell, None if it was not judged."""
        for finding in self.cells:
            if finding.cell == cell:
                return finding
        for tensor in self.tensors:
            if cell in tensor.block:
                index = tensor.block.index(cell)
                if tensor.verdicts[index] != IGNORED:
                    return self._match(tensor, index, cell, self.engines[0].name if self.engines else "")
        return None

    def _match(self, tensor: TensorVerdict, index: tuple[int, ...], cell: Cell, engine: str) -> Finding:
        actual, expected = float(tensor.actual[index]), float(tensor.expected[index])
        return Finding(
            cell, tensor.tensor, index, Verdict.MATCH, self.formulas.get(cell, ""), actual, expected,
            actual - expected, float(tensor.bound[index]), engine=engine,
        )  # fmt: skip

"""What was found in the cells: the tensors with their verdicts, and what is said of single cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlparity.formula.a1 import show_cell
from xlparity.model.block import Block
from xlparity.model.cell import Cell
from xlparity.model.map import Map
from xlparity.model.report import IGNORED, Report
from xlparity.model.value import Kind, Values
from xlparity.model.verdict import Finding, Repair, Verdict, show_typed
from xlparity.report.html.packed import Packer

__all__ = ["BINS", "MOST_FINDINGS", "given_data", "held", "histogram", "judged_data"]

# Cells of which the page says more than verdict and numbers; a wrong number near the input of a large network makes
# hundreds of thousands of cells inherit its error, all with the same sentence.
MOST_FINDINGS = 20_000

# The histogram of |difference| / bound: upper edges and what they are called.
BINS = (
    (0.0, "no difference"), (1e-3, "up to 0.1 %"), (1e-2, "0.1 to 1 %"), (0.1, "1 to 10 %"), (0.5, "10 to 50 %"),
    (1.0, "50 to 100 %"), (10.0, "1 to 10 times"), (np.inf, "more than that"),
)  # fmt: skip


def judged_data(report: Report, values: Values, numbers: Mapping[str, int], packer: Packer) -> dict[str, Any]:
    """The tensors and findings as the page wants them; `numbers` are the sheets' by name."""
    tensors = []
    for tensor in report.tensors:
        block = tensor.block
        numbers_held = np.concatenate([values.grid(plane).number.ravel() for plane in block.planes] or [np.empty(0)])
        expected = _as_in_sheet(block, tensor.expected)
        # Torch's value is nearly the sheet's: of the two numbers' bits hardly any differ, which packs well and loses
        # nothing, as a difference in float64 would.
        bits = np.ascontiguousarray(expected).view(np.uint64) ^ np.ascontiguousarray(numbers_held).view(np.uint64)
        tensors.append(
            {
                "name": tensor.tensor, "role": tensor.role.value, "torch": tensor.torch, "dtype": tensor.dtype,
                **_place(block, numbers),
                "verdict": packer.add(_as_in_sheet(block, tensor.verdicts), "i1"),
                "expected": packer.add(bits.view(np.float64), "f8"),
                "bound": packer.add(_as_in_sheet(block, tensor.bound), "f8"),
            }
        )  # fmt: skip
    because: dict[str, int] = {}
    named: dict[str, list[int]] = {}
    for at, tensor in enumerate(report.tensors):
        named.setdefault(tensor.tensor, []).append(at)
    listed = [
        _finding(one, report, named.get(one.tensor, []), numbers, because) for one in report.cells[:MOST_FINDINGS]
    ]
    return {
        "tensors": tensors,
        "findings": listed,
        "because": list(because),
        "engines": [engine.name for engine in report.engines],
    }


def given_data(parity: Map, report: Report | None, numbers: Mapping[str, int]) -> list[dict[str, Any]]:
    """The tensors of the map that were not judged: inputs, targets, parameters that are taken as they stand."""
    judged = {(tensor.tensor, tensor.block) for tensor in report.tensors} if report is not None else set()
    return [
        {
            "name": row.tensor, "role": row.role.value, "torch": row.torch, "dtype": row.dtype,
            **_place(row.block, numbers),
        }
        for row in parity
        if (row.tensor, row.block) not in judged
    ]  # fmt: skip


def histogram(report: Report) -> list[tuple[str, int, bool]]:
    """How many cells have a difference of which part of their bound: name, count, and whether that is too much."""
    edges = np.array([edge for edge, _ in BINS])
    counts = np.zeros(len(BINS), np.int64)
    unknown = 0
    for tensor in report.tensors:
        judged = tensor.verdicts != IGNORED
        size, bound = np.abs(tensor.actual - tensor.expected)[judged], tensor.bound[judged]
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(size == 0, 0.0, size / bound)
        known = ~np.isnan(part)
        unknown += int((~known).sum())
        counts += np.bincount(np.searchsorted(edges, part[known], side="left"), minlength=len(BINS))
    rows = [(name, int(count), edge > 1) for (edge, name), count in zip(BINS, counts, strict=True)]
    return [*rows, ("no number or bound", unknown, False)] if unknown else rows


def held(values: Values, block: Block) -> NDArray[np.float64]:
    """The numbers in the cells of `block`, of its tensor's shape; NaN where there is none."""
    grids = [values.grid(plane) for plane in block.planes]
    planes = [np.where(grid.kind == Kind.NUMBER, grid.number, np.nan) for grid in grids]
    return np.stack([plane.T if block.transposed else plane for plane in planes]).reshape(block.shape)


def _as_in_sheet(block: Block, array: NDArray[Any]) -> NDArray[Any]:
    """The elements plane by plane, each row by row as it lies in the sheet; the inverse of `check.judge.hold`."""
    if len(block.shape) < 2:
        return array.ravel()
    planes = array.reshape(-1, *block.shape[-2:])
    return (planes.transpose(0, 2, 1) if block.transposed else planes).ravel()


def _place(block: Block, numbers: Mapping[str, int]) -> dict[str, Any]:
    return {
        "shape": list(block.shape),
        "transposed": block.transposed,
        "planes": [
            [numbers.get(plane.sheet, -1), plane.row, plane.column, plane.height, plane.width] for plane in block.planes
        ],
    }


def _finding(
    finding: Finding, report: Report, tensors: Sequence[int], numbers: Mapping[str, int], because: dict[str, int]
) -> list[Any]:
    """`tensors` are the places in the report of those with the finding's name."""
    own = [at for at in tensors if finding.cell in report.tensors[at].block]
    rank = list(Verdict).index(finding.verdict)
    same = [at for at in own if report.tensors[at].verdicts[report.tensors[at].block.index(finding.cell)] == rank]
    found = finding.counterexample
    return [
        *_cell(finding.cell, numbers),
        (same or own or [-1])[0],
        because.setdefault(finding.because, len(because)),
        _number(finding.actual), _number(finding.expected), _number(finding.difference), _number(finding.bound),
        None if finding.origin is None else _cell(finding.origin, numbers),
        finding.engine,
        None if finding.repair is None else _repair(finding.repair, numbers),
        None if found is None else [
            [[show_cell(cell), show_typed(one) if isinstance(one, bool) else one] for cell, one in found.changes],
            _number(found.actual), _number(found.expected),
        ],
    ]  # fmt: skip


def _repair(repair: Repair, numbers: Mapping[str, int]) -> list[Any]:
    """The formula, on how many samples it agrees, and the cell that it belongs into, None for the finding's own."""
    return [repair.formula, repair.samples, None if repair.cell is None else _cell(repair.cell, numbers)]


def _cell(cell: Cell, numbers: Mapping[str, int]) -> list[int]:
    return [numbers.get(cell.sheet, -1), cell.row, cell.column]


def _number(value: float | str | None) -> float | str | None:
    """What JSON can say; infinities as texts."""
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else "∞" if value > 0 else "-∞"
    return value

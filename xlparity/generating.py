"""The making of a workbook from a model, and its proof before anyone sees it.

The compiler writes formulas; the embedded engine computes them; PyTorch itself, run apart from both, gives the values
that they must have. A workbook in which a cell differs is not handed out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from xlparity.check.derivatives import loss_derivatives
from xlparity.check.judge import hold, show_value
from xlparity.check.limits import allowed_differences
from xlparity.compiler.compile import compile_model
from xlparity.compiler.eager import Loss, trained
from xlparity.compiler.emit import parity_sheet
from xlparity.compiler.lower.formula import finite
from xlparity.compiler.summary import checks_sheet, pytorch_plan, summary_sheet
from xlparity.compiler.workbook import map_rows, sheets_of
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.engines.embedded.threads import one_thread
from xlparity.errors import InputError
from xlparity.formula.a1 import show_cell
from xlparity.model.book import Book, Sheet
from xlparity.model.cell import Cell
from xlparity.model.map import Map, MapRow, Role
from xlparity.model.picture import Picture, PlacedPicture
from xlparity.model.value import Values
from xlparity.report.derivatives import derivatives_picture
from xlparity.report.drawing import network_picture

__all__ = ["generated"]

_ROW = 20  # pixels
_NOTHING = 1e-12  # what a gradient may be that is 0 but for rounding


@one_thread()
def generated(
    model: nn.Module,
    inputs: Sequence[Tensor],
    targets: Tensor | None,
    loss: Loss | None,
    optimizer: Optimizer | None,
    steps: int,
    style: str,
    number_format: str,
    root: str,
    progress: Callable[[str], None],
) -> tuple[Book, Map, Values]:
    """The workbook of `model`, its map and its values; see `api.generate`."""
    compiled = compile_model(model, inputs, targets, loss, optimizer, steps, style=style, root=root, progress=progress)
    progress("training in PyTorch")
    pytorch = trained(model, inputs, targets, loss, optimizer, steps, root)
    _refuse_nan(pytorch)
    rows = map_rows(compiled.sheets, compiled.graph.aliases)
    given = {plan.name: _in_cells(plan.values).numpy() for plan in compiled.low.blocks if plan.values is not None}
    limits = allowed_differences(rows, given, progress)
    shown, shown_rows, left_out = pytorch_plan(compiled, {name: _in_cells(value) for name, value in pytorch.items()})
    sheets = sheets_of(
        [*compiled.sheets, shown],
        len(compiled.low.blocks),
        compiled.low.literals,
        compiled.batch,
        number_format,
        progress,
    )
    title = f"{type(model).__name__} as a workbook"
    summary, summary_rows = summary_sheet(
        compiled, left_out, _facts(model, inputs, loss, optimizer, steps), number_format, title
    )
    checks, check_rows = checks_sheet(shown, left_out, compiled, limits)
    every = [*rows, *summary_rows, *shown_rows, *check_rows]
    book = Book((summary, *sheets, checks, parity_sheet(every)), title=title)
    values = EmbeddedEngine().evaluate(book, progress=progress)
    progress("comparing with PyTorch")
    _prove(rows, values, pytorch, limits)
    parity = Map(tuple(every))
    picture = network_picture(parity, lambda row: hold(values, row.block, row.dtype).values)
    if picture is not None:
        summary = _with_picture(summary, picture)
    derivatives = loss_derivatives(parity, values)
    graph = None if derivatives is None else derivatives_picture(derivatives)
    if graph is not None:
        summary = _with_picture(summary, graph, below_all=True)
    return replace(book, sheets=(summary, *book.sheets[1:])), parity, values


def _with_picture(sheet: Sheet, picture: Picture, below_all: bool = False) -> Sheet:
    """The summary with a picture to the right of its texts, or below all where a chart stands there."""
    rows = int(picture.size[1] / _ROW) + 1
    place = Cell(sheet.name, 1, 3)
    placed = sheet.layout.pictures
    if below_all or any(chart.anchor.row <= place.row + rows for chart in sheet.layout.charts):
        ends = [chart.anchor.row + int(chart.height_cm / 0.5) + 1 for chart in sheet.layout.charts]
        ends += [int(sheet.constants.row.max()) + 1, *(fill.area.bottom for fill in sheet.fills)]
        ends += [other.anchor.row + int(other.picture.size[1] / _ROW) + 1 for other in placed]
        place = Cell(sheet.name, max(ends) + 1, 0)
    return replace(sheet, layout=replace(sheet.layout, pictures=(*placed, PlacedPicture(place, picture))))


def _in_cells(value: Tensor) -> Tensor:
    return finite(value.detach().to(torch.float64))


def _refuse_nan(pytorch: Mapping[str, Tensor]) -> None:
    """InputError with the first tensor that has NaN in PyTorch."""
    for name, value in pytorch.items():
        where = value.isnan().nonzero()
        if len(where):
            index = where[0].tolist()
            raise InputError(
                f"{name}{index or ''} is NaN in PyTorch, which a cell cannot hold; try other inputs or parameters"
            )


def _prove(
    rows: Sequence[MapRow],
    values: Values,
    pytorch: Mapping[str, Tensor],
    limits: Mapping[str, float],
) -> None:
    """InputError with the first cell, in the order of computation, that is not what PyTorch computes."""
    for row in rows:
        expected = pytorch.get(row.tensor)
        if row.role is not Role.COMPUTED or expected is None or tuple(expected.shape) != row.block.shape:
            continue
        held = hold(values, row.block, row.dtype).values
        right = _in_cells(expected).numpy()
        with np.errstate(invalid="ignore"):
            wrong = ~(np.abs(held - right) <= limits[row.tensor]) & ~np.isnan(right)
        if wrong.any():
            index = tuple(np.argwhere(wrong)[0].tolist())
            cell = row.block.cell(index)
            note = values.notes.get(cell)
            raise InputError(
                f"{row.tensor}{list(index) or ''} would be {show_value(values.scalar(cell))} in {show_cell(cell)}, but "
                f"PyTorch computes {float(expected[index])!r}"
                + (f" ({note.because})" if note else "")
                + f"; {_advice(row.tensor, pytorch)}"
            )


def _advice(name: str, pytorch: Mapping[str, Tensor]) -> str:
    """What to do about a tensor that a sheet computes too far from PyTorch."""
    found = re.fullmatch(r"step\[(\d+)\]\.(.+)", name)
    if found:
        before = int(found[1]) - 1
        gradient = pytorch.get(f"step[{before}].{found[2]}.grad" if before else f"{found[2]}.grad")
        if gradient is not None and float(gradient.abs().max()) < _NOTHING:
            return (
                "its gradient is 0 but for rounding, as that of a bias before a normalization, and the optimizer "
                "divides it by its own size; take bias=False there, or an optimizer with a larger eps"
            )
    return "the numbers of this model go beyond what a sheet can compute, try smaller inputs or parameters"


def _facts(
    model: nn.Module, inputs: Sequence[Tensor], loss: Loss | None, optimizer: Optimizer | None, steps: int
) -> list[tuple[str, str]]:
    parameters = sum(parameter.numel() for parameter in model.parameters())
    mode = "training" if model.training else "evaluation"
    facts = [
        (
            "Model",
            f"{type(model).__name__} with {parameters:,} parameters, in {mode} mode",
        ),
        ("Inputs", ", ".join(str(list(part.shape)) for part in inputs)),
    ]
    if loss is not None:
        facts.append(("Loss", getattr(loss, "__name__", type(loss).__name__)))
    if optimizer is not None:
        facts.append(("Training", f"{steps} step{'s' if steps > 1 else ''} of {type(optimizer).__name__}"))
    facts.append(("Numbers", "computed in float64, from the model's parameters as they are"))
    return facts

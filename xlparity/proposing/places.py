"""What of a model was placed in a workbook so far, and what could not be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from xlparity.check.formulas import FormulaIndex
from xlparity.check.judge import hold
from xlparity.compiler.eager import Loss
from xlparity.formula.a1 import show_area
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book
from xlparity.model.map import MapRow, Role
from xlparity.model.proposal import Confidence, ProposedRow
from xlparity.model.value import Values
from xlparity.proposing.labels import Labels
from xlparity.proposing.match import Array, Hit, Numbers

__all__ = ["ModelTensors", "Places", "array_of", "dtype_of", "roundoff_of", "says_little", "show_areas"]


@dataclass(frozen=True, slots=True)
class ModelTensors:
    """The model and what it is run on; `inputs` and `targets` are looked for in the sheet where they are None."""

    model: nn.Module
    inputs: tuple[Tensor, ...] | None = None
    targets: Tensor | None = None
    loss: Loss | None = None
    optimizer: Optimizer | None = None
    name: str = "net"


class Places:
    """The tensors of a model and the cells that hold them.

    `given` are the areas of numbers that formulas read, `rectangles` larger ones of which they are parts; `tensors` has
    the values of all tensors, those that the sheet holds where they were found; `copies` are tensors that are links to
    the same one.
    """

    def __init__(
        self, book: Book, values: Values, labels: Labels, given: Sequence[Area], rectangles: Sequence[Area] = ()
    ) -> None:
        self.values, self.labels, self.given = values, labels, list(given)
        self._rectangles = rectangles
        self.numbers = Numbers(values)
        self.index = FormulaIndex(book)
        self.taken: dict[Area, str] = {}
        self.placed: dict[str, ProposedRow] = {}
        self.tensors: dict[str, Tensor] = {}
        self.copies: dict[str, set[str]] = {}
        self.not_found: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self.notes = [f"sheet {sheet} is too large to be looked through" for sheet in self.numbers.skipped]

    def free(self) -> list[Area]:
        """The areas of numbers of which no cell is known to hold a tensor, or shown as PyTorch's; larger ones last."""
        whole = [area for area in self._rectangles if area not in self.given]
        return [
            area
            for area in [*self.given, *whole]
            if not any(area.intersection(one) for one in self.taken) and not self.labels.under_pytorch(area)
        ]

    def typed_in(self, hits: Sequence[Hit]) -> list[Hit]:
        """Those without formulas."""
        return [hit for hit in hits if not any(self.index.mask(area).any() for area in hit.areas)]

    def held(self, hit: Hit) -> Tensor:
        """What the cells of a hit hold, float64 of its tensor's shape."""
        return torch.from_numpy(np.array(hold(self.values, hit.block, "float64").values))

    def place(
        self, name: str, role: Role, hit: Hit, dtype: str, confidence: Confidence, why: str, row: MapRow | None = None
    ) -> None:
        """Let the cells of `hit` hold the tensor `name`; of a computed one `row` has the expression."""
        made = MapRow(name, role, hit.block, dtype, decimals=hit.decimals, place=name,
                      torch="" if row is None else row.torch, module="" if row is None else row.module,
                      phase="" if row is None else row.phase)  # fmt: skip
        self.placed[name] = ProposedRow(made, confidence, why)
        held = torch.from_numpy(np.array(hold(self.values, hit.block, dtype).values))
        known = getattr(torch, dtype)
        self.tensors[name] = held if known.is_floating_point else held.to(known)
        for area in hit.areas:
            self.taken.setdefault(area, name)


def array_of(tensor: Tensor) -> Array:
    """A tensor's numbers in float64."""
    return np.asarray(tensor.detach().to(torch.float64).numpy())


def roundoff_of(tensor: Tensor) -> float:
    """How far, relatively, a number of the tensor's dtype may be from what it was rounded from."""
    return float(torch.finfo(tensor.dtype).eps) / 2 if tensor.is_floating_point() else 2.0**-53


def dtype_of(tensor: Tensor) -> str:
    """A tensor's dtype as a map writes it."""
    return str(tensor.dtype).removeprefix("torch.")


def says_little(tensor: Tensor) -> bool:
    """Whether many areas could hold the same by chance: one number, or the same one everywhere."""
    if tensor.numel() < 2:
        return True
    values = tensor.to(torch.float64)
    return bool(values.max() - values.min() <= 1e-9 * values.abs().max() + 1e-12)


def show_areas(block: Block) -> str:
    """The first areas of a block, for messages."""
    return "; ".join(show_area(area) for area in block.planes[:2]) + ("; ..." if len(block.planes) > 2 else "")

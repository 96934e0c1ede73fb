"""The map: which cells hold which tensor, and what torch computes it from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from xlparity.model.block import Block

__all__ = ["COLUMNS", "DTYPES", "GIVEN", "Map", "MapRow", "Role"]

# The columns of the sheet `Parity`, in order; those from `decimals` on may be left out.
COLUMNS = ("tensor", "role", "cells", "shape", "dtype", "torch", "decimals", "module", "phase")

DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "bool")


class Role(Enum):
    """What a tensor is to the model."""

    INPUT = "input"
    TARGET = "target"
    PARAMETER = "parameter"
    HYPERPARAMETER = "hyperparameter"
    CONSTANT = "constant"
    COMPUTED = "computed"  # formulas; judged against torch
    EXPECTED = "expected"  # constants that show what PyTorch gives for the tensor of the same name; judged too


# The roles whose numbers are taken as they stand in the sheet.
GIVEN = (Role.INPUT, Role.TARGET, Role.PARAMETER, Role.HYPERPARAMETER, Role.CONSTANT)


@dataclass(frozen=True, slots=True)
class MapRow:
    """One tensor of the map.

    `torch` is the expression that computes a COMPUTED tensor from others, empty for the rest. `dtype` is the model's;
    the sheet is always float64. `decimals` says that the cells show the model's values rounded to so many decimals,
    that is, that the model's own value is known to half a unit of that place; None: the cells' values are exact.
    `place` says where the row stands ("Parity!A5", "net.parity.toml, tensor 4"), for messages.
    """

    tensor: str
    role: Role
    block: Block
    dtype: str = "float64"
    torch: str = ""
    decimals: int | None = None
    module: str = ""
    phase: str = ""
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Map:
    """The rows of a map, in the order in which they stand."""

    rows: tuple[MapRow, ...]

    def __iter__(self) -> Iterator[MapRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

"""Aten operations as formulas, one entry each in a table by family."""

from xlparity.compiler.lower import (
    activations,
    elementwise,
    index,
    linalg,
    matmul,
    nn,
    norm,
    reduce,
    shape,
    sorting,
    special,
)
from xlparity.compiler.lower.lowering import RULES, VIEWS, BlockPlan, Lowering, Style

__all__ = [
    "RULES",
    "VIEWS",
    "BlockPlan",
    "Lowering",
    "Style",
    "activations",
    "elementwise",
    "index",
    "linalg",
    "matmul",
    "nn",
    "norm",
    "reduce",
    "shape",
    "sorting",
    "special",
]

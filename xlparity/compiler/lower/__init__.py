"""Aten operations as formulas, one entry each in a table by family."""

from xlparity.compiler.lower import (
    activations,
    convolution,
    elementwise,
    index,
    linalg,
    matmul,
    norm,
    normalization,
    pooling,
    reduce,
    running,
    scatter,
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
    "convolution",
    "elementwise",
    "index",
    "linalg",
    "matmul",
    "norm",
    "normalization",
    "pooling",
    "reduce",
    "running",
    "scatter",
    "shape",
    "sorting",
    "special",
]

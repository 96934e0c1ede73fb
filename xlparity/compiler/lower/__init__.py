"""Aten operations as formulas, one entry each in a table by family."""

from xlparity.compiler.lower import (
    convolution,
    elementwise,
    index,
    matmul,
    normalization,
    pooling,
    reduce,
    running,
    scatter,
    shape,
)
from xlparity.compiler.lower.lowering import RULES, VIEWS, BlockPlan, Lowering, Style

__all__ = [
    "RULES",
    "VIEWS",
    "BlockPlan",
    "Lowering",
    "Style",
    "convolution",
    "elementwise",
    "index",
    "matmul",
    "normalization",
    "pooling",
    "reduce",
    "running",
    "scatter",
    "shape",
]

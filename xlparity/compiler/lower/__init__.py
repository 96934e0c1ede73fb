"""Aten operations as formulas, one entry each in a table by family."""

from xlparity.compiler.lower import elementwise, index, matmul, nn, reduce, shape
from xlparity.compiler.lower.lowering import RULES, VIEWS, BlockPlan, Lowering, Style

__all__ = [
    "RULES",
    "VIEWS",
    "BlockPlan",
    "Lowering",
    "Style",
    "elementwise",
    "index",
    "matmul",
    "nn",
    "reduce",
    "shape",
]

"""Aten operations as formulas, one entry each in a table by family."""

import sys

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
    "families",
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


def families() -> dict[str, list[str]]:
    """The overloads that have a rule, sorted (`add.Tensor`), by what their family is about."""
    found: dict[str, list[str]] = {}
    for overload, rule in RULES.items():
        heading = (sys.modules[rule.__module__].__doc__ or "").partition("\n")[0]
        found.setdefault(heading, []).append(overload)
    return {heading: sorted(overloads) for heading, overloads in found.items()}

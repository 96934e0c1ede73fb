"""Rounding error bounds: a tensor that carries, with each value, how far it may be from the exact one.

A `Ball` is a tensor of values and a tensor of radii: the exact result lies within `radius` of `value`, whatever values
within the operands' balls are taken and however each operation rounds. Every aten operation that runs on it, forward
and in autograd's backward pass, takes the radius along by the rule in `RULES`; an operation without a rule is first
decomposed into core operations, and if that does not help the radius becomes NaN, which never passes.

The rules are the running error analysis of Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section
3.3, in midpoint-radius form (Rump, Fast and parallel interval arithmetic, BIT 39, 1999): a sum of n terms in any order
errs at most gamma_(n-1) = (n-1)u / (1 - (n-1)u) times the sum of the terms' sizes.
"""

from __future__ import annotations

from xlparity.check.bound.activation import ACTIVATION
from xlparity.check.bound.arithmetic import ARITHMETIC
from xlparity.check.bound.ball import Ball, Rule, allowing, unit_roundoff
from xlparity.check.bound.choice import CHOICE
from xlparity.check.bound.first_order import FIRST_ORDER
from xlparity.check.bound.function import FUNCTION
from xlparity.check.bound.index import INDEX
from xlparity.check.bound.layer import LAYER
from xlparity.check.bound.loss import LOSS
from xlparity.check.bound.matrix import MATRIX
from xlparity.check.bound.order import ORDER
from xlparity.check.bound.reduce import REDUCE
from xlparity.check.bound.shape import SHAPE
from xlparity.check.bound.special import SPECIAL
from xlparity.check.bound.taylor import Taylor, with_generators
from xlparity.model.table import Table

__all__ = ["RULES", "Ball", "Taylor", "allowing", "unit_roundoff", "with_generators"]

RULES: Table[str, Rule] = Table(
    "rounding error rules of aten operations",
    SHAPE, INDEX, ARITHMETIC, FUNCTION, SPECIAL, CHOICE, REDUCE, ORDER, MATRIX, ACTIVATION, LAYER, LOSS,
)  # fmt: skip
Ball.rules = RULES
Taylor.first_order = FIRST_ORDER

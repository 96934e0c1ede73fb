"""What all special functions share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor

from xlparity.engines.embedded.frame import Frame
from xlparity.engines.embedded.operand import Mixture, Operand, differing
from xlparity.errors import FormulaError
from xlparity.formula.ast import Expression
from xlparity.functions.array import Array
from xlparity.functions.coercion import numbers_of
from xlparity.model.value import Kind

if TYPE_CHECKING:
    from xlparity.engines.embedded.evaluate import Evaluator

__all__ = ["Special", "check_count", "constant", "is_other", "mixture"]

Special: TypeAlias = "Callable[[Evaluator, Sequence[Expression], Frame], Operand]"


def check_count(name: str, arguments: Sequence[Expression], least: int, most: int | None = None) -> None:
    """FormulaError, as Excel refuses to enter such a formula, for a wrong number of arguments."""
    if len(arguments) < least or (most is not None and len(arguments) > most):
        raise FormulaError(f"{name} does not take {len(arguments)} argument(s)")


def is_other(array: Array, taken: Tensor | None = None) -> bool:
    """Whether blanks, texts or booleans are among the values, or those that are taken (bool)."""
    if array.kind is None:
        return False
    other = (array.kind != int(Kind.NUMBER)) & (array.kind != int(Kind.ERROR))
    return bool((other if taken is None else other & taken).any())


def mixture(result: Array, other: bool, frame: Frame) -> Array:
    """`result`, as a Mixture if `other` says so and the frame's values are not arrays anyway."""
    return Mixture(result.number, result.kind) if other and not frame.array else result


def constant(evaluator: Evaluator, array: Array, frame: Frame) -> int | None:
    """The one integer that `array` holds in all lanes; None for an error; Ragged where lanes differ."""
    number, fault = numbers_of(array, evaluator.texts)
    if fault is not None and bool((fault != 0).all()):
        return None
    if fault is not None or number.numel() == 0 or bool((number != number.reshape(-1)[0]).any()):
        raise differing("the size or place of a reference depends on values that differ between samples", frame)
    return int(number.reshape(-1)[0].trunc())

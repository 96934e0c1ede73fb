"""Excel's operators on arrays.

Source: "Calculation operators and precedence in Excel". Deviation: Excel turns a sum or difference that is within a few
ulps of its operands into 0 when that is the formula's last operation; here it is what float64 gives.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import text_of_scalar
from xlparity.functions.fault import fault_of, merged, sealed
from xlparity.functions.lift import Checked, checked, fitted, lifted
from xlparity.functions.order import comparison
from xlparity.functions.signature import number
from xlparity.functions.textual import mapped
from xlparity.model.value import Error, Kind, Scalar

__all__ = ["negate", "operator", "percent", "power"]

NUMBERS = (number("left"), number("right"))


def divide(left: Tensor, right: Tensor) -> Tensor | Checked:
    """`left` / `right`; #DIV/0! where `right` is 0."""
    zero = right.detach() == 0
    if not bool(zero.any()):
        return left / right
    return checked(left / right, ((zero & torch.ones_like(left, dtype=torch.bool)), Error.DIV0))


def power(base: Tensor, exponent: Tensor) -> Tensor | Checked:
    """`base` ^ `exponent`.

    0^0 is #NUM! and 0 to a negative power #DIV/0!. A negative base has integer powers and odd roots (an exponent that
    is 1/n for an odd n, as (-8)^(1/3)); other powers of it are #NUM!.
    """
    single = exponent.numel() == 1 and exponent.ndim <= base.ndim and not exponent.requires_grad
    if single and float(exponent) > 0 and float(exponent).is_integer():
        return torch.pow(base, float(exponent))  # neither an odd root nor a pole
    x, y = base.detach(), exponent.detach()
    odd = x < 0
    if bool(odd.any()):
        order = (1 / y).round()
        odd = odd & (y != y.trunc()) & (1 / order == y) & (order.remainder(2) == 1)
        base = torch.where(odd, -base, base)
    # A single exponent is exact for squares, and faster.
    result = torch.pow(base, float(exponent)) if single else torch.pow(base, exponent)
    if bool(odd.any()):
        result = torch.where(odd, -result, result)
    zero = x == 0
    if not bool(zero.any()):
        return result
    return checked(result, (zero & (y == 0), Error.NUM), (zero & (y < 0), Error.DIV0))


ARITHMETIC: dict[str, Callable[[Tensor, Tensor], Tensor | Checked]] = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "/": divide,
    "^": power,
}
COMPARISONS: dict[str, Callable[[Tensor], Tensor]] = {
    "=": lambda sign: sign == 0,
    "<>": lambda sign: sign != 0,
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}


def operator(symbol: str, left: Array, right: Array, texts: Texts) -> Array:
    """The value of `left symbol right` for one of `+ - * / ^ & = <> < <= > >=`.

    Notes
    -----
    Texts that are numbers count as such in arithmetic ("3"+1 is 4), others are #VALUE!. Overflow is #NUM!. Comparisons
    order numbers before texts before booleans, look at 15 significant digits, and ignore the case of texts. `&` prints
    numbers in the format General.
    """
    if symbol in ARITHMETIC:
        return lifted([left, right], NUMBERS, ARITHMETIC[symbol], texts)
    if symbol == "&":
        return mapped([left, right], texts, _joined)
    left, right = fitted([left, right])
    sign = comparison(left, right, texts)
    truth = COMPARISONS[symbol](sign).to(torch.float64)
    return sealed(truth, merged([fault_of(left), fault_of(right)]), Kind.BOOLEAN)


def negate(array: Array, texts: Texts) -> Array:
    """The value of `-array`."""
    return lifted([array], NUMBERS[:1], torch.neg, texts)


def percent(array: Array, texts: Texts) -> Array:
    """The value of `array%`."""
    return lifted([array], NUMBERS[:1], lambda x: x / 100, texts)


def _joined(left: Scalar, right: Scalar) -> str | Error:
    one, two = text_of_scalar(left), text_of_scalar(right)
    if isinstance(one, Error):
        return one
    return two if isinstance(two, Error) else one + two

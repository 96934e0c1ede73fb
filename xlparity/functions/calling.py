"""The one caller: counts the arguments of a call and hands them to the function's body."""

from __future__ import annotations

from collections.abc import Sequence

from xlparity.errors import FormulaError
from xlparity.functions.array import Array, Texts
from xlparity.functions.gather import Early
from xlparity.functions.scalars import array_of_scalar
from xlparity.functions.signature import BLANK, Argument, Function
from xlparity.functions.toolpak import TOOLPAK, strict

__all__ = ["call_function", "check_count"]


def check_count(function: Function, count: int) -> None:
    """FormulaError, as Excel refuses to enter such a formula, unless `function` takes `count` arguments."""
    least, most = function.least, function.most
    repeating = sum(1 for parameter in function.parameters if parameter.repeating)
    uneven = (count - len(function.parameters)) % max(repeating, 1) != 0
    if count < least or (most is not None and count > most) or uneven:
        takes = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
        raise FormulaError(f"{function.name} takes {takes} argument(s), not {count}: {function.signature}")


def call_function(function: Function, arguments: Sequence[Argument | None], texts: Texts) -> Array:
    """The value of `function` for `arguments`; None is an argument left empty, as the second of `IF(A1,,1)`.

    Raises FormulaError for a wrong number of arguments, `Unsupported` where the value cannot be computed honestly, and
    `LanesDiffer` where lanes have results of different sizes.
    """
    assert function.body is not None, function.name
    check_count(function, len(arguments))
    if function.name in TOOLPAK:
        arguments = [strict(argument) for argument in arguments]
    given: list[Argument] = []
    for position in range(max(len(arguments), len(function.parameters))):
        parameter = function.parameter(position)
        argument = arguments[position] if position < len(arguments) else None
        if argument is not None:
            given.append(argument)
        elif position < len(arguments) and not (parameter.empty_is_default and not parameter.required):
            given.append(BLANK)
        elif parameter.repeating or parameter.absent:
            break
        else:
            assert not parameter.required
            given.append(Argument(array_of_scalar(parameter.default, texts)))
    try:
        return function.body(given, texts)
    except Early as known:
        return known.array

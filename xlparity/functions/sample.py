"""Adapters for functions of many numbers: SUM, VAR.S, PERCENTILE, CORREL, ..."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.coercion import collected, numbers_of
from xlparity.functions.fault import Fault, array_of, fault_of, first_fault, merged
from xlparity.functions.lift import Checked, fitted
from xlparity.functions.signature import Argument, Function, Parameter, Type, declare
from xlparity.model.table import Table
from xlparity.model.value import Error, Kind

__all__ = ["Sample", "aggregate", "in_line", "joined", "lanes_of", "paired", "pairs"]

F = TypeVar("F", bound=Callable[..., "Tensor | Checked"])


@dataclass(frozen=True, slots=True)
class Sample:
    """Numbers along the last dimension: shape (*lanes, 1, 1, n), so that results have the shape (*lanes, 1, 1).

    `mask` (None: all) says which of them count; the others are 0.
    """

    number: Tensor
    mask: Tensor | None = None

    @property
    def count(self) -> Tensor:
        """How many numbers count."""
        if self.mask is None:
            return torch.full((1, 1), float(self.number.shape[-1]), dtype=torch.float64)
        return self.mask.sum(-1).to(torch.float64)

    @property
    def sum(self) -> Tensor:
        return self.number.sum(-1)

    @property
    def mean(self) -> Tensor:
        """The mean; NaN of nothing."""
        return self.number.sum(-1) / self.count

    @property
    def deviations(self) -> Tensor:
        """The distances from the mean, 0 for numbers that do not count."""
        return self.chosen(self.number - torch.where(self.count == 0, 0.0, self.mean).unsqueeze(-1))

    def chosen(self, values: Tensor, otherwise: float = 0.0) -> Tensor:
        """`values` where the numbers count, `otherwise` elsewhere."""
        return values if self.mask is None else torch.where(self.mask, values, otherwise)

    @property
    def ordered(self) -> Tensor:
        """The numbers in ascending order, those that do not count last, as infinities."""
        return self.chosen(self.number, float("inf")).sort(-1).values


def lanes_of(tensors: Sequence[Tensor], dims: int) -> tuple[int, ...]:
    """The common shape of `tensors` before their last `dims` dimensions."""
    return np.broadcast_shapes(*(tensor.shape[: tensor.ndim - dims] for tensor in tensors))


def in_line(number: Tensor) -> Tensor:
    """`number` with the elements of each lane next to each other in memory, where those of a column of lanes are.

    The order in which torch adds up a lane would otherwise depend on how many lanes there are.
    """
    steps = [step for step, size in zip(number.stride()[:-2], number.shape[:-2], strict=True) if size > 1 and step]
    inner = [step for step, size in zip(number.stride()[-2:], number.shape[-2:], strict=True) if size > 1]
    return number.contiguous() if steps and inner and min(steps) < max(inner) else number


def joined(arguments: Sequence[Argument], texts: Texts) -> tuple[Sample, Fault]:
    """All numbers of `arguments`, and the first error among them."""
    numbers, masks, faults = [], [], []
    for argument in arguments:
        part = collected(argument.array, texts, reference=argument.reference)
        numbers.append(in_line(part.number).flatten(-2))
        masks.append(None if part.mask is None else part.mask.flatten(-2))
        faults.append(first_fault(part.fault))
    if len(numbers) == 1:
        number, mask = numbers[0], masks[0]
    else:
        lanes = lanes_of(numbers, 1)
        number = torch.cat([part.expand(*lanes, part.shape[-1]) for part in numbers], -1)
        mask = None
        if any(part is not None for part in masks):
            spelled = [
                torch.ones(part.shape, dtype=torch.bool) if chosen is None else chosen
                for part, chosen in zip(numbers, masks, strict=True)
            ]
            mask = torch.cat([part.expand(*lanes, part.shape[-1]) for part in spelled], -1)
    fault = merged(faults)
    if fault is not None:  # keep what is under a fault out of the results
        number = torch.where(fault.flatten(-2) != 0, 0.0, number)
    sample = Sample(number[..., None, None, :], None if mask is None else mask[..., None, None, :])
    return sample, fault


def aggregate(
    table: Table[str, Function],
    *names: str,
    parameters: Sequence[Parameter],
    summary: str,
    fold: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Callable[[F], F]:
    """Decorator that enters a function of a sample under each of `names`.

    The decorated function takes the `Sample` of all NUMBERS arguments and one tensor for each other argument, and
    returns numbers; NaN and infinities become #NUM!. `fold` gives the same for two single numbers.
    """

    def enter(compute: F) -> F:
        declared: list[Function] = []

        def body(arguments: Sequence[Argument], texts: Texts) -> Array:
            if fold is not None and _singles(arguments):
                return Array(reduce(fold, (given.array.number for given in arguments)))
            kinds = [declared[0].parameter(at).type for at in range(len(arguments))]
            pooled = [given for given, kind in zip(arguments, kinds, strict=True) if kind is Type.NUMBERS]
            sample, fault = joined(pooled, texts)
            faults, values = [fault], []
            single = [given.array for given, kind in zip(arguments, kinds, strict=True) if kind is not Type.NUMBERS]
            for given in fitted(single) if single else []:
                value, own = numbers_of(given, texts)
                values.append(value)
                faults.append(own)
            made = compute(sample, *values)
            if isinstance(made, Checked):
                return array_of(made.number, merged([*faults, made.fault]))
            return array_of(made, merged(faults))

        for name in names:
            function = Function(name, tuple(parameters), summary, body)
            declared.append(function)
            declare(table, function)
        return compute

    return enter


def _singles(arguments: Sequence[Argument]) -> bool:
    """Whether all arguments are single numbers without history (autograd shares ties out among all of them)."""
    return all(
        given.array.kind is None and given.array.number.shape[-2:] == (1, 1) and not given.array.number.requires_grad
        for given in arguments
    )


def pairs(left: Argument, right: Argument) -> tuple[Tensor, Tensor, Tensor | None, Fault] | None:
    """The numbers of two arrays element by element, which of the pairs count, and the first error; None if the sizes
    differ.
    """
    one, two = left.array, right.array
    if one.rows * one.columns != two.rows * two.columns:
        return None
    fault = merged([first_fault(fault_of(one)), first_fault(fault_of(two))])
    x, y = in_line(one.number).flatten(-2), in_line(two.number).flatten(-2)
    if one.kind is None and two.kind is None:
        return x[..., None, None, :], y[..., None, None, :], None, None
    mask = (one.kinds == int(Kind.NUMBER)).flatten(-2) & (two.kinds == int(Kind.NUMBER)).flatten(-2)
    x, y = torch.where(mask, x, 0.0), torch.where(mask, y, 0.0)
    return x[..., None, None, :], y[..., None, None, :], mask[..., None, None, :], fault


def paired(
    table: Table[str, Function],
    *names: str,
    parameters: Sequence[Parameter],
    summary: str,
) -> Callable[[F], F]:
    """Decorator that enters a function of two arrays of the same size, element by element, under each of `names`.

    The decorated function takes two `Sample`s, in which only pairs of numbers count, after one tensor for each other
    argument. Arrays of different sizes are #N/A.
    """

    def enter(compute: F) -> F:
        def body(arguments: Sequence[Argument], texts: Texts) -> Array:
            *others, left, right = arguments
            found = pairs(left, right)
            values, faults = [], []
            for given in fitted([other.array for other in others]) if others else []:
                value, own = numbers_of(given, texts)
                values.append(value)
                faults.append(own)
            if found is None:
                return Array.of_error(Error.NA)
            x, y, mask, fault = found
            made = compute(*values, Sample(x, mask), Sample(y, mask))
            if isinstance(made, Checked):
                return array_of(made.number, merged([*faults, fault, made.fault]))
            return array_of(made, merged([*faults, fault]))

        for name in names:
            declare(table, Function(name, tuple(parameters), summary, body))
        return compute

    return enter

"""Which elements of a tensor are errors or undecided, as one code per element.

A fault is an int32 tensor: 0 is a sound element, 1 to 14 an Excel error (`model.value.Error`), `UNDECIDED` + i an
undecided value whose reason is text i. None stands for "all sound", and is the fast path. The number under a fault is
meaningless and never reaches a result or a gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from xlparity.functions.array import Array
from xlparity.model.value import Error, Kind

__all__ = [
    "UNDECIDED",
    "Fault",
    "all_finite",
    "array_of",
    "fault_of",
    "first_fault",
    "merged",
    "sealed",
    "spoiled",
    "where_error",
]

UNDECIDED = 100
Fault = Tensor | None


def fault_of(array: Array) -> Fault:
    """The errors and undecided values of `array`."""
    if array.kind is None:
        return None
    bad = array.kind >= int(Kind.ERROR)
    if not bool(bad.any()):
        return None
    code = array.number.detach().to(torch.int32)
    undecided = array.kind == int(Kind.UNDECIDED)
    return torch.where(undecided, code + UNDECIDED, torch.where(bad, code, 0)).to(torch.int32)


def merged(faults: Iterable[Fault]) -> Fault:
    """The fault of a result whose operands have `faults`: undecided wins, then the leftmost error."""
    result: Fault = None
    for fault in faults:
        if fault is None:
            continue
        if result is None:
            result = fault
            continue
        take = (result == 0) | ((fault >= UNDECIDED) & (result < UNDECIDED))
        result = torch.where(take, fault, result)
    return result


def where_error(mask: Tensor, error: Error) -> Fault:
    """The fault that has `error` where `mask` is true."""
    return mask.to(torch.int32) * int(error) if bool(mask.any()) else None


def first_fault(fault: Fault, dims: int = 2) -> Fault:
    """One fault for the last `dims` dimensions, kept with size 1: undecided wins, then the first error in row order."""
    if fault is None:
        return None
    flat = fault.flatten(-dims)
    undecided = flat.amax(-1)
    first = flat.gather(-1, (flat != 0).to(torch.uint8).argmax(-1, keepdim=True)).squeeze(-1)
    result = torch.where(undecided >= UNDECIDED, undecided, first)
    return result.reshape(*result.shape, *(1,) * dims)


def array_of(number: Tensor, fault: Fault = None) -> Array:
    """`number` except where there is a fault; #NUM! where it is not finite, as Excel has neither infinities nor NaN."""
    if not all_finite(number):
        fault = merged([fault, where_error(~torch.isfinite(number.detach()), Error.NUM)])
    return sealed(number, fault)


def all_finite(number: Tensor) -> bool:
    """Whether `number` has neither infinities nor NaN; one fast pass where it has none."""
    detached = number.detach()
    return math.isfinite(detached.sum()) or bool(torch.isfinite(detached).all())


def sealed(number: Tensor, fault: Fault = None, kind: Kind = Kind.NUMBER) -> Array:
    """The values `number` of the kind `kind`, finite where there is no fault, except where there is one."""
    kinds = None if kind is Kind.NUMBER else torch.full(number.shape, int(kind), dtype=torch.uint8)
    return spoiled(Array(number, kinds), fault)


def spoiled(array: Array, fault: Fault) -> Array:
    """`array`, with the errors and undecided values of `fault` on top."""
    if fault is None:
        return array
    sound, undecided = fault == 0, fault >= UNDECIDED
    kinds = torch.where(sound, array.kinds, torch.where(undecided, int(Kind.UNDECIDED), int(Kind.ERROR)))
    payload = torch.where(undecided, fault - UNDECIDED, fault)
    return Array(torch.where(sound, array.number, payload), kinds.to(torch.uint8))

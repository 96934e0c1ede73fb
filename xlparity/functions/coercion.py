"""Excel's conversions of the values of an array to numbers, booleans and texts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.fault import Fault, fault_of, merged
from xlparity.functions.text_of_number import general, number_of_text
from xlparity.model.value import Error, Kind, Scalar

__all__ = [
    "Collected",
    "boolean_of_scalar",
    "booleans_of",
    "collected",
    "number_of_scalar",
    "numbers_of",
    "text_of_scalar",
]


def numbers_of(array: Array, texts: Texts) -> tuple[Tensor, Fault]:
    """Every element as a number: TRUE is 1, a blank 0, "3" 3; other text is #VALUE!."""
    if array.kind is None:
        return array.number, None
    highest = int(array.kind.max())
    number, fault = array.number, fault_of(array) if highest >= int(Kind.ERROR) else None
    is_text = array.kind == int(Kind.TEXT)
    if highest >= int(Kind.TEXT) and bool(is_text.any()):
        used = number[is_text].detach().to(torch.long)
        values, codes = torch.zeros(len(texts.table)).double(), torch.zeros(len(texts.table), dtype=torch.int32)
        for index in set(used.tolist()):
            value = number_of_text(texts.table[index], date1904=texts.date1904)
            if value is None:
                codes[index] = int(Error.VALUE)
            else:
                values[index] = value
        index = torch.where(is_text, number.detach(), 0.0).to(torch.long)
        number = torch.where(is_text, values[index], number)
        if bool((codes[used] != 0).any()):
            fault = merged([fault, torch.where(is_text, codes[index], 0).to(torch.int32)])
    return number, fault


def booleans_of(array: Array, texts: Texts) -> tuple[Tensor, Fault]:
    """Every element as TRUE or FALSE (a bool tensor): a number is TRUE unless it is 0, a blank is FALSE."""
    if array.kind is None:
        return array.number.detach() != 0, None
    truth = array.number.detach() != 0
    fault = fault_of(array)
    is_text = array.kind == int(Kind.TEXT)
    if bool(is_text.any()):
        truth = truth.clone()
        codes = torch.zeros(truth.shape, dtype=torch.int32)
        for index in set(array.number[is_text].tolist()):
            here = is_text & (array.number == index)
            value = boolean_of_scalar(texts.table[int(index)])
            if isinstance(value, Error):
                codes[here] = int(value)
            else:
                truth[here] = value
        fault = merged([fault, codes if bool(codes.any()) else None])
    return truth, fault


@dataclass(frozen=True, slots=True)
class Collected:
    """The numbers of one argument: shape (*lanes, rows, columns), `mask` (None: all) says which elements count."""

    number: Tensor
    mask: Tensor | None
    fault: Fault


def collected(array: Array, texts: Texts, *, reference: bool) -> Collected:
    """The numbers of an argument of SUM and its kind.

    Of a range or an array only the numbers count; a single value that is no reference is converted ("3" is 3, TRUE is
    1), and a text that is no number is #VALUE!.
    """
    if array.kind is None:
        return Collected(array.number, None, None)
    if not reference and array.rows == array.columns == 1:
        number, fault = numbers_of(array, texts)
        return Collected(number, None, fault)
    mask = array.kind == int(Kind.NUMBER)
    fault = fault_of(array)
    return Collected(torch.where(mask, array.number, 0.0), None if bool(mask.all()) else mask, fault)


def number_of_scalar(value: Scalar, *, date1904: bool = False) -> float | Error:
    """One value as a number, or the error that Excel gives instead."""
    if isinstance(value, Error):
        return value
    if value is None:
        return 0.0
    if isinstance(value, str):
        number = number_of_text(value, date1904=date1904)
        return Error.VALUE if number is None else number
    return float(value)


def boolean_of_scalar(value: Scalar) -> bool | Error:
    """One value as TRUE or FALSE, or the error that Excel gives instead."""
    if isinstance(value, Error):
        return value
    if isinstance(value, str):
        return {"TRUE": True, "FALSE": False}.get(value.upper(), Error.VALUE)
    return bool(value)


def text_of_scalar(value: Scalar) -> str | Error:
    """One value as `&` joins it, or the error that it is."""
    if isinstance(value, Error):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return value if isinstance(value, str) else general(value)

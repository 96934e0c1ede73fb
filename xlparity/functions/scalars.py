"""Between one value of Excel in Python and arrays on torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from xlparity.functions.array import Array, Texts
from xlparity.model.value import Error, Kind, Scalar

__all__ = ["array_of_rows", "array_of_scalar", "kind_and_payload", "scalar_of"]


def kind_and_payload(value: object, texts: Texts) -> tuple[Kind, float]:
    """The kind and payload of `value`, a `model.value.Scalar`."""
    if value is None:
        return Kind.BLANK, 0.0
    if isinstance(value, Error):
        return Kind.ERROR, float(value)
    if isinstance(value, bool):
        return Kind.BOOLEAN, float(value)
    if isinstance(value, str):
        return Kind.TEXT, float(texts.index(value))
    assert isinstance(value, (int, float)), f"{value!r} is no value of a cell"
    return Kind.NUMBER, float(value)


def array_of_scalar(value: object, texts: Texts) -> Array:
    """The single value `value` as an array."""
    kind, payload = kind_and_payload(value, texts)
    return Array.of_number(payload) if kind is Kind.NUMBER else Array.single(kind, payload)


def array_of_rows(rows: Sequence[Sequence[object]], texts: Texts) -> Array:
    """The array constant `rows`, all of the same length."""
    pairs = [[kind_and_payload(value, texts) for value in row] for row in rows]
    number = torch.tensor([[payload for _, payload in row] for row in pairs], dtype=torch.float64)
    kind = torch.tensor([[int(kind) for kind, _ in row] for row in pairs], dtype=torch.uint8)
    return Array(number, None if bool((kind == int(Kind.NUMBER)).all()) else kind)


def scalar_of(kind: int, payload: float, texts: Texts) -> Scalar:
    """The value of one element as Python sees it; None for a blank."""
    match kind:
        case Kind.NUMBER:
            return payload
        case Kind.TEXT:
            return texts.table[int(payload)]
        case Kind.BOOLEAN:
            return bool(payload)
        case Kind.ERROR:
            return Error(int(payload))
    assert kind == Kind.BLANK, "an undecided value has no scalar"
    return None

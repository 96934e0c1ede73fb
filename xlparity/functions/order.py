"""How Excel orders values: numbers, then texts whatever their case, then booleans.

Numbers are compared at the 15 significant digits that Excel keeps: `=0.1+0.2=0.3` is TRUE.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import torch
from torch import Tensor

from xlparity.functions.array import Array, Texts
from xlparity.functions.text_of_number import digits15
from xlparity.model.value import Kind

__all__ = ["comparison", "sign15", "text_key", "text_ranks"]


def text_key(text: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts texts as Excel does: signs before digits before letters, whatever their case."""
    return tuple(
        (2 if sign.isalpha() else 1 if sign.isdigit() else 0, unicodedata.normalize("NFKD", sign))
        for sign in text.casefold()
    )


def text_ranks(texts: Texts, indices: Iterable[int]) -> Tensor:
    """For each text of `texts` its rank among those of `indices` (equal texts have equal ranks); others 0."""
    used = set(indices)
    keys = {index: text_key(texts.table[index]) for index in used}
    rank = {key: at for at, key in enumerate(sorted(set(keys.values())))}
    ranks = torch.zeros(len(texts.table)).double()
    for index, key in keys.items():
        ranks[index] = rank[key]
    return ranks


def sign15(left: Tensor, right: Tensor) -> Tensor:
    """-1, 0 or 1 as `left` is less than, equal to or greater than `right` at 15 significant digits."""
    left, right = left.detach(), right.detach()
    sign = (left > right).to(torch.int8) - (left < right).to(torch.int8)
    near = (sign != 0) & ((left - right).abs() <= 1e-14 * torch.maximum(left.abs(), right.abs()))
    if bool(near.any()):
        pairs = zip(left.expand(near.shape)[near].tolist(), right.expand(near.shape)[near].tolist(), strict=True)
        refined = [(digits15(a) > digits15(b)) - (digits15(a) < digits15(b)) for a, b in pairs]
        sign[near] = torch.tensor(refined, dtype=torch.int8)
    return sign


def comparison(left: Array, right: Array, texts: Texts) -> Tensor:
    """-1, 0 or 1 for each element as `left` is less than, equal to or greater than `right`.

    Errors and undecided elements have to be seen to by the caller. A blank equals 0, "" and FALSE.
    """
    if left.kind is None and right.kind is None:
        return sign15(left.number, right.number)
    first, second = left.number.detach(), right.number.detach()
    one, two = left.kinds, right.kinds
    blank_one, blank_two = one == int(Kind.BLANK), two == int(Kind.BLANK)
    has_text = bool((one == int(Kind.TEXT)).any()) or bool((two == int(Kind.TEXT)).any())
    if has_text:
        empty = texts.index("")
        used = {empty}
        for kind, payload in ((one, first), (two, second)):
            used.update(int(index) for index in set(payload[kind == int(Kind.TEXT)].tolist()))
        ranks = text_ranks(texts, used)
        zero = ranks[empty]
        first = torch.where(one == int(Kind.TEXT), ranks[_index(one, first)], first)
        second = torch.where(two == int(Kind.TEXT), ranks[_index(two, second)], second)
        first = torch.where(blank_one & (two == int(Kind.TEXT)), zero, first)
        second = torch.where(blank_two & (one == int(Kind.TEXT)), zero, second)
    # Kinds are in the order of comparison; a blank takes the kind of what it is compared with.
    one, two = torch.where(blank_one, two, one), torch.where(blank_two, one, two)
    of_kind = (one > two).to(torch.int8) - (one < two).to(torch.int8)
    return torch.where(of_kind != 0, of_kind, sign15(first, second))


def _index(kind: Tensor, payload: Tensor) -> Tensor:
    return torch.where(kind == int(Kind.TEXT), payload, 0.0).long()

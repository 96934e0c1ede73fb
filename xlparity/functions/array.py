"""The value that Excel's functions take and give: an array of kinds and numbers on torch.

The last two dimensions are the Excel array's rows and columns (1 x 1 for a single value). All dimensions before them
are *lanes*: independent evaluations of the same formula (the cells of a fill, the samples of a batch). Lanes broadcast
against each other as torch broadcasts, so that an operand that is the same for all cells of a fill is stored once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from xlparity.limits import budget
from xlparity.model.value import Error, Kind

__all__ = ["Array", "Texts"]


@dataclass(slots=True)
class Texts:
    """The texts of one evaluation, each stored once; a text's payload is its index.

    The reasons of undecided values are entered here too. `date1904` is the workbook's date system.
    """

    table: list[str] = field(default_factory=list)
    date1904: bool = False
    _index: dict[str, int] = field(default_factory=dict)

    def index(self, text: str) -> int:
        """The index of `text`, entered if it is new; TooMuch if there are too many characters."""
        if text not in self._index:
            budget().text(len(text))
        return self.reason(text)

    def reason(self, text: str) -> int:
        """The index of a reason why a value is undecided, which counts for no limit."""
        at = self._index.setdefault(text, len(self.table))
        if at == len(self.table):
            self.table.append(text)
        return at


@dataclass(frozen=True, slots=True)
class Array:
    """`number` is float64 of shape (*lanes, rows, columns); `kind` is uint8 of the same shape, or None: all numbers.

    The payload of a text is its index in the evaluation's `Texts`, of a boolean 0 or 1, of an error its
    `model.value.Error`, of an undecided value the index of its reason in `Texts`, of a blank 0. `number`
    of NUMBER values carries autograd and is finite; the other payloads do not.
    """

    number: Tensor
    kind: Tensor | None = None

    @classmethod
    def of_number(cls, value: float) -> Array:
        """A single number."""
        return cls(torch.tensor([[value]], dtype=torch.float64))

    @classmethod
    def of_boolean(cls, value: bool) -> Array:
        """A single boolean."""
        return cls.single(Kind.BOOLEAN, float(value))

    @classmethod
    def of_error(cls, error: Error) -> Array:
        """A single error value."""
        return cls.single(Kind.ERROR, float(error))

    @classmethod
    def single(cls, kind: Kind, payload: float) -> Array:
        """A single value of any kind."""
        return cls(torch.tensor([[payload]], dtype=torch.float64), torch.tensor([[int(kind)]], dtype=torch.uint8))

    @property
    def rows(self) -> int:
        return self.number.shape[-2]

    @property
    def columns(self) -> int:
        return self.number.shape[-1]

    @property
    def kinds(self) -> Tensor:
        """`kind`, spelled out where it is None."""
        if self.kind is None:
            return torch.full(self.number.shape, int(Kind.NUMBER), dtype=torch.uint8)
        return self.kind

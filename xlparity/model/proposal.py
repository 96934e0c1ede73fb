"""A proposed map: rows with the evidence for each, and what could not be placed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from xlparity.model.area import Area
from xlparity.model.map import Map, MapRow

__all__ = ["Confidence", "Proposal", "ProposedRow"]


class Confidence(Enum):
    """How sure a proposed row is."""

    CERTAIN = "certain"  # proved: the values of a tensor that no other has, or an expression read from the formulas
    LIKELY = "likely"  # one reading among several, decided by the layout, the labels or what formulas read
    GUESS = "guess"  # a role or a name that nothing but the shape speaks for


@dataclass(frozen=True, slots=True)
class ProposedRow:
    """A row of the map, how sure it is and why."""

    row: MapRow
    confidence: Confidence
    evidence: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A map for a workbook that has none.

    Attributes
    ----------
    workbook, model
        The file's name, and the model's class ("" without a model).
    rows
        The proposed rows; every expression among them reproduces its cells, but for those that `wrong` names.
    not_found
        Tensors of the model that no area of the workbook holds, each with the reason.
    not_covered
        Areas of formulas that no row covers, each with the reason.
    wrong
        Tensors that were placed although some of their cells hold other values: likely faults of the workbook.
    notes
        What else a person should know, one sentence each.
    """

    workbook: str
    model: str
    rows: tuple[ProposedRow, ...]
    not_found: tuple[tuple[str, str], ...] = ()
    not_covered: tuple[tuple[Area, str], ...] = ()
    wrong: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def map(self) -> Map:
        """The map itself."""
        return Map(tuple(proposed.row for proposed in self.rows))

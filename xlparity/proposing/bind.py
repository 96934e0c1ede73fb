"""A model's tensors found in the sheet: inputs, parameters, and everything that its captured graph computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xlparity.model.area import Area
from xlparity.model.book import Book
from xlparity.model.proposal import ProposedRow
from xlparity.model.value import Values
from xlparity.proposing.computed import Computed
from xlparity.proposing.givens import Givens
from xlparity.proposing.labels import Labels
from xlparity.proposing.places import ModelTensors, Places

__all__ = ["Binding", "ModelTensors", "bind_model"]


@dataclass(frozen=True, slots=True)
class Binding:
    """What of a model stands in a workbook; see `model.proposal.Proposal`."""

    rows: tuple[ProposedRow, ...] = ()
    not_found: tuple[tuple[str, str], ...] = ()
    wrong: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def bind_model(
    book: Book,
    values: Values,
    labels: Labels,
    given: Sequence[Area],
    rectangles: Sequence[Area],
    what: ModelTensors,
    progress: Callable[[str], None] = lambda _: None,
) -> Binding:
    """The tensors of a model that stand in `book`.

    `given` are the areas of numbers that its formulas read, `rectangles` the same before labels and formulas told them
    apart.

    Raises InputError if the model cannot be copied, or does not run on the inputs that are given.
    """
    places = Places(book, values, labels, given, rectangles)
    givens = Givens(places, what)
    progress("looking for the model's parameters")
    givens.place_parameters()
    progress("looking for the model's inputs")
    computed = Computed(places, what, givens)
    if givens.place_inputs():
        progress("capturing the model")
        computed.place_computed(progress)
    rows = computed.write_rows()
    return Binding(tuple(rows), tuple(places.not_found), tuple(places.wrong), tuple(places.notes))

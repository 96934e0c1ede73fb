"""The values that the file remembers, as if an engine had just computed them: what the workbook shows when opened."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xlparity.model.book import Book, Sheet
from xlparity.model.engine import SAVED, Slack
from xlparity.model.value import Cells, Kind, Values

__all__ = ["CachedValues"]


class CachedValues:
    """Hands out the remembered values, never as a judgement of formulas: a stale one shows as a difference."""

    name = "cached"
    version = "as saved in the file"
    # Excel and LibreOffice save 15 to 17 digits and snap near-zero differences of sums to zero.
    slack = Slack(relative=SAVED, cancellation=2.0**-48, saved=SAVED)

    def evaluate(self, book: Book, path: Path | None = None) -> Values:  # noqa: ARG002 - the protocol of all engines
        """Constants and remembered values of every sheet; formula cells without a remembered value are missing."""
        return Values({sheet.name: _joined(sheet) for sheet in book.sheets})

    @staticmethod
    def available(book: Book) -> bool:
        """Whether the file remembers the value of any formula."""
        return any(len(sheet.cached) for sheet in book.sheets)


def _joined(sheet: Sheet) -> Cells:
    first, second = sheet.constants, sheet.cached
    row = np.concatenate([first.row, second.row])
    column = np.concatenate([first.column, second.column])
    kind = np.concatenate([first.kind, second.kind])
    # Payloads of texts are indices into a table each; the second table is put behind the first.
    shifted = np.where(second.kind == Kind.TEXT, second.number + len(first.texts), second.number)
    number = np.concatenate([first.number, shifted])
    order = np.lexsort((column, row))
    return Cells(row[order], column[order], kind[order], number[order], first.texts + second.texts)

"""A worksheet that is added to a workbook of others: texts, numbers and links to cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from xlparity.formula.a1 import column_letters
from xlparity.model.cell import Cell
from xlparity.xlsx.styles import StyleSheet
from xlparity.xlsx.text import encode

__all__ = ["Entry", "Look", "Page", "page_part"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a text of the added sheet looks; `larger` is in points, `wrap` breaks it into the lines that it needs."""

    bold: bool = False
    larger: int = 0
    colour: str = ""
    wrap: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell of the added sheet: a text, or a number that is shown by Excel's format `code`; it may link to a cell."""

    value: str | float
    look: Look = Look()
    code: int = 0
    link: Cell | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The sheet to be added: its name, the columns' widths in letters, the rows, and the number of the heading's row.

    What stands above the heading's row, and that row, stay in sight; the rows below can be filtered.
    """

    name: str
    widths: Sequence[float]
    rows: Sequence[Sequence[Entry | None]]
    heading: int


def page_part(page: Page, styles: StyleSheet, namespace: str) -> bytes:
    """The worksheet's part; the formats that it needs are added to `styles`."""
    looks: dict[tuple[Look, int, bool], int] = {}

    def format_of(entry: Entry) -> int:
        key = (entry.look, entry.code, entry.link is not None)
        if key not in looks:
            look = entry.look
            looks[key] = (
                styles.text(look.bold, look.larger, look.colour, look.wrap, look.right, link=key[2])
                if isinstance(entry.value, str)
                else styles.number(entry.code)
            )
        return looks[key]

    links: list[str] = []
    rows: list[str] = []
    for number, row in enumerate(page.rows, 1):
        cells = []
        for column, entry in enumerate(row):
            if entry is None:
                continue
            address = f"{column_letters(column)}{number}"
            head = f'<c r="{address}" s="{format_of(entry)}"'
            if isinstance(entry.value, str):
                cells.append(f'{head} t="inlineStr"><is><t xml:space="preserve">{encode(entry.value)}</t></is></c>')
            else:
                cells.append(f"{head}><v>{entry.value!r}</v></c>")
            if entry.link is not None:
                sheet = entry.link.sheet.replace("'", "''")
                place = f"'{sheet}'!{column_letters(entry.link.column)}{entry.link.row + 1}"
                links.append(f'<hyperlink ref="{address}" location={quoteattr(place)}/>')
        # No reader measures the lines of a file that it did not write.
        points = 15 * max(map(_lines, row, page.widths), default=1)
        points += 2 * max((entry.look.larger for entry in row if entry is not None), default=0)
        height = f' ht="{points}" customHeight="1"' if points > 15 else ""
        rows.append(f'<row r="{number}"{height}>{"".join(cells)}</row>')
    widths = "".join(
        f'<col min="{number}" max="{number}" width="{width:g}" customWidth="1"/>'
        for number, width in enumerate(page.widths, 1)
    )
    last = f"{column_letters(len(page.widths) - 1)}{max(len(page.rows), page.heading)}"
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{namespace}">'
        '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<sheetViews><sheetView showGridLines="0" workbookViewId="0"><pane ySplit="{page.heading}" '
        f'topLeftCell="A{page.heading + 1}" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="15"/><cols>{widths}</cols><sheetData>{"".join(rows)}</sheetData>'
        f'<autoFilter ref="A{page.heading}:{last}"/>'
        + (f"<hyperlinks>{''.join(links)}</hyperlinks>" if links else "")
        + '<pageMargins left="0.7" right="0.7" top="0.75" bottom="0.75" header="0.3" footer="0.3"/>'
        '<pageSetup orientation="landscape" fitToHeight="0"/></worksheet>'
    ).encode()


def _lines(entry: Entry | None, width: float) -> int:
    """How many lines an entry needs in a column of that width."""
    if entry is None or not isinstance(entry.value, str) or not entry.look.wrap:
        return 1
    return min(1 + int(len(entry.value) * 1.05 / width), 10)

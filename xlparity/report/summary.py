"""The table of a run of many workbooks: a row each, and their verdicts counted."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from xlparity.model.outcome import Ending
from xlparity.report.tensors import UNCOMPARED
from xlparity.report.text import plain

__all__ = ["counted", "summary_to_text"]

_STYLES = {"parity": "green", "differences": "bold red", "undecided": "magenta"}
_ORDER = ("parity", "differences", "undecided", *(ending.value for ending in Ending))


def summary_to_text(lines: Sequence[dict[str, Any]], colour: bool = False, width: int = 120) -> str:
    """The table of outcomes, as `report.lines` has them, in the order given; `colour` adds terminal colours."""
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, force_terminal=colour, no_color=not colour, highlight=False, markup=False, emoji=False
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("workbook", "verdict"):
        table.add_column(name, overflow="fold")
    for name in ("cells", "faults"):
        table.add_column(name, justify="right")
    table.add_column("first fault, or why it was not checked", overflow="fold", ratio=1)
    table.add_column("seconds", justify="right")
    for line in lines:
        report, seconds = line["report"], line["seconds"]
        cells = faults = ""
        first = (line["because"] or "").removeprefix(f"{line['workbook']}: ")
        if report is not None:
            cells, faults = f"{sum(report['counts'].values()):,}", f"{report['counts']['fault']:,}"
            first = _first(report["cells"]) or "; ".join(f"{name}: {UNCOMPARED}" for name in report["uncompared"][:3])
        table.add_row(
            Text(plain(line["workbook"])), Text(plain(line["verdict"]), style=_STYLES.get(line["verdict"], "yellow")),
            cells, faults, Text(plain(first)), "" if seconds is None else f"{seconds:.1f}",
        )  # fmt: skip
    console.print(table)
    verdicts = counted(line["verdict"] for line in lines)
    console.print(f"\n{len(lines):,} workbook{'' if len(lines) == 1 else 's'}: {verdicts}")
    return "\n".join(text.rstrip() for text in buffer.getvalue().splitlines()) + "\n"


def counted(verdicts: Iterable[str]) -> str:
    """How often each verdict comes, in words, the best first."""
    times = Counter(verdicts)
    return ", ".join(f"{times[verdict]:,} {verdict}" for verdict in _ORDER if times[verdict]) or "none"


def _first(cells: Sequence[dict[str, Any]]) -> str:
    """The first cell that is wrong itself, else the first that does not pass, and why."""
    for verdict in ("fault", "undecided", "inherited"):
        for cell in cells:
            if cell["verdict"] == verdict:
                return f"{cell['cell']}: {cell['because']}" if cell["because"] else str(cell["cell"])
    return ""

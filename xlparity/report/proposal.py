"""A proposed map as TOML that a person can correct, and as a summary."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from xlparity.formula.a1 import show_area
from xlparity.model.map import Role
from xlparity.model.proposal import Confidence, Proposal, ProposedRow
from xlparity.report.text import plain
from xlparity.xlsx.map_file import show_block

__all__ = ["proposal_to_text", "proposal_to_toml"]

_MOST_LISTED = 12


def proposal_to_toml(proposal: Proposal) -> str:
    """The map as TOML: a comment above each row says how sure it is and why."""
    lines = [
        f"# A map of {plain(proposal.workbook)}, proposed by xlparity init"
        + (f" for the model {plain(proposal.model)}." if proposal.model else " from its formulas."),
        "# Correct what is wrong: names, roles, cells, expressions. Then: xlparity check " + plain(proposal.workbook),
        "",
    ]
    for what, why in proposal.not_found:
        lines.append(f"# not found: {plain(what)}: {plain(why)}")
    for area, why in proposal.not_covered:
        lines.append(f"# not covered: {plain(show_area(area))}: {plain(why)}")
    lines += [f"# note: {plain(note)}" for note in proposal.notes]
    for proposed in proposal.rows:
        lines += ["", *_table(proposed)]
    return "\n".join(lines) + "\n"


def _table(proposed: ProposedRow) -> Iterator[str]:
    row = proposed.row
    yield f"# {proposed.confidence.value}: {plain(proposed.evidence)}"
    yield "[[tensor]]"
    yield f"tensor = {_text(row.tensor)}"
    yield f"role = {_text(row.role.value)}"
    yield f"cells = {_text(show_block(row.block))}"
    # A list cannot say the shape of a single number.
    yield f"shape = {list(row.block.shape)}" if row.block.shape else 'shape = "()"'
    if row.dtype != "float64":
        yield f"dtype = {_text(row.dtype)}"
    if row.torch:
        yield f"torch = {_text(row.torch)}"
    if row.decimals is not None:
        yield f"decimals = {row.decimals}"
    if row.module:
        yield f"module = {_text(row.module)}"
    if row.phase:
        yield f"phase = {_text(row.phase)}"


def _text(text: str) -> str:
    """A string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def proposal_to_text(proposal: Proposal) -> str:
    """What was found, what was not, for people."""
    roles = Counter(proposed.row.role for proposed in proposal.rows)
    counted = ", ".join(f"{roles[role]} {role.value}" for role in Role if roles[role])
    against = f" for the model {plain(proposal.model)}" if proposal.model else ""
    lines = [f"{plain(proposal.workbook)}: {len(proposal.rows)} tensors proposed{against} ({counted})"]
    name = max((len(proposed.row.tensor) for proposed in proposal.rows), default=0)
    cells = max((len(show_block(proposed.row.block)) for proposed in proposal.rows), default=0)
    name, cells = min(name, 36), min(cells, 36)
    for proposed in proposal.rows:
        row = proposed.row
        what = row.torch or proposed.evidence
        lines.append(
            f"  {proposed.confidence.value:8} {row.role.value:14} {plain(row.tensor):{name}}  "
            f"{plain(show_block(row.block)):{cells}}  {plain(what)}"
        )
    for title, entries in (
        ("holds other values than the model in some cells, likely faults", [plain(name) for name in proposal.wrong]),
        ("not found in the workbook", [f"{plain(what)}: {plain(why)}" for what, why in proposal.not_found]),
        (
            "formulas that no row covers",
            [f"{plain(show_area(area))}: {plain(why)}" for area, why in proposal.not_covered],
        ),
    ):
        if entries:
            lines += ["", f"{title} ({len(entries)}):"]
            lines += [f"  {entry}" for entry in entries[:_MOST_LISTED]]
            if len(entries) > _MOST_LISTED:
                lines.append(f"  ... and {len(entries) - _MOST_LISTED} more, in the file")
    lines += [f"\nnote: {plain(note)}" for note in proposal.notes]
    unsure = sum(proposed.confidence is not Confidence.CERTAIN for proposed in proposal.rows)
    if unsure:
        lines.append(f"\n{unsure} of them are likely or guessed, not certain: read their comments in the file.")
    return "\n".join(lines) + "\n"

"""An explanation as an indented tree of text."""

from __future__ import annotations

from collections.abc import Iterator

from xlparity.formula.a1 import show_cell
from xlparity.model.explanation import Explanation
from xlparity.report.text import plain, show_scalar

__all__ = ["explanation_to_text"]


_LEAST = 0.005  # smaller parts of an error are not shown


def explanation_to_text(explanation: Explanation) -> str:
    """One cell a line, its precedents indented: formula, sheet and torch value, difference and bound, verdict."""
    return "\n".join(_lines(explanation, 0)) + "\n"


def _lines(explanation: Explanation, level: int) -> Iterator[str]:
    parts = [show_cell(explanation.cell)]
    if explanation.formula is not None:
        parts.append(explanation.formula)
    parts.append(f"sheet {show_scalar(explanation.value)}")
    finding = explanation.finding
    if finding is not None:
        if finding.expected is not None:
            parts.append(f"torch {finding.expected!r}")
        if finding.difference is not None and finding.bound is not None:
            parts.append(f"difference {abs(finding.difference):.1e} (allowed {finding.bound:.1e})")
        tensor = finding.tensor + (f"[{', '.join(map(str, finding.index))}]" if finding.index else "")
        parts.append(f"{tensor}: {finding.verdict.value}" + (f", {finding.because}" if finding.because else ""))
    elif explanation.given:
        parts.append(explanation.given)
    else:
        parts.append("not in the map" if explanation.formula is not None else "a constant that is not in the map")
        if explanation.formula is not None and explanation.difference:
            parts.append(f"{abs(explanation.difference):.1e} from what it gives on torch's values")
    if explanation.share is not None and abs(explanation.share) >= _LEAST:
        parts.append(f"carries {explanation.share:.0%} of the error")
    yield plain("  " * level + "  ".join(parts))
    for precedent in explanation.precedents:
        yield from _lines(precedent, level + 1)
    if explanation.own is not None and abs(explanation.own) >= _LEAST:
        yield "  " * (level + 1) + f"its own formula carries {explanation.own:.0%} of the error"
    if explanation.rest is not None and abs(explanation.rest) >= _LEAST:
        yield "  " * (level + 1) + f"{explanation.rest:.0%} of the error is beyond first order"
    if explanation.omitted:
        yield "  " * (level + 1) + f"... and {explanation.omitted} more cells"

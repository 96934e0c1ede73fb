"""The page: the template filled, styles, scripts and data put into it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from math import isfinite
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from xlparity.formula.a1 import show_cell
from xlparity.model.report import IGNORED, Report, Subject
from xlparity.model.verdict import Finding, Verdict, show_typed
from xlparity.report.derivatives import derivatives_drawing
from xlparity.report.drawing import network_drawing
from xlparity.report.html.judged import given_data, held, histogram, judged_data
from xlparity.report.html.packed import Packer
from xlparity.report.html.sheets import book_data
from xlparity.report.text import other_side, plain, report_notes, verdict_sentence
from xlparity.version import __version__
from xlparity.xlsx.map_file import show_block

__all__ = ["book_to_html", "in_frame", "report_to_html", "summary_to_html"]

# In the order in which they use each other; one script holds them all.
_SCRIPTS = ("data.js", "formula.js", "number_format.js", "grid.js", "inspector.js", "page.js")
_MOST_LISTED = 200  # cells in the list of faults; the grid has all

# Sign and word of each verdict: no verdict is told by its colour alone.
_SIGNS = {
    Verdict.FAULT: ("✕", "wrong", "its own formula or number is wrong"),
    Verdict.INHERITED: ("↳", "inherited", "wrong only because a cell before it is"),
    Verdict.UNDECIDED: ("?", "undecided", "not evaluated or without a bound; never passes"),
    Verdict.EXPLAINED: ("≈", "explained", "by rounded or changed inputs"),
    Verdict.MATCH: ("✓", "match", "equal within what rounding allows"),
}


@dataclass(frozen=True, slots=True)
class _Drawings:
    """The pictures at the end of the page, as SVG; "" where there is none."""

    network: str = ""
    derivatives: str = ""


def report_to_html(report: Report) -> str:
    """The report as a web page of one file, which loads nothing from anywhere.

    Raises ValueError if the report does not carry what it was made from (`Report.subject`).
    """
    return _page(report, with_sheets=True)


def book_to_html(subject: Subject) -> str:
    """The sheets of a workbook that was not checked, as the same page without verdicts."""
    return _render(None, subject.book.title or "Workbook", _data(None, subject), _drawings(subject))


def in_frame(page: str, title: str) -> str:
    """`page` in a frame of its own, for notebooks."""
    # Without allow-same-origin the frame can reach nothing of the notebook around it.
    return (
        f'<iframe srcdoc="{escape(page)}" sandbox="allow-scripts" title="{escape(plain(title))}" '
        'style="width:100%;height:46rem;border:1px solid #8888;border-radius:8px"></iframe>'
    )


def summary_to_html(report: Report) -> str:
    """The page without the sheets."""
    return _page(report, with_sheets=False)


def _page(report: Report, with_sheets: bool) -> str:
    subject = report.subject
    if with_sheets and subject is None:
        raise ValueError("the report does not carry the workbook that it was made from")
    if subject is None:
        return _render(report, report.workbook, None)
    data = _data(report, subject) if with_sheets else None
    return _render(report, report.workbook, data, _drawings(subject))


def _drawings(subject: Subject) -> _Drawings:
    return _Drawings(
        network_drawing(subject.map, lambda row: held(subject.values, row.block)),
        derivatives_drawing(subject.derivatives()),
    )


def _data(report: Report | None, subject: Subject) -> dict[str, Any]:
    book, parity, values = subject.book, subject.map, subject.values
    packer = Packer()
    numbers = {sheet.name: at for at, sheet in enumerate(book.sheets)}
    blocks = [row.block for row in parity] + [tensor.block for tensor in (report.tensors if report else ())]
    data = book_data(book, values, (plane for block in blocks for plane in block.planes), packer)
    data |= {"tensors": [], "findings": [], "because": [], "engines": [], "other": "torch"}
    if report is not None:
        data |= judged_data(report, values, numbers, packer)
        data["other"] = other_side(report)
    data["given"] = given_data(parity, report, numbers)
    data["arrays"] = packer.text()
    return data


def _render(report: Report | None, title: str, data: dict[str, Any] | None, drawings: _Drawings | None = None) -> str:
    script = "\n".join(_asset(name) for name in _SCRIPTS)
    style = _asset("page.css")
    drawn = drawings or _Drawings()
    in_drawings = re.findall(r"<style>(.*?)</style>", drawn.network + drawn.derivatives, re.DOTALL)
    styles = " ".join(map(_hash, dict.fromkeys([style, *in_drawings])))
    context: dict[str, Any] = {
        "title": title,
        "version": __version__,
        "report": report,
        "style": Markup(style),
        "script": Markup(script),
        # Nothing may be loaded, and of scripts only this one may run, whatever a workbook's texts say.
        "policy": f"default-src 'none'; style-src {styles}; script-src {_hash(script)}; base-uri 'none'; "
        "form-action 'none'",
        "data": None if data is None else Markup(_json(data)),
        "signs": [(verdict.value, *words) for verdict, words in _SIGNS.items()],
        "network": Markup(drawn.network),
        "derivatives": Markup(drawn.derivatives),
        "listed": [],
        "inherited": [],
    }
    if report is not None:
        context |= _summary(report)
    return _environment().get_template("page.html").render(context)


def _summary(report: Report) -> dict[str, Any]:
    counts = report.counts
    total = sum(counts.values())
    bars = histogram(report)
    most = max((count for _, count, _ in bars), default=0)
    sentence = verdict_sentence(report)
    head, _, rest = sentence.partition(". ")
    failing = [finding for finding in report.cells if not finding.verdict.passes]
    inherited = [finding for finding in failing if finding.verdict is Verdict.INHERITED]
    wrong = [finding for finding in failing if finding.verdict is not Verdict.INHERITED]
    return {
        "passed": report.passed,
        "headline": head[0].upper() + head[1:] if report.passed else head,
        "sentence": rest,
        "total": total,
        "other": other_side(report).removeprefix("the ").capitalize(),
        "counts": [(verdict.value, *_SIGNS[verdict], counts[verdict.value]) for verdict in reversed(Verdict)],
        "ignored": sum(int((tensor.verdicts == IGNORED).sum()) for tensor in report.tensors),
        "notes": list(report_notes(report)),
        "bars": [(name, count, too_much, 100 * count / most if most else 0) for name, count, too_much in bars],
        "tensors": [
            {
                "name": tensor.tensor, "role": tensor.role.value, "cells": show_block(tensor.block),
                "first": show_cell(tensor.block.planes[0].corner) if tensor.block.planes else "",
                "shape": " × ".join(map(str, tensor.block.shape)) or "scalar", "count": tensor.block.size,
                "verdict": tensor.verdict.value, "sign": _SIGNS[tensor.verdict][0], "word": _SIGNS[tensor.verdict][1],
                "difference": _short(tensor.max_difference), "bound": _short(tensor.max_bound),
                "float32": _short(tensor.float32),
                "split": [_short(part) for part in tensor.split.largest] if tensor.split is not None else None,
            }
            for tensor in sorted(report.tensors, key=lambda tensor: -list(Verdict).index(tensor.verdict))
        ],
        "has_split": any(tensor.split is not None for tensor in report.tensors),
        "has_float32": any(tensor.float32 is not None for tensor in report.tensors),
        "listed": [_entry(finding) for finding in wrong[:_MOST_LISTED]],
        "inherited": [_entry(finding) for finding in inherited[:_MOST_LISTED]],
        "inherited_count": len(inherited),
        "unlisted": max(len(wrong) - _MOST_LISTED, 0) + max(len(inherited) - _MOST_LISTED, 0),
    }  # fmt: skip


def _entry(finding: Finding) -> dict[str, Any]:
    """What the list says of a cell that does not pass."""
    return {
        "cell": show_cell(finding.cell),
        "verdict": finding.verdict.value,
        "sign": _SIGNS[finding.verdict][0],
        "word": _SIGNS[finding.verdict][1],
        "tensor": _element(finding),
        "formula": finding.formula if finding.formula.startswith("=") else "",
        "actual": _shown(finding.actual),
        "expected": "no finite number" if finding.expected is None else repr(finding.expected),
        "difference": _short(finding.difference),
        "bound": _short(finding.bound),
        "because": finding.because,
        "origin": "" if finding.origin is None else show_cell(finding.origin),
        "repair": finding.repair,
        "repaired": "" if finding.repair is None or finding.repair.cell is None else show_cell(finding.repair.cell),
        "typed": _typed(finding),
    }


def _element(finding: Finding) -> str:
    """The tensor's element that a cell holds; "" for cells that belong to no named tensor."""
    if "!" in finding.tensor:
        return ""
    return finding.tensor + (f"[{', '.join(map(str, finding.index))}]" if finding.index else "")


def _typed(finding: Finding) -> dict[str, Any] | None:
    found = finding.counterexample
    if found is None:
        return None
    return {
        "changes": [(show_cell(cell), show_typed(number)) for cell, number in found.changes],
        "actual": _shown(found.actual),
        "expected": repr(found.expected),
    }


def _shown(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else repr(value)


def _short(value: float | None) -> str:
    return "" if value is None else "0" if value == 0 else f"{value:.3g}" if isfinite(value) else str(value)


@cache
def _asset(name: str) -> str:
    return (files("xlparity.report.html") / "assets" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=DictLoader({"page.html": _asset("page.html")}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Control characters and lone surrogates are nothing that a page could show.
        finalize=lambda value: plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment


def _json(data: dict[str, Any]) -> str:
    """JSON that can stand in a script element: no tag can end it, and it is plain ASCII."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

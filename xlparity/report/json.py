"""The report as JSON, as the contract in `docs/reference/json.md` lays it out."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from xlparity.formula.a1 import show_cell
from xlparity.model.map import Role
from xlparity.model.report import Against, Report, Split
from xlparity.model.value import ERROR_TEXTS, Error, Scalar
from xlparity.model.verdict import Counterexample, Finding
from xlparity.xlsx.map_file import show_block

__all__ = ["report_to_dict", "report_to_json"]

# C1 control characters, line ends of Unicode, marks of direction, halves of pairs.
_UNSEEN = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_PARTS = ("formula", "inputs", "precision")


def report_to_dict(report: Report, every: bool = False) -> dict[str, Any]:
    """Plain dicts, lists, numbers and texts; `every` lists the matching cells too."""
    splits = {tensor.tensor: tensor.split for tensor in report.tensors if tensor.split is not None}
    return {
        "version": report.version,
        "workbook": report.workbook,
        "engines": [{"name": engine.name, "version": engine.version} for engine in report.engines],
        "model": {"class": report.model, "missing": list(report.missing)} if report.model else None,
        "against": _against(report.against),
        "passed": report.passed,
        "counts": report.counts,
        "coverage": {
            "formulas": report.coverage.formulas,
            "mapped": report.coverage.mapped,
            "undecided": report.coverage.undecided,
            "stale_unmapped": report.coverage.stale,
            "given_formulas": report.coverage.given,
        },
        "exploration": None
        if report.exploration is None
        else {
            "samples": report.exploration.samples,
            "seed": report.exploration.seed,
            "varied": list(report.exploration.varied),
            "never_compared": report.exploration.never,
            "identity": {"tensors": len(report.exploration.identical), "probability": report.exploration.wrong},
        },
        "disagreements": [
            {
                "function": one.function,
                "count": one.count,
                "cell": show_cell(one.example),
                one.engine: _value(one.value),
                one.other_engine: _value(one.other_value),
            }
            for one in report.disagreements
        ],
        "tensors": [
            {
                "tensor": tensor.tensor,
                "role": tensor.role.value,
                "cells": show_block(tensor.block),
                "verdict": tensor.verdict.value,
                "count": tensor.block.size,
                "max_difference": _number(tensor.max_difference),
                "bound": _number(tensor.max_bound),
                "float32_difference": _number(tensor.float32),
                "identical": None
                if report.exploration is None or tensor.role is not Role.COMPUTED
                else tensor.tensor in report.exploration.identical,
                "split": None if tensor.split is None else dict(zip(_PARTS, tensor.split.largest, strict=True)),
                "inputs_allowed": None if tensor.split is None else _number(tensor.split.largest_allowed),
            }
            for tensor in report.tensors
        ],
        "cells": [
            _cell(finding) | _split(splits.get(finding.tensor), finding)
            for finding in (report.every_cell() if every else report.cells)
        ],
    }


def report_to_json(report: Report, every: bool = False) -> str:
    """The report as JSON text, always valid: what is not a finite number is null."""
    text = json.dumps(report_to_dict(report, every), indent=2, ensure_ascii=False, allow_nan=False)
    # What a terminal would obey, and what is not seen, is escaped as JSON escapes the control characters of ASCII.
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def _cell(finding: Finding) -> dict[str, Any]:
    return {
        "cell": show_cell(finding.cell),
        "tensor": finding.tensor,
        "index": list(finding.index),
        "formula": finding.formula,
        "actual": _number(finding.actual),
        "expected": _number(finding.expected),
        "difference": _number(finding.difference),
        "bound": _number(finding.bound),
        "verdict": finding.verdict.value,
        "because": finding.because,
        "origin": show_cell(finding.origin) if finding.origin is not None else None,
        "engine": finding.engine,
        "counterexample": _counterexample(finding.counterexample),
        "repair": None
        if finding.repair is None
        else {
            "formula": f"={finding.repair.formula}",
            "samples": finding.repair.samples,
            "cell": show_cell(finding.repair.cell or finding.cell),
        },
    }


def _counterexample(found: Counterexample | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "type": {show_cell(cell): number for cell, number in found.changes},
        "actual": _number(found.actual),
        "expected": _number(found.expected),
    }


def _against(against: Against | None) -> dict[str, Any] | None:
    if against is None:
        return None
    return {
        "workbook": against.workbook,
        "matched": "by name" if against.by_name else "by address",
        "changed": [
            {
                "cell": show_cell(one.cell),
                "value": _number(_value(one.value)),
                "solution": _number(_value(one.solution)),
                "formula": one.formula or None,
            }
            for one in against.changed
        ],
        "missing": list(against.missing),
        "uncompared": list(against.uncompared),
    }


def _split(split: Split | None, finding: Finding) -> dict[str, Any]:
    if split is None:
        return {}
    parts = (split.formula, split.inputs, split.precision)
    return {"split": {name: float(part[finding.index]) for name, part in zip(_PARTS, parts, strict=True)}}


def _value(value: Scalar) -> float | str | bool | None:
    return ERROR_TEXTS[value] if isinstance(value, Error) else value


def _number(value: float | str | None) -> float | str | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value

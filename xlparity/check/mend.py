"""Repairs for the faults of a workbook, peeled one after another, those before first.

A fault may hide what is wrong behind it: a mean over a wrong sum cannot be tried on the sheet's own operands, since
these are wrong too. So a fault that no single edit mends is tried again in a copy of the workbook in which the faults
before it are mended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from xlparity.check.edited import with_formula
from xlparity.check.explore import Explorer
from xlparity.check.formulas import FormulaIndex
from xlparity.check.reference import Program
from xlparity.check.repair import Repairer
from xlparity.check.unmapped import Unmapped
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.model.book import Book
from xlparity.model.cell import Cell
from xlparity.model.value import Values
from xlparity.model.verdict import Finding, Verdict

__all__ = ["mended"]

_MOST_REPAIRS = 8


def mended(
    findings: Sequence[Finding], program: Program, book: Book, index: FormulaIndex, values: Values,
    formula_faults: Mapping[Cell, str], progress: Callable[[str], None],
) -> list[Finding]:  # fmt: skip
    """`findings` with the single edits that mend the first faults among them, in the cell itself or in an unmapped one.

    `values` are what the cells hold; `formula_faults` are cells that are wrong in what they read, whatever their value.
    """
    wrong = [one for one in findings if one.verdict is Verdict.FAULT and one.tensor in program.expressions]
    wrong = [one for one in wrong if program.rows[one.tensor].block.cell(one.index) == one.cell]  # not one shown only
    if not wrong:
        return list(findings)
    progress("looking for repairs")
    place = {name: at for at, name in enumerate(program.order)}
    chosen = sorted(wrong[:_MOST_REPAIRS], key=lambda one: place[one.tensor])
    bench = _Bench(program, book, index, values)
    copy = book
    found: dict[tuple[str, Cell], Finding] = {}
    open_: list[Finding] = []
    for one in chosen:
        new = bench.mended(one, one.cell in formula_faults)
        found[one.tensor, one.cell] = new
        if new.repair is None:
            open_.append(one)
        else:
            copy = with_formula(copy, new.repair.cell or one.cell, new.repair.formula)
    for one in open_ if copy is not book else ():
        again = FormulaIndex(copy)
        new = _Bench(program, copy, again, EmbeddedEngine().evaluate(copy)).mended(one, one.cell in formula_faults)
        if new.repair is not None:
            found[one.tensor, one.cell] = new
            copy = with_formula(copy, new.repair.cell or one.cell, new.repair.formula)
    return [found.get((one.tensor, one.cell), one) if one.verdict is Verdict.FAULT else one for one in findings]


class _Bench:
    """One state of the workbook, in which single faults are mended."""

    def __init__(self, program: Program, book: Book, index: FormulaIndex, values: Values) -> None:
        explorer = Explorer(program, book, index, values, 0)
        self._repairer = Repairer(program, book, index, values, explorer)
        self._unmapped = Unmapped(program, book, index, values, self._repairer)

    def mended(self, finding: Finding, misread: bool) -> Finding:
        """`finding` with what mends it: another formula in an unmapped cell where its neighbours have one, else in the
        cell itself, else any single edit in an unmapped cell.
        """
        name, at = finding.tensor, finding.index
        blamed = self._unmapped.out_of_line(name, at)
        if blamed is not None:
            return replace(finding, repair=blamed.repair, origin=blamed.cell, because=blamed.because)
        repair = self._repairer.repair(name, at, misread)
        if repair is not None:
            return replace(finding, repair=repair)
        blamed = self._unmapped.edited(name, at)
        if blamed is not None:
            return replace(finding, repair=blamed.repair, origin=blamed.cell, because=blamed.because)
        first = self._unmapped.first(name, at)
        return finding if not first else replace(finding, because=f"{finding.because}; {first}")

"""Functions whose ranges reach further than their arguments name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xlparity.engines.embedded.frame import Frame
from xlparity.engines.embedded.operand import Operand, Reference, Scattered
from xlparity.engines.embedded.special.common import Special, check_count
from xlparity.formula import ast
from xlparity.formula.ast import Expression
from xlparity.functions import Argument
from xlparity.functions.array import Array
from xlparity.functions.operators import operator
from xlparity.model.table import Table
from xlparity.model.value import Kind

if TYPE_CHECKING:
    from xlparity.engines.embedded.evaluate import Evaluator

__all__ = ["TABLE"]

TABLE: Table[str, Special] = Table("ranges")


def _sum_if(name: str) -> Special:
    """SUMIF and AVERAGEIF: the summed cells start at the third argument's corner and reach as far as the first."""

    def rule(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
        check_count(name, arguments, 2, 3)
        area = evaluator.evaluate(arguments[0], frame)
        criteria = evaluator.value(arguments[1], frame)
        given = [Argument(evaluator.whole(area, frame, name), not isinstance(area, Array)), Argument(criteria)]
        if len(arguments) > 2 and not isinstance(arguments[2], ast.Missing):
            summed = evaluator.evaluate(arguments[2], frame)
            if isinstance(summed, Reference) and isinstance(area, Reference | Scattered):
                summed = Reference(
                    summed.sheet, summed.top, summed.left, area.rows, area.columns, summed.down, summed.across
                )
            given.append(Argument(evaluator.whole(summed, frame, name), not isinstance(summed, Array)))
        return evaluator.apply(name, given, frame)

    return rule


TABLE.add("SUMIF", _sum_if("SUMIF"))
TABLE.add("AVERAGEIF", _sum_if("AVERAGEIF"))


def _count_if(name: str, step: int) -> Special:
    """COUNTBLANK, COUNTIF and COUNTIFS, which count the empty cells of whole columns and rows as well."""

    def rule(evaluator: Evaluator, arguments: Sequence[Expression], frame: Frame) -> Operand:
        check_count(name, arguments, step)
        given: list[Argument] = []
        beyond: list[Argument] = []
        unseen = 0
        for position, argument in enumerate(arguments):
            if position % step:
                given.append(Argument(evaluator.value(argument, frame)))
                beyond.append(given[-1])
                continue
            area = evaluator.evaluate(argument, frame)
            if isinstance(area, Reference):
                seen = evaluator.used(area)
                unseen = area.rows * area.columns - seen.rows * seen.columns
                area = seen
            given.append(Argument(evaluator.whole(area, frame), not isinstance(area, Array)))
            beyond.append(Argument(Array.single(Kind.BLANK, 0.0), True))
        count = evaluator.apply(name, given, frame)
        if not unseen:
            return count
        # Beyond the used cells all are empty, so one of them tells for all.
        more = operator("*", evaluator.apply(name, beyond, frame), Array.of_number(float(unseen)), evaluator.texts)
        return operator("+", count, more, evaluator.texts)

    return rule


TABLE.add("COUNTBLANK", _count_if("COUNTBLANK", 1))
TABLE.add("COUNTIF", _count_if("COUNTIF", 2))
TABLE.add("COUNTIFS", _count_if("COUNTIFS", 2))

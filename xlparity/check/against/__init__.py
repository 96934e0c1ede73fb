"""A workbook held against another workbook, whose formulas are right."""

from xlparity.check.against.check import check_against

__all__ = ["check_against"]

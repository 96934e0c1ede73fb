"""xlparity proves, cell by cell, that an Excel workbook and a PyTorch model compute the same thing.

>>> import xlparity
>>> report = xlparity.check("workbooks/mse.xlsx")  # doctest: +SKIP
>>> report.passed  # doctest: +SKIP
True
"""

from __future__ import annotations

# The package `xlparity.check` is loaded first, so that the function of the same name stays the attribute; see
# docs/decisions/0002-check-is-a-function-and-a-folder.md.
import xlparity.check as _check  # noqa: F401
from xlparity.api import (
    Report,
    Workbook,
    annotate,
    assert_parity,
    check,
    evaluate,
    explain,
    generate,
    generate_documents,
    gradient,
    propose,
    recalculate,
)
from xlparity.errors import (
    EngineError,
    FormulaError,
    InputError,
    MapError,
    NothingChecked,
    WorkbookError,
    XlparityError,
)
from xlparity.many import check_many
from xlparity.model.outcome import Outcome
from xlparity.version import __version__

__all__ = [
    "EngineError",
    "FormulaError",
    "InputError",
    "MapError",
    "NothingChecked",
    "Outcome",
    "Report",
    "Workbook",
    "WorkbookError",
    "XlparityError",
    "__version__",
    "annotate",
    "assert_parity",
    "check",
    "check_many",
    "evaluate",
    "explain",
    "generate",
    "generate_documents",
    "gradient",
    "propose",
    "recalculate",
]

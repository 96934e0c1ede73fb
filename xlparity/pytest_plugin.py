"""A pytest plugin: workbooks as tests, one item a tensor. Off unless `--xlparity` or the ini option asks.

pytest --xlparity workbooks/            collect the .xlsx files with a map
[pytest]
xlparity = true                         always
xlparity_engines = embedded libreoffice
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from xlparity.errors import XlparityError
from xlparity.model.report import Report, TensorVerdict
from xlparity.model.verdict import Finding
from xlparity.report.outcome import failing, named_tensors
from xlparity.report.text import finding_lines, plain, verdict_sentence

__all__: list[str] = []

_MOST_CELLS = 5


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the command line and ini options."""
    group = parser.getgroup("xlparity", "spreadsheet parity with PyTorch")
    group.addoption("--xlparity", action="store_true", default=False, help="collect .xlsx files with a map as tests")
    parser.addini("xlparity", "collect .xlsx files with a map as tests", type="bool", default=False)
    parser.addini("xlparity_engines", "engines that evaluate the formulas", type="args", default=["embedded"])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect workbooks, but not the lock files (`~$...`) that Excel leaves beside an open one."""
    config = parent.config
    if not (config.getoption("--xlparity") or config.getini("xlparity")):
        return None
    if file_path.suffix not in (".xlsx", ".xlsm") or file_path.name.startswith("~$"):
        return None
    return WorkbookFile.from_parent(parent, path=file_path)


class WorkbookFile(pytest.File):
    """One workbook; checked once, when its tensors are collected."""

    def collect(self) -> Iterable[pytest.Item]:
        """An item for each judged tensor; a workbook without a map has none."""
        from xlparity import api  # noqa: PLC0415 - imports torch, which a run without workbooks need not wait for

        try:
            if not api.has_map(self.path):
                return
            report = api.check(self.path, engines=self.config.getini("xlparity_engines"))
        except XlparityError as error:
            raise self.CollectError(f"xlparity: {plain(str(error))}") from None
        for name, tensor, findings in named_tensors(report):
            yield TensorItem.from_parent(self, name=name, report=report, tensor=tensor, findings=findings)


class TensorItem(pytest.Item):
    """One tensor of a workbook."""

    def __init__(self, *, report: Report, tensor: TensorVerdict, findings: list[Finding], **rest: Any) -> None:
        super().__init__(**rest)
        self.report, self.tensor, self.findings = report, tensor, findings

    def runtest(self) -> None:
        """Fail if a cell of the tensor does not agree with torch."""
        if not self.tensor.verdict.passes:
            raise ParityFailure

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The worst cells instead of a traceback."""
        if not isinstance(excinfo.value, ParityFailure):
            return super().repr_failure(excinfo, style)
        bad = failing(self.findings)
        lines = [f"{self.report.workbook}: {verdict_sentence(self.report)}"]
        for finding in bad[:_MOST_CELLS]:
            lines += finding_lines(finding)
        if len(bad) > _MOST_CELLS:
            lines.append(f"and {len(bad) - _MOST_CELLS} more cells of {self.tensor.tensor}")
        return "\n".join(plain(line) for line in lines)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the test stands, for pytest's listings."""
        return self.path, None, f"tensor {self.name}"


class ParityFailure(Exception):
    """A tensor of the workbook does not agree with torch."""

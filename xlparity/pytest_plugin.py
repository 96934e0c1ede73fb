"""A pytest plugin: workbooks as tests, one item a tensor, and fixtures for tests of your own.

Off unless the command line or the ini file asks; see docs/how-to/use-in-ci.md.

    pytest --xlparity workbooks/                     collect the workbooks with a map
    pytest --xlparity --xlparity-html reports/       an HTML report for each that fails
    pytest --xlparity --xlparity-update              make the workbooks of `xlparity_models` anew before

    [pytest]
    xlparity_files = workbooks/*.xlsx                which files, without --xlparity too
    xlparity_engines = embedded libreoffice
    xlparity_samples = 100
    xlparity_models =
        workbooks/net.xlsx = model.py:net --inputs x.csv --loss mse --targets y.csv
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from xlparity.errors import XlparityError
from xlparity.model.report import Report, TensorVerdict
from xlparity.model.verdict import Finding
from xlparity.report.tensors import failing, named_rows, named_tensors
from xlparity.report.text import finding_lines, other_side, plain, verdict_sentence

if TYPE_CHECKING:
    from torch import nn

    from xlparity.api import Report as CheckReport

__all__: list[str] = []

_MOST_CELLS = 5


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the command line and ini options."""
    group = parser.getgroup("xlparity", "spreadsheet parity with PyTorch")
    group.addoption("--xlparity", action="store_true", default=False, help="collect workbooks with a map as tests")
    group.addoption(
        "--xlparity-update", action="store_true", default=False,
        help="make the workbooks of the ini option xlparity_models anew before they are tested",
    )  # fmt: skip
    group.addoption("--xlparity-html", metavar="DIR", help="write an HTML report of each failing workbook into DIR")
    parser.addini("xlparity", "collect workbooks with a map as tests", type="bool", default=False)
    parser.addini("xlparity_files", "globs of the workbooks to collect, from the root folder", type="args", default=[])
    parser.addini("xlparity_engines", "engines that evaluate the formulas", type="args", default=["embedded"])
    parser.addini("xlparity_samples", "judge on so many samples of other numbers too", default="0")
    parser.addini("xlparity_html", "a folder for HTML reports of failing workbooks", default="")
    parser.addini(
        "xlparity_models", "lines `BOOK.xlsx = TARGET [options of xlparity generate]`", type="linelist", default=[]
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Make workbooks from their models if asked to, once: not in the workers of pytest-xdist."""
    if session.config.getoption("--xlparity-update") and not hasattr(session.config, "workerinput"):
        _update(session.config)


def _update(config: pytest.Config) -> None:
    lines = config.getini("xlparity_models")
    if not lines:
        raise pytest.UsageError("--xlparity-update: the ini option xlparity_models names no workbook and its model")
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    for line in lines:
        book, equals, made_from = line.partition("=")
        if not equals or not made_from.strip():
            raise pytest.UsageError(f"xlparity_models: {line!r} is not BOOK.xlsx = TARGET [options of generate]")
        # A process of its own: the user's model is imported, and must not meet what the tests have imported.
        result = subprocess.run(
            [sys.executable, "-m", "xlparity", "generate", *shlex.split(made_from), "-o", book.strip()],
            cwd=config.rootpath, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if result.returncode:
            raise pytest.UsageError(f"xlparity_models: {book.strip()}: {result.stderr.strip()}")
        if terminal is not None:
            terminal.write_line(f"xlparity: wrote {result.stdout.strip()}")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect workbooks, but not the lock files (`~$...`) that Excel leaves beside an open one."""
    config = parent.config
    globs = config.getini("xlparity_files")
    if not (config.getoption("--xlparity") or config.getini("xlparity") or globs):
        return None
    if file_path.suffix.lower() not in (".xlsx", ".xlsm") or file_path.name.startswith("~$"):
        return None
    if globs and not any(fnmatch(_from_root(config, file_path), glob) for glob in globs):
        return None
    return WorkbookFile.from_parent(parent, path=file_path)


@dataclass(frozen=True, slots=True)
class Checked:
    """A workbook's report, its tensors with their findings by the names of their items, and the HTML report."""

    report: Report
    tensors: dict[str, tuple[TensorVerdict, list[Finding]]]
    html: Path | None


class WorkbookFile(pytest.File):
    """One workbook; checked once, when the first of its tensors is tested."""

    def collect(self) -> Iterable[pytest.Item]:
        """An item for each judged tensor of the map; a workbook without a map has none."""
        from xlparity import api  # noqa: PLC0415 - imports torch, which a run without workbooks need not wait for

        try:
            found = api.map_of(self.path)
        except XlparityError as error:
            raise self.CollectError(f"xlparity: {plain(str(error))}") from None
        for name, _ in named_rows(found or ()):
            yield TensorItem.from_parent(self, name=name)

    @cached_property
    def checked(self) -> Checked | XlparityError:
        """What the check found; or why it could not be made, which every item of the file says."""
        from xlparity import api  # noqa: PLC0415

        try:
            report = api.check(self.path, **_options(self.config))
        except XlparityError as error:
            return error
        html = None if report.passed else _html(self.config, self.path, report)
        return Checked(report, {name: (tensor, findings) for name, tensor, findings in named_tensors(report)}, html)


class TensorItem(pytest.Item):
    """One tensor of a workbook."""

    parent: WorkbookFile

    def runtest(self) -> None:
        """Fail if a cell of the tensor does not agree with torch."""
        checked = self.parent.checked
        if isinstance(checked, XlparityError):
            raise checked
        tensor, findings = checked.tensors[self.name]
        if not tensor.verdict.passes:
            raise ParityFailure(_message(checked.report, findings, tensor.tensor, checked.html))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The worst cells, or what the user can mend, instead of a traceback."""
        if isinstance(excinfo.value, ParityFailure):
            return str(excinfo.value)
        if isinstance(excinfo.value, XlparityError):
            return f"xlparity: {plain(str(excinfo.value))}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the test stands, for pytest's listings."""
        return self.path, None, f"tensor {self.name}"


class ParityFailure(Exception):
    """A tensor of the workbook does not agree with torch."""


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> Callable[..., CheckReport]:
    """Asserts that a workbook is at parity: `parity("net.xlsx", model=net)`; the report.

    A relative path starts at the test's own folder. Options are those of `xlparity.check`; engines and samples are by
    default those of the ini file.
    """

    def assert_parity(workbook: str | os.PathLike[str], **options: Any) -> CheckReport:
        __tracebackhide__ = True
        from xlparity import api  # noqa: PLC0415

        path = request.path.parent / workbook
        report = api.check(path, **(_options(request.config) | options))
        if not report.passed:
            html = _html(request.config, path, report)
            pytest.fail(_message(report, report.cells, "", html), pytrace=False)
        return report

    return assert_parity


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """Writes a workbook into the test's temporary folder: `workbook(net, x, y, nn.MSELoss())`; its path.

    Arguments are those of `xlparity.generate`; `file` names the file.
    """

    def generated(model: nn.Module, *arguments: Any, file: str = "net.xlsx", **options: Any) -> Path:
        from xlparity import api  # noqa: PLC0415

        saved: Path = api.generate(model, *arguments, **options).save(tmp_path / file)
        return saved

    return generated


def _options(config: pytest.Config) -> dict[str, Any]:
    samples = config.getini("xlparity_samples")
    if not samples.isdecimal():
        raise pytest.UsageError(f"xlparity_samples is {samples!r}; it is a whole number")
    return {"engines": config.getini("xlparity_engines"), "samples": int(samples)}


def _message(report: Report, findings: Iterable[Finding], tensor: str, html: Path | None) -> str:
    bad = failing(findings)
    lines = [f"{report.workbook}: {verdict_sentence(report)}"]
    for finding in bad[:_MOST_CELLS]:
        lines += finding_lines(finding, other_side(report))
    if len(bad) > _MOST_CELLS:
        lines.append(f"and {len(bad) - _MOST_CELLS} more cells{f' of {tensor}' if tensor else ''}")
    if html is not None:
        lines.append(f"HTML report: {html}")
    return "\n".join(plain(line) for line in lines)


def _html(config: pytest.Config, workbook: Path, report: Report) -> Path | None:
    """Write the HTML report if there is a folder for it; its path."""
    asked, always = config.getoption("--xlparity-html"), config.getini("xlparity_html")
    if not (asked or always):
        return None
    from xlparity.report.html import report_to_html  # noqa: PLC0415
    from xlparity.xlsx.aside import written_aside  # noqa: PLC0415

    name = _from_root(config, workbook).replace("/", "_").lstrip("._")
    folder: Path = config.invocation_params.dir / asked if asked else config.rootpath / always
    path = folder / f"{name}.html"
    folder.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as file:
        file.write(report_to_html(report).encode())
    return path


def _from_root(config: pytest.Config, path: Path) -> str:
    try:
        return path.relative_to(config.rootpath).as_posix()
    except ValueError:
        return path.name

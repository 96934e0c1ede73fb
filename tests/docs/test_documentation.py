"""What the documentation shows is run."""

from __future__ import annotations

import inspect
import re
import runpy
import shutil
from pathlib import Path

import openpyxl
import pytest

import xlparity
from xlparity.cli import app, run
from xlparity.model.map import COLUMNS, Role
from xlparity.report.text import report_to_text

ROOT = Path(__file__).parents[2]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.S)


def test_the_readmes_python_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = blocks("README.md", "python")
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("True {'match': 34")


def test_the_readmes_picture_of_a_report_is_a_real_one(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(ROOT / "workbooks" / "mse.xlsx")
    book["MSE"]["D6"] = "=SUM(D2:D3)"
    book.save(tmp_path / "mse_broken.xlsx")
    report = report_to_text(xlparity.check(tmp_path / "mse_broken.xlsx"))
    shown = blocks("README.md", "text")[0].split("...\n")
    assert report.startswith(shown[0])
    assert report.endswith(shown[1])


def test_the_tutorials_broken_cell_is_reported_as_it_says(tmp_path: Path) -> None:
    shutil.copy(ROOT / "workbooks" / "hidden_layers.xlsx", tmp_path / "book.xlsx")
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")
    book["Layer 1"]["G12"] = "=$B7*C$11+$C8*C$12"
    book.save(tmp_path / "book.xlsx")
    report = report_to_text(xlparity.check(tmp_path / "book.xlsx"))
    shown = blocks("docs/tutorial.md", "text")[0]
    flat = re.sub(r"\s+", " ", report)
    for line in shown.splitlines():
        assert re.sub(r"\s+", " ", line.strip()) in flat


def test_the_map_of_the_reference_checks_a_workbook(tmp_path: Path) -> None:
    (toml,) = blocks("docs/reference/map.md", "toml")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    for row in (2, 3, 4):
        sheet[f"A{row}"], sheet[f"B{row}"], sheet[f"F{row}"] = row, 0.5 * row, f"=A{row}*$D$2+B{row}*$D$3"
    sheet["D2"], sheet["D3"] = 0.25, -0.125
    book.save(tmp_path / "book.xlsx")
    (tmp_path / "book.parity.toml").write_text(toml)
    assert run(["check", str(tmp_path / "book.xlsx")]) == 0


def test_every_command_and_option_is_documented_and_no_other() -> None:
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text()
    commands = [name for name in app if not name.startswith("-")]
    assert set(commands) == set(re.findall(r"^\| `xlparity (\w+)", page, re.M))
    sections = dict(re.findall(r"^Options of `(\w+)[^\n]*:\n(.*?)(?=^Options of|^## )", page, re.M | re.S))
    for command in commands:
        rows = "\n".join(re.findall(rf"^\| `xlparity {command}[^\n]*", page, re.M)) + sections.get(command, "")
        usages = " ".join(re.findall(r"^\| (`.*?) \| ", rows, re.M))
        arguments = [each for each in app[command].assemble_argument_collection() if each.parameter.name]
        keywords = inspect.signature(app[command].default_command).parameters
        options = {
            name
            for argument in arguments
            if keywords[argument.field_info.name].kind is inspect.Parameter.KEYWORD_ONLY
            for name in argument.names
        }
        named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", usages))
        assert named <= options, f"{command}: the page has {named - options}"
        short = {name for name in options if not name.startswith("--")}
        missing = options - short - named
        assert not missing or (missing == {"--output"} and "-o" in named), f"{command}: the page lacks {missing}"


def test_every_option_has_a_word_of_help_and_every_command_that_takes_some_an_example() -> None:
    for command in (name for name in app if not name.startswith("-")):
        function = app[command].default_command
        documented = set(re.findall(r"^    (\w+)$", inspect.cleandoc(function.__doc__).replace("\n", "\n    "), re.M))
        assert set(inspect.signature(function).parameters) <= documented | {"return"}, command
        if inspect.signature(function).parameters:
            assert f"xlparity {command}" in app[command].help_epilogue, command


def test_every_column_and_role_of_the_map_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "map.md").read_text()
    for word in (*COLUMNS, *(role.value for role in Role)):
        assert f"`{word}`" in page


def test_everything_public_is_listed() -> None:
    assert sorted(xlparity.__all__) == xlparity.__all__
    assert all(hasattr(xlparity, name) for name in xlparity.__all__)
    assert callable(xlparity.check)


def test_the_lists_of_functions_and_operations_are_those_of_the_tables() -> None:
    namespace = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    for name in ("functions", "ops"):
        written = (ROOT / "docs" / "reference" / f"{name}.md").read_text()
        assert written == namespace[f"{name}_page"](), "python docs/generate.py"


def test_no_page_links_to_a_page_that_is_not_there() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            assert ":" in target or (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def homework(path: Path, **cells: object) -> None:
    """The exercise of the how-to about grading a class, with some cells as a student wrote them."""
    own = {
        "A1": "x", "B1": "w", "C1": "x * w", "A2": 1.5, "A3": -2, "A4": 0.25, "B2": 0.4, "B3": 0.3, "B4": 2,
        "C2": "=A2*B2", "C3": "=A3*B3", "C4": "=A4*B4", "A6": "total", "C6": "=SUM(C2:C4)", "A7": "bias", "C7": 0.1,
        "A8": "n", "C8": "=C6+C7", "A9": "ReLU", "C9": "=MAX(0,C8)",
    }  # fmt: skip
    book = openpyxl.Workbook()
    book.active.title = "Neuron"
    for cell, content in (own | cells).items():
        book.active[cell] = content
    book.save(path)


def test_the_how_to_about_grading_a_class_shows_a_real_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "handed-in" / "late").mkdir(parents=True)
    homework(tmp_path / "solution.xlsx")
    homework(tmp_path / "handed-in" / "anna.xlsx", A2=2.5, C6="=SUMPRODUCT(A2:A4,B2:B4)")
    homework(tmp_path / "handed-in" / "ben.xlsx", C6="=SUM(C2:C3)")
    homework(tmp_path / "handed-in" / "carla.xlsx", C9="=ABS(C8)")
    homework(tmp_path / "handed-in" / "late" / "dora.xlsx", C8=0.7)
    (tmp_path / "handed-in" / "emil.xlsx").write_text("My workbook is at home.")
    monkeypatch.chdir(tmp_path)
    (shown,) = blocks("docs/how-to/grade-a-class.md", "text")
    command, _, output = shown.partition("\n")
    assert run(command.removeprefix("$ xlparity ").split()) == 2
    printed, shown_parts = without_seconds(capsys.readouterr().out), without_seconds(output).split("...\n")
    assert printed.startswith(shown_parts[0])
    assert printed.endswith(shown_parts[1])
    (code,) = blocks("docs/how-to/grade-a-class.md", "python")
    exec(compile(code, "grade-a-class.md", "exec"), {"__name__": "__main__"})
    lines = capsys.readouterr().out.splitlines()
    assert {"anna: parity, 6 of 6 cells", "dora: differences, 4 of 6 cells"} <= set(lines)
    assert any(line.startswith("emil: handed-in/emil.xlsx: is not an .xlsx file") for line in lines)


def without_seconds(table: str) -> str:
    return re.sub(r" +\d+\.\d$", "", table, flags=re.M)

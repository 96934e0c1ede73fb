"""Every example of the documentation is run: commands, Python, and what is shown of their output.

The pages' fenced blocks are the cases, so an example that is added is run too. Commands run in one folder that has the
files which the examples name; what a command shows below itself must be in its output.
"""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import yaml
from safetensors.torch import save_file

import xlparity
from tests.cli.test_init import MODEL, write_layer
from tests.faults.test_against import SOLUTION, write
from xlparity.cli import run

ROOT = Path(__file__).parents[2]
# A page whose example needs files of its own, in test_documentation.py.
APART = "docs/how-to/grade-a-class.md"
PAGES = tuple(
    page
    for page in ("README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")))
    if page != APART
)
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.S | re.M)

# Programs that examples name and that do not run here, each with who runs it.
ELSEWHERE = {
    "make": "sets up an environment of its own; the workflow runs it on every system",
    "xlparity generate documents": "tests/engines/test_lessons.py",
    "pytest": "tests/unit/test_pytest_plugin.py",
    "python benchmarks/opinfo.py": "takes minutes; docs/benchmarks/opinfo.md is made by it",
}

# Of these the page shows a difference, or what is refused.
DIFFERS = ("check mse_lucky.xlsx", "check student.xlsx", "check handed-in/")


def blocks(page: str, *languages: str) -> list[str]:
    return [
        code for language, code in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")) if language in languages
    ]


def commands(code: str) -> Iterator[tuple[list[str], list[str]]]:
    """The commands of a block as words, each with the lines that it shows."""
    if code.startswith("$ "):
        for part in re.split(r"^\$ ", code, flags=re.M)[1:]:
            line, *shown = part.splitlines()
            yield shlex.split(line), [text for text in shown if text.strip() not in ("", "...")]
    elif "jobs:" in code:
        for step in yaml.safe_load(code)["jobs"]["parity"]["steps"]:
            if step.get("run", "").startswith("xlparity"):
                yield shlex.split(step["run"]), []
    else:
        for line in code.splitlines():
            yield shlex.split(line, comments=True), []


def expanded(word: str) -> list[str]:
    """The files that a pattern means; two stand for all of them, each is checked by other tests."""
    return sorted(map(str, Path().glob(word)), key=os.path.getsize)[:2] if "*" in word else [word]


WITH_COMMANDS = [
    pytest.param(code, id=f"{page} {number}")
    for page in PAGES
    for number, code in enumerate(blocks(page, "sh", "text", "yaml"))
    if code in blocks(page, "sh", "yaml") or code.startswith("$ ")
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "workbooks", folder / "workbooks")
    shutil.copytree(ROOT / "workbooks", folder / "lecture")
    (folder / "books").mkdir()
    shutil.copy(ROOT / "workbooks" / "mse.xlsx", folder / "books")
    (folder / "model.py").write_text(MODEL)
    np.savetxt(folder / "x.csv", [[1.0, 2.0], [3.0, -1.0], [0.5, 4.0]], delimiter=",")
    np.savetxt(folder / "y.csv", [[1.0, 0.5], [0.0, 2.0], [1.0, 1.0]], delimiter=",")
    names: dict[str, object] = {}
    exec(MODEL, names)
    save_file(names["net"].state_dict(), folder / "w.safetensors")  # type: ignore[attr-defined]
    write_layer(folder / "book.xlsx")
    lucky = openpyxl.load_workbook(ROOT / "workbooks" / "mse.xlsx")
    lucky["MSE"]["D7"] = "=SIGN(A2)*D6/COUNT(D2:D4)"
    lucky.save(folder / "mse_lucky.xlsx")
    write(folder / "solution.xlsx", SOLUTION)
    (folder / "handed-in").mkdir()
    for student in ("student.xlsx", "handed-in/anna.xlsx"):
        write(folder / student, {**SOLUTION, "A1": 7.7, "C2": "=A3*$B$1", "D2": "=ABS(D1)"})
    write(folder / "handed-in" / "ben.xlsx", SOLUTION)
    return folder


@pytest.mark.parametrize("code", WITH_COMMANDS)
def test_the_commands_of_a_block_run_and_show_what_it_shows(
    code: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "here"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    has_office = shutil.which("soffice") is not None
    for words, shown in commands(code):
        line = shlex.join(words)
        if any(line.startswith(program) for program in ELSEWHERE):
            continue
        while "=" in words[0]:  # a variable of the environment, for this command
            monkeypatch.setenv(*words.pop(0).split("=", 1))
        program, *arguments = words
        assert program == "xlparity", line
        if "libreoffice" in arguments and not has_office:
            continue
        result = run([each for word in arguments for each in expanded(word)])
        said = capsys.readouterr()
        assert result == (1 if line.removeprefix("xlparity ").startswith(DIFFERS) else 0), (
            f"{line}\n{said.out}{said.err}"
        )
        flat = re.sub(r"\s+", " ", said.out)
        for text in shown:
            assert re.sub(r"\s+", " ", text.strip()) in flat, line


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_the_python_of_a_page_runs(page: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "plot_" in "".join(blocks(page, "python")):
        pytest.importorskip("matplotlib")
    folder = tmp_path / "here"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    for code in blocks(page, "python"):
        exec(compile(code, page, "exec"), names)
    assert names


def test_the_files_of_the_pages_can_be_read() -> None:
    for page in PAGES:
        for code in blocks(page, "toml"):
            assert tomllib.loads(code), page
        for code in blocks(page, "yaml"):
            assert yaml.safe_load(code), page
        for code in blocks(page, "ini"):
            parser = configparser.ConfigParser()
            parser.read_string(code)
            assert parser.sections(), page


def test_every_example_is_of_a_kind_that_is_run() -> None:
    """Texts without a command are quotations, which the tests below and those of the README and the tutorial hold."""
    kinds = {"sh", "python", "text", "toml", "yaml", "ini"}
    quoted = {
        "README.md": 1, "docs/tutorial.md": 1, "docs/how-to/add-an-excel-function.md": 1, "docs/how-to/add-an-op.md": 1,
        "docs/how-to/check-other-numbers.md": 1, "docs/how-to/export-a-model.md": 1,
    }  # fmt: skip
    found: dict[str, int] = {}
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert {language for language, _ in BLOCK.findall(text)} <= kinds, page
        assert text.count("```") == 2 * (len(BLOCK.findall(text)) + text.count("```{")), page
        count = sum(not code.startswith("$ ") for code in blocks(page, "text"))
        if count:
            found[page] = count
    assert found == quoted


def test_the_pages_on_functions_and_operations_show_the_lines_that_are_there() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "xlparity").rglob("*.py"))
    for page in ("docs/how-to/add-an-excel-function.md", "docs/how-to/add-an-op.md"):
        (code,) = blocks(page, "text")
        for line in code.splitlines():
            assert line.strip() in source, page


def test_the_page_on_other_numbers_shows_a_coincidence(made: Path) -> None:
    assert xlparity.check(made / "mse_lucky.xlsx").passed


def test_the_page_on_other_numbers_shows_the_report_of_an_unmapped_cell(tmp_path: Path) -> None:
    cells: dict[str, object] = {"A2": 0.5, "A3": -0.2, "A4": 0.1}
    for row in (2, 3, 4):
        cells |= {f"B{row}": f"=EXP(-A{row})", f"C{row}": f"=1+B{row}", f"D{row}": f"=1/C{row}"}
    path = write(tmp_path / "book.xlsx", cells | {"B4": "=EXP(-A3)"})
    (tmp_path / "book.parity.toml").write_text(
        '[[tensor]]\ntensor = "x"\nrole = "input"\ncells = "S!A2:A4"\nshape = [3]\ndtype = "float64"\n'
        '[[tensor]]\ntensor = "s"\nrole = "computed"\ncells = "S!D2:D4"\nshape = [3]\ndtype = "float64"\n'
        'torch = "torch.sigmoid(x)"\n'
    )
    flat = re.sub(r"\s+", " ", str(xlparity.check(path)))
    shown = blocks("docs/how-to/check-other-numbers.md", "text")[1]
    assert re.sub(r"\s+", " ", shown.strip()) in flat


REFUSED = """
import torch
from torch import nn

class Dropping(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout()
    def forward(self, x):
        return self.drop(x)

class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(2, 2)
    def forward(self, x):
        return x if float(x.sum()) > 0 else self.out(x)
"""


def test_the_page_on_exporting_shows_what_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(REFUSED.lstrip())
    np.savetxt("x.csv", [[1.0, 2.0]], delimiter=",")
    for name, shown in zip(
        ("Dropping", "Branching"), blocks("docs/how-to/export-a-model.md", "text")[0].splitlines(), strict=True
    ):
        assert run(["generate", f"model.py:{name}", "--inputs", "x.csv", "-o", "net.xlsx"]) == 2
        assert capsys.readouterr().err.strip() == shown


@pytest.mark.libreoffice
def test_the_defaults_of_the_command_line_page_are_taken(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(blocks("docs/reference/command-line.md", "toml")[0])
    assert run(["check", str(made / "workbooks" / "single_neuron.xlsx")]) == 0
    said = capsys.readouterr().out
    assert "libreoffice" in said
    assert "100" in said

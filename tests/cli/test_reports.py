"""Reports and conveniences of the command line, run in this process: many commands, and torch is imported once."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pytest

from xlparity.cli import run

WORKBOOKS = Path(__file__).parents[2] / "workbooks"

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in `tmp_path`, where broken.xlsx and good.xlsx stand; exit code, standard output and error."""
    shutil.copy(WORKBOOKS / "mse.xlsx", tmp_path / "good.xlsx")
    book = openpyxl.load_workbook(WORKBOOKS / "mse.xlsx")
    book["MSE"]["D6"] = "=SUM(D2:D3)"
    book.save(tmp_path / "broken.xlsx")
    monkeypatch.setenv("NO_COLOR", "1")

    def told(*arguments: str | Path, folder: Path = tmp_path) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        code = run([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return told


def test_formats_for_machines_hold_all_workbooks_and_those_that_cannot_be_read(
    command: Command, tmp_path: Path
) -> None:
    books = ("good.xlsx", tmp_path / "broken.xlsx", "nowhere.xlsx")
    code, junit, _ = command("check", *books, "--format", "junit")
    assert code == 2
    assert [suite.get("name") for suite in ElementTree.fromstring(junit)] == [Path(book).name for book in books]
    code, printed, _ = command("check", *books, "--format", "sarif", "--output", "report.sarif")
    assert (code, printed.splitlines()[-1]) == (2, "3 workbooks: 1 parity, 1 differences, 1 not checked")
    results = json.loads((tmp_path / "report.sarif").read_text())["runs"][0]["results"]
    uris = {found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for found in results}
    assert uris == {"broken.xlsx"}
    _, github, _ = command("check", *books, "--format", "github")
    assert [line.partition(",")[0] for line in github.splitlines()[1:]] == [
        "::error file=broken.xlsx", "::error file=broken.xlsx", "::error file=nowhere.xlsx",
    ]  # fmt: skip


def test_annotate_writes_a_copy_and_says_what_it_cannot_do(command: Command, tmp_path: Path) -> None:
    before = (tmp_path / "broken.xlsx").read_bytes()
    assert command("check", "broken.xlsx", "--annotate", "copy.xlsx")[0] == 1
    assert openpyxl.load_workbook(tmp_path / "copy.xlsx").sheetnames[-1] == "Parity report"
    code, _, said = command("check", "broken.xlsx", "--annotate", "broken.xlsx")
    assert (code, said.count("\n")) == (2, 1)
    assert "--annotate would overwrite broken.xlsx, which is read" in said
    code, _, said = command("check", "good.xlsx", "broken.xlsx", "--annotate", "other.xlsx")
    assert (code, "check them one by one" in said) == (2, True)
    assert (tmp_path / "broken.xlsx").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"broken.xlsx", "copy.xlsx", "good.xlsx"}


@pytest.mark.parametrize("form", ["junit", "sarif", "github", "json", "jsonl"])
def test_no_report_names_a_folder_of_this_machine(command: Command, tmp_path: Path, form: str) -> None:
    (tmp_path / "bad.xlsx").write_text("no workbook")
    for book in ("bad.xlsx", "broken.xlsx"):
        _, out, _ = command("check", str(tmp_path / book), "--format", form)
        assert str(tmp_path) not in out, (form, book)


def test_no_result_takes_the_place_of_what_is_read_or_of_another_result(command: Command, tmp_path: Path) -> None:
    (tmp_path / "broken.parity.toml").write_text("a map")
    (tmp_path / "link.xlsx").symlink_to("good.xlsx")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for options in (
        ["broken.xlsx", "--output", "broken.xlsx"],
        ["broken.xlsx", "--output", "./broken.parity.toml"],
        ["good.xlsx", "--output", "link.xlsx"],
        ["good.xlsx", "--against", "broken.xlsx", "--format", "json", "--output", "broken.xlsx"],
        ["good.xlsx", "--html", "page.html", "--output", "page.html"],
        ["good.xlsx", "--annotate", "copy.xlsx", "--output", "copy.xlsx"],
    ):
        code, _, said = command("check", *options)
        assert (code, "would overwrite" in said, said.count("\n")) == (2, True, 1), options
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "nowhere").symlink_to("/dev/null")
    assert command("check", "good.xlsx", "--output", "nowhere", "--annotate", "copy.xlsx")[0] == 0
    assert (tmp_path / "nowhere").is_symlink()


def test_options_may_stand_in_pyproject_toml(command: Command, tmp_path: Path) -> None:
    folders = [tmp_path / "a" / "inner", tmp_path / "b", tmp_path / "c"]
    for folder in folders:
        folder.mkdir(parents=True)
    broken = tmp_path / "broken.xlsx"
    (tmp_path / "a" / "pyproject.toml").write_text('[tool.xlparity.check]\nformat = "json"\nsamples = 3\n')
    (tmp_path / "b" / "pyproject.toml").write_text("[tool.xlparity.check]\nsampels = 3\n")
    (tmp_path / "c" / "pyproject.toml").write_text("[[\n")
    assert json.loads(command("check", broken, folder=folders[0])[1])["exploration"]["samples"] == 3
    assert command("check", broken, "--format", "github", folder=folders[0])[1].startswith("::error")
    code, _, said = command("check", broken, folder=folders[1])
    assert (code, "sampels" in said, "pyproject.toml" in said) == (2, True, True)
    code, _, said = command("check", broken, folder=folders[2])
    assert (code, said.startswith("xlparity: pyproject.toml: TOMLDecodeError")) == (2, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.xlparity.check]\nsampels = 3\n", "no option of check; did you mean samples?"),
        ("[tool.xlparity.chek]\nsamples = 3\n", "[tool.xlparity.chek] is for no command; did you mean check?"),
        ("[tool.xlparity]\nsamples = 3\n", "[tool.xlparity] has the key 'samples'"),
        ('[tool.xlparity.check]\nsamples = "3x"\n', "Invalid value for samples from "),
    ],
)
def test_a_default_that_would_not_be_taken_is_refused(command: Command, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    code, _, told = command("check", tmp_path / "broken.xlsx", folder=tmp_path)
    assert (code, said in told, told.count("\n")) == (2, True, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["explain", "book.xlsx"], "explain needs CELL (see xlparity explain --help)"),
        (["grad", "book.xlsx", "--of", "S!A1"], "grad needs --wrt (see xlparity grad --help)"),
        (["check", "--samples"], "--samples needs a value (see xlparity check --help)"),
        (["check", "--egine", "x"], "Unknown option: --egine. Did you mean --engine? (see xlparity check --help)"),
    ],
)
def test_a_command_line_that_lacks_something_says_what(command: Command, words: list[str], said: str) -> None:
    assert command(*words) == (2, "", f"xlparity: {said}\n")


def test_doctor_names_every_engine_and_package(command: Command) -> None:
    code, printed, _ = command("doctor")
    assert code == 0
    said = {" ".join(line[:24].split()): line[25:] for line in printed.splitlines()}
    assert {"xlparity", "Python", "package torch", "engine embedded", "engine libreoffice"} <= said.keys()
    assert said["package torch"].startswith("2.")


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_a_shell_gets_a_script_that_completes(command: Command) -> None:
    code, script, _ = command("completion", "bash")
    assert (code, "--annotate" in script) == (0, True)
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0

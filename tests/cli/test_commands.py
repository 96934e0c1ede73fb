"""Real commands in processes of their own: output, exit codes, files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest

from xlparity.compiler.lower import RULES

ROOT = Path(__file__).parents[2]
WORKBOOKS = ROOT / "workbooks"


def xlparity(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from xlparity.cli import main; main()", *map(str, arguments)],
        capture_output=True, text=True, cwd=folder, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("broken") / "mse.xlsx"
    book = openpyxl.load_workbook(WORKBOOKS / "mse.xlsx")
    book["MSE"]["D6"] = "=SUM(D2:D3)"
    book.save(path)
    return path


def test_parity_is_exit_code_0_and_the_file_is_untouched() -> None:
    path = WORKBOOKS / "mse.xlsx"
    before = (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
    result = xlparity("check", path)
    assert result.returncode == 0
    assert "parity. All" in result.stdout
    assert result.stderr == ""
    assert (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) == before


@pytest.mark.parametrize("arguments", [["check"], ["--help"], ["check", "--help"]])
def test_what_nobody_reads_ends_quietly_and_is_no_parity(arguments: list[str], broken: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    arguments = [*arguments, str(broken)] if arguments == ["check"] else arguments
    code = f"import sys; sys.argv = {['xlparity', *arguments]!r}; from xlparity.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code],
        stdout=write,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        timeout=120,
        check=False,
        text=True,
    )
    os.close(write)
    assert (result.returncode, result.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("errors", [subprocess.PIPE, subprocess.STDOUT])
@pytest.mark.parametrize("arguments", [["--help"], ["check", "workbooks/mse.xlsx"], ["engines"]])
def test_what_a_full_disk_does_not_take_is_said_in_one_line_and_is_bad_input(arguments: list[str], errors: int) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "xlparity", *arguments],
            stdout=full,
            stderr=errors,
            env=os.environ | {"PYTHONUNBUFFERED": ""},  # what is buffered fails at exit
            cwd=ROOT,
            timeout=120,
            check=False,
            text=True,
        )
    assert result.returncode == 2
    if errors == subprocess.PIPE:
        assert result.stderr == "xlparity: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_neither_verdict_nor_report(closed: str, broken: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    check = [sys.executable, "-m", "xlparity", "check", str(broken), "--format", "json", "--output", str(report)]
    result = subprocess.run(f"{shlex.join(check)} {closed}", shell=True, cwd=ROOT, timeout=120, check=False)
    assert result.returncode == 1
    assert json.loads(report.read_text())["passed"] is False


def test_a_difference_is_exit_code_1_and_names_the_cell(broken: Path) -> None:
    result = xlparity("check", broken)
    assert result.returncode == 1
    assert "MSE!D6 (total) is 38.12" in result.stdout
    assert "6 cells inherit an error" in result.stdout


def test_json_is_the_contract(broken: Path) -> None:
    result = xlparity("check", broken, "--format", "json")
    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert {"version", "workbook", "engines", "passed", "counts", "coverage", "tensors", "cells"} <= report.keys()
    assert report["passed"] is False
    assert report["counts"]["fault"] == 1
    assert {"formulas", "mapped", "undecided"} <= report["coverage"].keys()
    total = next(tensor for tensor in report["tensors"] if tensor["tensor"] == "total")
    assert {"tensor", "cells", "verdict", "count", "max_difference", "bound"} <= total.keys()
    fault = report["cells"][0]
    assert (fault["cell"], fault["verdict"], fault["formula"]) == ("MSE!D6", "fault", "=SUM(D2:D3)")
    assert fault["difference"] == pytest.approx(fault["actual"] - fault["expected"])
    heir = next(cell for cell in report["cells"] if cell["cell"] == "MSE!D7")
    assert (heir["verdict"], heir["origin"]) == ("inherited", "MSE!D6")


def test_json_by_ironcalc_is_not_mixed_with_what_that_prints() -> None:
    pytest.importorskip("ironcalc", reason="the extra ironcalc is not installed")
    result = xlparity("check", WORKBOOKS / "mse.xlsx", "--engine", "ironcalc", "--format", "json")
    assert json.loads(result.stdout)["passed"] is True


def test_all_lists_the_matching_cells_too() -> None:
    report = json.loads(xlparity("check", WORKBOOKS / "mse.xlsx", "--format", "json", "--all").stdout)
    assert len(report["cells"]) == sum(report["counts"].values())


def test_output_writes_the_report_and_leaves_no_other_file(broken: Path, tmp_path: Path) -> None:
    result = xlparity("check", broken, "--format", "json", "--output", tmp_path / "report.json")
    assert result.returncode == 1
    assert result.stdout == ""
    assert json.loads((tmp_path / "report.json").read_text())["passed"] is False
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_tolerance_replaces_the_bound(broken: Path) -> None:
    assert xlparity("check", broken, "--rtol", "0", "--atol", "1e9").returncode == 0
    assert xlparity("check", WORKBOOKS / "mse.xlsx", "--decimals", "4").returncode == 0


def test_ignored_cells_are_not_judged(broken: Path) -> None:
    result = xlparity("check", broken, "--ignore", "MSE!D6:D10", "--ignore", "MSE!N6:N7", "--ignore", "Checks!C1:C99")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check"], "name at least one workbook"),
        (["check", "nowhere.xlsx"], "nowhere.xlsx"),
        (["check", str(ROOT / "README.md")], "README.md"),
        (["check", str(WORKBOOKS / "mse.xlsx"), "--engine", "embeded"], "did you mean embedded"),
        (["check", str(WORKBOOKS / "mse.xlsx"), "--rtol", "1e-3"], "come together"),
        (["check", str(WORKBOOKS / "mse.xlsx"), "--decimals", "40"], "from 0 to 15"),
        (["check", str(WORKBOOKS / "mse.xlsx"), "--ignore", "nonsense"], "is not a cell or area"),
        (["check", str(WORKBOOKS / "mse.xlsx"), "--map", "nowhere.toml"], "nowhere.toml"),
        (["check", str(WORKBOOKS / "mse.xlsx"), "--output", "/nowhere/at/all.txt"], "cannot be written"),
        (["explain", str(WORKBOOKS / "mse.xlsx"), "Nowhere!A1"], "there is no sheet 'Nowhere'"),
        (["explain", str(WORKBOOKS / "mse.xlsx"), "MSE!Z99"], "is empty"),
        (["generate", "nothing", "-o", "somewhere"], "names no model"),
        (["calc", str(WORKBOOKS / "mse.xlsx"), "-o", str(WORKBOOKS / "mse.xlsx")], "is the workbook itself"),
        (["explain", str(WORKBOOKS / "mse.xlsx"), "MES!A1"], "there is no sheet 'MES'; did you mean MSE?"),
        (["chekc"], "check"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = xlparity(*arguments, folder=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_workbook_without_a_map_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "plain.xlsx"
    openpyxl.Workbook().save(path)
    result = xlparity("check", path)
    assert result.returncode == 2
    assert "no sheet Parity" in result.stderr
    assert "plain.parity.toml" in result.stderr


def test_a_map_without_computed_tensors_is_not_a_pass(tmp_path: Path) -> None:
    path = tmp_path / "only_inputs.xlsx"
    book = openpyxl.Workbook()
    book.active["A1"] = 1
    book.save(path)
    path.with_suffix(".parity.toml").write_text('[[tensor]]\ntensor = "x"\nrole = "input"\ncells = "Sheet!A1"\n')
    result = xlparity("check", path)
    assert result.returncode == 3
    assert "no computed or expected tensor" in result.stderr


def test_cells_that_no_engine_can_evaluate_never_pass(tmp_path: Path) -> None:
    path = tmp_path / "unknown.xlsx"
    book = openpyxl.Workbook()
    book.active["A1"], book.active["B1"], book.active["C1"] = 1, "=NOSUCHFUNCTION(A1)", "=B1*2"
    book.save(path)
    path.with_suffix(".parity.toml").write_text(
        '[[tensor]]\ntensor = "x"\nrole = "input"\ncells = "Sheet!A1"\nshape = []\n'
        '[[tensor]]\ntensor = "y"\nrole = "computed"\ncells = "Sheet!C1"\nshape = []\ntorch = "x * 2"\n'
    )
    result = xlparity("check", path)
    assert result.returncode == 1
    assert "undecided" in result.stdout
    assert "NOSUCHFUNCTION" in result.stdout
    assert "Sheet!B1" in result.stdout


def test_several_workbooks_are_all_checked_and_the_worst_exit_code_counts(broken: Path) -> None:
    result = xlparity("check", "nowhere.xlsx", broken, WORKBOOKS / "mse.xlsx", "--format", "json")
    assert result.returncode == 2
    assert [report["passed"] for report in json.loads(result.stdout)] == [False, True]
    assert "nowhere.xlsx" in result.stderr


def test_explain_shows_formula_sheet_and_torch_values_of_what_a_cell_reads() -> None:
    result = xlparity("explain", WORKBOOKS / "hidden_layers.xlsx", "'Layer 1'!N11")
    assert result.returncode == 0
    first, *rest = result.stdout.splitlines()
    assert "'Layer 1'!N11  =F11+J11" in first
    assert "net[0][0, 0]: match" in first
    assert [line.split()[1] for line in rest] == ["1'!F11", "1'!J11"]


def test_help_answers_without_torch() -> None:
    code = "import sys; from xlparity.cli import run; run(['--help']); sys.exit('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False
    )
    assert result.returncode == 0


def test_engines_and_functions_are_listed() -> None:
    assert "embedded" in xlparity("engines").stdout
    assert "SUMPRODUCT" in xlparity("functions").stdout


def test_calc_stores_what_the_engine_computes(broken: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.xlsx"
    assert openpyxl.load_workbook(broken, data_only=True)["MSE"]["D6"].value is None
    result = xlparity("calc", broken, "-o", out)
    assert result.returncode == 0, result.stderr
    assert openpyxl.load_workbook(out, data_only=True)["MSE"]["D6"].value == pytest.approx(38.1236, abs=1e-4)
    assert openpyxl.load_workbook(out)["MSE"]["D6"].value == "=SUM(D2:D3)"


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def content(path: Path) -> tuple[dict[str, str], list[float]]:
    """The parts of a workbook without numbers, and these: torch's last digits depend on the processor."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name).decode("latin-1") for name in package.namelist()}
    numbers = [float(found) for text in parts.values() for found in NUMBER.findall(text)]
    return {name: NUMBER.sub("", text) for name, text in parts.items()}, numbers


def test_the_documents_are_generated_again_as_they_are_kept(tmp_path: Path) -> None:
    assert xlparity("generate", "documents", "-o", tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in WORKBOOKS.glob("*.xlsx")}
    for path in tmp_path.iterdir():
        (made, numbers), (kept, expected) = content(path), content(WORKBOOKS / path.name)
        assert made == kept, path.name
        assert numbers == pytest.approx(expected, rel=1e-5, abs=1e-4), path.name


def test_every_function_that_is_listed_is_computed_or_said_to_be_frozen() -> None:
    listed = xlparity("functions").stdout.splitlines()
    names = {line.split()[0] for line in listed}
    assert {"SUM", "MMULT", "LET", "LAMBDA", "OFFSET", "XLOOKUP", "RAND"} <= names
    assert not names & {"SUBTOTAL", "AGGREGATE", "ISOMITTED"}
    assert all(len(line.split()) > 1 for line in listed)


def test_every_operation_of_the_compilers_tables_is_listed_by_family() -> None:
    result = xlparity("ops")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    headings = [line for line in lines if not line.startswith(" ")]
    assert "Sums, means, extremes and softmax: functions of areas." in headings
    listed = [line.split()[0] for line in lines if line.startswith("  aten.")]
    assert len(listed) + len(headings) == len(lines)
    assert sorted(listed) == sorted(f"aten.{name}" for name in RULES)
    (softmax,) = (line for line in lines if line.startswith("  aten._softmax.default"))
    assert "(Tensor self, int dim, bool half_to_float) -> Tensor" in softmax
    assert lines.index(softmax) > lines.index("Sums, means, extremes and softmax: functions of areas.")
    (roll,) = (line for line in lines if line.startswith("  aten.roll.default"))
    assert roll.endswith("[other cells, no formula]")


def test_a_web_page_is_written_beside_the_report(tmp_path: Path) -> None:
    done = xlparity("check", ROOT / "workbooks" / "mse.xlsx", "--html", tmp_path / "mse.html")
    assert done.returncode == 0
    assert "parity" in done.stdout
    assert (tmp_path / "mse.html").read_text().startswith("<!doctype html>")


def test_one_web_page_for_two_workbooks_is_bad_usage(tmp_path: Path) -> None:
    done = xlparity("check", "a.xlsx", "b.xlsx", "--html", tmp_path / "both.html")
    assert done.returncode == 2
    assert "name a folder with --html" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_workbook_is_held_against_another(broken: Path, tmp_path: Path) -> None:
    result = xlparity("check", broken, "--against", WORKBOOKS / "mse.xlsx", "--samples", "10")
    assert result.returncode == 1
    assert "MSE!D6 (total) is 38.123612122204996, the solution has 351.259287131805" in result.stdout
    assert "repair  =SUM(D2:D4)" in result.stdout
    same = xlparity("check", WORKBOOKS / "mse.xlsx", "--against", WORKBOOKS / "mse.xlsx")
    assert same.returncode == 0
    assert "agree with the formulas of mse.xlsx" in same.stdout
    both = xlparity("check", broken, "--against", tmp_path / "absent.xlsx")
    assert both.returncode == 2
    assert "absent.xlsx" in both.stderr

"""Many workbooks at once, some of which crash, hang or take all memory: the table names these, all others are right."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import openpyxl
import pytest
import referencing

import xlparity
from xlparity.cli import run
from xlparity.errors import InputError
from xlparity.report.lines import LinesFile

ROOT = Path(__file__).parents[2]
WORKBOOKS = ROOT / "workbooks"
REFERENCE = ROOT / "docs" / "reference"
BOOKS = ("mse", "single_neuron", "gradient")


def _schema() -> jsonschema.Draft202012Validator:
    report = referencing.Resource.from_contents(json.loads((REFERENCE / "report.schema.json").read_text()))
    registry = referencing.Registry().with_resource("report.schema.json", report)
    return jsonschema.Draft202012Validator(
        json.loads((REFERENCE / "lines.schema.json").read_text()), registry=registry
    )  # fmt: skip


LINE = _schema()


def hand_in(folder: Path) -> Path:
    """A folder of workbooks as teachers get them."""
    folder.mkdir()
    for name in BOOKS:
        shutil.copy(WORKBOOKS / f"{name}.xlsx", folder / f"{name}.xlsx")
    book = openpyxl.load_workbook(WORKBOOKS / "mse.xlsx")
    book["MSE"]["D6"] = "=SUM(D2:D3)"
    book.save(folder / "broken.xlsx")
    (folder / "late").mkdir()
    (folder / "late" / "text.xlsx").write_text("no workbook")
    (folder / "late" / "old.xls").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
    (folder / "~$mse.xlsx").write_bytes(b"lock")
    (folder / "notes.txt").write_text("no workbook either")
    (folder / ".hidden.xlsx").write_text("nor this")
    return folder


def rows(table: str) -> dict[str, list[str]]:
    """The first three columns of each row of the summary, without the seconds."""
    found = {}
    for line in table.splitlines():
        cut = re.split(r"  +", line.strip())
        if len(cut) > 1 and cut[0].endswith((".xlsx", ".xls")):
            found[cut[0]] = cut[1:-1]
    return found


@pytest.fixture(scope="module")
def injected(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """One run over a folder with a crash, a hang and a memory hog, through the real command line."""
    folder = hand_in(tmp_path_factory.mktemp("injected") / "in")
    for name in ("crash", "hang", "hog"):
        shutil.copy(WORKBOOKS / "mse.xlsx", folder / f"{name}.xlsx")
    done = subprocess.run(
        [
            sys.executable, "-m", "benchmarks.faults", "check", "in", "--jobs", "2", "--timeout", "4", "--memory", "1",
            "--format", "jsonl", "--output", "out.jsonl", "--html", "pages",
        ],
        capture_output=True, text=True, cwd=folder.parent, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "160"},
    )  # fmt: skip
    return done, folder.parent


def test_a_crash_a_hang_and_a_hog_cost_one_workbook_each(
    injected: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, _ = injected
    assert done.returncode == 2
    table = rows(done.stdout)
    assert {path.removeprefix("in/"): row[0] for path, row in table.items()} == {
        "broken.xlsx": "differences", "crash.xlsx": "crashed", "gradient.xlsx": "parity", "hang.xlsx": "timed out",
        "hog.xlsx": "out of memory", "mse.xlsx": "parity", "single_neuron.xlsx": "parity",
        "late/text.xlsx": "not checked", "late/old.xls": "not checked",
    }  # fmt: skip
    assert table["in/broken.xlsx"][1:3] == ["34", "1"]
    assert table["in/broken.xlsx"][3].startswith("MSE!D6: its formula does not compute")
    assert "9 workbooks: 3 parity, 1 differences, 2 not checked, 1 crashed, 1 timed out, 1 out of memory" in done.stdout
    said = done.stderr.splitlines()
    assert said == [
        "xlparity: in/crash.xlsx: its process crashed (SIGSEGV)",
        "xlparity: in/hang.xlsx: took more than 4 s and was stopped; raise --timeout",
        "xlparity: in/hog.xlsx: took more memory than 1 GB and was stopped; raise --memory",
        "xlparity: in/late/old.xls: is an old .xls file (Excel 97-2003); save it as .xlsx in Excel",
        "xlparity: in/late/text.xlsx: is not an .xlsx file (it is no zip package); save it as .xlsx in Excel",
    ]


def test_every_line_is_valid_and_every_checked_workbook_has_its_page(
    injected: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    _, folder = injected
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert len(lines) == 9
    for line in lines:
        LINE.validate(line)
    checked = {line["workbook"] for line in lines if line["report"] is not None}
    pages = {path.relative_to(folder / "pages").with_suffix(".xlsx") for path in (folder / "pages").rglob("*.html")}
    assert {f"in/{page.as_posix()}" for page in pages} == checked
    broken = next(line for line in lines if line["workbook"] == "in/broken.xlsx")
    assert (broken["verdict"], broken["report"]["counts"]["fault"]) == ("differences", 1)


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")

    def told(*arguments: str) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return told


def test_resume_does_what_is_not_done_or_has_changed_and_gives_the_same_table(
    command: Command, tmp_path: Path, injected: tuple[subprocess.CompletedProcess[str], Path]
) -> None:
    done, folder = injected
    shutil.copytree(folder / "in", tmp_path / "in")
    whole = (folder / "out.jsonl").read_bytes().splitlines(keepends=True)
    file = tmp_path / "out.jsonl"
    arguments = ("check", "in", "--jobs", "2", "--timeout", "4", "--memory", "1", "--format", "jsonl", "--output")
    # Killed while it wrote: the last line is cut. All that is whole stands; mse.xlsx has been handed in anew.
    kept = [line for line in whole if b'"in/mse.xlsx"' in line or b"late/" in line or b"hang" in line or b"hog" in line]
    kept += [line for line in whole if b"crash" in line or b"broken" in line]
    cut = next(line for line in whole if b'"in/gradient.xlsx"' in line)[:500]
    file.write_bytes(b"".join(kept) + cut)
    code, table, _ = command(*arguments, "out.jsonl", "--resume")
    assert code == 2
    assert rows(table) == rows(done.stdout)
    added = file.read_bytes().removeprefix(b"".join(kept)).splitlines()
    assert {json.loads(line)["workbook"] for line in added} == {"in/gradient.xlsx", "in/single_neuron.xlsx"}
    shutil.copy(WORKBOOKS / "single_neuron.xlsx", tmp_path / "in" / "mse.xlsx")
    command(*arguments, "out.jsonl", "--resume")
    again = file.read_bytes().splitlines()[len(kept) + 2 :]
    assert [json.loads(line)["workbook"] for line in again] == ["in/mse.xlsx"]
    code, printed, said = command(*arguments, "out.jsonl")
    assert (code, printed, "there already" in said) == (2, "", True)


def test_what_was_stopped_is_tried_again_under_other_limits_only(tmp_path: Path) -> None:
    line = {"workbook": "a.xlsx", "fingerprint": "f", "ending": "timed out", "verdict": "timed out", "report": None}
    line |= {"because": "it is slow", "seconds": 4.0}
    line["limits"] = {"seconds": 4.0, "gigabytes": None}
    (tmp_path / "out.jsonl").write_text(json.dumps(line) + "\n")
    file = LinesFile(tmp_path / "out.jsonl", resume=True)
    assert file.done(4.0, None) == {"f"}
    assert file.done(8.0, None) == frozenset()
    (tmp_path / "other.jsonl").write_text('{"some": "thing"}\n')
    with pytest.raises(InputError, match="line 1 is none of"):
        LinesFile(tmp_path / "other.jsonl", resume=True)


def test_a_line_that_does_not_fit_on_the_disk_is_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.jsonl"
    with LinesFile(path, resume=False) as file:
        file.write({"workbook": "a.xlsx"})
        real = file._file

        class Full:
            truncate, close = real.truncate, real.close

            def write(self, content: bytes) -> int:
                return real.write(content[:7])

        monkeypatch.setattr(file, "_file", Full())
        with pytest.raises(InputError, match="no space left"):
            file.write({"workbook": "b.xlsx"})
    assert path.read_text() == '{"workbook": "a.xlsx"}\n'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["empty"], "empty holds no workbook"),
        (["in", "--jobs", "0"], "jobs is 0"),
        (["in", "--timeout", "-1"], "timeout is -1"),
        (["in", "--resume"], "--format jsonl --output"),
        (["in", "--annotate", "copy.xlsx"], "check them one by one"),
        (["in", "--engine", "embeded"], "did you mean embedded"),
        (["in", "--html", "page.html"], "name a folder with --html"),
        (["in", "--against", "nowhere.xlsx"], "nowhere.xlsx"),
        (["in", "--map", "nowhere.toml"], "nowhere.toml"),
        (["in", "--samples", "-1"], "samples is -1"),
        (["in", "--format", "jsonl", "--output", "nowhere/out.jsonl"], "cannot be read and written"),
    ],
)
def test_a_wrong_option_is_one_line_before_anything_is_checked(
    arguments: list[str], said: str, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "book.xlsx").write_text("never read")
    code, printed, complained = command("check", *arguments)
    assert (code, printed) == (2, "")
    assert said in complained
    assert len(complained.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "in"}


def test_in_python_outcomes_come_one_by_one_and_a_file_named_twice_once(tmp_path: Path) -> None:
    folder = hand_in(tmp_path / "in")
    shutil.copy(folder / "gradient.xlsx", folder / "solution.xlsx")
    named = [folder, folder / "mse.xlsx", tmp_path / "in" / ".." / "in" / "mse.xlsx"]
    solution = folder / "solution.xlsx"
    outcomes = {Path(each.path).name: each for each in xlparity.check_many(named, jobs=2, against=solution)}
    assert outcomes.keys() == {"broken.xlsx", "gradient.xlsx", "mse.xlsx", "single_neuron.xlsx", "text.xlsx", "old.xls"}
    assert outcomes["gradient.xlsx"].passed
    assert outcomes["mse.xlsx"].report.against.missing  # it has fewer tensors than the solution
    assert not outcomes["single_neuron.xlsx"].passed  # it has none of them
    assert outcomes["text.xlsx"].report is None
    prints = frozenset(each.fingerprint for each in outcomes.values())
    assert list(xlparity.check_many(named, jobs=2, against=solution, done=prints)) == []
    assert len(prints) == 6


def test_reports_do_not_depend_on_the_number_of_jobs() -> None:
    def reports(jobs: int) -> dict[str, str]:
        named = [WORKBOOKS / f"{name}.xlsx" for name in BOOKS[:2]]
        outcomes = xlparity.check_many(named, jobs=jobs, samples=2)
        return {each.path: each.report.to_json(every=True) for each in outcomes}

    assert reports(1) == reports(2)


def test_one_workbook_under_a_limit_has_the_report_that_it_has_without(command: Command) -> None:
    book = str(WORKBOOKS / "mse.xlsx")
    for form in ("text", "json"):
        assert command("check", book, "--timeout", "60", "--format", form) == command("check", book, "--format", form)


def test_ctrl_c_says_where_it_was_and_leaves_no_process(tmp_path: Path) -> None:
    for name in ("a", "hang"):
        shutil.copy(WORKBOOKS / "mse.xlsx", tmp_path / f"{name}.xlsx")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "benchmarks.faults", "check", tmp_path, "--jobs", "2", "--format", "jsonl",
            "--output", tmp_path / "out.jsonl",
        ],
        stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        # A shell lets what it starts in the background ignore Ctrl-C, which is inherited: here it is what is tested.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 (no thread runs beside)
    )  # fmt: skip
    assert process.stderr is not None
    until = time.monotonic() + 60
    while not (tmp_path / "out.jsonl").exists() or not (tmp_path / "out.jsonl").stat().st_size:
        assert time.monotonic() < until
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    try:
        said = process.communicate(timeout=20)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    assert process.returncode == 130
    assert said.splitlines() == ["xlparity: interrupted after 1 of 2 workbooks (1 parity); --resume goes on"]
    until = time.monotonic() + 5
    while _in_session(process.pid):
        assert time.monotonic() < until, _in_session(process.pid)
        time.sleep(0.05)


def _in_session(leader: int) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "sid=,pid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(leader)]

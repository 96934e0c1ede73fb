"""Nothing is fetched and nothing is run because a workbook asks for it, by no engine."""

import contextlib
from pathlib import Path

import pytest

from tests.hostile.active import ACTIVE
from tests.listening import nobody_asked
from xlparity import cli
from xlparity.engines.libreoffice import LibreOfficeEngine
from xlparity.engines.libreoffice import office as module
from xlparity.errors import EngineError
from xlparity.xlsx.read import read_book


@pytest.mark.parametrize("name", sorted(ACTIVE))
def test_every_command_that_reads_it_fetches_and_runs_nothing(tmp_path, capsys, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    proof = tmp_path / "proof"
    with nobody_asked() as port:
        ACTIVE[name](tmp_path / "book.xlsx", f"http://127.0.0.1:{port}", proof)
        for command in (
            ["check", "book.xlsx", "--html", "o.html", "--annotate", "annotated.xlsx"],
            ["calc", "book.xlsx", "-o", "calc.xlsx"],
            ["init", "book.xlsx", "-o", "init.toml"],
        ):
            code = cli.run(command)
            out, err = capsys.readouterr()
            assert code in (0, 1, 2), (command, out, err)
            assert code < 2 or err.count("\n") == 1
            assert "internal error" not in err
            if command[0] == "check":
                assert Path("annotated.xlsx").exists() is (code < 2)
    assert not proof.exists()


@pytest.fixture(scope="module")
def office():
    with LibreOfficeEngine(seconds=120) as engine:
        yield engine


@pytest.mark.libreoffice
def test_libreoffice_fetches_and_runs_nothing(tmp_path, office):
    proof = tmp_path / "proof"
    with nobody_asked() as port:
        for name, write in ACTIVE.items():
            path = tmp_path / "book.xlsx"
            write(path, f"http://127.0.0.1:{port}", proof)
            with contextlib.suppress(EngineError):  # one of them it cannot open
                office.evaluate(read_book(path), path)
            assert not proof.exists(), name


@pytest.mark.libreoffice
def test_the_macro_would_run_if_it_were_allowed_to(tmp_path, monkeypatch):
    """Else a broken macro would pass above."""
    path, proof = tmp_path / "book.xlsx", tmp_path / "proof"
    ACTIVE["macros that open by themselves, and one that a formula calls"](path, "http://127.0.0.1:9", proof)
    worker = Path(module.__file__).with_name("worker.py").read_text()
    assert worker.count('"MacroExecutionMode": NEVER_EXECUTE') == 1
    (tmp_path / "worker.py").write_text(worker.replace("NEVER_EXECUTE,", "4,"))  # ALWAYS_EXECUTE_NO_WARN
    monkeypatch.setattr(module, "__file__", str(tmp_path / "office.py"))
    monkeypatch.setattr(module, "_SETTINGS", ())
    with LibreOfficeEngine(seconds=120) as engine:
        engine.evaluate(read_book(path), path)
    assert proof.exists()

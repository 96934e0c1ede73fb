import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.listening import nobody_asked
from tests.unit.xlsx.examples import full_book
from xlparity.engines.libreoffice import LibreOfficeEngine, office
from xlparity.errors import EngineError
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, FillKind, Sheet
from xlparity.model.cell import Cell
from xlparity.model.value import Cells, Error, Kind
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def engine():
    with LibreOfficeEngine(seconds=120) as engine:
        yield engine


def evaluate(engine, tmp_path, formulas, constants=None):
    """The values of a column of formulas in C1, C2, ..."""
    fills = tuple(Fill(Area.of("S", row, 2), text) for row, text in enumerate(formulas))
    write_book(Book((Sheet("S", Cells.of(constants or {}), fills),)), tmp_path / "book.xlsx")
    values = engine.evaluate(read_book(tmp_path / "book.xlsx"), tmp_path / "book.xlsx")
    return values, [values.scalar(Cell("S", row, 2)) for row in range(len(formulas))]


@pytest.mark.libreoffice
def test_numbers_texts_booleans_and_blanks(engine, tmp_path):
    formulas = ["A1*3", '"a"&A1', "A1=0.1", "1=2", "B9", '""', "0", "IF(TRUE,1,0)", "TANH(0.5)"]
    _, found = evaluate(engine, tmp_path, formulas, {(0, 0): 0.1, (1, 0): "x"})
    assert found == [0.1 * 3, "a0.1", True, False, 0.0, "", 0.0, 1.0, pytest.approx(math.tanh(0.5), rel=5e-15)]
    assert [type(value) for value in found] == [float, str, bool, bool, float, str, float, float, float]


@pytest.mark.libreoffice
def test_errors_are_values(engine, tmp_path):
    formulas = ["1/0", '"x"+1', "NA()", "nosuchname", "2^5000", "SUM(1)", "#REF!+1"]
    values, found = evaluate(engine, tmp_path, formulas)
    assert found == [Error.DIV0, Error.VALUE, Error.NA, Error.NAME, Error.NUM, 1.0, Error.REF]
    assert values.notes[Cell("S", 0, 2)].because == "LibreOffice says Err:532"


@pytest.mark.libreoffice
def test_what_libreoffice_does_not_know_is_undecided(engine, tmp_path):
    values, found = evaluate(engine, tmp_path, ["_xlfn.LET(_xlpm.x,1,_xlpm.x)", "C2"])
    cells = values.sheets["S"]
    assert cells.kind.tolist() == [Kind.UNDECIDED, Kind.UNDECIDED]
    assert found == [None, None]
    assert "does not know" in values.notes[Cell("S", 0, 2)].because
    assert "refers to itself" in values.notes[Cell("S", 1, 2)].because


@pytest.mark.libreoffice
def test_cached_values_are_never_believed(engine, tmp_path):
    cached = Cells.of({(0, 2): 99.0, (1, 2): 98.0})
    sheet = Sheet("S", Cells.of({(0, 0): 1.0, (1, 0): 2.0}), (Fill(Area.of("S", 0, 2, 2, 1), "A1*2"),), cached)
    path = tmp_path / "stale.xlsx"
    write_book(Book((sheet,)), path)
    values = engine.evaluate(read_book(path), path)
    assert [values.scalar(Cell("S", row, 2)) for row in (0, 1)] == [2.0, 4.0]


@pytest.mark.libreoffice
def test_all_kinds_of_fills_and_far_apart_cells(engine, tmp_path):
    path = tmp_path / "Über & Länge's.xlsx"
    far = Sheet(
        "It's far",
        Cells.of({(0, 0): 1.0, (0, 1): 2.0}),
        (
            Fill(Area.of("It's far", 2, 0, 2, 1), "TRANSPOSE(A1:B1)", FillKind.ARRAY),
            Fill(Area.of("It's far", 500_000, 300, 2, 2), "ROW()+COLUMN()"),
        ),
    )
    write_book(Book((*full_book().sheets, far), full_book().names), path)
    values = engine.evaluate(read_book(path), path)
    assert [values.scalar(Cell("It's far", row, 0)) for row in (2, 3)] == [1.0, 2.0]
    assert values.scalar(Cell("It's far", 500_001, 301)) == 500_002 + 302
    assert values.scalar(Cell("Layer 1", 2, 2)) == "0.2%d<"
    assert values.scalar(Cell("Layer 1", 3, 3)) == 1 - 1 / 3 + 2 or values.scalar(Cell("Layer 1", 3, 3)) > 0
    assert values.scalar(Cell("Layer 1", 0, 0)) == "Layer 1 & friends"


@pytest.mark.libreoffice
def test_the_users_file_and_folder_are_left_alone(engine, tmp_path):
    path = tmp_path / "book.xlsx"
    write_book(full_book(), path)
    before = path.read_bytes()
    path.chmod(0o444)
    engine.evaluate(read_book(path), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.libreoffice
def test_a_workbook_reaches_no_address(engine, tmp_path):
    with nobody_asked() as port:
        evaluate(
            engine,
            tmp_path,
            [f'_xlfn.WEBSERVICE("http://127.0.0.1:{port}/a")', f"'http://127.0.0.1:{port}/[b.xlsx]Sheet1'!A1", "1"],
        )


@pytest.mark.libreoffice
def test_a_damaged_file_is_an_engine_error_and_the_office_lives_on(engine, tmp_path):
    (tmp_path / "bad.xlsx").write_bytes(b"no workbook")
    fill = Fill(Area.of("S", 0, 0), "1")
    with pytest.raises(EngineError, match=r"bad\.xlsx: LibreOffice"):
        engine.evaluate(Book((Sheet("S", fills=(fill,)),)), tmp_path / "bad.xlsx")
    assert evaluate(engine, tmp_path, ["1+1"])[1] == [2.0]


def _left(folder, pipe):
    """What stands of one office's files; those of other tests, which run beside this one, do not count."""
    return [*Path(folder).parent.glob(Path(folder).name), *Path("/tmp").glob(f"OSL_PIPE_*{pipe}")]


def _gone(group):
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def _started_and_left(ending):
    """The process, folder and pipe of an office whose owner ends so."""
    script = (
        "import os, signal\nfrom xlparity.engines.libreoffice import LibreOfficeEngine\n"
        "e = LibreOfficeEngine(120); e.version; o = e._office\n"
        f"print(o._process.pid, o._folder, o._pipe, flush=True)\n{ending}\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False, timeout=120
    )
    process, folder, pipe = run.stdout.split()
    return int(process), folder, pipe


@pytest.mark.libreoffice
def test_nothing_is_left_after_close_a_late_answer_or_an_exception(tmp_path, monkeypatch):
    engine = LibreOfficeEngine(seconds=120)
    assert engine.version
    office_process = engine._office
    assert _left(office_process._folder, office_process._pipe)
    engine.close()
    assert _gone(office_process._process.pid)
    assert not _left(office_process._folder, office_process._pipe)
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path))
        patch.setattr(office.secrets, "token_hex", lambda size: "late")
        slow = LibreOfficeEngine(seconds=0.05)
        with pytest.raises(EngineError, match="took more than"):
            _ = slow.version
        assert not _left(tmp_path / "xlparity-office-*", "xlparitylate")
    process, folder, pipe = _started_and_left("raise RuntimeError")
    assert _gone(process)
    assert not _left(folder, pipe)


@pytest.mark.libreoffice
def test_the_office_ends_when_its_owner_is_killed():
    process, folder, pipe = _started_and_left("os.kill(os.getpid(), signal.SIGKILL)")
    assert _gone(process)
    assert not _left(folder, pipe)


def test_a_missing_office_says_what_to_install(monkeypatch):
    monkeypatch.setenv("XLPARITY_SOFFICE", "/no/such/soffice")
    office.find_office.cache_clear()
    try:
        with pytest.raises(EngineError, match="apt install libreoffice-calc-nogui python3-uno"):
            office.find_office()
    finally:
        office.find_office.cache_clear()

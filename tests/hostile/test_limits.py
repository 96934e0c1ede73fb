"""Formulas, maps and options that were built to do harm end in one clear line, whatever they ask for."""

import time
from dataclasses import fields
from pathlib import Path

import pytest

from tests.hostile.formulas import FORMULAS, write_formula
from tests.hostile.maps import MAPS, OPTIONS, SHEETS, write_map
from tests.listening import nobody_asked
from xlparity import cli
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.errors import InputError, MapError, WorkbookError, plain
from xlparity.functions.wildcard import wildcard
from xlparity.limits import Limits, limited_memory, limits
from xlparity.model.cell import Cell
from xlparity.xlsx.read import read_book

# Small limits, so that the tests are fast; the defaults are measured by benchmarks/hostile.py.
SMALL = "seconds=0.3 elements=1e6 characters=1e6 products=1e8 tensor=1e6"


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setenv("XLPARITY_LIMITS", SMALL)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_computed_or_undecided_for_a_reason(tmp_path, small, name):
    path = tmp_path / "book.xlsx"
    write_formula(FORMULAS[name], path)
    started = time.process_time()
    if len(FORMULAS[name]) > limits().formula:
        with pytest.raises(WorkbookError, match="Excel takes 8,192"):
            read_book(path)
        return
    book = read_book(path)
    values = EmbeddedEngine().evaluate(book)
    assert time.process_time() - started < 3
    note = values.notes.get(Cell("S", 0, 0))
    assert values.scalar(Cell("S", 0, 0)) is not None or note is not None
    assert note is None or "failed here" not in note.because


@pytest.mark.parametrize("name", [*MAPS, *SHEETS, *OPTIONS])
def test_a_map_is_checked_or_refused_in_one_line(tmp_path, small, capsys, monkeypatch, name):
    path = tmp_path / "book.xlsx"
    write_map(name, path)
    options = OPTIONS[name](name, tmp_path) if name in OPTIONS else []
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    code = cli.run(["check", str(path), *options])
    out, err = capsys.readouterr()
    # Only the label in the column `module` does no harm; it is never imported.
    assert code in ((0,) if name == "module that leads elsewhere" else (1, 2, 3))
    assert "internal error" not in err
    assert "Traceback" not in out + err
    assert "\x1b" not in out + err
    assert code < 2 or err.count("\n") == 1
    assert set(tmp_path.iterdir()) - before <= {tmp_path / "__pycache__"}


def test_the_limits_are_raised_by_an_environment_variable(monkeypatch):
    monkeypatch.setenv("XLPARITY_LIMITS", "ratio=2000, seconds=60 memory=8e9")
    assert limits() == Limits(ratio=2000, seconds=60, memory=8_000_000_000)
    for wrong in ("secs=3", "seconds", "seconds=-1", "seconds=inf", "seconds=nan"):
        monkeypatch.setenv("XLPARITY_LIMITS", wrong)
        with pytest.raises(InputError, match=r"seconds=60.*ratio"):
            limits()


def test_a_limit_that_is_raised_lets_a_formula_through(tmp_path, monkeypatch):
    write_formula("SUM(_xlfn.SEQUENCE(2000))", tmp_path / "book.xlsx")
    book = read_book(tmp_path / "book.xlsx")
    monkeypatch.setenv("XLPARITY_LIMITS", "elements=1000")
    assert "XLPARITY_LIMITS=elements" in EmbeddedEngine().evaluate(book).notes[Cell("S", 0, 0)].because
    monkeypatch.setenv("XLPARITY_LIMITS", "elements=3000")
    assert EmbeddedEngine().evaluate(book).scalar(Cell("S", 0, 0)) == 2001000


def test_memory_is_limited_and_given_back(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with (
        pytest.raises(InputError, match=r"book\.xlsx: needs more memory than the limit"),
        limited_memory(tmp_path / "book.xlsx"),
    ):
        bytearray(20_000_000_000)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@pytest.mark.parametrize("taker", ["xlparity.api.annotate", "xlparity.api.Report.to_html"])
def test_a_page_and_a_copy_have_a_limit_too(tmp_path, capsys, monkeypatch, taker):
    pytest.importorskip("resource")
    write_formula("B1", tmp_path / "book.xlsx")
    monkeypatch.setattr(taker, lambda *_, **__: bytearray(20_000_000_000))
    options = ["--html", str(tmp_path / "o.html"), "--annotate", str(tmp_path / "o.xlsx")]
    assert cli.run(["check", str(tmp_path / "book.xlsx"), *options]) == 2
    out, err = capsys.readouterr()
    assert "needs more memory than the limit" in err
    assert (out, err.count("\n")) == ("", 1)


def test_wildcards_take_time_in_proportion_to_the_text():
    started = time.process_time()
    assert wildcard("*a" * 50 + "b").place("a" * 32_767, 0) is None
    assert not wildcard("*a" * 50 + "b").fits("a" * 32_767)
    assert wildcard("?*" * 100 + "b").place("a" * 32_767, 0) is None
    assert time.process_time() - started < 1


def test_an_error_is_one_line_without_control_characters():
    assert str(MapError("a\nb\r\nc\x1b[2J\u202e")) == "a b c�[2J�"
    assert plain("Größe α 東京") == "Größe α 東京"


def test_what_a_map_names_beside_its_tensors_is_refused(tmp_path, capsys):
    for name in ("a model named in the map", "weights named in the map"):
        write_map(name, tmp_path / "book.xlsx")
        assert cli.run(["check", str(tmp_path / "book.xlsx")]) == 2
        assert "beside the [[tensor]] tables" in capsys.readouterr().err


def test_nothing_is_fetched(tmp_path, small):
    with nobody_asked() as port:
        for formula in FORMULAS.values():
            if "127.0.0.1:9" in formula:
                write_formula(formula.replace("127.0.0.1:9", f"127.0.0.1:{port}"), tmp_path / "book.xlsx")
                cli.run(["check", str(tmp_path / "book.xlsx")])


def test_every_limit_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "limits.md").read_text()
    for field in fields(Limits):
        assert f"`{field.name}`" in page

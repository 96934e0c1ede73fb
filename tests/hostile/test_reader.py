"""No file may crash the reader, hang it, fill the memory, or make it speak otherwise than in one clear line."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hostile.generators import GENERATORS
from tests.unit.xlsx.examples import full_book
from xlparity.errors import InputError, WorkbookError
from xlparity.model.book import Book
from xlparity.xlsx.folder import workbooks_in
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "hostile"
# These are odd but sound: what is in them can be read.
SOUND = {
    "missing docProps/core.xml",
    "billion-cell dimension",
    "elements nested 100,000 deep",
    "formula nested 10,000 deep",
    "links, DDE, web and macros",
    "workbook in a workbook, 50 deep",
}


def outcome(path):
    started = time.process_time()
    try:
        read = read_book(path)
    except WorkbookError as error:
        read = None
        message = str(error)
        assert message.startswith(str(path))
        assert "\n" not in message
        assert len(message) < 600
    assert time.process_time() - started < 10
    return read


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_built_to_do_harm(tmp_path, name):
    path = tmp_path / "book.xlsx"
    GENERATORS[name](path)
    read = outcome(path)
    assert isinstance(read, Book) if name in SOUND else read is None
    assert {each.name for each in tmp_path.iterdir()} <= {"book.xlsx"}


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus lies outside the repository, in ../shared/corpus")
def test_files_found_by_fuzzing():
    files = sorted(CORPUS.glob("*.xlsx"))
    assert files
    for path in files:
        outcome(path)


def test_a_bomb_takes_little_memory(tmp_path):
    for name in ("zip bomb", "text of ten million characters", "formula of a million characters"):
        path = tmp_path / "book.xlsx"
        GENERATORS[name](path)
        # The address space is limited, not the peak measured: Linux lets a process inherit its parent's peak.
        script = (
            "import resource, sys\nfrom xlparity.errors import WorkbookError\n"
            "from xlparity.xlsx.read import read_book\n"
            "resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))\n"
            "try: read_book(sys.argv[1])\nexcept WorkbookError: pass\n"
            "print('within a gigabyte')"
        )
        run = subprocess.run(
            [sys.executable, "-c", script, str(path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        )
        assert run.stdout == "within a gigabyte\n"


def test_every_cut_of_a_workbook_is_refused_or_read(tmp_path):
    whole = tmp_path / "whole.xlsx"
    write_book(full_book(), whole)
    content = whole.read_bytes()
    path = tmp_path / "cut.xlsx"
    for at in range(0, len(content), 97):
        path.write_bytes(content[:at])
        assert outcome(path) is None
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        outcome(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.xlsx")
    with pytest.raises(WorkbookError, match="is a pipe or a device"):
        read_book(tmp_path / "pipe.xlsx")
    with pytest.raises(InputError, match="holds no workbook"):
        workbooks_in([tmp_path])

"""Whenever a process ends while it writes, there is the old file or the whole new one, and nothing else for long."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from xlparity.errors import InputError
from xlparity.xlsx import aside
from xlparity.xlsx.aside import written_aside

ROOT = Path(__file__).parents[3]
NEW = b"new" * 1000
# The process kills itself when a call for the n-th time comes to its beginning or its end.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from xlparity.xlsx import aside
call, when, number, named = sys.argv[1:5]
if named == "named":
    os.O_TMPFILE = 0
real = getattr(os, call)
def stop(*arguments, **options):
    if when == "before":
        os.kill(os.getpid(), int(number))
    result = real(*arguments, **options)
    os.kill(os.getpid(), int(number))
    return result
setattr(os, call, stop)
with aside.written_aside(Path("result.txt")) as file:
    file.write(b"new" * 1000)
"""


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize("named", ["named", "nameless"])
def test_killed_at_each_step(tmp_path, old, named):
    steps = [("fsync", "before"), ("replace", "before"), ("replace", "after")]
    if named == "nameless":
        steps += [("link", "before"), ("link", "after")]
    for at, (call, when) in enumerate(steps):
        number = (signal.SIGKILL, signal.SIGTERM)[at % 2]
        path = tmp_path / "result.txt"
        path.unlink(missing_ok=True)
        if old is not None:
            path.write_bytes(old)
        subprocess.run(
            [sys.executable, "-c", SCRIPT, call, when, str(int(number)), named],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
            capture_output=True,
        )
        assert (path.read_bytes() if path.exists() else None) in (old, NEW)
        with written_aside(path) as file:  # the next run tidies up
            file.write(b"next")
        assert [each.name for each in tmp_path.iterdir()] == ["result.txt"]
        assert path.read_bytes() == b"next"


@pytest.mark.parametrize("nameless", [True, False])
def test_an_exception_leaves_the_old_file(tmp_path, monkeypatch, nameless):
    if not nameless:
        monkeypatch.setattr(os, "O_TMPFILE", 0, raising=False)
    path = tmp_path / "result.txt"
    path.write_bytes(b"old")

    def fail():
        with written_aside(path) as file:
            file.write(NEW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    with written_aside(path) as file:
        file.write(NEW)
    assert path.read_bytes() == NEW
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert list(tmp_path.iterdir()) == [path]


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "result.txt"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with (
            pytest.raises(InputError, match=r"result\.txt: cannot be written: File too large"),
            written_aside(path) as file,
        ):
            file.write(b"x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_running_process_writes_is_not_tidied_up(tmp_path, monkeypatch):
    if aside.fcntl is None:
        pytest.skip("no locks here")
    monkeypatch.setattr(os, "O_TMPFILE", 0, raising=False)
    path = tmp_path / "result.txt"
    with written_aside(path) as file:
        file.write(NEW)
        with written_aside(path) as other:
            other.write(b"other")
        assert len(list(tmp_path.iterdir())) == 2
    assert path.read_bytes() == NEW
    assert list(tmp_path.iterdir()) == [path]


def test_a_pipe_is_written_to_and_a_link_is_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with written_aside(tmp_path / "pipe") as file:
            file.write(NEW)
        assert os.read(reader, len(NEW) + 1) == NEW
    finally:
        os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    (tmp_path / "another's").write_bytes(b"old")
    (tmp_path / "link").symlink_to("another's")
    with written_aside(tmp_path / "link") as file:
        file.write(NEW)
    assert ((tmp_path / "link").read_bytes(), (tmp_path / "another's").read_bytes()) == (NEW, b"old")
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "another's", "link"}


def test_a_device_stays_a_device_and_says_when_it_is_full(tmp_path):
    for device in ("null", "full"):  # by links, so that a mistake does no harm to the devices of this machine
        (tmp_path / device).symlink_to(f"/dev/{device}")
    with written_aside(tmp_path / "null") as file:
        file.write(NEW)
    with (
        pytest.raises(InputError, match="full: cannot be written: No space left"),
        written_aside(tmp_path / "full") as file,
    ):
        file.write(NEW)
    assert [path.is_symlink() for path in tmp_path.iterdir()] == [True, True]
    for name in ("/dev/stdout", "/dev/fd/1", "/dev/null"):
        assert aside._is_device(Path(name))
    assert not aside._is_device(tmp_path / "new")

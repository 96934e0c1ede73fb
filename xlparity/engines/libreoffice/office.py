"""The long-lived LibreOffice process: found, started, asked, and ended with everything it left."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlparity.errors import EngineError

__all__ = ["Office", "find_office"]

_HOW = (
    "install it (Debian and Ubuntu: apt install libreoffice-calc-nogui python3-uno; "
    "macOS and Windows: https://www.libreoffice.org), or use --engine embedded"
)
_USUAL_PLACES = (
    "/Applications/LibreOffice.app/Contents/MacOS/soffice",
    r"C:\Program Files\LibreOffice\program\soffice.exe",
    r"C:\Program Files (x86)\LibreOffice\program\soffice.exe",
    "/opt/libreoffice/program/soffice",
    "/usr/lib/libreoffice/program/soffice",
)
# No macros, no links, no network: what a workbook asks for is never fetched or run. Proxies that do not exist stop
# what would get through all the same.
_SETTINGS = (
    ("Office.Common/Security/Scripting", "MacroSecurityLevel", 3),
    ("Office.Common/Security/Scripting", "DisableMacrosExecution", True),
    ("Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", True),
    ("Office.Common/Security/Scripting", "DisableActiveContent", True),
    ("Office.Calc/Content/Update", "Link", 2),
    ("Inet/Settings", "ooInetProxyType", 1),
    ("Inet/Settings", "ooInetHTTPProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPProxyPort", 9),
    ("Inet/Settings", "ooInetHTTPSProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPSProxyPort", 9),
    ("Office.Common/Misc", "FirstRun", False),
    ("Setup/Office", "ooSetupInstCompleted", True),
)


@cache
def find_office() -> tuple[str, str]:
    """The paths of `soffice` and of a Python that has its module `uno`.

    Raises EngineError, saying what to install, where there is none. `XLPARITY_SOFFICE` names another one.
    """
    chosen = os.environ.get("XLPARITY_SOFFICE")
    soffice = chosen or shutil.which("soffice") or shutil.which("libreoffice")
    if soffice is None:
        soffice = next((place for place in _USUAL_PLACES if Path(place).is_file()), None)
    if soffice is None or shutil.which(soffice) is None:
        raise EngineError(f"LibreOffice was not found{f' at {chosen}' if chosen else ''}; {_HOW}")
    program = Path(soffice).resolve().parent
    candidates = [
        program / "python",
        program / "python.exe",
        program.parent / "Resources" / "python",
        Path("/usr/bin/python3"),
        Path(sys.executable),
    ]
    candidates += [Path(found) for name in ("python3", "python") if (found := shutil.which(name))]
    for python in candidates:
        if python.is_file() and _has_uno(python):
            return soffice, str(python)
    raise EngineError(f"LibreOffice stands at {soffice}, but no Python has its module uno; {_HOW}")


def _has_uno(python: Path) -> bool:
    try:
        done = subprocess.run(
            [str(python), "-c", "import uno"], capture_output=True, timeout=30, check=False, env=_environment()
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _environment(folder: str | None = None) -> dict[str, str]:
    """Our environment without what leads another Python astray."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON") and key != "VIRTUAL_ENV"}
    kept |= {"LC_ALL": "C.UTF-8", "SAL_USE_VCLPLUGIN": "svp"}
    return kept | ({"TMPDIR": folder} if folder else {})


class Office:
    """A running LibreOffice.

    Parameters
    ----------
    seconds
        Time allowed for the start and for each workbook; then the office is ended.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._owner = os.getpid()
        soffice, python = find_office()
        self._folder = tempfile.mkdtemp(prefix="xlparity-office-")
        self._pipe = f"xlparity{secrets.token_hex(8)}"
        atexit.register(self.close)
        try:
            profile = Path(self._folder, "profile")
            _write_settings(profile)
            worker = str(Path(__file__).with_name("worker.py"))
            self._process = subprocess.Popen(
                [python, "-I", worker, soffice, str(profile), self._pipe],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(self._folder),
                start_new_session=True,
            )
            self.version: str = self._answer("starting")["version"]
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether it can be asked, by the process that started it."""
        return self._owner == os.getpid() and self._process.poll() is None

    def values(
        self, path: str, sheets: list[tuple[str, list[tuple[int, int, int, int]]]]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64], list[str]]:
        """Kinds, numbers and texts of the areas (row, column, height, width) of the workbook, end to end.

        The workbook stays open until `booleans` is asked. The number of a text is its place among the texts, of an
        error LibreOffice's code.
        """
        return self._ask({"path": path, "sheets": sheets}, path)["values"]  # type: ignore[no-any-return]

    def booleans(self, cells: list[tuple[str, int, int]]) -> list[bool]:
        """Which of the cells of the open workbook are shown as TRUE or FALSE; closes the workbook."""
        return self._ask({"booleans": cells}, "asking for booleans")["booleans"]  # type: ignore[no-any-return]

    def _ask(self, request: dict[str, Any], what: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            self.close()
            raise EngineError(f"{what}: LibreOffice ended before it could be asked; try again") from None
        return self._answer(what)

    def _answer(self, what: str) -> dict[str, Any]:
        """The next answer; ends the office and raises EngineError when none comes in time."""
        assert self._process.stdout is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._kill()

        timer = threading.Timer(self._seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            line = self._process.stdout.readline()
            header: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {}
            if "cells" in header:
                cells = header["cells"]
                content = self._process.stdout.read(9 * cells + header["texts"])
                if len(content) < 9 * cells + header["texts"]:
                    header = {}
                else:
                    header["values"] = (
                        np.frombuffer(content, np.uint8, cells),
                        np.frombuffer(content, np.float64, cells, cells),
                        json.loads(content[9 * cells :]),
                    )
        finally:
            timer.cancel()
        if late.is_set():
            self.close()
            raise EngineError(f"{what}: LibreOffice took more than {self._seconds:g} s and was ended; raise --timeout")
        if "error" in header:
            raise EngineError(f"{what}: LibreOffice says: {header['error']}")
        if not header:
            self.close()
            raise EngineError(f"{what}: LibreOffice ended without an answer; {_HOW}")
        return header

    def close(self) -> None:
        """End the office, its process group and its folder; may be called again."""
        atexit.unregister(self.close)
        if self._owner != os.getpid():
            return  # a forked child must not end its parent's office
        process = getattr(self, "_process", None)
        if process is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            self._kill()
            process.wait()
            process.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        for left in Path(tempfile.gettempdir()).glob(f"OSL_PIPE_*{self._pipe}"):
            left.unlink(missing_ok=True)
        for left in Path("/tmp").glob(f"OSL_PIPE_*{self._pipe}"):
            left.unlink(missing_ok=True)

    def _kill(self) -> None:
        """End the worker and the office; killing the worker alone would leave the office running."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                subprocess.run(
                    ["taskkill", "/F", "/T", "/PID", str(self._process.pid)], capture_output=True, check=False
                )


def _write_settings(profile: Path) -> None:
    """A profile of our own, so that the user's settings, macros and extensions play no part."""
    items = []
    for place, name, value in _SETTINGS:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        items.append(
            f'<item oor:path="/org.openoffice.{place}"><prop oor:name="{name}" oor:op="fuse">'
            f"<value>{text}</value></prop></item>"
        )
    folder = profile / "user"
    folder.mkdir(parents=True)
    (folder / "registrymodifications.xcu").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<oor:items xmlns:oor="http://openoffice.org/2001/registry" '
        f'xmlns:xs="http://www.w3.org/2001/XMLSchema">{"".join(items)}</oor:items>\n'
    )

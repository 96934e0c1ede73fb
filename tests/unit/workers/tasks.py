"""What the workers of the tests do: they import it by name."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from pathlib import Path


def task(what: str, shared: dict[str, str]) -> object:
    """Returns `what` and the process's number, or does what it says."""
    match what:
        case "crash":
            ctypes.string_at(0)
        case "leave":
            os._exit(3)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(1000)
        case "stuck":  # never lets go of the interpreter
            10 ** (10**9)
        case "hog":
            held = []
            while True:
                held.append(bytearray(10_000_000))
        case "raise":
            raise ValueError("a defect")
        case "exit":
            raise SystemExit(0)
        case "unpicklable":
            return lambda: None
        case "print":
            print("this must not be seen")
        case "die idle":  # when it has given its result
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()
        case "die once":  # as when a machine of a cluster goes away
            mark = Path(shared["folder"], "died")
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
    return what, os.getpid(), shared["greeting"]

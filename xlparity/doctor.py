"""What xlparity finds on this machine: versions, engines, extras, and what to install for those that are missing."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from xlparity.engines import ENGINES, engine
from xlparity.errors import XlparityError
from xlparity.version import __version__

__all__ = ["Part", "examine"]

_REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)([^;]*)(?:;.*extra == [\"']([^\"']+)[\"'])?")


@dataclass(frozen=True, slots=True)
class Part:
    """Something that xlparity uses: its version, "" if it is missing, and then what to do.

    `needed` is False for what a check can do without.
    """

    kind: str
    name: str
    version: str
    remedy: str = ""
    needed: bool = False


def examine() -> Iterator[Part]:
    """Python and xlparity, the packages that it needs, the engines, the packages of its extras.

    What it finds missing it says how to install; nothing is installed, and no network is used.
    """
    yield Part("", "xlparity", __version__, needed=True)
    yield Part("", "Python", f"{platform.python_version()} ({sys.executable}), {platform.platform()}", needed=True)
    requirements = [_REQUIREMENT.match(text) for text in metadata.requires("xlparity") or ()]
    found = [(match[1], match[2].strip(), match[3] or "") for match in requirements if match is not None]
    for name, wanted, extra in found:
        if not extra:
            yield Part("package", name, _version(name), f'pip install "{name}{wanted}"', needed=True)
    for name in ENGINES:
        try:
            yield Part("engine", name, engine(name).version, needed=name == "embedded")
        except XlparityError as error:
            yield Part("engine", name, "", str(error))
    for name, _, extra in found:
        if extra and extra != "dev":
            yield Part(f"extra {extra}", name, _version(name), f'pip install "xlparity[{extra}]"')


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""

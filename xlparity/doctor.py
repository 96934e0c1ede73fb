"""What xlparity finds on this machine: versions, engines, extras, and what to install for those that are missing."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

from xlparity.engines import ENGINES, engine
from xlparity.errors import XlparityError
from xlparity.version import __version__

__all__ = ["Part", "examine"]

_FOR_DEVELOPERS = frozenset({"benchmarks", "dev", "docs"})


@dataclass(frozen=True, slots=True)
class Part:
    """Something that xlparity uses: its version, or "" where it is missing or another one is needed.

    `remedy` then says so, and what to do.
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
    try:
        requirements = [Requirement(text) for text in metadata.requires("xlparity") or ()]
    except metadata.PackageNotFoundError:
        requirements = []
        yield Part(
            "", "installation", "", "missing: xlparity runs from a folder of its source; pip install --editable FOLDER"
        )
    wanted = [each for each in requirements if each.marker is None or each.marker.evaluate({"extra": ""})]
    for each in wanted:
        yield _package("package", each, f'pip install "{each.name}{each.specifier}"', needed=True)
    for name in ENGINES:
        try:
            yield Part("engine", name, engine(name).version, needed=name == "embedded")
        except XlparityError as error:
            yield Part("engine", name, "", f"missing: {error}")
    known = metadata.metadata("xlparity").get_all("Provides-Extra") if requirements else None
    for extra in sorted(set(known or ()) - _FOR_DEVELOPERS):
        for each in requirements:
            if each not in wanted and each.marker is not None and each.marker.evaluate({"extra": extra}):
                yield _package(f"extra {extra}", each, f'pip install "xlparity[{extra}]"', needed=False)


def _package(kind: str, wanted: Requirement, remedy: str, needed: bool) -> Part:
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return Part(kind, wanted.name, "", f"missing: {remedy}", needed)
    if not wanted.specifier.contains(version, prereleases=True):
        return Part(kind, wanted.name, "", f"{version}, but {wanted.specifier} is needed: {remedy}", needed)
    return Part(kind, wanted.name, version, needed=needed)

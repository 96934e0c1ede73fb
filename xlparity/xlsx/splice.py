"""Changing a few places of a package's parts and copying everything else byte for byte."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlparity.errors import WorkbookError
from xlparity.xlsx.aside import written_aside
from xlparity.xlsx.markup import Tag, require_utf8, tag_at
from xlparity.xlsx.package import Package, parse_xml

__all__ = ["Edit", "Element", "appended", "copy_package", "outline", "spliced"]

_MOST_ELEMENTS = 300_000  # of one outline: each takes about a kilobyte
# (first byte, byte after the last, what stands there instead)
Edit = tuple[int, int, str]


@dataclass(slots=True)
class Element:
    """An XML element and where it stands in the bytes of its part; children as deep as was asked for."""

    namespace: str
    local: str
    attributes: dict[str, str]
    tag: Tag
    start: int
    end: int = 0
    children: list[Element] = field(default_factory=list)

    def spelled(self, xml: str) -> str:
        """The element `xml`, written without a prefix, as it must stand among this one's children."""
        return re.sub(r"\A<\w+(?=[\s/>])", rf'\g<0> xmlns="{self.namespace}"', xml) if self.tag.prefix else xml

    def named(self, local: str) -> list[Element]:
        """The children called `local`, in whatever namespace."""
        return [child for child in self.children if child.local == local]


def outline(
    data: bytes, where: str, depth: int, wanted: Callable[[str, dict[str, str]], bool] = lambda *_: True
) -> Element:
    """The root of the XML in `data` with its descendants down to `depth` levels below it.

    Elements below the root that are not `wanted`, by local name and attributes, are left out with all in them: there
    may be millions.

    Raises WorkbookError if the part is not well-formed, not in UTF-8, or has too many of them; `where` names it.
    """
    require_utf8(data, where)
    parser: Any = None
    path: list[Element] = []
    roots: list[Element] = []
    below = kept = 0

    def begin(made: Any) -> None:
        nonlocal parser
        parser = made

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal below, kept
        namespace, _, local = name.rpartition(" ")
        if below or len(path) > depth or (path and not wanted(local, attributes)):
            below += 1
            return
        kept += 1
        if kept > _MOST_ELEMENTS:
            raise WorkbookError(
                f"{where} has more than {_MOST_ELEMENTS:,} elements to look at, too many for a copy of it"
            )
        at = parser.CurrentByteIndex
        element = Element(namespace, local, attributes, tag_at(data, at), at)
        (path[-1].children if path else roots).append(element)
        path.append(element)

    def end(_: str) -> None:
        nonlocal below
        if below:
            below -= 1
            return
        element = path.pop()
        element.end = element.tag.end if element.tag.empty else data.index(b">", parser.CurrentByteIndex) + 1

    parse_xml((data,), where, start, end, begin=begin)
    return roots[0]


def appended(data: bytes, element: Element, xml: str, count: int = 0) -> list[Edit]:
    """The edits that put `xml` at the end of `element`; to its attribute `count`, if it has one, `count` is added."""
    tag = element.tag
    attributes = tag.attributes
    if count and element.attributes.get("count", "").isdecimal():
        attributes = f'{tag.without("count")} count="{int(element.attributes["count"]) + count}"'
    if tag.empty:
        return [(element.start, element.end, f"<{tag.name}{attributes}>{xml}</{tag.name}>")]
    close = data.rindex(b"<", tag.end, element.end)
    edits = [(close, close, xml)]
    if attributes != tag.attributes:
        edits.append((element.start, tag.end, f"<{tag.name}{attributes}>"))
    return edits


def spliced(data: bytes, edits: Iterable[Edit]) -> Iterator[bytes]:
    """`data` with the edits, which must not overlap, made in it; those at one place in their own order."""
    at = 0
    for start, end, text in sorted(edits, key=lambda edit: edit[:2]):
        yield data[at:start]
        yield text.encode()
        at = end
    yield data[at:]


def copy_package(
    package: Package,
    changes: Mapping[str, Callable[[bytes], Iterable[Edit]]],
    added: Sequence[tuple[str, bytes]],
    target: Path,
) -> None:
    """Copy the package part by part to `target`, whole or not at all.

    Parameters
    ----------
    changes
        By part, in whatever case: what is given its bytes and answers with the edits to be made in them.
    added
        Names and bytes of parts that the package does not have yet.
    """
    changed = {package.info(part).filename: edits for part, edits in changes.items()}
    with written_aside(target) as file, zipfile.ZipFile(file, "w") as archive:
        for name in package.names:
            info = package.info(name)
            copy = zipfile.ZipInfo(name, info.date_time)
            copy.compress_type, copy.external_attr = info.compress_type, info.external_attr
            copy.create_system, copy.comment = info.create_system, info.comment
            if name not in changed:
                with archive.open(copy, "w", force_zip64=info.file_size >= 1 << 31) as part:
                    for chunk in package.chunks(name):
                        part.write(chunk)
                continue
            data = package.read(name)
            edits = changed[name](data)
            with archive.open(copy, "w", force_zip64=info.file_size >= 1 << 30) as part:
                for piece in spliced(data, edits):
                    part.write(piece)
        for name, data in added:
            info = zipfile.ZipInfo(name)  # dated 1980, as every part of a generated workbook
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(info, data)

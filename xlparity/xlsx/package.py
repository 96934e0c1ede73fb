"""The zip package of a workbook, opened read-only and distrusted.

A workbook from a stranger may be a zip bomb, name parts outside its package, lie about sizes or be no zip at all. What
can be known from the zip's directory is checked before anything is unpacked; every failure is a WorkbookError.
"""

from __future__ import annotations

import mmap
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote
from xml.parsers import expat

from xlparity.errors import WorkbookError
from xlparity.limits import VARIABLE, Limits, limits

__all__ = ["Package", "Relation", "parse_xml"]

_MIB = 1 << 20
_CHUNK = 1 << 18
_SMALL_PART = 4 * _MIB  # below, whatever a part's ratio, it does no harm


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship of a part: its type's last word (`worksheet`, `table`) and the part it leads to."""

    kind: str
    target: str


class Package:
    """The parts of a workbook file.

    Parameters
    ----------
    path
        The file; opened read-only.
    allowed
        Refused beyond these limits, by default those of `xlparity.limits`.

    Raises
    ------
    WorkbookError
        The file is missing, encrypted, of another format, corrupt, or built to do harm.
    """

    def __init__(self, path: Path, allowed: Limits | None = None) -> None:
        self.path = path
        self.limits = allowed or limits()
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would be waited for
            raise WorkbookError(f"{path}: is a pipe or a device, not a file; name an .xlsx file")
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise WorkbookError(f"{path}: cannot be opened: {error.strerror}; name an .xlsx file") from None
        try:
            _refuse_other_formats(path, self._file)
            self._zip = self._open_zip()
            self._parts = self._checked_parts()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Package:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._parts

    @property
    def names(self) -> list[str]:
        """The parts' names in the order of the file."""
        return [info.filename for info in self._zip.infolist()]

    def info(self, name: str) -> zipfile.ZipInfo:
        """The zip's entry of the part `name`, in whatever case; WorkbookError if it is missing."""
        try:
            return self._parts[name.casefold()]
        except KeyError:
            raise self.error(f"the part {name!r} is missing; the file is damaged, save it again in Excel") from None

    def chunks(self, name: str) -> Iterator[bytes]:
        """The unpacked bytes of a part, piece by piece."""
        info = self.info(name)
        with self._damage(name), self._zip.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk

    def read(self, name: str) -> bytes:
        """All unpacked bytes of a part."""
        return b"".join(self.chunks(name))

    def parse(
        self,
        name: str,
        start: Callable[[str, dict[str, str]], object],
        end: Callable[[str], object] | None = None,
        text: Callable[[str], object] | None = None,
        begin: Callable[[Any], object] | None = None,
    ) -> None:
        """Run the handlers over the XML of a part; names arrive as `namespace local`."""
        parse_xml(self.chunks(name), f"{self.path}: {name}", start, end, text, begin)

    def relations(self, name: str) -> dict[str, Relation]:
        """The relationships of a part (of the package for ``""``) that lead to other parts, by identifier."""
        folder, base = posixpath.split(name)
        part = posixpath.join(folder, "_rels", f"{base}.rels")
        found: dict[str, Relation] = {}
        if part not in self:
            return found

        def start(tag: str, attributes: dict[str, str]) -> None:
            if tag.rpartition(" ")[2] != "Relationship" or attributes.get("TargetMode") == "External":
                return  # what lies outside the package is never fetched
            target = unquote(attributes.get("Target", ""))
            resolved = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            kind = attributes.get("Type", "").rpartition("/")[2]
            found[attributes.get("Id", "")] = Relation(kind, resolved)

        self.parse(part, start)
        return found

    def error(self, message: str) -> WorkbookError:
        """A WorkbookError that begins with the file's name."""
        return WorkbookError(f"{self.path}: {message}")

    def _open_zip(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self._file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error, IndexError) as error:
            raise self.error(
                f"is a damaged zip package ({error}); it may be cut short: copy or download it again"
            ) from None

    def _checked_parts(self) -> dict[str, zipfile.ZipInfo]:
        allowed, entries = self.limits, self._zip.infolist()
        if len(entries) > allowed.entries:
            raise self.error(
                f"holds {len(entries):,} parts, more than the limit of {allowed.entries:,}{_raised('entries')}"
            )
        parts: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for info in entries:
            name = info.filename
            if name.startswith(("/", "\\")) or "\\" in name or ":" in name or ".." in name.split("/"):
                raise self.error(f"the part name {name!r} leads out of the package; the file is not to be trusted")
            if info.flag_bits & 0x1:
                raise self.error(f"the part {name!r} is encrypted; save the workbook without a password")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self.error(f"the part {name!r} uses a compression that Excel does not; save it again in Excel")
            if name.casefold() in parts:
                raise self.error(f"holds the part {name!r} twice; the file is not to be trusted")
            if info.file_size > allowed.part:
                raise self.error(
                    f"the part {name!r} unpacks to {info.file_size / _MIB:,.0f} MiB, "
                    f"more than the limit of {allowed.part / _MIB:,.0f} MiB{_raised('part')}"
                )
            if info.file_size > max(_SMALL_PART, allowed.ratio * info.compress_size):
                raise self.error(
                    f"the part {name!r} unpacks to {info.file_size / max(1, info.compress_size):,.0f} times its size, "
                    f"as zip bombs do (limit {allowed.ratio:g}{_raised('ratio')}); the file is not to be trusted"
                )
            total += info.file_size
            parts[name.casefold()] = info
        if total > allowed.package:
            raise self.error(
                f"unpacks to {total / _MIB:,.0f} MiB, more than the limit of {allowed.package / _MIB:,.0f} MiB"
                f"{_raised('package')}"
            )
        end = 0
        for info in sorted(entries, key=lambda entry: entry.header_offset):
            if info.header_offset < end:
                raise self.error(f"the part {info.filename!r} overlaps another one, as zip bombs do")
            end = info.header_offset + 30 + info.compress_size  # 30 bytes: the least that a local header takes
        return parts

    @contextmanager
    def _damage(self, name: str) -> Iterator[None]:
        try:
            yield
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            OSError,
            struct.error,
        ) as e:
            raise self.error(f"the part {name!r} is damaged ({e}); copy or download the file again") from None


def parse_xml(
    chunks: Iterable[bytes],
    where: str,
    start: Callable[[str, dict[str, str]], object],
    end: Callable[[str], object] | None = None,
    text: Callable[[str], object] | None = None,
    begin: Callable[[Any], object] | None = None,
) -> None:
    """Run the handlers over XML, refusing a document type and with it every entity.

    `begin` gets the parser, for handlers that ask where they are. Raises WorkbookError, with the line and column in
    `where`, if the XML is not well-formed.
    """

    def refuse(*_: Any) -> None:
        raise WorkbookError(
            f"{where} declares a document type or entities, which Excel never does; the file is not to be trusted"
        )

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    if begin is not None:
        begin(parser)
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise WorkbookError(f"{where} is not well-formed XML ({error}); save the workbook again in Excel") from None
    except (ValueError, LookupError) as error:  # an encoding that Python does not know, text it cannot decode
        raise WorkbookError(f"{where} cannot be decoded ({error}); save the workbook again in Excel") from None


def _raised(name: str) -> str:
    return f", which {VARIABLE}={name}=... raises"


def _refuse_other_formats(path: Path, file: Any) -> None:
    """Name what people take for .xlsx files."""
    head = file.read(8)
    if head.startswith(b"PK"):
        return
    if not head:
        raise WorkbookError(f"{path}: is empty; name an .xlsx file")
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            encrypted = data.find("EncryptedPackage".encode("utf-16-le")) >= 0
        raise WorkbookError(
            f"{path}: is encrypted; open it in Excel and save it without a password"
            if encrypted
            else f"{path}: is an old .xls file (Excel 97-2003); save it as .xlsx in Excel"
        )
    if head[:1] == b"\x09" and head[1:2] in b"\x00\x02\x04\x08":
        raise WorkbookError(f"{path}: is a very old .xls file; save it as .xlsx in Excel")
    raise WorkbookError(f"{path}: is not an .xlsx file (it is no zip package); save it as .xlsx in Excel")

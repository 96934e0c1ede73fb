"""Workbooks built to do harm, made here so that none has to be stored: name -> function that writes one."""

from __future__ import annotations

import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.unit.xlsx.handmade import parts, write_parts

_DTD = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
_EXTERNAL = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
_SHEET = "xl/worksheets/sheet1.xml"
ONE = '<row r="1"><c r="A1"><v>1</v></c></row>'

GENERATORS: dict[str, Callable[[Path], object]] = {}


def _changed(name: str, change: Callable[[dict[str, str]], object]) -> None:
    def write(path: Path) -> None:
        made = parts(ONE)
        change(made)
        write_parts(path, made)

    GENERATORS[name] = write


def _rows(name: str, rows: str) -> None:
    GENERATORS[name] = lambda path: write_parts(path, parts(rows))


for _part in parts(ONE):
    _changed(f"entity bomb in {_part}", lambda made, p=_part: made.update({p: _DTD + made[p]}))
    _changed(f"external entity in {_part}", lambda made, p=_part: made.update({p: _EXTERNAL + made[p]}))
    _changed(f"truncated {_part}", lambda made, p=_part: made.update({p: made[p][: len(made[p]) // 2]}))
    _changed(f"empty {_part}", lambda made, p=_part: made.update({p: ""}))
    _changed(f"binary {_part}", lambda made, p=_part: made.update({p: "\x00\x01\x02"}))
    _changed(f"missing {_part}", lambda made, p=_part: made.pop(p))
    _changed(
        f"unknown encoding in {_part}",
        lambda made, p=_part: made.update({p: '<?xml version="1.0" encoding="klingon"?>' + made[p]}),
    )
for _name in ("../../etc/cron", "/etc/passwd", "xl\\..\\..\\boot.ini", "C:/evil", "xl/../../x"):
    _changed(f"part name {_name}", lambda made, n=_name: made.update({n: "x"}))
_changed(
    "zip bomb",
    lambda made: made.update({_SHEET: made[_SHEET].replace("<sheetData>", "<sheetData>" + " " * 300_000_000)}),
)
_changed("bomb beside the workbook", lambda made: made.update({"xl/media/image1.png": "0" * 200_000_000}))
_changed("many parts", lambda made: made.update({f"xl/x{number}": "" for number in range(25_000)}))
_changed("parts that differ in case only", lambda made: made.update({_SHEET.upper(): made[_SHEET]}))
_changed(
    "workbook that is its own sheet",
    lambda made: made.update(
        {
            "xl/_rels/workbook.xml.rels": made["xl/_rels/workbook.xml.rels"].replace(
                "worksheets/sheet1.xml", "workbook.xml"
            )
        }
    ),
)
_changed(
    "sheet outside the package",
    lambda made: made.update(
        {
            "xl/_rels/workbook.xml.rels": made["xl/_rels/workbook.xml.rels"].replace(
                'Target="worksheets/sheet1.xml"', 'Target="file:///etc/passwd" TargetMode="External"'
            )
        }
    ),
)
_changed(
    "sheet above the package",
    lambda made: made.update(
        {"xl/_rels/workbook.xml.rels": made["xl/_rels/workbook.xml.rels"].replace("worksheets/", "../../../../etc/")}
    ),
)
_changed(
    "two sheets of one name",
    lambda made: made.update(
        {
            "xl/workbook.xml": made["xl/workbook.xml"].replace(
                "</sheets>", '<sheet name="DATA" sheetId="2" r:id="r1"/></sheets>'
            )
        }
    ),
)
_changed(
    "a million defined names",
    lambda made: made.update(
        {
            "xl/workbook.xml": made["xl/workbook.xml"].replace(
                "</workbook>",
                "<definedNames>"
                + "".join(f'<definedName name="n{number}">{number}</definedName>' for number in range(300_000))
                + "</definedNames></workbook>",
            )
        }
    ),
)
_changed(
    "billion-cell dimension",
    lambda made: made.update(
        {_SHEET: made[_SHEET].replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')}
    ),
)
_changed(
    "elements nested 100,000 deep",
    lambda made: made.update(
        {_SHEET: made[_SHEET].replace("<sheetData>", "<a>" * 100_000 + "</a>" * 100_000 + "<sheetData>")}
    ),
)
_rows("formula nested 10,000 deep", f'<row r="1"><c r="A1"><f>{"(" * 10_000}1{")" * 10_000}</f></c></row>')
_rows("formula of a million characters", f'<row r="1"><c r="A1"><f>{"A1+" * 333_333}1</f></c></row>')
_rows("text of ten million characters", f'<row r="1"><c r="A1" t="str"><v>{"ab" * 5_000_000}</v></c></row>')
_rows("absurd row", '<row r="99999999999999999999"><c><v>1</v></c></row>')
_rows("absurd column", '<row r="1"><c r="ZZZZZZ1"><v>1</v></c></row>')
_rows("columns that count on for ever", '<row r="1">' + "<c><v>1</v></c>" * 16_385 + "</row>")
_rows("number with a million digits", f'<row r="1"><c r="A1"><v>{"9" * 1_000_000}</v></c></row>')
_rows("infinity", '<row r="1"><c r="A1"><v>1E999</v></c></row>')
_rows("shared formula that is its own master", '<row r="1"><c r="A1"><f t="shared" si="0"/></c></row>')
_rows("shared text that does not exist", '<row r="1"><c r="A1" t="s"><v>99999999999</v></c></row>')
_rows(
    "overlapping arrays",
    "".join(
        f'<row r="{row}"><c r="A{row}"><f t="array" ref="A{row}:XFD1048576">1</f><v>1</v></c></row>'
        for row in range(1, 20_001)
    ),
)
_rows("array without an end", '<row r="1"><c r="A1"><f t="array" ref="A1:">1</f></c></row>')
_rows(
    "links, DDE, web and macros",
    '<row r="1"><c r="A1"><f>WEBSERVICE("http://127.0.0.1/")</f></c><c r="B1"><f>cmd|\'/c calc\'!A1</f></c>'
    '<c r="C1"><f>\'\\\\host\\share\\[x.xlsx]S\'!A1</f></c><c r="D1"><f>[1]!Macro()</f></c></row>',
)


def _generator(name: str) -> Callable[[Callable[[Path], object]], Callable[[Path], object]]:
    def enter(write: Callable[[Path], object]) -> Callable[[Path], object]:
        GENERATORS[name] = write
        return write

    return enter


def _plain(path: Path) -> bytes:
    write_parts(path, parts(ONE))
    return path.read_bytes()


@_generator("nothing")
def _nothing(path: Path) -> None:
    path.write_bytes(b"")


@_generator("text under the wrong name")
def _text(path: Path) -> None:
    path.write_text("a,b\n1,2\n")


@_generator("old .xls under the wrong name")
def _xls(path: Path) -> None:
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "Workbook".encode("utf-16-le") + bytes(512))


@_generator("encrypted workbook")
def _encrypted(path: Path) -> None:
    path.write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(9)
    )


@_generator("very old .xls")
def _biff(path: Path) -> None:
    path.write_bytes(b"\x09\x08\x10\x00" + bytes(100))


@_generator("truncated zip")
def _truncated(path: Path) -> None:
    content = _plain(path)
    path.write_bytes(content[: len(content) // 2])


@_generator("head of a zip alone")
def _head(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04")


@_generator("damaged deflate data")
def _damaged(path: Path) -> None:
    content = bytearray(_plain(path))
    content[60:90] = bytes(30)
    path.write_bytes(content)


@_generator("lying size")
def _lying(path: Path) -> None:
    content = bytearray(_plain(path))
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", 3)
    path.write_bytes(content)


@_generator("password on a part")
def _password(path: Path) -> None:
    content = bytearray(_plain(path))
    at = -1
    while (at := content.find(b"PK\x01\x02", at + 1)) >= 0:
        content[at + 8] |= 1
    path.write_bytes(content)


@_generator("part twice")
def _twice(path: Path) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        for name, content in [*parts(ONE).items(), (_SHEET, "<worksheet/>")]:
            archive.writestr(name, content)


@_generator("overlapping parts")
def _overlapping(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts(ONE).items():
            archive.writestr(name, content)
        first = archive.infolist()[0]
        for number in range(50):
            copy = zipfile.ZipInfo(f"copy{number}")
            for field in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(copy, field, getattr(first, field))
            archive.filelist.append(copy)


@_generator("zip of the workbook")
def _zipped(path: Path) -> None:
    content = _plain(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("book.xlsx", content)


@_generator("workbook in a workbook, 50 deep")
def _nested(path: Path) -> None:
    content = _plain(path)
    for _ in range(50):
        write_parts(path, {**{name: text.encode() for name, text in parts(ONE).items()}, "xl/book.xlsx": content})
        content = path.read_bytes()


@_generator("part that contains all others")
def _quine(path: Path) -> None:
    """Its data are the package from its own header on, as in a zip that contains itself."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/itself.xlsx", b"")
        first = archive.infolist()[0]
        for name, content in parts(ONE).items():
            archive.writestr(name, content)
        first.compress_size = first.file_size = archive.fp.tell()  # type: ignore[union-attr]  # open


@_generator("wrong checksum")
def _checksum(path: Path) -> None:
    content = bytearray(_plain(path))
    with zipfile.ZipFile(path) as archive:
        sum_ = struct.pack("<I", archive.getinfo(_SHEET).CRC)
    assert content.count(sum_) == 2
    path.write_bytes(content.replace(sum_, b"\0\1\2\3"))


def _packed_by(method: int) -> None:
    @_generator(f"parts packed by method {method}")
    def write(path: Path) -> None:
        if method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            with zipfile.ZipFile(path, "w", method) as archive:
                for name, text in parts(ONE).items():
                    archive.writestr(name, text)
            return
        content = bytearray(_plain(path))
        at = -1
        while (at := content.find(b"PK\x01\x02", at + 1)) >= 0:
            content[at + 10 : at + 12] = struct.pack("<H", method)
        path.write_bytes(content)


for _method in (
    9,
    zipfile.ZIP_BZIP2,
    zipfile.ZIP_LZMA,
    93,
    99,
    65535,
):  # 9 Deflate64, 93 Zstandard, 99 encrypted by AES
    _packed_by(_method)


@_generator("Word document")
def _word(path: Path) -> None:
    made = parts(ONE)
    made["xl/workbook.xml"] = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"/>'
    write_parts(path, made)


@_generator("binary workbook")
def _xlsb(path: Path) -> None:
    made = parts(ONE)
    made["_rels/.rels"] = made["_rels/.rels"].replace("workbook.xml", "workbook.bin")
    made["xl/workbook.bin"] = "x"
    write_parts(path, made)


@_generator("folder")
def _folder(path: Path) -> None:
    path.mkdir()


@_generator("missing")
def _missing(path: Path) -> None:
    path.unlink(missing_ok=True)


@_generator("link to a device")
def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@_generator("link to itself")
def _loop(path: Path) -> None:
    path.symlink_to(path.name)


@_generator("link that leads nowhere")
def _nowhere(path: Path) -> None:
    path.symlink_to("nowhere.xlsx")

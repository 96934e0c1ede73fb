"""A VBA project as Excel stores it (MS-OVBA in a compound file), made here so that no macro has to be stored."""

from __future__ import annotations

import struct

__all__ = ["project"]

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def project(module: str, workbook: str) -> bytes:
    """`xl/vbaProject.bin` with the code of a module and of the object ThisWorkbook, each of at most 3,000 characters."""
    names = {"Mod1": module, "ThisWorkbook": workbook}
    streams = {name: _packed(f'Attribute VB_Name = "{name}"\r\n{code}'.encode()) for name, code in names.items()}
    text = 'Document=ThisWorkbook/&H00000000\r\nModule=Mod1\r\nName="VBAProject"\r\n'
    # Each with its type (5 root, 1 storage, 2 stream), the next in its folder by length and name, the first in it.
    return _compound(
        [
            ("Root Entry", 5, _FREE, 1, b""),
            ("VBA", 1, 2, 3, b""),
            ("PROJECT", 2, _FREE, _FREE, text.encode()),
            ("dir", 2, 4, _FREE, _packed(_directory(list(names)))),
            ("Mod1", 2, 5, _FREE, streams["Mod1"]),
            ("ThisWorkbook", 2, 6, _FREE, streams["ThisWorkbook"]),
            ("_VBA_PROJECT", 2, _FREE, _FREE, b"\xcc\x61\xff\xff\x00\x00\x00"),
        ]
    )


def _directory(modules: list[str]) -> bytes:
    def record(kind: int, content: bytes = b"") -> bytes:
        return struct.pack("<HI", kind, len(content)) + content

    def number(kind: int, value: int, form: str = "<I") -> bytes:
        return record(kind, struct.pack(form, value))

    made = number(1, 1) + number(2, 0x409) + number(0x14, 0x409) + number(3, 1252, "<H") + record(4, b"VBAProject")
    made += record(5) + record(0x40) + record(6) + record(0x3D) + number(7, 0) + number(8, 0)
    made += struct.pack("<HIIH", 9, 4, 1, 1) + record(0xC) + record(0x3C)
    made += number(0xF, len(modules), "<H") + number(0x13, 0xFFFF, "<H")
    for name in modules:
        wide = name.encode("utf-16-le")
        made += record(0x19, name.encode()) + record(0x47, wide) + record(0x1A, name.encode()) + record(0x32, wide)
        made += record(0x1C) + record(0x48) + number(0x31, 0) + number(0x1E, 0) + number(0x2C, 0xFFFF, "<H")
        made += record(0x22 if name == "ThisWorkbook" else 0x21) + record(0x2B)
    return made + record(0x10)


def _packed(content: bytes) -> bytes:
    """The container of MS-OVBA 2.4.1, one chunk of literal bytes, eight behind each byte of flags."""
    data = b"".join(b"\0" + content[at : at + 8] for at in range(0, len(content), 8))
    assert len(data) <= 4096
    return b"\x01" + struct.pack("<H", (len(data) - 1) | 0xB000) + data


def _compound(entries: list[tuple[str, int, int, int, bytes]]) -> bytes:
    """A compound file (MS-CFB) whose streams all lie in the mini stream."""
    mini, chains, starts = b"", [], []
    for *_, content in entries:
        blocks = -(-len(content) // 64)
        starts.append(len(chains) if blocks else _END)
        chains += [*range(len(chains) + 1, len(chains) + blocks), _END][: blocks or None] if blocks else []
        mini += content.ljust(64 * blocks, b"\0")
    mini = mini.ljust(-(-len(mini) // 512) * 512, b"\0")
    listed = b""
    for (name, kind, sibling, child, content), start in zip(entries, starts, strict=True):
        wide = name.encode("utf-16-le") + b"\0\0"
        size, first = (len(mini), 0) if kind == 5 else (len(content), start)
        listed += wide.ljust(64, b"\0") + struct.pack("<HBBIII", len(wide), kind, 1, _FREE, sibling, child)
        listed += bytes(36) + struct.pack("<IQ", first, size)
    listed = listed.ljust(-(-len(listed) // 512) * 512, b"\0")
    table = struct.pack(f"<{len(chains)}I", *chains)
    table = table.ljust(-(-len(table) // 512) * 512, b"\xff")
    # Sector 0 is the FAT; the folder, the mini FAT and the mini stream follow.
    lengths = [len(part) // 512 for part in (listed, table, mini)]
    fat, firsts = [_FAT], []
    for length in lengths:
        firsts.append(len(fat))
        fat += [*range(len(fat) + 1, len(fat) + length), _END]
    at = listed.index(struct.pack("<IQ", 0, len(mini)), 116 - 8)
    listed = listed[:at] + struct.pack("<I", firsts[2]) + listed[at + 4 :]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIIII", 0, 1, firsts[0], 0, 4096, firsts[1], lengths[1], _END, 0, 0)
    header = header.ljust(512, b"\xff")
    return header + struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff") + listed + table + mini

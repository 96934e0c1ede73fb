"""The looks of cells: of the styles part what a report shows, number formats, emphasis and alignment."""

from __future__ import annotations

from xlparity.model.appearance import CellFormat
from xlparity.xlsx.package import Package
from xlparity.xlsx.text import decode

__all__ = ["MAX_FORMATS", "read_formats"]

MAX_FORMATS = 65_536  # Excel keeps at most 65,490
_LONGEST = 255  # characters of a number format in Excel
# The number formats that a file names by number alone: ECMA-376, part 1, 18.8.30 (numFmt), as English Excel shows them.
_BUILT_IN = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?",
    13: "# ??/??", 14: "m/d/yyyy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM",
    20: "h:mm", 21: "h:mm:ss", 22: "m/d/yyyy h:mm", 37: "#,##0 ;(#,##0)", 38: "#,##0 ;[Red](#,##0)",
    39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;[Red](#,##0.00)", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
    48: "##0.0E+0", 49: "@",
}  # fmt: skip
_ALIGNMENTS = {"left": "left", "center": "center", "centerContinuous": "center", "right": "right"}


def read_formats(package: Package, part: str | None) -> tuple[CellFormat, ...]:
    """The formats that the attribute `s` of a cell counts, at least one; what makes no sense is plain.

    Looks decide nothing, so nothing about them is an error as long as the part is well-formed.
    """
    if part is None or part not in package:
        return (CellFormat(),)
    codes = dict(_BUILT_IN)
    fonts: list[tuple[bool, bool]] = []
    formats: list[CellFormat] = []
    inside = ""

    def number(attributes: dict[str, str], name: str) -> int:
        text = attributes.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 10 else 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        local = tag.rpartition(" ")[2]
        if local in ("fonts", "cellXfs", "cellStyleXfs", "dxfs"):
            inside = local
        elif local == "numFmt" and inside != "dxfs":
            code = decode(attributes.get("formatCode", ""))
            codes[number(attributes, "numFmtId")] = code if 0 < len(code) <= _LONGEST else "General"
        elif inside == "fonts" and local == "font" and len(fonts) < MAX_FORMATS:
            fonts.append((False, False))
        elif inside == "fonts" and fonts and local in ("b", "i"):
            on = attributes.get("val", "1") in ("1", "true", "on")
            fonts[-1] = (on, fonts[-1][1]) if local == "b" else (fonts[-1][0], on)
        elif inside == "cellXfs" and local == "xf" and len(formats) < MAX_FORMATS:
            at = number(attributes, "fontId")
            formats.append(
                CellFormat(
                    codes.get(number(attributes, "numFmtId"), "General"), *(fonts[at] if at < len(fonts) else ())
                )
            )
        elif inside == "cellXfs" and local == "alignment" and formats:
            last = formats[-1]
            horizontal = _ALIGNMENTS.get(attributes.get("horizontal", ""), "")
            formats[-1] = CellFormat(last.number_format, last.bold, last.italic, horizontal)

    def end(tag: str) -> None:
        nonlocal inside
        if tag.rpartition(" ")[2] == inside:
            inside = ""

    package.parse(part, start, end)
    return tuple(formats) or (CellFormat(),)

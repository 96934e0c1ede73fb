"""Adding cell formats to a workbook's styles: the formats that are there keep their numbers and bytes."""

from __future__ import annotations

import re

from xlparity.errors import InputError
from xlparity.xlsx.splice import Edit, appended, outline

__all__ = ["MINIMAL_STYLES", "StyleSheet"]

# The order of the children, which the schema fixes.
_ORDER = ("numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs")
_MOST_FORMATS = 64_000  # Excel's limit: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
_FORMAT = re.compile(rb"<(?:\w+:)?xf[\s/>]")
# What a section that is missing must begin with, and how many that are.
_FIRST = {
    "fonts": ('<font><sz val="11"/><name val="Calibri"/></font>', 1),
    "fills": ('<fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>', 2),
    "borders": ("<border><left/><right/><top/><bottom/><diagonal/></border>", 1),
    "cellStyleXfs": ('<xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>', 1),
    "cellXfs": ('<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>', 1),
}
# The styles of a workbook that has none: every section is made when something is added to it.
MINIMAL_STYLES = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<styleSheet xmlns="%s"/>'


class StyleSheet:
    """The styles part and what is to be added to it.

    Parameters
    ----------
    data
        The part's bytes.
    where
        Names the part in errors.
    """

    def __init__(self, data: bytes, where: str) -> None:
        self._data, self._where = data, where
        # Formats of cells and of styles: counted before each becomes an object.
        if len(_FORMAT.findall(data)) > 2 * _MOST_FORMATS:
            raise self._too_many()
        self._root = outline(data, where, 4)
        self._sections = {child.local: child for child in self._root.children if child.local in _ORDER}
        self._added: dict[str, list[str]] = {name: [] for name in _ORDER}
        self._formats = self._sections["cellXfs"].named("xf") if "cellXfs" in self._sections else []
        self._coloured: dict[tuple[int, str], int] = {}
        self._fills: dict[str, int] = {}

    def coloured(self, base: int, colour: str) -> int:
        """The number of a format that is like the format `base` but filled with `colour` (`F4B183`)."""
        key = (base if base < len(self._formats) else 0, colour)
        if key not in self._coloured:
            self._coloured[key] = self._add("cellXfs", self._recoloured(key[0], self._fill(colour)))
        return self._coloured[key]

    def text(
        self,
        bold: bool = False,
        larger: int = 0,
        colour: str = "",
        wrap: bool = False,
        right: bool = False,
        link: bool = False,
    ) -> int:
        """The number of a format for texts in the workbook's own first font, so many points `larger`."""
        name, points = self._own_font()
        font = ("<b/>" if bold else "") + ("<u/>" if link else "") + f'<sz val="{points + larger:g}"/>'
        font += ('<color rgb="FF0563C1"/>' if link else "") + f'<name val="{name}"/>'
        number = self._add("fonts", f"<font>{font}</font>")
        fill = self._fill(colour) if colour else 0
        applied = ' applyFill="1"' if colour else ""
        aligned = ' horizontal="left" indent="1" wrapText="1"' if wrap else ' horizontal="right"' if right else ""
        return self._add(
            "cellXfs",
            f'<xf numFmtId="0" fontId="{number}" fillId="{fill}" borderId="0" xfId="0" quotePrefix="1" applyFont="1"'
            f'{applied} applyAlignment="1"><alignment vertical="top"{aligned}/></xf>',
        )

    def number(self, code: int) -> int:
        """The number of a format for numbers by one of Excel's own codes (11 is 0.00E+00)."""
        return self._add(
            "cellXfs",
            f'<xf numFmtId="{code}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" '
            'applyAlignment="1"><alignment horizontal="right" vertical="top"/></xf>',
        )

    def edits(self) -> list[Edit]:
        """What is to be changed in the part."""
        edits: list[Edit] = []
        missing: dict[int, str] = {}
        at = self._root.tag.end
        for name in _ORDER:
            items = self._added[name]
            section = self._sections.get(name)
            if section is not None:
                at = section.end
                if items:
                    edits += appended(self._data, section, "".join(items), len(items))
            elif name in _FIRST and (items or name == "cellStyleXfs"):
                first, count = _FIRST[name]
                xml = f'<{name} count="{count + len(items)}">{first}{"".join(items)}</{name}>'
                missing[at] = missing.get(at, "") + self._root.spelled(xml)
        if self._root.tag.empty:
            tag = self._root.tag
            inside = "".join(missing.values())
            return [(self._root.start, self._root.end, f"<{tag.name}{tag.attributes}>{inside}</{tag.name}>")]
        return edits + [(place, place, xml) for place, xml in missing.items()]

    def _add(self, section: str, xml: str) -> int:
        found = self._sections.get(section)
        present = len(found.children) if found is not None else _FIRST[section][1]
        self._added[section].append(self._root.spelled(xml) if found is not None else xml)
        number = present + len(self._added[section]) - 1
        if section == "cellXfs" and number >= _MOST_FORMATS:
            raise self._too_many()
        return number

    def _too_many(self) -> InputError:
        return InputError(f"{self._where}: the workbook would have more than {_MOST_FORMATS:,} cell formats")

    def _fill(self, colour: str) -> int:
        if colour not in self._fills:
            xml = f'<fill><patternFill patternType="solid"><fgColor rgb="FF{colour}"/></patternFill></fill>'
            self._fills[colour] = self._add("fills", xml)
        return self._fills[colour]

    def _recoloured(self, base: int, fill: int) -> str:
        if not self._formats:
            return f'<xf numFmtId="0" fontId="0" fillId="{fill}" borderId="0" xfId="0" applyFill="1"/>'
        found = self._formats[base]
        tag = found.tag
        head = f'<{tag.name}{tag.without("fillId", "applyFill")} fillId="{fill}" applyFill="1"'
        rest = self._data[tag.end : found.end].decode()
        return f"{head}/>" if tag.empty else f"{head}>{rest}"

    def _own_font(self) -> tuple[str, float]:
        fonts = self._sections["fonts"].children if "fonts" in self._sections else []
        values = {child.local: child.attributes.get("val", "") for child in fonts[0].children} if fonts else {}
        size = values.get("sz", "11")
        name = values.get("name", "Calibri")
        return _attribute(name), float(size) if size.replace(".", "", 1).isdecimal() else 11.0


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")

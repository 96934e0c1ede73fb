"""How each kind of cell looks: fonts, fills, borders, and the colours that depend on the value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openpyxl.cell import Cell
from openpyxl.formatting.rule import FormulaRule, Rule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.styles.numbers import NumberFormat

from xlparity.formula.a1 import show_area, show_cell
from xlparity.model.area import Area
from xlparity.model.book import Layout, Style

__all__ = ["LOOKS", "Look", "StyleTable", "add_conditional_formats"]

_FONT = "Calibri"
_DIFFERENTIAL = 164  # the first number of a workbook's own number formats; here it names nothing


def _font(color: str = "000000", size: float = 11, bold: bool = False, italic: bool = False) -> Font:
    return Font(name=_FONT, size=size, bold=bold, italic=italic, color="FF" + color)


def _solid(color: str) -> PatternFill:
    return PatternFill("solid", start_color="FF" + color, end_color="FF" + color)


_THIN = Side(style="thin", color="FFBFBFBF")
_BOX = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)


@dataclass(frozen=True)
class Look:
    """Font, fill, alignment and border of one style."""

    font: Any
    fill: Any = None
    alignment: Any = None
    border: Any = None


# Modelling custom: blue for what may be changed, black for formulas, green for links. All text keeps a contrast of at
# least 4.5 to 1 with its ground (WCAG 2.1 AA).
LOOKS: dict[Style, Look] = {
    Style.PLAIN: Look(_font()),
    Style.TITLE: Look(_font("1F3864", 14, bold=True)),
    Style.HEADING: Look(_font(bold=True), border=Border(bottom=Side(style="thin", color="FF1F3864"))),
    Style.LABEL: Look(_font("595959"), alignment=Alignment(horizontal="center")),
    Style.NOTE: Look(_font("404040", italic=True), alignment=Alignment(wrap_text=True, vertical="top")),
    Style.INPUT: Look(_font("0000C8"), _solid("FFF9DB"), border=_BOX),
    Style.FORMULA: Look(_font(), border=_BOX),
    Style.LINK: Look(_font("00612E"), border=_BOX),
    Style.EXPECTED: Look(_font("5B2C83", italic=True), _solid("F4F0F8"), border=_BOX),
    Style.DIFFERENCE: Look(_font("404040"), _solid("F7F7F7"), border=_BOX),
    Style.CHECK: Look(_font(bold=True), alignment=Alignment(horizontal="center"), border=_BOX),
    Style.HEADER: Look(
        _font("FFFFFF", bold=True),
        _solid("1F3864"),
        Alignment(horizontal="center", vertical="center", wrap_text=True),
        _BOX,
    ),
}
_RED = {"font": Font(bold=True, color="FF9C0006"), "fill": PatternFill(bgColor="FFFFC7CE")}
_GREEN = {"font": Font(bold=True, color="FF005A1E"), "fill": PatternFill(bgColor="FFC6EFCE")}


class StyleTable:
    """The numbers under which a workbook keeps its cells' looks.

    Parameters
    ----------
    worksheet
        Any sheet of the openpyxl workbook that the looks are registered in.
    """

    def __init__(self, worksheet: Any) -> None:
        self._worksheet = worksheet
        self._known: dict[tuple[Style, str, bool], int] = {(Style.PLAIN, "General", False): 0}

    def number(self, style: Style, number_format: str = "General", linked: bool = False) -> int:
        """The index of the cell format; `linked` underlines it as a hyperlink."""
        key = (style, number_format, linked)
        if key not in self._known:
            # A cell that does not stand on the sheet: openpyxl registers a look only through one.
            look, cell = LOOKS[style], Cell(self._worksheet, 1, 1)
            font = look.font
            if linked:
                font = Font(name=font.name, size=font.size, bold=font.bold, color="FF0563C1", underline="single")
            cell.font = font
            if look.fill:
                cell.fill = look.fill
            if look.alignment:
                cell.alignment = look.alignment
            if look.border:
                cell.border = look.border
            cell.number_format = number_format
            self._known[key] = cell.style_id
        return self._known[key]


def add_conditional_formats(worksheet: Any, layout: Layout) -> None:
    """Colour differences beyond their limit red, PASS green and FAIL red; an error value counts as wrong.

    What stands for infinity is shown as such: a number format of several sections would do, but the offices differ in
    whether its last section has a minus sign.
    """

    def add(area: Area, test: str, colours: dict[str, Any]) -> None:
        cell = show_cell(area.corner, sheet=False)
        rule = FormulaRule([test.replace("@", cell)], **colours)
        worksheet.conditional_formatting.add(show_area(area, sheet=False), rule)

    if layout.infinite is not None:
        size = repr(layout.infinite)
        shown = {f"AND(ISNUMBER(@),N(@)>={size})": "∞", f"AND(ISNUMBER(@),N(@)<=-{size})": "-∞"}
        corner = show_cell(layout.formats[0][0].corner, sheet=False) if layout.formats else ""
        for test, sign in shown.items() if corner else ():
            number_format = NumberFormat(numFmtId=_DIFFERENTIAL, formatCode=f'"{sign}"')
            rule = Rule("expression", dxf=DifferentialStyle(numFmt=number_format), formula=[test.replace("@", corner)])
            areas = " ".join(show_area(area, sheet=False) for area, _ in layout.formats)
            worksheet.conditional_formatting.add(areas, rule)
    for area, limit in layout.limits:
        add(area, f"IF(ISERROR(@),TRUE,ABS(@)>{limit!r})", _RED)
    for area, style in layout.styles:
        if style is Style.CHECK:
            add(area, 'IF(ISERROR(@),FALSE,@="PASS")', _GREEN)
            add(area, 'IF(ISERROR(@),TRUE,@="FAIL")', _RED)

"""A picture as shapes of DrawingML, which Excel and LibreOffice draw (ECMA-376, part 1, sections 20.1 and 20.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.xml.functions import fromstring

from xlparity.model.picture import Label, Line, Outline, PlacedPicture, Shape, Stroke, label_width

__all__ = ["Drawing"]

_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
_MAIN = "http://schemas.openxmlformats.org/drawingml/2006/main"
_PIXEL = 9525  # English metric units
_COLOURS = {Stroke.POSITIVE: "2F6FB5", Stroke.NEGATIVE: "C8651B", Stroke.LINK: "595959"}
_CORNER = 5  # pixels, the radius
_INK, _MARKED = "262626", "7B2A8C"
_EVEN = "Consolas"  # whose characters are equally wide, so that columns of numbers stand below each other
_FIRST_ID = 1000  # openpyxl counts charts from 1


class Drawing(SpreadsheetDrawing):  # type: ignore[misc]
    """openpyxl's drawing of a sheet, with pictures beside its charts."""

    __elements__ = SpreadsheetDrawing.__elements__  # which openpyxl would take from this class alone

    def __init__(self, pictures: Sequence[PlacedPicture]) -> None:
        super().__init__()
        self.pictures = pictures

    def __bool__(self) -> bool:
        return bool(self.pictures) or super().__bool__()

    def __hash__(self) -> int:
        return id(self)

    def _write(self) -> Any:
        tree = super()._write()
        numbers = count(_FIRST_ID)
        for placed in self.pictures:
            tree.append(fromstring(_anchored(placed, numbers)))
        return tree


def _anchored(placed: PlacedPicture, numbers: Iterator[int]) -> str:
    picture, cell = placed.picture, placed.anchor
    width, height = (_emu(side) for side in picture.size)
    whole = f'<a:off x="0" y="0"/><a:ext cx="{width}" cy="{height}"/>'
    inside = f'<a:chOff x="0" y="0"/><a:chExt cx="{width}" cy="{height}"/>'
    parts = [_line(line, numbers) for line in picture.lines] + [_shape(shape, numbers) for shape in picture.shapes]
    parts += [_label(label, numbers) for label in picture.labels]
    named = _named(picture.title, numbers, picture.description)
    return (
        f'<xdr:oneCellAnchor xmlns:xdr="{_DRAWING}" xmlns:a="{_MAIN}"><xdr:from><xdr:col>{cell.column}</xdr:col>'
        f"<xdr:colOff>0</xdr:colOff><xdr:row>{cell.row}</xdr:row><xdr:rowOff>0</xdr:rowOff></xdr:from>"
        f'<xdr:ext cx="{width}" cy="{height}"/><xdr:grpSp><xdr:nvGrpSpPr>{named}'
        f"<xdr:cNvGrpSpPr/></xdr:nvGrpSpPr><xdr:grpSpPr><a:xfrm>{whole}{inside}</a:xfrm></xdr:grpSpPr>{''.join(parts)}</xdr:grpSp>"
        "<xdr:clientData/></xdr:oneCellAnchor>"
    )


def _named(name: str, numbers: Iterator[int], description: str = "") -> str:
    said = f" descr={quoteattr(description)}" if description else ""
    return f'<xdr:cNvPr id="{next(numbers)}" name={quoteattr(name)}{said}/>'


def _line(line: Line, numbers: Iterator[int]) -> str:
    (x1, y1), (x2, y2) = line.start, line.end
    colour = f'<a:solidFill><a:srgbClr val="{_COLOURS[line.stroke]}"/></a:solidFill>'
    dashes = '<a:prstDash val="dash"/>' if line.stroke is Stroke.NEGATIVE else ""
    arrow = '<a:tailEnd type="triangle"/>' if line.arrow else ""
    stroke = f'<a:ln w="{_emu(line.width)}">{colour}{dashes}{arrow}</a:ln>'
    if line.bend:
        width, height = _emu(0.75 * line.bend), _emu(y2 - y1)
        turns = ((_emu(line.bend), 0), (_emu(line.bend), height), (0, height))
        points = "".join(f'<a:pt x="{x}" y="{y}"/>' for x, y in turns)
        path = f'<a:moveTo><a:pt x="0" y="0"/></a:moveTo><a:cubicBezTo>{points}</a:cubicBezTo>'
        geometry = (
            '<a:custGeom><a:avLst/><a:gdLst/><a:ahLst/><a:cxnLst/><a:rect l="0" t="0" r="r" b="b"/><a:pathLst>'
            f'<a:path w="{width}" h="{height}" fill="none">{path}</a:path></a:pathLst></a:custGeom>'
        )
        return _sp("curve", numbers, (x1, y1, 0.75 * line.bend, y2 - y1), f"{geometry}<a:noFill/>{stroke}", "")
    flip = (' flipH="1"' if x2 < x1 else "") + (' flipV="1"' if y2 < y1 else "")
    width, height = _emu(abs(x2 - x1)), _emu(abs(y2 - y1))
    place = f'<a:off x="{_emu(min(x1, x2))}" y="{_emu(min(y1, y2))}"/><a:ext cx="{width}" cy="{height}"/>'
    return (
        f'<xdr:cxnSp macro=""><xdr:nvCxnSpPr>{_named("line", numbers)}<xdr:cNvCxnSpPr/></xdr:nvCxnSpPr><xdr:spPr>'
        f'<a:xfrm{flip}>{place}</a:xfrm><a:prstGeom prst="line"><a:avLst/></a:prstGeom>{stroke}</xdr:spPr></xdr:cxnSp>'
    )


def _shape(shape: Shape, numbers: Iterator[int]) -> str:
    (x, y), (width, height) = shape.centre, shape.size
    # Corners are rounded by so many hundred thousandths of the shorter side.
    corner = f'<a:gd name="adj" fmla="val {round(100_000 * _CORNER / min(shape.size))}"/>'
    form, adjusted = ("ellipse", "") if shape.outline is Outline.CIRCLE else ("roundRect", corner)
    edge = (
        "<a:ln><a:noFill/></a:ln>"
        if shape.outline is Outline.NONE
        else f'<a:ln w="15875"><a:solidFill><a:srgbClr val="{_INK}"/></a:solidFill></a:ln>'
    )
    geometry = f'<a:prstGeom prst="{form}"><a:avLst>{adjusted}</a:avLst></a:prstGeom>'
    look = f'{geometry}<a:solidFill><a:srgbClr val="FFFFFF"/></a:solidFill>{edge}'
    first = 800 if shape.outline is Outline.NONE else 1000
    texts = _paragraph(shape.text, first, bold=bool(shape.marked) and first > 800) if shape.text else ""
    texts += "".join(_paragraph(line, 800, font=_EVEN) for line in shape.below)
    texts += "".join(_paragraph(line, 800, _MARKED, font=_EVEN) for line in shape.marked)
    return _sp(shape.text, numbers, (x - width / 2, y - height / 2, width, height), look, texts)


def _label(label: Label, numbers: Iterator[int]) -> str:
    (x, y), width = label.centre, label_width(label.text) + 6
    ground = '<a:solidFill><a:srgbClr val="FFFFFF"/></a:solidFill>' if label.small else "<a:noFill/>"
    look = f'<a:prstGeom prst="rect"><a:avLst/></a:prstGeom>{ground}<a:ln><a:noFill/></a:ln>'
    text = _paragraph(label.text, 800 if label.small else 1000)
    return _sp(label.text, numbers, (x - width / 2, y - 8, width, 16), look, text)


def _sp(name: str, numbers: Iterator[int], box: tuple[float, float, float, float], look: str, texts: str) -> str:
    left, top, width, height = (_emu(side) for side in box)
    body = (
        '<xdr:txBody><a:bodyPr wrap="none" lIns="0" tIns="0" rIns="0" bIns="0" anchor="ctr"/><a:lstStyle/>'
        f"{texts}</xdr:txBody>"
        if texts
        else ""
    )
    return (
        f'<xdr:sp macro="" textlink=""><xdr:nvSpPr>{_named(name, numbers)}<xdr:cNvSpPr/></xdr:nvSpPr><xdr:spPr><a:xfrm>'
        f'<a:off x="{left}" y="{top}"/><a:ext cx="{width}" cy="{height}"/></a:xfrm>{look}</xdr:spPr>{body}</xdr:sp>'
    )


def _paragraph(text: str, size: int, colour: str = _INK, bold: bool = False, font: str = "Calibri") -> str:
    ink = f'<a:solidFill><a:srgbClr val="{colour}"/></a:solidFill>'
    weight = ' b="1"' if bold else ""
    look = f'<a:rPr lang="en-US" sz="{size}"{weight}>{ink}<a:latin typeface="{font}"/></a:rPr>'
    return f'<a:p><a:pPr algn="ctr"/><a:r>{look}<a:t>{escape(text)}</a:t></a:r></a:p>'


def _emu(pixels: float) -> int:
    return round(pixels * _PIXEL)

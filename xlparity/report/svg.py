"""A picture as an SVG element. It takes its colours from the page around it."""

from __future__ import annotations

from html import escape

from xlparity.model.picture import Line, Outline, Picture, Shape, Stroke, label_width

__all__ = ["picture_to_svg"]

_SPACE = "\u00a0"  # of which SVG keeps as many as there are
_LEADING = 15  # pixels from one line of a shape's text to the next
# Blue and orange are told apart by all common kinds of colour blindness; a negative weight is dashed as well.
_STYLE = (
    "<style>.xlp{max-width:100%;height:auto}.xlp.legible{max-width:none}"
    ".xlp text{font:13px system-ui,sans-serif;fill:currentColor;text-anchor:middle}"
    ".xlp .small{font-size:11px}.xlp .name{font-weight:600}"
    '.xlp .below,.xlp .marked{font:11px ui-monospace,Consolas,Menlo,"DejaVu Sans Mono",monospace}'
    ".xlp .marked{fill:#7b2a8c;fill:light-dark(#7b2a8c,#d79af0)}"
    ".xlp circle,.xlp rect{fill:var(--paper,Canvas);stroke:currentColor;stroke-width:1.5}"
    ".xlp rect.under{stroke:none;opacity:.88}"
    ".xlp .positive{stroke:#2f6fb5}.xlp .negative{stroke:#c8651b;stroke-dasharray:6 3}"
    ".xlp .edge{stroke:currentColor;fill:none;stroke-width:1.3;opacity:.7}</style>"
)


def picture_to_svg(picture: Picture, legible: bool = False) -> str:
    """The picture; `legible`: it is not made smaller where there is no room for all of it.

    Whatever a workbook calls its tensors is text in it and no markup.
    """
    width, height = picture.size
    parts = [_line(line) for line in picture.lines] + [_shape(shape) for shape in picture.shapes]
    for label in picture.labels:
        (x, y), wide = label.centre, label_width(label.text)
        if label.small:
            parts.append(f'<rect class="under" x="{x - wide / 2:.0f}" y="{y - 8:.0f}" width="{wide:.0f}" height="16"/>')
        parts.append(_text(x, y + 4, label.text, "small" if label.small else ""))
    said = f"<desc>{escape(picture.description)}</desc>" if picture.description else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="xlp{" legible" if legible else ""}" role="img" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"><title>{escape(picture.title)}</title>{said}'
        f"{_STYLE}{''.join(parts)}</svg>"
    )


def _line(line: Line) -> str:
    (x1, y1), (x2, y2) = line.start, line.end
    if line.stroke is not Stroke.LINK:
        ends = f'x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}"'
        return f'<line {ends} class="{line.stroke.value}" stroke-width="{line.width:.1f}"/>'
    over = f"C{x1 + line.bend:.0f} {y1:.0f} {x2 + line.bend:.0f} {y2:.0f} " if line.bend else "L"
    drawn = f'<path class="edge" d="M{x1:.0f} {y1:.0f} {over}{x2:.0f} {y2:.0f}"/>'
    if not line.arrow:
        return drawn
    head = (
        f"M{x2 + 7:.0f} {y2 - 4:.0f} L{x2:.0f} {y2:.0f} L{x2 + 7:.0f} {y2 + 4:.0f}"
        if line.bend
        else (f"M{x2 - 4:.0f} {y2 - 7:.0f} L{x2:.0f} {y2:.0f} L{x2 + 4:.0f} {y2 - 7:.0f}")
    )
    return f'{drawn}<path d="{head}" fill="currentColor"/>'


def _shape(shape: Shape) -> str:
    (x, y), (width, height) = shape.centre, shape.size
    if shape.outline is Outline.CIRCLE:
        drawn = f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{width / 2:.0f}"/>'
    else:
        ground = ' class="under"' if shape.outline is Outline.NONE else ""
        left, top = x - width / 2, y - height / 2
        drawn = f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}" rx="4"{ground}/>'
    first = "small" if shape.outline is Outline.NONE else "name" if shape.marked else ""
    lines = [(shape.text, first)] if shape.text else []
    below = [(text, "below") for text in shape.below] + [(text, "marked") for text in shape.marked]
    lines += [(text.replace(" ", _SPACE), kind) for text, kind in below]
    top = y + 4 - (len(lines) - 1) * _LEADING / 2
    return drawn + "".join(_text(x, top + at * _LEADING, *line) for at, line in enumerate(lines))


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.0f}" y="{y:.1f}"{style}>{escape(text)}</text>'

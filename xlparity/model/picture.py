"""A picture of lines, shapes and labels, as data: a report shows it as SVG, a workbook as shapes of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from xlparity.model.cell import Cell

__all__ = ["Label", "Line", "Outline", "Picture", "PlacedPicture", "Shape", "Stroke", "label_width", "line_width"]


class Stroke(Enum):
    """What a line stands for; positive and negative weights are told apart by colour and by dashes."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    LINK = "link"


class Outline(Enum):
    """The form of a shape."""

    CIRCLE = "circle"
    BOX = "box"
    NONE = "none"  # ground alone, which keeps the text legible on a line


@dataclass(frozen=True, slots=True)
class Line:
    """A line between two points; `bend` is how far to the right a curve between them reaches, `arrow` marks its end."""

    start: tuple[float, float]
    end: tuple[float, float]
    stroke: Stroke = Stroke.LINK
    width: float = 1.3
    bend: float = 0.0
    arrow: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A circle or a box around `centre` with its text; below it smaller lines, the `marked` ones in another colour."""

    outline: Outline
    centre: tuple[float, float]
    size: tuple[float, float]
    text: str
    below: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """A text around `centre`; a `small` one stands on ground of its own, which keeps it legible on a line."""

    centre: tuple[float, float]
    text: str
    small: bool = True


def label_width(text: str) -> float:
    """About how many pixels wide a small label with this text is drawn."""
    return 6.3 * len(text)


def line_width(text: str) -> float:
    """About how many pixels wide a line below a shape's text is drawn; all characters of it are equally wide."""
    return 6.7 * len(text)


@dataclass(frozen=True, slots=True)
class Picture:
    """Lines, above them shapes, above these labels; all measures are pixels of 1/96 inch.

    `description` says in words what the picture shows, for those who do not see it.
    """

    title: str
    size: tuple[float, float]
    lines: tuple[Line, ...] = ()
    shapes: tuple[Shape, ...] = ()
    labels: tuple[Label, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class PlacedPicture:
    """A picture whose top left corner is that of the cell `anchor`."""

    anchor: Cell
    picture: Picture

"""A picture of lines, shapes and labels, as data: a report shows it as SVG, a workbook as shapes of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from xlparity.model.cell import Cell

__all__ = ["Label", "Line", "Outline", "Picture", "PlacedPicture", "Shape", "Stroke", "label_width"]


class Stroke(Enum):
    """What a line stands for; positive and negative weights are told apart by colour and by dashes."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    LINK = "link"


class Outline(Enum):
    """The form of a shape."""

    CIRCLE = "circle"
    BOX = "box"


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
    """A circle or a box around `centre` with its text, and a smaller one below it."""

    outline: Outline
    centre: tuple[float, float]
    size: tuple[float, float]
    text: str
    below: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A text around `centre`; a `small` one stands on ground of its own, which keeps it legible on a line."""

    centre: tuple[float, float]
    text: str
    small: bool = True


def label_width(text: str) -> float:
    """About how many pixels wide a small label with this text is drawn."""
    return 6.3 * len(text)


@dataclass(frozen=True, slots=True)
class Picture:
    """Lines, above them shapes, above these labels; all measures are pixels of 1/96 inch."""

    title: str
    size: tuple[float, float]
    lines: tuple[Line, ...] = ()
    shapes: tuple[Shape, ...] = ()
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedPicture:
    """A picture whose top left corner is that of the cell `anchor`."""

    anchor: Cell
    picture: Picture

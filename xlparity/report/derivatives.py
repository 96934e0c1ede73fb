"""A picture of a loss's computational graph: values flow down, gradients flow back up along the same edges.

A box is a tensor with its value and, in the second colour, the gradient that has come together in it. On an edge stand
the derivative of the one operation, its value, and in the second colour what the edge sends back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xlparity.model.derivatives import Derivatives, Edge, Node
from xlparity.model.picture import Label, Line, Outline, Picture, Shape, label_width, line_width
from xlparity.report.svg import picture_to_svg

__all__ = ["derivatives_drawing", "derivatives_picture"]

_MOST_ROWS, _MOST_COLUMNS = 4, 4  # of numbers that a box shows; larger tensors show their shape
_WIDEST = 1400  # pixels
_LEADING, _PADDING = 15, 12
_MARGIN, _APART, _BETWEEN = 16, 22, 30  # around all, between boxes side by side, between levels
_ARROW = 10
_LEGEND = (
    "↓ values, and the derivative of every operation",
    "↑ gradients: an edge sends back what its last line says,",
    "where g is the gradient of the box that it leads to",
)


def derivatives_drawing(graph: Derivatives | None) -> str:
    """The graph as an SVG element, "" where there is none that fits."""
    picture = None if graph is None else derivatives_picture(graph)
    return "" if picture is None else picture_to_svg(picture, legible=True)


def derivatives_picture(graph: Derivatives) -> Picture | None:
    """The graph, or None where it is too wide to look at."""
    levels = _placed(graph)
    width = max(item.x + item.width / 2 for level in levels for item in level) + _MARGIN
    if width > _WIDEST:
        return None
    top = float(_MARGIN)
    for level in levels:
        height = max(item.height for item in level)
        for item in level:
            item.top, item.band = top + (height - item.height) / 2, (top, top + height)
        top += height + _BETWEEN
    lines = [line for level in levels for item in level for line in item.lines()]
    shapes = [item.shape() for level in levels for item in level if item.text]
    width = max(width, max(label_width(text) for text in _LEGEND) + 2 * _MARGIN)
    top += 6
    labels = [Label((width / 2, top + at * 17), text) for at, text in enumerate(_LEGEND)]
    return Picture(
        f"The computational graph of {graph.of}, with the derivative of every operation",
        (width, top + 17 * len(_LEGEND)), tuple(lines), tuple(shapes), tuple(labels), _description(graph),
    )  # fmt: skip


@dataclass(slots=True, eq=False)
class _Item:
    """A box, what stands on an edge, or a bend of an edge that passes a level; `after` are the items below it."""

    level: int
    outline: Outline = Outline.NONE
    text: str = ""
    below: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()
    before: list[_Item] = field(default_factory=list)
    after: list[_Item] = field(default_factory=list)
    x: float = 0.0
    top: float = 0.0
    band: tuple[float, float] = (0.0, 0.0)

    @property
    def width(self) -> float:
        if not self.text:
            return 8.0
        large = 1.0 if self.outline is Outline.NONE else 1.22
        widths = [label_width(self.text) * large, *(line_width(text) for text in (*self.below, *self.marked))]
        return max(widths) + (8 if self.outline is Outline.NONE else 2 * _PADDING)

    @property
    def height(self) -> float:
        if not self.text:
            return 0.0
        lines = 1 + len(self.below) + len(self.marked)
        return lines * _LEADING + (4 if self.outline is Outline.NONE else _PADDING)

    def shape(self) -> Shape:
        centre = (self.x, self.top + self.height / 2)
        return Shape(self.outline, centre, (self.width, self.height), self.text, self.below, self.marked)

    def lines(self) -> list[Line]:
        """From this to all below: straight down within the levels, slanted between them, so that no box is crossed."""
        drawn = []
        for at, item in enumerate(self.after):
            start = (self.x + _offset(at, len(self.after), self.width), self.top + self.height)
            into = _offset(item.before.index(self), len(item.before), item.width)
            end = (item.x + into, item.top)
            is_box = item.outline is Outline.BOX
            bottom, top = (start[0], self.band[1]), (end[0], item.band[0] - (_ARROW if is_box else 0))
            for first, second in pairwise((start, bottom, top, end)):
                if first != second:
                    drawn.append(Line(first, second, arrow=is_box and second == end))
        return drawn


def _offset(at: int, count: int, width: float) -> float:
    """Where of several edges at one box one stands, from the box's middle."""
    return (at - (count - 1) / 2) * min(28.0, width / (count + 1))


def _placed(graph: Derivatives) -> list[list[_Item]]:
    """The items of every level from top to bottom; boxes stand on even levels, what edges say on odd ones."""
    depth = {node.name: 0 for node in graph.nodes}
    for node in graph.nodes:  # each after those that it reads
        read = [depth[edge.source] + 2 for edge in graph.edges if edge.target == node.name]
        depth[node.name] = max(read, default=0)
    for node in graph.nodes:  # what is given stands just above what reads it first
        if not any(edge.target == node.name for edge in graph.edges):
            depth[node.name] = min(depth[edge.target] for edge in graph.edges if edge.source == node.name) - 2
    levels: list[list[_Item]] = [[] for _ in range(max(depth.values()) + 1)]
    boxes = {node.name: _Item(depth[node.name], Outline.BOX, *_box(graph, node)) for node in graph.nodes}

    def visit(name: str) -> None:  # from the loss up, so that what belongs together stands together
        for edge in _read_by(graph, name):
            source, target = boxes[edge.source], boxes[name]
            is_new = source not in levels[source.level]
            path = [_Item(level) for level in range(source.level + 1, target.level)]
            path[-1].text, path[-1].below, path[-1].marked = _on_edge(graph, edge)
            for first, second in zip([source, *path], [*path, target], strict=True):
                first.after.append(second)
                second.before.append(first)
            for item in path:
                levels[item.level].append(item)
            if is_new:
                levels[source.level].append(source)
                visit(edge.source)

    levels[-1].append(boxes[graph.of])
    visit(graph.of)
    _spread(levels)
    return levels


def _read_by(graph: Derivatives, name: str) -> list[Edge]:
    """The edges into a box from left to right: the way that the gradient takes furthest in the middle."""
    edges = [edge for edge in graph.edges if edge.target == name]
    computed = {edge.target for edge in graph.edges}
    side = [edge for edge in edges if edge.source not in computed]
    half = len(side) // 2 if len(edges) > len(side) else len(side)
    return [*side[:half], *(edge for edge in edges if edge.source in computed), *side[half:]]


def _spread(levels: Sequence[Sequence[_Item]]) -> None:
    """Gives every item its x: near the middle of its neighbours, in the order of its level, none over another."""
    for level in levels:
        _set(level, np.zeros(len(level)))
    for turn in range(25):  # the last one goes down, so that what an edge says stands below its box
        down = turn % 2 == 0
        for level in levels if down else reversed(levels):
            wanted = []
            for item in level:
                near = (item.before or item.after) if down else (item.after or item.before)
                wanted.append(float(np.mean([other.x for other in near])) if near else item.x)
            _set(level, np.array(wanted))
    left = min(item.x - item.width / 2 for level in levels for item in level)
    for level in levels:
        for item in level:
            item.x += _MARGIN - left


def _set(level: Sequence[_Item], wanted: NDArray[np.float64]) -> None:
    """The places nearest to `wanted` (least squares) at which the items of a level do not touch.

    By pooling adjacent violators, as isotonic regression does it.
    """
    room = [0.0]
    for first, second in pairwise(level):
        room.append(room[-1] + (first.width + second.width) / 2 + _APART)
    pools: list[tuple[float, int]] = []  # the mean, and of how many
    for value in wanted - np.array(room[: len(level)]):
        mean, count = float(value), 1
        while pools and pools[-1][0] > mean:
            before, many = pools.pop()
            mean, count = (mean * count + before * many) / (count + many), count + many
        pools.append((mean, count))
    places = [mean for mean, count in pools for _ in range(count)]
    for item, place, offset in zip(level, places, room, strict=False):
        item.x = place + offset


def _box(graph: Derivatives, node: Node) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    if node.gradient is None:
        return node.name, _numbers(node.value), ()
    if node.name == graph.of:
        return node.name, _numbers(node.value), (f"∂{graph.of}/∂{graph.of} = 1",)
    return node.name, _numbers(node.value), (f"∂{graph.of}/∂{node.name}", *_numbers(node.gradient))


def _on_edge(graph: Derivatives, edge: Edge) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """What stands on an edge: the derivative, its number, what is sent back; nothing where no gradient flows."""
    if edge.share is None:
        return "", (), ()
    name = f"∂{edge.target}/∂{edge.source}"
    text = f"{name} = {edge.local}" if edge.local else name
    below = () if edge.number is None or _is_number(edge.local) else _numbers(edge.number)
    if edge.printed is not None:
        below = (f"{edge.target} is {edge.source}", f"printed to {edge.printed} decimals")
    marked = [f"↑ {edge.back}" if edge.back else "↑ by autograd"]
    if sum(other.source == edge.source and other.share is not None for other in graph.edges) > 1:
        marked += _numbers(edge.share)  # one of several addends
    return text, below, tuple(marked)


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit()


def _numbers(array: NDArray[np.float64]) -> tuple[str, ...]:
    """The numbers, a line for each row of a matrix, or the shape where there are too many."""
    rows = np.atleast_2d(array)
    if rows.ndim > 2 or rows.shape[0] > _MOST_ROWS or rows.shape[1] > _MOST_COLUMNS:
        return (" x ".join(map(str, array.shape)),)
    texts = [[_short(number) for number in row] for row in rows.tolist()]
    wide = [max(len(row[column]) for row in texts) for column in range(rows.shape[1])]
    return tuple("  ".join(text.rjust(width) for text, width in zip(row, wide, strict=True)) for row in texts)


def _short(number: float) -> str:
    """Four decimals, as PyTorch prints."""
    if number == int(number) and abs(number) < 1e6:
        text = str(int(number))
    else:
        text = f"{number:.4f}" if 1e-3 <= abs(number) < 1e6 else f"{number:.3g}"
    return text


def _description(graph: Derivatives) -> str:
    """All that the picture says, in sentences."""
    parts = []
    for edge in reversed(graph.edges):
        name = f"∂{edge.target}/∂{edge.source}"
        if edge.share is not None:
            parts.append(f"{name} = {edge.local}" if edge.local else f"{name} by autograd")
    for node in reversed(graph.nodes):
        if node.gradient is not None and node.name != graph.of:
            numbers = "; ".join(" ".join(line.split()) for line in _numbers(node.gradient))
            parts.append(f"∂{graph.of}/∂{node.name} is {numbers}")
    return ". ".join(parts) + "."

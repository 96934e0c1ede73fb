"""A picture of the network that a map describes: neurons and weights where it is small, else its modules.

Small networks are drawn as lectures draw them: inputs x1, x2, neurons numbered on from there, n3, n4, ..., each weight
w13 on its edge, biases below the neurons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlparity.model.map import Map, MapRow, Role
from xlparity.model.picture import Label, Line, Outline, Picture, Shape, Stroke, label_width
from xlparity.report.svg import picture_to_svg

__all__ = ["network_drawing", "network_picture"]

Numbers = Callable[[MapRow], NDArray[np.float64]]

_WIDEST, _MOST_EDGES = 9, 60  # neurons in a layer, and weights, that a picture can show
_LABELLED = 16  # weights between two layers whose numbers can be read beside their edges
_MOST_MODULES = 40
_LAYER, _NEURON, _RADIUS = 270, 88, 23
_BOX_WIDTH, _BOX_HEIGHT, _BOX_STEP = 300, 42, 66


@dataclass(frozen=True, slots=True)
class _Layer:
    """A dense layer: its weight (out, in), its bias if it has one, and what is applied to its output after."""

    weight: MapRow
    bias: MapRow | None
    activation: str


def network_drawing(map: Map, numbers: Numbers) -> str:
    """The network as an SVG element, or "" where there is no picture of it; see `network_picture`."""
    picture = network_picture(map, numbers)
    return "" if picture is None else picture_to_svg(picture)


def network_picture(map: Map, numbers: Numbers) -> Picture | None:
    """The network, or None where the map names no layers or modules.

    Parameters
    ----------
    map
        Its rows say which tensors there are and what each is computed from.
    numbers
        What the cells of a row hold, float64 of the tensor's shape.
    """
    network = _Network(map)
    layers = network.dense_layers()
    if layers:
        return _neurons(layers, numbers, "loss" in network.rows)
    modules = network.modules()
    return _modules(*modules) if modules else None


class _Network:
    """What the map's first step computes from what."""

    def __init__(self, map: Map) -> None:
        given = (row for row in map if row.role is not Role.EXPECTED and not row.tensor.startswith("step["))
        self.rows: dict[str, MapRow] = {}
        for row in given:
            self.rows.setdefault(row.tensor, row)
        names = sorted(self.rows, key=len, reverse=True)
        self._names = (
            re.compile(r"(?<![\w.\]])(?:" + "|".join(re.escape(name) for name in names) + r")(?![\w\[])")
            if names
            else None
        )

    def reads(self, row: MapRow) -> list[MapRow]:
        """The tensors that a row's expression names."""
        if self._names is None:
            return []
        return [self.rows[name] for name in dict.fromkeys(self._names.findall(row.torch))]

    def dense_layers(self) -> list[_Layer]:
        """The layers from the first input to the last output, if the network is a chain of small dense layers."""
        layers: list[_Layer] = []
        before: MapRow | None = None
        for weight in self.rows.values():
            if weight.role is not Role.PARAMETER or len(weight.block.shape) != 2:
                continue
            stem = weight.tensor.removesuffix(".weight")
            out = self.rows.get(stem) or next((row for row in self.rows.values() if weight in self.reads(row)), None)
            if stem == weight.tensor or out is None or out.role is not Role.COMPUTED:
                return []
            source, activation = self._source(weight, out, before)
            if source is None or out.block.shape[-1:] != weight.block.shape[:1]:
                return []
            if layers:
                layers[-1] = _Layer(layers[-1].weight, layers[-1].bias, activation)
            layers.append(_Layer(weight, self.rows.get(f"{stem}.bias"), ""))
            before = out
        widths = [layer.weight.block.shape for layer in layers]
        drawable = all(max(shape) <= _WIDEST for shape in widths) and sum(a * b for a, b in widths) <= _MOST_EDGES
        others = [row for row in self.rows.values() if row.role is Role.PARAMETER and len(row.block.shape) > 2]
        return layers if drawable and not others else []

    def _source(self, weight: MapRow, out: MapRow, before: MapRow | None) -> tuple[MapRow | None, str]:
        """The input, or the layer `before`, that `out` is computed from with `weight`; and what is applied between."""
        applied: list[str] = []
        waiting, seen = [out], {out.tensor}
        while waiting:
            row = waiting.pop(0)
            if row.role is Role.INPUT if before is None else row.tensor == before.tensor:
                fits = row.block.shape[-1:] == weight.block.shape[1:]
                return (row if fits else None), " ".join(applied)
            function = re.match(
                r"(?:torch\.|F\.)?(relu|tanh|sigmoid|softmax|gelu|silu|elu|leaky_relu|softplus)\(", row.torch
            )
            if function and row is not out:
                applied.append(function[1])
            for read in self.reads(row):
                if read.tensor not in seen and read.role in (Role.COMPUTED, Role.INPUT):
                    seen.add(read.tensor)
                    waiting.append(read)
        return None, ""

    def modules(self) -> tuple[list[tuple[str, str]], list[tuple[int, int]]] | None:
        """The modules in the order of computation, each with its output's shape, and which reads which."""
        forward = [row for row in self.rows.values() if row.module and row.phase in ("forward", "loss")]
        for depth in (3, 2, 1):
            names = [".".join(row.module.split(".")[:depth]) for row in forward]
            order = list(dict.fromkeys(names))
            if len(order) <= _MOST_MODULES:
                break
        if not forward or len(order) > _MOST_MODULES:
            return None
        module_of = {row.tensor: order.index(name) for row, name in zip(forward, names, strict=True)}
        shapes = {name: row.block.shape for row, name in zip(forward, names, strict=True)}
        links = {
            (module_of[read.tensor], module_of[row.tensor])
            for row in forward
            for read in self.reads(row)
            if module_of.get(read.tensor, module_of[row.tensor]) != module_of[row.tensor]
        }
        return [(name, " x ".join(str(size) for size in shapes[name]) or "a number") for name in order], sorted(links)


def _neurons(layers: Sequence[_Layer], numbers: Numbers, loss: bool) -> Picture:
    widths = [layers[0].weight.block.shape[1], *(layer.weight.block.shape[0] for layer in layers)]
    height = max(widths) * _NEURON + 60.0
    starts = np.concatenate([[1], 1 + np.cumsum(widths)]).tolist()

    def place(layer: int, neuron: int) -> tuple[float, float]:
        return 50.0 + layer * _LAYER, height / 2 - 10 + (neuron - (widths[layer] - 1) / 2) * _NEURON

    lines = []
    shapes = [Shape(Outline.BOX, place(0, source), (44, 36), f"x{source + 1}") for source in range(widths[0])]
    labels = _Labels()
    for at, layer in enumerate(layers):
        weights = numbers(layer.weight)
        largest = float(np.nanmax(np.abs(weights), initial=0.0)) or 1.0
        for (to, source), weight in np.ndenumerate(weights):
            start, end = place(at, source), place(at + 1, to)
            thick = 0.8 + 2.4 * float(abs(weight) / largest if np.isfinite(weight) else 0.0)
            lines.append(Line(start, end, Stroke.NEGATIVE if weight < 0 else Stroke.POSITIVE, thick))
            if weights.size <= _LABELLED:
                first, second = starts[at] + source, starts[at + 1] + to
                name = f"w{first}{second}" if second < 10 else f"w{first},{second}"
                labels.on_edge(start, end, f"{name} {_short(weight)}")
        biases = None if layer.bias is None else numbers(layer.bias).ravel()
        for to in range(widths[at + 1]):
            x, y = place(at + 1, to)
            number = starts[at + 1] + to
            shapes.append(Shape(Outline.CIRCLE, (x, y), (2 * _RADIUS, 2 * _RADIUS), f"n{number}"))
            if biases is not None:
                labels.add(Label((x, y + _RADIUS + 10), f"b{number} {_short(biases[to])}"))
        if layer.activation:
            labels.add(Label((50.0 + (at + 1) * _LAYER, height - 12), layer.activation, small=False))
    last = 50.0 + len(layers) * _LAYER
    if loss:
        lines += [Line(place(len(layers), neuron), (last + 110, height / 2 - 10)) for neuron in range(widths[-1])]
        shapes.append(Shape(Outline.BOX, (last + 118, height / 2 - 10), (56, 36), "loss"))
    title = f"The network {'-'.join(str(width) for width in widths)}"
    return Picture(title, (last + (160 if loss else 60), height), tuple(lines), tuple(shapes), labels.placed)


def _modules(boxes: Sequence[tuple[str, str]], links: Sequence[tuple[int, int]]) -> Picture:
    right, middle = 20.0 + _BOX_WIDTH, 20.0 + _BOX_WIDTH / 2
    centres = [20.0 + at * _BOX_STEP + _BOX_HEIGHT / 2 for at in range(len(boxes))]
    half, lines, far = _BOX_HEIGHT / 2, [], 0.0
    for source, to in links:
        if to == source + 1:
            lines.append(Line((middle, centres[source] + half), (middle, centres[to] - half), arrow=True))
        elif to > source:  # past other modules, as a residual connection goes
            bend = min(30.0 + 14 * (to - source), 130.0)
            far = max(far, bend)
            lines.append(Line((right, centres[source]), (right, centres[to]), bend=bend, arrow=True))
    shapes = [
        Shape(Outline.BOX, (middle, y), (_BOX_WIDTH, _BOX_HEIGHT), name, (shape,))
        for y, (name, shape) in zip(centres, boxes, strict=True)
    ]
    size = (40 + _BOX_WIDTH + 0.8 * far, 20.0 + len(boxes) * _BOX_STEP)
    return Picture(f"The model's {len(boxes)} modules", size, tuple(lines), tuple(shapes))


class _Labels:
    """Labels, those on edges each where it covers the least of those before it."""

    def __init__(self) -> None:
        self.placed: tuple[Label, ...] = ()

    def add(self, label: Label) -> None:
        self.placed = (*self.placed, label)

    def on_edge(self, start: tuple[float, float], end: tuple[float, float], text: str) -> None:
        """The text on the line from `start` to `end`."""
        (x1, y1), (x2, y2) = start, end
        width = label_width(text)
        room = (width / 2 + 2 * _RADIUS) / abs(x2 - x1)  # for the circles at both ends and the biases below them
        shares = np.linspace(room, 1 - room, 9) if room < 0.5 else np.array([0.5])

        def covered(share: float) -> float:
            x, y = x1 + share * (x2 - x1), y1 + share * (y2 - y1)
            return sum(
                max(0.0, (width + label_width(label.text)) / 2 + 4 - abs(x - label.centre[0]))
                * max(0.0, 18 - abs(y - label.centre[1]))
                for label in self.placed
            )

        share = min(shares.tolist(), key=covered)
        self.add(Label((x1 + share * (x2 - x1), y1 + share * (y2 - y1)), text))


def _short(number: float) -> str:
    return f"{number:.4g}" if np.isfinite(number) else ""

"""Areas of numbers as tensors that a model could take as its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product

import torch
from torch import Tensor, nn

from xlparity.check.judge import hold
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.value import Values
from xlparity.proposing.labels import Labels, stem
from xlparity.proposing.match import Hit

__all__ = ["candidates"]

_MOST_PLANES, _MOST_RUNS = 256, 12


def candidates(
    model: nn.Module,
    areas: Sequence[Area],
    values: Values,
    names: Sequence[str],
    labels: Labels,
    most: int,
    target: bool = False,
) -> Iterator[tuple[tuple[Hit, Tensor], ...]]:
    """Choices of an area for each of the inputs `names`, read as tensors of the ranks and dtypes that models take.

    At most `most`, those whose labels sound like an input first; a `target` may be of class labels too.
    """
    first = next((module for module in model.modules() if not list(module.children())), None)
    tokens = isinstance(first, nn.Embedding)
    readings = []
    for area in areas:
        readings += _readings(area)
    for group in _groups(areas):
        count = len(group)
        leading = [(count,), *((first, count // first) for first in range(1, count + 1) if count % first == 0)]
        readings += [Block((*sizes, *_size(group[0])), group) for sizes in leading]
        if group[0].height != group[0].width:
            readings += [Block((*sizes, *_size(group[0])[::-1]), group, True) for sizes in leading]

    def sounds(block: Block, name: str) -> bool:
        words = {name.lower(), *(("y", "target", "targets", "label", "labels") if target else ("x", "input", "inputs"))}
        return any(stem(label).lower() in words for label in labels.around(block.planes[0])[:3])

    found = []
    for block in readings:
        held = torch.from_numpy(hold(values, block, "float64").values.copy())
        if torch.isnan(held).any():
            continue
        whole = bool((held == held.round()).all())
        if not tokens or target:
            found.append((block, held))
        if whole and (tokens or target):
            found.append((block, held.to(torch.int64)))
    choices = [sorted(found, key=lambda one: not sounds(one[0], name)) for name in names]
    for choice in islice(_likeliest(choices), most):
        planes = [plane for block, _ in choice for plane in block.planes]
        if len(set(planes)) == len(planes):
            yield tuple((Hit(block), tensor) for block, tensor in choice)


def _likeliest(choices: Sequence[Sequence[tuple[Block, Tensor]]]) -> Iterator[tuple[tuple[Block, Tensor], ...]]:
    """One of each of `choices`, the first of all of them together first."""
    for last in range(max(map(len, choices), default=0)):
        for at in product(*(range(min(last + 1, len(each))) for each in choices)):
            if max(at) == last:
                yield tuple(each[place] for each, place in zip(choices, at, strict=True))


def _readings(area: Area) -> list[Block]:
    height, width = _size(area)
    found = [Block((height, width), (area,))]
    if area.size > 1:
        found.append(Block((width, height), (area,), True))
    if 1 in (height, width):
        found.append(Block((area.size,), (area,)))
    found += [Block((1, height, width), (area,)), Block((1, 1, height, width), (area,))]
    if area.size > 1:
        found.append(Block((1, width, height), (area,), True))
    return found


def _groups(areas: Sequence[Area]) -> list[tuple[Area, ...]]:
    """Areas of one size on one sheet, row by row, as the planes of a tensor of rank 3 and 4 are written; also parts."""
    alike: dict[tuple[str, int, int], list[Area]] = {}
    for area in areas:
        if area.size > 1:
            alike.setdefault((area.sheet, area.height, area.width), []).append(area)
    found: list[tuple[Area, ...]] = []
    for group in alike.values():
        ordered = tuple(sorted(group))
        if 1 < len(ordered) <= _MOST_PLANES:
            found.append(ordered)
        if 2 < len(ordered) <= _MOST_RUNS:  # inputs and targets may be alike
            runs = [(first, last) for first in range(len(ordered)) for last in range(first + 2, len(ordered) + 1)]
            found += [ordered[first:last] for first, last in runs if last - first < len(ordered)]
    return found


def _size(area: Area) -> tuple[int, int]:
    return area.height, area.width

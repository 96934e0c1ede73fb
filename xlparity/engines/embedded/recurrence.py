"""Fills that depend on each other and on themselves, in steps: row by row or column by column.

A running sum reads the row above; the cells of an LSTM read several columns of the row before and some of their own
row. Such fills are computed one row after the other, in each row in the order in which they need each other; where the
cells of one row need each other too (a two-dimensional recurrence), that row is computed column by column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xlparity.engines.embedded.frame import Window
from xlparity.engines.embedded.graph import components
from xlparity.engines.embedded.precedents import End, Reads, Span

__all__ = ["Steps", "steps_of"]


@dataclass(frozen=True, slots=True)
class Steps:
    """How to walk: along `axis` (0 rows, 1 columns), `forward` or back, in each step the groups in order.

    A group is one fill, or several with steps of their own along the other axis.
    """

    axis: int
    forward: bool
    groups: tuple[tuple[tuple[int, ...], Steps | None], ...]

    def windows(self, windows: dict[int, Window]) -> list[tuple[int, Window]]:
        """The pieces of the fills' `windows` in the order in which they can be computed."""
        bounds = {
            fill: (window.row, window.height) if self.axis == 0 else (window.column, window.width)
            for fill, window in windows.items()
        }
        first = min(start for start, _ in bounds.values())
        end = max(start + count for start, count in bounds.values())
        result: list[tuple[int, Window]] = []
        for place in range(first, end) if self.forward else range(end - 1, first - 1, -1):
            for fills, inner in self.groups:
                here = {
                    fill: _line(windows[fill], self.axis, place)
                    for fill in fills
                    if bounds[fill][0] <= place < sum(bounds[fill])
                }
                if inner is None:
                    result.extend(here.items())
                elif here:
                    result.extend(inner.windows(here))
        return result


def _line(window: Window, axis: int, place: int) -> Window:
    if axis == 0:
        return Window(window.sheet, place, window.column, 1, window.width)
    return Window(window.sheet, window.row, place, window.height, 1)


def steps_of(windows: dict[int, Window], reads: Sequence[Reads]) -> Steps | None:
    """Steps in which the fills in `windows` can be computed; None if no direction will do."""
    edges = [
        (fill, other, span)
        for fill in windows
        for span in reads[fill].spans
        for other, window in windows.items()
        if span.sheet == window.sheet and _touches(span, windows[fill], window)
    ]
    axes = (0, 1) if max(w.width for w in windows.values()) > 1 else (0,)
    if max(w.height for w in windows.values()) == 1:
        axes = (1,)
    for axis in axes:
        for forward in (True, False):
            found = _along(windows, edges, axis, forward, nested=len(axes) > 1)
            if found is not None:
                return found
    return None


def _touches(span: Span, reader: Window, window: Window) -> bool:
    box = span.box(reader)
    if box is None:
        return False
    _, top, left, bottom, right = box
    return (
        top < window.row + window.height
        and window.row < bottom
        and left < window.column + window.width
        and window.column < right
    )


def _along(
    windows: dict[int, Window], edges: list[tuple[int, int, Span]], axis: int, forward: bool, nested: bool
) -> Steps | None:
    """Steps along one axis in one direction; None if a fill needs a later step."""
    fills = list(windows)
    position = {fill: index for index, fill in enumerate(fills)}
    same: list[tuple[int, int, Span]] = []
    for fill, other, span in edges:
        distance = _latest(span.rows if axis == 0 else span.columns, windows[fill], windows[other], axis, forward)
        if distance > 0:
            return None
        if distance == 0:
            same.append((fill, other, span))
    within: list[list[int]] = [[] for _ in fills]
    for fill, other, _ in same:
        within[position[fill]].append(position[other])
    groups: list[tuple[tuple[int, ...], Steps | None]] = []
    for group in components(within):
        members = tuple(fills[index] for index in group)
        if len(group) == 1 and group[0] not in within[group[0]]:
            groups.append((members, None))
            continue
        if not nested:
            return None
        inside = {fill: windows[fill] for fill in members}
        inner_edges = [edge for edge in same if edge[0] in inside and edge[1] in inside]
        inner = next(
            (
                found
                for inner_forward in (True, False)
                if (found := _along(inside, inner_edges, 1 - axis, inner_forward, nested=False)) is not None
            ),
            None,
        )
        if inner is None:
            return None
        groups.append((members, inner))
    return Steps(axis, forward, tuple(groups))


def _latest(ends: tuple[End, End], reader: Window, read: Window, axis: int, forward: bool) -> int:
    """The latest step that is read, from the reader's own: negative before, 0 the same, positive later."""
    start, count = (reader.row, reader.height) if axis == 0 else (reader.column, reader.width)
    other_start, other_count = (read.row, read.height) if axis == 0 else (read.column, read.width)
    if not forward:
        # Going back is going forward with all positions negated.
        ends = tuple((-place, absolute) for place, absolute in ends)  # type: ignore[assignment]
        start, other_start = -(start + count - 1), -(other_start + other_count - 1)
    end = other_start + other_count - 1
    latest = -1
    for place, absolute in ends:
        # At the reader's step s the reference reaches to `place` (or s + place), but not beyond the fill's end.
        if absolute:
            reach = min(place, end)
            latest = max(latest, _sign(reach - start))
        elif place < 0 or end < start:
            continue
        elif place == 0:
            latest = max(latest, 0)
        else:
            latest = max(latest, _sign(end - start))
    return latest


def _sign(difference: int) -> int:
    return (difference > 0) - (difference < 0)

"""What a reference takes, as a term of an expression: a part of one tensor, or of several that lie side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xlparity.proposing.tensors import Pick, Untranslatable
from xlparity.proposing.terms import Term, method

__all__ = ["DoesNotFit", "arranged", "joined", "sliced"]


class DoesNotFit(Untranslatable):
    """A part runs with loops that the layout does not have."""


def arranged(pick: Pick, layout: tuple[str, str]) -> Term:
    """What `pick` takes, its dimensions in the order of `layout`."""
    taken = sliced(pick)
    axes = taken.axes
    if any(len(loops) > 1 for loops in pick.loops) or any(axis != "1" and axis not in layout for axis in axes):
        raise DoesNotFit("a part runs over more dimensions than an expression of a map has")
    match axes:
        case ():
            return taken
        case (axis,) if axis in ("1", layout[1]):
            return taken
        case (axis,):
            return replace(method(taken, "unsqueeze", "1"), axes=(axis, "1"))
        case (first, second) if first in ("1", layout[0]) and second in ("1", layout[1]):
            return taken
        case (first, second):
            return Term(f"{taken.text}.T", 5, (second, first))
    raise DoesNotFit("a part has more than two dimensions")


def sliced(pick: Pick) -> Term:
    """What `pick` takes, its dimensions as they are in the tensor; those that do not move keep one place."""
    slices = []
    axes = []
    whole = True
    sizes = pick.shape[len(pick.at) :]
    for loops, start, stop, step, size in zip(pick.loops, pick.starts, pick.stops, pick.steps, sizes, strict=True):
        axes.append(loops[0] if loops else "1")
        if (start, stop, step) == (0, size, 1) or (loops and len(loops) > 1 and (start, stop) == (0, size)):
            slices.append(":")
        else:
            whole = False
            end = "" if stop == size else str(stop)
            slices.append(f"{start or ''}:{end}" + (f":{step}" if step > 1 and len(loops) == 1 else ""))
    text = pick.name
    if pick.at:
        text += "[" + ", ".join([*map(str, pick.at), *([] if whole else slices)]) + "]"
    elif not whole:
        while slices[-1] == ":":
            slices.pop()
        text += "[" + ", ".join(slices) + "]"
    return Term(text, 5, tuple(axes))


def joined(parts: Sequence[Term], dimension: int, layout: tuple[str, str]) -> Term:
    """`parts` of several tensors, which follow each other along a `dimension` of the layout, as one term.

    Raises DoesNotFit if they differ in the other dimension.
    """
    if not any(part.axes for part in parts):
        text = f"torch.stack(({', '.join(part.text for part in parts)})).unsqueeze({1 - dimension})"
        return Term(text, 5, (layout[0], "1") if dimension == 0 else ("1", layout[1]))
    whole = [_as_matrix(part) for part in parts]
    across = {part.axes[1 - dimension] for part in whole}
    if len(across) > 1:
        raise DoesNotFit("the tensors that a range goes over are of different widths")
    other = across.pop()
    text = f"torch.cat(({', '.join(part.text for part in whole)}){', 1' if dimension else ''})"
    return Term(text, 5, (layout[0], other) if dimension == 0 else (other, layout[1]))


def _as_matrix(part: Term) -> Term:
    """A row for what has one dimension, and one for a single number."""
    if not part.axes:
        return replace(method(part, "reshape", "1, 1"), axes=("1", "1"))
    if len(part.axes) == 1:
        return replace(method(part, "unsqueeze", "0"), axes=("1", *part.axes))
    return part

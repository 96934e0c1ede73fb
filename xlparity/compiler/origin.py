"""Where an operation of a captured graph comes from: its module and the user's own line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from torch import fx

from xlparity.compiler.eager import tensor_name
from xlparity.compiler.graph import LOSS

__all__ = ["module_path", "place_of", "said_of", "source_line", "users_line"]

_NOT_THE_USERS = ("/torch/", "xlparity/compiler", "contextlib.py", "<string>", "<eval_with_key>")


def place_of(node: fx.Node, root: str) -> str:
    """`net.layers[0] (model.py:12)` for what was made there, or `the loss`."""
    return said_of(module_path(node), source_line(node), root)


def said_of(path: str, line: str, root: str) -> str:
    """A module's path and a line in words."""
    return ("the loss" if path == LOSS else tensor_name(root, path)) + (f" ({line})" if line else "")


def module_path(node: fx.Node) -> str:
    """The innermost module of the user's model whose forward made this node; its loss has none.

    A sum of the gradients of a tensor that has several readers was made by none: it belongs to the module that takes it
    further back, which is the one that made the tensor; that of a parameter's gradients to the module that gives them.
    """
    stack = _stack(node)
    if not stack and node.meta.get("partitioner_tag") == "is_backward":
        near = chain(_reached(node, lambda one: one.users), _reached(node, lambda one: one.all_input_nodes))
        stack = next(filter(None, map(_stack, near)), {})
    paths = [path for path, _ in stack.values()]
    inner = paths[-1] if paths else ""
    inner = inner.removeprefix("L['self'].").replace("self.", "")
    if inner == "net":
        return ""
    return inner.removeprefix("net.") if inner.startswith("net.") else LOSS


def _stack(node: fx.Node) -> dict[str, Any]:
    return node.meta.get("nn_module_stack") or node.meta.get("fwd_nn_module_stack") or {}


def _reached(node: fx.Node, step: Callable[[fx.Node], Iterable[fx.Node]]) -> Iterator[fx.Node]:
    """All nodes that `step` leads to from it, directly or through others, the nearest first."""
    seen = dict.fromkeys(step(node))
    waiting = list(seen)
    for one in waiting:
        yield one
        new = [other for other in step(one) if other not in seen]
        waiting += new
        seen.update(dict.fromkeys(new))


def source_line(node: fx.Node) -> str:
    """The user's own line that made this node, `file.py:12`."""
    return users_line(node.meta.get("stack_trace") or "")


def users_line(stack: str) -> str:
    """The last line of the user's own code in a traceback's text, `file.py:12`, or "" where only torch's is known."""
    last = ""
    for line in stack.splitlines():
        words = line.strip().split('"')
        if len(words) >= 3 and words[0] == "File " and not any(part in words[1] for part in _NOT_THE_USERS):
            last = f"{words[1].rpartition('/')[2]}:{words[2].split(',')[1].split()[-1]}"
    return last

"""An expression of a map with the tensors that have no cells written out."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping

from xlparity.check.expression import name_of
from xlparity.errors import MapError

__all__ = ["inlined"]

_MAX_LENGTH = 4_000


def inlined(
    text: str, known: Collection[str], placed: Collection[str], others: Mapping[str, str], numbers: Mapping[str, float]
) -> str:
    """`text`, over the tensors `known`, in terms of those that are `placed`.

    `others` are replaced by their expressions, `numbers` written as such.

    Raises MapError if it reads a tensor that is none of these, or becomes too long to be read.
    """
    tree = _Inline(known, placed, others, numbers).visit(ast.parse(text, mode="eval").body)
    written = ast.unparse(tree)
    if len(written) > _MAX_LENGTH:
        raise MapError("too much that it is computed from stands nowhere in the workbook")
    return written


class _Inline(ast.NodeTransformer):
    def __init__(
        self, known: Collection[str], placed: Collection[str], others: Mapping[str, str], numbers: Mapping[str, float]
    ) -> None:
        self.known, self.placed, self.others, self.numbers = known, placed, others, numbers

    def visit(self, node: ast.AST) -> ast.AST:
        name = name_of(node) if isinstance(node, ast.expr) else None
        if name is not None:
            if name in self.placed:
                return node
            if name in self.others:
                return self.visit(ast.parse(self.others[name], mode="eval").body)
            if name in self.numbers:
                return ast.parse(repr(self.numbers[name]), mode="eval").body
            if name in self.known:
                raise MapError(f"{name}, which it is computed from, stands nowhere in the workbook")
        visited: ast.AST = super().visit(node)
        return visited

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Functions are called by names that are no tensors."""
        if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
            node.func.value = self.visit(node.func.value)  # type: ignore[assignment]  # an expression stays one
        node.args = [self.visit(argument) for argument in node.args]  # type: ignore[misc]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)  # type: ignore[assignment]
        return node


def _is_module(node: ast.expr) -> bool:
    """Whether `node` is `torch`, `F` or `aten.name`."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in ("torch", "F", "aten")

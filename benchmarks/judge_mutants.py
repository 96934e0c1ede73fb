"""Mutants of a Python file: mutmut's operators on libcst's syntax trees.

Left out are those that put None in the place of a value, which mostly crash, prose for people, annotations, decorators,
imports, the strictness of zip and the names of parameters of Excel's functions, which docs/reference/functions.md shows and
tests/docs holds to the tables. Negated conditions are added.
"""

from __future__ import annotations

import hashlib
import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
from mutmut.mutation import mutators

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a file: `name` stays the same while the changed lines and their function do."""

    file: str
    name: str
    operator: str
    lines: tuple[int, int]  # of the statement
    source: str


# -- the mutants ------------------------------------------------------------------------------------------------------


def _negated(node: cst.If | cst.While) -> Iterator[cst.CSTNode]:
    """`if a` to `if not (a)`, which mutmut does not do."""
    inner = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    yield node.with_changes(test=cst.UnaryOperation(cst.Not(), inner))


def _is_strict(node: cst.CSTNode) -> bool:
    """Whether it is `strict=True`, which asks of two sequences what is so by construction."""
    return isinstance(node, cst.Arg) and node.keyword is not None and node.keyword.value == "strict"


_PARAMETERS = ("number", "integer", "text", "boolean", "anything", "numbers", "array", "Parameter")


def _without_argument(node: cst.Call) -> Iterator[cst.CSTNode]:
    """A call without one of its arguments. That None in its place mostly crashes proves little."""
    if len(node.args) > 1:
        for at in range(len(node.args)):
            if _is_strict(node.args[at]):
                continue
            yield node.with_changes(args=[*node.args[:at], *node.args[at + 1 :]])


def _string(node: cst.BaseString) -> Iterator[cst.CSTNode]:
    """A word changed; prose for people is left out."""
    if isinstance(node, cst.SimpleString) and " " not in node.value:
        yield from list(mutators.operator_string(node))[:1]


def _operators() -> list[tuple[type, object]]:
    """mutmut's operators without those that put None in the place of a value, and with negated conditions."""
    left_out = {mutators.operator_assignment, mutators.operator_arg_removal, mutators.operator_string}
    kept = [(kind, operator) for kind, operator in mutators.mutation_operators if operator not in left_out]
    return [*kept, (cst.If, _negated), (cst.While, _negated), (cst.Call, _without_argument), (cst.BaseString, _string)]


class _Visitor(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider, ParentNodeProvider)

    def __init__(self, module: cst.Module, file: str) -> None:
        self.module, self.file, self.found = module, file, []
        self.old = module.code.split("\n")
        self.parts = [module.code_for_node(one) for one in module.body]
        head = "".join(module.code_for_node(line) for line in module.header)
        assert module.code == head + "".join(self.parts), file
        self.parts.insert(0, head)
        self.at = 0  # the statement of the module that is being visited
        self._operators = _operators()
        self._names: list[str] = []
        self._seen: Counter[str] = Counter()

    def on_visit(self, node: cst.CSTNode) -> bool:
        if self.at < len(self.module.body) and node is self.module.body[self.at]:
            self.at += 1
        # Annotations do nothing, and decorators and imports that are changed mostly break the import.
        if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom) or _is_strict(node):
            return False
        if isinstance(node, cst.Assign) and self.module.code_for_node(node.targets[0].target) == "__all__":
            return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._names.append(node.name.value)
        for kind, operator in self._operators:
            if isinstance(node, kind) and not self._is_name_of_parameter(node):
                for new in operator(node):
                    self._add(node, new, operator.__name__)
        return True

    def on_leave(self, node: cst.CSTNode) -> None:
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._names.pop()

    def _is_name_of_parameter(self, node: cst.CSTNode) -> bool:
        """Whether it is the text of `number("x")` and the like, of xlparity.functions.signature."""
        if not isinstance(node, cst.SimpleString):
            return False
        argument = self.get_metadata(ParentNodeProvider, node)
        call = self.get_metadata(ParentNodeProvider, argument)
        return (
            isinstance(call, cst.Call)
            and isinstance(call.func, cst.Name)
            and call.func.value in _PARAMETERS
            and argument is call.args[0]
        )

    def _add(self, node: cst.CSTNode, new: cst.CSTNode, operator: str) -> None:
        whole = self.module.body[self.at - 1]
        changed = new if node is whole else whole.deep_replace(node, new)
        source = "".join([*self.parts[: self.at], self.module.code_for_node(changed), *self.parts[self.at + 1 :]])
        if source == self.module.code or (
            operator == "operator_number" and new.evaluated_value == node.evaluated_value
        ):
            return  # 1e300 + 1
        lines = source.split("\n")
        first = next(at for at, (one, two) in enumerate(zip_longest(self.old, lines)) if one != two)
        most = min(len(self.old), len(lines))  # all of them the same where the end of the file was left out
        same = next((at for at in range(1, most) if self.old[-at] != lines[-at]), most)
        before, after = (" ".join(" ".join(part[first : len(part) - same + 1]).split()) for part in (self.old, lines))
        name = f"{'.'.join(self._names)}: {before} -> {after}"
        self._seen[name] += 1
        if self._seen[name] > 1:
            name += f" (no. {self._seen[name]})"
        statement = node
        while not isinstance(statement, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            statement = self.get_metadata(ParentNodeProvider, statement)
        where = self.get_metadata(PositionProvider, node if statement is node else statement)
        end = where.end.line
        if isinstance(statement, cst.BaseCompoundStatement):  # its head
            below = statement.cases[0] if isinstance(statement, cst.Match) else statement.body
            end = self.get_metadata(PositionProvider, below).start.line
        self.found.append(
            Mutant(self.file, name, operator.strip("_").removeprefix("operator_"), (where.start.line, end), source)
        )


def mutants_of(file: str) -> list[Mutant]:
    """All mutants of a file; to make them takes a while, so that they are kept in build/."""
    text = (ROOT / file).read_text()
    own = hashlib.sha256((text + Path(__file__).read_text()).encode()).hexdigest()[:16]
    kept = ROOT / "build" / f"mutants-{own}.pickle"
    if kept.exists():
        return pickle.loads(kept.read_bytes())
    module = cst.parse_module(text)
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    visitor = _Visitor(module, file)
    wrapper.visit(visitor)
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(pickle.dumps(visitor.found))
    return visitor.found

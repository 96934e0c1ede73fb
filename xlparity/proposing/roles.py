"""Names and roles for what the formulas speak of: by the labels beside it, else by what is done with it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xlparity.check.judge import hold
from xlparity.formula.a1 import show_area, show_cell
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.map import MapRow, Role
from xlparity.model.proposal import Confidence, ProposedRow
from xlparity.model.value import Values
from xlparity.proposing.from_formulas import Found, block_of
from xlparity.proposing.labels import Labels, is_formula, stem

__all__ = ["named_rows"]

_KEY = re.compile(r"_t\d+_")
_WORDS = {
    Role.HYPERPARAMETER: r"alpha|lr|eta|eps|epsilon|beta\d?|momentum|temperature|tau|learning_?rate|dk|d_k|decay",
    Role.TARGET: r"y|t|targets?|labels?|truth|y_?true|actual",
    Role.CONSTANT: r"(?:attention_?|causal_?|dropout_?)?masks?",
    Role.INPUT: r"x|inputs?|features?|h|s|tokens?|y_?hat|samples?|data",
    Role.PARAMETER: r"w|b|u|v|k|weights?|bias(?:es)?|kernels?|filters?|theta|gamma|beta|[wb][a-z]{1,2}",
}
_ROLE_OF_LABEL = {role: re.compile(rf"(?:{words})\Z", re.IGNORECASE) for role, words in _WORDS.items()}
# What the map's expressions mean by themselves, so that no tensor can be called so.
_TAKEN = frozenset(
    "torch F aten grad expected printed inf nan add addmm bmm cat clamp dot exp log max mean min ones_like relu "
    "sigmoid softmax sqrt stack std sum tanh var where".split()
)
_KINDS = (
    ("torch.softmax(", "softmax"), ("torch.relu(", "relu"), ("torch.sigmoid(", "sigmoid"), ("torch.tanh(", "tanh"),
    ("torch.exp(", "exp"), ("F.leaky_relu(", "leaky_relu"), ("aten.convolution", "conv"), ("torch.where(", "where"),
)  # fmt: skip
# PyTorch's values beside the sheet's own are printed with fewer digits, or computed in float32.
_SHOWN_ALIKE = 1e-4
_NEAR_TITLE = 3  # rows that the title of a single number may stand above it


def named_rows(
    found: Sequence[Found],
    labels: Labels,
    values: Values,
    bound: Sequence[MapRow] = (),
    not_shown: Collection[Area] = (),
    of_model: bool = False,
) -> list[ProposedRow]:
    """Rows with names and roles, beside the rows `bound` that the map has already.

    The areas `not_shown` are not taken for PyTorch's values, whatever stands above them. In a map `of_model`, numbers
    that are none of its tensors are constants.
    """
    shown = _shown_as_pytorchs(found, labels, values, bound)
    areas = {one.key: one.area for one in found}
    shown = {key: its for key, its in shown.items() if areas[key] not in not_shown}
    use = _Use(found)
    found = _in_order(found)
    ones = {one.key for one in found if not one.formula and _is_ones(one, values)}
    names = _names(found, labels, shown, ones, {row.tensor for row in bound})
    roles = _roles([one for one in found if not one.expression and not one.formula], labels, use, values)
    rows = []
    for one in found:
        place = f"{names[one.key]} in {show_area(one.area)}"
        text = _DIFFERENCE.sub(lambda found: _difference(found, shown, names), one.expression)
        text = _KEY.sub(lambda key: names[key[0]], text)
        block = block_of(one.area)
        whole = _DIFFERENCE.fullmatch(one.expression)
        if whole and whole[3] in shown:  # of a tensor's own shape, as what it is the difference of
            its = shown[whole[3]]
            text = f"{names.get(its.of, its.of)} - {its.text(names)}"
            block = Block(its.block.shape, (one.area,), its.block.transposed)
        if one.key in shown:
            its = shown[one.key]
            name = names.get(its.of, its.of)
            rows.append(
                ProposedRow(
                    MapRow(name, Role.EXPECTED, its.block, its.dtype, decimals=its.decimals, place=place),
                    Confidence.LIKELY,
                    f"nearly the values of {name}, from which a formula subtracts them, under the title PyTorch",
                )
            )
        elif one.expression:
            rows.append(
                ProposedRow(
                    MapRow(names[one.key], Role.COMPUTED, block, torch=text, place=place),
                    Confidence.CERTAIN,
                    f"read from ={_short(one.formula)} in {show_cell(one.area.corner, sheet=False)}, which torch "
                    "reproduces",
                )
            )
        elif one.formula:
            rows.append(
                ProposedRow(
                    MapRow(names[one.key], Role.CONSTANT if of_model else Role.INPUT, block, place=place),
                    Confidence.GUESS,
                    f"formulas such as ={_short(one.formula)}, taken as they stand: {one.reason}",
                )
            )
        else:
            role, confidence, why = roles[one.key]
            if of_model and role is not Role.HYPERPARAMETER:
                role, why = Role.CONSTANT, f"{why}; none of the model's tensors"
            rows.append(ProposedRow(MapRow(names[one.key], role, block, place=place), confidence, why))
    return sorted(rows, key=lambda row: row.row.role in (Role.COMPUTED, Role.EXPECTED))  # what is given first


def _in_order(found: Sequence[Found]) -> list[Found]:
    """What is given, then what is computed, each after what it reads."""
    of = {one.key: one for one in found}
    done: dict[str, Found] = {one.key: one for one in found if not one.expression}
    for start in found:
        stack = [start.key]
        while stack:
            key = stack[-1]
            missing = [other for other in _KEY.findall(of[key].expression) if other in of and other not in done]
            if key in done or not missing:
                done.setdefault(key, of[key])
                stack.pop()
            else:
                stack += missing
    return list(done.values())


def _difference(found: re.Match[str], shown: Mapping[str, _Shown], names: Mapping[str, str]) -> str:
    """A difference to values that are shown as PyTorch's, both transposed where the tensor is."""
    if found[3] not in shown:
        return found[0]
    turned = found[2] or ""
    return f"{found[1]}{turned} - {shown[found[3]].text(names)}{turned}"


def _short(formula: str) -> str:
    return formula if len(formula) <= 60 else formula[:57] + "..."


# -- roles ------------------------------------------------------------------------------------------------------------


class _Use:
    """What expressions do with each tensor."""

    def __init__(self, found: Sequence[Found]) -> None:
        self.multiplied: dict[str, set[str]] = {}  # with what it makes matrix products
        self.second: set[str] = set()  # the right factor of one
        self.added: set[str] = set()  # to a matrix product
        self.updated: set[str] = set()  # W - alpha * G
        self.subtracted: set[str] = set()  # from a computed tensor, as a target is
        self.averaged: set[str] = set()  # m in b * m + (1 - b) * g, as optimizers have it
        self.scales: set[str] = set()  # a factor of a product added to a matrix product
        self.given = {one.key for one in found if not one.expression}
        self.readers: dict[str, int] = {}
        for one in found:
            if one.expression:
                for node in ast.walk(ast.parse(one.expression, mode="eval")):
                    self._note(node)
                for key in set(_KEY.findall(one.expression)):
                    self.readers[key] = self.readers.get(key, 0) + 1

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                one, other = _base(left), _base(right)
                if one and other:
                    self.multiplied.setdefault(one, set()).add(other)
                    self.multiplied.setdefault(other, set()).add(one)
                    self.second.add(other)
            case ast.BinOp(left=ast.BinOp(op=ast.MatMult()), op=ast.Add(), right=right) if _base(right):
                self.added.add(_base(right))
            case ast.BinOp(left=one, op=ast.Add(), right=other) if state := _averaged(one, other) or _averaged(
                other, one
            ):
                self.averaged.add(state)
            case ast.BinOp(op=ast.Add(), right=ast.BinOp(left=left, op=ast.Mult(), right=right)):
                self.scales |= {_base(left), _base(right)}
            case ast.BinOp(left=left, op=ast.Sub(), right=right) if _base(right) in self.given:
                if _base(left) and _base(left) not in self.given:
                    self.subtracted.add(_base(right))
            case ast.BinOp(left=left, op=ast.Sub(), right=ast.BinOp(left=rate, op=ast.Mult())) if _base(left):
                if _base(rate) in self.given:
                    self.updated.add(_base(left))


def _averaged(kept: ast.expr, new: ast.expr) -> str:
    """The tensor m of `b * m` and `(1 - b) * g`, "" if these terms are none such."""
    match kept, new:
        case ast.BinOp(left=left, op=ast.Mult(), right=right), ast.BinOp(
            left=ast.BinOp(left=ast.Constant(value=1), op=ast.Sub(), right=share), op=ast.Mult()
        ):
            for factor, state in ((left, right), (right, left)):
                if ast.dump(factor) == ast.dump(share):
                    return _base(state)
    return ""


def _is_ones(one: Found, values: Values) -> bool:
    return bool((values.grid(one.area).number == 1).all()) and one.area.size < max(one.area.height, one.area.width) + 1


def _base(node: ast.expr) -> str:
    """The tensor that `node` is a part or the transpose of, "" if it is none."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _roles(
    given: Sequence[Found], labels: Labels, use: _Use, values: Values
) -> dict[str, tuple[Role, Confidence, str]]:
    """What each area of numbers is, with how sure that is and why."""
    roles = {one.key: _role(one, labels, use, values) for one in given}
    for key in use.second & roles.keys():
        # The rows of a matrix of weights are often labelled with the inputs that they belong to.
        rivals = [other for other in use.multiplied[key] & roles.keys() if roles[other][0] is Role.INPUT]
        surer = [
            other for other in rivals if roles[key][1] is Confidence.GUESS or roles[other][1] is not Confidence.GUESS
        ]
        if roles[key][0] is Role.INPUT and surer:
            roles[key] = Role.PARAMETER, Confidence.GUESS, "the right factor of a matrix product with an input"
    areas = {one.key: one.area for one in given}
    guessed = {key for key, (_, confidence, _) in roles.items() if confidence is Confidence.GUESS}
    parameters = {key for key in roles.keys() - guessed if roles[key][0] is Role.PARAMETER}
    beside = {key for key in guessed if any(_touch(areas[key], areas[other]) for other in parameters)}
    for key in beside:  # W_x | W_h | b, cut where what they multiply goes over to another tensor
        roles[key] = Role.PARAMETER, Confidence.LIKELY, "beside a parameter, in the same rows"
    for key in guessed - beside:
        if use.multiplied.get(key, set()) & (parameters | beside):
            roles[key] = Role.INPUT, Confidence.LIKELY, "multiplied by a parameter"
    return roles


def _touch(one: Area, other: Area) -> bool:
    """Whether two areas of the same rows lie side by side."""
    same_rows = (one.sheet, one.row, one.height) == (other.sheet, other.row, other.height)
    return same_rows and (one.right == other.column or other.right == one.column)


def _role(one: Found, labels: Labels, use: _Use, values: Values) -> tuple[Role, Confidence, str]:
    if _is_ones(one, values) and one.key in use.multiplied.keys() | use.scales:
        return Role.CONSTANT, Confidence.LIKELY, "ones, which a bias is multiplied by"
    if one.key in use.updated:
        return Role.PARAMETER, Confidence.LIKELY, "a formula subtracts a multiple of another tensor from it: an update"
    if one.key in use.averaged:
        return Role.INPUT, Confidence.LIKELY, "a formula takes its running average: an optimizer's state"
    titles = labels.titles(one.area, _NEAR_TITLE) if one.area.size == 1 else []
    for label in [*labels.around(one.area)[:3], *titles]:
        if is_formula(label):
            continue
        root = stem(label).rpartition(".")[2]
        for role, words in _ROLE_OF_LABEL.items():
            if role is Role.HYPERPARAMETER and one.area.size > 1:
                continue
            if words.match(root):
                return role, Confidence.LIKELY, f"labelled {label[:40]!r}"
    partners = use.multiplied.get(one.key, set())
    if any(partner not in use.given for partner in partners):
        return Role.PARAMETER, Confidence.LIKELY, "multiplies a computed tensor"
    if one.key in use.added:
        return Role.PARAMETER, Confidence.GUESS, "added to a matrix product"
    if partners and one.key in use.second:
        return Role.PARAMETER, Confidence.GUESS, "the right factor of a matrix product"
    if one.key in use.subtracted:
        return Role.TARGET, Confidence.GUESS, "subtracted from a computed tensor"
    if one.area.size == 1:
        return Role.CONSTANT, Confidence.GUESS, "a single number that formulas read"
    return Role.INPUT, Confidence.GUESS, "numbers that formulas read; no label says what they are"


# -- PyTorch's values shown in the sheet ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shown:
    """That a region shows PyTorch's values of the tensor `of`, whose `block` it repeats."""

    of: str
    block: Block
    dtype: str
    decimals: int | None

    def text(self, names: Mapping[str, str]) -> str:
        """As an expression reads it."""
        return f"{'expected' if self.decimals is None else 'printed'}({names.get(self.of, self.of)})"


def _shown_as_pytorchs(
    found: Sequence[Found], labels: Labels, values: Values, bound: Sequence[MapRow]
) -> dict[str, _Shown]:
    """Regions under the title PyTorch whose numbers are nearly those of the tensor that they are subtracted from."""
    blocks = {one.key: block_of(one.area) for one in found} | {row.tensor: row.block for row in bound}
    given = {one.key: one for one in found if not one.expression and not one.formula}
    readers = Counter(key for one in found for key in set(_KEY.findall(one.expression)))
    shown: dict[str, _Shown] = {}
    for one in found:
        for own, _, other in _DIFFERENCE.findall(one.expression):
            if (
                own not in blocks
                or other not in given
                or readers[other] > 1
                or other in shown
                or own in given.keys() & shown
            ):
                continue
            area, block = given[other].area, blocks[own]
            try:
                beside = Block(block.shape, (area,), block.transposed)
            except ValueError:
                continue
            held, there = (hold(values, part, "float64").values for part in (block, beside))
            apart, size = np.abs(held - there), float(np.abs(held).max())
            if not (apart <= _SHOWN_ALIKE * max(size, 1e-300)).all() or not labels.under_pytorch(area):
                continue
            decimals = next((places for places in range(2, 8) if (np.round(there, places) == there).all()), None)
            if (apart <= 1e-12 * max(size, 1e-300)).all():
                shown[other] = _Shown(own, beside, "float64", None)
            elif decimals is not None and (apart > 1e-7 * size).any():
                shown[other] = _Shown(own, beside, "float32", decimals)
            else:
                shown[other] = _Shown(own, beside, "float32", None)
    return shown


_DIFFERENCE = re.compile(r"([\w.\[\]]+?)(\.T)? - (_t\d+_)")


# -- names ------------------------------------------------------------------------------------------------------------


def _names(
    found: Sequence[Found], labels: Labels, shown: Mapping[str, _Shown], ones: set[str],
    taken: set[str],
) -> dict[str, str]:  # fmt: skip
    """A name for each key, what a label calls it where one does, each given once."""
    wished = {
        one.key: labels.name(one.area) or ("ones" if one.key in ones else _kind(one.expression))
        for one in found
        if one.key not in shown
    }
    sheets: dict[str, set[str]] = {}
    of = {one.key: one for one in found}
    for key, name in wished.items():
        sheets.setdefault(name, set()).add(of[key].area.sheet)
    names: dict[str, str] = {}
    used = {*taken, *_TAKEN}
    for key, wish in wished.items():
        name = wish
        if len(sheets[name]) > 1:  # small.W1, large.W1
            name = f"{_identifier(of[key].area.sheet)}.{name}"
        unique, count = name, int(name not in _TAKEN)
        while unique in used:
            count += 1
            unique = f"{name}_{count}"
        used.add(unique)
        names[key] = unique
    return names | {key: names.get(its.of, its.of) for key, its in shown.items()}


def _identifier(text: str) -> str:
    word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    return word if word and not word[0].isdigit() and word not in _TAKEN else f"sheet_{word or 'other'}"


def _kind(expression: str) -> str:
    for start, kind in _KINDS:
        if expression.startswith(start):
            return kind
    if not expression:
        return "given"
    if " @ " in expression:
        return "linear" if " + " in expression else "product"
    if re.fullmatch(r"_t\d+_(\.T)?", expression):
        return "copy"
    if expression.endswith((".sum()", "True)")):
        return "total"
    return "computed"

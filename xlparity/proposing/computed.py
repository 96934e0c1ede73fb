"""What a model computes, among the formulas of a workbook.

Every tensor is computed by torch from what the sheet holds for its operands, where these were found. So one wrong cell
hides only itself: what is computed from it is found again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from xlparity.check.expression import Expression, evaluate, parse_expression
from xlparity.compiler.compile import compile_model
from xlparity.compiler.eager import exact, tensor_name
from xlparity.compiler.workbook import map_rows
from xlparity.errors import FormulaError, InputError, MapError
from xlparity.formula.ast import Binary, Call, Percent, Unary, walk
from xlparity.formula.parse import parse
from xlparity.model.area import Area
from xlparity.model.map import MapRow, Role
from xlparity.model.proposal import Confidence, ProposedRow
from xlparity.proposing.givens import Givens
from xlparity.proposing.inline import inlined
from xlparity.proposing.labels import stem
from xlparity.proposing.match import Array, Hit
from xlparity.proposing.places import ModelTensors, Places, array_of, says_little, show_areas

__all__ = ["Computed"]

_TAKING_OVER = {"TRANSPOSE", "INDEX", "OFFSET", "ANCHORARRAY", "_XLFN.ANCHORARRAY", "SINGLE", "_XLFN.SINGLE"}
_MOST_READABLE = 80  # characters of a gradient's expression; a longer one is left to autograd
_LEAST_SHARE = 0.5  # of a tensor's cells must hold its values, where some are wrong


class Computed:
    """Finds what the model computes from what `givens` found."""

    def __init__(self, places: Places, what: ModelTensors, givens: Givens) -> None:
        self.places, self.what, self.givens = places, what, givens
        self.rows: Mapping[str, MapRow] = {}  # everything that the model computes, placed or not

    def place_computed(self, progress: Callable[[str], None]) -> None:
        what = self.what
        trains = what.loss is not None and self.givens.targets is not None
        try:
            # Only what is computed from what is wanted here; the values are those of the sheet.
            compiled = compile_model(
                what.model, [self.as_the_model_takes(part) for part in self.givens.inputs],
                self.as_the_model_takes(self.givens.targets) if trains and self.givens.targets is not None else None,
                what.loss if trains else None, what.optimizer if trains else None,
                style="lecture", root=what.name,
            )  # fmt: skip
        except InputError as error:
            self.places.notes.append(f"the model could not be captured, so only its parameters are placed: {error}")
            return
        progress("looking for what the model computes")
        rows = {row.tensor: row for row in map_rows(compiled.sheets, compiled.graph.aliases)}
        for plan in compiled.low.blocks:
            if plan.values is not None and plan.name not in self.places.tensors:
                self.places.tensors[plan.name] = exact(plan.values)
        for row in rows.values():
            if row.role is Role.HYPERPARAMETER and row.tensor not in self.places.placed:
                self.place_scalar(row)
            elif row.role is Role.CONSTANT and row.tensor not in self.places.placed:
                self.place_constant(row)
        names = frozenset(rows) | frozenset(self.places.tensors)
        for row in rows.values():
            if row.role is Role.COMPUTED:
                self.place_row(
                    row,
                    names,
                    compiled.graph.aliases,
                )
        self.rows = rows
        self.say_missing(rows)

    def as_the_model_takes(self, tensor: Tensor) -> Tensor:
        """Real numbers in the dtype of the model's parameters."""
        real = next((one.dtype for one in self.what.model.parameters() if one.is_floating_point()), torch.float32)
        return tensor.to(real) if tensor.is_floating_point() else tensor

    def place_scalar(self, row: MapRow) -> None:
        """A number of the optimizer's, where a label near it says what it is."""
        word = row.tensor.rpartition(".")[2].lower()
        words = {"lr": ("alpha", "lr", "eta", "learning"), "momentum": ("momentum", "mu"), "eps": ("eps", "epsilon")}
        for hit in self.places.numbers.find_given(array_of(self.places.tensors[row.tensor]), 2.0**-53):
            area = hit.areas[0]
            if area not in self.places.given or area in self.places.taken:
                continue
            for label in [*self.places.labels.around(area)[:2], *self.places.labels.titles(area, 3)]:
                if label.lower() == row.tensor or stem(label).lower().startswith(words.get(word, (word,))):
                    self.places.place(
                        row.tensor, row.role, hit, "float64", Confidence.LIKELY, f"its value near the label {label!r}"
                    )
                    return

    def place_constant(self, row: MapRow) -> None:
        """A tensor that the model's code makes, such as a mask; 1E+300 stands for an infinity."""
        value = np.clip(array_of(self.places.tensors[row.tensor]), -1e300, 1e300)
        hits = self.places.typed_in(self.places.numbers.find_given(value, 2.0**-53))
        chosen, why = self.givens.choose_given(row.tensor, hits, [row.tensor])
        if chosen is not None:
            self.places.place(row.tensor, row.role, chosen, row.dtype, Confidence.LIKELY, why)

    def place_row(self, row: MapRow, names: frozenset[str], aliases: Mapping[str, str]) -> None:
        """Find a computed tensor by the values that torch gives it from what the sheet holds for its operands."""
        expression = parse_expression(row.torch, names, row.tensor)
        try:
            value = evaluate(expression, _Held(self.places.tensors)).detach()
        except MapError as error:
            self.places.not_found.append((row.tensor, str(error)))
            return
        self.places.tensors[row.tensor] = value
        array = array_of(value)
        if row.torch in names:  # a link to it in cells of its own
            same = self.places.copies.setdefault(row.torch, {row.torch})
            same.add(row.tensor)
            self.places.copies[row.tensor] = same
        if row.tensor in aliases:
            source = self.places.placed.get(row.torch)
            if source is not None:
                self.places.placed[row.tensor] = replace(
                    source, row=replace(row, block=source.row.block, place=row.tensor)
                )
            return
        hit, confidence, why = self.choose_computed(row, array, expression.names)
        share = 1.0
        if hit is None and row.torch not in names and not row.tensor.endswith((".k", ".b")):
            for partly, part in self.places.numbers.find_partly(array, _LEAST_SHARE):
                if self.fits(partly, expression.names):
                    hit, share, confidence = partly, part, Confidence.LIKELY
                    why = f"{share:.0%} of its cells hold its values; the others are likely wrong"
                    break
        if hit is None:
            return
        self.places.place(row.tensor, Role.COMPUTED, hit, row.dtype, confidence, why, row)
        if share < 1:
            self.places.wrong.append(row.tensor)

    def fits(self, hit: Hit, operands: Sequence[str]) -> bool:
        """Whether an area with some wrong cells is free, of formulas, and reads what the tensor is computed from."""
        area = hit.areas[0]
        return (
            area not in self.places.taken
            and bool(self.places.index.mask(area).mean() > _LEAST_SHARE)
            and self.reads(area, operands) > 0
        )

    def choose_computed(self, row: MapRow, value: Array, operands: Sequence[str]) -> tuple[Hit | None, Confidence, str]:
        if not np.isfinite(value).all():
            return None, Confidence.GUESS, ""
        plain = says_little(torch.from_numpy(value))
        copies = row.torch in self.places.tensors  # a link to another tensor
        ranked: list[tuple[tuple[float, ...], Hit]] = []
        for hit in self.places.numbers.find(value):
            formulas = all(self.places.index.mask(area).all() for area in hit.areas)
            if not formulas or any(area in self.places.taken for area in hit.areas):
                continue
            reads = self.reads(hit.areas[0], operands)
            if not reads and self.elsewhere(hit.areas[0], operands):
                continue
            linked = self.is_link(hit.areas[0])
            if copies and not linked:  # another tensor of the same values: the ReLU of positive numbers
                continue
            ranked.append(((float(reads), float(linked == copies), self.sounds_like(row.tensor, hit)), hit))
        if not ranked:
            return None, Confidence.GUESS, ""
        ranked.sort(key=lambda entry: entry[0], reverse=True)
        (read, _, label), hit = ranked[0]
        reads = int(read)
        tied = len(ranked) > 1 and ranked[0][0] == ranked[1][0]
        if (plain or copies) and not reads and not label:
            return None, Confidence.GUESS, ""
        if plain and tied:
            return None, Confidence.GUESS, ""
        evidence = "its values"
        if len(hit.areas) > 1:
            evidence += f", in {len(hit.areas)} areas"
        if hit.block.transposed:
            evidence += ", transposed"
        if reads:
            evidence += ", in formulas that read what it is computed from"
        if label:
            evidence += f", labelled {self.places.labels.around(hit.areas[0])[0]!r}"
        if len(ranked) > 1:
            evidence += f"; {len(ranked) - 1} other area{'s' if len(ranked) > 2 else ''} with the same values"
        certain = (len(ranked) == 1 and not plain) or (reads > 0 and not tied)
        return hit, Confidence.CERTAIN if certain else Confidence.LIKELY, evidence

    def reads(self, area: Area, operands: Sequence[str]) -> int:
        """How many of the operands' areas the formula in the corner of `area` reads."""
        read = self.places.index.precedents(area.corner)
        count = 0
        for name in operands:
            same = [
                self.places.placed[other]
                for other in self.places.copies.get(name, {name})
                if other in self.places.placed
            ]
            planes = [plane for placed in same for plane in placed.row.block.planes]
            count += any(one.intersection(plane) for one in read for plane in planes)
        return count

    def elsewhere(self, area: Area, operands: Sequence[str]) -> bool:
        """Whether the operands stand on other sheets alone, so that formulas here that read none are not computed from
        them.
        """
        sheets = {self.places.placed[name].row.block.planes[0].sheet for name in operands if name in self.places.placed}
        return bool(sheets) and area.sheet not in sheets

    def is_link(self, area: Area) -> bool:
        """Whether the formulas of `area` only take over other cells."""
        try:
            nodes = list(walk(parse(self.places.index.text(area.corner) or "")))
        except FormulaError:
            return False
        calls = {node.name.upper() for node in nodes if isinstance(node, Call)}
        computes = any(
            isinstance(node, Binary | Percent) or (isinstance(node, Unary) and node.operator == "-") for node in nodes
        )
        return calls <= _TAKING_OVER and not computes

    def sounds_like(self, name: str, hit: Hit) -> float:
        word = name.rpartition(".")[2].lower()
        return float(any(word in label.lower() for label in self.places.labels.around(hit.areas[0])[:2]))

    def write_rows(self) -> list[ProposedRow]:
        """The rows of what was placed, in terms of what was placed; the rest is written into the expressions."""
        rows, placed = self.rows, self.places.placed
        others = {name: row.torch for name, row in rows.items() if row.role is Role.COMPUTED} | self.givens.uniform
        numbers = {
            name: float(self.places.tensors[name])
            for name, row in rows.items()
            if row.role is Role.HYPERPARAMETER and name in self.places.tensors
        }
        texts: dict[str, str] = {}
        unwritable: dict[str, str] = {}
        while True:
            before = len(unwritable)
            cells = placed.keys() - unwritable.keys()
            for name in [name for name in cells if placed[name].row.role is Role.COMPUTED]:
                try:
                    texts[name] = inlined(
                        placed[name].row.torch, self.places.tensors.keys(), cells - {name}, others, numbers
                    )
                except MapError as error:
                    unwritable[name] = str(error)
            if len(unwritable) == before:  # else some read what has no row, and are written once more
                break
        for name, why in unwritable.items():
            self.places.not_found.append((name, f"its values stand in {show_areas(placed[name].row.block)}, but {why}"))
        for name in [name for name in texts if name.endswith(".grad") and name not in unwritable]:
            of = name.removesuffix(".grad")
            if "loss" in cells and of in cells and len(texts[name]) > _MOST_READABLE:
                texts[name] = f"grad(loss, {of})"
        return [
            replace(one, row=replace(one.row, torch=texts[name])) if one.row.role is Role.COMPUTED else one
            for name, one in placed.items()
            if name not in unwritable
        ]

    def say_missing(self, rows: Mapping[str, MapRow]) -> None:
        """The tensors that a user of PyTorch has a name for, and that no area holds."""
        root = re.escape(self.what.name)
        said = {name for name, _ in self.places.not_found}
        kept = self.places.placed.keys()
        modules = {tensor_name(self.what.name, path) for path, _ in self.what.model.named_modules()}
        for name, row in rows.items():
            user = (
                name in modules
                or name == "loss"
                or re.fullmatch(rf"(step\[1\]\.)?{root}.*\.(weight|bias)(\.grad)?", name)
            )
            if row.role is Role.COMPUTED and user and name not in kept and name not in said:
                value = self.places.tensors.get(name)
                plain = value is not None and says_little(value)
                why = "no formulas hold its values"
                if plain and value is not None and self.places.numbers.find(array_of(value), 1):
                    why = "its values are too plain to tell the areas that hold them apart"
                self.places.not_found.append((name, why))


@dataclass(frozen=True, slots=True)
class _Held:
    tensors: Mapping[str, Tensor]

    def tensor(self, name: str) -> Tensor:
        return self.tensors[name]

    def expected(self, name: str, printed: bool) -> Tensor:
        raise MapError(f"{name} is not shown" + (" with decimals" if printed else ""))

    def grad(self, of: Expression, wrt: str) -> Tensor:
        raise MapError(f"no gradient of {of.text} with respect to {wrt} is asked for here")

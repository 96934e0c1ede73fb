"""A model's tensors found in the sheet: inputs, parameters, and everything that its captured graph computes.

Every tensor is computed by torch from what the sheet holds for its operands, where these were found. So one wrong cell
hides only itself: what is computed from it is found again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from xlparity.check.expression import Expression, evaluate, parse_expression
from xlparity.check.formulas import FormulaIndex
from xlparity.check.judge import hold
from xlparity.compiler.compile import compile_model
from xlparity.compiler.eager import Loss, double, eager_step, exact, tensor_name
from xlparity.compiler.workbook import map_rows
from xlparity.errors import InputError, MapError
from xlparity.formula.a1 import show_area
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.book import Book
from xlparity.model.map import MapRow, Role
from xlparity.model.proposal import Confidence, ProposedRow
from xlparity.model.value import Values
from xlparity.proposing.inline import inlined
from xlparity.proposing.inputs import candidates
from xlparity.proposing.labels import Labels, stem
from xlparity.proposing.match import Array, Hit, Numbers

__all__ = ["Binding", "ModelTensors", "bind_model"]

_LEAST_SHARE = 0.5  # of a tensor's cells must hold its values, where some are wrong
_MOST_TRIED = 400


@dataclass(slots=True)
class Binding:
    """What of a model stands in a workbook."""

    rows: list[ProposedRow] = field(default_factory=list)
    not_found: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ModelTensors:
    """The model and what it is run on; `inputs` and `targets` are looked for in the sheet where they are None."""

    model: nn.Module
    inputs: tuple[Tensor, ...] | None = None
    targets: Tensor | None = None
    loss: Loss | None = None
    optimizer: Optimizer | None = None
    name: str = "net"


def bind_model(
    book: Book,
    values: Values,
    labels: Labels,
    given: Sequence[Area],
    what: ModelTensors,
    progress: Callable[[str], None] = lambda _: None,
) -> Binding:
    """The tensors of a model that stand in `book`; `given` are the areas of numbers that its formulas read.

    Raises InputError if the model cannot be copied, or does not run on the inputs that are given.
    """
    binder = _Binder(book, values, labels, given, what)
    progress("looking for the model's parameters")
    binder.place_parameters()
    progress("looking for the model's inputs")
    if binder.place_inputs():
        progress("capturing the model")
        binder.place_computed(progress)
    binder.write_rows()
    return binder.binding


class _Binder:
    def __init__(self, book: Book, values: Values, labels: Labels, given: Sequence[Area], what: ModelTensors) -> None:
        self.values, self.labels, self.given, self.what = values, labels, list(given), what
        self.numbers = Numbers(values)
        self.index = FormulaIndex(book)
        self.binding = Binding()
        self.taken: dict[Area, str] = {}
        self.placed: dict[str, ProposedRow] = {}
        self.tensors: dict[str, Tensor] = {}  # what the sheet holds where it was found, else what torch computes
        self.copies: dict[str, set[str]] = {}  # tensors that are links to the same one
        self.net = double(what.model)
        self.rows: Mapping[str, MapRow] = {}  # everything that the model computes, placed or not
        self.inputs: tuple[Tensor, ...] = ()
        self.targets: Tensor | None = None
        for sheet in self.numbers.skipped:
            self.binding.notes.append(f"sheet {sheet} is too large to be looked through")

    # -- parameters ---------------------------------------------------------------------------------------------------

    def place_parameters(self) -> None:
        own = dict(self.what.model.named_parameters()) | dict(self.what.model.named_buffers())
        wanted = {path: tensor for path, tensor in own.items() if tensor.numel()}
        hits = {}
        for path, tensor in wanted.items():
            found = self.numbers.find_given(_array(tensor), _roundoff(tensor))
            hits[path] = [hit for hit in found if not any(self.index.mask(area).any() for area in hit.areas)]
        parameters = dict(self.what.model.named_parameters())
        # Those that can be in one place only first; the others lie near them.
        order = sorted(wanted, key=lambda path: (len(hits[path]) != 1, -wanted[path].numel()))
        missing = []
        for path in order:
            tensor, name = wanted[path], tensor_name(self.what.name, path)
            role = Role.PARAMETER if path in parameters else Role.CONSTANT
            chosen, why = self.choose_given(path, hits[path], list(wanted))
            if chosen is None:
                missing.append((path, why))
                continue
            confidence = Confidence.CERTAIN if len(hits[path]) == 1 and not _says_little(tensor) else Confidence.LIKELY
            self.place(name, role, chosen, _dtype(tensor), confidence, why)
        self.by_shape([(path, why) for path, why in missing if path in parameters], wanted)
        for path, why in missing:
            name = tensor_name(self.what.name, path)
            if name not in self.placed and (path in parameters or hits[path]):
                self.binding.not_found.append((name, why))
        with torch.no_grad():
            for path, tensor in [*self.net.named_parameters(), *self.net.named_buffers()]:
                held = self.tensors.get(tensor_name(self.what.name, path))
                if held is not None:
                    tensor.copy_(held)

    def choose_given(self, path: str, hits: Sequence[Hit], paths: Sequence[str]) -> tuple[Hit | None, str]:
        """The hit for a parameter or an input that the layout and the labels speak for most, and the evidence."""
        free = [hit for hit in hits if not any(area in self.taken for area in hit.areas)]
        if not free:
            return None, "no area holds its values" if not hits else "the areas with its values are other tensors'"

        def rank(hit: Hit) -> tuple[float, ...]:
            own = sum(area in self.given for area in hit.areas) / len(hit.areas)
            shown = any(self.labels.under_pytorch(area) for area in hit.areas)
            return own, -float(shown), self.label_score(path, hit, paths), -self.distance(path, hit)

        ranked = sorted(free, key=rank, reverse=True)
        best = ranked[0]
        evidence = "its values" + ("" if best.decimals is None else f", rounded to {best.decimals} decimals")
        if len(best.areas) > 1:
            evidence += f", in {len(best.areas)} areas"
        if best.block.transposed:
            evidence += ", transposed"
        if len(ranked) > 1:
            if rank(ranked[0]) == rank(ranked[1]):
                return None, (
                    f"{len(ranked)} areas hold its values ({_areas(ranked[0])}, {_areas(ranked[1])}, ...) and "
                    "nothing tells them apart"
                )
            evidence += f"; of {len(ranked)} areas with them the one that the layout and the labels speak for"
        elif _says_little(torch.from_numpy(hold(self.values, best.block, "float64").values)) and not rank(best)[0]:
            return None, f"only {_areas(best)} holds its values, which are too plain to tell"
        label = self.labels.name(best.areas[0])
        return best, evidence + (f", labelled {label}" if label else "")

    def label_score(self, path: str, hit: Hit, paths: Sequence[str]) -> float:
        """How much the labels of an area sound like the tensor `path`: its letter, and which of its kind it is."""
        last = path.rpartition(".")[2]
        same = [other for other in paths if other.rpartition(".")[2] == last]
        score = 0.0
        for label in self.labels.around(hit.areas[0])[:3]:
            root = stem(label).lower()
            letters = {"weight": ("w", "weight", "weights"), "bias": ("b", "bias", "biases")}.get(last, (last.lower(),))
            if root in letters or label.lower() == path.lower():
                score = max(score, 1.0)
                digits = re.findall(r"\d+", label)
                if digits and path in same and int(digits[0]) == same.index(path) + 1:
                    score = max(score, 2.0)
        return score

    def distance(self, path: str, hit: Hit) -> float:
        """How far an area lies from what is placed of the same module."""
        module = path.rpartition(".")[0]
        near = [
            area
            for area, name in self.taken.items()
            if name.startswith(tensor_name(self.what.name, module) + ".") and area.sheet == hit.areas[0].sheet
        ]
        if not near:
            return (
                1e9
                if any(name.startswith(tensor_name(self.what.name, module) + ".") for name in self.taken.values())
                else 0.0
            )
        own = hit.areas[0]
        return float(min(_gap(own, area) for area in near))

    def by_shape(self, missing: Sequence[tuple[str, str]], wanted: Mapping[str, Tensor]) -> None:
        """Parameters whose values the sheet does not hold: by shape and label, where that tells one area."""
        for path, _ in sorted(missing, key=lambda item: -wanted[item[0]].numel()):
            shape = tuple(wanted[path].shape)
            fitting = []
            for area in self.given:
                if area in self.taken:
                    continue
                for turned in (False, True):
                    try:
                        hit = Hit(Block(shape, (area,), turned))
                    except ValueError:
                        continue
                    if not turned or (len(shape) == 2 and shape[0] != shape[1]):
                        fitting.append(hit)
            scored = [
                (self.label_score(path, hit, list(wanted)), -self.distance(path, hit), at)
                for at, hit in enumerate(fitting)
            ]
            scored.sort(reverse=True)
            if not scored or not scored[0][0] or (len(scored) > 1 and scored[0][:2] == scored[1][:2]):
                continue
            chosen = fitting[scored[0][2]]
            name = tensor_name(self.what.name, path)
            self.place(
                name, Role.PARAMETER, chosen, _dtype(wanted[path]), Confidence.GUESS,
                f"by its shape and the label {self.labels.around(chosen.areas[0])[0]!r}; "
                "its numbers are not the model's",
            )  # fmt: skip
            self.binding.notes.append(f"{name}: the workbook holds other numbers than the model in {_areas(chosen)}")

    # -- inputs -------------------------------------------------------------------------------------------------------

    def place_inputs(self) -> bool:
        """Find the inputs by the values that are given, or by what the model makes of each area of numbers."""
        names = _input_names(self.what.model, None if self.what.inputs is None else len(self.what.inputs))
        if self.what.inputs is not None:
            self.inputs = tuple(exact(part) for part in self.what.inputs)
            for name, part, wide in zip(names, self.what.inputs, self.inputs, strict=True):
                self.tensors[name] = wide
                hits = [hit for hit in self.numbers.find_given(_array(part), _roundoff(part))
                        if not any(self.index.mask(area).any() for area in hit.areas)]  # fmt: skip
                chosen, why = self.choose_given(name, hits, names)
                if chosen is None:
                    self.binding.not_found.append((name, why))
                    continue
                self.place(name, Role.INPUT, chosen, _dtype(part), Confidence.CERTAIN, why)
            self.inputs = tuple(self.tensors[name] for name in names)
        elif not self.inputs_by_outputs(names):
            return False
        self.place_targets()
        return True

    def inputs_by_outputs(self, names: Sequence[str]) -> bool:
        free = [area for area in self.given if area not in self.taken]
        best: tuple[tuple[float, int, int], tuple[tuple[Hit, Tensor], ...], list[str]] | None = None
        tried = 0
        for choice in candidates(self.what.model, free, self.values, names, self.labels, _MOST_TRIED):
            tried += 1
            try:
                step = eager_step(self.net, [tensor.clone() for _, tensor in choice], None, None)
            except (InputError, Exception):  # a model may refuse shapes in any way that Python has
                continue
            outputs = {path: calls[-1] for path, calls in step.outputs.items() if calls[-1].numel() > 1}
            outputs = outputs or {path: calls[-1] for path, calls in step.outputs.items()}
            found = [path for path, value in outputs.items() if self.numbers.find(_array(value), 1)]
            partly = 0.0
            if not found:
                shares = [self.numbers.find_partly(_matrix(_array(value)), _LEAST_SHARE) for value in outputs.values()]
                partly = max((each[0][1] for each in shares if each), default=0.0)
            labelled = sum(
                stem(label).lower() in (name.lower(), "x", "input", "inputs")
                for name, (hit, _) in zip(names, choice, strict=True)
                for label in self.labels.around(hit.areas[0])[:2]
            )
            # A part of the batch gives a part of the outputs; the whole of it is meant.
            score = (len(found) + partly, sum(tensor.numel() for _, tensor in choice), labelled)
            if best is None or score > best[0]:
                best = score, choice, found
        if best is None or best[0][0] == 0:
            why = (
                "none of the areas of numbers that formulas read gives the model's outputs in this workbook "
                f"({tried} were tried); give them with --inputs"
            )
            self.binding.not_found += [(name, why) for name in names]
            return False
        _, choice, found = best
        shown = ", ".join(tensor_name(self.what.name, path) for path in found[:3])
        evidence = (
            f"from it the model gives {shown}, which stand in the workbook"
            if found
            else ("from it the model gives most values of one of its modules")
        )
        for name, (hit, tensor) in zip(names, choice, strict=True):
            self.place(
                name, Role.INPUT, hit, _dtype(tensor), Confidence.CERTAIN if found else Confidence.LIKELY, evidence
            )
            self.tensors[name] = tensor
        self.inputs = tuple(tensor for _, tensor in choice)
        return True

    def place_targets(self) -> None:
        if self.what.loss is None:
            return
        loss = double(self.what.loss) if isinstance(self.what.loss, nn.Module) else self.what.loss
        if self.what.targets is not None:
            self.targets = exact(self.what.targets)
            hits = self.numbers.find_given(_array(self.what.targets), _roundoff(self.what.targets))
            chosen, why = self.choose_given("y", hits, ["y"])
            if chosen is None:
                self.binding.not_found.append(("y", why))
            else:
                self.place("y", Role.TARGET, chosen, _dtype(self.what.targets), Confidence.CERTAIN, why)
            return
        best: tuple[tuple[float, ...], Hit, Tensor] | None = None
        free = [area for area in self.given if area not in self.taken]
        for ((hit, tensor),) in candidates(self.what.model, free, self.values, ["y"], self.labels, _MOST_TRIED, True):
            try:
                step = eager_step(self.net, [part.clone() for part in self.inputs], tensor, loss)
            except (InputError, Exception):
                continue
            assert step.loss is not None
            gradients = [_array(gradient) for gradient in step.gradients.values() if gradient.numel() > 1]
            score = (
                float(bool(self.numbers.find(_array(step.loss), 1))),
                float(sum(bool(self.numbers.find(gradient, 1)) for gradient in gradients)),
                float(
                    any(
                        stem(label).lower() in ("y", "target", "targets", "label")
                        for label in self.labels.around(hit.areas[0])[:2]
                    )
                ),
            )
            if any(score[:2]) and (best is None or score > best[0]):
                best = score, hit, tensor
        if best is None:
            self.binding.not_found.append(("y", "no area of numbers gives the loss that stands in this workbook"))
            return
        self.targets = best[2]
        self.place("y", Role.TARGET, best[1], _dtype(best[2]), Confidence.CERTAIN,
                   "with it the model's loss or gradients stand in the workbook")  # fmt: skip

    # -- what is computed ---------------------------------------------------------------------------------------------

    def place_computed(self, progress: Callable[[str], None]) -> None:
        what = self.what
        trains = what.loss is not None and self.targets is not None
        try:
            # Only what is computed from what is wanted here; the values are those of the sheet.
            compiled = compile_model(
                what.model, [self.as_the_model_takes(part) for part in self.inputs],
                self.as_the_model_takes(self.targets) if trains and self.targets is not None else None,
                what.loss if trains else None, what.optimizer if trains else None,
                style="lecture", root=what.name,
            )  # fmt: skip
        except InputError as error:
            self.binding.notes.append(f"the model could not be captured, so only its parameters are placed: {error}")
            return
        progress("looking for what the model computes")
        rows = {row.tensor: row for row in map_rows(compiled.sheets, compiled.graph.aliases)}
        for plan in compiled.low.blocks:
            if plan.values is not None and plan.name not in self.tensors:
                self.tensors[plan.name] = exact(plan.values)
        for row in rows.values():
            if row.role in (Role.HYPERPARAMETER, Role.CONSTANT) and row.tensor not in self.placed:
                self.place_scalar(row)
        names = frozenset(rows) | frozenset(self.tensors)
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
        if row.role is not Role.HYPERPARAMETER:
            return
        word = row.tensor.rpartition(".")[2].lower()
        words = {"lr": ("alpha", "lr", "eta", "learning"), "momentum": ("momentum", "mu"), "eps": ("eps", "epsilon")}
        for hit in self.numbers.find_given(_array(self.tensors[row.tensor]), 2.0**-53):
            area = hit.areas[0]
            if area not in self.given or area in self.taken:
                continue
            for label in [*self.labels.around(area)[:2], *self.labels.titles(area, 3)]:
                if label.lower() == row.tensor or stem(label).lower().startswith(words.get(word, (word,))):
                    self.place(
                        row.tensor, row.role, hit, "float64", Confidence.LIKELY, f"its value near the label {label!r}"
                    )
                    return

    def place_row(self, row: MapRow, names: frozenset[str], aliases: Mapping[str, str]) -> None:
        """Find a computed tensor by the values that torch gives it from what the sheet holds for its operands."""
        expression = parse_expression(row.torch, names, row.tensor)
        try:
            value = evaluate(expression, _Held(self.tensors)).detach()
        except MapError as error:
            self.binding.not_found.append((row.tensor, str(error)))
            return
        self.tensors[row.tensor] = value
        array = _array(value)
        if row.torch in names:  # a link to it in cells of its own
            same = self.copies.setdefault(row.torch, {row.torch})
            same.add(row.tensor)
            self.copies[row.tensor] = same
        if row.tensor in aliases:
            source = self.placed.get(row.torch)
            if source is not None:
                self.placed[row.tensor] = replace(source, row=replace(row, block=source.row.block, place=row.tensor))
            return
        hit, confidence, why = self.choose_computed(row, array, expression.names)
        share = 1.0
        if hit is None and row.torch not in names and not row.tensor.endswith((".k", ".b")):
            for partly, part in self.numbers.find_partly(array, _LEAST_SHARE):
                if self.fits(partly, expression.names):
                    hit, share, confidence = partly, part, Confidence.LIKELY
                    why = f"{share:.0%} of its cells hold its values; the others are likely wrong"
                    break
        if hit is None:
            return
        self.place(row.tensor, Role.COMPUTED, hit, row.dtype, confidence, why, row)
        if share < 1:
            self.binding.wrong.append(row.tensor)

    def fits(self, hit: Hit, operands: Sequence[str]) -> bool:
        """Whether an area with some wrong cells is free, of formulas, and reads what the tensor is computed from."""
        area = hit.areas[0]
        return (
            area not in self.taken
            and bool(self.index.mask(area).mean() > _LEAST_SHARE)
            and self.reads(area, operands) > 0
        )

    def choose_computed(self, row: MapRow, value: Array, operands: Sequence[str]) -> tuple[Hit | None, Confidence, str]:
        if not np.isfinite(value).all():
            return None, Confidence.GUESS, ""
        plain = _says_little(torch.from_numpy(value))
        copies = row.torch in self.tensors  # a link to another tensor
        ranked: list[tuple[tuple[float, ...], Hit]] = []
        for hit in self.numbers.find(value):
            formulas = all(self.index.mask(area).all() for area in hit.areas)
            if not formulas or any(area in self.taken for area in hit.areas):
                continue
            reads = self.reads(hit.areas[0], operands)
            linked = float(self.is_link(hit.areas[0]) == copies)
            ranked.append(((float(reads), linked, self.sounds_like(row.tensor, hit)), hit))
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
            evidence += f", labelled {self.labels.around(hit.areas[0])[0]!r}"
        if len(ranked) > 1:
            evidence += f"; {len(ranked) - 1} other area{'s' if len(ranked) > 2 else ''} with the same values"
        certain = (len(ranked) == 1 and not plain) or (reads > 0 and not tied)
        return hit, Confidence.CERTAIN if certain else Confidence.LIKELY, evidence

    def reads(self, area: Area, operands: Sequence[str]) -> int:
        """How many of the operands' areas the formula in the corner of `area` reads."""
        read = self.index.precedents(area.corner)
        count = 0
        for name in operands:
            same = [self.placed[other] for other in self.copies.get(name, {name}) if other in self.placed]
            planes = [plane for placed in same for plane in placed.row.block.planes]
            count += any(one.intersection(plane) for one in read for plane in planes)
        return count

    def is_link(self, area: Area) -> bool:
        """Whether the formulas of `area` only take over other cells."""
        return bool(re.fullmatch(r"\+?(?:(?:'[^']+'|[\w.]+)!)?\$?[A-Z]{1,3}\$?\d+", self.index.text(area.corner) or ""))

    def sounds_like(self, name: str, hit: Hit) -> float:
        word = name.rpartition(".")[2].lower()
        return float(any(word in label.lower() for label in self.labels.around(hit.areas[0])[:2]))

    def place(
        self, name: str, role: Role, hit: Hit, dtype: str, confidence: Confidence, why: str, row: MapRow | None = None
    ) -> None:
        made = MapRow(name, role, hit.block, dtype, decimals=hit.decimals, place=name,
                      torch="" if row is None else row.torch, module="" if row is None else row.module,
                      phase="" if row is None else row.phase)  # fmt: skip
        self.placed[name] = ProposedRow(made, confidence, why)
        held = torch.from_numpy(np.array(hold(self.values, hit.block, dtype).values))
        known = getattr(torch, dtype)
        self.tensors[name] = held if known.is_floating_point else held.to(known)
        for area in hit.areas:
            self.taken.setdefault(area, name)

    # -- expressions --------------------------------------------------------------------------------------------------

    def write_rows(self) -> None:
        """The rows of what was placed, in terms of what was placed; the rest is written into the expressions."""
        rows = self.rows
        numbers = {
            name: float(value)
            for name, value in self.tensors.items()
            if name in rows and rows[name].role is Role.HYPERPARAMETER
        }
        for name, proposed in self.placed.items():
            row = proposed.row
            if row.role is not Role.COMPUTED:
                self.binding.rows.append(proposed)
                continue
            others = {other: rows[other].torch for other in rows if rows[other].role is Role.COMPUTED}
            try:
                text = inlined(row.torch, self.tensors.keys(), frozenset(self.placed) - {name}, others, numbers)
            except MapError as error:
                self.binding.not_found.append((name, f"its values stand in {_areas_of(row)}, but {error}"))
                continue
            of, _, gradient = name.rpartition(".")
            if gradient == "grad" and "loss" in self.placed and of in self.placed and len(text) > 80:
                text = f"grad(loss, {of})"
            self.binding.rows.append(replace(proposed, row=replace(row, torch=text)))

    def say_missing(self, rows: Mapping[str, MapRow]) -> None:
        """The tensors that a user of PyTorch has a name for, and that no area holds."""
        root = re.escape(self.what.name)
        said = {name for name, _ in self.binding.not_found}
        kept = self.placed.keys()
        modules = {tensor_name(self.what.name, path) for path, _ in self.what.model.named_modules()}
        for name, row in rows.items():
            user = (
                name in modules
                or name == "loss"
                or re.fullmatch(rf"(step\[1\]\.)?{root}.*\.(weight|bias)(\.grad)?", name)
            )
            if row.role is Role.COMPUTED and user and name not in kept and name not in said:
                value = self.tensors.get(name)
                plain = value is not None and _says_little(value)
                why = "no formulas hold its values"
                if plain and value is not None and self.numbers.find(_array(value), 1):
                    why = "its values are too plain to tell the areas that hold them apart"
                self.binding.not_found.append((name, why))


@dataclass(frozen=True, slots=True)
class _Held:
    tensors: Mapping[str, Tensor]

    def tensor(self, name: str) -> Tensor:
        return self.tensors[name]

    def expected(self, name: str, printed: bool) -> Tensor:
        raise MapError(f"{name} is not shown" + (" with decimals" if printed else ""))

    def grad(self, of: Expression, wrt: str) -> Tensor:
        raise MapError(f"no gradient of {of.text} with respect to {wrt} is asked for here")


def _array(tensor: Tensor) -> Array:
    return np.asarray(tensor.detach().to(torch.float64).numpy())


def _matrix(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1]) if array.ndim > 2 else array


def _roundoff(tensor: Tensor) -> float:
    return float(torch.finfo(tensor.dtype).eps) / 2 if tensor.is_floating_point() else 2.0**-53


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _says_little(tensor: Tensor) -> bool:
    """Whether many areas could hold the same by chance: one number, or the same one everywhere."""
    return tensor.numel() < 2 or bool((tensor == tensor.flatten()[0]).all())


def _gap(one: Area, other: Area) -> int:
    rows = max(other.row - one.bottom, one.row - other.bottom, 0)
    columns = max(other.column - one.right, one.column - other.right, 0)
    return rows + columns


def _areas(hit: Hit) -> str:
    return "; ".join(show_area(area) for area in hit.areas[:2]) + ("; ..." if len(hit.areas) > 2 else "")


def _areas_of(row: MapRow) -> str:
    return "; ".join(show_area(area) for area in row.block.planes[:2])


def _input_names(model: nn.Module, count: int | None) -> list[str]:
    """`x` for a single input, else the names of forward's parameters, as a generated map has them."""
    code = getattr(model.forward, "__code__", None)
    names = list(code.co_varnames[1 : code.co_argcount]) if code is not None else ["x"]
    if count is None:
        optional = len(model.forward.__defaults__ or ()) if code is not None else 0
        count = max(len(names) - optional, 1)
    if count == 1:
        return ["x"]
    return names[:count] if len(names) >= count else [f"x{at + 1}" for at in range(count)]

"""A model's parameters, inputs and targets among the numbers of a workbook."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from xlparity.compiler.eager import double, eager_step, exact, tensor_name
from xlparity.model.area import Area
from xlparity.model.block import Block
from xlparity.model.map import Role
from xlparity.model.proposal import Confidence
from xlparity.proposing.inputs import candidates
from xlparity.proposing.labels import stem
from xlparity.proposing.match import Array, Hit
from xlparity.proposing.places import ModelTensors, Places, array_of, dtype_of, roundoff_of, says_little, show_areas

__all__ = ["Givens"]

_MOST_TRIED = 400
_MOST_TRIED_TOGETHER = 20_000  # of a model with several inputs, most of which its shapes refuse at once
_NEAR_TITLE = 6  # rows that a title may stand above its parameters
_NO_LOSS = 1e-9  # a loss of zero says nothing of the targets
_LEAST_SHARE = 0.5  # of a module's output must stand in the workbook, where some cells are wrong


class Givens:
    """Finds what the model is given; `net` is a copy of it in float64 with the sheet's parameters.

    `inputs` and `targets` are what it is run on, once they are found; `uniform` are expressions of parameters that no
    cells hold and that are one number everywhere.
    """

    def __init__(self, places: Places, what: ModelTensors) -> None:
        self.places, self.what = places, what
        self.net = double(what.model)
        self.inputs: tuple[Tensor, ...] = ()
        self.targets: Tensor | None = None
        self.uniform: dict[str, str] = {}

    def place_parameters(self) -> None:
        own = dict(self.what.model.named_parameters()) | dict(self.what.model.named_buffers())
        wanted = {path: tensor for path, tensor in own.items() if tensor.numel()}
        hits = {}
        for path, tensor in wanted.items():
            found = self.places.numbers.find_given(array_of(tensor), roundoff_of(tensor))
            hits[path] = [hit for hit in found if not any(self.places.index.mask(area).any() for area in hit.areas)]
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
            confidence = Confidence.CERTAIN if len(hits[path]) == 1 and not says_little(tensor) else Confidence.LIKELY
            self.places.place(name, role, chosen, dtype_of(tensor), confidence, why)
        self.by_shape([(path, why) for path, why in missing if path in parameters], wanted)
        for path, why in missing:
            name = tensor_name(self.what.name, path)
            if name not in self.places.placed and (path in parameters or hits[path]):
                more = ""
                if says_little(wanted[path]):
                    number = float(wanted[path].detach().flatten()[0])
                    self.uniform[name] = f"aten.full.default({list(wanted[path].shape)}, {number!r})"
                    more = f"; its numbers, all {number!r} in the model, are written into the expressions"
                elif parts := self.in_parts(wanted[path]):
                    shown = ", ".join(show_areas(hit.block) for hit in parts)
                    more = (
                        f" as a whole; its rows stand in {shown}, which a model with a layer for each can be bound to"
                    )
                self.places.not_found.append((name, why + more))
        with torch.no_grad():
            for path, tensor in [*self.net.named_parameters(), *self.net.named_buffers()]:
                held = self.places.tensors.get(tensor_name(self.what.name, path))
                if held is not None:
                    tensor.copy_(held)

    def choose_given(self, path: str, hits: Sequence[Hit], paths: Sequence[str]) -> tuple[Hit | None, str]:
        """The hit for a parameter or an input that the layout and the labels speak for most, and the evidence."""
        free = [hit for hit in hits if not any(area in self.places.taken for area in hit.areas)]
        if not free:
            return None, "no area holds its values" if not hits else "the areas with its values are other tensors'"

        def rank(hit: Hit) -> tuple[float, ...]:
            own = sum(area in self.places.given for area in hit.areas) / len(hit.areas)
            shown = any(self.places.labels.under_pytorch(area) for area in hit.areas)
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
                shown = ", ".join(show_areas(hit.block) for hit in ranked[:2])
                return None, f"{len(ranked)} areas hold its values ({shown}, ...) and nothing tells them apart"
            if says_little(self.places.held(best)) and not (self.label_score(path, best, paths) or self.touches(best)):
                shown = ", ".join(show_areas(hit.block) for hit in ranked[:2])
                return None, f"{len(ranked)} areas hold its values ({shown}, ...), which are too plain to tell"
            evidence += f"; of {len(ranked)} areas with them the one that the layout and the labels speak for"
        elif not rank(best)[0] and says_little(self.places.held(best)):
            return None, f"only {show_areas(best.block)} holds its values, which are too plain to tell"
        label = self.places.labels.name(best.areas[0])
        return best, evidence + (f", labelled {label}" if label else "")

    def label_score(self, path: str, hit: Hit, paths: Sequence[str]) -> float:
        """How much the labels of an area sound like the tensor `path`: its letter, and which of its kind it is."""
        last = path.rpartition(".")[2]
        same = [other for other in paths if other.rpartition(".")[2] == last]
        score = 0.0
        for label in self.places.labels.around(hit.areas[0])[:3]:
            root = stem(label).lower()
            letters = {"weight": ("w", "weight", "weights"), "bias": ("b", "bias", "biases")}.get(last, (last.lower(),))
            if root in letters or label.lower() == path.lower():
                score = max(score, 1.0)
                digits = re.findall(r"\d+", label)
                if digits and path in same and int(digits[0]) == same.index(path) + 1:
                    score = max(score, 2.0)
        module = path.rpartition(".")[0].rpartition(".")[2]
        area = hit.areas[0]
        titles = [area.sheet, *self.places.labels.titles(area, _NEAR_TITLE)]
        return score + 0.5 * any(module in re.split(r"[^\w]+", title) for title in titles if module)

    def distance(self, path: str, hit: Hit) -> float:
        """How far an area lies from what is placed of the same module."""
        module = tensor_name(self.what.name, path.rpartition(".")[0]) + "."
        beside = [area for area, name in self.places.taken.items() if name.startswith(module)]
        near = [area for area in beside if area.sheet == hit.areas[0].sheet]
        if not beside:  # the first of its module: on the sheet where others of the model are
            sheets = {area.sheet for area in self.places.taken}
            return 0.0 if not sheets or hit.areas[0].sheet in sheets else 1e9
        if not near:
            return 1e9  # on another sheet than the rest of the module
        return float(min(_gap(hit.areas[0], area) for area in near))

    def in_parts(self, tensor: Tensor) -> list[Hit]:
        """The areas that hold the rows of a tensor in 2, 3 or 4 equal parts, as those of an LSTM's gates; else none."""
        for count in (2, 3, 4):
            if tensor.dim() == 2 and tensor.shape[0] % count == 0:
                hits = [self.places.numbers.find_given(array_of(part), roundoff_of(part)) for part in
                        tensor.detach().chunk(count)]  # fmt: skip
                read = [next((hit for hit in each if hit.areas[0] in self.places.given), None) for each in hits]
                if all(read):
                    return [hit for hit in read if hit is not None]
        return []

    def touches(self, hit: Hit) -> bool:
        """Whether an area lies beside one that is placed, in the same rows or columns, as a bias beside its weights."""
        return any(
            one.sheet == other.sheet and (
                ((one.row, one.height) == (other.row, other.height) and other.right == one.column)
                or ((one.column, one.width) == (other.column, other.width) and other.bottom == one.row)
            )
            for one in hit.areas for other in self.places.taken
        )  # fmt: skip

    def by_shape(self, missing: Sequence[tuple[str, str]], wanted: Mapping[str, Tensor]) -> None:
        """Parameters whose values the sheet does not hold: by shape and label, where that tells one area."""
        for path, _ in sorted(missing, key=lambda item: -wanted[item[0]].numel()):
            shape = tuple(wanted[path].shape)
            fitting = []
            for area in self.places.given:
                if area in self.places.taken:
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
            self.places.place(
                name, Role.PARAMETER, chosen, dtype_of(wanted[path]), Confidence.GUESS,
                f"by its shape and the label {self.places.labels.around(chosen.areas[0])[0]!r}; "
                "its numbers are not the model's",
            )  # fmt: skip
            self.places.notes.append(
                f"{name}: the workbook holds other numbers than the model in {show_areas(chosen.block)}"
            )

    def place_inputs(self) -> bool:
        """Find the inputs by the values that are given, or by what the model makes of each area of numbers."""
        names = _input_names(self.what.model, None if self.what.inputs is None else len(self.what.inputs))
        if self.what.inputs is not None:
            self.inputs = tuple(exact(part) for part in self.what.inputs)
            for name, part, wide in zip(names, self.what.inputs, self.inputs, strict=True):
                self.places.tensors[name] = wide
                hits = [hit for hit in self.places.numbers.find_given(array_of(part), roundoff_of(part))
                        if not any(self.places.index.mask(area).any() for area in hit.areas)]  # fmt: skip
                chosen, why = self.choose_given(name, hits, names)
                if chosen is None:
                    self.places.not_found.append((name, why))
                    continue
                self.places.place(name, Role.INPUT, chosen, dtype_of(part), Confidence.CERTAIN, why)
            self.inputs = tuple(self.places.tensors[name] for name in names)
        elif not self.inputs_by_outputs(names):
            return False
        self.place_targets()
        return True

    def inputs_by_outputs(self, names: Sequence[str]) -> bool:
        free = self.places.free()
        most = _MOST_TRIED if len(names) == 1 else _MOST_TRIED_TOGETHER
        best: tuple[tuple[float, int, int], tuple[tuple[Hit, Tensor], ...], list[str]] | None = None
        tried = 0
        refused: set[tuple[tuple[int, ...], ...]] = set()
        sheets = {area.sheet for area in self.places.taken}
        free.sort(key=lambda area: area.sheet not in sheets)  # where the model's parameters stand first
        for choice in candidates(self.what.model, free, self.places.values, names, self.places.labels, most):
            tried += 1
            shapes = tuple(tuple(tensor.shape) for _, tensor in choice)
            if shapes in refused:
                continue
            try:
                step = eager_step(self.net, [tensor.clone() for _, tensor in choice], None, None)
            except Exception:  # a model may refuse shapes in any way that Python has
                if all(tensor.is_floating_point() for _, tensor in choice):  # else it may be the numbers, as tokens
                    refused.add(shapes)
                continue
            outputs = {path: calls[-1] for path, calls in step.outputs.items() if calls[-1].numel() > 1}
            outputs = outputs or {path: calls[-1] for path, calls in step.outputs.items()}
            found = [
                path
                for path, value in outputs.items()
                if not (says_little(value) and value.numel() > 1) and self.places.numbers.find(array_of(value), 1)
            ]
            # By elements: a part of the batch gives a part of the outputs, and the whole of it is meant.
            there = float(sum(outputs[path].numel() for path in found))
            if not found:
                arrays = [_matrix(array_of(value)) for value in outputs.values()]
                shares = [self.places.numbers.find_partly(array, _LEAST_SHARE) for array in arrays]
                there = max((each[0][1] * array.size for each, array in zip(shares, arrays, strict=True) if each),
                            default=0.0)  # fmt: skip
            labelled = sum(
                stem(label).lower() in (name.lower(), "x", "input", "inputs")
                for name, (hit, _) in zip(names, choice, strict=True)
                for label in self.places.labels.around(hit.areas[0])[:2]
            )
            score = (there, sum(tensor.numel() for _, tensor in choice), labelled)
            if best is None or score > best[0]:
                best = score, choice, found
        if best is None or best[0][0] == 0:
            why = (
                "none of the areas of numbers that formulas read gives the model's outputs in this workbook "
                f"({tried} were tried); give them with --inputs"
            )
            self.places.not_found += [(name, why) for name in names]
            return False
        _, choice, found = best
        shown = ", ".join(tensor_name(self.what.name, path) for path in found[:3])
        evidence = (
            f"from it the model gives {shown}, which stand in the workbook"
            if found
            else ("from it the model gives most values of one of its modules")
        )
        for name, (hit, tensor) in zip(names, choice, strict=True):
            self.places.place(
                name, Role.INPUT, hit, self.dtype(tensor), Confidence.CERTAIN if found else Confidence.LIKELY, evidence
            )
            self.places.tensors[name] = tensor
        self.inputs = tuple(tensor for _, tensor in choice)
        return True

    def dtype(self, tensor: Tensor) -> str:
        """The dtype that the model takes the sheet's numbers in: that of its parameters, or integers."""
        real = next((one for one in self.what.model.parameters() if one.is_floating_point()), tensor)
        return dtype_of(real if tensor.is_floating_point() else tensor)

    def place_targets(self) -> None:
        if self.what.loss is None:
            return
        loss = double(self.what.loss) if isinstance(self.what.loss, nn.Module) else self.what.loss
        if self.what.targets is not None:
            self.targets = exact(self.what.targets)
            hits = self.places.numbers.find_given(array_of(self.what.targets), roundoff_of(self.what.targets))
            chosen, why = self.choose_given("y", hits, ["y"])
            if chosen is None:
                self.places.not_found.append(("y", why))
            else:
                self.places.place("y", Role.TARGET, chosen, dtype_of(self.what.targets), Confidence.CERTAIN, why)
            return
        best: tuple[tuple[float, ...], Hit, Tensor] | None = None
        free = self.places.free()
        choices = candidates(self.what.model, free, self.places.values, ["y"], self.places.labels, _MOST_TRIED, True)
        for ((hit, tensor),) in choices:
            self.net.zero_grad(set_to_none=True)  # else each candidate's gradients are added to those before
            try:
                step = eager_step(self.net, [part.clone() for part in self.inputs], tensor, loss)
            except Exception:  # as above
                continue
            assert step.loss is not None
            gradients = [gradient for gradient in step.gradients.values() if not says_little(gradient)]
            score = (
                float(sum(bool(self.places.numbers.find(array_of(gradient), 1)) for gradient in gradients)),
                float(
                    abs(float(step.loss.detach())) > _NO_LOSS and bool(self.places.numbers.find(array_of(step.loss), 1))
                ),
                float(
                    any(
                        stem(label).lower() in ("y", "target", "targets", "label")
                        for label in self.places.labels.around(hit.areas[0])[:2]
                    )
                ),
            )
            if any(score[:2]) and (best is None or score > best[0]):
                best = score, hit, tensor
        if best is None:
            self.places.not_found.append(("y", "no area of numbers gives the loss that stands in this workbook"))
            return
        self.targets = best[2]
        self.places.place("y", Role.TARGET, best[1], self.dtype(best[2]), Confidence.CERTAIN,
                   "with it the model's loss or gradients stand in the workbook")  # fmt: skip


def _gap(one: Area, other: Area) -> int:
    rows = max(other.row - one.bottom, one.row - other.bottom, 0)
    columns = max(other.column - one.right, one.column - other.right, 0)
    return rows + columns


def _matrix(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1]) if array.ndim > 2 else array


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

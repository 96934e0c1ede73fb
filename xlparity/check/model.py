"""A workbook held against the PyTorch model itself: its parameters, and what its modules give.

The map's expressions say what the sheet should compute; only the model can say that these expressions, and the numbers
that stand in the sheet as parameters, are its own.
"""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xlparity.check.bound import Ball, unit_roundoff
from xlparity.check.judge import EXPLAINED, FAULT, MATCH, Array, Held, tightened, within_rounding
from xlparity.check.reference import Program, Reference
from xlparity.errors import InputError
from xlparity.model.map import MapRow, Role
from xlparity.model.report import Split

__all__ = ["HeldModel", "Parameter", "hold_model"]

# With so many decimals people round; a weight that is a whole number is more likely another weight.
_DECIMALS = range(2, 13)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One tensor of the sheet held against the model's of the same name; arrays of its shape.

    `reason` says what explains the cells that are EXPLAINED.
    """

    row: MapRow
    held: Held
    expected: Array
    bound: Array
    verdicts: NDArray[np.int8]
    reason: str


@dataclass(frozen=True, slots=True)
class HeldModel:
    """What the model says of a workbook.

    `foreign` has the modules' own values of the tensors whose expression does not give what the module of that name
    gives, NaN where it does; `missing` are the model's parameters that no row of the map names. `splits` divides the
    difference between the sheet and the model in its own dtype.
    """

    parameters: tuple[Parameter, ...]
    foreign: Mapping[str, Array]
    missing: tuple[str, ...]
    splits: Mapping[str, Split]


def hold_model(
    model: nn.Module,
    program: Program,
    held: Mapping[str, Held],
    shown: Mapping[tuple[str, bool], Array],
    at_sheet: Mapping[str, Reference],
) -> HeldModel:
    """Compare the sheet's parameters with `model`'s and the map's expressions with its modules' outputs.

    Parameters
    ----------
    model
        The model, with its weights; it is not changed.
    held
        What the sheet's cells hold, by tensor.
    shown
        What it shows as PyTorch's values, with decimals or in full.
    at_sheet
        Torch's float64 values of all tensors from the sheet's given numbers.

    Raises InputError if a parameter of the map is none of the model's or has another shape, if the model does not run
    on the map's inputs, or if it is random.
    """
    names = _Names(model)
    parameters = []
    own: dict[str, Tensor] = {}
    for name, row in program.rows.items():
        found = names.tensor(name) if row.role in (Role.PARAMETER, Role.CONSTANT) else None
        if found is None:
            if row.role is Role.PARAMETER:
                raise InputError(f"{row.place}: {name} is no parameter of the model, which has {names.some()}")
            continue
        if tuple(found.shape) != row.block.shape:
            raise InputError(
                f"{row.place}: {name} has the shape {row.block.shape} in the map and {tuple(found.shape)} in the model"
            )
        own[name] = found
        parameters.append(_parameter(row, held[name], found))
    given = {name: program.given(name, held[name].values) for name in program.rows if name not in program.expressions}
    model_given = {name: _in_float64(own[name]) if name in own else tensor for name, tensor in given.items()}
    same = all(np.array_equal(held[name].values, _array(tensor)) for name, tensor in own.items())
    at_model = at_sheet if same else program.whole(model_given, shown)
    dtype = _dtype_of(model)
    narrow = program.whole({name: _narrow(tensor, dtype) for name, tensor in model_given.items()}, shown)
    # Whatever the model's numbers are that round to the sheet's, they can move a result no further than this.
    rounded = {
        parameter.row.tensor: np.where(parameter.held.values == parameter.expected, 0.0, parameter.bound)
        for parameter in parameters
        if (parameter.verdicts == EXPLAINED).any() and (parameter.verdicts <= EXPLAINED).all()
    }
    allowed = program.whole(within_rounding(program, given, rounded), shown) if rounded else {}
    splits = {
        name: Split(
            _difference(held[name].values, at_sheet[name].value),
            _difference(at_sheet[name].value, at_model[name].value),
            _difference(at_model[name].value, narrow[name].value),
            allowed[name].radius if name in allowed else None,
        )
        for name in program.order
    }
    seen = {id(names.tensor(name)) for name in own}
    missing = tuple(name for name, parameter in model.named_parameters() if id(parameter) not in seen)
    return HeldModel(tuple(parameters), _foreign(model, names, program, model_given, at_model, own), missing, splits)


class _Names:
    """Tensors and modules of a model by the names that a map has for them: `net.layers[0].weight`.

    The first word stands for the model, whatever it is.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    def tensor(self, name: str) -> Tensor | None:
        found = self._found(name)
        return found if isinstance(found, Tensor) else None

    def module(self, name: str) -> nn.Module | None:
        found = self._found(name)
        return found if isinstance(found, nn.Module) else None

    def some(self) -> str:
        names = [name for name, _ in self._model.named_parameters()]
        return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") if names else "none"

    def _found(self, name: str) -> Any:
        try:
            node: ast.expr = ast.parse(name, mode="eval").body
        except SyntaxError:
            return None
        steps: list[str] = []
        while not isinstance(node, ast.Name):
            match node:
                case ast.Attribute(value=value, attr=str(step)):
                    steps.append(step)
                case ast.Subscript(value=value, slice=ast.Constant(value=int(place))):
                    steps.append(str(place))
                case _:
                    return None
            node = value
        found: Any = self._model
        for step in reversed(steps):
            parts = {**found._modules, **found._parameters, **found._buffers} if isinstance(found, nn.Module) else {}
            if step not in parts:
                return None
            found = parts[step]
        return found


def _parameter(row: MapRow, held: Held, tensor: Tensor) -> Parameter:
    expected = _array(tensor)
    apart = np.abs(held.values - expected)
    half_ulp = unit_roundoff(tensor.dtype) * np.abs(expected) if tensor.is_floating_point() else np.zeros(apart.shape)
    decimals = row.decimals if row.decimals is not None else _decimals(held.values)
    half_unit = half_ulp if decimals is None else 0.5 * 10.0**-decimals * (1 + 1e-9) + half_ulp
    verdicts = np.select([apart <= half_ulp, apart <= half_unit], [MATCH, EXPLAINED], FAULT).astype(np.int8)
    bound = np.where(verdicts == MATCH, half_ulp, half_unit)
    return Parameter(row, held, expected, bound, verdicts, f"the model's number rounded to {decimals} decimals")


def _decimals(values: Array) -> int | None:
    """The fewest decimals with which all of `values` can be written, None for numbers in full."""
    return next((decimals for decimals in _DECIMALS if (np.round(values, decimals) == values).all()), None)


def _foreign(
    model: nn.Module,
    names: _Names,
    program: Program,
    given: Mapping[str, Tensor],
    at_model: Mapping[str, Reference],
    own: Collection[str],
) -> dict[str, Array]:
    """What modules give where the map's expressions, on the model's parameters, give something else.

    `own` are the names of the model's parameters in the map, which say what it calls the model.
    """
    roots = {_first_word(name) for name in own}
    rows = {
        name: names.module(name.partition(".call_")[0])
        for name in program.order
        if (name.partition(".call_")[2] or "1").isdecimal()  # not the gradient of a call's output
        and (not roots or _first_word(name) in roots)  # else any word would stand for the whole model
    }
    if not any(isinstance(module, nn.Module) for module in rows.values()):
        return {}
    inputs = [
        tensor.value if isinstance(tensor, Ball) else tensor
        for name, tensor in given.items()
        if program.rows[name].role is Role.INPUT
    ]
    outputs, again = _outputs(model, inputs), _outputs(model, inputs)
    found = {}
    for name, module in rows.items():
        call = int(name.partition(".call_")[2] or 1) - 1
        calls = outputs.get(id(module), []) if module is not None else []
        if call >= len(calls) or tuple(calls[call].shape) != program.rows[name].block.shape:
            continue
        if not torch.equal(calls[call], again[id(module)][call]):
            raise InputError(
                "the model gives other numbers each time (dropout in training?); let TARGET return it after .eval()"
            )
        reference, given_by_module = tightened(at_model[name]), _array(calls[call])
        with np.errstate(invalid="ignore"):  # of equal infinities
            apart = np.abs(given_by_module - reference.value)
        same = (apart <= 2 * reference.radius) | (given_by_module == reference.value)
        if not same.all():
            found[name] = np.where(same, np.nan, given_by_module)
    return found


def _first_word(name: str) -> str:
    return name.partition(".")[0].partition("[")[0]


def _outputs(model: nn.Module, inputs: list[Tensor]) -> dict[int, list[Tensor]]:
    """What each call of each module gives in float64, by the module's id in `model`."""
    wide = copy.deepcopy(model).double()
    outputs: dict[int, list[Tensor]] = {}

    def keep(place: int) -> Any:
        def hook(_module: nn.Module, _arguments: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple) and output else output
            if isinstance(first, Tensor):
                outputs.setdefault(place, []).append(first.detach().clone())

        return hook

    for mine, other in zip(model.modules(), wide.modules(), strict=True):
        other.register_forward_hook(keep(id(mine)))
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wide(*[part.clone() for part in inputs])
    except Exception as error:
        shapes = ", ".join(str(tuple(part.shape)) for part in inputs) or "none"
        raise InputError(
            f"{type(model).__name__} does not run on the map's inputs (shapes {shapes}): "
            f"{(str(error).splitlines() or [type(error).__name__])[0][:200]}"
        ) from None
    return outputs


def _in_float64(tensor: Tensor) -> Tensor:
    detached = tensor.detach()
    return Ball(detached.double()) if detached.is_floating_point() else detached


def _dtype_of(model: nn.Module) -> torch.dtype:
    """The dtype that the model computes in: float64 if all its numbers are, else float32."""
    dtypes = {tensor.dtype for tensor in (*model.parameters(), *model.buffers()) if tensor.is_floating_point()}
    return torch.float64 if dtypes == {torch.float64} else torch.float32


def _narrow(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    value = tensor.value if isinstance(tensor, Ball) else tensor
    return value.to(dtype) if value.is_floating_point() else value


def _array(tensor: Tensor) -> Array:
    return tensor.detach().double().numpy()


def _difference(one: Array, other: Array) -> Array:
    """Differences where both are finite, 0 elsewhere."""
    both = np.isfinite(one) & np.isfinite(other)
    return np.asarray(np.where(both, one, 0.0) - np.where(both, other, 0.0))

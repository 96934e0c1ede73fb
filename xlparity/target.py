"""What the user names on the command line: a model, data, a loss, an optimizer.

TARGET is `package.module:name` or `path/to/file.py:name`: a module, a class or a function that returns a module. Only
the command line and the user's own TOML import code; a workbook never does.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xlparity.errors import InputError, did_you_mean
from xlparity.formula.a1 import parse_area
from xlparity.model.value import Kind
from xlparity.xlsx.read import read_book

__all__ = ["as_inputs", "as_targets", "load_model", "load_tensor", "load_weights", "named_loss", "named_optimizer"]


def load_model(target: str, seed: int | None = None) -> nn.Module:
    """The module that `target` names; classes and functions are called, after `seed`, without arguments.

    Raises InputError if the file, the name or the module is not there, or the call fails.
    """
    place, colon, name = target.rpartition(":")
    if not colon or not place or not name:
        raise InputError(f"{target!r} names no model; write path/to/file.py:name or package.module:name")
    found: Any = _module(place)
    for word in name.split("."):
        if not hasattr(found, word):
            known = ", ".join(key for key, value in vars(found).items() if isinstance(value, nn.Module)) or "no modules"
            raise InputError(f"{place} has no {word!r}; at its top level are {known}")
        found = getattr(found, word)
    if isinstance(found, nn.Module):
        return found
    if callable(found):
        if seed is not None:
            torch.manual_seed(seed)
        try:
            inspect.signature(found).bind()
        except TypeError as error:
            raise InputError(f"{target} needs arguments ({error}); name a function without any that makes it") from None
        made = found()
        if isinstance(made, nn.Module):
            return made
        raise InputError(f"{target} gives a {type(made).__name__}, not a torch.nn.Module")
    raise InputError(f"{target} is a {type(found).__name__}, not a torch.nn.Module nor a function that returns one")


def _module(place: str) -> Any:
    if not place.endswith(".py"):
        sys.path.insert(0, "")
        try:
            return importlib.import_module(place)
        except ImportError as error:
            raise InputError(f"cannot import {place} ({error}); name a file as path/to/file.py:name") from None
        finally:
            sys.path.remove("")
    path = Path(place)
    if not path.is_file():
        raise InputError(f"{place} is no file; write path/to/file.py:name")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{place} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"{place} fails when it is run: {type(error).__name__}: {str(error)[:200]}") from error
    finally:
        sys.path.remove(str(path.parent.resolve()))
    return module


def load_weights(model: nn.Module, path: Path) -> None:
    """Load parameters from a .safetensors file (or a .pt file of plain tensors) into `model`.

    Raises InputError if a name or a shape does not fit; pickles that hold anything but tensors are refused.
    """
    if not path.is_file():
        raise InputError(f"{path} is no file; name the weights with --weights F.safetensors")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file  # noqa: PLC0415 - only where weights are named

            state = load_file(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about how a pickle is written that is refused all the same
                state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:
        # What torch says of pickles is how to run them all the same.
        why = str(error).splitlines()[0][:200] if path.suffix == ".safetensors" else "it is no file of tensors alone"
        raise InputError(f"{path} holds no weights that can be read safely: {why}; save them as .safetensors") from None
    try:
        model.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise InputError(f"{path} does not fit the model: {' '.join(lines[1:2] or lines[:1])[:300]}") from None


def load_tensor(source: str) -> Tensor:
    """Numbers from a .csv, .npy or .safetensors file, or from `BOOK.xlsx!Sheet!A1:B4`.

    A csv file may have a line of headings. Its numbers, and those of a workbook, come as float32 of two dimensions.
    """
    file, mark, area = source.partition(".xlsx!")
    if mark:
        return torch.from_numpy(_from_workbook(Path(file + ".xlsx"), area)).to(torch.float32)
    path = Path(source)
    if not path.is_file():
        raise InputError(f"{source} is no file; name a .csv, .npy, .safetensors file or BOOK.xlsx!Sheet!A1:B4")
    match path.suffix.lower():
        case ".csv":
            return torch.from_numpy(_from_csv(path)).to(torch.float32)
        case ".npy":
            try:
                return torch.from_numpy(np.load(path, allow_pickle=False))
            except (ValueError, OSError, TypeError) as error:
                raise InputError(f"{path} holds no array of numbers ({str(error)[:100]})") from None
        case ".safetensors":
            from safetensors.torch import load_file  # noqa: PLC0415

            tensors = load_file(path)
            if len(tensors) != 1:
                raise InputError(f"{path} holds {len(tensors)} tensors; give a file with one")
            return next(iter(tensors.values()))
    raise InputError(f"{source}: tensors are read from .csv, .npy, .safetensors or BOOK.xlsx!Sheet!A1:B4")


def _from_csv(path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    import csv  # noqa: PLC0415

    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(word.strip() for word in line)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no csv file ({error})") from None
    if lines and not all(_is_number(word) for word in lines[0]):
        lines = lines[1:]
    if not lines:
        raise InputError(f"{path} holds no numbers")
    for number, line in enumerate(lines, 1):
        if len(line) != len(lines[0]):
            raise InputError(f"{path}: row {number} has {len(line)} numbers, the first has {len(lines[0])}")
        for word in line:
            if not _is_number(word):
                raise InputError(f"{path}: row {number} has {word[:40]!r}, which is no number")
    return np.array([[float(word) for word in line] for line in lines])


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _from_workbook(path: Path, area: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    book = read_book(path)
    place = parse_area(area, book.sheets[0].name)
    try:
        sheet = book.sheet(place.sheet)
    except KeyError:
        hint = did_you_mean(place.sheet, [sheet.name for sheet in book.sheets])
        raise InputError(f"{path} has no sheet {place.sheet!r}; {hint}") from None
    grid = sheet.constants.grid(place)
    if (grid.kind == Kind.BLANK).any():
        grid = sheet.cached.grid(place) if len(sheet.cached) else grid
    if (grid.kind != Kind.NUMBER).any():
        raise InputError(f"{path}: {area} holds cells that are no numbers")
    return grid.number


def as_inputs(inputs: Sequence[Tensor], model: nn.Module) -> list[Tensor]:
    """The tensors as the model takes them: the first as integers if the model begins with an embedding."""
    leading = next((module for module in model.modules() if not list(module.children())), None)
    first, *others = inputs
    return [first.to(torch.int64) if isinstance(leading, nn.Embedding) else first, *others]


def as_targets(targets: Tensor, loss: Callable[..., Any] | None) -> Tensor:
    """Class labels as a vector of integers for the losses that take them, else the numbers as they are."""
    labels = isinstance(loss, nn.CrossEntropyLoss | nn.NLLLoss) and targets.dim() == 2 and targets.shape[1] == 1
    if labels and bool((targets == targets.round()).all()):
        return targets.reshape(-1).to(torch.int64)
    return targets


_LOSSES: dict[str, Callable[[], nn.Module]] = {
    "mse": nn.MSELoss,
    "l1": nn.L1Loss,
    "smooth_l1": nn.SmoothL1Loss,
    "huber": nn.HuberLoss,
    "cross_entropy": nn.CrossEntropyLoss,
    "nll": nn.NLLLoss,
    "bce": nn.BCELoss,
    "bce_with_logits": nn.BCEWithLogitsLoss,
    "kl_div": lambda: nn.KLDivLoss(reduction="batchmean"),
}


def named_loss(name: str) -> Any:
    """The loss `name`: mse, cross_entropy, ..., or a TARGET that names one of the user's."""
    if name in _LOSSES:
        return _LOSSES[name]()
    if hasattr(nn, name) and name.endswith("Loss"):
        return getattr(nn, name)()
    if ":" in name:
        place, _, inner = name.rpartition(":")
        found = getattr(_module(place), inner, None)
        if isinstance(found, type) and issubclass(found, nn.Module):
            found = found()
        if callable(found):
            return found
    hint = did_you_mean(name, _LOSSES)
    raise InputError(f"there is no loss {name!r}; {hint} A loss of your own is path/to/file.py:name")


_OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adadelta": "Adadelta",
               "adagrad": "Adagrad"}  # fmt: skip


def named_optimizer(text: str, model: nn.Module, lr: float | None) -> torch.optim.Optimizer:
    """The optimizer `sgd`, `adam`, ... of `model`'s parameters, with options as `sgd(momentum=0.9, nesterov=True)`."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise InputError(f"{text!r} names no optimizer; write for instance adam or sgd(momentum=0.9)") from None
    options: dict[str, Any] = {}
    if isinstance(node, ast.Call) and not node.args:
        try:
            options = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in node.keywords}
        except ValueError:
            raise InputError(f"{text!r}: the options are numbers, True or False") from None
        node = node.func
    name = node.id if isinstance(node, ast.Name) else ""
    if name.lower() not in _OPTIMIZERS:
        raise InputError(f"there is no optimizer {text!r}; {did_you_mean(text, _OPTIMIZERS)}")
    if lr is not None:
        options["lr"] = lr
    try:
        made = getattr(torch.optim, _OPTIMIZERS[name.lower()])(model.parameters(), **options)
    except (TypeError, ValueError) as error:
        raise InputError(f"{text!r}: {str(error).splitlines()[0]}") from None
    assert isinstance(made, torch.optim.Optimizer)
    return made

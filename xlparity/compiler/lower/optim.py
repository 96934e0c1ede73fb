"""The step of an optimizer: from parameter, gradient and state to the new parameter and state.

Formulas follow the algorithm boxes of torch.optim's documentation, written out so that a reader sees the moments; what
the real optimizer gives is compared with the cells after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xlparity.compiler.lower.formula import Formula
from xlparity.compiler.lower.lowering import Lowering
from xlparity.errors import InputError
from xlparity.model.map import Role
from xlparity.model.table import Table

__all__ = ["OPTIMIZERS", "Updates"]

OPTIMIZER = "optimizer"  # the sheet of the options


@dataclass(slots=True)
class _Update:
    """One parameter's update in the making.

    `options` are the optimizer's, those that are numbers as cells; `on` names those that are not 0. `state` holds the
    tensors of the step before and
    receives the new ones. `count` is how many steps this parameter has had, this one included.
    """

    low: Lowering
    options: Mapping[str, Any]
    on: frozenset[str]
    parameter: Formula
    gradient: Formula
    state: dict[str, Formula]
    count: int
    name: str
    sheet: str

    def formula(self, excel: str, torch: str, **values: Any) -> Formula:
        """A formula of Excel and the same for the map, with the same names: operands, options and state."""
        known: dict[str, Any] = {"p": self.parameter, "g": self.gradient, **self.options, **self.state, **values}
        words = _words(excel)
        used = {name: value for name, value in known.items() if name in words}
        made = self.low.formula(excel, **used)
        spelled = {key: value.operand if isinstance(value, Formula) else repr(value) for key, value in known.items()}
        return made.spelled(torch.format_map(spelled), False)

    def keep(self, key: str, formula: Formula) -> Formula:
        """Place the state `key` and hand it to the next step."""
        beside = self.low.block(self.gradient)
        placed = self.low.place(formula, f"{self.name}.{key}", sheet=self.sheet, beside=beside)
        self.state[key] = placed
        return placed


Rule = Callable[[_Update], Formula]
OPTIMIZERS: Table[str, Rule] = Table("optimizers")


def _words(text: str) -> set[str]:
    return set("".join(letter if letter.isalnum() or letter == "_" else " " for letter in text).split())


def _decayed(update: _Update) -> None:
    """The gradient of what is maximized, and with weight decay added, as most optimizers begin."""
    if update.options.get("maximize"):
        update.gradient = update.formula("-g", "-{g}")
    if _is_on(update, "weight_decay"):
        update.gradient = update.formula("g+weight_decay*p", "{g} + {weight_decay} * {p}")


def _is_on(update: _Update, option: str) -> bool:
    return option in update.on


@OPTIMIZERS.rule("SGD")
def _sgd(update: _Update) -> Formula:
    _decayed(update)
    if _is_on(update, "momentum"):
        if "momentum_buffer" in update.state:
            step = "1-dampening" if _is_on(update, "dampening") else "1"
            spelled = "(1 - {dampening}) * {g}" if _is_on(update, "dampening") else "{g}"
            buffer = update.formula(
                f"momentum*momentum_buffer+({step})*g", "{momentum} * {momentum_buffer} + " + spelled
            )
        else:
            buffer = update.formula("g", "{g}")
        buffer = update.keep("momentum_buffer", buffer)
        if update.options.get("nesterov"):
            return update.formula(
                "p-lr*(g+momentum*momentum_buffer)", "{p} - {lr} * ({g} + {momentum} * {momentum_buffer})"
            )
        return update.formula("p-lr*momentum_buffer", "{p} - {lr} * {momentum_buffer}")
    return update.formula("p-lr*g", "{p} - {lr} * {g}")


def _average(update: _Update, key: str, rate: str, excel: str, torch: str) -> Formula:
    """An exponential average of `excel`; of the first step, when the average was 0."""
    if key in update.state:
        formula = update.formula(
            f"{rate}*{key}+(1-{rate})*{excel}", f"{{{rate}}} * {{{key}}} + (1 - {{{rate}}}) * {torch}"
        )
    else:
        formula = update.formula(f"(1-{rate})*{excel}", f"(1 - {{{rate}}}) * {torch}")
    return update.keep(key, formula)


@OPTIMIZERS.rule("Adam", "AdamW")
def _adam(update: _Update) -> Formula:
    if update.options.get("decoupled_weight_decay"):
        if update.options.get("maximize"):
            update.gradient = update.formula("-g", "-{g}")
        if _is_on(update, "weight_decay"):
            update.parameter = update.formula("p*(1-lr*weight_decay)", "{p} * (1 - {lr} * {weight_decay})")
    else:
        _decayed(update)
    _average(update, "exp_avg", "beta1", "g", "{g}")
    _average(update, "exp_avg_sq", "beta2", "g^2", "{g} ** 2")
    second = "exp_avg_sq"
    if update.options.get("amsgrad"):
        second = "max_exp_avg_sq"
        if second in update.state:
            largest = update.formula("MAX(max_exp_avg_sq,exp_avg_sq)", "torch.maximum({max_exp_avg_sq}, {exp_avg_sq})")
        else:
            largest = update.formula("exp_avg_sq", "{exp_avg_sq}")
        update.keep(second, largest)
    t = update.count
    return update.formula(
        f"p-lr*exp_avg/(1-beta1^{t})/(SQRT({second}/(1-beta2^{t}))+eps)",
        f"{{p}} - {{lr}} * {{exp_avg}} / (1 - {{beta1}} ** {t})"
        f" / (torch.sqrt({{{second}}} / (1 - {{beta2}} ** {t})) + {{eps}})",
    )


@OPTIMIZERS.rule("RMSprop")
def _rmsprop(update: _Update) -> Formula:
    _decayed(update)
    _average(update, "square_avg", "alpha", "g^2", "{g} ** 2")
    if update.options.get("centered"):
        _average(update, "grad_avg", "alpha", "g", "{g}")
        excel, torch = "(SQRT(square_avg-grad_avg^2)+eps)", "(torch.sqrt({square_avg} - {grad_avg} ** 2) + {eps})"
    else:
        excel, torch = "(SQRT(square_avg)+eps)", "(torch.sqrt({square_avg}) + {eps})"
    if _is_on(update, "momentum"):
        before = "momentum_buffer" in update.state
        update.keep("momentum_buffer", update.formula(
            ("momentum*momentum_buffer+" if before else "") + f"g/{excel}",
            ("{momentum} * {momentum_buffer} + " if before else "") + f"{{g}} / {torch}",
        ))  # fmt: skip
        return update.formula("p-lr*momentum_buffer", "{p} - {lr} * {momentum_buffer}")
    return update.formula(f"p-lr*g/{excel}", f"{{p}} - {{lr}} * {{g}} / {torch}")


@OPTIMIZERS.rule("Adadelta")
def _adadelta(update: _Update) -> Formula:
    _decayed(update)
    _average(update, "square_avg", "rho", "g^2", "{g} ** 2")
    before = "acc_delta" in update.state
    top, spelled = ("acc_delta+eps", "{acc_delta} + {eps}") if before else ("eps", "{eps} + 0 * {g}")
    delta = update.formula(
        f"SQRT({top})/SQRT(square_avg+eps)*g", f"torch.sqrt({spelled}) / torch.sqrt({{square_avg}} + {{eps}}) * {{g}}"
    )
    new = update.formula("p-lr*delta", "{p} - {lr} * {delta}", delta=delta)
    update.keep("acc_delta", update.formula(
        ("rho*acc_delta+" if before else "") + "(1-rho)*delta^2",
        ("{rho} * {acc_delta} + " if before else "") + "(1 - {rho}) * {delta} ** 2", delta=delta,
    ))  # fmt: skip
    return new


@OPTIMIZERS.rule("Adagrad")
def _adagrad(update: _Update) -> Formula:
    _decayed(update)
    update.keep("sum", update.formula("total+g^2", "{total} + {g} ** 2", total=update.state["sum"])
                if "sum" in update.state else update.formula("g^2", "{g} ** 2"))  # fmt: skip
    rate, spelled = "lr", "{lr}"
    if _is_on(update, "lr_decay"):
        rate, spelled = f"lr/(1+{update.count - 1}*lr_decay)", f"{{lr}} / (1 + {update.count - 1} * {{lr_decay}})"
    return update.formula(
        f"p-{rate}*g/(SQRT(total)+eps)", f"{{p}} - {spelled} * {{g}} / (torch.sqrt({{total}}) + {{eps}})",
        total=update.state["sum"],
    )  # fmt: skip


class Updates:
    """An optimizer in cells: its options on a sheet of their own, and each parameter's update, step by step."""

    def __init__(self, low: Lowering, optimizer: torch.optim.Optimizer, names: Mapping[int, str]) -> None:
        """Place the options of `optimizer`; `names` gives the name of each of its parameters by id."""
        kind = type(optimizer).__name__
        if kind not in OPTIMIZERS:
            raise InputError(f"the optimizer {kind} has no formulas; use one of {', '.join(OPTIMIZERS)}")
        self._low, self._rule = low, OPTIMIZERS[kind]
        self._group: dict[str, int] = {}
        self._options: list[dict[str, Any]] = []
        self._on: list[frozenset[str]] = []
        self._state: dict[str, dict[str, Formula]] = {}
        self._count: dict[str, int] = {}
        self._given_state: dict[str, dict[str, Tensor]] = {}
        for number_of, group in enumerate(optimizer.param_groups):
            prefix = "optimizer." if number_of == 0 else f"optimizer.group[{number_of}]."
            options: dict[str, Any] = {}
            for key, value in _numbers(group).items():
                cell = low.given(
                    f"{prefix}{key}",
                    Role.HYPERPARAMETER,
                    torch.tensor(value, dtype=torch.float64),
                    "float64",
                    OPTIMIZER,
                )
                options[key] = cell
            options.update({key: value for key, value in group.items() if isinstance(value, bool)})
            self._options.append(options)
            self._on.append(frozenset(key for key, value in _numbers(group).items() if value))
            for parameter in group["params"]:
                if id(parameter) in names:
                    self._group[names[id(parameter)]] = number_of
                    self._remember(names[id(parameter)], optimizer.state.get(parameter, {}))

    def _remember(self, name: str, state: Mapping[str, Any]) -> None:
        """The optimizer's own state before the first step: what it trained already, as numbers beside the parameter."""
        count = state.get("step", 0)
        self._count[name] = int(count)
        kept: dict[str, Tensor] = {
            key: value.detach().double() for key, value in state.items()
            if isinstance(value, Tensor) and key != "step" and value.dim() and bool((value != 0).any())
        }  # fmt: skip
        self._given_state[name] = kept
        self._state[name] = {}

    def apply(self, name: str, parameter: Formula, gradient: Formula, sheet: str) -> Formula:
        """The new value of the parameter `name`, in cells, for the step after the current one."""
        low = self._low
        at = self._group.get(name)
        if at is None:
            return parameter
        state = self._state[name]
        for key, value in self._given_state.pop(name, {}).items():
            state[key] = low.given(f"{name}.{key}_before", Role.CONSTANT, value, parameter.dtype, sheet,
                                   beside=low.block(gradient))  # fmt: skip
        self._count[name] += 1
        update = _Update(
            low, self._options[at], self._on[at], parameter, gradient, state, self._count[name], name, sheet
        )
        beside = low.block(gradient)
        new = self._rule(update)
        low.step += 1
        try:
            placed = low.place(new, name, sheet=sheet, beside=beside)
        finally:
            low.step -= 1
        plan = low.block(placed)
        assert plan is not None
        plan.step = low.step  # it stands with the step that made it
        return placed


# What is switched off by 0, and then has no cell.
_OFF_AT_ZERO = ("momentum", "dampening", "weight_decay", "lr_decay", "initial_accumulator_value")


def _numbers(group: Mapping[str, Any]) -> dict[str, float]:
    """The options that are numbers and have a say: lr, momentum, beta1, beta2, ..."""
    numbers: dict[str, float] = {}
    for key, value in group.items():
        if key == "betas":
            numbers["beta1"], numbers["beta2"] = (float(beta) for beta in value)
        elif (isinstance(value, Tensor) and value.numel() == 1) or (
            isinstance(value, float | int) and not isinstance(value, bool)
        ):
            numbers[key] = float(value)
    numbers.pop("initial_accumulator_value", None)  # it stands in the state
    return {key: value for key, value in numbers.items() if value or key not in _OFF_AT_ZERO}

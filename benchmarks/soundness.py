"""How sound the bounds are, and how narrow, over a million cells of random networks: docs/benchmarks/soundness.md.

    python benchmarks/soundness.py [--cells N] [--minutes M] [--seed N] [--output FILE]

Random networks (MLPs, convolutions, attention, recurrent layers, normalisations, several losses, all with gradients) whose
parameters are rounded to 2, 3, 4 or 6 decimals are generated as workbooks, written, read back and evaluated by the embedded
engine and by LibreOffice. Every computed cell, but for links and for the comparisons of the check sheet, is held

- against torch on the sheet's own numbers, by the bound of rounding errors, operation by operation and as a whole;
- against torch on the numbers before they were rounded, by the bound of printed digits (around torch's values, so the
  sheet's own rounding errors come on top), and against torch on other numbers
  that round to the sheet's: random ones, random corners of the box, and the corners that are worst for one cell each.

The same differences are held against the tolerances that torch.testing.assert_close takes by default.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import re
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import xlparity
from tests.networks import Attention, Block, Sequence
from xlparity.check.bound import Ball, Taylor, allowing
from xlparity.check.judge import hold, within_rounding
from xlparity.check.reference import Program
from xlparity.engines.embedded import EmbeddedEngine
from xlparity.engines.libreoffice import LibreOfficeEngine
from xlparity.model.engine import Engine
from xlparity.model.map import Role
from xlparity.xlsx.map_file import map_of_book
from xlparity.xlsx.read import read_book

PAGE = ROOT / "docs" / "benchmarks" / "soundness.md"
DECIMALS = (2, 3, 4, 6)
# What torch.testing.assert_close allows by default: rtol, atol.
DEFAULTS = {"float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
FAULT = 2  # times its bound is how far a planted fault moves a cell
SMALLEST = 2.0**-1022

Array = NDArray[np.float64]


class Made:
    """A random network with what it is trained on."""

    def __init__(self, seed: int) -> None:
        self.chance = np.random.default_rng(seed)
        torch.manual_seed(seed)
        self.family = list(FAMILIES)[seed % len(FAMILIES)]
        self.model, self.x, self.y, self.loss = FAMILIES[self.family](self)
        scale = self.one_of(0.5, 1.0, 1.0, 2.0)
        with torch.no_grad():
            for parameter in self.model.parameters():
                parameter.mul_(scale)
        if self.x.is_floating_point():
            self.x = (self.x * self.one_of(0.1, 1.0, 1.0, 10.0)).double().round(decimals=4)

    def one_of(self, *things: Any) -> Any:
        return things[int(self.chance.integers(len(things)))]

    def between(self, low: int, high: int) -> int:
        return int(self.chance.integers(low, high + 1))

    def activation(self) -> nn.Module:
        return self.one_of(
            nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.ELU, nn.Softplus, lambda: nn.LeakyReLU(0.1)
        )()

    def targets(self, outputs: Tensor) -> tuple[Tensor, nn.Module]:
        """Targets for outputs of this shape and a loss that takes them."""
        numbers = torch.randn(outputs.shape).double().round(decimals=3)
        if outputs.dim() > 2:
            return numbers, self.one_of(nn.MSELoss, nn.SmoothL1Loss, nn.L1Loss)()
        labels = torch.randint(0, outputs.shape[1], outputs.shape[:1])
        return self.one_of(
            (numbers, nn.MSELoss()), (numbers, nn.L1Loss()), (numbers, nn.SmoothL1Loss()), (numbers, nn.HuberLoss(delta=0.7)),
            (labels, nn.CrossEntropyLoss()), (torch.rand(outputs.shape).double().round(decimals=3), nn.BCEWithLogitsLoss()),
        )  # fmt: skip


def with_targets(made: Made, model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor, Tensor, nn.Module]:
    with torch.no_grad():
        outputs = model(x)
    return model, x, *made.targets(outputs)


def mlp(made: Made) -> Any:
    widths = [made.between(4, 12) for _ in range(made.between(2, 4))]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), made.activation()]
        if made.one_of(True, False, False):
            layers.append(made.one_of(nn.LayerNorm, nn.RMSNorm, nn.BatchNorm1d)(after))
    return with_targets(
        made, nn.Sequential(*layers, nn.Linear(widths[-1], 4)), torch.randn(made.between(12, 40), widths[0])
    )


def convolution(made: Made) -> Any:
    channels = made.between(2, 4)
    layers: list[nn.Module] = [nn.Conv2d(2, channels, 3, padding=made.one_of(0, 1), stride=made.one_of(1, 1, 2))]
    if made.one_of(True, False):
        layers.append(made.one_of(nn.BatchNorm2d(channels), nn.GroupNorm(1, channels)))
    layers += [
        made.activation(),
        made.one_of(nn.MaxPool2d(2), nn.AvgPool2d(2), nn.Identity()),
        nn.Flatten(),
        nn.LazyLinear(3),
    ]
    return with_targets(made, nn.Sequential(*layers), torch.randn(made.between(3, 6), 2, 7, 7))


def recurrent(made: Made) -> Any:
    kind, hidden = made.one_of(nn.RNN, nn.GRU, nn.LSTM), made.between(3, 6)
    return with_targets(
        made,
        Sequence(kind(4, hidden, batch_first=True), hidden),
        torch.randn(made.between(10, 20), made.between(3, 6), 4),
    )


def attention(made: Made) -> Any:
    width = made.one_of(4, 6, 8)
    model = made.one_of(
        lambda: Attention(width),
        lambda: nn.TransformerEncoderLayer(width, 2, 8, 0.0, made.one_of("relu", "gelu"), batch_first=True),
        lambda: Block(width, 2),
    )()
    return with_targets(made, model, torch.randn(made.between(6, 10), made.between(3, 6), width))


FAMILIES: dict[str, Callable[[Made], Any]] = {
    "MLP": mlp, "convolution": convolution, "recurrent": recurrent, "attention": attention,
}  # fmt: skip


@dataclass
class Tally:
    """What came of the cells of one group."""

    cells: int = 0
    without: int = 0
    violated: int = 0
    shares: list[Array] = field(default_factory=list)  # of the difference in the bound, where the bound is not 0
    rejected: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    accepted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    faults: int = 0
    faults_seen: int = 0

    def add(self, actual: Array, expected: Array, bound: Array, counted: Any = True) -> None:
        """Cells with `actual` values, held against `expected`; a fault of FAULT bounds is planted in each."""
        here = np.isfinite(actual) & np.isfinite(expected) & counted
        self.without += int((here & np.isnan(bound)).sum())
        here &= ~np.isnan(bound)
        actual, expected, bound = actual[here], expected[here], bound[here]
        apart = np.abs(actual - expected)
        self.cells += actual.size
        self.violated += int((apart > bound).sum())
        self.shares.append((apart / bound).astype(np.float32))
        wrong = actual + FAULT * bound * np.where(actual >= expected, 1, -1)
        planted = wrong != actual  # a bound below half an ulp of the value leaves no such number
        self.faults += int(planted.sum())
        self.faults_seen += int((np.abs(wrong - expected)[planted] > bound[planted]).sum())
        for name, (rtol, atol) in DEFAULTS.items():
            allowed = atol + rtol * np.abs(expected)
            self.rejected[name] += int((apart > allowed).sum())
            self.accepted[name] += int((np.abs(wrong - expected) <= allowed)[planted].sum())

    def use(self, percent: float) -> float:
        return float(np.percentile(np.concatenate(self.shares), percent))


@dataclass
class Study:
    """All tallies: by engine, by decimals, and those of the other numbers that round to the sheet's."""

    rounding: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    stepwise: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    printed: dict[tuple[int, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    others: dict[tuple[int, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    families: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    narrower: list[Array] = field(default_factory=list)  # the radius of the model over that of the ball
    first_order_fails: int = 0  # cells where a corner is beyond the linear part alone
    first_order_cells: int = 0
    networks: int = 0
    refused: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def cells(self) -> int:
        return sum(tally.cells for tally in self.rounding.values())

    @property
    def violated(self) -> int:
        groups = (self.rounding, self.stepwise, self.printed, self.others)
        return sum(tally.violated for group in groups for tally in group.values())

    @property
    def rounded(self) -> int:
        return sum(tally.cells for tally in self.printed.values())


def judged(program: Program) -> list[str]:
    """The computed tensors that are no mere links and no comparisons."""
    return [
        name
        for name in program.order
        if not re.fullmatch(r"[\w.\[\]]+", program.rows[name].torch) and "expected(" not in program.rows[name].torch
    ]


def other_numbers(
    given: Mapping[str, Tensor], half: Mapping[str, Array], models: Mapping[str, Tensor], names: list[str], chance: Any
) -> dict[str, list[dict[str, Tensor]]]:
    """Numbers within half a unit of the sheet's, by how they were chosen."""

    def moved(signs: Mapping[str, Array]) -> dict[str, Tensor]:
        return {
            name: tensor.value + torch.from_numpy(signs[name] * half[name]) if name in half else tensor
            for name, tensor in given.items()
        }  # fmt: skip

    inside = [moved({name: chance.uniform(-1, 1, array.shape) for name, array in half.items()}) for _ in range(2)]
    corners = [moved({name: chance.choice([-1.0, 1.0], array.shape) for name, array in half.items()}) for _ in range(2)]
    worst = []
    follows = [name for name in names if isinstance(models[name], Taylor)]
    for name in chance.permutation(np.array(follows, dtype=object))[:4]:
        linear = models[name].linear
        linear = linear.reshape(len(linear), -1)
        signs = linear[:, int(chance.integers(linear.shape[1]))].sign().numpy()
        parts, start = {}, 0
        for tensor, array in half.items():
            parts[tensor] = signs[start : start + array.size].reshape(array.shape)
            start += array.size
        worst.append(moved(parts))
    return {"random": inside, "random corners": corners, "worst corners": worst}


def plain(tensor: Tensor) -> Tensor:
    return tensor.value if isinstance(tensor, Ball) else tensor


def radius_of(tensor: Tensor) -> Array:
    return (tensor.radius if isinstance(tensor, Ball) else torch.zeros(tensor.shape, dtype=torch.float64)).numpy()


def within_balls(given: Mapping[str, Tensor], half: Mapping[str, Array]) -> dict[str, Tensor]:
    """`given` with the same uncertainty, for interval arithmetic alone."""
    models = {name: Ball(plain(given[name]), torch.from_numpy(array)) for name, array in half.items()}
    return {**given, **models}


def state_name(tensor: str) -> str:
    """The name that the state_dict has for a parameter of the map: net[0].weight is 0.weight."""
    return re.sub(r"\[(\d+)\]", r".\1", tensor).partition(".")[2]


def study_one(seed: int, engines: list[Engine], folder: Path, study: Study) -> None:
    """Add one random network to `study`."""
    made, decimals = Made(seed), DECIMALS[(seed // len(FAMILIES)) % len(DECIMALS)]
    true = copy.deepcopy(made.model).double()
    short = copy.deepcopy(true)
    with torch.no_grad():
        for parameter in short.parameters():
            parameter.copy_(parameter.round(decimals=decimals))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = xlparity.generate(short, made.x, made.y, made.loss).save(folder / f"net{seed}.xlsx")
    except xlparity.XlparityError as error:
        study.refused += 1
        study.complaints.append(f"network {seed} ({made.family}) was not generated: {error}")
        return
    book = read_book(path)
    parity = map_of_book(book)
    assert parity is not None
    program = Program(parity)
    names = judged(program)
    parameters = {name: tensor.detach() for name, tensor in true.named_parameters()}
    random = np.random.default_rng(seed)
    models: dict[str, Tensor] = {}
    for engine in engines:
        values = engine.evaluate(book, path)
        held = {name: hold(values, row.block, row.dtype).values for name, row in program.rows.items()}
        shown = {key: hold(values, row.block, row.dtype).values for key, row in program.shown.items()}
        given = {name: program.given(name, held[name]) for name in program.rows if name not in program.expressions}
        unrounded = {name: parameters[state_name(name)] for name in given if program.rows[name].role is Role.PARAMETER}
        half = {name: np.full(held[name].shape, 0.5 * 10.0**-decimals) for name in unrounded}
        with allowing(engine.slack.cancellation):
            whole = program.whole(given, shown)
            near = {name: program.local(name, held, shown) for name in names}
            models = program.tensors(within_rounding(program, given, half), shown)
        at_true = program.tensors({**{name: plain(one) for name, one in given.items()}, **unrounded}, shown)

        def allowed(radius: Array, value: Array, engine: Engine = engine) -> Array:
            return radius + engine.slack.relative * np.abs(np.where(np.isfinite(value), value, np.nan)) + SMALLEST

        def open_(name: str, whole: Any = whole, models: Any = models) -> NDArray[np.bool_]:
            """Where the rounding of the parameters leaves more open than the rounding errors do."""
            return ~(radius_of(models[name]) <= 2 * whole[name].radius)

        for name in names:
            actual = held[name]
            study.rounding[engine.name].add(actual, whole[name].value, allowed(whole[name].radius, whole[name].value))
            study.stepwise[engine.name].add(actual, near[name].value, allowed(near[name].radius, near[name].value))
            radius = allowed(radius_of(models[name]) + whole[name].radius, whole[name].value)
            study.printed[decimals, engine.name].add(actual, plain(at_true[name]).numpy(), radius, open_(name))
        if engine is engines[0]:
            study.families[made.family] += sum(held[name].size for name in names)
            balls = program.whole(within_balls(given, half), shown)
            for name in names:
                ball, model = balls[name].radius, radius_of(models[name])
                known = np.isfinite(ball) & (ball > 0)
                study.narrower.append((model[known] / ball[known]).astype(np.float32))
            for how, points in other_numbers(given, half, models, names, random).items():
                for point in points:
                    there = program.tensors({name: plain(one) for name, one in point.items()}, shown)
                    for name in names:
                        value = plain(there[name]).to(torch.float64).numpy()
                        radius = allowed(radius_of(models[name]) + whole[name].radius, whole[name].value)
                        study.others[decimals, how].add(held[name], value, radius, open_(name))
                        if how != "random" and isinstance(models[name], Taylor):
                            first = models[name].spread.numpy() + whole[name].radius
                            study.first_order_cells += value.size
                            study.first_order_fails += int((np.abs(value - held[name]) > first).sum())
    study.networks += 1
    path.unlink()


def percent(part: int, whole: int) -> str:
    share = 100 * part / max(whole, 1)
    return f"{share:.1f} %" if share >= 0.1 or not part else f"{share:.3f} %"


def row(label: str, tally: Tally) -> str:
    return (
        f"| {label} | {tally.cells:,} | {tally.without:,} | {tally.violated:,} | {tally.use(50):.3g} | {tally.use(95):.3g} | "
        f"{tally.use(100):.3g} |"
    )


def page(study: Study, versions: str, minutes: float, seed: int) -> str:
    """The page in docs/, from the measured numbers alone."""
    families = ", ".join(f"{count:,} of {family}" for family, count in study.families.items())
    ratio = np.concatenate(study.narrower)
    lines = [
        "# The soundness study",
        "",
        "Made by `python benchmarks/soundness.py`; not edited by hand. "
        f"**{study.cells:,}** judged cells of {study.networks:,} random networks with their losses and all gradients, "
        f"{study.rounded:,} of which a rounded parameter reaches (seed {seed}; "
        f"{versions}; {minutes:.0f} minutes), {study.refused} more could not be generated. By the embedded engine: {families}. "
        "The parameters are rounded to 2, 3, 4 and 6 decimals in turn and scaled by 0.5 to 2, the inputs by 0.1 to 10. Links and the "
        "live checks' own cells are not counted.",
        "",
        "## The same numbers: the bound of rounding errors",
        "",
        "Each cell against torch on the sheet's own numbers. *Operation*: the cell's one operation on the operands that stand in the "
        "sheet. *Whole*: all operations from the given numbers on. The last three columns give the difference in units of its bound.",
        "",
        "| engine, bound | cells | without a bound | violated | median | 95th percentile | largest |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [row(f"{engine}, operation", tally) for engine, tally in study.stepwise.items()]
    lines += [row(f"{engine}, whole", tally) for engine, tally in study.rounding.items()]
    lines += [
        "",
        "## The numbers before they were rounded: the bound of printed digits",
        "",
        "Each cell that a rounded parameter reaches, against torch on the parameters before they were rounded.",
        "",
        "| decimals, engine | cells | without a bound | violated | median | 95th percentile | largest |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [row(f"{decimals}, {engine}", tally) for (decimals, engine), tally in sorted(study.printed.items())]
    lines += [
        "",
        "Each cell against torch on other parameters that round to the sheet's: two random ones of each network, two random corners of "
        "the box of all such parameters, and four corners, each the worst for one cell by the first-order part of its model.",
        "",
        "| decimals, parameters | comparisons | without a bound | violated | median | 95th percentile | largest |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [row(f"{decimals}, {how}", tally) for (decimals, how), tally in sorted(study.others.items())]
    lines += [
        "",
        f"The radius is that of the first-order model where it is smaller than interval arithmetic's: the median of their ratio is "
        f"{np.median(ratio):.2g}, and it is below a half for {percent(int((ratio < 0.5).sum()), ratio.size)} of the cells. The first-order part "
        f"alone, without its remainder, would have been violated {study.first_order_fails:,} times in "
        f"{study.first_order_cells:,} comparisons at corners.",
        "",
        "## Against torch.testing's default tolerances",
        "",
        "`assert_close` allows `atol + rtol |expected|`, 1e-5 and 1.3e-6 for float32, 1e-7 and 1e-7 for float64. *Rejected*: correct cells, "
        "as above, that it calls different. *Accepted*: cells with a planted fault of twice their bound that it calls equal. The "
        "bound accepts every correct cell and rejects every fault.",
        "",
        "| cells | rejected, float32 | rejected, float64 | faults accepted, float32 | faults accepted, float64 |",
        "|---|---|---|---|---|",
    ]
    groups = [(f"the same numbers, {engine}", tally) for engine, tally in study.stepwise.items()]
    groups += [(f"{decimals} decimals, {engine}", tally) for (decimals, engine), tally in sorted(study.printed.items())]
    for label, tally in groups:
        shares = [percent(tally.rejected[name], tally.cells) for name in DEFAULTS]
        shares += [percent(tally.accepted[name], tally.faults) for name in DEFAULTS]
        lines.append(f"| {label} | {' | '.join(shares)} |")
    seen = all(tally.faults_seen == tally.faults for _, tally in groups)
    assert seen, "a planted fault was within its bound"
    if study.complaints:
        lines += ["", "## Not generated", "", *(f"- {complaint}" for complaint in study.complaints[:20])]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so long, whatever was reached")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=PAGE)
    arguments = parser.parse_args()
    study, start, seed = Study(), time.monotonic(), arguments.seed
    with LibreOfficeEngine() as office, tempfile.TemporaryDirectory() as folder:
        engines: list[Engine] = [EmbeddedEngine(), office]
        versions = f"torch {torch.__version__.split('+')[0]}, LibreOffice {office.version}"
        while study.rounded < arguments.cells and time.monotonic() - start < 60 * arguments.minutes:
            study_one(seed, engines, Path(folder), study)
            seed += 1
            if seed % 20 == 0:
                words = f"{study.cells:,} cells, {study.rounded:,} of rounded numbers, {study.violated} violated"
                print(f"{study.networks} networks, {words}, {time.monotonic() - start:.0f} s", flush=True)
                arguments.output.write_text(page(study, versions, (time.monotonic() - start) / 60, arguments.seed))
    arguments.output.write_text(page(study, versions, (time.monotonic() - start) / 60, arguments.seed))


if __name__ == "__main__":
    main()

"""The 34 networks and losses as workbooks, trained two steps in cells, proved by two engines: docs/benchmarks/networks.md.

    python benchmarks/networks.py [--only NAME] [--output FILE]

Each network is generated with SGD and with Adam, written, read back, and every cell is judged by the embedded engine
and by LibreOffice. The last column is the largest difference of any cell in units of its own bound.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import xlparity
from tests.networks import NETWORKS, network

TABLE = ROOT / "docs" / "benchmarks" / "networks.md"
OPTIMIZERS = {"SGD": {"lr": 0.1}, "Adam": {"lr": 0.01}}
STEPS = 2


def proved(name: str, optimizer: str, folder: Path) -> tuple[str, bool]:
    """A line of the table, and whether both engines find parity."""
    model, inputs, targets, loss = network(name)
    chosen = getattr(torch.optim, optimizer)(model.parameters(), **OPTIMIZERS[optimizer])
    start = time.perf_counter()
    try:
        made = xlparity.generate(model, inputs, targets, loss, chosen, STEPS)
    except xlparity.XlparityError as error:
        return f"| {name} | {optimizer} | refused: {error} | | | | |", False
    path = made.save(folder / "net.xlsx")
    generated = time.perf_counter() - start
    words, passed = [], True
    for engine in ("embedded", "libreoffice"):
        report = xlparity.check(path, engines=[engine])
        counts = {str(getattr(key, "value", key)): count for key, count in report.counts.items() if count}
        passed &= report.passed and set(counts) == {"match"}
        worst = report.to_pandas()
        worst = worst[worst["bound"] > 0]
        use = float((worst["difference"].abs() / worst["bound"]).max())
        words += [", ".join(f"{count} {key}" for key, count in counts.items()), f"{use:.2f}"]
    return f"| {name} | {optimizer} | {made.formulas} | {' | '.join(words)} | {generated:.1f} |", passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only")
    parser.add_argument("--output", type=Path, default=TABLE)
    arguments = parser.parse_args()
    lines, good = [], 0
    names = [name for name in NETWORKS if arguments.only in (None, name)]
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            both = True
            for optimizer in OPTIMIZERS:
                line, passed = proved(name, optimizer, Path(folder))
                print(line, flush=True)
                lines.append(line)
                both &= passed
            good += both
    text = f"""# The 34 networks, proved

Made by `python benchmarks/networks.py`; not edited by hand. **{good} of {len(names)}** networks and losses, each trained {STEPS}
steps in cells by SGD and by Adam: generated, written, read back, and every cell judged by the embedded engine and by
LibreOffice. The columns after an engine's verdicts give its largest difference from torch in units of that cell's bound
(1 would be the limit).

| network | optimizer | formulas | embedded | worst | LibreOffice | worst | generated in s |
|---|---|---|---|---|---|---|---|
"""
    if arguments.only is None:
        arguments.output.write_text(text + "\n".join(lines) + "\n")
    print(f"{good} of {len(names)}")


if __name__ == "__main__":
    main()

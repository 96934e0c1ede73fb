"""Whole models as workbooks, with what they cost: docs/benchmarks/models.md.

    python benchmarks/models.py [--output FILE]

LeNet-5 (61,706 parameters) on one image with a step of SGD; a nanoGPT of 85 thousand parameters with a step of Adam;
a small classifier trained twenty steps of Adam. Each part (generate, check by the embedded engine, check by
LibreOffice) runs in a process of its own, whose seconds and peak memory are measured.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

TABLE = ROOT / "docs" / "benchmarks" / "models.md"
MODELS = {
    "LeNet-5, one image, SGD": "lenet",
    "nanoGPT, 3 blocks, 3 heads, 48 channels, Adam": "nanogpt",
    "a small classifier, 20 steps of Adam": "classifier",
}


def model(kind: str) -> tuple[Any, ...]:
    import torch
    from torch import nn

    from tests.networks import LeNet, NanoGPT

    torch.manual_seed(0)
    if kind == "lenet":
        net: nn.Module = LeNet()
        data = torch.rand(1, 1, 28, 28), torch.tensor([3])
        return net, *data, nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=0.01), 1
    if kind == "nanogpt":
        net = NanoGPT(vocabulary=13, length=16, width=48, heads=3, blocks=3)
        tokens = torch.randint(0, 13, (1, 17))
        return net, tokens[:, :-1], tokens[0, 1:], nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), 1e-3), 1
    x = torch.cat([torch.randn(6, 2) + 1, torch.randn(6, 2) - 1])
    y = torch.tensor([0] * 6 + [1] * 6)
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))
    return net, x, y, nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), lr=0.1), 20


def part(kind: str, what: str, path: Path) -> dict[str, Any]:
    """One measured part, in this process."""
    import xlparity

    start = time.perf_counter()
    if what == "generate":
        net, x, y, loss, optimizer, steps = model(kind)
        made = xlparity.generate(net, x, y, loss, optimizer, steps)
        made.save(path)
        found: dict[str, Any] = {
            "formulas": made.formulas,
            "parameters": sum(parameter.numel() for parameter in net.parameters()),
            "megabytes": path.stat().st_size / 1e6,
        }
    else:
        report = xlparity.check(path, engines=[what])
        counts = {str(getattr(key, "value", key)): count for key, count in report.counts.items() if count}
        found = {"passed": report.passed, "counts": counts}
    found["seconds"] = time.perf_counter() - start
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def apart(kind: str, what: str, path: Path) -> dict[str, Any]:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--part", kind, what, str(path)], stdout=subprocess.PIPE, check=False, text=True
    )
    if done.returncode:
        return {"failed": True, "seconds": float("nan"), "memory": float("nan")}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs=3)
    parser.add_argument("--output", type=Path, default=TABLE)
    arguments = parser.parse_args()
    if arguments.part:
        kind, what, path = arguments.part
        print(json.dumps(part(kind, what, Path(path))))
        return
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for title, kind in MODELS.items():
            path = Path(folder, f"{kind}.xlsx")
            made = apart(kind, "generate", path)
            words = [title, f"{made.get('parameters', 0):,}", f"{made.get('formulas', 0):,}",
                     f"{made.get('megabytes', 0):.1f}", f"{made['seconds']:.1f} s, {made['memory']:.0f} MB"]  # fmt: skip
            for engine in ("embedded", "libreoffice"):
                report = apart(kind, engine, path)
                counts = ", ".join(f"{count:,} {verdict}" for verdict, count in report.get("counts", {}).items())
                words += [counts or "failed", f"{report['seconds']:.1f} s, {report['memory']:.0f} MB"]
            lines.append(f"| {' | '.join(words)} |")
            print(lines[-1], flush=True)
    text = """# Whole models in cells

Made by `python benchmarks/models.py`; not edited by hand. Each part runs in a process of its own: seconds and peak
memory of that process (the check by LibreOffice: without LibreOffice's own memory).

| model | parameters | formulas | file, MB | generate | embedded | check | LibreOffice | check |
|---|---|---|---|---|---|---|---|---|
"""
    arguments.output.write_text(text + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

"""The same inputs give the same bytes, the same report and the same samples: in every process, on one thread or two."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# LayerNorm's gradients are summed by thread: with two threads PyTorch's own numbers differ in the last digits.
SCRIPT = """
import hashlib, sys, torch, xlparity
from torch import nn
torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(0)
net = nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 2))
xlparity.generate(net, torch.randn(16, 3), torch.randn(16, 2), nn.MSELoss()).save("net.xlsx")
print(hashlib.sha256(open("net.xlsx", "rb").read()).hexdigest())
report = xlparity.check("net.xlsx", samples=3, seed=1)
print(report.exploration, hashlib.sha256(report.to_json(every=True).encode()).hexdigest())
"""
COMMAND = [sys.executable, "-c", SCRIPT]


def test_neither_threads_nor_the_seed_of_hashes_change_a_byte(tmp_path: Path) -> None:
    processes = []
    for threads in ("1", "2"):
        folder = tmp_path / threads
        folder.mkdir()
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": threads, "OMP_NUM_THREADS": threads}
        process = subprocess.Popen([*COMMAND, threads], stdout=subprocess.PIPE, text=True, cwd=folder, env=environment)
        processes.append(process)
    one, two = (process.communicate(timeout=300)[0] for process in processes)
    assert one.count("\n") == 2
    assert one == two

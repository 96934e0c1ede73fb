"""How many threads torch takes: one.

Most operations of an evaluation are short, and large ones are done in portions. Shared among threads, each must wait
for the slowest thread, which on a busy machine takes longer than the operation itself: on two cores, one of them busy,
100,000 formulas took 0.14 s with two threads and 0.01 s with one, and with both cores free no less. In one thread sums
also have one order, whatever the machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Evaluate in one thread; afterwards torch has as many as before. Decorates functions too: a whole check, a whole
    workbook made from a model.
    """
    own = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(own)

"""The reference pages that come from the program's own tables: run after a function or an operation has been added.

    python docs/generate.py

Writes reference/functions.md and reference/ops.md; a test holds both to what the tables say.
"""

from __future__ import annotations

from pathlib import Path

import torch

from xlparity.compiler.lower import VIEWS, families
from xlparity.engines.embedded import functions
from xlparity.functions import FUNCTIONS

REFERENCE = Path(__file__).parent / "reference"


def functions_page() -> str:
    """Excel's functions that the embedded engine computes."""
    listed = functions()
    rows = []
    for name, summary in listed.items():
        signature = FUNCTIONS[name].signature if name in FUNCTIONS else f"{name}(...)"
        rows.append(f"| `{signature}` | {_cell(summary)} |")
    return "\n".join([
        "# Excel's functions",
        "",
        f"The {len(rows)} functions that the embedded engine computes, from its tables (`python docs/generate.py`); "
        "`xlparity functions` lists the same. A cell that uses another function is *undecided*, and so is what depends "
        "on it. How to [add one](../how-to/add-an-excel-function.md).",
        "",
        "| function | |",
        "|---|---|",
        *rows,
        "",
    ])  # fmt: skip


def ops_page() -> str:
    """PyTorch's operations that `generate` writes formulas for."""
    found = families()
    count = sum(len(overloads) for overloads in found.values())
    lines = [
        "# PyTorch's operations",
        "",
        f"The {count} overloads of ATen that `xlparity generate` has a rule for, by family, from its tables "
        "(`python docs/generate.py`); `xlparity ops` lists the same. A *view* has no cells of its own: formulas read "
        "the cells that are there. A model that needs another operation is refused before anything is written. How to "
        "[add one](../how-to/add-an-op.md).",
    ]
    for heading, overloads in found.items():
        lines += ["", f"## {heading.rstrip('.')}", ""]
        for overload in overloads:
            packet, name = overload.split(".")
            schema = str(getattr(getattr(torch.ops.aten, packet), name)._schema).partition("(")[2]
            view = " *(view)*" if overload in VIEWS else ""
            lines.append(f"- `aten.{overload}({schema}`{view}")
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    (REFERENCE / "functions.md").write_text(functions_page())
    (REFERENCE / "ops.md").write_text(ops_page())

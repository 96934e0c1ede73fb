"""What a workbook has a million of costs a copy of it no gigabyte."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.busy import BUSY

SCRIPT = """
import resource, sys
from xlparity import cli
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
sys.exit(cli.run(["check", sys.argv[1], "--annotate", "copy.xlsx"]))
"""


@pytest.mark.parametrize(("name", "code"), [("a million comments", 1), ("a million styles", 2)])
def test_a_copy_takes_less_than_a_gigabyte(tmp_path, name, code):
    BUSY[name](tmp_path / "book.xlsx")
    script = tmp_path / "run.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\n{SCRIPT}")
    run = subprocess.run(
        [sys.executable, "run.py", "book.xlsx"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr.count("\n")) == (code, code - 1), run.stderr
    assert (tmp_path / "copy.xlsx").exists() is (code == 1)

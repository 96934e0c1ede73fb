"""The wheel and the source distribution, built and installed into an environment of their own, where the demo runs.

    python benchmarks/distribution.py [--dependencies install|borrow] [--output FILE]

Everything that xlparity needs is installed too, in the versions of constraints.txt; `borrow` lends the new environment
the packages of this Python instead, where torch cannot be downloaded. Fails if anything does; prints what it did and,
having installed all, writes docs/benchmarks/distribution.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = """# The wheel in an empty environment

Made by `python benchmarks/distribution.py` on {system}; not edited by hand. The source distribution is built in an environment
of its own, the wheel from it, and the wheel is installed into an empty environment with everything that it needs, in the versions of
`constraints.txt`. There `xlparity demo` runs outside the repository.

{lines}
- {count} packages, {torch} among them: {whole} MB, installed in {installed} s
- `xlparity demo`: exit code 0 after {seconds} s; "{shown}"
"""


def run(*command: str | Path, folder: Path | None = None, **environment: str) -> str:
    print("$", *command, flush=True)
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        list(map(str, command)), cwd=folder, env=inherited | environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise SystemExit(f"exit code {result.returncode}\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}")
    return result.stdout


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dependencies", choices=("install", "borrow"), default="install")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks" / "distribution.md")
    arguments = parser.parse_args()
    borrowed = arguments.dependencies == "borrow"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = "from setuptools import build_meta; import sys; print(build_meta.build_sdist(sys.argv[1]))"
        run(sys.executable, "-m", "venv", folder / "build")
        builder = folder / "build" / ("Scripts" if os.name == "nt" else "bin") / "python"
        run(builder, "-m", "pip", "install", "--quiet", "setuptools>=77")
        run(builder, "-c", source, folder, folder=ROOT)
        (sdist,) = folder.glob("*.tar.gz")
        # The wheel is built from the source distribution, which must therefore be whole.
        run(builder, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, sdist)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        assert "xlparity/py.typed" in names
        assert all(name.startswith("xlparity") for name in names), [n for n in names if not n.startswith("xlparity")]
        package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "xlparity").rglob("*") if path.is_file()}
        package = {name for name in package if "__pycache__" not in name}
        assert package <= set(names), sorted(package - set(names))
        with tarfile.open(sdist) as archive:
            sizes = [(sdist, len(archive.getnames())), (wheel, len(names))]
        lines = [f"{path.name}: {count} files, {path.stat().st_size / 1024:,.0f} KiB" for path, count in sizes]
        print(*lines, sep="\n")
        run(sys.executable, "-m", "venv", folder / "empty")
        python = folder / "empty" / ("Scripts" if os.name == "nt" else "bin") / "python"
        began = time.perf_counter()
        with_what = ["--no-deps"] if borrowed else ["--constraint", ROOT / "constraints.txt"]
        run(python, "-m", "pip", "install", "--quiet", *with_what, wheel)
        installed = time.perf_counter() - began
        lent = ""
        if borrowed:
            # The packages stand behind the new environment's own, so that its xlparity is the one that is imported.
            site = run(python, "-c", "import site; print(site.getsitepackages()[0])").strip()
            lent = run(sys.executable, "-c", "import torch, pathlib; print(pathlib.Path(torch.__file__).parents[1])")
            (Path(site) / "lent.pth").write_text(lent)
        where = run(python, "-c", "import xlparity; print(xlparity.__file__)", folder=folder).strip()
        assert Path(where).is_relative_to(folder / "empty"), where
        command = python.with_name("xlparity")
        print(run(command, "--version", folder=folder).strip(), "at", where)
        began = time.perf_counter()
        shown = run(command, "demo", folder=folder, NO_COLOR="1")
        print(shown)
        if borrowed:
            return
        seconds = time.perf_counter() - began
        packages = run(python, "-m", "pip", "list", "--format=freeze").split()
        whole = sum(path.stat().st_size for path in (folder / "empty").rglob("*") if path.is_file()) / 1e6
        (torch,) = [package for package in packages if package.startswith("torch==")]
        arguments.output.write_text(
            PAGE.format(
                system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
                lines="\n".join(f"- {line}" for line in lines), count=len(packages), torch=torch, whole=f"{whole:,.0f}",
                installed=f"{installed:.0f}", seconds=f"{seconds:.0f}", shown=shown.strip().splitlines()[-1],
            )
        )  # fmt: skip


if __name__ == "__main__":
    main()

"""The check of many workbooks, in processes that may crash, hang or run out of memory without harm to the others."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import tempfile
import time
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlparity import api
from xlparity.errors import InputError, NothingChecked, XlparityError, out_of_memory
from xlparity.model.outcome import Ending, Outcome
from xlparity.version import __version__
from xlparity.workers.attempt import Limits, Lost
from xlparity.xlsx.folder import workbooks_in

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["GIGABYTES", "PRELOAD", "SECONDS", "check_many", "shown_path"]

SECONDS = 600.0  # by default, for each workbook
GIGABYTES = 4.0  # likewise
# What every check imports: once, before the workers are forked. The second is what torch itself loads late, at its
# first operation on a subclass of Tensor.
PRELOAD = (
    "torch", "torch.distributed.tensor", "xlparity.many", "xlparity.target", "xlparity.check.check",
    "xlparity.check.against", "xlparity.check.explore", "xlparity.engines.embedded", "xlparity.report.html",
)  # fmt: skip


def check_many(
    workbooks: api.StrPath | Iterable[api.StrPath],
    *,
    jobs: int | None = None,
    timeout: float | None = SECONDS,
    memory: float | None = GIGABYTES,
    cluster: str | None = None,
    html: bool = False,
    done: Collection[str] = (),
    **options: Unpack[api.CheckOptions],
) -> Generator[Outcome]:
    """Check many workbooks, several at a time; what became of each, as it ends.

    Parameters
    ----------
    workbooks
        Files, and folders whose workbooks are meant (in subfolders too); see `xlsx.folder`.
    jobs
        How many processes; by default one for each CPU, here or on the cluster. The reports do not depend on it.
    timeout
        Seconds for each workbook; None lets it take any time.
    memory
        GB (10^9 bytes) that a process may take beyond the 0.2 GB that it starts with; None: any. Linux alone holds to
        it.
    cluster
        The address of a Ray cluster that does the work (the extra `cluster`): host:port, ray://host:port, auto, local.
    html
        Makes each workbook's web page too, as `Outcome.page`.
    done
        Fingerprints of earlier outcomes: a workbook whose fingerprint is among them is left out.
    options
        Those of `check`, for all workbooks. A model that is named as file.py:name is loaded once in each process.

    Yields
    ------
    Generator[Outcome]
        In no order. What cannot be read, crashes, hangs or takes too much memory is an outcome without a report, and
        nothing to the others. Closing the iterator ends the processes.

    Raises InputError for a wrong option or a folder without workbooks, before anything is checked, EngineError if the
    processes or the cluster cannot be had.

    Examples
    --------
    >>> for outcome in check_many("handed-in", against="solution.xlsx"):  # doctest: +SKIP
    ...     print(outcome.path, outcome.verdict, outcome.error)

    In a script it belongs under `if __name__ == "__main__":`, as everything that starts processes.
    """
    limits = _limits(jobs, timeout, memory)
    api.refuse_options(**options)
    named = [workbooks] if isinstance(workbooks, (str, os.PathLike)) else workbooks
    against = options.get("against")
    found = workbooks_in([Path(each) for each in named], None if against is None else Path(against))
    settled = _settled(options)
    files = _companions(settled)
    run = _Run(settled, html, {} if cluster is None else files, _key(settled, files))
    tasks = _tasks([each.path for each in found], run.key, frozenset(done), cluster is not None)
    if cluster is None:
        jobs = min(jobs or _cpus(), len(found))
    return _outcomes(tasks, run, jobs, limits, cluster)


def shown_path(book: Path) -> str:
    """The workbook's path as it stands in a report that others read: from this folder, with slashes."""
    try:
        return Path(os.path.relpath(book)).as_posix()
    except ValueError:  # on another drive of Windows
        return book.name


@dataclass(frozen=True, slots=True)
class _Run:
    """What all workbooks have in common: the options of `check`, and the content of the files that these name.

    `key` is the SHA-256 of all that results depend on besides the workbook.
    """

    options: dict[str, Any]
    html: bool
    files: dict[str, bytes]
    key: str = ""


@dataclass(frozen=True, slots=True)
class _Task:
    """One workbook; `files` holds it and the map beside it where the worker cannot read our disk."""

    path: str
    shown: str
    fingerprint: str
    files: dict[str, bytes]


def _limits(jobs: int | None, timeout: float | None, memory: float | None) -> Limits:
    if jobs is not None and jobs < 1:
        raise InputError(f"jobs is {jobs}; it is a whole number from 1")
    for name, value in (("timeout", timeout), ("memory", memory)):
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"{name} is {value:g}; it is a positive number")
    return Limits(timeout, memory)


def _settled(options: api.CheckOptions) -> dict[str, Any]:
    """The options as they can be sent to another process: whole paths, a model with its weights in it."""
    settled: dict[str, Any] = {**options, "engines": list(options.get("engines", ("embedded",)))}
    settled["ignore"] = list(options.get("ignore", ()))
    for name in ("weights", "map", "against"):
        if settled.get(name) is not None:
            settled[name] = str(Path(settled[name]).absolute())
    model = options.get("model")
    if isinstance(model, str):
        place, _, attribute = model.rpartition(":")
        if place.endswith(".py"):
            settled["model"] = f"{Path(place).absolute()}:{attribute}"
    elif model is not None:
        settled["model"] = api.loaded_model(model, options.get("weights"))
        settled["weights"] = None
        try:
            pickle.dumps(settled["model"])
        except Exception as error:  # pickle lets anything out
            raise InputError(
                f"the model cannot be sent to another process ({type(error).__name__}: {str(error)[:100]}); "
                "name it as path/to/file.py:name"
            ) from None
    return settled


def _companions(settled: dict[str, Any]) -> dict[str, bytes]:
    """The content of all files that the options name, by their whole paths."""
    named = [Path(settled[name]) for name in ("weights", "map", "against") if settled.get(name) is not None]
    if settled.get("against") is not None:
        named.append(_map_beside(Path(settled["against"])))
    model = settled.get("model")
    if isinstance(model, str) and model.rpartition(":")[0].endswith(".py"):
        named.append(Path(model.rpartition(":")[0]))
    return _contents(named)


def _key(settled: dict[str, Any], files: dict[str, bytes]) -> str:
    model = settled.get("model")
    said = settled | {"model": model if model is None or isinstance(model, str) else _sha(pickle.dumps(model))}
    return _sha(json.dumps([__version__, sorted(said.items()), *map(_sha, files.values())]).encode())


def _map_beside(book: Path) -> Path:
    return book.with_suffix(".parity.toml")


def _contents(paths: Iterable[Path]) -> dict[str, bytes]:
    """Those that can be read; of the others the check says what is wrong."""
    found = {}
    for path in paths:
        with suppress(OSError):
            if path.is_file():  # a pipe would be waited for
                found[str(path)] = path.read_bytes()
    return found


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _tasks(books: list[Path], key: str, done: frozenset[str], with_content: bool) -> Iterator[_Task]:
    """The workbooks that are to do, each read when its turn is near."""
    for book in books:
        path, shown = book.absolute(), shown_path(book)
        files = _contents([path, _map_beside(path)])
        fingerprint = _sha(json.dumps([key, shown, *map(_sha, files.values())]).encode())
        if fingerprint not in done:
            yield _Task(str(path), shown, fingerprint, files if with_content else {})


def _outcomes(
    tasks: Iterator[_Task], run: _Run, jobs: int | None, limits: Limits, cluster: str | None
) -> Generator[Outcome]:
    at_work: dict[int, _Task] = {}

    def noted() -> Iterator[_Task]:
        for number, task in enumerate(tasks):
            at_work[number] = replace(task, files={})
            yield task

    results: Iterator[tuple[int, Outcome | Lost]]
    if cluster is None:
        from xlparity.workers.pool import run_in_pool

        results = run_in_pool(_checked, noted(), run, jobs=jobs or 1, limits=limits, preload=PRELOAD)
    else:
        from xlparity.workers.cluster import run_on_cluster

        results = run_on_cluster(
            _checked, noted(), run, address=cluster, jobs=jobs, limits=limits, preload=PRELOAD
        )  # fmt: skip
    for number, result in results:
        task = at_work.pop(number)
        if isinstance(result, Outcome):
            yield result
        else:
            said = f"{task.shown}: {result.because}"
            yield Outcome(task.shown, None, said, result.ending, result.seconds, task.fingerprint)


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(task: _Task, run: _Run) -> Outcome:
    """One workbook's check, in the worker; on another machine its files come along."""
    began = time.monotonic()
    report, page, said, ending = None, None, "", Ending.CHECKED
    with tempfile.TemporaryDirectory(prefix="xlparity-") if task.files else nullcontext("") as folder:
        places = _placed(run.files | task.files, folder) if task.files else {}
        try:
            options = _here(run, places)
            report = api.check(places.get(task.path, task.path), **options)
            page = report.to_html() if run.html else None
            report = replace(report, subject=None)  # sheets and values are large, and stay here
        except XlparityError as error:
            if out_of_memory(error):
                raise
            ending = Ending.NOTHING if isinstance(error, NothingChecked) else Ending.REFUSED
            said = str(error)
            for original, placed in (places or {task.path: task.path}).items():
                said = said.replace(placed, shown_path(Path(original)) if original != task.path else task.shown)
    return Outcome(task.shown, report, said, ending, time.monotonic() - began, task.fingerprint, page)


def _placed(files: dict[str, bytes], folder: str) -> dict[str, str]:
    """Writes files under their own names, those of a folder into one folder in `folder`; their paths there."""
    places = {}
    for path, content in files.items():
        inner = Path(folder, _sha(str(Path(path).parent).encode())[:16])
        inner.mkdir(exist_ok=True)
        places[path] = str(inner / Path(path).name)
        Path(places[path]).write_bytes(content)
    return places


_models: dict[str, Any] = {}  # by the run's key: a worker process loads a model once


def _here(run: _Run, places: dict[str, str]) -> dict[str, Any]:
    """The options in this process: with the paths that files have here, and the model loaded."""
    options = dict(run.options)
    for name in ("weights", "map", "against"):
        options[name] = places.get(options.get(name, ""), options.get(name))
    model = options.get("model")
    if isinstance(model, str):
        if run.key not in _models:
            place, _, attribute = model.rpartition(":")
            target = f"{places.get(place, place)}:{attribute}"
            _models[run.key] = api.loaded_model(target, options["weights"], options.get("seed", 0))
        options |= {"model": _models[run.key], "weights": None}
    return options

"""Sweeps on several processes, and on a Dask cluster of two workers: the same bits as on one process, whoever dies."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

KILL_ME_ONCE = """\
import os, signal
from pathlib import Path
from engine.cli.sweep import work as sweep_work

def evaluate(*what, real=sweep_work.evaluate):
    try:
        Path({mark!r}).touch(exist_ok=False)
    except FileExistsError:
        return real(*what)
    os.kill(os.getpid(), signal.SIGKILL)

sweep_work.evaluate = evaluate
"""


def write_killer(project: Any, module: str) -> Any:
    """A module that kills the first process to run a chunk, in the middle of it; returns the mark that it leaves."""
    mark = project.folder / "killed"
    (project.folder / f"{module}.py").write_text(KILL_ME_ONCE.format(mark=str(mark)), encoding="utf-8")
    return mark


def test_two_processes_come_to_the_same_though_one_is_killed(project: Any, swept: Any) -> None:
    mark = write_killer(project, "sitecustomize")  # Python imports that by itself, in the workers too
    done = project.python(
        "import sys; from engine.cli.main import main; sys.exit(main(sys.argv[1:]))",
        *project.words("--workers", "2", "--out", "r.json"),
    )
    assert done.returncode == 0, done.stderr
    assert mark.exists()
    assert (project.folder / "r.json").read_bytes() == (swept.folder / "r.json").read_bytes()


@contextmanager
def dask(project: Any, program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A Dask process of its own, ended with the test."""
    started = subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{program}", *words, "--no-dashboard"], cwd=project.folder,
        env=project.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


@contextmanager
def scheduler(project: Any) -> Iterator[str]:
    """The address of a scheduler that has no worker yet."""
    with dask(project, "dask_scheduler", "--host", "127.0.0.1", "--port", "0") as started:
        assert started.stdout is not None
        line = next(line for line in started.stdout if "Scheduler at:" in line)
        yield line.rpartition(" ")[2].strip()


@contextmanager
def two_workers(project: Any, address: str, *of_second: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Two workers that are there; the second one has more words on its command line."""
    from distributed import Client

    plain = (address, "--no-nanny", "--nthreads", "1")
    with ExitStack() as stack:
        started = [stack.enter_context(dask(project, "dask_worker", *plain, *more)) for more in ((), of_second)]
        with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(2, timeout=60)
        yield started


def test_a_dask_cluster_of_two_comes_to_the_same_though_one_is_killed(
    make: Callable[[str], Any], swept: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed")
    first, second = make("first"), make("second")
    mark = write_killer(first, "killer")
    mark.touch()  # it kills nobody while that is there
    with scheduler(first) as address:
        words = first.words("--workers", address, "--out", "r.json")
        assert first.run(*words) == 2
        assert f"the Dask cluster at {address} has no worker; `dask worker" in capsys.readouterr().err
        with two_workers(first, address, "--preload", "killer") as (healthy, doomed):
            assert first.run(*words) == 0
            assert (first.folder / "r.json").read_bytes() == (swept.folder / "r.json").read_bytes()
            assert doomed.poll() is None
            mark.unlink()
            assert second.run(*words) == 0
            assert (second.folder / "r.json").read_bytes() == (swept.folder / "r.json").read_bytes()
            assert doomed.wait(timeout=10) == -signal.SIGKILL
            assert healthy.poll() is None

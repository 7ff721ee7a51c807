"""One engine on a store, tried with real processes: running, ended, killed, and with a process id used again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from state import Place, RunWriter, Store, StoreError, is_taken, open_store
from state.lock import FileLock
from state.process import start_of
from tests.postgres import PASSWORD, named

PROJECT = Path(__file__).parents[2]
HOLD = """
import sys; sys.path.insert(0, sys.argv[3])
from pathlib import Path
from state import open_store, place_of
store = open_store(place_of(sys.argv[1], sys.argv[4], Path(sys.argv[2])))
writer = store.begin_run("paper", 1709649000 * 10**9, "t", [], [], "s", {}, {}, {}, {}, "1")
print("holding", flush=True)
sys.stdin.readline()
writer.end("done", None, {})
print("ended", flush=True)
sys.stdin.readline()
"""
Begin = Callable[[Store], RunWriter]


@contextmanager
def engine(place: Place) -> Iterator[subprocess.Popen[str]]:
    """Another engine that has begun a run; a line on its input lets it end the run."""
    command = [sys.executable, "-c", HOLD, *named(place), str(PROJECT), PASSWORD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "holding\n"
        yield process
        process.kill()


def test_an_engine_that_runs_keeps_others_out_until_it_ends(place: Place, begin: Begin) -> None:
    with engine(place) as other:
        store = open_store(place)
        with pytest.raises(StoreError, match=rf"another engine \(process {other.pid}\) is using .*; stop it first"):
            begin(store)
        assert store.run()["status"] == "running" and is_taken(place)
        assert other.stdin is not None and other.stdout is not None
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "ended\n"
        assert not is_taken(place)
        begin(store).end("done", None, {})


def test_an_engine_that_was_killed_keeps_nobody_out(place: Place, begin: Begin) -> None:
    with engine(place) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
        store = open_store(place)
        assert not is_taken(place)
        begin(store).end("done", None, {})
        assert [run["status"] for run in store.runs()] == ["done", "crashed"]
        store.close()
    if isinstance(place, Path):
        assert place.with_name(f"{place.name}.lock").read_text() == ""


def test_an_engine_in_another_container_runs_though_its_process_is_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "s.db"
    with engine(place):
        monkeypatch.setattr("state.sqlite.is_alive", lambda pid, started: False)
        monkeypatch.setattr("state.lock.is_alive", lambda pid, started: False)
        with closing(open_store(place)) as store:
            assert is_taken(place) and store.run()["status"] == "running"


@pytest.mark.parametrize(
    ("holder", "free"),
    [
        ({"pid": os.getppid(), "start": start_of(os.getppid())}, False),  # where the file system shares no locks
        ({"pid": os.getppid(), "start": start_of(os.getppid()) + 1}, True),  # the id belongs to another program now
        ({"pid": 2**22 + 1, "start": 5}, True),
        ("half a na", True),
        ({"pid": "x"}, True),
        ([], True),
    ],
)
def test_a_name_in_the_lock_counts_only_while_its_process_lives(tmp_path: Path, holder: object, free: bool) -> None:
    said = holder if isinstance(holder, str) else json.dumps(holder)
    (tmp_path / "s.db.lock").write_text(said)
    if free:
        FileLock(tmp_path / "s.db").release()
    else:
        with pytest.raises(StoreError, match=f"process {os.getppid()}"):
            FileLock(tmp_path / "s.db")


def test_a_lock_is_free_again_when_it_is_released_or_forgotten(tmp_path: Path) -> None:
    first = FileLock(tmp_path / "s.db")
    with pytest.raises(StoreError):
        FileLock(tmp_path / "s.db")
    first.release()
    first.release()
    second = FileLock(tmp_path / "s.db")
    del second
    FileLock(tmp_path / "s.db").release()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"gone/s\.db\.lock cannot be opened"):
        FileLock(tmp_path / "gone" / "s.db")

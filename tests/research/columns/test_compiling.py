"""The machine is compiled once, however many processes want it."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from engine.research.columns import compiled


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "numba-1-cpu"
    monkeypatch.setattr(compiled, "_mark", lambda: found)
    return found


def is_locked(folder: Path) -> bool:
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_others_wait_while_one_compiles(mark: Path) -> None:
    assert not compiled.is_compiled()
    with compiled._compiling():
        assert is_locked(mark.parent)
        assert not compiled.is_compiled()
    assert not is_locked(mark.parent)
    assert compiled.is_compiled()
    with compiled._compiling():
        assert not is_locked(mark.parent), "its code is there, and nobody waits"


def test_who_fails_leaves_it_to_the_next(mark: Path) -> None:
    with pytest.raises(ZeroDivisionError), compiled._compiling():
        raise ZeroDivisionError
    assert not compiled.is_compiled()
    assert not is_locked(mark.parent)

"""One engine on a file at a time: a lock beside it, which the system frees when its holder dies.

The lock file names its holder by process id and start, so that a refusal can say who it is, and so that a lock whose
holder is dead, or whose process id now belongs to another program, stops nobody. Two guards, because either alone can
fail: some network file systems do not share ``flock``, and a process can die before it has written its name.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import weakref
from pathlib import Path
from typing import Final

from state.connection import Lock
from state.errors import StoreError, TakenError
from state.process import is_alive, start_of

SUFFIX: Final = ".lock"
LOOKS: Final = 5  # how often a lock that is taken is tried: somebody who only asks has it for a moment
LOOK_SECONDS: Final = 0.01


class FileLock(Lock):
    """Held from its making until ``release``, or until the process ends; raises TakenError while another has it, and
    StoreError where that cannot be known."""

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(store.name + SUFFIX)
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be opened: {error.strerror}; name a file in a writable folder"
            ) from None
        try:
            self._take(descriptor, store)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self._close = weakref.finalize(self, os.close, descriptor)

    @property
    def held(self) -> bool:
        return self._close.alive

    def release(self) -> None:
        if self.held:
            os.ftruncate(self._descriptor, 0)
            self._close()

    def _take(self, descriptor: int, store: Path) -> None:
        free = _flock(descriptor, fcntl.LOCK_EX)
        for _ in range(LOOKS):
            if free:
                break
            time.sleep(LOOK_SECONDS)
            free = _flock(descriptor, fcntl.LOCK_EX)
        holder, started = _holder(descriptor)
        alive = holder != 0 and is_alive(holder, started)
        if not free or (alive and holder != os.getpid()):
            raise TakenError(
                f"another engine ({_who(holder, alive)}) is using {store}; "
                "stop it first, or give this one another store with AUTOTRADER__STORE__PATH"
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "start": start_of(os.getpid())}).encode(), 0)


def engine_on(store: Path) -> tuple[int, int] | None:
    """Process id and start of the engine that has a store, zeros where it has not said; None when none has it. The
    lock itself tells, so this holds also across containers that see each other's files and not their processes.

    Raises StoreError when that cannot be known.
    """
    path = store.with_name(store.name + SUFFIX)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}; so whether an engine runs is not known") from None
    try:
        free = _flock(descriptor, fcntl.LOCK_SH)
        holder, started = _holder(descriptor)
    finally:
        os.close(descriptor)
    named = holder not in (0, os.getpid()) and is_alive(holder, started)
    return (holder, started) if named or not free else None


def _flock(descriptor: int, kind: int) -> bool:
    """Whether it was free; it is taken then."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> tuple[int, int]:
    """Process id and start of who wrote the lock file last; zeros when nobody did, or not to the end."""
    try:
        said = json.loads(os.pread(descriptor, 200, 0))
        return int(said["pid"]), int(said["start"])
    except (ValueError, TypeError, KeyError):
        return 0, 0


def _who(holder: int, alive: bool) -> str:
    if not holder:
        return "it has not said which process"
    return f"process {holder}" if alive else f"a child of process {holder}, which is gone"

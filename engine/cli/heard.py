"""Whether processes of this folder go on: by the store's lock, and by what they told of themselves, on this machine's
clock. A practice venue's clock has no say in it."""

from __future__ import annotations

from collections.abc import Mapping

from engine.cli.clock import machine_ns
from engine.cli.stores import store_of
from engine.market.events import NANOS
from engine.service.desk import WORKER, Heard
from engine.settings import Settings
from state import Mode, StoreError, is_taken
from state.service import ServiceBook


def taken_of(settings: Settings, mode: Mode) -> bool | None:
    """Whether an engine has the store of a mode; None where that cannot be known."""
    try:
        return is_taken(store_of(settings, mode))
    except StoreError:
        return None


def heard(book: ServiceBook, taken: bool | None) -> Mapping[str, Heard]:
    """The last figures of each process, with their age in seconds. ``taken``: as ``taken_of`` says. An engine that
    lost the lock has ended, whatever it told last. Raises StoreError."""
    now = machine_ns()
    found = {name: ((now - told.time_ns) / NANOS, told.body) for name, told in book.figures().items()}
    if taken is False and WORKER in found:
        age, body = found[WORKER]
        found[WORKER] = (age, {**body, "running": False})
    return found

"""Whether processes of this folder go on: by the store's lock, and by what they told of themselves, on this machine's
clock. A practice venue's clock has no say in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.cli.clock import machine_ns
from engine.market.events import NANOS
from engine.service.metrics import WORKER
from state.service import ServiceBook

Heard = tuple[float, dict[str, Any]]


def heard(book: ServiceBook, taken: bool | None) -> Mapping[str, Heard]:
    """The last figures of each process, with their age in seconds. ``taken``: whether an engine has the store's lock,
    None where that is not known. An engine that lost the lock has ended, whatever it told last."""
    now = machine_ns()
    found = {name: ((now - told.time_ns) / NANOS, told.body) for name, told in book.figures().items()}
    if taken is False and WORKER in found:
        age, body = found[WORKER]
        found[WORKER] = (age, {**body, "running": False})
    return found

"""Counts of what connectors ask of their providers, for the figures of a process.

One counter a process, because a process has one set of figures: a connector counts each request where it is made, and
needs to know nobody who reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from threading import Lock
from types import MappingProxyType


class Meter:
    """``count`` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, provider: str, outcome: str) -> None:
        """One request has ended. ``outcome``: an HTTP status, or one word such as ``timeout``."""
        with self._lock:
            self._counts[provider, outcome] += 1

    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many there were, by provider and outcome."""
        with self._lock:
            return MappingProxyType(dict(self._counts))


REQUESTS = Meter()

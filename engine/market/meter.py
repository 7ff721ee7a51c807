"""Counts of what connectors ask of their providers, for the figures of a process.

One counter a process, because a process has one set of figures: a connector counts each request where it is made, and
needs to know nobody who reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from threading import Lock
from types import MappingProxyType

OK, REFUSED, LIMITED, FAILED, NO_ANSWER = OUTCOMES = ("ok", "refused", "limited", "failed", "no_answer")


class Meter:
    """``count`` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def answered(self, provider: str, status: int | None) -> None:
        """A request to a provider has ended with an HTTP status; None: there was no answer."""
        with self._lock:
            self._counts[provider, _outcome(status)] += 1

    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many there were, by provider and outcome."""
        with self._lock:
            return MappingProxyType(dict(self._counts))


def _outcome(status: int | None) -> str:
    if status is None:
        return NO_ANSWER
    if status == 429:
        return LIMITED
    return OK if status < 400 else REFUSED if status < 500 else FAILED


REQUESTS = Meter()

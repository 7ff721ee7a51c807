"""Waits between connections: they grow while connections break soon, and begin anew after one that lasted."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.transport.clock import Attempts, Clock, backoff


@dataclass
class Seconds:
    now: float = 0.0


def test_waits_double_up_to_the_longest_and_begin_anew() -> None:
    time = Seconds()
    attempts = Attempts(Clock(monotonic=lambda: time.now, jitter=lambda: 1.0), first=0.5, longest=3.0, stable=10.0)
    waits = []
    for lasted in (0, 1, 0, 0, 11, 0):
        attempts.began()
        time.now += lasted
        waits.append(attempts.wait())
    assert waits == [0.5, 1.0, 2.0, 3.0, 0.5, 1.0]


def test_a_wait_is_anywhere_up_to_its_length() -> None:
    assert [backoff(3, 0.5, 30.0, jitter) for jitter in (0.0, 0.5, 0.75)] == [0.0, 1.0, 1.5]

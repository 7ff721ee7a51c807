"""The practice venue's clock beside another that it goes on from."""

from __future__ import annotations

import time

from connectors.simulators.clock import NANOS, PracticeClock


def test_a_clock_goes_on_from_when_the_other_was_read() -> None:
    clock = PracticeClock(1_000, 100.0, began=time.monotonic() - 2.0)
    assert clock.now() >= 1_000 + 200 * NANOS


def test_a_clock_that_stands_moves_only_when_it_is_moved() -> None:
    clock = PracticeClock(1_000, 0.0, began=time.monotonic() - 2.0)
    clock.step(5)
    assert clock.now() == 1_005

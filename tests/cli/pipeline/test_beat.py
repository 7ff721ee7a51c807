"""When the rounds of a pipeline that goes on as a service begin."""

from __future__ import annotations

import pytest

from engine.cli.pipeline import verb

MINUTES = 60.0


@pytest.mark.parametrize(
    ("period", "lasting", "begins"),
    [
        (60, [20, 20, 20], [0, 60, 120]),  # each hour, however long a round took
        (60, [90, 10, 10], [0, 90, 150]),  # at once when the last one took longer, and an hour from then on
        (0, [20, 20, 20], [0, 20, 40]),  # one after the other
    ],
)
def test_a_round_begins_each_period_or_at_once(
    monkeypatch: pytest.MonkeyPatch, period: float, lasting: list[float], begins: list[float]
) -> None:
    now = 1_000.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(verb.time, "monotonic", lambda: now)
    monkeypatch.setattr(verb.time, "sleep", sleep)
    beat, found = verb.Beat(period * MINUTES), []
    for minutes in lasting:
        found.append((now - 1_000.0) / MINUTES)
        now += minutes * MINUTES
        beat.wait()
    assert found == begins

"""How long a run waits for certainty at its end: by the time of the venue, which may run faster than ours."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from engine.cli.on_venue import account as venue_account
from engine.market.events import NANOS

GRACE_SECONDS = 1200  # of the venue


def waited(monkeypatch: pytest.MonkeyPatch, speed: float) -> float:
    """Real seconds until nothing more is tried, without a venue that answers."""
    clock = SimpleNamespace(now=100.0)

    async def sleep(seconds: float) -> None:
        clock.now += seconds

    monkeypatch.setattr(venue_account, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(venue_account, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(venue_account, "now_ns", lambda: int(clock.now * speed * NANOS))
    recovery: Any = SimpleNamespace(settings=SimpleNamespace(ages=SimpleNamespace(grace=GRACE_SECONDS * NANOS)))

    async def go() -> None:
        async for _ in venue_account.patiently(recovery):
            pass

    asyncio.run(go())
    return float(clock.now - 100.0)


@pytest.mark.parametrize(("speed", "seconds"), [(1, GRACE_SECONDS), (120, GRACE_SECONDS / 120), (0, GRACE_SECONDS)])
def test_it_is_as_patient_as_the_venue_s_time_asks_for_and_ends(
    monkeypatch: pytest.MonkeyPatch, speed: float, seconds: float
) -> None:
    spare, pause = venue_account.SPARE_SECONDS, venue_account.LONGEST_PAUSE_SECONDS
    assert seconds + spare <= waited(monkeypatch, speed) <= seconds + spare + 2 * pause

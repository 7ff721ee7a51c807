"""``engine why-not --at`` means what the clock on the wall says, in the zone of the run's pack."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.cli.kept import KeptRun
from engine.cli.why_not import moment


class EveryTick:
    """A store that has kept every tick from a moment on."""

    def __init__(self, first: datetime) -> None:
        self.first = int(first.timestamp()) * 1_000_000_000

    def trace(self, run: str, symbol: str, time_ns: int) -> bytes:
        return b""

    def trace_times(self, run: str, symbol: str, around_ns: int) -> list[int]:
        return [self.first]


@pytest.mark.parametrize(
    ("zone", "text", "utc"),
    [
        ("America/New_York", "2013-01-07 10:31", (2013, 1, 7, 15, 31)),
        ("America/New_York", "2013-07-01 10:31", (2013, 7, 1, 14, 31)),
        ("America/New_York", "10:31", (2013, 7, 1, 14, 31)),
        ("America/New_York", "2013-07-01T10:31:00", (2013, 7, 1, 14, 31)),
        ("Europe/London", "2013-07-01 10:31", (2013, 7, 1, 9, 31)),  # in 1970 London was an hour ahead all year
        ("Europe/London", "2013-01-07 10:31", (2013, 1, 7, 10, 31)),
        ("Europe/London", "2013-07-01 10:31:00 BST", (2013, 7, 1, 9, 31)),
        ("America/New_York", "2013-11-03 01:30:00 EDT", (2013, 11, 3, 5, 30)),  # an hour that comes twice
        ("America/New_York", "2013-11-03 01:30:00 EST", (2013, 11, 3, 6, 30)),
    ],
)
def test_a_local_time_is_that_of_its_day_in_summer_and_in_winter(
    zone: str, text: str, utc: tuple[int, int, int, int, int]
) -> None:
    store = EveryTick(datetime(2013, 7, 1, 13, 31, tzinfo=UTC))
    kept = cast("KeptRun", SimpleNamespace(timezone=zone, run={"id": "r"}, store=store))
    assert moment(kept, "SPY", text) == int(datetime(*utc, tzinfo=UTC).timestamp()) * 1_000_000_000


def test_a_run_and_why_not_go_by_the_clock_of_the_pack(engine_cli: Callable[..., Any], tmp_path: Path) -> None:
    assert engine_cli("init", "mine").code == 0
    folder = tmp_path / "mine"
    pack = folder / "rules" / "example" / "pack.yaml"
    text = pack.read_text(encoding="utf-8")
    assert "America/New_York" in text
    pack.write_text(text.replace("America/New_York", "Europe/London"), encoding="utf-8")
    ran = engine_cli("run", "--paper", "--interval", "0", "--symbols", "SPY", cwd=folder)
    assert ran.code == 0, ran.err
    fired = next(line for line in ran.out.splitlines() if "crossover" in line and "FIRED" in line)
    when = next(word for word in fired.split() if word.count(":") == 2)
    asked = engine_cli("why-not", "crossover", "SPY", "--at", when, "--json", cwd=folder)
    assert asked.code == 0, asked.err
    assert '"fired"' in asked.out
    report = engine_cli("run", "--paper", "--interval", "0", "--trace", "none", "--json", cwd=folder)
    assert '"timezone": "Europe/London"' in report.out

"""How the conditions of a gate went over time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.research.golive import GateReport, PaperRun
from engine.research.results import iso_utc
from engine.research.statistics import local_days

POINTS = 30
"""A longer history is looked at on so many of its days, evenly apart, the newest always among them."""


@dataclass(frozen=True, slots=True)
class Point:
    """What gates said at the end of a local day on which a trade closed; ``day`` as ISO 8601."""

    day: str
    time_ns: int
    reports: tuple[GateReport, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "day": self.day, "time": iso_utc(self.time_ns), "gates": [report.to_json() for report in self.reports],
        }  # fmt: skip


def judgement_times(runs: Sequence[PaperRun], timezone: str) -> list[int]:
    """The last tick of each local day on which a trade closed, UTC ns, at most `POINTS` of them."""
    ticks = np.array(sorted(time for run in runs for time in run.times_ns), dtype=np.int64)
    closed = np.array(sorted(trade.closed_ns for run in runs for trade in run.trades), dtype=np.int64)
    if not len(ticks) or not len(closed):
        return []
    days = local_days(ticks, timezone)
    wanted = np.isin(days, local_days(closed, timezone)) & np.append(np.diff(days) != 0, True)
    found = ticks[wanted]
    chosen = np.unique(np.linspace(len(found) - 1, 0, min(POINTS, len(found))).round().astype(np.int64))
    times: list[int] = found[chosen].tolist()
    return times


def trajectory(
    times: Sequence[int], timezone: str, judged_at: Callable[[int], Sequence[GateReport]]
) -> list[Point]:
    """The gates at each of ``times``; ``judged_at`` judges what was there up to a moment, that one included."""
    days = local_days(np.array(times, dtype=np.int64), timezone).astype("datetime64[D]").astype(str).tolist()
    return [Point(day, time_ns, tuple(judged_at(time_ns))) for day, time_ns in zip(days, times, strict=True)]

"""Gates over time: each judgement belongs to a day by the clocks of the pack."""

from __future__ import annotations

import pytest

from engine.research.trajectory import trajectory

HOUR = 3600 * 10**9
T0 = 1_709_596_800 * 10**9  # 2024-03-05 00:00 UTC


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("UTC", ["2024-03-05", "2024-03-06"]),
        ("America/New_York", ["2024-03-04", "2024-03-06"]),
        ("Asia/Tokyo", ["2024-03-05", "2024-03-07"]),
    ],
)
def test_a_judgement_is_of_the_local_day(zone: str, days: list[str]) -> None:
    times = [T0 + 4 * HOUR, T0 + 40 * HOUR]
    points = [point.to_json() for point in trajectory(times, zone, lambda time_ns: [])]
    assert [point["day"] for point in points] == days
    assert [point["time"] for point in points] == ["2024-03-05T04:00:00Z", "2024-03-06T16:00:00Z"]


def test_without_a_judgement_there_is_no_day() -> None:
    assert trajectory([], "Asia/Tokyo", lambda time_ns: []) == []

"""Higher-timeframe bars: complete at their end and never before, with gaps, duplicates, late bars and sessions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.bars import BarAggregator
from engine.market.calendar import TradingDay
from engine.market.events import NANOS, Bar

MINUTE = 60 * NANOS
BASE = 1_294_065_000 * NANOS  # 2011-01-03 14:30 UTC, a whole half hour


def minute(number: int, price: float = 100.0, volume: float | None = 10.0, *, base: int = BASE) -> Bar:
    """A minute bar whose open and close are ``price`` and whose range is one either side."""
    return Bar("SPY", base + number * MINUTE, 60, price, price + 1, price - 1, price, volume)


def at(number: float) -> int:
    return BASE + int(number * MINUTE)


def feed(aggregator: BarAggregator, bars: list[Bar]) -> list[Bar]:
    done = []
    for bar in bars:
        for complete in (aggregator.push(bar, bar.known_ns), aggregator.flush(bar.known_ns)):
            if complete is not None:
                done.append(complete)
    return done


def test_five_minutes_make_one_bar_at_the_fifth_minutes_end() -> None:
    aggregator = BarAggregator(300)
    assert [aggregator.push(minute(n, 100 + n), at(n + 1)) for n in range(4)] == [None] * 4
    done = aggregator.push(minute(4, 90), at(5))
    assert done == Bar("SPY", BASE, 300, open=100, high=104, low=89, close=90, volume=50)
    assert done.known_ns == at(5)


def test_a_missing_last_minute_is_completed_by_the_clock_and_not_before_it() -> None:
    aggregator = BarAggregator(300)
    for n in range(4):
        aggregator.push(minute(n), at(n + 1))
    assert aggregator.flush(at(5) - 1) is None
    done = aggregator.flush(at(5))
    assert done is not None and (done.start_ns, done.volume) == (BASE, 40)
    assert aggregator.flush(at(6)) is None


def test_after_a_gap_the_push_gives_the_old_bar_and_the_flush_the_new_one() -> None:
    aggregator = BarAggregator(300)
    aggregator.push(minute(1, 100), at(2))
    old, new = aggregator.push(minute(9, 200), at(10)), aggregator.flush(at(10))
    assert old is not None and (old.start_ns, old.close) == (BASE, 100)
    assert new is not None and (new.start_ns, new.close) == (at(5), 200)


def test_buckets_without_any_bar_give_no_bar() -> None:
    assert [bar.start_ns for bar in feed(BarAggregator(300), [minute(0), minute(22), minute(31)])] == [BASE, at(20)]


def test_volume_is_unknown_when_any_part_is_unknown() -> None:
    done = feed(BarAggregator(300), [minute(n, volume=None if n == 2 else 5.0) for n in range(5)])
    assert [bar.volume for bar in done] == [None]


def test_a_minute_that_arrives_twice_counts_once_as_its_last_copy() -> None:
    aggregator = BarAggregator(300)
    done = feed(aggregator, [minute(0), minute(1, 100), minute(1, 150), minute(4, 100)])
    assert [(bar.volume, bar.high) for bar in done] == [(30, 151)]
    assert aggregator.late == 0


def test_a_late_minute_inside_an_open_bucket_takes_its_place_in_time() -> None:
    aggregator = BarAggregator(300)
    aggregator.push(minute(2, 102), at(3))
    aggregator.push(minute(0, 95), at(3))
    done = aggregator.flush(at(5))
    assert done is not None and (done.open, done.close) == (95, 102)


def test_a_minute_that_comes_after_its_bar_was_published_changes_nothing_and_is_counted() -> None:
    aggregator = BarAggregator(300)
    assert len(feed(aggregator, [minute(n) for n in range(5)])) == 1
    assert aggregator.push(minute(3, 999), at(6)) is None
    assert aggregator.flush(at(20)) is None
    assert aggregator.late == 1


def test_a_bar_from_the_future_is_refused() -> None:
    with pytest.raises(ValueError, match=r"known at \d+, not yet at \d+"):
        BarAggregator(300).push(minute(0), at(1) - 1)


def test_a_base_bar_across_two_buckets_is_refused() -> None:
    three_minutes = minute(4)._replace(seconds=180)
    with pytest.raises(ValueError, match="SPY bar of 1294065240000000000 lasts 180 s and straddles two bars of 300 s"):
        BarAggregator(300).push(three_minutes, at(7))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "a bar must last at least one second, not 0"),
        (86_400, "daily bars need a trading calendar"),
        (604_800, "a bar lasts a day at most, not 604800 seconds"),
    ],
)
def test_timeframes_that_cannot_be_built_are_refused(seconds: int, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        BarAggregator(seconds)


class TwoDays:
    """A full session and then a half day; nothing else."""

    name, timezone = "two", "UTC"
    days = (TradingDay(1, BASE, BASE + 390 * MINUTE), TradingDay(2, BASE + 1440 * MINUTE, BASE + 1650 * MINUTE))

    def day_at(self, time_ns: int) -> TradingDay | None:
        """The session nearest around the instant, pre-market and after hours included."""
        return next((d for d in self.days if d.open_ns - 300 * MINUTE <= time_ns < d.close_ns + 240 * MINUTE), None)

    def utc_offset_ns(self, time_ns: int) -> int:
        return 0


def test_daily_bars_are_regular_sessions_known_at_the_close_half_days_included() -> None:
    aggregator = BarAggregator(86_400, TwoDays())
    pre_market, first, last, after = minute(-30, 500), minute(0, 100), minute(389, 110), minute(391, 900)
    half_day = [minute(1440 - 5, 700), minute(1440, 120), minute(1649, 130), minute(1650, 1)]
    done = feed(aggregator, [pre_market, first, last, after, *half_day])
    assert done == [
        Bar("SPY", BASE, 390 * 60, 100, 111, 99, 110, 20),
        Bar("SPY", at(1440), 210 * 60, 120, 131, 119, 130, 20),
    ]
    assert [bar.known_ns for bar in done] == [day.close_ns for day in TwoDays.days]


def test_a_daily_bar_with_a_missing_last_minute_is_complete_at_the_first_bar_after_hours() -> None:
    aggregator = BarAggregator(86_400, TwoDays())
    aggregator.push(minute(100, 100), at(101))
    assert aggregator.flush(at(389)) is None
    done = aggregator.push(minute(400, 50), at(401))
    assert done is not None and (done.low, done.known_ns) == (99, at(390))


def test_bars_on_a_holiday_belong_to_no_daily_bar() -> None:
    assert feed(BarAggregator(86_400, TwoDays()), [minute(50_000), minute(50_001)]) == []


@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(1, 1000), st.one_of(st.none(), st.integers(0, 10_000)))),
    st.sampled_from([60, 120, 300, 900, 3600]),
)
def test_every_base_bar_ends_up_in_exactly_one_higher_bar(
    rows: list[tuple[int, float, int | None]], width: int
) -> None:
    unique = {n: minute(n, price, volume) for n, price, volume in rows}
    bars = [unique[n] for n in sorted(unique)]
    aggregator = BarAggregator(width)
    done = feed(aggregator, bars)
    last = aggregator.flush(at(100_000))
    done += [last] if last else []
    for higher in done:
        parts = [bar for bar in bars if higher.start_ns <= bar.start_ns < higher.known_ns]
        assert (higher.open, higher.close) == (parts[0].open, parts[-1].close)
        assert (higher.high, higher.low) == (max(b.high for b in parts), min(b.low for b in parts))
        volumes = [b.volume for b in parts]
        assert higher.volume == (None if None in volumes else sum(v for v in volumes if v is not None))
    assert sum(sum(h.start_ns <= b.start_ns < h.known_ns for h in done) for b in bars) == len(bars)
    assert len({h.start_ns for h in done}) == len(done)


@given(st.lists(st.integers(0, 60), min_size=1), st.integers(1, 400))
def test_nothing_is_known_before_its_end(numbers: list[int], lag: int) -> None:
    aggregator, now = BarAggregator(300), 0
    for n in sorted(set(numbers)):
        now = max(now, minute(n).known_ns + lag * NANOS)
        for done in (aggregator.push(minute(n), now), aggregator.flush(now)):
            assert done is None or done.known_ns <= now

"""What a run on a live feed was told, a replay of its capture is told: the same events at the same times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.capture.errors import CaptureError
from connectors.capture.kalshi.records import Encoder
from connectors.capture.packing import Packer, RecordError
from connectors.capture.reader import Capture
from connectors.capture.source import CapturedMarkets
from connectors.capture.summary import summarize
from connectors.days import ALL_TIME, DayRange
from connectors.kalshi.book import Book
from connectors.kalshi.events import MessagesMissed, Problem
from connectors.kalshi.manifest import KALSHI
from engine.market.events import NANOS, SETTLEMENT, Observation, Quote, SourceError, Tick

EVERYTHING = (*(fact.name for fact in KALSHI), "venue.fee_rate")
NAMES = st.sampled_from([(), ("yes.bid", "market.tradable"), ("trades.volume", "book.imbalance"), EVERYTHING])
PRICES = st.integers(1, 99).map(lambda cents: f"0.{cents:02d}00")
SIZES = st.integers(0, 50_000).map(lambda hundredths: f"{hundredths // 100}.{hundredths % 100:02d}")
LEVELS = st.dictionaries(PRICES, SIZES, max_size=4)
WHICH = st.sampled_from("AB")
STEPS = st.one_of(
    st.tuples(st.just("book"), WHICH, LEVELS, LEVELS, st.booleans()),
    st.tuples(st.just("ticker"), WHICH, PRICES, SIZES),
    st.tuples(st.just("trade"), WHICH, PRICES, SIZES.filter(lambda s: float(s) > 0), st.sampled_from(["yes", "no"])),
    st.tuples(st.just("lose"), WHICH),
    st.tuples(st.just("lifecycle"), WHICH, st.sampled_from(["deactivated", "activated", "determined"])),
    st.tuples(st.just("read"), WHICH, st.sampled_from(["active", "inactive", "closed"]), st.booleans()),
    st.tuples(st.just("fee"), WHICH, st.sampled_from([None, "0.5", "3"])),
    st.sampled_from([("pass",), ("pass",), ("pulse",), ("disconnect",), ("connect",), ("missed",), ("flush",)]),
    st.tuples(st.just("signal"), WHICH, st.one_of(st.floats(0, 1), st.none(), st.booleans(), st.text(max_size=5))),
    st.tuples(st.just("wait"), st.integers(-2_000_000_000, 200_000_000_000)),
)


def play(run: Any, step: tuple[Any, ...]) -> None:
    what, *rest = step
    name = {"A": run.A, "B": run.B}.get(rest[0]) if rest and isinstance(rest[0], str) else None
    if what == "book":
        run.book(name, rest[1], rest[2], tell=rest[3])
    elif what in ("ticker", "trade", "read", "fee"):
        getattr(run, what)(name, *rest[1:])
    elif what == "lose":
        run.lose(name)
    elif what == "lifecycle":
        more = {"result": "yes", "settlement_value": "1.0000"} if rest[1] == "determined" else {}
        run.lifecycle(name, event_type=rest[1], **more)
    elif what == "missed":
        run.say(MessagesMissed("trade", 3))
        run.say(Problem("an odd message", 12))
    elif what == "signal":
        run.signals.append(Observation(name, run.now - 5, "alpha.fair", rest[1], "" if rest[1] is not None else "none"))
    elif what == "wait":
        run.now += rest[0]
    elif what == "flush":
        run.writer.flush()
    else:
        {"pass": run.pass_on, "pulse": run.pulse, "disconnect": run.disconnect, "connect": run.connect}[what]()


def replayed(path: Path, names: Any, session: int | None = None, days: DayRange = ALL_TIME) -> list[Tick]:
    markets = CapturedMarkets(path, session)
    return list(markets.ticks_of(list(markets.instruments), names, days).ticks())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120)
@given(names=NAMES, steps=st.lists(STEPS, max_size=40))
def test_a_replay_has_the_ticks_of_the_run(
    captured: Callable[..., Any], tmp_path: Path, names: tuple[str, ...], steps: list[tuple[Any, ...]]
) -> None:
    (tmp_path / "test.cap").unlink(missing_ok=True)
    with captured(names) as run:
        for step in steps:
            play(run, step)
    assert replayed(run.path, names) == run.ticks


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mine=NAMES, other=NAMES, steps=st.lists(STEPS, max_size=30))
def test_other_rules_see_what_they_would_have_seen(
    captured: Callable[..., Any], tmp_path: Path, mine: Any, other: Any, steps: list[tuple[Any, ...]]
) -> None:
    """The capture does not depend on which facts the rules of the run had asked for."""
    made = []
    for number, names in enumerate((mine, other)):
        path = tmp_path / f"{number}.cap"
        path.unlink(missing_ok=True)
        with captured(names, path) as run:
            for step in steps:
                play(run, step)
        made.append(run)
    assert replayed(made[0].path, other) == made[1].ticks


def test_a_second_session_is_added_and_begins_with_everything_unknown(captured: Callable[..., Any]) -> None:
    with captured(("yes.bid",)) as first:
        first.book(first.A, {"0.4000": "1.00"}, {"0.4500": "1.00"})
        first.pass_on()
        first.pulse()
    with captured(("yes.bid",)) as second:
        second.now = first.now + 60 * NANOS
        second.pulse()
    assert replayed(first.path, ("yes.bid",), 1) == first.ticks
    assert replayed(first.path, ("yes.bid",), 2) == second.ticks
    both = replayed(first.path, ("yes.bid",))
    between = both[len(first.ticks)]
    assert Quote(first.A, between.time_ns, None, None, None, None) in between.events
    told = {e.name: (e.value, e.reason) for e in between.events if isinstance(e, Observation) and e.symbol == first.A}
    assert told["yes.bid"] == (None, "the book is not known yet")
    assert both[len(first.ticks) + 1 :] == [t for t in second.ticks if t.time_ns > between.time_ns]
    with pytest.raises(CaptureError, match="there is no session 3; it has 2"):
        replayed(first.path, (), 3)


def test_days_choose_what_is_told_but_not_what_is_known(captured: Callable[..., Any]) -> None:
    with captured(("yes.bid",)) as run:
        run.book(run.A, {"0.4000": "1.00"}, {})
        run.pass_on()
        run.now += 86_400 * NANOS
        run.pulse()
        run.now += 86_400 * NANOS
        run.pulse()
    day = datetime.fromtimestamp(run.ticks[1].time_ns // NANOS, UTC).date()
    (tick,) = replayed(run.path, ("yes.bid",), days=DayRange(day, day, "UTC"))
    assert tick.time_ns == run.ticks[1].time_ns
    assert [e.value for e in tick.events if isinstance(e, Observation) and e.symbol == run.A] == [0.4]
    with pytest.raises(SourceError, match=f"until 2020-01-02 00:00 UTC; it begins on {day - timedelta(days=1)}$"):
        replayed(run.path, ("yes.bid",), days=DayRange(None, date(2020, 1, 1), "UTC"))
    there = f"it covers {day - timedelta(days=1)} to {day + timedelta(days=1)}$"
    with pytest.raises(SourceError, match=f"from 2099-01-01 00:00 UTC; {there}"):
        replayed(run.path, ("yes.bid",), days=DayRange(date(2099, 1, 1), None, "UTC"))


def test_what_a_market_settled_at_is_told_whatever_the_rules_read(captured: Callable[..., Any]) -> None:
    with captured(("yes.bid",)) as run:
        run.lifecycle(run.A, event_type="determined", result="no", settlement_value="0.0000")
        run.pass_on()
        run.pass_on()
    told = [e for tick in replayed(run.path, ("yes.bid",)) for e in tick.events if isinstance(e, Observation)]
    assert [(e.symbol, e.value) for e in told if e.name == SETTLEMENT] == [(run.A, 0.0)]


def test_markets_keep_their_grids_and_fees(captured: Callable[..., Any]) -> None:
    with captured() as run:
        run.pulse()
    markets = CapturedMarkets(run.path)
    assert markets.taker_rates == {run.A: Decimal("0.07"), run.B: Decimal("0.105")}
    grid = markets.instruments[run.A]
    assert (grid.tick_size, grid.lowest, grid.highest) == (Decimal("0.01"), Decimal("0.01"), Decimal("0.99"))


def test_a_capture_that_is_damaged_before_its_end_is_not_replayed(captured: Callable[..., Any]) -> None:
    with captured() as run:
        run.pulse()
        run.writer.flush()
        run.pulse()
    frames = list(Capture(run.path).frames())
    data = bytearray(run.path.read_bytes())
    data[frames[1].offset + 50] ^= 1
    run.path.write_bytes(data)
    with pytest.raises(CaptureError, match=f"damaged at byte {frames[1].offset} "):
        CapturedMarkets(run.path)
    summary = summarize(run.path)
    assert summary.damage is not None
    assert (summary.damage.offset, summary.damage.torn) == (frames[1].offset, False)


def test_what_a_kill_left_is_replayed_up_to_there(captured: Callable[..., Any]) -> None:
    with captured() as run:
        run.pulse()
        run.writer.flush()
        kept = run.path.stat().st_size
        run.now += NANOS
        run.pulse()
    run.path.write_bytes(run.path.read_bytes()[: kept + 20])
    assert replayed(run.path, ()) == run.ticks[:1]
    assert summarize(run.path).sessions[0].note is None


def test_a_summary_counts_and_finds_gaps(captured: Callable[..., Any]) -> None:
    with captured() as run:
        run.connect()
        run.book(run.A, {"0.4000": "1.00"}, {})
        run.trade(run.A, "0.4000", "2.00", "no")
        run.ticker(run.B, "0.4000", "2.00")
        run.signals.append(Observation(run.B, run.now, "alpha.fair", 0.5))
        run.pass_on()
        run.pulse()
        run.disconnect()
        run.now += 2 * NANOS
        run.connect()
        run.pass_on()
        run.now += 9 * NANOS
        run.pulse()
        run.writer.end({"cycles": 1})
    summary = summarize(run.path)
    wanted = {"books": 3, "trades": 1, "tickers": 1, "signals": 1, "pulses": 2, "markets": 2}
    assert {name: summary.counts[name] for name in wanted} == wanted
    assert [(gap.why, gap.to_ns - gap.from_ns) for gap in summary.gaps] == [
        ("the stream was down", 2 * NANOS), ("the capturing process stood still", 9 * NANOS),
    ]  # fmt: skip
    assert summary.sessions[0].note == {"cycles": 1}
    assert summary.by_market[run.A] == 3


def test_a_number_that_would_be_rounded_is_refused() -> None:
    book = Book("X")
    book.put({Decimal("0.40005"): Decimal(1)}, {})
    with pytest.raises(RecordError, match=r"0\.40005 has more than 4 decimals"):
        Encoder(Packer()).book("X", 0, book, changed=True)


def test_a_capture_of_an_earlier_engine_is_read_as_it_was() -> None:
    """Made by the engine of 21 November 2026, before captures of other venues; beside it the ticks that its run had."""
    old = Path(__file__).parent / "old"
    source = CapturedMarkets(old / "kalshi-1.cap")
    ticks = source.ticks_of(list(source.instruments), ("market.volume", "alpha.fair")).ticks()
    assert [repr(tick) for tick in ticks] == (old / "kalshi-1.txt").read_text(encoding="utf-8").splitlines()
    assert source.origin == "capture kalshi practice"

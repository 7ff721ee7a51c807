"""Index values, and the channels that carry them."""

from __future__ import annotations

import json
import math
import statistics
from itertools import pairwise
from typing import Any

import pytest

from connectors.simulators.kalshi.core.units import MILLIS
from connectors.simulators.kalshi.feeds import CRYPTO, QUARTER_MS, UNDERLYINGS, Feeds
from connectors.simulators.kalshi.server import Practice

BTC = CRYPTO["BRTI"]
START = 1_793_000_000_000


def test_the_seed_decides_every_value_and_nothing_else_does() -> None:
    times = range(START, START + 60_000, 200)
    forwards = [Feeds(1).value(BTC, time) for time in times]
    backwards = [Feeds(1).value(BTC, time) for time in reversed(times)][::-1]
    assert forwards == backwards != [Feeds(2).value(BTC, time) for time in times]


def test_values_walk() -> None:
    """The longer the wait the larger the move, about as the square root of it, and levels stay within reason."""

    def deviation(step_ms: int) -> float:
        values = [Feeds(4).value(BTC, START + i * step_ms) for i in range(600)]
        return statistics.stdev(math.log(b / a) for a, b in pairwise(values))

    second, minute, hour = deviation(1_000), deviation(60_000), deviation(3_600_000)
    assert 4 < minute / second < 12 and 4 < hour / minute < 12
    for index in (*CRYPTO.values(), *UNDERLYINGS.values()):
        assert 0.7 < Feeds(4).value(index, START) / (index.level * 1e8) < 1.4
        assert Feeds(4).value(index, START) % 10 ** (8 - index.places) == 0


def test_averages_are_of_the_ticks_they_say() -> None:
    feeds = Feeds(1)
    trailing = feeds.trailing(BTC, START)
    ticks = [feeds.value(BTC, START - 60_000 + second * 1_000) for second in range(60)]
    assert (trailing.size, trailing.end_ms) == (60, START)
    assert abs(trailing.value - statistics.fmean(ticks)) <= 1
    close = -(-START // QUARTER_MS) * QUARTER_MS
    assert feeds.closing(BTC, close - 60_000) is None
    sizes = []
    for second in (1, 14, 59, 60):
        closing = feeds.closing(BTC, close - 60_000 + second * 1_000)
        assert closing is not None and closing.start_ms == close - 60_000
        sizes.append(closing.size)
    assert sizes == [1, 14, 59, 60]
    assert feeds.closing(BTC, close + 1_000) is None


def test_ticks_come_in_step_and_only_for_what_is_chosen(connect: Any, ann: Any, practice: Practice) -> None:
    client = connect(ann)
    client.send("subscribe", channels=["cfbenchmarks_value", "cfbenchmarks_value_5hz"], index_ids=["BRTI", "NONE"])
    client.send("subscribe", channels=["pyth_value"])
    ann.pass_time(3)
    slow, fast = client.of("cfbenchmarks_value"), client.of("cfbenchmarks_value_5hz")
    assert (len(slow), len(fast), client.of("pyth_value")) == (3, 15, [])
    assert {msg["index_id"] for msg in (*slow, *fast)} == {"BRTI"}
    times = [msg["source_ts_ms"] for msg in fast]
    assert {later - earlier for earlier, later in pairwise(times)} == {200}
    raw = json.loads(fast[4]["data"])
    assert raw["time"] == fast[4]["source_ts_ms"] and float(raw["value"]) == float(fast[4]["value_usd"])
    assert json.loads(slow[0]["data"]) == raw  # the fifth of the one is the first of the other
    assert slow[0]["avg_60s_data"]["window_size"] == 60
    assert [m["seq"] for m in client.seen if m["type"] == "cfbenchmarks_value"] == [1, 2, 3]
    assert times[-1] * MILLIS == practice.venue.now()


def test_a_steps_size_does_not_change_the_ticks(ann: Any, connect: Any) -> None:
    client = connect(ann)
    client.send("subscribe", channels=["pyth_value"], underlying_tickers=["Metal.XAU/USD"])
    for _ in range(10):
        ann.pass_time(0.3)
    parts = client.of("pyth_value")
    ann.pass_time(3)
    whole = client.of("pyth_value")[len(parts) :]
    assert len(parts) == len(whole) == 3


def test_all_mode_and_names_beside_it(connect: Any, ann: Any) -> None:
    client = connect(ann)
    client.send("subscribe", channels=["pyth_value"], underlying_tickers=["Metal.XAU/USD"])

    def update(action: str, *names: str) -> Any:
        return client.send("update_subscription", sid=1, action=action, underlying_tickers=list(names))[-1]

    assert update("subscribe_underlyings", "all")["msg"] == {"underlying_tickers": ["all"]}
    assert update("unsubscribe_underlyings", "FX.EUR/USD")["msg"] == {"underlying_tickers": ["all"]}
    ann.pass_time(1)
    assert {msg["underlying_ticker"] for msg in client.of("pyth_value")} == set(UNDERLYINGS)
    assert update("unsubscribe_underlyings", "all")["msg"] == {"underlying_tickers": ["Metal.XAU/USD"]}
    client.seen.clear()
    ann.pass_time(1)
    assert [msg["underlying_ticker"] for msg in client.of("pyth_value")] == ["Metal.XAU/USD"]
    listed = client.send("update_subscription", sid=1, action="underlying_list")[-1]
    assert listed["msg"]["underlying_tickers"] == sorted(UNDERLYINGS)


@pytest.mark.parametrize(
    ("channel", "params", "code"),
    [
        ("cfbenchmarks_value", {"action": "subscribe_indices"}, 24),
        ("cfbenchmarks_value_5hz", {"action": "unsubscribe_indices", "index_ids": []}, 24),
        ("pyth_value", {"action": "subscribe_underlyings"}, 28),
        ("pyth_value", {"action": "indexlist"}, 13),
        ("cfbenchmarks_value", {"action": "add_markets", "market_tickers": ["KXT-26NOV02-A"]}, 13),
        ("cfbenchmarks_value", {"action": "subscribe_indices", "index_ids": "BRTI"}, 11),
    ],
)
def test_commands_that_are_refused(connect: Any, ann: Any, channel: str, params: Any, code: int) -> None:
    client = connect(ann)
    client.send("subscribe", channels=[channel])
    assert client.send("update_subscription", sid=1, **params)[-1]["msg"]["code"] == code


def test_nothing_ticks_while_nobody_listens(practice: Practice, connect: Any, ann: Any) -> None:
    assert practice.director.pulse.next_ns() is None
    client = connect(ann)
    client.send("subscribe", channels=["cfbenchmarks_value"], index_ids=["all"])
    ann.pass_time(5)
    client.send("unsubscribe", sids=[1])
    ann.pass_time(86_400)
    client.send("subscribe", channels=["cfbenchmarks_value"], index_ids=["BRTI"])
    client.seen.clear()
    ann.pass_time(1)
    assert len(client.of("cfbenchmarks_value")) == 1  # nothing of the day between

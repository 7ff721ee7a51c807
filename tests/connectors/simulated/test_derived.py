"""A proxy derived from an index: near it, with its own volume and quotes, the same however it is replayed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.replay import ReplaySource
from connectors.simulated import DerivedSource
from engine.market.events import NANOS, Bar, Observation, Quote, SourceError, Tick

MINUTE = 60 * NANOS
START = 1_609_767_000 * NANOS
DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "equities"


class Listed:
    """A source of the ticks it was given."""

    def __init__(self, *ticks: Tick) -> None:
        self._ticks = ticks

    def ticks(self) -> Iterator[Tick]:
        return iter(self._ticks)


def index_bar(n: int, price: float = 3700.0, symbol: str = "SPX") -> Bar:
    return Bar(symbol, START + n * MINUTE, 60, price, price + 2, price - 2, price + 1, None)


def tick(n: int, *events: Bar | Quote | Observation) -> Tick:
    return Tick(START + (n + 1) * MINUTE, list(events))


def derive(*ticks: Tick, **options: object) -> list[Tick]:
    return list(DerivedSource(Listed(*ticks), {"SPY": ("SPX", 0.1)}, **options).ticks())  # type: ignore[arg-type]


def test_a_proxy_bar_and_quote_join_the_tick_of_the_index_bar() -> None:
    fact = Observation("SPX", START + MINUTE, "alpha.fair", 1.0)
    (out,) = derive(tick(0, index_bar(0), fact))
    quote, bar, observed, proxy = out.events
    assert (bar, observed, out.time_ns) == (index_bar(0), fact, START + MINUTE)
    assert isinstance(proxy, Bar)
    assert isinstance(quote, Quote)
    assert (proxy.symbol, proxy.start_ns, proxy.seconds) == ("SPY", START, 60)
    assert proxy.close == pytest.approx(370.1, abs=0.1)
    assert proxy.volume is not None
    assert proxy.volume > 0
    assert (quote.symbol, quote.time_ns) == ("SPY", START + MINUTE)


def test_ticks_without_the_index_pass_unchanged() -> None:
    other = tick(0, index_bar(0, symbol="NDX"))
    assert derive(other, tick(1, index_bar(1)))[0] == other


@given(st.floats(10, 50_000), st.floats(0, 100), st.integers(0, 1000))
def test_quotes_stand_around_the_close_at_the_spread(price: float, spread_bps: float, seed: int) -> None:
    index = Bar("SPX", START, 60, price, price, price, price, None)
    quote, _, bar = derive(tick(0, index), spread_bps=spread_bps, seed=seed)[0].events
    assert isinstance(quote, Quote)
    assert isinstance(bar, Bar)
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.bid <= bar.close + 1e-9
    assert bar.close <= quote.ask + 1e-9
    assert quote.ask - quote.bid == pytest.approx(max(0.01, bar.close * spread_bps / 10_000), abs=0.0051)
    assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high


def test_a_minute_is_the_same_wherever_the_replay_begins_and_however_often_it_comes() -> None:
    whole = derive(*(tick(n, index_bar(n)) for n in range(10)))
    later = derive(*(tick(n, index_bar(n)) for n in range(5, 10)))
    assert whole[5:] == later
    twice = derive(tick(0, index_bar(0), index_bar(0)))[0].events
    assert twice[-1] == twice[-2] == whole[0].events[-1]


def test_other_seeds_and_other_proxies_have_other_noise() -> None:
    ticks = [tick(n, index_bar(n)) for n in range(5)]
    assert derive(*ticks, seed=1) != derive(*ticks, seed=2)
    both = list(DerivedSource(Listed(*ticks), {"VOO": ("SPX", 0.1), "IVV": ("SPX", 0.1)}).ticks())
    assert [event.symbol for event in both[0].events] == ["IVV", "VOO", "SPX", "IVV", "VOO"]
    assert {e.close for t in both for e in t.events if isinstance(e, Bar) and e.symbol == "VOO"} != {
        e.close for t in both for e in t.events if isinstance(e, Bar) and e.symbol == "IVV"}


def test_the_noise_is_about_half_a_basis_point() -> None:
    out = derive(*(tick(n, Bar("SPX", START + n * MINUTE, 60, 1e6, 1e6, 1e6, 1e6, None)) for n in range(2000)))
    errors = [event.close / 1e5 - 1 for t in out for event in t.events if isinstance(event, Bar) and event.volume]
    assert pstdev(errors) * 10_000 == pytest.approx(0.5, rel=0.1)
    assert abs(sum(errors) / len(errors)) * 10_000 < 0.05


def test_a_proxy_that_is_in_the_data_is_refused() -> None:
    with pytest.raises(SourceError) as caught:
        derive(tick(0, index_bar(0), index_bar(0, 370, "SPY")))
    assert str(caught.value) == "SPY is in the data already; do not derive it from SPX as well"


def test_an_index_that_never_came_is_refused_at_the_end() -> None:
    with pytest.raises(SourceError) as caught:
        derive(tick(0, index_bar(0, symbol="NDX")))
    assert str(caught.value) == "no bar of SPX came, so there is no SPY; add SPX to the symbols replayed"


def test_impossible_ratios_and_spreads_are_refused() -> None:
    with pytest.raises(SourceError, match="SPY cannot be 0 x SPX: the ratio must be more than zero"):
        DerivedSource(Listed(), {"SPY": ("SPX", 0)})
    with pytest.raises(SourceError, match="a spread of -1 bps is below zero"):
        DerivedSource(Listed(), {"SPY": ("SPX", 0.1)}, spread_bps=-1)


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data (../shared/data/equities) is not here")
def test_a_real_index_day_gets_a_tradable_proxy() -> None:
    source = ReplaySource(DATA, ["I:SPX"], date(2021, 1, 4), date(2021, 1, 4))
    ticks = list(DerivedSource(source, {"SPY": ("SPX", 0.1)}, spread_bps=2).ticks())
    for t in ticks:
        quote, index, proxy = t.events
        assert isinstance(quote, Quote)
        assert isinstance(index, Bar)
        assert isinstance(proxy, Bar)
        assert proxy.close == pytest.approx(index.close / 10, rel=3e-4)
        assert quote.bid is not None
        assert quote.bid <= proxy.close
    assert len(ticks) == 411

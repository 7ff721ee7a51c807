"""What holds whatever the market does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.paper import FillModel
from engine.market.orders import Leg, Side
from engine.market.position import Position

MINUTE_NS = 60_000_000_000
GRID = st.integers(93, 107)  # few prices, so that touches, gaps and both legs in one bar are common
BAR = st.tuples(GRID, GRID, GRID, GRID)
BARS = st.lists(BAR, min_size=1, max_size=14)
VOLUMES = st.lists(st.none() | st.integers(0, 250), min_size=14, max_size=14)
MODELS = (FillModel.PESSIMISTIC, FillModel.CENTRAL, FillModel.OPTIMISTIC)
ENTRIES = st.sampled_from(
    [{}, {"entry_stop": "102"}, {"entry_stop": "98"}, {"entry_stop": "101", "limit": "103"}, {"limit": "100"}]
)


def feed(market: Any, bars: list[Any], volumes: list[int | None] | None = None) -> None:
    for i, (a, b, c, d) in enumerate(bars):
        market.bar(a, max(a, b, c, d), min(a, b, c, d), d, volumes[i] if volumes else None)


def worth(market: Any, last: int) -> Decimal:
    """Cash and what is held at the last price."""
    return Decimal(market.broker.account.cash + market.held() * last)


@given(bars=BARS, volumes=VOLUMES, model=st.sampled_from(MODELS), exit_at=st.integers(0, 13), part=st.integers(1, 30))
def test_money_is_conserved_and_nothing_fills_beyond_what_was_asked(
    paper: Any, bars: list[Any], volumes: list[int | None], model: FillModel, exit_at: int, part: int
) -> None:
    market = paper(fill_model=model, fee_per_unit=Decimal("0.01"), fee_minimum=Decimal(1), slippage_bps=Decimal(5))
    market.bracket("97", "103", quantity=20)
    feed(market, bars[:exit_at], volumes)
    market.place(market.order("part", Side.SELL, part, Leg.EXIT))
    feed(market, bars[exit_at:], volumes[exit_at:])

    account, position, realised = market.broker.account, Position("s", "SPY"), Decimal(0)
    for fill in market.fills:
        realised += position.apply(fill)
        assert position.quantity >= 0, "reductions turned the position round"
        assert fill.fee >= 0
    assert account.cash + position.quantity * position.entry == Decimal(100_000) + realised - position.fees
    assert market.held() == position.quantity
    filled = {name: sum(f.quantity for f in market.fills if f.client_id == name) for name in ("o", "stop", "target")}
    assert filled["o"] <= 20
    assert filled["stop"] + filled["target"] <= filled["o"]
    by_bar = [(f.client_id, told_ns) for f, told_ns in zip(market.fills, market.told_ns, strict=True)]
    shares = {(i + 2) * MINUTE_NS: volume for i, volume in enumerate(volumes)}
    for key in set(by_bar):
        share = shares[key[1]]
        taken = sum(f.quantity for f, of in zip(market.fills, by_bar, strict=True) if of == key)
        assert share is None or taken <= share // 10


@given(bars=BARS, volumes=VOLUMES, model=st.sampled_from(MODELS), entry=ENTRIES)
def test_the_same_market_fills_the_same(
    paper: Any, bars: list[Any], volumes: list[int | None], model: FillModel, entry: dict[str, str]
) -> None:
    runs = []
    for _ in range(2):
        market = paper(fill_model=model)
        market.bracket("97", "104", **entry)
        feed(market, bars, volumes)
        runs.append((market.fills, market.states, market.broker.snapshot()))
    assert runs[0] == runs[1]


@given(bars=BARS, model=st.sampled_from(MODELS), sells=st.booleans())
def test_a_fill_lies_in_its_bar_but_for_a_limit_passed_over_by_a_gap(
    paper: Any, bars: list[Any], model: FillModel, sells: bool
) -> None:
    market = paper(fill_model=model)
    market.bracket("103" if sells else "97", "97" if sells else "103", sells=sells)
    feed(market, bars)
    for fill, told_ns in zip(market.fills, market.told_ns, strict=True):
        bar = bars[told_ns // MINUTE_NS - 2]
        assert fill.time_ns in (told_ns - MINUTE_NS, told_ns), "at the open, or known at the end"
        inside = min(bar) <= fill.price <= max(bar)
        assert inside or (fill.client_id == "target" and fill.price == Decimal(97 if sells else 103))


@given(bars=BARS, entry=ENTRIES, sells=st.booleans())
def test_a_bracket_earns_most_optimistically_and_least_pessimistically(
    paper: Any, bars: list[Any], entry: dict[str, str], sells: bool
) -> None:
    """Before fees, with volume unknown: docs/paper-broker.md says what this does not cover."""
    worths = []
    for model in MODELS:
        market = paper(fill_model=model, slippage_bps=Decimal(5))
        market.bracket("105" if sells else "95", "96" if sells else "104", sells=sells, **entry)
        feed(market, bars)
        worths.append(worth(market, bars[-1][3]))
    assert worths[0] <= worths[1] <= worths[2]


@given(bars=BARS, limit=GRID, life=st.none() | st.integers(1, 300), fallback=st.booleans(), sells=st.booleans())
def test_a_limit_fills_no_later_and_no_dearer_the_more_optimistic_the_model(
    paper: Any, bars: list[Any], limit: int, life: int | None, fallback: bool, sells: bool
) -> None:
    found = []
    for model in MODELS:
        market = paper(fill_model=model, slippage_bps=Decimal(5))
        expires = None if life is None else market.now + life * 1_000_000_000
        side = Side.SELL if sells else Side.BUY
        market.place(market.order("o", side, limit=str(limit), expires_ns=expires, fallback_market=fallback))
        feed(market, bars)
        found.append(market.fills[0] if market.fills else None)
    for worse, better in ((found[0], found[1]), (found[1], found[2])):
        if worse is not None:
            assert better is not None
            assert better.time_ns <= worse.time_ns
            assert better.price * better.side.sign <= worse.price * worse.side.sign


@given(
    bars=BARS, model=st.sampled_from(MODELS), part=st.integers(1, 20), life=st.integers(1, 300), limit=GRID,
    sells=st.booleans(),
)  # fmt: skip
def test_legs_leave_an_exit_what_it_is_for_and_protect_what_it_leaves(
    paper: Any, bars: list[Any], model: FillModel, part: int, life: int, limit: int, sells: bool
) -> None:
    market = paper(fill_model=model)
    market.bracket("103" if sells else "97", "97" if sells else "103", quantity=20, sells=sells)
    market.flat(100)
    side, expires_ns = Side.BUY if sells else Side.SELL, market.now + life * 1_000_000_000
    market.place(market.order("x", side, part, Leg.EXIT, limit=str(limit), expires_ns=expires_ns))
    for bar in bars:
        feed(market, [bar])
        sold = sum(f.quantity for f in market.fills if f.client_id == "x")
        stopped = any(f.client_id == "stop" for f in market.fills)
        assert stopped or "x" not in market.resting() or abs(market.held()) >= part - sold
    away = 120 if sells else 80
    market.flat(away)
    market.flat(away)
    assert market.held() == 0, "the stop waits for no exit"

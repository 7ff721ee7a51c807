"""Whether a market can be traded at an instant, and what it pays in the end."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.markets import Market, MarketStatus, Result
from connectors.kalshi.models.stream import MarketLifecycle
from connectors.kalshi.prices import YesPrice
from connectors.kalshi.states import MarketState

Record = Callable[..., dict[str, Any]]
NANOS = 1_000_000_000
TICKER = "KXATPMATCH-26NOV21AAABBB-AAA"
CLOSE_NS = 1_796_486_400 * NANOS  # 2026-12-05T16:00:00Z
NOW = CLOSE_NS - 3600 * NANOS


@pytest.fixture
def state(market_record: Record) -> Callable[..., MarketState]:
    return lambda **fields: MarketState.of(Market.model_validate(market_record(**fields)))


def life(event_type: str, **fields: Any) -> MarketLifecycle:
    return MarketLifecycle.model_validate({"market_ticker": TICKER, "event_type": event_type, **fields})


def exchange(active: bool, trading: bool, **shards: tuple[bool, bool]) -> ExchangeStatus:
    listed = [
        {"exchange_index": int(name[1:]), "description": "", "exchange_active": a, "trading_active": t}
        for name, (a, t) in shards.items()
    ]
    return ExchangeStatus.model_validate(
        {"exchange_active": active, "trading_active": trading, "exchange_index_statuses": listed}
    )


@pytest.mark.parametrize(
    ("status", "orders", "cancels", "why"),
    [
        ("active", True, True, ""),
        ("inactive", False, True, "paused"),
        ("closed", False, False, "waits for its result"),
        ("determined", False, False, "waits for settlement"),
        ("disputed", False, False, "disputed"),
        ("amended", False, False, "amended"),
        ("finalized", False, False, "is settled"),
        ("something new", False, False, "does not know"),
    ],
)
def test_a_market_is_tradable_by_its_status(state: Any, status: str, orders: bool, cancels: bool, why: str) -> None:
    can = state(status=status).tradability(NOW)
    assert (can.orders, can.cancels) == (orders, cancels)
    assert why in can.why and bool(can.why) == (not orders)


def test_the_clock_opens_and_closes_a_market_because_no_message_does(state: Any) -> None:
    assert not state().tradability(CLOSE_NS).orders
    assert state().tradability(CLOSE_NS - 1).orders
    waiting = state(status="initialized", open_time="2026-12-01T00:00:00Z")
    opens = 1_796_083_200 * NANOS
    assert waiting.tradability(opens - 1).why == "the market is not open yet"
    assert waiting.tradability(opens).orders
    assert not waiting.tradability(CLOSE_NS).orders


def test_the_exchange_can_stop_orders_and_cancels_on_all_shards_or_on_one(state: Any) -> None:
    on_shard_3 = state()
    assert on_shard_3.tradability(NOW, exchange(True, True)).orders
    paused = on_shard_3.tradability(NOW, exchange(True, False))
    assert (paused.orders, paused.cancels, paused.why) == (False, True, "trading on the exchange is paused")
    down = on_shard_3.tradability(NOW, exchange(False, False))
    assert (down.orders, down.cancels) == (False, False)
    assert on_shard_3.tradability(NOW, exchange(False, False, s3=(True, True))).orders
    assert not on_shard_3.tradability(NOW, exchange(True, True, s3=(True, False))).orders
    assert state(exchange_index=0).tradability(NOW, exchange(True, True, s3=(True, False))).orders


def test_a_close_that_moves_earlier_closes_the_market(state: Any) -> None:
    moved = state().after(life("close_date_updated", close_ts=NOW // NANOS - 1))
    assert not moved.tradability(NOW).orders
    assert moved.tradability(NOW).why == "the market is past its close"


def test_a_market_is_paused_resumed_and_given_another_grid(state: Any) -> None:
    paused = state().after(life("deactivated", is_deactivated=True))
    assert paused.status is MarketStatus.INACTIVE
    assert paused.after(life("activated", is_deactivated=False)).tradability(NOW).orders
    fine = state().after(
        life("price_level_structure_updated", price_level_structure="deci_cent",
             price_ranges=[{"start": "0.0000", "end": "1.0000", "step": "0.0010"}])
    )  # fmt: skip
    assert fine.grid.valid(YesPrice.parse("0.5150")) and not state().grid.valid(YesPrice.parse("0.5150"))


def test_messages_about_other_markets_and_of_other_kinds_change_nothing(state: Any) -> None:
    other = MarketLifecycle.model_validate({"market_ticker": "OTHER", "event_type": "deactivated"})
    assert state().after(other) == state()
    assert state().after(life("metadata_updated", yes_sub_title="x")) == state()


@pytest.mark.parametrize(
    ("result", "told", "value", "yes_10", "no_10"),
    [
        ("yes", "1.0000", "1", "10", "0"),
        ("no", "0.0000", "0", "0", "10"),
        ("scalar", "0.6300", "0.63", "6.30", "3.70"),
        ("yes", None, "1", "10", "0"),
        ("no", None, "0", "0", "10"),
    ],
)
def test_what_a_market_pays(
    state: Any, result: str, told: str | None, value: str, yes_10: str, no_10: str
) -> None:
    by_message = state().after(life("determined", result=result, settlement_value=told, determination_ts=1))
    by_rest = state(status="finalized", result=result, settlement_value_dollars=told)
    assert by_message.status is MarketStatus.DETERMINED
    assert by_message.after(life("settled", settled_ts=2)).status is MarketStatus.FINALIZED
    for ended in (by_message, by_rest):
        payout = ended.payout
        assert payout is not None and payout.yes_value == Decimal(value)
        assert payout.of_position(Decimal(10)) == Decimal(yes_10)
        assert payout.of_position(Decimal(-10)) == Decimal(no_10)


@pytest.mark.parametrize(("result", "told"), [("scalar", None), ("", None), ("", "0.0000"), ("void", "1.0000")])
def test_what_is_not_known_pays_nothing_yet(state: Any, result: str, told: str | None) -> None:
    assert state(result=result, settlement_value_dollars=told).payout is None


def test_the_result_is_kept_by_name(state: Any) -> None:
    assert state(result="scalar", settlement_value_dollars="0.5000").payout.result is Result.SCALAR

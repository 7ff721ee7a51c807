"""What rules see of a market: the right numbers, and unknown with a reason where there are none."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connectors.kalshi.book import Book
from connectors.kalshi.facts import MarketView
from connectors.kalshi.fees import FeeChange, FeeSchedule, FeeType
from connectors.kalshi.manifest import KALSHI
from connectors.kalshi.models.markets import Market
from connectors.kalshi.models.portfolio import Balance, MarketPosition
from connectors.kalshi.models.stream import MarketLifecycle, PublicTrade, Ticker
from connectors.kalshi.prices import YesPrice
from connectors.kalshi.states import MarketState
from engine.language.types import Kind
from engine.market.manifest import CORE

NANOS = 1_000_000_000
NOW = 1_796_400_000 * NANOS
MINUTE = 60 * NANOS
TICKER = "KXATPMATCH-26NOV21AAABBB-AAA"


@pytest.fixture
def view(market_record: Callable[..., dict[str, Any]]) -> MarketView:
    return MarketView(MarketState.of(Market.model_validate(market_record())), Book(TICKER))


def levels(*pairs: tuple[str, str]) -> list[tuple[YesPrice, Decimal]]:
    return [(YesPrice.parse(p), Decimal(c)) for p, c in pairs]


def trade(at_ns: int, price: str, count: str, taker: str, block: bool = False) -> PublicTrade:
    return PublicTrade.model_validate({
        "trade_id": str(at_ns), "market_ticker": TICKER, "yes_price_dollars": price,
        "no_price_dollars": str(YesPrice.parse(price).complement()), "count_fp": count, "taker_outcome_side": taker,
        "taker_book_side": "bid" if taker == "yes" else "ask", "is_block_trade": block, "ts_ms": at_ns // 1_000_000,
    })  # fmt: skip


def ticker(price: str, volume: str) -> Ticker:
    return Ticker.model_validate({
        "market_ticker": TICKER, "price_dollars": price, "yes_bid_dollars": "0.4700", "yes_ask_dollars": "0.5200",
        "yes_bid_size_fp": "3.00", "yes_ask_size_fp": "2.00", "volume_fp": volume, "open_interest_fp": "7.00",
        "last_trade_size_fp": "1.00", "dollar_volume": 1, "dollar_open_interest": 1, "ts_ms": 1,
    })  # fmt: skip


def values(view: MarketView, prefix: str, now: int = NOW) -> dict[str, Any]:
    return {n: k.value for n, k in view.facts(now).items() if n.startswith(prefix)}


def test_every_fact_of_the_manifest_is_given_and_no_other(view: MarketView) -> None:
    assert set(view.facts(NOW)) == {f.name for f in KALSHI} | {"venue.fee_rate"}
    assert {o.name for o in view.observations(NOW)} == {f.name for f in KALSHI} | {"venue.fee_rate"}


def test_facts_have_types_of_the_language_and_names_of_their_own() -> None:
    assert all(f.kind in set(Kind) and f.nullable for f in KALSHI)
    names = [f.name for f in CORE + KALSHI]
    assert len(names) == len(set(names))


def test_before_anything_is_told_everything_that_moves_is_unknown_with_a_reason(view: MarketView) -> None:
    for name, known in view.facts(NOW).items():
        told = name.startswith("market.") and name not in (
            "market.spread", "market.last", "market.open_interest", "market.result",
            "market.settlement", "market.taker_fee_rate", "market.maker_fee_rate",
        )  # fmt: skip
        assert (known.value is not None) == told, name
        assert bool(known.reason) == (not told), name


def test_prices_of_both_sides_come_from_the_same_book(view: MarketView) -> None:
    view.book.snapshot(1, levels(("0.47", "3"), ("0.40", "7")), levels(("0.52", "2")))
    assert values(view, "yes.") == {
        "yes.bid": 0.47, "yes.ask": 0.52, "yes.mid": 0.495, "yes.bid_size": 3.0, "yes.ask_size": 2.0,
    }  # fmt: skip
    assert values(view, "no.") == {
        "no.bid": 0.48, "no.ask": 0.53, "no.mid": 0.505, "no.bid_size": 2.0, "no.ask_size": 3.0,
    }  # fmt: skip
    assert values(view, "book.") == {"book.bid_depth": 10.0, "book.ask_depth": 2.0, "book.imbalance": 8 / 12}
    assert view.facts(NOW)["market.spread"].value == 0.05
    assert view.quote(NOW) == (TICKER, NOW, 0.47, 3.0, 0.52, 2.0)


def test_an_empty_side_is_unknown_and_says_whose(view: MarketView) -> None:
    view.book.snapshot(1, levels(("0.47", "3")), [])
    facts = view.facts(NOW)
    assert facts["yes.ask"] == (None, "nobody offers YES")
    assert facts["no.bid"] == (None, "nobody bids for NO")
    assert facts["no.ask"].value == 0.53
    assert facts["market.spread"] == (None, "one side of the book is empty")
    assert view.quote(NOW) == (TICKER, NOW, 0.47, 3.0, None, None)


def test_a_book_between_two_messages_of_one_action_is_unknown(view: MarketView) -> None:
    view.book.snapshot(1, levels(("0.47", "3")), levels(("0.52", "2")))
    from connectors.kalshi.models.fields import Outcome

    view.book.delta(2, Outcome.YES, YesPrice.parse("0.52"), Decimal(1))
    assert view.facts(NOW)["yes.bid"] == (None, "the book is not known yet")
    assert view.facts(NOW)["book.imbalance"].value is None


def test_a_market_that_never_traded_has_no_last_price(view: MarketView) -> None:
    view.on_ticker(ticker("0.0000", "0.00"))
    assert view.facts(NOW)["market.last"] == (None, "nothing has traded yet")
    assert view.facts(NOW)["market.volume"].value == 0.0
    view.on_ticker(ticker("0.4800", "5.00"))
    assert view.facts(NOW)["market.last"].value == 0.48


def test_trades_count_once_they_were_listened_to_for_long_enough(view: MarketView) -> None:
    view.listening(NOW - 5 * MINUTE)
    view.on_trade(trade(NOW - 10 * MINUTE, "0.10", "50", "no"))
    view.on_trade(trade(NOW - 2 * MINUTE, "0.40", "3", "yes"))
    view.on_trade(trade(NOW - MINUTE, "0.60", "1", "no"))
    view.on_trade(trade(NOW, "0.99", "100", "yes", block=True))
    assert values(view, "trades.") == {
        "trades.count": 2.0, "trades.volume": 4.0, "trades.yes_share": 0.75, "trades.mean": 0.45,
    }  # fmt: skip
    assert view.facts(NOW - 1)["trades.count"].value is None
    later = values(view, "trades.", NOW + 10 * MINUTE)
    assert later == {"trades.count": 0.0, "trades.volume": 0.0, "trades.yes_share": None, "trades.mean": None}


def test_fee_rates_are_told_until_and_after_a_waiver(view: MarketView) -> None:
    half = FeeChange(0, FeeType.QUADRATIC_WITH_MAKER_FEES, Decimal("0.5"))
    view.on_fees(FeeSchedule((half,), (FeeChange(0, None, None),), waived_until_ns=NOW))
    assert values(view, "market.taker_fee", NOW - 1) == {"market.taker_fee_rate": 0.0}
    assert values(view, "market.taker_fee") == {"market.taker_fee_rate": 0.035}
    assert values(view, "market.maker_fee") == {"market.maker_fee_rate": 0.00875}
    view.on_fees(None)
    assert view.facts(NOW)["market.taker_fee_rate"].reason == "what the market charges is not known"


def test_a_broken_connection_makes_what_moves_unknown(view: MarketView) -> None:
    view.listening(NOW - 9 * MINUTE)
    view.on_ticker(ticker("0.4800", "5.00"))
    view.disconnected()
    assert view.facts(NOW)["market.last"].value is None
    assert view.facts(NOW)["trades.count"] == (None, "trades are not known for all of 5 minutes")


def test_the_life_of_the_market(view: MarketView) -> None:
    assert values(view, "market.")["market.tradable"] is True
    hours = (view.state.close_ns - NOW) / NANOS / 3600
    assert view.facts(NOW)["market.hours_to_close"].value == pytest.approx(hours)
    paused = {"market_ticker": TICKER, "event_type": "deactivated"}
    view.on_lifecycle(MarketLifecycle.model_validate(paused))
    facts = view.facts(NOW)
    assert (facts["market.status"].value, facts["market.tradable"].value) == ("inactive", False)
    assert facts["market.why_not"].value == "trading in the market is paused"
    ended = {"market_ticker": TICKER, "event_type": "determined", "result": "scalar", "settlement_value": "0.2500"}
    view.on_lifecycle(MarketLifecycle.model_validate(ended))
    facts = view.facts(view.state.close_ns + 1)
    assert (facts["market.result"].value, facts["market.settlement"].value) == ("scalar", 0.25)
    assert facts["market.hours_to_close"].value == 0.0


def test_the_account_is_seen_on_the_shard_of_the_market(view: MarketView) -> None:
    balance = Balance.model_validate({
        "balance_dollars": "98.0186", "portfolio_value": 198, "updated_ts": 1,
        "balance_breakdown": [{"exchange_index": 0, "balance": "90.0000"}, {"exchange_index": 3, "balance": "8.0186"}],
    })  # fmt: skip
    view.on_account(None, balance)
    assert values(view, "account.") == {
        "account.available": 98.0186, "account.shard_available": 8.0186, "account.portfolio_value": 1.98,
    }  # fmt: skip
    assert values(view, "position.") == dict.fromkeys(
        ("position.contracts", "position.exposure", "position.realized_pnl", "position.fees_paid"), 0.0
    )
    held = MarketPosition.model_validate({
        "ticker": TICKER, "exchange_index": 3, "position_fp": "-3.00", "total_traded_dollars": "2.5",
        "market_exposure_dollars": "1.44", "realized_pnl_dollars": "0.10", "fees_paid_dollars": "0.0189",
        "last_updated_ts": "2026-06-11T06:29:30.165032Z",
    })  # fmt: skip
    view.on_account(held, balance)
    assert values(view, "position.") == {
        "position.contracts": -3.0, "position.exposure": 1.44, "position.realized_pnl": 0.1,
        "position.fees_paid": 0.0189,
    }  # fmt: skip


def test_a_shard_that_is_not_listed_holds_nothing_and_no_list_is_unknown(view: MarketView) -> None:
    plain = {"balance_dollars": "5.0000", "portfolio_value": 0, "updated_ts": 1}
    view.on_account(None, Balance.model_validate({**plain, "balance_breakdown": []}))
    assert view.facts(NOW)["account.shard_available"].value == 0.0
    view.on_account(None, Balance.model_validate(plain))
    assert view.facts(NOW)["account.shard_available"].value is None

"""Contracts that pay a dollar on paper: NO by selling YES, the dollar that is kept back, fees by market, settlement."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kalshi.fees import FeeTerms, Liquidity
from connectors.kalshi.prices import YesPrice
from connectors.paper import PaperBroker, PaperSettings
from engine.market.events import NANOS, SETTLEMENT, Bar, Observation, Quote
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.orders import BrokerReport, Leg, Order, OrderState, OrderType, Side

A, B = "KX-A", "KX-B"


def contract(symbol: str) -> Instrument:
    return Instrument(symbol, InstrumentKind.BINARY, calendar="24/7", lowest=D("0.01"), highest=D("0.99"))


class Desk:
    """A broker with two markets, cash of $10 and no latency."""

    def __init__(self, **settings: object) -> None:
        given = {"cash": D(10), "contract_rate": D("0.07"), "slippage_bps": D(0), "latency_ms": 0} | settings
        self.broker = PaperBroker(PaperSettings(**given), {A: contract(A), B: contract(B)})  # type: ignore[arg-type]
        self.now = 0
        self.report = BrokerReport()
        self.quote(0.40, 0.45)
        self.quote(0.40, 0.45, B)

    def _take(self, report: BrokerReport | None) -> BrokerReport:
        self.report = report or BrokerReport()
        return self.report

    def quote(self, bid: float | None, ask: float | None, symbol: str = A) -> BrokerReport:
        self.now += NANOS
        return self._take(self.broker.on_events(self.now, [Quote(symbol, self.now, bid, 1000.0, ask, 1000.0)]))

    def settle(self, value: float | None, symbol: str = A) -> BrokerReport:
        self.now += NANOS
        return self._take(self.broker.on_events(self.now, [Observation(symbol, self.now, SETTLEMENT, value)]))

    def order(
        self, name: str, side: Side, quantity: int, symbol: str = A, limit: str | None = None, leg: Leg = Leg.ENTRY
    ) -> OrderState:
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        order = Order(
            name, symbol, side, D(quantity), kind, leg, "p.s", "p.s", self.now, None if limit is None else D(limit)
        )
        self._take(self.broker.place([order], self.now))
        return self.report.updates[0].state


def test_no_is_bought_by_selling_yes_and_costs_the_rest_of_a_dollar() -> None:
    desk = Desk()
    assert desk.order("a", Side.SELL, 17, limit="0.40") is OrderState.REFUSED  # 17 × $0.60 + fees is more than $10
    assert desk.report.updates[0].reason == "it costs 10.50 and 10.00 in cash is free"
    assert desk.order("b", Side.SELL, 16, limit="0.40") is OrderState.WORKING
    desk.quote(0.40, 0.45)
    assert desk.broker.account.positions == {("p.s", A): D(-16)}
    # $10 + 16 × $0.40 − fee stand in cash, and $16 of it is kept back.
    assert desk.order("c", Side.BUY, 1, B, "0.45") is OrderState.REFUSED
    assert "0.13 in cash is free" in desk.report.updates[0].reason


def test_entries_that_rest_keep_their_part_back_on_either_side() -> None:
    desk = Desk()
    assert desk.order("a", Side.SELL, 10, limit="0.50") is OrderState.WORKING  # $5 and fees
    assert desk.order("b", Side.BUY, 10, B, "0.50") is OrderState.REFUSED
    assert desk.order("c", Side.BUY, 9, B, "0.50") is OrderState.WORKING


def test_closing_needs_no_cash() -> None:
    desk = Desk(cash=D(1))
    desk.order("a", Side.BUY, 2, limit="0.45")
    desk.quote(0.40, 0.45)
    assert desk.order("b", Side.SELL, 2, leg=Leg.EXIT) is OrderState.WORKING
    desk.quote(0.40, 0.45)
    assert desk.broker.account.positions == {}


@given(cents=st.integers(1, 99), count=st.integers(1, 500), multiplier=st.sampled_from(["0.5", "1", "1.5"]))
def test_fees_are_the_venues_for_each_market(cents: int, count: int, multiplier: str) -> None:
    terms = FeeTerms(multiplier=D(multiplier))
    desk = Desk(cash=D(10_000), contract_rates={A: terms.rate(Liquidity.TAKER)})
    for symbol, of in ((A, terms), (B, FeeTerms())):
        desk.quote(None, cents / 100, symbol)
        desk.order(f"o{symbol}", Side.BUY, count, symbol)
        (fill,) = desk.quote(None, cents / 100, symbol).fills
        assert fill.price == D(cents) / 100
        assert fill.fee == of.trade_fee(YesPrice(fill.price), D(count), Liquidity.TAKER)


def test_slippage_takes_no_contract_beyond_its_prices() -> None:
    desk = Desk(slippage_bps=D(500))
    desk.order("a", Side.BUY, 2)
    (fill,) = desk.quote(0.97, 0.98).fills
    assert fill.price == D("0.99")


@pytest.mark.parametrize("value", [1.0, 0.0, 0.37])
def test_a_settlement_pays_what_is_held_and_ends_every_order(value: float) -> None:
    desk = Desk()
    desk.order("a", Side.BUY, 2, limit="0.45")
    desk.quote(0.40, 0.45)
    desk.order("no", Side.SELL, 1, limit="0.40")
    desk.quote(0.40, 0.45)  # one of the two is sold again by an entry of the other side
    desk.order("rests", Side.BUY, 1, limit="0.10")
    report = desk.settle(value)
    assert [(f.side, f.quantity, f.price, f.fee, f.leg, f.reason) for f in report.fills] == [
        (Side.SELL, 1, D(repr(value)), 0, Leg.EXIT, "the market was settled")
    ]
    assert [(u.client_id, u.state) for u in report.updates] == [("rests", OrderState.CANCELLED)]
    assert desk.broker.account.positions == {}
    assert desk.broker.account.cash == D(10) - D("0.90") + D("0.40") - D("0.0347") - D("0.0168") + D(repr(value))
    assert desk.broker.resting() == []
    assert desk.settle(value).fills == []


def test_no_contracts_settle_at_the_rest_of_a_dollar() -> None:
    desk = Desk()
    desk.order("a", Side.SELL, 5, limit="0.40")
    fee = desk.quote(0.40, 0.45).fills[0].fee
    before = desk.settle(None).fills
    assert before == []
    desk.settle(0.0)
    assert desk.broker.account.cash == D(10) + 5 * D("0.40") - fee


def test_the_settlement_of_another_market_changes_nothing() -> None:
    desk = Desk()
    desk.order("a", Side.BUY, 5, limit="0.45")
    desk.quote(0.40, 0.45)
    assert desk.settle(1.0, B).fills == []
    assert desk.settle(1.0, "KX-UNKNOWN").fills == []
    assert desk.broker.account.positions == {("p.s", A): D(5)}


def test_a_bar_and_a_settlement_at_one_instant_fill_first() -> None:
    desk = Desk()
    desk.order("a", Side.BUY, 5)
    bar = Bar(A, desk.now, 60, 0.5, 0.6, 0.5, 0.6, 1000.0)
    report = desk.broker.on_events(bar.known_ns, [bar, Observation(A, bar.known_ns, SETTLEMENT, 1.0)])
    assert report is not None
    assert [fill.side for fill in report.fills] == [Side.BUY, Side.SELL]

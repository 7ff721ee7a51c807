"""Round trips from fills: averages, exact money, reasons, extremes."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.events import Bar
from engine.market.orders import Fill, Leg, Side
from engine.research.trades import ClosedTrade, ExitPart, TradeBook

MINUTE = 60_000_000_000


def fill(
    side: Side,
    quantity: str,
    price: str,
    *,
    minute: int = 0,
    fee: str = "0",
    leg: Leg = Leg.ENTRY,
    reason: str = "",
    symbol: str = "SPY",
    strategy: str = "cross",
) -> Fill:
    return Fill(
        fill_id=f"f{minute}",
        client_id=f"order-{minute}",
        symbol=symbol,
        strategy=strategy,
        side=side,
        quantity=D(quantity),
        price=D(price),
        fee=D(fee),
        time_ns=minute * MINUTE,
        leg=leg,
        reason=reason,
    )


def bar(symbol: str, high: float, low: float) -> Bar:
    return Bar(symbol, 0, 60, low, high, low, high, 1.0)


def close(book: TradeBook, last: Fill) -> ClosedTrade:
    trade = book.apply(last)
    assert trade is not None
    return trade


def test_a_long_round_trip_counts_fees_on_both_sides() -> None:
    book = TradeBook()
    assert book.apply(fill(Side.BUY, "10", "100", fee="1"), mid=100.5) is None
    assert book.open_count == 1
    trade = close(book, fill(Side.SELL, "10", "103", minute=5, fee="1.5", leg=Leg.TARGET))
    assert (trade.gross, trade.fees, trade.net) == (D(30), D("2.5"), D("27.5"))
    assert (trade.side, trade.quantity, trade.entry, trade.exit) == (Side.BUY, D(10), D(100), D(103))
    assert (trade.opened_ns, trade.closed_ns, trade.holding_ns) == (0, 5 * MINUTE, 5 * MINUTE)
    assert (trade.exit_reason, trade.entry_client_id, trade.mid_at_entry) == ("target", "order-0", 100.5)
    assert book.open_count == 0
    assert book.trades == [trade]


def test_a_short_gains_when_the_price_falls() -> None:
    book = TradeBook()
    book.apply(fill(Side.SELL, "4", "50"))
    trade = close(book, fill(Side.BUY, "4", "45", minute=1, leg=Leg.STOP, reason="trailed"))
    assert trade.side is Side.SELL
    assert trade.net == D(20)
    assert trade.exit_reason == "stop"
    assert trade.mid_at_entry is None


def test_scaling_out_is_one_trade_named_after_the_last_exit() -> None:
    book = TradeBook()
    book.apply(fill(Side.BUY, "3", "10"))
    book.apply(fill(Side.BUY, "1", "14", minute=1))
    assert book.apply(fill(Side.SELL, "2", "13", minute=2, leg=Leg.EXIT, reason="first_target")) is None
    trade = close(book, fill(Side.SELL, "2", "9", minute=3, leg=Leg.EXIT, reason="time_stop"))
    assert (trade.quantity, trade.entry, trade.exit) == (D(4), D(11), D(11))
    assert trade.gross == 0
    assert trade.exit_reason == "time_stop"
    assert trade.exits == (
        ExitPart("first_target", D(2), D(13), 2 * MINUTE),
        ExitPart("time_stop", D(2), D(9), 3 * MINUTE),
    )


def test_money_stays_exact_where_the_average_price_cannot_be() -> None:
    book = TradeBook()
    book.apply(fill(Side.BUY, "1", "10"))
    book.apply(fill(Side.BUY, "2", "11", minute=1))
    trade = close(book, fill(Side.SELL, "3", "11", minute=2, leg=Leg.EXIT, reason="out"))
    assert trade.gross == D(1)
    assert float(trade.entry) == pytest.approx(32 / 3)


def test_a_fill_through_flat_closes_one_trade_and_opens_the_opposite() -> None:
    book = TradeBook()
    book.apply(fill(Side.BUY, "1", "10"))
    first = close(book, fill(Side.SELL, "3", "12", minute=1, fee="0.10", reason="flip"))
    second = close(book, fill(Side.BUY, "2", "11", minute=2, leg=Leg.EXIT, reason="out"))
    assert (first.side, first.quantity, first.gross) == (Side.BUY, D(1), D(2))
    assert first.exit_reason == "flip"
    assert (second.side, second.quantity, second.gross, second.opened_ns) == (Side.SELL, D(2), D(2), MINUTE)
    assert first.fees + second.fees == D("0.10")
    assert first.fees == D("0.03333333")


def test_extremes_and_bars_come_from_the_trades_own_symbol() -> None:
    book = TradeBook()
    book.on_bars([bar("SPY", 200.0, 1.0)])
    book.apply(fill(Side.BUY, "1", "100"))
    book.on_bars([bar("SPY", 104.0, 99.0)])
    book.on_bars([bar("QQQ", 300.0, 2.0)])
    book.on_bars([bar("SPY", 101.0, 97.5)])
    trade = close(book, fill(Side.SELL, "1", "105", minute=3, leg=Leg.TARGET))
    book.on_bars([bar("SPY", 500.0, 1.0)])
    assert (trade.high, trade.low, trade.bars_held) == (105.0, 97.5, 2)
    assert (book.bars, book.bars_exposed) == (5, 3)


def test_strategies_in_one_symbol_do_not_mix() -> None:
    book = TradeBook()
    book.apply(fill(Side.BUY, "1", "10", strategy="a"))
    book.apply(fill(Side.SELL, "1", "10", strategy="b", minute=1))
    assert book.open_count == 2
    trade = close(book, fill(Side.SELL, "1", "12", strategy="a", minute=2, leg=Leg.EXIT, reason="out"))
    assert (trade.strategy, trade.net) == ("a", D(2))
    assert book.open_count == 1


def test_a_fill_without_quantity_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="fill f0: quantity 0 must be positive"):
        TradeBook().apply(fill(Side.BUY, "0", "10"))


FILLS = st.lists(
    st.tuples(
        st.sampled_from(["SPY", "QQQ"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([Side.BUY, Side.SELL]),
        st.decimals("0.001", "5000", places=3),
        st.decimals("0.0001", "9999", places=4),
        st.decimals("-1", "20", places=4),
    ),
    max_size=40,
)


@given(FILLS)
def test_nets_add_up_to_the_change_in_cash_when_flat(steps: list[tuple[str, str, Side, D, D, D]]) -> None:
    book = TradeBook()
    cash = D(0)
    held: dict[tuple[str, str], D] = {}

    def trade(symbol: str, strategy: str, side: Side, quantity: D, price: D, fee: D) -> None:
        nonlocal cash
        cash -= side.sign * quantity * price + fee
        held[symbol, strategy] = held.get((symbol, strategy), D(0)) + side.sign * quantity
        book.apply(fill(side, str(quantity), str(price), fee=str(fee), symbol=symbol, strategy=strategy))

    for step in steps:
        trade(*step)
    for (symbol, strategy), quantity in list(held.items()):
        if quantity:
            trade(symbol, strategy, Side.SELL if quantity > 0 else Side.BUY, abs(quantity), D("123.45"), D(1))
    assert book.open_count == 0
    assert sum((one.net for one in book.trades), D(0)) == cash
    for one in book.trades:
        assert sum(part.quantity for part in one.exits) == one.quantity
        assert one.low <= float(one.entry) * (1 + 1e-12)
        assert float(one.exit) <= one.high * (1 + 1e-12)

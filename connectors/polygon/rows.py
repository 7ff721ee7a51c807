"""What the vendor tells, as rows of a store and as bars for rules."""

from __future__ import annotations

from connectors.polygon.events import Window
from connectors.polygon.models import Aggregate
from connectors.polygon.tickers import symbol_of
from engine.market.events import Bar
from engine.market.marketdata import BarRow, TickRow

SOURCE = "polygon"  # streamed and asked for later are the same bar, so they have one name
NANOS_PER_MS = 1_000_000


def window_of(ticker: str, row: Aggregate, seconds: int) -> Window:
    """A past aggregate as the stream would have told it."""
    return Window(ticker, row.t * NANOS_PER_MS, seconds, row.o, row.h, row.l, row.c, row.v, row.n)


def bar_row(window: Window) -> BarRow:
    """A minute as a row."""
    return BarRow(
        symbol_of(window.ticker), window.start_ns, window.open, window.high, window.low, window.close,
        window.volume, window.transactions, SOURCE,
    )  # fmt: skip


def tick_row(window: Window) -> TickRow:
    """A second as a tick: its last price and its volume, at the instant at which it was over."""
    return TickRow(symbol_of(window.ticker), window.end_ns, window.close, window.volume, SOURCE, 0)


def bar_of(window: Window) -> Bar:
    """A window as rules see it."""
    volume = None if window.volume is None else float(window.volume)
    return Bar(
        symbol_of(window.ticker), window.start_ns, window.seconds,
        float(window.open), float(window.high), float(window.low), float(window.close), volume,
    )  # fmt: skip

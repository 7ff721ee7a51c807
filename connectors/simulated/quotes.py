"""Prices on the cent grid, and a quote around a price."""

from __future__ import annotations

from engine.market.events import Quote

TICK = 0.01


def to_tick(price: float) -> float:
    """The price rounded to cents, one cent at least."""
    return max(TICK, round(price, 2))


def quote_around(symbol: str, time_ns: int, price: float, spread_bps: float, sizes: tuple[int, int]) -> Quote:
    """Bid and ask ``spread_bps`` basis points apart around a price on the grid: one tick apart at least."""
    ticks = max(1, round(price * spread_bps / 10_000 / TICK))
    bid = to_tick(price - ticks // 2 * TICK)
    return Quote(symbol, time_ns, bid, float(sizes[0]), to_tick(bid + ticks * TICK), float(sizes[1]))

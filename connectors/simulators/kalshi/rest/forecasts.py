"""Forecasts: the percentiles of a number that the prices of an event's strikes stand for."""

from __future__ import annotations

from itertools import pairwise

from connectors.simulators.kalshi import render
from connectors.simulators.kalshi.call import Call
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply


def forecasts(venue: Venue, call: Call) -> Reply:
    """What an event's prices say about the number behind it: percentiles at the end of each period."""
    start, end, period, percentiles = _forecast_query(call)
    event = venue.floor.events.get(call.path["ticker"])
    if event is None or event.series_ticker != call.path["series_ticker"]:
        raise VenueError(400, "invalid_parameters", "there is no such event in the series")
    strikes = sorted(
        (float(m.info["floor_strike"]), m.ticker)
        for m in venue.floor.markets.values()
        if m.event_ticker == event.ticker and str(m.info.get("strike_type", "")).startswith("greater")
    )
    history = []
    mids = _mids(venue, [ticker for _, ticker in strikes], end, period) if len(strikes) > 1 else []
    for time_s, prices in mids:
        if time_s < start or None in prices:
            continue
        curve = _falling([(strike, price or 0.0) for (strike, _), price in zip(strikes, prices, strict=True)])
        points = [_percentile(p, _quantile(curve, p / 10_000)) for p in percentiles]
        history.append(
            {"event_ticker": event.ticker, "end_period_ts": time_s, "period_interval": period,
             "percentile_points": points}
        )  # fmt: skip
    return Reply(200, {"forecast_history": history})


def _forecast_query(call: Call) -> tuple[int, int, int, list[int]]:
    values = [call.integer(name) for name in ("start_ts", "end_ts", "period_interval")]
    for name, value in zip(("start_ts", "end_ts", "period_interval"), values, strict=True):
        if value is None:
            raise call.bad(name, "required")
    start, end, period = (value or 0 for value in values)
    if period not in (1, 60, 1440):
        raise VenueError(400, "invalid_parameters", "forecasts are kept by minute, hour and day")
    texts = call.query.get("percentiles") or []
    if not texts or len(texts) > 10:
        raise call.bad("percentiles", "required" if not texts else "max")
    if not all(text.isdigit() and int(text) <= 9_999 for text in texts):
        raise call.bad("percentiles", "lte")
    return start, end, period, [int(text) for text in texts]


def _mids(venue: Venue, tickers: list[str], end: int, period: int) -> list[tuple[int, list[float | None]]]:
    """Each period's end (Unix seconds) with the middle of every market's last quote by then, from 0 to 1."""
    changes: dict[int, dict[int, float]] = {}
    for place, ticker in enumerate(tickers):
        for candle in venue.candles.read(ticker, 0, end, period):
            changes.setdefault(candle.end, {})[place] = (candle.bid.close + candle.ask.close) / 20_000
    current: list[float | None] = [None] * len(tickers)
    rows = []
    for time_s in sorted(changes):
        for place, middle in changes[time_s].items():
            current[place] = middle
        rows.append((time_s, list(current)))
    return rows


def _falling(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A higher strike is never likelier: prices that say so count as equal."""
    curve, last = [], 1.0
    for strike, chance in points:
        last = min(last, chance)
        curve.append((strike, last))
    return curve


def _quantile(curve: list[tuple[float, float]], share: float) -> float:
    """Where the number lies with this chance at most, on lines between strikes; the outermost strikes are the ends."""
    above = 1 - share
    for (low, likely), (high, unlikely) in pairwise(curve):
        if likely >= above >= unlikely and likely > unlikely:
            return low + (high - low) * (likely - above) / (likely - unlikely)
    return curve[0][0] if above > curve[0][1] else curve[-1][0]


def _percentile(percentile: int, number: float) -> render.Json:
    shown = round(number, 2)
    return {
        "percentile": percentile, "raw_numerical_forecast": number, "numerical_forecast": shown,
        "formatted_forecast": f"{shown:,.2f}",
    }  # fmt: skip

"""Charts as static SVG text: equity, drawdown, and trades on price. Colours come from the page's style sheet."""

from __future__ import annotations

import html
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np

from engine.market.orders import Side
from engine.report.axis import Floats, MarketAxis, Tick, round_values, thin
from engine.report.layout import clean, duration, local_time, money, percent
from engine.research.results import PriceSeries
from engine.research.trades import ClosedTrade

MAX_POINTS = 2_000
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1_000, 12, 78, 12, 26
_MARK = 5.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A plot area: x from 0 to 1 and y from ``low`` to ``high`` onto pixels of the view box."""

    height: int
    low: float
    high: float

    @classmethod
    def around(cls, height: int, low: float, high: float) -> Frame:
        """A frame with a little room above and below; a flat line stands in the middle."""
        margin = (high - low) * 0.04 or max(abs(high) * 0.01, 1e-6)
        return cls(height, low - margin, high + margin)

    def x(self, position: float) -> float:
        return LEFT + position * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (self.height - TOP - BOTTOM)

    def path(self, positions: Floats, values: Floats) -> str:
        points = (f"{self.x(float(p)):.1f},{self.y(float(v)):.1f}" for p, v in zip(positions, values, strict=True))
        return "M" + "L".join(points)


class Curve(Protocol):
    """Whatever has an equity curve; ``BacktestResult`` says what its parts are."""

    @property
    def equity_times_ns(self) -> array[int]: ...
    @property
    def equity(self) -> array[float]: ...
    @property
    def initial_cash(self) -> Decimal: ...
    @property
    def timezone(self) -> str: ...


def equity_chart(result: Curve) -> str:
    """The equity curve against the initial cash; empty text when the curve has no point."""
    if not len(result.equity):
        return ""
    times, equity = np.frombuffer(result.equity_times_ns, np.int64), np.frombuffer(result.equity, np.float64)
    axis = MarketAxis.over(times, result.timezone)
    start = float(result.initial_cash)
    frame = Frame.around(280, min(float(equity.min()), start), max(float(equity.max()), start))
    line = frame.path(*thin(axis.positions(times), equity, MAX_POINTS))
    base = f"{frame.y(start):.1f}"
    body = (
        f'<line class="base" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>'
        f'<path class="equity" d="{line}"/>'
    )
    about = f"Equity from {money(start)} to {money(float(equity[-1]))}"
    return svg(frame, axis.ticks(), _money_ticks(frame), body, about)


def drawdown_chart(result: Curve) -> str:
    """The fall from the running peak as a ratio, below zero; empty text when the curve has no point."""
    if not len(result.equity):
        return ""
    times, equity = np.frombuffer(result.equity_times_ns, np.int64), np.frombuffer(result.equity, np.float64)
    axis = MarketAxis.over(times, result.timezone)
    peaks = np.maximum(np.maximum.accumulate(equity), float(result.initial_cash))
    falls = equity / peaks - 1
    deepest = float(falls.min())
    frame = Frame(150, min(deepest * 1.08, -1e-4), 0.0)
    positions, values = thin(axis.positions(times), falls, MAX_POINTS)
    line, zero = frame.path(positions, values), frame.y(0.0)
    area = f"{line}L{frame.x(float(positions[-1])):.1f},{zero:.1f}L{frame.x(float(positions[0])):.1f},{zero:.1f}Z"
    body = f'<path class="fall-area" d="{area}"/><path class="fall" d="{line}"/>'
    values_at = [(value, percent(value)) for value in round_values(frame.low, 0.0, 4)]
    return svg(frame, axis.ticks(), values_at, body, f"Drawdown, deepest {percent(deepest)}")


def price_chart(series: PriceSeries, trades: Sequence[ClosedTrade], timezone: str) -> str:
    """The close of one symbol with entries and exits of ``trades`` on it; empty text when no close is finite."""
    times, close = np.frombuffer(series.times_ns, np.int64), np.frombuffer(series.close, np.float64)
    known = np.isfinite(close)
    if not known.any():
        return ""
    times, close = times[known], close[known]
    axis = MarketAxis.over(times, timezone)
    prices = [float(price) for trade in trades for price in (trade.entry, trade.exit)]
    frame = Frame.around(340, min([float(close.min()), *prices]), max([float(close.max()), *prices]))
    line = frame.path(*thin(axis.positions(times), close, MAX_POINTS))
    opened = axis.positions([trade.opened_ns for trade in trades])
    closed = axis.positions([trade.closed_ns for trade in trades])
    zone = ZoneInfo(timezone)
    marks = "".join(
        _trade_marks(frame, trade, float(begin), float(end), zone)
        for trade, begin, end in zip(trades, opened, closed, strict=True)
    )
    values_at = [(value, _price(value, frame)) for value in round_values(frame.low, frame.high)]
    body = f'<path class="price" d="{line}"/>{marks}'
    return svg(frame, axis.ticks(), values_at, body, f"Close of {clean(series.symbol)} with {len(trades)} trades")


def _trade_marks(frame: Frame, trade: ClosedTrade, begin: float, end: float, zone: ZoneInfo) -> str:
    """A dashed line from entry to exit, a triangle at the entry (up to buy), a disc (won) or a square at the exit."""
    x1, y1 = frame.x(begin), frame.y(float(trade.entry))
    x2, y2 = frame.x(end), frame.y(float(trade.exit))
    won = trade.net > 0
    tone = "won" if won else "lost"
    way = -1 if trade.side is Side.BUY else 1
    triangle = f"M{x1:.1f},{y1 + way * _MARK:.1f}l{_MARK},{-way * 2 * _MARK}h{-2 * _MARK}z"
    shape = (
        f'<circle class="exit" cx="{x2:.1f}" cy="{y2:.1f}" r="{_MARK - 1}"'
        if won
        else f'<rect class="exit" x="{x2 - _MARK + 1:.1f}" y="{y2 - _MARK + 1:.1f}" '
        f'width="{2 * _MARK - 2}" height="{2 * _MARK - 2}"'
    )
    entry_text, exit_text = _entry_text(trade, zone), _exit_text(trade, zone)
    return (
        f'<g class="trade {tone}"><path class="link" d="M{x1:.1f},{y1:.1f}L{x2:.1f},{y2:.1f}"/>'
        f'<path class="entry" d="{triangle}"><title>{_text(entry_text)}</title></path>'
        f"{shape}><title>{_text(exit_text)}</title></{'circle' if won else 'rect'}></g>"
    )


def _entry_text(trade: ClosedTrade, zone: ZoneInfo) -> str:
    return (
        f"{trade.side.value.capitalize()} {trade.quantity:f} {trade.symbol} at {short_price(float(trade.entry))}\n"
        f"{local_time(trade.opened_ns, zone)}\n{trade.strategy}"
    )


def _exit_text(trade: ClosedTrade, zone: ZoneInfo) -> str:
    return (
        f"Exit {trade.quantity:f} {trade.symbol} at {short_price(float(trade.exit))}: {trade.exit_reason}\n"
        f"{local_time(trade.closed_ns, zone)}, held {duration(trade.holding_ns / 1e9)}\n"
        f"Net {money(float(trade.net))}\n{trade.strategy}"
    )


def short_price(value: float) -> str:
    """A price with two to four decimals, as many as it needs."""
    text = f"{value:,.4f}"
    return text[:-2] if text.endswith("00") else text.rstrip("0")


def _price(value: float, frame: Frame) -> str:
    return f"{value:,.2f}" if frame.high - frame.low >= 0.1 else f"{value:,.4f}"


def _money_ticks(frame: Frame) -> list[tuple[float, str]]:
    write: Callable[[float], str] = (lambda v: f"${v:,.0f}") if frame.high - frame.low >= 10 else money
    return [(value, write(value)) for value in round_values(frame.low, frame.high, 5)]


def _text(text: str) -> str:
    """Escaped text for an SVG title; only our own line breaks survive."""
    return "\n".join(html.escape(clean(line)) for line in text.split("\n"))


def svg(
    frame: Frame, time_ticks: Sequence[Tick], value_ticks: Sequence[tuple[float, str]], body: str, about: str
) -> str:
    """A chart: grid and labels around ``body``; ``about`` is read out where it cannot be seen."""
    right, floor = WIDTH - RIGHT, frame.height - BOTTOM
    grid = []
    for value, label in value_ticks:
        y = frame.y(value)
        grid.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        grid.append(f'<text x="{right + 8}" y="{y + 4:.1f}">{html.escape(label)}</text>')
    for position, label in time_ticks:
        x = frame.x(position)
        anchor = "start" if x < 60 else "end" if x > right - 40 else "middle"
        grid.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{floor}"/>')
        grid.append(f'<text x="{x:.1f}" y="{frame.height - 8}" text-anchor="{anchor}">{html.escape(label)}</text>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {frame.height}" role="img" aria-label="{html.escape(about)}">'
        f"{''.join(grid)}{body}</svg>"
    )

"""What one back-test gives: plain data, its tables, and one JSON object.

Numbers in tables and JSON are plain numbers, rounded: money to 4 decimals, ratios and other figures to 6,
seconds to 3. None (JSON null) is unknown; the reasons stand under ``unknown``. Times are ISO 8601 in UTC.
Keys and rows come in a fixed order, so that two runs over the same data differ only in ``seconds``.
The exact decimals of every trade are in ``trades`` (and in the report's trades.csv).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from engine.market.events import NANOS
from engine.research.chance import chance, price_bands
from engine.research.rows import Cell as Cell
from engine.research.rows import Row as Row
from engine.research.statistics import CurveStatistics, TradeStatistics, curve_statistics, trade_statistics
from engine.research.trades import ClosedTrade

VERDICTS = ("fired", "blocked", "cooling", "unknown")
"""What a rule's decisions came to, in the order tables show them; a rule that is silent decides nothing."""

BOUNDS = ("pessimistic", "central", "optimistic")
"""Fill assumptions, in the order tables show them."""

_DRAWDOWN_TIMES = ("drawdown_start", "drawdown_end", "drawdown_recovery")


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """Closes of one symbol for the chart: ``times_ns`` (UTC ns, ascending, when known) and ``close``, equal lengths."""

    symbol: str
    times_ns: array[int]
    close: array[float]


class OpenPosition(NamedTuple):
    """What is held when a run ends: signed units, average entry and last price (money per unit; None is unknown)."""

    strategy: str
    symbol: str
    quantity: float
    entry: float
    mark: float | None

    @property
    def unrealised(self) -> float | None:
        """Money, before fees."""
        return None if self.mark is None else (self.mark - self.entry) * self.quantity


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """One finished back-test.

    ``data`` describes the input in words; ``parameters`` maps ``rule.name`` to the value used, as text.
    ``started_ns`` and ``ended_ns`` are market time (UTC ns), ``seconds`` the time the run itself took.
    ``equity_times_ns`` and ``equity`` (money) are the curve; ``timezone`` (IANA) decides where its days end.
    ``orders`` and ``fills`` are counts. ``rejected_by_guard`` maps a guard to the entries it blocked,
    ``verdicts`` a rule to its count of each verdict, ``bounds`` a fill assumption to the figures of `headline`.
    ``data_notes`` counts what was odd in the input (late and duplicate bars, trading days without data).
    ``bars_exposed`` counts bars that closed with a position open, None if nobody counted; ``buy_and_hold`` is a ratio,
    None if nobody computed it.
    ``unexpected_firings`` counts the periods in which a rule fired otherwise than its pack expects. ``engine`` is
    "columns" or "tick"; ``fallback`` says why not columns where they were asked for. ``still_open`` is what an account
    that lasts goes on with; None where the end of the data closes everything, as in a back-test.
    """

    pack: str
    data: str
    parameters: Mapping[str, str]
    started_ns: int
    ended_ns: int
    bars: int
    ticks: int
    seconds: float
    decisions_sha256: str
    orders: int
    fills: int
    trades: Sequence[ClosedTrade]
    equity_times_ns: array[int]
    equity: array[float]
    initial_cash: Decimal
    timezone: str = "America/New_York"
    rejected_by_guard: Mapping[str, int] = field(default_factory=dict)
    verdicts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    bounds: Mapping[str, Mapping[str, Cell]] = field(default_factory=dict)
    data_notes: Mapping[str, int] = field(default_factory=dict)
    bars_exposed: int | None = None
    buy_and_hold: float | None = None
    unexpected_firings: Mapping[str, int] = field(default_factory=dict)
    engine: str = "tick"
    fallback: str = ""
    still_open: Sequence[OpenPosition] | None = None

    def statistics(self) -> tuple[TradeStatistics, CurveStatistics]:
        """Figures over all trades and over the equity curve, unrounded."""
        curve = curve_statistics(self.equity_times_ns, self.equity, self.initial_cash, self.timezone)
        return trade_statistics(self.trades), curve

    def summary(self) -> Row:
        """Every headline figure by name, rounded; None is unknown and `unknown` says why."""
        trade, curve = self.statistics()
        return self._summary(trade, curve)

    def unknown(self) -> dict[str, str]:
        """Why a figure of the summary is None, by its key."""
        trade, curve = self.statistics()
        return self._unknown(trade, curve)

    def per_symbol(self) -> list[Row]:
        """One row for each symbol traded, by name."""
        return [{"symbol": symbol, **_figures(group)} for symbol, group in _grouped(self.trades, lambda t: t.symbol)]

    def per_rule(self) -> list[Row]:
        """One row for each rule that was evaluated or traded, by name, with its verdict counts (None: not counted)."""
        groups = dict(_grouped(self.trades, lambda trade: trade.strategy))
        return [
            {"rule": rule, **self._verdict_counts(rule), **_figures(groups.get(rule, []))}
            for rule in sorted({*groups, *self.verdicts})
        ]

    def per_exit_reason(self) -> list[Row]:
        """One row for each reason a position was reduced.

        ``exits`` counts reducing fills, partial ones included; the other figures are of the trades whose last unit
        went for that reason.
        """
        groups = dict(_grouped(self.trades, lambda trade: trade.exit_reason))
        exits: defaultdict[str, int] = defaultdict(int)
        for trade in self.trades:
            for part in trade.exits:
                exits[part.reason] += 1
        return [
            {"exit_reason": reason, "exits": exits.get(reason), **_figures(groups.get(reason, []))}
            for reason in sorted({*groups, *exits})
        ]

    def rejected(self) -> list[Row]:
        """Entries blocked, one row for each guard, the busiest first."""
        ranked = sorted(self.rejected_by_guard.items(), key=lambda item: (-item[1], item[0]))
        return [{"guard": guard, "rejected": count} for guard, count in ranked]

    def fill_bounds(self) -> list[Row]:
        """The figures of `headline` under each fill assumption that was run, pessimistic first."""
        names = [*(name for name in BOUNDS if name in self.bounds), *sorted(self.bounds.keys() - set(BOUNDS))]
        return [{"fills": name, **self.bounds[name]} for name in names]

    def open_positions(self) -> list[Row]:
        """One row for each position that a lasting account goes on with."""
        return [
            {
                "rule": held.strategy, "symbol": held.symbol, "quantity": figure(held.quantity),
                "entry": figure(held.entry), "mark": figure(held.mark), "unrealised": money(held.unrealised),
            }
            for held in self.still_open or ()
        ]  # fmt: skip

    def to_json(self) -> dict[str, object]:
        """One JSON-ready object: identity, counts, ``summary``, ``unknown`` and every table."""
        trade, curve = self.statistics()
        figures, reasons = chance(self.trades)
        return {
            "pack": self.pack,
            "data": self.data,
            "parameters": dict(sorted(self.parameters.items())),
            "started": iso_utc(self.started_ns),
            "ended": iso_utc(self.ended_ns),
            "timezone": self.timezone,
            "bars": self.bars,
            "ticks": self.ticks,
            "seconds": round(self.seconds, 3),
            "engine": self.engine,
            "fallback": self.fallback,
            "decisions_sha256": self.decisions_sha256,
            "orders": self.orders,
            "fills": self.fills,
            "trades": len(self.trades),
            "summary": self._summary(trade, curve),
            "unknown": self._unknown(trade, curve),
            "chance": figures,
            "chance_unknown": reasons,
            "price_bands": price_bands(self.trades),
            "per_symbol": self.per_symbol(),
            "per_rule": self.per_rule(),
            "per_exit_reason": self.per_exit_reason(),
            "rejected_by_guard": self.rejected(),
            "fill_bounds": self.fill_bounds(),
            "data_notes": dict(sorted(self.data_notes.items())),
            "unexpected_firings": dict(sorted(self.unexpected_firings.items())),
            **({} if self.still_open is None else {"still_open": self.open_positions()}),
        }

    @property
    def exposure(self) -> float | None:
        """Share of bars that closed with a position open; None when it was not counted or there was no bar."""
        if self.bars_exposed is None or not self.bars:
            return None
        return self.bars_exposed / self.bars

    def _summary(self, trade: TradeStatistics, curve: CurveStatistics) -> Row:
        fall = curve.max_drawdown
        return {
            "initial_cash": money(self.initial_cash),
            "final_equity": money(curve.final_equity),
            "return": figure(curve.total_return),
            "buy_and_hold": figure(self.buy_and_hold),
            "cagr": figure(curve.cagr),
            "sharpe": figure(curve.sharpe),
            "sortino": figure(curve.sortino),
            "max_drawdown": figure(fall.ratio) if fall else None,
            "max_drawdown_money": money(fall.money) if fall else None,
            "drawdown_start": iso_utc(fall.start_ns) if fall else None,
            "drawdown_end": iso_utc(fall.end_ns) if fall else None,
            "drawdown_recovery": iso_utc(fall.recovery_ns) if fall else None,
            "days": curve.days,
            "exposure": figure(self.exposure),
            **_figures_of(trade),
            "average_win": money(trade.average_win),
            "average_loss": money(trade.average_loss),
            "payoff": figure(trade.payoff),
            "sqn": figure(trade.sqn),
            "largest_ticker_share": figure(trade.largest_ticker_share),
        }

    def _unknown(self, trade: TradeStatistics, curve: CurveStatistics) -> dict[str, str]:
        reasons = {**trade.unknown, **curve.unknown}
        if "total_return" in reasons:
            reasons["return"] = reasons.pop("total_return")
        if self.exposure is None:
            reasons["exposure"] = "no bars" if self.bars_exposed is not None else "not counted"
        if self.buy_and_hold is None:
            reasons["buy_and_hold"] = "not computed"
        fall = curve.max_drawdown
        if fall is None:
            reasons |= dict.fromkeys(("max_drawdown_money", *_DRAWDOWN_TIMES), reasons["max_drawdown"])
        elif fall.ratio == 0:
            reasons |= dict.fromkeys(_DRAWDOWN_TIMES, "no drawdown")
        else:
            if fall.start_ns is None:
                reasons["drawdown_start"] = "it fell from the initial cash"
            if fall.recovery_ns is None:
                reasons["drawdown_recovery"] = "not recovered by the end"
        return dict(sorted(reasons.items()))

    def _verdict_counts(self, rule: str) -> Row:
        counts = self.verdicts.get(rule)
        if counts is None:
            return dict.fromkeys(VERDICTS)
        return {verdict: counts.get(verdict, 0) for verdict in VERDICTS}


def headline(trades: Sequence[ClosedTrade], curve: CurveStatistics) -> Row:
    """The figures that fill bounds are compared by: trades, win_rate, net, expectancy, profit_factor, max_drawdown."""
    trade = trade_statistics(trades)
    return {
        "trades": trade.trades,
        "win_rate": figure(trade.win_rate),
        "net": money(trade.net),
        "expectancy": money(trade.expectancy),
        "profit_factor": figure(trade.profit_factor),
        "max_drawdown": figure(curve.max_drawdown.ratio) if curve.max_drawdown else None,
    }


def money(value: Decimal | float | None) -> float | None:
    """Money as a plain number with 4 decimals; None stays None."""
    return None if value is None else round(float(value), 4)


def figure(value: float | None) -> float | None:
    """A ratio or other figure as a plain number with 6 decimals; None stays None."""
    return None if value is None else round(value, 6)


def iso_utc(time_ns: int | None) -> str | None:
    """An instant as ISO 8601 in UTC with as many fractional digits as it has; None stays None."""
    if time_ns is None:
        return None
    seconds, nanos = divmod(time_ns, NANOS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{text}{fraction}Z"


def _grouped(trades: Iterable[ClosedTrade], key: Callable[[ClosedTrade], str]) -> list[tuple[str, list[ClosedTrade]]]:
    groups: defaultdict[str, list[ClosedTrade]] = defaultdict(list)
    for trade in trades:
        groups[key(trade)].append(trade)
    return sorted(groups.items())


def _figures(trades: Sequence[ClosedTrade]) -> Row:
    return _figures_of(trade_statistics(trades))


def _figures_of(trade: TradeStatistics) -> Row:
    holding = trade.average_holding_seconds
    return {
        "trades": trade.trades,
        "wins": trade.wins,
        "losses": trade.losses,
        "win_rate": figure(trade.win_rate),
        "gross": money(trade.gross),
        "fees": money(trade.fees),
        "net": money(trade.net),
        "expectancy": money(trade.expectancy),
        "profit_factor": figure(trade.profit_factor),
        "average_holding_seconds": None if holding is None else round(holding, 3),
    }

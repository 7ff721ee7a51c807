"""What an account's trading came to: closed trades, what they cost, and by what they can be told apart. Pure."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import fsum

from engine.research.results import Cell, Row, figure, iso_utc, money
from engine.research.statistics import curve_statistics, trade_statistics
from engine.research.statistics.break_even import break_even_win_rate
from engine.research.statistics.events import event_of
from engine.research.trades import ClosedTrade

TRAILING = (50, 100, 200)
GROUPS: Mapping[str, Callable[[ClosedTrade], str]] = {
    "symbol": lambda trade: trade.symbol,
    "event": lambda trade: event_of(trade.symbol, trade.closed_ns),
    "strategy": lambda trade: trade.strategy,
    "exit_reason": lambda trade: trade.exit_reason,
}


@dataclass(frozen=True, slots=True)
class FillCost:
    """What one fill cost. ``leg`` is ``entry``, ``exit`` and so on; ``notional``, ``fee``, ``half_spread`` and
    ``slippage`` are money, positive when paid; the last two are None where nothing was kept to hold the price against.
    """

    strategy: str
    symbol: str
    leg: str
    notional: Decimal
    fee: Decimal
    half_spread: Decimal | None
    slippage: Decimal | None

    @property
    def known(self) -> bool:
        """Whether all that it cost is on record."""
        return self.half_spread is not None and self.slippage is not None


@dataclass(frozen=True, slots=True)
class Costs:
    """What a group of fills cost. Money, positive when paid; ``half_spread`` and ``slippage`` are each over the fills
    that have it, None where none has; ``coverage`` is the share of those that have both. Slippage against a mid price
    has the half spread in it, so ``share`` is fees and slippage over the notional of the fills that have a slippage.
    """

    fills: int
    coverage: float | None
    notional: float
    fees: float
    half_spread: float | None
    slippage: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Account:
    """One account as its store has it. ``trades`` in the order in which they closed; ``times_ns`` and ``equity``
    (money) after each tick; ``cash`` is what it began with. ``open_positions`` are not among the trades.
    """

    name: str
    runs: Sequence[str]
    trades: Sequence[ClosedTrade]
    fills: Sequence[FillCost]
    times_ns: array[int]
    equity: array[float]
    cash: Decimal
    open_positions: int
    timezone: str

    # What charts ask for, by the names that a back-test gives them.

    @property
    def equity_times_ns(self) -> array[int]:
        return self.times_ns

    @property
    def initial_cash(self) -> Decimal:
        return self.cash


def costs_of(fills: Sequence[FillCost]) -> Costs:
    """Sums over fills; see `Costs`."""
    held = [fill for fill in fills if fill.slippage is not None]
    spread, slip = _sum(fill.half_spread for fill in fills), _sum(fill.slippage for fill in held)
    measured = fsum(float(fill.notional) for fill in held)
    share = (fsum(float(fill.fee) for fill in held) + slip) / measured if slip is not None and measured else None
    return Costs(
        len(fills), sum(fill.known for fill in fills) / len(fills) if fills else None,
        fsum(float(f.notional) for f in fills), fsum(float(f.fee) for f in fills), spread, slip, share,
    )  # fmt: skip


def _sum(amounts: Iterable[Decimal | None]) -> float | None:
    """Of those that are known; None where none is."""
    known = [float(amount) for amount in amounts if amount is not None]
    return fsum(known) if known else None


def _costs_row(fills: Sequence[FillCost]) -> dict[str, Cell]:
    costs = costs_of(fills)
    return {
        "fills": costs.fills, "coverage": figure(costs.coverage), "notional": money(costs.notional),
        "fees": money(costs.fees), "half_spread": money(costs.half_spread), "slippage": money(costs.slippage),
        "cost_share": figure(costs.share),
    }  # fmt: skip


def summary(account: Account) -> tuple[Row, dict[str, str]]:
    """Headline figures by name, and why one is None."""
    found = trade_statistics(account.trades)
    curve = curve_statistics(account.times_ns, account.equity, account.cash, account.timezone)
    break_even = break_even_win_rate(account.trades)
    fall = curve.max_drawdown
    row: Row = {
        "trades": found.trades, "wins": found.wins, "losses": found.losses, "win_rate": figure(found.win_rate),
        "break_even_win_rate": figure(break_even), "gross": money(found.gross), "fees": money(found.fees),
        "net": money(found.net), "expectancy": money(found.expectancy), "profit_factor": figure(found.profit_factor),
        "payoff": figure(found.payoff), "average_win": money(found.average_win),
        "average_loss": money(found.average_loss), "average_holding_seconds": figure(found.average_holding_seconds),
        "largest_ticker_share": figure(found.largest_ticker_share), "initial_cash": money(account.cash),
        "final_equity": money(curve.final_equity), "return": figure(curve.total_return),
        "max_drawdown": figure(fall.ratio) if fall else None,
        "max_drawdown_money": money(fall.money) if fall else None, "sharpe": figure(curve.sharpe),
        "days": curve.days, "open_positions": account.open_positions,
    }  # fmt: skip
    reasons = {**found.unknown, **curve.unknown, "return": curve.unknown.get("total_return", "")}
    reasons["max_drawdown_money"] = reasons.get("max_drawdown", "")
    reasons["break_even_win_rate"] = "it needs a trade that won and one that lost"
    return row, {name: reasons.get(name) or "it cannot be computed" for name, value in row.items() if value is None}


def group_rows(trades: Sequence[ClosedTrade], by: str) -> list[Row]:
    """Figures by symbol, event, strategy or exit reason (see `GROUPS`), the largest result first, gains and losses
    alike."""
    groups: dict[str, list[ClosedTrade]] = {}
    for trade in trades:
        groups.setdefault(GROUPS[by](trade), []).append(trade)
    rows = [{by: name, **_figures(group)} for name, group in groups.items()]
    return sorted(rows, key=lambda row: (-abs(float(row["net"] or 0)), str(row[by])))


def _figures(trades: Sequence[ClosedTrade]) -> dict[str, Cell]:
    found = trade_statistics(trades)
    return {
        "trades": found.trades, "win_rate": figure(found.win_rate), "fees": money(found.fees), "net": money(found.net),
        "expectancy": money(found.expectancy), "profit_factor": figure(found.profit_factor),
    }  # fmt: skip


def trailing_rows(trades: Sequence[ClosedTrade]) -> list[Row]:
    """The last 50, 100 and 200 trades, and all; None where there are fewer."""
    rows: list[Row] = []
    for count in TRAILING:
        enough = len(trades) >= count
        figures: Mapping[str, Cell] = _figures(trades[-count:]) if enough else dict.fromkeys(_figures([]))
        rows.append({"window": f"last {count}", **figures, "trades": min(count, len(trades))})
    return [*rows, {"window": "all", **_figures(trades)}]


def cost_rows(fills: Sequence[FillCost]) -> list[Row]:
    """Execution costs by leg of the order, and of all fills."""
    legs = sorted({fill.leg for fill in fills})
    rows: list[Row] = [{"leg": leg, **_costs_row([fill for fill in fills if fill.leg == leg])} for leg in legs]
    return [*rows, {"leg": "all", **_costs_row(fills)}]


def to_json(account: Account) -> dict[str, object]:
    """The whole report as JSON values."""
    figures, unknown = summary(account)
    return {
        "account": account.name,
        "runs": list(account.runs),
        "timezone": account.timezone,
        "first": iso_utc(account.times_ns[0]) if account.times_ns else None,
        "last": iso_utc(account.times_ns[-1]) if account.times_ns else None,
        "summary": figures,
        "unknown": unknown,
        "trailing": trailing_rows(account.trades),
        "costs": cost_rows(account.fills),
        **{f"by_{name}": group_rows(account.trades, name) for name in GROUPS},
    }


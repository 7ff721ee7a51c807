"""A result as titled tables of formatted text: the one place that names, orders and formats figures.

The terminal, Markdown and HTML renderers only draw what this module lays out, so they always say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from engine.market.events import NANOS
from engine.research.chance import chance, price_bands
from engine.research.results import VERDICTS, BacktestResult, Cell, Row
from engine.research.trades import ClosedTrade

UNKNOWN = "—"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; numbers stand to the right."""

    title: str
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """Formatted text, ready to draw: every row has one cell for each column. ``note`` is a sentence below, or empty."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def clean(value: object) -> str:
    """Text safe for a terminal or a page: control and other invisible characters become a replacement mark."""
    return "".join(char if char.isprintable() else "\ufffd" for char in str(value))


def money(value: float) -> str:
    """``-$1,234.50``; amounts under a cent keep four decimals."""
    decimals = 4 if 0 < abs(value) < 0.01 else 2
    return f"{'-' if value < 0 else ''}${abs(value):,.{decimals}f}"


def percent(value: float) -> str:
    return f"{value * 100:,.2f}%"


def decimal(value: float) -> str:
    return f"{value:,.2f}"


def count(value: float) -> str:
    return f"{value:,.0f}"


def units(value: float) -> str:
    return f"{value:,g}"


def price(value: float) -> str:
    """Money a unit, with as many decimals as it has and two at least."""
    whole, _, decimals = f"{value:,.6f}".rstrip("0").partition(".")
    return f"{whole}.{decimals:0<2}"


def counted(value: int, thing: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{value:,} {thing}{'' if value == 1 else 's'}"


def duration(seconds: float) -> str:
    """The two largest units: ``2d 4h``, ``3h 5m``, ``4m 30s``, ``12s``."""
    whole = round(seconds)
    for unit, smaller, size, part in (("d", "h", 86_400, 3_600), ("h", "m", 3_600, 60), ("m", "s", 60, 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size}{unit} {rest}{smaller}" if rest else f"{whole // size}{unit}"
    return f"{whole}s"


def local_time(time_ns: int, zone: ZoneInfo, pattern: str = "%Y-%m-%d %H:%M") -> str:
    """An instant as local date and time of the exchange."""
    return datetime.fromtimestamp(time_ns // NANOS, UTC).astimezone(zone).strftime(pattern)


def _iso_to_local(zone: ZoneInfo) -> Callable[[str], str]:
    return lambda text: datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M")


_FORMATS: Mapping[str, tuple[str, Callable[[float], str] | None]] = {
    "symbol": ("Symbol", None),
    "rule": ("Rule", None),
    "exit_reason": ("Exit reason", None),
    "guard": ("Guard", None),
    "fills": ("Fills", None),
    "exits": ("Exits", count),
    "quantity": ("Quantity", units),
    "entry": ("Entry", price),
    "mark": ("Mark", price),
    "unrealised": ("Unrealised", money),
    "rejected": ("Rejected", count),
    "trades": ("Trades", count),
    "wins": ("Wins", count),
    "losses": ("Losses", count),
    "win_rate": ("Win rate", percent),
    "gross": ("Gross", money),
    "fees": ("Fees", money),
    "net": ("Net", money),
    "expectancy": ("Expectancy", money),
    "profit_factor": ("Profit factor", decimal),
    "average_holding_seconds": ("Holding", duration),
    "max_drawdown": ("Max drawdown", percent),
    "initial_cash": ("Initial cash", money),
    "final_equity": ("Final equity", money),
    "return": ("Return", percent),
    "buy_and_hold": ("Buy and hold", percent),
    "cagr": ("CAGR", percent),
    "sharpe": ("Sharpe", decimal),
    "sortino": ("Sortino", decimal),
    "max_drawdown_money": ("Max drawdown, money", money),
    "drawdown_start": ("Drawdown from", None),
    "drawdown_end": ("Drawdown trough", None),
    "drawdown_recovery": ("Drawdown recovered", None),
    "days": ("Trading days", count),
    "exposure": ("Exposure", percent),
    "average_win": ("Average win", money),
    "average_loss": ("Average loss", money),
    "payoff": ("Payoff", decimal),
    "sqn": ("SQN", decimal),
    "largest_ticker_share": ("Largest ticker's share", percent),
    "events": ("Independent events", count),
    "effective_events": ("Effective events", decimal),
    "largest_event_share": ("Largest event's share", percent),
    "net_without_best": ("Net without the five best", money),
    "break_even_win_rate": ("Break-even win rate", percent),
    "expectancy_low": ("Expectancy, 95% above", money),
    "expectancy_high": ("Expectancy, 95% below", money),
    "expectancy_low_anytime": ("Expectancy, 95% above at all looks", money),
    "profit_factor_low": ("Profit factor, 95% above", decimal),
    "profit_factor_high": ("Profit factor, 95% below", decimal),
    "event_sharpe": ("Sharpe of an event", decimal),
    "probabilistic_sharpe": ("Probabilistic Sharpe", percent),
    "placebo_p": ("Placebo p", percent),
    "cost_from": ("Cost from", money),
    "cost_to": ("to", money),
    "win_rate_low": ("95% above", percent),
    "win_rate_high": ("95% below", percent),
    **{verdict: (verdict.capitalize(), count) for verdict in VERDICTS},
}

TILES = ("net", "return", "max_drawdown", "trades", "win_rate", "profit_factor", "expectancy", "sharpe")
"""The figures shown first."""

_GROUP = (
    "trades",
    "wins",
    "losses",
    "win_rate",
    "fees",
    "net",
    "expectancy",
    "profit_factor",
    "average_holding_seconds",
)


def title_of(key: str) -> str:
    """The heading of a figure or column."""
    return _FORMATS[key][0]


def text_of(key: str, value: Cell) -> str:
    """One value as text; unknown is a dash."""
    if value is None:
        return UNKNOWN
    write = _FORMATS[key][1]
    return clean(value) if write is None or isinstance(value, str) else write(value)


def tables(result: BacktestResult) -> list[Table]:
    """Every table of a report, in reading order; a table without rows says so in its note."""
    per_rule = result.per_rule()
    verdicts = [row for row in per_rule if row["rule"] in result.verdicts]
    bounds = result.fill_bounds()
    return [
        run_table(result),
        summary_table(result),
        chance_table(result.trades),
        *_price_bands(result.trades),
        _table("Per symbol", ("symbol", *_GROUP), result.per_symbol(), "No trades."),
        _table("Per rule", ("rule", *_GROUP), per_rule, "No rule was evaluated."),
        _table("Verdicts per rule", ("rule", *VERDICTS), verdicts, "Verdicts were not counted."),
        _table("Per exit reason", ("exit_reason", "exits", *_GROUP), result.per_exit_reason(), "No trades."),
        *_still_open(result),
        _table("Rejected entries by guard", ("guard", "rejected"), result.rejected(), "No entry was rejected."),
        _table("Fill bounds", tuple(dict.fromkeys(key for row in bounds for key in row)), bounds, "Not run."),
        _pairs("Parameters", "Parameter", sorted(result.parameters.items()), "The pack has no parameters."),
        *_unexpected(result),
        _pairs("Data notes", "Note", _notes(result.data_notes), "Nothing odd in the data."),
    ]


def _still_open(result: BacktestResult) -> list[Table]:
    if result.still_open is None:
        return []
    keys = ("rule", "symbol", "quantity", "entry", "mark", "unrealised")
    return [_table("Still open", keys, result.open_positions(), "Nothing is held.")]


def _unexpected(result: BacktestResult) -> list[Table]:
    if not result.unexpected_firings:
        return []
    return [_pairs("Fired otherwise than expected", "Rule", _notes(result.unexpected_firings), "")]


def run_table(result: BacktestResult) -> Table:
    """What was run, on what, and the hash of its decisions."""
    zone = ZoneInfo(result.timezone)
    rows = [
        ("Pack", result.pack),
        ("Data", result.data),
        ("From", f"{local_time(result.started_ns, zone)} ({result.timezone})"),
        ("To", f"{local_time(result.ended_ns, zone)} ({result.timezone})"),
        ("Bars", count(result.bars)),
        ("Ticks", count(result.ticks)),
        ("Orders", count(result.orders)),
        ("Fills", count(result.fills)),
        ("Run time", f"{result.seconds:,.2f} s"),
        ("Decisions SHA-256", result.decisions_sha256),
    ]
    return _pairs("Run", "Item", rows, "")


def summary_table(result: BacktestResult) -> Table:
    """Every headline figure; an unknown one gives its reason."""
    reasons, to_local = result.unknown(), _iso_to_local(ZoneInfo(result.timezone))
    rows = []
    for key, value in result.summary().items():
        if value is None:
            text = f"unknown: {reasons[key]}"
        elif key.startswith("drawdown_"):
            text = to_local(str(value))
        else:
            text = text_of(key, value)
        rows.append((title_of(key), text))
    return _pairs("Summary", "Figure", rows, "")


def chance_table(trades: Sequence[ClosedTrade]) -> Table:
    """How much of the result chance explains; an unknown figure gives its reason. See docs/statistics.md."""
    figures, reasons = chance(trades)
    rows = [
        (title_of(key), f"unknown: {reasons[key]}" if value is None else text_of(key, value))
        for key, value in figures.items()
    ]
    return _pairs("Chance", "Figure", rows, "")


def _price_bands(trades: Sequence[ClosedTrade]) -> list[Table]:
    rows = price_bands(trades)
    return [_table("Win rate by cost of a contract", tuple(rows[0]), rows, "")] if rows else []


def _notes(notes: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(name, count(number)) for name, number in sorted(notes.items()) if number]


def _pairs(title: str, name: str, rows: Sequence[tuple[str, str]], empty: str) -> Table:
    cells = tuple((clean(key), clean(value)) for key, value in rows)
    return Table(title, (Column(name, numeric=False), Column("Value")), cells, "" if rows else empty)


def _table(title: str, keys: Sequence[str], rows: Sequence[Row], empty: str) -> Table:
    columns = tuple(Column(title_of(key), numeric=_FORMATS[key][1] is not None) for key in keys)
    cells = tuple(tuple(text_of(key, row.get(key)) for key in keys) for row in rows)
    return Table(title, columns, cells, "" if rows else empty)

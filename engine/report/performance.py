"""An account's performance as tables and as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.report.charts import drawdown_chart, equity_chart
from engine.report.layout import UNKNOWN, Column, Table, clean, count, counted, money, percent, text_of, title_of
from engine.report.shell import header, page, section, tiles
from engine.research.performance import GROUPS, Account, cost_rows, group_rows, summary, trailing_rows
from engine.research.results import Cell, Row

TILES = ("net", "return", "max_drawdown", "trades", "win_rate", "profit_factor", "expectancy", "fees")
MOST_ROWS = 50
_OWN = {
    "break_even_win_rate": ("Win rate to come out even", percent), "open_positions": ("Open positions", count),
    "window": ("Window", None), "leg": ("Leg", None), "event": ("Event", None), "strategy": ("Strategy", None),
    "coverage": ("Coverage", percent), "notional": ("Notional", money), "half_spread": ("Half spread", money),
    "slippage": ("Slippage", money), "cost_share": ("Cost of notional", percent),
}  # fmt: skip
GROUP = ("trades", "win_rate", "fees", "net", "expectancy", "profit_factor")
_COSTS = ("fills", "coverage", "notional", "fees", "half_spread", "slippage", "cost_share")
_TITLES = {"symbol": "By ticker", "event": "By event", "strategy": "By strategy", "exit_reason": "By exit reason"}


def performance_tables(account: Account) -> list[Table]:
    """Every table, in reading order."""
    return [
        _summary(account),
        figures_table("Trailing windows", ("window", *GROUP), trailing_rows(account.trades)),
        costs_table(cost_rows(account.fills)),
        *(_limited(_TITLES[by], (by, *GROUP), group_rows(account.trades, by)) for by in GROUPS),
    ]


def costs_table(rows: Sequence[Row]) -> Table:
    """Execution costs by leg."""
    note = (
        "Half spread and slippage are each over the fills for which the store has a quote or a price to hold them "
        "against; coverage is the share of those that have both. Slippage is against the mid price at the decision, "
        "and has the half spread in it; that of a stop is against the stop price, of a target against its limit. The "
        "last column is fees and slippage."
    )
    return figures_table("Execution costs", ("leg", *_COSTS), rows, note)


def render_performance(account: Account) -> str:
    """The whole page; it needs nothing else."""
    about, *groups = performance_tables(account)
    named = ", ".join(account.runs)
    return page(
        f"Performance of account {account.name}",
        (
            header(
                f"Performance of account {account.name}",
                f"{counted(len(account.runs), 'run')}: {named}; by the clock of {account.timezone}",
            ),
            _tiles(account), _curves(account), *(section(table) for table in groups), section(about),
        ),
    )  # fmt: skip


def _curves(account: Account) -> str:
    equity = equity_chart(account)
    if not equity:
        return "<section><h2>Equity</h2><p>Its runs saw no tick.</p></section>"
    return (
        f'<section><h2>Equity</h2><div class="wide">{equity}</div>'
        f'<h3>Drawdown from the running peak</h3><div class="wide">{drawdown_chart(account)}</div></section>'
    )


def _tiles(account: Account) -> str:
    figures, reasons = summary(account)
    shown = []
    for name in TILES:
        value = figures[name]
        if value is None:
            shown.append((_title(name), f"unknown: {reasons[name]}", "unknown"))
        else:
            signed = name in ("net", "return", "expectancy") and isinstance(value, float) and value != 0
            tone = ("won-text" if float(value) > 0 else "lost-text") if signed else ""
            shown.append((_title(name), _text(name, value), tone))
    return tiles(shown)


def _summary(account: Account) -> Table:
    figures, reasons = summary(account)
    rows = [
        ("Account", clean(account.name)), ("Runs", clean(", ".join(account.runs))), ("Timezone", account.timezone),
        *((_title(n), f"unknown: {reasons[n]}" if value is None else _text(n, value)) for n, value in figures.items()),
    ]  # fmt: skip
    return Table("Performance", (Column("Figure", numeric=False), Column("Value")), tuple(rows))


def _limited(title: str, keys: Sequence[str], rows: Sequence[Row]) -> Table:
    hidden = len(rows) - MOST_ROWS
    note = f"The {MOST_ROWS} with the largest result, gains and losses alike; {hidden} more are in --json."
    return figures_table(title, keys, rows[:MOST_ROWS], note if hidden > 0 else "" if rows else "No closed trade.")


def figures_table(title: str, keys: Sequence[str], rows: Sequence[Mapping[str, Cell]], note: str = "") -> Table:
    """Rows of named figures; the first key names the row."""
    columns = tuple(Column(_title(key), numeric=index > 0) for index, key in enumerate(keys))
    cells = tuple(tuple(_text(key, row.get(key)) for key in keys) for row in rows)
    return Table(title, columns, cells, note)


def _title(key: str) -> str:
    if key == "fills":
        return "Fills"
    return _OWN[key][0] if key in _OWN else title_of(key)


def _text(key: str, value: Cell) -> str:
    if value is None:
        return UNKNOWN
    if key == "fills":
        return count(float(value))
    if key not in _OWN:
        return text_of(key, value)
    write = _OWN[key][1]
    return clean(value) if write is None or isinstance(value, str) else write(value)


"""A result as one HTML file that needs nothing else: no network, no fonts, and no script for the static picture."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from zoneinfo import ZoneInfo

from engine.report.charts import drawdown_chart, equity_chart, price_chart, short_price
from engine.report.layout import TILES, Column, Table, clean, duration, local_time, money, tables, text_of, title_of
from engine.report.shell import drawn, page, section, tiles
from engine.research.results import BacktestResult, PriceSeries
from engine.research.trades import ClosedTrade

MAX_MARKED_TRADES = 2_000
MAX_CHARTS = 24
MAX_LISTED_TRADES = 500

_SIGNED_TILES = ("net", "return", "expectancy")


def render_html(result: BacktestResult, prices: Sequence[PriceSeries]) -> str:
    """The whole page. ``prices`` are drawn for symbols that traded, at most `MAX_CHARTS` of them.

    Every text that comes from rules or data is escaped; a content security policy allows only our own inline script.
    """
    run, summary, *groups = tables(result)
    *figures, parameters, notes = groups
    name = escape(clean(result.pack))
    zone = ZoneInfo(result.timezone)
    span = f"{local_time(result.started_ns, zone)} to {local_time(result.ended_ns, zone)}, {result.timezone}"
    return page(
        f"Back-test of {result.pack}",
        (
            f"<header><h1>Back-test of {name}</h1><p>{escape(clean(result.data))}</p><p>{escape(span)}</p></header>",
            _tiles(result),
            _curves(result),
            _trades_on_price(result, prices),
            f'<div class="pair">{section(summary)}<div>{section(run)}{section(parameters)}'
            f"{section(notes)}</div></div>",
            *(section(table) for table in figures),
            _trade_list(result),
        ),
    )


def _tiles(result: BacktestResult) -> str:
    summary, reasons = result.summary(), result.unknown()
    shown = []
    for key in TILES:
        value, tone = summary[key], ""
        if value is None:
            text, tone = f"unknown: {reasons[key]}", "unknown"
        else:
            text = text_of(key, value)
            if key in _SIGNED_TILES and isinstance(value, float) and value:
                tone = "won-text" if value > 0 else "lost-text"
        shown.append((title_of(key), text, tone))
    return tiles(shown)


def _curves(result: BacktestResult) -> str:
    equity = equity_chart(result)
    if not equity:
        return "<section><h2>Equity</h2><p>The run recorded no equity.</p></section>"
    return (
        f'<section><h2>Equity</h2><div class="wide">{equity}</div>'
        f'<h3>Drawdown from the running peak</h3><div class="wide">{drawdown_chart(result)}</div>'
        '<p class="key">Nights and week-ends take no room. The dashed line is the initial cash.</p></section>'
    )


def _trades_on_price(result: BacktestResult, prices: Sequence[PriceSeries]) -> str:
    marked = heapq.nlargest(MAX_MARKED_TRADES, result.trades, key=lambda trade: abs(trade.net))
    by_symbol: defaultdict[str, list[ClosedTrade]] = defaultdict(list)
    for trade in sorted(marked, key=lambda trade: trade.opened_ns):
        by_symbol[trade.symbol].append(trade)
    traded = sorted((one for one in prices if one.symbol in by_symbol), key=lambda one: -len(by_symbol[one.symbol]))
    priceless = sorted(by_symbol.keys() - {one.symbol for one in prices})
    parts = ["<section><h2>Trades on price</h2>"]
    if not traded:
        parts.append("<p>No trades to show on a price.</p>")
    else:
        parts.append(
            '<p class="key">Triangle: entry, pointing up to buy. <span class="won-text">Blue with a disc: won.</span> '
            '<span class="lost-text">Orange with a square: lost or flat.</span> Point at a mark for its details.</p>'
        )
    if len(result.trades) > len(marked):
        parts.append(f"<p>The {len(marked):,} trades of {len(result.trades):,} with the largest net are marked.</p>")
    if len(traded) > MAX_CHARTS:
        parts.append(f"<p>The {MAX_CHARTS} symbols of {len(traded):,} with the most trades are drawn.</p>")
    if priceless:
        parts.append(f"<p>Without a price series, not drawn: {escape(clean(', '.join(priceless)))}.</p>")
    for one in traded[:MAX_CHARTS]:
        chart = price_chart(one, by_symbol[one.symbol], result.timezone)
        parts.append(f'<h3>{escape(clean(one.symbol))}</h3><div class="wide">{chart}</div>')
    return "".join((*parts, "</section>"))


def _trade_list(result: BacktestResult) -> str:
    if not result.trades:
        return ""
    zone = ZoneInfo(result.timezone)
    shown = result.trades[:MAX_LISTED_TRADES]
    columns = (
        *(Column(name, numeric=False) for name in ("Opened", "Symbol", "Rule", "Side")),
        *(Column(name) for name in ("Quantity", "Entry", "Exit", "Net", "Held")),
        Column("Exit reason", numeric=False),
    )
    rows = tuple(
        (
            local_time(trade.opened_ns, zone),
            clean(trade.symbol),
            clean(trade.strategy),
            trade.side.value,
            f"{trade.quantity:f}",
            short_price(float(trade.entry)),
            short_price(float(trade.exit)),
            money(float(trade.net)),
            duration(trade.holding_ns / 1e9),
            clean(trade.exit_reason),
        )
        for trade in shown
    )
    hidden = len(result.trades) - len(shown)
    note = f"The first {len(shown):,}; {hidden:,} more are in trades.csv." if hidden else ""
    table = drawn(Table("Trades", columns, rows, note))
    return f"<section><details><summary>All trades, one by one</summary>{table}</details></section>"

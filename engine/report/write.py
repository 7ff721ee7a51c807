"""A result as a folder of files."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from engine.report.html import render_html
from engine.report.markdown import render_markdown
from engine.research.results import BacktestResult, PriceSeries, iso_utc
from engine.research.trades import ClosedTrade

TRADE_COLUMNS = (
    *("strategy", "symbol", "side", "quantity", "entry", "exit", "opened", "closed", "opened_ns", "closed_ns"),
    *("gross", "fees", "net", "exit_reason", "entry_client_id", "high", "low", "mid_at_entry", "bars_held", "exits"),
)


class ReportError(Exception):
    """A report that cannot be written. The text names the folder and the mend."""


def write_report(result: BacktestResult, prices: Sequence[PriceSeries], out: Path) -> list[Path]:
    """Write summary.json, report.html, trades.csv and report.md into folder ``out``, made if missing.

    Files of those names are replaced. Returns their paths. Raises ReportError when the folder cannot be written.
    """
    texts = {
        "summary.json": json.dumps(result.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        "report.html": render_html(result, prices),
        "trades.csv": trades_csv(result.trades),
        "report.md": render_markdown(result),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ReportError(
            f"cannot write the report to {out}: {error.strerror or error}; name a folder that can be written"
        ) from error
    return [out / name for name in texts]


def trades_csv(trades: Sequence[ClosedTrade]) -> str:
    """Every trade with its exact decimals, one a line. ``exits`` is ``reason quantity@price`` joined by ``; ``."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(TRADE_COLUMNS)
    for trade in trades:
        writer.writerow(
            (
                trade.strategy,
                trade.symbol,
                trade.side.value,
                f"{trade.quantity:f}",
                f"{trade.entry:f}",
                f"{trade.exit:f}",
                iso_utc(trade.opened_ns),
                iso_utc(trade.closed_ns),
                trade.opened_ns,
                trade.closed_ns,
                f"{trade.gross:f}",
                f"{trade.fees:f}",
                f"{trade.net:f}",
                trade.exit_reason,
                trade.entry_client_id,
                trade.high,
                trade.low,
                "" if trade.mid_at_entry is None else trade.mid_at_entry,
                trade.bars_held,
                "; ".join(f"{part.reason} {part.quantity:f}@{part.price:f}" for part in trade.exits),
            )
        )
    return buffer.getvalue()

"""Signals as a table for spreadsheets and as a message for a chat."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from engine.research.ranking import Ranked

LONGEST = 4096  # characters that one Telegram message may have
COLUMNS = (
    "rank", "ticker", "side", "fair_yes_probability", "confidence", "price", "edge", "kelly", "stake", "contracts",
    "title",
)  # fmt: skip


def signals_csv(ranked: Sequence[Ranked]) -> str:
    """One line for each signal, the best first; empty where no price was known."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, one in enumerate(ranked, 1):
        candidate = one.candidate
        writer.writerow([
            number, candidate.ticker, one.side, _number(candidate.fair), _number(candidate.confidence),
            _number(one.price), _number(one.edge), _number(one.kelly), _number(one.stake, 2),
            "" if one.contracts is None else one.contracts, candidate.title,
        ])  # fmt: skip
    return out.getvalue()


def message(ranked: Sequence[Ranked], bankroll: float, as_of: str) -> str:
    """Plain text that fits one Telegram message; what does not fit is counted."""
    head = f"Signals as of {as_of}\nBankroll ${bankroll:,.2f}\n"
    text, shown = head, 0
    for number, one in enumerate(ranked, 1):
        line = f"\n{number}. {_line(one)}"
        if len(text) + len(line) > LONGEST - 40:
            break
        text, shown = text + line, number
    if shown < len(ranked):
        text += f"\n… and {len(ranked) - shown} more"
    return text + "\n"


def _line(one: Ranked) -> str:
    candidate = one.candidate
    named = f"{candidate.ticker} {one.side}" + (f" ({candidate.title})" if candidate.title else "")
    fair = candidate.fair if one.side == "YES" else 1 - candidate.fair
    told = f"fair {fair:.0%}, confidence {candidate.confidence:.0%}"
    if one.price is None or one.edge is None or one.stake is None:
        return f"{named}\n   {told}, price unknown"
    size = f"stake ${one.stake:.2f} ({one.contracts})" if one.contracts else "no stake"
    return f"{named} at {100 * one.price:.1f}c\n   {told}, edge {100 * one.edge:+.1f}c after fee, {size}"


def _number(value: float | None, digits: int = 4) -> str:
    return "" if value is None else f"{value:.{digits}f}"

"""What the verbs below ``engine signals`` share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from connectors.flow.markets import MarketRow
from engine.cli.errors import UserError
from engine.market.trades import PublicTrade
from engine.research.flow.calibration import parse_calibration
from engine.research.flow.samples import Domain, MarketFacts, by_market
from engine.ruleset.times import duration_seconds

CalibrationOption = Annotated[
    Path | None, typer.Option("--calibration", metavar="FILE", help="Slopes by domain and horizon, a table of yours.")
]
DomainOption = Annotated[
    str | None, typer.Option("--domain", metavar="NAME", help="Domain in that table of markets that do not say theirs.")
]
MarketsOption = Annotated[
    Path | None,
    typer.Option("--markets", metavar="FILE", help="CSV: ticker, event_ticker, domain, ends, result, settled_time, …"),
]
SeriesOption = Annotated[
    str | None, typer.Option("--series", metavar="S", help="Ask the venue about the markets of this series.")
]


def seconds(text: str, option: str) -> float:
    """A duration option such as 30m."""
    if not re.fullmatch(r"\d+(\.\d+)?(ms|s|m|h|d)", text) or duration_seconds(text) <= 0:
        raise UserError(f"{option} {text} is no duration; write 90s, 30m, 6h or 2d")
    return duration_seconds(text)


def read_text(path: Path, what: str) -> str:
    """The text of a file that the user named."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"there is no {what} {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None


def domain_of(calibration: Path | None, domain: str | None) -> Domain | None:
    """The calibration that was asked for."""
    if calibration is None:
        if domain is not None:
            raise UserError("--domain is a domain of a table: add --calibration FILE")
        return None
    if domain is None:
        raise UserError("--calibration needs --domain, the domain of markets that do not say theirs")
    table = parse_calibration(read_text(calibration, "calibration table"), str(calibration))
    table.line(domain, 1.0)  # says now whether there is such a domain
    return Domain(table, domain)


def facts_of(row: MarketRow) -> MarketFacts:
    """A row as the fit takes it."""
    return MarketFacts(row.event, row.domain, row.ends_ns, row.result, row.settled_ns)


def sorted_trades(trades: list[PublicTrade], where: str) -> dict[str, list[PublicTrade]]:
    """Trades by market, oldest first; UserError when there is none."""
    found = by_market(trades)
    if not found:
        raise UserError(f"{where} has no trades")
    return found

"""Market data of a venue in files: which kind a path is, and what a run needs of it beside its ticks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from connectors.days import ALL_TIME, DayRange
from engine.cli.errors import UserError
from engine.market.events import MarketSource
from engine.market.instrument import Instrument


class VenueData(Protocol):
    """Recorded markets of a venue. ``taker_rates`` by market, where they are known; ``words`` for reports: what the
    data is, and what was assumed. ``has_signals``: whether it holds what a signal file said then."""

    has_signals: bool

    @property
    def instruments(self) -> Mapping[str, Instrument]: ...

    @property
    def taker_rates(self) -> Mapping[str, Decimal]: ...

    @property
    def origin(self) -> str:
        """Where its prices came from, in a few words; it ends in ``practice`` where a practice exchange made them, and
        in ``assumed`` where bid and ask are nobody's."""
        ...

    @property
    def words(self) -> str: ...

    def listed(self) -> Mapping[str, Sequence[str]] | None:
        """Which source of signals listed which markets; None where that was not kept."""
        ...

    def ticks_of(self, symbols: Collection[str], names: Collection[str], days: DayRange = ALL_TIME) -> MarketSource:
        """A source of what ``days`` have of ``symbols``; of facts only those in ``names`` are wanted."""
        ...


def venue_data(root: Path, session: int | None, spread: Decimal | None) -> VenueData | None:
    """The venue's markets at ``root``; None where it holds bars of shares or indices.

    ``session`` chooses one of a capture; ``spread`` is what to assume between bid and ask of candles, in dollars.
    """
    from connectors.capture.frames import is_capture

    if root.is_file() and is_capture(root):
        from connectors.capture.source import CapturedMarkets

        return CapturedMarkets(root, session)
    if session is not None:
        raise UserError(f"--session is for a capture, and {root} is none")
    from connectors.candles.files import candle_files, quote_file

    if candle_files(root):
        from connectors.candles.source import CandleMarkets

        return CandleMarkets(root, spread)
    if quote_file(root) is not None:
        from connectors.candles.quotes import QuotedMarkets

        return QuotedMarkets(root)
    return None

"""Venues beside Kalshi whose table of the settings is not as it comes: what their keys and settings come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from engine.cli.checks.check import Check, fail, ok, warn
from engine.cli.errors import exit_code_of
from engine.cli.venues import VENUES, VenueName, venue_kind
from engine.cli.venues.port import VenuePort
from engine.settings import Settings

EXAMINED = "kalshi"  # key, file, clock and markets of it are checks of their own


def check_venues(settings: Settings) -> list[Check]:
    """What each venue that is set up comes to: its settings, and what it says itself."""
    names, defaults = cast("tuple[VenueName, ...]", VENUES), Settings()
    return [
        check for name in names if name != EXAMINED and getattr(settings, name) != getattr(defaults, name)
        for check in _check(name, settings)
    ]  # fmt: skip


def _check(name: VenueName, settings: Settings) -> list[Check]:
    kind = venue_kind(name)
    live = kind.consents(settings).execution_mode == "live"
    try:
        port = kind.port(settings)
    except Exception as error:
        if exit_code_of(error) is None:
            raise
        found, _, mend = str(error).partition(": ")
        return [(fail if live else warn)(name, found, mend or "see docs/configuration.md")]
    said = ok(name, f"{port.place} at {port.address}, execution mode {'live' if live else 'paper'}")
    return [said, *ask(port, settings)]


def ask(port: VenuePort, settings: Settings) -> list[Check]:
    """What only the venue itself knows; nothing is asked where no connector can be."""
    from engine.cli.venues.tradier import TradierPort

    if not isinstance(port, TradierPort):
        return []
    from engine.cli.checks.tradier import ask_tradier

    return ask_tradier(port, settings)


def is_live(venue: str, settings: Settings) -> bool:
    """Whether the settings of a pack's venue send real or mock orders there."""
    names: Mapping[str, VenueName] = {name: cast("VenueName", name) for name in VENUES}
    return venue in names and venue_kind(names[venue]).consents(settings).execution_mode == "live"

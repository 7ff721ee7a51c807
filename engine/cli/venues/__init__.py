"""Venues as the verbs know them: one ``VenueKind`` each, chosen by ``--venue``. Their libraries are imported late."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import typer

from engine.cli.errors import UserError
from engine.cli.venues.port import VenueKind, VenuePort
from engine.settings import Settings

VenueName = Literal["kalshi", "tradier"]
VENUES: tuple[str, ...] = get_args(VenueName)
DEFAULT: VenueName = "kalshi"
BooksOption = Annotated[
    VenueName | None, typer.Option("--venue", help="Only accounts on this venue.  [default: that of the newest run]")
]
VenueOption = Annotated[VenueName, typer.Option("--venue", help="Which venue's account.")]


def venue_kind(name: VenueName) -> VenueKind:
    """What is known of the venue ``name`` before any key."""
    if name == "kalshi":
        from engine.cli.venues.kalshi import KALSHI

        return KALSHI
    if name == "tradier":
        from engine.cli.venues.tradier import TRADIER

        return TRADIER
    raise UserError(f"there is no venue {name}; venues are {', '.join(VENUES)}")


def port_of(settings: Settings, name: VenueName) -> VenuePort:
    """The venue ``name`` as the settings have it; UserError says which setting, key or package is missing."""
    return venue_kind(name).port(settings)

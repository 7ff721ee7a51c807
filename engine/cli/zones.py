"""By which clocks a run goes: those of its packs' timezone, whatever zone an exchange has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from connectors.calendars import calendar
from engine.cli.errors import UserError
from engine.decide.sessions import window_calendars
from engine.market.calendar import TradingCalendar, in_zone
from engine.market.instrument import Instrument
from engine.ruleset.rules import Ruleset


def timezone_of(ruleset: Ruleset) -> str:
    """The timezone of the packs; empty where none says one. UserError where they have several: an account's day ends
    once, and a fact such as ``time_of_day`` has one value for a symbol."""
    zones = {pack.timezone: pack.name for pack in ruleset.packs.values() if pack.timezone and pack.strategies}
    if len(zones) > 1:
        said = ", ".join(f"{name} is in {zone}" for zone, name in sorted(zones.items()))
        raise UserError(f"packs of several timezones cannot share a run: {said}; give them one, or run them apart")
    return next(iter(zones), "")


def calendars_of(
    ruleset: Ruleset, instruments: Mapping[str, Instrument]
) -> tuple[dict[str, Instrument], dict[str, TradingCalendar]]:
    """The instruments by the clocks of the run, and by name the calendars of them and of all session windows."""
    zone = timezone_of(ruleset)
    there = {s: replace(i, calendar=in_zone(i.calendar, zone, calendar)) for s, i in instruments.items()}
    names = {i.calendar for i in there.values()} | window_calendars(ruleset.packs.values(), calendar)
    return there, {name: calendar(name) for name in sorted(names)}

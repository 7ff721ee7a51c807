"""By which clocks a verb goes: those of its packs' timezone, whatever zone an exchange or a recording has; without
a pack those of ``engine.timezone``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from connectors.calendars import calendar
from connectors.days import DayRange
from engine.cli.errors import UserError
from engine.decide.sessions import window_calendars
from engine.market.calendar import TradingCalendar, in_zone
from engine.market.instrument import Instrument
from engine.ruleset.rules import Ruleset
from engine.settings.models import Settings


def timezone_of(ruleset: Ruleset) -> str:
    """The timezone of the packs; empty where none says one. UserError where they have several: an account's day ends
    once, and a fact such as ``time_of_day`` has one value for a symbol."""
    zones = {pack.timezone: pack.name for pack in ruleset.packs.values() if pack.timezone and pack.strategies}
    if len(zones) > 1:
        said = ", ".join(f"{name} is in {zone}" for zone, name in sorted(zones.items()))
        raise UserError(f"packs of several timezones cannot share a run: {said}; give them one, or run them apart")
    return next(iter(zones), "")


def zone_of(ruleset: Ruleset, settings: Settings) -> str:
    """The timezone by which days are asked for and times are shown of whatever is done by these rules."""
    return timezone_of(ruleset) or settings.engine.timezone


def common_zone(zones: Iterable[str], otherwise: str) -> str:
    """The one timezone of what is shown together; ``otherwise`` where there are several, or none."""
    found = set(filter(None, zones))
    return found.pop() if len(found) == 1 else otherwise


def days_of(first: date | None, last: date | None, timezone: str) -> DayRange:
    """The days of ``--from`` and ``--to``; UserError for the wrong way round."""
    check_days(first, last)
    return DayRange(first, last, timezone)


def check_days(first: date | None, last: date | None) -> None:
    """UserError for ``--from`` and ``--to`` the wrong way round."""
    if first is not None and last is not None and last < first:
        raise UserError(f"--to {last} is before --from {first}")


def calendars_of(
    ruleset: Ruleset, instruments: Mapping[str, Instrument]
) -> tuple[dict[str, Instrument], dict[str, TradingCalendar]]:
    """The instruments by the clocks of the run, and by name the calendars of them and of all session windows."""
    zone = timezone_of(ruleset)
    there = {s: replace(i, calendar=in_zone(i.calendar, zone, calendar)) for s, i in instruments.items()}
    names = {i.calendar for i in there.values()} | window_calendars(ruleset.packs.values(), calendar)
    return there, {name: calendar(name) for name in sorted(names)}

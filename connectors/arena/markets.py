"""What a contract is about: which model or brand, and when the leaderboard is looked at. What is not plain is refused.

The suffix of a ticker says nothing that can be relied on; the name is what YES stands for, and the moment is in the
text of the rules. Day of the week, hour and name are never assumed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from engine.market.events import NANOS
from engine.market.signals import MarketListing

TOP_MODEL, TOP_ORGANISATION = "KXTOPMODEL", "KXLLM1"
SERIES = (TOP_MODEL, TOP_ORGANISATION)
NEW_YORK = ZoneInfo("America/New_York")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_TICKER = re.compile(r"([A-Z0-9]+)-(\d{2})([A-Z]{3})(\d{2})(?:-([A-Z0-9.]+))?")
_MOMENT = re.compile(
    r"\bon ([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4}),? at (\d{1,2}):(\d{2})\s*([AaPp])\.?[Mm]\.?\s*\(?(ET|EST|EDT)\b"
)
_TOP_MODEL = re.compile(r"\bIf (?P<name>.+?) is the top[- ]ranked AI model\b", re.IGNORECASE)
_NOT_THE_TOP = re.compile(r"\b(runner[- ]?up|second|coding|style control (?:is )?on)\b", re.IGNORECASE)


class NotAContract(Exception):
    """A market that is not traded here. The text says why, for ``arena.why_not``."""


@dataclass(frozen=True, slots=True)
class Ticker:
    """``KXTOPMODEL-26SEP28-CLF51M`` in its parts; ``suffix`` is empty for an event."""

    series: str
    day: date
    suffix: str


@dataclass(frozen=True, slots=True)
class Contract:
    """One market: YES pays when ``name``, a model or (KXLLM1) a brand, leads at ``check_ns``."""

    ticker: str
    series: str
    event: str
    name: str
    check_ns: int

    @property
    def of_organisation(self) -> bool:
        return self.series == TOP_ORGANISATION


def read_ticker(ticker: str) -> Ticker:
    """The parts of a ticker of these series, NotAContract for others."""
    found = _TICKER.fullmatch(ticker)
    if found is None or found[1] not in SERIES:
        raise NotAContract(f"{ticker} is no ticker of {' or '.join(SERIES)}")
    try:
        day = date(2000 + int(found[2]), _MONTHS.index(found[3].casefold()) + 1, int(found[4]))
    except ValueError:
        raise NotAContract(f"{ticker} has no date in its name") from None
    return Ticker(found[1], day, found[5] or "")


def check_moment(rules: str) -> int:
    """When the leaderboard is looked at, by the text of the rules, in UTC nanoseconds."""
    found = {(_date(m[1], m[2], m[3]), _time(m[4], m[5], m[6])) for m in _MOMENT.finditer(rules)}
    if len(found) != 1:
        what = "name no day and hour" if not found else "name more than one day and hour"
        raise NotAContract(f"its rules {what} at which the leaderboard is looked at")
    moment = datetime.combine(*found.pop(), NEW_YORK).astimezone(UTC)
    return int(moment.timestamp()) * NANOS


def read_contract(listed: MarketListing) -> Contract:
    """What a listed market is about; NotAContract says what of it is not plain."""
    ticker = read_ticker(listed.ticker)
    if not ticker.suffix:
        raise NotAContract(f"{listed.ticker} is an event and no market")
    if not listed.rules.strip():
        raise NotAContract("the venue tells no rules of it, so that nobody knows when the leaderboard is looked at")
    if found := _NOT_THE_TOP.search(f"{listed.title} {listed.rules}"):
        raise NotAContract(f"it is about something else: {found[0]}")
    check_ns = check_moment(listed.rules)
    day = datetime.fromtimestamp(check_ns // NANOS, NEW_YORK).date()
    if day != ticker.day:
        raise NotAContract(f"its rules look at the leaderboard on {day}, its ticker says {ticker.day}")
    name = listed.yes.strip()
    if not name:
        raise NotAContract("the venue does not tell what YES stands for")
    if ticker.series == TOP_MODEL:
        _same_model(name, listed.rules)
    elif not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", listed.rules, re.IGNORECASE):
        raise NotAContract(f"YES stands for {name}, which its rules do not name")
    event = listed.event or listed.ticker.rpartition("-")[0]
    return Contract(listed.ticker, ticker.series, event, name, check_ns)


def _same_model(name: str, rules: str) -> None:
    named = {m["name"].strip().casefold() for m in _TOP_MODEL.finditer(rules)}
    if named != {name.casefold()}:
        what = f"are about {', '.join(sorted(named))}" if named else "do not say who must be the top-ranked AI model"
        raise NotAContract(f"YES stands for {name}, and its rules {what}")


def _date(month: str, day: str, year: str) -> date:
    try:
        return date(int(year), _MONTHS.index(month[:3].casefold()) + 1, int(day))
    except ValueError:
        raise NotAContract(f"its rules name the day {month} {day}, {year}, which is none") from None


def _time(hour: str, minute: str, half: str) -> time:
    try:
        return time(int(hour) % 12 + (12 if half.casefold() == "p" else 0), int(minute))
    except ValueError:
        raise NotAContract(f"its rules name the time {hour}:{minute}, which is none") from None

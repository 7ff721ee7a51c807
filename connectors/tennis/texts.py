"""What the title, the rules and the ticker of a market on a tennis match say. Pure text; nobody is looked up here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from connectors.tennis.names import is_pair, normalised
from engine.market.signals import MarketListing
from engine.market.tennis import Tour


class SeriesKind(NamedTuple):
    """Which players a series is about, and at which level they play."""

    tour: Tour
    level: str


SERIES = {
    "KXATPMATCH": SeriesKind(Tour.ATP, "tour"),
    "KXWTAMATCH": SeriesKind(Tour.WTA, "tour"),
    "KXATPCHALLENGERMATCH": SeriesKind(Tour.ATP, "challenger"),
    "KXWTACHALLENGERMATCH": SeriesKind(Tour.WTA, "challenger"),
    "KXITFMATCH": SeriesKind(Tour.ATP, "itf"),
    "KXITFWMATCH": SeriesKind(Tour.WTA, "itf"),
}  # fmt: skip
_TITLE = re.compile(
    r"^Will (?P<yes>.+?) win the (?P<one>.+?) vs\.? (?P<other>.+?)(?:\s*:\s*(?P<where>.+?))?(?:\s+match)?\s*\?$",
    re.IGNORECASE,
)
_RULES = re.compile(
    r"^If (?P<yes>.+?) wins the (?P<one>.+?) vs\.? (?P<other>.+?) professional tennis match in the (?P<year>20\d\d) "
    r"(?P<where>.+?) after a ball has been played",
    re.IGNORECASE,
)
_ROUND = re.compile(
    r"(?:^|\s)(?P<round>round of \d+|(?:1st|2nd|3rd|4th|first|second|third|fourth) round|round \d|round robin"
    r"|group stage|quarter-?finals?|semi-?finals?|qualif\w+ (?:final|round(?: \d)?|round of \d+)|qualif\w+|final)$",
    re.IGNORECASE,
)
_TOUR_WORDS = re.compile(r"^(?:ATP Challenger|WTA Challenger|ATP|WTA|ITF)\s+", re.IGNORECASE)
_SINGLES = re.compile(r"\s+(?:(?:wo)?men'?s?\s+)?singles$", re.IGNORECASE)
_TICKER = re.compile(r"^(?P<series>[A-Z0-9]+)-(?P<day>\d\d[A-Z]{3}\d\d)(?P<players>[A-Z0-9]+)-(?P<yes>[A-Z0-9]+)$")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class TextError(ValueError):
    """A market that does not say plainly which match it is about. The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class MatchText:
    """``yes``: the player whose win pays, in full; ``surnames`` as the title has them, in its order. ``tournament`` and
    ``round`` are empty, ``year`` and ``day`` None where nothing says."""

    yes: str
    surnames: tuple[str, str]
    tournament: str
    round: str
    year: int | None
    day: date | None

    @property
    def qualifying(self) -> bool:
        return self.round.startswith("qualif")


def read_texts(listing: MarketListing) -> MatchText:
    """What a market says; TextError when it is no singles match, or its texts contradict one another."""
    if "DOUBLES" in listing.series.upper():
        raise TextError("doubles are not priced")
    title = _TITLE.match(listing.title.strip())
    if title is None:
        raise TextError(f"the title {listing.title!r} does not read as `Will A win the A vs B match?`")
    rules = _RULES.match(listing.rules.strip())
    if listing.rules.strip() and rules is None:
        raise TextError("the rules do not read as `If A wins the A vs B professional tennis match in the …`")
    _same("YES", [title["yes"], listing.yes] + ([rules["yes"]] if rules else []))
    if rules is not None:
        for name in ("one", "other"):
            _same("players", [title[name], rules[name]])
    names = (title["yes"], title["one"], title["other"])
    if any(is_pair(name) for name in names):
        raise TextError("doubles are not priced")
    tournament, round_ = _place(rules["where"]) if rules else _place(title["where"] or "")
    return MatchText(
        title["yes"].strip(), (title["one"].strip(), title["other"].strip()), tournament, round_,
        int(rules["year"]) if rules else None, ticker_day(listing.ticker),
    )  # fmt: skip


def ticker_day(ticker: str) -> date | None:
    """The day in a ticker such as ``KXATPMATCH-26APR25CERDAR-DAR``; None where it has none."""
    match = _TICKER.match(ticker)
    if match is None or match["day"][2:5] not in _MONTHS:
        return None
    try:
        return date(2000 + int(match["day"][:2]), _MONTHS.index(match["day"][2:5]) + 1, int(match["day"][5:]))
    except ValueError:
        return None


def _same(what: str, told: list[str]) -> None:
    """All names that are told, apart from empty ones, are one name."""
    names = {normalised(name): name for name in told if name.strip()}
    if len(names) > 1:
        raise TextError(f"its texts name different {what}: {' and '.join(names.values())}")


def _place(where: str) -> tuple[str, str]:
    """Tournament and round of ``ATP Madrid Round Of 64`` or ``W35 Decatur IL Round of 16``."""
    text = where.strip()
    found = _ROUND.search(text)
    round_ = found["round"].lower() if found else ""
    if found:
        text = text[: found.start()].strip()
    text = _SINGLES.sub("", _TOUR_WORDS.sub("", text)).strip()
    return _TOUR_WORDS.sub("", f"{text} ").strip(), round_

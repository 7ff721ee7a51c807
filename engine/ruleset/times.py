"""Times in rule files: lengths of time, zones, days, windows, instants. Texts that were checked when made.

See ``scalars`` for what they have in common.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from engine.language.diagnostics import did_you_mean
from engine.ruleset.scalars import Written, short

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_SECONDS = 366 * 86400
_DURATION = r"\d+(?:\.\d+)?(?:ms|s|m|h|d)"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Period(Written):
    """A fixed length of time: ``1m``."""

    __slots__ = ()
    pattern = _DURATION
    wanted = "a length of time, such as 1m or 30s"

    @property
    def seconds(self) -> float:
        return duration_seconds(self)

    def check(self) -> None:
        _check_length(self, self.seconds)


class Trigger(Written):
    """What makes a strategy look: ``bar(1m)``, ``quote``, ``signal(alpha)``, ``every(60s)``."""

    __slots__ = ()
    pattern = rf"quote|bar\({_DURATION}\)|every\({_DURATION}\)|signal\([A-Za-z_][A-Za-z0-9_.]*\)"
    wanted = "bar(1m), quote, signal(alpha) or every(60s)"

    @property
    def event(self) -> str:
        """``bar``, ``quote``, ``signal`` or ``every``."""
        return self.partition("(")[0]

    @property
    def argument(self) -> str:
        """What stands between the brackets; empty for ``quote``."""
        return self.partition("(")[2].rstrip(")")

    @property
    def seconds(self) -> float | None:
        """Length of the bar or of the interval in seconds; None for quotes and signals."""
        return duration_seconds(self.argument) if self.event in ("bar", "every") else None

    def check(self) -> None:
        if self.seconds is not None:
            _check_length(self, self.seconds)


def _check_length(text: str, seconds: float) -> None:
    if seconds <= 0:
        raise ValueError(f"a length of time must be more than nothing, got `{text}`")
    if seconds > MAX_SECONDS:
        raise ValueError(f"a length of time must be at most a year, got `{short(text)}`")


class Zone(Written):
    """An IANA time zone: ``America/New_York``."""

    __slots__ = ()
    pattern = r"[A-Za-z][A-Za-z0-9_+/-]*"
    wanted = "a time zone, such as America/New_York"

    def check(self) -> None:
        try:
            ZoneInfo(self)
        except (OSError, ValueError, KeyError):
            near = did_you_mean(self, _zones())
            mend = f"; did you mean {near}?" if near else ""
            raise ValueError(f"there is no time zone `{self}`{mend}") from None


def _zones() -> list[str]:
    from zoneinfo import available_timezones

    return sorted(available_timezones())


class Days(Written):
    """Days of the week: ``mon..fri``, ``sat``. A range may run over the weekend: ``fri..mon``."""

    __slots__ = ()
    pattern = rf"(?:{'|'.join(WEEKDAYS)})(?:\.\.(?:{'|'.join(WEEKDAYS)}))?"
    wanted = "a day or a range of days, such as mon..fri"

    @property
    def numbers(self) -> frozenset[int]:
        """Monday is 0."""
        first, _, last = self.partition("..")
        begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        return frozenset((begin + step) % 7 for step in range((end - begin) % 7 + 1))


class Hours(Written):
    """A window of wall-clock time, ``15:00-15:55``: from its first instant up to, not including, its last.

    ``24:00`` may end a window. A window that ends before it begins runs past midnight and belongs to the day on
    which it begins.
    """

    __slots__ = ()
    pattern = rf"{_CLOCK}\s*-\s*{_CLOCK}"
    wanted = "a window of time, such as 09:31-15:55"

    @property
    def opens(self) -> int:
        """Seconds after midnight."""
        return clock_seconds(self.partition("-")[0])

    @property
    def closes(self) -> int:
        """Seconds after midnight of the day on which the window began: above 86400 when it runs past midnight."""
        closes = clock_seconds(self.partition("-")[2])
        return closes if closes > self.opens else closes + 86400

    def check(self) -> None:
        if self.opens >= 86400:
            raise ValueError(f"a window cannot begin at 24:00, got `{self}`")
        if clock_seconds(self.partition("-")[2]) == self.opens:
            raise ValueError(f"this window is empty: `{self}`; the whole day is 00:00-24:00")


class Moment(Written):
    """When a test looks: a time since its start (``62m``) or of day (``10:32``)."""

    __slots__ = ()
    pattern = rf"{_DURATION}|{_CLOCK}"
    wanted = "a time since the start of the test (62m) or a time of day (10:32)"

    @property
    def after_start(self) -> float | None:
        """Seconds since the start; None when it is a time of day."""
        return None if ":" in self else duration_seconds(self)

    @property
    def clock(self) -> int | None:
        """Seconds after midnight; None when it counts from the start."""
        return clock_seconds(self) if ":" in self else None

    def check(self) -> None:
        if ":" in self:
            clock_seconds(self)
        elif duration_seconds(self) > MAX_SECONDS:
            raise ValueError(f"a test lasts at most a year, got `{short(self)}`")


class Timestamp(Written):
    """A date and a wall-clock time in the pack's zone: ``2024-03-05 09:30``."""

    __slots__ = ()
    pattern = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2})?"
    wanted = "a date and time, such as 2024-03-05 09:30"

    @property
    def local(self) -> datetime:
        """Without a zone: the pack's applies."""
        return datetime.fromisoformat(self)

    def check(self) -> None:
        try:
            date.fromisoformat(self[:10])
            datetime.fromisoformat(self)
        except ValueError:
            raise ValueError(f"there is no such date and time: `{self}`") from None


def duration_seconds(text: str) -> float:
    """Seconds of ``15m``, ``90s``, ``1.5h``, ``250ms``, ``2d``."""
    number = text.rstrip("msdh")
    return float(number) * _UNIT_SECONDS[text[len(number) :]]


def clock_seconds(text: str) -> int:
    """Seconds after midnight of ``9:31`` or ``15:55:30``; ValueError when there is no such time of day."""
    parts = [int(part) for part in text.strip().split(":")]
    hours, minutes, seconds = parts[0], parts[1], parts[2] if len(parts) > 2 else 0
    total = hours * 3600 + minutes * 60 + seconds
    if minutes > 59 or seconds > 59 or total > 86400:
        raise ValueError(f"there is no time of day `{text.strip()}`")
    return total

"""Minutes of many tickers, each told once, in order, and never before it is over. Pure; time comes in.

They come whole over the stream, or second by second, and from the vendor's history where the stream was not heard.
While a part of the history is missing, later minutes wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from connectors.polygon.events import Window
from connectors.polygon.tickers import Cluster, cluster_of

MINUTE_NS = 60_000_000_000
MINUTE_SECONDS = 60
SECOND_NS = 1_000_000_000
NEVER = 2**63 - 1


class Gap(NamedTuple):
    """Minutes of a ticker that begin in [from_ns, to_ns), to be read from the history at ``settled_ns`` or later."""

    ticker: str
    from_ns: int
    to_ns: int
    settled_ns: int


@dataclass(slots=True)
class _Line:
    """One ticker. ``told_ns``: start of the newest minute that was told. ``down``: nothing is heard at present.
    ``asked_ns``: minutes that begin before it have been looked for in the history."""

    told_ns: int
    down: bool = True
    asked_ns: int = 0
    gaps: list[Gap] = field(default_factory=list)
    whole: dict[int, Window] = field(default_factory=dict)
    parts: dict[int, dict[int, Window]] = field(default_factory=dict)  # seconds, by minute and by their start

    @property
    def heard(self) -> bool:
        """Whether there is anything to tell. Of most lines there is not, most of the time."""
        return bool(self.whole or self.parts)

    @property
    def limit_ns(self) -> int:
        """Minutes from here on must wait."""
        if self.down:
            return self.told_ns + MINUTE_NS
        return min(gap.from_ns for gap in self.gaps) if self.gaps else NEVER

    def waiting(self, settle_ns: int) -> Iterator[tuple[int, int]]:
        """Each minute that may be told, and when at the earliest."""
        limit_ns = self.limit_ns
        for minute in self.whole.keys() | self.parts.keys() if self.parts else self.whole:
            if self.told_ns < minute < limit_ns:
                yield minute, minute + MINUTE_NS + (0 if minute in self.whole else settle_ns)

    def complete(self, minute: int, heard_ns: int) -> bool:
        """Whether nothing of a minute can still be on its way. ``heard_ns``: how far its family has been heard."""
        return minute in self.whole or minute < self.asked_ns or heard_ns > minute + MINUTE_NS + SECOND_NS


class Minutes:
    """``since_ns``: from which minute on they are told. ``settle_ns``: how long after its end the last seconds of a
    minute may come, or its row in the history.

    ``late`` counts minutes that came when a later one had been told; nobody hears of those.
    """

    def __init__(self, tickers: Iterable[str], since_ns: int, settle_ns: int, *, per_second: bool) -> None:
        before = since_ns // MINUTE_NS * MINUTE_NS - MINUTE_NS
        self._lines = {ticker: _Line(before) for ticker in sorted(set(tickers))}
        self._settle_ns = settle_ns
        self._per_second = per_second
        self._heard: dict[Cluster, int] = {}  # up to when seconds have been heard; those of a family come in order
        self.late = 0

    def __contains__(self, ticker: str) -> bool:
        return ticker in self._lines

    def behind(self) -> bool:
        """Whether some minutes of the past are not here yet: nothing is heard, or the history is being read."""
        return any(line.down or line.gaps for line in self._lines.values())

    def drop(self, ticker: str) -> None:
        """Tell no more of a ticker."""
        self._lines.pop(ticker, None)

    def hear(self, window: Window) -> None:
        """A minute, or a second, of the stream."""
        line = self._lines.get(window.ticker)
        if line is None:
            return
        minute = window.start_ns // MINUTE_NS * MINUTE_NS
        cluster = cluster_of(window.ticker)
        self._heard[cluster] = max(self._heard.get(cluster, 0), window.end_ns)
        if minute <= line.told_ns:
            self.late += minute < line.told_ns or window.seconds < MINUTE_SECONDS
        elif window.seconds == MINUTE_SECONDS:
            line.whole.setdefault(minute, window)
        else:
            line.parts.setdefault(minute, {})[window.start_ns] = window

    def lost(self, ticker: str) -> None:
        """Nothing more is heard of a ticker until ``ready``."""
        line = self._lines.get(ticker)
        if line is not None:
            line.down, line.gaps = True, []

    def ready(self, ticker: str, now_ns: int) -> list[Gap]:
        """From now on everything is heard. What must be read of the time before; of a minute under way the stream tells
        the whole where it tells minutes, and only the rest where it tells seconds."""
        line = self._lines.get(ticker)
        if line is None:
            return []
        here, first = now_ns // MINUTE_NS * MINUTE_NS, line.told_ns + MINUTE_NS
        gaps = [Gap(ticker, first, here, here + self._settle_ns)] if first < here else []
        if self._per_second and first <= here:
            gaps.append(Gap(ticker, here, here + MINUTE_NS, here + MINUTE_NS + self._settle_ns))
        line.down, line.gaps = False, gaps
        return list(gaps)

    def filled(self, gap: Gap, windows: Iterable[Window]) -> None:
        """What the history has of a gap; nothing where it could not be read, and then what was heard must do."""
        line = self._lines.get(gap.ticker)
        if line is None or gap not in line.gaps:
            return  # another break has come meanwhile, with a gap of its own
        line.asked_ns = max(line.asked_ns, gap.to_ns)
        for window in windows:
            if gap.from_ns <= window.start_ns < gap.to_ns:
                line.whole[window.start_ns] = window
        line.gaps.remove(gap)

    def unsure(self, now_ns: int) -> list[Gap]:
        """Minutes whose seconds should all be here, while nothing later has been heard to prove it: the market may be
        quiet, this process may have stood still, or the connection may be dead. The history knows."""
        found = []
        for ticker, line in self._waiting_lines():
            heard_ns = self._heard.get(cluster_of(ticker), 0)
            for minute, when in sorted(line.waiting(self._settle_ns)):
                if when <= now_ns and not line.complete(minute, heard_ns):
                    found.append(Gap(ticker, minute, minute + MINUTE_NS, when))
                    line.gaps.append(found[-1])
                    break  # later ones wait for it
        return found

    def due(self, now_ns: int) -> list[list[Window]]:
        """What can be told now: for each minute, the earliest first, its tickers by name."""
        found: dict[int, list[Window]] = {}
        for ticker, line in self._waiting_lines():
            heard_ns = self._heard.get(cluster_of(ticker), 0)
            for minute in sorted(m for m, when in line.waiting(self._settle_ns) if when <= now_ns):
                if not line.complete(minute, heard_ns):
                    break
                window = line.whole.get(minute) or _joined(line.parts[minute])
                found.setdefault(minute, []).append(window)
                line.told_ns = minute
            for kept in (line.whole, line.parts):
                for minute in [m for m in kept if m <= line.told_ns]:
                    del kept[minute]
        return [found[minute] for minute in sorted(found)]

    def next_ns(self) -> int:
        """When something will be due, as far as it has been heard; the end of time when there is nothing."""
        lines = (line for _, line in self._waiting_lines())
        return min((when for line in lines for _, when in line.waiting(self._settle_ns)), default=NEVER)

    def _waiting_lines(self) -> list[tuple[str, _Line]]:
        """The lines of which something has been heard and not told, by name."""
        return [(ticker, line) for ticker, line in self._lines.items() if line.heard]


def _joined(parts: dict[int, Window]) -> Window:
    """The minute that these seconds make."""
    seconds = [parts[start] for start in sorted(parts)]
    first, last = seconds[0], seconds[-1]
    volumes = [second.volume for second in seconds if second.volume is not None]
    return Window(
        first.ticker, first.start_ns // MINUTE_NS * MINUTE_NS, MINUTE_SECONDS, first.open,
        max(second.high for second in seconds), min(second.low for second in seconds), last.close,
        sum(volumes, Decimal(0)) if len(volumes) == len(seconds) else None,
    )  # fmt: skip

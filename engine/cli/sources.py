"""Sources of signals by name: how each is made of the settings, and which strategies trade on what it lists.

A source of another connector is one entry of ``SOURCES``; everything else follows from the name that its facts begin
with. Making one may read a file and must not wait for a network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

from engine.execute.loop import Recorder
from engine.language.terms import Op, walk
from engine.market.signals import SignalSource
from engine.ruleset.rules import Ruleset, Strategy
from engine.settings import Settings


class PackLines(Recorder, Protocol):
    """A recorder that tells of one pack in lines of its own."""

    def close(self) -> None:
        """The run is over: say what was not said yet."""
        ...


class SourceKind(NamedTuple):
    """``about``: what it is, in words. ``make`` raises UserError where the settings or a file do not allow it.
    ``scan_seconds``: how often it is shown the open markets of its series.

    ``lines`` makes a recorder for a pack that trades on it, of the pack, the source (or the example that stands in for
    it), who writes a line, the timezone of the run, and whether orders go nowhere (``--dry-run``).
    """

    about: str
    make: Callable[[Settings], SignalSource]
    scan_seconds: Callable[[Settings], float] = lambda settings: 60.0
    lines: Callable[[str, object, Callable[[str], None], str, bool], PackLines] | None = None


def _alpha(settings: Settings) -> SignalSource:
    from connectors.alpha.source import AlphaSource
    from engine.cli.alpha import load

    return AlphaSource(settings.signals.alpha, load(settings.signals.alpha))


def _tennis(settings: Settings) -> SignalSource:
    from engine.cli.clock import now_ns
    from engine.cli.tennis.source import tennis_source

    return tennis_source(settings.tennis, now_ns())


def _scans(pack: str, source: object, write: Callable[[str], None], timezone: str, dry: bool) -> PackLines:
    from engine.report.scan_lines import ScanRecorder

    title: Callable[[str], str] = getattr(source, "title", str)
    return ScanRecorder(pack, title, write, timezone, dry=dry)


def _arena(settings: Settings) -> SignalSource:
    from connectors.arena.fetch import Clock
    from connectors.arena.source import ArenaSource
    from engine.cli.clock import now_ns, sleep

    return ArenaSource.from_settings(settings.arena, Clock(now_ns, sleep))


SOURCES: Mapping[str, SourceKind] = {
    "alpha": SourceKind("the signal file", _alpha),
    "tennis": SourceKind(
        "the tennis database", _tennis, lambda settings: float(settings.tennis.scan_seconds), _scans
    ),
    "arena": SourceKind("the leaderboard", _arena),
}


def sources_of(strategy: Strategy) -> list[str]:
    """The sources whose facts say which markets the strategy looks at; none where it names them itself."""
    condition = strategy.universe_when
    if condition is None:
        return []
    prefixes = {term.name.partition(".")[0] for term in walk(condition) if term.op is Op.FACT}
    return [name for name in SOURCES if name in prefixes]


def asking(ruleset: Ruleset, name: str | None = None) -> Iterator[Strategy]:
    """Strategies whose universe is what the source ``name`` lists; None is any source."""
    for strategy in ruleset.strategies:
        found = sources_of(strategy)
        if found if name is None else name in found:
            yield strategy


def wanted_sources(ruleset: Ruleset) -> list[str]:
    """The sources that these rules trade on."""
    found = {name for strategy in ruleset.strategies for name in sources_of(strategy)}
    return [name for name in SOURCES if name in found]

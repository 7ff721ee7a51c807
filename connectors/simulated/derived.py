"""A tradable proxy for an index: real index bars drive it, its own bars, volumes and quotes are simulated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from zlib import crc32

from connectors.simulated.quotes import quote_around, to_tick
from engine.market.events import NANOS, Bar, MarketEvent, MarketSource, Quote, SourceError, Tick

TRACKING_BPS = 0.5  # standard deviation of the proxy around ratio x index, about what an index fund shows by the minute
QUIET_VOLUME = 20_000  # units per minute when the index does not move
MASK = 2**64 - 1


class DerivedSource:
    """Passes a source through and adds, for each bar of an index, a bar and a closing quote of its proxy.

    ``proxies``: proxy symbol to (index symbol, price ratio), such as ``{"SPY": ("SPX", 0.1)}``. ``spread_bps`` is the
    whole bid-ask spread. What is simulated depends on the seed, the symbol and the minute alone: not on where a
    replay begins, nor on how often a bar arrives. Within a tick the proxies' quotes come first, their bars last.

    Raises SourceError when the source has the proxy itself already, or never had the index.
    """

    def __init__(
        self,
        source: MarketSource,
        proxies: Mapping[str, tuple[str, float]],
        spread_bps: float = 1.0,
        seed: int = 1,
    ) -> None:
        for proxy, (index, ratio) in proxies.items():
            if ratio <= 0:
                raise SourceError(f"{proxy} cannot be {ratio} x {index}: the ratio must be more than zero")
        if spread_bps < 0:
            raise SourceError(f"a spread of {spread_bps} bps is below zero")
        self._source = source
        self._proxies = dict(sorted(proxies.items()))
        self._spread_bps = spread_bps
        self._keys = {proxy: crc32(f"{seed}:{proxy}".encode()) for proxy in proxies}

    def ticks(self) -> Iterator[Tick]:
        """The ticks of the source with the proxies' events added."""
        unseen = {index: proxy for proxy, (index, _) in self._proxies.items()}
        for tick in self._source.ticks():
            quotes: list[MarketEvent] = []
            bars: list[MarketEvent] = []
            for event in tick.events:
                if event.symbol in self._proxies:
                    raise SourceError(f"{event.symbol} is in the data already; do not derive it from "
                                      f"{self._proxies[event.symbol][0]} as well")
            for proxy, (index, ratio) in self._proxies.items():
                for event in tick.events:
                    if isinstance(event, Bar) and event.symbol == index:
                        unseen.pop(index, None)
                        bar = self._bar(proxy, event, ratio)
                        bars.append(bar)
                        quotes.append(self._quote(bar, tick.time_ns))
            yield Tick(tick.time_ns, [*quotes, *tick.events, *bars]) if bars else tick
        if unseen:
            index, proxy = next(iter(unseen.items()))
            raise SourceError(f"no bar of {index} came, so there is no {proxy}; add {index} to the symbols replayed")

    def _bar(self, proxy: str, base: Bar, ratio: float) -> Bar:
        key = self._keys[proxy]
        before = ratio * (1 + _error(key, base.start_ns - base.seconds * NANOS))
        after = ratio * (1 + _error(key, base.start_ns))
        prices = base.open * before, base.close * after, base.high * ratio, base.low * ratio
        open_, close, high, low = map(to_tick, prices)
        moved_bps = (base.high - base.low) / base.close * 10_000 if base.close else 0.0
        volume = QUIET_VOLUME * (1 + moved_bps) * (0.5 + _uniform(key + 1, base.start_ns)) * base.seconds / 60
        return Bar(proxy, base.start_ns, base.seconds, open_, max(open_, high, close), min(open_, low, close), close,
                   float(round(volume)))

    def _quote(self, bar: Bar, time_ns: int) -> Quote:
        key = self._keys[bar.symbol]
        sizes = [100 * (1 + int(20 * _uniform(key + side, bar.start_ns))) for side in (2, 3)]
        return quote_around(bar.symbol, time_ns, bar.close, self._spread_bps, (sizes[0], sizes[1]))


def _error(key: int, time_ns: int) -> float:
    """Relative tracking error at one minute: four uniform draws, centred and scaled, are nearly standard normal."""
    return float((sum(_uniform(key + n, time_ns) for n in range(100, 104)) - 2) * 3**0.5 * TRACKING_BPS / 10_000)


def _uniform(key: int, time_ns: int) -> float:
    """A number in [0, 1) that looks random and depends on its arguments alone: a multiply-and-shift bit mixer."""
    bits = (time_ns // NANOS * 0x9E3779B97F4A7C15 + key * 0xD1B54A32D192ED03) & MASK
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = ((bits ^ bits >> shift) * factor) & MASK
    return ((bits ^ bits >> 31) >> 11) / 2**53

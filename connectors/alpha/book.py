"""What the rules see of signals at an instant: pure, told once for every change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from connectors.alpha.file import Alpha
from connectors.alpha.manifest import CONFIDENCE, EXPIRES, FAIR, LISTED, SAID, SOURCE
from connectors.alpha.models import Signal, iso
from connectors.news import News
from engine.market.events import NANOS, MarketSource, Observation, Tick

NOT_LISTED = "the signal file does not list it"
_FROM_SIGNAL = (FAIR, SAID, CONFIDENCE, SOURCE, EXPIRES)


class AlphaBook:
    """Signals of ``symbols`` as observations. ``take`` gives it a file, ``events`` says what has changed by then."""

    def __init__(self, symbols: Collection[str]) -> None:
        self._symbols = tuple(symbols)
        self._signals: Mapping[str, Signal] = {}
        self._faults: dict[str, str] = {}
        self._news = News(timed=_FROM_SIGNAL)

    def take(self, alpha: Alpha) -> None:
        """A new file is in force."""
        self._signals = alpha.signals
        self._faults = {fault.ticker: str(fault) for fault in alpha.faults if fault.ticker}

    def events(self, now_ns: int) -> list[Observation]:
        """What is to be told at ``now_ns`` and was not told before."""
        return self._news.of(seen for symbol in self._symbols for seen in self._said(symbol, now_ns))

    def _said(self, symbol: str, now_ns: int) -> Iterator[Observation]:
        signal, fault = self._signals.get(symbol), self._faults.get(symbol)
        yield Observation(symbol, now_ns, LISTED, signal is not None or fault is not None)
        if signal is None:
            why = fault or NOT_LISTED
        elif now_ns < signal.as_of_ns:
            why = f"its signal is of {iso(signal.as_of)}, which is yet to come"
        elif now_ns >= signal.expiry_ns:
            why = f"its signal expired at {iso(signal.expiry)}"
        else:
            yield from _known(signal)
            return
        for name in _FROM_SIGNAL:
            yield Observation(symbol, now_ns, name, None, why)


def _known(signal: Signal) -> Iterator[Observation]:
    ticker, as_of = signal.ticker, signal.as_of_ns
    yield Observation(ticker, as_of, FAIR, signal.fair_yes_probability)
    yield Observation(ticker, as_of, SAID, signal.said)
    yield Observation(ticker, as_of, CONFIDENCE, float(signal.confidence))
    yield Observation(ticker, as_of, SOURCE, signal.source)
    yield Observation(ticker, as_of, EXPIRES, signal.expiry_ns / NANOS)


class WithSignals:
    """A source of market events with the signals of one file, told as they become known and expire."""

    def __init__(self, source: MarketSource, alpha: Alpha, symbols: Collection[str]) -> None:
        self._source, self._alpha, self._symbols = source, alpha, symbols

    def ticks(self) -> Iterator[Tick]:
        """The ticks of the source, signals before everything else that became known at the instant."""
        book = AlphaBook(self._symbols)
        book.take(self._alpha)
        for tick in self._source.ticks():
            news = book.events(tick.time_ns)
            yield Tick(tick.time_ns, [*news, *tick.events]) if news else tick

"""Captures of a feed of bars: what was told, read of the past, late or missed, is told again, also over sessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import pytest

from connectors.capture.bars.records import Heard
from connectors.capture.bars.tape import FeedTape
from connectors.capture.codec import Maker
from connectors.capture.errors import CaptureError
from connectors.capture.reader import Capture
from connectors.capture.source import CapturedMarkets
from connectors.capture.summary import summarize
from connectors.capture.writer import CaptureFile, CaptureWriter
from connectors.days import ALL_TIME, DayRange
from engine.market.columns import MarketColumns
from engine.market.events import NANOS, Bar, MarketEvent, Observation, Quote, Tick
from engine.market.inputs import FOREVER_NS, MarketInput, Past, Unseen, Waits
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.venue import Batch, LinkDown, LinkUp, Missed, News, PastBars, Unheard

MINUTE = 60 * NANOS
OPEN = 1_760_535_000 * NANOS  # 2025-10-15 13:30 UTC
SPY = Instrument("SPY", lowest=None)
SPX = Instrument("SPX", InstrumentKind.INDEX)
LATE = 15 * NANOS


def bar(minute: int, close: float = 100.5, symbol: str = "SPY") -> Bar:
    return Bar(symbol, OPEN + minute * MINUTE, 60, 100.0, 101.25, 99.75, close, None if symbol == "SPX" else 1234.5)


def quote(time_ns: int, bid: float | None = 100.4) -> Quote:
    return Quote("SPY", time_ns, bid, 200.0, 100.6, None)


class Taped:
    """A session whose feed is told by hand; ``now`` is minutes after the open."""

    def __init__(self, path: Path, now: float = 0, past: PastBars | None = None) -> None:
        self.now_ns = OPEN + int(now * MINUTE)
        self.writer = CaptureWriter(CaptureFile(path), lambda: self.now_ns, Maker("production", "0.0", "a test"))
        self.tape = FeedTape(self.writer, "polygon", 1.0, [SPY, SPX])
        if past is not None:
            self.tape.past(past)
        self.tape.behind(False)

    def at(self, minutes: float) -> None:
        self.now_ns = OPEN + int(minutes * MINUTE)

    def told(self, *events: MarketEvent, news: Sequence[News] = ()) -> None:
        self.tape.batch(Batch(self.now_ns, events, news))

    def pulse(self, *events: MarketEvent) -> None:
        self.tape.pulse(self.now_ns, events)

    def end(self) -> None:
        self.writer.end({})
        self.writer.__exit__(None, None, None)


def inputs(path: Path, symbols: Iterable[str] = ("SPY", "SPX"), days: DayRange = ALL_TIME) -> list[MarketInput]:
    return list(CapturedMarkets(path).ticks_of(list(symbols), (), days).inputs())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feed.cap"


def test_everything_is_told_again_as_it_was(path: Path) -> None:
    run = Taped(path, 3, PastBars([bar(0), bar(1), bar(0, symbol="SPX")], OPEN + 2 * MINUTE, {"SPX": "no answer"}))
    fact = Observation("SPX", run.now_ns, "index.value", 5800.25)
    run.told(quote(run.now_ns - 5), fact, news=[LinkUp(run.now_ns)])
    run.pulse()
    run.at(3.1)
    run.told(news=[LinkDown(run.now_ns, "gone")])
    run.tape.behind(True)
    run.at(6.2)
    run.told(news=[LinkUp(run.now_ns), Unheard(OPEN, "SPX", "a hole"), Missed(run.now_ns, "a word")])
    run.told(bar(3), bar(4), bar(5), quote(run.now_ns))
    run.tape.behind(False)
    run.end()
    found = inputs(path)
    assert found == [
        Past(Tick(OPEN + MINUTE, [bar(0, symbol="SPX"), bar(0)])), Past(Tick(OPEN + 2 * MINUTE, [bar(1)])),
        Unseen("SPX", OPEN + 2 * MINUTE, "no answer"), Waits(LATE),
        Tick(OPEN + 3 * MINUTE, [quote(OPEN + 3 * MINUTE - 5), fact]), Tick(OPEN + 3 * MINUTE + 1, []),
        Waits(FOREVER_NS), Unseen("SPX", OPEN, "a hole"),
        # A bar that was over for a minute is of the past, as for the run.
        Past(Tick(OPEN + 4 * MINUTE, [bar(3)])), Past(Tick(OPEN + 5 * MINUTE, [bar(4)])),
        Tick(run.now_ns, [bar(5), quote(run.now_ns)]),
    ]  # fmt: skip
    alone = inputs(path, ["SPY"])
    assert not [i for i in alone if isinstance(i, Unseen)]
    assert {e.symbol for i in alone if isinstance(i, Tick | Past) for e in getattr(i, "tick", i).events} == {"SPY"}
    markets = CapturedMarkets(path)
    assert markets.instruments == {"SPY": SPY, "SPX": SPX} and markets.origin == "capture tradier production"
    prices = [event for tick in markets.ticks_of(["SPY"], ()).ticks() for event in tick.events]
    assert [e.start_ns for e in prices if isinstance(e, Bar)] == [bar(n).start_ns for n in (0, 1, 3, 4, 5)]


def test_columns_keep_what_is_told_between_ticks(path: Path) -> None:
    run = Taped(path, 3, PastBars([bar(0), bar(1)], OPEN + 2 * MINUTE, {}))
    for minute in (4, 5, 6):
        run.at(minute)
        run.told(bar(minute - 1), news=[Unheard(OPEN, "SPX", f"hole {minute}")])
    run.end()
    source = CapturedMarkets(path).ticks_of(["SPY", "SPX"], ())
    market = MarketColumns.read(source)
    assert list(market.inputs()) == list(source.inputs())
    later = market.between(OPEN + 5 * MINUTE, None)
    assert list(later.inputs())[:2] == [Waits(LATE), Unseen("SPX", OPEN, "hole 5")], "and no bars of before"


def test_another_session_goes_on_with_what_it_has_read_of_the_time_between(path: Path) -> None:
    first = Taped(path, 1, PastBars([bar(0)], OPEN + MINUTE, {}))
    first.told(quote(first.now_ns))
    first.end()
    second = Taped(path, 5, PastBars([bar(0), bar(1), bar(2), bar(3)], OPEN + 4 * MINUTE, {}))
    second.told(quote(second.now_ns, 99.5))
    second.end()
    third = Taped(path, 9)  # of rules that look at no bars
    third.pulse()
    third.end()
    found = inputs(path)
    gone = next(i for i in found if isinstance(i, Tick) and i.events[0].symbol == "SPY" and i.events[0][2] is None)
    read = [item.tick.time_ns for item in found[found.index(gone) :] if isinstance(item, Past)]
    assert read == [OPEN + n * MINUTE for n in (2, 3, 4)], "what is known is not told again"
    unread = [item for item in found if isinstance(item, Unseen)]
    assert {item.symbol for item in unread} == {"SPY", "SPX"} and unread[0].time_ns == OPEN + 9 * MINUTE
    assert [gap.why for gap in summarize(path).gaps] == ["nothing was captured"] * 2


def test_from_a_day_on_the_time_before_is_known_and_prices_are_told_at_once(path: Path) -> None:
    run = Taped(path, 1, PastBars([bar(0)], OPEN + MINUTE, {}))
    run.told(quote(run.now_ns))
    run.at(2)
    run.told(bar(1))
    run.at(24 * 60 + 1)
    run.told(bar(24 * 60))
    run.end()
    found = inputs(path, days=DayRange(date(2025, 10, 16), None, "America/New_York"))
    assert [item.tick.events for item in found if isinstance(item, Past)] == [[bar(0)], [bar(1)]]
    (tick,) = (item for item in found if isinstance(item, Tick))
    assert tick.events == [quote(run.now_ns)._replace(time_ns=run.now_ns), bar(24 * 60)]


def test_what_was_heard_is_kept_word_by_word(path: Path) -> None:
    run = Taped(path, 1)
    run.tape.heard("stream stocks", '[{"ev":"Q"}]')
    run.end()
    heard = [record for _, record in Capture(path).entries() if isinstance(record, Heard)]
    assert heard == [Heard(run.now_ns, "stream stocks", '[{"ev":"Q"}]')]
    assert summarize(path).counts["heard"] == 1


def test_a_cut_anywhere_leaves_what_is_before_it(path: Path) -> None:
    run = Taped(path, 1, PastBars([bar(0)], OPEN + MINUTE, {}))
    for second in range(10):
        run.at(1 + second / 60)
        run.told(quote(run.now_ns, 100.0 + second))
        run.pulse()
    run.end()
    whole, wanted = path.read_bytes(), inputs(path)
    seen = set()
    for size in range(16, len(whole)):
        path.write_bytes(whole[:size])
        try:
            found = inputs(path)
        except CaptureError as error:
            assert "nothing was captured into it" in str(error)
            continue
        assert found == wanted[: len(found)]
        seen.add(len(found))
    assert len(seen) > 3


def test_the_venue_of_another_engine_is_said(path: Path) -> None:
    writer = CaptureWriter(CaptureFile(path), lambda: OPEN, Maker("production", "9.9", "a test"))
    with writer:
        writer.begin(lambda maker, now: b'{"venue": "elsewhere"}')
    with pytest.raises(CaptureError, match="captured at 'elsewhere', which this engine does not know"):
        CapturedMarkets(path)

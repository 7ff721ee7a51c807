"""One symbol's market state: events in, slots of its program filled, and the reasons for what is unknown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.decide.clock import NAMES as CLOCK_NAMES
from engine.market.bars import BarAggregator
from engine.market.calendar import TradingCalendar
from engine.market.events import NANOS, Bar, Observation, Quote
from engine.market.instrument import Instrument
from engine.plan.build import Texts
from engine.plan.ops import BASE_SECONDS, Group
from engine.plan.program import InputKey, Memory

_BAR_FIELDS = {"open": 3, "high": 4, "low": 5, "close": 6, "volume": 7}
NAN = math.nan
SESSION = "session.ordinal"
SESSION_INDEX = CLOCK_NAMES.index(SESSION)


class SymbolState:
    """What is known of one symbol. ``event`` collects the groups that moved since the program last ran."""

    def __init__(self, instrument: Instrument, memory: Memory, texts: Texts, calendar: TradingCalendar) -> None:
        self.symbol, self.instrument, self.memory = instrument.symbol, instrument, memory
        self._texts = texts
        self.v = memory.v
        self.event = 0
        self.last = NAN
        self.bid = self.ask = NAN
        self.bar_start_ns = -1
        self.bar: Bar | None = None
        self.reasons: dict[str, str] = {}
        self.bars_seen = dict.fromkeys((BASE_SECONDS, *memory.program.frames), 0)
        inputs = memory.program.inputs
        self._bar_slots = self._fields(BASE_SECONDS)
        self._last_slot = inputs.get(InputKey("fact", "last"))
        self._bar_time_slots = [s for k, s in inputs.items() if k.what == "time" and k.seconds == BASE_SECONDS]
        self._frames: list[tuple[BarAggregator, list[tuple[int, int]], list[int], int]] = [
            (
                BarAggregator(seconds, calendar),
                self._fields(seconds),
                [s for k, s in inputs.items() if k.what == "time" and k.seconds == seconds],
                memory.program.frame_bit(seconds),
            )
            for seconds in memory.program.frames
        ]
        self._quote_slots = {k.name: s for k, s in inputs.items() if k.what == "fact" and k.seconds == 0}
        self._time_slots = {k.name: s for k, s in inputs.items() if k.what == "time" and k.seconds == 0}
        self.clock_slots = [(s, CLOCK_NAMES.index(n)) for n, s in self._quote_slots.items() if n in CLOCK_NAMES]
        self._session_slot = self._quote_slots.get(SESSION)
        self._unseen = NAN  # the session of which bars were missed for good

    def _fields(self, seconds: int) -> list[tuple[int, int]]:
        inputs = self.memory.program.inputs
        found = ((inputs.get(InputKey("fact", name, seconds)), index) for name, index in _BAR_FIELDS.items())
        return [(slot, index) for slot, index in found if slot is not None]

    # -- events ----------------------------------------------------------------------------------------------------

    def apply_bar(self, bar: Bar, now_ns: int) -> str:
        """Take one closed bar; returns why it was not taken (late, repeated), or an empty text."""
        if bar.start_ns <= self.bar_start_ns:
            return self._refuse(bar)
        self.bar_start_ns = bar.start_ns
        self.bar = bar
        self.bars_seen[BASE_SECONDS] += 1
        self.last = bar.close
        v = self.v
        for slot, index in self._bar_slots:
            value = bar[index]
            v[slot] = NAN if value is None else value
        if self._last_slot is not None:
            v[self._last_slot] = bar.close
            self.event |= Group.QUOTE
        self.event |= Group.BAR
        if self._bar_time_slots:
            self._stamp(self._bar_time_slots, bar.known_ns)
        if self._frames:
            self._push_frames(bar, now_ns)
        return ""

    def rows(self, bars: Sequence[Bar]) -> tuple[dict[int, list[float]], int]:
        """What each of ``bars`` would put into which slot, and the groups that it moves."""
        columns = list(zip(*bars, strict=True))
        found: dict[int, list[float]] = {}
        event = int(Group.BAR)
        for slot, index in self._bar_slots:
            found[slot] = [NAN if value is None else value for value in columns[index]]
        if self._last_slot is not None:
            found[self._last_slot] = list(columns[_BAR_FIELDS["close"]])
            event |= Group.QUOTE
        for slot in self._bar_time_slots:
            found[slot] = [bar.known_ns / NANOS for bar in bars]
        return found, event

    def took(self, bars: Sequence[Bar]) -> None:
        """``bars``, laid out by ``rows``, have gone through the program."""
        self.bar = bars[-1]
        self.bar_start_ns, self.last = self.bar.start_ns, self.bar.close
        self.bars_seen[BASE_SECONDS] += len(bars)

    def _refuse(self, bar: Bar) -> str:
        if self.bar is not None and bar == self.bar:
            return "repeated bar, ignored"
        if bar.start_ns == self.bar_start_ns:
            return "correction of a bar that has been acted on, ignored"
        return "bar older than the newest one, ignored"

    def _push_frames(self, bar: Bar, now_ns: int) -> None:
        for aggregator, fields, times, bit in self._frames:
            self._take_frame(aggregator.push(bar, now_ns), aggregator.seconds, fields, times, bit)

    def flush_frames(self, now_ns: int) -> None:
        """Complete higher bars whose last minutes never came."""
        for aggregator, fields, times, bit in self._frames:
            done = aggregator.flush(now_ns)
            if done is not None and self.event & bit:
                self.memory.compute_main(bit)  # two bars are over at once: the older must be seen first
            self._take_frame(done, aggregator.seconds, fields, times, bit)

    def _take_frame(
        self, bar: Bar | None, seconds: int, fields: list[tuple[int, int]], times: list[int], bit: int
    ) -> None:
        if bar is None:
            return
        self.bars_seen[seconds] += 1
        for slot, index in fields:
            value = bar[index]
            self.v[slot] = NAN if value is None else float(value)
        self._stamp(times, bar.known_ns)
        self.event |= bit

    def _stamp(self, slots: list[int], time_ns: int) -> None:
        for slot in slots:
            self.v[slot] = time_ns / NANOS

    def apply_quote(self, quote: Quote) -> None:
        """Take a quote. A missing side leaves mid and spread unknown."""
        bid = NAN if quote.bid is None else quote.bid
        ask = NAN if quote.ask is None else quote.ask
        self.bid, self.ask = bid, ask
        mid, spread = (bid + ask) / 2.0, ask - bid
        if self.bar is None and mid == mid:
            self.last = mid  # a market without bars is where its quotes are
            if self._last_slot is not None:
                self.v[self._last_slot] = mid
        values = {
            "bid": bid, "ask": ask, "mid": mid, "spread": spread,
            "spread_ratio": spread / mid if mid > 0 else NAN,
            "bid_size": NAN if quote.bid_size is None else quote.bid_size,
            "ask_size": NAN if quote.ask_size is None else quote.ask_size,
        }  # fmt: skip
        for name, value in values.items():
            slot = self._quote_slots.get(name)
            if slot is not None:
                self.v[slot] = value
            since = self._time_slots.get(name)
            if since is not None and value == value:
                self.v[since] = quote.time_ns / NANOS
        self.event |= Group.QUOTE

    def apply_observation(self, seen: Observation) -> None:
        """Take one value of a signal connector's fact."""
        value = seen.value
        number = NAN if value is None else self._texts.code(value) if isinstance(value, str) else float(value)
        if value is None:
            self.reasons[seen.name] = seen.reason or "its source does not know it"
        slot = self._quote_slots.get(seen.name)
        if slot is not None:
            self.v[slot] = number
        since = self._time_slots.get(seen.name)
        if since is not None and value is not None:
            self.v[since] = seen.time_ns / NANOS
        self.event |= Group.SIGNAL

    # -- other inputs ------------------------------------------------------------------------------------------------

    def set_clock(self, values: Sequence[float]) -> None:
        """Copy the clock facts that this program reads."""
        v = self.v
        for slot, index in self.clock_slots:
            v[slot] = values[index]
        if self._unseen == self._unseen and self._session_slot is not None:
            self._hide(values[SESSION_INDEX], self._session_slot)
        self.event |= Group.CLOCK

    def miss(self, ordinal: float, reason: str) -> None:
        """Bars of a session were missed for good: nothing that is counted from its open is known any more."""
        self._unseen = ordinal
        self.reasons[SESSION] = reason

    def _hide(self, ordinal: float, slot: int) -> None:
        if ordinal == self._unseen:
            self.v[slot] = NAN
        elif ordinal == ordinal:  # another session
            self._unseen = NAN
            del self.reasons[SESSION]

    def set_constant(self, name: str, value: float) -> None:
        """Set an instrument fact, once, before the first tick."""
        slot = self._quote_slots.get(name)
        if slot is not None:
            self.v[slot] = value

    @property
    def mid(self) -> float:
        """Mid price, or the last price where there is no two-sided quote; unknown before any data."""
        mid = (self.bid + self.ask) / 2.0
        return mid if mid == mid else self.last

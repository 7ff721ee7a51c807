"""A run's inputs in compressed blocks: written as they come, read back exactly as they were.

A block can be read by itself: a version byte, the length of a table of names, the table, then the items one after
another, all compressed. Bars, quotes and numbers observed, which are nearly everything, are packed as fixed fields (a
bar is 55 bytes before compression); what is rare is JSON. Whole numbers come back as floats, which is what the rules
see anyway.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from struct import Struct
from struct import error as StructError
from typing import Any, Final

from engine.market.events import Bar, MarketEvent, Observation, Quote, Tick
from engine.market.inputs import Asked, Halted, History, Input, Past, Reported, Requested, Resumed, Unseen, Waits, Wish
from engine.market.orders import BrokerReport, Fill, Leg, OrderState, OrderUpdate, Side
from state.errors import StoreError

VERSION: Final = 1
LEVEL: Final = 1  # of compression: fast, because a tick waits for it
FULL: Final = 1 << 16  # bytes in a block before compression

_TICK: Final = Struct("<BqI")  # kind, time, number of events
_BAR: Final = Struct("<BHqIddddd")  # kind, symbol, start, seconds, open, high, low, close, volume
_QUOTE: Final = Struct("<BHqdddd")  # kind, symbol, time, bid, bid size, ask, ask size
_SEEN: Final = Struct("<BHHqd")  # kind, symbol, name, time, value: an observation that is a number
_TEXT: Final = Struct("<BI")  # kind, length of the JSON that follows
_HEAD: Final = Struct("<BI")  # version, length of the table of names

_KIND_TICK, _KIND_HISTORY, _KIND_TEXT, _KIND_PAST = 1, 2, 3, 4
_KIND_BAR, _KIND_BAR_NO_VOLUME, _KIND_OBSERVATION, _KIND_SEEN = 16, 17, 18, 19
_KIND_QUOTE = 32  # plus a bit for each field that is missing, so that a NaN stays a NaN


class InputEncoder:
    """Collects inputs; ``take`` gives the block of all since the last one."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._data = bytearray()
        self._symbols: dict[str, int] = {}
        self.items = 0
        self.first_ns = self.last_ns = 0

    @property
    def full(self) -> bool:
        return len(self._data) >= FULL

    def add(self, item: Input) -> None:
        """Keep one input."""
        self.items += 1
        if item.__class__ is Tick:
            self._tick(_KIND_TICK, item)
        elif isinstance(item, History):
            self._tick(_KIND_HISTORY, item.tick)
        elif isinstance(item, Past):
            self._tick(_KIND_PAST, item.tick)
        else:
            self._json(_KIND_TEXT, _plain(item))

    def take(self) -> tuple[int, int, int, bytes]:
        """First and last tick's time, number of items, and the compressed block; a new block begins."""
        table = json.dumps(list(self._symbols)).encode()
        data = zlib.compress(_HEAD.pack(VERSION, len(table)) + table + self._data, LEVEL)
        taken = (self.first_ns, self.last_ns, self.items, data)
        last_ns = self.last_ns
        self._start()
        self.first_ns = self.last_ns = last_ns
        return taken

    def _tick(self, kind: int, tick: Any) -> None:
        time_ns, events = tick
        if not self._data or not self.first_ns:
            self.first_ns = time_ns
        self.last_ns = max(self.last_ns, time_ns)  # what is of the past comes later
        self._data += _TICK.pack(kind, time_ns, len(events))
        for event in events:
            if event.__class__ is Bar:
                self._bar(event)
            elif event.__class__ is Quote:
                self._quote(event)
            else:
                self._observation(event)

    def _observation(self, seen: Any) -> None:
        symbol, time_ns, name, value, reason = seen
        if value.__class__ is float and not reason:
            self._data += _SEEN.pack(_KIND_SEEN, self._number(symbol), self._number(name), time_ns, value)
        else:
            self._json(_KIND_OBSERVATION, list(seen))

    def _bar(self, bar: Bar) -> None:
        symbol, start_ns, seconds, opened, high, low, close, volume = bar
        number = self._number(symbol)
        if volume is None:
            fields = (_KIND_BAR_NO_VOLUME, number, start_ns, seconds, opened, high, low, close, 0.0)
        else:
            fields = (_KIND_BAR, number, start_ns, seconds, opened, high, low, close, volume)
        self._data += _BAR.pack(*fields)

    def _quote(self, quote: Quote) -> None:
        symbol, time_ns, *sides = quote
        kind = _KIND_QUOTE
        for bit, value in enumerate(sides):
            if value is None:
                kind |= 1 << bit
                sides[bit] = 0.0
        self._data += _QUOTE.pack(kind, self._number(symbol), time_ns, *sides)

    def _number(self, symbol: str) -> int:
        return self._symbols.setdefault(symbol, len(self._symbols))

    def _json(self, kind: int, value: object) -> None:
        text = json.dumps(value).encode()
        self._data += _TEXT.pack(kind, len(text)) + text


def decode(block: bytes) -> Iterator[Input]:
    """The inputs of a block; raises StoreError when it is damaged."""
    try:
        data = zlib.decompress(block)
        version, length = _HEAD.unpack_from(data)
        if version != VERSION:
            raise StoreError(f"a block of inputs has version {version}, this engine reads {VERSION}")
        at = _HEAD.size + length
        yield from _Decoder(data, json.loads(data[_HEAD.size : at]), at).items()
    except (zlib.error, StructError, ValueError, LookupError, TypeError) as error:
        raise StoreError(f"a block of inputs is damaged ({error}); go on with a backup") from None


class _Decoder:
    def __init__(self, data: bytes, symbols: list[str], at: int) -> None:
        self._data, self._symbols, self._at = data, symbols, at

    def items(self) -> Iterator[Input]:
        while self._at < len(self._data):
            kind = self._data[self._at]
            if kind == _KIND_TEXT:
                yield _item(self._json())
                continue
            _, time_ns, count = self._fields(_TICK)
            tick = Tick(time_ns, [self._event() for _ in range(count)])
            yield tick if kind == _KIND_TICK else Past(tick) if kind == _KIND_PAST else History(tick)

    def _event(self) -> MarketEvent:
        kind = self._data[self._at]
        if kind == _KIND_OBSERVATION:
            return Observation(*self._json())
        if kind == _KIND_SEEN:
            _, symbol, name, time_ns, value = self._fields(_SEEN)
            return Observation(self._symbols[symbol], time_ns, self._symbols[name], value)
        if kind & _KIND_QUOTE:
            _, number, time_ns, *sides = self._fields(_QUOTE)
            known = (None if kind >> bit & 1 else value for bit, value in enumerate(sides))
            return Quote(self._symbols[number], time_ns, *known)
        _, number, start_ns, seconds, opened, high, low, close, volume = self._fields(_BAR)
        if kind == _KIND_BAR_NO_VOLUME:
            volume = None
        return Bar(self._symbols[number], start_ns, seconds, opened, high, low, close, volume)

    def _fields(self, form: Struct) -> tuple[Any, ...]:
        fields = form.unpack_from(self._data, self._at)
        self._at += form.size
        return fields

    def _json(self) -> Any:
        _, length = self._fields(_TEXT)
        begin, self._at = self._at, self._at + length
        return json.loads(self._data[begin : self._at])


def _plain(item: Input) -> list[Any]:
    if isinstance(item, Reported):
        fills = [[_said(value) for value in fill] for fill in item.report.fills]
        updates = [[_said(value) for value in update] for update in item.report.updates]
        return ["report", item.asked.value, fills, updates]
    if isinstance(item, Halted):
        return ["halt", *item]
    if isinstance(item, Requested):
        return ["request", [_said(value) for value in item]]
    if isinstance(item, Unseen):
        return ["unseen", *item]
    if isinstance(item, Waits):
        return ["waits", item.nanos]
    assert isinstance(item, Resumed)
    return ["resume", item.by]


def _said(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else value


def _item(said: list[Any]) -> Input:
    kind, *fields = said
    if kind == "report":
        asked, fills, updates = fields
        return Reported(Asked(asked), BrokerReport([_fill(f) for f in fills], [_update(u) for u in updates]))
    if kind == "request":
        return requested(fields[0])
    if kind == "unseen":
        return Unseen(*fields)
    if kind == "waits":
        return Waits(*fields)
    return Halted(*fields) if kind == "halt" else Resumed(*fields)


def requested(values: list[Any]) -> Requested:
    """A person's wish from its fields as JSON values, in order."""
    decimals = ("quantity", "limit", "stop_ratio", "target_ratio")
    readers: dict[str, Callable[[Any], Any]] = dict.fromkeys(decimals, _maybe_decimal)
    return Requested(**_read(Requested._fields, {"wish": Wish, "side": Side, "orders": tuple, **readers}, values))


def _maybe_decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _read(names: tuple[str, ...], readers: Mapping[str, Callable[[Any], Any]], values: list[Any]) -> dict[str, Any]:
    return {name: readers.get(name, _same)(value) for name, value in zip(names, values, strict=True)}


def _same(value: Any) -> Any:
    return value


def _fill(values: list[Any]) -> Fill:
    readers = {"side": Side, "quantity": Decimal, "price": Decimal, "fee": Decimal, "leg": Leg}
    return Fill(**_read(Fill._fields, readers, values))


def _update(values: list[Any]) -> OrderUpdate:
    return OrderUpdate(**_read(OrderUpdate._fields, {"state": OrderState}, values))

"""Plays a tape on the exchange. Clients' orders that are better than a recorded trade fill before it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.exchange import Exchange
from connectors.simulators.kalshi.core.order import IOC, MAKER, NewOrder, opposite
from connectors.simulators.kalshi.world.tape import Clear, Level, Print, Record

TAPE_MAKER = "00000000-0000-5000-8000-000000000004"
TAPE_TAKER = "00000000-0000-5000-8000-000000000005"


class Player:
    """``play`` brings the tape up to a time."""

    def __init__(self, exchange: Exchange, records: Sequence[Record]) -> None:
        self.exchange = exchange
        self.records = records
        self.played = 0
        self._levels: dict[str, dict[tuple[str, int], str]] = {}
        for user in (TAPE_MAKER, TAPE_TAKER):
            exchange.open_user(user, trusted=True)

    @property
    def finished(self) -> bool:
        return self.played == len(self.records)

    def next_ns(self) -> int | None:
        """When the next record is due."""
        return None if self.finished else self.records[self.played].time_ns

    def play(self, now: int) -> None:
        while not self.finished and self.records[self.played].time_ns <= now:
            record = self.records[self.played]
            self.played += 1
            with suppress(VenueError):  # a paused or closed market takes nothing from the tape either
                self._play(record)

    def _play(self, record: Record) -> None:
        match record:
            case Print():
                self._print(record)
            case Level():
                self._level(record)
            case Clear(ticker=ticker, time_ns=time_ns):
                for place in list(self._levels.get(ticker, {})):
                    self._drop(ticker, place, time_ns)

    def _print(self, record: Print) -> None:
        """The maker stands where the trade was, behind whoever is better; the taker then wants the trade's count."""
        now, ticker = record.time_ns, record.ticker
        for place in list(self._levels.get(ticker, {})):
            if _better(place, record):
                self._drop(ticker, place, now)
        there = NewOrder(ticker, opposite(record.taker), record.count, record.price, self_trade_prevention=MAKER)
        maker = self.exchange.place(TAPE_MAKER, there, now).order
        wanted = NewOrder(ticker, record.taker, record.count, record.price, IOC, MAKER)
        self.exchange.place(TAPE_TAKER, wanted, now)
        if maker.resting:
            self.exchange.cancel(TAPE_MAKER, maker.order_id, now, ticker=ticker)

    def _level(self, record: Level) -> None:
        levels = self._levels.setdefault(record.ticker, {})
        place = (record.side, record.price)
        order = self.exchange.floor.orders.get(levels.get(place, ""))
        before = order.remaining if order is not None else 0
        count = before + record.count if record.relative else record.count
        if order is not None:
            self._drop(record.ticker, place, record.time_ns)
        if count > 0:
            wanted = NewOrder(record.ticker, record.side, count, record.price, self_trade_prevention=MAKER)
            done = self.exchange.place(TAPE_MAKER, wanted, record.time_ns)
            if done.order.resting:
                levels[place] = done.order.order_id

    def _drop(self, ticker: str, place: tuple[str, int], now: int) -> None:
        order_id = self._levels[ticker].pop(place)
        if order_id in self.exchange.floor.orders:
            self.exchange.cancel(TAPE_MAKER, order_id, now, ticker=ticker)


def _better(place: tuple[str, int], record: Print) -> bool:
    """Whether a level of the tape stands before or at a recorded trade, which it then cannot have been."""
    side, price = place
    if side == record.taker:
        return False
    return price <= record.price if record.taker == "bid" else price >= record.price

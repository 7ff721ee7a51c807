"""Moves the practice venue along: prices and parts of the day, step by step, up to what its clock shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from connectors.simulators.clock import PracticeClock
from connectors.simulators.tradier import options
from connectors.simulators.tradier.core.exchange import Exchange
from connectors.simulators.tradier.core.orders import Price
from connectors.simulators.tradier.prices import (
    INDICES,
    NANOS,
    STEP_SECONDS,
    STEPS,
    ZONE,
    Bar,
    Step,
    World,
    bars,
    day_of,
    first_ns,
    regular_hours,
)

CENT = Decimal("0.01")
STEP_NS = STEP_SECONDS * NANOS
CLOSED, PRE, OPEN, POST = "closed", "premarket", "open", "postmarket"
PRE_ENDS = 24  # minutes past nine after which orders for the time before the open end
Moved = Callable[[str, int], None]


class Director:
    """``moved`` hears of a symbol and the time when its quote has changed; orders are matched before that."""

    def __init__(self, exchange: Exchange, world: World, clock: PracticeClock, seed: int) -> None:
        self.exchange, self.world, self.clock = exchange, world, clock
        self.moved: Moved = lambda symbol, now: None
        self.listed = list(world.symbols)
        self.contracts: dict[str, options.Contract] = {}
        self.volumes: dict[str, int] = {}  # what traded in the newest step
        self.held_prices: set[str] = set()  # symbols whose price somebody holds by hand
        self._chance = Random(f"sizes {seed}")
        self._at_ns = clock.now() // STEP_NS * STEP_NS
        exchange.opened(state_at(self._at_ns), self._at_ns)
        for symbol in self.listed:
            self._set(symbol, self._last_step(symbol), self._at_ns)

    def catch_up(self) -> None:
        """Let everything happen that is due."""
        now = self.clock.now()
        while self._at_ns + STEP_NS <= now:
            self._at_ns += STEP_NS
            self._step(self._at_ns)

    def ensure(self, symbol: str) -> bool:
        """Whether there is such a symbol; an option gets its quote here."""
        if symbol in self.exchange.prices:
            return True
        contract = options.read(symbol, self.listed)
        if contract is None or contract.expires < day_of(self._at_ns):
            return False
        self.contracts[symbol] = contract
        self._price_option(symbol, contract, self._at_ns)
        return True

    def hold(self, symbol: str, price: Price | None) -> None:
        """Set a quote by hand, which stays until it is let go with None."""
        if symbol not in self.exchange.prices:
            raise ValueError(f"there is no symbol {symbol}")
        if price is None:
            self.held_prices.discard(symbol)
            return
        self.held_prices.add(symbol)
        now = self.clock.now()
        self.exchange.quote(symbol, price, now)
        self.moved(symbol, now)

    def day_bars(self, symbol: str, day: date, minutes: int = 1) -> list[Bar]:
        """Bars of a day, as far as they are over."""
        return bars(self.world, symbol, day, self._at_ns + STEP_NS, minutes)

    def trading_days_before(self, day: date, count: int) -> list[date]:
        """So many trading days before ``day``, the oldest first."""
        found: list[date] = []
        while len(found) < count:
            day -= timedelta(days=1)
            if regular_hours(day) is not None:
                found.append(day)
        return found[::-1]

    def _step(self, now: int) -> None:
        state = state_at(now)
        if state != self.exchange.hours.state:
            self._turn(state, now)
        if state == CLOSED:
            return
        for symbol in self.listed:
            step = self._path_at(symbol, now)
            if step is not None and symbol not in self.held_prices:
                self._set(symbol, step, now)
                self.moved(symbol, now)
        if state == OPEN:
            for symbol, contract in list(self.contracts.items()):
                if symbol not in self.held_prices:
                    self._price_option(symbol, contract, now)
                    self.moved(symbol, now)

    def _turn(self, state: str, now: int) -> None:
        before = self.exchange.hours.state
        if before == OPEN:
            self.exchange.expire(now, after_close=True)
        elif before in (PRE, POST):
            self.exchange.expire(now, after_close=False)
        self.exchange.opened(state, now)

    def _set(self, symbol: str, step: Step, now: int) -> None:
        self.volumes[symbol] = step.volume
        half = CENT if step.price < 1000 else 10 * CENT
        low = max(step.price - half, CENT)
        size = Decimal(0) if symbol in INDICES else Decimal(100 * self._chance.randint(2, 20))
        self.exchange.quote(symbol, Price(low, step.price + half, step.price, size), now)

    def _price_option(self, symbol: str, contract: options.Contract, now: int) -> None:
        spot = self.exchange.prices[contract.underlying].last
        value = Decimal(repr(options.worth(contract, spot, now).price)).quantize(CENT)
        half = max((value * CENT).quantize(CENT), CENT)
        low = max(value - half, CENT)
        self.exchange.quote(symbol, Price(low, value + half, max(value, CENT), Decimal(50)), now)

    def _path_at(self, symbol: str, now: int) -> Step | None:
        day = day_of(now)
        number = (now - first_ns(day)) // STEP_NS
        return self.world.path(symbol, day)[number] if 0 <= number < STEPS else None

    def _last_step(self, symbol: str) -> Step:
        """The newest step up to now; of a tape that begins later its first."""
        day = day_of(self._at_ns)
        number = min((self._at_ns - first_ns(day)) // STEP_NS, STEPS - 1)
        today = self.world.path(symbol, day)
        found = [step for step in today[: max(number + 1, 0)] if step is not None]
        for before in reversed(self.trading_days_before(day, 5)) if not found else ():
            found = [step for step in self.world.path(symbol, before) if step is not None]
            if found:
                break
        found = found or [step for step in today if step is not None][:1]
        return found[-1] if found else Step(Decimal(100), 0)


def state_at(time_ns: int) -> str:
    """Which part of the day it is in New York."""
    day = day_of(time_ns)
    hours = regular_hours(day)
    if hours is None:
        return CLOSED
    if hours.open_ns <= time_ns < hours.close_ns:
        return OPEN
    begins = first_ns(day)
    if begins <= time_ns < hours.open_ns:
        return PRE
    return POST if hours.close_ns <= time_ns < begins + STEPS * STEP_NS else CLOSED


def may_trade_extended(duration: str, time_ns: int) -> bool:
    """Whether an order for the time before or after regular hours is taken now."""
    wall = datetime.fromtimestamp(time_ns // NANOS, ZONE)
    minute = wall.hour * 60 + wall.minute
    if duration == "pre":
        return state_at(time_ns) == PRE and minute < 9 * 60 + PRE_ENDS
    return state_at(time_ns) == POST and minute < 19 * 60 + 55

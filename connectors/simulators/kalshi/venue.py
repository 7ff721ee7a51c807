"""The practice venue: the exchange with its clock, keys, limits, faults, and everyone who listens to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from connectors.simulators.kalshi.auth import OLDEST_SECONDS
from connectors.simulators.kalshi.candles import Candles
from connectors.simulators.kalshi.clock import Clock, RealClock
from connectors.simulators.kalshi.core.exchange import Exchange
from connectors.simulators.kalshi.core.notices import Notice, QuoteChanged, Traded
from connectors.simulators.kalshi.core.units import MILLIS, MONEY_ONE
from connectors.simulators.kalshi.faults import ExchangeFaults
from connectors.simulators.kalshi.feeds import Feeds
from connectors.simulators.kalshi.keys import ApiKey
from connectors.simulators.kalshi.limits import TIERS, Limits
from connectors.simulators.kalshi.published import Published
from connectors.simulators.kalshi.upkeep import Maintenance, Upkeep

Listener = Callable[[list[Notice]], None]


@dataclass(slots=True)
class Transfer:
    """Money that moved between purses of one user; ``amount`` is money."""

    transfer_id: str
    client_id: str | None
    user: str
    source: tuple[int, int]  # subaccount, shard
    target: tuple[int, int]
    amount: int
    created_ns: int


@dataclass(slots=True)
class Options:
    """How the venue behaves. ``read_lag_ms``: how far portfolio reads are behind; ``deposit``: dollars per shard;
    ``signature_seconds``: how old a signature may be when its request arrives."""

    seed: int = 0
    read_lag_ms: int = 0
    tier: str = "advanced"
    deposit: int = 1_000
    signature_seconds: float = OLDEST_SECONDS
    unlimited: bool = False  # no rate limits
    weekly_maintenance: bool = False  # Thursday 03:00 to 05:00 in New York


class Venue:
    """Everything of one practice exchange but its network side. ``settle_up`` hands out what has happened."""

    def __init__(self, options: Options | None = None, clock: Clock | None = None) -> None:
        self.options = options or Options()
        self.clock: Clock = clock or RealClock()
        self.exchange = Exchange(self.options.seed)
        self.faults = ExchangeFaults(self.options.seed)
        self.published = Published(self.options.read_lag_ms * MILLIS)
        self.candles = Candles()
        self.feeds = Feeds(self.options.seed)
        self.keys: dict[str, ApiKey] = {}
        self.limits: dict[str, Limits] = {}
        self.transfers: list[Transfer] = []
        self.upkeep = Upkeep(self.options.weekly_maintenance)
        self._listeners: list[Listener] = []
        self._watchers: list[Callable[[], bool]] = []
        self._window: Maintenance | None = None
        self._boundary_ns: int | None = self.now()  # the first look is at once
        self._on_restart: list[Callable[[], None]] = []
        self.floor = self.exchange.floor

    def now(self) -> int:
        """The exchange's time."""
        return self.clock.now()

    def signing_now(self) -> int:
        """What the servers take for the time, with the clock's fault: for signatures, Date and sending times."""
        return self.clock.signing() + self.faults.skew_ns

    def add_key(self, key: ApiKey) -> None:
        """Let a key in; its user is opened with the starting deposit on every shard if new."""
        now = self.now()
        self.keys[key.key_id] = key
        if key.user not in self.exchange.accounts.users:
            self.exchange.open_user(key.user)
            for shard in range(len(self.floor.shards)):
                self.exchange.deposit(key.user, self.options.deposit * MONEY_ONE, now, shard)
            self.limits[key.user] = Limits(TIERS[self.options.tier], len(self.floor.shards), now)
            self.settle_up()

    def listen(self, listener: Listener, watches_indices: Callable[[], bool] | None = None) -> Callable[[], None]:
        """Call ``listener`` with what each action made happen; returns how to stop."""
        self._listeners.append(listener)
        if watches_indices is not None:
            self._watchers.append(watches_indices)

        def stop() -> None:
            self._listeners.remove(listener)
            if watches_indices is not None:
                self._watchers.remove(watches_indices)

        return stop

    def indices_watched(self) -> bool:
        """Whether anybody listens to indices, which tick five times a second."""
        return any(watches() for watches in self._watchers)

    def tick(self) -> None:
        """Let time pass for the exchange: timers, maintenance windows."""
        now = self.now()
        while (due := self.next_ns()) is not None and due <= now:
            self.exchange.advance(due)
            self.keep_windows(due)
        self.exchange.advance(now)
        self.settle_up()
        self.published.catch_up(now)

    def settle_up(self) -> None:
        """Hand out what has happened since the last time."""
        notices = self.exchange.take_notices()
        if not notices:
            return
        self.published.take(notices)
        self._keep_candles(notices)
        for listener in list(self._listeners):
            listener(notices)

    def _keep_candles(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            if isinstance(notice, Traded):
                trade = notice.trade
                self.candles.trade(trade.ticker, notice.time_ns, trade.price, trade.count)
            elif isinstance(notice, QuoteChanged):
                market = self.floor.markets[notice.ticker]
                self.candles.quote(
                    market.ticker, notice.time_ns, market.book.bid, market.book.ask, market.open_interest
                )

    def on_restart(self, act: Callable[[], None]) -> Callable[[], None]:
        """Call ``act`` when a maintenance window begins, which ends all connections; returns how to stop."""
        self._on_restart.append(act)
        return lambda: self._on_restart.remove(act)

    def announce(self, window: Maintenance) -> None:
        """A window beside the weekly one."""
        self.upkeep.announced.append(window)
        self._boundary_ns = self.now()
        self.tick()

    def next_ns(self) -> int | None:
        """When the next maintenance window begins or ends."""
        return self._boundary_ns

    def keep_windows(self, now: int) -> None:
        """Begin or end a maintenance window. Beginning one restarts the clocks of all markets."""
        if self._boundary_ns is None or now < self._boundary_ns:
            return
        self._boundary_ns = self.upkeep.next_ns(now)
        current = self.upkeep.at(now)
        if current == self._window:
            return
        begins, self._window = self._window is None, current
        if current is None:
            self.exchange.set_exchange(now)
            return
        self.exchange.set_exchange(now, active=not current.exchange, trading=False)
        if begins:
            self.settle_up()
            self.floor.restart_clocks()
            for act in list(self._on_restart):
                act()

    def resume_time(self) -> int | None:
        """When the maintenance window that is on will end."""
        window = self.upkeep.at(self.now())
        return window.end_ns if window is not None else None

"""The practice venue: the exchange with its clock, keys, limits, faults, and everyone who listens to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from connectors.simulators.kalshi.candles import Candles
from connectors.simulators.kalshi.clock import Clock, RealClock
from connectors.simulators.kalshi.core.exchange import Exchange
from connectors.simulators.kalshi.core.notices import Notice, QuoteChanged, Traded
from connectors.simulators.kalshi.core.units import MILLIS, MONEY_ONE
from connectors.simulators.kalshi.faults import Faults
from connectors.simulators.kalshi.feeds import Feeds
from connectors.simulators.kalshi.keys import ApiKey
from connectors.simulators.kalshi.limits import TIERS, Limits
from connectors.simulators.kalshi.published import Published
from connectors.simulators.kalshi.scopes import SCOPES

Listener = Callable[[list[Notice]], None]


@dataclass(slots=True)
class Maintenance:
    """A window in which the exchange (or only trading) pauses. UTC nanoseconds."""

    start_ns: int
    end_ns: int
    exchange: bool


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
    """How the venue behaves. ``read_lag_ms``: how far portfolio reads are behind; ``deposit``: dollars per shard."""

    seed: int = 0
    read_lag_ms: int = 0
    tier: str = "advanced"
    deposit: int = 1_000
    unlimited: bool = False  # no rate limits


class Venue:
    """Everything of one practice exchange but its network side. ``settle_up`` hands out what has happened."""

    def __init__(self, options: Options | None = None, clock: Clock | None = None) -> None:
        self.options = options or Options()
        self.clock: Clock = clock or RealClock()
        self.exchange = Exchange(self.options.seed)
        self.faults = Faults(self.options.seed, SCOPES)
        self.published = Published(self.options.read_lag_ms * MILLIS)
        self.candles = Candles()
        self.feeds = Feeds(self.options.seed)
        self.keys: dict[str, ApiKey] = {}
        self.limits: dict[str, Limits] = {}
        self.transfers: list[Transfer] = []
        self.maintenance: list[Maintenance] = []
        self._listeners: list[Listener] = []
        self._watchers: list[Callable[[], bool]] = []
        self._in_window = False
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
        self.exchange.advance(now)
        self._keep_windows(now)
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

    def _keep_windows(self, now: int) -> None:
        current = next((window for window in self.maintenance if window.start_ns <= now < window.end_ns), None)
        if current is not None and not self._in_window:
            self._in_window = True
            self.exchange.set_exchange(now, active=not current.exchange, trading=False)
        elif current is None and self._in_window:
            self._in_window = False
            self.exchange.set_exchange(now)

    def resume_time(self) -> int | None:
        """When the maintenance window that is on will end."""
        now = self.now()
        return next((w.end_ns for w in self.maintenance if w.start_ns <= now < w.end_ns), None)

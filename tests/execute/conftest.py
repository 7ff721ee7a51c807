"""A small venue in memory that fills, loses and repeats on command, and a store that forgets what was not saved."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from engine.execute.broker import VenueBroker
from engine.execute.reconcile import Ages, Findings, ForeignPolicy
from engine.execute.recovery import Recovery, RecoverySettings
from engine.market.events import Quote
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.orders import BrokerReport, Fill, Leg, Order, OrderType, Side
from engine.market.venue import Answer, Outcome, Picture, Urgency, VenueFill, VenueOrder, VenueSettlement, WireOrder
from engine.market.wire import Booked, Intent, Saved

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
ZERO = Decimal(0)
SIGNATURE_NS = SECOND * 9 // 10  # the rig waits for a second


@dataclass
class FakeVenue:
    """Implements ``engine.market.venue.Venue``. ``faults``: what happens to the coming requests, one each:

    "" nothing, "lost" it never arrives, "unanswered" it arrives and nobody hears, "limited", "refused", "late" nobody
    hears and it arrives at ``arrive``, if its signature still counts then. ``silent``: its stream tells of no fill.
    ``totals``: its lists tell no executions, but of each order what it has filled and at which price on average.
    """

    now: int = START
    faults: list[str] = field(default_factory=list)
    book: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    orders: dict[str, VenueOrder] = field(default_factory=dict)
    fills: list[VenueFill] = field(default_factory=list)
    settlements: list[VenueSettlement] = field(default_factory=list)
    sent: list[WireOrder] = field(default_factory=list)
    depth: Decimal = Decimal(1000)
    stream: list[VenueFill] = field(default_factory=list)
    silent: bool = False
    totals: bool = False
    accepted: int = 0
    held_up: list[tuple[int, WireOrder]] = field(default_factory=list)
    paid_in: Decimal = Decimal(1000)

    def arrive(self) -> None:
        """What was held up on the way arrives."""
        held_up, self.held_up = self.held_up, []
        for sent_ns, order in held_up:
            if self.now - sent_ns < SIGNATURE_NS:
                self._accept(order)

    def positions(self) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for fill in self.fills:
            found[fill.symbol] = found.get(fill.symbol, ZERO) + fill.quantity * fill.side.sign
        over = {s.symbol for s in self.settlements}
        return {symbol: q for symbol, q in found.items() if q and symbol not in over}

    def cash(self) -> Decimal:
        """What can be spent: a dollar is kept back for each contract that is sold short."""
        cash, held = self.paid_in, dict[str, Decimal]()
        for fill in self.fills:
            cash -= fill.quantity * fill.side.sign * fill.price + fill.fee
            held[fill.symbol] = held.get(fill.symbol, ZERO) + fill.quantity * fill.side.sign
        cash += sum((held.get(s.symbol, ZERO) * s.value for s in self.settlements), ZERO)
        return cash + sum((min(q, ZERO) for q in self.positions().values()), ZERO)

    async def send(self, order: WireOrder) -> Answer:
        self.sent.append(order)
        fault = self._fault()
        if fault in ("lost", "late"):
            if fault == "late":
                self.held_up.append((self.now, order))
            return Answer(Outcome.UNKNOWN, reason="time-out")
        if fault in ("limited", "refused"):
            return Answer(Outcome.LIMITED if fault == "limited" else Outcome.REFUSED, reason=fault)
        if any(o.client_id == order.client_id for o in self.orders.values()):
            return Answer(Outcome.DUPLICATE, reason="order_already_exists")
        made = self._accept(order)
        if fault == "unanswered":
            return Answer(Outcome.UNKNOWN, reason="time-out")
        rests = made.quantity - made.filled if made.open else ZERO
        return Answer(Outcome.DONE, made.venue_order_id, made.filled, rests)

    def _accept(self, order: WireOrder) -> VenueOrder:
        self.accepted += 1
        venue_id = f"v{self.accepted}"
        made = VenueOrder(
            venue_id, order.client_id, order.symbol, order.side, order.quantity, ZERO, order.limit, True, self.now
        )
        self.orders[venue_id] = made
        bid, ask = self.book.get(order.symbol, (None, None))
        price = ask if order.side is Side.BUY else bid
        if price is not None and (Decimal(price) - order.limit) * order.side.sign <= 0:
            most = min(order.quantity, self.depth)
            if order.reduce_only:
                most = min(most, max(-self.positions().get(order.symbol, ZERO) * order.side.sign, ZERO))
            if most:
                self.trade(venue_id, most, price)
        if order.immediate and self.orders[venue_id].open:
            self.orders[venue_id] = self.orders[venue_id]._replace(open=False)
        return self.orders[venue_id]

    def trade(self, venue_id: str, quantity: Decimal | int, price: str | None = None) -> VenueFill:
        """Fill so much of an order."""
        order = self.orders[venue_id]
        filled = order.filled + Decimal(quantity)
        assert filled <= order.quantity, "the venue never fills more than was ordered"
        self.orders[venue_id] = order._replace(filled=filled, open=filled < order.quantity)
        fill = VenueFill(
            f"t{len(self.fills) + 1}", venue_id, order.client_id, order.symbol, order.side, Decimal(quantity),
            Decimal(price) if price else order.limit, Decimal("0.01"), self.now,
        )  # fmt: skip
        self.fills.append(fill)
        if not self.silent:
            self.stream.append(fill)
        return fill

    async def cancel(self, venue_order_id: str, symbol: str, urgency: Urgency = Urgency.CANCEL) -> Answer:
        fault = self._fault()
        if fault in ("lost", "late"):
            return Answer(Outcome.UNKNOWN, reason="time-out")
        if fault in ("limited", "refused"):
            return Answer(Outcome.LIMITED, reason=fault)
        order = self.orders[venue_order_id]
        if not order.open:
            return Answer(Outcome.GONE)
        self.orders[venue_order_id] = order._replace(open=False)
        if fault == "unanswered":
            return Answer(Outcome.UNKNOWN, reason="time-out")
        return Answer(Outcome.DONE, venue_order_id, rests=order.quantity - order.filled)

    async def shrink(
        self, venue_order_id: str, symbol: str, by: Decimal, urgency: Urgency = Urgency.CANCEL
    ) -> Answer:
        fault = self._fault()
        if fault in ("lost", "late", "limited", "refused"):
            return Answer(Outcome.UNKNOWN if fault in ("lost", "late") else Outcome.LIMITED, reason=fault)
        order = self.orders[venue_order_id]
        if not order.open:
            return Answer(Outcome.GONE)
        rests = max(order.quantity - order.filled - by, ZERO)
        self.orders[venue_order_id] = order._replace(quantity=order.filled + rests, open=rests > 0)
        if fault == "unanswered":
            return Answer(Outcome.UNKNOWN, reason="time-out")
        return Answer(Outcome.DONE, venue_order_id, rests=rests)

    async def cancel_all(self) -> Answer:
        if self._fault():
            return Answer(Outcome.UNKNOWN, reason="time-out")
        for venue_id, order in self.orders.items():
            self.orders[venue_id] = order._replace(open=False)
        return Answer(Outcome.DONE)

    async def resting(self, symbol: str | None = None) -> list[VenueOrder]:
        return [o for o in self.orders.values() if o.open and symbol in (None, o.symbol)]

    async def holdings(self) -> dict[str, Decimal]:
        return self.positions()

    async def quote(self, symbol: str) -> Quote:
        bid, ask = self.book.get(symbol, (None, None))
        return Quote(symbol, self.now, float(bid) if bid else None, 1.0, float(ask) if ask else None, 1.0)

    async def picture(self, since_ns: int, known: Collection[str] = ()) -> Picture:
        orders = [o for o in self.orders.values() if o.open or o.created_ns >= since_ns or o.venue_order_id in known]
        fills = [f for f in self.fills if f.time_ns >= since_ns]
        if self.totals:
            orders, fills = [self._with_total(order) for order in orders], []
        return Picture(
            self.now, since_ns, orders, fills, self.positions(),
            dict.fromkeys(self.positions(), Decimal("0.5")), list(self.settlements), self.cash(),
            frozenset(k for k in known if k not in self.orders), self.now,
        )  # fmt: skip

    def _with_total(self, order: VenueOrder) -> VenueOrder:
        fills = [fill for fill in self.fills if fill.venue_order_id == order.venue_order_id]
        if not fills:
            return order
        average = sum((f.quantity * f.price for f in fills), ZERO) / order.filled
        return order._replace(average=average, changed_ns=fills[-1].time_ns)

    def _fault(self) -> str:
        return self.faults.pop(0) if self.faults else ""


class MemoryStore:
    """Implements ``engine.market.wire.OrderStore``: keeps copies, as a disk does."""

    def __init__(self) -> None:
        self.intents: dict[str, Intent] = {}
        self.fills: list[Fill] = []
        self.saves: list[list[str]] = []
        self.reconciled_ns = self.opened_ns = 0
        self.opening, self.booked_before = ZERO, 0
        self.transfers: list[Decimal] = []

    def cash(self) -> Decimal:
        traded = self.fills[self.booked_before :]
        spent = sum((f.quantity * f.side.sign * f.price + f.fee for f in traded), ZERO)
        return self.opening - spent + sum(self.transfers, ZERO)

    def moved(self, amount: Decimal, time_ns: int) -> None:
        self.transfers.append(amount)

    def fills_since(self, time_ns: int) -> list[Fill]:
        return [fill for fill in self.fills if fill.time_ns >= time_ns and fill.client_id]

    def save(self, intents: Sequence[Intent], fills: Sequence[Booked], time_ns: int) -> None:
        for intent in intents:
            self.intents[intent.order.client_id] = copy.deepcopy(intent)
        known = {fill.fill_id for fill in self.fills}
        assert all(booked.fill.fill_id not in known for booked in fills), "a fill is booked once"
        self.fills += [booked.fill for booked in fills]
        self.saves.append([a.wire.client_id for intent in intents for a in intent.attempts])

    def reconciled(self, time_ns: int) -> None:
        self.reconciled_ns = time_ns

    def opened(self, cash: Decimal, time_ns: int) -> None:
        self.opening, self.booked_before, self.opened_ns = cash, len(self.fills), time_ns

    def intents_of(self, client_ids: Collection[str], venue_ids: Collection[str]) -> Sequence[Intent]:
        found = {
            intent.order.parent or intent.order.client_id
            for intent in self.intents.values()
            if any(a.wire.client_id in client_ids or a.life.venue_order_id in venue_ids for a in intent.attempts)
        }
        return [copy.deepcopy(i) for i in self.intents.values() if found & {i.order.client_id, i.order.parent}]

    def load(self) -> Saved:
        held: dict[tuple[str, str], Decimal] = {}
        for fill in self.fills:
            key = (fill.strategy, fill.symbol)
            held[key] = held.get(key, ZERO) + fill.quantity * fill.side.sign
        positions = tuple((*key, quantity) for key, quantity in held.items() if quantity)
        return Saved(
            [copy.deepcopy(i) for i in self.intents.values()], list(self.fills),
            frozenset(f.fill_id for f in self.fills), positions, frozenset(), self.reconciled_ns, self.opened_ns,
        )  # fmt: skip


SYMBOLS = ("A", "B")
INSTRUMENTS = {
    s: Instrument(
        s, InstrumentKind.BINARY, Decimal("0.01"), Decimal(1), "24/7", lowest=Decimal("0.01"), highest=Decimal("0.99")
    )
    for s in SYMBOLS
}


class Rig:
    """A broker with its venue, its store and a clock that moves when told. ``reports``: what the rules were told."""

    def __init__(self, venue: FakeVenue | None = None, policy: ForeignPolicy = ForeignPolicy.ALERT) -> None:
        self.venue = venue or FakeVenue()
        self.store = MemoryStore()
        self.policy = policy
        self.alerts: list[tuple[str, str]] = []
        self.fills: list[Fill] = []
        self.states: dict[str, str] = {}
        self.reasons: dict[str, str] = {}
        self.start()

    def start(self) -> None:
        """Make the broker from what is on disk: the first start, or one after a crash."""
        self.broker = VenueBroker(
            self.venue, self.store, INSTRUMENTS, lambda client_id: ((), "A"),
            lambda kind, text: self.alerts.append((kind, text)),
        )  # fmt: skip
        saved = self.store.load()
        self.broker.accounts.restore(saved)
        self.recovery = Recovery(
            self.broker, lambda kind, text: self.alerts.append((kind, text)),
            RecoverySettings(self.policy, Ages(SECOND, 0)),
        )
        self.recovery.start(saved, self.venue.now)

    def tick(self, seconds: float = 0.5, **quotes: tuple[str | None, str | None]) -> None:
        """Let time pass with new quotes by symbol, take in all news, send what follows and hear the answers."""
        self.venue.now += int(seconds * SECOND)
        self.venue.book.update(quotes)
        events = [
            Quote(s, self.venue.now, float(bid) if bid else None, 9.0, float(ask) if ask else None, 9.0)
            for s, (bid, ask) in quotes.items()
        ]
        self.hear()
        self.told(self.broker.on_events(self.venue.now, events))
        self.exchange()

    def exchange(self, rounds: int = 8) -> None:
        """Send and hear until nothing is left to say."""
        for _ in range(rounds):
            sent = asyncio.run(self._dispatch())
            if not sent and not self.venue.stream:
                return
            self.hear()
            self.told(self.broker.on_events(self.venue.now, ()))

    def hear(self) -> None:
        """Take in what the stream has told."""
        told, self.venue.stream = self.venue.stream, []
        self.venue.now += 1
        self.broker.hear(told)

    async def _dispatch(self) -> int:
        tasks: list[asyncio.Task[None]] = []
        self.broker.dispatch(lambda c: tasks.append(asyncio.ensure_future(c)))
        await asyncio.gather(*tasks)
        return len(tasks)

    def told(self, report: BrokerReport | None) -> None:
        if report is not None:
            self.fills += report.fills
            for update in report.updates:
                self.states[update.client_id] = update.state.value
                self.reasons[update.client_id] = update.reason

    def place(self, *orders: Order) -> None:
        self.told(self.broker.place(orders, self.venue.now))
        self.exchange()

    def reconcile(self) -> Findings:
        picture = asyncio.run(self.recovery.read())
        findings = self.recovery.apply(picture, self.venue.now)
        self.told(self.broker.on_events(self.venue.now, ()))
        if findings.settled:
            self.broker.hold = ""
        self.exchange()
        return findings

    def ready(self, **quotes: tuple[str | None, str | None]) -> Rig:
        """Reconciled, so that entries may go out."""
        self.reconcile()
        if quotes:
            self.tick(**quotes)
        return self

    def resting(self, side: Side | None = None) -> list[VenueOrder]:
        return [o for o in self.venue.orders.values() if o.open and side in (None, o.side)]

    def held(self, strategy: str = "s", symbol: str = "A") -> Decimal:
        return self.broker.accounts.held(strategy, symbol)


def bracket(
    client_id: str, quantity: int = 10, limit: str | None = "0.50", stop: str = "0.40", target: str = "0.60",
    side: Side = Side.BUY, symbol: str = "A", strategy: str = "s", created: int = START, **more: object,
) -> tuple[Order, Order, Order]:  # fmt: skip
    """An entry with its stop and target."""
    entry = Order(
        client_id, symbol, side, Decimal(quantity), OrderType.MARKET if limit is None else OrderType.LIMIT, Leg.ENTRY,
        strategy, strategy, created, Decimal(limit) if limit else None, **more,  # type: ignore[arg-type]
    )  # fmt: skip
    legs = [
        replace_leg(entry, f"{client_id}-stop", Leg.STOP, stop=Decimal(stop)),
        replace_leg(entry, f"{client_id}-target", Leg.TARGET, limit=Decimal(target)),
    ]
    return entry, legs[0], legs[1]


def replace_leg(entry: Order, client_id: str, leg: Leg, **prices: Decimal) -> Order:
    kind = OrderType.STOP if leg is Leg.STOP else OrderType.LIMIT
    return Order(
        client_id, entry.symbol, entry.side.opposite, entry.quantity, kind, leg, entry.strategy, entry.rule,
        entry.created_ns, prices.get("limit"), prices.get("stop"), entry.client_id, entry.client_id,
    )  # fmt: skip


def exit_of(client_id: str, quantity: int, side: Side = Side.SELL, symbol: str = "A", strategy: str = "s") -> Order:
    return Order(client_id, symbol, side, Decimal(quantity), OrderType.MARKET, Leg.EXIT, strategy, "x", START)


@pytest.fixture
def rig() -> Rig:
    """A broker that may trade; A is 0.49 at 0.51."""
    return Rig().ready(A=("0.49", "0.51"))


@pytest.fixture(scope="session")
def make_rig() -> type[Rig]:
    return Rig


@pytest.fixture(scope="session")
def new_bracket() -> Callable[..., tuple[Order, Order, Order]]:
    return bracket


@pytest.fixture(scope="session")
def new_exit() -> Callable[..., Order]:
    return exit_of



"""Start-up, crash recovery and every reconnect are one thing: read the venue's account whole, and follow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.execute.accounts import FOREIGN
from engine.execute.broker import Alert, VenueBroker
from engine.execute.reconcile import Books, Difference, Findings, ForeignPolicy, Mine, reconcile
from engine.market.events import Quote
from engine.market.intents import Acknowledged, Ending, advance
from engine.market.orders import Fill, Leg, Order, OrderState, OrderType, Side
from engine.market.venue import ZERO, Picture, VenueOrder, VenueSettlement, WireOrder
from engine.market.wire import Attempt, Intent

NANOS = 1_000_000_000
OVERLAP_NS = 60 * NANOS  # lists are read from so long before what they must show, as clocks differ


@dataclass(frozen=True, slots=True)
class RecoverySettings:
    """``grace_ns``: how much newer than an order's sending the lists must be before its absence counts.
    ``again_ns``: how soon the lists are read again while something is not settled."""

    policy: ForeignPolicy = ForeignPolicy.ALERT
    grace_ns: int = 5 * NANOS
    again_ns: int = NANOS // 2


class Recovery:
    """Reconciles a broker with its venue. ``last`` is what the newest reading found.

    A position that no fill explains counts only when two readings in a row tell the same: lists are read one after
    another, and a fill may come in between.
    """

    def __init__(self, broker: VenueBroker, alert: Alert, settings: RecoverySettings | None = None) -> None:
        self.broker = broker
        self.settings = settings or RecoverySettings()
        self.last = Findings()
        self.cash = ZERO
        self.readings = self.settled_unknowns = 0
        self._alert = alert
        self._suspected: tuple[Difference, ...] = ()
        self._since_ns = 0

    def start(self, reconciled_ns: int, now_ns: int) -> None:
        """``reconciled_ns``: until when the venue's lists were taken in before; 0 when they never were."""
        self._since_ns = reconciled_ns or now_ns

    async def read(self) -> Picture:
        """The venue's lists, as far back as anything is open. VenueError when any of them cannot be read."""
        accounts = self.broker.accounts
        still_open = list(accounts.open_attempts())
        since = min([self._since_ns, *(a.sent_ns for a in still_open)]) - OVERLAP_NS
        known = [a.life.venue_order_id for a in still_open if a.life.venue_order_id]
        return await self.broker.venue.picture(max(since, 0), known)

    def apply(self, picture: Picture, now_ns: int) -> Findings:
        """Follow the venue; what follows for the rules is told at the broker's next ``on_events``.

        Everything heard before must have been taken in. Entries are let go once all our orders are certain.
        """
        broker = self.broker
        findings = reconcile(self._books(), picture, self.settings.policy, self.settings.grace_ns)
        self.readings += 1
        self._orders(findings, now_ns)
        for settlement in findings.settlements:
            self._settle(settlement, now_ns)
        for fill in findings.foreign_fills:
            self._share(fill.fill_id, fill.symbol, fill.side, fill.quantity, fill.price, fill.fee, fill.time_ns)
        known = broker.instruments
        for order in (o for o in findings.adopt if o.symbol in known):
            self._adopt(order, now_ns)
        for order in (*findings.foreign, *(o for o in findings.adopt if o.symbol not in known)):
            broker.accounts.foreign.add(order.venue_order_id)
            self._alert("foreign_order", f"{order.side} {order.quantity} {order.symbol} at {order.limit} is not ours")
        broker.forget_orphans()
        self._different(findings, picture)
        self.cash, self.last = picture.cash, findings
        if findings.settled:
            self._since_ns = picture.as_of_ns
            broker.store.reconciled(picture.as_of_ns)
        done = findings.settled and self._suspected == ()
        broker.look_ns = 0 if done else now_ns + self.settings.again_ns
        return findings

    def _books(self) -> Books:
        accounts = self.broker.accounts
        orders = [
            Mine(
                a.wire.client_id, a.life.venue_order_id, a.wire.symbol, a.wire.side, a.wire.quantity, a.life.filled,
                a.open, a.sent_ns,
            )
            for a in accounts.attempts.values()
        ]  # fmt: skip
        return Books(orders, accounts.fill_ids, accounts.net(), accounts.settled, accounts.foreign)

    def _orders(self, findings: Findings, now_ns: int) -> None:
        broker = self.broker
        doubtful = {a.wire.client_id for a in broker.accounts.open_attempts() if a.doubtful}
        for client_id, fill in findings.fills:
            broker.executed(fill._replace(client_id=client_id), now_ns)
        for client_id, order in findings.orders:
            broker.listed(order._replace(client_id=client_id), now_ns)
        for client_id in findings.never_arrived:
            broker.never_arrived(client_id, now_ns)
        for client_id in findings.lost:
            self._alert("order_lost", f"{client_id}: the venue does not know this order any more")
            attempt = broker.accounts.attempts[client_id]
            attempt.over, attempt.told = Ending.CANCELLED, attempt.life.filled
            broker.touch(attempt, now_ns)
        self.settled_unknowns += sum(
            1 for client_id in doubtful if not broker.accounts.attempts[client_id].doubtful
        )

    def _settle(self, settlement: VenueSettlement, now_ns: int) -> None:
        """A market paid out: what is held of it is over, and so is every order in it."""
        accounts, symbol = self.broker.accounts, settlement.symbol
        accounts.settled.add(symbol)
        for (strategy, held_symbol), held in sorted(accounts.positions.items()):
            if held_symbol == symbol:
                self.broker.book(Fill(
                    f"settlement/{symbol}/{strategy}", "", symbol, strategy, Side.SELL if held > 0 else Side.BUY,
                    abs(held), settlement.value, ZERO, settlement.time_ns, Leg.EXIT, "the market was settled",
                ))  # fmt: skip
        for strategy in accounts.strategies_in(symbol):
            for intent in accounts.open_in(strategy, symbol):
                intent.withdraw(OrderState.CANCELLED, "the market was settled")
                self.broker.keep(intent)

    def _share(
        self, fill_id: str, symbol: str, side: Side, quantity: Decimal, price: Decimal, fee: Decimal, time_ns: int,
        reason: str = "traded by somebody else",
    ) -> None:  # fmt: skip
        """Book what no order of ours did: at the cost of the strategies whose position it takes, else of nobody."""
        for number, (strategy, signed) in enumerate(self.broker.accounts.shares(symbol, quantity * side.sign)):
            self.broker.book(Fill(
                f"{fill_id}/{number}" if number else fill_id, "", symbol, strategy, side, abs(signed), price,
                ZERO if number else fee, time_ns, Leg.EXIT, reason,
            ))  # fmt: skip
            if strategy != FOREIGN:
                words = f"{side} {abs(signed)} {symbol} at {price} changed a position of {strategy}"
                self._alert("foreign_fill", words)

    def _adopt(self, order: VenueOrder, now_ns: int) -> None:
        accounts = self.broker.accounts
        accounts.foreign.add(order.venue_order_id)
        wire = WireOrder(
            order.client_id or order.venue_order_id, order.symbol, order.side, order.quantity, order.limit
        )
        wanted = Order(
            f"{FOREIGN}-{order.venue_order_id}", order.symbol, order.side, order.quantity, OrderType.LIMIT, Leg.ENTRY,
            FOREIGN, FOREIGN, order.created_ns, limit=order.limit, reason="adopted",
        )  # fmt: skip
        intent = Intent(wanted, OrderState.WORKING, filled=order.filled)
        attempt = Attempt.of(wire, wanted.client_id, order.created_ns)
        attempt.life = advance(attempt.life, Acknowledged(order.venue_order_id)).life
        if order.filled:
            attempt.executed(order.filled)
        intent.attempts.append(attempt)
        accounts.add(intent)
        accounts.track(attempt)
        self.broker.keep(intent)
        self._alert("foreign_order", f"{order.side} {order.quantity} {order.symbol} at {order.limit} is adopted")

    def _different(self, findings: Findings, picture: Picture) -> None:
        """The venue wins. What is booked so is recorded as what it is."""
        confirmed = [d for d in findings.different if d in self._suspected]
        self._suspected = tuple(d for d in findings.different if d not in confirmed)
        for symbol, ours, venue in confirmed:
            missing = venue - ours
            price = self._price(symbol, picture.costs)
            self._alert("position", f"{symbol}: the venue has {venue}, our books {ours}; the venue is followed")
            if price is None:
                self._alert("position", f"{symbol}: no price is known, so that nothing could be booked")
                continue
            side = Side.BUY if missing > 0 else Side.SELL
            name = f"difference/{symbol}/{picture.as_of_ns}"
            why = "the venue's position differs"
            self._share(name, symbol, side, abs(missing), price, ZERO, picture.as_of_ns, why)

    def _price(self, symbol: str, costs: Mapping[str, Decimal]) -> Decimal | None:
        """What the venue says it cost, else where the market is."""
        quote = self.broker.quotes.get(symbol)
        return costs.get(symbol) or _mid(quote)


def _mid(quote: Quote | None) -> Decimal | None:
    if quote is None or quote.bid is None or quote.ask is None:
        return None
    return (Decimal(repr(quote.bid)) + Decimal(repr(quote.ask))) / 2

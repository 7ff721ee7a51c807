"""Start-up, crash recovery and every reconnect are one thing: read the venue's account whole, and follow it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from engine.execute.accounts import FOREIGN
from engine.execute.books import Alert
from engine.execute.broker import VenueBroker
from engine.execute.cash import SMALLEST, CashWatch, cash_of, in_words, late_costs
from engine.execute.charges import LATE_NS
from engine.execute.reconcile import Ages, Books, Difference, Findings, ForeignPolicy, Mine, reconcile
from engine.market.events import Quote
from engine.market.intents import Acknowledged, Ending, advance
from engine.market.orders import Fill, Leg, Order, OrderState, OrderType, Side
from engine.market.venue import ZERO, Picture, VenueError, VenueOrder, VenueSettlement, WireOrder
from engine.market.wire import Attempt, Intent, Saved

NANOS = 1_000_000_000
OVERLAP_NS = 60 * NANOS  # lists are read from so long before what they must show, as clocks differ
DEFAULT_AGES = Ages(40 * NANOS, 2 * NANOS)
OPENING = "it was held before these books began"


@dataclass(frozen=True, slots=True)
class RecoverySettings:
    """``ages``: how much newer than an order the lists must be before they gainsay it; by default as for a request that
    may take 20 seconds, signed for 30, by a clock that may be 5 off. ``again_ns``: how soon the lists are read again
    while something is not settled, and how seldom at last. ``costs_later``: the venue tells fees days after trades.
    ``payout_ns``: how much later than that a position is gone the venue may tell that its market paid out."""

    policy: ForeignPolicy = ForeignPolicy.ALERT
    ages: Ages = DEFAULT_AGES
    again_ns: tuple[int, int] = (NANOS // 2, 4 * NANOS)
    costs_later: bool = False
    payout_ns: int = 0


class Recovery:
    """Reconciles a broker with its venue. ``last`` is what the newest reading found.

    A position that no fill explains counts only when two readings in a row tell the same: lists are read one after
    another, and a fill may come in between. Readings that cannot tell of positions, since orders of ours are under
    way, do not count between the two. A position that is gone may have been paid out, which may be told later still:
    what it would be booked at is a guess, and would hide what it has lost.
    """

    def __init__(self, broker: VenueBroker, alert: Alert, settings: RecoverySettings | None = None) -> None:
        self.broker = broker
        self.settings = settings or RecoverySettings()
        self.last = Findings()
        self.cash = ZERO
        self.watch = CashWatch()
        self._told_moved = ZERO
        self.readings = self.settled_unknowns = 0
        self._alert = alert
        self._suspected: dict[Difference, int] = {}  # and since which reading (the venue's clock)
        self._since_ns = self._opened_ns = 0
        self._opening = False
        self._quoted: dict[str, Quote] = {}  # read for want of a streamed one
        self._unsettled = 0  # readings in a row that did not settle everything

    def start(self, saved: Saved, now_ns: int) -> None:
        """``saved``: what the broker was given of earlier runs. Books that never met the venue's lists begin with what
        the first reading tells: see ``_open``."""
        self._since_ns, self._opened_ns = saved.reconciled_ns or now_ns, saved.opened_ns
        self._opening = not saved.reconciled_ns and not saved.intents
        for attempt in self.broker.accounts.open_attempts():
            attempt.heard_ns = now_ns  # a process that is gone may have heard of it until now

    async def read(self) -> Picture:
        """The venue's lists, as far back as anything is open. VenueError when any of them cannot be read."""
        accounts = self.broker.accounts
        still_open = list(accounts.open_attempts())
        since = min([self._since_ns, *(a.sent_ns for a in still_open)]) - OVERLAP_NS
        known = [a.life.venue_order_id for a in still_open if a.life.venue_order_id]
        picture = await self.broker.venue.picture(max(since, 0), known)
        unpriced = picture.positions.keys() - picture.costs.keys() if self._opening else set()
        for symbol in sorted(unpriced | {d.symbol for d in self._suspected}):
            await self._quote(symbol)
        return picture

    async def _quote(self, symbol: str) -> None:
        """Where the market is, if the stream has not told: a position may have to be booked at it."""
        if _mid(self.broker.quotes.get(symbol)) is None:
            with suppress(VenueError):
                self._quoted[symbol] = await self.broker.venue.quote(symbol)

    def apply(self, picture: Picture, now_ns: int) -> Findings:
        """Follow the venue; what follows for the rules is told at the broker's next ``on_events``.

        Everything heard before must have been taken in. Entries are let go once all our orders are certain.
        """
        broker = self.broker
        self._remember(picture)
        if self._opening:
            self._open(picture, now_ns)
        picture = broker.with_totals(picture, self._opened_ns, now_ns)
        findings = reconcile(self._books(), picture, self.settings.policy, self.settings.ages)
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
        self._count_cash(findings, picture, now_ns)
        self.cash, self.last = picture.cash, findings
        if findings.settled:
            self._since_ns = picture.as_of_ns
            broker.store.reconciled(picture.as_of_ns)
        done = findings.settled and not findings.stray and not self._suspected and not self.watch.doubt
        self._unsettled = 0 if done else self._unsettled + 1
        broker.look_ns = 0 if done else now_ns + self._again_in()
        return findings

    def _count_cash(self, findings: Findings, picture: Picture, now_ns: int) -> None:
        """Whether money came or went. While the rules trade it is only told: their account goes on without it, so that
        no guard takes it for a result, until the next run begins with it."""
        if not findings.settled or findings.stray or findings.different:
            self.watch.cannot_tell()
            return
        self.broker.save(now_ns)
        slack, store = SMALLEST, self.broker.store
        if self.settings.costs_later:
            slack += late_costs(store.fills_since(now_ns - LATE_NS))
        self.watch.compare(store.cash(), picture, slack, self.settings.ages.lag)
        moved = self.watch.moved
        if moved and moved != self._told_moved and not self.broker.muted:
            self._told_moved = moved
            self._alert("transfer", f"{in_words(moved)}; this run goes on without it, the next one begins with it")

    def book_moved(self, now_ns: int) -> Decimal:
        """Book what came or went as a transfer, which is no result; returns it (money). Not while rules trade."""
        moved = self.watch.moved
        if moved:
            self.broker.store.moved(moved, now_ns)
            self.watch.booked()
            word = "deposit" if moved > 0 else "withdrawal"
            self._alert("transfer", f"{in_words(moved)}; it is booked as a {word}, and is no result")
        return moved

    def _again_in(self) -> int:
        """At first what is not settled is a matter of the lists' lag; later it takes as long as a request may."""
        first, longest = self.settings.again_ns
        return min(first << min(max(self._unsettled - 4, 0), 16), longest)

    def _open(self, picture: Picture, now_ns: int) -> None:
        """The first sight of an account: its positions and its cash are what the books begin with, at what the venue
        says they cost. What was traded before has made them, and is not booked again."""
        self._opening = False
        held = self.broker.accounts.net()
        for symbol, quantity in sorted(picture.positions.items()):
            missing = quantity - held.get(symbol, ZERO)
            if missing:
                price = self._price(symbol, picture.costs)
                self._alert("opening", f"{quantity} {symbol} was held before these books began; it begins at {price}")
                side = Side.BUY if missing > 0 else Side.SELL
                self._share(f"opening/{symbol}", symbol, side, abs(missing), price, ZERO, picture.as_of_ns, OPENING)
        self.broker.begin_with_totals(picture)
        traded = [*(fill.time_ns for fill in picture.fills), *(order.changed_ns for order in picture.orders)]
        self._opened_ns = max([picture.as_of_ns, *traded])
        self.broker.save(now_ns)
        self.broker.store.opened(cash_of(picture), self._opened_ns)

    def _remember(self, picture: Picture) -> None:
        """What the venue tells of may be an order of ours that is long over, and was not loaded."""
        accounts = self.broker.accounts
        orders = [o for o in picture.orders if accounts.of_order(o) is None and o.client_id]
        fills = [f for f in picture.fills if f.fill_id not in accounts.fill_ids and accounts.of_fill(f) is None]
        names = {o.client_id for o in orders}
        venue_ids = {o.venue_order_id for o in orders} | {f.venue_order_id for f in fills}
        if venue_ids:
            for intent in self.broker.store.intents_of(names, venue_ids):
                accounts.remember(intent)

    def _books(self) -> Books:
        accounts = self.broker.accounts
        orders = [
            Mine(
                a.wire.client_id, a.life.venue_order_id, a.wire.symbol, a.wire.side, a.wire.quantity, a.life.filled,
                a.open, a.sent_ns, a.heard_ns, a.sending, a.stray,
            )
            for a in accounts.attempts.values()
        ]  # fmt: skip
        return Books(
            orders, accounts.fill_ids, accounts.net(), accounts.settled, accounts.foreign, self.last.missed,
            self._opened_ns,
        )  # fmt: skip

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
        for client_id, order in findings.stray:
            broker.found_resting(client_id, order, now_ns)
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
        shares = list(self.broker.accounts.shares(symbol, quantity * side.sign))
        for number, (strategy, signed) in enumerate(shares):
            self.broker.book(Fill(
                f"{fill_id}/{number}" if number else fill_id, "", symbol, strategy, side, abs(signed), price,
                ZERO if number else fee, time_ns, Leg.EXIT, reason,
            ))  # fmt: skip
        if whose := ", ".join(strategy for strategy, _ in shares if strategy != FOREIGN):
            self._alert("foreign_fill", f"{side} {quantity} {symbol} at {price} changed what {whose} had")

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
        if not findings.settled:
            return  # it tells nothing of positions, neither for what was suspected nor against it
        before, now_ns = self._suspected, picture.as_of_ns
        confirmed = [d for d in findings.different if d in before and now_ns >= before[d] + self._doubt_ns(d)]
        self._suspected = {d: before.get(d, now_ns) for d in findings.different if d not in confirmed}
        self.broker.suspect({d.symbol for d in self._suspected})
        for symbol, ours, venue in confirmed:
            missing = venue - ours
            price = self._price(symbol, picture.costs)
            self._alert(
                "position",
                f"{symbol}: the venue has {venue}, our books {ours}; the venue is followed, and {missing:+} booked at "
                f"{price}",
            )
            side = Side.BUY if missing > 0 else Side.SELL
            name = f"difference/{symbol}/{picture.as_of_ns}"
            why = "the venue's position differs"
            self._share(name, symbol, side, abs(missing), price, ZERO, picture.as_of_ns, why)

    def _doubt_ns(self, difference: Difference) -> int:
        return 0 if difference.venue else self.settings.payout_ns

    def _price(self, symbol: str, costs: Mapping[str, Decimal]) -> Decimal:
        """What the venue says it cost, else where the market is streamed, else what we paid, else where it was read to
        be: never a reason to wait. With none of them it is booked at nothing, and an alert says so."""
        broker = self.broker
        known = (
            costs.get(symbol), _mid(broker.quotes.get(symbol)), broker.accounts.entry_price(symbol),
            _mid(self._quoted.get(symbol)),
        )  # fmt: skip
        for price in known:
            if price is not None:
                return price
        self._alert("position", f"{symbol}: no price is known; it is booked at 0, so its profit will be wrong")
        return ZERO


def _mid(quote: Quote | None) -> Decimal | None:
    if quote is None or quote.bid is None or quote.ask is None:
        return None
    return (Decimal(repr(quote.bid)) + Decimal(repr(quote.ask))) / 2

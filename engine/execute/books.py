"""What a live broker knows: what the venue tells of orders and fills becomes accounts, each thing once, and is written
down. Nothing here asks the venue for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace
from decimal import Decimal

from engine.execute.accounts import FOREIGN, Accounts
from engine.execute.totals import Total, fill_of
from engine.market.intents import IntentState
from engine.market.orders import BrokerReport, Fill, OrderState, OrderUpdate
from engine.market.venue import ZERO, Picture, VenueFill, VenueOrder
from engine.market.wire import Attempt, Booked, Intent, OrderStore

Alert = Callable[[str, str], None]


class VenueBooks:
    """The accounts of a broker, what has changed in them since it was written down and told, and what is in doubt.

    ``alert`` takes a kind and words that a person should see. ``moves``: whether the venue may move the price of an
    order that rests, as one does that keeps stops itself.
    """

    def __init__(self, store: OrderStore, alert: Alert, *, moves: bool) -> None:
        self.store, self.accounts = store, Accounts()
        self.look_ns = 0  # when a doubt arose that only the venue's lists settle; 0 without one
        self._alert, self._moves = alert, moves
        self._orphans: list[VenueFill] = []
        self._suspected: set[str] = set()  # symbols of which the venue may hold something else than these books
        self._others: dict[str, Decimal] = {}  # what has filled of orders that are not ours, by the venue's id
        self._report = BrokerReport()
        self._dirty: set[str] = set()
        self._changed: dict[str, Intent] = {}
        self._fills: list[Booked] = []

    # -- what the venue tells ------------------------------------------------------------------------------------------

    def listed(self, order: VenueOrder, time_ns: int) -> None:
        """What the venue says of one order; one that is not ours is left alone here."""
        attempt = self.accounts.of_order(order)
        if attempt is not None:
            over = not attempt.open
            if not over and not order.open and not attempt.asking and order.filled < attempt.total:
                self.doubt(time_ns)  # nobody here took it off: whoever did may have traded, too
            if over and order.open:
                self.doubt(time_ns)  # old news, or it lives: only the lists can say which
            attempt.listed(order)
            if over and attempt.open:
                self._found(attempt)  # it had been refused, and no news is older than that
            attempt.heard_ns = time_ns
            self.accounts.named(attempt)
            if self._moves and order.open:
                attempt.wire = attempt.wire._replace(limit=order.limit)  # it may have been moved
            self._follow_total(attempt, order, time_ns)
            self.touch(attempt, time_ns)
            self._adopt_orphans(time_ns)
        elif order.filled > self._others.get(order.venue_order_id, ZERO):
            self._others[order.venue_order_id] = order.filled
            self.doubt(time_ns)  # somebody else trades on this account: what is held is another amount now
        elif order.open and order.venue_order_id not in self.accounts.foreign:
            self.doubt(time_ns)

    def with_totals(self, picture: Picture, opened_ns: int, time_ns: int) -> Picture:
        """A picture with the fills that its totals stand for: of our orders, and of others what has traded since the
        books began (``opened_ns``, the venue's clock)."""
        told = (o for o in picture.orders if o.changed_ns > opened_ns or self.accounts.of_order(o) is not None)
        found = (fill_of(order, self._booked(order), time_ns) for order in told)
        return replace(picture, fills=[*picture.fills, *filter(None, found)])

    def begin_with_totals(self, picture: Picture) -> None:
        """What has filled so far of other people's orders is in the positions that the books begin with."""
        for order in picture.orders:
            if order.average is not None:
                self.accounts.totals.setdefault(order.venue_order_id, Total(order.filled, order.average))

    def _booked(self, order: VenueOrder) -> Total:
        return self.accounts.totals.get(order.venue_order_id, Total())

    def _follow_total(self, attempt: Attempt, order: VenueOrder, time_ns: int) -> None:
        """Book what has filled of an order where the venue tells no executions."""
        fill = fill_of(order, self._booked(order), time_ns)
        if fill is not None:
            self.executed(fill._replace(client_id=attempt.wire.client_id), time_ns)

    def executed(self, fill: VenueFill, time_ns: int) -> None:
        """One execution, told any number of times; booked once."""
        if fill.fill_id in self.accounts.fill_ids:
            return
        attempt = self.accounts.of_fill(fill)
        if attempt is None:
            # It may be ours and ahead of the answer that tells the venue's id; the lists will say otherwise.
            if all(o.fill_id != fill.fill_id for o in self._orphans):
                self._orphans.append(fill)
                self.doubt(time_ns)
            return
        attempt.executed(fill.quantity, fill.venue_order_id)
        attempt.heard_ns = time_ns
        self.accounts.named(attempt)
        intent = self.accounts.intents_ever[attempt.intent]
        intent.filled += fill.quantity
        order = intent.order
        self.book(
            Fill(
                fill.fill_id, order.client_id, fill.symbol, order.strategy, fill.side, fill.quantity, fill.price,
                fill.fee, fill.time_ns, order.leg, order.reason,
            ),
            attempt.wire.client_id,
        )  # fmt: skip
        for leg in self.accounts.asleep(order.client_id):
            # Its legs were taken off because the position was closed, and now there is one again.
            leg.withdrawn, leg.reason, leg.state = None, "", OrderState.SENT
            self.accounts.open(leg)
            self.keep(leg)
        self.touch(attempt, time_ns)

    def book(self, fill: Fill, attempt: str = "") -> None:
        """Book one fill: into the accounts now, onto the disk and to the rules with the next report."""
        self.accounts.book(fill)
        self._fills.append(Booked(fill, attempt))
        if fill.strategy != FOREIGN:
            self._report.fills.append(fill)
        self._dirty.add(fill.symbol)

    def found_resting(self, client_id: str, order: VenueOrder, time_ns: int) -> None:
        """The venue shows an attempt resting that was over here: it lives, and comes off."""
        attempt = self.accounts.attempts[client_id]
        if not attempt.stray:
            self._found(attempt)
        attempt.found_resting(order)
        self.accounts.named(attempt)
        self.touch(attempt, time_ns)

    def _found(self, attempt: Attempt) -> None:
        attempt.stray = True
        words = "it was over in our books and rests at the venue; it is taken off"
        self._alert("order_found", f"{attempt.wire.client_id}: {words}")

    def _reopened(self, symbol: str) -> None:
        """What was refused because of a pause is not to wait for the end of its back-off."""
        for strategy in self.accounts.strategies_in(symbol):
            for intent in self.accounts.open_in(strategy, symbol):
                intent.failures = intent.retry_ns = 0
        self._dirty.add(symbol)

    def never_arrived(self, client_id: str, time_ns: int) -> None:
        """All the venue's lists, read to the end, do not have this attempt."""
        attempt = self.accounts.attempts[client_id]
        attempt.never_arrived()
        self.touch(attempt, time_ns)

    def doubt(self, time_ns: int) -> None:
        """Something is not certain: the venue's lists must be read."""
        self.look_ns = self.look_ns or time_ns

    def suspect(self, symbols: Set[str]) -> None:
        """Symbols of which a reading told another position than these books have; the next one decides."""
        for symbol in self._suspected - symbols:
            self._reopened(symbol)
        self._suspected = set(symbols)

    def forget_orphans(self) -> None:
        """The lists have said whose every fill is."""
        self._orphans.clear()

    def _adopt_orphans(self, time_ns: int) -> None:
        orphans, self._orphans = self._orphans, []
        for fill in orphans:
            self.executed(fill, time_ns)

    def touch(self, attempt: Attempt, time_ns: int) -> None:
        """Something is new about an attempt."""
        intent = self.accounts.intents_ever[attempt.intent]
        attempt.settle()
        self.keep(intent)
        if attempt.look:
            self.doubt(time_ns)
        if not intent.state.open and attempt.open:
            # Its intent was thought to be over, and the venue has it still.
            self.accounts.reopen(intent)
        if intent.state.open and attempt.life.state is IntentState.ACKNOWLEDGED and intent.state is OrderState.SENT:
            intent.state = OrderState.WORKING
            update = OrderUpdate(intent.order.client_id, OrderState.WORKING, time_ns, "", attempt.life.venue_order_id)
            self._report.updates.append(update)

    # -- what has changed ----------------------------------------------------------------------------------------------

    def keep(self, intent: Intent) -> None:
        """An intent changed: it is written down, and what follows is worked out, before anything goes out."""
        self._changed[intent.order.client_id] = intent
        self._dirty.add(intent.order.symbol)

    def _told(self) -> BrokerReport | None:
        report, self._report = self._report, BrokerReport()
        return report if report.fills or report.updates else None

    def save(self, time_ns: int) -> None:
        """Write down what has changed."""
        if self._changed or self._fills:
            self.store.save(list(self._changed.values()), self._fills, time_ns)
            self._changed, self._fills = {}, []

"""The live broker: the Loop's synchronous orders on one side, a venue on the other side of a slow and lossy wire.

``place`` writes down and returns at once; ``dispatch`` puts what is due on the wire. Answers, fills and refusals come
in through ``hear`` at any time, and out to the rules at the next ``on_events``. What is on disk is always ahead of what
is on the wire, and a request whose answer did not come is never repeated: only the venue's lists settle it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine.execute.accounts import FOREIGN, Accounts
from engine.execute.admission import refusal
from engine.execute.brackets import bracket_steps
from engine.execute.steps import CancelIt, Desk, MoveIt, Send, SendTogether, ShrinkIt, Step, finished, steps, trigger
from engine.execute.totals import Total, fill_of
from engine.market.events import Bar, MarketEvent, Quote
from engine.market.instrument import Instrument
from engine.market.intents import IntentState
from engine.market.orders import BrokerReport, Fill, Leg, Order, OrderState, OrderUpdate
from engine.market.venue import (
    ZERO,
    Answer,
    BracketVenue,
    Missed,
    News,
    Outcome,
    Picture,
    Reopened,
    Venue,
    VenueFill,
    VenueOrder,
)
from engine.market.wire import Attempt, Booked, Intent, OrderStore, outcome_of

NANOS = 1_000_000_000
FIRST_RETRY_NS = NANOS // 4
LONGEST_RETRY_NS = 30 * NANOS
LONGEST_EXIT_RETRY_NS = 2 * NANOS  # a position must not wait long after trading goes on
LONGEST_CANCEL_RETRY_NS = NANOS

Context = Callable[[str], tuple[tuple[float, ...], str]]
Alert = Callable[[str, str], None]
Spawn = Callable[[Coroutine[Any, Any, None]], object]


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """``collar``: how far beyond the best price an order at market may go, money per unit. ``patience_ns``: how long
    a fill that the venue told of may take before its lists are read."""

    collar: Decimal = Decimal("0.05")
    patience_ns: int = 2 * NANOS


class VenueBroker:
    """Implements ``engine.market.orders.Broker``. ``hold`` is why no entry may go out, empty when they may.

    ``context`` tells what a position of an entry will need, by client id; ``clock`` UTC nanoseconds; ``alert`` takes a
    kind and words that a person should see; ``heard`` is called when there is news for ``on_events``.
    """

    def __init__(
        self, venue: Venue, store: OrderStore, instruments: Mapping[str, Instrument], clock: Callable[[], int],
        context: Context, alert: Alert, settings: LiveSettings | None = None,
    ) -> None:  # fmt: skip
        self.venue, self.store, self.instruments = venue, store, instruments
        self.brackets = venue if isinstance(venue, BracketVenue) else None
        self.settings = settings or LiveSettings()
        self.accounts = Accounts()
        self.quotes: dict[str, Quote] = {}
        self.hold = "the venue's account has not been read yet"
        self.look_ns = 0  # when a doubt arose that only the venue's lists settle; 0 without one
        self.muted = False  # what follows is written down, and nothing new is asked of the venue
        self.unknowns = 0  # requests whose outcome was not known at first
        self.heard: Callable[[], None] = lambda: None
        self._clock, self._context, self._alert = clock, context, alert
        self._inbox: list[Callable[[int], None]] = []
        self._outbox: list[Step] = []
        self._orphans: list[VenueFill] = []
        self._suspected: set[str] = set()  # symbols of which the venue may hold something else than these books
        self._others: dict[str, Decimal] = {}  # what has filled of orders that are not ours, by the venue's id
        self._report = BrokerReport()
        self._dirty: set[str] = set()
        self._changed: dict[str, Intent] = {}
        self._fills: list[Booked] = []
        self._check_ns = 0

    # -- the Loop's side -----------------------------------------------------------------------------------------------

    def on_events(self, time_ns: int, events: Sequence[MarketEvent]) -> BrokerReport | None:
        """Take in quotes and everything that the venue has told, and work out what follows."""
        open_symbols = self.accounts.symbols
        for event in events:
            if isinstance(event, Quote):
                self.quotes[event.symbol] = event
                if event.symbol in open_symbols:
                    self._dirty.add(event.symbol)
        inbox, self._inbox = self._inbox, []
        for news in inbox:
            news(time_ns)
        if time_ns >= self._check_ns:
            self._check_ns = time_ns + NANOS // 4
            self._dirty |= open_symbols
        self._advance(time_ns)
        return self._told()

    def place(self, orders: Sequence[Order], time_ns: int) -> BrokerReport:
        """Write the orders down; they go out with the next ``dispatch``. An entry stands or falls with its legs."""
        known, accounts = self.instruments, self.accounts
        reasons = (refusal(order, known.get(order.symbol), accounts, self.hold) for order in orders)
        refused = next(filter(None, reasons), "")
        if refused:
            updates = [OrderUpdate(o.client_id, OrderState.REFUSED, time_ns, refused) for o in orders]
            return BrokerReport(updates=updates)
        for order in orders:
            intent = Intent(order, OrderState.SENT)
            if order.leg is Leg.ENTRY:
                intent.entry_values, intent.trigger_symbol = self._context(order.client_id)
            self.accounts.add(intent)
            self.keep(intent)
        self._advance(time_ns)
        for order in orders:
            self._nothing_there(order.client_id)
        return self._told() or BrokerReport()

    def cancel(self, client_ids: Sequence[str], time_ns: int) -> BrokerReport:
        """Take orders off the market: never held back. What is over already is left alone.

        Legs of what is held are cancelled only because an exit comes, and give way to it by themselves. They stay for
        the case that the exit never gets there: it is refused, it expires, this process dies before it is placed.
        """
        for client_id in client_ids:
            intent = self.accounts.intents.get(client_id)
            if intent is not None and not self._protects(intent):
                intent.withdraw(OrderState.CANCELLED, "cancelled")
                self.keep(intent)
        self._advance(time_ns)
        return self._told() or BrokerReport()

    def replace(
        self, client_id: str, time_ns: int, *, quantity: Decimal | None = None, stop: Decimal | None = None
    ) -> BrokerReport:
        """Move a stop, or shrink what may still fill. Legs are always for what is held, less what exits are for."""
        intent = self.accounts.intents.get(client_id)
        if intent is None:
            return BrokerReport()
        if stop is not None and intent.waits:
            intent.order = intent.order._replace(stop=stop)
        if quantity is not None and not self._protects(intent):
            intent.order = intent.order._replace(quantity=min(intent.order.quantity, intent.filled + quantity))
        self.keep(intent)
        self._advance(time_ns)
        self._report.updates.append(OrderUpdate(client_id, intent.state, time_ns, "changed"))
        return self._told() or BrokerReport()

    def untouched(self, bars: Sequence[Bar]) -> int:
        """A venue cannot tell."""
        return 0

    def withdraw_entries(self, reason: str) -> None:
        """Every entry is to come off the market, as soon as possible."""
        for intent in [i for i in self.accounts.intents.values() if not i.reduces]:
            intent.withdraw(OrderState.CANCELLED, reason)
            self.keep(intent)

    # -- the wire's side -----------------------------------------------------------------------------------------------

    def hear(self, news: Sequence[News]) -> None:
        """Take in what the venue's stream tells of orders and fills; it counts from the next ``on_events``."""
        for item in news:
            if isinstance(item, VenueOrder):
                self._inbox.append(lambda now, order=item: self.listed(order, now))  # type: ignore[misc]
            elif isinstance(item, VenueFill):
                self._inbox.append(lambda now, fill=item: self.executed(fill, now))  # type: ignore[misc]
            elif isinstance(item, Missed):
                self.doubt(item.time_ns)
            elif isinstance(item, Reopened):
                self._inbox.append(lambda now, symbol=item.symbol: self._reopened(symbol))  # type: ignore[misc]

    def dispatch(self, spawn: Spawn) -> None:
        """Put everything on the wire that is due; each request is a task of its own."""
        outbox, self._outbox = self._outbox, []
        for step in outbox:
            spawn(self._request(step))

    async def _request(self, step: Step) -> None:
        """One request, once. Its answer is news like any other."""
        if isinstance(step, SendTogether):
            assert self.brackets is not None
            answers = await self.brackets.together([send.wire for send in step.sends])
            for send, answer in zip(step.sends, answers, strict=True):
                self._inbox.append(lambda now, s=send, a=answer: self._answered(s, a, now))  # type: ignore[misc]
        else:
            answer = await self._ask(step)
            self._inbox.append(lambda now: self._answered(step, answer, now))
        self.heard()

    async def _ask(self, step: Send | CancelIt | ShrinkIt | MoveIt) -> Answer:
        if isinstance(step, Send):
            return await self.venue.send(step.wire)
        attempt = step.attempt
        if isinstance(step, MoveIt):
            assert self.brackets is not None
            return await self.brackets.move(attempt.life.venue_order_id, attempt.wire.symbol, step.price)
        venue_id, symbol = attempt.life.venue_order_id, attempt.wire.symbol
        if isinstance(step, CancelIt):
            return await self.venue.cancel(venue_id, symbol)
        return await self.venue.shrink(venue_id, symbol, step.by)

    def _answered(self, step: Send | CancelIt | ShrinkIt | MoveIt, answer: Answer, time_ns: int) -> None:
        if isinstance(step, Send):
            attempt = self.accounts.attempts[step.wire.client_id]
            attempt.answered(answer)
            self._after_send(step.intent, attempt, answer, time_ns)
        elif isinstance(step, CancelIt):
            attempt = step.attempt
            attempt.cancelled(answer)
            self._again_later(attempt, answer, time_ns)
        elif isinstance(step, MoveIt):
            attempt = step.attempt
            attempt.moved(answer, step.price)
            self._again_later(attempt, answer, time_ns)
        else:
            attempt = step.attempt
            attempt.shrunk(answer, step.by)
            self._again_later(attempt, answer, time_ns)
        attempt.heard_ns = time_ns
        for order in answer.orders:
            self.listed(order, time_ns)
        self.touch(attempt, time_ns)

    def _after_send(self, intent: Intent, attempt: Attempt, answer: Answer, time_ns: int) -> None:
        if answer.outcome is Outcome.DONE:
            self.accounts.named(attempt)
            intent.failures = 0
            if answer.filled == 0 and attempt.wire.immediate:
                self._back_off(intent, time_ns)  # nothing was there: not again before the book has moved
            self._adopt_orphans(time_ns)
        elif answer.outcome in (Outcome.REFUSED, Outcome.LIMITED):
            self._back_off(intent, time_ns)
            if intent.reduces:
                self._alert("order_refused", f"{attempt.wire.client_id}: {answer.reason}")
                self.doubt(time_ns)  # what was to be reduced may not be there any more
        else:
            self.unknowns += 1
            self._alert("order_unknown", f"{attempt.wire.client_id}: {answer.reason}")
            self._report.updates.append(OrderUpdate(attempt.intent, OrderState.UNKNOWN, time_ns, answer.reason))

    def _again_later(self, attempt: Attempt, answer: Answer, time_ns: int) -> None:
        """A cancel waits for nothing but its own refusals, and never long."""
        attempt.refusals = 0 if answer.outcome is Outcome.DONE else attempt.refusals + 1
        if attempt.refusals:
            attempt.again_ns = time_ns + _wait(attempt.refusals, LONGEST_CANCEL_RETRY_NS)

    def _back_off(self, intent: Intent, time_ns: int) -> None:
        intent.failures += 1
        # Where the venue may hold nothing of it, its lists decide; orders under way would only keep them from it.
        urgent = intent.reduces and intent.order.symbol not in self._suspected
        longest_ns = LONGEST_EXIT_RETRY_NS if urgent else LONGEST_RETRY_NS
        intent.retry_ns = time_ns + _wait(intent.failures, longest_ns)

    # -- news ----------------------------------------------------------------------------------------------------------

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
            if self.brackets is not None and order.open:
                attempt.wire = attempt.wire._replace(limit=order.limit)  # it may have been moved
            self._follow_total(attempt, order, time_ns)
            self.touch(attempt, time_ns)
            self._adopt_orphans(time_ns)
        elif order.filled > self._others.get(order.venue_order_id, ZERO):
            self._others[order.venue_order_id] = order.filled
            self.doubt(time_ns)  # somebody else trades on this account: what is held is another amount now
        elif order.open and order.venue_order_id not in self.accounts.foreign:
            self.doubt(time_ns)

    def with_totals(self, picture: Picture, time_ns: int) -> Picture:
        """A picture with the fills that its totals stand for: of our orders, and of others' where it is told when."""
        told = (o for o in picture.orders if o.changed_ns or self.accounts.of_order(o) is not None)
        found = (fill_of(o, self._booked(o), time_ns) for o in told)
        return replace(picture, fills=[*picture.fills, *filter(None, found)])

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

    # -- what follows --------------------------------------------------------------------------------------------------

    def _advance(self, time_ns: int) -> None:
        """Bring every symbol concerned up to date, write it all down, and only then let anything out."""
        found: list[Step] = []
        while self._dirty:
            for step in self._of_symbol(self._dirty.pop(), time_ns):
                self._under_way(step, time_ns)
                found.append(step)
        self.save(time_ns)
        self._outbox += found

    def save(self, time_ns: int) -> None:
        """Write down what has changed."""
        if self._changed or self._fills:
            self.store.save(list(self._changed.values()), self._fills, time_ns)
            self._changed, self._fills = {}, []

    def _under_way(self, step: Step, time_ns: int) -> None:
        if isinstance(step, SendTogether):
            for send in step.sends:
                self._under_way(send, time_ns)
            return
        if not isinstance(step, Send):
            step.attempt.asking = True
            return
        attempt = Attempt.of(step.wire, step.intent.order.client_id, time_ns)
        attempt.sending = True
        step.intent.attempts.append(attempt)
        self.accounts.track(attempt)
        self.keep(step.intent)
        if len(step.intent.attempts) == 1:
            update = OrderUpdate(attempt.intent, OrderState.SENT, time_ns, f"as {attempt.wire.client_id}")
            self._report.updates.append(update)

    def _of_symbol(self, symbol: str, time_ns: int) -> list[Step]:
        found: list[Step] = []
        for strategy in self.accounts.strategies_in(symbol):
            desk = self._desk(strategy, symbol, time_ns)
            for intent in trigger(desk):
                self.keep(intent)
            for intent in desk.intents:
                self._watch_fills(intent, time_ns)
            # An end of one may set another free: of an entry its legs, of one leg the other.
            while over := finished(desk):
                for intent in over:
                    self._finish(intent, time_ns)
                desk = self._desk(strategy, symbol, time_ns)
            if not self.muted:
                found += bracket_steps(desk) if self.brackets is not None else steps(desk)
        return found

    def _desk(self, strategy: str, symbol: str, time_ns: int) -> Desk:
        accounts = self.accounts
        return Desk(
            accounts.open_in(strategy, symbol), accounts.held(strategy, symbol), accounts.net_in(symbol),
            accounts.filled, self.quotes.get(symbol), self.instruments.get(symbol), self.settings.collar, time_ns,
            self.brackets is not None,
        )  # fmt: skip

    def _watch_fills(self, intent: Intent, time_ns: int) -> None:
        """A fill that the venue told of and that does not come: its message was lost."""
        if any(a.open and a.short_of_fills for a in intent.attempts):
            self.look_ns = self.look_ns or time_ns + self.settings.patience_ns

    def _finish(self, intent: Intent, time_ns: int) -> None:
        if intent.reduces and intent.withdrawn is None and intent.filled < intent.order.quantity:
            intent.withdraw(OrderState.CANCELLED, "nothing is left to reduce")
        intent.state = outcome_of(intent)
        why = intent.reason or (intent.attempts[-1].why if intent.attempts else "")
        self._report.updates.append(OrderUpdate(intent.order.client_id, intent.state, time_ns, why))
        self.keep(intent)
        self.accounts.close(intent)

    def _nothing_there(self, client_id: str) -> None:
        """An entry at market, and nobody to trade with: its moment is over."""
        intent = self.accounts.intents.get(client_id)
        if intent is not None and not intent.reduces and intent.at_market and not intent.attempts:
            intent.withdraw(OrderState.CANCELLED, "there is no price to trade at")
            self.keep(intent)

    def keep(self, intent: Intent) -> None:
        """An intent changed: it is written down, and what follows is worked out, before anything goes out."""
        self._changed[intent.order.client_id] = intent
        self._dirty.add(intent.order.symbol)

    def _told(self) -> BrokerReport | None:
        report, self._report = self._report, BrokerReport()
        return report if report.fills or report.updates else None

    def _protects(self, intent: Intent) -> bool:
        order = intent.order
        return order.leg in (Leg.STOP, Leg.TARGET) and self.accounts.held(order.strategy, order.symbol) != 0


def _wait(failures: int, longest_ns: int) -> int:
    """How long (ns) after so many failures in a row: doubling."""
    return min(FIRST_RETRY_NS << min(failures - 1, 16), longest_ns)

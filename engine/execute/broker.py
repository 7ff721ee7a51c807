"""The live broker: the Loop's synchronous orders on one side, a venue on the other side of a slow and lossy wire.

``place`` writes down and returns at once; ``dispatch`` puts what is due on the wire. Answers, fills and refusals come
in through ``hear`` at any time, and out to the rules at the next ``on_events``. What is on disk is always ahead of what
is on the wire, and a request whose answer did not come is never repeated: only the venue's lists settle it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.execute.admission import refusal
from engine.execute.books import Alert, VenueBooks
from engine.execute.brackets import bracket_steps
from engine.execute.steps import CancelIt, Desk, MoveIt, Send, SendTogether, ShrinkIt, Step, finished, steps, trigger
from engine.market.events import Bar, MarketEvent, Quote
from engine.market.instrument import Instrument
from engine.market.orders import BrokerReport, Leg, Order, OrderState, OrderUpdate
from engine.market.venue import (
    Answer,
    BracketVenue,
    Missed,
    News,
    Outcome,
    Reopened,
    Urgency,
    Venue,
    VenueFill,
    VenueOrder,
)
from engine.market.wire import Attempt, Intent, OrderStore, outcome_of

NANOS = 1_000_000_000
FIRST_RETRY_NS = NANOS // 4
LONGEST_RETRY_NS = 30 * NANOS
LONGEST_EXIT_RETRY_NS = 2 * NANOS  # a position must not wait long after trading goes on
LONGEST_CANCEL_RETRY_NS = NANOS
LONGEST_LIMITED_NS = 15 * NANOS

Context = Callable[[str], tuple[tuple[float, ...], str]]
Spawn = Callable[[Coroutine[Any, Any, None]], object]


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """``collar``: how far beyond the best price an order at market may go, money per unit. ``patience_ns``: how long
    a fill that the venue told of may take before its lists are read."""

    collar: Decimal = Decimal("0.05")
    patience_ns: int = 2 * NANOS


class VenueBroker(VenueBooks):
    """Implements ``engine.market.orders.Broker``. ``hold`` is why no entry may go out, empty when they may.

    ``context`` tells what a position of an entry will need, by client id; ``heard`` is called when there is news for
    ``on_events``.
    """

    def __init__(
        self, venue: Venue, store: OrderStore, instruments: Mapping[str, Instrument], context: Context, alert: Alert,
        settings: LiveSettings | None = None,
    ) -> None:  # fmt: skip
        self.venue, self.instruments = venue, instruments
        self.brackets = venue if isinstance(venue, BracketVenue) else None
        super().__init__(store, alert, moves=self.brackets is not None)
        self.settings = settings or LiveSettings()
        self.quotes: dict[str, Quote] = {}
        self.hold = "the venue's account has not been read yet"
        self.muted = False  # what follows is written down, and nothing new is asked of the venue
        self.unknowns = 0  # requests whose outcome was not known at first
        self.heard: Callable[[], None] = lambda: None
        self._context = context
        self._inbox: list[Callable[[int], None]] = []
        self._outbox: list[Step] = []
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

        Legs of what is held stay: they protect it, and give way to exits by themselves.
        """
        for client_id in client_ids:
            intent = self.accounts.intents.get(client_id)
            if intent is not None and not self._protects(intent):
                intent.withdraw(OrderState.CANCELLED, "cancelled")
                self.keep(intent)
        self._advance(time_ns)
        return self._told() or BrokerReport()

    def replace(self, client_id: str, time_ns: int, stop: Decimal) -> BrokerReport:
        """Move a stop."""
        intent = self.accounts.intents.get(client_id)
        if intent is None:
            return BrokerReport()
        if intent.waits:
            intent.order = intent.order._replace(stop=stop)
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
        """Put everything on the wire that is due, the most urgent first; each request is a task of its own."""
        outbox, self._outbox = self._outbox, []
        for step in sorted(outbox, key=self._urgency):
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
        venue_id, symbol, urgency = attempt.life.venue_order_id, attempt.wire.symbol, self._urgency(step)
        if isinstance(step, CancelIt):
            return await self.venue.cancel(venue_id, symbol, urgency)
        return await self.venue.shrink(venue_id, symbol, step.by, urgency)

    def _urgency(self, step: Step) -> Urgency:
        """What reduces gives way to nothing but what reduces: it comes off because it stands in an exit's way."""
        if isinstance(step, SendTogether):
            return step.sends[0].wire.urgency
        if isinstance(step, Send):
            return step.wire.urgency
        if isinstance(step, MoveIt):
            return Urgency.CHANGE
        return Urgency.REDUCE if self.accounts.intents_ever[step.attempt.intent].reduces else Urgency.CANCEL

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
            intent.retry_ns = max(intent.retry_ns, time_ns + _told_wait(answer))
            if intent.reduces:
                self._alert("order_refused", f"{attempt.wire.client_id}: {answer.reason}")
                if answer.outcome is Outcome.REFUSED:
                    self.doubt(time_ns)  # what was to be reduced may not be there any more
        else:
            self.unknowns += 1
            self._alert("order_unknown", f"{attempt.wire.client_id}: {answer.reason}")
            self._report.updates.append(OrderUpdate(attempt.intent, OrderState.UNKNOWN, time_ns, answer.reason))

    def _again_later(self, attempt: Attempt, answer: Answer, time_ns: int) -> None:
        """A cancel waits for nothing but its own refusals and for room at the venue, and never long."""
        attempt.refusals = 0 if answer.outcome is Outcome.DONE else attempt.refusals + 1
        if attempt.refusals:
            wait_ns = max(_wait(attempt.refusals, LONGEST_CANCEL_RETRY_NS), _told_wait(answer))
            attempt.again_ns = time_ns + wait_ns

    def _back_off(self, intent: Intent, time_ns: int) -> None:
        intent.failures += 1
        # Where the venue may hold nothing of it, its lists decide; orders under way would only keep them from it.
        urgent = intent.reduces and intent.order.symbol not in self._suspected
        longest_ns = LONGEST_EXIT_RETRY_NS if urgent else LONGEST_RETRY_NS
        intent.retry_ns = time_ns + _wait(intent.failures, longest_ns)

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

    def _protects(self, intent: Intent) -> bool:
        order = intent.order
        return order.leg in (Leg.STOP, Leg.TARGET) and self.accounts.held(order.strategy, order.symbol) != 0


def _told_wait(answer: Answer) -> int:
    """How long (ns) there is no room at the venue; not so long that a wrong word of it would matter."""
    return min(int(answer.wait_seconds * NANOS), LONGEST_LIMITED_NS)


def _wait(failures: int, longest_ns: int) -> int:
    """How long (ns) after so many failures in a row: doubling."""
    return min(FIRST_RETRY_NS << min(failures - 1, 16), longest_ns)

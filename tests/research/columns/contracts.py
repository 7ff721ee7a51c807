"""Random rules for contracts that pay $1, and random markets of them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from random import Random

from engine.market.events import NANOS, SETTLEMENT, Bar, MarketEvent, Observation, Quote, Tick
from engine.market.instrument import Instrument, InstrumentKind, PriceBand

CONTRACTS = {"KXA-1-ONE": "KXA-1", "KXA-1-TWO": "KXA-1", "KXB-1-YES": ""}  # each with its event
STRATEGIES = {
    "buys_yes": """
kind: strategy
name: buys_yes
on: every(70s)
universe: alpha.listed
cooldown: COOLm
when: ["alpha.fair - yes.ask - contract_fee(yes.ask) >= FAST%", "not position.open"]
then: {buy: {size: "50% * alpha.confidence * kelly(alpha.fair, yes.ask) * account.equity / yes.ask", limit: yes.ask,
             within: 3m}}
""",
    "buys_no": """
kind: strategy
name: buys_no
on: every(5s)
universe: alpha.listed
when: ["complement(alpha.fair) - no.ask - contract_fee(no.ask) >= FAST%", "not position.open"]
then: {sell: {size: "25% * kelly(complement(alpha.fair), no.ask) * account.equity / no.ask", limit: yes.bid,
              within: 90s, fallback: market}}
""",
    "on_books": """
kind: strategy
name: on_books
on: quote
cooldown: COOLm
when: ["spread <= $0.03", "age(yes.bid) < 4m", "not position.open"]
then: {sell: {size: 9, bracket: {stop: ask + $0.05, target: bid - $0.04}}}
""",
    "on_words": """
kind: strategy
name: on_words
on: signal(alpha)
when: ["alpha.confidence > 40%", "age(alpha.fair) < 10m", "position.quantity < 30"]
then: {buy: {size: 11.5, limit: "or_else(ask, last) - $0.01", within: 5m}}
""",
    "on_bars": """
kind: strategy
name: on_bars
when: ["close > close[1]", "not position.open"]
then: {buy: {size: 14, bracket: {stop: close - $0.06}}}
""",
    "early": """
kind: strategy
name: early
on: every(1m)
cooldown: 1m
when: ["time_of_day between 01:00 and 01:40", "not position.open"]
then: {buy: {size: 3, within: 2m, bracket: {target: ask + $0.06}}}
""",
    "breaks_out": """
kind: strategy
name: breaks_out
on: every(1m)
cooldown: 6m
when: ["market.spread < 5%", "not position.open"]
then: {buy: {size: 6, stop: ask + $0.02, within: 8m, bracket: {target: ask + $0.06}}}
""",
    "to_the_end": """
kind: strategy
name: to_the_end
on: quote
when: ["market.tradable", "market.status != \\"closed\\"", "not position.open", "exposure.in_event < $9"]
then: {sell: {size: 4}}
""",
}
EXITS = {
    "gained": """
kind: exit
name: gained
unknown: hold
when: (if position.is_long then bid - position.entry else position.entry - ask) + 0.001c >= 4c
then: {close: all}
""",
    "turned": """
kind: exit
name: turned
unknown: hold
when: ["age(alpha.fair) <= 9m", "yes.bid - alpha.fair - contract_fee(yes.bid) >= 1%", "position.is_long"]
then: {close: 50%, limit: bid, within: 2m, fallback: market}
""",
    "waited": """
kind: exit
name: waited
unknown: close
when: position.age >= 25m
then: {close: all}
""",
    "follows": """
kind: exit
name: follows
unknown: hold
when: position.gain > $0.01
then: {trail: {by: $0.03}}
""",
}
GUARDS = {
    "of_market": """
kind: guard
name: of_market
for: entries
require: exposure.in_symbol + order.cost <= $5
else: {cap: {notional: $5 - exposure.in_symbol}}
""",
    "of_event": """
kind: guard
name: of_event
for: entries
require: exposure.in_event + order.cost <= $6
else: {cap: {notional: $6 - exposure.in_event}}
""",
    "of_day": """
kind: guard
name: of_day
for: entries
require: entries.cost_today + order.cost <= $25
else: {cap: {notional: $25 - entries.cost_today}}
""",
    "of_all": """
kind: guard
name: of_all
for: entries
require: exposure.total + order.cost <= 30% * account.equity
else: {cap: {notional: 30% * account.equity - exposure.total}}
""",
    "of_book": """
kind: guard
name: of_book
for: entries
let: {offered: 'if order.side == "buy" then yes.ask_size else no.ask_size'}
require: order.quantity <= 25% * offered
else: {cap: {quantity: 25% * offered}}
""",
    "alone": """
kind: guard
name: alone
for: entries
require: positions.in_symbol + orders.open_in_symbol == 0
else: {block: the market is held or ordered already}
""",
    "price": """
kind: guard
name: price
for: entries
require: 5c <= order.cost / order.quantity <= 92c
else: {block: contracts at this price are not bought}
""",
    "fee": """
kind: guard
name: fee
for: entries
require: ["fee(order.price, order.quantity) < $0.12", "now < alpha.expires"]
else: {block: too dear}
""",
    "loss": """
kind: guard
name: loss
for: entries
require: pnl.today > -$3
else: {flatten: all}
""",
}
OPEN_NS = int(datetime(2024, 3, 5, 22, 0, tzinfo=UTC).timestamp()) * NANOS
# In New York 23:50; midnight comes, and two hours later clocks are set back from 02:00 to 01:00.
CHANGE_NS = int(datetime(2026, 11, 1, 3, 50, tzinfo=UTC).timestamp()) * NANOS


def instruments_of(draw: Random) -> dict[str, Instrument]:
    """Contracts on a grid of cents, or of tenths of one near the ends, in whole contracts or in hundredths."""
    lot = draw.choice((Decimal(1), Decimal(1), Decimal("0.01")))
    step, cent = Decimal("0.001"), Decimal("0.01")
    tapered = (
        PriceBand(Decimal(0), Decimal("0.1"), step), PriceBand(Decimal("0.1"), Decimal("0.9"), cent),
        PriceBand(Decimal("0.9"), Decimal(1), step),
    )  # fmt: skip
    found = {}
    for symbol, event in CONTRACTS.items():
        least = step if draw.random() < 0.3 else cent
        found[symbol] = Instrument(
            symbol, InstrumentKind.BINARY, least, lot, "24/7", tapered if least == step else (), least, 1 - least, event
        )
    return found


def market_of(draw: Random, begin_ns: int = OPEN_NS, minutes: int = 190) -> list[Tick]:
    """Books, signals and outcomes over midnight, at uneven instants; bars for some."""
    chance = {symbol: draw.uniform(0.05, 0.95) for symbol in CONTRACTS}
    ends = {s: draw.choice((minutes // 2, minutes - 20, 10 * minutes)) for s in CONTRACTS}
    barred, tells_rates, busy = draw.random() < 0.3, draw.random() < 0.5, draw.choice((0.3, 0.9))
    ticks: list[Tick] = []
    time_ns = begin_ns
    for minute in range(minutes):
        time_ns += draw.choice((60, 60, 60, 31, 12.5)) * NANOS if not barred else 60 * NANOS
        now = int(time_ns)
        events: list[MarketEvent] = []
        for symbol in CONTRACTS:
            if draw.random() > busy and minute != ends[symbol]:
                continue
            chance[symbol] = min(max(chance[symbol] + draw.gauss(0, 0.02), 0.01), 0.99)
            events += _told(draw, symbol, now, chance[symbol], barred, tells_rates)
            if minute == ends[symbol]:
                paid = draw.choice((0.0, 1.0, 1.0, 0.37, None))
                events.append(Observation(symbol, now, SETTLEMENT, paid))
        if events or draw.random() < 0.5:
            draw.shuffle(events)
            ticks.append(Tick(now, events))
    return ticks


def _told(
    draw: Random, symbol: str, now: int, chance: float, barred: bool, tells_rates: bool
) -> list[MarketEvent]:
    """What is heard of one market at one instant."""
    bid, ask = round(chance - draw.choice((0.01, 0.02)), 2), round(chance + draw.choice((0.0, 0.01, 0.02)), 2)
    shown_bid, shown_ask = (x if 0 < x < 1 and draw.random() > 0.04 else None for x in (bid, ask))
    sizes = [None if draw.random() < 0.2 else float(draw.randint(3, 150)) for _ in range(2)]
    found: list[MarketEvent] = []
    if draw.random() < 0.8:
        found.append(Quote(symbol, now, shown_bid, sizes[0], shown_ask, sizes[1]))

    def tell(name: str, value: float | str | bool | None, at: int = now) -> None:
        found.append(Observation(symbol, at, name, value))

    if draw.random() < 0.8:
        tell("yes.bid", shown_bid)
        tell("yes.ask", shown_ask)
        tell("no.ask", None if shown_bid is None else round(1 - shown_bid, 10))
        tell("no.bid", None if shown_ask is None else round(1 - shown_ask, 10))
        tell("yes.ask_size", sizes[1])
        tell("no.ask_size", sizes[0])
        tell("market.spread", round(ask - bid, 10))
        tell("market.tradable", draw.random() > 0.1)
        tell("market.status", draw.choice(("active", "closed")))
    if draw.random() < 0.15:
        fair = None if draw.random() < 0.1 else round(min(max(chance + draw.gauss(0, 0.15), 0.01), 0.99), 3)
        made = now - draw.choice((0, 0, 300)) * NANOS
        tell("alpha.fair", fair, made)
        tell("alpha.confidence", draw.choice((0.3, 0.8)), made)
        tell("alpha.listed", draw.random() > 0.1)
        tell("alpha.expires", now / NANOS + draw.choice((60.0, 6000.0)))
    if tells_rates and draw.random() < 0.1:
        tell("venue.fee_rate", draw.choice((0.07, 0.035, None)))
    if barred and draw.random() < 0.8:
        last = round(min(max(chance, 0.01), 0.99), 2)
        low, high = round(max(last - 0.02, 0.01), 2), round(min(last + 0.01, 0.99), 2)
        volume = draw.choice((None, 20.0, 300.0))
        found.append(Bar(symbol, now - 60 * NANOS, 60, draw.choice((low, high)), high, low, last, volume))
    return found

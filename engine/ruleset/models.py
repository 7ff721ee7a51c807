"""The structure of every kind of rule file, said once. Loader, JSON Schemas, editor help and docs come from here.

Decisions where the design is silent:

- A field that a rule leaves out and its pack gives (``universe``, ``on`` from ``timeframe``, ``calendar``,
  ``timezone``) is None here; the linker fills it in.
- Whatever a trader may want to tune is an expression, so that a parameter can stand there: ``cooldown``,
  ``within``, ``size``, the limits of a pack. Counts in a session's ``limits`` are plain integers.
- A field that takes several expressions or names also takes one alone; models always hold a tuple.
- Entries are ``buy`` or ``sell``, exactly one. Closing is an exit's business.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.market.instrument import InstrumentKind
from engine.ruleset.model_parts import (
    Conditions,
    Count,
    Let,
    Many,
    NameKey,
    ParameterKey,
    Params,
    RuleKey,
    RuleModel,
    Rules,
    SymbolKey,
    problem,
)
from engine.ruleset.models_of_tests import Test as Test
from engine.ruleset.scalars import Budget, Expr, Name, RulePattern, Symbol, Text
from engine.ruleset.times import Days, Hours, Period, Trigger, Zone


class Rule(RuleModel):
    """What every document has."""

    name: Name
    about: Text | None = Field(None, description="What it is for, in one or two sentences.")


class Bracket(RuleModel):
    """Protective orders placed with the entry: one cancels the other."""

    at_least_one = ("stop", "target")
    stop: Expr | None = Field(None, description="Price of the protective stop.")
    target: Expr | None = Field(None, description="Price of the profit target.")


class Entry(RuleModel):
    """An order that opens or adds to a position. Without ``limit`` and ``stop`` it is a market order."""

    symbol: Expr | None = Field(
        None, description="What to trade; by default the symbol that triggered, mapped by the pack."
    )
    size: Expr = Field(description="Quantity in units, before rounding down to whole lots.")
    limit: Expr | None = Field(None, description="Limit price.")
    stop: Expr | None = Field(None, description="Stop price that brings the entry to life.")
    within: Expr | None = Field(None, description="How long the order may rest; then it is cancelled.")
    fallback: Literal["market"] | None = Field(None, description="What happens when `within` is over: a market order.")
    bracket: Bracket | None = None

    @model_validator(mode="after")
    def _fallback_needs_time(self) -> Entry:
        if self.fallback is not None and self.within is None:
            raise problem("fallback", "`fallback` says what happens after `within`, which is missing")
        return self


class StrategyAction(RuleModel):
    exactly_one = ("buy", "sell")
    buy: Entry | None = None
    sell: Entry | None = None

    @property
    def side(self) -> Literal["buy", "sell"]:
        return "buy" if self.buy is not None else "sell"

    @property
    def entry(self) -> Entry:
        entry = self.buy or self.sell
        assert entry is not None  # exactly_one
        return entry


class StrategyOverride(RuleModel):
    """What is different for one symbol."""

    params: dict[NameKey, Expr] = Field(default_factory=dict, description="Other values for parameters.")
    cooldown: Expr | None = Field(None, description="Another cooldown.")
    size: Expr | None = Field(None, description="Another size.")
    limit: Expr | None = Field(None, description="Another limit price.")
    stop: Expr | None = Field(None, description="Another stop price for the entry.")
    within: Expr | None = Field(None, description="Another time that the order may rest.")
    bracket: Bracket | None = None


class Strategy(Rule):
    """When to enter."""

    kind: Literal["strategy"]
    enabled: bool = Field(True, description="Whether it may enter at all; by default it may.")
    priority: int = Field(0, description="Lower goes first when several strategies want orders at one tick.")
    on: Trigger | None = Field(None, description="What makes it look; by default each bar of the pack's timeframe.")
    universe: tuple[Symbol, ...] | Expr | None = Field(
        None, description="Symbols, or an expression; by default the pack's."
    )
    params: Params = Field(default_factory=dict)
    let: Let = Field(default_factory=dict)
    when: Conditions
    cooldown: Expr | None = Field(None, description="How long it holds back after an entry, per symbol.")
    then: StrategyAction
    overrides: dict[SymbolKey, StrategyOverride] = Field(default_factory=dict, description="What differs, per symbol.")


class Trail(RuleModel):
    """A stop that follows the best price since the entry, from when ``after`` has first held."""

    by: Expr = Field(description="Distance from the best price: a ratio or a price difference.")
    after: Expr | None = Field(None, description="The condition that starts the trail; by default it starts at once.")


class ExitAction(RuleModel):
    """What to do with the position. ``close`` may come with ``stop`` or ``trail`` for what is left."""

    at_least_one = ("close", "stop", "trail")
    close: Literal["all"] | Expr | None = Field(None, description="How much: all, a ratio such as 50%, or a quantity.")
    limit: Expr | None = Field(
        None, description="Limit price of the closing order; without it, and while it is unknown, a market order."
    )
    within: Expr | None = Field(None, description="How long the closing order may rest.")
    fallback: Literal["market"] | None = Field(None, description="After `within`: a market order.")
    stop: Expr | None = Field(None, description="Price to which the protective stop moves.")
    trail: Trail | None = None

    @model_validator(mode="after")
    def _order_needs_close(self) -> ExitAction:
        for name in ("limit", "within", "fallback"):
            if getattr(self, name) is not None and self.close is None:
                raise problem(name, f"`{name}` belongs to a closing order, and `close` is missing")
        if self.fallback is not None and self.within is None:
            raise problem("fallback", "`fallback` says what happens after `within`, which is missing")
        return self


class ExitOverride(RuleModel):
    params: dict[NameKey, Expr] = Field(description="Other values for parameters.")


class Exit(Rule):
    """When and how to leave a position."""

    kind: Literal["exit"]
    for_: Rules = Field(
        (RulePattern("*"),),
        alias="for",
        description="Strategies whose positions it watches; by default all of the pack.",
    )
    once: bool = Field(
        False, description="At most once per position; what closes it whole tries again until it is closed."
    )
    priority: int = Field(0, description="Lower goes first.")
    unknown: Literal["hold", "close"] | None = Field(
        None, description="What to do when the condition is unknown; by default hold."
    )
    params: Params = Field(default_factory=dict)
    let: Let = Field(default_factory=dict)
    when: Conditions
    then: ExitAction
    overrides: dict[SymbolKey, ExitOverride] = Field(default_factory=dict, description="What differs, per symbol.")


class Cap(RuleModel):
    """Let the order through, but not above this."""

    exactly_one = ("notional", "quantity")
    notional: Expr | None = Field(None, description="The most money that the order may be worth.")
    quantity: Expr | None = Field(None, description="The most units that the order may be for.")


class GuardAction(RuleModel):
    """What happens to an order that a guard does not let through; ``block`` words stand in the trace."""

    exactly_one = ("block", "cap", "halt", "flatten")
    block: Text | None = Field(None, description="The order does not go out; these words are the reason.")
    cap: Cap | None = None
    halt: Literal["until tomorrow", "until session end", "until resumed"] | Expr | None = Field(
        None,
        description="No new entry orders until then (`engine resume` lifts `until resumed`), or for a duration such as "
        "30m; those that rest stay.",
    )
    flatten: Literal["all", "symbol"] | None = Field(
        None, description="Close every position, or those in the symbol; entry orders that rest stay."
    )
    because: Text | None = Field(None, description="The reason, for the trace.")


class Guard(Rule):
    """What every order has to pass. A guard that is not true blocks."""

    kind: Literal["guard"]
    for_: Literal["entries", "exits", "all"] = Field(
        alias="for", description="A guard never blocks a reduction unless it says exits or all."
    )
    strategies: Rules = Field((RulePattern("*"),), description="Strategies whose orders it judges; by default all.")
    params: Params = Field(default_factory=dict)
    let: Let = Field(default_factory=dict)
    require: Conditions
    otherwise: GuardAction = Field(alias="else")


class SessionLimits(RuleModel):
    """What a pack may do while one of its windows is open. Other packs do not count."""

    positions: Count | None = Field(None, description="Open positions at a time, entries under way among them.")
    positions_per_symbol: Count | None = Field(None, description="The same in one symbol.")
    orders: Count | None = Field(None, description="Working entry orders at a time.")
    entries: Count | None = Field(None, description="Entries while the window is open.")
    entries_per_symbol: Count | None = Field(None, description="Entries in one symbol while the window is open.")


class Session(Rule):
    """A window of time with its own playbook: who may enter, with which parameters, within which limits."""

    kind: Literal["session"]
    calendar: Text | None = Field(
        None, description="Trading calendar, such as XNYS; it is open in regular hours only. By default the pack's."
    )
    timezone: Zone | None = Field(None, description="Zone of the hours; by default the pack's.")
    days: Many[Days] = Field((Days("mon..sun"),), description="Days of the week; by default every day of the calendar.")
    hours: Many[Hours] = Field(description="Windows of wall-clock time; the end is not included.")
    allow: Rules | None = Field(None, description="Only these strategies enter; by default all.")
    block: Rules | None = Field(None, description="These strategies do not enter.")
    set: dict[ParameterKey, Expr] = Field(default_factory=dict, description="Parameters while the window is open.")
    limits: SessionLimits | None = None


class Gate(Rule):
    """What closed trades must show before a strategy goes on to the next stage."""

    kind: Literal["gate"]
    for_: Rules = Field(alias="for", description="Strategies by name or glob, or a pack.")
    params: Params = Field(default_factory=dict)
    let: Let = Field(default_factory=dict)
    require: Conditions
    consecutive: Annotated[int, Field(ge=1)] = Field(1, description="How many judgements in a row must pass.")


class Definitions(Rule):
    """Names shared by the rules of a pack."""

    kind: Literal["definitions"]
    params: Params = Field(default_factory=dict)
    let: Let = Field(default_factory=dict)


class PackInstrument(RuleModel):
    """How one symbol trades, where the venue does not say."""

    kind: InstrumentKind = Field(InstrumentKind.EQUITY, description="An index can trigger but never be ordered.")
    tick: Expr | None = Field(None, description="Price grid, money per unit.")
    lot: Expr | None = Field(None, description="Quantity grid, units.")
    calendar: Text | None = Field(None, description="Trading calendar; by default the pack's.")


class PackLimits(RuleModel):
    """Hard limits of one position in this pack. No rule can go above."""

    at_least_one = ("quantity", "notional")
    quantity: Expr | None = Field(None, description="The most units in one position.")
    notional: Expr | None = Field(None, description="The most money in one position.")


class Pack(Rule):
    """``pack.yaml``: where the rules of a folder trade, and what they are about."""

    kind: Literal["pack"]
    venue: Literal["paper", "kalshi", "tradier"] = Field(
        description="Where orders go; paper: to the paper broker alone, on any data."
    )
    timezone: Zone = Field(description="Zone of every clock in the pack's rules.")
    calendar: Text | None = Field(None, description="Trading calendar, such as XNYS; left out where trade never stops.")
    universe: tuple[Symbol, ...] | Expr | None = None
    timeframe: Period | None = Field(
        None, description="Length of the bars that rules look at unless they say otherwise."
    )
    symbols: dict[SymbolKey, Symbol] = Field(
        default_factory=dict, description="Where a symbol is executed: {SPX: SPY}."
    )
    instruments: dict[SymbolKey, PackInstrument] = Field(default_factory=dict, description="How single symbols trade.")
    limits: PackLimits | None = None
    budget: Expr | None = Field(
        None, description="The most money that all positions of the pack and its entries under way may tie up."
    )
    expect: dict[RuleKey, Budget] = Field(default_factory=dict, description="How often rules are expected to fire.")


Document = Strategy | Exit | Guard | Session | Gate | Definitions | Test | Pack
RULE_KINDS: dict[str, type[Strategy | Exit | Guard | Session | Gate | Definitions | Test]] = {
    "strategy": Strategy,
    "exit": Exit,
    "guard": Guard,
    "session": Session,
    "gate": Gate,
    "definitions": Definitions,
    "test": Test,
}
KINDS: dict[str, type[Document]] = {**RULE_KINDS, "pack": Pack}

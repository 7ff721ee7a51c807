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
from engine.ruleset.model_parts import Conditions, Count, Let, Many, Params, RuleModel, Rules, problem
from engine.ruleset.models_of_tests import Test
from engine.ruleset.scalars import (
    Budget,
    Days,
    Expr,
    Hours,
    Name,
    ParameterName,
    Period,
    RulePattern,
    Symbol,
    Text,
    Trigger,
    Zone,
)


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

    params: dict[Name, Expr] = Field(default_factory=dict)
    cooldown: Expr | None = None
    size: Expr | None = None
    limit: Expr | None = None
    stop: Expr | None = None
    within: Expr | None = None
    bracket: Bracket | None = None


class Strategy(Rule):
    """When to enter."""

    kind: Literal["strategy"]
    enabled: bool = True
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
    overrides: dict[Symbol, StrategyOverride] = Field(default_factory=dict, description="What differs, per symbol.")


class Trail(RuleModel):
    """A stop that follows the best price since ``after`` first held."""

    by: Expr = Field(description="Distance from the best price: a ratio or a price difference.")
    after: Expr | None = Field(None, description="The condition that starts the trail; by default it starts at once.")


class ExitAction(RuleModel):
    """What to do with the position. ``close`` may come with ``stop`` or ``trail`` for what is left."""

    at_least_one = ("close", "stop", "trail")
    close: Literal["all"] | Expr | None = Field(None, description="How much: all, a ratio such as 50%, or a quantity.")
    limit: Expr | None = Field(None, description="Limit price of the closing order; without it a market order.")
    within: Expr | None = Field(None, description="How long the closing order may rest.")
    fallback: Literal["market"] | None = None
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
    params: dict[Name, Expr]


class Exit(Rule):
    """When and how to leave a position."""

    kind: Literal["exit"]
    for_: Rules = Field(
        (RulePattern("*"),),
        alias="for",
        description="Strategies whose positions it watches; by default all of the pack.",
    )
    once: bool = Field(False, description="At most once per position.")
    priority: int = Field(0, description="Lower goes first.")
    unknown: Literal["hold", "close"] | None = Field(
        None, description="What to do when the condition is unknown; by default hold, with an alert."
    )
    params: Params = Field(default_factory=dict)
    let: Let = Field(default_factory=dict)
    when: Conditions
    then: ExitAction
    overrides: dict[Symbol, ExitOverride] = Field(default_factory=dict)


class Cap(RuleModel):
    """Let the order through, but not above this."""

    exactly_one = ("notional", "quantity")
    notional: Expr | None = None
    quantity: Expr | None = None


class GuardAction(RuleModel):
    """What happens to an order that a guard does not let through; ``block`` words stand in the trace."""

    exactly_one = ("block", "cap", "halt", "flatten")
    block: Text | None = None
    cap: Cap | None = None
    halt: Literal["until tomorrow", "until session end", "until resumed"] | Expr | None = Field(
        None,
        description="No entries until then (`engine resume` lifts `until resumed`), or for a duration such as 30m.",
    )
    flatten: Literal["all", "symbol"] | None = None
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
    positions: Count | None = Field(None, description="Open positions at a time.")
    positions_per_symbol: Count | None = None
    orders: Count | None = Field(None, description="Working entry orders at a time.")
    entries: Count | None = Field(None, description="Entries while the window is open.")
    entries_per_symbol: Count | None = None


class Session(Rule):
    """A window of time with its own playbook: who may enter, with which parameters, within which limits."""

    kind: Literal["session"]
    calendar: Text | None = None
    timezone: Zone | None = None
    days: Many[Days] = (Days("mon..sun"),)
    hours: Many[Hours]
    allow: Rules | None = Field(None, description="Only these strategies enter; by default all.")
    block: Rules | None = Field(None, description="These strategies do not enter.")
    set: dict[ParameterName, Expr] = Field(default_factory=dict, description="Parameters while the window is open.")
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

    kind: InstrumentKind = InstrumentKind.EQUITY
    tick: Expr | None = Field(None, description="Price grid, money per unit.")
    lot: Expr | None = Field(None, description="Quantity grid, units.")
    calendar: Text | None = None


class PackLimits(RuleModel):
    """Hard limits of one position in this pack. No rule can go above."""

    at_least_one = ("quantity", "notional")
    quantity: Expr | None = None
    notional: Expr | None = None


class Pack(Rule):
    """``pack.yaml``: where the rules of a folder trade, and what they are about."""

    kind: Literal["pack"]
    venue: Name
    timezone: Zone
    calendar: Text | None = Field(None, description="Trading calendar, such as XNYS; left out where trade never stops.")
    universe: tuple[Symbol, ...] | Expr | None = None
    timeframe: Period | None = Field(
        None, description="Length of the bars that rules look at unless they say otherwise."
    )
    symbols: dict[Symbol, Symbol] = Field(default_factory=dict, description="Where a symbol is executed: {SPX: SPY}.")
    instruments: dict[Symbol, PackInstrument] = Field(default_factory=dict)
    limits: PackLimits | None = None
    expect: dict[RulePattern, Budget] = Field(default_factory=dict, description="How often rules are expected to fire.")


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

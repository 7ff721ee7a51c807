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

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic.json_schema import GetJsonSchemaHandler, JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from engine.market.instrument import InstrumentKind
from engine.ruleset.scalars import (
    Budget,
    Comparison,
    Days,
    Expr,
    Hours,
    Moment,
    Name,
    ParameterName,
    Period,
    RulePattern,
    Series,
    Symbol,
    Text,
    Timestamp,
    Trigger,
    Zone,
)

Item = TypeVar("Item")


class OneOrMany:
    """Marks a tuple that may be written as one item alone."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler(source)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        many = handler(schema)
        many["minItems"] = 1
        return {"anyOf": [many["items"], many]}


class KeyPattern:
    """Marks a dict whose entries stand among the fields of its model, under keys that match ``pattern``.

    The first group of the pattern is the dict's key (``bars(1m)`` has ``1m``).
    """

    def __init__(self, pattern: str, shown: str) -> None:
        self.pattern, self.shown = pattern, shown


Many = Annotated[tuple[Item, ...], OneOrMany()]
Count = Annotated[int, Field(ge=0)]
Rules = Many[RulePattern]
Conditions = Annotated[
    tuple[Expr, ...], OneOrMany(), Field(description="One condition, or a list of which all must hold.")
]
Let = Annotated[dict[Name, Expr], Field(description="Named expressions; each may use the ones above it.")]


def problem(field: str, message: str) -> PydanticCustomError:
    """An error about one field of a model, for its ``model_validator``."""
    return PydanticCustomError("rule", "{message}", {"message": message, "field": field})


class RuleModel(BaseModel):
    """Base of everything in a rule file: frozen, and no field but the ones below."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)
    exactly_one: ClassVar[tuple[str, ...]] = ()
    at_least_one: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _choices(self) -> RuleModel:
        for names, exact in ((self.exactly_one, True), (self.at_least_one, False)):
            if not names:
                continue
            given = [name for name in names if getattr(self, name) is not None]
            listed = ", ".join(names)
            if not given:
                raise problem("", f"one of these is needed: {listed}")
            if exact and len(given) > 1:
                raise problem(given[1], f"`{given[0]}` and `{given[1]}` cannot both be given: exactly one of {listed}")
        return self


class Param(RuleModel):
    """A number, money, duration … that can be tuned: by hand, per symbol, per session, or by a sweep."""

    default: Expr = Field(description="Its value, with its unit: 20, 1.5%, $50, 15m.")
    min: Expr | None = None
    max: Expr | None = None
    step: Expr | None = None
    search: tuple[Expr, ...] | None = Field(None, description="The values that a sweep tries.")
    about: Text | None = None


Params = Annotated[dict[Name, Param], Field(description="Parameters of this rule, by name.")]


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
    unknown: Literal["hold", "close"] = Field("hold", description="What to do when the condition is unknown.")
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
    halt: Literal["until tomorrow", "until session end"] | Expr | None = Field(
        None, description="No entries until tomorrow, until session end, or for a duration such as 30m."
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
    """A window of time with its own playbook. Where a pack has sessions, entries happen only inside one."""

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


class Bars(RuleModel):
    """Bars of a test. What is left out of open, high and low is the close; without ``volume`` it is unknown.

    ``_`` in ``close`` is a minute without a bar; in another column a value that is unknown.
    """

    exactly_one = ("close", "file")
    close: Series | None = None
    open: Series | None = None
    high: Series | None = None
    low: Series | None = None
    volume: Series | None = None
    file: Text | None = Field(
        None, description="A CSV file beside the rule file: time, open, high, low, close, volume."
    )


class Quotes(RuleModel):
    """Quotes of a test, one for each bar."""

    bid: Series
    ask: Series


class TestAccount(RuleModel):
    cash: Expr | None = None
    equity: Expr | None = None
    buying_power: Expr | None = None


class TestPosition(RuleModel):
    """A position that is open when the test starts."""

    strategy: RulePattern
    symbol: Symbol | None = None
    quantity: Expr = Field(description="Negative when short.")
    entry: Expr = Field(description="Price paid per unit.")
    opened: Moment | None = Field(None, description="How long before the start, or at what time of day.")
    stop: Expr | None = None
    target: Expr | None = None


class Given(RuleModel):
    """The world of a test. ``bars(1m)`` are bars of ``symbol``; ``bars(1m, QQQ)`` of another one."""

    symbol: Symbol | None = None
    start: Timestamp | None = Field(
        None, description="Wall clock in the pack's zone; by default a plain session's open."
    )
    bars: Annotated[
        dict[str, Bars], KeyPattern(r"bars\((\d+(?:ms|s|m|h|d)(?:, *[A-Za-z0-9^][A-Za-z0-9^._:/-]*)?)\)", "bars(1m)")
    ] = Field(default_factory=dict)
    quotes: Quotes | None = None
    quotes_of: Annotated[
        dict[str, Quotes], KeyPattern(r"quotes\(([A-Za-z0-9^][A-Za-z0-9^._:/-]*)\)", "quotes(SPY)")
    ] = Field(default_factory=dict)
    facts: dict[Text, Series | Text] = Field(
        default_factory=dict, description="Facts by name: a series, one value, or _."
    )
    account: TestAccount | None = None
    position: TestPosition | None = None
    params: dict[ParameterName, Expr] = Field(default_factory=dict)


class ExpectedOrder(RuleModel):
    """What must be true of an order; what is left out is not looked at."""

    symbol: Symbol | None = None
    quantity: Comparison | None = None
    limit: Comparison | None = None
    stop: Comparison | None = None
    target: Comparison | None = None


class Expectation(RuleModel):
    """What one rule must do at one moment."""

    at: Moment
    rule: RulePattern
    verdict: Literal["fired", "silent", "unknown", "blocked", "cooling"] = Field(alias="is")
    symbol: Symbol | None = None
    because: Text | None = Field(None, description="The condition that decided, or the guard that blocked.")
    buy: ExpectedOrder | None = None
    sell: ExpectedOrder | None = None
    close: ExpectedOrder | None = None

    @model_validator(mode="after")
    def _orders_only_when_fired(self) -> Expectation:
        for name in ("buy", "sell", "close"):
            if getattr(self, name) is not None and self.verdict != "fired":
                raise problem(name, f"a rule that is {self.verdict} wants no order, so `{name}` cannot hold")
        return self


class Test(RuleModel):
    """A unit test of rules, run by ``engine test``."""

    __test__ = False  # for pytest: a model, no test class
    kind: Literal["test"]
    name: Text
    about: Text | None = None
    rules: Rules
    given: Given
    expect: tuple[Expectation, ...] = Field(min_length=1)


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

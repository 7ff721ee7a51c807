"""The linked, typed rules: what the plan, the tick and lint work on. Every expression is a checked term here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from engine.language.diagnostics import Finding
from engine.language.terms import Term
from engine.language.types import Kind
from engine.market.facts import FactSpec
from engine.market.instrument import Instrument, contract
from engine.market.orders import Side
from engine.ruleset.load import Document

CONTRACT_VENUES = frozenset({"kalshi"})  # every symbol there is a contract that pays $1 or nothing


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a rule may be tuned by. ``key`` is ``pack.rule.name``; ``value`` is in the kind's base unit."""

    key: str
    kind: Kind
    value: float
    low: float | None = None
    high: float | None = None
    step: float | None = None
    search: tuple[float, ...] = ()
    about: str = ""


class TriggerKind(StrEnum):
    BAR = "bar"
    QUOTE = "quote"
    SIGNAL = "signal"
    EVERY = "every"


@dataclass(frozen=True, slots=True)
class Trigger:
    """What makes a strategy look. ``seconds`` is the bar's length or the interval; ``signal`` a fact prefix."""

    kind: TriggerKind
    seconds: int = 60
    signal: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """The order that a strategy wants. ``symbol`` is None for the trigger's own symbol, else a symbol's name.

    ``execution``: the order goes to the symbol that the pack maps the trigger's symbol to.
    """

    side: Side
    size: Term
    execution: bool = False
    symbol: str | None = None
    limit: Term | None = None
    stop: Term | None = None
    within: Term | None = None
    fallback_market: bool = False
    bracket_stop: Term | None = None
    bracket_target: Term | None = None

    @property
    def terms(self) -> tuple[Term, ...]:
        found = (self.size, self.limit, self.stop, self.within, self.bracket_stop, self.bracket_target)
        return tuple(t for t in found if t is not None)


@dataclass(frozen=True, slots=True)
class Override:
    """What differs for one symbol: parameters by key; for strategies also the entry and the cooldown."""

    parameters: Mapping[str, float] = field(default_factory=dict)
    entry: Entry | None = None
    cooldown: Term | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What all rules share. ``key`` is ``pack.name``."""

    name: str
    pack: str
    document: Document
    lets: Mapping[str, Term]

    @property
    def key(self) -> str:
        return f"{self.pack}.{self.name}"


@dataclass(frozen=True, slots=True)
class Strategy(Rule):
    """When to enter. ``universe`` is a list of symbols, or a condition over each listed symbol."""

    about: str
    priority: int
    trigger: Trigger
    universe: tuple[str, ...]
    universe_when: Term | None
    when: tuple[Term, ...]
    cooldown: Term | None
    entry: Entry
    overrides: Mapping[str, Override]
    enabled: bool = True

    def entry_for(self, symbol: str) -> Entry:
        """The entry as overridden for a trigger symbol."""
        override = self.overrides.get(symbol)
        return override.entry if override is not None and override.entry is not None else self.entry

    def cooldown_for(self, symbol: str) -> Term | None:
        override = self.overrides.get(symbol)
        return override.cooldown if override is not None and override.cooldown is not None else self.cooldown


class UnknownPolicy(StrEnum):
    HOLD = "hold"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class ExitAction:
    """What an exit does. ``close`` is a share or a quantity of the position; ``stop`` moves the protective stop.

    ``limit`` and ``within`` concern the closing order; ``fallback_market`` says that the rest goes at market then.

    ``trail_by`` sets a stop that follows the best price at that distance, from when ``trail_after`` was true.
    """

    close_all: bool = False
    close: Term | None = None
    limit: Term | None = None
    within: Term | None = None
    fallback_market: bool = False
    stop: Term | None = None
    trail_by: Term | None = None
    trail_after: Term | None = None

    @property
    def terms(self) -> tuple[Term, ...]:
        found = (self.close, self.limit, self.within, self.stop, self.trail_by, self.trail_after)
        return tuple(t for t in found if t is not None)


@dataclass(frozen=True, slots=True)
class Exit(Rule):
    """When to leave, wholly or in part. ``strategies`` are the keys of the strategies it serves."""

    strategies: tuple[str, ...]
    priority: int
    once: bool
    when: tuple[Term, ...]
    unknown: UnknownPolicy | None
    action: ExitAction
    overrides: Mapping[str, Override]


class Judged(StrEnum):
    ENTRIES = "entries"
    EXITS = "exits"
    ALL = "all"


class GuardEffect(StrEnum):
    BLOCK = "block"
    CAP = "cap"
    HALT = "halt"
    FLATTEN = "flatten"


@dataclass(frozen=True, slots=True)
class GuardAction:
    """What happens when a guard is not true.

    BLOCK: ``reason``. CAP: ``cap`` is the most notional (money) or quantity. HALT: no entries ``until`` "tomorrow",
    "session end", "resumed" or for ``halt_for`` seconds. FLATTEN: close everything (``flatten_all``) or the symbol,
    and block.
    """

    effect: GuardEffect
    reason: str
    cap: Term | None = None
    until: str = ""
    halt_for: Term | None = None
    flatten_all: bool = True


@dataclass(frozen=True, slots=True)
class Guard(Rule):
    """A condition that must be true for an order to pass. ``strategies`` empty means all."""

    judged: Judged
    strategies: tuple[str, ...]
    require: tuple[Term, ...]
    action: GuardAction


@dataclass(frozen=True, slots=True)
class Session(Rule):
    """Windows of the day with their own playbook. Hours are seconds since local midnight, the end excluded; an end
    above 86400 lies on the next day.

    ``allow`` None permits every strategy of the pack; ``block`` names those that may not enter meanwhile.
    """

    calendar: str
    timezone: str
    days: frozenset[int]
    hours: tuple[tuple[float, float], ...]
    allow: tuple[str, ...] | None
    block: tuple[str, ...]
    settings: Mapping[str, float]
    limits: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Gate(Rule):
    """Conditions on closed trades that must all be true, ``consecutive`` times in a row, before going live."""

    judged: tuple[str, ...]
    require: tuple[Term, ...]
    consecutive: int


@dataclass(frozen=True, slots=True)
class Definitions(Rule):
    """Lets and parameters shared by a pack."""


class FiringBudget(NamedTuple):
    """How often a rule is expected to fire, ``low`` to ``high`` times ``per`` local hour, day or week."""

    low: int
    high: int
    per: str


@dataclass(slots=True)
class Pack:
    """One folder of rules, linked. ``budget`` is the most money that its positions and its entries under way may tie up
    together. ``execution`` maps trigger symbols to the symbols that are ordered; ``expect`` says
    how often a rule, by its key, should fire.
    """

    name: str
    timeframe: int = 60
    calendar: str = ""
    timezone: str = ""
    universe: tuple[str, ...] = ()
    execution: Mapping[str, str] = field(default_factory=dict)
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    venue: str = ""
    max_quantity: float | None = None
    max_notional: float | None = None
    budget: float | None = None
    expect: Mapping[str, FiringBudget] = field(default_factory=dict)
    document: Document | None = None
    strategies: list[Strategy] = field(default_factory=list)
    exits: list[Exit] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    definitions: list[Definitions] = field(default_factory=list)
    tests: list[Document] = field(default_factory=list)

    def instrument(self, symbol: str, calendar: str) -> Instrument:
        """How a symbol trades as far as the rules say it; what they leave open is what its venue lists."""
        if symbol in self.instruments:
            return self.instruments[symbol]
        if self.venue in CONTRACT_VENUES:
            return contract(symbol)
        return Instrument(symbol, calendar=self.calendar or calendar)

    @property
    def rules(self) -> list[Rule]:
        return [*self.strategies, *self.exits, *self.guards, *self.sessions, *self.gates, *self.definitions]


@dataclass(slots=True)
class Ruleset:
    """All packs, linked. ``findings`` are the mistakes found on the way; rules that have some are left out.

    ``sha256`` names exactly these rules: it is taken over the text of all files.
    """

    packs: dict[str, Pack]
    parameters: dict[str, Parameter]
    facts: Mapping[str, FactSpec]
    findings: list[Finding]
    sha256: str
    texts: Mapping[str, str] = field(default_factory=dict)
    unused: list[tuple[Document, str, str]] = field(default_factory=list)  # document, "let" or "param", name

    @property
    def trading(self) -> list[str]:
        """Names of the packs that have a strategy; one that only lends its rules to others trades nothing."""
        return [name for name, pack in self.packs.items() if pack.strategies]

    @property
    def strategies(self) -> list[Strategy]:
        return [s for pack in self.packs.values() for s in pack.strategies]

    @property
    def rules(self) -> list[Rule]:
        return [r for pack in self.packs.values() for r in pack.rules]

"""The world of one test: selected rules, ticks from shorthand series, a given position and account."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.decide.portfolio import Held
from engine.decide.sessions import window_calendars
from engine.decide.tick import Decider
from engine.language import nodes
from engine.language.diagnostics import Span
from engine.language.parser import ExpressionSyntaxError, parse
from engine.market.calendar import TradingCalendar, in_zone
from engine.market.events import NANOS, Bar, MarketEvent, Observation, Quote, Tick
from engine.market.facts import Scope
from engine.market.orders import Leg, Order, OrderType, Side
from engine.market.position import Position
from engine.plan.plan import execution_symbol, make_plan
from engine.ruleset.load import Document
from engine.ruleset.models_of_tests import Bars, Test
from engine.ruleset.parameters import ParameterError, read_settings
from engine.ruleset.rules import Pack, Ruleset
from engine.ruleset.scalars import Expr, FactValue, Series
from engine.ruleset.times import duration_seconds

DEFAULT_START = datetime(2024, 3, 5, 9, 30)
DEFAULT_CALENDAR = "XNYS"
DEFAULT_CASH = Decimal(100_000)
Values = tuple[Decimal | None, ...]
Calendars = Callable[[str], TradingCalendar]


class WorldError(Exception):
    """A test that cannot be run; the text says why, the span where."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message, self.span = message, span


@dataclass(slots=True)
class World:
    """Everything a test needs to run. ``pinned``: values by symbol and slot, set before each tick."""

    decider: Decider
    pack: Pack
    symbol: str
    start_ns: int
    ticks: list[Tick]
    pinned: dict[str, list[tuple[int, list[float]]]] = field(default_factory=dict)
    step_ns: int = 60 * NANOS


def build(ruleset: Ruleset, pack: Pack, document: Document, model: Test, calendars: Calendars) -> World:
    """The world of a test; raises WorldError."""
    chosen = _select(ruleset, pack, document, model)
    given = model.given
    symbol = str(given.symbol) if given.symbol else _default_symbol(chosen, document)
    zone = ZoneInfo(pack.timezone or "America/New_York")
    local = given.start.local if given.start else DEFAULT_START
    start_ns = int(local.replace(tzinfo=zone).timestamp()) * NANOS
    bars = {symbol: None} | _bar_symbols(model)
    symbols = list(dict.fromkeys([*bars, *_executed(chosen, bars), *(str(s) for s in given.quotes_of)]))
    decider = _decider(ruleset, chosen, document, model, symbols, calendars)
    world = World(decider, chosen, symbol, start_ns, [])
    world.ticks = list(_ticks(world, document, model))
    _pin_facts(world, document, model)
    if given.position is not None:
        _open_position(world, document, model)
    return world


def _select(ruleset: Ruleset, pack: Pack, document: Document, model: Test) -> Pack:
    """The pack with the tested rules alone; guards and sessions apply only when they are named."""
    patterns = [str(p) for p in model.rules]
    names = {r.name for r in pack.rules}
    for number, pattern in enumerate(patterns):
        bare = pattern.rpartition(".")[2]
        if not any(fnmatchcase(name, bare) for name in names):
            raise WorldError(f"no rule of {pack.name} is named `{pattern}`", document.where(("rules", number)))

    def wanted(name: str) -> bool:
        return any(fnmatchcase(name, p.rpartition(".")[2]) for p in patterns)

    chosen = replace(
        pack,
        strategies=[s for s in pack.strategies if wanted(s.name) or _exit_needs(pack, s.key, wanted)],
        exits=[e for e in pack.exits if wanted(e.name)],
        guards=[g for g in pack.guards if wanted(g.name)],
        sessions=[s for s in pack.sessions if wanted(s.name)],
        gates=[],
    )
    return chosen


def _exit_needs(pack: Pack, key: str, wanted: Callable[[str], bool]) -> bool:
    """Whether a tested exit needs this strategy to exist; what the strategy itself decides is not looked at."""
    return any(key in e.strategies and wanted(e.name) for e in pack.exits)


def _default_symbol(pack: Pack, document: Document) -> str:
    for strategy in pack.strategies:
        if strategy.universe:
            return strategy.universe[0]
    if pack.universe:
        return pack.universe[0]
    raise WorldError("this test names no symbol, and its pack has no universe", document.where(("given",)))


def _bar_symbols(model: Test) -> dict[str, None]:
    found = (key.partition(",")[2].strip() for key in model.given.bars)
    return {symbol: None for symbol in found if symbol}


def _executed(pack: Pack, symbols: Sequence[str] | Mapping[str, None]) -> list[str]:
    return [execution_symbol(pack, s, symbol) for s in pack.strategies for symbol in symbols]


def _decider(
    ruleset: Ruleset, pack: Pack, document: Document, model: Test, symbols: list[str], calendars: Calendars
) -> Decider:
    alone = replace(ruleset, packs={pack.name: pack})
    written = [f"{name}={expr.text}" for name, expr in model.given.params.items()]
    try:
        parameters = read_settings(ruleset, written, pack.name)
    except ParameterError as error:
        raise WorldError(str(error), document.where(("given", "params"))) from None
    # The symbol under test counts as listed, whatever the rule's universe says.
    pack.strategies = [replace(s, universe=tuple(dict.fromkeys([*s.universe, *symbols]))) for s in pack.strategies]
    name = pack.calendar or DEFAULT_CALENDAR
    found = {s: pack.instrument(s, name) for s in symbols}
    instruments = {s: replace(i, calendar=in_zone(i.calendar, pack.timezone, calendars)) for s, i in found.items()}
    names = {i.calendar for i in instruments.values()} | window_calendars([pack], calendars)
    cash = model.given.account.cash if model.given.account else None
    return Decider(
        make_plan(alone, symbols, parameters), instruments, {n: calendars(n) for n in names},
        DEFAULT_CASH if cash is None else Decimal(repr(literal(cash, document, ("given", "account", "cash")))),
    )  # fmt: skip


def literal(expr: Expr, document: Document, path: tuple[str | int, ...]) -> float:
    """The number that a constant expression of a test stands for."""
    try:
        node = parse(expr.text)
    except ExpressionSyntaxError as problem:
        raise WorldError(problem.message, document.where(path)) from None
    if not isinstance(node, nodes.Literal) or isinstance(node.value, str):
        raise WorldError("a plain value is wanted here, such as 10 or $500.10", document.where(path))
    return float(node.value)


# -- ticks -----------------------------------------------------------------------------------------------------------


def _ticks(world: World, document: Document, model: Test) -> Iterator[Tick]:
    """Bars, quotes and signals of all symbols, by the instant at which they are known."""
    events: dict[int, list[MarketEvent]] = {}
    length = 0
    for key, bars in model.given.bars.items():
        frame, _, named = key.partition(",")
        seconds = int(duration_seconds(frame.strip()))
        if seconds % 60:
            raise WorldError("bars of a test last whole minutes", document.where(("given", f"bars({key})")))
        symbol = named.strip() or world.symbol
        world.step_ns = 60 * NANOS
        for bar in _bars(world, document, key, bars, symbol, seconds):
            events.setdefault(bar.known_ns, []).append(bar)
            length = max(length, (bar.known_ns - world.start_ns) // world.step_ns)
    quotes = [(world.symbol, model.given.quotes)] if model.given.quotes else []
    quotes += [(str(symbol), q) for symbol, q in model.given.quotes_of.items()]
    for symbol, quote in quotes:
        bids, asks = quote.bid.values, quote.ask.values
        count = max(len(bids), len(asks), length)
        for number in range(count):
            bid, ask = _held(bids, number), _held(asks, number)
            time_ns = world.start_ns + (number + 1) * world.step_ns
            event = Quote(symbol, time_ns, _float(bid), None, _float(ask), None)
            events.setdefault(time_ns, []).insert(0, event)
        length = max(length, count)
    _signals(world, document, model, events, length)
    for time_ns in sorted(events):
        yield Tick(time_ns, events[time_ns])


def _bars(world: World, document: Document, key: str, bars: Bars, symbol: str, seconds: int) -> Iterator[Bar]:
    columns = _columns(document, key, bars)
    closes = columns["close"]
    minutes = seconds // 60
    for number, close in enumerate(closes):
        if close is None:
            continue
        row = {name: _at(values, number) for name, values in columns.items()}
        opened = float(close) if row["open"] is None else float(row["open"])
        high = max(float(close), opened) if row["high"] is None else float(row["high"])
        low = min(float(close), opened) if row["low"] is None else float(row["low"])
        volume = None if row["volume"] is None else float(row["volume"]) / minutes
        for part in range(minutes):
            start = world.start_ns + (number * minutes + part) * 60 * NANOS
            yield Bar(symbol, start, 60, opened, high, low, float(close), volume)


def _columns(document: Document, key: str, bars: Bars) -> dict[str, Values]:
    if bars.file is not None:
        return _file_columns(document, key, str(bars.file))
    found: dict[str, Values] = {}
    for name in ("open", "high", "low", "close", "volume"):
        series: Series | None = getattr(bars, name)
        found[name] = series.values if series is not None else ()
    return found


def _file_columns(document: Document, key: str, name: str) -> dict[str, Values]:
    """Bars from a CSV file beside the rule file."""
    path = Path(document.file.name).parent / name
    where = document.where(("given", f"bars({key})", "file"))
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        columns = ("open", "high", "low", "close", "volume")
        return {c: tuple(Decimal(r[c]) if r.get(c) else None for r in rows) for c in columns}
    except OSError as error:
        raise WorldError(f"{path} cannot be read: {error.strerror}", where) from None
    except (ArithmeticError, UnicodeDecodeError, csv.Error):
        raise WorldError(f"{path} is no CSV file with columns open, high, low, close, volume", where) from None


def _signals(
    world: World, document: Document, model: Test, events: dict[int, list[MarketEvent]], length: int
) -> None:
    """Facts of signal connectors become observations, one for each bar."""
    facts = world.decider.context.plan.ruleset.facts
    for name, written in model.given.facts.items():
        spec = facts.get(str(name))
        if spec is None:
            raise WorldError(f"there is no fact `{name}`", document.key(("given", "facts", str(name))))
        if spec.scope is not Scope.SIGNAL:
            continue
        age_ns = _age_ns(document, model, str(name))
        for number, value in enumerate(_fact_values(written, max(length, 1))):
            time_ns = world.start_ns + (number + 1) * world.step_ns
            reason = "" if value is not None else "the test leaves it out"
            seen = Observation(world.symbol, time_ns - age_ns, str(name), value, reason)
            events.setdefault(time_ns, []).insert(0, seen)


def _age_ns(document: Document, model: Test, name: str) -> int:
    """How old a fact is whenever it is told."""
    age = model.given.ages.get(name)
    return 0 if age is None else int(literal(age, document, ("given", "ages", name)) * NANOS)


def _fact_values(written: FactValue, length: int) -> list[float | str | bool | None]:
    """Values of a fact, bar by bar; a single one holds for the whole test."""
    series = written.series
    if series is not None:
        values: list[float | str | bool | None] = [_float(v) for v in series.values]
        return values + [values[-1]] * (length - len(values))
    text = str(written)
    try:
        node = parse(text)
    except ExpressionSyntaxError:
        return [text] * length
    value = node.value if isinstance(node, nodes.Literal) else text
    return [value] * length


def _pin_facts(world: World, document: Document, model: Test) -> None:
    """Facts of the engine itself (positions, quotes, account) are pinned to what the test says."""
    context = world.decider.context
    facts = dict(model.given.facts)
    account = model.given.account
    pinned = {str(name): _fact_values(v, len(world.ticks)) for name, v in facts.items()}
    if account is not None and account.equity is not None:
        pinned["account.equity"] = [literal(account.equity, document, ("given", "account", "equity"))]
    for name, values in pinned.items():
        if context.plan.ruleset.facts[name].scope is Scope.SIGNAL:
            continue
        numbers = [_number(v, context.plan.texts.code) for v in values]
        for symbol, plan in context.plan.symbols.items():
            for key, slot in plan.program.inputs.items():
                if key.what == "fact" and key.name == name:
                    world.pinned.setdefault(symbol, []).append((slot, numbers))


def _number(value: float | str | bool | None, code: Callable[[str], float]) -> float:
    if value is None:
        return math.nan
    return code(value) if isinstance(value, str) else float(value)


def _at(values: Values, number: int) -> Decimal | None:
    return values[number] if number < len(values) else None


def _held(values: Values, number: int) -> Decimal | None:
    """A series shorter than the bars goes on with its last value."""
    return values[min(number, len(values) - 1)]


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


# -- a given position ------------------------------------------------------------------------------------------------


def _open_position(world: World, document: Document, model: Test) -> None:
    given = model.given.position
    assert given is not None
    context = world.decider.context
    keys = [s.key for s in world.pack.strategies]
    bare = str(given.strategy).rpartition(".")[2]
    matching = [k for k in keys if fnmatchcase(k.rpartition(".")[2], bare)]
    if not matching:
        where = document.where(("given", "position", "strategy"))
        raise WorldError(f"no strategy under test is named `{given.strategy}`", where)
    symbol = str(given.symbol) if given.symbol else world.symbol
    if symbol not in context.states:
        raise WorldError(f"the test has no bars of {symbol}", document.where(("given", "position", "symbol")))
    at = ("given", "position")
    quantity = literal(given.quantity, document, (*at, "quantity"))
    entry = literal(given.entry, document, (*at, "entry"))
    opened = given.opened.after_start if given.opened else 0.0
    position = Position(
        matching[0], symbol, Decimal(repr(quantity)), Decimal(repr(entry)), world.start_ns - int((opened or 0) * NANOS)
    )
    held = Held(position, entry, entry, quantity, entry, entry, trigger_symbol=symbol)
    for leg, expr in ((Leg.STOP, given.stop), (Leg.TARGET, given.target)):
        if expr is not None:
            order = _leg(held, leg, literal(expr, document, (*at, leg.value)), world.start_ns)
            held.legs[order.client_id] = order
    context.portfolio.held[matching[0], symbol] = held
    context.portfolio.version += 1


def _leg(held: Held, leg: Leg, price: float, time_ns: int) -> Order:
    exact = Decimal(repr(price))
    side = Side.SELL if held.quantity > 0 else Side.BUY
    return Order(
        f"given-{leg}", held.position.symbol, side, abs(held.position.quantity),
        OrderType.STOP if leg is Leg.STOP else OrderType.LIMIT, leg, held.position.strategy, "given", time_ns,
        limit=exact if leg is Leg.TARGET else None, stop=exact if leg is Leg.STOP else None, group="given",
    )  # fmt: skip

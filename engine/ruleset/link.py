"""Validated documents in, one linked, typed Ruleset out. Every expression is checked here, every name resolved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

from engine.language import messages, nodes
from engine.language.check import Checker, ParameterName
from engine.language.diagnostics import Finding
from engine.language.functions import CATALOGUE
from engine.language.parser import ExpressionSyntaxError, parse
from engine.language.terms import Term
from engine.language.types import Kind
from engine.market.facts import FactSpec, Scope
from engine.market.manifest import CORE
from engine.market.orders import Side
from engine.ruleset import models as m
from engine.ruleset import rules as r
from engine.ruleset.linker import DEFAULT_SECONDS, SHARED, TRADING, Linker, PackFiles, Scopes, matching, unmatched
from engine.ruleset.load import Document
from engine.ruleset.scalars import Expr

PRICES = (Kind.PRICE, Kind.PROBABILITY)
JUDGING = TRADING | {Scope.ORDER}
GATING = frozenset({Scope.STATS, Scope.PORTFOLIO, Scope.CLOCK})
AnyModel = TypeVar("AnyModel", m.Strategy, m.Exit, m.Guard, m.Gate)


def link(packs: Sequence[PackFiles], manifest: Sequence[FactSpec] = CORE) -> r.Ruleset:
    """Link all packs into one ruleset. ``manifest`` are the facts of the engine and of all connectors."""
    facts = {spec.name: spec for spec in manifest}
    linker = Linker(facts, CATALOGUE)
    for files in packs:
        for file in files.files:
            for finding in file.findings:
                linker.report(finding)
    shared_files = next((p for p in packs if p.name == SHARED), None)
    shared = linker.define_pack(shared_files, None) if shared_files else None
    scopes = {p.name: shared if shared and p.name == SHARED else linker.define_pack(p, shared) for p in packs}
    _PackLinker(linker, packs, scopes).run()
    linker.note_unused_definitions()
    findings = sorted(linker.findings.values(), key=lambda f: f.sort_key)
    return r.Ruleset(
        {name: s.pack for name, s in scopes.items()}, linker.parameters, facts, findings, _sha256(packs),
        unused=linker.unused,
    )  # fmt: skip


def _sha256(packs: Sequence[PackFiles]) -> str:
    digest = hashlib.sha256()
    for files in packs:
        for file in sorted(files.files, key=lambda f: (f.path.name, f.text)):
            digest.update(f"{files.name}/{file.path.name}\0{file.text}\0".encode())
    return digest.hexdigest()


class _PackLinker:
    """Links the rules of all packs: first everything that can be named, then what names it."""

    def __init__(self, linker: Linker, packs: Sequence[PackFiles], scopes: Mapping[str, Scopes]) -> None:
        self.linker, self.scopes = linker, scopes
        self.documents = {p.name: [d for f in p.files for d in f.documents] for p in packs}
        self.parameters: dict[int, dict[str, ParameterName]] = {}
        self.keys: list[str] = []

    def run(self) -> None:
        for name, documents in self.documents.items():
            self._name_rules(name, documents)
        for name, documents in self.documents.items():
            for document in documents:
                self._rule(self.scopes[name], document)

    def _name_rules(self, pack: str, documents: list[Document]) -> None:
        first: dict[str, Document] = {}
        for document in documents:
            if document.kind in ("pack", "test") or not document.name:
                continue
            if document.name in first:
                before = first[document.name].heading("first defined here")
                self.linker.report(Finding(
                    "AT102", "duplicate-name", f"`{document.name}` names two rules of this pack",
                    (document.heading("and again here"), before), help="give one of them another name",
                ))  # fmt: skip
            first.setdefault(document.name, document)
            model = document.model
            if isinstance(model, m.Strategy):
                self.keys.append(f"{pack}.{document.name}")
            if isinstance(model, m.Strategy | m.Exit | m.Guard | m.Gate):
                self.parameters[id(document)] = self.linker.define_parameters(self.scopes[pack], document, model.params)
        self._expected(documents, first)

    def _expected(self, documents: list[Document], named: Mapping[str, Document]) -> None:
        """Rules that a pack expects to fire must be there."""
        for document in documents:
            for key in document.model.expect if isinstance(document.model, m.Pack) else ():
                if str(key) not in named:
                    place = document.key(("expect", str(key)))
                    self.linker.report(messages.unknown_name(str(key), place, named, "rule"))

    def _rule(self, scopes: Scopes, document: Document) -> None:
        match document.model:
            case m.Strategy() as model:
                self._strategy(scopes, document, model)
            case m.Exit() as model:
                self._exit(scopes, document, model)
            case m.Guard() as model:
                self._guard(scopes, document, model)
            case m.Session() as model:
                self._session(scopes, document, model)
            case m.Gate() as model:
                self._gate(scopes, document, model)
            case m.Test():
                scopes.pack.tests.append(document)

    # -- helpers -------------------------------------------------------------------------------------------------

    def _checker(
        self, scopes: Scopes, document: Document, model: AnyModel, fact_scopes: frozenset[Scope], seconds: int
    ) -> Checker:
        parameters = self.parameters[id(document)]
        return Checker(self.linker.names(scopes, seconds, fact_scopes, parameters, model.let))

    def _term(self, checker: Checker, expr: Expr | None, kinds: tuple[Kind, ...], where: str) -> Term | None:
        if expr is None:
            return None
        assert expr.source is not None
        return checker.expression(expr.source, kinds, where)

    def _price(self, checker: Checker, expr: Expr | None, where: str) -> Term | None:
        """A price. `2%` alone is none, though it may be a probability elsewhere: a stop that is meant as a distance
        would lie at two cents, where it protects nobody."""
        term = self._term(checker, expr, PRICES, where)
        if term is not None and isinstance(term.node, nodes.Literal) and term.node.kinds[0] is Kind.RATIO:
            checker.findings.append(messages.share_for_price(term, where))
        return term

    def _conditions(self, checker: Checker, exprs: tuple[Expr, ...]) -> tuple[Term, ...]:
        found = [self._term(checker, e, (Kind.BOOL,), "a condition") for e in exprs]
        return tuple(t for t in found if t is not None)

    def _still(self, checker: Checker, term: Term | None, where: str) -> Term | None:
        """A term that must not change from tick to tick."""
        if term is not None and term.type.varies == 2:
            checker.findings.append(messages.not_constant(term, where))
        return term

    def _strategies(self, scopes: Scopes, document: Document, field: str, patterns: Sequence[str]) -> tuple[str, ...]:
        for number, pattern in enumerate(patterns):
            if pattern != "*" and not matching([pattern], self.keys, scopes.pack.name):
                self.linker.report(unmatched(document, (field, number), str(pattern), self.keys))
        return tuple(matching([str(p) for p in patterns], self.keys, scopes.pack.name))

    def _overridden(
        self, scopes: Scopes, document: Document, symbol: str, params: Mapping[str, Expr]
    ) -> dict[str, float]:
        """Parameter values by key of one symbol's override."""
        values: dict[str, float] = {}
        own = self.parameters[id(document)] | {
            n: p for n, p in scopes.parameters.items() if n not in self.parameters[id(document)]
        }
        for name, expr in params.items():
            parameter = own.get(str(name))
            if parameter is None:
                span = document.key(("overrides", symbol, "params", str(name)))
                self.linker.report(messages.unknown_name(str(name), span, own, "parameter"))
                continue
            value = self._parameter_value(scopes, parameter, expr)
            if value is not None:
                values[parameter.key] = value
        return values

    def _parameter_value(self, scopes: Scopes, name: ParameterName, expr: Expr) -> float | None:
        """A new value of a parameter: of its kind, inside its bounds."""
        parameter = self.linker.parameters[name.key]
        checker = Checker(self.linker.names(scopes, DEFAULT_SECONDS, frozenset(), {}, {}))
        kinds = (parameter.kind, *sorted(name.type.literals - {parameter.kind}))
        value = self.linker.number(checker, expr, kinds, f"`{name.key}`")
        low, high = parameter.low, parameter.high
        if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
            assert expr.source is not None
            span = expr.source.span(0, len(expr.text))
            checker.findings.append(messages.out_of_range(value, span, low, high, f"`{name.key}`"))
        return value if self.linker._take(checker) else None

    # -- kinds -----------------------------------------------------------------------------------------------------

    def _strategy(self, scopes: Scopes, document: Document, model: m.Strategy) -> None:
        trigger = self._trigger(scopes, document, model)
        seconds = trigger.seconds if trigger.kind is r.TriggerKind.BAR else scopes.pack.timeframe
        checker = self._checker(scopes, document, model, TRADING, seconds)
        when = self._conditions(checker, model.when)
        universe, condition = self._universe(scopes, document, checker, model.universe)
        cooldown = self._still(
            checker, self._term(checker, model.cooldown, (Kind.DURATION,), "a cooldown"), "a cooldown"
        )
        entry = self._entry(checker, document, model.then.side, model.then.entry)
        overrides = {
            str(symbol): self._override(scopes, document, checker, model, str(symbol), spec)
            for symbol, spec in model.overrides.items()
        }
        lets = self.linker.finish(scopes, document, checker)
        if lets is None or entry is None:
            return
        scopes.pack.strategies.append(r.Strategy(
            document.name, scopes.pack.name, document, lets, str(model.about or ""), model.priority, trigger,
            universe, condition, when, cooldown, entry, overrides, model.enabled,
        ))  # fmt: skip

    def _trigger(self, scopes: Scopes, document: Document, model: m.Strategy) -> r.Trigger:
        written = model.on
        if written is None:
            return r.Trigger(r.TriggerKind.BAR, scopes.pack.timeframe)
        kind = r.TriggerKind(written.event)
        if kind is r.TriggerKind.SIGNAL:
            return r.Trigger(kind, signal=written.argument)
        seconds = int(written.seconds or 0)
        if kind is r.TriggerKind.BAR and (seconds % 60 or not 60 <= seconds <= 86400):
            self.linker.report(messages.out_of_range(
                float(seconds), document.where(("on",)), 60, 86400, "the length of a bar in seconds (whole minutes)"
            ))  # fmt: skip
            seconds = DEFAULT_SECONDS
        return r.Trigger(kind, max(seconds, 1))

    def _universe(
        self, scopes: Scopes, document: Document, checker: Checker, written: tuple[str, ...] | Expr | None
    ) -> tuple[tuple[str, ...], Term | None]:
        if written is None:
            if not scopes.pack.universe and document.sound:
                self.linker.report(Finding(
                    "AT004", "unknown-field", f"`{document.name}` has no universe, and its pack gives none",
                    (document.heading(),), help="add `universe: [SPY]` here or in pack.yaml",
                ))  # fmt: skip
            return scopes.pack.universe, None
        if isinstance(written, tuple):
            return tuple(str(s) for s in written), None
        try:
            tree = parse(written.text)
        except ExpressionSyntaxError:
            tree = None
        if isinstance(tree, nodes.Name) and tree.path not in self.linker.facts:
            return (written.text,), None
        return (), self._term(checker, written, (Kind.BOOL,), "a universe")

    def _entry(self, checker: Checker, document: Document, side: str, written: m.Entry) -> r.Entry | None:
        execution, symbol = self._order_symbol(document, side, written.symbol)
        size = self._term(checker, written.size, (Kind.QUANTITY,), "a size")
        limit = self._price(checker, written.limit, "a limit")
        stop = self._price(checker, written.stop, "a stop")
        within = self._still(checker, self._term(checker, written.within, (Kind.DURATION,), "`within`"), "`within`")
        bracket = written.bracket
        bracket_stop = self._price(checker, bracket.stop if bracket else None, "a stop")
        bracket_target = self._price(checker, bracket.target if bracket else None, "a target")
        if size is None:
            return None
        return r.Entry(
            Side(side), size, execution, symbol, limit, stop, within, written.fallback is not None,
            bracket_stop, bracket_target,
        )  # fmt: skip

    def _order_symbol(self, document: Document, side: str, written: Expr | None) -> tuple[bool, str | None]:
        """Whether the pack's mapping applies, and the symbol when the rule names one."""
        if written is None or written.text == "execution_symbol":
            return True, None
        if written.text == "symbol":
            return False, None
        text = written.text.strip("\"'")
        if text.upper() != text:
            help = "write execution_symbol, symbol, or a symbol such as SPY"
            span = document.where(("then", side, "symbol"))
            self.linker.report(Finding("AT101", "unknown-name", f"`{text}` is no symbol", (span,), help=help))
        return False, text

    def _override(
        self,
        scopes: Scopes,
        document: Document,
        checker: Checker,
        model: m.Strategy,
        symbol: str,
        spec: m.StrategyOverride,
    ) -> r.Override:
        values = self._overridden(scopes, document, symbol, spec.params)
        cooldown = self._still(
            checker, self._term(checker, spec.cooldown, (Kind.DURATION,), "a cooldown"), "a cooldown"
        )
        changed = {n: getattr(spec, n) for n in ("size", "limit", "stop", "within", "bracket")}
        changed = {n: v for n, v in changed.items() if v is not None}
        entry = None
        if changed:
            entry = self._entry(checker, document, model.then.side, model.then.entry.model_copy(update=changed))
        return r.Override(values, entry, cooldown)

    def _exit(self, scopes: Scopes, document: Document, model: m.Exit) -> None:
        checker = self._checker(scopes, document, model, TRADING, scopes.pack.timeframe)
        when = self._conditions(checker, model.when)
        action = self._exit_action(checker, model.then)
        strategies = self._strategies(scopes, document, "for", model.for_)
        overrides = {
            str(symbol): r.Override(self._overridden(scopes, document, str(symbol), spec.params))
            for symbol, spec in model.overrides.items()
        }
        lets = self.linker.finish(scopes, document, checker)
        if lets is not None:
            policy = r.UnknownPolicy(model.unknown) if model.unknown else None
            scopes.pack.exits.append(r.Exit(
                document.name, scopes.pack.name, document, lets, strategies, model.priority, model.once, when, policy,
                action, overrides,
            ))  # fmt: skip

    def _exit_action(self, checker: Checker, written: m.ExitAction) -> r.ExitAction:
        close = written.close if isinstance(written.close, Expr) else None
        trail = written.trail
        return r.ExitAction(
            close_all=written.close is not None and close is None,
            close=self._term(checker, close, (Kind.RATIO, Kind.QUANTITY), "`close`"),
            limit=self._price(checker, written.limit, "a limit"),
            within=self._still(checker, self._term(checker, written.within, (Kind.DURATION,), "`within`"), "`within`"),
            fallback_market=written.fallback is not None,
            stop=self._price(checker, written.stop, "a stop"),
            trail_by=self._term(checker, trail.by if trail else None, (Kind.RATIO, *PRICES), "a trail"),
            trail_after=self._term(checker, trail.after if trail else None, (Kind.BOOL,), "`after`"),
        )

    def _guard(self, scopes: Scopes, document: Document, model: m.Guard) -> None:
        checker = self._checker(scopes, document, model, JUDGING, scopes.pack.timeframe)
        require = self._conditions(checker, model.require)
        action = self._guard_action(checker, document, model.otherwise)
        everywhere = list(model.strategies) == ["*"]
        strategies = () if everywhere else self._strategies(scopes, document, "strategies", model.strategies)
        lets = self.linker.finish(scopes, document, checker)
        if lets is not None:
            scopes.pack.guards.append(r.Guard(
                document.name, scopes.pack.name, document, lets, r.Judged(model.for_), strategies, require, action
            ))  # fmt: skip

    def _guard_action(self, checker: Checker, document: Document, written: m.GuardAction) -> r.GuardAction:
        reason = str(written.because or written.block or document.name.replace("_", " "))
        if written.cap is not None:
            notional = self._term(checker, written.cap.notional, (Kind.MONEY,), "a cap")
            quantity = self._term(checker, written.cap.quantity, (Kind.QUANTITY,), "a cap")
            return r.GuardAction(r.GuardEffect.CAP, reason, cap=notional or quantity)
        if isinstance(written.halt, Expr):
            halt = self._still(checker, self._term(checker, written.halt, (Kind.DURATION,), "a halt"), "a halt")
            return r.GuardAction(r.GuardEffect.HALT, reason, halt_for=halt)
        if written.halt is not None:
            return r.GuardAction(r.GuardEffect.HALT, reason, until=written.halt.removeprefix("until "))
        if written.flatten is not None:
            return r.GuardAction(r.GuardEffect.FLATTEN, reason, flatten_all=written.flatten == "all")
        return r.GuardAction(r.GuardEffect.BLOCK, reason)

    def _session(self, scopes: Scopes, document: Document, model: m.Session) -> None:
        timezone = str(model.timezone or scopes.pack.timezone)
        if not timezone:
            self.linker.report(Finding(
                "AT206", "naive-time", "the hours of this session have no zone", (document.where(("hours",)),),
                help="add `timezone: America/New_York` here or in pack.yaml",
            ))  # fmt: skip
        limits = model.limits.model_dump(exclude_none=True) if model.limits else {}
        days: frozenset[int] = frozenset().union(*(d.numbers for d in model.days))
        scopes.pack.sessions.append(r.Session(
            document.name, scopes.pack.name, document, {},
            str(model.calendar or scopes.pack.calendar), timezone, days,
            tuple((float(h.opens), float(h.closes)) for h in model.hours),
            None if model.allow is None else self._strategies(scopes, document, "allow", model.allow),
            () if model.block is None else self._strategies(scopes, document, "block", model.block),
            self._settings(scopes, document, model), {k: float(v) for k, v in limits.items()},
        ))  # fmt: skip

    def _settings(self, scopes: Scopes, document: Document, model: m.Session) -> dict[str, float]:
        values: dict[str, float] = {}
        for name, expr in model.set.items():
            key = resolve_parameter(str(name), self.linker.parameters, scopes.pack.name)
            if key is None:
                known = [k.removeprefix(f"{scopes.pack.name}.") for k in self.linker.parameters]
                span = document.key(("set", str(name)))
                self.linker.report(messages.unknown_name(str(name), span, known, "parameter"))
                continue
            parameter = self.linker.parameters[key]
            value = self._parameter_value(scopes, self._parameter_name(key, parameter), expr)
            if value is not None:
                values[key] = value
        return values

    def _parameter_name(self, key: str, parameter: r.Parameter) -> ParameterName:
        for names in (*self.parameters.values(), *(s.parameters for s in self.scopes.values())):
            for found in names.values():
                if found.key == key:
                    return found
        raise KeyError(parameter.key)  # every parameter was defined by one of the two

    def _gate(self, scopes: Scopes, document: Document, model: m.Gate) -> None:
        checker = self._checker(scopes, document, model, GATING, scopes.pack.timeframe)
        require = self._conditions(checker, model.require)
        patterns = [f"{p}.*" if str(p) in self.scopes else str(p) for p in model.for_]
        judged = self._strategies(scopes, document, "for", patterns)
        lets = self.linker.finish(scopes, document, checker)
        if lets is not None:
            scopes.pack.gates.append(r.Gate(
                document.name, scopes.pack.name, document, lets, judged, require, model.consecutive
            ))  # fmt: skip


def resolve_parameter(name: str, parameters: Mapping[str, object], pack: str) -> str | None:
    """The key of ``rule.param`` or ``pack.rule.param``; also of a bare name that only one rule of the pack has."""
    for key in (name, f"{pack}.{name}"):
        if key in parameters:
            return key
    found = [k for k in parameters if k.startswith(f"{pack}.") and k.rpartition(".")[2] == name]
    return found[0] if len(found) == 1 else None

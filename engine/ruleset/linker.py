"""What linking shares between kinds of rules: names in scope, parameters, packs and their definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase

from engine.language import messages
from engine.language.catalogue import Function
from engine.language.check import Checker, Names, ParameterName
from engine.language.diagnostics import Finding, did_you_mean
from engine.language.terms import Term
from engine.language.types import Kind, Type, Varies
from engine.market.facts import FactSpec, Scope
from engine.market.instrument import Instrument
from engine.ruleset import models as m
from engine.ruleset.load import Document, LoadedFile
from engine.ruleset.model_parts import Param
from engine.ruleset.rules import Definitions, FiringBudget, Pack, Parameter
from engine.ruleset.scalars import Expr

SHARED = "common"
TRADING = frozenset(
    {Scope.BAR, Scope.QUOTE, Scope.CLOCK, Scope.SIGNAL, Scope.INSTRUMENT, Scope.POSITION, Scope.PORTFOLIO}
)
DEFAULT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class PackFiles:
    """The files of one pack, as loaded."""

    name: str
    files: Sequence[LoadedFile]


@dataclass(slots=True)
class Scopes:
    """What the rules of one pack share while they are linked."""

    pack: Pack
    zoned: bool
    parameters: dict[str, ParameterName] = field(default_factory=dict)
    lets: dict[str, Expr] = field(default_factory=dict)


class Linker:
    """Links packs. Findings of all files are collected; a rule with a mistake is left out of the ruleset."""

    def __init__(self, facts: Mapping[str, FactSpec], functions: Mapping[str, Function]) -> None:
        self.facts, self.functions = facts, functions
        self.findings: dict[tuple[object, ...], Finding] = {}
        self.parameters: dict[str, Parameter] = {}
        self.unused: list[tuple[Document, str, str]] = []
        self._used_shared: set[tuple[str, str]] = set()
        self._shared_names: list[tuple[Document, str, str, str]] = []

    def report(self, finding: Finding) -> None:
        """Keep a finding once, however many rules run into it."""
        self.findings.setdefault((finding.code, finding.primary, finding.message), finding)

    # -- names ---------------------------------------------------------------------------------------------------

    def define_parameters(
        self, scopes: Scopes, document: Document, params: Mapping[str, Param]
    ) -> dict[str, ParameterName]:
        """Register the parameters of a document; returns the names it brings into scope."""
        found: dict[str, ParameterName] = {}
        for name, param in params.items():
            key = f"{scopes.pack.name}.{document.name}.{name}"
            checker = Checker(Names(self.facts, self.functions, DEFAULT_SECONDS, frozenset(), zoned=scopes.zoned))
            default = self._constant(checker, param.default, "a default")
            if default is None:
                self._take(checker)
                continue
            kind = default.type.kind
            bounds = [self._bound(checker, e, default, f"of `{name}`") for e in (param.min, param.max)]
            step = self._bound(checker, param.step, default, f"of `{name}`")
            search = [self._bound(checker, e, default, f"of `{name}`") for e in param.search or ()]
            self._take(checker)
            value = _number(default)
            low, high = bounds
            if (low is not None and value < low) or (high is not None and value > high):
                self.report(messages.out_of_range(value, default.span(), low, high, f"the default of `{name}`"))
            self.parameters[key] = Parameter(
                key, kind, value, low, high, step, tuple(v for v in search if v is not None), str(param.about or "")
            )
            type_ = Type(kind, Varies.PARAMETER, False, default.type.literals)
            assert param.default.source is not None
            known = self.parameters[key]
            values = (known.value, *(b for b in (known.low, known.high) if b is not None), *known.search)
            found[str(name)] = ParameterName(key, type_, param.default.source, values)
        return found

    def _constant(self, checker: Checker, expr: Expr, where: str) -> Term | None:
        assert expr.source is not None
        term = checker.expression(expr.source)
        if term is not None and not isinstance(term.value, float | bool):
            checker.findings.append(messages.not_constant(term, where))
            return None
        return term

    def _bound(self, checker: Checker, expr: Expr | None, default: Term, where: str) -> float | None:
        if expr is None:
            return None
        term = self._constant(checker, expr, "a bound")
        if term is None:
            return None
        if not set(default.type.literals | {default.type.kind}) & set(term.type.literals | {term.type.kind}):
            checker.findings.append(messages.wanted_kind(term, (default.type.kind,), f"a bound {where}"))
            return None
        return _number(term)

    def number(self, checker: Checker, expr: Expr, kinds: tuple[Kind, ...], where: str) -> float | None:
        """The value of a constant expression."""
        term = self._constant(checker, expr, where)
        if term is None:
            return None
        found = checker.as_kind(term, kinds, where) if kinds else term
        return None if found is None else _number(found)

    def names(
        self,
        scopes: Scopes,
        seconds: int,
        fact_scopes: frozenset[Scope],
        parameters: Mapping[str, ParameterName],
        lets: Mapping[str, Expr],
        zoned: bool | None = None,
    ) -> Names:
        """What a rule of a pack may refer to: its own names hide those of the pack's definitions."""
        visible = {n: e for n, e in scopes.lets.items() if n not in parameters} | dict(lets)
        sources = {name: e.source for name, e in visible.items() if e.source is not None}
        hidden = {n: p for n, p in scopes.parameters.items() if n not in lets}
        return Names(
            self.facts, self.functions, seconds, fact_scopes, {**hidden, **parameters}, sources,
            scopes.zoned if zoned is None else zoned,
        )  # fmt: skip

    def _take(self, checker: Checker) -> bool:
        """Move a checker's findings here; True when there were none."""
        for finding in checker.findings:
            self.report(finding)
        return not checker.findings

    def finish(self, scopes: Scopes, document: Document, checker: Checker) -> dict[str, Term] | None:
        """Check the lets that nothing used yet, note unused names, collect findings; the lets, or None if mistaken."""
        model = document.model
        own_lets: Mapping[str, Expr] = getattr(model, "let", {})
        own_params: Mapping[str, Param] = getattr(model, "params", {})
        used = set(checker.used)
        terms: dict[str, Term] = {}
        for name in own_lets:
            term = checker.let(str(name))
            if term is not None:
                terms[str(name)] = term
        for name in used:
            if name in scopes.lets or name in scopes.parameters:
                self._used_shared.add((scopes.pack.name, name))
                self._used_shared.add((SHARED, name))
        if not isinstance(model, m.Definitions):
            self.unused += [(document, "let", str(n)) for n in own_lets if n not in used]
            inside = used | checker.used  # parameters that only an unused let reads count as used
            self.unused += [(document, "param", str(n)) for n in own_params if n not in inside]
        return terms if self._take(checker) else None

    # -- packs -------------------------------------------------------------------------------------------------------

    def define_pack(self, files: PackFiles, shared: Scopes | None) -> Scopes:
        """The pack itself and its definitions; rules follow in ``engine.ruleset.link_rules``."""
        pack = Pack(files.name)
        documents = [d for f in files.files for d in f.documents]
        for document in documents:
            if isinstance(document.model, m.Pack):
                self._pack_fields(pack, document, document.model)
        scopes = Scopes(pack, bool(pack.timezone))
        for document in documents:
            if isinstance(document.model, m.Definitions):
                self._definitions(scopes, shared, document, document.model)
        if shared is not None:
            scopes.parameters = shared.parameters | scopes.parameters
            scopes.lets = shared.lets | scopes.lets
        return scopes

    def _pack_fields(self, pack: Pack, document: Document, model: m.Pack) -> None:
        pack.document = document
        pack.venue = str(model.venue)
        pack.timezone, pack.calendar = str(model.timezone), str(model.calendar or "")
        pack.timeframe = int(model.timeframe.seconds) if model.timeframe else DEFAULT_SECONDS
        if isinstance(model.universe, tuple):
            pack.universe = tuple(str(s) for s in model.universe)
        elif isinstance(model.universe, Expr):
            pack.universe = (model.universe.text,)
        pack.expect = {f"{pack.name}.{k}": FiringBudget(b.low, b.high, b.per) for k, b in model.expect.items()}
        pack.execution = {str(k): str(v) for k, v in model.symbols.items()}
        checker = Checker(Names(self.facts, self.functions, DEFAULT_SECONDS, frozenset()))
        pack.instruments = {
            str(symbol): self._instrument(checker, str(symbol), spec, pack.calendar)
            for symbol, spec in model.instruments.items()
        }
        if model.limits is not None:
            quantity, notional = model.limits.quantity, model.limits.notional
            if quantity is not None:
                pack.max_quantity = self.number(checker, quantity, (Kind.QUANTITY,), "a quantity limit")
            if notional is not None:
                pack.max_notional = self.number(checker, notional, (Kind.MONEY,), "a notional limit")
        if model.budget is not None:
            pack.budget = self.number(checker, model.budget, (Kind.MONEY,), "a budget")
        self._take(checker)

    def _instrument(self, checker: Checker, symbol: str, spec: m.PackInstrument, calendar: str) -> Instrument:
        plain = Instrument(symbol)
        tick = self.number(checker, spec.tick, (Kind.PRICE,), "a tick") if spec.tick else None
        lot = self.number(checker, spec.lot, (Kind.QUANTITY,), "a lot") if spec.lot else None
        for value, expr, what in ((tick, spec.tick, "a tick"), (lot, spec.lot, "a lot")):
            if value is not None and value <= 0 and expr is not None and expr.source is not None:
                span = expr.source.span(0, len(expr.text))
                checker.findings.append(messages.out_of_range(value, span, 1e-9, None, what))
        return Instrument(
            symbol, spec.kind,
            Decimal(repr(tick)) if tick and tick > 0 else plain.tick_size,
            Decimal(repr(lot)) if lot and lot > 0 else plain.lot_size,
            str(spec.calendar or calendar or plain.calendar),
        )  # fmt: skip

    def _definitions(self, scopes: Scopes, shared: Scopes | None, document: Document, model: m.Definitions) -> None:
        own = self.define_parameters(scopes, document, model.params)
        for name, what in [(n, "param") for n in model.params] + [(n, "let") for n in model.let]:
            taken = name in scopes.parameters or name in scopes.lets
            shadows = shared is not None and (name in shared.parameters or name in shared.lets)
            if taken or shadows:
                where = "another definitions document of this pack" if taken else f"the shared pack `{SHARED}`"
                self.report(Finding(
                    "AT102", "duplicate-name", f"`{name}` is already defined in {where}",
                    (document.key(("params" if what == "param" else "let", str(name))),), help="rename one of them",
                ))  # fmt: skip
            self._shared_names.append((document, what, str(name), scopes.pack.name))
        scopes.parameters |= own
        scopes.lets |= {str(n): e for n, e in model.let.items()}
        checker = Checker(self.names(scopes, scopes.pack.timeframe, TRADING, own, model.let))
        terms = self.finish(scopes, document, checker)
        # What one definition uses of another is used.
        for name in checker.used:
            self._used_shared.add((scopes.pack.name, name))
        scopes.pack.definitions.append(Definitions(document.name, scopes.pack.name, document, terms or {}))

    def note_unused_definitions(self) -> None:
        """Definitions that no rule of their pack (of any pack, for shared ones) refers to."""
        for document, what, name, pack in self._shared_names:
            if (pack, name) not in self._used_shared:
                self.unused.append((document, what, name))


def _number(term: Term) -> float:
    assert term.value is not None and not isinstance(term.value, str)
    return float(term.value)


def matching(patterns: Sequence[str], keys: Sequence[str], pack: str) -> list[str]:
    """Rule keys (``pack.name``) that any pattern names; a pattern without a pack means the rule's own pack."""
    found = []
    for key in keys:
        for pattern in patterns:
            full = pattern if "." in pattern else f"{pack}.{pattern}"
            if fnmatchcase(key, full):
                found.append(key)
                break
    return found


def unmatched(document: Document, path: tuple[str | int, ...], pattern: str, keys: Sequence[str]) -> Finding:
    """A pattern that names no rule."""
    short = [k.partition(".")[2] for k in keys]
    close = did_you_mean(pattern, [*short, *keys])
    help = f"did you mean {close}?" if close else f"strategies are {', '.join(sorted(short)) or 'none'}"
    return Finding("AT101", "unknown-name", f"no strategy is named `{pattern}`", (document.where(path),), help=help)

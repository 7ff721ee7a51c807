"""What several checks ask about a ruleset, computed once: its conditions as formulas, and which rule concerns which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from engine.language.diagnostics import Severity
from engine.language.terms import Op, Term, walk
from engine.lint.check import LintContext
from engine.lint.formula import All, AnyOf, Choice, Formula, Reading, conjuncts, leaves
from engine.lint.solve import possible
from engine.ruleset.linker import SHARED
from engine.ruleset.rules import Exit, Gate, Guard, Judged, Pack, Rule, Session, Strategy

_RULES_THAT_PROTECT = ("pack", "exit", "guard", "session", "definitions", "")


class Analysis:
    """Reads one ruleset. ``ranged``: parameters have all values that they may have; ``fixed``: their defaults."""

    def __init__(self, context: LintContext) -> None:
        self._context = context
        self.ruleset = context.ruleset
        self.ranged = Reading(context.ruleset)
        self.fixed = Reading(context.ruleset, at_defaults=True)
        self._parts: dict[int, tuple[Term, ...]] = {}

    @cached_property
    def complete(self) -> bool:
        """Whether every exit, guard, session and pack could be read: only then may a check conclude from absence."""
        found = self._context.found
        if any(f.severity is Severity.ERROR for code in ("AT001", "AT101", "AT102") for f in found.get(code, ())):
            return False
        linked = {id(rule.document) for rule in self.ruleset.rules}
        linked |= {id(pack.document) for pack in self.ruleset.packs.values()}
        return all(
            document.sound and id(document) in linked
            for files in self._context.packs
            for file in files.files
            for document in file.documents
            if document.kind in _RULES_THAT_PROTECT
        )

    def mentions(self, rule: Rule, *words: str) -> bool:
        """Whether the file of a rule, or a definition that it may use, has any of ``words``: a quick no."""
        text = rule.document.file.text
        return any(word in text or word in self._definitions for word in words)

    @cached_property
    def _definitions(self) -> str:
        packs = self.ruleset.packs.values()
        texts = {id(d.document.file): d.document.file.text for pack in packs for d in pack.definitions}
        return "\n".join(texts.values())

    @cached_property
    def exits(self) -> dict[str, list[Exit]]:
        """Exits by strategy, most urgent first."""
        found: dict[str, list[Exit]] = {}
        for pack in self.ruleset.packs.values():
            for rule in pack.exits:
                for key in rule.strategies:
                    found.setdefault(key, []).append(rule)
        for rules in found.values():
            rules.sort(key=lambda rule: (rule.priority, rule.key))
        return found

    @cached_property
    def _guards(self) -> list[Guard]:
        return [guard for pack in self.ruleset.packs.values() for guard in pack.guards]

    def guards(self, strategy: Strategy) -> Iterator[Guard]:
        """Guards that concern the orders of a strategy."""
        for guard in self._guards:
            if strategy.key in guard.strategies if guard.strategies else guard.pack in (strategy.pack, SHARED):
                yield guard

    def entry_guards(self, strategy: Strategy) -> Iterator[Guard]:
        return (guard for guard in self.guards(strategy) if guard.judged is not Judged.EXITS)

    def pack(self, strategy: Strategy) -> Pack:
        return self.ruleset.packs[strategy.pack]

    def windows(self, strategy: Strategy) -> tuple[Session, ...]:
        """The session windows in which a strategy may enter; empty too for a pack without sessions."""
        return tuple(
            session
            for session in self.pack(strategy).sessions
            if strategy.key not in session.block and (session.allow is None or strategy.key in session.allow)
        )

    # -- conditions --------------------------------------------------------------------------------------------------

    def parts(self, rule: Rule) -> tuple[Term, ...]:
        """The conditions of a rule, ``and`` taken apart; all must be true."""
        found = self._parts.get(id(rule))
        if found is None:
            found = self._parts[id(rule)] = tuple(conjuncts(conditions(rule)))
        return found

    def formulas(self, rule: Rule, reading: Reading) -> list[Formula]:
        """What has to hold for a rule to be true: one formula for each of its parts, then what its kind implies."""
        formulas = [reading.truth(part) for part in self.parts(rule)]
        return [*formulas, *_implied(rule, formulas, reading)]

    def implies(self, narrow: Rule, wide: Rule, reading: Reading) -> bool:
        """Whether ``wide`` is true whenever ``narrow`` is, for every value that the parameters have in ``reading``."""
        inside = self.formulas(narrow, reading)
        if not possible(reading, inside):
            return False  # it is never true: AT301
        known = {leaf for formula in inside for leaf in _known(formula)}
        for part in self.parts(wide):
            # A part that is unknown would not be true: all that it reads must be known when `narrow` is true.
            if part.type.nullable and not set(leaves(reading.truth(part))) <= known:
                return False
            if possible(reading, [*inside, reading.truth(part, False)]):
                return False
        return True


def _known(formula: Formula) -> Iterator[int]:
    """Leaves that must be known for a formula to hold."""
    if isinstance(formula, All):
        for part in formula.parts:
            yield from _known(part)
    elif not isinstance(formula, AnyOf):
        yield from leaves(formula)


def conditions(rule: Rule) -> tuple[Term, ...]:
    match rule:
        case Strategy() | Exit():
            return rule.when
        case Guard() | Gate():
            return rule.require
    return ()


def _implied(rule: Rule, formulas: Sequence[Formula], reading: Reading) -> Iterator[Formula]:
    """An exit looks at an open position only, and a strategy at the symbols of its universe only."""
    known = {reading.term(leaf).name: leaf for formula in formulas for leaf in leaves(formula)}
    if isinstance(rule, Exit) and "position.open" in known:
        yield Choice(known["position.open"], True)
    if isinstance(rule, Strategy) and rule.universe and "symbol" in known:
        yield AnyOf(tuple(Choice(known["symbol"], name) for name in rule.universe))


def reads(term: Term, name: str) -> bool:
    return any(below.op is Op.FACT and below.name == name for below in walk(term))


_latest: list[tuple[LintContext, Analysis]] = []


def analysis(context: LintContext) -> Analysis:
    """The analysis of a context. The checks run one after the other on one context, so the last one is kept."""
    if not _latest or _latest[0][0] is not context:
        _latest[:] = [(context, Analysis(context))]
    return _latest[0][1]

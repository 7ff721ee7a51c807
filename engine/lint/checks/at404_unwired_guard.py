"""AT404 unwired-guard: protection that is written down and connected to nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.diagnostics import Finding
from engine.language.terms import Op, walk
from engine.lint.analysis import Analysis, analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.dead import unused
from engine.lint.expressions import roots
from engine.ruleset.linker import SHARED
from engine.ruleset.rules import Entry, Session, Strategy


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    strategies = {id(strategy.document): strategy for strategy in context.ruleset.strategies}
    for what in ("let", "param"):
        for document, name in unused(context, what):
            strategy = strategies.get(id(document))
            if strategy is not None and _says_protection(name) and not _has(strategy.entry, name):
                yield _finding(strategy, what, name)
    yield from _settings(asked)


def _says_protection(name: str) -> bool:
    return any(word in name.split("_") for word in ("stop", "target"))


def _has(entry: Entry, name: str) -> bool:
    words = name.split("_")
    if "stop" in words and entry.bracket_stop is None:
        return False
    return not ("target" in words and entry.bracket_target is None)


def _finding(strategy: Strategy, what: str, name: str) -> Finding:
    section = "let" if what == "let" else "params"
    side = strategy.entry.side.value
    return Finding(
        "AT404", "unwired-guard", f"`{name}` is defined, but the order has no such protection",
        (strategy.document.key((section, name), "never used"),
         strategy.document.key(("then", side), "this order goes without it")),
        help=f"use it in `bracket`, or remove `{name}`",
    )  # fmt: skip


def _settings(asked: Analysis) -> Iterator[Finding]:
    """Parameters that a session sets and nothing reads."""
    packs = asked.ruleset.packs.values()
    sessions = [session for pack in packs for session in pack.sessions if session.settings]
    if not sessions or not asked.complete or asked.ruleset.findings:
        return
    read = {t.name for rule in asked.ruleset.rules for root in roots(rule) for t in walk(root) if t.op is Op.PARAMETER}
    for session in sessions:
        for key in session.settings:
            if key not in read and not key.startswith(f"{SHARED}."):
                yield _setting(session, key)


def _setting(session: Session, key: str) -> Finding:
    written = session.document.model.set if session.document.model is not None else {}  # type: ignore[union-attr]
    name = next((str(n) for n in written if key.endswith(f".{n}") or key == n), key)
    return Finding(
        "AT404", "unwired-guard", f"`{session.name}` sets `{name}`, which no rule reads",
        (session.document.key(("set", name), "changes nothing"),),
        help="use the parameter in a rule, or remove this line",
    )  # fmt: skip


CHECK = Check(
    "AT404",
    "unwired-guard",
    "protection that is defined and never attached: a stop, a target, a parameter that a session sets",
    Page(
        avoid="""\
kind: strategy
name: momentum
let:
  stop_price: close - 2 * atr(14)
when: close crosses above open
then:
  buy: {size: 10, bracket: {target: close + $5}}
""",
        prefer="""\
kind: strategy
name: momentum
let:
  stop_price: close - 2 * atr(14)
when: close crosses above open
then:
  buy: {size: 10, bracket: {stop: stop_price, target: close + $5}}
""",
        why="""\
A stop that stands in the file but not in the order protects nobody. It is easy to believe that it does. The same goes
for a session that sets a parameter which no rule reads.
""",
        exceptions="""\
Only names with the word `stop` or `target` are looked at, and only while the order has no protection of that sort.
""",
    ),
    run,
)

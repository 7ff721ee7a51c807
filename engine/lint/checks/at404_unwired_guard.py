"""AT404 unwired-guard: a stop or target that is named and never given to the order."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.lint.check import Check, LintContext, Page
from engine.ruleset.rules import Entry, Strategy


def run(context: LintContext) -> Iterable[Finding]:
    unused = {(id(document), name): what for document, what, name in context.ruleset.unused}
    for strategy in context.ruleset.strategies:
        if not strategy.document.sound:
            continue
        for (document, name), what in unused.items():
            if document == id(strategy.document) and _says_protection(name) and not _has(strategy.entry, name):
                yield _finding(strategy, what, name)


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


CHECK = Check(
    "AT404",
    "unwired-guard",
    "a stop or target that is defined and never attached to the order",
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
A stop that stands in the file but not in the order protects nobody. It is easy to believe that it does.
""",
        exceptions="""\
Only names with the word `stop` or `target` are looked at, and only while the order has no protection of that sort.
""",
    ),
    run,
)

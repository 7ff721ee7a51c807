"""AT006 expression-syntax: text that is no expression of the rule language"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT006",
    "expression-syntax",
    "text that is no expression of the rule language",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
when: close = open
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
when: close == open
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
""",
        why="""\
The text cannot be read as an expression, so the rule is left out. The finding points at the first place that does
not fit and offers the usual mend: `==` for `=`, `and` for `&&`, a missing bracket.

Inside `[ ]` and `{ }` YAML ends a text at a comma: `when: [sma(close, 5) > 3]` has two items, `sma(close` and `5) > 3`.
Put such an expression in quotes, or on a line of its own.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT006"),
)

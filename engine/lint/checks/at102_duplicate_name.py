"""AT102 duplicate-name: two rules or definitions of one pack share a name"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT102",
    "duplicate-name",
    "two rules or definitions of one pack share a name",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
when: close > open
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
---
kind: strategy
name: momentum
universe: [SPY]
when: close < open
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
when: close > open
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
---
kind: strategy
name: reversal
universe: [SPY]
when: close < open
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
""",
        why="""\
Exits, guards, sessions, tests and the trace speak of rules by name. With two of one name nobody can tell which was
meant, and a definition could change under a rule in another file.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT102"),
)

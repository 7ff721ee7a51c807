"""AT202 type-mismatch: a value of a type that makes no sense here"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT202",
    "type-mismatch",
    "a value of a type that makes no sense here",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
when: close
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
""",
        why="""\
A condition must be true or false, and an argument must be what its function takes. A price is neither true nor
false; nothing is converted behind your back.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT202"),
)

"""AT004 unknown-field: a field that this kind of document does not have"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT004",
    "unknown-field",
    "a field that this kind of document does not have",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
when: close > open
cooldwon: 15m
then:
  buy: {size: 10}
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
A misspelt field is a rule that does less than its author thinks. The finding names the nearest field, or where a
field of that name belongs.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT004"),
)

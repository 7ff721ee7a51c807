"""AT008 missing-field: a field that this kind of document needs is not there"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT008",
    "missing-field",
    "a field that this kind of document needs is not there",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
when: close > open
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
when: close > open
then:
  buy: {size: 10}
""",
        why="""\
There is no default for what an order is, whom a rule concerns or what it waits for. A rule without it is no rule.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT008"),
)

"""AT002 duplicate-key: a key stands twice in one mapping, and one of the two would be lost"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT002",
    "duplicate-key",
    "a key stands twice in one mapping, and one of the two would be lost",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
when: close > ema(close, 20)
when: close > open
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
when:
  - close > ema(close, 20)
  - close > open
then:
  buy: {size: 10}
""",
        why="""\
YAML readers keep one of the two and say nothing. A condition that is silently dropped is an order that should not
have been sent.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT002"),
)

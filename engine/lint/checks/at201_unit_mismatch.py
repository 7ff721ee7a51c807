"""AT201 unit-mismatch: values of different units are added, compared or passed on"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT201",
    "unit-mismatch",
    "values of different units are added, compared or passed on",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
when: position.profit > close
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
when: close - open > $1.50
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
""",
        why="""\
Money, prices, probabilities, ratios and durations are different types, so that `$50` is never compared with 50
cents or with a probability. The finding names both types and how to get from one to the other.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT201"),
)

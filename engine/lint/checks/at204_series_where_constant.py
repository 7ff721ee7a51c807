"""AT204 series-where-constant: something that must be fixed changes from tick to tick"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT204",
    "series-where-constant",
    "something that must be fixed changes from tick to tick",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
when: close > ema(close, bar_index())
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
params:
  length: {default: 20, min: 5, max: 60}
when: close > ema(close, length)
then:
  buy: {size: 10}
""",
        why="""\
An average over a window that changes every bar has no history to stand on, and its cost cannot be known. Use a
number or a parameter; a session or an override may change a parameter.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT204"),
)

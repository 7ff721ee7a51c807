"""AT001 yaml-syntax: the file is not valid YAML, so nothing in it can be read"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT001",
    "yaml-syntax",
    "the file is not valid YAML, so nothing in it can be read",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY
when: close > open
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
A document that cannot be read holds no rules. The finding shows where reading stopped and, where it can tell,
what is missing: a bracket, a quote, two spaces. Other documents of the file are still checked.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT001"),
)

"""AT206 naive-time: a time of day without a zone"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT206",
    "naive-time",
    "a time of day without a zone",
    Page(
        avoid="""\
# A file without pack.yaml
kind: strategy
name: momentum
universe: [SPY]
when: time_of_day > 15:30
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
""",
        prefer="""\
kind: pack
name: example
venue: paper
timezone: America/New_York
---
kind: strategy
name: momentum
universe: [SPY]
when: time_of_day > 15:30
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
""",
        why="""\
15:30 in New York and 15:30 in UTC are hours apart, and the distance changes twice a year. The zone comes from
`pack.yaml` or from a session, in words: `timezone: America/New_York`.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT206"),
)

"""AT007 wrong-value: a field whose value is not what it takes"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT007",
    "wrong-value",
    "a field whose value is not what it takes",
    Page(
        avoid="""\
kind: strategy
name: momentum
on: hourly
universe: [SPY]
when: close > open
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: momentum
on: bar(1h)
universe: [SPY]
when: close > open
then:
  buy: {size: 10}
""",
        why="""\
Each field says what it takes, and the finding repeats it: a list, one of a few words, a length of time. A value
that is only nearly right is never guessed at.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT007"),
)

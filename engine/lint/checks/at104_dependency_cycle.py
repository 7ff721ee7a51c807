"""AT104 dependency-cycle: definitions that need one another"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT104",
    "dependency-cycle",
    "definitions that need one another",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
let:
  strength: trend * 2
  trend: strength / 3
when: strength > 1
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
let:
  trend: close / ema(close, 20)
  strength: trend * 2
when: strength > 1
then:
  buy: {size: 10}
""",
        why="""\
There is no first value to begin with. The finding prints the whole circle.
""",
        exceptions="""\
To use yesterday's value of something, use the something's own history: `x[1]`.
""",
    ),
    passed_through("AT104"),
)

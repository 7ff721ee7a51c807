"""AT101 unknown-name: a name that nothing has: no fact, let, parameter, function or rule"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT101",
    "unknown-name",
    "a name that nothing has: no fact, let, parameter, function or rule",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
let:
  fast_ema: ema(close, 20)
when: close > fast_emma
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
let:
  fast_ema: ema(close, 20)
when: close > fast_ema
then:
  buy: {size: 10}
""",
        why="""\
A misspelt name would be unknown on every tick, and the rule silent for ever. `engine facts` and `engine functions`
list what there is; `order.*` exists only in guards, `stats.*` only in gates.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT101"),
)

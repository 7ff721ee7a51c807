"""AT402 lookahead: values that are not known yet. Found while expressions are checked."""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT402",
    "lookahead",
    "a value from the future: a negative offset, or what is published only at settlement",
    Page(
        avoid="""\
kind: strategy
name: clairvoyant
when: close[-1] > close
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        prefer="""\
kind: strategy
name: momentum
when: close > close[1]
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        why="""\
A back-test can read the future, a market cannot. `x[1]` is the previous bar, `x[0]` the one that has just closed; the
next one has no name. Facts that a venue publishes only when a market has settled are for gates.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT402"),
)

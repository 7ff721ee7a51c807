"""AT005 unused-suppression: a suppression that is needless, void or unreadable; ``engine.lint.suppress`` finds it."""

from __future__ import annotations

from engine.lint.check import Check, Page

CHECK = Check(
    "AT005",
    "unused-suppression",
    "a suppression that suppresses nothing, has expired, or cannot be read",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
when: close > open  # engine: ignore AT101
then:
  buy: {size: 10}
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
A suppression says that somebody looked at a finding and decided. So it names what it hides (codes or names), gives a
reason behind two dashes, and may end: `# engine: ignore AT406 until 2027-01-01 -- the venue stops repeats`. Behind a
line it concerns that line, alone it concerns the next one, and above the first field of a document the whole document.
From its date on the finding is back. One that hides nothing would hide the next mistake.
""",
        exceptions="""\
None; AT005 cannot be suppressed.
""",
    ),
    lambda context: (),
)

"""AT003 ambiguous-scalar: a value that other YAML readers take for something else"""

from __future__ import annotations

from engine.lint.check import Check, Page, passed_through

CHECK = Check(
    "AT003",
    "ambiguous-scalar",
    "a value that other YAML readers take for something else",
    Page(
        avoid="""\
kind: exit
name: scale_out
once: yes
when: position.gain > 1.5
then: {close: 50%}
""",
        prefer="""\
kind: exit
name: scale_out
once: true
when: position.gain > 1.5
then: {close: 50%}
""",
        why="""\
`yes` is text to some readers and a truth value to others, `010` is eight, `12:30` is seven hundred and fifty and
`1e-3` may be text. The engine reads what you wrote; your editor or the next tool may not.
""",
        exceptions="""\
None.
""",
    ),
    passed_through("AT003"),
)

"""AT301 never-fires: conditions that contradict one another, or ask for what a series can never be."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding, Span
from engine.language.terms import Op, Term
from engine.lint.analysis import analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.quick import surely_possible
from engine.lint.solve import reasons
from engine.ruleset.rules import Exit, Gate, Guard, Rule, Strategy

_NEVER = {Guard: "can never pass, so it stops every order", Exit: "can never act", Gate: "can never pass"}


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    for rule in context.ruleset.rules:
        parts = asked.parts(rule)
        if not parts or (isinstance(rule, Guard) and all(part.op is Op.CONSTANT for part in parts)):
            continue
        if surely_possible(parts, asked.ranged.intervals):
            continue
        found = reasons(asked.ranged, asked.formulas(rule, asked.ranged))
        if found is not None:
            needed, known = found
            says = [axiom.says for axiom in known]
            if any(i >= len(parts) for i in needed):
                says.append(_implied(rule))
            yield _finding(rule, [parts[i] for i in needed if i < len(parts)], says)


def _implied(rule: Rule) -> str:
    """What goes without saying: see ``Analysis.formulas``."""
    if isinstance(rule, Strategy):
        return f"its universe is {', '.join(rule.universe)}"
    return "an exit looks at open positions only"


def _finding(rule: Rule, clauses: list[Term], says: list[str]) -> Finding:
    never = _NEVER.get(type(rule), "can never fire")
    because = ", and ".join(dict.fromkeys(says))
    if len(clauses) > 1:
        why = "these conditions exclude one another" + (f", because {because}" if because else "")
    else:
        why = because or "this is never true"
    return Finding(
        "AT301", "never-fires", f"`{rule.name}` {never}: {why}", _spans(clauses),
        help="change or remove one of the conditions" if len(clauses) > 1 else "change the condition",
        witness=" and ".join(dict.fromkeys(f"`{clause.text}`" for clause in clauses)),
    )  # fmt: skip


def _spans(clauses: list[Term]) -> tuple[Span, ...]:
    """One for each place; the parts of `30 < x < 20` share one."""
    places = {clause.span(): clause for clause in reversed(clauses)}
    distinct = [clause for clause in clauses if clause in places.values()]
    labels = ["never true"] if len(distinct) == 1 else ["this", *["and this"] * (len(distinct) - 1)]
    return tuple(clause.span(label) for clause, label in zip(distinct, labels, strict=True))


CHECK = Check(
    "AT301",
    "never-fires",
    "conditions that no values can make true together",
    Page(
        avoid="""\
kind: strategy
name: dip
when:
  - rsi(close, 14) < 30
  - rsi(close, 14) > 70
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: dip
when:
  - rsi(close, 14) < 30
  - rsi(close, 5) > 70
then:
  buy: {size: 10}
""",
        why="""\
A rule that can never be true looks like protection or like a strategy and is neither. The finding shows the fewest
clauses that already exclude one another, and what always holds between their series: `close > highest(close, 20)` is
never true, because the highest close counts this bar; `highest(close, 20)[1]` leaves it out.
""",
        exceptions="""\
A parameter with a range is taken to have every value in it, and a comparison of parameters alone is a switch that may
be turned. A guard that says `require: false` blocks on purpose. Products of series are not looked into.
""",
    ),
    run,
)

"""A trace as people read it: the deciding path, each condition with its values and how far it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from engine.decide.trace import ConditionTrace, RuleTrace

MARKS = {True: "✓", False: "✗", None: "?"}
WIDEST = 72  # a longer condition does not push the values of the others away


def render_trace(trace: RuleTrace, timezone: str, full: bool = False) -> str:
    """One rule's trace. ``full`` prints every condition; otherwise only what led to the verdict: of a silent rule
    nothing that is unknown, of a condition only the parts that made it what it is.
    """
    head = f"{clock(trace.time_ns, timezone)} {trace.rule} {trace.symbol}  {trace.verdict.upper()}"
    lines = [f"{head}  {trace.reason}" if trace.reason else head]
    lines += _conditions(trace, "  ", full)
    seen = {guard.rule: guard for guard in trace.held_back}
    for name, value in trace.guards:
        if full or value != "true":
            lines.append(f"  guard {name}: {value}")
        if name in seen:
            lines += _conditions(seen[name], "    ", full)
    return "\n".join(lines)


def clock(time_ns: int, timezone: str) -> str:
    """Local wall clock of a tick, with the zone as it is called then: ``2024-03-05 10:31:00 EST``."""
    return datetime.fromtimestamp(time_ns / 1e9, UTC).astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def _conditions(trace: RuleTrace, indent: str, full: bool) -> list[str]:
    """The conditions as lines, their values in one column."""
    shown = [c for c in trace.why if full or trace.verdict != "silent" or c.value is not None]
    rows = [row for condition in shown for row in _rows(condition, 0, full)]
    width = min(max((len(text) for text, _ in rows), default=0), WIDEST)
    return [f"{indent}{text.ljust(width)}  {rest}".rstrip() for text, rest in rows]


def _rows(condition: ConditionTrace, depth: int, full: bool) -> Iterator[tuple[str, str]]:
    parts = _parts(condition, full)
    # The causes of a whole stand beside its parts, so they are said there.
    causes = "; ".join(condition.causes) if not parts else ""
    rest = "   ".join(text for text in (condition.detail, condition.distance, causes) if text)
    yield f"{'  ' * depth}{MARKS[condition.value]} {condition.text}", rest
    for part in parts:
        yield from _rows(part, depth + 1, full)


def _parts(condition: ConditionTrace, full: bool) -> Sequence[ConditionTrace]:
    """The parts to show: all, or those that made a condition false or unknown."""
    if full:
        return condition.children
    if condition.value is True:
        return ()
    alike = [part for part in condition.children if part.value is condition.value]
    return alike or condition.children

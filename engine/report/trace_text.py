"""A trace as people read it: the deciding path, each condition with its values and how far it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from engine.decide.trace import ConditionTrace, RuleTrace

MARKS = {True: "✓", False: "✗", None: "?"}


def render_trace(trace: RuleTrace, timezone: str, full: bool = False) -> str:
    """One rule's trace. ``full`` prints every condition; otherwise what comes after the deciding one is left out
    unless it decides too.
    """
    lines = [f"{clock(trace.time_ns, timezone)} {trace.rule} {trace.symbol}  {trace.verdict.upper()}"]
    if trace.reason:
        lines[0] += f"  {trace.reason}"
    shown = trace.why if full else _deciding(trace)
    width = max((len(text) for c in shown for text, _ in _rows(c, 0, full)), default=0)
    for condition in shown:
        lines += [f"  {text.ljust(width)}  {rest}".rstrip() for text, rest in _rows(condition, 0, full)]
    lines += [f"  guard {name}: {value}" for name, value in trace.guards if full or value != "true"]
    return "\n".join(lines)


def clock(time_ns: int, timezone: str) -> str:
    """Local wall clock of a tick."""
    return datetime.fromtimestamp(time_ns / 1e9, UTC).astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M:%S")


def _deciding(trace: RuleTrace) -> tuple[ConditionTrace, ...]:
    """Conditions up to and including those that decided: false ones of a silent rule, unknown ones of an unknown."""
    if trace.verdict == "silent":
        return tuple(c for c in trace.why if c.value is not None)
    return trace.why


def _rows(condition: ConditionTrace, depth: int, full: bool) -> Iterator[tuple[str, str]]:
    rest = condition.detail
    if condition.distance:
        rest = f"{rest}   {condition.distance}"
    if condition.causes and (not condition.children or not full):
        rest = f"{rest}   " * bool(rest) + "; ".join(condition.causes)
    yield f"{'  ' * depth}{MARKS[condition.value]} {condition.text}", rest
    parts = condition.children if full else [c for c in condition.children if c.value is condition.value]
    if condition.children and (full or condition.value is not True):
        for child in parts:
            yield from _rows(child, depth + 1, full)

"""Parameter values given from outside the rule files: ``ema_crossover.fast=10`` on a command line."""

from __future__ import annotations

from collections.abc import Sequence

from engine.language import nodes
from engine.language.diagnostics import did_you_mean
from engine.language.parser import ExpressionSyntaxError, parse
from engine.language.types import Kind
from engine.language.written import written
from engine.ruleset.rules import Parameter, Ruleset

_WRITTEN = {
    Kind.MONEY: "$50", Kind.PRICE: "$1.50", Kind.RATIO: "2% or 25bps", Kind.PROBABILITY: "62c or 0.62",
    Kind.DURATION: "15m", Kind.CLOCK: "09:31", Kind.DATE: "2027-01-31", Kind.BOOL: "true",
}  # fmt: skip


class ParameterError(Exception):
    """A parameter that does not exist, or a value that it cannot have. The text names both and the mend."""


def read_settings(ruleset: Ruleset, written: Sequence[str], pack: str = "") -> dict[str, float]:
    """Values by key of ``rule.name=value`` texts; raises ParameterError. ``pack``: where names are looked for first."""
    values: dict[str, float] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise ParameterError(
                f"`{text}` is no parameter setting; write rule.name=value, such as ema_crossover.fast=10"
            )
        parameter = _find(ruleset, name.strip(), pack)
        values[parameter.key] = _value(parameter, value.strip())
    return values


def _find(ruleset: Ruleset, name: str, pack: str) -> Parameter:
    """By ``pack.rule.name`` or any ending of it that only one parameter has, of all or of the pack."""
    found = [p for key, p in ruleset.parameters.items() if key == name or key.endswith(f".{name}")]
    own = [p for p in found if p.key.startswith(f"{pack}.")]
    for only in (found, own):
        if len(only) == 1:
            return only[0]
    if found:
        raise ParameterError(f"`{name}` could be {', '.join(p.key for p in found)}; write more of the name")
    short = [key.partition(".")[2] for key in ruleset.parameters]
    close = did_you_mean(name, [*short, *ruleset.parameters])
    hint = f"did you mean {close}?" if close else f"parameters are {', '.join(sorted(short)) or 'none'}"
    raise ParameterError(f"no rule has a parameter `{name}`; {hint}")


def _value(parameter: Parameter, text: str) -> float:
    try:
        node = parse(text)
    except ExpressionSyntaxError as problem:
        raise ParameterError(f"{parameter.key}: `{text}` is no value: {problem.message}") from None
    if not isinstance(node, nodes.Literal) or isinstance(node.value, str) or parameter.kind not in node.kinds:
        example = _WRITTEN.get(parameter.kind, "20")
        raise ParameterError(f"{parameter.key} is a {parameter.kind}; `{text}` is not; write it like {example}")
    value = float(node.value)
    low, high = parameter.low, parameter.high
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = (("at least", low), ("at most", high))
        limits = " and ".join(f"{words} {written(parameter.kind, one)}" for words, one in bounds if one is not None)
        raise ParameterError(f"{parameter.key} is {written(parameter.kind, value)}; it must be {limits}")
    return value

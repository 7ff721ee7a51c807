"""Checks a tree against a model and builds the model: every mistake of a document in one pass, each with its place.

The models are the one source of structure. Each field's annotation becomes a ``Shape`` once (``model_shape``); a shape
reads a node and either gives the value or reports what was wanted and what was got. A bad optional field, or one bad
item of a list, leaves the rest of the document standing, so that the checks that follow still see it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from engine.language.diagnostics import Edit, Finding, Span, did_you_mean
from engine.ruleset.model_parts import RuleModel
from engine.ruleset.scalars import Expr, FactValue, Name, RulePattern, Symbol, Text, Written
from engine.ruleset.yaml_ambiguous import Meant, ambiguous, is_nothing
from engine.ruleset.yaml_nodes import Mapping, Node, Scalar, Sequence

BAD: Final = object()  # what a shape returns when it has reported a finding instead of a value
_MEANT: dict[type[Written], Meant] = {
    Text: Meant.TEXT,
    Name: Meant.TEXT,
    Symbol: Meant.TEXT,
    RulePattern: Meant.TEXT,
    FactValue: Meant.NUMBER,
}


@dataclass(slots=True)
class Report:
    """The findings of one document, and the model of its kind (to say where a misplaced field belongs)."""

    kind: str = ""
    root: type[RuleModel] | None = None
    findings: list[Finding] = field(default_factory=list)

    def unknown_field(self, message: str, span: Span, help: str, meant: str | None) -> None:
        edits = (Edit(span, meant),) if meant is not None else ()
        self.findings.append(Finding("AT004", "unknown-field", message, (span,), help=help, edits=edits))

    def missing_field(self, message: str, span: Span, help: str) -> None:
        self.findings.append(Finding("AT008", "missing-field", message, (span,), help=help))

    def wrong_value(self, message: str, span: Span, help: str = "") -> None:
        self.findings.append(Finding("AT007", "wrong-value", message, (span,), help=help))

    def ambiguity(self, scalar: Scalar, meant: Meant) -> bool:
        """Report AT003 if ``scalar`` is ambiguous, and say whether it was."""
        found = ambiguous(scalar, meant)
        if found is not None:
            self.findings.append(found)
        return found is not None


class Shape(ABC):
    """How one field may be written. ``wanted`` completes "wanted …"; ``nodes`` are the node classes it reads."""

    wanted: str
    nodes: tuple[type[Node], ...] = (Scalar,)

    @abstractmethod
    def take(self, node: Any, where: str, report: Report) -> object:
        """The value of a node of one of ``nodes``, or BAD."""

    def advice(self, node: Node) -> str:
        """The mend for a node of the wrong kind, when there is one to name."""
        return ""

    def read(self, node: Node, where: str, report: Report) -> object:
        """The value of ``node``, or BAD. ``where`` names the field for messages."""
        if isinstance(node, Scalar) and is_nothing(node):
            report.wrong_value(f"{where} has no value", node.whole(), f"give it {self.wanted}, or remove the line")
            return BAD
        if not isinstance(node, self.nodes):
            message = f"{where} wants {self.wanted}, got {_got(node)}"
            report.wrong_value(message, node.whole(), self.advice(node))
            return BAD
        return self.take(node, where, report)


class ExprShape(Shape):
    wanted = "an expression"

    def take(self, node: Scalar, where: str, report: Report) -> object:
        if not node.text.strip():
            report.wrong_value(f"{where} is empty", node.written(), "write an expression, or remove the line")
            return BAD
        report.ambiguity(node, Meant.EXPRESSION)
        return Expr(node.text, node)


class WrittenShape(Shape):
    def __init__(self, cls: type[Written]) -> None:
        self.cls, self.wanted, self._meant = cls, cls.wanted, _MEANT.get(cls)

    def take(self, node: Scalar, where: str, report: Report) -> object:
        doubtful = self._meant is not None and report.ambiguity(node, self._meant)
        try:
            return self.cls(node.text)
        except ValueError as problem:
            if not doubtful:
                report.wrong_value(f"{where}: {problem}", node.whole())
            return BAD


class BoolShape(Shape):
    wanted = "true or false"

    def take(self, node: Scalar, where: str, report: Report) -> object:
        if node.plain and node.text in ("true", "false"):
            return node.text == "true"
        if not report.ambiguity(node, Meant.TRUTH):
            report.wrong_value(f"{where} wants true or false, got `{node.text}`", node.whole())
        return BAD


class IntShape(Shape):
    def __init__(self, least: int | None) -> None:
        self.least = least
        self.wanted = "a whole number" if least is None else f"a whole number of at least {least}"

    def take(self, node: Scalar, where: str, report: Report) -> object:
        if re.fullmatch(r"-?(?:0|[1-9]\d{0,17})", node.text) and (self.least is None or int(node.text) >= self.least):
            return int(node.text)
        if not report.ambiguity(node, Meant.NUMBER):
            report.wrong_value(f"{where} wants {self.wanted}, got `{node.text}`", node.whole())
        return BAD


class ChoiceShape(Shape):
    """One of a few words; with ``otherwise``, anything else is read by that shape."""

    def __init__(self, choices: dict[str, object], otherwise: Shape | None = None) -> None:
        self.choices, self.otherwise = choices, otherwise
        self.wanted = listed(choices, "or") + (f", or {otherwise.wanted}" if otherwise else "")

    def take(self, node: Scalar, where: str, report: Report) -> object:
        if node.text in self.choices:
            return self.choices[node.text]
        phrases = [choice for choice in self.choices if " " in choice]
        if self.otherwise is not None and did_you_mean(node.text, phrases) is None:
            return self.otherwise.read(node, where, report)
        near = did_you_mean(node.text, self.choices)
        help = f"did you mean `{near}`?" if near else ""
        report.wrong_value(f"{where} wants {self.wanted}, got `{node.text}`", node.whole(), help)
        return BAD


class ListShape(Shape):
    def __init__(self, item: Shape, *, one: bool) -> None:
        self.item, self.one = item, one
        self.nodes = (Sequence, *item.nodes) if one else (Sequence,)
        self.wanted = f"{item.wanted}, or a list of that" if one else f"a list: [{item.wanted}, …]"

    def take(self, node: Node, where: str, report: Report) -> object:
        if not isinstance(node, Sequence):
            value = self.item.read(node, where, report)
            return BAD if value is BAD else (value,)
        if not node.items:
            report.wrong_value(f"{where} is an empty list", node.whole(), "put something in, or remove the line")
            return BAD
        values = [self.item.read(item, f"item {n} of {where}", report) for n, item in enumerate(node.items, 1)]
        good = tuple(value for value in values if value is not BAD)
        return good or BAD


class MapShape(Shape):
    nodes = (Mapping,)

    def __init__(self, key: type[Written], value: Shape) -> None:
        self.key, self.value = key, value
        self.wanted = f"a mapping from {key.wanted} to {value.wanted}"

    def take(self, node: Mapping, where: str, report: Report) -> object:
        values = {}
        for entry in node.entries:
            try:
                key = self.key(entry.key.text)
            except ValueError as problem:
                report.wrong_value(f"a key of {where}: {problem}", entry.key.whole())
                continue
            value = self.value.read(entry.value, f"`{entry.key.text}`", report)
            if value is not BAD:
                values[key] = value
        return values


class ByNode(Shape):
    """Alternatives that the kind of node tells apart: a list of symbols, or one expression."""

    def __init__(self, shapes: list[Shape]) -> None:
        self.shapes = shapes
        self.nodes = tuple(cls for shape in shapes for cls in shape.nodes)
        self.wanted = " or ".join(shape.wanted for shape in shapes)

    def take(self, node: Node, where: str, report: Report) -> object:
        return next(shape for shape in self.shapes if isinstance(node, shape.nodes)).take(node, where, report)


def listed(words: Iterable[str], last: str) -> str:
    """``a, b and c``."""
    *most, end = words
    return f"{', '.join(most)} {last} {end}" if most else str(end)


def _got(node: Node) -> str:
    if isinstance(node, Scalar):
        line = " ".join(node.text.split())
        return f"`{line if len(line) <= 40 else line[:39] + '…'}`"
    return "a list" if isinstance(node, Sequence) else "a mapping"

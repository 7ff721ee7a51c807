"""Checks a tree against a model and builds the model: every mistake of a document in one pass, each with its place.

The models are the one source of structure. Each field's annotation becomes a ``Shape`` once; a shape reads a node
and either gives the value or reports what was wanted and what was got. A bad optional field, or one bad item of a
list, leaves the rest of the document standing, so that the checks that follow still see it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from engine.language.diagnostics import Edit, Finding, Span, did_you_mean, surely_meant
from engine.ruleset.model_parts import KeyOf, KeyPattern, OneOrMany, RuleModel
from engine.ruleset.scalars import Expr, FactValue, Name, RulePattern, Symbol, Text, Written
from engine.ruleset.yaml_ambiguous import Meant, ambiguous, is_nothing
from engine.ruleset.yaml_nodes import Entry, Mapping, Node, Scalar, Sequence

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
        self.wanted = _listed(choices, "or") + (f", or {otherwise.wanted}" if otherwise else "")

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


@dataclass(frozen=True, slots=True)
class _Field:
    attribute: str
    key: str
    required: bool
    shape: Shape
    pattern: re.Pattern[str] | None = None


class ModelShape(Shape):
    nodes = (Mapping,)

    def __init__(self, model: type[RuleModel]) -> None:
        self.model = model
        self.fields: dict[str, _Field] = {}
        self._patterns: list[_Field] = []
        self._shown: list[str] = []
        for attribute, info in model.model_fields.items():
            marker = next((m for m in info.metadata if isinstance(m, KeyPattern)), None)
            key = marker.shown if marker else info.alias or attribute
            self._shown.append(key)
            if marker:
                value = shape_of(get_args(info.annotation)[1])
                self._patterns.append(_Field(attribute, key, False, value, re.compile(marker.pattern)))
            else:
                shape = shape_of(info.annotation, info.metadata)
                self.fields[key] = _Field(attribute, key, info.is_required(), shape)
        self._shown.sort(key=lambda key: key != "kind")  # inherited fields come first in a model, kind in a file
        self.wanted = (
            "{" + ", ".join(f"{key}: …" for key in self._shown[:4]) + ("" if len(self._shown) < 5 else ", …") + "}"
        )

    @property
    def order(self) -> tuple[str, ...]:
        """The fields as they stand in a well-ordered file."""
        return tuple(self._shown)

    def below(self, key: str) -> Shape | None:
        """The shape of the field ``key``."""
        found = self.fields.get(key)
        if found is not None:
            return found.shape
        return next((each.shape for each in self._patterns if each.pattern and each.pattern.fullmatch(key)), None)

    def advice(self, node: Node) -> str:
        needed = [found.key for found in self.fields.values() if found.required]
        return f"write {{{needed[0]}: {node.text}}}" if isinstance(node, Scalar) and len(needed) == 1 else ""

    def take(self, node: Mapping, where: str, report: Report) -> object:
        values: dict[str, Any] = {}
        complete = True
        before = len(report.findings)
        for entry in node.entries:
            found = self.fields.get(entry.key.text)
            if found is None:
                self._other(entry, values, where, report)
                continue
            value = found.shape.read(entry.value, f"`{found.key}`", report)
            if value is not BAD:
                values[found.key] = value
            elif found.required:
                complete = False
        for needed in self.fields.values():
            if needed.required and node.find(needed.key) is None:
                message = f"{where} needs `{needed.key}`"
                report.missing_field(message, node.whole(), f"add `{needed.key}:` with {needed.shape.wanted}")
                complete = False
        if not complete:
            return BAD
        return self._build(node, values, where, report, doubtful=len(report.findings) > before)

    def _other(self, entry: Entry, values: dict[str, Any], where: str, report: Report) -> None:
        """An entry that is no plain field: one under a patterned key, or unknown."""
        for found in self._patterns:
            match = found.pattern and found.pattern.fullmatch(entry.key.text)
            if match:
                value = found.shape.read(entry.value, f"`{entry.key.text}`", report)
                if value is not BAD:
                    values.setdefault(found.attribute, {})[match[1]] = value
                return
        name = entry.key.text
        meant = surely_meant(name, self.fields)
        report.unknown_field(f"{where} has no field `{name}`", entry.key.whole(), self._advice(name, report), meant)

    def _advice(self, name: str, report: Report) -> str:
        if name == "<<":
            return "merge keys are not read; repeat the fields, or share names with `kind: definitions`"
        near = did_you_mean(name, self._shown)
        if near is not None:
            return f"did you mean `{near}`? Allowed here: {_listed(self._shown, 'and')}"
        paths = _paths(report.root).get(name, ()) if report.root is not None else ()
        elsewhere = f"`{name}` belongs under {_listed(paths, 'or')}. " if paths else ""
        return f"{elsewhere}Allowed here: {_listed(self._shown, 'and')}"

    def _build(self, node: Mapping, values: dict[str, Any], where: str, report: Report, *, doubtful: bool) -> object:
        """The model; when ``doubtful``, a field that seems to be absent may be one already complained about."""
        try:
            return self.model.model_validate(values)
        except ValidationError as problem:
            for error in problem.errors(include_url=False):
                place = error.get("ctx", {}).get("field") or (error["loc"][0] if error["loc"] else "")
                if doubtful and not place:
                    continue
                entry = node.find(str(place))
                span = entry.key.whole() if entry is not None else node.whole()
                report.wrong_value(f"{where}: {error['msg']}", span)
            return BAD


def shape_of(annotation: Any, metadata: Iterable[Any] = ()) -> Shape:
    """The shape of a field from its annotation."""
    markers = list(metadata)
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        for marker in more:
            markers.extend(marker.metadata if isinstance(marker, FieldInfo) else [marker])
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _union([arm for arm in args if arm is not NoneType])
    if origin is tuple:
        return ListShape(shape_of(args[0]), one=any(isinstance(marker, OneOrMany) for marker in markers))
    if origin is dict:
        return MapShape(_key_class(args[0]), shape_of(args[1]))
    if origin is Literal:
        return ChoiceShape({str(choice): choice for choice in args})
    return _plain(annotation, markers)


def _key_class(annotation: Any) -> type[Written]:
    """The class of a dict's keys, from ``Annotated[str, KeyOf(…)]``."""
    return next(marker.cls for marker in get_args(annotation)[1:] if isinstance(marker, KeyOf))


def _plain(annotation: Any, markers: list[Any]) -> Shape:
    if annotation is Expr:
        return ExprShape()
    if annotation is bool:
        return BoolShape()
    if annotation is int:
        return IntShape(next((int(marker.ge) for marker in markers if isinstance(marker, Ge)), None))  # type: ignore[call-overload]
    if issubclass(annotation, RuleModel):
        return model_shape(annotation)
    if issubclass(annotation, Enum):
        return ChoiceShape({str(member.value): member for member in annotation})
    if issubclass(annotation, Written):
        return WrittenShape(annotation)
    raise TypeError(f"no shape for {annotation!r}")


def _union(arms: list[Any]) -> Shape:
    shapes = [shape_of(arm) for arm in arms]
    if len(shapes) == 1:
        return shapes[0]
    first = shapes[0]
    if isinstance(first, ChoiceShape) and len(shapes) == 2:
        return ChoiceShape(first.choices, shapes[1])
    return ByNode(shapes)


@cache
def model_shape(model: type[RuleModel]) -> ModelShape:
    return ModelShape(model)


@cache
def _paths(root: type[RuleModel]) -> dict[str, tuple[str, ...]]:
    """For each field below the top of a kind: the fields under which it stands."""
    found: dict[str, list[str]] = {}

    def visit(shape: Shape, path: str) -> None:
        if isinstance(shape, ModelShape):
            for key, inner in shape.fields.items():
                if path:
                    found.setdefault(key, []).append(f"`{path}`")
                visit(inner.shape, f"{path}.{key}" if path else key)
        elif isinstance(shape, ListShape):
            visit(shape.item, path)

    visit(model_shape(root), "")
    return {key: tuple(paths) for key, paths in found.items()}


def _listed(words: Iterable[str], last: str) -> str:
    *most, end = words
    return f"{', '.join(most)} {last} {end}" if most else str(end)


def _got(node: Node) -> str:
    if isinstance(node, Scalar):
        line = " ".join(node.text.split())
        return f"`{line if len(line) <= 40 else line[:39] + '…'}`"
    return "a list" if isinstance(node, Sequence) else "a mapping"

"""The shapes of documents: what a model's annotations want of each field, read and reported as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from engine.language.diagnostics import did_you_mean, surely_meant
from engine.ruleset.model_parts import KeyOf, KeyPattern, OneOrMany, RuleModel
from engine.ruleset.scalars import Expr, Written
from engine.ruleset.shape import (
    BAD,
    BoolShape,
    ByNode,
    ChoiceShape,
    ExprShape,
    IntShape,
    ListShape,
    MapShape,
    Report,
    Shape,
    WrittenShape,
    listed,
)
from engine.ruleset.yaml_nodes import Entry, Mapping, Node, Scalar


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
            return f"did you mean `{near}`? Allowed here: {listed(self._shown, 'and')}"
        paths = _paths(report.root).get(name, ()) if report.root is not None else ()
        elsewhere = f"`{name}` belongs under {listed(paths, 'or')}. " if paths else ""
        return f"{elsewhere}Allowed here: {listed(self._shown, 'and')}"

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

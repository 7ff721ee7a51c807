"""Rule files in, validated documents out. Loading never raises: what is wrong is in ``findings``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from engine.language.diagnostics import Finding, Span, did_you_mean
from engine.ruleset.model_shape import model_shape
from engine.ruleset.models import KINDS, RULE_KINDS
from engine.ruleset.models import Document as Model
from engine.ruleset.scalars import Expr
from engine.ruleset.shape import BAD, Report
from engine.ruleset.source import SourceTree, parse_bytes, parse_text, read_source
from engine.ruleset.yaml_nodes import Comment, Mapping, Node, Scalar, Sequence, SourceFile
from engine.ruleset.yaml_tree import SourceDocument

PACK_FILE = "pack.yaml"
Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One rule, pack or test as written.

    ``model`` is None when a required field is missing or wrong. ``sound`` is False when anything at all was wrong
    with its structure: fields may then be absent from the model that stand in the file, so checks that
    conclude from absence must leave the document alone.
    """

    kind: str
    name: str
    model: Model | None
    tree: Mapping
    file: SourceFile
    index: int
    span: Span
    sound: bool

    def at(self, path: Steps) -> Node:
        """The node at ``("then", "buy", "size")``; numbers count list items from 0. KeyError when there is none."""
        node: Node = self.tree
        for step in path:
            below = _below(node, step)
            if below is None:
                raise KeyError(path)
            node = below
        return node

    def has(self, path: Steps) -> bool:
        return self._deepest(path)[1] == len(path)

    def where(self, path: Steps, label: str = "") -> Span:
        """Span of the value at ``path``, or of the nearest thing above it that is written in the file."""
        node, depth = self._deepest(path)
        return node.whole(label) if depth else self.heading(label)

    def key(self, path: Steps, label: str = "") -> Span:
        """Span of the key at the end of ``path`` (of a ``let`` name, say), or of what is nearest above it."""
        parent, depth = self._deepest(path[:-1])
        if depth == len(path) - 1 and isinstance(parent, Mapping):
            entry = parent.find(str(path[-1]))
            if entry is not None:
                return entry.key.whole(label)
        return self.where(path[:-1], label)

    def heading(self, label: str = "") -> Span:
        """Span of the document's name, or of its first key."""
        entry = self.tree.find("name")
        return entry.value.whole(label) if entry is not None else self.tree.whole(label)

    def _deepest(self, path: Steps) -> tuple[Node, int]:
        node: Node = self.tree
        for depth, step in enumerate(path):
            below = _below(node, step)
            if below is None:
                return node, depth
            node = below
        return node, len(path)

    def expressions(self) -> Iterator[tuple[Steps, Expr]]:
        """Every expression of the model with its path, in the order of the fields."""
        if self.model is not None:
            yield from _expressions(self.model, ())


@dataclass(frozen=True, slots=True, eq=False)
class LoadedFile:
    """One file: its documents (also unsound ones), everything wrong with it, and its source."""

    path: Path
    documents: tuple[Document, ...]
    findings: tuple[Finding, ...]
    source: SourceTree

    @property
    def text(self) -> str:
        return self.source.file.text

    @property
    def comments(self) -> tuple[Comment, ...]:
        return self.source.comments


def load_file(path: Path) -> LoadedFile:
    """Read one file."""
    return _load(path, read_source(path))


def load_text(name: str, text: str) -> LoadedFile:
    """Like ``load_file`` for text that is already there; ``name`` stands in the findings."""
    return _load(Path(name), parse_text(name, text))


def load_bytes(name: str, data: bytes) -> LoadedFile:
    """Like ``load_text`` for bytes."""
    return _load(Path(name), parse_bytes(name, data))


def _load(path: Path, source: SourceTree) -> LoadedFile:
    findings = list(source.findings)
    documents = []
    for index, written in enumerate(source.documents):
        document = _document(written, source.file, index, path.name == PACK_FILE, findings)
        if document is not None:
            documents.append(document)
    findings.extend(_one_pack(path, documents))
    findings.sort(key=lambda finding: finding.primary)
    return LoadedFile(path, tuple(documents), tuple(findings), source)


def _document(
    written: SourceDocument, file: SourceFile, index: int, in_pack_file: bool, findings: list[Finding]
) -> Document | None:
    report = Report()
    tree = written.root
    if not isinstance(tree, Mapping):
        report.wrong_value("a document is a mapping of fields", tree.whole(), "begin with `kind: strategy`")
        findings.extend(report.findings)
        return None
    span = file.span(written.start, max(written.start, written.end))
    kind = _kind(tree, in_pack_file, report)
    model: Model | None = None
    if kind in KINDS:
        report.kind, report.root = kind, KINDS[kind]
        value = model_shape(KINDS[kind]).read(tree, f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}", report)
        model = None if value is BAD else value  # type: ignore[assignment]
    findings.extend(report.findings)
    name = tree.find("name")
    text = name.value.text if name is not None and isinstance(name.value, Scalar) else ""
    return Document(kind, text, model, tree, file, index, span, not report.findings)


def _kind(tree: Mapping, in_pack_file: bool, report: Report) -> str:
    """The kind as written; empty, with a finding, when it is none that can stand in this file."""
    allowed = ["pack"] if in_pack_file else list(RULE_KINDS)
    entry = tree.find("kind")
    if entry is None:
        report.missing_field(
            "this document does not say its `kind`", tree.whole(), f"add `kind:` with {', '.join(allowed)}"
        )
        return ""
    if not isinstance(entry.value, Scalar):
        report.wrong_value("`kind` is one word", entry.value.whole(), f"one of {', '.join(allowed)}")
        return ""
    kind = entry.value.text
    if kind in allowed:
        return kind
    if kind in KINDS:
        message = f"`kind: pack` stands in {PACK_FILE} only" if kind == "pack" else f"{PACK_FILE} holds no rules"
        report.wrong_value(
            message, entry.value.whole(), f"move this document out of {PACK_FILE}" if in_pack_file else ""
        )
        return kind
    near = did_you_mean(kind, allowed)
    help = f"did you mean `{near}`?" if near else f"kinds are {', '.join(allowed)}"
    report.wrong_value(f"there is no kind `{kind}`", entry.value.whole(), help)
    return ""


def _one_pack(path: Path, documents: list[Document]) -> Iterator[Finding]:
    if path.name != PACK_FILE:
        return
    for document in documents[1:]:
        report = Report()
        report.wrong_value(f"{PACK_FILE} holds one document", document.heading(), "a folder is one pack")
        yield from report.findings


def _below(node: Node, step: str | int) -> Node | None:
    if isinstance(step, str):
        entry = node.find(step) if isinstance(node, Mapping) else None
        return entry.value if entry is not None else None
    if isinstance(node, Sequence):
        return node.items[step] if 0 <= step < len(node.items) else None
    return node if step == 0 else None  # one item that stands alone, without its list


@cache
def _fields(model: type[BaseModel]) -> tuple[tuple[str, str], ...]:
    """Attributes of a model, and their names in the file."""
    return tuple((attribute, info.alias or attribute) for attribute, info in model.model_fields.items())


def _expressions(value: object, path: Steps) -> Iterator[tuple[Steps, Expr]]:
    if isinstance(value, Expr):
        yield path, value
    elif isinstance(value, BaseModel):
        for attribute, name in _fields(type(value)):
            yield from _expressions(getattr(value, attribute), (*path, name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _expressions(item, (*path, str(key)))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _expressions(item, (*path, index))

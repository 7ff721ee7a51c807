"""YAML events from the C parser into trees of nodes, with the limits that keep a hostile file harmless.

Events rather than ``yaml.compose``: the same parser in the same time, but an alias keeps its place, depth is known
before any recursion, and nothing is composed that a limit then refuses.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from engine.language.diagnostics import Finding
from engine.ruleset.yaml_errors import explain
from engine.ruleset.yaml_nodes import (
    Comment,
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    SourceFile,
    syntax_finding,
)
from engine.ruleset.yaml_scalars import skip_properties

MAX_DOCUMENTS = 1_000
MAX_DEPTH = 24
MAX_NODES = 50_000  # of one document, with every alias written out
MAX_SCALAR = 4_000

_MARKER = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#[^\r\n]*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """One document: its root and its stretch of the file, from its ``---`` to the next."""

    root: Node
    start: int
    end: int


@dataclass(frozen=True)
class SourceTree:
    """What one file holds. ``opaque`` are the stretches, in order, in which a # begins no comment."""

    file: SourceFile
    documents: tuple[SourceDocument, ...] = ()
    findings: tuple[Finding, ...] = ()
    opaque: tuple[tuple[int, int], ...] = ()
    anchored: bool = False  # whether an anchor stands anywhere

    @cached_property
    def comments(self) -> tuple[Comment, ...]:
        """Every comment outside the documents that could not be read."""
        text = self.file.text
        starts = [start for start, _ in self.opaque]
        found = []
        match = _COMMENT.search(text)
        while match is not None:
            begin, end = match.span()
            at = bisect_right(starts, begin) - 1
            if at >= 0 and begin < self.opaque[at][1]:
                end = self.opaque[at][1]
            else:
                line = max(text.rfind("\n", 0, begin), text.rfind("\r", 0, begin)) + 1
                span = self.file.span(begin, end)
                found.append(Comment(match[0].rstrip(), span, begin, not text[line:begin].strip()))
            match = _COMMENT.search(text, end)
        return tuple(found)


class _Abandon(Exception):
    """The rest of this document (of this file, when ``stop``) is not worth reading: ``finding`` says why."""

    def __init__(self, finding: Finding, *, stop: bool = False) -> None:
        super().__init__(finding.message)
        self.finding, self.stop = finding, stop


def build_tree(file: SourceFile) -> SourceTree:
    """Parse every document of ``file``; after a syntax error go on behind the next ``---``."""
    builder = _Builder(file)
    base = 0
    while base < len(file.text):
        base = builder.run(base)
    return SourceTree(
        file, tuple(builder.documents), tuple(builder.findings), tuple(sorted(builder.opaque)), builder.anchored
    )


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    mapping: bool
    start: int
    flow: bool
    anchor: str | None
    children: list[Node] = field(default_factory=list)
    size: int = 1
    depth: int = 0


class _Builder:
    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.documents: list[SourceDocument] = []
        self.findings: list[Finding] = []
        self.opaque: list[tuple[int, int]] = []
        self.anchored = False
        self._base = 0
        self._start: int | None = None  # of the document being read
        self._done = 0  # end of the last document that was read
        self._takers: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._begin,
            yaml.DocumentEndEvent: self._finish,
        }
        self._reset()

    def _reset(self) -> None:
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._root: Node | None = None

    def run(self, base: int) -> int:
        """Read documents from ``base`` on; returns where to go on (the end of the text when all is read)."""
        self._base, self._start = base, None
        text = self.file.text[base:] if base else self.file.text
        takers = self._takers
        try:
            loader = yaml.CSafeLoader(text)
            while (event := loader.get_event()) is not None:
                take = takers.get(type(event))
                if take is not None:
                    take(event)
        except _Abandon as abandon:
            self.findings.append(abandon.finding)
            return len(self.file.text) if abandon.stop else self._resume(base)
        except yaml.MarkedYAMLError as problem:
            start = self._done if self._start is None else self._start
            self.findings.append(explain(problem, self.file, base, start))
            return self._resume(base + _index(problem.problem_mark))
        except yaml.YAMLError as problem:
            message = f"this is not valid YAML: {problem}"
            self.findings.append(syntax_finding(message, self.file.span(base, base)))
            return len(self.file.text)
        return len(self.file.text)

    def _resume(self, problem: int) -> int:
        """Offset of the first ``---`` behind the document that failed."""
        after = problem - 1 if self._start is None else self._start
        match = _MARKER.search(self.file.text, max(after + 1, self._base + 1))
        end = match.start() if match else len(self.file.text)
        start = self._done if self._start is None else self._start
        self.opaque = [stretch for stretch in self.opaque if stretch[0] < start]
        self.opaque.append((start, end))
        self._reset()
        return end

    def _content_start(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> int:
        """Where a node begins behind its anchor and its tag."""
        start, end = self._base + _index(event.start_mark), self._base + _index(event.end_mark)
        content = skip_properties(self.file.text, start)
        if event.tag is not None:
            written = self.file.text[start:content].rstrip()
            message = f"the tag {event.tag.replace('tag:yaml.org,2002:', '!!')} has no meaning in a rule file"
            self.findings.append(syntax_finding(message, self.file.span(start, start + len(written)), help="remove it"))
        return min(content, end) if isinstance(event, yaml.ScalarEvent) else content

    def _scalar(self, event: Any) -> None:
        anchor = event.anchor
        named = anchor is not None or event.tag is not None
        start = self._content_start(event) if named else self._base + event.start_mark.index
        end = self._base + event.end_mark.index
        value, style, text = event.value, event.style or "", self.file.text
        if len(value) > MAX_SCALAR:
            message = f"this value has {len(value):,} characters, the limit is {MAX_SCALAR:,}"
            span = self.file.span(start, min(end, start + 40))
            raise _Abandon(syntax_finding(message, span, help="split it into named parts"))
        if text.find("#", start, end) >= 0:
            body = text.find("\n", start) if style in ("|", ">") else start  # a header may carry a comment
            self.opaque.append((max(body, start), end))
        self._add(Scalar(value, style, start, end, self.file), 1, 0, anchor)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        named = event.anchor is not None or event.tag is not None
        start = self._content_start(event) if named else self._base + _index(event.start_mark)
        if len(self._stack) >= MAX_DEPTH:
            message = f"this is nested more than {MAX_DEPTH} levels deep"
            raise _Abandon(syntax_finding(message, self.file.span(start, start + 1)))
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)
        mapping = isinstance(event, yaml.MappingStartEvent)
        self._stack.append(_Open(mapping, start, bool(event.flow_style), event.anchor))

    def _close(self, event: yaml.CollectionEndEvent) -> None:
        done, end = self._stack.pop(), self._base + _index(event.end_mark)
        node: Node
        if done.mapping:
            node = Mapping(self._entries(done.children), done.start, end, self.file, done.flow)
        else:
            node = Sequence(tuple(done.children), done.start, end, self.file, done.flow)
        self._add(node, done.size, done.depth + 1, done.anchor)

    def _entries(self, children: list[Node]) -> tuple[Entry, ...]:
        entries: dict[str, Entry] = {}
        for key, value in zip(children[::2], children[1::2], strict=True):
            if not isinstance(key, Scalar):
                raise _Abandon(syntax_finding("a key must be plain text", key.whole(), help="write `key: value`"))
            first = entries.get(key.text)
            if first is None:
                entries[key.text] = Entry(key, value)
            else:
                self.findings.append(_duplicate(first.key, key))
        return tuple(entries.values())

    def _alias(self, event: yaml.AliasEvent) -> None:
        span = self.file.span(self._base + _index(event.start_mark), self._base + _index(event.end_mark))
        known = self._anchors.get(event.anchor or "")
        if known is None:
            inside = any(level.anchor == event.anchor for level in self._stack)
            said = "stands inside the value it repeats" if inside else "repeats a value that was never named"
            help = "" if inside else f'to write text that begins with *, put it in quotes: "*{event.anchor}"'
            raise _Abandon(syntax_finding(f"*{event.anchor} {said}", span, help=help))
        node, size, depth = known
        if len(self._stack) + depth > MAX_DEPTH:
            message = f"with this alias written out the document is nested more than {MAX_DEPTH} levels deep"
            raise _Abandon(syntax_finding(message, span))
        self._add(node, size, depth, None)

    def _add(self, node: Node, size: int, depth: int, anchor: str | None) -> None:
        if anchor is not None:
            self.anchored = True
            self._anchors[anchor] = (node, size, depth)
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        parent.children.append(node)
        parent.size += size
        parent.depth = max(parent.depth, depth)
        if parent.size > MAX_NODES:
            message = f"this document has more than {MAX_NODES:,} values, each alias counted as what it repeats"
            raise _Abandon(syntax_finding(message, node.whole(), help="split it into several files"))

    def _begin(self, event: yaml.DocumentStartEvent) -> None:
        self._start = self._base + _index(event.start_mark)

    def _finish(self, event: yaml.DocumentEndEvent) -> None:
        root, start, end = self._root, self._start, self._base + _index(event.end_mark)
        self._done = end
        self._reset()
        self._start = None
        if root is None or start is None or (isinstance(root, Scalar) and root.empty):
            return  # `---` with nothing but comments behind it
        if len(self.documents) >= MAX_DOCUMENTS:
            message = f"this file has more than {MAX_DOCUMENTS:,} documents"
            raise _Abandon(syntax_finding(message, root.whole(), help="split it into several files"), stop=True)
        self.documents.append(SourceDocument(root, start, end))


def _index(mark: Any) -> int:
    """Offset of a YAML mark. The C parser's marks are of another class than the stubs know."""
    return 0 if mark is None else int(mark.index)


def _duplicate(first: Scalar, second: Scalar) -> Finding:
    return Finding(
        "AT002",
        "duplicate-key",
        f"`{second.text}` is written twice; the second would silently replace the first",
        (second.whole("written again here"), first.whole("first written here")),
        help="remove one of the two",
    )

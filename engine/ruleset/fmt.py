"""One style for rule files. Comments stay, the parsed content never changes, formatting twice changes nothing.

The style: fields in the order of the schema, two spaces a level, lists indented under their key, ``key: value`` and
``- item`` with one space, double quotes where either kind would do, at most one empty line in a row, ``---`` between
documents and nowhere else, no blanks at line ends, a line break at the end. Expressions, flow collections
(``{a: 1}``), the lines of block texts and the column of a comment behind a value are the author's.

A document with anchors keeps its layout: only line ends and empty lines are tidied.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from engine.language.diagnostics import Finding
from engine.ruleset.model_shape import ModelShape, model_shape
from engine.ruleset.models import KINDS
from engine.ruleset.shape import ListShape, MapShape, Shape
from engine.ruleset.source import SourceTree, parse_text
from engine.ruleset.yaml_nodes import Comment, Entry, Mapping, Node, Scalar, Sequence
from engine.ruleset.yaml_scalars import character_map
from engine.ruleset.yaml_tree import SourceDocument

_STEP = 2
_GAP = "\f"  # stands for an empty line between entries, so that it is not taken for one inside a text
_BLOCK_DIGIT = re.compile(r"[|>][+-]?([1-9])")


class FormatRefused(Exception):
    """The text is not valid YAML; ``findings`` say why."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(findings[0].message)
        self.findings = findings


def format_text(text: str, name: str = "<text>") -> str:
    """``text`` in the one style. Raises FormatRefused for a file with YAML errors (AT001, AT002)."""
    source = parse_text(name, text)
    if source.findings:
        raise FormatRefused(source.findings)
    for candidate in (_written, _tidied):
        result = candidate(source)
        if _same_content(source, parse_text(name, result)):
            return result
    return text


def _written(source: SourceTree) -> str:
    if source.anchored or re.search(r"^%", source.file.text, re.MULTILINE):
        return _tidied(source)
    comments = list(source.comments)
    if not source.documents:
        return "".join(comment.text + "\n" for comment in comments)
    parts = []
    limits = [*(document.start for document in source.documents[1:]), len(source.file.text)]
    for document, limit in zip(source.documents, limits, strict=True):
        mine = [comment for comment in comments if comment.start < limit]
        comments = comments[len(mine) :]
        parts.append(_Writer(document, mine, source.file.text).lines(limit))
    return "".join(("" if line == _GAP else line) + "\n" for lines in _joined(parts) for line in lines)


def _joined(parts: list[list[str]]) -> Iterator[list[str]]:
    for number, lines in enumerate(parts):
        if number:
            yield ["---"]
        yield lines


class _Writer:
    """Writes one document. Comments are taken in order, each by the entry that it stands before or behind."""

    def __init__(self, document: SourceDocument, comments: list[Comment], text: str) -> None:
        self.root = document.root
        self.text = text
        self._comments = comments
        self._next = 0

    def lines(self, limit: int) -> list[str]:
        header = self._leading(self.root.start, 0)
        shape = _kind_shape(self.root)
        body = self._node(self.root, 0, -1, limit, shape)
        gap = [_GAP] if header and self._blank_above(self.root.start) else []
        rest = [line for comment in self._take(limit) for line in self._own(comment, 0)]
        return _trimmed([*header, *gap, *body, *rest])

    # --- collections ------------------------------------------------------------------------------------------

    def _node(self, node: Node, indent: int, parent_column: int, limit: int, shape: Shape | None) -> list[str]:
        """Lines of a block collection, or of anything that stands alone."""
        if isinstance(node, Mapping) and not node.flow and node.entries:
            chunks = self._chunks(node, indent, limit, shape)
            column = _column(node.entries[0].key)
        elif isinstance(node, Sequence) and not node.flow and node.items:
            chunks = self._items(node, indent, limit, shape)
            column = self._column_of(node.start)
        else:
            return self._inline(" " * indent, node, indent)
        lines = [line for chunk in chunks for line in chunk]
        while (comment := self._peek(limit)) is not None and comment.alone:
            if comment.span.column - 1 < column or comment.span.column - 1 <= parent_column:
                break
            self._next += 1
            lines.extend(self._own(comment, indent))
        return _trimmed(lines)

    def _chunks(self, node: Mapping, indent: int, limit: int, shape: Shape | None) -> list[list[str]]:
        """The lines of each entry, in the order of the schema where there is one."""
        column = _column(node.entries[0].key)
        ends = [entry.key.start for entry in node.entries[1:]] + [limit]
        chunks = []
        for entry, end in zip(node.entries, ends, strict=True):
            lead = self._leading(entry.key.start, indent)
            gap = [_GAP] if not lead and self._blank_above(entry.key.start) else []
            chunks.append([*gap, *self._entry(entry, indent, column, end, _value_shape(shape, entry), lead)])
        if isinstance(shape, ModelShape):
            rank = {key: place for place, key in enumerate(shape.order)}
            order = sorted(range(len(chunks)), key=lambda at: rank.get(node.entries[at].key.text, len(rank)))
            chunks = [chunks[at] for at in order]
        return chunks

    def _entry(
        self, entry: Entry, indent: int, column: int, limit: int, shape: Shape | None, lead: list[str]
    ) -> list[str]:
        key = self.text[entry.key.start : entry.key.end]
        opening = " " * indent + key + ":"
        if _is_block(entry.value):
            behind = self._behind(entry.key.end)
            below = self._leading(_first(entry.value), indent + _STEP)
            body = self._node(entry.value, indent + _STEP, column, limit, shape)
            return [*lead, _with_comment(opening, behind), *_trimmed([*below, *body])]
        lead = [*lead, *self._leading(entry.value.start, indent)]
        if isinstance(entry.value, Scalar) and entry.value.empty:
            return [*lead, _with_comment(opening, self._behind(entry.key.end))]
        return [*lead, *self._inline(opening + " ", entry.value, indent)]

    def _items(self, node: Sequence, indent: int, limit: int, shape: Shape | None) -> list[list[str]]:
        item_shape = shape.item if isinstance(shape, ListShape) else None
        column = self._column_of(node.start)
        chunks = []
        for number, item in enumerate(node.items):
            end = self._dash(node, number + 1) if number + 1 < len(node.items) else limit
            dash = self._dash(node, number)
            lead = self._leading(dash, indent)
            gap = [_GAP] if not lead and self._blank_above(dash) else []
            lead += self._leading(_first(item), indent)
            dashed = " " * indent + "- "
            if _is_block(item):
                body = self._node(item, indent + _STEP, column, end, item_shape)
                at = next(place for place, line in enumerate(body) if line != _GAP and line.lstrip()[:1] != "#")
                hoisted = [line if line == _GAP else line[_STEP:] for line in body[:at]]
                body = [*hoisted, dashed + body[at][indent + _STEP :], *body[at + 1 :]]
            elif isinstance(item, Scalar) and item.empty:
                body = [_with_comment(dashed.rstrip(), self._behind(dash + 1))]
            else:
                body = self._inline(dashed, item, indent)
            chunks.append([*gap, *lead, *body])
        return chunks

    def _dash(self, node: Sequence, number: int) -> int:
        """Offset of the dash of an item: the last one before its content, outside comments and earlier items."""
        low = node.start if number == 0 else _end(node.items[number - 1], self.text)
        column, at = self._column_of(node.start), low
        while at < len(self.text):
            line_start = self.text.rfind("\n", 0, at) + 1
            if self.text.startswith("-", line_start + column) and line_start + column >= low:
                return line_start + column
            if number == 0:
                return node.start
            at = self.text.find("\n", at) + 1
            if at == 0:
                break
        return _first(node.items[number])

    # --- values -----------------------------------------------------------------------------------------------

    def _inline(self, opening: str, node: Node, indent: int) -> list[str]:
        """A scalar or a flow collection behind ``opening``, with the comment on its last line."""
        raw = self.text[node.start : node.end]
        if isinstance(node, Scalar) and node.style in ("|", ">"):
            self._skip(node.end)
            return [opening + line if not number else line for number, line in enumerate(self._block(node, indent))]
        self._skip(node.end)
        first, *more = re.split(r"\r\n|\r|\n", raw)
        if not more and isinstance(node, Scalar):
            first = _requoted(node, first)
        lines = [opening + first.rstrip()] if more else [opening + first]
        shift = len(opening) - self._column_of(node.start)
        for line in more:
            body = line.strip(" \t")
            least = indent if body[:1] in ("]", "}") else indent + _STEP
            depth = least if isinstance(node, Scalar) else max(least, len(line) - len(line.lstrip()) + shift)
            lines.append(" " * depth + body if body else "")
        lines[-1] = _with_comment(lines[-1], self._behind(node.end))
        return lines

    def _block(self, node: Scalar, indent: int) -> list[str]:
        """The lines of a literal or folded block, moved to stand ``_STEP`` under its key."""
        raw = self.text[node.start : node.end]
        header, *body = re.split(r"\r\n|\r|\n", raw)
        found = character_map(raw, node.style, node.text)
        content = (
            next((at for at, c in zip(found.starts, node.text, strict=True) if c != "\n"), None) if found else None
        )
        if content is None:
            return [header.rstrip(), *("" for _ in node.text)]
        old = content - max(raw.rfind("\n", 0, content), raw.rfind("\r", 0, content)) - 1
        if not node.text.endswith("\n") and "-" not in header[:3]:  # the file ends without a line break
            header = header[0] + "-" + header[1:].replace("+", "", 1)
        digit = _BLOCK_DIGIT.match(header)
        pad = " " * (indent + (int(digit[1]) if digit else _STEP))
        lines = [pad + line[old:] if len(line) > old else "" for line in body]
        if body and not body[-1]:
            lines.pop()  # what follows the last line break
        if "+" not in header[:3]:
            while lines and not lines[-1]:
                lines.pop()
        return [header.rstrip(), *lines]

    # --- comments ---------------------------------------------------------------------------------------------

    def _peek(self, limit: int) -> Comment | None:
        if self._next < len(self._comments) and self._comments[self._next].start < limit:
            return self._comments[self._next]
        return None

    def _take(self, limit: int) -> Iterator[Comment]:
        while (comment := self._peek(limit)) is not None:
            self._next += 1
            yield comment

    def _skip(self, end: int) -> None:
        for _ in self._take(end):
            pass

    def _leading(self, limit: int, indent: int) -> list[str]:
        return [line for comment in self._take(limit) for line in self._own(comment, indent)]

    def _own(self, comment: Comment, indent: int) -> list[str]:
        gap = [_GAP] if comment.alone and self._blank_above(comment.start) else []
        return [*gap, " " * indent + comment.text]

    def _behind(self, end: int) -> Comment | None:
        """The comment on the line that ends at ``end``."""
        if self._next < len(self._comments):
            comment = self._comments[self._next]
            if comment.start >= end and not re.search(r"[\r\n]", self.text[end : comment.start]):
                self._next += 1
                return comment
        return None

    def _blank_above(self, offset: int) -> bool:
        line_start = self.text.rfind("\n", 0, offset) + 1
        above = self.text[self.text.rfind("\n", 0, max(line_start - 1, 0)) + 1 : line_start]
        return line_start > 0 and not above.strip()

    def _column_of(self, offset: int) -> int:
        return offset - self.text.rfind("\n", 0, offset) - 1


def _is_block(node: Node) -> bool:
    return not isinstance(node, Scalar) and not node.flow


def _first(node: Node) -> int:
    return node.entries[0].key.start if isinstance(node, Mapping) and _is_block(node) else node.start


def _end(node: Node, text: str) -> int:
    """Where a node's last line ends: the marks of block collections run on to the next token."""
    if isinstance(node, Mapping) and not node.flow:
        return _end(node.entries[-1].value, text)
    if isinstance(node, Sequence) and not node.flow:
        return _end(node.items[-1], text)
    return node.end


def _column(key: Scalar) -> int:
    return key.start - key.file.text.rfind("\n", 0, key.start) - 1


def _with_comment(line: str, comment: Comment | None) -> str:
    """``line`` and the comment behind it, in the comment's own column where there is room."""
    if comment is None:
        return line
    return (
        line + " " * max(comment.span.column - 1 - len(line), 0) + comment.text
        if (comment.span.column - 1 > len(line))
        else f"{line}  {comment.text}"
    )


def _requoted(node: Scalar, raw: str) -> str:
    """Double quotes instead of single ones where the text inside would not change."""
    plain = node.style == "'" and not re.search(r"""["'\\\t]""", node.text)
    return f'"{node.text}"' if plain else raw


def _trimmed(lines: list[str]) -> list[str]:
    """No gap at the start, none at the end, never two in a row."""
    result: list[str] = []
    for line in lines:
        if line != _GAP or (result and result[-1] not in (_GAP, "")):
            result.append(line)
    while result and result[-1] == _GAP:
        result.pop()
    return result


def _kind_shape(root: Node) -> Shape | None:
    entry = root.find("kind") if isinstance(root, Mapping) else None
    kind = entry.value.text if entry is not None and isinstance(entry.value, Scalar) else ""
    return model_shape(KINDS[kind]) if kind in KINDS else None


def _value_shape(shape: Shape | None, entry: Entry) -> Shape | None:
    if isinstance(shape, ModelShape):
        return shape.below(entry.key.text)
    return shape.value if isinstance(shape, MapShape) else None


# --- the careful way ------------------------------------------------------------------------------------------


def _tidied(source: SourceTree) -> str:
    """The text with its layout: no blanks at line ends, at most one empty line in a row, outside of scalars."""
    text = source.file.text
    inside = [
        node for document in source.documents for node in _scalars(document.root) if "\n" in text[node.start : node.end]
    ]
    kept: list[str] = []
    at = 0
    for line in text.splitlines(keepends=True):
        end = at + len(line)
        if any(node.start < end <= node.end and at < node.end for node in inside):
            kept.append(line)
        elif line.strip() or not kept or kept[-1].strip():
            kept.append(line.rstrip() + "\n")
        at = end
    return "".join(kept).strip("\n") + "\n" if not inside else "".join(kept)


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Mapping):
        for entry in node.entries:
            yield entry.key
            yield from _scalars(entry.value)
    else:
        for item in node.items:
            yield from _scalars(item)


def _same_content(before: SourceTree, after: SourceTree) -> bool:
    """Whether both hold the same documents and the same comments."""
    if after.findings or len(before.documents) != len(after.documents):
        return False
    pairs = zip(before.documents, after.documents, strict=True)
    if not all(same_value(old.root, new.root) for old, new in pairs):
        return False
    return Counter(each.text for each in before.comments) == Counter(each.text for each in after.comments)


def same_value(one: Node, other: Node) -> bool:
    """Whether two trees hold the same text, wherever and in whatever style and order of fields it is written."""
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return one.text == other.text and one.plain == other.plain
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        pairs = zip(one.items, other.items, strict=False)
        return len(one.items) == len(other.items) and all(same_value(a, b) for a, b in pairs)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        found = {entry.key.text: entry.value for entry in other.entries}
        return len(one.entries) == len(found) and all(
            entry.key.text in found and same_value(entry.value, found[entry.key.text]) for entry in one.entries
        )
    return False

"""Text of a rule file in, trees of nodes with positions out. Nothing here knows what a rule is.

Values are never resolved: every scalar keeps the text the author wrote, so ``12:30`` stays ``12:30`` and ``yes``
stays ``yes``. What is wrong comes back as findings, and one broken document does not hide the others.
"""

from __future__ import annotations

import re
from pathlib import Path

from engine.language.diagnostics import Span
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
from engine.ruleset.yaml_tree import MAX_SCALAR, SourceDocument, SourceTree, build_tree

MAX_BYTES = 1_048_576
_USUAL = 32_768
# What YAML itself forbids, and the line separators that other readers take for line breaks and editors do not.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def read_source(path: Path) -> SourceTree:
    """Read and parse one file. Never raises: an unreadable file is a finding on its first line."""
    name = path.as_posix()
    try:
        if not path.is_file():
            return _refused(name, f"{name} is not a file" if path.exists() else f"there is no file {name}")
        with path.open("rb") as stream:
            data = stream.read(_USUAL)  # asking for the limit at once would allocate it for every file
            if len(data) == _USUAL:
                data += stream.read(MAX_BYTES + 1 - _USUAL)
    except OSError as problem:
        return _refused(name, f"{name} cannot be read: {problem.strerror or problem}")
    return parse_bytes(name, data)


def parse_bytes(name: str, data: bytes) -> SourceTree:
    """Like ``read_source`` for bytes already read."""
    if len(data) > MAX_BYTES:
        return _refused(name, f"this file is larger than {MAX_BYTES:,} bytes", "split it into several files")
    if b"\0" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _refused(name, "this is a binary file, not YAML text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        start = data.rfind(b"\n", 0, problem.start) + 1
        column = len(data[start : problem.start].decode("utf-8", "replace")) + 1
        message = f"this file is not UTF-8 text: byte 0x{data[problem.start]:02x} on line {line}"
        span = Span(name, line, column, line, column + 1)
        return SourceTree(
            SourceFile(name, ""), findings=(syntax_finding(message, span, help="save the file in UTF-8"),)
        )
    return parse_text(name, text)


def parse_text(name: str, text: str) -> SourceTree:
    """Like ``read_source`` for text already decoded."""
    file = SourceFile(name, text)
    if len(text) > MAX_BYTES:
        return _refused(name, f"this file is larger than {MAX_BYTES:,} bytes", "split it into several files")
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        message = f"the character U+{ord(bad[0]):04X} is not allowed in a rule file"
        span = file.span(bad.start(), bad.end())
        return SourceTree(file, findings=(syntax_finding(message, span, help="remove it, or write it as an escape"),))
    return build_tree(file)


def _refused(name: str, message: str, help: str = "") -> SourceTree:
    file = SourceFile(name, "")
    return SourceTree(file, findings=(syntax_finding(message, file.span(0, 0), help=help),))


__all__ = [
    "MAX_BYTES",
    "MAX_SCALAR",
    "Comment",
    "Entry",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "SourceDocument",
    "SourceFile",
    "SourceTree",
    "parse_bytes",
    "parse_text",
    "read_source",
]

"""Suppressions: ``# engine: ignore AT406 until 2027-01-01 -- reason``.

Behind a line it concerns that line; alone on its line, the next one; above the first field of a document, the whole
document. A value that begins on the line and goes on below belongs to it. A reason is demanded. From its date on a
suppression is void, and stays a finding itself until it is gone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from engine.language.diagnostics import Edit, Finding, Span, did_you_mean
from engine.lint.registry import UnknownCheckError, code_of
from engine.ruleset.load import LoadedFile
from engine.ruleset.yaml_nodes import Comment, Mapping, Node, Sequence

CODE, NAME = "AT005", "unused-suppression"
EXAMPLE = "# engine: ignore AT406 until 2027-01-01 -- the venue stops repeats"
_DIRECTIVE = re.compile(r"#\s*engine:\s*(\w+)\s*(.*)")
_BODY = re.compile(r"(?P<codes>[\w\s,-]*?)(?:(?:^|\s+)until\s+(?P<until>\S+))?\s*")
_REASON = re.compile(r"(?:^|\s)--(?:\s+|$)")
_SKIPPED = re.compile(r"\s*(?:#.*|---\s*(?:#.*)?|%.*)?$")
_LAST = 1 << 40


@dataclass(slots=True)
class Suppression:
    """One comment, and the lines it covers. ``used`` are the codes that silenced a finding."""

    comment: Comment
    codes: tuple[str, ...]
    until: date | None
    first: int
    last: int
    used: set[str] = field(default_factory=set)

    def expired(self, today: date) -> bool:
        return self.until is not None and today >= self.until

    def covers(self, finding: Finding) -> bool:
        span = finding.primary
        return finding.code in self.codes and span.line <= self.last and span.end_line >= self.first and (
            span.line >= self.first or not self.comment.alone
        )  # fmt: skip


def apply_suppressions(
    findings: list[Finding], files: list[LoadedFile], today: date, ran: Collection[str]
) -> list[Finding]:
    """``findings`` without the suppressed ones, and AT005 for suppressions that are wrong, void or needless.

    ``ran`` are the codes of the checks that ran: a suppression of any other is left alone.
    """
    suppressions: dict[str, list[Suppression]] = {}
    problems: list[Finding] = []
    for file in files:
        if "engine:" in file.text:
            suppressions[file.path.as_posix()] = _read(file, problems)
    kept = []
    for finding in findings:
        matching = [s for s in suppressions.get(finding.primary.file, ()) if s.covers(finding)]
        for suppression in matching:
            suppression.used.add(finding.code)
        if all(suppression.expired(today) for suppression in matching):
            kept.append(finding)
    texts = {file.path.as_posix(): file.text for file in files}
    for name, found in suppressions.items():
        for suppression in found:
            problems.extend(_needless(suppression, texts[name], today, ran))
    return kept + problems if CODE in ran else kept


def _needless(suppression: Suppression, text: str, today: date, ran: Collection[str]) -> list[Finding]:
    unused = [code for code in suppression.codes if code in ran and code not in suppression.used]
    span, codes = suppression.comment.span, ", ".join(unused)
    if unused and len(unused) == len(suppression.codes):
        edits = (Edit(_removal(suppression.comment, text), ""),)
        message = f"this suppression of {codes} suppresses nothing"
        return [Finding(CODE, NAME, message, (span,), help="remove the comment", edits=edits)]
    found = []
    if unused:
        found.append(Finding(CODE, NAME, f"{codes} needs no suppression here", (span,), help=f"take out {codes}"))
    if suppression.expired(today):
        found.append(Finding(
            CODE, NAME, f"this suppression ended on {suppression.until}", (span,),
            help="mend what it hid, or give a later date and say why again",
        ))  # fmt: skip
    return found


def _removal(comment: Comment, text: str) -> Span:
    """The comment with the space before it, or its whole line when it stands alone."""
    span = comment.span
    if comment.alone:
        return Span(span.file, span.line, 1, span.line + 1, 1)
    line = text.splitlines()[span.line - 1]
    return Span(span.file, span.line, len(line[: span.column - 1].rstrip()) + 1, span.end_line, span.end_column)


# -- reading ---------------------------------------------------------------------------------------------------------


def _read(file: LoadedFile, problems: list[Finding]) -> list[Suppression]:
    heads = sorted(d.tree.entries[0].key.whole().line for d in file.documents if d.tree.entries)
    lines = re.split(r"\r\n|\r|\n", file.text)
    ends = _ends(file)
    found = []
    for comment in file.comments:
        match = _DIRECTIVE.fullmatch(comment.text)
        if match is None or did_you_mean(match[1], ["ignore"]) is None:
            continue  # a remark about the engine
        try:
            if match[1] != "ignore":
                raise _Malformed(f"`{match[1]}` is no word of a suppression", "did you mean ignore?")
            codes, until = _parse(match[2])
        except _Malformed as problem:
            problems.append(Finding(CODE, NAME, problem.message, (comment.span,), help=problem.help))
            continue
        found.append(Suppression(comment, codes, until, *_covered(comment, lines, heads, ends)))
    return found


def _ends(file: LoadedFile) -> dict[int, int]:
    """Where the values that begin on a line end, by line; only those of several lines."""
    found: dict[int, int] = {}
    # A node with the line on which what it belongs to begins: its key, or itself.
    pending: list[tuple[int, Node]] = [(0, document.tree) for document in file.documents]
    while pending:
        line, node = pending.pop()
        if isinstance(node, Mapping):
            pending += [(entry.key.whole().line, entry.value) for entry in node.entries]
        elif isinstance(node, Sequence):
            pending += [(0, item) for item in node.items]
        else:
            span = node.written()
            begin, end = line or span.line, span.end_line if span.end_column > 1 else span.end_line - 1
            found[begin] = max(end, found.get(begin, begin))
    return found


def _covered(comment: Comment, lines: list[str], heads: list[int], ends: dict[int, int]) -> tuple[int, int]:
    """The first and the last line that a suppression concerns."""
    line = comment.span.line
    if not comment.alone:
        return line, ends.get(line, line)
    next_line = line + 1
    while next_line <= len(lines) and _SKIPPED.match(lines[next_line - 1]):
        next_line += 1
    if next_line in heads:
        after = bisect_right(heads, next_line)
        return next_line, heads[after] - 1 if after < len(heads) else _LAST
    return next_line, ends.get(next_line, next_line)


class _Malformed(Exception):
    """A comment that wants to be a suppression and is none."""

    def __init__(self, message: str, help: str = f"write it like this: {EXAMPLE}") -> None:
        super().__init__(message)
        self.message, self.help = message, help


def _parse(body: str) -> tuple[tuple[str, ...], date | None]:
    """The codes and the last day of what stands behind ``ignore``."""
    parts = _REASON.split(body, maxsplit=1)
    match = _BODY.fullmatch(parts[0])
    if match is None:
        raise _Malformed("this suppression cannot be read")
    words = [word for word in re.split(r"[\s,]+", match["codes"]) if word]
    if not words:
        raise _Malformed("this suppression does not say what it ignores")
    if len(parts) == 1 or not parts[1].strip():
        raise _Malformed("this suppression gives no reason", "say why, behind two dashes: -- the venue stops repeats")
    try:
        codes = tuple(dict.fromkeys(code_of(word) for word in words))
    except UnknownCheckError as problem:
        message, _, help = str(problem).partition("; ")
        raise _Malformed(message, help) from None
    try:
        return codes, date.fromisoformat(match["until"]) if match["until"] else None
    except ValueError:
        raise _Malformed(f"`{match['until']}` is not a date", "write year-month-day: 2027-01-31") from None

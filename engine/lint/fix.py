"""``engine lint --fix``: make the edits that are sure, and prove by linting again that they made things better.

A file is written in one step or not at all. Where the edits of a file did not mend what they were for, or broke its
structure, the file gets its own text back.
"""

from __future__ import annotations

import codecs
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from engine.language.diagnostics import Edit, Finding
from engine.lint.driver import LintResult, lint
from engine.market.facts import FactSpec
from engine.market.manifest import CORE

ROUNDS = 10  # a mend can bring out the next mistake; nobody's file needs more than a few
_BREAK = re.compile(r"\r\n|\r|\n")
_STRUCTURE = frozenset({"AT001", "AT002", "AT003", "AT004", "AT006", "AT007", "AT008"})
_TYPES = frozenset({"AT104", "AT201", "AT202", "AT204"})


@dataclass(frozen=True, slots=True)
class FixResult:
    """``result`` is the lint of the files as they are now; ``applied`` are the findings that were mended."""

    result: LintResult
    applied: tuple[Finding, ...]


def fix(
    paths: Iterable[Path],
    today: date,
    manifest: Sequence[FactSpec] = CORE,
    select: Iterable[str] | None = None,
) -> FixResult:
    """Lint ``paths`` and mend what is sure. Raises as ``lint`` does, and OSError when a file cannot be written."""
    where, chosen = list(paths), None if select is None else list(select)
    result = lint(where, today, manifest, chosen)
    applied: list[Finding] = []
    refused: set[tuple[str, str]] = set()  # file and text to which edits did no good
    for _ in range(ROUNDS):
        before = result
        changed = _write(before, refused)
        if not changed:
            break
        result = lint(where, today, manifest, chosen)
        spoilt = [name for name in changed if not _better(name, changed[name], before, result)]
        for name in spoilt:
            _replace(Path(name), before.texts[name])
            refused.add((name, before.texts[name]))
        applied += [finding for name, mended in changed.items() if name not in spoilt for finding in mended]
        if spoilt:
            result = lint(where, today, manifest, chosen)
    return FixResult(result, tuple(applied))


def edited(text: str, edits: Iterable[Edit]) -> str:
    """``text`` with ``edits`` made. Of edits that overlap only the first is made."""
    starts = [0, *(match.end() for match in _BREAK.finditer(text))]
    done, parts = 0, []
    for begin, end, replacement in sorted({_offsets(edit, starts, len(text)) for edit in edits}):
        if begin >= done:
            parts += [text[done:begin], replacement]
            done = end
    return "".join((*parts, text[done:]))


def _offsets(edit: Edit, starts: Sequence[int], size: int) -> tuple[int, int, str]:
    def offset(line: int, column: int) -> int:
        return min(starts[line - 1] + column - 1, size) if line <= len(starts) else size

    span = edit.span
    return offset(span.line, span.column), offset(span.end_line, span.end_column), edit.replacement


def _write(result: LintResult, refused: set[tuple[str, str]]) -> dict[str, list[Finding]]:
    """Write the edits of all findings; the findings concerned by file."""
    texts, mended = result.texts, dict[str, list[Finding]]()
    for finding in result.findings:
        name = finding.primary.file
        inside = all(edit.span.file == name for edit in finding.edits)
        if finding.edits and inside and name in texts and (name, texts[name]) not in refused:
            mended.setdefault(name, []).append(finding)
    for name, findings in list(mended.items()):
        text = edited(texts[name], (edit for finding in findings for edit in finding.edits))
        if text == texts[name] or not _replace(Path(name), text, expected=texts[name]):
            del mended[name]
    return mended


def _better(name: str, mended: Sequence[Finding], before: LintResult, after: LintResult) -> bool:
    """Whether what was mended is gone, the structure is no worse, and a new name fits where it stands.

    What could not be read hid other mistakes; those may come out.
    """
    new = [finding for finding in after.findings if finding.primary.file == name]
    still = {(finding.code, finding.message, finding.primary) for finding in new}
    if any((finding.code, finding.message, finding.primary) in still for finding in mended):
        return False
    was = Counter(finding.code for finding in before.findings if finding.primary.file == name)
    now = Counter(finding.code for finding in new)
    renamed = all(finding.code == "AT101" for finding in mended)
    return all(now[code] <= was[code] for code in (_STRUCTURE | _TYPES if renamed else _STRUCTURE))


def _replace(path: Path, text: str, expected: str | None = None) -> bool:
    """Put ``text`` in the place of a file in one step; False when the file is no longer what was ``expected``."""
    target = path.resolve()  # a link stays a link
    old = target.read_bytes()
    mark = codecs.BOM_UTF8 if old.startswith(codecs.BOM_UTF8) else b""
    if expected is not None and old != mark + expected.encode():
        return False
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(mark + text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(target.stat().st_mode & 0o7777)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True

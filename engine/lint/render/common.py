"""What the renderers share: the order of findings, the page of a check, and text that is safe to show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from engine.language.diagnostics import Finding, Severity

Sources = Mapping[str, str]
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BREAK = re.compile(r"\r\n|\r|\n")  # as positions are counted; other separators of Unicode are ordinary characters
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by place, then by code; equal input gives equal output in whatever order it came."""
    return sorted(findings, key=lambda finding: (finding.sort_key, finding.spans, finding.help, finding.witness))


def page(finding: Finding) -> str:
    """The page that explains the check."""
    return f"docs/lint/{finding.code}.md"


def lines_of(text: str) -> list[str]:
    """The lines of a file as its positions count them."""
    return _BREAK.split(text)


def visible(text: str) -> str:
    """``text`` on one line, without characters that move the cursor, hide or reorder what stands beside them."""
    return "".join(shown(character) for character in " ".join(text.split("\n")))


def shown(character: str) -> str:
    """The character itself, or a sign in its place that cannot change how the rest of the line is read."""
    return REPLACEMENT if unicodedata.category(character) in _HIDDEN else character


def plural(count: int, noun: str) -> str:
    """``1 error``, ``2 errors``"""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def summary(findings: Iterable[Finding]) -> str:
    """``2 errors and 1 warning in 2 files; 1 can be mended by --fix``, or ``no findings``."""
    found = list(findings)
    counts = {severity: sum(finding.severity is severity for finding in found) for severity in Severity}
    parts = [plural(count, severity.value) for severity, count in counts.items() if count]
    if not parts:
        return "no findings"
    files = len({finding.primary.file for finding in found})
    fixable = sum(bool(finding.edits) for finding in found)
    mended = f"; {fixable} can be mended by --fix" if fixable else ""
    return f"{' and '.join(parts)} in {plural(files, 'file')}{mended}"

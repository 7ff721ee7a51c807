"""Definitions that nothing uses, as far as that can be known."""

from __future__ import annotations

from collections.abc import Iterator

from engine.language.diagnostics import Finding, Severity
from engine.lint.check import LintContext
from engine.ruleset import models
from engine.ruleset.load import Document


def unused(context: LintContext, what: str) -> Iterator[tuple[Document, str]]:
    """Documents and names of unused definitions; ``what`` is ``let`` or ``param``.

    Where a mistake was found, what stands there was not read to its end, so nothing is said about its names; and
    nothing about shared names while any file has a mistake.
    """
    mistakes = [finding for findings in context.found.values() for finding in findings]
    for document, kind, name in context.ruleset.unused:
        shared = isinstance(document.model, models.Definitions)
        if kind == what and document.sound and not (mistakes if shared else _inside(document, mistakes)):
            yield document, name


def _inside(document: Document, findings: list[Finding]) -> bool:
    span = document.span
    return any(
        f.severity is Severity.ERROR and f.primary.file == span.file and span.line <= f.primary.line <= span.end_line
        for f in findings
    )

"""Findings as one JSON object, for programs of our own and others'."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from engine.language.diagnostics import Finding, Severity, Span
from engine.lint.render.common import Sources, ordered, page


def render_json(findings: Iterable[Finding], sources: Sources) -> str:
    """``{"files", "errors", "warnings", "findings": [...]}``; lines and columns from 1, ends one past the last."""
    found = ordered(findings)
    value = {
        "files": len(sources),
        "errors": sum(finding.severity is Severity.ERROR for finding in found),
        "warnings": sum(finding.severity is Severity.WARNING for finding in found),
        "findings": [_finding(finding) for finding in found],
    }
    return json.dumps(value, indent=2, ensure_ascii=False)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "help": finding.help,
        "witness": finding.witness,
        "page": page(finding),
        "spans": [{**_place(span), "label": span.label} for span in finding.spans],
        "edits": [{**_place(edit.span), "replacement": edit.replacement} for edit in finding.edits],
    }


def _place(span: Span) -> dict[str, str | int]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }

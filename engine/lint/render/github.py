"""Findings as workflow commands of GitHub Actions, which become annotations of a pull request."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.lint.render.common import Sources, ordered


def render_github(findings: Iterable[Finding], sources: Sources) -> str:
    """One command a line. Columns are given only for a span of one line: others are not allowed to have them."""
    return "\n".join(_command(finding) for finding in ordered(findings))


def _command(finding: Finding) -> str:
    span = finding.primary
    properties = {"file": span.file, "line": span.line}
    if span.line == span.end_line:
        properties |= {"col": span.column, "endLine": span.end_line, "endColumn": span.end_column}
    else:
        properties |= {"endLine": span.end_line}
    properties |= {"title": f"{finding.code} {finding.name}"}
    said = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{finding.severity.value} {said}::{_data(_body(finding))}"


def _body(finding: Finding) -> str:
    parts = [finding.message]
    parts += [f"{span.file}:{span.line}: {span.label}" for span in finding.spans[1:] if span.label]
    parts += [f"{name}: {text}" for name, text in (("help", finding.help), ("witness", finding.witness)) if text]
    return "\n".join(parts)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

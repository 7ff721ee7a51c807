"""Findings as SARIF 2.1.0 (OASIS), which code-scanning services and editors read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from engine.language.diagnostics import Edit, Finding, Span
from engine.lint.check import Check
from engine.lint.render.common import Sources, lines_of, ordered, page

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
Json = dict[str, Any]


def render_sarif(
    findings: Iterable[Finding], sources: Sources, *, checks: Iterable[Check] = (), version: str = ""
) -> str:
    """One run. ``checks`` describe the codes found, ``version`` is the engine's.

    A fingerprint says code, file and the text of the line, so that a finding keeps it when lines move.
    """
    found = ordered(findings)
    known = {(check.code, check.name): check for check in checks}
    named = {finding.code: finding for finding in reversed(found)}
    codes = sorted(named)
    prints = _fingerprints(found, sources)
    driver: Json = {
        "name": "autotrader engine lint",
        "rules": [_rule(named[code], known.get((code, named[code].name))) for code in codes],
    }
    if version:
        driver["version"] = version
    results = [_result(finding, codes.index(finding.code), one) for finding, one in zip(found, prints, strict=True)]
    run: Json = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(finding: Finding, check: Check | None) -> Json:
    rule: Json = {
        "id": finding.code,
        "name": finding.name,
        "defaultConfiguration": {"level": finding.severity.value},
        "help": {"text": f"See {page(finding)}", "markdown": f"See [{finding.name}]({page(finding)})"},
    }
    if check is not None:
        rule["shortDescription"] = {"text": check.summary}
        rule["fullDescription"] = {"text": check.page.why}
    return rule


def _result(finding: Finding, rule_index: int, fingerprint: str) -> Json:
    result: Json = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": finding.severity.value,
        "message": {"text": _message(finding)},
        "locations": [{"physicalLocation": _physical(finding.primary)}],
        "partialFingerprints": {"ruleAndLine/v1": fingerprint},
    }
    if finding.spans[1:]:
        result["relatedLocations"] = [_related(index, span) for index, span in enumerate(finding.spans[1:], start=1)]
    if finding.edits:
        result["fixes"] = [_fix(finding.edits, finding.help or "mend it")]
    return result


def _message(finding: Finding) -> str:
    notes = (("help", finding.help), ("witness", finding.witness))
    return "\n".join([finding.message, *(f"{name}: {text}" for name, text in notes if text)])


def _physical(span: Span) -> Json:
    return {"artifactLocation": {"uri": _uri(span.file)}, "region": _region(span)}


def _region(span: Span) -> Json:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _related(index: int, span: Span) -> Json:
    related: Json = {"id": index, "physicalLocation": _physical(span)}
    if span.label:
        related["message"] = {"text": span.label}
    return related


def _fix(edits: Sequence[Edit], description: str) -> Json:
    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault(edit.span.file, []).append(edit)
    changes = [
        {
            "artifactLocation": {"uri": _uri(name)},
            "replacements": [
                {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.replacement}} for edit in some
            ],
        }
        for name, some in by_file.items()
    ]
    return {"description": {"text": description}, "artifactChanges": changes}


def _uri(name: str) -> str:
    path = PurePath(name)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _fingerprints(findings: Sequence[Finding], sources: Sources) -> list[str]:
    seen: Counter[str] = Counter()
    prints = []
    for finding in findings:
        span = finding.primary
        lines = lines_of(sources.get(span.file, ""))
        text = lines[span.line - 1].strip() if span.line <= len(lines) else ""
        said = "\0".join((finding.code, _uri(span.file), text, finding.message))
        seen[said] += 1
        prints.append(hashlib.sha256(f"{said}\0{seen[said]}".encode(errors="replace")).hexdigest())
    return prints

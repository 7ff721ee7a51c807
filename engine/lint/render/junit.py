"""Findings as JUnit XML: a suite a file, a failed case a finding, and one good case for a file without any."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from engine.language.diagnostics import Finding, Severity
from engine.lint.render.common import REPLACEMENT, Sources, ordered
from engine.lint.render.text import render_text

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(findings: Iterable[Finding], sources: Sources, *, fail_level: Severity = Severity.ERROR) -> str:
    """``fail_level``: what fails a case; a finding below it is the output of a case that passes."""
    by_file: dict[str, list[Finding]] = {name: [] for name in sorted(sources)}
    for finding in ordered(findings):
        by_file.setdefault(finding.primary.file, []).append(finding)
    root = ElementTree.Element("testsuites", name="engine lint")
    for name, found in by_file.items():
        failures = sum(_fails(finding, fail_level) for finding in found)
        suite = ElementTree.SubElement(
            root, "testsuite", name=_xml(name), tests=str(max(len(found), 1)), failures=str(failures), errors="0"
        )
        if not found:
            ElementTree.SubElement(suite, "testcase", classname=_xml(name), name="no findings")
        for finding in found:
            _case(suite, finding, sources, fail_level)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _fails(finding: Finding, fail_level: Severity) -> bool:
    return fail_level is Severity.WARNING or finding.severity is Severity.ERROR


def _case(suite: ElementTree.Element, finding: Finding, sources: Sources, fail_level: Severity) -> None:
    span = finding.primary
    name = f"{finding.code} {finding.name} at {span.line}:{span.column}"
    case = ElementTree.SubElement(suite, "testcase", classname=_xml(span.file), name=_xml(name), line=str(span.line))
    if _fails(finding, fail_level):
        body = ElementTree.SubElement(case, "failure", type=finding.severity.value, message=_xml(finding.message))
    else:
        body = ElementTree.SubElement(case, "system-out")
    body.text = _xml(render_text([finding], sources))


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold even escaped."""
    return _NOT_XML.sub(REPLACEMENT, text)

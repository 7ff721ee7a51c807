"""``engine lint``: find mistakes in rule files before they run, and mend those that have one sure mend."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.collector import no_collector
from engine.cli.errors import ExitCode, UserError
from engine.cli.manifest import MANIFEST
from engine.language.diagnostics import Finding, Severity
from engine.lint.driver import LintResult, lint
from engine.lint.registry import UnknownCheckError, checks


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    JUNIT = "junit"


def command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Packs, folders of packs, or rule files.")],
    format: Annotated[Format, typer.Option("--format", help="How findings are written.")] = Format.TEXT,
    fail_level: Annotated[Severity, typer.Option("--fail-level", help="The least that fails.")] = Severity.ERROR,
    fix: Annotated[bool, typer.Option("--fix", help="Make the edits that are sure.")] = False,
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="CHECK", help="Only these checks, by code or name.")
    ] = None,
) -> int:
    """Find mistakes in rule files; exit 1 when there are any at or above the level."""
    try:
        with no_collector():
            result = _fixed(paths, select) if fix else lint(paths, date.today(), MANIFEST, select)
    except UnknownCheckError as problem:
        raise UserError(str(problem)) from None
    text = _renderer(format, fail_level)(result.findings, result.texts)
    if text:
        print(text)
    if format is Format.TEXT:
        _summarise(result)
    return ExitCode.NO if result.at_least(fail_level) else ExitCode.GOOD


def _fixed(paths: Sequence[Path], select: Sequence[str] | None) -> LintResult:
    from engine.lint.fix import fix

    try:
        done = fix(paths, date.today(), MANIFEST, select)
    except OSError as problem:
        raise UserError(f"{problem.filename or 'a file'} cannot be changed: {problem.strerror or problem}") from None
    for finding in done.applied:
        place = finding.primary
        mends = ", ".join(f"wrote `{edit.replacement}`" if edit.replacement else "removed it" for edit in finding.edits)
        print(
            f"mended {place.file}:{place.line}:{place.column} {finding.code} {finding.message}: {mends}",
            file=sys.stderr,
        )
    return done.result


def _renderer(format: Format, fail_level: Severity) -> Callable[[Sequence[Finding], Mapping[str, str]], str]:
    from engine.lint import render

    match format:
        case Format.TEXT:
            from engine.cli.console import is_terminal

            return lambda findings, texts: render.render_text(findings, texts, color=is_terminal(sys.stdout))
        case Format.JSON:
            return render.render_json
        case Format.SARIF:
            return lambda findings, texts: render.render_sarif(findings, texts, checks=checks())
        case Format.GITHUB:
            return render.render_github
        case Format.JUNIT:
            return lambda findings, texts: render.render_junit(findings, texts, fail_level=fail_level)


def _summarise(result: LintResult) -> None:
    from engine.lint.render import summary

    count = len(result.files)
    files = "1 file" if count == 1 else f"{count:,} files"
    print(f"{files} looked at: {summary(result.findings)}", file=sys.stderr)

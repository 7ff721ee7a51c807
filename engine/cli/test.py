"""``engine test``: run the rule tests of packs, with condition coverage on request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from xml.etree import ElementTree

import typer

from connectors.calendars import calendar
from engine.cli.console import print_json
from engine.cli.errors import ExitCode
from engine.cli.rules import load_rules
from engine.language.diagnostics import Finding, Severity
from engine.lint.render import render_text
from engine.report.trace_text import render_trace
from engine.research.ruletests.coverage import Coverage, Uncovered
from engine.research.ruletests.run import Failure, TestResult, run_tests

DEFAULT_TIMEZONE = "America/New_York"


def command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Packs, folders of packs, or rule files.")],
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Show which conditions no test made true, false or unknown.")
    ] = False,
    format: Annotated[Literal["text", "json", "junit"], typer.Option("--format", help="How to print.")] = "text",
) -> int:
    """Run the tests of rules. Exit code 0: all passed, 1: some failed, 2: could not run."""
    rules = load_rules(paths)
    seen = Coverage() if coverage else None
    results = run_tests(rules.ruleset, calendar, seen)
    totals, uncovered = seen.report(rules.ruleset) if seen is not None else ({}, [])
    if format == "json":
        print_json(_as_json(results, totals, uncovered))
    elif format == "junit":
        print(_as_junit(results))
    else:
        _print_text(results, rules.texts, {n: p.timezone for n, p in rules.ruleset.packs.items()})
        if seen is not None:
            _print_coverage(totals, uncovered, rules.texts)
    return ExitCode.GOOD if all(r.passed for r in results) else ExitCode.NO


def _print_text(results: list[TestResult], texts: dict[str, str], zones: dict[str, str]) -> None:
    for result in results:
        for failure in result.failures:
            print(render_text([_finding(result, failure)], texts, color=False))
            if failure.trace is not None:
                zone = zones.get(result.pack) or DEFAULT_TIMEZONE
                print("\n" + render_trace(failure.trace, zone, full=True))
            print()
    if not results:
        print("there are no tests here: add documents with `kind: test` to the pack")
        return
    failed = sum(not r.passed for r in results)
    print(f"{len(results) - failed} passed, {failed} failed")


def _finding(result: TestResult, failure: Failure) -> Finding:
    return Finding("TEST", "failed-test", f"{result.name}: {failure.message}", (failure.span,))


def _print_coverage(totals: dict[str, tuple[int, int]], uncovered: list[Uncovered], texts: dict[str, str]) -> None:
    for entry in uncovered:
        words = " and never ".join(entry.missing)
        finding = Finding("COVER", "uncovered", f"{entry.rule}: never {words}", (entry.term.span(),), Severity.WARNING)
        print(render_text([finding], texts, color=False) + "\n")
    for rule, (have, want) in sorted(totals.items()):
        print(f"{rule:50} {have:3} of {want:3} outcomes {have / want if want else 1:7.1%}")
    have, want = (sum(t[i] for t in totals.values()) for i in (0, 1))
    print(f"{'all rules':50} {have:3} of {want:3} outcomes {have / want if want else 1:7.1%}")


def _as_json(
    results: list[TestResult], totals: dict[str, tuple[int, int]], uncovered: list[Uncovered]
) -> dict[str, object]:
    return {
        "passed": sum(r.passed for r in results),
        "failed": sum(not r.passed for r in results),
        "tests": [
            {
                "name": r.name, "pack": r.pack, "file": r.span.file, "line": r.span.line, "passed": r.passed,
                "failures": [
                    {"message": f.message, "line": f.span.line, "trace": f.trace.to_json() if f.trace else None}
                    for f in r.failures
                ],
            }
            for r in results
        ],
        "coverage": {rule: {"seen": have, "of": want} for rule, (have, want) in sorted(totals.items())},
        "uncovered": [
            {"rule": u.rule, "condition": u.term.text, "never": list(u.missing), "line": u.term.span().line}
            for u in uncovered
        ],
    }  # fmt: skip


def _as_junit(results: list[TestResult]) -> str:
    failed = str(sum(not r.passed for r in results))
    suite = ElementTree.Element("testsuite", name="engine test", tests=str(len(results)), failures=failed)
    for result in results:
        place: dict[str, str] = {"file": result.span.file, "line": str(result.span.line)}
        case = ElementTree.SubElement(suite, "testcase", {"classname": result.pack, "name": result.name, **place})
        for failure in result.failures:
            ElementTree.SubElement(case, "failure", message=failure.message).text = failure.message
    return ElementTree.tostring(suite, encoding="unicode")




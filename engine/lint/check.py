"""What a lint check is, and what it may look at. Checks only read; facts are computed once, before they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from engine.language.diagnostics import Finding, Severity
from engine.ruleset.linker import PackFiles
from engine.ruleset.rules import Ruleset


@dataclass(frozen=True, slots=True)
class LintContext:
    """Everything a check may read: the files as written, the linked rules, and what loading and linking found.

    ``today`` comes from the caller, because a check may not read the clock. ``covered``: rule keys that some test
    makes fire and hold back (AT601), computed from the test documents.
    """

    packs: Sequence[PackFiles]
    ruleset: Ruleset
    today: date
    found: Mapping[str, Sequence[Finding]]  # findings of loading and linking, by code


@dataclass(frozen=True, slots=True)
class Page:
    """The documentation of a check, rendered to ``docs/lint/<code>.md``. ``avoid`` and ``prefer`` are YAML."""

    avoid: str
    prefer: str
    why: str
    exceptions: str


@dataclass(frozen=True, slots=True)
class Check:
    """One check. ``run`` yields findings in any order; loader and linker findings are passed through by their check."""

    code: str
    name: str
    summary: str
    page: Page
    run: Callable[[LintContext], Iterable[Finding]]
    severity: Severity = Severity.ERROR


def passed_through(code: str) -> Callable[[LintContext], Iterable[Finding]]:
    """The ``run`` of a check whose findings are made while loading or linking."""
    return lambda context: context.found.get(code, ())

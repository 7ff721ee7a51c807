"""Paths in, findings out: discover, load, link, check, suppress. Nothing here prints or knows a check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from engine.language.diagnostics import Finding, Severity
from engine.lint.check import LintContext
from engine.lint.registry import code_of, codes, selected
from engine.lint.suppress import apply_suppressions
from engine.market.facts import FactSpec
from engine.market.manifest import CORE
from engine.ruleset import models
from engine.ruleset.discover import DiscoveryError, Pack, discover
from engine.ruleset.link import link
from engine.ruleset.linker import SHARED, PackFiles
from engine.ruleset.load import PACK_FILE, LoadedFile


@dataclass(frozen=True, slots=True)
class LintResult:
    """``findings`` in the order of their places; ``files`` are those that were asked for (the rest was context)."""

    findings: tuple[Finding, ...]
    files: tuple[LoadedFile, ...]

    @property
    def texts(self) -> Mapping[str, str]:
        """Text by file name, as the spans of the findings name the files."""
        return {file.path.as_posix(): file.text for file in self.files}

    def at_least(self, level: Severity) -> tuple[Finding, ...]:
        """The findings at or above a level."""
        return tuple(f for f in self.findings if level is Severity.WARNING or f.severity is Severity.ERROR)


def lint(
    paths: Iterable[Path],
    today: date,
    manifest: Sequence[FactSpec] = CORE,
    select: Iterable[str] | None = None,
) -> LintResult:
    """Lint every rule file at or below ``paths``.

    ``today`` decides whether a suppression has expired. ``select`` names checks by code or name (None: all).
    Raises DiscoveryError for a path that cannot be searched or holds no rule files, UnknownCheckError for ``select``.
    """
    asked_paths = list(paths)
    packs = discover(asked_paths)
    asked = {file.path.as_posix() for pack in packs for file in _asked(pack)}
    if not asked:
        listed = ", ".join(str(path) for path in asked_paths)
        raise DiscoveryError(f"there are no rule files (*.yaml) at or below {listed}")
    context = [*packs, *_context(packs)]
    linked = [PackFiles(pack.name, pack.loaded) for pack in context]
    files = tuple(file for pack in packs for file in pack.loaded if file.path.as_posix() in asked)
    return LintResult(lint_packs(linked, today, manifest, select, asked), files)


def lint_packs(
    packs: Sequence[PackFiles],
    today: date,
    manifest: Sequence[FactSpec] = CORE,
    select: Iterable[str] | None = None,
    asked: Collection[str] | None = None,
) -> tuple[Finding, ...]:
    """Like ``lint`` for packs already loaded. ``asked`` are the files to report on, by name (None: all)."""
    chosen = selected(select)
    ruleset = link(packs, manifest)
    found = _by_code(ruleset.findings)
    context = LintContext(packs, ruleset, today, found)
    findings: dict[tuple[object, ...], Finding] = {}
    for check in chosen:
        for finding in check.run(context):
            if finding.severity is not check.severity:
                finding = replace(finding, severity=check.severity)
            findings.setdefault((finding.code, finding.primary, finding.message), finding)
    if select is None:  # a mistake that no check passes on must not vanish
        for code in sorted(found.keys() - {check.code for check in chosen}):
            findings.update(((f.code, f.primary, f.message), f) for f in found[code])
    ran = set(codes().values()) if select is None else {code_of(check.code) for check in chosen}
    files = [file for pack in packs for file in pack.files]
    kept = apply_suppressions(list(findings.values()), files, today, ran)
    if asked is not None:
        kept = [finding for finding in kept if any(span.file in asked for span in finding.spans)]
    return tuple(sorted(kept, key=lambda finding: finding.sort_key))


def _by_code(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.code, []).append(finding)
    return found


def _asked(pack: Pack) -> Iterator[LoadedFile]:
    return (file for file in pack.loaded if file.path in pack.asked)


def _context(packs: Sequence[Pack]) -> list[Pack]:
    """Packs beside those asked for that these need: the shared one, and those that a rule names."""
    known = {pack.folder.resolve() for pack in packs}
    wanted = {SHARED, *(word for pack in packs for word in _named_packs(pack))}
    beside: set[Path] = set()
    for pack in packs:
        if pack.manifest is None:
            continue
        for manifest in pack.folder.resolve().parent.glob(f"*/{PACK_FILE}"):
            if any(fnmatchcase(manifest.parent.name, pattern) for pattern in wanted):
                beside.add(manifest.parent)
    return discover(sorted(beside - known))


def _named_packs(pack: Pack) -> Iterator[str]:
    """What stands where a rule names other rules: ``kalshi_alpha``, or the pack of ``kalshi_alpha.*``."""
    for document in pack.documents:
        match document.model:
            case models.Exit(for_=patterns) | models.Gate(for_=patterns) | models.Guard(strategies=patterns):
                pass
            case models.Session(allow=allow, block=block):
                patterns = (*(allow or ()), *(block or ()))
            case _:
                continue
        for pattern in patterns:
            word, dot, _ = str(pattern).partition(".")
            if dot or (isinstance(document.model, models.Gate) and word != "*"):
                yield word

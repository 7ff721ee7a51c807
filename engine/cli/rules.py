"""Loading rules for the verbs: discover, link, refuse what has errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.cli.errors import UserError
from engine.cli.manifest import MANIFEST
from engine.language.diagnostics import Severity, did_you_mean
from engine.lint.render import render_text
from engine.ruleset.discover import discover
from engine.ruleset.link import link
from engine.ruleset.linker import SHARED, PackFiles
from engine.ruleset.rules import Ruleset


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """Linked rules with the text of every file, by the name that findings use; ``files`` by pack, for the store."""

    ruleset: Ruleset
    texts: dict[str, str]
    files: dict[str, dict[str, str]]


def load_rules(paths: Sequence[Path], packs: Sequence[str] = ()) -> LoadedRules:
    """Link the packs at ``paths``; ``packs`` names those wanted (empty: all). Rules with errors are refused."""
    found = discover(paths)
    names = [p.name for p in found]
    for wanted in packs:
        if wanted not in names:
            close = did_you_mean(wanted, names)
            hint = f"did you mean {close}?" if close else f"packs are {', '.join(names) or 'none'}"
            raise UserError(f"there is no pack `{wanted}` in {', '.join(str(p) for p in paths)}; {hint}")
    chosen = [p for p in found if not packs or p.name in packs or p.name == SHARED]
    if not any(p.documents for p in chosen):
        raise UserError(f"there are no rules in {', '.join(str(p) for p in paths)}; `engine init` makes an example")
    ruleset = link([PackFiles(p.name, p.loaded) for p in chosen], MANIFEST)
    texts = {f.source.file.name: f.text for p in chosen for f in p.loaded}
    errors = [f for f in ruleset.findings if f.severity is Severity.ERROR]
    if errors:
        raise UserError(f"these rules have errors and cannot run\n\n{render_text(errors, texts, color=False)}")
    files = {p.name: {f.path.relative_to(p.folder).as_posix(): f.text for f in p.loaded} for p in chosen}
    return LoadedRules(ruleset, texts, files)

"""Loading rules for the verbs: discover, link, refuse what has errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.cli.errors import UserError
from engine.cli.manifest import MANIFEST
from engine.language.diagnostics import Severity, did_you_mean
from engine.lint.render import render_text
from engine.ruleset.discover import Pack, discover
from engine.ruleset.link import link
from engine.ruleset.linker import SHARED, PackFiles
from engine.ruleset.rules import Ruleset


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """Linked rules with the text of every file, by the name that findings use; ``files`` by pack, for the store.

    ``left_out``: packs that trade elsewhere, with where.
    """

    ruleset: Ruleset
    texts: dict[str, str]
    files: dict[str, dict[str, str]]
    left_out: dict[str, str] = field(default_factory=dict)


def load_rules(paths: Sequence[Path], packs: Sequence[str] = (), venue: str | None = None) -> LoadedRules:
    """Link the packs at ``paths``; ``packs`` names those wanted (empty: all, or all that say they trade on ``venue``).

    Rules with errors are refused.
    """
    found = discover(paths)
    names = [p.name for p in found]
    for wanted in packs:
        if wanted not in names:
            close = did_you_mean(wanted, names)
            hint = f"did you mean {close}?" if close else f"packs are {', '.join(names) or 'none'}"
            raise UserError(f"there is no pack `{wanted}` in {', '.join(str(p) for p in paths)}; {hint}")
    left_out = {} if packs or venue is None else _elsewhere(found, venue)
    chosen = [p for p in found if p.name == SHARED or (p.name in packs if packs else p.name not in left_out)]
    if left_out and all(p.name == SHARED for p in chosen):
        raise UserError(
            f"no pack in {', '.join(str(p) for p in paths)} is for {venue}: choose --pack {' or '.join(left_out)}, or "
            f"make a folder with one: engine init DIR --venue {venue}"
        )
    if not any(p.documents for p in chosen):
        raise UserError(f"there are no rules in {', '.join(str(p) for p in paths)}; `engine init` makes an example")
    ruleset = link([PackFiles(p.name, p.loaded) for p in chosen], MANIFEST)
    texts = {f.source.file.name: f.text for p in chosen for f in p.loaded}
    errors = [f for f in ruleset.findings if f.severity is Severity.ERROR]
    if errors:
        raise UserError(f"these rules have errors and cannot run\n\n{render_text(errors, texts, color=False)}")
    files = {p.name: {f.path.relative_to(p.folder).as_posix(): f.text for f in p.loaded} for p in chosen}
    return LoadedRules(ruleset, texts, files, left_out)


def _elsewhere(found: Sequence[Pack], venue: str) -> dict[str, str]:
    """Packs that say that they trade elsewhere, with where."""
    said = {p.name: str(p.model.venue) for p in found if p.model is not None and p.name != SHARED}
    return {name: where for name, where in said.items() if where != venue}

"""``engine fmt``: rule files in their one layout, comments kept, content untouched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.errors import ExitCode, UserError
from engine.lint.render import render_text
from engine.ruleset.discover import discover
from engine.ruleset.fmt import FormatRefused, format_text


def command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Packs, folders of packs, or rule files.")],
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 when a file would change.")] = False,
) -> int:
    """Format rule files."""
    loaded = [(pack, file.path) for pack in discover(paths) for file in pack.loaded]
    files = sorted({path for pack, path in loaded if path in pack.asked or _given(path, paths)})
    if not files:
        raise UserError(f"there are no rule files in {', '.join(str(p) for p in paths)}")
    changed = [path for path in files if _format(path, check)]
    for path in changed:
        print(f"{'would change' if check else 'formatted'} {path}")
    print(f"{len(files)} files, {len(changed)} {'to change' if check else 'changed'}")
    return ExitCode.NO if check and changed else ExitCode.GOOD


def _given(path: Path, paths: list[Path]) -> bool:
    return any(given.is_dir() and path.is_relative_to(given) for given in paths)


def _format(path: Path, check: bool) -> bool:
    """Whether the file differs from its layout; rewrites it unless only asked."""
    text = path.read_text(encoding="utf-8")
    try:
        formatted = format_text(text, str(path))
    except FormatRefused as refused:
        shown = render_text(list(refused.findings), {str(path): text}, color=False)
        raise UserError(f"{path} cannot be formatted\n\n{shown}") from None
    if formatted == text:
        return False
    if not check:
        temporary = path.with_suffix(path.suffix + ".tmp")
        temporary.write_text(formatted, encoding="utf-8")
        temporary.replace(path)
    return True

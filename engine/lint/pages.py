"""The documentation of the checks, made from the checks: a page for each code, and an index. `make docs` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from engine.language.diagnostics import Severity
from engine.lint.check import Check
from engine.lint.registry import checks

INDEX = "README.md"
_GROUPS = {
    "AT0": "Files",
    "AT1": "Names",
    "AT2": "Units, types and missing data",
    "AT3": "Logic",
    "AT4": "Orders",
    "AT5": "Upkeep",
    "AT6": "Tests",
}
_INTRODUCTION = """\
# Lint

`engine lint PATH...` finds mistakes that a rule file can show before it runs. Errors stop a run (exit code 1);
warnings do not, unless `--fail-level warning` says so. No check is about style: `engine fmt` owns style. A code and
a name mean the same everywhere.

A finding that was looked at and accepted is suppressed by a comment, which has to give a reason and may end:

```yaml
# engine: ignore AT406 until 2027-01-01 -- the venue stops repeats
```

Behind a line it concerns that line, alone on its line the next one, and above the first field of a document the whole
document. Needless and expired suppressions are findings themselves ([AT005](AT005.md)).

These pages are made from the checks (`make docs`); the examples on them are run as tests.
"""


def pages() -> Mapping[str, str]:
    """Text of every page by file name, the index among them."""
    found = {code: list(group) for code, group in groupby(checks(), key=lambda check: check.code)}
    return {
        INDEX: _index(),
        **{f"{code}.md": "\n".join(_page(check) for check in group) for code, group in found.items()},
    }


def write_pages(folder: Path) -> None:
    """Write all pages, and remove those of checks that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = pages()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for stale in folder.glob("AT*.md"):
        if stale.name not in texts:
            stale.unlink()


def _index() -> str:
    lines = [_INTRODUCTION]
    for prefix, group in groupby(checks(), key=lambda check: check.code[:3]):
        lines += [f"## {_GROUPS[prefix]}", "", "| Code | Name | Finds | |", "|---|---|---|---|"]
        lines += [
            f"| [{check.code}]({check.code}.md) | {check.name} | {_cell(check.summary)} | {check.severity} |"
            for check in group
        ]
        lines.append("")
    return "\n".join(lines)


def _page(check: Check) -> str:
    level = "an error" if check.severity is Severity.ERROR else "a warning"
    return f"""\
# {check.code} {check.name}

{check.summary[0].upper()}{check.summary[1:].rstrip(".")}. It is {level}.

## Avoid

```yaml
{check.page.avoid.rstrip()}
```

## Prefer

```yaml
{check.page.prefer.rstrip()}
```

## Why

{check.page.why.rstrip()}

## Exceptions

{check.page.exceptions.rstrip()}
"""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

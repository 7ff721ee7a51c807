"""Whoever does what a message says must not install a stranger's package: `autotrader` on PyPI is another project."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[1]
BY_NAME = re.compile(r"pip install[^\n`]*\bautotrader\b(?!/)")


def test_nobody_is_told_to_install_the_engine_by_its_name() -> None:
    files = [PROJECT / "README.md", PROJECT / "Dockerfile", *(PROJECT / "docs").rglob("*.md")]
    for folder in ("engine", "connectors", "state"):
        files += (PROJECT / folder).rglob("*.py")
    told = {
        str(file.relative_to(PROJECT)): found.group()
        for file in files
        if (found := BY_NAME.search(file.read_text(encoding="utf-8")))
    }
    assert told == {}

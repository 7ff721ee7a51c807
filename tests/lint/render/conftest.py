"""Findings for the renderers, written as a person would point at them: by the text that a span covers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.language.diagnostics import Edit, Finding, Severity, Span

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True, slots=True)
class Case:
    findings: list[Finding]
    sources: dict[str, str]


@pytest.fixture
def case() -> Callable[[str], Case]:
    """Reads ``cases/<name>.yaml``."""

    def read(name: str) -> Case:
        said = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
        return Case([_finding(one, said["files"]) for one in said["findings"]], said["files"])

    return read


def _finding(said: Mapping[str, Any], files: Mapping[str, str]) -> Finding:
    return Finding(
        code=said["code"],
        name=said["name"],
        message=said["message"],
        spans=tuple(_span(span, files) for span in said["spans"]),
        severity=Severity(said.get("severity", "error")),
        help=said.get("help", ""),
        witness=said.get("witness", ""),
        edits=tuple(Edit(_span(edit, files), edit["replacement"]) for edit in said.get("edits", ())),
    )


def _span(said: Mapping[str, Any], files: Mapping[str, str]) -> Span:
    """``find``: the first such text; ``at``: line, column, end line and end column."""
    name = said.get("file", next(iter(files)))
    label = said.get("label", "")
    if "at" in said:
        return Span(name, *said["at"], label)
    start = files[name].index(said["find"])
    end = start + len(said["find"])
    return Span(name, *_position(files[name], start), *_position(files[name], end), label)


def _position(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1

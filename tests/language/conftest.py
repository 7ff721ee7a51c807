"""Shared by the tests of the language: expressions checked against the engine's own facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from engine.language.check import Checker, Names, ParameterName
from engine.language.diagnostics import Span
from engine.language.functions import CATALOGUE
from engine.language.types import Kind, Type, Varies
from engine.market.facts import Scope
from engine.market.manifest import CORE


class Text:
    """A one-line text source."""

    cut = False

    def __init__(self, text: str) -> None:
        self.text = text

    def span(self, start: int, end: int, label: str = "") -> Span:
        return Span("rule.yaml", 1, start + 1, 1, end + 1, label)


Check = Callable[..., Checker]


@pytest.fixture
def check() -> Check:
    """Checks one expression; the checker's ``result`` is the term or None."""

    def run(
        text: str,
        *wanted: Kind,
        lets: Mapping[str, str] | None = None,
        scopes: frozenset[Scope] = frozenset(Scope) - {Scope.STATS, Scope.ORDER},
        zoned: bool = True,
    ) -> Checker:
        number = Type(Kind.NUMBER, Varies.PARAMETER, False, frozenset({Kind.NUMBER, Kind.QUANTITY}))
        names = Names(
            {spec.name: spec for spec in CORE}, CATALOGUE, 60, scopes,
            {"fast": ParameterName("pack.rule.fast", number, Text("20"))},
            {name: Text(expression) for name, expression in (lets or {}).items()}, zoned,
        )  # fmt: skip
        checker = Checker(names)
        checker.result = checker.expression(Text(text), wanted, "this")  # type: ignore[attr-defined]
        return checker

    return run

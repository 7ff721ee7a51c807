"""Brands of contracts and organisations of the leaderboard: one table with a version, and nothing is guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Organisations:
    """``version`` of the table; names are compared without regard to case."""

    version: int
    of_brand: Mapping[str, frozenset[str]]  # brand, casefolded: organisations, casefolded
    known: frozenset[str]  # organisations, casefolded
    brands: tuple[str, ...]  # as the venue writes them

    def behind(self, brand: str) -> frozenset[str] | None:
        """The organisations that a brand stands for; None for a brand that is not in the table."""
        return self.of_brand.get(brand.strip().casefold())

    def brand_of(self, organization: str) -> str | None:
        """The brand whose contract an organisation makes win; None where there is none."""
        wanted = organization.strip().casefold()
        return next((brand for brand in self.brands if wanted in self.of_brand[brand.casefold()]), None)

    def knows(self, organization: str) -> bool:
        return organization.strip().casefold() in self.known


@cache
def organisations() -> Organisations:
    """The table that comes with the project."""
    told = json.loads(files("connectors.arena").joinpath("organisations.json").read_text(encoding="utf-8"))
    brands = {name.casefold(): frozenset(org.casefold() for org in orgs) for name, orgs in told["brands"].items()}
    for name, same in told["same_brand"].items():
        brands[name.casefold()] = brands[same.casefold()]
    without = {org.casefold() for org in told["without_a_contract"]}
    return Organisations(told["version"], brands, frozenset(without.union(*brands.values())), tuple(told["brands"]))

"""The facts ``options.*``, from option chain snapshots. They are unknown until a source observes them."""

from __future__ import annotations

from engine.market.facts import FactSpec, Manifest, Scope

_SEEN = "when the chain snapshot arrives"


def _options(name: str, kind: str, about: str, unit: str = "") -> FactSpec:
    return FactSpec(f"options.{name}", kind, Scope.SIGNAL, about, _SEEN, True, unit, live=True)


OPTIONS: Manifest = (
    _options("volume", "quantity", "Contracts traded today over the near expirations.", "contracts"),
    _options("open_interest", "quantity", "Contracts open over the near expirations.", "contracts"),
    _options("implied_volatility", "ratio", "Implied volatility at the money, per year."),
    _options("put_call_ratio", "number", "Put volume over call volume today."),
    _options("spread_ratio", "ratio", "Spread of the option at the money as a share of its mid price."),
)

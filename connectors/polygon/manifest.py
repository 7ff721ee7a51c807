"""The facts of this connector: ``options.*`` from option chain snapshots, ``index.value`` from the stream."""

from __future__ import annotations

from engine.market.facts import FactSpec, Manifest, Scope

_SEEN = "when the chain snapshot arrives; unknown again when no new one comes"
INDEX_VALUE = "index.value"


def _options(name: str, kind: str, about: str, unit: str = "") -> FactSpec:
    return FactSpec(f"options.{name}", kind, Scope.SIGNAL, about, _SEEN, True, unit, live=True)


OPTIONS: Manifest = (
    _options("volume", "quantity", "Contracts traded today over the near expirations.", "contracts"),
    _options("call_volume", "quantity", "Calls among them.", "contracts"),
    _options("put_volume", "quantity", "Puts among them.", "contracts"),
    _options("open_interest", "quantity", "Contracts open over the near expirations at the last close.", "contracts"),
    _options("implied_volatility", "ratio", "Implied volatility at the money, per year."),
    _options("put_call_ratio", "number", "Put volume over call volume today; unknown while no call has traded."),
    _options(
        "flow_call_share", "ratio",
        "Share of calls in what traded between the last two snapshots; unknown when nothing did.",
    ),
    _options("spread_ratio", "ratio", "Spread of the option at the money as a share of its mid price."),
)  # fmt: skip

POLYGON: Manifest = (
    *OPTIONS,
    FactSpec(
        INDEX_VALUE, "price", Scope.SIGNAL, "Value of an index between its bars.",
        "with every value of the stream; unknown while the connection is down", True, "points", live=True,
    ),
)  # fmt: skip

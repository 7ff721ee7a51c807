"""Which faults can be had here, and where; they are written as for the other practice venues."""

from __future__ import annotations

from connectors.simulators.kalshi.faults import Faults, FaultSpecError, parse_faults

HTTP = frozenset({"drop-before", "hang", "slow", "429", "5xx", "html"})
WEBSOCKET = frozenset({"ws-duplicate", "ws-lose", "ws-reorder", "ws-close", "ws-half-open"})
REQUESTS = frozenset(
    {"read", "aggs", "chain", "contract", "contracts", "tickers", "status", "indices", "nbbo", "trade"}
)
CHANNELS = frozenset({"A", "AM", "Q", "V", "T"})
# The reader of specifications has scopes in small letters.
SCOPES = REQUESTS | frozenset(channel.lower() for channel in CHANNELS) | {"websocket"}


def make_faults(seed: int, spec: str) -> Faults:
    """The faults of a specification. FaultSpecError for kinds that mean nothing here."""
    check(spec)
    faults = Faults(seed, SCOPES)
    faults.set(spec)
    return faults


def check(spec: str) -> None:
    """Raise FaultSpecError unless every entry can be had here."""
    for rule in parse_faults(spec, SCOPES):
        if rule.kind not in HTTP | WEBSOCKET:
            raise FaultSpecError(
                f"fault `{rule.kind}`: this vendor takes no orders; there are {', '.join(sorted(HTTP | WEBSOCKET))}"
            )



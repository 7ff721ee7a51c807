"""The facts of the signal file that rules may read. Unknown where the file has none, or an expired or a faulty one."""

from __future__ import annotations

from engine.market.facts import FactSpec, Manifest, Scope

_AS_OF = "at the signal's own as_of, so that age() is the age of the signal"

LISTED, FAIR, SAID, CONFIDENCE, SOURCE, EXPIRES = (
    "alpha.listed", "alpha.fair", "alpha.said", "alpha.confidence", "alpha.source", "alpha.expires",
)  # fmt: skip

ALPHA: Manifest = (
    FactSpec(LISTED, "bool", Scope.SIGNAL, "Whether the signal file lists the market.", "when the file is read", True),
    FactSpec(FAIR, "probability", Scope.SIGNAL, "Fair probability of YES; unknown once the signal has expired.", _AS_OF,
             True, live=True),
    FactSpec(SAID, "probability", Scope.SIGNAL,
             "What its maker said of YES, before outcomes corrected it; the same as alpha.fair where nothing did.",
             _AS_OF, True, live=True),
    FactSpec(CONFIDENCE, "ratio", Scope.SIGNAL, "How much its maker trusts it, 0 to 1.", _AS_OF, True),
    FactSpec(SOURCE, "text", Scope.SIGNAL, "Who made it.", _AS_OF, True),
    FactSpec(EXPIRES, "time", Scope.SIGNAL, "When it ceases to count.", _AS_OF, True),
)  # fmt: skip

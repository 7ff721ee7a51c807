"""Every fact that the engine and its connectors publish: what rules may refer to."""

from __future__ import annotations

from connectors.alpha.manifest import ALPHA
from connectors.arena.manifest import ARENA
from connectors.kalshi.manifest import KALSHI
from connectors.polygon.manifest import POLYGON
from connectors.tennis.manifest import TENNIS
from engine.market.facts import Manifest
from engine.market.manifest import CORE

MANIFEST: Manifest = CORE + POLYGON + KALSHI + ALPHA + TENNIS + ARENA

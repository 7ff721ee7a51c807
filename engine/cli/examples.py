"""What stands in for sources of signals on a simulated market: made-up markets with what a source would say of them.

A source that has an example is one entry of ``EXAMPLES``; a pack on it then runs without a venue, a network or a file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from engine.cli.sources import SOURCES, PackLines, asking, wanted_sources
from engine.market.events import MarketSource
from engine.ruleset.rules import Ruleset


class Example(NamedTuple):
    """``ticks``: the market of some of ``tickers``, for so many days and from a seed; ``title``: a market's name."""

    tickers: Collection[str]
    ticks: Callable[[Collection[str], int, int], MarketSource]
    title: Callable[[str], str]


def _tennis() -> Example:
    from connectors.simulated.matches import MatchSource, example_matches

    matches = example_matches()

    def ticks(tickers: Collection[str], days: int, seed: int) -> MarketSource:
        return MatchSource({t: match for t, match in matches.items() if t in tickers}, days=days, seed=seed)

    return Example(tuple(matches), ticks, lambda ticker: matches[ticker].title)


EXAMPLES: Mapping[str, Callable[[], Example]] = {"tennis": _tennis}


def examples_for(ruleset: Ruleset) -> dict[str, Example]:
    """Examples of the sources that these rules trade on, as far as there are any."""
    return {name: EXAMPLES[name]() for name in wanted_sources(ruleset) if name in EXAMPLES}


def example_lines(
    examples: Mapping[str, Example], ruleset: Ruleset, write: Callable[[str], None], timezone: str, *, dry: bool
) -> dict[str, PackLines]:
    """Recorders of the packs on these examples that tell of themselves, by pack."""
    found: dict[str, PackLines] = {}
    for name, example in examples.items():
        lines = SOURCES[name].lines
        if lines is not None:
            for pack in dict.fromkeys(strategy.pack for strategy in asking(ruleset, name)):
                found[pack] = lines(pack, example, write, timezone, dry)
    return found

"""``docs/statistics.md``, made from the catalogue of statistics and from what was measured of the gates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.research.statistics.catalogue import SECTIONS, Statistic

MEASURED = Path("measured") / "placebo.json"
INTRO = """\
# Statistics

What reports and gates say about results, each figure by a stated formula. A figure that cannot be computed is unknown,
never 0; a gate that asks for it does not pass. `stats.*` are the names that gates use.

Chance is judged by event, not by trade: the legs of one event win and lose together, so they are one observation.
Random draws start from a fixed seed: the same trades always get the same verdict.
"""
GATES = """\
## What the gates let through

Gates were tried on simulated strategies. The market is a venue of contracts that pay $1: prices from 15 to 85 cents, a
spread of 1 to 4 cents, Kalshi's fee, 10 contracts a trade. Each strategy is the best of 200 sets of parameters on a
history of 400 events, unless its name says otherwise, as strategies come about by search. "Judged on what chose it" is
the common fault of taking the data of the search as evidence; "asked weekly" is the habit of asking until the answer
is yes.

Edges are net of costs, and those of the other sets lie between nothing and that. The second table is the price of
strictness: a small edge, or a large one with little history, has to wait. The simulation knows nothing of faults other
than chance: wrong fills, stale prices, a market that changes.
"""


def statistics_page(docs: Path) -> str:
    """The whole page; ``docs`` holds what was measured."""
    parts = [INTRO]
    for title, statistics in SECTIONS.items():
        parts.append(f"## {title}\n\n" + "\n".join(map(_entry, statistics)) + "\n")
    measured = json.loads((docs / MEASURED).read_text(encoding="utf-8"))
    return "\n".join((*parts, GATES, _measured(measured)))


def _entry(one: Statistic) -> str:
    """One definition as a list item."""
    names = f"`{one.name}`" + (f", in gates `{one.fact}`" if one.fact else "")
    lines = [f"- **{names}** ({one.unit}): {one.about}"]
    for label, text in (("Formula", one.formula), ("Source", one.source), ("Unknown", one.unknown)):
        if text:
            lines.append(f"  {label}: {f'`{text}`' if label == 'Formula' else text}.")
    return "\n".join(lines)


def _measured(measured: dict[str, Any]) -> str:
    when = f"Measured on {measured['date']} with version {measured['version']}"
    parts = [f"{when}: `{measured['command']}`. In brackets the 95% Wilson interval."]
    for pack in measured["packs"].values():
        for title, key in (("Without any edge", "without_edge"), ("With a real edge", "with_edge")):
            head = [title, *(f"`{gate.rpartition('.')[2]}`" for gate in pack["gates"]), "all gates"]
            rows = [head, ["---"] * len(head)]
            for row in pack[key]:
                shares = [*(row["gates"][gate] for gate in pack["gates"]), row["all_gates"]]
                rows.append([row["kind"], *map(_share, shares)])
            parts.append("\n".join(f"| {' | '.join(cells)} |" for cells in rows))
    return "\n\n".join(parts) + "\n"


def _share(one: dict[str, Any]) -> str:
    return f"{one['rate']:.1%} [{one['low']:.1%}, {one['high']:.1%}]"

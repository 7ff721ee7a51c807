"""Heat maps as static SVG text: two parameters against each other, the colour says what the sets there came to."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.report.layout import clean, money

_LEFT, _TOP, _HEIGHT = 76, 8, 34
_WIDTH = 420
_FAINTEST, _STRONGEST = 0.1, 0.55
"""Opacity of the cells closest to zero and farthest from it: numbers stay readable, on light and on dark pages."""

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """``cells``: mean (money) and how many sets it is the mean of, by place across and down; a place without a set is
    missing. ``best``: the place of the set that was ranked first, or None."""

    across: str
    down: str
    across_values: Sequence[str]
    down_values: Sequence[str]
    cells: Mapping[Place, tuple[float, int]]
    best: Place | None

    @property
    def spread(self) -> float:
        """How much the two parameters matter together: the best mean less the worst."""
        means = [mean for mean, _ in self.cells.values()]
        return max(means) - min(means) if means else 0.0


def heat_map(shown: HeatMap) -> str:
    """The map as a figure. Blue is above zero and orange below, the stronger the further; a frame is the best set."""
    columns, rows = len(shown.across_values), len(shown.down_values)
    width = (_WIDTH - _LEFT - 4) / columns
    parts = [
        _cell(shown, (x, y), _LEFT + x * width, _TOP + y * _HEIGHT, width)
        for y in range(rows)
        for x in range(columns)
    ]
    for x, value in enumerate(shown.across_values):
        parts.append(_label(_LEFT + (x + 0.5) * width, _TOP + rows * _HEIGHT + 16, "middle", value))
    for y, value in enumerate(shown.down_values):
        parts.append(_label(_LEFT - 8, _TOP + (y + 0.5) * _HEIGHT + 4, "end", value))
    if shown.best is not None:
        x, y = shown.best
        parts.append(
            f'<rect class="best" x="{_LEFT + x * width + 1:.1f}" y="{_TOP + y * _HEIGHT + 1:.1f}" '
            f'width="{width - 2:.1f}" height="{_HEIGHT - 2}"/>'
        )
    about = f"{shown.down} (down) against {shown.across} (across)"
    height = _TOP + rows * _HEIGHT + 26
    return (
        f"<figure><figcaption>{_text(about)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{_text(about)}">{"".join(parts)}</svg></figure>'
    )


def _cell(shown: HeatMap, place: Place, x: float, y: float, width: float) -> str:
    box = f'x="{x:.1f}" y="{y:.1f}" width="{width - 1:.1f}" height="{_HEIGHT - 1}"'
    if place not in shown.cells:
        return f'<rect class="empty" {box}><title>no set was tried here</title></rect>'
    mean, count = shown.cells[place]
    sizes = [abs(one) for one, _ in shown.cells.values()]
    range_ = max(sizes) - min(sizes)
    opacity = _FAINTEST + (_STRONGEST - _FAINTEST) * ((abs(mean) - min(sizes)) / range_ if range_ else 1.0)
    where = f"{shown.across} {shown.across_values[place[0]]}, {shown.down} {shown.down_values[place[1]]}"
    title = f"{where}: {money(mean)} a trade, mean of {count} {'set' if count == 1 else 'sets'}"
    return (
        f'<rect class="{"gain" if mean > 0 else "loss"}" {box} fill-opacity="{opacity:.3f}">'
        f"<title>{_text(title)}</title></rect>"
        f'<text class="cell-text" x="{x + width / 2:.1f}" y="{y + _HEIGHT / 2 + 4:.1f}" text-anchor="middle" '
        f'pointer-events="none">{_text(money(mean))}</text>'
    )


def _label(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_text(text)}</text>'


def _text(text: str) -> str:
    return html.escape(clean(text))

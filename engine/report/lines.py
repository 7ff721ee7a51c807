"""Small line charts as static SVG text: a figure over time against what it must be."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from itertools import groupby

from engine.report.layout import clean

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 420, 150, 10, 84, 10, 22


def line_chart(
    title: str, values: Sequence[float | None], labels: tuple[str, str], need: float | None,
    write: Callable[[float], str],
) -> str:  # fmt: skip
    """Values evenly apart, with ``labels`` under the first and the last; an unknown one leaves a gap. The dashed line
    is ``need``. Empty text where no value is known."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    shown = known if need is None else [*known, need]
    low, high = min(shown), max(shown)
    margin = (high - low) * 0.1 or max(abs(high) * 0.1, 1e-6)
    low, high = low - margin, high + margin

    def x(index: int) -> float:
        return _LEFT + (index / (len(values) - 1) if len(values) > 1 else 0.5) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    if need is not None:
        parts.append(f'<line class="even" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(need):.1f}" y2="{y(need):.1f}"/>')
        parts.append(f'<text x="{_WIDTH - _RIGHT + 6}" y="{y(need) + 4:.1f}">{html.escape(write(need))}</text>')
    for is_known, run in groupby(enumerate(values), key=lambda pair: pair[1] is not None):
        if is_known:
            points = [f"{x(index):.1f},{y(value):.1f}" for index, value in run if value is not None]
            parts.append(f'<path class="line-a" d="M{"L".join(points)}"/>')
    last = max(index for index, value in enumerate(values) if value is not None)
    newest = values[last]
    assert newest is not None
    parts.append(f'<circle class="dot-a" cx="{x(last):.1f}" cy="{y(newest):.1f}" r="3.5"/>')
    if need is None or abs(y(newest) - y(need)) > 12:
        parts.append(f'<text x="{_WIDTH - _RIGHT + 6}" y="{y(newest) + 4:.1f}">{html.escape(write(newest))}</text>')
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 4}">{html.escape(labels[0])}</text>')
    parts.append(f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 4}" text-anchor="end">{html.escape(labels[1])}</text>')
    said = html.escape(clean(title))
    return (
        f"<figure><figcaption>{said}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">{"".join(parts)}</svg></figure>'
    )

"""How the column engine's time grows with bars, symbols, rules and sets; a table and an SVG of it.

Each is doubled while the others stay; the slope in logarithms is the power of growth (1 is linear). Seconds of the
processor, best of several runs. Run: ``python -m benchmarks.columns_growth [--out growth.svg] [--times 3]``.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from benchmarks.column_world import bars, best, parts
from benchmarks.machine import header
from engine.research.sets import run_sets

RULE = """---
kind: strategy
name: rule_{n}
when: ["close > sma(close, {n} + 5) * 1.004", not position.open]
cooldown: 60m
then: {{buy: {{size: 3, bracket: {{stop: close - 0.2% * close, target: close + 0.4% * close}}}}}}
"""
NAMES = ("SPY", "QQQ", "IWM", "DIA", "TSLA", "AAPL", "MSFT", "NVDA")
Series = tuple[str, list[int], list[float]]


def by_bars(count: int) -> Callable[[], object]:
    assembly, market = parts(), bars(count)
    return lambda: run_sets(assembly, market, [{}])


def by_symbols(count: int) -> Callable[[], object]:
    assembly, market = parts(NAMES[:count]), bars(20_000, NAMES[:count])
    return lambda: run_sets(assembly, market, [{}])


def by_rules(count: int) -> Callable[[], object]:
    assembly, market = parts(more_rules="".join(RULE.format(n=n) for n in range(count))), bars(20_000)
    return lambda: run_sets(assembly, market, [{}])


def by_sets(count: int) -> Callable[[], object]:
    assembly, market = parts(), bars(20_000)
    sets = [{"ema.cross.fast": float(5 + n % 16), "ema.cross.slow": float(30 + n // 16)} for n in range(count)]
    return lambda: run_sets(assembly, market, sets)


MEASURES = {
    "bars": (by_bars, [62_500, 125_000, 250_000, 500_000]), "symbols": (by_symbols, [1, 2, 4, 8]),
    "rules": (by_rules, [4, 8, 16, 32]), "sets": (by_sets, [25, 50, 100, 200]),
}  # fmt: skip


def slope(counts: list[int], seconds: list[float]) -> float:
    """The power of growth: least squares in logarithms."""
    x, y = [math.log(c) for c in counts], [math.log(s) for s in seconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)


def svg(found: list[Series]) -> str:
    """Four small plots, both axes in logarithms, with the line that linear growth would take."""
    panels = [_panel(series, 20 + 230 * (n % 2), 20 + 200 * (n // 2)) for n, series in enumerate(found)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 420" font-family="sans-serif" font-size="11">\n'
        '<rect width="480" height="420" fill="white"/>\n' + "".join(panels) + "</svg>\n"
    )


def _panel(series: Series, left: int, top: int) -> str:
    name, counts, seconds = series
    width, height = 200, 140
    span_x = math.log(counts[-1] / counts[0])
    low = min(min(seconds), seconds[-1] * counts[0] / counts[-1])
    span_y = max(math.log(max(seconds) / low), span_x)

    def at(count: float, value: float) -> str:
        x = left + width * math.log(count / counts[0]) / span_x
        return f"{x:.1f},{top + 20 + height * (1 - math.log(value / low) / span_y):.1f}"

    linear = " ".join(at(c, seconds[-1] * c / counts[-1]) for c in (counts[0], counts[-1]))
    measured = " ".join(at(c, s) for c, s in zip(counts, seconds, strict=True))
    dots = "".join(
        '<circle cx="{}" cy="{}" r="3" fill="#1f6feb"/>'.format(*at(c, s).split(","))
        for c, s in zip(counts, seconds, strict=True)
    )
    return (
        f'<text x="{left}" y="{top + 10}">seconds by {name}: power {slope(counts, seconds):.2f}</text>\n'
        f'<rect x="{left}" y="{top + 20}" width="{width}" height="{height}" fill="none" stroke="#bbb"/>\n'
        f'<polyline points="{linear}" fill="none" stroke="#999" stroke-dasharray="4 3"/>\n'
        f'<polyline points="{measured}" fill="none" stroke="#1f6feb"/>{dots}\n'
        f'<text x="{left}" y="{top + 35 + height}">{counts[0]:,} to {counts[-1]:,} {name}, {seconds[0]:.3f} to '
        f"{seconds[-1]:.3f} s</text>\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, help="where the SVG goes")
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    print(header("numba", "numpy"))
    found: list[Series] = []
    for name, (prepare, counts) in MEASURES.items():
        seconds = []
        for count in counts:
            work = prepare(count)
            work()
            seconds.append(best(work, options.times).processor)
        found.append((name, counts, seconds))
        shown = ", ".join(f"{c:,}: {s:.3f} s" for c, s in zip(counts, seconds, strict=True))
        print(f"{name:8} {shown}; power {slope(counts, seconds):.2f} (1 is linear)")
    if options.out is not None:
        options.out.write_text(svg(found))
        print(f"plot written to {options.out}")


if __name__ == "__main__":
    main()

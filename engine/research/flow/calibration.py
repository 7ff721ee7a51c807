"""How prices of a domain have come true, by time to the end: slopes and intercepts of a published kind of table.

logit P(YES) = a + b logit(price), one pair for each domain and horizon (Le 2026, arXiv 2602.19520). The table is the
user's; none is part of this project.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO

COLUMNS = ("domain", "time_bin", "n_trades", "slope_b", "intercept_a")
BINS = {
    "0-1h": (0.0, 1.0), "1-3h": (1.0, 3.0), "3-6h": (3.0, 6.0), "6-12h": (6.0, 12.0), "12-24h": (12.0, 24.0),
    "24-48h": (24.0, 48.0), "2d-1w": (48.0, 168.0), "1w-1mo": (168.0, 720.0), "1mo+": (720.0, math.inf),
}  # fmt: skip


class CalibrationError(Exception):
    """A table that cannot be used, or that does not have what is asked of it. One line with the line and field."""


@dataclass(frozen=True, slots=True)
class Line:
    """logit P = ``intercept`` + ``slope`` × logit(price)."""

    intercept: float = 0.0
    slope: float = 1.0

    def shift(self, odds: float) -> float:
        """How far it moves log-odds."""
        return self.intercept + (self.slope - 1.0) * odds


@dataclass(frozen=True, slots=True)
class Calibration:
    """Lines by domain and time bin; sizes of trades are pooled, weighted by their number."""

    lines: Mapping[tuple[str, str], Line]
    sha256: str

    def line(self, domain: str, hours: float) -> Line:
        """For a market of ``domain`` that ends in so many hours; CalibrationError names what the table has."""
        domains = sorted({name for name, _ in self.lines})
        if domain not in domains:
            raise CalibrationError(f"the table has no domain {domain}; it has {', '.join(domains)}")
        name = next(name for name, (low, high) in BINS.items() if low <= max(hours, 0.0) < high)
        line = self.lines.get((domain, name))
        if line is None:
            raise CalibrationError(f"the table has no horizon {name} for {domain}")
        return line


def parse_calibration(text: str, name: str) -> Calibration:
    """The table in a CSV text of a file called ``name``."""
    reader = csv.DictReader(StringIO(text))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise CalibrationError(f"{name} has no column {', '.join(missing)}; it needs {', '.join(COLUMNS)}")
    sums: dict[tuple[str, str], list[float]] = {}
    for row in reader:
        where = f"{name}:{reader.line_num}"
        if row["time_bin"] not in BINS:
            raise CalibrationError(f"{where}: time_bin {row['time_bin']} is none of {', '.join(BINS)}")
        count, slope, intercept = (_number(row, column, where) for column in ("n_trades", "slope_b", "intercept_a"))
        total = sums.setdefault((row["domain"], row["time_bin"]), [0.0, 0.0, 0.0])
        total[0] += count
        total[1] += count * intercept
        total[2] += count * slope
    if not sums:
        raise CalibrationError(f"{name} has no rows")
    lines = {key: Line(a / n, b / n) for key, (n, a, b) in sums.items() if n > 0}
    return Calibration(lines, sha256(text.encode()).hexdigest())


def _number(row: Mapping[str, str | None], column: str, where: str) -> float:
    try:
        number = float(row[column] or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (column == "n_trades" and number < 0):
        raise CalibrationError(f"{where}: {column} {row[column]!r} is no number to calibrate with")
    return number

"""The trial ledger: every parameter set that was ever evaluated, and every look at a holdout. Only added to.

How many sets were tried decides how good the best of them looks by chance alone, so that number is counted here and
not declared. The database refuses to alter, replace or remove a row: nothing that was tried can be taken back. The same
sweep run again adds nothing: its sets are the same rows.
"""

from __future__ import annotations

import json
import zlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import fsum
from typing import Any, Final, NamedTuple

from state.connection import Connection
from state.errors import StoreError

DEVELOPMENT: Final = "development"
HOLDOUT: Final = "holdout"


def parameters_sha(parameters: Mapping[str, float]) -> str:
    """The name of a parameter set: equal values, equal name, in whatever order they stand."""
    values = {name: float(value) for name, value in sorted(parameters.items())}
    return sha256(json.dumps(values).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SweepRow:
    """What a sweep is about. ``id`` is derived from all that decides its results, ``data`` is the fingerprint of the
    market data, ``described`` says it in words; times are UTC ns: the first and last tick, and where the holdout
    begins. ``plan`` (JSON values) is the rest: search, space, splits, conditions.
    """

    id: str
    pack: str
    ruleset_sha: str
    data: str
    described: str
    first_ns: int
    last_ns: int
    holdout_ns: int
    seed: int
    plan: Mapping[str, Any]
    version: str


@dataclass(frozen=True, slots=True)
class Trial:
    """One evaluated set in one part of the data (``development`` or ``holdout``).

    ``returns`` are net results of the trades that closed in each period of that part, as a share of the initial cash;
    all trials of a sweep have the same periods. ``statistics`` are JSON values.
    """

    part: str
    parameters: Mapping[str, float]
    decisions_sha256: str
    statistics: Mapping[str, Any]
    returns: array[float]


class Look(NamedTuple):
    """How often a stretch of market was looked at as a holdout: by how many sweeps, with how many sets in all."""

    sweeps: int
    sets: int


class TrialLedger:
    """The trial ledger of one store. Every call may raise StoreError when the file fails.

    Writing takes the database's own lock for a moment and not the engine's: a sweep never gets in the way of a run.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection, self._path = connection, connection.place

    # -- writing -----------------------------------------------------------------------------------------------------

    def begin(self, sweep: SweepRow, time_ns: int) -> None:
        """Write down what is going to be tried; nothing happens when it is there already."""
        row = (
            sweep.id, time_ns, sweep.pack, sweep.ruleset_sha, sweep.data, sweep.described, sweep.first_ns,
            sweep.last_ns, sweep.holdout_ns, sweep.seed, json.dumps(sweep.plan, sort_keys=True), sweep.version,
        )  # fmt: skip
        with self._connection.transaction():
            self._connection.execute(f"INSERT INTO sweeps VALUES ({_marks(row)}) ON CONFLICT DO NOTHING", row)

    def append(self, sweep_id: str, trials: Sequence[Trial], time_ns: int) -> None:
        """Keep evaluated sets; on disk when this returns. A set that is there already stays as it was."""
        rows = [
            (
                sweep_id, trial.part, time_ns, parameters_sha(trial.parameters),
                json.dumps(dict(sorted(trial.parameters.items()))), trial.decisions_sha256,
                json.dumps(trial.statistics), zlib.compress(trial.returns.tobytes()),
            )
            for trial in trials
        ]  # fmt: skip
        columns = "sweep, part, time_ns, parameters_sha, parameters, decisions_sha, statistics, returns"
        with self._connection.transaction():
            self._connection.executemany(
                f"INSERT INTO trials ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", rows
            )

    def look_at_holdout(self, sweep: SweepRow, sets: Sequence[Mapping[str, float]], time_ns: int) -> None:
        """Count a read of the holdout for each of ``sets``. To be called before anything of it is read: whatever
        happens afterwards, the look is on record."""
        rows = [
            (sweep.id, time_ns, parameters_sha(values), sweep.data, sweep.holdout_ns, sweep.last_ns) for values in sets
        ]
        columns = "sweep, time_ns, parameters_sha, data, first_ns, last_ns"
        with self._connection.transaction():
            self._connection.executemany(
                f"INSERT INTO holdout_reads ({columns}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", rows
            )

    # -- reading -----------------------------------------------------------------------------------------------------

    def sweeps(self, pack: str | None = None) -> list[dict[str, Any]]:
        """Every sweep (of one pack), the newest first, each with ``trials`` and ``holdout_reads``."""
        where, values = ("WHERE pack = ?", (pack,)) if pack is not None else ("", ())
        rows = self._rows(
            "SELECT *, (SELECT count(*) FROM trials t WHERE t.sweep = s.id AND t.part = ?) AS trials, "
            "(SELECT count(*) FROM holdout_reads h WHERE h.sweep = s.id) AS holdout_reads "
            f"FROM sweeps s {where} ORDER BY time_ns DESC, id",
            (DEVELOPMENT, *values),
        )
        return [{**row, "plan": json.loads(row["plan"])} for row in rows]

    def trials(self, sweep_id: str, part: str = DEVELOPMENT) -> list[Trial]:
        """The evaluated sets of a sweep in one part of its data, in the order in which they were kept."""
        rows = self._rows("SELECT * FROM trials WHERE sweep = ? AND part = ? ORDER BY id", (sweep_id, part))
        return [self._trial(row) for row in rows]

    def distinct(self, pack: str, data: str | None = None) -> list[Trial]:
        """Every different set of a pack that was ever tried on development data (with that fingerprint, or any), each
        with its newest trial, in the order of those.

        The same values under another text of the rules are another trial; the same values under the same rules are
        one, however often and on however much data they were tried.
        """
        where, values = ("AND s.data = ?", (data,)) if data is not None else ("", ())
        rows = self._rows(
            "SELECT * FROM trials WHERE id IN (SELECT max(t.id) FROM trials t JOIN sweeps s ON s.id = t.sweep "
            f"WHERE t.part = ? AND s.pack = ? {where} GROUP BY s.ruleset_sha, t.parameters_sha) ORDER BY id",
            (DEVELOPMENT, pack, *values),
        )
        return [self._trial(row) for row in rows]

    def count(self, pack: str, data: str | None = None) -> int:
        """How many `distinct` sets there are."""
        where, values = ("AND s.data = ?", (data,)) if data is not None else ("", ())
        rows = self._rows(
            "SELECT count(*) AS n FROM (SELECT DISTINCT s.ruleset_sha, t.parameters_sha FROM trials t "
            f"JOIN sweeps s ON s.id = t.sweep WHERE t.part = ? AND s.pack = ? {where}) tried",
            (DEVELOPMENT, pack, *values),
        )
        return int(rows[0]["n"])

    def sharpe_variance(self, pack: str, data: str | None = None) -> float | None:
        """Variance (n - 1) of the Sharpe ratios of the `distinct` sets that have one; None with fewer than two.

        The ratio is mean / s(n - 1) of a trial's period returns, not annualised.
        """
        ratios = (_sharpe(trial.returns) for trial in self.distinct(pack, data))
        found = [ratio for ratio in ratios if ratio is not None]
        if len(found) < 2:
            return None
        mean = fsum(found) / len(found)
        return fsum((one - mean) ** 2 for one in found) / (len(found) - 1)

    def matrix(self, sweep_id: str) -> list[array[float]]:
        """Period returns of a sweep's development data, one array for each trial, all of one length: the columns of
        the matrix (periods x trials) that the probability of back-test overfitting is computed from."""
        columns = [trial.returns for trial in self.trials(sweep_id)]
        if len({len(column) for column in columns}) > 1:
            raise StoreError(f"{self._path}: the trials of sweep {sweep_id} have different periods; it is damaged")
        return columns

    def looks(self, first_ns: int, last_ns: int) -> Look:
        """How often any part of a stretch of market (UTC ns, ends included) was read as a holdout, by any pack."""
        row = self._rows(
            "SELECT count(DISTINCT sweep) AS sweeps, count(*) AS sets FROM holdout_reads "
            "WHERE first_ns <= ? AND last_ns >= ?",
            (last_ns, first_ns),
        )[0]
        return Look(row["sweeps"], row["sets"])

    def _trial(self, row: Mapping[str, Any]) -> Trial:
        return Trial(
            row["part"], json.loads(row["parameters"]), row["decisions_sha"], json.loads(row["statistics"]),
            self._floats(row["returns"]),
        )  # fmt: skip

    def _floats(self, packed: bytes) -> array[float]:
        try:
            return array("d", zlib.decompress(packed))
        except (zlib.error, ValueError) as error:
            raise StoreError(f"{self._path} is damaged: {error}; go on with a backup") from None

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return self._connection.rows(query, values)


def _marks(row: Sequence[object]) -> str:
    return ", ".join("?" for _ in row)


def _sharpe(returns: Sequence[float]) -> float | None:
    if len(returns) < 2:
        return None
    mean = fsum(returns) / len(returns)
    spread = (fsum((one - mean) ** 2 for one in returns) / (len(returns) - 1)) ** 0.5
    return mean / spread if spread > 0 else None

"""What a worker of a sweep does: one chunk of sets, from a problem that was sent to it whole.

A worker may be a process of this machine or a Dask worker of another; it needs the engine installed and nothing else:
no rule file, no data file, no store.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from engine.cli.assemble import Assembly
from engine.cli.errors import UserError
from engine.cli.version import __version__
from engine.market.columns import MarketColumns
from engine.research.sets import run_sets
from engine.research.sweep.space import ParameterSet
from engine.research.sweep.splits import Splits
from engine.research.sweep.windows import DEVELOPMENT, Outcome, outcome_of

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Problem:
    """What all sets of a sweep have in common."""

    assembly: Assembly
    market: MarketColumns
    splits: Splits
    fills: str


@dataclass(frozen=True, slots=True)
class Packed:
    """A problem on its way: ``data`` is an array, because those are shared between processes and not copied."""

    data: Bytes
    digest: str
    version: str = __version__


def pack(problem: Problem) -> Packed:
    """A problem as bytes."""
    data = pickle.dumps(problem, protocol=pickle.HIGHEST_PROTOCOL)
    return Packed(np.frombuffer(data, dtype=np.uint8), sha256(data).hexdigest())


def evaluate(problem: Problem, part: str, sets: Sequence[ParameterSet]) -> list[Outcome]:
    """Run ``sets`` over one part. Nothing at or after the boundary is read for the development part; for the holdout a
    set goes through everything before it first, so that indicators, positions and cash are what they would be."""
    end_ns = problem.splits.boundary_ns if part == DEVELOPMENT else None
    results = run_sets(problem.assembly, problem.market, sets, problem.fills, end_ns=end_ns)
    return [outcome_of(part, result, problem.splits) for result in results]


def run_chunk(
    data: Bytes, digest: str, version: str, number: int, part: str, sets: Sequence[ParameterSet]
) -> tuple[int, list[Outcome]]:
    """Chunk ``number`` of the sets of a packed problem. Raises UserError when the worker's engine is another one."""
    if version != __version__:
        raise UserError(
            f"a worker has engine {__version__} and this is {version}, so that results could differ; "
            f"install {version} there"
        )
    return number, evaluate(_unpacked(data, digest), part, sets)


def engine_version() -> str:
    """What a worker answers when it is asked which engine it has."""
    return __version__


_lock = Lock()
_last: list[tuple[str, Problem]] = []


def _unpacked(data: Bytes, digest: str) -> Problem:
    """The problem; the last one is remembered, because every chunk brings it. Dask workers run chunks in threads."""
    with _lock:
        if not _last or _last[0][0] != digest:
            problem: Problem = pickle.loads(data.tobytes())
            _last[:] = [(digest, problem)]
        return _last[0][1]

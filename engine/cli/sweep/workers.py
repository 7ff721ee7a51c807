"""Who runs the sets of a sweep: this process, processes of this machine, or the workers of a Dask cluster.

All of it is joblib's; what is added is that a worker that dies costs nothing but its unfinished chunk. Chunks do not
depend on one another, so results are the same bits whoever runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from math import ceil
from typing import Any, Protocol

from engine.cli.errors import ExitCode, UserError
from engine.cli.sweep.work import Packed, Problem, engine_version, evaluate, pack, run_chunk
from engine.research.sweep.space import ParameterSet
from engine.research.sweep.windows import Outcome

CHUNKS_PER_WORKER = 4
LARGEST_CHUNK = 25
DEATHS = 3
"""Attempts in a row in which workers died and nothing got done, before it is given up."""

CONNECT_SECONDS = 10
IDLE_SECONDS = 15
"""After which a process without work ends by itself: so none is left for long when this one is killed."""

Chunks = Mapping[int, Sequence[ParameterSet]]


class Workers(Protocol):
    """Runs sets over a part; gives outcomes a chunk at a time, in any order."""

    def __call__(self, part: str, sets: Sequence[ParameterSet]) -> Iterable[Sequence[Outcome]]: ...


@contextmanager
def workers(wanted: str | None, problem: Problem) -> Iterator[Workers]:
    """The workers that ``--workers`` asks for: a number, the address of a Dask scheduler, or None for a process on
    each core. Raises UserError."""
    if wanted is not None and "://" in wanted:
        with _dask(wanted) as (connect, count):
            yield _Team(pack(problem), connect, count)
        return
    count = _count(wanted)
    if count == 1:
        yield _alone(problem)
        return
    try:
        yield _Team(pack(problem), lambda packed: _processes(count), count)
    except BaseException:
        _end_processes()
        raise


def _count(wanted: str | None) -> int:
    from joblib import cpu_count

    if wanted is None:
        return int(cpu_count())
    if not wanted.isdecimal() or int(wanted) < 1:
        raise UserError(f"--workers {wanted} is neither a number of processes nor an address such as tcp://host:8786")
    return int(wanted)


def _alone(problem: Problem) -> Workers:
    def run(part: str, sets: Sequence[ParameterSet]) -> Iterator[list[Outcome]]:
        for chunk in _chunks(sets, 1).values():
            yield evaluate(problem, part, chunk)

    return run


def _chunks(sets: Sequence[ParameterSet], count: int) -> Chunks:
    size = min(LARGEST_CHUNK, max(1, ceil(len(sets) / (CHUNKS_PER_WORKER * count))))
    return {number: sets[begin : begin + size] for number, begin in enumerate(range(0, len(sets), size))}


class _Team:
    """Several workers behind joblib. ``connect`` makes joblib use them; it is asked again after a worker died."""

    def __init__(
        self, packed: Packed, connect: Callable[[Packed], AbstractContextManager[object]], count: int
    ) -> None:
        self._packed, self._connect, self._count = packed, connect, count

    def __call__(self, part: str, sets: Sequence[ParameterSet]) -> Iterator[list[Outcome]]:
        waiting = dict(_chunks(sets, self._count))
        deaths = 0
        while waiting:
            before = len(waiting)
            try:
                for number, outcomes in self._run(part, waiting):
                    del waiting[number]
                    yield outcomes
            except Exception as error:
                if not _is_a_death(error):
                    raise
                deaths = deaths + 1 if len(waiting) == before else 1
                if deaths == DEATHS:
                    raise UserError(
                        f"workers died {DEATHS} times without getting anything done ({type(error).__name__}): look at "
                        "their memory and their logs; the same command goes on where it stopped",
                        ExitCode.VENUE,
                    ) from None

    def _run(self, part: str, chunks: Chunks) -> Iterator[tuple[int, list[Outcome]]]:
        from joblib import Parallel, delayed

        packed = self._packed
        calls = [
            delayed(run_chunk)(packed.data, packed.digest, packed.version, number, part, chunk)
            for number, chunk in chunks.items()
        ]
        with self._connect(packed):
            yield from Parallel(n_jobs=self._count, return_as="generator_unordered", batch_size=1)(calls)


def _processes(count: int) -> AbstractContextManager[object]:
    from joblib import parallel_config

    found: AbstractContextManager[object] = parallel_config(
        backend="loky", n_jobs=count, idle_worker_timeout=IDLE_SECONDS
    )
    return found


def _end_processes() -> None:
    """Chunks under way are given up at once: nobody waits for them any more."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True, kill_workers=True)


@contextmanager
def _dask(address: str) -> Iterator[tuple[Callable[[Packed], AbstractContextManager[object]], int]]:
    try:
        from distributed import Client
    except ImportError:
        raise UserError(f"--workers {address} needs Dask: pip install -e '.[cluster]' in the engine's folder") from None
    from joblib import parallel_config

    try:
        client: Any = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {address}: {error}", ExitCode.VENUE) from None
    with ExitStack() as stack:
        stack.callback(client.close)
        yield lambda packed: parallel_config(backend="dask", client=client, scatter=[packed.data]), _cores(client)


def _cores(client: Any) -> int:
    """How many chunks the cluster runs at a time; refuses one that could not run any, or not the same."""
    cores = sum(client.ncores().values())
    address = client.scheduler.address
    if not cores:
        raise UserError(f"the Dask cluster at {address} has no worker; `dask worker {address}` starts one")
    try:
        found = client.run(engine_version)
    except ModuleNotFoundError:
        mend = "put the engine's folder there and `pip install -e .` in it"
        raise UserError(f"a worker of {address} does not have the engine: {mend}") from None
    odd = {worker: version for worker, version in found.items() if version != engine_version()}
    for worker, version in odd.items():
        raise UserError(f"worker {worker} has engine {version} and this is {engine_version()}; install the same there")
    return int(cores)


def _is_a_death(error: Exception) -> bool:
    """Whether a worker died, as the libraries say it; by name, so that they need not be there."""
    deaths = {"TerminatedWorkerError", "BrokenProcessPool", "KilledWorker", "CancelledError", "FutureCancelledError",
              "FuturesCancelledError", "CommClosedError"}  # fmt: skip
    return any(kind.__name__ in deaths for kind in type(error).__mro__)


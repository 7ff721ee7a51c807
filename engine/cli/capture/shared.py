"""What the verbs that make and read captures share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.paper import PaperBroker
from engine.cli.assemble import Assembly, now_ns
from engine.cli.conditions import decode_start, encode_start
from engine.cli.console import err
from engine.cli.version import __version__
from engine.decide.tick import Decider
from engine.execute.resume import Start, begin_with
from engine.market.orders import Fill
from engine.research.recorder import StatisticsRecorder
from state.book import fill_of

if TYPE_CHECKING:
    from connectors.capture.writer import CaptureWriter


def open_tape(
    path: Path, exchange: str, by: str, on_failure: Callable[[str], None] | None = None
) -> CaptureWriter:
    """A new session in ``path``; says in one line what a kill had left half written there.

    ``on_failure`` hears when nothing more can be kept; without it that is an error.
    """
    from connectors.capture.codec import Maker
    from connectors.capture.writer import CaptureFile, CaptureWriter

    file = CaptureFile(path)
    if file.cut is not None:
        err().print(
            f"{path}: {file.cut.lost} bytes from byte {file.cut.offset} on were half written ({file.cut.why}) and have "
            "been cut off; everything before is kept"
        )
    return CaptureWriter(file, now_ns, Maker(exchange, __version__, by), on_failure)


def begun_note(
    assembly: Assembly, run: str, start: Start, paper: PaperBroker, fills: Sequence[Fill],
    listed: Mapping[str, Sequence[str]],
) -> dict[str, Any]:  # fmt: skip
    """What a paper run begins with: its terms, its account and the memory of its rules. ``fills`` made what is held;
    ``listed``: markets by the source of signals that lists them."""
    told = [[str(value) if isinstance(value, Decimal) else value for value in fill] for fill in fills]
    return {
        "run": run, "terms": terms_of(assembly), "start": encode_start(start), "paper": paper.snapshot(), "fills": told,
        "listed": {name: list(tickers) for name, tickers in listed.items()},
    }  # fmt: skip


def begin_as(note: Mapping[str, Any], decider: Decider, paper: PaperBroker, statistics: StatisticsRecorder) -> None:
    """Put a replay where the run that was captured began."""
    paper.restore(note["paper"])
    begin_with(decider, decode_start(note["start"]))
    for row in note["fills"]:
        statistics.book.apply(fill_of(row))


def ended_note(run: str, decisions_sha256: str, *, halted: bool) -> dict[str, Any]:
    """What a run came to, so that a replay can be held against it."""
    return {"run": run, "decisions_sha256": decisions_sha256, "halted": halted}


def terms_of(assembly: Assembly) -> dict[str, Any]:
    """All that decisions on paper depend on beside the inputs: the same terms, the same decisions."""
    paper = assembly.settings.paper.model_dump(mode="json")
    return {
        "ruleset_sha256": assembly.ruleset.sha256,
        "symbols": assembly.plan_symbols,
        "parameters": {key: f"{value:g}" for key, value in sorted(assembly.parameter_values().items())},
        "execution": dict(assembly.execution),
        "paper": {name: str(value) for name, value in paper.items()},
    }


def differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of the terms that differ."""
    words = {"ruleset_sha256": "rules", "paper": "paper settings"}
    return [words.get(name, name) for name in now if then.get(name) != now[name]]

"""Does the steps of a pipeline: each is a verb of the engine, called in this process, and its answer in words."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from connectors.alpha.file import AlphaError, read_alpha
from engine.cli.clock import now_ns
from engine.cli.errors import ExitCode, exit_code_of
from engine.cli.interrupts import Interrupts
from engine.cli.main import answer
from engine.cli.pipeline.steps import CALIBRATION, ENGINE, REPORT, REPORT_VALUES, RULES, SETTINGS, SWEEP, Asked
from engine.cli.rules import load_rules
from engine.cli.stores import store_of
from engine.cli.version import __version__
from engine.research.pipeline.records import Record, Round
from engine.research.pipeline.rounds import Ended, Step
from engine.settings import Settings
from state import open_store
from state.errors import StoreError

ABSENT = "absent"
RUN = "run "
STOPPED = "stopped before it was done"
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What a verb answered: its exit code, the error in words or nothing, and its JSON object."""

    code: int
    error: str
    json: Json


class VerbWork:
    """Steps done by calling verbs. ``fault``: what was raised when it was no mistake of the user."""

    def __init__(self, asked: Asked, settings: Settings, interrupts: Interrupts) -> None:
        self.asked, self.settings, self.interrupts = asked, settings, interrupts
        self.fault: Exception | None = None
        self._answers: Mapping[str, Callable[[Json, Round], Ended]] = {
            "signals": self._signals, "capture": self._capture, "paper": self._paper, "sweep": self._sweep,
            "report": self._report, "calibrate": self._calibrate, "gate": self._gate,
        }  # fmt: skip

    def now_ns(self) -> int:
        return now_ns()

    def digest(self, name: str) -> str:
        if name == RULES:
            return load_rules(self.settings.rules.paths, [self.asked.pack]).ruleset.sha256
        if name == SETTINGS:
            return sha256(self.settings.model_dump_json().encode()).hexdigest()
        return __version__ if name == ENGINE else _of_file(Path(name))

    def intact(self, record: Record) -> bool:
        if record.step == "signals" and not self._still_counts():
            return False
        return all(
            self._has_run(name.removeprefix(RUN)) if name.startswith(RUN) else _of_file(Path(name)) == digest
            for name, digest in record.outputs.items()
        )

    def do(self, step: Step, state: Round) -> Ended:
        if step.name == "calibrate" and not _outcomes():
            return Ended("skipped", None, "no contract was held to its settlement yet, so there is nothing to learn")
        try:
            said = self._ask(step)
        except KeyboardInterrupt:
            return Ended("stopped", None, STOPPED)
        if said.code == ExitCode.INTERRUPTED:
            return Ended("stopped", said.code, STOPPED)
        if step.name == "calibrate" and said.code == ExitCode.NO:
            return Ended("skipped", said.code, said.error)
        if said.error or (said.code != ExitCode.GOOD and step.name != "gate"):
            return Ended("failed", said.code, said.error or f"exit code {said.code}")
        ended = self._answers[step.name](said.json, state)
        return Ended(ended.status, said.code, ended.words, ended.outputs, ended.result, ended.passed)

    def _ask(self, step: Step) -> Said:
        """Call the verb. Some verbs take these signals for themselves while they run, and give them back."""
        self.interrupts.take()
        text = io.StringIO()
        try:
            with redirect_stdout(text):
                code = answer(step.command[1:])
        except Exception as error:
            if self.interrupts.mistaken(error):
                return Said(ExitCode.INTERRUPTED, "", {})
            known = exit_code_of(error)
            if known is None:
                self.fault = error
            return Said(ExitCode.FAULT if known is None else known, f"{error}" or type(error).__name__, {})
        lines = text.getvalue().splitlines()
        return Said(code, "", json.loads(lines[-1]) if lines else {})

    def _still_counts(self) -> bool:
        """Whether a signal that was built has not expired."""
        try:
            alpha = read_alpha(self.settings.signals.alpha)
        except AlphaError:
            return False
        return any(one.expiry_ns > self.now_ns() for one in alpha.signals.values())

    def _has_run(self, run: str) -> bool:
        try:
            store = open_store(store_of(self.settings), create=False)
        except StoreError:
            return False
        try:
            return any(row["id"] == run for row in store.runs())
        finally:
            store.close()

    # -- answers in words ----------------------------------------------------------------------------------------------

    def _signals(self, said: Json, state: Round) -> Ended:
        words = f"{said['kept']} of {said['rows']} signals are in {said['alpha']}"
        result = {"signals": said["kept"], "rows": said["rows"]}
        return Ended("done", None, words, _files(self.settings.signals.alpha), result)

    def _capture(self, said: Json, state: Round) -> Ended:
        counts, cycles = said["counts"], said["cycles"]
        heard = ", ".join(f"{counts.get(name, 0)} {name}" for name in ("books", "trades", "tickers"))
        words = f"{heard} of {len(said['markets'])} markets in {cycles} cycles, added to {said['capture']}"
        status = "done" if cycles >= self.asked.cycles else "stopped"
        result = {"cycles": cycles, "counts": counts, "bytes": said["bytes"]}
        return Ended("done" if status == "done" else "stopped", None, words, _files(self.asked.snapshots), result)

    def _paper(self, said: Json, state: Round) -> Ended:
        if not said or not said["ticks"] or (self.asked.paper_mode == "replay" and self._broke_off(said["run"])):
            return Ended("stopped", None, STOPPED)
        summary = said["summary"]
        words = (
            f"run {said['run']}: {said['ticks']} ticks, {said['orders']} orders, {said['fills']} fills, "
            f"{summary['trades']} trades, net {summary['net']:+.2f} with what is open at its last price"
        )
        result = {
            "run": said["run"], "ticks": said["ticks"], "orders": said["orders"], "fills": said["fills"],
            "trades": summary["trades"], "net": summary["net"], "decisions_sha256": said["decisions_sha256"],
        }  # fmt: skip
        return Ended("done", None, words, {f"{RUN}{said['run']}": said["decisions_sha256"]}, result)

    def _broke_off(self, run: str) -> bool:
        store = open_store(store_of(self.settings), create=False)
        try:
            return bool(store.run(run)["status"] != "done")
        finally:
            store.close()

    def _sweep(self, said: Json, state: Round) -> Ended:
        sets = said["sets"]
        best = next(one for one in sets if one["rank"] == 1)
        first = next(one for one in sets if one["number"] == 1)
        words = (
            f"{len(sets)} of {said['search']['combinations']} sets; {said['trials']['pack']} were ever tried. "
            f"Expectancy in validation: {_money(best['validation'])} of the best, {_money(first['validation'])} of the "
            f"rules as they are; nothing was changed"
        )
        result = {
            "sweep": said["sweep"], "sets": len(sets), "ever_tried": said["trials"]["pack"],
            "best": best["number"], "best_validation_expectancy": best["validation"]["expectancy"],
            "best_holdout_expectancy": (best["holdout"] or {}).get("expectancy"),
        }  # fmt: skip
        return Ended("done", None, words, _files(SWEEP), result)

    def _report(self, said: Json, state: Round) -> Ended:
        day = said["packs"][0]
        files = [REPORT, *([REPORT_VALUES] if self.asked.values else [])]
        words = f"{day['verdict']}; written to {' and '.join(map(str, files))}"
        result = {
            "verdict": day["verdict"], "trades": day["performance"]["trades"], "net": day["performance"]["net"],
            "outcomes": len(said["outcomes"]),
        }  # fmt: skip
        return Ended("done", None, words, _files(*files), result)

    def _calibrate(self, said: Json, state: Round) -> Ended:
        method = said["calibration"]["map"]["method"]
        return Ended("done", None, f"{method}, written to {CALIBRATION}", _files(CALIBRATION), {"method": method})

    def _gate(self, said: Json, state: Round) -> Ended:
        pack = said["packs"][0]
        paper = state.record("paper")
        run = paper.result.get("run") if paper is not None else None
        out = {row["run"]: row["reason"] for row in pack["left_out"]}
        words = "; ".join([
            "passed" if said["passed"] else "not passed",
            *(_gate_words(gate) for gate in pack["gates"]),
            f"{len(pack['runs'])} of {len(pack['runs']) + len(out)} runs count, with "
            f"{sum(row['trades'] for row in pack['runs'])} closed trades",
            *([f"run {run} does not count: {out[run]}"] if run in out else []),
        ])  # fmt: skip
        result = {
            "passed": said["passed"], "runs_that_count": [row["run"] for row in pack["runs"]],
            "this_run_does_not_count": out.get(run) if run is not None else None,
            "gates": {gate["gate"]: {
                "passed": gate["passed"], "in_a_row": gate["in_a_row"], "need": gate["consecutive"],
                "conditions": {row["text"]: row["holds"] for row in gate["requirements"]},
            } for gate in pack["gates"]},
        }  # fmt: skip
        return Ended("done", None, words, {}, result, passed=said["passed"])


def _gate_words(gate: Json) -> str:
    rows = gate["requirements"]
    return f"{gate['gate']}: {sum(row['holds'] is True for row in rows)} of {len(rows)} conditions hold"


def _money(figures: Json) -> str:
    value = figures["expectancy"]
    return "unknown" if value is None else f"{value:+.2f}"


def _outcomes() -> bool:
    """Whether the report knows of a contract that came true or did not."""
    return bool(json.loads(REPORT_VALUES.read_text(encoding="utf-8"))["outcomes"])


def _files(*files: Path) -> dict[str, str]:
    return {str(file): _of_file(file) for file in files}


def _of_file(path: Path) -> str:
    """SHA-256 of a file; of a folder, over the names and digests of the files in it."""
    if path.is_dir():
        return _of_files(sorted(file for file in path.rglob("*") if file.is_file()), path)
    if not path.is_file():
        return ABSENT
    found = sha256()
    with path.open("rb") as stream:
        while part := stream.read(1 << 20):
            found.update(part)
    return found.hexdigest()


def _of_files(files: Sequence[Path], root: Path) -> str:
    lines = "".join(f"{file.relative_to(root)} {_of_file(file)}\n" for file in files)
    return sha256(lines.encode()).hexdigest()

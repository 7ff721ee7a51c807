"""The command ``engine``: one verb a job, one file a verb.

To add a verb, write ``engine/cli/<verb>.py`` with a function ``command`` whose parameters are typer options and
arguments (or ``app``, a typer application, where it has verbs of its own), and add one line to VERBS. A verb of several
modules has a folder: ``engine/cli/<verb>/verb.py`` and its parts beside it; ``shared.py`` is for all of them.
``command`` returns an exit code (None is 0) or raises: UserError, or an error named in ``engine.cli.errors``, becomes
one line on standard error. Only the chosen verb's module is imported.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.cli.errors import ExitCode, UserError, exit_code_of
from engine.cli.interrupts import Interrupts
from engine.cli.version import __version__

if TYPE_CHECKING:
    import typer
    from typer.core import TyperCommand

DEBUG_VARIABLE = "AUTOTRADER_DEBUG"


class Verb(NamedTuple):
    """``module`` has the function ``command``; ``help`` is its line in ``engine --help``."""

    module: str
    help: str


VERBS: Mapping[str, Verb] = {
    "init": Verb("engine.cli.init", "Lay out a working folder with an example pack."),
    "why": Verb("engine.cli.why", "Explain an order: the rule, its conditions, the guards."),
    "why-not": Verb("engine.cli.why_not", "Explain why a rule did not act at a moment."),
    "functions": Verb("engine.cli.functions", "List the functions of the rule language."),
    "facts": Verb("engine.cli.facts", "List the facts that rules may refer to."),
    "fmt": Verb("engine.cli.fmt", "Format rule files."),
    "run": Verb("engine.cli.run", "Run the rules on market data with a paper broker."),
    "serve": Verb("engine.cli.serve.verb", "Serve orders, traces, halts and metrics over HTTP."),
    "simulate": Verb("engine.cli.simulate.verb", "Run a practice venue on loopback."),
    "stream": Verb("engine.cli.stream", "Keep what Polygon streams in the store."),
    "import": Verb("engine.cli.imports", "Bring recorded market data into the store."),
    "capture": Verb("engine.cli.capture.verb", "Keep what a venue's feed tells, to be replayed."),
    "replay": Verb("engine.cli.replay.verb", "Decide on a capture, or a kept run again, and compare."),
    "orders": Verb("engine.cli.orders", "List orders, and what became of them."),
    "positions": Verb("engine.cli.positions", "List what is held, and what it made and cost."),
    "halt": Verb("engine.cli.halt", "Stop entries; exits and cancels go on."),
    "resume": Verb("engine.cli.resume", "Let entries go on after a halt."),
    "cancel": Verb("engine.cli.cancel", "Take resting orders off the venue, whatever is halted."),
    "flatten": Verb("engine.cli.flatten", "Close what is held at the venue, whatever is halted."),
    "reconcile": Verb("engine.cli.reconcile", "Follow the venue's account, and say what differed."),
    "db": Verb("engine.cli.db", "Make, migrate, check or back up the store."),
    "data": Verb("engine.cli.data_moving", "Copy a store elsewhere; export market data."),
    "features": Verb("engine.cli.features.verb", "Keep what rules compute, bar by bar, and which session it was."),
    "test": Verb("engine.cli.test", "Run the tests of rules, with condition coverage."),
    "backtest": Verb("engine.cli.backtest", "Run a pack over recorded data."),
    "signals": Verb("engine.cli.signals.verb", "Build, fit, check or show the signals that rules trade on."),
    "tennis": Verb("engine.cli.tennis.verb", "Import tennis results, judge the model on them, price a match."),
    "arena": Verb("engine.cli.arena.verb", "Look at the leaderboard, and judge who is said to lead it."),
    "sweep": Verb("engine.cli.sweep.verb", "Try many parameter sets over recorded data."),
    "pipeline": Verb("engine.cli.pipeline.verb", "Signals, paper, report and gate in one go, or round after round."),
    "report": Verb("engine.cli.report.verb", "Report on performance, on sweeps, and for the day."),
    "fee": Verb("engine.cli.fee", "Compute the fee of a trade."),
    "config": Verb("engine.cli.config", "Show the settings in force and who said them, or validate them."),
    "gate": Verb(
        "engine.cli.gate.verb", "Judge by their kept runs whether packs may trade for real, and try the gates."
    ),
    "calibrate": Verb("engine.cli.calibrate", "Correct fair probabilities by what came true."),
    "notify": Verb("engine.cli.notify", "Try the notifications that people get."),
    "doctor": Verb("engine.cli.doctor", "Check keys, clock, store, limits, markets and this machine."),
    "lint": Verb("engine.cli.lint", "Find mistakes in rule files, and mend the sure ones."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (None: this process's) and return its exit code. Never raises."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments == ["--version"]:
        print(f"engine {__version__}")
        return ExitCode.GOOD
    try:
        _never_fail_to_encode()
        with Interrupts(signal.SIGINT):
            code = _run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Nobody reads any more; keep the interpreter from flushing into the closed pipe as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.PIPE_CLOSED
    except Exception as error:
        return _explain(error)


def answer(arguments: Sequence[str]) -> int:
    """The exit code of one command line, for verbs that are made of others; what ``main`` explains is raised."""
    return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    import typer

    chosen = arguments[0] if arguments and not arguments[0].startswith("-") else None
    if chosen is not None and chosen not in VERBS:
        raise UserError(_no_such_verb(chosen))
    command = typer.main.get_command(_app(chosen))
    try:
        with command.make_context("engine", list(arguments) or ["--help"]) as context:
            code = command.invoke(context)
    except typer.Exit as finished:
        code = finished.exit_code
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except typer.TyperException as error:
        at = getattr(error, "ctx", None)  # of the verb below a verb, where the mistake is there
        asked = at.command_path if at else f"engine {chosen}" if chosen else "engine"
        said = " ".join(error.format_message().split()).rstrip(".").replace(" Value error, ", " ")
        raise UserError(f"{said}; see `{asked} --help`") from None
    if not arguments:
        return ExitCode.USAGE
    return code if isinstance(code, int) else ExitCode.GOOD


def _app(chosen: str | None) -> typer.Typer:
    """All verbs for the list of ``--help``; only the chosen one is real."""
    import typer

    app = typer.Typer(
        help="Autotrader: a trading engine whose rules are files.",
        epilog="Exit codes: 0 good, 1 the answer is no, 2 wrong usage or settings, 3 a venue or the network failed, "
        "4 stopped by a safety rule.",
        add_completion=False,
    )

    @app.callback()
    def options(version: bool = typer.Option(False, "--version", help="Show the version and exit.")) -> None:
        """For the list of options; ``main`` answers ``--version`` before anything is imported."""
        if version:
            print(f"engine {__version__}")
            raise typer.Exit

    for name, verb in VERBS.items():
        group = _group_of(verb.module) if name == chosen else None
        if group is not None:
            app.add_typer(group, name=name, help=verb.help)
            continue
        command = _command_of(verb.module) if name == chosen else _not_imported
        app.command(name, cls=_takes_numbers(), help=None if name == chosen else verb.help)(command)
    return app


def _takes_numbers() -> type[TyperCommand]:
    """A command that takes -3 for a number and not for an option: what is wrong with it is for the verb to say."""
    from typer.core import TyperCommand

    class Command(TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            ctx.ignore_unknown_options = any(re.match(r"-\.?\d", word) for word in args)
            return super().parse_args(ctx, args)

    return Command


def _group_of(module: str) -> typer.Typer | None:
    """The verbs below a verb, for a module that has ``app`` instead of ``command``."""
    from importlib import import_module

    group: typer.Typer | None = getattr(import_module(module), "app", None)
    return group


def _command_of(module: str) -> Callable[..., int | None]:
    from importlib import import_module

    command: Callable[..., int | None] = import_module(module).command
    return command


def _not_imported() -> None:
    raise AssertionError("only the chosen verb is ever run")


def _no_such_verb(word: str) -> str:
    from engine.language.diagnostics import did_you_mean

    close = did_you_mean(word, VERBS)
    return f"there is no verb `{word}`; " + (f"did you mean `{close}`?" if close else "see `engine --help`")


def _never_fail_to_encode() -> None:
    """A terminal that cannot show a sign gets `?` for it; output must not stop a run."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _explain(error: Exception) -> int:
    code = exit_code_of(error)
    if code is not None:
        print(f"error: {error}", file=sys.stderr)
        return code
    if os.environ.get(DEBUG_VARIABLE):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    print(
        f"error: a fault of the engine, not of your rules: {type(error).__name__}: {_one_line(error)} "
        f"(at {_where(error)}); please report it with the command you ran; {DEBUG_VARIABLE}=1 shows where it came from",
        file=sys.stderr,
    )
    return ExitCode.FAULT


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or "no message"


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"

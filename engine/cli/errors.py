"""Exit codes, and which errors are the user's to mend: those print one line, all others are faults of the engine."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a verb answers to the shell."""

    GOOD = 0
    NO = 1  # findings, a failed test, a failed gate
    USAGE = 2  # wrong usage, settings, rules or data
    VENUE = 3  # a venue, the database or the network failed
    STOPPED = 4  # stopped by a safety rule
    FAULT = 70  # a fault of the engine
    INTERRUPTED = 130  # Ctrl-C
    PIPE_CLOSED = 141  # the reader of the output went away


class UserError(Exception):
    """Something the user can mend. The text is one clear line: what is wrong, where, and the mend."""

    def __init__(self, message: str, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.code = code


# By name, because naming the class would import its module. Subclasses count too.
KNOWN_ERRORS = {
    "connectors.alpha.file.AlphaError": ExitCode.USAGE,
    "connectors.tennis.sackmann.TennisDataError": ExitCode.USAGE,
    "engine.research.tennis.model.TooFewMatchesError": ExitCode.NO,
    "connectors.arena.board.BoardError": ExitCode.USAGE,
    "connectors.arena.fetch.FetchError": ExitCode.VENUE,
    "connectors.flow.trades.TradesError": ExitCode.USAGE,
    "engine.research.flow.calibration.CalibrationError": ExitCode.USAGE,
    "engine.research.flow.fit.FitError": ExitCode.USAGE,
    "engine.research.flow.parameters.ParametersError": ExitCode.USAGE,
    "connectors.kalshi.errors.KalshiError": ExitCode.VENUE,
    "connectors.kalshi.fees.FeeError": ExitCode.USAGE,
    "connectors.kalshi.prices.PriceError": ExitCode.USAGE,
    "connectors.kalshi.sign.KeyFileError": ExitCode.USAGE,
    "connectors.polygon.errors.PolygonError": ExitCode.VENUE,
    "connectors.transport.loopback.HostError": ExitCode.USAGE,
    "state.errors.StoreError": ExitCode.USAGE,
    "state.errors.StoreUnreachableError": ExitCode.VENUE,
    "engine.lint.registry.UnknownCheckError": ExitCode.USAGE,
    "engine.market.events.SourceError": ExitCode.USAGE,
    "engine.market.venue.VenueError": ExitCode.VENUE,
    "engine.plan.build.PlanError": ExitCode.USAGE,
    "engine.report.write.ReportError": ExitCode.USAGE,
    "engine.research.pipeline.records.StateError": ExitCode.USAGE,
    "engine.research.sweep.results.ResultsError": ExitCode.USAGE,
    "engine.research.sweep.space.SpaceError": ExitCode.USAGE,
    "engine.research.sweep.splits.SplitError": ExitCode.USAGE,
    "engine.research.sweep.tpe.MissingOptunaError": ExitCode.USAGE,
    "engine.ruleset.discover.DiscoveryError": ExitCode.USAGE,
    "engine.ruleset.parameters.ParameterError": ExitCode.USAGE,
    "engine.settings.load.SettingsError": ExitCode.USAGE,
    "engine.research.calibration.errors.CalibrationError": ExitCode.USAGE,
}


def exit_code_of(error: BaseException) -> ExitCode | None:
    """The exit code of an error that the user can mend; None for a fault of the engine."""
    if isinstance(error, UserError):
        return error.code
    names = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__)
    return next((KNOWN_ERRORS[name] for name in names if name in KNOWN_ERRORS), None)

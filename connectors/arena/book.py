"""What the rules see of the leaderboard at an instant: pure, told once for every change."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from connectors.arena import manifest as facts
from connectors.arena.board import Board, Row
from connectors.arena.fair.forecast import DAY_NS, Forecast
from connectors.arena.fair.history import Learned, Priors, learn, unlearned
from connectors.arena.fair.model import forecast
from connectors.arena.fair.seed import forecast_by_rank
from connectors.arena.markets import Contract, NotAContract, read_contract
from connectors.arena.organisations import Organisations, organisations
from connectors.arena.settlement import Settlement, settle
from connectors.arena.signals import Kind, Once, Signal, signals_between
from connectors.news import News
from engine.market.events import NANOS, Observation
from engine.market.signals import MarketListing

MINUTE_NS = 60 * NANOS
LOOKS = 60  # over which the share of good looks is told
CONTENDERS = 20  # best models whose organisations must all be known before one of them is priced
NOT_READ = "the leaderboard has not been read yet"
_OF_BOARD = (
    facts.FAIR, facts.FAIR_MODEL, facts.FAIR_SEED, facts.UNLISTED, facts.LEADS, facts.GAP, facts.RANK_UB, facts.SCORE,
    facts.VOTES, facts.PRELIMINARY, facts.AMBIGUOUS,
)  # fmt: skip
_TIMED = frozenset(
    {*_OF_BOARD, facts.FETCHED, facts.NEW_LEADER, facts.NEW_MODEL, facts.RANKING_CHANGE, facts.SCORE_SHIFT}
)
Value = float | str | bool | None


@dataclass(frozen=True, slots=True)
class _Side:
    """The rows that make YES win, the best first."""

    rows: tuple[Row, ...]
    share_of_newcomers: float


class ArenaBook:
    """Contracts, the table that counts and what was learned of the tables before it. Never looks at a clock.

    ``seed`` is that of the model's draws.
    """

    def __init__(self, seed: int, priors: Priors | None = None, names: Organisations | None = None) -> None:
        self.contracts: dict[str, Contract] = {}
        self.why_not: dict[str, str] = {}
        self.board: Board | None = None
        self._seed, self._priors, self._names = seed, priors or Priors(), names or organisations()
        self._learned: Learned = unlearned(self._priors)
        self._good: deque[bool] = deque(maxlen=LOOKS)
        self._fetched_ns: int | None = None
        self._withheld = NOT_READ  # why nothing is said of the table; empty when something is
        self._held = False
        self._once = Once()
        self._changes: dict[tuple[Kind, str], Signal] = {}
        self._news = News(_TIMED)
        self._forecasts: dict[int, tuple[int, Forecast, Forecast]] = {}

    # -- what comes in -------------------------------------------------------------------------------------------------

    def show(self, listed: Sequence[MarketListing]) -> None:
        """All open markets. What cannot be understood is not listed, and ``why_not`` says why."""
        self.contracts, self.why_not = {}, {}
        for market in listed:
            try:
                self.contracts[market.ticker] = read_contract(market)
            except NotAContract as error:
                self.why_not[market.ticker] = str(error)

    def remember(self, boards: Sequence[Board]) -> None:
        """Tables of earlier runs: they teach, and are what the next one is compared with. Nothing is said of them."""
        for board in boards:
            self._learned = learn(self._learned, board, self._priors)
            self.board = board

    def take(self, board: Board) -> list[Signal]:
        """A new table counts from now on. Returns what changed, told once."""
        news = [] if self.board is None else self._once.news(signals_between(self.board, board))
        for signal in news:
            of = "" if signal.kind in (Kind.NEW_LEADER, Kind.NEW_MODEL) else signal.model
            self._changes[signal.kind, of] = signal
        self._learned = learn(self._learned, board, self._priors)
        self.board, self._forecasts = board, {}
        return news

    def looked(self, now_ns: int, withheld: str, *, good: bool) -> None:
        """A look at the page has ended. ``withheld``: why the table is not to be believed for now, or empty."""
        self._good.append(good)
        if good:
            self._fetched_ns = now_ns
            self._withheld, self._held = withheld, bool(withheld)

    @property
    def success(self) -> float | None:
        """Share of the last looks that brought a sound table; None before the first."""
        return sum(self._good) / len(self._good) if self._good else None

    def told_nothing(self) -> None:
        """Whoever listens is new: everything is to be told again."""
        self._news.forget()

    # -- what goes out -------------------------------------------------------------------------------------------------

    def events(self, symbols: Collection[str], now_ns: int) -> list[Observation]:
        """What is to be told of these markets at ``now_ns`` and was not told before."""
        return self._news.of(seen for symbol in symbols for seen in self._said(symbol, now_ns))

    def _said(self, symbol: str, now_ns: int) -> Iterator[Observation]:
        contract = self.contracts.get(symbol)
        yield Observation(symbol, now_ns, facts.LISTED, contract is not None)
        yield from self._looks(symbol, now_ns)
        why = self._why_nothing(symbol, contract, now_ns)
        yield Observation(symbol, now_ns, facts.WHY_NOT, why)
        if contract is not None:
            yield Observation(symbol, now_ns, facts.CHECK, contract.check_ns / NANOS)
        if why or contract is None or self.board is None or self._fetched_ns is None:
            for name in _OF_BOARD:
                yield Observation(symbol, now_ns, name, None, why)
            return
        for name, value in self._values(contract, self.board, now_ns):
            yield Observation(symbol, min(self._fetched_ns, now_ns), name, value)
        yield from self._changed(symbol, contract, self.board)

    def _looks(self, symbol: str, now_ns: int) -> Iterator[Observation]:
        if self._fetched_ns is not None:
            at = self._fetched_ns
            yield Observation(symbol, min(at, now_ns), facts.FETCHED, at / NANOS)
            yield Observation(symbol, now_ns, facts.HELD, self._held)
        if self.success is not None:
            yield Observation(symbol, now_ns, facts.SUCCESS, self.success)
        if self.board is not None:
            table = self.board.cutoff_ns or self.board.seen_ns
            yield Observation(symbol, now_ns, facts.TABLE, table / NANOS)

    def _why_nothing(self, symbol: str, contract: Contract | None, now_ns: int) -> str:
        if contract is None:
            return self.why_not.get(symbol, "the venue does not list it among the open markets of the leaderboard")
        if now_ns >= contract.check_ns:
            return "the hour at which it looks at the leaderboard has passed"
        if self._withheld or self.board is None:
            return self._withheld or NOT_READ
        try:
            self._side(contract, self.board)
        except NotAContract as error:
            return str(error)
        return ""

    def _values(self, contract: Contract, board: Board, now_ns: int) -> Iterator[tuple[str, Value]]:
        side, settled = self._side(contract, board), settle(board)
        ours = {row.model for row in side.rows}
        model, seed = self._forecast(contract.check_ns, board, now_ns)
        fair = min(1.0, model.of(ours) + side.share_of_newcomers * model.unlisted)
        by_rank = max(seed.models[row.model] for row in side.rows)
        best = side.rows[0]
        rest = [row.score for row in board.rows if row.model not in ours]
        yield facts.FAIR, fair
        yield facts.FAIR_MODEL, fair
        yield facts.FAIR_SEED, by_rank
        yield facts.UNLISTED, model.unlisted
        yield facts.LEADS, settled.winner.model in ours
        yield facts.GAP, best.score - max(rest) if rest else None
        yield facts.RANK_UB, None if best.rank_ub is None else float(best.rank_ub)
        yield facts.SCORE, best.score
        yield facts.VOTES, None if best.votes is None else float(best.votes)
        yield facts.PRELIMINARY, best.preliminary
        yield facts.AMBIGUOUS, _hangs_on_rounding(settled, ours)

    def _changed(self, symbol: str, contract: Contract, board: Board) -> Iterator[Observation]:
        best = self._side(contract, board).rows[0].model
        for kind, name, of in (
            (Kind.NEW_LEADER, facts.NEW_LEADER, ""), (Kind.NEW_MODEL, facts.NEW_MODEL, ""),
            (Kind.RANKING_CHANGE, facts.RANKING_CHANGE, best), (Kind.SCORE_SHIFT, facts.SCORE_SHIFT, best),
        ):  # fmt: skip
            signal = self._changes.get((kind, of))
            if signal is not None:
                yield Observation(symbol, signal.time_ns, name, signal.change if of else signal.model)

    def _forecast(self, check_ns: int, board: Board, now_ns: int) -> tuple[Forecast, Forecast]:
        """Of this minute: a probability does not change with every second that passes."""
        minute = now_ns // MINUTE_NS
        known = self._forecasts.get(check_ns)
        if known is None or known[0] != minute:
            days = max(check_ns - minute * MINUTE_NS, 0) / DAY_NS
            model = forecast(board, days, self._learned, self._seed, self._priors)
            known = minute, model, forecast_by_rank(board, days)
            self._forecasts[check_ns] = known
        return known[1], known[2]

    def _side(self, contract: Contract, board: Board) -> _Side:
        """Whose lead pays; NotAContract where the leaderboard does not have the name, or has one that nobody knows."""
        if not contract.of_organisation:
            row = board.row(contract.name)
            if row is None:
                raise NotAContract(f"the leaderboard has no model {contract.name}")
            return _Side((row,), 0.0)
        behind = self._names.behind(contract.name)
        if behind is None:
            raise NotAContract(f"no organisation is known for {contract.name} (organisations.json)")
        first = board.rows[:CONTENDERS]
        strangers = sorted({row.organization for row in first if not self._names.knows(row.organization)})
        if strangers:
            raise NotAContract(f"nobody knows whose brand {', '.join(strangers)} is (organisations.json)")
        rows = tuple(row for row in board.rows if row.organization.strip().casefold() in behind)
        if not rows:
            raise NotAContract(f"the leaderboard has no model of {contract.name}")
        share = sum(row.organization.strip().casefold() in behind for row in first) / len(first)
        return _Side(rows, share)


def _hangs_on_rounding(settled: Settlement, ours: Collection[str]) -> bool:
    """Whether the tie at the top is between YES and others."""
    tied = [row.model in ours for row in settled.tied]
    return any(tied) and not all(tied)

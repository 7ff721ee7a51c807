"""A replay of market data files as a source of ticks."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.replay.columns import LATEST_NS
from connectors.replay.files import ByteCount, DataFile, find_files
from connectors.replay.order import ArrivalOrder, TimeOrder
from connectors.replay.rows import Batch, Selection, plain_symbol, read_days
from connectors.replay.survey import FileScan, end_symbols, scan, sort_days
from engine.market.events import NANOS, Bar, SourceError, Tick

if TYPE_CHECKING:
    from engine.market.columns import MarketColumns


class ReplaySource:
    """Minute bars, and quotes at their close, from files in the flat-file layout or any folder of such CSV files.

    ``root``: a data folder (``…/minute_aggs_v1/YYYY/MM/YYYY-MM-DD.csv.gz``, ``…/quotes_1m/…``), any folder below
    or beside, or one file. ``symbols``: which ones, None for all; ``I:SPX`` is ``SPX``. ``start`` and ``end`` choose
    bars by their start: a date means the whole local day, ``end`` included; a datetime means from that instant, and
    before that instant; without a zone they are in ``calendar_timezone``, which also says which day a row belongs to.

    ``order``: "time" sorts rows, drops exact repetitions (``duplicates_dropped``) and refuses contradictions;
    "arrival" delivers a recorded feed as it came, late and repeated rows unchanged, at the tick during which they came.

    Raises SourceError, naming file, line and field, for whatever cannot be used.
    """

    def __init__(
        self,
        root: Path | str,
        symbols: Sequence[str] | None = None,
        start: date | None = None,
        end: date | None = None,
        *,
        calendar_timezone: str = "America/New_York",
        order: Literal["time", "arrival"] = "time",
    ) -> None:
        self.root = Path(root)
        self._order = order
        zone = _zone(calendar_timezone)
        begin_ns = _instant_ns(start, zone, days=0) if start is not None else 0
        end_ns = _instant_ns(end, zone, days=1) if end is not None else LATEST_NS
        if begin_ns >= end_ns:
            raise SourceError(f"the replay ends ({end}) before it starts ({start}); exchange the two")
        aware = [when.tzinfo for when in (start, end) if isinstance(when, datetime) and when.tzinfo is not None]
        self._said_in = next(iter(aware), zone)
        wanted = frozenset(plain_symbol(symbol) for symbol in symbols) if symbols is not None else None
        self._selection = Selection(wanted, begin_ns, end_ns, zone)
        self._all_files = find_files(self.root)
        self._files = [file for file in self._all_files if self._in_range(file)]
        self._scans: dict[Path, FileScan] = {}
        self._count = ByteCount()
        self._ticking: TimeOrder | ArrivalOrder | None = None
        self._any_bars = False
        self._dropped = 0

    def ticks(self) -> Iterator[Tick]:
        """Yield what became known, tick by tick in strictly increasing time; a day at a time is held in memory."""
        self._count = ByteCount()
        self._any_bars = False
        self._check_symbols()
        self._ticking = (
            TimeOrder(self._files, self._read_in_order, self._selection)
            if self._order == "time"
            else ArrivalOrder(self._files, self._read)
        )
        yield from self._ticking.ticks()
        if not self._any_bars:
            raise self._nothing_there()

    def columns(self, notice: Callable[[], None]) -> MarketColumns | None:
        """The ticks as columns, much quicker; None where only ``ticks`` can give them, or say what is wrong."""
        from connectors.replay.table import CareNeeded, TableReader, in_order  # late: NumPy

        if self._order != "time":
            return None
        self._count, self._ticking = ByteCount(), None
        try:
            reader = TableReader(self._files, self._selection, self._count)
            market, self._dropped = in_order(reader.rows(notice), list(reader.symbols))
        except CareNeeded:
            return None
        whole = len(market.bars) and reader.with_bars >= (self._selection.symbols or frozenset())
        return market if whole else None

    @property
    def duplicates_dropped(self) -> int:
        """Rows dropped so far because they repeat another one exactly."""
        return self._ticking.duplicates_dropped if self._ticking else self._dropped

    @property
    def total_bytes(self) -> int:
        """Size of all files that are replayed, as they are on disk."""
        return sum(file.size for file in self._files)

    @property
    def bytes_read(self) -> int:
        """How much of ``total_bytes`` has been read."""
        return self._count.total()

    def progress(self) -> float:
        """The part of the files that has been read, 0 to 1."""
        return min(1.0, self.bytes_read / self.total_bytes) if self.total_bytes else 1.0

    def symbols_available(self) -> list[str]:
        """Symbols of all bars in the files of the date range, sorted; SourceError when there is no bar at all.

        Reads those files through.
        """
        scans = [self._scan(file) for file in self._files]
        found = sorted({symbol for scan in scans if not scan.quotes for symbol in scan.symbols})
        if not found:
            raise self._nothing_there()
        return found

    def _in_range(self, file: DataFile) -> bool:
        if file.day is None:
            return True
        midnight = datetime.combine(date.fromordinal(file.day), datetime.min.time(), self._selection.zone)
        begins = int(midnight.timestamp()) * NANOS
        ends = int((midnight + timedelta(days=1)).timestamp()) * NANOS
        return begins < self._selection.end_ns and ends > self._selection.begin_ns

    def _scan(self, file: DataFile) -> FileScan:
        if file.path not in self._scans:
            self._scans[file.path] = scan(file, self._selection)
        return self._scans[file.path]

    def _read(self, file: DataFile) -> Iterator[tuple[int, Batch]]:
        for day, batch in read_days(file, self._selection, self._count):
            self._any_bars = self._any_bars or type(batch[0]) is Bar
            yield day, batch

    def _read_in_order(self, file: DataFile) -> Iterator[tuple[int, Batch]]:
        if file.day is not None or self._goes_forward(file) or self._scan(file).days_in_order:
            return self._read(file)
        return sort_days(self._read(file))

    def _goes_forward(self, file: DataFile) -> bool:
        """Whether the wanted rows need no look: one symbol's, or of a file that ends with the symbol it begins with
        and so is not grouped by symbol. Should they go back in time all the same, the replay says so."""
        return len(self._selection.symbols or ()) == 1 or len(end_symbols(file)) == 1

    def _check_symbols(self) -> None:
        """Look for every wanted symbol before the first tick, reading no further than needed."""
        if not self._files:
            raise self._nothing_there()
        missing = set(self._selection.symbols or ())
        for file in self._files:
            if missing and file.day is None:
                missing -= end_symbols(file)
        for file in self._files:
            if not missing:
                return
            found = self._scan(file)
            missing -= found.symbols if not found.quotes else set()
        if missing:
            raise self._no_such_symbols(sorted(missing))

    def _no_such_symbols(self, missing: list[str]) -> SourceError:
        there = self.symbols_available()
        close = [match for name in missing for match in difflib.get_close_matches(name.upper(), there, n=1)]
        listed = ", ".join(there[:20]) + (f" and {len(there) - 20} more" if len(there) > 20 else "")
        return SourceError(
            f"{self.root}: no minute bars of {', '.join(missing)}{self._range_words()}"
            + (f"; did you mean {', '.join(close)}?" if close else ";")
            + f" there is: {listed}"
        )

    def _nothing_there(self) -> SourceError:
        what = ", ".join(sorted(self._selection.symbols)) if self._selection.symbols else "any symbol"
        days = [file.day for file in self._all_files if file.day is not None]
        for file in self._all_files:
            found = self._scan(file) if file.day is None else None
            days += [found.first_day, found.last_day] if found and found.first_day else []
        covers = f"{date.fromordinal(min(days))} to {date.fromordinal(max(days))}" if days else "no day at all"
        return SourceError(f"{self.root}: no minute bars of {what}{self._range_words()}; the files cover {covers}")

    def _range_words(self) -> str:
        zone = self._said_in
        begin, end = (
            f" {word} {datetime.fromtimestamp(ns // NANOS, zone):%Y-%m-%d %H:%M %Z}" if 0 < ns < LATEST_NS else ""
            for word, ns in (("from", self._selection.begin_ns), ("until", self._selection.end_ns))
        )
        return begin + end


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SourceError(f"there is no time zone {name!r}; use a name such as America/New_York or UTC") from None


def _instant_ns(when: date, zone: ZoneInfo, *, days: int) -> int:
    """UTC nanoseconds of a datetime, or of the local midnight ``days`` after the start of a date."""
    if not isinstance(when, datetime):
        when = datetime.combine(when, datetime.min.time()) + timedelta(days=days)
    aware = when if when.tzinfo is not None else when.replace(tzinfo=zone)
    return int(aware.timestamp()) * NANOS

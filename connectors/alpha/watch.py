"""The signal file while an engine runs: read again when it changes, and kept as it was when the new one is broken."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from connectors.alpha.book import AlphaBook
from connectors.alpha.file import Alpha, AlphaError, read_alpha
from engine.market.events import Observation

Look = tuple[int, int, int] | None


class AlphaWatch:
    """``pulse`` looks at the file and says what is new for the rules; ``tell`` hears in words of a file that was taken,
    is broken or has gone, once for each.

    A change is seen by time of change, size and file number; content that is the same by its hash is no change.
    ``alpha`` is what is in force; ``unseen`` are tickers that it lists and that are not among ``symbols``.
    """

    def __init__(
        self, path: Path, symbols: Collection[str], first: Alpha, tell: Callable[[str], None] = lambda words: None
    ) -> None:
        self._path, self._symbols, self._tell = path, frozenset(symbols), tell
        self._book = AlphaBook(symbols)
        self._look: Look = None
        self._said = ""
        self._take(first)

    def pulse(self, now_ns: int) -> list[Observation]:
        """What has become known by ``now_ns``: a new file, a signal whose time has come, one that expired."""
        look = look_at(self._path)
        if look != self._look:
            self._look = look
            self._read()
        return self._book.events(now_ns)

    def _read(self) -> None:
        try:
            alpha = read_alpha(self._path)
        except AlphaError as error:
            words = f"{error}. The signals before it stay in force until they expire"
            if words != self._said:
                self._said = words
                self._tell(words)
            return
        self._said = ""
        if alpha.sha256 == self.alpha.sha256:
            return
        self._take(alpha)
        self._tell(taken(self._path, alpha))

    def _take(self, alpha: Alpha) -> None:
        self.alpha = alpha
        self.unseen = frozenset(alpha.signals) - self._symbols
        self._book.take(alpha)


def taken(path: Path, alpha: Alpha) -> str:
    """What was read, in words, with every row that cannot be used."""
    count = len(alpha.signals)
    words = f"{path}: {count} signal{'s' if count != 1 else ''}"
    return words + "".join(f"; {fault} (left out)" for fault in alpha.faults)


def look_at(path: Path) -> Look:
    """How a changed file is known; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


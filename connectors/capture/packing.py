"""Records of a capture as bytes: MessagePack arrays ``[kind, time, …]``, and those records that every venue has.

Times are nanoseconds after the first of the frame. A text that comes again and again (a symbol, a fact's name) is
written out once in a session and is a number after that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgpack

from engine.market.events import Observation

TOLD: Final = 1
PULSE: Final = 2
SIGNAL: Final = 9
END: Final = 15
BEGUN: Final = 18


class Told(NamedTuple):
    """What was heard up to here was told at ``time_ns``. ``pulse``: because time had passed."""

    time_ns: int
    pulse: bool


class Begun(NamedTuple):
    """What the run that is captured began with: its account and the memory of its rules, as JSON values."""

    time_ns: int
    note: dict[str, Any]


class Ended(NamedTuple):
    """The session was ended on purpose; ``note`` is what was made of it."""

    time_ns: int
    note: dict[str, Any]


class RecordError(ValueError):
    """A record that cannot be kept or read. The text says which value."""


class SessionError(ValueError):
    """A session that cannot be read. The text names the field."""


class Packer:
    """Makes records of one session. ``take`` gives the bytes since the last time."""

    def __init__(self) -> None:
        self._pack = msgpack.Packer().pack
        self._names: dict[str, int] = {}
        self._start()

    def _start(self) -> None:
        self.data = bytearray()
        self.records = 0
        self.first_ns = self.last_ns = 0

    def take(self) -> tuple[int, int, int, bytes]:
        """Number of records, times of the first and the last, and the bytes."""
        taken = self.records, self.first_ns, self.last_ns, bytes(self.data)
        self._start()
        return taken

    def name(self, text: str) -> int | str:
        """How a text is written here: itself the first time, then the number of those before it."""
        number = self._names.get(text)
        if number is not None:
            return number
        self._names[text] = len(self._names)
        return text

    def add(self, kind: int, time_ns: int, *fields: Any) -> None:
        """One record. RecordError for a value that MessagePack does not have."""
        if not self.records:
            self.first_ns = time_ns
        try:
            packed = self._pack((kind, time_ns - self.first_ns, *fields))
        except (TypeError, ValueError, OverflowError) as error:
            raise RecordError(f"a record of kind {kind} cannot be kept ({error})") from error
        self.last_ns = time_ns
        self.records += 1
        self.data += packed

    def told(self, time_ns: int, *, pulse: bool) -> None:
        self.add(PULSE if pulse else TOLD, time_ns)

    def begun(self, time_ns: int, note: dict[str, Any]) -> None:
        self.add(BEGUN, time_ns, json.dumps(note))

    def ended(self, time_ns: int, note: dict[str, Any]) -> None:
        self.add(END, time_ns, json.dumps(note))

    def signal(self, seen: Observation) -> None:
        symbol, name = self.name(seen.symbol), self.name(seen.name)
        self.add(SIGNAL, seen.time_ns, symbol, name, seen.value, seen.reason)


Namer = Callable[[int | str], str]
Readers = Mapping[int, Callable[[int, list[Any], Namer], Any]]
"""By kind: makes a record of its time, its fields (kind and time come first) and what gives the text of a name."""

COMMON: Final[Readers] = {
    TOLD: lambda time_ns, said, name: Told(time_ns, False),
    PULSE: lambda time_ns, said, name: Told(time_ns, True),
    SIGNAL: lambda time_ns, said, name: Observation(name(said[2]), time_ns, name(said[3]), said[4], said[5]),
    BEGUN: lambda time_ns, said, name: Begun(time_ns, json.loads(said[2])),
    END: lambda time_ns, said, name: Ended(time_ns, json.loads(said[2])),
}


class Decoder:
    """Reads the records of one session, frame by frame and from the first on. ``readers``: those of the venue."""

    def __init__(self, readers: Readers) -> None:
        self._names: list[str] = []
        self._readers = {**COMMON, **readers}

    def records(self, data: bytes, first_ns: int) -> Iterator[Any]:
        """The records of one frame; RecordError for what is none."""
        unpacker = msgpack.Unpacker(max_buffer_size=len(data) + 1)
        unpacker.feed(data)
        try:
            for fields in unpacker:
                yield self._readers[fields[0]](first_ns + fields[1], fields, self._name)
        except SessionError as error:
            raise RecordError(f"a reading cannot be read: {error}") from error
        except (msgpack.UnpackException, ValueError, LookupError, TypeError) as error:
            raise RecordError(f"a record cannot be read ({type(error).__name__}: {error})") from error

    def _name(self, said: int | str) -> str:
        if isinstance(said, int):
            return self._names[said]
        self._names.append(said)
        return said

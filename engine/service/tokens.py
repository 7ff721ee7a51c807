"""Bearer tokens: made once, shown once, kept as hashes in a file that only its owner can read."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

PREFIX: Final = "at"
SECRET_BYTES: Final = 32


class Scope(StrEnum):
    """What a token is for. Each stands for itself: who may trade may not read unless it says so."""

    READ = "read"
    TRADE = "trade"
    FORCE = "force"


class TokenError(Exception):
    """The file of tokens cannot be used; the text says why, and the mend."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; its secret is not."""

    id: str
    name: str
    scopes: frozenset[Scope]
    sha256: str
    created: str

    def to_json(self) -> dict[str, Any]:
        """For the file, and without the hash for lists."""
        scopes = sorted(scope.value for scope in self.scopes)
        return {"id": self.id, "name": self.name, "scopes": scopes, "sha256": self.sha256, "created": self.created}


class TokenFile:
    """The tokens of a service. A file that changes is read again, so that a token taken back counts no more."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._tokens: dict[str, Token] = {}

    def tokens(self) -> list[Token]:
        """All tokens; none where there is no file. Raises TokenError."""
        self._look()
        return list(self._tokens.values())

    def check(self, text: str) -> Token | None:
        """The token that ``text`` is, None for one that is not known. Raises TokenError."""
        self._look()
        prefix, _, rest = text.partition("_")
        token_id, _, _ = rest.partition("_")
        token = self._tokens.get(token_id)
        if prefix != PREFIX or token is None:
            return None
        return token if hmac.compare_digest(_hash(text), token.sha256) else None

    def make(self, name: str, scopes: Iterable[Scope]) -> tuple[Token, str]:
        """A new token and its text, which nobody can be shown again."""
        with _Locked(self.path):
            known = {token.id: token for token in self.tokens()}
            token_id = secrets.token_hex(4)
            while token_id in known:
                token_id = secrets.token_hex(4)
            text = f"{PREFIX}_{token_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
            created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            token = Token(token_id, name, frozenset(scopes), _hash(text), created)
            self._write([*known.values(), token])
        return token, text

    def revoke(self, token_id: str) -> Token:
        """Take a token back. Raises TokenError for one that is not there."""
        with _Locked(self.path):
            known = {token.id: token for token in self.tokens()}
            if token_id not in known:
                raise TokenError(f"{self.path} has no token {token_id}; it has {', '.join(known) or 'none'}")
            gone = known.pop(token_id)
            self._write(list(known.values()))
        return gone

    def _look(self) -> None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._seen, self._tokens = None, {}
            return
        except OSError as error:
            raise TokenError(f"{self.path} cannot be read: {error.strerror}") from None
        if found.st_mode & 0o077:
            raise TokenError(f"{self.path} can be read by others; chmod 600 {self.path}")
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            self._tokens = self._read()
            self._seen = seen

    def _read(self) -> dict[str, Token]:
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
            tokens = [
                Token(t["id"], t["name"], frozenset(Scope(s) for s in t["scopes"]), t["sha256"], t["created"])
                for t in said["tokens"]
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TokenError(
                f"{self.path} is no file of tokens ({type(error).__name__}); move it away and make tokens anew"
            ) from None
        return {token.id: token for token in tokens}

    def _write(self, tokens: list[Token]) -> None:
        """All of it or nothing: a reader never sees half a file."""
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        text = json.dumps({"version": 1, "tokens": [token.to_json() for token in tokens]}, indent=1)
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            draft.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise TokenError(f"{self.path} cannot be written: {error.strerror}; make its folder writable") from None


class _Locked:
    """One writer of the file at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")

    def __enter__(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TokenError(f"{self._path} cannot be written: {error.strerror}; make its folder writable") from None
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *failure: object) -> None:
        os.close(self._descriptor)


def _hash(text: str) -> str:
    """Tokens are 256 bits of chance, so that a plain hash of one tells nothing."""
    return hashlib.sha256(text.encode()).hexdigest()

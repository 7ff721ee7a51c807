"""Signing of requests with the account's private key, RSA (PSS) or Ed25519, read from a PEM file.

The signed text is the time in milliseconds, the method in capitals and the path from the root without its query.
Key material appears in no message and no representation.
"""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

KEY_HEADER = "KALSHI-ACCESS-KEY"
TIME_HEADER = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER = "KALSHI-ACCESS-SIGNATURE"
LARGEST_KEY_FILE = 64 * 1024

_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)


class KeyFileError(ValueError):
    """A private key that cannot be used. The text names the file and the mend, and nothing of its content."""


class Signer:
    """Makes the three headers of a signed request. ``key_id`` is the public name of the key (a UUID)."""

    __slots__ = ("_key", "key_id")

    def __init__(self, key_id: str, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> None:
        if not key_id or key_id != key_id.strip() or not key_id.isascii() or not key_id.isprintable():
            raise KeyFileError("the key id must be the venue's name of the key, a UUID without spaces")
        self.key_id = key_id
        self._key = key

    def __repr__(self) -> str:
        return f"Signer(key_id={self.key_id[:4]}…)"

    def __reduce__(self) -> str:
        raise TypeError("a signer holds a private key and is never copied or stored")

    def headers(self, method: str, path: str, time_ms: int) -> dict[str, str]:
        """Headers for ``method`` on ``path`` (from the root, percent-encoded as sent) at ``time_ms`` since 1970 UTC."""
        text = f"{time_ms}{method.upper()}{path.partition('?')[0]}".encode()
        return {
            KEY_HEADER: self.key_id,
            TIME_HEADER: str(time_ms),
            SIGNATURE_HEADER: base64.b64encode(self._sign(text)).decode(),
        }

    def _sign(self, text: bytes) -> bytes:
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(text)
        return self._key.sign(text, _PSS, hashes.SHA256())


def load_signer(key_id: str, path: Path) -> Signer:
    """The signer of the key in the PEM file ``path``; KeyFileError for a file missing, open to others or no key."""
    pem = _read_private(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise KeyFileError(
            f"{path}: the key is encrypted; store it without a password, in a file that only you can read"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        hint = "this is a public key; " if b"PUBLIC KEY" in pem else ""
        raise KeyFileError(
            f"{path}: no private key in PEM form found; {hint}save the private key that the venue showed when the key "
            "was made"
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise KeyFileError(f"{path}: the venue takes RSA and Ed25519 keys, and this is another kind")
    return Signer(key_id, key)


def _read_private(path: Path) -> bytes:
    """The bytes of ``path``, judged by the file that was opened: nothing can be put in its place in between."""
    try:
        # A pipe in the place of the key must not block.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise KeyFileError(f"{path}: there is no such key file; set the path of the private key") from None
    except OSError as error:
        raise KeyFileError(f"{path}: the key file cannot be opened: {error.strerror}") from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise KeyFileError(f"{path}: the key must be in a regular file")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyFileError(
                f"{path}: others may use this key file (mode {stat.S_IMODE(found.st_mode):04o}); "
                f"run `chmod 600 {path.resolve()}`"
            )
        if found.st_size > LARGEST_KEY_FILE:
            raise KeyFileError(f"{path}: {found.st_size} bytes are no private key")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(LARGEST_KEY_FILE)
    finally:
        os.close(handle)

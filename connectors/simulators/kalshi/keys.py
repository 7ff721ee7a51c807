"""API keys: who may sign what. Read from a file, made through the API, or made at start."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

PublicKey = rsa.RSAPublicKey | ed25519.Ed25519PublicKey
PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

SCOPES = (
    "read", "write", "read::block_trade_accept", "read::portfolio_balance", "write::trade", "write::transfer",
    "write::fcm_risk", "write::block_trade_accept",
)  # fmt: skip
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)


class KeyFileError(ValueError):
    """A file of keys that cannot be used. The text names the file, the entry and the mend."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``subaccount`` None means any."""

    key_id: str
    user: str
    public: PublicKey
    name: str = "practice"
    scopes: tuple[str, ...] = ("read", "write")
    subaccount: int | None = None

    def verifies(self, signature: bytes, signed: bytes) -> bool:
        """RSA-PSS with SHA-256 and a salt as long as the digest, or Ed25519."""
        try:
            if isinstance(self.public, rsa.RSAPublicKey):
                self.public.verify(signature, signed, _PSS, hashes.SHA256())
            else:
                self.public.verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    def allows(self, scope: str) -> bool:
        """A parent scope grants its children: ``write`` grants ``write::trade``."""
        return scope in self.scopes or scope.split("::")[0] in self.scopes


def read_public(pem: str) -> PublicKey:
    """Raises ValueError for what is no RSA or Ed25519 public key."""
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
    if not isinstance(key, rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
        raise ValueError("the key is neither RSA nor Ed25519")
    return key


def make_private(kind: str) -> PrivateKey:
    """``kind`` is rsa or ed25519."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: PrivateKey) -> str:
    """PKCS#1 for RSA and PKCS#8 for Ed25519, as the venue hands them out."""
    traditional = isinstance(key, rsa.RSAPrivateKey)
    form = serialization.PrivateFormat.TraditionalOpenSSL if traditional else serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def keys_in(folder: Path) -> dict[str, PrivateKey]:
    """The private keys of an earlier exchange, by key id: every ``<id>.pem`` whose name is an id (a UUID).

    Raises KeyFileError for one that cannot be read.
    """
    found: dict[str, PrivateKey] = {}
    for path in sorted(folder.glob("*.pem")):
        try:
            uuid.UUID(path.stem)
        except ValueError:
            continue  # somebody else's file
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyFileError(f"{path}: cannot be read as a private key: {error}; move it away") from None
        if not isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
            raise KeyFileError(f"{path}: the key is neither RSA nor Ed25519; move it away")
        found[path.stem] = key
    return found


def read_keys(path: Path) -> list[ApiKey]:
    """A JSON list of ``{"api_key_id", "user_id", "public_key_path" or "public_key", "scopes"?, "subaccount"?}``.

    Paths are relative to the file. Raises KeyFileError.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KeyFileError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(entries, list):
        raise KeyFileError(f"{path}: must be a list of keys")
    return [_entry(path, number, entry) for number, entry in enumerate(entries, start=1)]


def _entry(path: Path, number: int, entry: object) -> ApiKey:
    where = f"{path}: key {number}"
    if not isinstance(entry, dict):
        raise KeyFileError(f"{where}: must be an object with api_key_id, user_id and public_key")
    try:
        pem = entry.get("public_key") or (path.parent / entry["public_key_path"]).read_text(encoding="utf-8")
        key = ApiKey(
            str(entry["api_key_id"]), str(entry["user_id"]), read_public(pem), str(entry.get("name", "practice")),
            known_scopes(entry.get("scopes", ["read", "write"])), entry.get("subaccount"),
        )  # fmt: skip
    except KeyError as error:
        raise KeyFileError(f"{where}: has no {error.args[0]}") from None
    except (OSError, ValueError) as error:
        raise KeyFileError(f"{where}: {error}") from None
    return key


def known_scopes(scopes: Sequence[str]) -> tuple[str, ...]:
    """Raises ValueError for a scope that does not exist."""
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        raise ValueError(f"unknown scope {unknown[0]}; there are {', '.join(SCOPES)}")
    return tuple(scopes)

"""Signatures that the venue can verify, and keys that are refused."""

from __future__ import annotations

import base64
import os
import pickle
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from connectors.kalshi.sign import KeyFileError, load_signer

KEY_ID = "0a1b2c3d-0000-4000-8000-000000000000"
PATH = "/trade-api/v2/portfolio/orders"
Key = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem_of(
    key: Key,
    format: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption = NoEncryption(),  # noqa: B008
) -> bytes:
    return key.private_bytes(Encoding.PEM, format, encryption)


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("format", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_rsa_signs_time_method_and_path_without_query(
    rsa_key: rsa.RSAPrivateKey, tmp_path: Path, format: PrivateFormat
) -> None:
    signer = load_signer(KEY_ID, write(tmp_path / "key.pem", pem_of(rsa_key, format)))
    headers = signer.headers("get", PATH + "?limit=5", 1_703_123_456_789)
    assert headers["KALSHI-ACCESS-KEY"] == KEY_ID
    assert headers["KALSHI-ACCESS-TIMESTAMP"] == "1703123456789"
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    signature = base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"], validate=True)
    rsa_key.public_key().verify(signature, f"1703123456789GET{PATH}".encode(), pss, hashes.SHA256())
    with pytest.raises(InvalidSignature):
        rsa_key.public_key().verify(signature, f"1703123456789POST{PATH}".encode(), pss, hashes.SHA256())


def test_ed25519_signs_the_same_text(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    signer = load_signer(KEY_ID, write(tmp_path / "key.pem", pem_of(key)))
    signature = base64.b64decode(signer.headers("DELETE", PATH, 7)["KALSHI-ACCESS-SIGNATURE"])
    key.public_key().verify(signature, f"7DELETE{PATH}".encode())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o601])
def test_a_key_that_others_may_touch_is_refused_with_the_mend(
    rsa_key: rsa.RSAPrivateKey, tmp_path: Path, mode: int
) -> None:
    path = write(tmp_path / "key.pem", pem_of(rsa_key), mode)
    with pytest.raises(KeyFileError, match=rf"mode {mode:04o}\); run `chmod 600 {path}`"):
        load_signer(KEY_ID, path)


def test_a_link_is_judged_by_the_file_it_leads_to(rsa_key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    link = tmp_path / "link.pem"
    link.symlink_to(write(tmp_path / "key.pem", pem_of(rsa_key), 0o644))
    with pytest.raises(KeyFileError, match="others may use"):
        load_signer(KEY_ID, link)
    (tmp_path / "key.pem").chmod(0o400)
    assert load_signer(KEY_ID, link).key_id == KEY_ID


def test_what_is_no_usable_key_is_refused_with_one_line(rsa_key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    public = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    encrypted = pem_of(rsa_key, encryption=BestAvailableEncryption(b"secret"))
    cases = {
        tmp_path / "missing.pem": "there is no such key file",
        tmp_path: "regular file",
        tmp_path / "pipe": "regular file",
        write(tmp_path / "encrypted.pem", encrypted): "the key is encrypted",
        write(tmp_path / "public.pem", public): "this is a public key",
        write(tmp_path / "ec.pem", pem_of(ec.generate_private_key(ec.SECP256R1()))): "RSA and Ed25519",
        write(tmp_path / "text.pem", b"not a key"): "no private key in PEM form",
        write(tmp_path / "empty.pem", b""): "no private key in PEM form",
        write(tmp_path / "cut.pem", pem_of(rsa_key)[:400]): "no private key in PEM form",
        write(tmp_path / "large.pem", b"x" * 100_000): "are no private key",
    }
    for path, words in cases.items():
        with pytest.raises(KeyFileError, match=words) as refused:
            load_signer(KEY_ID, path)
        assert str(path) in str(refused.value)
        assert "\n" not in str(refused.value)
        assert (refused.value.__cause__ is None and refused.value.__suppress_context__) or words in (
            "regular file", "RSA and Ed25519", "are no private key",
        )  # fmt: skip


def test_the_key_shows_nowhere_and_is_not_copied(rsa_key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    signer = load_signer(KEY_ID, write(tmp_path / "key.pem", pem_of(rsa_key)))
    assert repr(signer) == "Signer(key_id=0a1b…)"
    with pytest.raises(TypeError, match="never copied"):
        pickle.dumps(signer)


@pytest.mark.parametrize("key_id", ["", " x", "a\nb", "clé"])
def test_a_key_id_that_no_header_can_carry_is_refused(rsa_key: rsa.RSAPrivateKey, tmp_path: Path, key_id: str) -> None:
    with pytest.raises(KeyFileError, match="key id"):
        load_signer(key_id, write(tmp_path / "key.pem", pem_of(rsa_key)))

"""API keys: kept as a salted digest, compared in constant time, so that no key lies on the disk."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable

__all__ = ["fits", "given_key", "kept"]


def kept(key: str) -> str:
    """Turn a key into what may be written down; empty for no key."""
    if not key:
        return ""
    salt = os.urandom(16)
    return f"{salt.hex()}:{_digest(key.encode(), salt)}"


def fits(given: bytes, known: str) -> bool:
    """Say whether a key is the one that was kept."""
    salt, _, digest = known.partition(":")
    return hmac.compare_digest(_digest(given, bytes.fromhex(salt)), digest)


def given_key(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Find the key of a request: ``X-API-Key: KEY`` or ``Authorization: Bearer KEY``."""
    for name, value in headers:
        if name == b"x-api-key":
            return value.strip()
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return value[7:].strip()
    return b""


def _digest(key: bytes, salt: bytes) -> str:
    return hashlib.blake2b(key, key=salt, digest_size=32).hexdigest()

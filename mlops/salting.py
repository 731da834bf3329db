"""Digests of secret values that cannot be guessed: each project has a salt that its owner alone can read."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["hidden"]


def hidden(state: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Digest each value with the salt of the project whose ``.mlops/`` is ``state``; no values need no salt."""
    if not values:
        return {}
    salt = _salt(state)
    return {name: hmac.new(salt, value.encode(), "blake2b").hexdigest() for name, value in values.items()}


def _salt(state: Path) -> bytes:
    """Read the project's own salt, made once and readable by its owner only."""
    path = state / "salt"
    with suppress(FileNotFoundError):
        return path.read_bytes()
    state.mkdir(parents=True, exist_ok=True)
    draft = state / f"salt.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(os.urandom(32))
    try:
        with suppress(FileExistsError):
            os.link(draft, path)  # of two processes at once, the first wins and both read its salt
    finally:
        draft.unlink()
    return path.read_bytes()

"""The index: which key made which artifacts, and what each stage was last made of."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops import durable
from mlops.errors import StoreError
from mlops.store.entry import Entry
from mlops.store.layout import Layout

__all__ = ["Index", "read_entry"]

_UNREADABLE = (OSError, ValueError, RecursionError)
"""What reading a file that somebody else wrote over may raise; JSON's and Unicode's errors are `ValueError`."""


@dataclass(frozen=True)
class Index:
    """The entries of a store and its hints."""

    layout: Layout

    def find(self, key: str) -> Entry | None:
        """Give the entry of ``key``; None when there is none, or none that can be read."""
        path = self.layout.entry(key)
        try:
            return read_entry(path)
        except FileNotFoundError:
            return None
        except _UNREADABLE:
            return self._set_aside(path)

    def put(self, entry: Entry) -> None:
        """Write an entry durably; the artifacts that it names must have been committed before."""
        data = json.dumps(entry.to_json()).encode()
        # Shared with other writers: nobody moves the file aside, as torn, after it has been made whole.
        with durable.locked(self.layout.index_lock, shared=True):
            durable.write_atomic(self.layout.entry(entry.key), data)

    def _set_aside(self, path: Path) -> Entry | None:
        """Look again with nobody writing, and move what cannot be read to the damaged things."""
        with suppress(OSError, StoreError), durable.locked(self.layout.index_lock):
            try:
                return read_entry(path)
            except _UNREADABLE:
                self.layout.damaged.mkdir(parents=True, exist_ok=True)
                path.rename(self.layout.damaged / f"{path.stem}.{os.urandom(4).hex()}.json")
        return None

    def latest(self, recipe: str, stage: str) -> dict[str, Any] | None:
        """Give what was last noted for that stage of that recipe, if anything."""
        try:
            value = json.loads(self.layout.latest_hint(recipe, stage).read_bytes())
        except _UNREADABLE:
            return None
        return value if isinstance(value, dict) else None

    def set_latest(self, recipe: str, stage: str, payload: Mapping[str, Any]) -> None:
        """Note what that stage of that recipe was made of; a hint, so a failure to write it is no error."""
        durable.write_hint(self.layout.latest_hint(recipe, stage), json.dumps(payload).encode())


def read_entry(path: Path) -> Entry:
    """Read an entry's file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is torn, or is not the entry that its name says.
    """
    entry = Entry.from_json(json.loads(path.read_bytes()))
    if entry.key != path.stem:
        raise ValueError(f"{path.name} holds the entry of {entry.key}")
    return entry

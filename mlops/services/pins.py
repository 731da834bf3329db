"""Artifacts that must not be cleared away although no run refers to them: registered, deployed, or watched by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from mlops.durable import make_folder, write_atomic
from mlops.errors import ProjectError

__all__ = ["pin", "pinned", "pins"]

_SAFE = re.compile(r"[^\w.-]", re.ASCII)


def pin(state: Path, owner: str, digests: Iterable[str]) -> None:
    """Keep artifacts as long as their owner needs them.

    Args:
        state: the project's ``.mlops``.
        owner: who needs them, such as model/flights; what it pinned before is let go.
        digests: of the artifacts; none lets go of all.
    """
    make_folder(state / "pins")
    kept = {"owner": owner, "digests": sorted(set(digests))}
    write_atomic(state / "pins" / f"{_SAFE.sub('~', owner)}.json", json.dumps(kept).encode() + b"\n")


def pinned(state: Path) -> dict[str, str]:
    """Give digest → one of those that need it.

    Raises:
        ProjectError: a file of pins is damaged; nothing should be cleared then.
    """
    return {digest: owner for owner, digests in pins(state).items() for digest in digests}


def pins(state: Path) -> dict[str, tuple[str, ...]]:
    """Give owner → digests of what it needs.

    Raises:
        ProjectError: a file of pins is damaged; nothing should be cleared then.
    """
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted((state / "pins").glob("*.json")):
        try:
            kept = json.loads(path.read_bytes())
            found[kept["owner"]] = tuple(kept["digests"])
        except (ValueError, KeyError, TypeError) as exc:
            raise ProjectError("a file of pinned artifacts is damaged", where=str(path), fix="remove it") from exc
    return {owner: digests for owner, digests in found.items() if digests}

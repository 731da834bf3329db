"""How much of a run its tracker has, kept in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mlops.durable import write_atomic

__all__ = ["Acknowledgement", "acknowledged"]

_FILE = "tracking.json"


@dataclass(frozen=True)
class Acknowledgement:
    """What the tracker has taken so far."""

    destination: str = ""
    """Digest of the tracker's section; sent elsewhere, a run starts anew."""

    begun: bool = False
    offset: int = 0
    """Bytes of ``events.jsonl`` whose metrics were taken."""

    steps: Mapping[str, int] = field(default_factory=dict)
    """Metric → its last step."""

    complete: bool = False
    """Whether the run has ended and all of it was taken."""

    where: str = ""
    trouble: str = ""
    """Why the last attempt failed; empty when it did not."""

    fix: str = ""

    def write(self, folder: Path) -> None:
        """Keep it in a run's folder, durably; not in that of a run which was removed meanwhile."""
        if folder.is_dir():
            write_atomic(folder / _FILE, json.dumps(asdict(self), ensure_ascii=False).encode() + b"\n")


def acknowledged(folder: Path) -> Acknowledgement:
    """Read what a run's tracker has; nothing, when that is not known."""
    try:
        known = json.loads((folder / _FILE).read_bytes())
        return Acknowledgement(**known)
    except (OSError, ValueError, TypeError):
        return Acknowledgement()

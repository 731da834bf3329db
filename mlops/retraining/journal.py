"""What retraining remembers of itself, so that a round that was killed is taken up by the next one.

A round writes down that it has begun before it does anything, and what came of it when it is over. In between,
whatever it does may be done again: collected rows are noted, finished stages are reused, a bundle has one version,
and a version that is released already is left as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from mlops.durable import write_atomic
from mlops.errors import ProjectError

__all__ = ["Journal", "Pending"]


@dataclass(frozen=True)
class Pending:
    """A retraining of which nobody knows yet what came of it."""

    deed: int
    """Number of the line of the audit log that says that it began."""

    reasons: tuple[str, ...]
    seen_until: str
    """Start of the last window that there was."""

    seen_rows: int
    """Rows that it had."""

    newest: int
    """The latest version of the model when it began; what it makes is later."""

    added: int | None = None
    """Rows that were collected for it; None while that is not done."""

    held: int = 0
    """Labelled rows that were not collected, because the policy does not learn from their windows."""

    attempts: int = 0
    """How often it was taken up."""


@dataclass(frozen=True)
class Journal:
    """``.mlops/retraining/NAME/state.json``."""

    path: Path
    began: float | None = None
    """When the last retraining began, by the policy's clock."""

    seen_until: str = ""
    seen_rows: int = 0
    pending: Pending | None = None
    last: Mapping[str, Any] = field(default_factory=dict)
    """What came of the last one: outcome, run."""

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Read what the last round left.

        Raises:
            ProjectError: it cannot be read.
        """
        path = folder / "state.json"
        if not path.exists():
            return cls(path)
        try:
            kept = json.loads(path.read_bytes())
            pending = kept.pop("pending", None)
            return cls(path, **kept, pending=_pending(pending) if pending else None)
        except (ValueError, TypeError, AttributeError) as exc:
            raise ProjectError(
                f"what is known of the last retraining cannot be read: {exc}",
                where=str(path),
                fix="remove the file; the next round then knows of no retraining before it",
            ) from exc

    def with_(self, **changes: Any) -> Self:
        """Keep changes: the journal as it is on the disk now."""
        made = replace(self, **changes)
        values = {key: value for key, value in vars(made).items() if key != "path"}
        kept = {**values, "pending": vars(made.pending) if made.pending else None}
        write_atomic(made.path, json.dumps(kept, indent=1).encode() + b"\n")
        return made


def _pending(kept: Mapping[str, Any]) -> Pending:
    return Pending(**{**kept, "reasons": tuple(kept["reasons"])})

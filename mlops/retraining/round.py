"""What goes into one round of retraining, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mlops.services.policy import Decision

__all__ = ["Outcome", "Retrained", "Retraining"]

Outcome = Literal[
    "kept",
    "would retrain",
    "busy",
    "rolling",
    "released",
    "unchanged",
    "refused",
    "aborted",
    "failed",
    "interrupted",
]
"""What came of a round.

kept: there was no reason; would retrain: only asked; busy: another round is under way; rolling: a version is
being rolled out. After training: released; unchanged: the same model came of it; refused: by a gate; aborted:
the rollout was taken back; failed; interrupted: by a person, and the next round goes on with it.
"""


@dataclass(frozen=True)
class Retraining:
    """How a round is carried out."""

    dry_run: bool = False
    """Only say what the policy says."""

    force: bool = False
    """Train whatever the policy says."""

    as_json: bool = False
    """Whether the run tells what it does on standard error, as standard output is for a machine."""


@dataclass(frozen=True)
class Retrained:
    """What came of a round."""

    decision: Decision
    outcome: Outcome
    run: str = ""
    note: str = ""
    version: int | None = None
    """The version that was made."""

    added: int = 0
    """Rows that were collected for it."""

    held: int = 0
    """Labelled rows that were left where they are."""

    @property
    def sentence(self) -> str:
        """One line for a person."""
        why = "; ".join(self.decision.reasons)
        return f"retraining: {self.outcome}" + (f" (run {self.run})" if self.run else "") + f": {self.note or why}"

    @property
    def exit_code(self) -> int:
        """0 for what is as it should be, 1 for a model that is not, 130 when it was interrupted."""
        return {"refused": 1, "aborted": 1, "failed": 1, "interrupted": 130}.get(self.outcome, 0)

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        plain = {key: value for key, value in vars(self).items() if key != "decision"}
        return {**plain, "reasons": list(self.decision.reasons)}

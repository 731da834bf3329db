"""What is asked of a reproduction, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

__all__ = ["Compared", "Left", "Reproduction", "Request", "Setting"]


@dataclass(frozen=True)
class Request:
    """Which run is to be carried out again, and how."""

    run: str
    """Its ID, an unambiguous part of it, or last."""

    strict: bool = False
    """Whether to refuse when code, libraries or Python are not those of the run."""

    at_commit: bool = False
    """Whether to use the files of the commit that the run was made at."""

    keep: Path | None = None
    """New folder in which the replay's artifacts and records are kept; they are removed when None."""


@dataclass(frozen=True)
class Setting:
    """One thing that is not as it was when the run was made."""

    kind: Literal["code", "library", "python", "machine", "data"]
    name: str
    was: str
    now: str
    stages: tuple[str, ...] = ()
    """Stages that depend on it."""

    def __str__(self) -> str:
        used = f" (counts in {', '.join(self.stages)})" if self.stages else ""
        return f"{self.kind} {self.name}: {self.was} → {self.now}{used}"


@dataclass(frozen=True)
class Left:
    """A stage that is not replayed."""

    stage: str
    why: str


@dataclass(frozen=True)
class Compared:
    """One output, or one metric, of the run beside that of its replay."""

    stage: str
    kind: Literal["output", "metric"]
    name: str
    equal: bool
    was: str
    """Digest or number."""

    now: str
    difference: str = ""
    """The first thing inside that differs."""


@dataclass(frozen=True)
class Reproduction:
    """What came of carrying a run out again."""

    run: str
    commit: str = ""
    """The commit whose files were used; empty for the working tree."""

    changed: tuple[Setting, ...] = ()
    left: tuple[Left, ...] = ()
    compared: tuple[Compared, ...] = ()
    error: str = ""
    """Why the replay came to no end; empty when it did."""

    kept: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether all that was compared is equal, and anything was."""
        return not self.error and bool(self.compared) and all(item.equal for item in self.compared)

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON values."""
        return {"equal": self.equal, **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Reproduction:
        """Read what `to_json` gave."""
        known = {key: item for key, item in value.items() if key != "equal"}
        known["changed"] = tuple(Setting(**{**item, "stages": tuple(item["stages"])}) for item in value["changed"])
        known["left"] = tuple(Left(**item) for item in value["left"])
        known["compared"] = tuple(Compared(**item) for item in value["compared"])
        return cls(**known)

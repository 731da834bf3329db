"""What a deployment is to be: versions and their shares, and the rollout that is under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from mlops.services.target import Phase, Served

__all__ = ["Declaration", "Rollout", "now"]

_REMEMBERED = 200
_LED = 20


def now() -> str:
    """The time as ISO in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Rollout:
    """A strategy at work."""

    kind: str
    """canary or shadow."""

    terms: Mapping[str, Any]
    """The strategy's keys."""

    digest: str
    """Of the version that is being tried."""

    step: int
    began: float
    """When this step began, in seconds since the epoch."""

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        return {**vars(self), "terms": dict(self.terms)}


@dataclass(frozen=True)
class Declaration:
    """One revision; a change gives the next one."""

    name: str
    revision: int
    phase: Phase
    served: tuple[Served, ...]
    """The newest first, so that its keys stay with it as its share grows."""

    settings: Mapping[str, Any]
    """What workers are told."""

    address: Mapping[str, Any]
    """host, port, workers."""

    note: str = ""
    since: str = ""
    rollout: Rollout | None = None
    led: tuple[Served, ...] = ()
    """Versions that led before, the latest last."""

    history: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def leading(self) -> Served | None:
        """The version that everything goes back to: the largest share, the older of two equal ones."""
        live = [item for item in reversed(self.served) if not item.shadow]
        if self.rollout is not None:
            live = [item for item in live if item.digest != self.rollout.digest] or live
        return max(live, key=lambda item: item.share) if live else None

    @property
    def tried(self) -> Served | None:
        """The version that a rollout tries."""
        wanted = self.rollout.digest if self.rollout else ""
        return next((item for item in self.served if item.digest == wanted), None)

    def changed(self, why: str, **values: Any) -> Declaration:
        """Make the next revision.

        Args:
            why: what people should know; becomes the note and a line of the history.
            values: fields that change.
        """
        made = replace(self, revision=self.revision + 1, note=why, since=now(), **values)
        shares = {str(item.version): "shadow" if item.shadow else item.share for item in made.served}
        line = {"revision": made.revision, "time": made.since, "phase": made.phase, "shares": shares, "why": why}
        return replace(made, history=(*self.history, line)[-_REMEMBERED:], led=made.led[-_LED:])

    def given_all(self, version: Served, why: str, **values: Any) -> Declaration:
        """Give all requests to one version; the one that led until now is remembered."""
        before = self.leading
        led = self.led if before is None or before.digest == version.digest else (*self.led, before)
        alone = (replace(version, share=1.0, shadow=False),)
        return self.changed(why, **{"served": alone, "led": led, "rollout": None, "phase": "steady", **values})

    def shared(self, share: float, why: str, rollout: Rollout) -> Declaration:
        """Let the version that is tried take a share, and the leading one the rest."""
        tried, leading = self.tried, self.leading
        if tried is None or leading is None:
            raise ValueError("there is no rollout of two versions")
        both = (replace(tried, share=share, shadow=False), replace(leading, share=1.0 - share))
        return self.changed(why, served=both, rollout=rollout, phase="rolling")

    def to_json(self) -> dict[str, Any]:
        """Give the values that JSON can hold."""
        return {
            **vars(self),
            "served": [item.to_json() for item in self.served],
            "led": [item.to_json() for item in self.led],
            "rollout": self.rollout.to_json() if self.rollout else None,
            "settings": dict(self.settings),
            "address": dict(self.address),
            "history": [dict(line) for line in self.history],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Declaration:
        """Read what `to_json` gave."""
        return cls(
            **{
                **values,
                "served": tuple(Served(**item) for item in values["served"]),
                "led": tuple(Served(**item) for item in values["led"]),
                "rollout": Rollout(**values["rollout"]) if values["rollout"] else None,
                "history": tuple(values["history"]),
            }
        )

"""What a stage's result depends on, the key made of it, and what differs between two of them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops.fingerprint.values import changes

__all__ = ["Ingredients", "differences"]

_VERSION = 1
"""Counts in every key: raised when what a key covers changes."""

_KEY_BYTES = 32
_TOLD_ONLY = frozenset({"located", "versions"})
"""Ingredients that are told and recorded, but do not count."""

_NUMBER = "$number"


@dataclass(frozen=True)
class Ingredients:
    """Everything that a stage's outputs are made of."""

    target: str
    """Dotted name of the stage's class."""

    code: Mapping[str, str] = field(default_factory=dict)
    """Shown path of each source file → digest."""

    libraries: Mapping[str, str] = field(default_factory=dict)
    """Distribution → version."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The section's values as JSON, secrets as references."""

    seed: int | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Input → digest of the artifact."""

    sources: Mapping[str, str] = field(default_factory=dict)
    """Outside source as the recipe writes it → digest."""

    located: Mapping[str, Any] = field(default_factory=dict)
    """Keys that only say where the sources are; no part of the key."""

    versions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Source → revision, commit and content, where it is under version control; no part of the key."""

    def key(self) -> str:
        """Digest all that counts: equal ingredients, equal key, whatever the order of any mapping."""
        counted = {name: value for name, value in self.to_json().items() if name not in _TOLD_ONLY}
        text = json.dumps([_VERSION, counted], sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.blake2b(text.encode("ascii"), digest_size=_KEY_BYTES).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON values that `from_json` reads back."""
        return {
            "target": self.target,
            "code": dict(self.code),
            "libraries": dict(self.libraries),
            "parameters": _plain(self.parameters),
            "seed": self.seed,
            "inputs": dict(self.inputs),
            "sources": dict(self.sources),
            "located": _plain(self.located),
            "versions": {name: dict(version) for name, version in self.versions.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Ingredients:
        """Read what `to_json` gave."""
        return cls(
            target=value["target"],
            code=value["code"],
            libraries=value["libraries"],
            parameters=_restored(value["parameters"]),
            seed=value["seed"],
            inputs=value["inputs"],
            sources=value["sources"],
            located=_restored(value.get("located", {})),
            versions=value.get("versions", {}),
        )


def differences(
    old: Ingredients, new: Ingredients, *, section: str = "", origin: Callable[[str], str] | None = None
) -> list[str]:
    """Say in a person's words what makes two keys differ; nothing when they are equal.

    Args:
        old: What the earlier result was made of.
        new: What the next one would be made of.
        section: Name that parameters are shown under (``train`` gives ``train.lr``).
        origin: Dotted parameter → where it was set, shown in brackets; empty when not known.
    """
    reasons = [] if old.target == new.target else [f"target {old.target} → {new.target}"]
    moved = changes(old.located, new.located, prefix=section) if old.sources != new.sources else ()
    for path, what in (*changes(old.parameters, new.parameters, prefix=section), *moved):
        place = origin(path) if origin else ""
        reasons.append(f"{path} {what} ({place})" if place else f"{path} {what}")
    reasons += _changed(old.code, new.code, "")
    reasons += _upgraded(old.libraries, new.libraries)
    reasons += _changed(old.sources, new.sources, "")
    reasons += [] if old.seed == new.seed else [f"seed {_seed(old.seed)} → {_seed(new.seed)}"]
    return reasons + _changed(old.inputs, new.inputs, "input ")


def _seed(value: int | None) -> str:
    return "none" if value is None else str(value)


def _changed(old: Mapping[str, str], new: Mapping[str, str], word: str) -> list[str]:
    """Name what was changed, added or removed among digests."""
    return [
        f"{word}{name} {'changed' if name in old and name in new else 'added' if name in new else 'removed'}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _upgraded(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [
        f"{name} {old.get(name, 'not used')} → {new.get(name, 'not used')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _plain(value: Any) -> Any:
    """Turn a value into JSON that means one thing: NaN and infinities are tagged, keys are text."""
    if isinstance(value, Mapping):
        if strange := [key for key in value if not isinstance(key, str)]:
            raise TypeError(f"parameter keys must be text, not {strange[0]!r}")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: repr(float(value))}
    return value


def _restored(value: Any) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {_NUMBER}:
            return float(value[_NUMBER])
        return {key: _restored(item) for key, item in value.items()}
    return [_restored(item) for item in value] if isinstance(value, list) else value

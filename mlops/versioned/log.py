"""Which data each run read: the snapshots that runs pinned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlops.formats.snapshot import Snapshot
from mlops.run_reading import Run
from mlops.store import Store
from mlops.text import table

__all__ = ["Pin", "pins_of", "render"]

_BRIEF = 12
"""Characters of a digest that a person needs to see."""


@dataclass(frozen=True)
class Pin:
    """What one section of one run read."""

    run: str
    recipe: str
    section: str
    started: str
    sources: Mapping[str, str]
    """Path as the recipe has it → digest of its content."""

    versions: Mapping[str, Mapping[str, Any]]
    """Path → revision, commit and content, for those under version control."""

    artifact: str
    """Digest of the snapshot."""

    rows: int | None = None
    """None when the snapshot is no longer in the store."""

    columns: int | None = None
    digest: str = ""
    """Of the rows."""

    def to_json(self) -> dict[str, Any]:
        """Give the stable machine-readable form."""
        return dict(vars(self))


def pins_of(runs: Iterable[Run], store: Store, *, path: str = "") -> Iterator[Pin]:
    """List what runs read, in their order; only those that read ``path``, where given."""
    for run in runs:
        for step in run.steps:
            made = next((out for out in (step.get("outputs") or {}).values() if out.get("format") == "snapshot"), None)
            sources = (step.get("ingredients") or {}).get("sources", {})
            if made is not None and (not path or path in sources):
                yield _pin(run, step, str(made.get("digest")), store)


def _pin(run: Run, step: Mapping[str, Any], artifact: str, store: Store) -> Pin:
    made_of = step.get("ingredients") or {}
    snapshot = Snapshot(store.path(artifact))
    try:
        found: dict[str, Any] = {
            "rows": snapshot.rows,
            "columns": len(snapshot.columns),
            "digest": snapshot.digest,
        }
    except (OSError, ValueError, KeyError):
        found = {}
    sources = {name: digest for name, digest in made_of.get("sources", {}).items() if not name.startswith("${")}
    return Pin(
        run.id,
        run.recipe,
        str(step.get("stage")),
        run.started,
        sources,
        made_of.get("versions", {}),
        artifact,
        **found,
    )


def render(pins: Iterable[Pin]) -> str:
    """List pins in columns, one a line."""
    rows = [_row(pin) for pin in pins]
    head = ("run", "read by", "started", "source", "version", "rows digest", "rows", "columns")
    return table(head, rows) if rows else "no run has read data yet; mlops run recipe=NAME does"


def _row(pin: Pin) -> tuple[str, ...]:
    return (
        pin.run,
        f"{pin.recipe}.{pin.section}",
        f"{datetime.fromisoformat(pin.started).astimezone():%Y-%m-%d %H:%M:%S}" if pin.started else "",
        ", ".join(pin.sources) or "–",
        "; ".join(filter(None, (_version(version) for version in pin.versions.values()))) or "–",
        pin.digest[:_BRIEF] or "–",
        "–" if pin.rows is None else f"{pin.rows:,}",
        "–" if pin.columns is None else str(pin.columns),
    )


def _version(version: Mapping[str, Any]) -> str:
    """Say briefly which version it was: v1.0 (1a2b3c4d) md5:3f786850."""
    rev, commit = str(version.get("rev") or ""), str(version.get("commit") or "")
    kind, _, digest = str(version.get("content") or "").partition(":")
    words = [f"{rev} ({commit[:8]})" if rev and not commit.startswith(rev) else commit[:8]]
    words.append(f"{kind}:{digest[:8]}" if digest else "")
    words.append("changed since it was tracked" if version.get("changed") else "")
    return " ".join(filter(None, words))

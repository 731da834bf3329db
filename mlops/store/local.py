"""The store as the engine sees it: one object for artifacts, index, work folders and locks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mlops import durable
from mlops.store.artifacts import Artifacts
from mlops.store.clearing import Garbage, More, collect
from mlops.store.entry import Entry
from mlops.store.index import Index
from mlops.store.layout import Layout
from mlops.store.workspaces import Workspaces

__all__ = ["Store"]


@dataclass(frozen=True)
class Store:
    """A store in a local folder; nothing is read or made before it is needed.

    A run holds `using` from its plan to its end. For each stage it takes `key_lock`, looks with
    `find` and `check`, and if there is nothing whole lets the stage fill a `workspace`, hands
    each output's folder to `commit`, and writes the entry with `put`.
    """

    root: Path

    @cached_property
    def layout(self) -> Layout:
        """Where everything lies."""
        return Layout(self.root)

    def using(self) -> AbstractContextManager[None]:
        """Keep everything in the store from being cleared for the length of the block."""
        return durable.locked(self.layout.using, shared=True)

    def key_lock(self, key: str, *, on_wait: Callable[[], object] | None = None) -> AbstractContextManager[None]:
        """Be the only one to compute ``key`` for the length of the block; ``on_wait`` is called if one must wait."""
        return durable.locked(self.layout.key_lock(key), on_wait=on_wait)

    def workspace(self) -> AbstractContextManager[Path]:
        """Make a new empty folder on the store's file system; it is removed after the block."""
        return Workspaces(self.layout).open()

    def sweep(self) -> None:
        """Remove the work folders of processes that were killed."""
        Workspaces(self.layout).sweep()

    def commit(self, folder: Path) -> str:
        """Make ``folder``, which lies in a workspace, an artifact; give its digest. See `Artifacts.commit`."""
        return Artifacts(self.layout).commit(folder)

    def path(self, digest: str) -> Path:
        """Give the folder of an artifact, whether it is there or not."""
        return self.layout.artifact(digest)

    def check(self, digest: str, *, full: bool = False) -> None:
        """Raise `ArtifactDamaged` unless the artifact is there and whole. See `Artifacts.check`."""
        Artifacts(self.layout).check(digest, full=full)

    def set_aside(self, digest: str) -> bool:
        """Move an artifact that is damaged out of the way; say whether it was. See `Artifacts.set_aside`."""
        return Artifacts(self.layout).set_aside(digest)

    def find(self, key: str) -> Entry | None:
        """Give the entry of ``key``; None when there is none, or none that can be read."""
        return Index(self.layout).find(key)

    def put(self, entry: Entry) -> None:
        """Write an entry durably, after its artifacts were committed."""
        Index(self.layout).put(entry)

    def latest(self, recipe: str, stage: str) -> dict[str, Any] | None:
        """Give what was last noted of a stage in a recipe."""
        return Index(self.layout).latest(recipe, stage)

    def set_latest(self, recipe: str, stage: str, payload: Mapping[str, Any]) -> None:
        """Note what a stage in a recipe was made of, so that a plan can say what has changed since."""
        Index(self.layout).set_latest(recipe, stage, payload)

    def collect(self, roots: Iterable[str], *, dry_run: bool = True, searches: More = tuple) -> Garbage:
        """Find, and remove unless ``dry_run``, what the artifacts of ``roots`` do not need. See `collect`."""
        return collect(self.layout, roots, dry_run=dry_run, searches=searches)

"""The versions that a worker holds: loaded off the request path, swapped at once, let go when nobody needs them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from mlops.errors import MlopsError
from mlops.services.target import Served
from mlops_serve.declaration import Declaration
from mlops_serve.home import Home
from mlops_serve.loaded import Loaded, load
from mlops_serve.routing import Routes, bounds

__all__ = ["Fleet", "Report", "follow"]

Report = Callable[[int, str], None]
"""Told of each revision that is served from now on, or why it is not."""

_LOOK_S = 0.05


class Fleet:
    """Holds the routes; whoever reads `routes` once sees one revision, whatever happens meanwhile."""

    def __init__(self, name: str, routes: Routes[Loaded] | None = None) -> None:
        self.name = name
        self.routes = routes
        self.draining = False

    @classmethod
    def of_one(cls, loaded: Loaded, name: str) -> Fleet:
        """Hold one version that never changes."""
        return cls(name, Routes(1, (loaded,), bounds([1.0]), loaded))

    def apply(self, declaration: Declaration, state: Path, *, threads: int = 1) -> None:
        """Load what is not loaded yet, and swap; the old routes stay when something fails.

        Raises:
            MlopsError: a version cannot be loaded.
        """
        held = {item.served.digest: item for item in self._all()}
        made = [_placed(item, held, state, threads) for item in declaration.served]
        live = tuple(item for item in made if not item.served.shadow and item.served.share > 0)
        leading = declaration.leading
        if not live or leading is None:
            raise MlopsError("the deployment has no version that answers", fix="deploy one")
        self.routes = Routes(
            revision=declaration.revision,
            live=live,
            limits=bounds([item.served.share for item in live]),
            leading=next((item for item in live if item.served.digest == leading.digest), live[-1]),
            shadows=tuple(item for item in made if item.served.shadow),
        )

    def _all(self) -> tuple[Loaded, ...]:
        return () if self.routes is None else (*self.routes.live, *self.routes.shadows)


def _placed(served: Served, held: dict[str, Loaded], state: Path, threads: int) -> Loaded:
    there = held.get(served.digest)
    if there is None:
        return load(served, state, threads=threads)
    return Loaded(served, there.scorer, there.signature, there.columns, slow=there.slow)


async def follow(fleet: Fleet, home: Home, report: Report, *, threads: int = 1) -> None:
    """Apply each new revision of a declaration as it appears; never ends by itself."""
    seen: object = None
    while True:
        look = _look(home.declared)
        if look != seen:
            seen = look
            await asyncio.to_thread(_update, fleet, home, report, threads=threads)
        await asyncio.sleep(_LOOK_S)


def _update(fleet: Fleet, home: Home, report: Report, *, threads: int) -> None:
    revision = -1
    try:
        declaration = home.read()
        if declaration is None or declaration.phase == "stopped":
            return
        revision = declaration.revision
        fleet.apply(declaration, home.state, threads=threads)
    except (MlopsError, OSError) as exc:
        report(revision, str(exc))
    else:
        report(revision, "")


def _look(path: Path) -> object:
    try:
        status = os.stat(path)  # noqa: PTH116 - asked twenty times a second
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size

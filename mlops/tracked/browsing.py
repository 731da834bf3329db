"""How to look at what a project's tracker has."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

from mlops.catalog import near
from mlops.errors import ProjectError
from mlops.masking import reveal
from mlops.services.tracker import Browser
from mlops.stage import Place
from mlops.tracked.subject import SECTION, made_tracker
from mlops.workspace import Workspace

__all__ = ["browser", "free_port"]

_HOST = "127.0.0.1"


def browser(work: Workspace, overrides: Sequence[str], *, choice: str, port: int | None) -> Browser:
    """Find out how to look at a tracker.

    Args:
        work: the project.
        overrides: of a recipe, whose tracker is meant; none for the choice of the group.
        choice: of the config group ``tracker``.
        port: where a server that has to be started listens; a free one when None.

    Raises:
        ProjectError: there is no such tracker, it has nothing to look at, or the port is in use.
    """
    section, secrets = _of_recipe(work, overrides) if overrides else (_of_group(work, choice), {})
    if "_target_" not in section:
        raise ProjectError("no tracker is chosen", fix="mlops ui --tracker mlflow, or add tracker=mlflow to the recipe")
    tracker = made_tracker(reveal(section, secrets), work.plugins)
    place = Place(work.project.root, work.project.state)
    found = tracker.browse(place, port=free_port(port))
    if found is None:
        raise ProjectError(f"{type(tracker).__name__} has no pages to look at", fix="mlops runs lists the runs")
    return found


def free_port(wanted: int | None) -> int:
    """Give a port on 127.0.0.1 that nobody listens on.

    Raises:
        ProjectError: the wanted one is in use.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, wanted or 0))
        except (OSError, OverflowError) as exc:
            words = getattr(exc, "strerror", None) or str(exc)
            raise ProjectError(
                f"port {wanted} cannot be used: {words}",
                where=f"{_HOST}:{wanted}",
                fix="choose another, or leave --port out for a free one",
            ) from exc
        return int(probe.getsockname()[1])


def _of_recipe(work: Workspace, overrides: Sequence[str]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    recipe = work.recipe(overrides)
    section = recipe.values.get(SECTION)
    return (section if isinstance(section, Mapping) else {}), recipe.secrets


def _of_group(work: Workspace, choice: str) -> Mapping[str, Any]:
    file = work.catalog.load(f"{SECTION}/{choice}")
    if file is None:
        choices = work.catalog.options(SECTION)
        raise ProjectError(f"there is no tracker {choice!r}", fix=near(choice, choices, what="trackers are"))
    data = file.root.data()
    return data if isinstance(data, Mapping) else {}

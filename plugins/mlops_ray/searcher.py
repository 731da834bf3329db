"""The searcher that has trials made by Ray Tune, as a recipe describes it."""

from __future__ import annotations

from typing import ClassVar

from mlops.errors import MissingExtra
from mlops.services.searcher import PruningSearcher, SearchTask

__all__ = ["RayTune"]


class RayTune(PruningSearcher):
    """Trials in processes of a Ray that is started for the search, on this machine alone; proposals are Optuna's."""

    libraries: ClassVar[tuple[str, ...]] = ("ray", "optuna")
    extra: ClassVar[str] = "ray"

    def search(self, task: SearchTask) -> None:
        """Start Ray, have the trials made, end Ray."""
        try:
            from mlops_ray.searcher_tuning import search
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "ray", extra=self.extra) from exc
        search(self, task)

"""The searcher that has trials made by Ray Tune, as a recipe describes it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops.errors import MissingExtra
from mlops.services.searcher import Searcher, SearchTask

__all__ = ["RayTune"]


class RayTune(Searcher):
    """Trials in processes of a Ray that is started for the search, on this machine alone; proposals are Optuna's."""

    libraries: ClassVar[tuple[str, ...]] = ("ray", "optuna")
    extra: ClassVar[str] = "ray"

    startup: Annotated[int, Field(ge=1)] = 10
    """How many trials are drawn at random before what was found has a say."""

    pruner: Literal["none", "asha"] = "asha"
    """asha: end trials early that are behind others at the same step (asynchronous successive halving)."""

    grace: Annotated[int, Field(ge=1)] = 10
    """Steps that every trial may take before it can be ended early."""

    reduction: Annotated[int, Field(ge=2, le=100)] = 3
    """Of the trials that come to a rung, one of so many goes on; rungs are grace times its powers."""

    @property
    def first_rung(self) -> int:
        """Steps before trials are compared; 0 when none is ended early."""
        return self.grace if self.pruner == "asha" else 0

    def search(self, task: SearchTask) -> None:
        """Start Ray, have the trials made, end Ray."""
        try:
            from mlops_ray.searcher_tuning import search
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "ray", extra=self.extra) from exc
        search(self, task)

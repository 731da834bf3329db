"""The searcher that proposes values with Optuna, as a recipe describes it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops.errors import MissingExtra
from mlops.services.searcher import Searcher, SearchTask

__all__ = ["OptunaSearcher"]


class OptunaSearcher(Searcher):
    """Proposes values with Optuna's tree-structured Parzen estimator, and tries them on this machine without a cluster.

    One at a time, trials run in this process; several at a time, each in a process of its own.
    """

    libraries: ClassVar[tuple[str, ...]] = ("optuna",)
    extra: ClassVar[str] = "optuna"

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
        """Propose, try, tell."""
        try:
            from mlops_optuna.searching import search
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "optuna", extra=self.extra) from exc
        search(self, task)

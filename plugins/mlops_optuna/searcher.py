"""The searcher that proposes values with Optuna, as a recipe describes it."""

from __future__ import annotations

from typing import ClassVar

from mlops.errors import MissingExtra
from mlops.services.searcher import PruningSearcher, SearchTask

__all__ = ["OptunaSearcher"]


class OptunaSearcher(PruningSearcher):
    """Proposes values with Optuna's tree-structured Parzen estimator, and tries them on this machine without a cluster.

    One at a time, trials run in this process; several at a time, each in a process of its own.
    """

    libraries: ClassVar[tuple[str, ...]] = ("optuna",)
    extra: ClassVar[str] = "optuna"

    def search(self, task: SearchTask) -> None:
        """Propose, try, tell."""
        try:
            from mlops_optuna.searching import search
        except ModuleNotFoundError as exc:
            raise MissingExtra(exc.name or "optuna", extra=self.extra) from exc
        search(self, task)

"""Every searcher of ours keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlops.services.searcher import Searcher
from mlops.testing.searcher import SearcherContract
from mlops_optuna.searcher import OptunaSearcher
from mlops_ray.searcher import RayTune


class TestOptuna(SearcherContract):
    def searcher(self) -> Searcher:
        return OptunaSearcher(pruner="none")


class TestOptunaSideBySide(SearcherContract):
    def searcher(self) -> Searcher:
        return OptunaSearcher(pruner="none", concurrency=2)


@pytest.mark.slow
class TestRay(SearcherContract):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def cluster(cls) -> Iterator[None]:
        """One Ray for all searches: it takes seconds to start."""
        from mlops_ray.cluster import start

        cluster = start(2)
        yield
        cluster.close()

    def searcher(self) -> Searcher:
        return RayTune(pruner="none", concurrency=2)

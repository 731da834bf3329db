"""Servers that contract suites need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.mlflow_server import free_port, serving


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real tracking server."""
    with serving(tmp_path_factory.mktemp("server"), free_port()) as url:
        yield url

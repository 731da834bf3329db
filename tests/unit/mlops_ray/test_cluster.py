from __future__ import annotations

import socket

import pytest

from mlops.errors import StageError
from mlops_ray.cluster import cores, join


def test_an_address_where_nothing_answers_is_told_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(StageError, match=f"no Ray can be joined at {address}: .*refused") as caught:
        join(address)
    assert "leave executor.address out" in caught.value.fix


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1

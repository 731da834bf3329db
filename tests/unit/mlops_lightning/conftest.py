"""Which part of each family's contract belongs to the quick tests; and two processes that train together."""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mlops.testing.estimator import EstimatorContract

Together = Callable[[Callable[[int], Any]], list[Any]]

_WHOLE = "TestMLP"
"""The family whose whole contract is quick; all train through the same code."""

_FIT_AGAIN = (
    "test_fits_the_same_from_the_same_seed",
    "test_never_reads_the_test_part",
    "test_fits_without_validation_rows",
    "test_heeds_row_weights",
)
"""Tests that need a fit beside the shared one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the slow part what other families than the simplest show in a second fit."""
    for item in items:
        family = item.parent
        if (
            Path(__file__).parent in item.path.parents
            and isinstance(item, pytest.Function)
            and isinstance(family, pytest.Class)
            and issubclass(family.obj, EstimatorContract)
            and family.name != _WHOLE
            and item.originalname in _FIT_AGAIN
        ):
            item.add_marker("slow")


@pytest.fixture
def together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Together:
    """Runs work(rank) in two processes that gloo joins, and gives what each returned, as JSON tells it."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")

    def run(work: Callable[[int], Any]) -> list[Any]:
        children = [_forked(work, rank, tmp_path) for rank in range(2)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert codes == [0, 0]
        return [json.loads((tmp_path / f"told-{rank}.json").read_text()) for rank in range(2)]

    return run


def _forked(work: Callable[[int], Any], rank: int, folder: Path) -> int:
    child = os.fork()
    if child:
        return child
    # Who waits for a process that is no more, or for a thread that did not come along, ends.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(60)
    try:
        (folder / f"told-{rank}.json").write_text(json.dumps(_joined(work, rank, folder)))
    except BaseException:  # noqa: BLE001 - nothing of pytest may go on in here
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _joined(work: Callable[[int], Any], rank: int, folder: Path) -> Any:
    import torch
    from torch import distributed

    torch.set_num_threads(1)
    store = distributed.FileStore(str(folder / "store"), 2)  # type: ignore[attr-defined]  # exported only at run time
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    try:
        return work(rank)
    finally:
        distributed.destroy_process_group()

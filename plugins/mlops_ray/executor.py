"""The executor that runs stages on Ray: on this machine, or on the nodes of a cluster."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PrivateAttr

from mlops.errors import MissingExtra
from mlops.services.executor import Call, Executor, Outcome
from mlops.services.process import run_in_process
from mlops.stage import Stage
from mlops_ray.cluster import cores

if TYPE_CHECKING:
    from mlops_ray.executor_dispatch import Dispatch

__all__ = ["Ray"]

_PATIENCE = 1.0


class Ray(Executor):
    """Each stage is a task of Ray, with the cores, GPUs and memory of its section."""

    libraries = ("ray",)
    extra = "ray"

    address: Annotated[str | None, Field(pattern=r"^[^/]+:\d+$")] = None
    """Cluster to join, such as 10.0.0.5:6379; when null, one is started on this machine for the run."""

    cpus: Annotated[int | None, Field(ge=1)] = None
    """Threads a stage may use when it does not ask for a number; as many as this machine has when null."""

    parallel: Annotated[int, Field(ge=1, le=256)] = 8
    """Most stages at once; Ray starts each when a node has room."""

    shared: bool | None = None
    """Whether every node sees the project's files under the same path. Null: yes when started here, else no."""

    cache: Annotated[str | None, Field(pattern=r"^/")] = None
    """Folder on each node for inputs sent there; a folder of this user below /tmp when null."""

    _dispatch: Dispatch | None = PrivateAttr(default=None)
    _opening: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def elsewhere(self) -> bool:
        """Say whether there are other machines."""
        return self.address is not None

    def threads(self) -> int:
        """Threads of a stage that does not ask for a number."""
        return self.cpus or cores()

    def slots(self) -> int:
        """Most stages at once."""
        return self.parallel

    @property
    def shares_files(self) -> bool:
        """Whether nodes work in the project's own folders, so that nothing is sent."""
        return self.address is None if self.shared is None else self.shared

    def execute(self, call: Call) -> Outcome:
        """Run a stage as a task of Ray; one that is tied to this machine in a process here.

        Raises:
            Lost: the node or the task's process ended; the runner tries again.
            StageError: the stage failed, or no node has what it asks for.
        """
        if self._belongs_here(call.stage):
            return run_in_process(call)
        return self._opened().run(call)

    def close(self) -> None:
        """Leave the cluster, and end it when it was started here."""
        if not self._opening.acquire(timeout=_PATIENCE):
            return  # Ray is still being sought, by a thread that cannot be stopped; it ends with this process
        try:
            if self._dispatch is not None:
                self._dispatch.close()
                self._dispatch = None
        finally:
            self._opening.release()

    def _belongs_here(self, stage: Stage) -> bool:
        """Tell whether a stage changes something here, or reads what other nodes may not reach."""
        if type(stage).stands is not Stage.stands:
            return True
        return not self.shares_files and bool(stage.sources() or stage.volatile())

    def _opened(self) -> Dispatch:
        with self._opening:
            if self._dispatch is None:
                try:
                    from mlops_ray.executor_dispatch import Dispatch
                except ModuleNotFoundError as exc:
                    raise MissingExtra("ray", extra="ray") from exc
                self._dispatch = Dispatch.open(self)
            return self._dispatch

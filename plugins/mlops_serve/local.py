"""The target ``local``: a supervised server on this machine that goes on in the background."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, model_validator

from mlops.services.registry import ModelVersion
from mlops.services.target import Deployed, Strategy, Target
from mlops.stage import Place, Traces
from mlops_serve.settings import Duration, Limits, LogMode

__all__ = ["Local"]

_SHORTEST_KEY = 16


class Local(Target):
    """Serve on this machine: a supervisor in the background, worker processes, a log of every prediction."""

    host: str = "127.0.0.1"
    """Address to listen on. Any but a loopback one needs an api_key."""

    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port to listen on; 0 takes any that is free, and `mlops status` tells which."""

    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes that serve; one more stands ready to take the place of one that ends."""

    api_key: SecretStr | None = None
    """Key that every request but /livez and /readyz must bring: ${oc.env:NAME}. Only a digest of it is kept.

    A deployment that has a key keeps it until another one is given.
    """

    log: LogMode = "required"
    """required: a prediction that cannot be logged is not answered (503). best_effort: it is answered all the same."""

    log_sync: Duration = "1s"
    """How often the log is forced to the disk; a power cut may take what is younger, the end of a process nothing."""

    route_by: str | None = None
    """Column whose value decides which version answers; the header X-Route-Key goes before it."""

    extra_columns: tuple[str, ...] = ()
    """Columns beside the model's that a row may have; they are logged, and not used to predict."""

    threads: Annotated[int, Field(ge=1)] = 1
    """Threads of the graph's operators in each worker."""

    drain: Duration = "30s"
    """Longest that requests under way are waited for when the server ends."""

    limits: Limits = Limits()
    """What one worker takes before it refuses."""

    @model_validator(mode="after")
    def _is_safe(self, info: ValidationInfo) -> Local:
        if (info.context or {}).get("kept"):  # looked at again, without the key that it was deployed with
            return self
        loopback = self.host == "localhost" or _is_loopback(self.host)
        key = self.api_key.get_secret_value() if self.api_key else ""
        if not loopback and not key:
            raise ValueError(f"{self.host} can be reached from elsewhere: set an api_key, or host 127.0.0.1")
        if self.api_key is not None and len(key) < _SHORTEST_KEY:
            raise ValueError(f"the api_key has {len(key)} characters; {_SHORTEST_KEY} are the least")
        return self

    def release(self, name: str, version: ModelVersion, strategy: Strategy, place: Place) -> Deployed:
        """Bring a version to a deployment; see `Target.release`."""
        from mlops_serve.releasing import release

        return release(self, name, version=version, strategy=strategy, place=place)

    def status(self, name: str, place: Place) -> Deployed:
        """Tell how a deployment is; see `Target.status`."""
        from mlops_serve.reporting import status

        return status(name, place)

    def traces(self, name: str, place: Place) -> Traces:
        """Name the declaration, and the lock of the supervisor."""
        from mlops_serve.home import Home

        home = Home.of(name, place)
        return Traces((home.declared,), (home.life,))

    def deployments(self, place: Place) -> tuple[str, ...]:
        """Name the deployments of this target."""
        from mlops_serve.reporting import deployments

        return deployments(place)

    def rollback(self, name: str, place: Place, *, why: str) -> Deployed:
        """Give all requests back; see `Target.rollback`."""
        from mlops_serve.ending import rollback

        return rollback(name, place, why=why)

    def stop(self, name: str, place: Place) -> Deployed:
        """End a deployment; see `Target.stop`."""
        from mlops_serve.ending import stop

        return stop(name, place)

    def resume(self, name: str, place: Place) -> Deployed:
        """Start a deployment again; see `Target.resume`."""
        from mlops_serve.starting import resume

        return resume(name, place)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

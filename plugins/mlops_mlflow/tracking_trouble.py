"""What MLflow raises → what a person is told: the one boundary at which its errors are translated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from mlflow.exceptions import MlflowException

from mlops.services.tracker import TrackerUnreachable

__all__ = ["translated"]

_SILENT = frozenset({"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "UNAUTHENTICATED", "PERMISSION_DENIED"})
_LONGEST = 300


@contextmanager
def translated(uri: str | None) -> Iterator[None]:
    """Tell a server that does not answer, or not to us, from one that refuses a run."""
    try:
        yield
    except MlflowException as exc:
        cause = _unanswered(exc)
        if cause is None:
            raise
        shown = uri or "the project's MLflow database"
        raise TrackerUnreachable(
            f"{shown} does not answer: {cause}", fix="see that it is there, then: mlops runs sync"
        ) from exc


def _unanswered(exc: MlflowException) -> str | None:
    """Say why there was no answer; None when there was one."""
    inner: BaseException | None = exc
    while inner is not None:
        if isinstance(inner, requests.exceptions.RequestException):
            return _words(inner)
        inner = inner.__cause__ or inner.__context__
    return str(exc.message)[:_LONGEST] if exc.error_code in _SILENT else None


def _words(exc: requests.exceptions.RequestException) -> str:
    """Take what the lowest layer said, without the layers around it."""
    reason = getattr(exc.args[0] if exc.args else None, "reason", None) or exc
    return str(reason).rpartition(": ")[2][:_LONGEST] or type(exc).__name__

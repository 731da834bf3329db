"""Telling people of alarms: on the terminal, in a file, to a webhook."""

from __future__ import annotations

import json
import logging
import os
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from mlops.durable import writing
from mlops.errors import MlopsError
from mlops.services.monitor import Window

if TYPE_CHECKING:
    from mlops.stage import Place
    from mlops_whylogs.monitor import AlertPart

__all__ = ["tell"]

_PATIENCE = 10.0
_LOG = logging.getLogger("mlops.monitor")


def tell(alert: AlertPart, subject: str, windows: Sequence[Window], *, place: Place) -> bool:
    """Tell of windows that have alarms.

    Returns:
        Whether all was told; what was not is logged, and may be told at the next look.
    """
    try:
        for window in windows:
            _send(alert, _message(subject, window), place=place)
    except (OSError, ValueError, HTTPException, MlopsError) as exc:
        _LOG.warning("an alert could not be sent to the %s: %s", alert.name, _without_address(exc, alert))
        return False
    return True


def _without_address(exc: Exception, alert: AlertPart) -> str:
    """Say what went wrong; an address may be in a library's words, as it is or in part."""
    if alert.url is None:
        return str(exc)
    return f"{type(exc).__name__} {exc.code}" if isinstance(exc, HTTPError) else type(exc).__name__ + _cause(exc)


def _cause(exc: Exception) -> str:
    reason = getattr(exc, "reason", exc)
    return f": {reason.strerror}" if isinstance(reason, OSError) and reason.strerror else ""


def _message(subject: str, window: Window) -> dict[str, Any]:
    return {
        "subject": subject,
        "start": window.start,
        "end": window.end,
        "rows": window.rows,
        "labels": window.labels,
        "versions": list(window.versions),
        "alarms": [vars(item) for item in window.alarms],
    }


def _send(alert: AlertPart, message: dict[str, Any], *, place: Place) -> None:
    if alert.to == "log":
        for alarm in message["alarms"]:
            _LOG.warning("%s, %s: %s", message["subject"], message["start"], alarm["sentence"])
    elif alert.to == "file":
        _append(message, place, alert.path or ".mlops/alerts.jsonl")
    else:
        _post(alert.url.get_secret_value() if alert.url else "", message)


def _append(message: dict[str, Any], place: Place, name: str) -> None:
    path = place.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path, "append an alert"):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            os.write(descriptor, json.dumps(message, ensure_ascii=False).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _post(url: str, message: dict[str, Any]) -> None:
    body = json.dumps(message, ensure_ascii=False).encode()
    asked = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310 - checked with the recipe
    with urllib.request.urlopen(asked, timeout=_PATIENCE) as answer:  # noqa: S310 - likewise
        answer.read()

"""Which alarms were told to whom already, so that each is told once, and one that could not be told is told later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.durable import write_atomic
from mlops.services.monitor import Window
from mlops_whylogs.alerts import tell

if TYPE_CHECKING:
    from mlops.stage import Place
    from mlops_whylogs.monitor import AlertPart

__all__ = ["tell_once"]

_LOOK = "look"
"""Stands for the look itself, which sees every alarm."""

_Told = Mapping[str, Mapping[str, list[str]]]
"""Who → start of a window → its alarms."""


def tell_once(alerts: Sequence[AlertPart], subject: str, windows: Sequence[Window], *, place: Place) -> tuple[str, ...]:
    """Tell everyone of the windows with alarms that they have not heard of.

    Returns:
        Starts of the windows that are new to the look itself.
    """
    path = place.state / "monitoring" / subject / "told.json"
    told = _read(path)
    fresh = _unknown(windows, told.get(_LOOK, {}))
    for index, alert in enumerate(alerts):
        name = f"{index} {alert.name}"
        unheard = _unknown(windows, told.get(name, {}))
        if unheard and tell(alert, subject, unheard, place=place):
            told = _noted(told, name, unheard)
    noted = _noted(told, _LOOK, fresh)
    if noted != _read(path):
        write_atomic(path, json.dumps(noted, indent=1).encode() + b"\n")
    return tuple(window.start for window in fresh)


def _read(path: Path) -> _Told:
    try:
        return dict(json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError):  # telling twice is better than not at all
        return {}


def _alarms(window: Window) -> list[str]:
    return sorted({f"{item.kind}:{item.what}" for item in window.alarms})


def _unknown(windows: Sequence[Window], known: Mapping[str, list[str]]) -> list[Window]:
    return [window for window in windows if {*_alarms(window)} - {*known.get(window.start, [])}]


def _noted(told: _Told, name: str, windows: Sequence[Window]) -> _Told:
    known = told.get(name, {})
    more = {window.start: sorted({*known.get(window.start, []), *_alarms(window)}) for window in windows}
    return {**told, name: {**known, **more}}

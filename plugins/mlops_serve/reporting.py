"""How a local deployment is: what is declared, whether its supervisor lives, and what was counted."""

from __future__ import annotations

import re
import time
from difflib import get_close_matches
from typing import Any

from mlops.errors import ProjectError
from mlops.services.target import Deployed, Phase
from mlops.stage import Place
from mlops_serve.declaration import Declaration
from mlops_serve.home import Home
from mlops_serve.meter import read_counts

__all__ = ["declared", "deployments", "status"]

_COUNTS = {
    "requests": re.compile(r'mlops_requests_total\{route="predict",status="(\d+)"\}'),
    "predictions": re.compile(r'mlops_predictions_total\{version="(-?\d+)",shadow="(?:true|false)"\}'),
    "errors": re.compile(r'mlops_prediction_errors_total\{version="(-?\d+)"\}'),
}
_SHOWN = 10
_LOOKS, _LOOK_S = 10, 0.05


def deployments(place: Place) -> tuple[str, ...]:
    """Name what was ever deployed here."""
    folder = place.state / "deployments"
    return tuple(sorted(path.parent.name for path in folder.glob("*/deployment.json")))


def declared(name: str, place: Place) -> tuple[Home, Declaration]:
    """Find a deployment.

    Raises:
        ProjectError: there is none of this name.
    """
    home = Home.of(name, place)
    found = home.read()
    if found is None:
        names = deployments(place)
        near = get_close_matches(name, names, n=1, cutoff=0.6)
        listed = f"deployments are {', '.join(names)}" if names else "there is none yet: mlops deploy model=…"
        raise ProjectError(f"there is no deployment {name!r}", fix=f"did you mean {near[0]!r}?" if near else listed)
    return home, found


def status(name: str, place: Place) -> Deployed:
    """Tell how a deployment is."""
    home, declaration = declared(name, place)
    facts = _settled(home)
    phase, note = _phase(declaration, facts, home)
    return Deployed(
        name=name,
        target="local",
        phase=phase,
        served=declaration.served,
        url=str(facts.get("url", "")),
        note=note,
        since=declaration.since,
        facts=_facts(home, declaration, facts),
    )


def _settled(home: Home) -> dict[str, Any]:
    """What the supervisor says; a moment later, where it is just putting one worker in the place of another."""
    facts: dict[str, Any] = {}
    for _ in range(_LOOKS):
        facts = home.facts() if home.is_running() else {}
        if not facts or facts.get("workers"):
            break
        time.sleep(_LOOK_S)
    return facts


def _phase(declaration: Declaration, facts: dict[str, Any], home: Home) -> tuple[Phase, str]:
    again = f"start it again: mlops deploy {declaration.name}"
    if declaration.phase == "stopped":
        return "stopped", f"{declaration.note}; {again}"
    if not facts:
        return "failed", f"it is not running: its supervisor has ended, or the machine was started anew; {again}"
    if not facts.get("workers"):
        return "failed", f"no worker serves; {home.log} says why"
    return declaration.phase, declaration.note


def _facts(home: Home, declaration: Declaration, facts: dict[str, Any]) -> dict[str, Any]:
    counts = read_counts(home.metrics)
    found: dict[str, dict[str, float]] = {}
    for what, pattern in _COUNTS.items():
        matches = {pattern.fullmatch(key): value for key, value in counts.items()}
        found[what] = {match[1]: value for match, value in matches.items() if match is not None}
    told: dict[str, Any] = {
        key: facts[key] for key in ("pid", "workers", "standing_by", "restarts", "started") if key in facts
    }
    history = [dict(line) for line in declaration.history[-_SHOWN:]]
    return {**told, "revision": declaration.revision, **found, "log": str(home.log), "history": history}

"""What differs between two runs: parameters, code, libraries, data, metrics, environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from mlops.fingerprint.values import flattened, same, shown
from mlops.run_reading import Run

__all__ = ["diff_runs", "render"]

SECTIONS = ("parameters", "code", "libraries", "data", "metrics", "environment")
_DIGEST = re.compile(r"[0-9a-f]{32,}")
_BRIEF = 12
"""Characters of a digest that a person needs to see."""


def diff_runs(a: Run, b: Run) -> dict[str, Any]:
    """Tell two runs apart; code, data and parameters are compared for the stages that both have.

    Returns:
        ``a`` and ``b`` (their IDs), and each section in which something differs, as
        name → ``{"old", "new"}``; what one run lacks has no ``old`` or no ``new``.
    """
    common = _stages(a).keys() & _stages(b).keys()
    pairs = zip(SECTIONS, _facts(a, common), _facts(b, common), strict=True)
    sections = {name: _differing(old, new) for name, old, new in pairs}
    return {"a": a.id, "b": b.id} | {name: found for name, found in sections.items() if found}


def render(difference: Mapping[str, Any]) -> str:
    """Write a difference as lines for people."""
    lines = [f"{difference['a']} → {difference['b']}"]
    for section in SECTIONS:
        found = difference.get(section, {})
        width = max(map(len, found), default=0)
        lines += [f"\n{section}"] * bool(found)
        lines += [f"  {name:<{width}}  {_change(section, change)}" for name, change in found.items()]
    return "\n".join(lines if len(lines) > 1 else [*lines, "  nothing differs"])


def _stages(run: Run) -> dict[str, Mapping[str, Any]]:
    """Give the ingredients of each finished stage."""
    return {str(step.get("stage")): step.get("ingredients") or {} for step in run.steps}


def _facts(run: Run, common: AbstractSet[str]) -> tuple[dict[str, Any], ...]:
    """Lay out one run's facts, section by section, as flat mappings."""
    made_of = {stage: ingredients for stage, ingredients in _stages(run).items() if stage in common}
    used = {name: version for item in made_of.values() for name, version in item.get("libraries", {}).items()}
    return (
        _parameters(run, made_of),
        {file: digest for item in made_of.values() for file, digest in item.get("code", {}).items()},
        {**run.environment.get("libraries", {}), **used},
        {source: digest for item in made_of.values() for source, digest in item.get("sources", {}).items()},
        dict(run.metrics),
        dict(flattened({key: value for key, value in run.environment.items() if key != "libraries"})),
    )


def _parameters(run: Run, made_of: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"recipe": run.recipe, "seed": run.seed, "stages": list(_stages(run))}
    for stage, ingredients in made_of.items():
        found[f"{stage}._target_"] = ingredients.get("target")
        found |= dict(flattened(ingredients.get("parameters", {}), prefix=stage))
        found |= dict(flattened(located, prefix=stage)) if (located := ingredients.get("located")) else {}
    return found


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for name in sorted({*old, *new}):
        change = {side: values[name] for side, values in (("old", old), ("new", new)) if name in values}
        if len(change) == 1 or not same(change["old"], change["new"]):
            found[name] = change
    return found


def _change(section: str, change: Mapping[str, Any]) -> str:
    sides = {side: _side(section, value) for side, value in change.items()}
    if "old" not in change:
        return f"added: {sides['new']}"
    if "new" not in change:
        return f"removed (was {sides['old']})"
    return f"{sides['old']} → {sides['new']}{_step(section, change)}"


def _side(section: str, value: Any) -> str:
    """Show one side's value: parameters as YAML would, anything else as it is, digests briefly."""
    if section == "metrics" and isinstance(value, float):
        return f"{value:.6g}"
    if section == "parameters" or not isinstance(value, str):
        return shown(value)
    return value[:_BRIEF] if _DIGEST.fullmatch(value) else value


def _step(section: str, change: Mapping[str, Any]) -> str:
    """Say by how much a metric moved."""
    numbers = [change["old"], change["new"]]
    if section != "metrics" or not all(isinstance(number, (int, float)) for number in numbers):
        return ""
    return f"  ({numbers[1] - numbers[0]:+.4g})"

"""What differs between two outlines: stages that run again and why, keys, sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mlops.fingerprint import differences
from mlops.fingerprint.values import changes
from mlops.outline import Outline, StageOutline
from mlops.pull_report.model import DataChange, KeyChange, StageChange

__all__ = ["keys_changed", "sources_changed", "stages_changed"]


def stages_changed(base: Outline | None, head: Outline) -> tuple[StageChange, ...]:
    """Say of each stage whether it runs again, and why; the base's results are what could be reused."""
    running: set[str] = set()
    found: list[StageChange] = []
    for stage in head.stages:
        reasons = _reasons(base.stage(stage.name) if base else None, stage, head)
        reasons += [f"{maker} runs again" for maker in stage.makers if maker in running]
        if reasons:
            running.add(stage.name)
        found.append(StageChange(stage.name, bool(reasons), tuple(reasons), stage.effect))
    return tuple(found)


def _reasons(old: StageOutline | None, new: StageOutline, head: Outline) -> list[str]:
    if old is None:
        return ["the base has no such stage"]
    before, after = (replace(stage.ingredients, inputs={}) for stage in (old, new))
    found = differences(before, after, section=new.name, origin=lambda path: head.places.get(path, ""))
    found += [
        f"input {name} {old.inputs.get(name, 'none')} → {new.inputs.get(name, 'none')}"
        for name in sorted({*old.inputs, *new.inputs})
        if old.inputs.get(name) != new.inputs.get(name)
    ]
    return found or ([new.volatile] if new.volatile else [])


def keys_changed(base: Outline | None, head: Outline) -> tuple[KeyChange, ...]:
    """List the keys whose composed value differs; a recipe that the base has not got has no list."""
    if base is None:
        return ()
    return tuple(KeyChange(key, change, _place(key, base, head)) for key, change in changes(base.values, head.values))


def _place(key: str, base: Outline, head: Outline) -> str:
    if key in head.places:
        return head.places[key]
    return f"{base.places[key]} (base)" if key in base.places else ""


def sources_changed(base: Outline | None, head: Outline) -> tuple[DataChange, ...]:
    """List the outside sources whose content differs."""
    if base is None:
        return ()
    return tuple(dict.fromkeys(_sources(base, head)))


def _sources(base: Outline, head: Outline) -> Iterator[DataChange]:
    old, new = (
        {name: digest for stage in tree.stages for name, digest in stage.ingredients.sources.items()}
        for tree in (base, head)
    )
    for name in sorted({*old, *new}):
        if name not in old or name not in new:
            yield DataChange(name, "is read now" if name in new else "is read no more, or is missing")
        elif old[name] != new[name]:
            told = "has another value" if name.startswith("${oc.env:") else f"{old[name][:12]} → {new[name][:12]}"
            yield DataChange(name, told)

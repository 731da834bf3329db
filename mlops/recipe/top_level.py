"""Judge what stands at the top of a recipe: values left open, targets, the head, keys that mean nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from mlops.catalog import RECIPE, near
from mlops.errors import Fault
from mlops.origin import KeyPath, dotted
from mlops.plugins import TargetRefused
from mlops.recipe.judge import Judge
from mlops.recipe.model import Head
from mlops.stage import Part

__all__ = ["judge_head", "judge_missing", "judge_targets", "judge_top_level", "listed_stages"]

_HEAD = tuple(Head.model_fields)


def judge_missing(judge: Judge) -> None:
    """Blame every value that is left open with ``???``; it counts as unknown from then on."""
    for path, value in list(_leaves(judge.values)):
        if value == "???":
            fix = f"set it in the recipe, or add {dotted(judge.origins.follow(path))}=… to the command line"
            judge.blame(path, "needs a value", fix)
            judge.holes |= {path, judge.origins.follow(path)}
            _put(judge.values, path, None)


def judge_targets(judge: Judge) -> None:
    """Blame every ``_target_``, at any depth, that may not be used; its section counts as unknown then."""
    for path, value in _mappings(judge.values):
        target = (*path, "_target_")
        if "_target_" not in value or judge.is_unknown(target):
            continue
        try:
            judge.plugins.resolve(value["_target_"], Part)
        except TargetRefused as exc:
            judge.blame(target, exc.what, exc.fix)
            judge.holes |= {path, judge.origins.follow(path)}


def judge_head(judge: Judge) -> Head | None:
    """Validate the keys at the top that are not sections; a recipe without stages is told which it could have."""
    given = {key: judge.values[key] for key in _HEAD if key in judge.values}
    if not given.get("stages") and given.get("stages", []) in ([], None) and not judge.is_unknown(("stages",)):
        if not judge.incomplete:
            _blame_no_stages(judge)
        judge.holes.add(("stages",))
    head: Head | None = judge.build(Head, (), given)
    if any(fault.key == "stages" for fault in judge.faults):
        judge.holes.add(("stages",))
    return head


def _blame_no_stages(judge: Judge) -> None:
    sections = [name for name in _sections(judge) if name != "executor"]
    file = judge.composition.recipe_file
    written = [s.place for s in judge.origins.settings(("stages",)) if not str(s.place).startswith("mlops:")]
    where = str(written[-1]) if written else f"{file}:1:1"
    fix = f"write stages: [{', '.join(sections or ['data', 'split', 'train'])}]"
    judge.keep(Fault("stages", where, "the recipe lists no stages", fix))


def listed_stages(judge: Judge) -> list[tuple[int, str]]:
    """Give the names in ``stages``, with their positions."""
    given = judge.values.get("stages")
    return [(i, name) for i, name in enumerate(given) if isinstance(name, str)] if isinstance(given, list) else []


def judge_top_level(judge: Judge) -> None:
    """Every top-level key is the head's, a stage, a config group, or read by a reference."""
    if judge.incomplete:
        return
    stages = [name for _, name in listed_stages(judge)]
    groups = {group.split("/", 1)[0] for group in judge.catalog.groups()}
    known = {*_HEAD, *stages, *groups, *judge.resolution.used, *_once_listed(judge), RECIPE, "hydra"}
    orphans = [name for name in stages if name not in judge.values]
    for key, value in judge.values.items():
        if key in known or (isinstance(value, Mapping) and judge.is_unknown(("stages",))):
            continue
        if isinstance(value, Mapping) and get_close_matches(key, orphans, n=1, cutoff=0.55):
            continue  # the stage that has no section names it
        message = "unknown key: not a stage, not a config group, and nothing refers to it"
        fix = near(key, sorted({*_HEAD, *stages, *groups}), what="known are")
        if isinstance(value, Mapping) and "_target_" in value and not fix.startswith("did you"):
            fix = f"add {key} to stages, or remove it"
        judge.blame((key,), message, fix)


def _once_listed(judge: Judge) -> set[str]:
    """Name the stages of every list that was written, so that a shorter one may leave sections without a use."""
    lists = [setting.value for setting in judge.origins.settings(("stages",)) if isinstance(setting.value, list)]
    return {name for names in lists for name in names if isinstance(name, str)}


def _sections(judge: Judge) -> list[str]:
    return [key for key, value in judge.values.items() if isinstance(value, Mapping)]


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, str(index)))
    else:
        yield path, value


def _mappings(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        yield path, value
        for key, item in value.items():
            yield from _mappings(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _mappings(item, (*path, str(index)))


def _put(tree: Any, path: KeyPath, value: Any) -> None:
    for key in path[:-1]:
        tree = tree[int(key) if isinstance(tree, list) else key]
    tree[int(path[-1]) if isinstance(tree, list) else path[-1]] = value

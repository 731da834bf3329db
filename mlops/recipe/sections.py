"""Judge the sections of a recipe: those of its stages, those that others refer to, and the executor."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from mlops.catalog import near
from mlops.plugins import TargetRefused
from mlops.recipe.judge import Judge
from mlops.recipe.model import RESERVED, Options, Section, Sketch
from mlops.recipe.top_level import listed_stages
from mlops.recipe.wording import shown
from mlops.services.tracker import Tracker
from mlops.stage import Part, Stage

__all__ = ["judge_executor", "judge_others", "judge_section", "stage_names"]

_SERVICES: Mapping[str, type[Part]] = MappingProxyType({"tracker": Tracker})
"""Section → what its target must be."""


def stage_names(judge: Judge) -> list[str]:
    """Give the stages that have a section, in reading order; blame the others."""
    found: list[str] = []
    first: dict[str, int] = {}
    for index, name in listed_stages(judge):
        path = ("stages", str(index))
        if name in first:
            place = judge.origins.place(("stages", str(first[name])))
            judge.blame(path, f"the stage {name!r} is listed twice", "remove one", also=(str(place),))
            continue
        first[name] = index
        if isinstance(judge.values.get(name), Mapping):
            found.append(name)
        elif not judge.is_unknown((name,)) and not judge.incomplete:
            _blame_no_section(judge, name, index)
    return found


def _blame_no_section(judge: Judge, name: str, index: int) -> None:
    value = judge.values.get(name)
    if name in judge.values:
        judge.blame((name,), f"must be a section of keys to values, not {shown(value)}", "write its keys below it")
        return
    groups = judge.catalog.options(name)
    sections = [key for key, item in judge.values.items() if isinstance(item, Mapping) and key != "executor"]
    match = get_close_matches(name, sections, n=1, cutoff=0.55)
    also = (str(judge.origins.place((match[0],))),) if match else ()
    fix = near(name, sections, what="sections are")
    if groups and not match:
        fix = _choosing(name, groups)
    judge.blame(("stages", str(index)), f"there is no section {name!r}", fix, also=also)


def _choosing(name: str, choices: list[str]) -> str:
    return f"choose one in defaults: '- {name}: {choices[0]}'" + (
        f" (or {', '.join(choices[1:])})" if choices[1:] else ""
    )


def judge_section(judge: Judge, name: str) -> Section | Sketch:
    """Judge one stage's section; one with mistakes gives a sketch."""
    section = judge.values[name]
    given = {key: value for key, value in section.items() if key not in (*RESERVED, "_target_")}
    reserved = {key: value for key, value in section.items() if key in RESERVED}
    options: Options | None = judge.build(Options, (name,), reserved)
    _executor_choice(judge, name, options)
    target = _target(judge, name, Stage)
    sketch = Sketch(name, target, options)  # type: ignore[arg-type] # a Stage was asked for
    if target is None:
        return sketch
    judge.parts = []
    stage = judge.build(target, (name,), given, reserved=RESERVED)
    if stage is None or options is None:
        return sketch
    return Section(name, str(section["_target_"]), stage, given, options, tuple(judge.parts))


def _executor_choice(judge: Judge, name: str, options: Options | None) -> None:
    if options is None or options.executor is None:
        return
    choices = judge.catalog.options("executor")
    if options.executor not in choices:
        message = f"there is no executor {options.executor!r}"
        judge.blame((name, "executor"), message, near(options.executor, choices, what="executors are"))


def _target(judge: Judge, name: str, kind: type[Part]) -> type[Part] | None:
    section = judge.values[name]
    if "_target_" not in section:
        if not judge.is_unknown((name,)) and not judge.incomplete:
            _blame_no_target(judge, name, section)
        return None
    if judge.is_unknown((name, "_target_")):
        return None
    try:
        return judge.plugins.resolve(section["_target_"], kind)
    except TargetRefused as exc:
        judge.blame((name, "_target_"), exc.what, exc.fix)
        return None


def _blame_no_target(judge: Judge, name: str, section: Mapping[str, Any]) -> None:
    alike = get_close_matches("_target_", list(section), n=1, cutoff=0.7)
    if alike:
        judge.blame((name, alike[0]), "unknown key", "did you mean '_target_'?")
        return
    groups = judge.catalog.options(name)
    fix = _choosing(name, groups) if groups else "add _target_: package.module.Class"
    judge.blame((name,), "the section has no _target_, so it is not known what it does", fix)


def judge_others(judge: Judge, stages: list[str]) -> dict[str, Part]:
    """Judge sections that are not stages of this run, so that a typo in one is found too; give the right ones."""
    found: dict[str, Part] = {}
    for name, section in judge.values.items():
        if name in (*stages, "executor", "hydra") or not isinstance(section, Mapping) or "_target_" not in section:
            continue
        target = _target(judge, name, _SERVICES.get(name, Part))
        if target is not None:
            skip = (*RESERVED, "_target_") if issubclass(target, Stage) else ("_target_",)
            made = judge.build(target, (name,), {key: value for key, value in section.items() if key not in skip})
            found |= {name: made} if made is not None else {}
    return found


def judge_executor(judge: Judge) -> Part | None:
    """Judge where the recipe runs."""
    section = judge.values.get("executor")
    if not isinstance(section, Mapping):
        if not judge.is_unknown(("executor",)) and not judge.incomplete:
            judge.blame(("executor",), "must be a section chosen from the group executor", "write executor=local")
        return None
    target = _target(judge, "executor", Part)
    if target is None:
        return None
    if not callable(getattr(target, "execute", None)):
        message = f"{section['_target_']} is not an executor"
        judge.blame(("executor", "_target_"), message, "name a subclass of mlops.services.executor.Executor")
        return None
    made: Part | None = judge.build(target, ("executor",), {k: v for k, v in section.items() if k != "_target_"})
    return made

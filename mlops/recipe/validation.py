"""Composed values → a frozen recipe, or every mistake in them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from mlops.catalog import RECIPE, Catalog, near
from mlops.errors import Fault
from mlops.masking import reveal
from mlops.origin import KeyPath, Origins, dotted
from mlops.plugins import Plugins, TargetRefused
from mlops.recipe.complaints import STRICT_ONLY, coercions, complaints
from mlops.recipe.composition import Composition
from mlops.recipe.interpolation import Resolution, resolve
from mlops.recipe.model import RESERVED, Head, Options, Recipe, Section
from mlops.stage import Part, Stage

__all__ = ["validate"]

_HEAD = tuple(Head.model_fields)


@dataclass
class _Judge:
    """What validation needs to know, and the faults it has found."""

    catalog: Catalog
    plugins: Plugins
    origins: Origins
    resolution: Resolution
    faults: list[Fault] = field(default_factory=list)
    parts: list[type[Part]] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        return self.resolution.values

    def blame(self, path: KeyPath, message: str, fix: str = "") -> None:
        path = self.origins.follow(path)
        fault = Fault(dotted(path), str(self.origins.place(path)), message, fix, self.origins.also(path))
        if not any((f.key, f.message) == (fault.key, fault.message) for f in self.faults):
            self.faults.append(fault)

    def resolve_part(self, target: Any, kind: type[Part]) -> type[Part]:
        """Find a nested part's class; pydantic reports a refusal at the part's place."""
        try:
            found = self.plugins.resolve(target, kind)
        except TargetRefused as exc:
            raise ValueError(exc.what + (f" ({exc.fix})" if exc.fix else "")) from exc
        self.parts.append(found)
        return found

    def build(self, model: type[BaseModel], path: KeyPath, given: Mapping[str, Any]) -> Any:
        """Validate values against a model; the faults are kept and None is returned when there are any."""
        context = {"resolve": self.resolve_part}
        secrets = self.resolution.secrets
        before = len(self.faults)
        try:
            made = model.model_validate(reveal(dict(given), secrets), context=context)
        except ValidationError as exc:
            for fault in complaints(exc, path, given, model=model, origins=self.origins):
                if not any((f.key, f.message) == (fault.key, fault.message) for f in self.faults):
                    self.faults.append(fault)
            self.strictly(model, path, given)
            return None
        for where, kind in coercions(given, made):
            value = given
            for key in where:
                value = value[int(key)] if isinstance(value, list | tuple) else value[key]
            self.blame((*path, *where), f"must be {kind}, not {value!r}")
        return made if len(self.faults) == before else None

    def strictly(self, model: type[BaseModel], path: KeyPath, given: Mapping[str, Any]) -> None:
        """Find text given as a number, or the like, among values that are wrong in other ways too."""
        try:
            model.model_validate(dict(given), strict=True, context={"resolve": self.resolve_part})
        except ValidationError as exc:
            for fault in complaints(exc, path, given, model=model, origins=self.origins, only=STRICT_ONLY):
                if not any(f.key == fault.key for f in self.faults):
                    self.faults.append(fault)


def validate(
    composition: Composition, catalog: Catalog, plugins: Plugins, *, overrides: Sequence[str]
) -> tuple[Recipe | None, list[Fault]]:
    """Validate a composed recipe.

    Returns:
        The recipe (None when there is any fault) and every fault, those of composing first.
    """
    origins = Origins(composition.settings, composition.raw)
    if not composition.raw:
        return None, composition.faults
    resolution = resolve(composition.raw, origins)
    judge = _Judge(catalog, plugins, origins, resolution, [*composition.faults, *resolution.faults])
    _missing(judge)
    head = _head(judge)
    _top_level(judge, composition)
    sections = tuple(found for name in _stage_names(judge, head) if (found := _section(judge, name)) is not None)
    _other_parts(judge)
    executor = _executor(judge)
    if judge.faults or head is None or executor is None:
        return None, _unique(judge.faults)
    enabled = tuple(section for section in sections if section.options.enabled)
    recipe = Recipe(
        composition.recipe, head, enabled, executor, judge.values, tuple(overrides), origins, resolution.secrets
    )
    return recipe, []


def _unique(faults: list[Fault]) -> list[Fault]:
    """Drop the faults that only repeat another's key and place, such as a null left by a failed reference."""
    broken = {
        f.key
        for f in faults
        if "refer" in f.message or "environment variable" in f.message or "needs a value" in f.message
    }
    kept = [f for f in faults if f.key not in broken or not f.message.startswith("must be") or "refer" in f.message]
    return list(dict.fromkeys(kept))


def _missing(judge: _Judge) -> None:
    for path in judge.origins.paths():
        value: Any = judge.values
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value == "???":
            judge.blame(path, "needs a value", f"set it in the recipe, or add {dotted(path)}=… to the command line")
            _forget(judge.values, path)


def _forget(values: Any, path: KeyPath) -> None:
    for key in path[:-1]:
        values = values[key]
    values.pop(path[-1], None)


def _head(judge: _Judge) -> Head | None:
    given = {key: judge.values[key] for key in _HEAD if key in judge.values}
    head: Head | None = judge.build(Head, (), given)
    return head


def _top_level(judge: _Judge, composition: Composition) -> None:
    """Every top-level key is the head's, a stage, a config group, or read by a reference."""
    listed = judge.values.get("stages")
    stages = [s for s in listed if isinstance(s, str)] if isinstance(listed, list) else []
    groups = judge.catalog.groups()
    known = {*_HEAD, *stages, *groups, *judge.resolution.used, RECIPE}
    for key in composition.raw:
        if key not in known:
            options = sorted({*_HEAD, *stages, *groups})
            judge.blame(
                (key,), "unknown key: not a stage, not a config group, and nothing refers to it", near(key, options)
            )


def _stage_names(judge: _Judge, head: Head | None) -> list[str]:
    given = judge.values.get("stages")
    names = list(head.stages) if head else [n for n in given if isinstance(n, str)] if isinstance(given, list) else []
    found: list[str] = []
    for index, name in enumerate(names):
        sections = [key for key, value in judge.values.items() if isinstance(value, Mapping)]
        if name in found:
            judge.blame(("stages", str(index)), f"the stage {name!r} is listed twice", "remove one")
        elif name not in sections:
            judge.blame(
                ("stages", str(index)), f"there is no section {name!r}", near(name, sections, what="sections are")
            )
        else:
            found.append(name)
    return found


def _section(judge: _Judge, name: str) -> Section | None:
    section = judge.values[name]
    given = {key: value for key, value in section.items() if key not in (*RESERVED, "_target_")}
    reserved = {key: value for key, value in section.items() if key in RESERVED}
    options: Options | None = judge.build(Options, (name,), reserved)
    _executor_choice(judge, name, options)
    target = _target(judge, name, Stage)
    if target is None:
        return None
    judge.parts = []
    stage = judge.build(target, (name,), given)
    if stage is None or options is None:
        return None
    return Section(name, str(section["_target_"]), stage, given, options, tuple(judge.parts))


def _executor_choice(judge: _Judge, name: str, options: Options | None) -> None:
    choices = judge.catalog.options("executor")
    if options and options.executor and options.executor not in choices:
        message = f"there is no executor {options.executor!r}"
        judge.blame((name, "executor"), message, near(options.executor, choices, what="executors are"))


def _target(judge: _Judge, name: str, kind: type[Part]) -> type[Part] | None:
    section = judge.values[name]
    if "_target_" not in section:
        groups = judge.catalog.options(name)
        fix = f"choose one in defaults: '- {name}: {groups[0]}'" if groups else "add _target_: package.module.Class"
        judge.blame((name,), "the section has no _target_, so it is not known what it does", fix)
        return None
    try:
        return judge.plugins.resolve(section["_target_"], kind)
    except TargetRefused as exc:
        judge.blame((name, "_target_"), exc.what, exc.fix)
        return None


def _other_parts(judge: _Judge) -> None:
    """Validate sections that are not stages of this run, so that a typo in one is found too."""
    listed = judge.values.get("stages")
    stages = listed if isinstance(listed, list) else []
    for name, section in judge.values.items():
        if name in (*stages, "executor") or not isinstance(section, Mapping) or "_target_" not in section:
            continue
        target = _target(judge, name, Part)
        if target is not None:
            skip = (*RESERVED, "_target_") if issubclass(target, Stage) else ("_target_",)
            judge.build(target, (name,), {key: value for key, value in section.items() if key not in skip})


def _executor(judge: _Judge) -> Part | None:
    section = judge.values.get("executor")
    if not isinstance(section, Mapping):
        judge.blame(("executor",), "must be a section chosen from the group executor", "write executor=local")
        return None
    target = _target(judge, "executor", Part)
    if target is None:
        return None
    made: Part | None = judge.build(target, ("executor",), {k: v for k, v in section.items() if k != "_target_"})
    return made

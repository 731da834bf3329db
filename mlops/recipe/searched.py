"""Judge a recipe with ranges in it: each range, and the recipe at both ends of every range and with every choice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from mlops.catalog import Catalog, near
from mlops.errors import Fault
from mlops.origin import KeyPath, Origins, dotted, in_order
from mlops.plugins import Plugins
from mlops.recipe.composition import Composition, compose
from mlops.recipe.interpolation import Resolution
from mlops.recipe.judge import Judge
from mlops.recipe.model import Recipe, Search, Verdict
from mlops.recipe.overrides import parse_overrides, written
from mlops.recipe.ranges import SECTION, Filling, Mark, fill, filled, marks_of, space_of
from mlops.recipe.validation import judge_recipe
from mlops.services.searcher import Searcher
from mlops.services.space import KINDS, MARK, Parameter, is_mark
from mlops.yaml_node import Place

__all__ = ["Wanted", "judge_searched", "settled"]

_HELD_OUT = "test"
"""A part of a metric's name that says it is measured on rows which no choice may look at."""


@dataclass(frozen=True)
class Wanted:
    """A recipe that is to be searched, as it was composed."""

    catalog: Catalog
    plugins: Plugins
    overrides: tuple[str, ...]
    composition: Composition
    marks: list[Mark]
    pinned: Mapping[str, str]
    """Keys set on the command line → their text."""

    composed: dict[tuple[tuple[str, str], ...], Composition] = field(default_factory=dict)
    """Choices of config groups → what was composed with them, each once."""

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        plugins: Plugins,
        overrides: Sequence[str],
        *,
        composition: Composition,
        marks: list[Mark],
    ) -> Wanted:
        """See which keys the command line has settled."""
        given = [item for item in parse_overrides(overrides, catalog).given if not item.override.is_delete()]
        pinned = {item.key: written(item.override.value()) for item in given}
        return cls(catalog, plugins, tuple(overrides), composition, marks, pinned)

    @cached_property
    def groups(self) -> frozenset[str]:
        """Names of the config groups."""
        return frozenset(self.catalog.groups())

    @cached_property
    def space(self) -> tuple[Parameter, ...]:
        """What is searched."""
        return space_of(self.marks, groups=self.groups, pinned=self.pinned)

    def with_values(self, values: Mapping[str, Any], *, place: str = "") -> Verdict:
        """Judge the recipe with values in place of its ranges."""
        chosen = {key: str(value) for key, value in values.items() if key in self.groups}
        composition = self._chosen(chosen, place=place)
        marks = marks_of(composition.raw) if chosen else self.marks
        pinned = {key: text for key, text in self.pinned.items() if key in self.groups}
        made = filled(composition, marks, Filling(values, {**pinned, **chosen}, place))
        return judge_recipe(made, self.catalog, self.plugins, overrides=self.overrides)

    def _chosen(self, chosen: Mapping[str, str], *, place: str) -> Composition:
        """Compose with choices of config groups."""
        if not chosen:
            return self.composition
        key = (("", place), *sorted(chosen.items()))
        if key not in self.composed:
            places = {mark.key: self.place(mark.path) for mark in self.marks}
            choices = {group: (name, Place(place) if place else places[group]) for group, name in chosen.items()}
            self.composed[key] = compose(self.catalog, self.overrides, choices)
        return self.composed[key]

    def place(self, path: KeyPath) -> Place:
        """Say where a key was set, ranges still in place."""
        return self.origins.place(path)

    @cached_property
    def origins(self) -> Origins:
        """Where all was set, ranges still in place."""
        return Origins(self.composition.settings, self.composition.raw, home=Place(self.composition.recipe_file, 1, 1))


def settled(wanted: Wanted, found: Mapping[str, Any]) -> Verdict:
    """Judge a recipe with what a search found; it is a plain recipe then."""
    verdict = wanted.with_values(found, place="the search")
    recipe = replace(verdict.recipe, found=dict(found)) if verdict.recipe else None
    return replace(verdict, recipe=recipe)


def judge_searched(wanted: Wanted) -> Verdict:
    """Judge a recipe with its ranges; without mistakes, it says what is to be searched."""
    verdict = wanted.with_values(fill(wanted.space, lambda parameter: parameter.range.middle()))
    recipe = verdict.recipe or verdict.partial
    if recipe is None:
        return verdict
    searcher = recipe.services.get(SECTION)
    wrong = _of_ranges(wanted)
    faults = [*verdict.faults, *wrong, *_of_searcher(wanted, recipe, searcher)]
    variants = list(_variants(wanted))
    for values, ends, found in variants:
        faults += _new(found.faults, faults, values if ends else None, wanted=wanted)
    if faults:
        partial = None if wrong else recipe  # of a stage with a value that is not known, wiring knows too little
        return replace(verdict, recipe=None, faults=tuple(in_order(faults)), partial=partial)
    if not wanted.space or not isinstance(searcher, Searcher):
        return verdict
    others = tuple(found.recipe for _, _, found in variants if found.recipe)
    return replace(verdict, recipe=replace(recipe, search=Search(searcher, wanted.space, others)))


def _variants(wanted: Wanted) -> Iterator[tuple[dict[str, Any], bool, Verdict]]:
    """Judge each choice of sections, and in each the ends of all ranges: values, whether they are ends, verdict."""
    branches = [p for p in wanted.space if p.group or any(q.when and q.when[0] == p.key for q in wanted.space)]
    fixed = [{p.key: value} for p in branches for value in p.range.bounds()] or [{}]
    most = max((len(p.range.bounds()) for p in wanted.space), default=0)
    for branch in fixed:
        middle = fill(wanted.space, lambda p, branch=branch: branch.get(p.key, p.range.middle()))  # type: ignore[misc]
        if branch:
            yield middle, False, wanted.with_values(middle)
        for index in range(most):

            def end(p: Parameter, branch: dict[str, Any] = branch, index: int = index) -> Any:
                bounds = p.range.bounds()
                return branch.get(p.key, p.range.middle() if p in branches else bounds[min(index, len(bounds) - 1)])

            values = fill(wanted.space, end)
            if values != middle:
                yield values, True, wanted.with_values(values)


def _new(
    found: Sequence[Fault], known: Sequence[Fault], ends: Mapping[str, Any] | None, *, wanted: Wanted
) -> list[Fault]:
    """Keep what was not said yet; of values at the ends of ranges, what is wrong with each by itself."""
    said = {(fault.key, fault.message) for fault in known} | {(fault.key, fault.where) for fault in known if ends}
    fresh = [fault for fault in found if not {(fault.key, fault.message), (fault.key, fault.where)} & said]
    if ends is None:
        return fresh
    keys = tuple(key for key in ends if key not in wanted.groups)
    return [fault for fault in fresh if any(fault.key == key or fault.key.startswith(f"{key}.") for key in keys)]


def _of_ranges(wanted: Wanted) -> list[Fault]:
    """Find what is wrong with the ranges themselves."""
    judge = _judge(wanted)
    for mark in wanted.marks:
        if mark.kind is not None:
            judge.build(mark.kind, mark.path, mark.given)
        elif isinstance(mark.given, Mapping):
            judge.blame((*mark.path, MARK), f"there is no search {mark.given.get(MARK)!r}", _kinds(mark.given))
        else:
            fix = "write {search: uniform, low: …, high: …}, or {search: choice, values: […]}"
            judge.blame(mark.path, f"must be a range to search, not {mark.given!r}", fix)
    return judge.faults


def _kinds(given: Mapping[str, Any]) -> str:
    return near(str(given.get(MARK)), list(KINDS), what="there are")


def _judge(wanted: Wanted) -> Judge:
    return Judge(
        catalog=wanted.catalog,
        plugins=wanted.plugins,
        origins=wanted.origins,
        composition=wanted.composition,
        resolution=Resolution(dict(wanted.composition.raw)),
    )


def _of_searcher(wanted: Wanted, recipe: Recipe, searcher: Any) -> list[Fault]:
    """Find what is wrong with how the recipe wants to be searched."""
    judge = _judge(wanted)
    choices = wanted.catalog.options(SECTION) or ["local"]
    if SECTION not in wanted.composition.raw:
        for mark in wanted.marks:
            judge.blame(mark.path, "is a range to be searched, but nothing searches", f"add {SECTION}={choices[0]}")
        return judge.faults
    section = wanted.composition.raw[SECTION]
    if isinstance(section, Mapping) and "_target_" not in section:
        fix = f"choose one in defaults: '- {SECTION}: {choices[0]}'"
        judge.blame((SECTION,), "the section has no _target_, so it is not known who searches", fix)
    if searcher is not None and not isinstance(searcher, Searcher):
        fix = "name a subclass of mlops.services.searcher.Searcher"
        judge.blame((SECTION, "_target_"), f"{type(searcher).__name__} is not a searcher", fix)
    if isinstance(searcher, Searcher):
        if not wanted.marks and not any(is_mark(setting.value) for setting in wanted.composition.settings):
            fix = "add tune.space, or write a range where a value stands: lr: {search: loguniform, low: …, high: …}"
            judge.blame((SECTION,), "no key is searched", fix)
        _judge_aim(judge, recipe, searcher)
    return judge.faults


def _judge_aim(judge: Judge, recipe: Recipe, searcher: Searcher) -> None:
    """See that the metric can be known where a trial ends, and looks at no test rows."""
    names = [name for name in recipe.values.get("stages") or () if isinstance(name, str)]
    if searcher.until not in names:
        judge.blame((SECTION, "until"), f"there is no stage {searcher.until!r}", near(searcher.until, names))
        return
    stage, _, metric = (searcher.metric or f"{searcher.until}.validation").partition(".")
    above = names[: names.index(searcher.until) + 1]
    if not metric or stage not in above:
        fix = f"write stage.metric; stages up to {searcher.until} are {', '.join(above)}"
        judge.blame((SECTION, "metric"), f"{searcher.metric!r} names no metric of a stage that a trial runs", fix)
    if _HELD_OUT in metric.replace("_", ".").split("."):
        message = f"{dotted((stage, metric))} is measured on test rows, which must have no say in any choice"
        judge.blame((SECTION, "metric"), message, "compare a metric of validation rows")
